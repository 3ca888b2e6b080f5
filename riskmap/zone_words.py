"""The words of a zone's account: each line as an official can read it aloud, in Chinese or English."""

from collections.abc import Callable, Mapping
from typing import Any

from riskmap.weights import MICRO
from riskmap.wording import bearing_word, level_word, number

Args = Mapping[str, Any]


def zone_words(item: str, args: Args, lang: str = "zh") -> tuple[str, str]:
    """Label and reason of one line; `lang` is zh or en. KeyError for an item that has no words."""
    return _WORDS[item](args, "en" if lang == "en" else "zh")


def _lead_member(args: Args, lang: str) -> tuple[str, str]:
    score = number(args["score"] / MICRO, 2)
    if lang == "en":
        share = "the highest counts in full" if args["leads"] else "further members count one fifth"
        return f"Member: {args['name']}", f"its score is {score}; {share}"
    share = "最高的一家算全分" if args["leads"] else "其余成员算两成"
    return f"成员：{args['name']}", f"自身 {score} 分，{share}"


def _domino(args: Args, lang: str) -> tuple[str, str]:
    score, share = number(args["score"] / MICRO, 2), number(args["share_permille"] / 10, 1)
    if lang == "en":
        reason = f"an accident there can carry on to a neighbour: {share} % of its {score} points"
        return f"Domino: {args['name']}", reason
    return f"多米诺：{args['name']}", f"事故可波及相邻单位，按自身 {score} 分的 {share}% 计"


def _domino_cap(args: Args, lang: str) -> tuple[str, str]:
    most = number(args["most"] / MICRO, 2)
    if lang == "en":
        return "Domino, at most", f"no more than {most} points in all"
    return "多米诺上限", f"合计不超过 {most} 分"


def _elsewhere(args: Args, lang: str) -> tuple[str, str]:
    """Another's member: kind, level, hazard, distance, bearing and name, nothing else."""
    level = level_word(args["level"], lang)
    if lang == "en":
        where = f", {number(args['distance_m'], 0)} m to the {bearing_word(args['bearing'], lang)}"
        return f"Member elsewhere: {args['name']} ({args['kind_en']})", f"current risk {level}" + (
            where if args["distance_m"] is not None and args["bearing"] is not None else ""
        )
    where = f"，位于{bearing_word(args['bearing'] or 0, lang)}方向 {number(args['distance_m'] or 0, 0)} 米"
    return f"邻区成员：{args['name']}（{args['kind_zh']}）", f"当前风险：{level}" + (
        where if args["distance_m"] is not None and args["bearing"] is not None else ""
    )


_WORDS: dict[str, Callable[[Args, str], tuple[str, str]]] = {
    "lead_member": _lead_member,
    "domino": _domino,
    "domino_cap": _domino_cap,
    "member_elsewhere": _elsewhere,
}

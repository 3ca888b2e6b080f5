"""The words of an account: each line as an official can read it aloud, in Chinese or English, with its clause."""

from collections.abc import Callable, Mapping
from typing import Any

from riskmap.clause_words import clause_words
from riskmap.dynamic_words import dynamic_words
from riskmap.weights import MICRO

Args = Mapping[str, Any]
_LEVEL = {
    "zh": {1: "重大风险（红）", 2: "较大风险（橙）", 3: "一般风险（黄）", 4: "低风险（蓝）"},
    "en": {1: "very high (red)", 2: "high (orange)", 3: "medium (yellow)", 4: "low (blue)"},
}
_GRADE = {
    "zh": {1: "一级重大危险源", 2: "二级重大危险源", 3: "三级重大危险源", 4: "四级重大危险源"},
    "en": {
        1: "grade I major hazard",
        2: "grade II major hazard",
        3: "grade III major hazard",
        4: "grade IV major hazard",
    },
}
_BEARING = {
    "zh": ("北", "东北", "东", "东南", "南", "西南", "西", "西北"),
    "en": ("N", "NE", "E", "SE", "S", "SW", "W", "NW"),
}


GROUPS = ("items", "sources", "dynamic", "exposure", "rules")
"""What an account is read out by: what is there, sources, what is going on now, people around, rules that hold a colour."""
_GROUP_OF = {
    **dict.fromkeys(("inventory", "assessment", "kind_points", "premises", "credit", "credit_cap"), "items"),
    **dict.fromkeys(("lead_source", "source", "neighbour", "hidden"), "sources"),
    **dict.fromkeys(("exposure_grid", "exposure_target", "exposure_nobody"), "exposure"),
    **dict.fromkeys(("floor", "directly_red", "raise_rule"), "rules"),
}


def is_dynamic(args: Args) -> bool:
    """Whether a line is that of a dynamic record: it alone tells its points and whether it leads."""
    return "points" in args and "leads" in args


def group_of(item: str, args: Args) -> str:
    """Under which heading of an account a line stands."""
    return "dynamic" if is_dynamic(args) else _GROUP_OF[item]


def words(item: str, args: Args, lang: str = "zh") -> tuple[str, str]:
    """Label and reason of one line of an account; `lang` is zh or en. KeyError for an item that has no words."""
    spoken = "en" if lang == "en" else "zh"
    if is_dynamic(args):
        return dynamic_words(item, args, spoken)
    return _WORDS[item](args, spoken)


def bearing_word(degrees: float, lang: str = "zh") -> str:
    """One of eight directions; 0 is north, clockwise."""
    return _BEARING[lang][round(degrees / 45.0) % 8]


def level_word(level: int | None, lang: str = "zh") -> str:
    """A risk level with its colour; — where it is unknown."""
    return _LEVEL[lang].get(level or 0, "—")


def number(value: float | None, digits: int = 3) -> str:
    """A number without needless zeros; — where it is unknown."""
    if value is None:
        return "—"
    return f"{value:,.{digits}f}".rstrip("0").rstrip(".") if digits else f"{value:,.0f}"


def _inventory(args: Args, lang: str) -> tuple[str, str]:
    q, critical, term = number(args["quantity_t"]), number(args["critical_t"]), number(args["s_term"], 4)
    if lang == "en":
        reason = f"holds {q} t, critical quantity {critical} t ({clause_words(args['clause'], lang)}), q/Q = {term}"
        return f"{args['name_en']}", reason + (
            f", β = {number(args['beta'])} ({clause_words(args['beta_clause'], lang)})"
            if args["beta"]
            else ""
        )
    reason = f"存量 {q} 吨，临界量 {critical} 吨（{args['clause']}），q/Q = {term}"
    return args["label"] or args["name"], reason + (
        f"，β = {number(args['beta'])}（{args['beta_clause']}）" if args["beta"] else ""
    )


def _kind_points(args: Args, lang: str) -> tuple[str, str]:
    workers = args.get("workers")
    if lang == "en":
        size = f", {workers} workers" if workers else ""
        return f"Kind of source: {args['name_en']}", f"points of its kind{size} (city's weights)"
    return f"类别：{args['name_zh']}", "按类别计分" + (
        f"，从业 {workers} 人" if workers else ""
    ) + "（权重由市级审定）"


_FACTORS = {"lec": ("D", "L", "E", "C"), "ls": ("R", "L", "S"), "diagnosis": ("",)}
"""the letters of a method's value and of its factors"""


def _assessment(args: Args, lang: str) -> tuple[str, str]:
    """The method's value from the values entered, the band it lies in and the method's clause."""
    whole, *letters = _FACTORS[args["method"]]
    value, level = number(args["value"]), _LEVEL[lang][args["level"]]
    band, day = " – ".join(number(edge) for edge in args["band"]), args["assessed_on"]
    factors = "".join(
        f"{letter} = {number(factor)}, " for letter, factor in zip(letters, args["factors"], strict=False)
    )
    equals = f"{whole} = {value}" if whole else value
    if lang == "en":
        about = f"{factors}{equals}: band {band}, {level}; {args['clause_en']}"
        return f"{args['name_en']}: {equals}", about + (f"; assessed on {day}" if day else "")
    about = f"{factors.replace(', ', '，')}{equals}，在 {band} 档，属{level}；{args['clause']}"
    return f"{args['name_zh']}：{equals}", about + (f"；评估日期 {day}" if day else "")


def _premises(args: Args, lang: str) -> tuple[str, str]:
    workers = args.get("workers")
    if lang == "en":
        industry = args["name_en"] or "industry not on file"
        size = f"{workers} workers" if workers is not None else "workers not on file"
        return "Premises", f"{industry}, {size} (GB/T 4754-2017; city's weights)"
    industry = args["name_zh"] or "行业未填报"
    size = f"从业 {workers} 人" if workers is not None else "从业人数未填报"
    return "企业场所", f"{industry}，{size}（GB/T 4754-2017，权重由市级审定）"


def _credit(args: Args, lang: str) -> tuple[str, str]:
    if lang == "en":
        return f"Credit: {args['name_en']}", f"proven until {args['until']}; {args['clause_en']}"
    return f"减分：{args['name_zh']}", f"有效期至 {args['until']}；{args['clause']}"


def _credit_cap(args: Args, lang: str) -> tuple[str, str]:
    allowed, most, items = (number(args[name] / MICRO, 2) for name in ("allowed", "most", "items"))
    share = number(args["share_permille"] / 10, 1)
    if lang == "en":
        told = f"no more than {allowed} are taken away: at most {most} points and {share} % of the items ({items})"
        return "Credits over their bounds, given back", f"{told} (city's weights)"
    return (
        "减分封顶",
        f"合计最多减 {allowed} 分：不超过 {most} 分，也不超过静态分 {items} 分的 {share}%（由市级审定）",
    )


def _exposure_grid(args: Args, lang: str) -> tuple[str, str]:
    people = args.get("people")
    if lang == "en":
        name = args["name"] or "outside any grid unit"
        return f"People around: {name}", "within its reach" + (
            f": {number(people, 0)}" if people is not None else ""
        )
    name = args["name"] or "网格之外"
    return f"周边人员：{name}", "影响范围内" + (
        f" {number(people, 0)} 人，" if people is not None else "，"
    ) + "越近计分越高"


def _exposure_nobody(_args: Args, lang: str) -> tuple[str, str]:
    """No line of an account but what is missing from it, told as one of 0 with what to do."""
    if lang == "en":
        return "Nobody on file within reach", "please enter the people who are there by day"
    return "影响范围内没有登记人口", "请补录白天人口"


def _exposure_target(args: Args, lang: str) -> tuple[str, str]:
    if lang == "en":
        return (
            f"High-sensitivity target: {args['name']}",
            "within its reach, counts as many people (GB 36894-2018 class)",
        )
    return f"高敏感防护目标：{args['name']}", "在影响范围内，按多人计（GB 36894-2018 类别）"


def _lead_source(args: Args, lang: str) -> tuple[str, str]:
    score = number(args["score"] / MICRO, 2)
    name, rise = args.get("name") or "", args.get("rise")
    risen = number(rise / MICRO, 2) if rise else ""
    if lang == "en":
        share = "the heaviest counts in full" if args["leads"] else "further sources count one fifth"
        return f"Source: {name}", f"its score is {score}{f', {risen} of it risen' if risen else ''}; {share}"
    return f"危险源：{name}", f"自身 {score} 分{f'（其中动态上升 {risen} 分）' if risen else ''}，" + (
        "最重的一项算全分" if args["leads"] else "其余各项算两成"
    )


def _source(args: Args, lang: str) -> tuple[str, str]:
    distance, people = number(args["distance_m"], 0), number(args["people"], 0)
    if lang == "en":
        return (
            f"{args['name']} ({args['kind_en']})",
            f"nearest people {distance} m away, reaches {people} of the worst-placed people",
        )
    return f"{args['name']}（{args['kind_zh']}）", f"距最近有人处 {distance} 米，影响最不利处 {people} 人"


def _neighbour(args: Args, lang: str) -> tuple[str, str]:
    """Another township's record: kind, level, hazard, distance, bearing and name, nothing else."""
    way = bearing_word(args["bearing"], lang)
    level = level_word(args["level"], lang)
    distance = number(args["distance_m"], 0)
    if lang == "en":
        return (
            f"Neighbour: {args['name']} ({args['kind_en']})",
            f"inherent risk {level}, {distance} m to the {way}",
        )
    return f"邻区：{args['name']}（{args['kind_zh']}）", f"固有风险：{level}，位于{way}方向 {distance} 米"


def _hidden(_args: Args, lang: str) -> tuple[str, str]:
    return ("A record of another township", "") if lang == "en" else ("其他镇街的记录", "")


def _floor(args: Args, lang: str) -> tuple[str, str]:
    level, grade = _LEVEL[lang][args["level"]], _GRADE[lang].get(args["grade"], "")
    if lang == "en":
        return f"Never below {level}", f"{grade}: {args['clause_en']}"
    return f"不低于{level}", f"{grade}：{args['clause']}"


def _directly_red(args: Args, lang: str) -> tuple[str, str]:
    level = _LEVEL[lang][args["level"]]
    if lang == "en":
        return f"Directly {level}", f"{args['name_en']}: {args['clause_en']}"
    return f"直接判定为{level}", f"{args['name_zh']}：{args['clause']}"


def _raise_rule(args: Args, lang: str) -> tuple[str, str]:
    level = _LEVEL[lang][args["level"]]
    if lang == "en":
        return f"Raised to {level}", args["clause_en"]
    return f"提升为{level}", args["clause"]


_WORDS: dict[str, Callable[[Args, str], tuple[str, str]]] = {
    "inventory": _inventory,
    "assessment": _assessment,
    "kind_points": _kind_points,
    "premises": _premises,
    "credit": _credit,
    "credit_cap": _credit_cap,
    "exposure_grid": _exposure_grid,
    "exposure_target": _exposure_target,
    "exposure_nobody": _exposure_nobody,
    "lead_source": _lead_source,
    "source": _source,
    "neighbour": _neighbour,
    "hidden": _hidden,
    "floor": _floor,
    "directly_red": _directly_red,
    "raise_rule": _raise_rule,
}

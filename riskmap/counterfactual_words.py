"""The words of actions that would lower a colour, and of what would remain when all of them were done."""

from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any

from riskmap.sources import GRADES

Args = Mapping[str, Any]
_GRADE_EN = {1: "I", 2: "II", 3: "III", 4: "IV"}


def action_words(kind: str, args: Args, lang: str = "zh") -> tuple[str, str]:
    """Label and reason of one action; `lang` is zh or en. KeyError for an action that has no words."""
    spoken = "en" if lang == "en" else "zh"
    label, reason = _ACTIONS[kind](args, spoken)
    name = args.get("source_name")
    if not name:
        return label, reason
    return (f"{label} ({name})" if spoken == "en" else f"{label}（{name}）"), reason


def remaining_words(kind: str, lang: str = "zh") -> tuple[str, str]:
    """Label and reason of what no action changes: `exposure`, `weather` and the like stand in the account's own words."""
    return _REMAINS[kind][1 if lang == "en" else 0]


def _tonnes(value: float) -> str:
    return f"{value:,.3f}".rstrip("0").rstrip(".")


def _cut(args: Args, lang: str) -> tuple[str, str]:
    now, left = _tonnes(args["quantity_t"]), _tonnes(args["to_t"])
    before, after = args["grade"], args["grade_after"]
    if lang == "en":
        label = f"Cut {args['substance_en']} from {now} t to {left} t"
        if before is None or before == after:
            return label, f"{_tonnes(args['cut_t'])} t less"
        told = f"grade {_GRADE_EN[after]}" if after else "no major hazard source any more"
        return (
            label,
            f"{_tonnes(args['cut_t'])} t less; major hazard grade {_GRADE_EN[before]} becomes {told}",
        )
    label = f"削减{args['substance']}存量：由 {now} 吨减至 {left} 吨"
    if before is None or before == after:
        return label, f"减少 {_tonnes(args['cut_t'])} 吨"
    told = f"{GRADES[after]}重大危险源" if after else "不构成重大危险源"
    return label, f"减少 {_tonnes(args['cut_t'])} 吨；由{GRADES[before]}重大危险源降为{told}"


def _close_danger(args: Args, lang: str) -> tuple[str, str]:
    due = args.get("due_on")
    if lang == "en":
        return f"Mend and close the danger: {args['title']}", f"found {args['found_on']}" + (
            f", due {due}" if due else ""
        )
    return f"整改并销号隐患：{args['title']}", f"{args['found_on']} 发现" + (f"，期限 {due}" if due else "")


def _restore_sensor(args: Args, lang: str) -> tuple[str, str]:
    if lang == "en":
        return f"Restore the sensor: {args['kind']}", f"silent for {args['days']} days"
    return f"恢复监测：{args['kind']}", f"已中断 {args['days']} 天"


def _since(args: Args, lang: str) -> str:
    since = datetime.fromisoformat(args["since"]).strftime("%m-%d %H:%M")
    return f"since {since}" if lang == "en" else f"{since} 起"


def _event(zh: str, en: str, note_zh: str = "", note_en: str = "") -> Callable[[Args, str], tuple[str, str]]:
    def told(args: Args, lang: str) -> tuple[str, str]:
        if lang == "en":
            return f"{en}: {args['name_en']}", _since(args, lang) + note_en
        return f"{zh}：{args['name_zh']}", _since(args, lang) + note_zh

    return told


def _plain(zh: tuple[str, str], en: tuple[str, str]) -> Callable[[Args, str], tuple[str, str]]:
    return lambda _args, lang: en if lang == "en" else zh


_ACTIONS: dict[str, Callable[[Args, str], tuple[str, str]]] = {
    "close_danger": _close_danger,
    "restore_sensor": _restore_sensor,
    "end_alarm": _event(
        "处置并解除报警", "Deal with and end the alarm", "；解除后逐时递减，24 小时后到位",
        "; goes down hour by hour after its end, in full after 24 h",
    ),
    "end_work": _event("结束特殊作业", "End the special work"),
    "publish_commitment": _event("补齐安全承诺", "Publish the safety commitment"),
    "finish_check": _event("完成检查任务", "Finish the check task"),
    "lift_incident": _plain(
        ("事故处置完毕并解除", "已确认的事故在解除前使所在区域提级"),
        ("Deal with the incident and lift it", "a confirmed incident raises its areas until it is lifted"),
    ),
    "lift_public_warning": _plain(
        ("情况消除后按程序解除公开预警", "生效中的红色预警在解除前使所覆盖的区域提级"),
        ("Lift the warning to the public once it is over", "a red warning raises the areas it covers until it is lifted"),
    ),
    "cut_inventory": _cut,
    "neighbour": _plain(
        ("邻区的措施", "涉及其他镇街的记录，请上级协调"),
        ("A measure in a neighbouring area", "about records of another township: ask the city to arrange it"),
    ),
}  # fmt: skip
_REMAINS = {
    "exposure": (
        ("周边人员与防护目标", "人员与目标不因措施而改变"),
        ("People and targets around", "no action moves people"),
    ),
    "others": (("其余各项", "分值较小，合并显示"), ("All others", "smaller ones, added up")),
}

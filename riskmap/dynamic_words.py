"""The words of the lines of dynamic records: what is going on, since when, how long it counts and how much of it."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from riskmap.weights import MICRO

Args = Mapping[str, Any]
_STATE = {
    "zh": {
        "self": "单位自查、期限内，不计分",
        "other": "检查发现、期限内",
        "overdue": "逾期未整改",
        "major": "重大隐患",
        "major_listed": "重大隐患，已挂牌督办",
        "major_overdue": "重大隐患，逾期未整改",
    },
    "en": {
        "self": "found by the unit itself, inside its date: costs nothing",
        "other": "found by an inspection, inside its date",
        "overdue": "overdue",
        "major": "major danger",
        "major_listed": "major danger, listed for supervision",
        "major_overdue": "major danger, overdue",
    },
}


def _at(args: Args, name: str) -> str:
    return datetime.fromisoformat(args[name]).strftime("%m-%d %H:%M")


def _share(args: Args, lang: str) -> str:
    """How many points the record has, and how much of them counts at its source."""
    points = f"{args['points'] / MICRO:g}"
    if lang == "en":
        return f"{points} points, " + ("the heaviest counts in full" if args["leads"] else "counts one fifth")
    return f"{points} 分，" + ("最重的一项算全分" if args["leads"] else "算两成")


def _where(args: Args, lang: str) -> str:
    """In the account of an area: the source that is raised."""
    if not args.get("source_name"):
        return ""
    return f" ({args['source_name']})" if lang == "en" else f"（{args['source_name']}）"


def _danger(args: Args, lang: str) -> tuple[str, str]:
    state = _STATE[lang][args["state"]]
    if lang == "en":
        due = f", due {args['due_on']}" if args["due_on"] else ""
        return (
            f"Danger: {args['title']}{_where(args, lang)}",
            f"{state}, found {args['found_on']}{due}; {_share(args, lang)}",
        )
    due = f"，期限 {args['due_on']}" if args["due_on"] else ""
    return (
        f"隐患：{args['title']}{_where(args, lang)}",
        f"{state}，{args['found_on']} 发现{due}；{_share(args, lang)}",
    )


def _event(args: Args, lang: str) -> tuple[str, str]:
    if lang == "en":
        label, reason = f"{args['name_en']}{_where(args, lang)}", f"since {_at(args, 'since')}"
        if args["until"]:
            reason += f" until {_at(args, 'until')}"
        if args["hours"]:
            reason += f", ended, going down for {args['hours']} h"
        return label, f"{reason}; {_share(args, lang)}"
    label, reason = f"{args['name_zh']}{_where(args, lang)}", f"{_at(args, 'since')} 起"
    if args["until"]:
        reason += f"，至 {_at(args, 'until')}"
    if args["hours"]:
        reason += f"，已结束，逐时递减第 {args['hours']} 小时"
    return label, f"{reason}；{_share(args, lang)}"


def _silent_sensor(args: Args, lang: str) -> tuple[str, str]:
    if lang == "en":
        label = f"Sensor silent: {args['kind']}{_where(args, lang)}"
        return label, f"{args['days']} days, last report {_at(args, 'last')}; {_share(args, lang)}"
    label = f"监测中断：{args['kind']}{_where(args, lang)}"
    return label, f"已 {args['days']} 天，最后上报 {_at(args, 'last')}；{_share(args, lang)}"


def dynamic_words(item: str, args: Args, lang: str) -> tuple[str, str]:
    """Label and reason of a line of a dynamic record; every kind of event has its name from the edition."""
    if item == "danger":
        return _danger(args, lang)
    return _silent_sensor(args, lang) if item == "silent_sensor" else _event(args, lang)

"""A rule of warnings in words that an official can read aloud: what, where, when, how urgently, to whom."""

from collections.abc import Mapping
from typing import Any

from riskmap.alert_rules import AlertRule
from riskmap.vocabulary import words as words_in

_MINUTE_S, _HOUR_S, _DAY_H = 60, 3600, 24
_MILLI = 1000
Words = Mapping[str, Any]
_ZH: Words = {
    "level": "危险源的当前风险{rose}{level}",
    "rise": "危险源的动态风险上升到{level}",
    "near": "{side}有{level}的危险源，距居民点或防护目标不超过 {limit} 米{news}",
    "zone": "联防联控片区的当前风险{rose}{level}，或成员有变化",
    "overdue": "{grade}逾期满 {limit} 天仍未整改",
    "listed": "{grade}挂牌督办",
    "inventory": "危险物质存量达到临界量的 {percent}%",
    "event": "正在发生的监测报警或事故，级别{level}",
    "silent": "监测设备超过应报时间 {limit} 分钟没有数据",
    "due": "安全评估或备案过期满 {limit} 天",
    "rose": ("为", "升为"),
    "levels": ("红", "橙或红", "黄及以上", "蓝及以上"),
    "any": "任何级别",
    "sides": {"own": "本辖区", "neighbour": "相邻辖区", "outside": "市外", "": "本辖区、相邻辖区或市外"},
    "grades": {1: "重大隐患", 0: "隐患"},
    "news": "，新出现或近了 {step} 米以上",
    "step": {"inventory": "再多 {n}% 时再次提示", "near": "再近 {n} 米时再次提示", "": "再多 {n} 时再次提示"},
    "raise": "持续 {n} 分钟才提示",
    "at_once": "立即提示",
    "clear": "恢复 {n} 分钟才算解除",
    "repeat": "无人处置时每 {n}再提示一次",
    "once": "不重复提示",
    "hours": "{n} 小时",
    "days": "{n} 天",
    "season": "每年 {0} 至 {1}",
    "clock": "每天 {0} 至 {1}",
    "dates": "{0} 至 {1}",
    "everywhere": "全市",
    "scope": {"industry": "行业 {0}", "area": "辖区 {0}", "enterprise": "企业 {0}"},
    "quiet": "不提示",
    "between": "，",
    "of": "{place}{role}",
    "list": "、",
}
_EN: Words = {
    "level": "the current risk of a source {rose} {level}",
    "rise": "the rise of a source's risk reaches {level}",
    "near": "{side}: a source at {level} within {limit} m of homes or protected targets{news}",
    "zone": "the current risk of a joint-control zone {rose} {level}, or its members changed",
    "overdue": "{grade} overdue by {limit} d or more",
    "listed": "{grade} listed for supervision",
    "inventory": "inventory reaches {percent}% of its threshold quantity",
    "event": "an alarm or incident under way, level {level}",
    "silent": "a sensor has been silent {limit} min longer than it may",
    "due": "an assessment or filing is {limit} d past its date or more",
    "rose": ("is", "rises to"),
    "levels": ("red", "orange or red", "yellow or worse", "blue or worse"),
    "any": "any level",
    "sides": {
        "own": "in the township",
        "neighbour": "across its border",
        "outside": "outside the city",
        "": "in the township, across its border or outside the city",
    },
    "grades": {1: "a major danger", 0: "a danger"},
    "news": ", new or nearer by {step} m",
    "step": {
        "inventory": "told again at {n}% more",
        "near": "told again {n} m nearer",
        "": "told again at {n} more",
    },
    "raise": "told after {n} min",
    "at_once": "told at once",
    "clear": "over after {n} min",
    "repeat": "again every {n} while nobody acts",
    "once": "not repeated",
    "hours": "{n} h",
    "days": "{n} d",
    "season": "{0} to {1} every year",
    "clock": "{0} to {1} every day",
    "dates": "{0} to {1}",
    "everywhere": "the whole city",
    "scope": {"industry": "industry {0}", "area": "area {0}", "enterprise": "enterprise {0}"},
    "quiet": "nobody is told",
    "between": "; ",
    "of": "{role} of the {place}",
    "list": ", ",
}


def rule_words(rule: AlertRule, lang: str = "zh") -> dict[str, str]:
    """A rule in words: `name`, `what`, `where`, `when`, `to`."""
    said = _EN if lang == "en" else _ZH
    return {
        "name": rule.name_en if lang == "en" else rule.name_zh,
        "what": _what(rule, said),
        "where": _where(rule, said),
        "when": said["between"].join(_when(rule, said)),
        "to": said["list"].join(audience_words(one, lang) for one in rule.audience) or said["quiet"],
    }


def audience_words(audience: str, lang: str = "zh") -> str:
    """Whose people an audience is: `leader@township` as 镇街联点领导."""
    said = _EN if lang == "en" else _ZH
    role, _, place = audience.partition("@")
    words = words_in("en" if lang == "en" else "zh")
    places = {**words["area_level"], **words["layer"]}
    role, place = words["duty_role"].get(role, role), places.get(place, place)
    return role if role.startswith(place) else str(said["of"].format(role=role, place=place))


def _what(rule: AlertRule, said: Words) -> str:
    limit = rule.limit or 0
    told = said[rule.kind].format(
        rose=said["rose"][rule.on_change],
        level=said["levels"][rule.level - 1] if rule.level else said["any"],
        side=said["sides"][rule.side],
        limit=limit // _MILLI if rule.kind == "near" else limit,
        percent=limit // 10,
        grade=said["grades"][rule.level == 1],
        news=said["news"].format(step=rule.step // _MILLI) if rule.on_change and rule.kind == "near" else "",
    )
    return str(told)


def _where(rule: AlertRule, said: Words) -> str:
    scopes = [
        said["scope"][name].format(value) for name in said["scope"] if (value := str(getattr(rule, name)))
    ]
    return said["between"].join(scopes) or str(said["everywhere"])


def _when(rule: AlertRule, said: Words) -> list[str]:
    window, found = rule.window, []
    if window.season:
        found.append(said["season"].format(*(f"{one // 100:02d}-{one % 100:02d}" for one in window.season)))
    if window.hours:
        found.append(said["clock"].format(*(_clock(one) for one in window.hours)))
    found += [said["dates"].format(*span) for span in window.dates]
    found.append(said["raise"].format(n=rule.raise_s // _MINUTE_S) if rule.raise_s else said["at_once"])
    if rule.step and rule.kind != "near":
        n = rule.step // 10 if rule.kind == "inventory" else rule.step
        found.append(said["step"].get(rule.kind, said["step"][""]).format(n=n))
    if rule.clear_s:
        found.append(said["clear"].format(n=rule.clear_s // _MINUTE_S))
    hours = rule.repeat_s // _HOUR_S
    if not hours:
        return [*found, said["once"]]
    whole_days = hours % _DAY_H == 0 and hours > _DAY_H
    time = said["days"].format(n=hours // _DAY_H) if whole_days else said["hours"].format(n=hours)
    return [*found, said["repeat"].format(n=time)]


def _clock(second: int) -> str:
    return f"{second // _HOUR_S:02d}:{second % _HOUR_S // _MINUTE_S:02d}"

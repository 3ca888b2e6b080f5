"""A back-test as a picture that stands by itself: messages over time and by person, beside the rules in force.

SVG made here: no library, nothing fetched, every word escaped; printed it stays readable, for the two sets differ in
shape and words as well as in shade.
"""

from collections.abc import Mapping, Sequence
from datetime import date
from typing import Any, NamedTuple
from xml.sax.saxutils import escape

_WIDTH, _LEFT, _RIGHT = 960, 60, 20
_PLOT = _WIDTH - _LEFT - _RIGHT
_HIGH, _GAP = 150, 64
_MOST_BARS, _MOST_PEOPLE = 130, 12
_WEEK = 7
_ROW = 26
_OURS, _LIVE, _INK, _FAINT = "#1f5fa8", "#9aa7b5", "#1c2733", "#d7dde3"
Row = Mapping[str, Any]
Words = Mapping[str, str]
WORDS: Mapping[str, Words] = {
    "zh": {
        "title": "规则回测 {begin} 至 {end}（{days} 天）",
        "ours": "所测规则",
        "live": "现行规则",
        "messages": "每天消息数",
        "weekly": "每天消息数（按周平均）",
        "leader": "当天收到最多的镇街负责人的消息数",
        "leader_weekly": "当天收到最多的镇街负责人的消息数（一周中最多）",
        "people": "收到消息最多的人（全时段条数）",
        "figures": "预警提示 {warnings} 条，消息 {messages} 条；事故 {incidents} 起，漏报 {missed}，空报 {false}，{lead}",
        "hours": "提前 {n} 小时",
        "none": "没有事故可比",
        "never": "均未预先提示",
        "foreseen": "▼ 事故，已预先提示",
        "missed": "▽ 事故，漏报",
    },
    "en": {
        "title": "Rules tried on {begin} to {end} ({days} days)",
        "ours": "rules tried",
        "live": "rules in force",
        "messages": "Messages a day",
        "weekly": "Messages a day (mean of a week)",
        "leader": "Messages to the township leader who got most that day",
        "leader_weekly": "Messages to the township leader who got most in a day (most of a week)",
        "people": "Who got most messages (all days)",
        "figures": "{warnings} warnings, {messages} messages; {incidents} incidents, {missed} missed, {false} false, {lead}",
        "hours": "lead {n} h",
        "none": "no incident to compare with",
        "never": "none foreseen",
        "foreseen": "▼ incident, foreseen",
        "missed": "▽ incident, missed",
    },
}


class Bar(NamedTuple):
    """A bar of a chart: what stands below it, and the figure of either set of rules."""

    label: str
    ours: float
    live: float


def picture(told: Row, lang: str = "zh") -> str:
    """The picture of a back-test as `jobs.backtest` tells it."""
    words = WORDS[lang]
    same = told["rules_hash"] == told["live_hash"]
    days = _bars(told, "messages", worst=False), _bars(told, "leader", worst=True)
    weekly = len(days[0]) < len(told["by_day"])
    people = _people(told)
    top = 92
    parts = [
        _text(
            _LEFT, 30, words["title"].format(begin=told["from"], end=told["to"], days=told["days"]), size=20
        ),
        *(() if same else _legend(words)),
        *_figures(told, words, same=same),
    ]
    for bars, name in zip(
        days, ("weekly", "leader_weekly") if weekly else ("messages", "leader"), strict=True
    ):
        parts += _chart(bars, words[name], top + 30, same=same)
        if name in ("messages", "weekly"):
            parts += _incidents(told, len(bars), words, top + 30)
        top += _HIGH + _GAP
    parts += _persons(people, words["people"], top + 24, same=same)
    height = top + 48 + _ROW * len(people)
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {_WIDTH} {height}" width="{_WIDTH}" height="{height}"'
        f' role="img" font-family="sans-serif">\n<title>{escape(words["messages"])}</title>\n'
        f'<rect width="{_WIDTH}" height="{height}" fill="#fff"/>\n' + "\n".join(parts) + "\n</svg>\n"
    )


def _bars(told: Row, name: str, *, worst: bool) -> list[Bar]:
    """The days as bars, or weeks where there are too many days: by their worst day, or on average."""
    ours, live = told["by_day"], told["live"]["by_day"]
    size = 1 if len(ours) <= _MOST_BARS else _WEEK

    def value(rows: Sequence[Row]) -> float:
        figures = [float(row[name]) for row in rows]
        return max(figures) if worst else sum(figures) / len(figures)

    return [
        Bar(ours[n]["day"], value(ours[n : n + size]), value(live[n : n + size]))
        for n in range(0, len(ours), size)
    ]


def _chart(bars: Sequence[Bar], title: str, top: int, *, same: bool) -> list[str]:
    """Bars of one figure over time: ours filled, the live ones, where they are others, as a line of steps over them."""
    most = _nice(max([1.0, *(max(bar.ours, bar.live) for bar in bars)]))
    width = _PLOT / len(bars)
    foot = top + _HIGH
    parts = [_text(_LEFT, top - 10, title, size=14)]
    for share in (0.0, 0.5, 1.0):
        y = foot - _HIGH * share
        parts.append(f'<line x1="{_LEFT}" x2="{_WIDTH - _RIGHT}" y1="{y}" y2="{y}" stroke="{_FAINT}"/>')
        parts.append(_text(_LEFT - 8, y + 4, f"{most * share:g}", anchor="end"))
    line = []
    for n, bar in enumerate(bars):
        x, high = _LEFT + n * width, _HIGH * bar.ours / most
        if high:
            parts.append(
                f'<rect x="{x + 0.1 * width:.1f}" y="{foot - high:.1f}" width="{0.8 * width:.1f}" height="{high:.1f}"'
                f' fill="{_OURS}"><title>{escape(bar.label)} {bar.ours:.1f} / {bar.live:.1f}</title></rect>'
            )
        y = foot - _HIGH * bar.live / most
        line.append(f"{x:.1f},{y:.1f} {x + width:.1f},{y:.1f}")
    if not same:
        parts.append(f'<polyline points="{" ".join(line)}" fill="none" stroke="{_INK}" stroke-width="1.2"/>')
    every = max(1, len(bars) // 10)
    for n in range(0, len(bars), every):
        day = date.fromisoformat(bars[n].label)
        parts.append(_text(_LEFT + n * width, foot + 16, f"{day.month}-{day.day:02d}"))
    return parts


def _incidents(told: Row, bars: int, words: Words, top: int) -> list[str]:
    """A mark over the bar of every incident's day, full where it was foreseen; and what the marks mean."""
    leads = told.get("leads", ())
    size = 1 if bars == len(told["by_day"]) else _WEEK
    first = date.fromisoformat(told["from"])
    parts = []
    for one in leads:
        missed = one["lead_h"] is None
        at = (date.fromisoformat(one["time"][:10]) - first).days // size
        x = _LEFT + (at + 0.5) * _PLOT / bars
        shape = f"{x - 5:.1f},{top - 8} {x + 5:.1f},{top - 8} {x:.1f},{top + 1}"
        said = f"{one['time'][:16].replace('T', ' ')} {one['source'] or one['enterprise']}"
        fill = "#fff" if missed else _INK
        parts.append(
            f'<polygon points="{shape}" fill="{fill}" stroke="{_INK}"><title>{escape(said)}</title></polygon>'
        )
    if leads:
        said = f"{words['foreseen']} · {words['missed']}"
        parts.append(_text(_WIDTH - _RIGHT, top - 12, said, anchor="end"))
    return parts


def _people(told: Row) -> list[Bar]:
    live = {one["person"]: one["messages"] for one in told["live"]["per_person"]}
    ours = {one["person"]: one["messages"] for one in told["per_person"]}
    names = sorted(ours.keys() | live.keys(), key=lambda one: (-max(ours.get(one, 0), live.get(one, 0)), one))
    return [Bar(one, ours.get(one, 0), live.get(one, 0)) for one in names[:_MOST_PEOPLE]]


def _persons(people: Sequence[Bar], title: str, top: int, *, same: bool) -> list[str]:
    most = max([1.0, *(max(bar.ours, bar.live) for bar in people)])
    name_px = 300
    wide = _PLOT - name_px - 90
    parts = [_text(_LEFT, top - 10, title, size=14)]
    for n, bar in enumerate(people):
        y = top + _ROW * n
        parts.append(_text(_LEFT + name_px - 10, y + 14, bar.label, anchor="end"))
        x = _LEFT + name_px
        parts.append(
            f'<rect x="{x}" y="{y}" width="{wide * bar.ours / most:.1f}" height="11" fill="{_OURS}"/>'
        )
        counts = f"{bar.ours:g}"
        if not same:
            parts.append(
                f'<rect x="{x}" y="{y + 12}" width="{wide * bar.live / most:.1f}" height="6" fill="{_LIVE}"/>'
            )
            counts += f" / {bar.live:g}"
        parts.append(_text(_WIDTH - _RIGHT - 70, y + 14, counts))
    return parts


def _legend(words: Words) -> list[str]:
    x = _WIDTH - _RIGHT - 250
    return [
        f'<rect x="{x}" y="18" width="14" height="14" fill="{_OURS}"/>',
        _text(x + 20, 30, words["ours"]),
        f'<line x1="{x + 110}" x2="{x + 130}" y1="25" y2="25" stroke="{_INK}" stroke-width="1.6"/>',
        f'<rect x="{x + 134}" y="21" width="10" height="8" fill="{_LIVE}"/>',
        _text(x + 150, 30, words["live"]),
    ]


def _figures(told: Row, words: Words, *, same: bool) -> list[str]:
    lines = []
    sets = [("live", told)] if same else [("ours", told), ("live", told["live"])]
    for n, (name, one) in enumerate(sets):
        lead = one["lead_time_h"]
        unknown = words["never" if one["incidents"] else "none"]
        said = unknown if lead is None else words["hours"].format(n=f"{lead:g}")
        figures = words["figures"].format(lead=said, **{key: one[key] for key in _FIGURES})
        lines.append(_text(_LEFT, 54 + 20 * n, f"{words[name]}: {figures}", size=13))
    return lines


_FIGURES = ("warnings", "messages", "incidents", "missed", "false")


def _text(x: float, y: float, text: str, *, size: int = 12, anchor: str = "start") -> str:
    return f'<text x="{x:.1f}" y="{y:.1f}" font-size="{size}" text-anchor="{anchor}" fill="{_INK}">{escape(text)}</text>'


def _nice(most: float) -> float:
    """The next round figure: 1, 2, 4, 6, 10, 20, 40 …"""
    step = 1.0
    while True:
        for round_one in (1, 2, 4, 6):
            if most <= round_one * step:
                return round_one * step
        step *= 10

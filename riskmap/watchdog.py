"""The watch over the program itself: what is in trouble, and what of it is to be told or said to be over.

One message for each cause, once it has lasted a little, and one when it is over; what passes at once is only shown.
"""

from collections.abc import Iterable, Mapping
from datetime import datetime, timedelta
from typing import NamedTuple

from riskmap.daily import Daily, lasting

HOLD = timedelta(minutes=1)
"""a worker that is started anew, a database that takes a breath: shown at once, told only when it lasts"""
DATABASE, WORKER, PASS, FEED, CHANNEL = "database", "worker", "pass", "feed", "channel"
_SAID = {
    DATABASE: "数据库无法连接",
    WORKER: "后台任务没有运行，风险分级和预警提示已停止",
    PASS: "预警规则已有{time}没有计算",
    FEED: "所有监测点已有{time}没有上报",
    CHANNEL: "通知渠道“{name}”不通",
}


class Vitals(NamedTuple):
    """How the program is: `passed_at` when the rules were last asked, `fed_at` the last sign of any sensor.

    `failing` are the channels that do not get through; without a database nothing else is known.
    """

    database: bool
    worker: bool = False
    passed_at: datetime | None = None
    sensors: int = 0
    fed_at: datetime | None = None
    failing: tuple[str, ...] = ()


class Known(NamedTuple):
    """A cause that holds: since when, and whether the desk was told."""

    since: datetime
    told: bool = False


class News(NamedTuple):
    """What the desk is to be told: a cause that began then, or one that is over."""

    cause: str
    since: datetime
    over: bool


def troubles(vitals: Vitals, figures: Daily, now: datetime) -> dict[str, int]:
    """The causes that hold, each with the minutes it is about (0 where it has none).

    A worker that is not there explains that no rules are asked, so only it is a cause then.
    """
    if not vitals.database:
        return {DATABASE: 0}
    found: dict[str, int] = {}
    if not vitals.worker:
        found[WORKER] = 0
    elif vitals.passed_at is None or now - vitals.passed_at > figures.no_pass:
        found[PASS] = _minutes(vitals.passed_at, now)
    if vitals.sensors and (vitals.fed_at is None or now - vitals.fed_at > figures.no_feed):
        found[FEED] = _minutes(vitals.fed_at, now)
    return found | {f"{CHANNEL} {name}": 0 for name in vitals.failing}


def watched(
    known: Mapping[str, Known], causes: Iterable[str], now: datetime
) -> tuple[dict[str, Known], list[News]]:
    """What is known after a look, and what is to be told; without a database what else was known goes on."""
    holding = set(causes)
    if DATABASE in holding:
        holding |= known.keys()
    after: dict[str, Known] = {}
    news: list[News] = []
    for cause in sorted(holding):
        one = known.get(cause, Known(now))
        if not one.told and now - one.since >= HOLD:
            one = one._replace(told=True)
            news.append(News(cause, one.since, over=False))
        after[cause] = one
    news += [
        News(cause, one.since, over=True)
        for cause, one in sorted(known.items())
        if cause not in holding and one.told
    ]
    return after, news


def kind_of(cause: str) -> str:
    """Which of the kinds of trouble a cause is."""
    return cause.partition(" ")[0]


def said(cause: str, minutes: int) -> str:
    """A cause in words, for the desk."""
    kind, _, name = cause.partition(" ")
    return _SAID[kind].format(time=lasting(minutes), name=name)


def _minutes(at: datetime | None, now: datetime) -> int:
    return 0 if at is None else int((now - at).total_seconds()) // 60

"""The demo year's recorded incidents (事故、险情): what a back-test of warnings is measured by.

Most break out while a severe alarm of the same source lasts, some where a danger is overdue, some without any sign.
"""

from collections.abc import Iterator
from datetime import date, datetime, time, timedelta
from typing import Any

import numpy as np

from jobs.demo_dangers import DAYS, Change
from jobs.demo_sources import Source

AFTER_ALARM, OVERDUE, WITHOUT_SIGN = 5, 2, 2
"""incidents of a year, by what comes before them"""
APART_DAYS = 14
LONG_ALARM_H = 3
PART_OF_ALARM = (0.4, 0.8)
"""of the time that an alarm lasts"""
LASTS_H = (2, 9)
FIRST_DAY, LAST_DAY = 10, DAYS - 5
OVERDUE_DAYS = 2
"""for how long at least a danger is overdue by then"""
WORKING_HOURS = (7, 19)
_DAY, _HOUR = timedelta(days=1), timedelta(hours=1)
Row = dict[str, Any]
Event = tuple[datetime, Row]
Place = tuple[datetime, str]


def incident_places(
    events: list[Event],
    dangers: list[Change],
    sources: list[Source],
    first_day: datetime,
    rng: np.random.Generator,
) -> list[tuple[datetime, float, str]]:
    """Each incident as when it begins, for how many hours it lasts, and the code of its source; at most one a source.

    `events` are those of the year so far, `first_day` its first midnight.
    """
    lives = {row["code"]: row for _, row in dangers}
    alarms = [row for _, row in events if row["kind"] == "alarm"]
    active = {source.code for source in sources}
    chosen: list[Place] = []
    for count, places in (
        (AFTER_ALARM, _while_alarmed(alarms, rng)),
        (OVERDUE, _where_overdue(list(lives.values()), first_day, rng)),
        (WITHOUT_SIGN, _out_of_the_blue(alarms, list(lives.values()), sources, first_day, rng)),
    ):
        wanted = len(chosen) + count
        for at, code in places:
            if len(chosen) == wanted:
                break
            if code in active and _fits(at, code, chosen, first_day):
                chosen.append((at, code))
    return [(at, float(rng.integers(*LASTS_H)), code) for at, code in chosen]


def _fits(at: datetime, code: str, chosen: list[Place], first_day: datetime) -> bool:
    days = FIRST_DAY * _DAY, LAST_DAY * _DAY
    apart = APART_DAYS * _DAY
    return days[0] <= at - first_day < days[1] and all(
        code != other and abs(at - when) >= apart for when, other in chosen
    )


def _while_alarmed(alarms: list[Row], rng: np.random.Generator) -> Iterator[Place]:
    """At the sources of severe alarms, while these last."""
    for n in rng.permutation(len(alarms)).tolist():
        begin, end = (datetime.fromisoformat(alarms[n][name]) for name in ("time", "until"))
        if alarms[n]["severity"] == "high" and end - begin >= LONG_ALARM_H * _HOUR:
            minutes = round((end - begin) / timedelta(minutes=1) * rng.uniform(*PART_OF_ALARM))
            yield begin + timedelta(minutes=minutes), alarms[n]["source_code"]


def _where_overdue(dangers: list[Row], first_day: datetime, rng: np.random.Generator) -> Iterator[Place]:
    """At sources with a danger past its date, in working hours."""
    for n in rng.permutation(len(dangers)).tolist():
        row = dangers[n]
        due = date.fromisoformat(max(row["due_on"], row["extended_to"]))
        end = date.fromisoformat(row["closed_on"]) if row["closed_on"] else first_day.date() + DAYS * _DAY
        if row["source_code"] and (end - due).days > OVERDUE_DAYS:
            day = due + timedelta(days=int(rng.integers(OVERDUE_DAYS, (end - due).days)))
            yield _by_day(day, first_day, rng), row["source_code"]


def _out_of_the_blue(
    alarms: list[Row],
    dangers: list[Row],
    sources: list[Source],
    first_day: datetime,
    rng: np.random.Generator,
) -> Iterator[Place]:
    """At sources that never alarmed and had no danger all year, nor had their enterprises."""
    known = {
        row[name]
        for row in (*alarms, *dangers)
        for name in ("source_code", "enterprise_code")
        if row.get(name)
    }
    for n in rng.permutation(len(sources)).tolist():
        one = sources[n]
        if one.code not in known and (one.host is None or one.host.code not in known):
            day = first_day.date() + timedelta(days=int(rng.integers(DAYS)))
            yield _by_day(day, first_day, rng), one.code


def _by_day(day: date, first_day: datetime, rng: np.random.Generator) -> datetime:
    hour, minute = int(rng.integers(*WORKING_HOURS)), int(rng.integers(60))
    return datetime.combine(day, time(hour, minute), first_day.tzinfo)

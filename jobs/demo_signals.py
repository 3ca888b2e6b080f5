"""What the demo city's sensors show at any minute, and its alarms, silences and work tickets.

A pure function of seed, sensor and time: the same minute gives the same rows whenever it is asked for, so what was
missed is caught up as if it had come live, and a row sent twice is the same row. Rates are those of the demo's year.
"""

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from functools import lru_cache
from typing import Any
from zlib import crc32

import numpy as np

from jobs.demo_events import (
    ALARM_HOURS,
    ALARMS,
    OVER_LIMIT,
    SHANGHAI,
    SHARE_HIGH_ALARMS,
    SILENT_DAYS,
    SILENT_SENSORS,
    SPECIAL_WORKS,
    WORK_GRADES,
    WORK_HOURS,
    usual_range,
)
from jobs.demo_inputs import Floats
from riskmap.dynamic import CLEARED

Row = dict[str, Any]

PREFIX = "demo-feed-"
"""how the ids of these events begin; the minute follows, so that their order is that of time"""
PACE_MIN = 10
"""each sensor reports so often, at a minute of its own: about 100 sensors make 14,000 rows a day"""
_MINUTE = timedelta(minutes=1)
_DAY = timedelta(days=1)
_DAYS_A_YEAR = 365
_SENSORS, _PLACES = 98, 53
"""of the demo's year: its counts of alarms, silences and tickets divided by these are the rates of one"""
_RINGING = math.exp(0.5)
"""mean of the log-normal by which a few sensors ring often"""
_RHYTHM = {
    # unit: hour of the day at which it stands highest, swing, noise; as shares of the usual range
    "℃": (15, 0.16, 0.015),
    "MPa": (15, 0.14, 0.015),
    "%": (6, 0.22, 0.01),
    "ppm": (10, 0.12, 0.06),
    "%LEL": (10, 0.12, 0.06),
    "mm": (17, 0.2, 0.08),
}
_PLAIN_RHYTHM = (14, 0.12, 0.03)
_DRIFT = 0.07
_WHOLE = 100.0
"""what a percentage cannot exceed"""


@dataclass(frozen=True, slots=True)
class Gauge:
    """A made-up sensor, as far as its readings depend on it."""

    code: str
    source_code: str
    unit: str
    low: float | None
    high: float


@dataclass(frozen=True, slots=True)
class Episode:
    """Something that begins and ends: the event that tells of its beginning, and of its end where one does."""

    begin: datetime
    end: datetime
    opening: Row
    closing: Row | None = None


def events_between(
    seed: int,
    gauges: Sequence[Gauge],
    places: Sequence[str],
    after: datetime,
    until: datetime,
    longest: timedelta = _DAY,
) -> list[Row]:
    """The events of the minutes after one instant until another, in order of time; `places` are codes of sources.

    Of a longer span only its last part (`longest`) is given, and what was under way on either side of the gap:
    an alarm sent before it ends, one that began in it and lasts is told.
    """
    after, until = after.astimezone(SHANGHAI), until.astimezone(SHANGHAI)
    start = max(after, until - longest)
    rows = [row for gauge in gauges for row in _readings(seed, gauge, start, until)]
    for episode in _episodes(seed, gauges, places, _days(after, start, until)):
        if episode.end <= after or episode.begin > until or (episode.begin > after and episode.end <= start):
            continue
        if episode.begin > after:
            rows.append(episode.opening)
        if episode.closing and episode.end <= until:
            rows.append(episode.closing)
    return sorted(rows, key=lambda row: str(row["event_id"]))


def _days(after: datetime, start: datetime, until: datetime) -> list[date]:
    """The days on which anything can begin that is under way at `after` or from `start` to `until`."""
    spans = ((after.date() - _DAY, after.date()), (start.date() - _DAY, until.date()))
    return sorted({first + n * _DAY for first, last in spans for n in range((last - first).days + 1)})


def _episodes(
    seed: int, gauges: Sequence[Gauge], places: Sequence[str], days: Sequence[date]
) -> Iterator[Episode]:
    for day in days:
        yield from (one for gauge in gauges if (one := alarm_of(seed, gauge, day)))
        yield from (one for place in places if (one := ticket_of(seed, place, day)))


def _event(kind: str, at: datetime, code: str, **columns: Any) -> Row:
    """A row of the events as a program would send it; made up, and marked so."""
    event_id = f"{PREFIX}{at:%Y%m%dT%H%M}-{kind}-{code}"
    return {"event_id": event_id, "kind": kind, "time": at.isoformat(), "synthetic": True, **columns}


def _dice(seed: int, code: str, day: date, what: int) -> np.random.Generator:
    return np.random.default_rng([seed, crc32(code.encode()), day.toordinal(), what])


# --- readings --------------------------------------------------------------------------------------------


def _readings(seed: int, gauge: Gauge, after: datetime, until: datetime) -> Iterator[Row]:
    minute = after.replace(second=0, microsecond=0) + _MINUTE
    minute += (crc32(gauge.code.encode()) - minute.minute) % PACE_MIN * _MINUTE
    while minute <= until:
        value = reading(seed, gauge, minute)
        if value is not None:
            yield _of_gauge("reading", minute, gauge, value)
        minute += PACE_MIN * _MINUTE


def _of_gauge(kind: str, at: datetime, gauge: Gauge, value: float, **columns: Any) -> Row:
    about = {"source_code": gauge.source_code, "sensor_code": gauge.code, "value": value, "unit": gauge.unit}
    return _event(kind, at, gauge.code, **about, **columns)


def reading(seed: int, gauge: Gauge, at: datetime) -> float | None:
    """What a sensor shows at a minute; None while it is silent. Over its limit only during an alarm."""
    at = at.astimezone(SHANGHAI)
    if is_silent(seed, gauge.code, at.date()):
        return None
    for day in (at.date(), at.date() - _DAY):
        alarm = alarm_of(seed, gauge, day)
        if alarm and alarm.begin <= at < alarm.end:
            left = (alarm.end - at) / (alarm.end - alarm.begin)
            return round(gauge.high + (float(alarm.opening["value"]) - gauge.high) * left, 2)
    return _usual(seed, gauge, at)


def _usual(seed: int, gauge: Gauge, at: datetime) -> float:
    """Within the usual range: a level of its own, the rhythm of day and night, slow drift and noise."""
    hour, swing, _ = _RHYTHM.get(gauge.unit, _PLAIN_RHYTHM)
    minute = at.hour * 60 + at.minute
    level, drift, noise = _course(seed, gauge, at.date())
    _, tomorrow, _ = _course(seed, gauge, at.date() + _DAY)
    part = minute / 1440
    share = level + swing * math.cos(2 * math.pi * (part - hour / 24))
    share += drift * (1 - part) + tomorrow * part + float(noise[minute // PACE_MIN])
    low, high = usual_range(gauge.low, gauge.high)
    return round(low + (high - low) * min(max(share, 0.02), 0.98), 2)


@lru_cache(maxsize=1024)
def _course(seed: int, gauge: Gauge, day: date) -> tuple[float, float, Floats]:
    """A sensor's own level, how far it has drifted at the beginning of a day, and the day's noise."""
    level = float(np.random.default_rng([seed, crc32(gauge.code.encode())]).uniform(0.35, 0.6))
    dice = _dice(seed, gauge.code, day, 0)
    drift = float(dice.normal(0, _DRIFT))
    return level, drift, dice.normal(0, _RHYTHM.get(gauge.unit, _PLAIN_RHYTHM)[2], 1440 // PACE_MIN)


@lru_cache(maxsize=8192)
def _silence_days(seed: int, code: str, day: date) -> int:
    """For how many days a sensor falls silent that does so on a day; mostly 0."""
    dice = _dice(seed, code, day, 1)
    return int(dice.integers(*SILENT_DAYS)) if dice.random() < SILENT_SENSORS / _SENSORS / _DAYS_A_YEAR else 0


def is_silent(seed: int, code: str, day: date) -> bool:
    """Whether a sensor sends nothing on a day."""
    return any(_silence_days(seed, code, day - n * _DAY) > n for n in range(SILENT_DAYS[1]))


# --- what begins and ends --------------------------------------------------------------------------------


@lru_cache(maxsize=1024)
def alarm_of(seed: int, gauge: Gauge, day: date) -> Episode | None:
    """The alarm of a sensor that begins on a day, until it is acknowledged and normal again; mostly there is none."""
    temper = np.random.default_rng([seed, crc32(gauge.code.encode()), 1]).lognormal(0, 1.0) / _RINGING
    dice = _dice(seed, gauge.code, day, 2)
    if dice.random() >= temper * ALARMS / _SENSORS / _DAYS_A_YEAR:
        return None
    severity = "high" if dice.random() < SHARE_HIGH_ALARMS else "low"
    begin = datetime.combine(day, time(int(dice.integers(24)), int(dice.integers(60))), SHANGHAI)
    end = begin + round(dice.uniform(*ALARM_HOURS[severity]) * 60) * _MINUTE
    if is_silent(seed, gauge.code, begin.date()) or is_silent(seed, gauge.code, end.date()):
        return None
    _, usual = usual_range(gauge.low, gauge.high)
    peak = gauge.high + (gauge.high - usual) * (dice.uniform(*OVER_LIMIT[severity]) - 1)
    if gauge.unit.startswith("%"):
        peak = min(peak, _WHOLE)
    opening = _of_gauge("alarm", begin, gauge, round(peak, 2), severity=severity)
    return Episode(begin, end, opening, _of_gauge(CLEARED, end, gauge, _usual(seed, gauge, end)))


@lru_cache(maxsize=1024)
def ticket_of(seed: int, place: str, day: date) -> Episode | None:
    """The special work at a source that begins on a day; its ticket says when it ends."""
    dice = _dice(seed, place, day, 3)
    if dice.random() >= SPECIAL_WORKS / _PLACES / _DAYS_A_YEAR:
        return None
    grade = WORK_GRADES[int(dice.choice(len(WORK_GRADES), p=[chance for _, chance in WORK_GRADES]))][0]
    begin = datetime.combine(day, time(int(dice.integers(8, 16)), 30 * int(dice.integers(2))), SHANGHAI)
    end = begin + timedelta(hours=int(dice.integers(*WORK_HOURS)))
    columns = {"severity": grade, "source_code": place, "until": end.isoformat()}
    return Episode(begin, end, _event("special_work", begin, place, **columns))

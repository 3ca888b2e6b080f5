"""The demo feed's signals: the same for the same seed and minute, in whatever pieces they are asked for, and believable."""

from collections import Counter
from datetime import datetime, timedelta
from itertools import pairwise
from typing import Any

import pytest

from jobs.demo_events import SHANGHAI
from jobs.demo_signals import PACE_MIN, Gauge, alarm_of, events_between, is_silent, reading
from riskmap.dynamic import CLEARED

SEED = 740_000
GAUGES = [
    Gauge(f"H{n:04d}-S{part}", f"H{n:04d}", unit, low, high)
    for n in range(20)
    for part, (unit, low, high) in enumerate(
        (("ppm", None, 25.0), ("%", 8.0, 85.0), ("℃", -5.0, 35.0), ("MPa", 0.1, 1.1)), start=1
    )
]
PLACES = [f"H{n:04d}" for n in range(20)]
START = datetime(2026, 6, 1, tzinfo=SHANGHAI)
DAY = timedelta(days=1)
YEAR = 365 * DAY
Row = dict[str, Any]


def events(after: datetime, until: datetime, gauges: list[Gauge] = GAUGES, **how: Any) -> list[Row]:
    return events_between(SEED, gauges, PLACES, after, until, **how)


def of_kind(rows: list[Row], *kinds: str) -> list[Row]:
    return [row for row in rows if row["kind"] in kinds]


@pytest.fixture(scope="module")
def month() -> list[Row]:
    return events(START, START + 30 * DAY, longest=30 * DAY)


@pytest.fixture(scope="module")
def alarms() -> list[tuple[datetime, datetime, Row]]:
    """A year's alarms: begin, end, and the event that told of it."""
    days = [START.date() + n * DAY for n in range(365)]
    found = [one for day in days for gauge in GAUGES if (one := alarm_of(SEED, gauge, day))]
    return [(one.begin, one.end, one.opening) for one in found]


def test_what_is_caught_up_equals_what_came_live(month: list[Row]) -> None:
    live: list[Row] = []
    now = START
    for n in range(400):
        then, now = now, now + timedelta(seconds=37 + n * 13 % 700)
        live += events(then, now)
    assert live == [row for row in month if datetime.fromisoformat(row["time"]) <= now]
    assert len({row["event_id"] for row in month}) == len(month)
    assert [row["time"] for row in month] == sorted(row["time"] for row in month)


def test_another_seed_says_something_else(month: list[Row]) -> None:
    other = events_between(SEED + 1, GAUGES, PLACES, START, START + DAY)
    same = {row["event_id"]: row for row in month}
    values = [(row["value"], same[row["event_id"]]["value"]) for row in of_kind(other, "reading")]
    assert sum(a == b for a, b in values) < len(values) / 20


def test_each_sensor_reports_at_its_pace_and_not_all_at_once(month: list[Row]) -> None:
    readings = of_kind(month, "reading")
    times: dict[str, list[datetime]] = {}
    for row in readings:
        times.setdefault(row["sensor_code"], []).append(datetime.fromisoformat(row["time"]))
    steps = Counter(b - a for one in times.values() for a, b in pairwise(one) if b - a < DAY)
    assert list(steps) == [timedelta(minutes=PACE_MIN)]
    minutes = Counter(row["time"] for row in readings)
    assert max(minutes.values()) < len(GAUGES) / 4


def test_values_stay_in_their_range_without_an_alarm_and_go_over_the_limit_in_one(
    alarms: list[tuple[datetime, datetime, Row]],
) -> None:
    gauges = {gauge.code: gauge for gauge in GAUGES}
    assert len(alarms) > 50
    for begin, end, row in alarms:
        gauge = gauges[row["sensor_code"]]
        minutes = [begin + (end - begin) * share for share in (0, 0.3, 0.9)]
        during = [reading(SEED, gauge, at) or 0 for at in minutes]
        assert min(during) >= gauge.high
        assert during == sorted(during, reverse=True)
        assert row["value"] > gauge.high
        assert gauge.unit != "%" or row["value"] <= 100
        after = reading(SEED, gauge, end)
        assert after is not None
        assert (gauge.low or 0) <= after < gauge.high


def test_readings_have_a_day_and_a_night(month: list[Row]) -> None:
    """Stores are warmer in the afternoon than before dawn, on the mean of a month."""
    warm, cold = (
        [
            row["value"]
            for row in of_kind(month, "reading")
            if row["unit"] == "℃" and row["time"][11:13] == hour
        ]
        for hour in ("15", "03")
    )
    assert sum(warm) / len(warm) > sum(cold) / len(cold) + 3


def test_the_year_has_alarms_mostly_low_and_lasting_minutes_to_hours(
    alarms: list[tuple[datetime, datetime, Row]],
) -> None:
    grades = Counter(row["severity"] for _, _, row in alarms)
    assert set(grades) == {"low", "high"}
    assert 2 * grades["high"] < grades["low"]
    assert all(timedelta(minutes=5) <= end - begin <= timedelta(hours=9) for begin, end, _ in alarms)


def test_tickets_are_open_for_hours_of_a_working_day(month: list[Row]) -> None:
    tickets = of_kind(month, "special_work")
    assert 10 < len(tickets) < 40
    for row in tickets:
        begin, end = (datetime.fromisoformat(row[name]) for name in ("time", "until"))
        assert 8 <= begin.hour < 16
        assert timedelta(hours=2) <= end - begin <= timedelta(hours=8)
        assert row["severity"] in {"special", "first", "second"}


def test_a_silent_sensor_says_nothing_for_weeks_and_comes_back() -> None:
    days = [START + n * DAY for n in range(1500)]
    gauge = next(one for one in GAUGES if any(is_silent(SEED, one.code, day.date()) for day in days))
    silent = [is_silent(SEED, gauge.code, day.date()) for day in days]
    first = silent.index(True)
    length = silent[first:].index(False)
    assert 7 <= length <= 21
    rows = events(days[first] - DAY, days[first + length] + DAY, [gauge], longest=YEAR)
    said = {row["time"][:10] for row in rows if row.get("sensor_code")}
    for n, quiet in enumerate(silent[first - 1 : first + length + 1], start=first - 1):
        assert (days[n].date().isoformat() in said) is not quiet


def test_after_a_long_rest_only_the_last_day_is_told_and_no_alarm_is_left_open(
    alarms: list[tuple[datetime, datetime, Row]],
) -> None:
    begin, end, row = next(one for one in alarms if one[1] - one[0] > timedelta(hours=1))
    stopped, back = begin + (end - begin) / 2, end + 60 * DAY
    told = events(stopped, back)
    readings = of_kind(told, "reading")
    assert min(datetime.fromisoformat(one["time"]) for one in readings) > back - DAY
    assert len(readings) <= len(GAUGES) * 24 * 60 // PACE_MIN
    cleared = [one for one in of_kind(told, CLEARED) if one["sensor_code"] == row["sensor_code"]]
    assert cleared[0]["time"] == end.isoformat()
    others = [one for one in of_kind(told, "alarm", "special_work") if one["time"] < (back - DAY).isoformat()]
    assert len(others) <= 3, "what began and ended in the rest is left out"


def test_an_alarm_that_began_in_the_rest_and_lasts_is_told(
    alarms: list[tuple[datetime, datetime, Row]],
) -> None:
    begin, end, row = next(one for one in alarms if one[1] - one[0] > timedelta(hours=1))
    back = begin + (end - begin) / 2
    told = events(begin - 9 * DAY, back, longest=timedelta(minutes=10))
    assert row in told

"""What comes and goes: each record on both sides of every start, step and end, against the model's own figures."""

from copy import deepcopy
from dataclasses import replace
from datetime import date, datetime, timedelta, timezone
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from riskmap.dynamic import (
    Danger,
    DynamicWeights,
    Event,
    Factor,
    Sensor,
    danger_factor,
    dynamic_lines,
    event_factor,
    next_step,
    silent_factor,
)
from riskmap.errors import BadInput
from riskmap.risk import total
from tests.riskmap.standard import edition

WEIGHTS = DynamicWeights.from_table(edition().table("dynamic"))
CLOCK = timezone(timedelta(hours=8))
NOON = datetime(2026, 7, 4, 12, tzinfo=CLOCK)
DANGER = Danger("D1", "general", "self", "氨阀填料渗漏", date(2026, 7, 1), due_on=date(2026, 7, 10))


def on(day: date, hour: int = 0) -> datetime:
    return datetime(day.year, day.month, day.day, hour, tzinfo=CLOCK)


def danger_points(danger: Danger, day: date) -> float | None:
    found = danger_factor(WEIGHTS, danger, on(day))
    return None if found is None else found.points / 1e6


@pytest.mark.parametrize(
    ("changes", "day", "points"),
    [
        ({}, date(2026, 6, 30), None),
        ({}, date(2026, 7, 1), 0),
        ({}, date(2026, 7, 10), 0),
        ({}, date(2026, 7, 11), 5),
        ({"extended_to": date(2026, 7, 20)}, date(2026, 7, 20), 0),
        ({"extended_to": date(2026, 7, 20)}, date(2026, 7, 21), 5),
        ({"due_on": None}, date(2027, 7, 1), 0),
        ({"found_by": "other"}, date(2026, 7, 1), 2),
        ({"found_by": None}, date(2026, 7, 1), 2),
        ({"found_by": "other"}, date(2026, 7, 11), 5),
        ({"grade": "major"}, date(2026, 7, 1), 10),
        ({"grade": "major", "listed_on": date(2026, 7, 5)}, date(2026, 7, 4), 10),
        ({"grade": "major", "listed_on": date(2026, 7, 5)}, date(2026, 7, 5), 15),
        ({"grade": "major", "listed_on": date(2026, 7, 5)}, date(2026, 7, 11), 20),
        ({"grade": "major"}, date(2026, 7, 11), 20),
        ({"grade": "major", "closed_on": date(2026, 7, 12)}, date(2026, 7, 11), 20),
        ({"grade": "major", "closed_on": date(2026, 7, 12)}, date(2026, 7, 12), None),
    ],
)
def test_a_danger_counts_by_its_day(changes: dict[str, object], day: date, points: float | None) -> None:
    assert danger_points(replace(DANGER, **changes), day) == points  # type: ignore[arg-type]


def event_points(event: Event, at: datetime) -> float | None:
    found = event_factor(WEIGHTS, event, at)
    return None if found is None else found.points / 1e6


@pytest.mark.parametrize(
    ("kind", "severity", "points"),
    [
        ("alarm", "low", 5),
        ("alarm", "high", 10),
        ("special_work", "second", 5),
        ("special_work", "special", 10),
        ("weather", "blue", 1),
        ("weather", "yellow", 2),
        ("weather", "orange", 4),
        ("weather", "red", 8),
        ("special_period", None, 2),
        ("commitment_missing", None, 3),
        ("check_missing", None, 3),
        ("reading", None, None),
        ("alarm", "middling", None),
    ],
)
def test_an_event_counts_while_it_lasts(kind: str, severity: str | None, points: float | None) -> None:
    event = Event("E1", kind, severity, NOON, NOON + timedelta(hours=3))
    assert event_points(event, NOON - timedelta(seconds=1)) is None
    assert event_points(event, NOON) == points
    assert event_points(event, NOON + timedelta(hours=3) - timedelta(microseconds=1)) == points
    assert event_points(replace(event, until=None), NOON + timedelta(days=400)) == points
    if kind != "alarm":
        assert event_points(event, NOON + timedelta(hours=3)) is None


def test_an_ended_alarm_goes_down_in_24_equal_hourly_steps() -> None:
    end = NOON + timedelta(minutes=20)
    alarm = Event("E1", "alarm", "high", NOON, end)
    values = [event_points(alarm, end + timedelta(hours=hour)) for hour in range(26)]
    assert values[0] == 10
    assert values[6] == 7.5
    assert values[12] == 5
    assert values[23] == pytest.approx(10 / 24, abs=5e-7)
    assert values[24:] == [None, None]
    steps = [a - b for a, b in pairwise(values) if a is not None and b is not None]
    assert all(abs(step - 10 / 24) < 2e-6 for step in steps)
    assert event_points(alarm, end + timedelta(minutes=59)) == 10


def test_a_silent_sensor_rises_at_each_midnight() -> None:
    sensor = Sensor("N1", "level", on(date(2026, 7, 1), 8), interval_s=86_400)
    expected = {
        on(date(2026, 7, 2), 7): None,
        on(date(2026, 7, 2), 23): None,
        on(date(2026, 7, 3), 0): 5,
        on(date(2026, 7, 3), 23): 5,
        on(date(2026, 7, 4), 0): 10,
        on(date(2026, 7, 5), 0): 15,
        on(date(2026, 9, 5), 0): 15,
    }
    for at, points in expected.items():
        found = silent_factor(WEIGHTS, sensor, at)
        assert (None if found is None else found.points / 1e6) == points, at


def test_the_heaviest_record_counts_in_full_and_the_others_one_fifth() -> None:
    factors = [
        Factor("danger", "danger/D2", 5_000_000, {}),
        Factor("alarm", "event/E1", 10_000_000, {}),
        Factor("danger", "danger/D1", 0, {}),
        Factor("danger", "danger/D3", 10_000_000, {}),
    ]
    lines = {line.record: line.value for line in dynamic_lines(factors, 200)}
    assert lines == {
        "danger/D1": 0,
        "danger/D2": 1_000_000,
        "danger/D3": 10_000_000,
        "event/E1": 2_000_000,
    }
    assert dynamic_lines([], 200) == []


points_of = st.integers(0, 20_000_000)


@given(st.lists(points_of, max_size=6), points_of)
def test_a_further_record_lowers_nothing_and_an_own_danger_in_date_adds_nothing(
    points: list[int], more: int
) -> None:
    factors = [Factor("danger", f"danger/D{n}", value, {}) for n, value in enumerate(points)]
    before = total(dynamic_lines(factors, 200))
    assert total(dynamic_lines([*factors, Factor("alarm", "event/E", more, {})], 200)) >= before
    own = danger_factor(WEIGHTS, DANGER, NOON)
    assert own is not None
    assert total(dynamic_lines([*factors, own], 200)) == before


@given(
    st.lists(st.tuples(st.integers(-3000, 3000), st.integers(1, 3000)), min_size=1, max_size=4),
    st.integers(0, 2000),
)
def test_nothing_changes_before_the_next_step(spans: list[tuple[int, int]], minute: int) -> None:
    """Between an instant and its next step no value differs; the step is never later than midnight."""
    events = [
        Event(
            f"E{n}",
            "alarm",
            "high",
            NOON + timedelta(minutes=start),
            NOON + timedelta(minutes=start + length),
        )
        for n, (start, length) in enumerate(spans)
    ]
    step = next_step(WEIGHTS, events, NOON)
    assert NOON < step <= on(date(2026, 7, 5))
    between = min(NOON + timedelta(minutes=minute), step - timedelta(microseconds=1))
    assert [event_points(event, between) for event in events] == [
        event_points(event, NOON) for event in events
    ]


@pytest.mark.parametrize(
    ("part", "field", "value"),
    [
        ("dangers", "overdue", 1),
        ("dangers", "major_listed", "9.5"),
        ("alarms", "decay_h", 0),
        ("silence", "most", 101),
    ],
)
def test_figures_that_cannot_be_meant_are_refused(part: str, field: str, value: object) -> None:
    table = deepcopy(dict(edition().table("dynamic")))
    table[part][field] = value
    with pytest.raises(BadInput, match=field):
        DynamicWeights.from_table(table)


def test_a_doubled_event_is_refused() -> None:
    table = deepcopy(dict(edition().table("dynamic")))
    table["events"].append(table["events"][0])
    with pytest.raises(BadInput, match="重复"):
        DynamicWeights.from_table(table)

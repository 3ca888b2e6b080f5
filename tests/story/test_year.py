"""A year of the demo city, day by day: both maps show colours, the official one keeps still, weather repaints nothing.

In `make test` a day of every month of one city; in the soak every day of two.
"""

from collections.abc import Iterator
from dataclasses import replace
from datetime import date, datetime, time, timedelta
from itertools import pairwise

import pytest
from sqlalchemy import Engine

from jobs.assessment import assess_records
from layers.city import stored_city
from layers.database import owner_engine, snapshot
from layers.history import CLOCK, moment
from layers.risk import Inputs, read_inputs
from tests.conftest import SOAK
from tests.database import Databases
from tests.demo_city import SEED, UNTIL, demo_history
from tests.laws import Table, table

DAYS = 365
STEP_DAYS = 1 if SOAK else 30
LEVELS = ("source", "enterprise", "place", "grid", "village", "township")
FLOOD = date(2025, 7, 4)
"""the day of the demo's city-wide red rainstorm warning"""
MOST_CHANGES = 6
OFTEN = 0.005, 0.12
"""on how many days the dynamic city is orange or red"""
MOST_VILLAGES = 0.15
"""that a city-wide red weather warning may colour otherwise"""


@pytest.fixture(scope="module", params=[SEED, 2] if SOAK else [SEED])
def city(
    request: pytest.FixtureRequest, databases: Databases, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Engine]:
    """A demo city with its year; another seed is another city."""
    name = demo_history(databases, tmp_path_factory.mktemp("demo"), request.param)
    with databases.fresh(name) as dsn:
        engine = owner_engine(dsn)
        yield engine
        engine.dispose()


def noon_of(city: Engine, day: date) -> Inputs:
    """The city at noon of a day, as it was known that evening."""
    with snapshot(city) as connection:
        return read_inputs(
            connection, datetime.combine(day, time(12), CLOCK), moment(connection, day.isoformat())
        )


def results(city: Engine, inputs: Inputs) -> Table:
    with snapshot(city) as connection:
        return table(assess_records(inputs, stored_city(connection).code))


@pytest.fixture(scope="module")
def year(city: Engine) -> dict[date, Table]:
    first = UNTIL - timedelta(days=DAYS)
    days = [first + timedelta(days=n) for n in range(0, DAYS, STEP_DAYS)]
    names = ["level", "base_level", "rise_level"]
    return {day: results(city, noon_of(city, day))[names] for day in days}


@pytest.mark.soak
@pytest.mark.timeout(3600)
def test_every_level_shows_three_colours_at_some_time(year: dict[date, Table]) -> None:
    for kind in LEVELS:
        for name in ("rise_level", "level"):
            shown = {colour for day in year.values() for colour in day.loc[kind, name]}
            assert len(shown) >= 3, (kind, name)


@pytest.mark.soak
@pytest.mark.timeout(3600)
def test_the_city_is_alarming_on_few_days(year: dict[date, Table]) -> None:
    colours = [day.loc["city", "rise_level"].iloc[0] for day in year.values()]
    alarming = sum(colour <= 2 for colour in colours) / len(colours)
    if SOAK:
        assert OFTEN[0] <= alarming <= OFTEN[1]
        assert len(set(colours)) >= 3
    assert colours.count(4) > len(colours) / 3, "it is calm on many days"
    assert alarming < 0.25


@pytest.mark.soak
@pytest.mark.timeout(3600)
def test_the_official_map_keeps_still(year: dict[date, Table]) -> None:
    kept = [day.loc["township", "base_level"] for _, day in sorted(year.items())]
    changes = sum(int((one != other).sum()) for one, other in pairwise(kept))
    assert changes <= MOST_CHANGES


@pytest.mark.soak
def test_weather_does_not_repaint_the_map(city: Engine) -> None:
    inputs = noon_of(city, FLOOD)
    events = inputs.records.events
    warning = (events["kind"] == "weather") & (events["severity"] == "red")
    assert warning.any()
    calm = replace(inputs, records=replace(inputs.records, events=events[~warning].reset_index(drop=True)))
    with_it, without = results(city, inputs).loc["village"], results(city, calm).loc["village"]
    assert (with_it["score"] > without["score"]).any()
    assert (with_it["base"] == without["base"]).all()
    for name in ("level", "rise_level"):
        assert (with_it[name] != without[name]).mean() <= MOST_VILLAGES, name

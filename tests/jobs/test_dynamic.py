"""Which dynamic records are in force at which source, from real rows and at the hours at which they begin and end."""

from datetime import datetime
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import shapely
from sqlalchemy import Engine

from jobs.dynamic import factors_of, step_after
from layers.database import snapshot
from layers.dynamic import Records, read_dynamic
from layers.history import CLOCK
from riskmap.dynamic import CLEARED, DynamicWeights
from tests.import_files import SOURCE_HEADER, at, load, load_areas
from tests.riskmap.standard import edition

WEIGHTS = DynamicWeights.from_table(edition().table("dynamic"))
EVENTS = "event_id,kind,severity,source_code,sensor_code,time,until,wkt"
AROUND_S1 = '"POLYGON ((112.29 28.79, 112.31 28.79, 112.31 28.81, 112.29 28.81, 112.29 28.79))"'

SOURCES = pd.DataFrame(
    {"code": ["E1-P", "S1", "S2"], "kind": ["premises", "lpg_store", "ferry"]}, dtype=object
)


def on(day: int, hour: int = 12, minute: int = 0) -> datetime:
    return datetime(2026, 3, day, hour, minute, tzinfo=CLOCK)


@pytest.fixture
def city(owner: Engine, tmp_path: Path) -> Engine:
    load_areas(owner, tmp_path)
    load(owner, tmp_path, "enterprises", "code,name,lon,lat", f"E1,甲,{at(0.2, 0.2)}")
    sources = f"S1,甲罐,lpg_store,E1,{at(0.2, 0.2)}", f"S2,渡口,ferry,,{at(1.5, 1.5)}"
    load(owner, tmp_path, "sources", SOURCE_HEADER, *sources)
    sensors = "code,source_code,kind,unit,interval_s", "N1,S1,level,m,86400", "N2,S2,level,m,"
    load(owner, tmp_path, "sensors", *sensors)
    return owner


def read(owner: Engine, instant: datetime) -> Records:
    with snapshot(owner) as connection:
        return read_dynamic(connection, instant, WEIGHTS)


def in_force(owner: Engine, instant: datetime, layer: str = "") -> dict[str, dict[str, float]]:
    """By source the records in force, of one layer or all, and their points."""
    sites = shapely.transform(
        shapely.from_wkt(["POINT (112.304 28.804)", "POINT (112.304 28.804)", "POINT (112.33 28.83)"]),
        _metres,
        interleaved=False,
    )
    found = factors_of(WEIGHTS, read(owner, instant), SOURCES, np.asarray(sites), instant)
    by_source = {
        SOURCES["code"][n]: {one.record: one.points / 1e6 for one in factors if one.record.startswith(layer)}
        for n, factors in sorted(found.items())
    }
    return {code: records for code, records in by_source.items() if records}


def _metres(x: np.ndarray, y: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    from layers.crs import metric_system  # noqa: PLC0415

    return metric_system(4547).to_metres(x, y)


def test_dangers_count_at_their_source_or_the_premises(city: Engine, tmp_path: Path) -> None:
    header = "code,source_code,enterprise_code,grade,title,found_by,found_on,due_on,closed_on,status"
    load(
        city,
        tmp_path,
        "dangers",
        header,
        "D1,S1,,general,x,other,2026-03-02,2026-03-05,2026-03-08,",
        "D2,,E1,major,x,self,2026-03-03,,,",
        "D3,S1,,general,x,other,2026-03-02,,,cancelled",
        "D4,S2,,general,x,other,2026-03-02,,,",
    )
    assert in_force(city, on(1), "danger/") == {}
    assert in_force(city, on(2), "danger/") == {"S1": {"danger/D1": 2}, "S2": {"danger/D4": 2}}
    assert in_force(city, on(6), "danger/") == {
        "E1-P": {"danger/D2": 10},
        "S1": {"danger/D1": 5},
        "S2": {"danger/D4": 2},
    }
    assert "S1" not in in_force(city, on(8), "danger/")


def test_an_alarm_lasts_until_its_sensor_is_normal_and_then_decays(city: Engine, tmp_path: Path) -> None:
    load(
        city,
        tmp_path,
        "events",
        EVENTS,
        "A1,alarm,high,,N1,2026-03-02T10:00:00+08:00,,",
        f"C1,{CLEARED},,,N1,2026-03-02T18:00:00+08:00,,",
        "A2,alarm,low,S2,,2026-03-02T10:00:00+08:00,2026-03-02T11:00:00+08:00,",
    )

    def alarms(instant: datetime) -> dict[str, float]:
        found = in_force(city, instant, "event/").values()
        return {name: value for records in found for name, value in records.items()}

    assert alarms(on(2, 9, 59)) == {}
    assert alarms(on(2, 10)) == {"event/A1": 10, "event/A2": 5}
    assert alarms(on(2, 18, 59)) == {"event/A1": 10, "event/A2": pytest.approx(5 * 17 / 24, abs=1e-6)}
    assert alarms(on(3, 6)) == {"event/A1": 5, "event/A2": pytest.approx(5 * 5 / 24, abs=1e-6)}
    assert alarms(on(3, 18)) == {}
    assert step_after(WEIGHTS, read(city, on(2, 12)), on(2, 12)) == on(2, 13)


def test_weather_works_on_what_it_can_harm_and_periods_on_all(city: Engine, tmp_path: Path) -> None:
    load(
        city,
        tmp_path,
        "events",
        EVENTS,
        "W1,weather,red,,,2026-03-02T10:00:00+08:00,2026-03-02T20:00:00+08:00,",
        f"W2,special_period,,,,2026-03-02T10:00:00+08:00,2026-03-02T20:00:00+08:00,{AROUND_S1}",
    )
    assert in_force(city, on(2, 12)) == {
        "E1-P": {"event/W2": 2},
        "S1": {"event/W2": 2},
        "S2": {"event/W1": 8},
    }
    assert in_force(city, on(2, 20)) == {}


def test_a_sensor_that_reported_is_not_silent(city: Engine, tmp_path: Path) -> None:
    """It came into use on 1 March; its next reading ends the silence, another sensor's does not."""
    assert in_force(city, on(2)) == {}
    assert in_force(city, on(4)) == {"S1": {"sensor/N1": 10}}
    load(city, tmp_path, "events", EVENTS, "R1,reading,,,N1,2026-03-04T08:00:00+08:00,,")
    assert in_force(city, on(4)) == {}
    assert in_force(city, on(6)) == {"S1": {"sensor/N1": 5}}

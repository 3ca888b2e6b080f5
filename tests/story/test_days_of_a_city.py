"""Some days of a city: a special period, an alarm, a danger that falls due; both maps move and come back."""

from datetime import datetime
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Engine

from jobs.explain import explain
from jobs.risk import assess
from layers.database import CITY, reading
from layers.history import CLOCK
from layers.records import fetch
from tests.import_files import at, load, load_areas

EVENTS = "event_id,kind,severity,source_code,sensor_code,time,until"
TANK, FIRM, VILLAGE, TOWNSHIP = "S1", "E1", "430981101201", "430981101"


def on(day: int, hour: int, minute: int = 0) -> datetime:
    return datetime(2026, 6, day, hour, minute, tzinfo=CLOCK)


@pytest.fixture
def city(owner: Engine, tmp_path: Path) -> Engine:
    """An ammonia store with a sensor beside a home of 1,000 people."""
    load_areas(owner, tmp_path)
    load(
        owner,
        tmp_path,
        "enterprises",
        "code,name,industry,workers,lon,lat",
        f"E1,冷冻厂,5951,30,{at(0.2, 0.2)}",
    )
    load(
        owner,
        tmp_path,
        "sources",
        "code,name,kind,enterprise_code,lon,lat",
        f"S1,氨罐,ammonia_cold_store,E1,{at(0.2, 0.2)}",
    )
    load(owner, tmp_path, "inventory", "source_code,cas,quantity_t,as_of", "S1,7664-41-7,6,2026-05-01")
    load(owner, tmp_path, "population", "code,people,lon,lat", f"P1,1000,{at(0.22, 0.2)}")
    load(owner, tmp_path, "sensors", "code,source_code,kind,unit,interval_s", "N1,S1,氨浓度,ppm,")
    return owner


def levels(owner: Engine, reader: Engine, instant: datetime) -> dict[str, dict[str, Any]]:
    """Run at an instant; the records of the tank, the enterprise, its village, the township and the city."""
    assess(owner, actor="test", at=instant)
    with reading(reader, CITY) as connection:
        found = {
            kind: fetch(connection, kind, code).items[0]
            for kind, code in (
                ("source", TANK),
                ("enterprise", FIRM),
                ("village", VILLAGE),
                ("township", TOWNSHIP),
                ("city", "430981"),
            )
        }
    for kind, record in found.items():
        lines = explain(owner, reader, CITY, kind, record["code"])["contributions"]
        assert sum(round(line["value"] * 1e6) for line in lines) == round(record["score"] * 1e6), kind
    return found


def told(owner: Engine, reader: Engine, kind: str, code: str) -> list[str]:
    """The kinds of line of an account that are dynamic records'."""
    calm = {
        "source",
        "inventory",
        "kind_points",
        "premises",
        "exposure_grid",
        "exposure_target",
        "floor",
        "raise_rule",
    }
    lines = explain(owner, reader, CITY, kind, code)["contributions"]
    return sorted(line["kind"] for line in lines if line["kind"] not in calm)


def test_both_maps_move_and_come_back(city: Engine, reader: Engine, tmp_path: Path) -> None:
    quiet = levels(city, reader, on(1, 8))
    for kind, record in quiet.items():
        assert (record["rise"], record["rise_level"]) == (0, "blue"), kind
        assert (record["score"], record["level"]) == (record["base_score"], record["base_level"]), kind

    def step(
        instant: datetime, rise: float, rise_level: str, *going_on: str, free: str = ""
    ) -> dict[str, dict[str, Any]]:
        """The tank's rise at an instant and what makes it; everywhere the baseline is that of the quiet day.

        What is `free` stands in the tank's own account with nothing, and in no other.
        """
        now = levels(city, reader, instant)
        for kind, record in now.items():
            assert record["base_score"] == quiet[kind]["base_score"], kind
            assert record["base_level"] == quiet[kind]["base_level"], kind
            assert record["rise"] == pytest.approx(record["score"] - record["base_score"])
        assert now["source"]["rise"] == pytest.approx(rise, abs=1e-5)
        assert now["source"]["rise_level"] == rise_level
        for kind, code in (("source", TANK), ("village", VILLAGE), ("township", TOWNSHIP)):
            own = {free} - {""} if kind == "source" else set()
            assert set(told(city, reader, kind, code)) == {*going_on, *own}, kind
        assert (now["village"]["rise"] > 0) == bool(going_on)
        return now

    load(
        city,
        tmp_path,
        "events",
        EVENTS,
        "V1,special_period,,,,2026-06-02T00:00:00+08:00,2026-06-04T00:00:00+08:00",
    )
    step(on(2, 1), 2, "yellow", "special_period")
    load(city, tmp_path, "events", EVENTS, "A1,alarm,high,,N1,2026-06-02T10:00:00+08:00,")
    alarmed = step(on(2, 10, 1), 10 + 0.2 * 2, "orange", "alarm", "special_period")
    assert alarmed["village"]["rise"] > 2, "who stands beside it is told by the map"
    load(city, tmp_path, "events", EVENTS, "C1,alarm_cleared,,,N1,2026-06-02T12:00:00+08:00,")
    step(on(2, 12, 30), 10 + 0.2 * 2, "orange", "alarm", "special_period")
    step(on(2, 18, 30), 10 * 18 / 24 + 0.2 * 2, "orange", "alarm", "special_period")
    header = "code,source_code,grade,title,found_by,found_on,due_on,closed_on"
    load(city, tmp_path, "dangers", header, "D1,S1,general,阀门锈蚀,self,2026-05-20,2026-06-03,")
    step(on(3, 11, 30), 2 + 0.2 * 10 / 24, "yellow", "alarm", "special_period", free="danger")
    step(on(4, 9), 5, "yellow", "danger")
    named = explain(city, reader, CITY, "township", TOWNSHIP)["contributions"]
    assert any("阀门锈蚀" in line["label"] and line["record"] == "danger/D1" for line in named)
    load(city, tmp_path, "dangers", header, "D1,S1,general,阀门锈蚀,self,2026-05-20,2026-06-03,2026-06-05")
    after = step(on(5, 9), 0, "blue")
    for kind, record in after.items():
        names = ("score", "level", "base_score", "base_level", "rise", "rise_level")
        assert {name: record[name] for name in names} == {name: quiet[kind][name] for name in names}, kind


def test_an_incident_raises_the_areas_until_it_is_lifted(
    city: Engine, reader: Engine, tmp_path: Path
) -> None:
    quiet = levels(city, reader, on(1, 8))
    load(
        city,
        tmp_path,
        "events",
        EVENTS,
        "I1,incident,,S1,,2026-06-01T09:00:00+08:00,2026-06-01T15:00:00+08:00",
    )
    during = levels(city, reader, on(1, 9, 5))
    for kind in ("village", "township"):
        assert (during[kind]["level"], during[kind]["rise_level"]) == ("red", "red"), kind
        assert during[kind]["base_level"] == quiet[kind]["base_level"]
        assert during[kind]["score"] == quiet[kind]["score"], "it raises a colour, not a score"
    assert during["city"]["level"] in ("orange", "red")
    lines = explain(city, reader, CITY, "township", TOWNSHIP)["contributions"]
    assert [line["record"] for line in lines if line["kind"] == "raise_rule"][-1] == "event/I1"
    lifted = levels(city, reader, on(1, 15, 1))
    assert {kind: record["level"] for kind, record in lifted.items()} == {
        kind: record["level"] for kind, record in quiet.items()
    }

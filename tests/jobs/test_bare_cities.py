"""Cities with less than everything: each still gets what its records allow, and nothing invented."""

import json
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Engine

from jobs.explain import explain
from jobs.imports import import_file
from jobs.risk import assess
from layers.database import CITY, reading
from layers.records import fetch

SOURCES = "code,name,kind,lon,lat\nS1,氨站,ammonia_cold_store,112.36,28.85\nS2,渡口,ferry,112.5,28.9\n"
INVENTORY = "source_code,substance,quantity_t\nS1,液氨,12\n"
POPULATION = "code,people,lon,lat\nP1,60,112.362,28.85\nP2,1500,112.37,28.85\n"


def load(owner: Engine, folder: Path, **layers: str) -> None:
    for layer, content in layers.items():
        path = folder / f"{layer}.{'geojson' if content.startswith('{') else 'csv'}"
        path.write_text(content, encoding="utf-8")
        import_file(owner, layer, path)


def township(code: str, west: float, level: str = "township", **more: Any) -> dict[str, Any]:
    ring = [[west, 28.8], [west + 0.1, 28.8], [west + 0.1, 28.9], [west, 28.9], [west, 28.8]]
    return {
        "type": "Feature",
        "properties": {"code": code, "name": code, "level": level, **more},
        "geometry": {"type": "Polygon", "coordinates": [ring]},
    }


def collection(*features: dict[str, Any]) -> str:
    return json.dumps({"type": "FeatureCollection", "features": list(features)})


def one(reader: Engine, kind: str, code: str) -> dict[str, Any]:
    with reading(reader, CITY) as connection:
        return fetch(connection, kind, code).items[0]


def test_an_empty_city_has_no_level(owner: Engine, reader: Engine) -> None:
    run = assess(owner, actor="test")
    assert run["levels"]["source"] == {"red": 0, "orange": 0, "yellow": 0, "blue": 0}
    assert one(reader, "city", "430981")["score"] is None
    assert explain(owner, reader, CITY, "city", "430981")["contributions"] == []


def test_sources_alone_are_coloured_with_what_is_known(owner: Engine, reader: Engine, tmp_path: Path) -> None:
    load(owner, tmp_path, sources=SOURCES, inventory=INVENTORY)
    assess(owner, actor="test")
    ammonia, ferry = one(reader, "source", "S1"), one(reader, "source", "S2")
    assert ammonia["s"] == 1.2
    assert {ammonia[name] for name in ("r", "alpha", "grade", "people_500m")} == {None}
    assert ammonia["confidence"] == "D"
    assert ammonia["level"] == "yellow"
    assert ferry["s"] is None
    assert ferry["score"] > 0
    assert one(reader, "city", "430981")["level"] is None


def test_people_without_areas_give_grade_and_city(owner: Engine, reader: Engine, tmp_path: Path) -> None:
    load(owner, tmp_path, sources=SOURCES, inventory=INVENTORY, population=POPULATION)
    assess(owner, actor="test")
    ammonia = one(reader, "source", "S1")
    assert (ammonia["people_500m"], ammonia["alpha"], ammonia["grade"]) == (60, 1.5, 4)
    assert ammonia["r"] == pytest.approx(1.2 * 2 * 1.5)
    city = explain(owner, reader, CITY, "city", "430981")
    assert city["score"] > 0
    assert {line["record"] for line in city["contributions"]} == {"source/S1"}


def test_townships_and_people_are_enough(owner: Engine, reader: Engine, tmp_path: Path) -> None:
    areas = collection(township("T1", 112.3), township("T2", 112.45))
    load(owner, tmp_path, areas=areas, sources=SOURCES, inventory=INVENTORY, population=POPULATION)
    assess(owner, actor="test")
    first, second = one(reader, "township", "T1"), one(reader, "township", "T2")
    assert first["score"] > 0 == second["score"]
    assert first["sources"] == second["sources"] == 1
    assert one(reader, "city", "430981")["score"] == pytest.approx(first["score"] / 3, abs=2e-6)


def test_grid_units_stand_in_for_a_population_layer(owner: Engine, reader: Engine, tmp_path: Path) -> None:
    areas = collection(township("T1", 112.3), township("G1", 112.3, "grid", people=9000, parent_code="T1"))
    load(owner, tmp_path, areas=areas, sources=SOURCES, inventory=INVENTORY)
    assess(owner, actor="test")
    ammonia, unit = one(reader, "source", "S1"), one(reader, "grid", "G1")
    hectares_in_circle, hectares_in_unit = 3.14159 * 25, 9.75 * 11.08 * 100
    assert ammonia["people_500m_exact"] == pytest.approx(
        9000 * hectares_in_circle / hectares_in_unit, rel=0.01
    )
    assert unit["residents_and_day"] == 9000
    answer = explain(owner, reader, CITY, "grid", "G1")
    assert sum(line["value"] for line in answer["contributions"]) == pytest.approx(unit["score"])


def test_a_closed_source_counts_nowhere(owner: Engine, reader: Engine, tmp_path: Path) -> None:
    load(owner, tmp_path, sources=SOURCES, population=POPULATION)
    assess(owner, actor="test")
    before = one(reader, "city", "430981")["score"]
    closed = (
        "code,name,kind,status,closed_on,lon,lat\nS1,氨站,ammonia_cold_store,closed,2026-01-01,112.36,28.85\n"
    )
    load(owner, tmp_path, sources=closed)
    assess(owner, actor="test")
    assert one(reader, "city", "430981")["score"] < before
    assert one(reader, "source", "S1")["score"] is None

"""An imagined accident in a large city: the whole answer within two seconds, whatever its reach."""

from decimal import Decimal
from typing import Any

import pytest
from sqlalchemy import text

from jobs.incident import what_if
from jobs.incident_asked import Asked
from layers.database import CITY, Identity, owner_engine, reader_engine, writing
from layers.history import open_revision
from tests.benchmarks.ratios import Size, seconds

pytestmark = [pytest.mark.bench, pytest.mark.timeout(1800)]

MOST_S = 2.0
SIDE_M = 60_000.0
"""Side of the square city; its south-western corner in metres follows."""
WEST_M, SOUTH_M = 310_000.0, 3_160_000.0
TOWNSHIP = "430981006"
CASES: dict[str, dict[str, Any]] = {
    "fire and explosion": {"substance": "液化石油气", "quantity_t": Decimal(90)},
    "plume of 10 km": {
        "substance": "氨",
        "quantity_t": Decimal(100),
        "wind_from": "NE",
        "wind_m_s": 1.5,
        "stability": "F",
    },
    "any direction, 10 km": {"substance": "氨", "quantity_t": Decimal(100)},
}


_CELLS = f"""(
  SELECT 'G' || x || '-' || y AS g, '430981' || lpad((x * 14 / :k)::text, 3, '0') AS t,
         ST_MakeEnvelope({WEST_M} + x * :cell, {SOUTH_M} + y * :cell, {WEST_M} + (x + 1) * :cell,
                         {SOUTH_M} + (y + 1) * :cell, 4547) AS m
  FROM generate_series(0, :k - 1) x, generate_series(0, :k - 1) y) cells"""
_STREWN = f"""(
  SELECT i, ST_SetSRID(ST_MakePoint({WEST_M} + {SIDE_M} * ((i * 0.7548776662466927) % 1),
                                    {SOUTH_M} + {SIDE_M} * ((i * 0.5698402909980532) % 1)), 4547) AS m
  FROM generate_series(1, :n) i) strewn"""
_PLACED = "geom, geom_m"
_AT = "ST_Transform(m, 4490), m"
_ROWS = {
    "area": (f"code, name, level, people, township_code, {_PLACED}", f"g, g, 'grid', 30, t, {_AT}", _CELLS),
    "population": (
        f"code, people, people_day, grid_code, township_code, {_PLACED}",
        f"g, 30, 20, g, t, {_AT}",
        _CELLS,
    ),
    "duty": (
        "code, person, role, object_layer, object_code, phone, township_code",
        "g, 'p', 'grid_officer', 'area', g, '000', t",
        _CELLS,
    ),
    "target": (
        f"code, name, target_class, people_day, people_night, {_PLACED}",
        f"'T' || i, 't', 'important', 90, 9, {_AT}",
        _STREWN,
    ),
    "source": (f"code, name, kind, {_PLACED}", f"'S' || i, 's', 'lpg_store', {_AT}", _STREWN),
    "resource": (
        f"code, name, kind, {_PLACED}",
        f"'R' || i, 'r', (ARRAY['fire_station', 'hospital'])[1 + i % 2], {_AT}",
        _STREWN,
    ),
}


def fill(dsn: str, size: Size) -> None:
    """Grid units and people's places side by side, targets and sources strewn over them, persons for every unit."""
    k = round(size.polygons**0.5)
    numbers = {"target": size.polygons, "source": size.sources, "resource": 400}
    engine = owner_engine(dsn)
    for layer, (columns, values, rows) in _ROWS.items():
        with writing(engine) as connection:
            rev = open_revision(connection, "bench", "incident", None)
            statement = f"INSERT INTO {layer} ({columns}, valid_from, rev) SELECT {values}, '2026-01-01', :rev FROM {rows}"
            given = {"rev": rev, "k": k, "cell": SIDE_M / k, "n": numbers.get(layer)}
            connection.execute(
                text(statement), {name: given[name] for name in given if f":{name}" in statement}
            )
    with engine.begin() as connection:
        connection.execute(text("ANALYZE"))
    engine.dispose()


def test_an_answer_takes_less_than_two_seconds(
    database: str, size: Size, capsys: pytest.CaptureFixture[str]
) -> None:
    fill(database, size)
    reader = reader_engine(database)
    here: dict[str, Any] = {"lon": 112.36, "lat": 28.85, "time": "2026-06-01T12:00"}
    for who, identity in (("city", CITY), ("township", Identity("t", "township", TOWNSHIP))):
        for name, case in CASES.items():
            asked = Asked(**here, **case)
            answer = what_if(reader, identity, asked)
            assert answer["targets"] or who == "township"
            took = seconds(lambda asked=asked, identity=identity: what_if(reader, identity, asked), rounds=3)  # type: ignore[misc]
            with capsys.disabled():
                print(
                    f"\n{size.name}  incident, {who}, {name}: {took:.3f} s (promised: {MOST_S:g} s), {answer['people']} people"
                )
            assert took < MOST_S
    reader.dispose()

"""A proposal in a large city, and the search of it: one verdict, every cell, and what a loop of verdicts would take."""

from typing import Any

import pytest
from sqlalchemy import text

from jobs.siting import verdict_on
from jobs.siting_search import search
from layers.database import CITY, owner_engine, reader_engine, writing
from layers.history import open_revision
from tests.benchmarks.ratios import Size, seconds
from tests.benchmarks.test_incident import SIDE_M, SOUTH_M, WEST_M, fill

pytestmark = [pytest.mark.bench, pytest.mark.timeout(1800)]

MOST_S = {"S": 0.3, "M": 0.3, "L": 1.0}
"""for one verdict"""
SEARCH_S = 10.0
FASTER_THAN_A_LOOP = 20.0
LPG = [{"substance": "丙烷", "quantity_t": 90}]
CASES: list[dict[str, Any]] = [
    {"kind": "lpg_store", "inventory": LPG},
    {"kind": "school", "people": 400},
    {"kind": "filling_station", "inventory": [{"substance": "汽油", "quantity_t": 60}]},
]
OUTLINE = f"ST_MakeEnvelope({WEST_M}, {SOUTH_M}, {WEST_M + SIDE_M}, {SOUTH_M + SIDE_M}, 4547)"
CITY_AREA = (
    "INSERT INTO area (code, name, level, geom, geom_m, valid_from, rev)"
    f" SELECT '430981', 'c', 'city', ST_Transform({OUTLINE}, 4490), {OUTLINE}, '2026-01-01', :rev"
)


def test_one_verdict_and_the_whole_city(
    database: str, size: Size, capsys: pytest.CaptureFixture[str]
) -> None:
    """360,000 cells of 100 m: more than 沅江 has."""
    fill(database, size)
    owner, reader = owner_engine(database), reader_engine(database)
    with writing(owner) as connection:
        connection.execute(text(CITY_AREA), {"rev": open_revision(connection, "bench", "siting", None)})
    owner.dispose()
    here = {"type": "Point", "coordinates": [112.36, 28.85]}
    for case in CASES:
        one = seconds(lambda case=case: verdict_on(reader, CITY, case | {"geometry": here}), rounds=5)  # type: ignore[misc]
        every = seconds(lambda case=case: search(reader, CITY, case), rounds=2)  # type: ignore[misc]
        cells = search(reader, CITY, case | {"cell_m": 1000})["cells"] * 100
        with capsys.disabled():
            print(
                f"\n{size.name}  siting, {case['kind']}: {one:.3f} s (promised: {MOST_S[size.name]:g} s), whole city"
                f" {every:.2f} s (promised: {SEARCH_S:g} s), {cells * one / every:,.0f}x a loop"
            )
        assert one < MOST_S[size.name]
        assert size.name == "L" or every < SEARCH_S
        assert cells * one / every > FASTER_THAN_A_LOOP
    reader.dispose()

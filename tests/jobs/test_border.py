"""A source that moves one metre across the border of two townships: both leaders go on knowing of it, on real PostGIS."""

from datetime import timedelta
from pathlib import Path

import pytest
from sqlalchemy import Engine

from jobs.alerts import run_alerts
from jobs.risk import assess
from layers.alert_ledger import warning_page
from layers.database import Identity, reading
from tests.import_files import (
    AREA_HEADER,
    SOURCE_HEADER,
    SOUTH,
    STEP,
    WEST,
    at,
    evening,
    load,
    load_areas,
    rows,
    square,
)

EAST_CODE, WEST_CODE = "430981102", "430981101"
BORDER = WEST + 2 * STEP
HALF_METRE_DEG = 0.5 / 97_500
"""of longitude, at this latitude"""


def _at_border(side: int) -> str:
    """Half a metre west (-1) or east (1) of the border."""
    return f"{BORDER + side * HALF_METRE_DEG:.9f},{SOUTH + 0.2 * STEP:.9f}"


@pytest.fixture
def folder(owner: Engine, tmp_path: Path) -> Path:
    """Two townships with people on both sides of their border, their leaders, and a store of gas just west of it."""
    load(owner, tmp_path, "areas", AREA_HEADER, f"430981,某市,city,,{square(0, 0, 6)}")
    load_areas(owner, tmp_path)
    people = f"P1,900,{at(1.9, 0.2)}", f"P2,900,{at(2.1, 0.2)}"
    load(owner, tmp_path, "population", "code,people,lon,lat", *people)
    duty = "code,person,role,object_layer,object_code,phone"
    leaders = f"U1,甲镇长,leader,area,{WEST_CODE},1", f"U2,乙镇长,leader,area,{EAST_CODE},2"
    load(owner, tmp_path, "duty", duty, *leaders, "U3,市值班,duty_officer,area,430981,3")
    assess(owner, actor="test", at=evening())
    run_alerts(owner, actor="test", at=evening())
    return tmp_path


def _told(owner: Engine, minute: int) -> list[tuple[str, str, str, str]]:
    """What the outbox has of a pass at some minute: (person, reason, kind, side), by the news that leads."""
    (last,) = rows(owner, "SELECT coalesce(max(delivery_id), 0) FROM delivery")
    run_alerts(owner, actor="test", at=evening() + timedelta(minutes=minute))
    query = "SELECT d.person, d.reason, w.kind, w.side FROM delivery d JOIN warning w USING (warning_id)"
    return rows(owner, f"{query} WHERE delivery_id > {last[0]} AND d.channel = 'in_app' ORDER BY 1, 2, 3")


def _open(reader: Engine, township: str) -> dict[str, tuple[str, str | None]]:
    """What a township sees that is so: by kind from which side, and the record's code as far as it may know it."""
    with reading(reader, Identity("x", "township", township)) as connection:
        found = warning_page(connection, open_only=True).items
    return {one["kind"]: (one["side"], one["record_code"]) for one in found}


def test_one_metre_across_the_border_keeps_both_informed(owner: Engine, reader: Engine, folder: Path) -> None:
    load(owner, folder, "sources", SOURCE_HEADER, f"S1,边界气站,lpg_store,,{_at_border(-1)}")
    load(owner, folder, "inventory", "source_code,substance,quantity_t", "S1,液化石油气,3000")
    assess(owner, actor="test", at=evening())
    own = dict.fromkeys(("level", "inventory", "near", "due"), ("own", "S1"))
    abroad = {"near": ("neighbour", None)}
    assert _told(owner, 10) == [("市值班", "first", "level", "own"), ("甲镇长", "first", "level", "own")]
    assert _told(owner, 11) == [("乙镇长", "first", "near", "neighbour")]
    assert (_open(reader, WEST_CODE), _open(reader, EAST_CODE)) == (own, abroad)

    load(owner, folder, "sources", SOURCE_HEADER, f"S1,边界气站,lpg_store,,{_at_border(1)}")
    assess(owner, actor="test", at=evening())
    assert rows(owner, "SELECT township_code FROM source") == [(EAST_CODE,)]
    moved = _told(owner, 30)
    assert ("乙镇长", "first", "level", "own") in moved
    assert ("甲镇长", "changed", "near", "neighbour") in moved
    (text,) = rows(owner, "SELECT text FROM delivery WHERE person = '甲镇长' AND reason = 'changed'")[0]
    assert "相邻辖区东" in text
    assert "S1" not in text
    assert _told(owner, 95) == [("市值班", "cleared", "level", "own"), ("甲镇长", "cleared", "level", "own")]
    (text,) = rows(owner, "SELECT text FROM delivery WHERE person = '甲镇长' ORDER BY delivery_id DESC")[0]
    assert "原因：已移至相邻辖区" in text
    assert (_open(reader, WEST_CODE), _open(reader, EAST_CODE)) == (abroad, own)

"""Large loads: indexes are taken away and come back as they were, with the same rows and the same history."""

from pathlib import Path

import pytest
from sqlalchemy import Engine

from layers import bulk
from layers.audit import verify
from layers.database import snapshot
from tests.import_files import at, load, load_areas, rows

INDEXES = """SELECT pg_get_indexdef(indexrelid), indisprimary FROM pg_index
             WHERE indrelid = 'enterprise'::regclass ORDER BY 1"""
HEADER = "code,name,lon,lat"


def test_indexes_come_back(owner: Engine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    load_areas(owner, tmp_path)
    before = rows(owner, INDEXES)
    assert any("gist" in definition for definition, _ in before)
    oids = "SELECT indexrelid FROM pg_index WHERE indrelid = 'enterprise'::regclass"
    old = set(rows(owner, oids))
    monkeypatch.setattr(bulk, "_BULK", 50)
    firms = [f"E{n:03},甲{n},{at(n % 20 / 10, n // 20 / 10)}" for n in range(100)]
    assert load(owner, tmp_path, "enterprises", HEADER, *firms).inserted == 100
    assert rows(owner, INDEXES) == before
    rebuilt = set(rows(owner, oids))
    assert not old & rebuilt, "the load was large enough to build them anew"

    more = [f"F{n:03},乙{n},{at(n % 20 / 10, n // 20 / 10)}" for n in range(60)]
    assert load(owner, tmp_path, "enterprises", HEADER, *more).inserted == 60
    assert set(rows(owner, oids)) == rebuilt, "fewer than the table holds: its indexes grow"
    assert rows(owner, "SELECT count(*), count(DISTINCT grid_code) > 1 FROM enterprise") == [(160, True)]
    with snapshot(owner) as connection:
        assert verify(connection) == []

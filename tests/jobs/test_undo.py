"""Taking an import back: what it leaves, what it refuses, and that the past stays as it was known."""

import datetime as dt
import os
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import Engine, select, text

from jobs.imports import import_file
from jobs.undo import undo
from layers.audit import verify
from layers.database import snapshot, writing
from layers.fields import TABLES
from layers.history import as_known, as_of, open_revision
from layers.schema import metadata
from layers.undoing import imports
from riskmap.errors import NotFound, Refused
from tests.import_files import (
    AREA_HEADER,
    FIRM_HEADER,
    SOURCE_HEADER,
    at,
    evening,
    load,
    load_areas,
    load_chain,
    rows,
    square,
    write,
)

State = dict[str, dict[str, tuple[Any, ...]]]
_OWN = {"rev", "valid_from", "rev_to", "valid_to", "gone"}

IMPORTS = {
    "areas": (AREA_HEADER, f"430981104,丁镇,township,430981,{square(5, 5)}"),
    "enterprises": (FIRM_HEADER, f"E2,乙,,{at(0.6, 0.2)}"),
    "sources": (SOURCE_HEADER, f"S2,乙罐,lpg_store,E1,{at(0.6, 0.2)}"),
    "inventory": ("source_code,substance,quantity_t", "S1,氨,7", "S1,氯,1"),
    "targets": (
        "code,name,target_class,people_day,people_night,lon,lat",
        f"T1,校,important,10,0,{at(0.3, 0.3)}",
    ),
    "population": ("code,people,lon,lat", f"P1,12,{at(0.3, 0.3)}"),
    "sensors": ("code,source_code,kind,unit", "N1,S1,pressure,MPa", "N2,S1,level,m"),
    "dangers": (
        "code,source_code,grade,title,found_on",
        "D1,S1,general,y,2026-02-01",
        "D9,S1,major,x,2026-02-02",
    ),
    "events": ("event_id,kind,source_code,time", "e1,alarm,S1,2026-03-01", "e2,alarm,S1,2026-03-02"),
    "resources": ("code,name,kind,lon,lat", f"R1,站,fire_station,{at(0.3, 0.3)}"),
    "duty": (
        "code,person,role,object_layer,object_code",
        "Z1,丙,principal,source,S1",
        "Z3,甲,leader,source,S1",
    ),
    "lines": ("code,name,kind,wkt", 'L1,路,road,"LINESTRING (112.301 28.801, 112.31 28.81)"'),
    "zones_external": (
        "code,name,source_code,kind,wkt",
        f"X1,区,S1,toxic,{square(0, 0)}",
    ),
    "zone_records": ("code,zone_code,kind,title,unit_code", "J1,Z0123456789,agreement,协议,E1"),
}


def state(owner: Engine, rev: int | None = None, day: dt.date | None = None) -> State:
    """Every record of every layer now, as known at a revision, or as of a day known then; without its history."""
    found: State = {}
    with snapshot(owner) as connection:
        for name in TABLES:
            table: Any = metadata.tables[name]
            if rev is not None:
                table = as_known(name, rev) if day is None else as_of(name, day, rev)
            columns = [c for c in table.c if c.name not in _OWN]
            found[name] = {row.code: tuple(map(str, row)) for row in connection.execute(select(*columns))}
    return found


def last_rev(owner: Engine) -> int:
    return int(rows(owner, "SELECT rev FROM head")[0][0])


def sound(owner: Engine) -> None:
    with writing(owner) as connection:
        assert verify(connection) == []


def test_every_layer_is_covered() -> None:
    assert {layer.name for layer in TABLES.values()} == set(IMPORTS)


@pytest.mark.parametrize("layer", IMPORTS)
def test_an_import_is_taken_back_and_done_again(owner: Engine, tmp_path: Path, layer: str) -> None:
    load_areas(owner, tmp_path)
    load_chain(owner, tmp_path)
    before, known = state(owner), last_rev(owner)
    report = load(owner, tmp_path, layer, *IMPORTS[layer], at=evening(1))
    assert report.rev is not None
    after = state(owner)
    assert after != before
    back = undo(owner, report.rev, at=evening(2))
    assert state(owner) == before
    assert state(owner, known) == before
    assert state(owner, report.rev) == after
    for day in (evening(-400), evening(-1), evening(), evening(1), evening(9)):
        assert state(owner, back.rev, day.date()) == state(owner, known, day.date())
    assert back.rev is not None
    again = undo(owner, back.rev, at=evening(3))
    assert state(owner) == after
    for day in (evening(-400), evening(), evening(1), evening(9)):
        assert state(owner, again.rev, day.date()) == state(owner, report.rev, day.date())
    sound(owner)


def test_the_ledger_says_what_is_undone(owner: Engine, reader: Engine, tmp_path: Path) -> None:
    first = load(owner, tmp_path, "enterprises", FIRM_HEADER, f"E1,甲,,{at(0, 0)}", actor="somebody")
    assert first.rev is not None
    back = undo(owner, first.rev, actor="other")
    with snapshot(owner) as connection:
        told = {one["rev"]: one for one in imports(connection)}
    assert told[first.rev]["actor"] == "somebody"
    assert told[first.rev]["layers"] == [{"layer": "enterprises", "op": "insert", "rows": 1}]
    assert told[first.rev]["undone_by"] == back.rev
    with pytest.raises(Refused, match=f"已由修订 {back.rev} 撤销"):
        undo(owner, first.rev)
    assert back.rev is not None
    redo = undo(owner, back.rev)
    with snapshot(owner) as connection:
        told = {one["rev"]: one for one in imports(connection)}
    assert (told[first.rev]["undone_by"], told[back.rev]["undone_by"]) == (None, redo.rev)
    reasons = rows(owner, f"SELECT reason FROM revision WHERE rev = {back.rev}")
    assert str(first.rev) in reasons[0][0]


def test_a_dry_run_of_an_undo_writes_nothing(owner: Engine, tmp_path: Path) -> None:
    report = load(owner, tmp_path, "enterprises", FIRM_HEADER, f"E1,甲,,{at(0, 0)}")
    assert report.rev is not None
    told = undo(owner, report.rev, dry_run=True).to_json()
    assert told["layers"] == [{"layer": "enterprises", "ended": 1, "restored": 0, "returned": 0}]
    assert (told["rev"], last_rev(owner)) == (None, report.rev)


def test_what_is_no_import_is_not_undone(owner: Engine, tmp_path: Path) -> None:
    with writing(owner) as connection:
        run = open_revision(connection, "test", "assess", None)
    with pytest.raises(Refused, match="不是数据导入"):
        undo(owner, run)
    for rev in (0, -1, run + 1):
        with pytest.raises(NotFound):
            undo(owner, rev)


def refused(owner: Engine, rev: int | None) -> list[tuple[str, str, str, int | None]]:
    assert rev is not None
    before = last_rev(owner)
    with pytest.raises(Refused) as caught:
        undo(owner, rev)
    assert last_rev(owner) == before
    found = caught.value.facts["conflicts"]
    assert caught.value.facts["total"] == len(found)
    return [(one["layer"], one["code"], one["why"], one["rev"]) for one in found]


def test_a_record_changed_since_forbids_it(owner: Engine, tmp_path: Path) -> None:
    first = load(owner, tmp_path, "enterprises", FIRM_HEADER, f"E1,甲,,{at(0, 0)}", f"E2,乙,,{at(0, 1)}")
    later = load(owner, tmp_path, "enterprises", FIRM_HEADER, f"E2,丙,,{at(0, 1)}")
    assert refused(owner, first.rev) == [("enterprises", "E2", "changed", later.rev)]
    assert later.rev is not None
    undo(owner, later.rev)
    assert first.rev is not None
    assert undo(owner, first.rev).layers[0].ended == 2  # with the later change gone nothing stands in the way
    assert rows(owner, "SELECT count(*) FROM enterprise") == [(0,)]


def test_a_record_that_names_one_forbids_it(owner: Engine, tmp_path: Path) -> None:
    first = load(owner, tmp_path, "enterprises", FIRM_HEADER, f"E1,甲,,{at(0, 0)}")
    source = load(owner, tmp_path, "sources", SOURCE_HEADER, f"S1,罐,lpg_store,E1,{at(0, 0)}")
    duty = load(owner, tmp_path, "duty", *IMPORTS["duty"])
    assert refused(owner, first.rev) == [("sources", "S1", "names", source.rev)]
    assert refused(owner, source.rev) == [
        ("duty", "Z1", "names", duty.rev),
        ("duty", "Z3", "names", duty.rev),
    ]


def test_a_record_that_lies_in_an_area_forbids_it(owner: Engine, tmp_path: Path) -> None:
    load_areas(owner, tmp_path)
    first = load(owner, tmp_path, "areas", AREA_HEADER, f"430981104,丁镇,township,430981,{square(5, 5)}")
    wider = load(owner, tmp_path, "areas", AREA_HEADER, f"430981104,丁镇,township,430981,{square(5, 5, 2)}")
    firm = load(owner, tmp_path, "enterprises", FIRM_HEADER, f"E1,甲,,{at(6.5, 6.5)}")
    assert rows(owner, "SELECT township_code FROM enterprise") == [("430981104",)]
    assert refused(owner, wider.rev) == [("enterprises", "E1", "placed", firm.rev)]
    renamed = load(owner, tmp_path, "enterprises", FIRM_HEADER, f"E1,乙,,{at(6.5, 6.5)}")
    assert renamed.rev is not None
    undo(owner, renamed.rev)
    assert refused(owner, wider.rev) == [("enterprises", "E1", "placed", firm.rev)]
    assert ("enterprises", "E1", "names", firm.rev) in refused(owner, first.rev)


def test_what_comes_back_must_have_what_it_names(owner: Engine, tmp_path: Path) -> None:
    firm = load(owner, tmp_path, "enterprises", FIRM_HEADER, f"E1,甲,,{at(0, 0)}")
    source = load(owner, tmp_path, "sources", SOURCE_HEADER, f"S1,罐,lpg_store,E1,{at(0, 0)}")
    assert source.rev is not None
    assert firm.rev is not None
    back = undo(owner, source.rev)
    undo(owner, firm.rev)
    assert refused(owner, back.rev) == [("sources", "S1", "missing", None)]


def test_records_placed_anew_go_back_too(owner: Engine, tmp_path: Path) -> None:
    load(owner, tmp_path, "enterprises", FIRM_HEADER, f"E1,甲,,{at(0.2, 0.2)}")
    before = state(owner)
    report = load(owner, tmp_path, "areas", AREA_HEADER, f"430981101,甲镇,township,,{square(0, 0, 2)}")
    assert rows(owner, "SELECT township_code FROM enterprise") == [("430981101",)]
    assert report.rev is not None
    done = undo(owner, report.rev)
    assert {one.table: (one.ended, one.restored) for one in done.layers} == {
        "area": (1, 0),
        "enterprise": (0, 1),
    }
    assert state(owner) == before
    sound(owner)


def test_a_back_dated_import_leaves_no_day_behind(owner: Engine, tmp_path: Path) -> None:
    load(owner, tmp_path, "sources", "code,name,kind,lon,lat", f"S1,罐,lpg_store,{at(0, 0)}")
    header = "source_code,substance,quantity_t,as_of"
    load(owner, tmp_path, "inventory", header, "S1,氨,5,2026-02-01")
    wrong = load(owner, tmp_path, "inventory", header, "S1,氨,999,2025-01-01")
    assert wrong.rev is not None
    back = undo(owner, wrong.rev)
    for day in (dt.date(2025, 6, 1), dt.date(2026, 3, 1)):
        with snapshot(owner) as connection:
            assert back.rev is not None
            held = as_of("inventory", day, back.rev)
            assert [int(q) for q in connection.execute(select(held.c.quantity_t)).scalars()] == [5]


def test_whole_layers_are_taken_back_too(owner: Engine, tmp_path: Path) -> None:
    """Over 10,000 records `change` lists no codes: the layer itself says what was written."""
    some = [f"P{n},1,{112.3 + n * 1e-5:.5f},28.8" for n in range(10_050)]
    load(owner, tmp_path, "population", "code,people,lon,lat", *some[:10])
    before = state(owner)
    changed = [one.replace(",1,", ",2,", 1) for one in some]
    report = load(owner, tmp_path, "population", "code,people,lon,lat", *changed, at=evening(1))
    assert report.rev is not None
    done = undo(owner, report.rev, at=evening(2))
    assert [(one.ended, one.restored) for one in done.layers] == [(10_040, 10)]
    assert state(owner) == before
    sound(owner)


ROUNDS = 200 if os.environ.get("RISKMAP_SOAK") else 12
EDITS = st.lists(
    st.tuples(st.sampled_from("ABCD"), st.integers(0, 3), st.integers(0, 5)),
    min_size=1,
    max_size=4,
    unique_by=lambda edit: edit[0],
)


@pytest.mark.soak
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=ROUNDS)
@given(imports_made=st.lists(EDITS, min_size=1, max_size=4), undone=st.integers(1, 4))
def test_undoing_the_last_imports_gives_back_what_was(
    owner: Engine, tmp_path: Path, imports_made: list[list[tuple[str, int, int]]], undone: int
) -> None:
    """Whatever was imported, taking back the newest imports one by one leaves the state before each."""
    with writing(owner) as connection:
        rev = open_revision(connection, "test", "clear", None)
        connection.execute(text("DELETE FROM enterprise"))
    known = [(rev, state(owner))]
    revisions = []
    for edits in imports_made:
        firms = [f"{code},{'甲乙丙丁'[name]},,{at(place * 0.3, 0.2)}" for code, name, place in edits]
        report = import_file(owner, "enterprises", write(tmp_path, "enterprises", FIRM_HEADER, *firms))
        if report.rev is not None:
            revisions.append(report.rev)
            known.append((report.rev, state(owner)))
    for number in range(1, min(undone, len(revisions)) + 1):
        undo(owner, revisions[-number])
        assert state(owner) == known[-number - 1][1]
    for then, was in known:
        assert state(owner, then) == was
    sound(owner)

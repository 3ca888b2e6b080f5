"""Merging on request: what named the one names the other, the past keeps both, and nothing is left hanging."""

from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Engine, select, text

from jobs.explain import explain
from jobs.merging import merge
from jobs.risk import assess
from jobs.users import add_user
from layers.audit import revisions, verify
from layers.backtests import incident_days, incidents_between
from layers.database import CITY, Identity, reading, snapshot
from layers.fields import LAYERS
from layers.history import moment, rows_of
from layers.ledger import list_layer
from layers.merged import merged_since
from riskmap.errors import BadInput, NotFound, Refused
from tests.import_files import SOURCE_HEADER, at, chain, evening, load, load_areas, load_chain, rows
from tests.served import quick_hashing

LATER = evening(5)


def twins(owner: Engine, folder: Path) -> None:
    """The chain of E1 and S1, and beside it E2 with a source, an inventory and a danger of its own."""
    load_areas(owner, folder)
    load_chain(owner, folder)
    header = "code,name,committee,industry,legal_representative,lon,lat"
    load(owner, folder, "enterprises", header, f"E2,（甲）,general,2651,张某,{at(0.7, 0.2)}")
    source = "code,name,kind,enterprise_code,unit_type,lon,lat"
    load(owner, folder, "sources", source, f"S2,甲罐,lpg_store,E2,storage,{at(0.7, 0.2)}")
    load(owner, folder, "inventory", "source_code,substance,quantity_t", "S2,氨,7", "S2,液化石油气,9")
    load(owner, folder, "dangers", "code,enterprise_code,grade,title,found_on", "D3,E2,general,y,2026-02-01")
    load(owner, folder, "dangers", "code,source_code,grade,title,found_on", "D4,S2,general,z,2026-02-01")
    load(
        owner,
        folder,
        "duty",
        "code,person,role,object_layer,object_code",
        "Z3,丙,principal,source,S2",
        "Z4,丁,leader,enterprise,E2",
        "Z5,戊,leader,zone,S2",
    )


def dangling(owner: Engine) -> list[tuple[Any, ...]]:
    """Every stored name of an enterprise or a source that is not there, found field by field."""
    there = {
        name: {code for (code,) in rows(owner, f"SELECT code FROM {layer.table}")}
        for name, layer in LAYERS.items()
    }
    named = [
        (layer.table, field.name, field.layer, code)
        for layer in LAYERS.values()
        for field in layer.fields
        if field.layer
        for (code,) in rows(owner, f"SELECT {field.name} FROM {layer.table} WHERE {field.name} IS NOT NULL")
    ]
    named += [
        ("duty", "object_code", f"{layer}s", code)
        for layer, code in rows(owner, "SELECT object_layer, object_code FROM duty")
        if layer in ("enterprise", "source", "danger")
    ]
    return [one for one in named if one[3] not in there[one[2]]]


def test_an_enterprise_takes_over_all_that_named_the_other(owner: Engine, tmp_path: Path) -> None:
    twins(owner, tmp_path)
    with quick_hashing():
        add_user(owner, "firm", "enterprise", enterprise="E2", password="stands-in-no-book-7")
    told = merge(owner, "enterprises", "E1", "E2", actor="clerk", at=LATER)
    assert told["filled"] == ["industry", "legal_representative"]
    assert told["renamed"] == {"source": 1, "danger": 2, "duty": 1}
    kept = "SELECT name, committee, industry, legal_representative, valid_from FROM enterprise"
    assert rows(owner, kept) == [("甲", "hazchem", "2651", "张某", LATER.date())]
    assert rows(owner, "SELECT code, enterprise_code FROM source ORDER BY 1") == [("S1", "E1"), ("S2", "E1")]
    assert dangling(owner) == []
    # whoever names a record of E1 lies in its scope; what has its own place keeps it
    for table in ("source", "inventory", "danger"):
        scopes = {row[2:] for row in rows(owner, "SELECT 1, code, enterprise_code, committee FROM " + table)}
        assert scopes == {("E1", "hazchem")}, table
    assert rows(owner, "SELECT grid_code FROM source WHERE code = 'S2'") == [("430981101201002",)]
    assert rows(owner, "SELECT object_code FROM duty WHERE code IN ('Z4', 'Z5') ORDER BY code") == [
        ("E1",),
        ("S2",),
    ]
    assert rows(owner, "SELECT enterprise_code FROM account WHERE name = 'firm'") == [("E1",)]
    with snapshot(owner) as connection:
        assert verify(connection) == []
        newest = revisions(connection, 1)[0]
        assert (newest["actor"], newest["job"]) == ("clerk", "merge")
        assert "E2" in newest["reason"]
        assert "甲" in newest["reason"]
        steps = [(one["layer"], one["op"]) for one in newest["detail"]]
        assert len(steps) == len(set(steps))


def test_yesterday_still_shows_both(owner: Engine, tmp_path: Path) -> None:
    twins(owner, tmp_path)
    before = {
        table: {
            tuple(str(v).lower() for v in row)
            for row in rows(owner, f"SELECT {', '.join(one.name for one in rows_of(table).c)} FROM {table}")
        }
        for table in ("enterprise", "source", "inventory", "danger", "duty")
    }
    merge(owner, "enterprises", "E1", "E2", actor="clerk", at=LATER)
    merge(owner, "sources", "S1", "S2", actor="clerk", at=LATER)
    with snapshot(owner) as connection:
        for days in (0, 4):
            then = moment(connection, evening(days).date().isoformat())
            for table, known in before.items():
                past = rows_of(table, then)
                found = connection.execute(select(*(past.c[one.name] for one in rows_of(table).c)))
                assert {tuple(str(v).lower() for v in one) for one in found} == known, (table, days)
        today = rows_of("enterprise", moment(connection, LATER.date().isoformat()))
        assert connection.execute(select(today.c.code)).scalars().all() == ["E1"]


def test_a_source_takes_over_substances_once(owner: Engine, tmp_path: Path) -> None:
    twins(owner, tmp_path)
    merge(owner, "enterprises", "E1", "E2", actor="clerk", at=LATER)
    told = merge(owner, "sources", "S1", "S2", actor="clerk", at=LATER)
    assert told["filled"] == ["unit_type"]
    assert told["inventory_ended"] == 1, "both held ammonia: the figure of the one that stays counts"
    held = rows(owner, "SELECT split_part(code, '/', 1), source_code, substance, quantity_t FROM inventory")
    assert sorted((a, b, c, float(q)) for a, b, c, q in held) == [
        ("S1", "S1", "氨", 5.0),
        ("S1", "S1", "液化石油气", 9.0),
    ]
    assert dangling(owner) == []
    assert rows(owner, "SELECT source_code, enterprise_code FROM danger WHERE code = 'D4'") == [("S1", "E1")]
    # the next file of the source finds its records, and adds none
    again = load(owner, tmp_path, "inventory", "source_code,substance,quantity_t", "S1,LPG,9", at=evening(6))
    assert (again.inserted, again.updated) == (0, 1)
    with snapshot(owner) as connection:
        assert verify(connection) == []


def test_what_was_reported_of_the_one_is_found_under_the_other(
    owner: Engine, reader: Engine, tmp_path: Path
) -> None:
    twins(owner, tmp_path)
    header = "event_id,kind,severity,source_code,time"
    load(owner, tmp_path, "events", header, "e2,alarm,high,S2,2026-03-01")
    assess(owner, actor="test")

    def counting(code: str, as_of: str | None = None) -> set[str]:
        told = explain(owner, reader, CITY, "source", code, as_of=as_of)
        return {str(one["record"]) for one in told["contributions"]} & {"event/e2", "event/e3"}

    def listed(source: str, who: Identity = CITY) -> dict[str, str]:
        with reading(reader, who) as connection:
            found = list_layer(connection, "event", 9, source_code=source).items
            return {one["code"]: one["source_code"] for one in found}

    assert (counting("S1"), counting("S2")) == (set(), {"event/e2"})
    merge(owner, "enterprises", "E1", "E2", actor="clerk", at=LATER)
    merge(owner, "sources", "S1", "S2", actor="clerk", at=LATER)
    run = assess(owner, actor="test")
    with snapshot(owner) as connection:
        assert merged_since(connection, "source", 0) == {"S1"}, "whose account a run of changes looks at anew"
    assert counting("S1") == {"event/e2"}
    firm = Identity("firm", "enterprise", enterprise_code="E1")
    assert listed("S1") == listed("S1", firm) == {"e1": "S1", "e2": "S1"}
    assert counting("S2", evening(4).date().isoformat()) == {"event/e2"}, "before the merge it was another's"
    assert assess(owner, actor="test", full=True)["result_hash"] == run["result_hash"]

    # a code that is used anew is its own
    row = f"S2,丁罐,lpg_store,E1,storage,{at(0.7, 0.2)}"
    load(owner, tmp_path, "sources", "code,name,kind,enterprise_code,unit_type,lon,lat", row, at=evening(6))
    load(owner, tmp_path, "events", header, "e3,alarm,high,S2,2026-03-07", at=evening(6))
    load(owner, tmp_path, "sources", SOURCE_HEADER, f"S0,总罐,lpg_store,E1,{at(0.3, 0.2)}", at=evening(6))
    merge(owner, "sources", "S0", "S1", actor="clerk", at=evening(7))
    assert listed("S2") == {"e3": "S2"}
    assert listed("S0") == {"e1": "S0", "e2": "S0"}, "through two merges"
    assert listed("S1") == {}
    with snapshot(owner) as connection:
        assert verify(connection) == []


def test_a_run_afterwards_knows_the_one_only(owner: Engine, tmp_path: Path) -> None:
    twins(owner, tmp_path)
    assess(owner, actor="test")
    score = "SELECT code, (facts ->> 's')::float8 FROM score WHERE kind = 'source' ORDER BY 1"
    before = dict(rows(owner, score))
    assert set(before) == {"E1-P", "E2-P", "S1", "S2"}
    merge(owner, "enterprises", "E1", "E2", actor="clerk")
    merge(owner, "sources", "S1", "S2", actor="clerk")
    run = assess(owner, actor="test")
    after = dict(rows(owner, score))
    assert set(after) == {"E1-P", "S1"}
    assert after["S1"] == pytest.approx(5 / 10 + 9 / 50), "ammonia 5 t of 10 t and LPG 9 t of 50 t, each once"
    assert rows(owner, "SELECT code FROM score WHERE kind = 'enterprise'") == [("E1",)]
    assert run["result_hash"] == assess(owner, actor="test")["result_hash"]


def test_scope_moves_along_where_a_merge_fills_it(owner: Engine, tmp_path: Path) -> None:
    load_areas(owner, tmp_path)
    load(owner, tmp_path, "enterprises", "code,name,lon,lat", f"E0,甲,{at(0.2, 0.2)}")
    load_chain(owner, tmp_path)
    load(owner, tmp_path, "sources", "code,name,kind,enterprise_code,lon,lat", f"S0,x,port,E0,{at(0.2, 0.2)}")
    load(owner, tmp_path, "inventory", "source_code,substance,quantity_t", "S0,氨,1")
    merge(owner, "enterprises", "E0", "E1", actor="clerk", at=LATER)
    assert chain(owner, "source", "inventory", "sensor", "danger") == {
        ("430981101201001", "E0", "hazchem"),
    }


@pytest.mark.parametrize(
    ("layer", "keep", "drop", "error", "says"),
    [
        ("enterprises", "E1", "E1", Refused, "相同"),
        ("enterprises", "E1", "S1", NotFound, "S1"),
        ("enterprises", "gone", "E1", NotFound, "gone"),
        ("inventory", "a", "b", BadInput, "inventory"),
        ("nothing", "a", "b", BadInput, "nothing"),
        ("enterprises", "E9", "E1", Refused, "已关闭"),
    ],
)
def test_what_makes_no_sense_is_refused(
    owner: Engine, tmp_path: Path, layer: str, keep: str, drop: str, error: type[Exception], says: str
) -> None:
    load_areas(owner, tmp_path)
    load_chain(owner, tmp_path)
    load(owner, tmp_path, "enterprises", "code,name,status,lon,lat", f"E9,甲,closed,{at(0.2, 0.2)}")
    before = rows(owner, "SELECT rev FROM head")
    with pytest.raises(error, match=says):
        merge(owner, layer, keep, drop, actor="clerk")
    assert rows(owner, "SELECT rev FROM head") == before


def test_targets_and_resources_merge_too(owner: Engine, tmp_path: Path) -> None:
    load_areas(owner, tmp_path)
    load(
        owner,
        tmp_path,
        "targets",
        "code,name,target_class,people_day,lon,lat",
        f"T1,小学,important,,{at(0.2, 0.2)}",
        f"T2,小学,important,300,{at(0.2, 0.2)}",
    )
    header = "code,name,kind,phone,lon,lat"
    load(
        owner,
        tmp_path,
        "resources",
        header,
        f"R1,队,rescue_team,,{at(0.2, 0.2)}",
        f"R2,队,rescue_team,1,{at(0.2, 0.2)}",
    )
    assert merge(owner, "targets", "T1", "T2", actor="clerk")["filled"] == ["people_day"]
    assert merge(owner, "resources", "R2", "R1", actor="clerk")["filled"] == []
    assert rows(owner, "SELECT code, people_day FROM target") == [("T1", 300.0)]
    assert rows(owner, "SELECT code, phone FROM resource") == [("R2", "1")]
    with snapshot(owner) as connection:
        gone = connection.execute(text("SELECT code FROM target_past WHERE gone")).scalars().all()
    assert gone == ["T2"]


def test_a_code_that_is_used_anew_may_be_merged_again(owner: Engine, tmp_path: Path) -> None:
    """What was reported goes with the merge after it, wherever that one went since; later reports with the later merge."""
    load_areas(owner, tmp_path)
    event_header = "event_id,kind,severity,source_code,time"

    def put(code: str, event: str, days: int) -> None:
        when = evening(days)
        load(owner, tmp_path, "sources", SOURCE_HEADER, f"{code},{code}罐,lpg_store,,{at(0.2, 0.2)}", at=when)
        load(owner, tmp_path, "events", event_header, f"{event},alarm,high,{code},2026-03-01", at=when)

    def into(keep: str, drop: str, days: int) -> None:
        merge(owner, "sources", keep, drop, actor="clerk", at=evening(days))

    def reported(code: str) -> set[str]:
        with snapshot(owner) as connection:
            return {one["code"] for one in list_layer(connection, "event", 9, source_code=code).items}

    for code in ("S2", "S3", "S4"):
        put(code, f"of-{code}", 0)
    put("S1", "first", 0)
    into("S2", "S1", 1)
    put("S1", "second", 2)
    into("S3", "S1", 3)
    assert (reported("S2"), reported("S3")) == ({"of-S2", "first"}, {"of-S3", "second"})
    put("S1", "third", 4)
    into("S2", "S1", 5)
    into("S4", "S2", 6)
    assert reported("S4") == {"of-S4", "of-S2", "first", "third"}
    put("S2", "anew", 7)
    into("S3", "S2", 8)
    assert reported("S3") == {"of-S3", "second", "anew"}
    assert reported("S4") == {"of-S4", "of-S2", "first", "third"}


def test_an_incident_is_of_the_source_that_its_day_knew(owner: Engine, tmp_path: Path) -> None:
    """A back-test's warnings name what was on file on their day, so its incidents do, too."""
    twins(owner, tmp_path)
    header = "event_id,kind,source_code,time"
    load(owner, tmp_path, "events", header, "e4,incident,S2,2026-03-01T08:00")
    merge(owner, "enterprises", "E1", "E2", actor="clerk", at=LATER)
    merge(owner, "sources", "S1", "S2", actor="clerk", at=LATER)
    with snapshot(owner) as connection:
        assert incident_days(connection, evening(-1), evening(9)) == [evening().date()]
        for days, known in ((0, ("S2", "E2")), (5, ("S1", "E1"))):
            then = moment(connection, evening(days).date().isoformat())
            (one,) = incidents_between(connection, evening(-1), evening(9), then)
            assert (one["source_code"], one["enterprise_code"]) == known

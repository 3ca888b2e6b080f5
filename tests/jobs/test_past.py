"""Any past day is told by what was recorded by then; any run done again comes to its hash."""

import datetime as dt
import json
from pathlib import Path
from typing import Any

import pytest
from mapbox_vector_tile import decode
from sqlalchemy import Engine, text

from jobs.explain import explain
from jobs.past import past_of
from jobs.replay import replay
from jobs.risk import assess
from layers.computed import MOST
from layers.database import CITY, Identity, reading, snapshot, writing
from layers.history import CLOCK, correct, open_revision
from layers.records import fetch
from layers.risk import runs
from layers.schema import metadata
from layers.search import identify, nearest
from layers.tiles import Tile, read_tile
from riskmap.errors import BadInput, NotFound
from tests.crowd import tile_of
from tests.import_files import at, evening, load, square

AREA_LEVELS = ("city", "township", "village", "grid", "overlay")


def noon(days: int) -> dt.datetime:
    return evening(days) - dt.timedelta(hours=8)


@pytest.fixture
def town(owner: Engine, tmp_path: Path) -> Engine:
    """Two townships with people, a tank in each, and a week of history from the first evening on."""
    ring = square(0, 0, 4)
    areas = (
        f"430981,市,city,,{ring}",
        f"430981101,甲镇,township,430981,{square(0, 0, 2)}",
        f"430981101201,甲村,village,430981101,{square(0, 0)}",
        f"430981101201001,甲组,grid,430981101201,{square(0, 0, 0.5)}",
        f"430981102,乙镇,township,430981,{square(2, 0, 2)}",
    )
    load(owner, tmp_path, "areas", "code,name,level,parent_code,wkt", *areas)
    park = f"P1,园区,overlay,,{square(0, 0, 2)}"
    load(owner, tmp_path, "areas", "code,name,level,parent_code,wkt", park)
    people = f"Q1,900,{at(0.21, 0.2)}", f"Q2,4000,{at(2.2, 0.21)}", f"Q3,50,{at(1.5, 1.5)}"
    load(owner, tmp_path, "population", "code,people,lon,lat", *people)
    firms = f"E1,甲厂,26,{at(0.2, 0.2)}", f"E2,乙厂,17,{at(2.2, 0.2)}", f"E3,丙厂,26,{at(1.99, 0.2)}"
    load(owner, tmp_path, "enterprises", "code,name,industry,lon,lat", *firms)
    tanks = f"S1,甲罐,hazchem_store,E1,{at(0.2, 0.2)}", f"S2,乙罐,hazchem_store,E2,{at(2.2, 0.2)}"
    load(owner, tmp_path, "sources", "code,name,kind,enterprise_code,lon,lat", *tanks)
    load(owner, tmp_path, "inventory", "source_code,substance,quantity_t", "S1,氨,5", "S2,氨,50")
    load(owner, tmp_path, "sensors", "code,source_code,kind,unit,interval_s", "N1,S1,level,m,3600")
    danger(owner, tmp_path, 2, "D1", "S1", "")
    load(owner, tmp_path, "inventory", "source_code,substance,quantity_t", "S2,氨,80", at=evening(4))
    danger(owner, tmp_path, 5, "D1", "S1", day(5))
    reading = f"R1,reading,N1,{noon(2).isoformat()}"
    load(owner, tmp_path, "events", "event_id,kind,sensor_code,time", reading, at=evening(5))
    return owner


def day(days: int) -> str:
    return evening(days).date().isoformat()


def danger(owner: Engine, folder: Path, days: int, code: str, source: str, closed_on: str) -> None:
    """A major danger of a source, found on the second day, told on another."""
    header = "code,source_code,grade,title,found_by,found_on,closed_on"
    row = f"{code},{source},major,护栏缺失,other,{day(1)},{closed_on}"
    load(owner, folder, "dangers", header, row, at=evening(days))


def score(owner: Engine, reader: Engine, kind: str, code: str, as_of: str) -> Any:
    then = past_of(owner, as_of)
    with reading(reader, CITY) as connection:
        return fetch(connection, kind, code, then=then).items[0]


# --- the past of the records -----------------------------------------------------------------------------------


def test_a_day_without_a_run_is_told_by_what_was_recorded_by_then(town: Engine, reader: Engine) -> None:
    calm, told, over = (score(town, reader, "source", "S1", day(n)) for n in (1, 3, 6))
    assert calm["computed"]
    assert calm["run_id"] is None
    assert calm["edition"]
    assert calm["data_time"] == f"{day(1)}T23:59:59.999999+08:00"
    records = [lines_of(town, reader, "source", "S1", day(n)) for n in (1, 3, 6)]
    assert "danger/D1" not in records[0], "found that day, told on the next evening"
    assert "danger/D1" in records[1]
    assert "danger/D1" not in records[2]
    assert told["score"] > calm["score"] > 0
    assert told["base_score"] == over["base_score"]
    assert "sensor/N1" in records[1], "its reading of the day before came late"
    silent = [one for one in account(town, reader, "source", "S1", day(3)) if one["record"] == "sensor/N1"]
    later = [one for one in account(town, reader, "source", "S1", day(6)) if one["record"] == "sensor/N1"]
    assert silent[0]["reason"] != later[0]["reason"]


def account(owner: Engine, reader: Engine, kind: str, code: str, as_of: str) -> list[dict[str, Any]]:
    answer = explain(owner, reader, CITY, kind, code, as_of=as_of)
    assert sum(round(one["value"] * 1e6) for one in answer["contributions"]) == round(answer["score"] * 1e6)
    assert answer["computed"]
    assert answer["run_id"] is None
    return list(answer["contributions"])


def lines_of(owner: Engine, reader: Engine, kind: str, code: str, as_of: str) -> set[str]:
    return {one["record"] for one in account(owner, reader, kind, code, as_of)}


def test_every_level_of_a_past_day_adds_up(town: Engine, reader: Engine) -> None:
    assess(town, actor="test")  # a run of today is not what is told of a past day
    for n in (1, 3, 6):
        then = past_of(town, day(n))
        with reading(reader, CITY) as connection:
            codes = {
                kind: [row["code"] for row in fetch(connection, kind, then=then).items]
                for kind in ("source", "enterprise", *AREA_LEVELS)
            }
        assert {kind: len(found) for kind, found in codes.items()} == {
            "source": 2, "enterprise": 3, "city": 1, "township": 2, "village": 1, "grid": 1, "overlay": 1,
        }  # fmt: skip
        for kind, found in codes.items():
            for code in found:
                assert account(town, reader, kind, code, day(n)), (kind, code)
    assert "danger/D1" in lines_of(town, reader, "grid", "430981101201001", day(3))
    assert "danger/D1" not in lines_of(town, reader, "grid", "430981101201001", day(6))
    before = score(town, reader, "township", "430981102", day(3))
    assert before["score"] < score(town, reader, "township", "430981102", day(4))["score"], "50 t, then 80 t"


def test_before_the_first_record_there_is_nothing(town: Engine, reader: Engine) -> None:
    then = past_of(town, "2019-01-01")
    with reading(reader, CITY) as connection:
        assert fetch(connection, "source", then=then).items == []
        assert fetch(connection, "city", then=then).items[0]["level"] is None
    with pytest.raises(NotFound):
        explain(town, reader, CITY, "source", "S1", as_of="2019-01-01")
    with pytest.raises(BadInput):
        past_of(town, "yesterday")


def test_a_corrected_past_is_known_from_its_recording_on(town: Engine, reader: Engine) -> None:
    asked = [day(n) for n in (3, 6, 8, 12)]
    before = {one: score(town, reader, "source", "S1", one)["base_score"] for one in asked}
    with writing(town) as connection:
        inventory = metadata.tables["inventory"]
        code = connection.execute(inventory.select().where(inventory.c.source_code == "S1")).one().code
        rev = open_revision(connection, "test", "correct", None, evening(6))
        values = {"quantity_t": 500, "valid_from": evening(0).date()}
        correct(connection, "inventory", code, evening(10).date(), values, rev)
    after = {one: score(town, reader, "source", "S1", one)["base_score"] for one in asked}
    assert after[day(3)] == before[day(3)], "what was known on that day stays"
    assert after[day(6)] > before[day(6)] + 20
    assert after[day(8)] == after[day(6)]
    assert after[day(12)] == before[day(12)], "what holds now was not corrected"
    assert account(town, reader, "township", "430981101", day(8))


def test_each_day_is_under_the_edition_then_in_force(town: Engine, reader: Engine) -> None:
    table = metadata.tables["edition"]
    with writing(town) as connection:
        row = dict(connection.execute(table.select()).mappings().one())
        content = json.loads(json.dumps(row["content"]))
        starts = evening(4).date()
        content |= {"name": "strict", "effective_from": starts.isoformat(), "effective_to": None}
        content |= {"approved_by": "市安委会", "approved_on": starts.isoformat()}
        content["tables"]["risk"]["edges"]["ordinary"] = [1, 2, 3]
        new = {"name": "strict", "effective_from": starts, "content": content, "hash": b"strict"}
        new |= {"approved_by": "市安委会", "approved_on": starts}
        new["rev"] = open_revision(connection, "test", "edition", None, evening(5))
        connection.execute(table.insert().values(row | new))
    told = [score(town, reader, "township", "430981102", day(n)) for n in (3, 4, 6)]
    assert [one["edition"] for one in told] == [row["name"], row["name"], "strict"], (
        "approved on the fifth evening"
    )
    assert told[2]["level"] == "red"
    assert told[1]["level"] != "red"
    assert score(town, reader, "city", "430981", "2019-06-01")["edition"] == row["name"]
    assert account(town, reader, "township", "430981102", day(6))


def test_few_moments_are_kept_and_told_again_without_computing(town: Engine, reader: Engine) -> None:
    first = past_of(town, day(3))
    assert past_of(town, day(3)) == first
    for n in range(MOST):
        past_of(town, f"{day(3)}T12:0{n}:00+08:00")
    with snapshot(town) as connection:
        kept = connection.execute(text("SELECT count(*) FROM computed")).scalar_one()
        scores = connection.execute(
            text("SELECT count(DISTINCT computed_id) FROM computed_score")
        ).scalar_one()
    assert (kept, scores) == (MOST, MOST)
    assert past_of(town, day(3)).computed != first.computed
    with reading(reader, CITY) as connection:
        assert fetch(connection, "source", "S1", then=past_of(town, day(3))).items[0]["score"]


# --- rights ------------------------------------------------------------------------------------------------------


IDENTITIES = [
    CITY,
    Identity("town", "township", "430981101"),
    Identity("other", "township", "430981102"),
    Identity("village", "village", "430981101201"),
    Identity("grid", "grid", "430981101201001"),
    Identity("firm", "enterprise", enterprise_code="E1"),
    Identity("committee", "city", committee="hazchem"),
]
SAYS_WHEN = ("run_id", "computed", "data_time")


@pytest.mark.parametrize("identity", IDENTITIES, ids=lambda one: one.name)
def test_a_computed_moment_tells_each_role_what_a_run_of_it_tells(
    town: Engine, reader: Engine, identity: Identity
) -> None:
    now = dt.datetime.now(CLOCK)
    assess(town, actor="test", at=now)
    then = past_of(town, now.isoformat())
    with reading(reader, identity) as connection:
        kinds = ("source", "enterprise", *AREA_LEVELS)
        stored, computed = (
            {kind: fetch(connection, kind, then=moment).items for kind in kinds} for moment in (None, then)
        )
    assert {kind: told(items) for kind, items in computed.items()} == {
        kind: told(items) for kind, items in stored.items()
    }
    assert all(one["computed"] for items in computed.values() for one in items)
    assert all(one["level"] for one in computed["township"]), "the colours of areas are everyone's"
    for kind, items in stored.items():
        for code in (one["code"] for one in items):
            answers = [
                explained(town, reader, identity, kind, code, as_of) for as_of in (None, now.isoformat())
            ]
            assert answers[0] == answers[1], (kind, code)


def told(items: list[dict[str, Any]]) -> list[dict[str, Any]]:
    return [{name: value for name, value in one.items() if name not in SAYS_WHEN} for one in items]


def explained(
    owner: Engine, reader: Engine, identity: Identity, kind: str, code: str, as_of: str | None
) -> Any:
    try:
        return told([explain(owner, reader, identity, kind, code, as_of=as_of)])
    except NotFound as error:
        return error.detail


# --- runs done again ----------------------------------------------------------------------------------------------


def test_ten_runs_done_again_come_to_their_hashes(town: Engine, tmp_path: Path) -> None:
    made = [assess(town, actor="test")]
    header, now = "source_code,substance,quantity_t", dt.datetime.now(CLOCK)
    for n, quantity in enumerate((60, 70, 90, 300)):
        load(town, tmp_path, "inventory", header, f"S{n % 2 + 1},氨,{quantity}", at=now)
        made.append(assess(town, actor="test"))
    made += [assess(town, actor="test", as_of=day(n)) for n in (1, 3, 6)]
    load(
        town, tmp_path, "events", "event_id,kind,severity,source_code,time", f"A1,alarm,high,S1,{now}", at=now
    )
    made.append(assess(town, actor="test"))
    load(town, tmp_path, "enterprises", "code,name,lon,lat", f"E1,甲厂,{at(0.6, 0.3)}", at=now)
    made.append(assess(town, actor="test", full=True))
    assert len(made) == 10
    assert sum(not run["full"] for run in made) >= 4, "most are runs of what changed"
    _correct_afterwards(town, tmp_path)
    with snapshot(town) as connection:
        ledger = {run["run_id"]: bytes(run["result_hash"]).hex() for run in runs(connection)}
    for run in made:
        answer = replay(town, run["run_id"])
        assert answer["answer"] == "equal", answer
        assert answer["replayed_hash"] == ledger[run["run_id"]]
        assert answer["full"] == run["full"]
    assert len(set(ledger.values())) >= 9, "hardly two of them had the same city"


def _correct_afterwards(owner: Engine, folder: Path) -> None:
    """What a run did not know when it was made: a danger taken back to before it, a corrected past, a closed firm."""
    now = dt.datetime.now(CLOCK)
    header = "code,source_code,grade,title,found_by,found_on"
    load(owner, folder, "dangers", header, f"D9,S2,major,迟报,other,{day(0)}", at=now)
    load(
        owner,
        folder,
        "enterprises",
        "code,name,status,closed_on,lon,lat",
        f"E3,丙厂,closed,{day(1)},{at(1, 1)}",
        at=now,
    )
    late = f"R9,reading,N1,{noon(6).isoformat()}"
    load(owner, folder, "events", "event_id,kind,sensor_code,time", late, at=now)
    with writing(owner) as connection:
        rev = open_revision(connection, "test", "correct", None)
        values = {"people": 9, "valid_from": evening(0).date()}
        correct(connection, "population", "Q2", evening(3).date(), values, rev)


def test_a_run_that_does_not_come_to_its_hash_says_why(town: Engine, tmp_path: Path) -> None:
    first = assess(town, actor="test")
    load(
        town,
        tmp_path,
        "inventory",
        "source_code,substance,quantity_t",
        "S1,氨,300",
        at=dt.datetime.now(CLOCK),
    )
    second = assess(town, actor="test")
    past = assess(town, actor="test", as_of=day(3))
    with pytest.raises(NotFound):
        replay(town, 99)
    known = "UPDATE run SET known_rev = (SELECT r.known_rev FROM run r WHERE r.run_id = :first), "
    forge(town, known + "result_hash = result_hash WHERE run_id = :second", first, second)
    answer = replay(town, second["run_id"])
    assert answer["answer"] == "differs"
    changed = {(one["kind"], one["code"]): one for one in answer["differences"]}
    assert ("source", "S1") in changed
    assert ("source", "S2") not in changed
    assert changed["source", "S1"]["was"]["score"] > changed["source", "S1"]["now"]["score"]
    forge(town, "UPDATE run SET code_version = '0.0.9' WHERE run_id = :second", first, second)
    assert replay(town, second["run_id"])["answer"] == "other_release"
    forge(town, "UPDATE run SET result_hash = '\\x00' WHERE run_id <> :second", first, second)
    answer = replay(town, past["run_id"])
    assert (answer["answer"], answer["differences"]) == ("differs", None), "it kept no results to compare"
    forge(town, "UPDATE edition SET content = jsonb_set(content, '{title}', '\"x\"')", first, second)
    answer = replay(town, first["run_id"])
    assert (answer["answer"], answer["replayed_hash"]) == ("edition_changed", None)


def forge(owner: Engine, statement: str, first: dict[str, Any], second: dict[str, Any]) -> None:
    with writing(owner) as connection:
        named = {"first": first["run_id"], "second": second["run_id"]}
        connection.execute(text(statement), {name: n for name, n in named.items() if f":{name}" in statement})


# --- the past of the map ---------------------------------------------------------------------------------------


def test_the_map_of_a_day_draws_records_where_and_as_they_were(
    town: Engine, reader: Engine, tmp_path: Path
) -> None:
    header = "code,name,kind,enterprise_code,status,closed_on,lon,lat"
    moved = f"S1,甲罐,hazchem_store,E1,active,,{at(1.2, 1.2)}"
    closed = f"S2,乙罐,hazchem_store,E2,closed,{day(6)},{at(2.2, 0.2)}"
    load(town, tmp_path, "sources", header, moved, closed, at=evening(6))

    def seen(as_of: str, who: Identity = CITY) -> dict[str, tuple[float, str | None]]:
        then = past_of(town, as_of)
        with reading(reader, who) as connection:
            lon, lat = (float(one) for one in at(2, 1).split(","))
            hits = nearest(connection, "source", lon, lat, max_m=9_000, limit=9, then=then)
            made = read_tile(connection, Tile("source", 9, *tile_of(lon, lat, 9), then=then))
            drawn = decode(made)["source"]["features"] if made else []
            assert sum(one["properties"]["n"] for one in drawn) == len(hits), (
                "tile and click tell the same records"
            )
            for one in hits:
                for zoom in (9, 18):  # a ring, and the record itself
                    under = identify(connection, one["lon"], one["lat"], zoom, ["source"], then=then)
                    assert one["code"] in {hit["code"] for hit in under["hits"]}
            return {one["code"]: (round(one["lon"], 4), one["base_level"]) for one in hits}

    before, after = seen(day(3)), seen(day(6))
    assert set(before) == {"S1", "S2"}
    assert set(after) == {"S1"}, "closed that day"
    assert before["S1"][0] != after["S1"][0], "it moved"
    levels = {code: score(town, reader, "source", code, day(3))["base_level"] for code in before}
    assert {code: level for code, (_, level) in before.items()} == levels
    assert set(seen(day(3), Identity("town", "township", "430981101"))) == {"S1"}, (
        "rights of rows hold in the past"
    )
    assert seen("2026-02-01") == {}

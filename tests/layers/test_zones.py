"""A zone across a border is seen from both sides: own members in full, the others by the projection, and no code."""

import json
from collections.abc import Iterator
from datetime import datetime
from typing import Any

import pytest
from sqlalchemy import Engine, text
from sqlalchemy.exc import DatabaseError

from jobs.risk import assess
from jobs.zone_explain import explain_zone
from jobs.zones import renew
from layers.database import CITY, Identity, owner_engine, reader_engine, reading
from layers.health import rights_faults
from layers.history import CLOCK, moment
from layers.zone_tables import KEYS
from layers.zones import ZoneFilters, zone_detail, zone_list
from riskmap.errors import NotFound
from tests.import_files import at, load, load_areas

FIRST, SECOND, THIRD = (Identity(f"t{n}", "township", f"43098110{n}") for n in (1, 2, 3))
OWN = {"t1": {"E1", "E2"}, "t2": {"E3", "E4"}}
CODES = {"E1", "E2", "E3", "E4", "E5"}
PROJECTION = {"kind", "level", "hazard", "distance_m", "bearing", "name"}


@pytest.fixture(scope="module")
def engines(
    module_database: str, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[tuple[Engine, Engine]]:
    """Four enterprises at the border of two townships, of which one was there for some days only; one far away."""
    folder = tmp_path_factory.mktemp("zones")
    owner, reader = owner_engine(module_database), reader_engine(module_database)
    load_areas(owner, folder)
    header = "code,name,industry,workers,dept_industry,lon,lat"
    places = {"E1": at(1.970, 1.0), "E2": at(1.990, 1.0), "E3": at(2.010, 1.0), "E4": at(2.030, 1.0)}
    rows = [
        f"{code},{code[1:]}号厂,2614,{n * 10},工信局,{where}"
        for n, (code, where) in enumerate(places.items())
    ]
    load(owner, folder, "enterprises", header, *rows, f"E5,远处厂,2614,9,,{at(1.2, 0.2)}")
    source = f"S3,罐,lpg_store,E3,{at(2.010, 1.0)}"
    load(owner, folder, "sources", "code,name,kind,enterprise_code,lon,lat", source)
    load(owner, folder, "inventory", "source_code,substance,quantity_t", "S3,丙烷,40")
    load(owner, folder, "population", "code,people,lon,lat", f"P1,100,{at(2.0, 1.01)}")
    assess(owner, actor="test", at=datetime(2026, 3, 2, 8, tzinfo=CLOCK))
    renew(owner, actor="test", at=datetime(2026, 3, 2, 8, tzinfo=CLOCK))
    closed = f"E4,4号厂,closed,2026-03-05,{places['E4']}"
    load(owner, folder, "enterprises", "code,name,status,closed_on,lon,lat", closed, at=datetime.now(CLOCK))
    renew(owner, actor="test")
    yield owner, reader
    owner.dispose()
    reader.dispose()


@pytest.fixture(scope="module")
def zone(engines: tuple[Engine, Engine]) -> str:
    with reading(engines[1], CITY) as connection:
        (found,) = zone_list(connection).items
    return str(found["id"])


def detail(reader: Engine, identity: Identity, code: str, **asked: Any) -> dict[str, Any]:
    with reading(reader, identity) as connection:
        found = zone_detail(connection, code, **asked)
    assert found is not None
    return found


def test_the_city_is_told_everything(engines: tuple[Engine, Engine], zone: str) -> None:
    found = detail(engines[1], CITY, zone, geometry=True)
    assert found["members"] == ["E1", "E2", "E3"]
    assert found["townships"] == ["430981101", "430981102"]
    assert (found["township_code"], found["responsible"]) == (None, "city")
    assert found["kinds"] == ["adjacent", "domino", "similar"]
    assert found["industries"] == ["2614"]
    assert "explosion" in found["hazards"]
    assert found["departments"] == ["工信局"]
    assert found["people"] == 100
    assert (found["lead_code"], found["lead_name"]) == ("E3", "3号厂")
    assert (found["level"], found["base_level"], found["rise_level"]) == ("yellow", "yellow", "blue")
    assert found["geometry"]["type"] == "Polygon"
    assert found["neighbours"] == found["links_across"] == []
    assert {(one["kind"], one["a"], one["b"]) for one in found["links"] if one["cut"] is None} >= {
        ("adjacent", "E1", "E2"),
        ("domino", "E1", "E3"),
        ("similar", "E2", "E3"),
    }
    shrunk, new = found["lineage"]
    assert (shrunk["kind"], shrunk["left_members"], shrunk["causes"]) == (
        "shrink",
        ["E4"],
        [{"code": "E4", "what": "closed"}],
    )
    assert (new["kind"], new["joined_members"], found["born_run"]) == ("new", ["E1", "E2", "E3", "E4"], 1)


@pytest.mark.parametrize("identity", [FIRST, SECOND], ids=lambda one: one.name)
def test_a_township_sees_its_members_and_the_projection_of_the_others(
    engines: tuple[Engine, Engine], zone: str, identity: Identity
) -> None:
    owner, reader = engines
    whole, mine = detail(reader, CITY, zone), OWN[identity.name]
    found = detail(reader, identity, zone)
    now = {"E1", "E2", "E3"}
    assert set(found["members"]) == mine & now
    assert found["member_records"] == [one for one in whole["member_records"] if one["code"] in mine]
    assert [set(one) for one in found["neighbours"]] == [PROJECTION] * len(now - mine)
    assert {one["name"] for one in found["neighbours"]} == {f"{code[1:]}号厂" for code in now - mine}
    for name in ("name", "score", "level", "member_count", "townships", "people", "lead_name", "agreement"):
        assert found[name] == whole[name]
    assert [(one["kind"], one["joined"], one["left"]) for one in found["lineage"]] == [
        (one["kind"], one["joined"], one["left"]) for one in whole["lineage"]
    ]
    account = explain_zone(owner, reader, identity, zone)
    assert sum(round(line["value"] * 1e6) for line in account["contributions"]) == round(found["score"] * 1e6)
    told = [one for one in account["contributions"] if one["kind"] == "member_elsewhere"]
    assert len(told) == len(now - mine)
    for document in (found, account, detail(reader, identity, zone, then=None)):
        assert not any(
            f'"{code}"' in json.dumps(document) or f"/{code}" in json.dumps(document) for code in CODES - mine
        )


def test_distances_and_directions_are_seen_from_ones_own_members(
    engines: tuple[Engine, Engine], zone: str
) -> None:
    (from_west,) = detail(engines[1], FIRST, zone)["neighbours"]
    from_east = detail(engines[1], SECOND, zone)["neighbours"]
    step_m = 0.0004 * 111_320 * 0.8764  # of longitude here
    assert from_west["distance_m"] == pytest.approx(step_m, abs=1)
    assert 85 <= from_west["bearing"] <= 95
    assert sorted(one["distance_m"] for one in from_east) == pytest.approx([step_m, 2 * step_m], abs=1)
    assert all(265 <= one["bearing"] <= 275 for one in from_east)
    assert from_west["kind"] == "premises"
    assert {"explosion", "fire"} <= set(from_west["hazard"])


@pytest.mark.parametrize("identity", [FIRST, SECOND], ids=lambda one: one.name)
def test_the_database_itself_tells_no_more(
    engines: tuple[Engine, Engine], zone: str, identity: Identity
) -> None:
    mine = OWN[identity.name]
    with reading(engines[1], identity) as connection:
        for name, columns in {
            "zone_member": ("code",),
            "zone_member_past": ("code",),
            "zone_edge": ("a", "b"),
            "zone_edge_past": ("a", "b"),
            "zone_reach": ("code",),
            "zone_event_site": ("code",),
            "zone_member_all": ("code",),
        }.items():
            for column in columns:
                assert set(connection.execute(text(f"SELECT {column} FROM {name}")).scalars()) <= mine, name
        records = set(connection.execute(text("SELECT record FROM zone_line_all")).scalars())
        assert records == {f"enterprise/{code}" for code in mine}
        assert connection.execute(text("SELECT count(*) FROM zone")).scalar_one() == 1
        found = (
            connection.execute(text("SELECT * FROM zone_neighbour(:zone, 1000000)"), {"zone": zone})
            .mappings()
            .all()
        )
        assert found
        assert all(set(row) == PROJECTION for row in found)
        across = connection.execute(
            text("SELECT * FROM zone_links_across(:zone, 1000000)"), {"zone": zone}
        ).all()
        assert across
        assert {row.code for row in across} <= mine
        with pytest.raises(DatabaseError, match="permission denied"):
            connection.execute(
                text("SELECT * FROM zone_members_beyond(:zone, 1000000, 'township', '430981101')"),
                {"zone": zone},
            )


def test_who_has_no_member_sees_no_zone(engines: tuple[Engine, Engine], zone: str) -> None:
    owner, reader = engines
    others = (THIRD, Identity("far", "enterprise", enterprise_code="E5"), Identity("none", "township"))
    for identity in others:
        with reading(reader, identity) as connection:
            assert zone_list(connection).items == []
            assert zone_detail(connection, zone) is None
            for name in (*KEYS, *(f"{name}_past" for name in KEYS), "zone_event", "zone_event_site"):
                assert connection.execute(text(f"SELECT count(*) FROM {name}")).scalar_one() == 0, name
            for name in ("zone_neighbour", "zone_links_across"):
                assert (
                    connection.execute(text(f"SELECT * FROM {name}(:zone, 1000000)"), {"zone": zone}).all()
                    == []
                )
        with pytest.raises(NotFound):
            explain_zone(owner, reader, identity, zone)
    with owner.connect() as connection:
        assert rights_faults(connection) == []


def test_an_enterprise_sees_the_zone_that_it_is_in(engines: tuple[Engine, Engine], zone: str) -> None:
    found = detail(engines[1], Identity("firm", "enterprise", enterprise_code="E2"), zone)
    assert found["members"] == ["E2"]
    assert [one["name"] for one in found["neighbours"]] == ["3号厂", "1号厂"]


def test_a_zone_of_the_past_is_seen_as_it_was(engines: tuple[Engine, Engine], zone: str) -> None:
    owner, reader = engines
    with owner.connect() as connection:
        query = "SELECT at FROM revision JOIN zone_run USING (rev) WHERE run_id = 1"
        day = connection.execute(text(query)).scalar_one().isoformat()
    with reading(reader, SECOND) as connection:
        then = moment(connection, day)
        before = zone_detail(connection, zone, then=then)
    assert before is not None
    assert (before["members"], before["member_count"]) == (["E3", "E4"], 4)
    assert len(before["neighbours"]) == 2
    assert [one["kind"] for one in before["lineage"]] == ["new"]
    account = explain_zone(owner, reader, CITY, zone, as_of=day)
    assert account["score"] == before["score"] != detail(reader, CITY, zone)["score"]
    assert {line["record"] for line in account["contributions"]} >= {"enterprise/E4"}
    with pytest.raises(NotFound):
        explain_zone(owner, reader, CITY, zone, as_of="2026-03-01")


def test_a_list_is_limited_as_asked(engines: tuple[Engine, Engine], zone: str) -> None:
    with reading(engines[1], CITY) as connection:
        level = zone_list(connection).items[0]["level"]
        for filters, count in (
            (ZoneFilters(township="430981102", level=level, kind="domino", text="甲镇"), 1),
            (ZoneFilters(township="430981103"), 0),
            (ZoneFilters(kind="similar", agreement="confirm", bbox=(112.3, 28.8, 112.4, 28.9)), 1),
            (ZoneFilters(bbox=(112.4, 28.8, 112.5, 28.9)), 0),
            (ZoneFilters(text="_"), 0),
        ):
            assert len(zone_list(connection, filters=filters, worst=True).items) == count, filters
        assert zone_list(connection, limit=1, offset=1).total == 1

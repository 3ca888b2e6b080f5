"""Importing places records: in areas, beside their objects, and anew when areas change."""

from pathlib import Path

from sqlalchemy import Engine

from layers.audit import verify
from layers.database import snapshot, writing
from layers.placement import mismatches
from tests.import_files import (
    AREA_HEADER,
    DEPENDANTS,
    FIRM_HEADER,
    SOURCE_HEADER,
    at,
    chain,
    counts,
    evening,
    load,
    load_areas,
    load_chain,
    rows,
    square,
)


def test_areas_know_where_they_belong(owner: Engine, tmp_path: Path) -> None:
    load_areas(owner, tmp_path)
    found = rows(owner, "SELECT code, township_code, village_code, grid_code FROM area ORDER BY 1")
    assert found == [
        ("430981101", "430981101", None, None),
        ("430981101201", "430981101", "430981101201", None),
        ("430981101201001", "430981101", "430981101201", "430981101201001"),
        ("430981101201002", "430981101", "430981101201", "430981101201002"),
        ("430981102", "430981102", None, None),
        ("430981103", "430981103", None, None),
        ("430981103201", "430981103", "430981103201", None),
    ]


def test_areas_that_cannot_be_are_refused_with_those_below(owner: Engine, tmp_path: Path) -> None:
    report = load(
        owner,
        tmp_path,
        "areas",
        "code,name,level,parent_code,members",
        "A,甲,township,,",
        "B,乙,township,A,",
        "C,丙,village,X,",
        "D,丁,grid,C,",
        "430000,省,city,,",
        "P,园区,overlay,,A;Q",
        "R,园区,overlay,A,A",
        partial=True,
    )
    assert [(f.row, f.field, f.value) for f in report.rejected] == [
        (3, "parent_code", "A"),
        (4, "parent_code", "X"),
        (5, "parent_code", "C"),
        (6, "code", "430000"),
        (7, "members", "A Q"),
    ]
    assert report.inserted == 2


def test_records_are_placed_by_geometry_then_by_what_they_declare(owner: Engine, tmp_path: Path) -> None:
    load_areas(owner, tmp_path)
    report = load(
        owner,
        tmp_path,
        "enterprises",
        FIRM_HEADER,
        f"E1,网格内,430981101,{at(0.2, 0.2)}",
        f"E2,两网格的界线上,,{at(0.5, 0.2)}",
        f"E3,只在镇内,430981101201,{at(1.5, 1.5)}",
        f"E4,别的镇,430981102,{at(0.2, 0.2)}",
        f"E5,界外而无面的镇,430981103201,{at(9, 9)}",
        f"E6,界外,430981102,{at(9, 9)}",
        f"E7,界外,,{at(9, 9)}",
    )
    places = "SELECT code, township_code, village_code, grid_code, enterprise_code FROM enterprise ORDER BY 1"
    assert rows(owner, places) == [
        ("E1", "430981101", "430981101201", "430981101201001", "E1"),
        ("E2", "430981101", "430981101201", "430981101201001", "E2"),
        ("E3", "430981101", None, None, "E3"),
        ("E4", "430981101", "430981101201", "430981101201001", "E4"),
        ("E5", "430981103", "430981103201", None, "E5"),
        ("E6", None, None, None, "E6"),
        ("E7", None, None, None, "E7"),
    ]
    listed = [(one["row"], one["code"], one["declared"], one["placed"]) for one in report.mismatched]
    assert listed == [
        (4, "E3", "430981101201", "430981101"),
        (5, "E4", "430981102", "430981101"),
        (7, "E6", "430981102", None),
    ]
    with snapshot(owner) as connection:
        assert [one["code"] for one in mismatches(connection, "enterprise")] == ["E3", "E4", "E6"]


def test_placement_agrees_with_place_of(owner: Engine, tmp_path: Path) -> None:
    load_areas(owner, tmp_path)
    places = [f"{5 + n % 7},{at(n % 20 / 5 - 0.1, n // 20 / 5 - 0.1)}" for n in range(400)]
    load(owner, tmp_path, "population", "people,lon,lat", *places)
    query = """SELECT count(*), count(*) FILTER (WHERE (p.township_code, p.village_code, p.grid_code)
               IS DISTINCT FROM (o.township_code, o.village_code, o.grid_code)), count(p.township_code)
               FROM population p LEFT JOIN LATERAL place_of(place_point(p.geom_m)) o ON true"""
    ((total, different, placed),) = rows(owner, query)
    assert (total, different) == (400, 0)
    assert 100 < placed < 300
    assert load(owner, tmp_path, "population", "people,lon,lat", *places).unchanged == 400


def test_a_danger_without_position_is_where_it_says(owner: Engine, tmp_path: Path) -> None:
    load_areas(owner, tmp_path)
    header = "code,place,township_code,grade,title,found_on,lon,lat"
    there = f"D2,码头,430981102,general,x,2026-02-01,{at(0.7, 0.2)}"
    load(owner, tmp_path, "dangers", header, "D1,码头,430981102,general,x,2026-02-01,,", there)
    places = rows(owner, "SELECT code, township_code, grid_code FROM danger ORDER BY 1")
    assert places == [("D1", "430981102", None), ("D2", "430981101", "430981101201002")]


def test_dependants_live_where_their_object_lives_and_move_with_it(owner: Engine, tmp_path: Path) -> None:
    load_areas(owner, tmp_path)
    load_chain(owner, tmp_path)
    assert chain(owner, *DEPENDANTS) == {("430981101201001", "E1", "hazchem")}
    load(owner, tmp_path, "sources", SOURCE_HEADER, f"S1,甲罐,lpg_store,E1,{at(0.7, 0.2)}", at=evening(1))
    moved = ("inventory", "sensor", "duty")
    assert chain(owner, *moved) == {("430981101201002", "E1", "hazchem")}
    assert rows(owner, "SELECT code, grid_code FROM danger ORDER BY 1") == [
        ("D1", "430981101201002"),
        ("D2", "430981101201001"),
    ]
    assert chain(owner, "event") == {("430981101201001", "E1", "hazchem")}, "events stay as they were"
    load(
        owner,
        tmp_path,
        "enterprises",
        "code,name,committee,lon,lat",
        f"E1,甲,general,{at(0.2, 0.2)}",
        at=evening(2),
    )
    assert {row[2] for row in chain(owner, "source", *moved, "danger")} == {"general"}
    assert rows(owner, "SELECT count(*) FROM inventory_past") == [(2,)]
    with writing(owner) as connection:
        assert verify(connection) == []


def test_new_areas_place_every_layer_anew(owner: Engine, tmp_path: Path) -> None:
    load_chain(owner, tmp_path)
    load(
        owner,
        tmp_path,
        "targets",
        "code,name,target_class,township_code,lon,lat",
        f"T1,校,high_sensitive,430981103,{at(9, 9)}",
    )
    assert chain(owner, *DEPENDANTS) == {(None, "E1", "hazchem")}
    before = rows(owner, "SELECT max(rev) FROM revision")
    load_areas(owner, tmp_path)
    moved = ("source", "inventory", "sensor", "danger", "duty")
    assert chain(owner, "enterprise", *moved) == {("430981101201001", "E1", "hazchem")}
    assert rows(owner, "SELECT township_code FROM target") == [("430981103",)]
    assert rows(owner, "SELECT max(rev) FROM revision") == [(before[0][0] + 1,)], "one revision for all of it"
    elsewhere = f"430981101201001,甲村一组,grid,,{square(0, 0.5, 0.5)}"
    load(owner, tmp_path, "areas", AREA_HEADER, elsewhere, at=evening(1))
    assert chain(owner, "enterprise", *moved) == {(None, "E1", "hazchem")}
    assert rows(owner, "SELECT DISTINCT village_code FROM inventory") == [("430981101201",)]
    assert load(owner, tmp_path, "areas", AREA_HEADER, elsewhere, at=evening(2)).rev is None


def test_a_village_that_changes_township_takes_its_units_along(owner: Engine, tmp_path: Path) -> None:
    load_areas(owner, tmp_path)
    load_chain(owner, tmp_path)
    report = load(
        owner,
        tmp_path,
        "areas",
        AREA_HEADER,
        f"430981101201,甲村,village,430981102,{square(0, 0)}",
        at=evening(1),
    )
    assert counts(report) == (0, 1, 0, 0)
    townships = "SELECT DISTINCT township_code FROM {} WHERE village_code = '430981101201'"
    for table in ("area", "enterprise", "source", "inventory", "duty"):
        assert rows(owner, townships.format(table)) == [("430981102",)], table


def test_records_must_name_what_exists(owner: Engine, tmp_path: Path) -> None:
    load_chain(owner, tmp_path)
    load(owner, tmp_path, "enterprises", "code,name,lon,lat", f"E2,乙,{at(1, 1)}")

    def refused(layer: str, header: str, *lines: str) -> list[tuple[int, str, str | None]]:
        report = load(owner, tmp_path, layer, header, *lines, partial=True)
        return [(fault.row, fault.field, fault.value) for fault in report.rejected]

    assert refused("sources", SOURCE_HEADER, f"S9,x,mine,E9,{at(0, 0)}") == [(2, "enterprise_code", "E9")]
    assert refused("inventory", "source_code,substance,quantity_t", "S1,x,1", "S9,氨,1", "S9,液氨,2") == [
        (3, "source_code", "S9"),
        (4, "source_code", "S9"),
    ]
    danger = "code,source_code,enterprise_code,grade,title,found_on"
    assert refused(
        "dangers",
        danger,
        "D7,S9,,major,x,2026-01-01",
        "D8,S1,E2,major,x,2026-01-01",
        "D9,S1,E1,major,x,2026-01-01",
    ) == [
        (2, "source_code", "S9"),
        (3, "enterprise_code", "E2"),
    ]
    duty = "code,person,role,object_layer,object_code"
    assert refused("duty", duty, "Z8,甲,leader,area,A9", "Z9,乙,leader,zone,Z123456789a") == [
        (2, "object_code", "A9")
    ]

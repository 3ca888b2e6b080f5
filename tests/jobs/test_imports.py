"""Importing into a real database: all or nothing, idempotent, placed by geometry, with the history it should have."""

import datetime as dt
import json
import threading
from collections.abc import Sequence
from decimal import Decimal
from pathlib import Path
from typing import Any

import openpyxl
import pytest
from sqlalchemy import Engine, text

from jobs.imports import ImportReport, import_day, import_file
from layers.audit import verify
from layers.database import snapshot, writing
from layers.history import CLOCK, open_revision
from layers.placement import mismatches
from riskmap.errors import BadInput, Refused

DAY = dt.date(2026, 3, 1)
WEST, SOUTH, STEP = 112.30, 28.80, 0.02


def evening(days: int = 0) -> dt.datetime:
    return dt.datetime.combine(DAY + dt.timedelta(days=days), dt.time(20), CLOCK)


def write(folder: Path, layer: str, header: str, *rows: str) -> Path:
    folder.mkdir(exist_ok=True)
    path = folder / f"{layer}.csv"
    path.write_text("\n".join([header, *rows]) + "\n", encoding="utf-8")
    return path


def square(column: float, row: float, size: float = 1) -> str:
    """A square of the test's chessboard as WKT."""
    w, s = WEST + column * STEP, SOUTH + row * STEP
    e, n = w + size * STEP, s + size * STEP
    return f'"POLYGON (({w} {s}, {e} {s}, {e} {n}, {w} {n}, {w} {s}))"'


def at(column: float, row: float) -> str:
    return f"{WEST + column * STEP:.6f},{SOUTH + row * STEP:.6f}"


AREAS = (
    f"430981101,甲镇,township,,{square(0, 0, 2)}",
    f"430981101201,甲村,village,,{square(0, 0)}",
    f"430981101201001,甲村一组,grid,,{square(0, 0, 0.5)}",
    f"430981101201002,甲村二组,grid,,{square(0.5, 0, 0.5)}",
    f"430981102,乙镇,township,430981,{square(2, 0, 2)}",
    "430981103,丙镇,township,,",
    "430981103201,丙村,village,430981103,",
)
AREA_HEADER = "code,name,level,parent_code,wkt"


def load(owner: Engine, folder: Path, layer: str, header: str, *rows: str, **more: Any) -> ImportReport:
    more.setdefault("at", evening())
    return import_file(owner, layer, write(folder, layer, header, *rows), **more)


def load_areas(owner: Engine, folder: Path) -> None:
    assert load(owner, folder, "areas", AREA_HEADER, *AREAS).inserted == len(AREAS)


def rows(owner: Engine, query: str) -> list[tuple[Any, ...]]:
    with snapshot(owner) as connection:
        return [tuple(row) for row in connection.execute(text(query))]


def counts(report: ImportReport) -> tuple[int, int, int, int]:
    return report.inserted, report.updated, report.unchanged, len(report.rejected)


FIRM_HEADER = "code,name,township_code,lon,lat"


# --- all or nothing --------------------------------------------------------------------------------------


def test_a_second_import_of_the_same_file_changes_nothing(owner: Engine, tmp_path: Path) -> None:
    firms = [f"E{n},企业{n},,{at(0.1, 0.1 * n)}" for n in range(5)]
    first = load(owner, tmp_path, "enterprises", FIRM_HEADER, *firms)
    assert (first.rows_read, *counts(first)) == (5, 5, 0, 0, 0)
    again = load(owner, tmp_path, "enterprises", FIRM_HEADER, *firms, at=evening(1))
    assert counts(again) == (0, 0, 5, 0)
    assert (first.rev is not None, again.rev) == (True, None)
    assert rows(owner, "SELECT count(*) FROM revision WHERE job = 'import'") == [(1,)]


def test_one_faulty_row_refuses_the_file(owner: Engine, tmp_path: Path) -> None:
    with pytest.raises(Refused) as caught:
        load(
            owner,
            tmp_path,
            "enterprises",
            FIRM_HEADER,
            f"E1,甲,,{at(0, 0)}",
            "E2,乙,,here,28.8",
            f",丙,,{at(0, 0)}",
        )
    report = caught.value.facts["report"]
    assert report["rejected"] == [
        {
            "row": 3,
            "field": "lon",
            "value": "here",
            "reason": "坐标不是数字",
            "remedy": "请写成十进制数，如 112.3612",
        },
        {"row": 4, "field": "code", "value": None, "reason": "必填", "remedy": "请填写统一社会信用代码"},
    ]
    assert "第 3 行字段 lon" in caught.value.detail
    json.dumps(report)
    assert rows(owner, "SELECT count(*) FROM enterprise") == [(0,)]
    assert rows(owner, "SELECT count(*) FROM revision WHERE job = 'import'") == [(0,)]


def test_partial_takes_the_good_rows_and_every_row_is_accounted_for(owner: Engine, tmp_path: Path) -> None:
    firms = [f"E1,甲,,{at(0, 0)}", "E2,乙,,here,28.8", f"E1,丙,,{at(0, 0)}", "", f"E3,丁,,{at(0, 0)}"]
    report = load(owner, tmp_path, "enterprises", FIRM_HEADER, *firms, partial=True)
    assert counts(report) == (2, 0, 0, 2)
    assert report.rows_read == report.inserted + report.updated + report.unchanged + len(report.rejected)
    assert [(fault.row, fault.field) for fault in report.rejected] == [(3, "lon"), (4, "code")]
    assert rows(owner, "SELECT code, name FROM enterprise ORDER BY 1") == [("E1", "甲"), ("E3", "丁")]


def test_a_dry_run_says_what_would_happen(owner: Engine, tmp_path: Path) -> None:
    load(owner, tmp_path, "enterprises", FIRM_HEADER, f"E1,甲,,{at(0, 0)}")
    report = load(
        owner, tmp_path, "enterprises", FIRM_HEADER, f"E1,乙,,{at(0, 0)}", f"E2,丙,,{at(0, 0)}", dry_run=True
    )
    assert (counts(report), report.rev, report.dry_run) == ((1, 1, 0, 0), None, True)
    assert rows(owner, "SELECT code, name FROM enterprise") == [("E1", "甲")]
    assert load(owner, tmp_path, "enterprises", FIRM_HEADER, f"E2,丙,,{at(0, 0)}").inserted == 1


def test_the_same_records_come_equal_out_of_every_kind_of_file(owner: Engine, tmp_path: Path) -> None:
    header = "code,name,opened_on,committee,workers,synthetic,lon,lat"
    load(
        owner,
        tmp_path,
        "enterprises",
        header,
        f"E1,甲（沅江）公司,2020-01-31,hazchem,12,true,{at(0, 0)}",
        f"E2,乙,,,,,{at(1, 1)}",
    )
    book = openpyxl.Workbook()
    sheet = book.active
    assert sheet is not None
    chinese = [
        "统一社会信用代码*",
        "企业名称*",
        "开办日期",
        "专业委员会",
        "从业人数",
        "合成数据",
        "经度",
        "纬度",
    ]
    here, there = ([float(x) for x in at(n, n).split(",")] for n in (0, 1))
    for row in (
        chinese,
        ["E1", "甲（沅江）公司", dt.date(2020, 1, 31), "hazchem", 12.0, True, *here],
        ["E2", "乙", *[None] * 4, *there],
    ):
        sheet.append(row)
    book.save(tmp_path / "b.xlsx")
    facts = {
        "code": "E1",
        "name": "甲（沅江）公司",
        "opened_on": "2020/1/31",
        "committee": "hazchem",
        "workers": 12,
        "synthetic": True,
    }
    features = [
        {"type": "Feature", "properties": properties, "geometry": {"type": "Point", "coordinates": position}}
        for properties, position in ((facts, here), ({"code": "E2", "name": "乙"}, there))
    ]
    (tmp_path / "c.geojson").write_text(
        json.dumps({"type": "FeatureCollection", "features": features}), encoding="utf-8"
    )
    for name in ("b.xlsx", "c.geojson"):
        assert counts(import_file(owner, "enterprises", tmp_path / name, at=evening(1))) == (0, 0, 2, 0), name


def test_unknown_layers_and_headers_are_told(owner: Engine, tmp_path: Path) -> None:
    path = write(tmp_path, "x", "code", "1")
    with pytest.raises(BadInput, match="没有图层 factories"):
        import_file(owner, "factories", path)
    report = load(owner, tmp_path, "enterprises", FIRM_HEADER + ",备注", f"E1,甲,,{at(0, 0)},x")
    assert report.ignored == ["备注"]


# --- history ---------------------------------------------------------------------------------------------


def test_days_from_which_rows_hold(owner: Engine, tmp_path: Path) -> None:
    header = "code,name,kind,status,opened_on,closed_on,lon,lat"
    load(
        owner,
        tmp_path,
        "sources",
        header,
        f"S1,甲,mine,,2020-05-01,,{at(0, 0)}",
        f"S2,乙,mine,,,,{at(0, 0)}",
        f"S3,丙,mine,,2027-01-01,,{at(0, 0)}",
    )
    then = [("S1", dt.date(2020, 5, 1)), ("S2", DAY), ("S3", DAY)]
    assert rows(owner, "SELECT code, valid_from FROM source ORDER BY 1") == then
    closing = f"S1,甲,mine,closed,2020-05-01,2026-03-02,{at(0, 0)}"
    load(owner, tmp_path, "sources", header, closing, at=evening(1))
    assert rows(owner, "SELECT status, valid_from FROM source WHERE code = 'S1'") == [
        ("closed", DAY + dt.timedelta(days=1))
    ]
    assert rows(owner, "SELECT status, valid_from, valid_to FROM source_past") == [
        ("active", dt.date(2020, 5, 1), DAY + dt.timedelta(days=1))
    ]
    inventory = "source_code,substance,quantity_t,as_of"
    load(owner, tmp_path, "inventory", inventory, "S1,氨,5,2026-02-01")
    load(owner, tmp_path, "inventory", inventory, "S1,氨,6,2026-02-20", at=evening(1))
    load(owner, tmp_path, "inventory", inventory, "S1,氨,7,2026-12-31", at=evening(2))
    days = [dt.date(2026, 2, 1), dt.date(2026, 2, 20), DAY + dt.timedelta(days=2)]
    assert [day for (day,) in rows(owner, "SELECT valid_from FROM inventory_all ORDER BY rev")] == days
    with writing(owner) as connection:
        assert verify(connection) == []


def test_what_a_file_has_no_column_for_stays(owner: Engine, tmp_path: Path) -> None:
    load(
        owner,
        tmp_path,
        "enterprises",
        "code,name,industry,workers,synthetic,lon,lat",
        f"E1,甲,C26,12,true,{at(0, 0)}",
    )
    report = load(owner, tmp_path, "enterprises", "code,name,workers,lon,lat", f"E1,甲二,,{at(0, 0)}")
    assert report.updated == 1
    assert rows(owner, "SELECT name, industry, workers, status, synthetic FROM enterprise") == [
        ("甲二", "C26", None, "active", False)
    ]


def test_events_are_added_once(owner: Engine, tmp_path: Path) -> None:
    header = "event_id,kind,time,value"
    first = load(
        owner, tmp_path, "events", header, "e1,alarm,2026-03-01 08:00,1", "e1,alarm,2026-03-01 08:00,1"
    )
    assert counts(first) == (2, 0, 0, 0)
    again = load(
        owner, tmp_path, "events", header, "e1,alarm,2026-03-01 08:00,9", "e2,alarm,2026-03-01 09:00,2"
    )
    assert counts(again) == (1, 0, 1, 0)
    assert rows(owner, "SELECT code, value, time FROM event ORDER BY 1") == [
        ("e1", 1.0, dt.datetime(2026, 3, 1, 8, tzinfo=CLOCK)),
        ("e2", 2.0, dt.datetime(2026, 3, 1, 9, tzinfo=CLOCK)),
    ]


# --- placement -------------------------------------------------------------------------------------------


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


SOURCE_HEADER = "code,name,kind,enterprise_code,lon,lat"


def load_chain(owner: Engine, folder: Path) -> None:
    """An enterprise with a source, and one record of every layer that names them."""
    load(owner, folder, "enterprises", "code,name,committee,lon,lat", f"E1,甲,hazchem,{at(0.2, 0.2)}")
    load(owner, folder, "sources", SOURCE_HEADER, f"S1,甲罐,lpg_store,E1,{at(0.2, 0.2)}")
    load(owner, folder, "inventory", "source_code,substance,quantity_t", "S1,氨,5")
    load(owner, folder, "sensors", "code,source_code,kind,unit", "N1,S1,level,m")
    load(owner, folder, "dangers", "code,source_code,grade,title,found_on", "D1,S1,major,x,2026-02-01")
    load(owner, folder, "dangers", "code,enterprise_code,grade,title,found_on", "D2,E1,general,x,2026-02-01")
    load(owner, folder, "events", "event_id,kind,source_code,time", "e1,alarm,S1,2026-03-01")
    load(
        owner,
        folder,
        "duty",
        "code,person,role,object_layer,object_code",
        "Z1,甲,principal,source,S1",
        "Z2,乙,leader,danger,D1",
    )


CHAIN = "SELECT '{0}', grid_code, enterprise_code, committee FROM {0} ORDER BY code"


def chain(owner: Engine, *tables: str) -> set[tuple[Any, ...]]:
    return {row[1:] for table in tables for row in rows(owner, CHAIN.format(table))}


DEPENDANTS = ("source", "inventory", "sensor", "danger", "event", "duty")


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


# --- references ------------------------------------------------------------------------------------------


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


def test_a_day_is_one_revision_and_its_layers_know_each_other(owner: Engine, tmp_path: Path) -> None:
    day = tmp_path / "2026-03-01"
    write(day, "inventory", "source_code,substance,quantity_t", "S1,氨,5")
    write(day, "sources", SOURCE_HEADER, f"S1,甲罐,lpg_store,E1,{at(0.2, 0.2)}")
    write(day, "enterprises", "code,name,lon,lat", f"E1,甲,{at(0.2, 0.2)}")
    (day / "README.md").write_text("not a layer", encoding="utf-8")
    reports = import_day(owner, day, at=evening(), actor="demo", job="demo", reason="2026-03-01")
    assert {report.layer: report.inserted for report in reports} == {
        "enterprises": 1,
        "inventory": 1,
        "sources": 1,
    }
    assert len({report.rev for report in reports}) == 1
    written = rows(owner, "SELECT actor, job, reason, at FROM revision WHERE job = 'demo'")
    assert written == [("demo", "demo", "2026-03-01", evening())]
    assert import_day(owner, tmp_path / "no such day", at=evening(1), job="demo", reason="2026-03-02") == []
    assert rows(owner, "SELECT reason FROM revision WHERE job = 'demo' ORDER BY rev") == [
        ("2026-03-01",),
        ("2026-03-02",),
    ]


def test_a_day_has_one_file_a_layer(owner: Engine, tmp_path: Path) -> None:
    write(tmp_path, "enterprises", "code,name,lon,lat", f"E1,甲,{at(0.2, 0.2)}")
    (tmp_path / "enterprises.geojson").write_text(
        '{"type": "FeatureCollection", "features": [{"type": "Feature", "geometry": null, "properties": {"code": "E1", "name": "x"}}]}',
        encoding="utf-8",
    )
    with pytest.raises(BadInput, match="企业有两个文件"):
        import_day(owner, tmp_path, at=evening())


def test_a_day_with_a_fault_leaves_nothing_of_any_layer(owner: Engine, tmp_path: Path) -> None:
    day = tmp_path / "day"
    write(day, "enterprises", "code,name,lon,lat", f"E1,甲,{at(0.2, 0.2)}")
    write(day, "sources", SOURCE_HEADER, f"S1,甲罐,no_such_kind,E1,{at(0.2, 0.2)}")
    write(day, "inventory", "source_code,substance,quantity_t", "S1,氨,5")
    with pytest.raises(Refused) as caught:
        import_day(owner, day, at=evening())
    refused = {report["layer"]: report["rejected"] for report in caught.value.facts["reports"]}
    assert [len(refused[layer]) for layer in ("enterprises", "sources", "inventory")] == [0, 1, 1]
    assert rows(owner, "SELECT count(*) FROM enterprise") == [(0,)]


# --- inventory -------------------------------------------------------------------------------------------


def test_a_later_inventory_replaces_the_earlier_key_by_key(owner: Engine, tmp_path: Path) -> None:
    load(
        owner,
        tmp_path,
        "sources",
        SOURCE_HEADER.replace("enterprise_code,", ""),
        f"S1,甲罐,lpg_store,{at(0.2, 0.2)}",
    )
    header = "source_code,substance,cas,quantity_t,unit_code"
    first = load(
        owner,
        tmp_path,
        "inventory",
        header,
        "S1,液氨,,0.1,",
        "S1,,7664-41-7,0.2,",
        "S1,氯,,1,T1",
        "S1,谜样物质,,3,",
    )
    assert counts(first) == (4, 0, 0, 0), "two rows are one record, what matches nothing is kept"
    amounts = "SELECT coalesce(substance, cas), quantity_t FROM inventory ORDER BY quantity_t"
    assert rows(owner, amounts) == [("液氨", Decimal("0.3")), ("氯", Decimal(1)), ("谜样物质", Decimal(3))]
    second = load(owner, tmp_path, "inventory", header, "S1,氨,,7,", "S1,氯,,1.0,T1")
    assert counts(second) == (0, 1, 1, 0)
    assert rows(owner, amounts) == [("氯", Decimal(1)), ("谜样物质", Decimal(3)), ("氨", Decimal(7))]


# --- side by side ----------------------------------------------------------------------------------------


def test_an_import_that_waited_for_another_sees_what_it_wrote(owner: Engine, tmp_path: Path) -> None:
    load(owner, tmp_path, "enterprises", "code,name,lon,lat", f"E0,零,{at(0, 0)}")
    path = write(
        tmp_path / "second", "enterprises", "code,name,lon,lat", f"E0,零,{at(0, 0)}", f"E1,第二,{at(0, 0)}"
    )
    done: list[ImportReport] = []
    thread = threading.Thread(target=lambda: done.append(import_file(owner, "enterprises", path)))
    with writing(owner) as connection:
        rev = open_revision(connection, "test", "test", "the first")
        thread.start()
        waiting = "SELECT EXISTS (SELECT FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock')"
        while not connection.execute(text(waiting)).scalar_one():
            connection.execute(text("SELECT pg_stat_clear_snapshot(), pg_sleep(0.02)"))
        columns = "name, status, synthetic, enterprise_code, geom, geom_m, valid_from"
        connection.execute(
            text(
                f"INSERT INTO enterprise (code, {columns}, rev) SELECT 'E1', {columns.replace('name', ':name', 1)}, :rev FROM enterprise"
            ),
            {"name": "第一", "rev": rev},
        )
    thread.join(timeout=60)
    assert [counts(report) for report in done] == [(0, 1, 1, 0)]
    assert rows(owner, "SELECT name FROM enterprise_all WHERE code = 'E1' ORDER BY rev") == [
        ("第一",),
        ("第二",),
    ]


def test_many_rows_are_streamed(owner: Engine, tmp_path: Path) -> None:
    load_areas(owner, tmp_path)
    firms: Sequence[str] = [f"E{n:05d},企业{n},,{at(n % 100 / 50, n // 100 / 100)}" for n in range(20_500)]
    report = load(owner, tmp_path, "enterprises", FIRM_HEADER, *firms)
    assert counts(report) == (20_500, 0, 0, 0)
    assert rows(owner, "SELECT count(*) FROM enterprise WHERE township_code IS NOT NULL")[0][0] > 19_000
    assert load(owner, tmp_path, "enterprises", FIRM_HEADER, *firms).unchanged == 20_500

"""Importing files: what goes in, what is refused, what a second time changes; days, waiting writers, size."""

import datetime as dt
import json
import threading
from collections.abc import Sequence
from decimal import Decimal
from pathlib import Path

import openpyxl
import pytest
from sqlalchemy import Engine, text

from jobs.imports import ImportReport, import_day, import_file
from layers.audit import verify
from layers.database import writing
from layers.history import CLOCK, open_revision
from riskmap.errors import BadInput, Refused
from tests.import_files import (
    DAY,
    FIRM_HEADER,
    SOURCE_HEADER,
    at,
    counts,
    evening,
    load,
    load_areas,
    rows,
    write,
)


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
        owner, tmp_path, "events", header, "e1,alarm,2026-03-01 08:00,1", "e2,alarm,2026-03-01 09:00,2"
    )
    assert counts(again) == (1, 0, 1, 0)
    other = load(owner, tmp_path, "events", header, "e1,alarm,2026-03-01 08:00,9", partial=True)
    assert [(fault.row, fault.field) for fault in other.rejected] == [(2, "value")]
    assert rows(owner, "SELECT code, value, time FROM event ORDER BY 1") == [
        ("e1", 1.0, dt.datetime(2026, 3, 1, 8, tzinfo=CLOCK)),
        ("e2", 2.0, dt.datetime(2026, 3, 1, 9, tzinfo=CLOCK)),
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

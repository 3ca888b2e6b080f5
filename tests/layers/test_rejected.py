"""The workbook of rejected rows: as they were, with the reason, fit to be corrected and sent back."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import openpyxl
import pytest
from sqlalchemy import Engine

from jobs.imports import import_file
from layers.fields import LAYERS
from layers.files import read_table
from layers.headers import names_of
from layers.mapping import name_columns
from layers.rejected import NOTES, write_rejected
from layers.sheets import Table, cells_of
from riskmap.errors import Refused
from tests.import_files import at, load_areas, rows, write

HEADER = "备注,统一社会信用代码,企业名称,Status,lon,lat"


def cells(path: Path) -> list[list[Any]]:
    book = openpyxl.load_workbook(path)
    (sheet,) = book.worksheets
    return [list(row) for row in sheet.iter_rows()]


def test_the_corrected_workbook_goes_in_as_it_is(owner: Engine, tmp_path: Path) -> None:
    path = write(
        tmp_path,
        "enterprises",
        HEADER,
        f"a,E1,甲,active,{at(0, 0)}",
        "b,E2,乙,active,here,28.8",
        f"c,E3,丙,open,{at(0, 1)}",
        f"d,E4,丁,active,{at(0, 2)}",
    )
    out = tmp_path / "rejected.xlsx"
    with pytest.raises(Refused):
        import_file(owner, "enterprises", path, rejected=out)
    found = cells(out)
    assert [cell.value for cell in found[0]] == [*HEADER.split(","), *NOTES]
    assert [cell.value for cell in found[1]] == [
        "b",
        "E2",
        "乙",
        "active",
        "here",
        "28.8",
        "3",
        "lon",
        "坐标不是数字",
        "请写成十进制数，如 112.3612",
    ]
    assert [row[6].value for row in found[1:]] == ["3", "4"]
    assert [cell.column_letter for row in found for cell in row if cell.fill.fgColor.rgb == "FFF4B6B2"] == [
        "E",
        "D",
    ]
    report = import_file(owner, "enterprises", path, partial=True, rejected=out)
    assert (report.inserted, len(report.rejected)) == (2, 2)
    book = openpyxl.load_workbook(out)
    sheet = book.worksheets[0]
    sheet["E2"], sheet["D3"] = "112.31", "active"
    book.save(out)
    again = import_file(owner, "enterprises", out)
    assert (again.inserted, again.rejected, set(again.ignored)) == (2, [], {"备注", *NOTES} - {"行号"})
    assert rows(owner, "SELECT code, name FROM enterprise ORDER BY 1") == [
        ("E1", "甲"),
        ("E2", "乙"),
        ("E3", "丙"),
        ("E4", "丁"),
    ]


def test_no_workbook_where_nothing_is_rejected(owner: Engine, tmp_path: Path) -> None:
    out = tmp_path / "rejected.xlsx"
    import_file(
        owner,
        "enterprises",
        write(tmp_path, "enterprises", HEADER, f"a,E1,甲,active,{at(0, 0)}"),
        rejected=out,
    )
    assert not out.exists()


def test_a_workbook_rejected_again_has_the_notes_once(owner: Engine, tmp_path: Path) -> None:
    path = write(tmp_path, "enterprises", HEADER, "b,E2,乙,active,here,28.8")
    first, second = tmp_path / "first.xlsx", tmp_path / "second.xlsx"
    import_file(owner, "enterprises", path, partial=True, rejected=first)
    import_file(owner, "enterprises", first, partial=True, rejected=second)
    assert [[cell.value for cell in row][:6] for row in cells(first)] == [
        [cell.value for cell in row][:6] for row in cells(second)
    ]
    assert [cell.value for cell in cells(second)[0]] == [*HEADER.split(","), *NOTES]


def test_shapes_of_a_spatial_file_come_along(owner: Engine, tmp_path: Path) -> None:
    load_areas(owner, tmp_path)
    features = [
        {
            "type": "Feature",
            "properties": properties,
            "geometry": {"type": "Point", "coordinates": [112.31, 28.81]},
        }
        for properties in (
            {"code": "S1", "name": "甲", "kind": "nothing"},
            {"code": "S2", "name": "乙", "kind": "mine"},
        )
    ]
    path = tmp_path / "sources.geojson"
    path.write_text(json.dumps({"type": "FeatureCollection", "features": features}), "utf-8")
    out = tmp_path / "rejected.xlsx"
    report = import_file(owner, "sources", path, partial=True, rejected=out)
    assert (report.inserted, len(report.rejected)) == (1, 1)
    book = openpyxl.load_workbook(out)
    sheet = book.worksheets[0]
    assert [cell.value for cell in sheet[1]][:4] == ["code", "name", "kind", "几何(WKT)"]
    sheet["C2"] = "mine"
    book.save(out)
    assert import_file(owner, "sources", out).inserted == 1
    assert rows(owner, "SELECT ST_AsText(geom) FROM source WHERE code = 'S1'") == [("POINT(112.31 28.81)",)]


def written(tmp_path: Path, *values: str) -> list[Any]:
    columns = {"code": cells_of([None] * len(values)), "name": cells_of(values)}
    table = Table("t", columns, np.arange(2, len(values) + 2, dtype=np.int32))
    faults = [
        {"row": int(row), "field": "code", "value": None, "reason": "必填", "remedy": "=1+1"}
        for row in table.rows
    ]
    write_rejected(tmp_path / "x.xlsx", table, faults, {"code": "code", "name": "name"})
    return [row[1] for row in cells(tmp_path / "x.xlsx")[1:]]


def test_nothing_in_it_is_computed(tmp_path: Path) -> None:
    texts = [
        "=1+1",
        "+1",
        "-1",
        "@SUM(A1)",
        "#N/A",
        "\t=1",
        '=HYPERLINK("http://x")',
        "2026-01-01",
        "007",
        "true",
    ]
    for cell, text in zip(written(tmp_path, *texts), texts, strict=True):
        assert (cell.value, cell.data_type, cell.number_format) == (text, "s", "@")


def test_what_a_workbook_cannot_hold_is_left_out_and_told(tmp_path: Path) -> None:
    (long,) = written(tmp_path, "x" * 40_000)
    assert long.value is None
    told = cells(tmp_path / "x.xlsx")[1][-1].value
    assert "32767" in told
    (control,) = written(tmp_path, "a\x01b")
    assert control.value == "ab"


@pytest.mark.parametrize("layer", LAYERS)
def test_the_notes_mean_nothing_to_any_layer(layer: str, tmp_path: Path) -> None:
    known = {name.casefold() for ours, others in names_of(LAYERS[layer]).items() for name in (ours, *others)}
    assert not known & set(NOTES)


def test_two_faults_of_one_row_are_one_row(tmp_path: Path) -> None:
    path = write(tmp_path, "enterprises", "code,name,lon,lat", "E1,甲,x,y")
    table = read_table(path)
    columns = name_columns(table, LAYERS["enterprises"]).headers
    faults = [
        {"row": 2, "field": name, "value": "x", "reason": f"{name}?", "remedy": "r"}
        for name in ("lon", "lat")
    ]
    assert write_rejected(tmp_path / "x.xlsx", table, faults, columns) == 1
    (row,) = cells(tmp_path / "x.xlsx")[1:]
    assert [cell.value for cell in row][4:7] == ["2", "lon；lat", "lon?；lat?"]

"""Reading files: every kind gives the same text by row and column, and nothing hostile gets into memory."""

import csv
import io
import json
import zipfile
from collections.abc import Callable
from contextlib import suppress
from datetime import date, datetime
from pathlib import Path
from typing import Any

import openpyxl
import pytest
import shapely
from hypothesis import given
from hypothesis import strategies as st

from layers.files import read_table
from layers.sheets import Limits
from riskmap.errors import BadInput, RiskMapError, TooLarge
from tests.checked_rows import texts


def write(path: Path, content: bytes | str) -> Path:
    path.write_bytes(content.encode() if isinstance(content, str) else content)
    return path


def workbook(path: Path, rows: list[list[Any]], title: str = "数据", **others: list[list[Any]]) -> Path:
    book = openpyxl.Workbook()
    sheet = book.active
    assert sheet is not None
    sheet.title = title
    for row in rows:
        sheet.append(row)
    for name, more in others.items():
        extra = book.create_sheet(name)
        for row in more:
            extra.append(row)
    book.save(path)
    return path


def collection(*features: dict[str, Any], **more: Any) -> str:
    return json.dumps({"type": "FeatureCollection", "features": list(features), **more}, ensure_ascii=False)


def feature(properties: Any, geometry: Any) -> dict[str, Any]:
    return {"type": "Feature", "properties": properties, "geometry": geometry}


# --- CSV -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "gb18030", "gbk", "utf-16"])
def test_csv_in_the_encodings_people_have(tmp_path: Path, encoding: str) -> None:
    path = write(tmp_path / "企业.csv", "编码,企业名称\nE1,沅江市琼湖冷库\n".encode(encoding))
    table = read_table(path)
    assert texts(table) == {"编码": ["E1"], "企业名称": ["沅江市琼湖冷库"]}


def test_declared_encoding_is_obeyed_or_refused(tmp_path: Path) -> None:
    path = write(tmp_path / "a.csv", "名\n漢\n".encode("big5"))
    assert texts(read_table(path, encoding="big5")) == {"名": ["漢"]}
    with pytest.raises(BadInput, match="utf-8"):
        read_table(path, encoding="utf-8")
    with pytest.raises(BadInput, match="未知的文本编码"):
        read_table(path, encoding="klingon")


def test_rows_are_numbered_as_in_the_sheet(tmp_path: Path) -> None:
    text = '\n\ncode,name\nE1,甲\n\n,\nE2,"乙\n丙"\nE3,丁\n'
    table = read_table(write(tmp_path / "a.csv", text))
    assert table.rows.tolist() == [4, 7, 8], "blank rows count, a line break inside a cell does not"
    assert texts(table)["name"] == ["甲", "乙\n丙", "丁"]


@pytest.mark.parametrize("delimiter", [",", ";", "\t"])
def test_csv_delimiters(tmp_path: Path, delimiter: str) -> None:
    path = write(
        tmp_path / "a.csv", delimiter.join(["code", "name"]) + "\n" + delimiter.join(["E1", "甲"]) + "\n"
    )
    assert texts(read_table(path)) == {"code": ["E1"], "name": ["甲"]}


def test_short_and_overfull_rows(tmp_path: Path) -> None:
    table = read_table(write(tmp_path / "a.csv", "code,name\nE1\nE2,乙,多余\n"))
    assert texts(table)["name"] == [None, "乙"]
    assert table.overfull == {1: "多余"}


def test_a_long_polygon_fits_into_a_cell(tmp_path: Path) -> None:
    wkt = "POLYGON ((" + ", ".join(f"{112 + n * 1e-5:.7f} 28.8" for n in range(10_000)) + "))"
    table = read_table(write(tmp_path / "a.csv", f'code,wkt\nE1,"{wkt}"\n'))
    assert texts(table)["wkt"] == [wkt]


# --- XLSX ------------------------------------------------------------------------------------------------


def test_a_workbook_reads_like_its_csv(tmp_path: Path) -> None:
    rows: list[list[Any]] = [
        ["code", "n", "x", "on", "at", "yes"],
        ["E1", 12, 0.1, date(2026, 1, 31), datetime.fromisoformat("2026-01-31 08:30"), True],
    ]
    table = read_table(workbook(tmp_path / "a.xlsx", rows))
    expected = ["E1", "12", "0.1", "2026-01-31", "2026-01-31 08:30:00", "true"]
    assert [column[0] for column in texts(table).values()] == expected
    assert table.rows.tolist() == [2]


def test_workbook_rows_keep_their_numbers(tmp_path: Path) -> None:
    table = read_table(workbook(tmp_path / "a.xlsx", [[], ["code"], [], ["E1"], [], ["E2"]]))
    assert (table.rows.tolist(), texts(table)) == ([4, 6], {"code": ["E1", "E2"]})


def test_sheets_by_name_and_the_first_visible_one(tmp_path: Path) -> None:
    path = workbook(tmp_path / "a.xlsx", [["code"], ["E1"]], title="甲", 乙=[["code"], ["E2"]])
    assert texts(read_table(path)) == {"code": ["E1"]}
    assert texts(read_table(path, sheet="乙")) == {"code": ["E2"]}
    with pytest.raises(BadInput) as caught:
        read_table(path, sheet="丙")
    assert "甲、乙" in caught.value.remedy
    book = openpyxl.load_workbook(path)
    book["甲"].sheet_state = "hidden"
    book.save(path)
    assert texts(read_table(path)) == {"code": ["E2"]}


def repacked(path: Path, change: Callable[[str, bytes], bytes]) -> Path:
    """The workbook with each part changed."""
    with zipfile.ZipFile(path) as old:
        parts = {name: change(name, old.read(name)) for name in old.namelist()}
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as new:
        for name, data in parts.items():
            new.writestr(name, data)
    return path


def in_sheet(old: bytes, new: bytes) -> Callable[[str, bytes], bytes]:
    return lambda name, data: data.replace(old, new) if "worksheets/" in name else data


@pytest.mark.parametrize(
    "change",
    [
        in_sheet(b'r="A2"', b'r="XFD1048576"'),
        in_sheet(b'r="A2"', b"r='ZZ999999'"),
        in_sheet(b'<c r="A2"', b'<c x=">" r="XFD1048576"'),
        in_sheet(b'r="A2"', b'r = "&#88;FD1048576"'),
        in_sheet(b"<worksheet", b'<!DOCTYPE x [<!ENTITY a "b">]><worksheet'),
        lambda name, data: data.decode().encode("utf-16") if "worksheets/" in name else data,
        lambda name, data: b"<" if "worksheets/" in name else data,
        lambda name, data: b"" if name == "xl/workbook.xml" else data,
        lambda name, data: data[:-20] if name.endswith("sheet1.xml") else data,
    ],
    ids=[
        "far",
        "far-quoted",
        "far-hidden",
        "far-entity",
        "doctype",
        "utf16",
        "cut",
        "no-book",
        "short",
    ],
)
def test_hostile_workbooks_are_refused(tmp_path: Path, change: Callable[[str, bytes], bytes]) -> None:
    path = repacked(workbook(tmp_path / "a.xlsx", [["code"], ["E1"]]), change)
    with pytest.raises(RiskMapError) as caught:
        read_table(path)
    assert isinstance(caught.value, BadInput | TooLarge)
    assert "a.xlsx" in caught.value.detail
    assert caught.value.remedy


@pytest.mark.parametrize("change", [in_sheet(b' r="A2"', b""), in_sheet(b'<row r="2"', b"<row")])
def test_cells_that_do_not_say_where_they_are_stand_in_order(
    tmp_path: Path, change: Callable[[str, bytes], bytes]
) -> None:
    table = read_table(repacked(workbook(tmp_path / "a.xlsx", [["code"], ["E1"]]), change))
    assert (table.rows.tolist(), texts(table)) == ([2], {"code": ["E1"]})


def with_part(path: Path, name: str, content: bytes = b"<x/>") -> Path:
    with zipfile.ZipFile(path, "a") as book:
        book.writestr(name, content)
    return path


def test_a_workbook_with_macros_is_refused(tmp_path: Path) -> None:
    path = with_part(workbook(tmp_path / "a.xlsx", [["code"], ["E1"]]), "xl/vbaProject.bin", b"\xcc\x61")
    with pytest.raises(BadInput, match="含有宏"):
        read_table(path)
    with pytest.raises(BadInput) as caught:
        read_table(path.rename(tmp_path / "a.xlsm"))
    assert "不含宏" in caught.value.remedy


def test_links_to_other_files_are_told_and_not_followed(tmp_path: Path) -> None:
    path = workbook(tmp_path / "a.xlsx", [["code"], ["E1"]])
    assert read_table(path).notes == []
    (note,) = read_table(with_part(path, "xl/externalLinks/externalLink1.xml")).notes
    assert "没有打开" in note


def test_a_zip_bomb_is_stopped_while_it_unpacks(tmp_path: Path) -> None:
    def bloat(name: str, data: bytes) -> bytes:
        return (
            data.replace(b"</worksheet>", b" " * 40_000_000 + b"</worksheet>")
            if "worksheets/" in name
            else data
        )

    path = repacked(workbook(tmp_path / "a.xlsx", [["code"], ["E1"]]), bloat)
    assert path.stat().st_size < 100_000
    with pytest.raises(TooLarge, match="解压后"):
        read_table(path, limits=Limits(unpacked_bytes=1_000_000))


def test_a_zip_that_lies_about_its_size_is_refused(tmp_path: Path) -> None:
    path = workbook(tmp_path / "a.xlsx", [["code"], *([f"E{n}"] for n in range(500))])
    data = bytearray(path.read_bytes())
    with zipfile.ZipFile(path) as book:
        part = book.getinfo("xl/worksheets/sheet1.xml")
    lie = (100).to_bytes(4, "little")
    entry = data.index(b"PK\x01\x02")
    while data[entry + 46 : entry + 46 + len(part.filename)] != part.filename.encode():
        entry = data.index(b"PK\x01\x02", entry + 4)
    data[entry + 24 : entry + 28] = lie
    data[part.header_offset + 22 : part.header_offset + 26] = lie
    with pytest.raises(BadInput, match="不是有效的"):
        read_table(write(path, bytes(data)))


# --- GeoJSON ---------------------------------------------------------------------------------------------


def test_geojson_rows_properties_and_shapes(tmp_path: Path) -> None:
    polygon = {"type": "Polygon", "coordinates": [[[112, 28], [112.1, 28], [112.1, 28.1], [112, 28]]]}
    text = collection(
        feature(
            {"code": "E1", "n": 3.0, "list": ["a", 1], "deep": {"k": None}},
            {"type": "Point", "coordinates": [112.3, 28.8, 5]},
        ),
        feature({"code": "E2", "n": None}, polygon),
        feature(None, None),
        feature({}, {"type": "Point", "coordinates": ["x", 1]}),
        feature({}, {"type": "Polygon", "coordinates": [[1, 2]]}),
        feature({}, {"type": "Point", "coordinates": [float("nan"), 1]}),
    )
    table = read_table(write(tmp_path / "a.geojson", text))
    assert table.rows.tolist() == [1, 2, 3, 4, 5, 6]
    assert texts(table)["code"] == ["E1", "E2", None, None, None, None]
    assert texts(table)["n"][:2] == ["3", None]
    assert texts(table)["list"][0] == "a;1"
    assert texts(table)["deep"][0] == '{"k": null}'
    assert table.wkb is not None
    shapes = shapely.from_wkb(table.wkb.to_pylist())
    assert [None if shape is None else shape.geom_type for shape in shapes] == [
        "Point",
        "Polygon",
        *[None] * 4,
    ]
    assert set(table.shape_faults) == {3, 4, 5}


@pytest.mark.parametrize(
    ("name", "kept"),
    [
        ("urn:ogc:def:crs:OGC:1.3:CRS84", None),
        ("urn:ogc:def:crs:EPSG::4490", None),
        ("urn:ogc:def:crs:EPSG::4547", "EPSG::4547"),
    ],
)
def test_the_old_crs_member(tmp_path: Path, name: str, kept: str | None) -> None:
    text = collection(feature({}, None), crs={"type": "name", "properties": {"name": name}})
    crs = read_table(write(tmp_path / "a.geojson", text)).crs
    assert (crs is None) if kept is None else bool(crs and crs.endswith(kept))


# --- what is refused whole -------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("a.docx", b"x"),
        ("a", b"x"),
        ("a.csv", b""),
        ("a.csv", b" \n \n"),
        ("a.csv", b"code,name\n"),
        ("a.csv", b"code,code\nE1,E2\n"),
        ("a.csv", "code,,name\nE1,甲,x\n".encode()),
        ("a.csv", b"PK\x03\x04 this is a workbook"),
        ("a.csv", b"code\n\xff\xfe\xfd\x81"),
        ("a.csv", b'code,name\n"E1,' + b"x" * 3_000_000),
        ("a.xlsx", b"code,name\nE1,x\n"),
        ("a.xlsx", b"\xd0\xcf\x11\xe0" + b"\0" * 600),
        ("a.geojson", b"{"),
        ("a.geojson", b"[]"),
        ("a.geojson", b'{"type": "FeatureCollection", "features": []}'),
        ("a.geojson", b'{"type": "FeatureCollection", "features": [1]}'),
        (
            "a.geojson",
            b'{"type": "FeatureCollection", "features": [{"type": "Feature", "properties": [1], "geometry": null}]}',
        ),
        ("a.geojson", b'{"type": "FeatureCollection", "features": ' + b"[" * 50_000 + b"]" * 50_000 + b"}"),
        ("a.geojson", b'{"type": "FeatureCollection", "features": [' + b"9" * 5000 + b"]}"),
        ("a.geojson", "{“不是”}".encode("gb18030")),
    ],
)
def test_files_that_are_not_what_they_say(tmp_path: Path, name: str, content: bytes) -> None:
    with pytest.raises(BadInput) as caught:
        read_table(write(tmp_path / name, content))
    assert name in caught.value.detail
    assert caught.value.remedy


def test_a_missing_file_is_named_without_its_folder(tmp_path: Path) -> None:
    with pytest.raises(BadInput) as caught:
        read_table(tmp_path / "没有.csv")
    assert "没有.csv" in caught.value.detail
    assert str(tmp_path) not in caught.value.detail


@pytest.mark.parametrize(
    "limits", [Limits(file_bytes=10, workbook_bytes=10), Limits(rows=2), Limits(columns=1), Limits(cells=5)]
)
def test_bounds(tmp_path: Path, limits: Limits) -> None:
    rows = [["code", "name"], ["E1", "甲"], ["E2", "乙"], ["E3", "丙"]]
    csv_text = io.StringIO()
    csv.writer(csv_text).writerows(rows)
    for path in (write(tmp_path / "a.csv", csv_text.getvalue()), workbook(tmp_path / "a.xlsx", rows)):
        with pytest.raises(TooLarge) as caught:
            read_table(path, limits=limits)
        assert caught.value.remedy


@given(content=st.binary(max_size=300), suffix=st.sampled_from([".csv", ".xlsx", ".geojson"]))
def test_any_bytes_give_a_table_or_a_reason(
    tmp_path_factory: pytest.TempPathFactory, content: bytes, suffix: str
) -> None:
    path = write(tmp_path_factory.getbasetemp() / f"fuzz{suffix}", content)
    with suppress(BadInput, TooLarge):
        table = read_table(path)
        assert all(len(column) == len(table.rows) for column in table.columns.values())

"""Exports: what comes out goes in again unchanged, whatever it holds, and nobody gets more than is his."""

import json
from itertools import product
from pathlib import Path
from typing import Any

import openpyxl
import pandas as pd
import pyogrio
import pytest
import shapely
from sqlalchemy import Engine, select

from jobs.exports import export_layer
from jobs.imports import import_file
from layers.database import CITY, Identity, snapshot
from layers.exports import Wanted
from layers.fields import LAYERS
from layers.schema import metadata
from riskmap.errors import BadInput, NotFound, TooLarge
from tests import nasty_city
from tests.conftest import SOAK
from tests.exported import City, cells
from tests.import_files import evening, load, rows
from tests.nasty_city import OTHER, TOWNSHIP

FORMATS = ("csv", "xlsx", "geojson", "gpkg")


def stored(owner: Engine, layer: str) -> list[tuple[Any, ...]]:
    """What is on file of a layer, without when it was said."""
    table = metadata.tables[LAYERS[layer].table]
    columns = [c for c in table.columns if c.name not in {"valid_from", "rev"}]
    with snapshot(owner) as connection:
        return [tuple(map(str, row)) for row in connection.execute(select(*columns).order_by(table.c.code))]


def content(path: Path) -> Any:
    """What a file says, without when it was written."""
    if path.suffix == ".gpkg":
        meta, _, shapes, values = pyogrio.raw.read(path)
        told = [column.astype(str).tolist() for column in values]
        return meta["crs"], list(meta["fields"]), None if shapes is None else shapes.tolist(), told
    if path.suffix != ".xlsx":
        return path.read_bytes()
    book = openpyxl.load_workbook(path)
    return [[(cell.value, cell.data_type) for cell in row] for row in book.worksheets[0]]


def first_sheet(path: Path) -> list[dict[str, Any]]:
    header, *lines = openpyxl.load_workbook(path).worksheets[0].iter_rows(values_only=True)
    return [dict(zip(header, line, strict=True)) for line in lines]


LANGUAGES = ("zh", "en")
ALTERNATING = [(kind, LANGUAGES[n % 2]) for n, kind in enumerate(FORMATS)]


@pytest.mark.parametrize(("kind", "lang"), list(product(FORMATS, LANGUAGES)) if SOAK else ALTERNATING)
def test_a_city_exported_and_imported_elsewhere_is_the_same_city(
    city: City, database: str, tmp_path: Path, kind: str, lang: str
) -> None:
    """Every layer: nothing changes where it came from, the empty city equals it, and its own export the file."""
    there = City(database)
    for layer in nasty_city.CITY:
        first, second = tmp_path / f"{layer}.{kind}", tmp_path / f"{layer}-2.{kind}"
        report = city.out(layer, first, lang=lang)
        assert report.rows == len(nasty_city.CITY[layer])
        again = import_file(city.owner, layer, first, at=evening(1))
        assert (again.unchanged, again.inserted, again.updated) == (report.rows, 0, 0), layer
        assert import_file(there.owner, layer, first, at=evening()).inserted == report.rows
        there.out(layer, second, lang=lang)
        assert content(second) == content(first), layer
    for layer in nasty_city.CITY:
        assert stored(there.owner, layer) == stored(city.owner, layer), layer
    there.close()


@pytest.mark.parametrize("crs", ["gcj02", "bd09", "EPSG:4547", "EPSG:4326"])
@pytest.mark.parametrize("kind", FORMATS)
def test_another_system_comes_back_to_the_same_millimetre(
    city: City, tmp_path: Path, kind: str, crs: str
) -> None:
    for layer in ("enterprises", "targets", "lines"):
        path = tmp_path / f"{layer}.{kind}"
        rows_out = city.out(layer, path, crs=crs).rows
        assert import_file(city.owner, layer, path, crs=crs, at=evening(1)).unchanged == rows_out


def test_another_system_is_written_on_geojson(city: City, tmp_path: Path) -> None:
    """A file in another system than RFC 7946 asks for says so, and is not read by mistake."""
    path = tmp_path / "a.geojson"
    city.out("targets", path, crs="gcj02")
    with pytest.raises(BadInput, match="GCJ-02"):
        import_file(city.owner, "targets", path)
    city.out("targets", path)
    assert "crs" not in json.loads(path.read_text())


def test_geojson_rings_follow_the_right_hand(city: City, tmp_path: Path) -> None:
    path = tmp_path / "a.geojson"
    city.out("lines", path)
    lake = json.loads(path.read_text())["features"][1]["geometry"]
    shell, hole = lake["coordinates"]
    assert shapely.is_ccw(shapely.linearrings(shell))
    assert not shapely.is_ccw(shapely.linearrings(hole))


@pytest.mark.parametrize("layer", nasty_city.CITY)
def test_a_geopackage_holds_every_value(city: City, tmp_path: Path, layer: str) -> None:
    path, plain = tmp_path / "a.gpkg", tmp_path / "a.csv"
    count = city.out(layer, path).rows
    meta, _, shapes, values = pyogrio.raw.read(path)
    columns = dict(zip(meta["fields"], values, strict=True))
    city.out(layer, plain, lang="en")
    assert [name for name in columns if name != "placed_township"] == [f.name for f in LAYERS[layer].fields]
    headers = {f.en: f for f in LAYERS[layer].fields}
    for index, line in enumerate(cells(plain)):
        for header, field in headers.items():
            value, text = columns[field.name][index], line[header]
            if not text:
                assert pd.isna(value) or field.kind in {"int", "bool"}
            elif field.kind in {"int", "number", "decimal"}:
                assert float(value) == float(text)
            elif field.kind == "bool":
                assert bool(value) == (text == "true")
            elif field.kind == "text":
                assert value == (text[1:] if text[:1] == "'" and text[1] in "=+-@＝" else text)
            else:
                assert str(value) == text
    if LAYERS[layer].position == "none":
        assert shapes is None
    else:
        assert meta["crs"] == "EPSG:4490"
        table = metadata.tables[LAYERS[layer].table]
        with snapshot(city.owner) as connection:
            kept = (
                connection.execute(select(table.c.geom.ST_AsBinary()).order_by(table.c.code)).scalars().all()
            )
        assert list(shapes) == kept
    assert count == len(nasty_city.CITY[layer])


def test_a_geopackage_in_gcj02_does_not_pass_for_degrees(city: City, tmp_path: Path) -> None:
    path = tmp_path / "a.gpkg"
    city.out("targets", path, crs="gcj02")
    assert "GCJ-02" in pyogrio.raw.read(path)[0]["crs"]


# --- formulas ------------------------------------------------------------------------------------------------------


def test_no_cell_is_a_formula(city: City, tmp_path: Path) -> None:
    for layer in nasty_city.CITY:
        path = tmp_path / f"{layer}.xlsx"
        city.out(layer, path)
        for row in openpyxl.load_workbook(path).worksheets[0]:
            assert {cell.data_type for cell in row} <= {"s", "n"}
            assert not any(cell.hyperlink for cell in row)
        city.out(layer, path.with_suffix(".csv"))
        numeric = {f.zh for f in LAYERS[layer].fields if f.kind in {"int", "number", "decimal"}}
        for line in cells(path.with_suffix(".csv")):
            assert not [v for k, v in line.items() if k not in numeric and v[:1] in set("=+-@\t\r\n＝＋－＠")]


def test_codes_stay_text_in_a_workbook(city: City, tmp_path: Path) -> None:
    path = tmp_path / "a.xlsx"
    city.out("inventory", path)
    sheet = openpyxl.load_workbook(path).worksheets[0]
    cas = next(cell for row in sheet for cell in row if cell.value == "7664-41-7")
    assert (cas.data_type, cas.number_format) == ("s", "@")
    city.out("enterprises", path)
    assert {"007", "91430900MA4L16JG5X"} <= {row["统一社会信用代码"] for row in first_sheet(path)}


def test_a_workbook_speaks_to_people_and_a_text_file_to_programs(city: City, tmp_path: Path) -> None:
    path = tmp_path / "a.xlsx"
    city.out("sources", path)
    assert {row["类别"] for row in first_sheet(path)} == {"渡口", "危险化学品储存", "其他"}
    city.out("sources", path, lang="en")
    assert {row["Kind"] for row in first_sheet(path)} == {"ferry", "chemical store", "other"}
    city.out("sources", path.with_suffix(".csv"))
    assert {row["类别"] for row in cells(path.with_suffix(".csv"))} == {"ferry", "hazchem_store", "other"}


def test_control_characters_do_not_break_a_file(owner: Engine, reader: Engine, tmp_path: Path) -> None:
    load(owner, tmp_path, "enterprises", "code,name,lon,lat", "E1,甲,112.3,28.8")
    with owner.begin() as connection:
        connection.exec_driver_sql("ALTER TABLE enterprise DISABLE TRIGGER USER")
        connection.exec_driver_sql(
            "UPDATE enterprise SET name = E'a\\x01b\\x1fc\\x7f', actual_controller = E'\\t=1', person_general = E'\\r@x'"
        )
    for kind in FORMATS:
        path = tmp_path / f"out.{kind}"
        export_layer(owner, reader, CITY, "enterprises", path)
        assert import_file(owner, "enterprises", path, dry_run=True).rejected == []
    (row,) = cells(tmp_path / "out.csv")
    assert row["企业名称"] == "a\ufffdb\ufffdc\ufffd"
    assert (row["实际控制人"], row["综合监管责任人"]) == ("'\t=1", "'\r@x")


# --- filters and moments -----------------------------------------------------------------------------------------


def codes(city: City, layer: str, path: Path, **more: Any) -> set[str]:
    city.out(layer, path, lang="en", **more)
    return {next(iter(row.values())) for row in cells(path)}


def test_filters_limit_what_goes_out(city: City, tmp_path: Path) -> None:
    path = tmp_path / "a.csv"
    assert codes(city, "enterprises", path, township=TOWNSHIP) == {"007", "91430900MA4L16JG5X", "E2"}
    assert codes(city, "enterprises", path, township=OTHER) == set()
    assert codes(city, "enterprises", path, industry="02") == {"91430900MA4L16JG5X"}
    assert codes(city, "sources", path, industry="5") == {"S3"}
    assert codes(city, "dangers", path, industry="50") == {"D3"}
    assert codes(city, "duty", path, industry="0261") == {"Z1"}
    assert codes(city, "sources", path, kind="ferry") == {"'+S2"}
    assert codes(city, "enterprises", path, text="二；") == set()
    assert codes(city, "enterprises", path, text="二;") == {"E2"}
    assert codes(city, "dangers", path, state="closed") == {"D3"}
    assert codes(city, "dangers", path, grade="major", text="CALC") == {"D1"}
    assert codes(city, "enterprises", path, level="red") == set()


@pytest.mark.parametrize(
    ("layer", "limits", "error"),
    [
        ("targets", {"level": "red"}, BadInput),
        ("sources", {"level": "purple"}, BadInput),
        ("lines", {"industry": "26"}, BadInput),
        ("targets", {"state": "open"}, BadInput),
        ("duty", {"kind": "x"}, BadInput),
        ("dangers", {"state": "open", "as_of": "2026-03-01"}, BadInput),
        ("enterprises", {"as_of": "soon"}, BadInput),
        ("enterprises", {"township": "430981"}, NotFound),
        ("castles", {}, BadInput),
    ],
)
def test_a_filter_that_cannot_be_is_refused_and_leaves_no_file(
    city: City, tmp_path: Path, layer: str, limits: dict[str, str], error: type[Exception]
) -> None:
    with pytest.raises(error):
        city.out(layer, tmp_path / "a.csv", **limits)
    assert list(tmp_path.iterdir()) == []


def test_a_level_is_that_of_the_run(owner: Engine, reader: Engine, tmp_path: Path) -> None:
    from jobs.risk import assess  # noqa: PLC0415 - loads the kernels

    load(
        owner,
        tmp_path,
        "sources",
        "code,name,kind,lon,lat",
        "S1,甲,lpg_store,112.36,28.85",
        "S2,乙,ferry,112.5,28.9",
    )
    assess(owner, actor="test")
    levels = dict(rows(owner, "SELECT code, level FROM score WHERE kind = 'source'"))
    words = {1: "red", 2: "orange", 3: "yellow", 4: "blue"}
    for number, word in words.items():
        path = tmp_path / "out.csv"
        export_layer(owner, reader, CITY, "sources", path, Wanted(level=word))
        assert {row["危险源编码"] for row in cells(path)} == {
            c for c, level in levels.items() if level == number
        }


def test_an_export_as_of_a_day_is_what_was_known_then(owner: Engine, reader: Engine, tmp_path: Path) -> None:
    header = "code,name,lon,lat"
    load(owner, tmp_path, "enterprises", header, "E1,旧名,112.3,28.8")
    load(owner, tmp_path, "enterprises", header, "E1,新名,112.31,28.8", "E2,后来,112.3,28.8", at=evening(5))
    path = tmp_path / "out.csv"
    report = export_layer(owner, reader, CITY, "enterprises", path, Wanted(as_of="2026-03-03"))
    (row,) = cells(path)
    assert (row["企业名称"], row["经度"], report.rows) == ("旧名", "112.3", 1)
    export_layer(owner, reader, CITY, "enterprises", path, Wanted(as_of="2020-06-01"))
    assert cells(path) == []
    for layer in LAYERS:
        export_layer(owner, reader, CITY, layer, path, Wanted(as_of="2026-03-03"))


# --- rights and audit --------------------------------------------------------------------------------------------


def test_an_export_holds_the_callers_rows_only_and_is_recorded(city: City, tmp_path: Path) -> None:
    path = tmp_path / "a.csv"
    ours = Identity("ours", "township", area_code=TOWNSHIP)
    theirs = Identity("theirs", "township", area_code=OTHER)
    assert len(codes(city, "enterprises", path, identity=ours)) == 3
    assert codes(city, "enterprises", path, identity=theirs) == set()
    assert codes(city, "enterprises", path, identity=theirs, township=TOWNSHIP) == set()
    report = city.out("dangers", path, identity=ours, grade="major")
    (found,) = rows(city.owner, f"SELECT actor, job, reason, detail FROM revision WHERE rev = {report.rev}")
    assert found == ("ours", "export", "隐患 → csv，1 行；grade=major", [])


# --- paths and sizes ----------------------------------------------------------------------------------------------


def test_a_bad_target_is_told_and_an_old_file_stays_until_the_new_one_is_whole(
    city: City, tmp_path: Path
) -> None:
    with pytest.raises(BadInput, match="没有文件夹"):
        city.out("sources", tmp_path / "nowhere" / "a.csv")
    with pytest.raises(BadInput, match="不支持"):
        city.out("sources", tmp_path / "a.pdf")
    (tmp_path / "d.csv").mkdir()
    with pytest.raises(BadInput, match="是文件夹"):
        city.out("sources", tmp_path / "d.csv")
    old = tmp_path / "a.csv"
    old.write_text("old")
    with pytest.raises(TooLarge, match="3 行"):
        city.out("sources", old, most_rows=2)
    assert old.read_text() == "old"
    assert sorted(p.name for p in tmp_path.iterdir()) == ["a.csv", "d.csv"]


def test_a_shape_too_long_for_a_cell_is_refused(owner: Engine, reader: Engine, tmp_path: Path) -> None:
    ring = shapely.Point(112.36, 28.85).buffer(0.01, quad_segs=400)
    load(owner, tmp_path, "lines", "code,name,kind,wkt", f'L1,湖,lake,"{ring.wkt}"')
    with pytest.raises(TooLarge, match="32,767"):
        export_layer(owner, reader, CITY, "lines", tmp_path / "a.xlsx")
    assert not (tmp_path / "a.xlsx").exists()
    path = tmp_path / "a.geojson"
    export_layer(owner, reader, CITY, "lines", path)
    assert import_file(owner, "lines", path).unchanged == 1

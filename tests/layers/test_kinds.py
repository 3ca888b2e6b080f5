"""What is particular to each kind: names, layers, encodings, reference systems, and what has no place in a file."""

import sqlite3
import stat
import struct
import zipfile
from collections.abc import Callable
from decimal import Decimal
from itertools import permutations
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyogrio
import pytest
import shapely
from pyarrow import parquet
from pyproj import CRS

from layers.celltext import texts_of
from layers.files import read_table
from layers.sheets import Limits
from riskmap.errors import BadInput, TooLarge
from tests.checked_rows import texts
from tests.every_format import (
    WRITERS,
    points,
    polygons,
    records,
    write_gpkg,
    write_parquet,
    write_shp,
    write_zip,
)

pytestmark = pytest.mark.filterwarnings("ignore:.*ormalized/laundered field name.*:RuntimeWarning")

FIRM = {"code": pa.array(["E1"]), "name": pa.array(["琼湖冷库"])}


@pytest.mark.parametrize(("held", "named"), list(permutations(WRITERS, 2)))
def test_a_kind_under_another_name_is_told(tmp_path: Path, named: str, held: str) -> None:
    path = WRITERS[held](tmp_path / f"a{held}", records(2), points(2))
    with pytest.raises(BadInput) as caught:
        read_table(path.rename(tmp_path / f"b{named}"))
    assert f"b{named}" in caught.value.detail
    binary = {".xlsx": "工作簿", ".gpkg": "GeoPackage", ".zip": "zip", ".parquet": "Parquet"}
    if held in binary and (held, named) != (".zip", ".xlsx"):
        assert binary[held] in caught.value.detail
        assert held in caught.value.remedy


@pytest.mark.parametrize(
    ("cpg", "encoding", "option"),
    [
        (None, "GBK", None),
        (None, "UTF-8", None),
        ("GBK", "GBK", None),
        ("UTF-8", "UTF-8", None),
        ("ANSI 936", "GBK", None),
        ("UTF-8", "GBK", "gbk"),
    ],
)
def test_texts_of_a_shapefile(tmp_path: Path, cpg: str | None, encoding: str, option: str | None) -> None:
    path = write_shp(
        tmp_path / "企业.shp", {"编码": FIRM["code"], "名称": FIRM["name"]}, points(1), encoding=encoding
    )
    path.with_suffix(".cpg").unlink()
    if cpg:
        path.with_suffix(".cpg").write_text(cpg, "ascii")
    assert texts(read_table(path, encoding=option)) == {"编码": ["E1"], "名称": ["琼湖冷库"]}


def test_a_header_cut_within_a_character(tmp_path: Path) -> None:
    path = write_shp(tmp_path / "a.shp", {"code": FIRM["code"], "x" * 10: FIRM["name"]}, points(1))
    dbf = path.with_suffix(".dbf")
    cut = "a统一社会信用".encode("gbk")[:10]
    dbf.write_bytes(dbf.read_bytes().replace(b"x" * 10, cut))
    table = read_table(path)
    assert list(table.columns) == ["code", "a统一社会"]
    assert table.cut == ["a统一社会"]


def test_a_shapefile_needs_its_companions(tmp_path: Path) -> None:
    path = write_shp(tmp_path / "a.shp", FIRM, points(1))
    path.with_suffix(".prj").unlink()
    assert read_table(path).crs is None
    path.with_suffix(".dbf").unlink()
    with pytest.raises(BadInput, match=r"\.dbf"):
        read_table(path)


def test_which_layer_of_a_geopackage(tmp_path: Path) -> None:
    path = write_gpkg(tmp_path / "a.gpkg", FIRM, points(1))
    assert texts(read_table(path)) == texts(read_table(path, sheet="记录"))
    table = pa.table({**FIRM, "geometry": pa.array(shapely.to_wkb(points(1)), pa.binary())})
    pyogrio.write_arrow(
        table,
        path,
        layer="另",
        driver="GPKG",
        geometry_name="geometry",
        geometry_type="Point",
        crs="EPSG:4490",
        append=True,
    )
    with pytest.raises(BadInput) as caught:
        read_table(path)
    assert {"记录", "另"} <= set(caught.value.remedy.replace("：", "、").split("、"))
    with pytest.raises(BadInput, match="没有图层"):
        read_table(path, sheet="无")


@pytest.mark.parametrize(
    ("crs", "found", "stands"),
    [
        ("omit", None, False),
        (None, "未知（文件写明未知）", False),
        ({"id": {"authority": "EPSG", "code": 4490}}, None, False),
        ("EPSG:4547", "EPSG:4547", True),
    ],
)
def test_the_system_of_geoparquet(tmp_path: Path, crs: Any, found: str | None, *, stands: bool) -> None:
    given = CRS(crs).to_json_dict() if isinstance(crs, str) and crs != "omit" else crs
    if isinstance(crs, dict):
        given = CRS.from_epsg(4490).to_json_dict()
    table = read_table(write_parquet(tmp_path / "a.parquet", FIRM, points(1), crs=given))
    assert (table.crs, table.crs_stands) == (found, stands)


def test_columns_of_parquet_that_are_no_cells(tmp_path: Path) -> None:
    path = tmp_path / "a.parquet"
    parquet.write_table(pa.table({**FIRM, "照片": pa.array([b"\xff"]), "l": pa.array([["甲", "乙"]])}), path)
    table = read_table(path)
    assert (texts(table)["l"], list(table.columns)) == (["甲;乙"], ["code", "name", "l"])
    assert "照片" in table.notes[0]
    parquet.write_table(pa.table({**FIRM, "嵌套": pa.array([{"a": 1}])}), path)
    with pytest.raises(BadInput, match="嵌套"):
        read_table(path)


def test_typed_columns_as_text() -> None:
    assert texts_of(pa.array([Decimal("1.50"), Decimal("-0.00000001"), Decimal(100), None])).to_pylist() == [
        "1.5",
        "-0.00000001",
        "100",
        None,
    ]
    floats = [0.1, 1e-7, 3.0, 1e22, -0.5, 123456789012.25, float("nan")]
    assert texts_of(pa.array(floats)).to_pylist() == [
        "0.1",
        "1e-07",
        "3",
        "1e+22",
        "-0.5",
        "123456789012.25",
        "nan",
    ]
    assert texts_of(pa.array([0.1], pa.float32())).to_pylist() == ["0.1"]
    instants = pa.array([1767225600000, 1767225600500], pa.timestamp("ms"))
    assert texts_of(instants).to_pylist() == ["2026-01-01", "2026-01-01 00:00:00.500000"]
    zoned = instants.cast(pa.timestamp("ms", "Asia/Shanghai"))
    assert texts_of(zoned).to_pylist()[0] == "2026-01-01 08:00:00+08:00"


def packed(path: Path, **parts: bytes) -> Path:
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in parts.items():
            archive.writestr(name, content)
    return path


CSV = b"code\nE1\n"


def link(path: Path) -> None:
    part = zipfile.ZipInfo("b.prj")
    part.external_attr = (stat.S_IFLNK | 0o777) << 16
    with zipfile.ZipFile(path, "a") as archive:
        archive.writestr(part, "/etc/passwd")


@pytest.mark.parametrize(
    ("more", "told"),
    [
        ({"../../b.csv": CSV}, "指向别处"),
        ({"/b.csv": CSV}, "指向别处"),
        ({"C:\\b.csv": CSV}, "指向别处"),
        ({"b.zip": b"PK"}, "还有压缩包"),
        ({"b.csv": CSV}, "2 个可以导入"),
    ],
)
def test_what_has_no_place_in_an_archive(tmp_path: Path, more: dict[str, bytes], told: str) -> None:
    with pytest.raises(BadInput, match=told):
        read_table(packed(tmp_path / "a.zip", **{"a.csv": CSV}, **more))


def test_archives_with_one_table(tmp_path: Path) -> None:
    path = packed(tmp_path / "a.zip", **{"说明.txt": b"x", "数据/企业.csv": CSV, "__MACOSX/._a.csv": b"x"})
    assert read_table(path).name == "a.zip［企业.csv］"
    link(path)
    with pytest.raises(BadInput, match="符号链接"):
        read_table(path)
    assert read_table(write_zip(tmp_path / "b.zip", FIRM, points(1))).name == "b.zip［防护目x.shp］"
    with pytest.raises(BadInput, match="没有可以导入"):
        read_table(packed(tmp_path / "c.zip", **{"a.txt": b"x"}))


def zip_bomb(path: Path) -> Path:
    return packed(path, **{"a.csv": CSV * 8_000_000})


def parquet_bomb(path: Path) -> Path:
    once = pa.table(
        {"a": pa.DictionaryArray.from_arrays(pa.array([0] * 900_000, pa.int32()), pa.array(["x" * 100_000]))}
    )
    parquet.write_table(once, path)
    return path


def deep_shape(path: Path) -> Path:
    wkb = struct.pack("<BII", 1, 7, 1) * 200_000 + shapely.to_wkb(shapely.Point(112, 28))
    parquet.write_table(pa.table({"code": ["E1"], "geometry": pa.array([wkb], pa.binary())}), path)
    return path


def blob(path: Path) -> Path:
    write_gpkg(path, FIRM, points(1))
    with sqlite3.connect(path) as database:
        (table,) = database.execute("SELECT table_name FROM gpkg_contents").fetchone()
        database.execute(f'CREATE VIEW huge AS SELECT * FROM "{table}"')
        database.execute("UPDATE gpkg_contents SET table_name = 'huge'")
        database.execute("UPDATE gpkg_geometry_columns SET table_name = 'huge'")
        database.execute("DROP VIEW huge")
        database.execute(
            f'CREATE VIEW huge AS SELECT fid, geometry, code, replace(hex(zeroblob(400000000)), 0, 1) AS name FROM "{table}"'
        )
    return path


@pytest.mark.parametrize(
    ("make", "suffix"),
    [(zip_bomb, ".zip"), (parquet_bomb, ".parquet"), (deep_shape, ".parquet"), (blob, ".gpkg")],
)
def test_bombs_end_as_one_clear_line(tmp_path: Path, make: Callable[[Path], Path], suffix: str) -> None:
    with pytest.raises((TooLarge, BadInput)) as caught:
        read_table(make(tmp_path / f"a{suffix}"))
    assert caught.value.remedy


def test_large_uploads_and_too_many_rows_are_refused_before_they_are_read(tmp_path: Path) -> None:
    path = tmp_path / "a.csv"
    with path.open("wb") as file:
        file.truncate(300 * 2**20)
    with pytest.raises(TooLarge, match="256 MB"):
        read_table(path)
    for suffix in (".gpkg", ".parquet", ".zip"):
        with pytest.raises(TooLarge):
            read_table(
                WRITERS[suffix](tmp_path / f"a{suffix}", records(9), polygons(9)), limits=Limits(rows=8)
            )

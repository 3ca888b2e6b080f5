"""The same records written in every format that can be imported, by the libraries people's programs use."""

import csv
import json
import zipfile
from collections.abc import Callable
from datetime import date
from pathlib import Path
from typing import Any

import numpy as np
import openpyxl
import pyarrow as pa
import pyogrio
import shapely
from pyarrow import parquet

Records = dict[str, pa.Array]
"""typed columns by header"""
Writer = Callable[[Path, Records, list[Any]], Path]


def records(count: int, seed: int = 5) -> Records:
    """Protected targets: text with every separator, codes with leading zeros, gaps, numbers, days, yes and no."""
    rng = np.random.default_rng(seed)
    odd = ["“琼湖”小学", "a,b", 'c"d', "e;f", "g\th", "二〇一", "- 1", "ＡＢ１"]
    numbers = rng.integers(0, 9_000, count)
    gaps = rng.random(count) < 0.2

    def with_gaps(values: Any, kind: pa.DataType) -> pa.Array:
        return pa.array([None if gap else value for gap, value in zip(gaps, values, strict=True)], kind)

    return {
        "code": pa.array([f"{n:06d}" for n in range(count)]),
        "name": pa.array([f"{odd[n % len(odd)]}{n}" for n in range(count)]),
        "target_class": pa.array([("important", "general_1")[n % 2] for n in range(count)]),
        "kind": with_gaps([f"学校{n % 7}" for n in range(count)], pa.string()),
        "people_day": with_gaps((numbers / 4).tolist(), pa.float64()),
        "people_night": pa.array(numbers, pa.int64()),
        "synthetic": pa.array([n % 3 == 0 for n in range(count)]),
    }


def opened(count: int) -> pa.Array:
    """Days, some of them missing."""
    days = [None if n % 5 == 0 else date(2001, 1, 1 + n % 28) for n in range(count)]
    return pa.array(days, pa.date32())


def points(count: int) -> list[Any]:
    """Places in the city, to six decimals."""
    rng = np.random.default_rng(1)
    return list(shapely.points(rng.uniform((112.3, 28.7), (112.5, 28.9), (count, 2)).round(6)))


def polygons(count: int) -> list[Any]:
    """Small sites around such places; each eleventh has a hole."""
    shapes = []
    for number, place in enumerate(points(count)):
        x, y = place.x, place.y
        ring = [(x, y), (x + 0.001, y), (x + 0.0012, y + 0.0009), (x, y + 0.001), (x, y)]
        hole = [(x + 2e-4, y + 2e-4), (x + 2e-4, y + 4e-4), (x + 4e-4, y + 4e-4), (x + 2e-4, y + 2e-4)]
        holes = [np.round(hole, 7)] if number % 11 == 0 else []
        shapes.append(shapely.normalize(shapely.Polygon(np.round(ring, 7), holes)))
    return shapes


def _rows(columns: Records, shapes: list[Any]) -> tuple[list[str], list[list[Any]]]:
    """Header and rows for a sheet: points as two columns, others as WKT."""
    if all(shape.geom_type == "Point" for shape in shapes):
        more = {"lon": [shape.x for shape in shapes], "lat": [shape.y for shape in shapes]}
    else:
        more = {"wkt": [shape.wkt for shape in shapes]}
    lists = {**{header: column.to_pylist() for header, column in columns.items()}, **more}
    return list(lists), [list(row) for row in zip(*lists.values(), strict=True)]


def write_xlsx(path: Path, columns: Records, shapes: list[Any]) -> Path:
    header, rows = _rows(columns, shapes)
    book = openpyxl.Workbook(write_only=True)
    sheet = book.create_sheet("数据")
    for row in [header, *rows]:
        sheet.append(row)
    book.save(path)
    return path


def write_csv(path: Path, columns: Records, shapes: list[Any]) -> Path:
    header, rows = _rows(columns, shapes)
    with path.open("w", encoding="utf-8-sig", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(header)
        writer.writerows([[_written(cell) for cell in row] for row in rows])
    return path


def _written(cell: Any) -> Any:
    """A cell as Excel saves it in CSV."""
    if isinstance(cell, bool):
        return str(cell).lower()
    return int(cell) if isinstance(cell, float) and cell.is_integer() else cell


def write_geojson(path: Path, columns: Records, shapes: list[Any]) -> Path:
    rows = pa.table(columns).to_pylist()
    features = [
        {"type": "Feature", "properties": row, "geometry": json.loads(shapely.to_geojson(shape))}
        for row, shape in zip(rows, shapes, strict=True)
    ]
    document = {"type": "FeatureCollection", "features": features}
    path.write_text(json.dumps(document, ensure_ascii=False, default=str), "utf-8")
    return path


def _spatial(path: Path, columns: Records, shapes: list[Any], **options: Any) -> Path:
    kinds = {shape.geom_type for shape in shapes}
    table = pa.table({**columns, "geometry": pa.array(shapely.to_wkb(shapes), pa.binary())})
    options = {"crs": "EPSG:4490", "geometry_type": kinds.pop()} | options
    pyogrio.write_arrow(table, path, geometry_name="geometry", **options)
    return path


def write_gpkg(path: Path, columns: Records, shapes: list[Any], **options: Any) -> Path:
    return _spatial(path, columns, shapes, driver="GPKG", layer="记录", **options)


def write_shp(path: Path, columns: Records, shapes: list[Any], **options: Any) -> Path:
    return _spatial(path, columns, shapes, **({"driver": "ESRI Shapefile", "encoding": "GBK"} | options))


def write_zip(path: Path, columns: Records, shapes: list[Any], **options: Any) -> Path:
    """A shapefile as a Chinese office packs it: GBK throughout, no .cpg."""
    shp = write_shp(path.with_suffix(".shp"), columns, shapes, **options)
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as packed:
        for suffix in (".shp", ".dbf", ".shx", ".prj"):
            packed.write(shp.with_suffix(suffix), f"folder/planned{suffix}")
    name = "企业夹/防护目".encode("gbk")  # of as many bytes; Python would write it in UTF-8
    path.write_bytes(path.read_bytes().replace(b"folder/planned", name + b"x"))
    return path


def write_parquet(path: Path, columns: Records, shapes: list[Any], crs: Any = "omit") -> Path:
    described = {"encoding": "WKB", "geometry_types": []} | ({} if crs == "omit" else {"crs": crs})
    geo = {"version": "1.1.0", "primary_column": "geometry", "columns": {"geometry": described}}
    table = pa.table({**columns, "geometry": pa.array(shapely.to_wkb(shapes), pa.binary())})
    parquet.write_table(table.replace_schema_metadata({"geo": json.dumps(geo)}), path)
    return path


WRITERS: dict[str, Writer] = {
    ".xlsx": write_xlsx,
    ".csv": write_csv,
    ".geojson": write_geojson,
    ".gpkg": write_gpkg,
    ".zip": write_zip,
    ".parquet": write_parquet,
}

"""Reading one file into a table: CSV (UTF-8 with or without mark, UTF-16 with mark, GB 18030, or as declared),
XLSX and GeoJSON. All are bounded in bytes, rows, columns and cells before they are taken into memory.
"""

import csv
import io
import json
from collections.abc import Iterable, Iterator
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import shapely

from layers.header_rows import TOP
from layers.sheets import LIMITS, Cells, Limits, Shapes, Sheet, Table, cell_text, cells_of, table_of_rows
from layers.workbook import read_workbook
from riskmap.errors import BadInput, TooLarge

_PIECE = 2**20
_DELIMITERS = ",;\t"
_READERS = {".csv": "csv", ".xlsx": "xlsx", ".geojson": "json", ".json": "json"}


def read_table(
    path: Path,
    *,
    sheet: str | None = None,
    encoding: str | None = None,
    known: frozenset[str] = frozenset(),
    limits: Limits = LIMITS,
) -> Table:
    """Read one file, by its suffix: .csv, .xlsx, .geojson or .json.

    `known` are the headers by which a sheet's header row is found (`layers.headers.known_headers`).

    BadInput where it is not there or not what its name says; TooLarge beyond a limit.
    """
    name = path.name.encode("utf-8", "replace").decode()
    kind = _READERS.get(path.suffix.lower())
    if kind is None:
        raise BadInput(f"{name}：不支持的文件类型", remedy="请另存为 .csv、.xlsx 或 .geojson 后重试")
    content = _content(path, name, limits.json_bytes if kind == "json" else limits.file_bytes)
    if kind == "xlsx":
        return read_workbook(name, content, sheet, limits, known)
    if content[:4] in {b"PK\x03\x04", b"\xd0\xcf\x11\xe0"}:
        raise BadInput(f"{name} 其实是工作簿或压缩包", remedy="请把扩展名改为 .xlsx，或另存为文本文件")
    if kind == "json":
        return _read_geojson(name, content, limits)
    return _read_csv(name, content, encoding, limits, known)


def _content(path: Path, name: str, most: int) -> bytes:
    try:
        with path.open("rb") as file:
            content = file.read(most + 1)
    except OSError as error:
        raise BadInput(f"无法打开 {name}：{error.strerror}", remedy="请核对路径和权限") from None
    if len(content) > most:
        raise TooLarge(f"{name} 超过 {most // 2**20} MB", remedy="请分成几个文件导入")
    if not content.strip():
        raise BadInput(f"{name} 是空文件", remedy="请核对导出的文件")
    return content


# --- CSV -------------------------------------------------------------------------------------------------


def _encoding_of(name: str, content: bytes, declared: str | None) -> str:
    """The declared encoding, else the one of the byte-order mark, else the first in which all of the file is text."""
    if declared:
        candidates = [declared]
    elif content[:2] in {b"\xff\xfe", b"\xfe\xff"}:
        candidates = ["utf-16"]
    else:
        candidates = ["utf-8-sig", "gb18030"]
    for encoding in candidates:
        try:
            if _is_text(content, encoding):
                return encoding
        except LookupError:
            raise BadInput(f"未知的文本编码 {encoding}", remedy="请写 utf-8 或 gb18030") from None
    if declared:
        raise BadInput(f"{name} 不是 {declared} 编码", remedy="请去掉 --encoding 让程序判断")
    raise BadInput(f"无法判断 {name} 的文本编码", remedy="请另存为 UTF-8，或用 --encoding 写明编码")


def _is_text(content: bytes, encoding: str) -> bool:
    """Whether all bytes are text in the encoding; decoded piece by piece, as the whole would double the memory."""
    try:
        with io.TextIOWrapper(io.BytesIO(content), encoding) as text:
            while text.read(_PIECE):
                pass
    except UnicodeError:
        return False
    return True


def _read_csv(
    name: str, content: bytes, declared: str | None, limits: Limits, known: frozenset[str]
) -> Table:
    encoding = _encoding_of(name, content, declared)
    csv.field_size_limit(limits.cell_chars)
    with io.TextIOWrapper(io.BytesIO(content), encoding, newline="") as text:
        delimiter = _delimiter(text)
        text.seek(0)
        reader = csv.reader(_without_mark(text), delimiter=delimiter)
        try:
            return table_of_rows(name, reader, limits, Sheet(known))
        except csv.Error as error:
            raise BadInput(
                f"{name} 第 {reader.line_num} 行附近不是有效的 CSV：{error}",
                remedy="请检查引号是否成对，单元格是否过长",
            ) from None


def _delimiter(lines: Iterable[str]) -> str:
    """What parts the cells: the sign most frequent in the first line that has one (a title above may have none)."""
    filled = (line for line in lines if line.strip())
    top = list(islice(filled, TOP))
    line = next((line for line in top if any(sign in line for sign in _DELIMITERS)), "")
    return max(_DELIMITERS, key=line.count)


def _without_mark(lines: Iterable[str]) -> Iterator[str]:
    """The lines without the byte-order mark that a declared encoding may leave at the beginning."""
    remaining = iter(lines)
    yield from (line.removeprefix("\ufeff") for line in islice(remaining, 1))
    yield from remaining


# --- GeoJSON ---------------------------------------------------------------------------------------------


def _read_geojson(name: str, content: bytes, limits: Limits) -> Table:
    try:
        document = json.loads(content.decode("utf-8-sig"))
    except UnicodeDecodeError:
        raise BadInput(f"{name} 不是 UTF-8 文本", remedy="GeoJSON 只能是 UTF-8 编码") from None
    except RecursionError:
        raise BadInput(f"{name} 嵌套过深", remedy="请重新导出") from None
    except ValueError as error:
        raise BadInput(f"{name} 不是有效的 JSON：{error}", remedy="请重新导出") from None
    features = document.get("features") if isinstance(document, dict) else None
    if not isinstance(features, list) or document.get("type") != "FeatureCollection":
        raise BadInput(f"{name} 不是 GeoJSON 的 FeatureCollection", remedy="请导出为 FeatureCollection")
    if not features:
        raise BadInput(f"{name} 没有要素", remedy="请核对导出的文件")
    if len(features) > limits.rows:
        raise TooLarge(f"{name} 超过 {limits.rows:,} 个要素", remedy="请分成几个文件导入")
    for number, feature in enumerate(features, start=1):
        if not isinstance(feature, dict) or feature.get("type") != "Feature":
            raise BadInput(f"{name} 第 {number} 个不是 Feature", remedy="请重新导出")
    table = Table(name, _properties(name, features, limits), np.arange(1, len(features) + 1, dtype=np.int32))
    table.crs = _named_crs(document.get("crs"))
    shapes, table.shape_faults = _shapes([feature.get("geometry") for feature in features])
    table.wkb = pa.array(shapely.to_wkb(shapes), pa.binary())
    return table


def _properties(name: str, features: list[dict[str, Any]], limits: Limits) -> dict[str, Cells]:
    rows = [feature.get("properties") or {} for feature in features]
    if not all(isinstance(row, dict) for row in rows):
        raise BadInput(f"{name} 的 properties 不是对象", remedy="请重新导出")
    headers = list(dict.fromkeys(key for row in rows for key in row))
    if len(headers) > limits.columns or len(headers) * len(rows) > limits.cells:
        raise TooLarge(f"{name} 的属性过多（{len(headers)} 项）", remedy="请只保留需要的属性")
    return {header: cells_of(cell_text(row.get(header)) for row in rows) for header in headers}


def _named_crs(member: Any) -> str | None:
    """The system of the `crs` member that RFC 7946 dropped and many programs still write; None for the usual one."""
    if member is None:
        return None
    properties = member.get("properties") if isinstance(member, dict) else None
    name = str(properties.get("name", "")) if isinstance(properties, dict) else str(member)
    usual = ("CRS84", "EPSG::4326", "EPSG::4490", "EPSG:4326", "EPSG:4490")
    return None if name.endswith(usual) else name[:80]


def _shapes(geometries: list[Any]) -> tuple[Shapes, dict[int, str]]:
    """Shapely geometries of GeoJSON ones: plain points at once, others one text each."""
    shapes = np.full(len(geometries), None, dtype=np.object_)
    faults: dict[int, str] = {}
    points: list[int] = []
    places: list[tuple[float, float]] = []
    others: list[int] = []
    for index, geometry in enumerate(geometries):
        if geometry is None:
            continue
        coordinates = geometry.get("coordinates") if isinstance(geometry, dict) else None
        if isinstance(coordinates, list) and geometry.get("type") == "Point" and len(coordinates) >= 2:
            if all(type(number) in {int, float} and abs(number) < 1e300 for number in coordinates[:2]):
                points.append(index)
                places.append((coordinates[0], coordinates[1]))
                continue
            faults[index] = "坐标不是有限的数"
        else:
            others.append(index)
    if points:
        shapes[points] = shapely.points(np.array(places, dtype=np.float64))
    if others:
        texts = np.array([json.dumps(geometries[index]) for index in others], dtype=np.object_)
        with np.errstate(all="ignore"):
            read = shapely.from_geojson(texts, on_invalid="ignore")
        shapes[others] = read
        faults.update(
            (index, "几何无法读取") for index, shape in zip(others, read, strict=True) if shape is None
        )
    return shapes, faults

"""A file's rows as text: what every reader makes, whatever the file, before anything is known of their meaning."""

import json
import re
from collections.abc import Iterable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import date, datetime, time
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from layers.celltext import Cells as Cells
from layers.celltext import texts_of
from layers.parsing import is_example
from riskmap.errors import BadInput, TooLarge

Shapes = NDArray[np.object_]

_SURROGATE = re.compile("[\ud800-\udfff]")
_BLOCK = 20_000
"""rows that are turned into columns at once"""
_ARROW_TYPES = {
    str: pa.string(),
    float: pa.float64(),
    int: pa.int64(),
    bool: pa.bool_(),
    date: pa.date32(),
    datetime: pa.timestamp("us"),
}


@dataclass(frozen=True, slots=True)
class Limits:
    """What one file may hold; beyond it the file is refused whole."""

    file_bytes: int = 256 * 2**20
    """of the kinds that are read piece by piece: text, databases, Parquet"""
    workbook_bytes: int = 64 * 2**20
    json_bytes: int = 48 * 2**20
    unpacked_bytes: int = 512 * 2**20
    """of a workbook or an archive; these bounds keep an import under 1 GiB of memory"""
    rows: int = 1_000_000
    columns: int = 400
    cells: int = 24_000_000
    cell_chars: int = 2_000_000
    """a polygon of 10,000 vertices as text is about 400,000 characters"""
    vertices: int = 10_000


LIMITS = Limits()


@dataclass(frozen=True, slots=True)
class Wish:
    """What is asked of a reader: which sheet or layer, in which text encoding, within which limits.

    `scratch` is a folder for what has to be unpacked; there is one wherever something can be.
    """

    sheet: str | None = None
    encoding: str | None = None
    limits: Limits = LIMITS
    scratch: Path | None = None


@dataclass(slots=True)
class Table:
    """A file's rows: header → cells (text, null where empty), and the row number of each as the file's user sees it.

    `wkb` are the geometries of a spatial file in row order (`pa.binary()`, null where a row has none), `shape_faults`
    says by index which could not be read. `crs` is the reference system the file itself names, None for plain longitude
    and latitude; `crs_stands` says that it counts as declared, else a person has to confirm it. `cut` are headers that
    the format may have cut short, `notes` what the person should know of how the file was read.
    """

    name: str
    columns: dict[str, Cells]
    rows: NDArray[np.int32]
    wkb: pa.Array | None = None
    shape_faults: dict[int, str] = field(default_factory=dict)
    crs: str | None = None
    crs_stands: bool = False
    cut: list[str] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    overfull: dict[int, str] = field(default_factory=dict)
    """by index: a cell beyond the last header"""


def table_of_rows(name: str, sheet_rows: Iterable[list[Any]], limits: Limits) -> Table:
    """A table from rows of cells: the first row that is not blank is the header; blank rows and a template's example
    are passed over.

    BadInput for no header, a doubled or an empty header above data, no data row; TooLarge beyond a limit.
    """
    numbered = ((number, row) for number, row in enumerate(sheet_rows, start=1) if _is_filled(row))
    first = next(numbered, None)
    if first is None:
        raise BadInput(f"{name} 没有内容", remedy="请核对工作表")
    headers = _headers(name, [cell_text(cell) for cell in first[1]], limits)
    blocks: list[list[Cells]] = [[] for _ in headers]
    rows: list[NDArray[np.int32]] = []
    count = 0
    overfull: dict[int, str] = {}
    while chunk := list(islice(numbered, _BLOCK)):
        overfull |= _squared(chunk, len(headers), count)
        rows.append(np.fromiter((number for number, _ in chunk), np.int32, len(chunk)))
        for column, values in zip(blocks, zip(*(cells for _, cells in chunk), strict=True), strict=True):
            column.append(cells_of_values(values))
        count += len(chunk)
        if count > limits.rows or count * len(headers) > limits.cells:
            raise TooLarge(
                f"{name} 超过 {limits.rows:,} 行或 {limits.cells:,} 个单元格", remedy="请分成几个文件导入"
            )
    if not rows:
        raise BadInput(f"{name} 只有表头，没有数据行", remedy="请核对工作表")
    table = Table(name, {}, np.concatenate(rows), overfull=overfull)
    for header, parts in zip(headers, blocks, strict=True):
        if header:
            table.columns[header] = pa.concat_arrays(parts)
        elif any(part.null_count < len(part) for part in parts):
            raise BadInput(f"{name} 有一列没有表头", remedy="请为每一列写上表头")
        parts.clear()
    return table


def cells_of(texts: Iterable[str | None]) -> Cells:
    """A column of text; empty texts are null.

    Half of a surrogate pair, which is no character, becomes NUL: the row's fault is found where control characters are.
    """
    texts = list(texts)
    try:
        cells = pa.array(texts, pa.string())
    except UnicodeEncodeError:
        cells = pa.array([text and _SURROGATE.sub("\0", text) for text in texts], pa.string())
    return pc.if_else(pc.equal(cells, ""), pa.scalar(None, pa.string()), cells)


def cells_of_values(values: Sequence[Any]) -> Cells:
    """A column of a sheet, whose cells may be text, numbers and dates in any mixture, as text."""
    kinds = set(map(type, values)) - {type(None)}
    if not kinds:
        return pa.nulls(len(values), pa.string())
    if kinds <= _ARROW_TYPES.keys():
        with suppress(pa.ArrowInvalid, OverflowError):  # a whole number of more than 64 bits, the year 0
            parts = [_cells_of_kind(values, kind, alone=len(kinds) == 1) for kind in kinds]
            return parts[0] if len(parts) == 1 else pc.coalesce(*parts)
    return cells_of(value if type(value) is str else cell_text(value) for value in values)


def _cells_of_kind(values: Sequence[Any], kind: type, *, alone: bool) -> Cells:
    """The cells of one type as text, null for all others."""
    own: Sequence[Any] = values if alone else [value if type(value) is kind else None for value in values]
    return cells_of(own) if kind is str else texts_of(pa.array(own, _ARROW_TYPES[kind]))


def _is_filled(row: list[Any]) -> bool:
    """Whether any cell holds more than blanks, and the row is no example."""
    filled = any(
        cell is not None and (type(cell) is not str or (cell and not cell.isspace())) for cell in row
    )
    return filled and not (type(row[0]) is str and is_example(row[0]))


def _squared(chunk: list[tuple[int, list[Any]]], width: int, before: int) -> dict[int, str]:
    """Make all rows as wide as the header; the cells that stood beyond it, by index of their row."""
    overfull: dict[int, str] = {}
    for index, (_, cells) in enumerate(chunk, before):
        if len(cells) < width:
            cells.extend([""] * (width - len(cells)))
        elif len(cells) > width:
            extra = next((text for cell in cells[width:] if (text := cell_text(cell))), None)
            if extra is not None:
                overfull[index] = extra[:60]
            del cells[width:]
    return overfull


def _headers(name: str, cells: list[str], limits: Limits) -> list[str]:
    headers = [cell.strip() for cell in cells]
    while headers and not headers[-1]:
        headers.pop()
    if len(headers) > limits.columns:
        raise TooLarge(f"{name} 超过 {limits.columns} 列", remedy="请只保留需要的列")
    doubled = {header for header in headers if header and headers.count(header) > 1}
    if doubled:
        raise BadInput(f"{name} 的表头重复：{'、'.join(sorted(doubled))}", remedy="请删去或改名其中一列")
    return headers


def cell_text(value: Any) -> str:
    """One cell as text, the same for every kind of file: whole numbers without a point, dates as ISO 8601."""
    if value is None or isinstance(value, str):
        return value or ""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, float):
        return str(int(value)) if value.is_integer() and abs(value) < 1e15 else repr(value)
    if isinstance(value, datetime):
        whole_day = value.time() == time() and value.tzinfo is None
        return value.date().isoformat() if whole_day else value.isoformat(sep=" ")
    if isinstance(value, date | time):
        return value.isoformat()
    if isinstance(value, list) and all(isinstance(part, str | int | float) for part in value):
        return ";".join(cell_text(part) for part in value)
    if isinstance(value, dict | list):
        return json.dumps(value, ensure_ascii=False)
    return str(value)

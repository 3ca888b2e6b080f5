"""A file's rows as text: what every reader makes, whatever the file, before anything is known of their meaning."""

import json
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from datetime import date, datetime, time
from itertools import islice
from typing import Any, TypeAlias

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from layers.parsing import is_example
from riskmap.errors import BadInput, TooLarge

Cells: TypeAlias = pa.Array
"""one column of a file: text (`pa.string()`), null where a cell is empty"""
Shapes = NDArray[np.object_]

_SURROGATE = re.compile("[\ud800-\udfff]")
_BLOCK = 20_000
"""rows that are turned into columns at once"""


@dataclass(frozen=True, slots=True)
class Limits:
    """What one file may hold; beyond it the file is refused whole."""

    file_bytes: int = 64 * 2**20
    json_bytes: int = 48 * 2**20
    unpacked_bytes: int = 128 * 2**20
    """of a workbook; these three keep an import under 1 GiB of memory"""
    rows: int = 1_000_000
    columns: int = 400
    cells: int = 10_000_000
    cell_chars: int = 2_000_000
    """a polygon of 10,000 vertices as text is about 400,000 characters"""
    vertices: int = 10_000


LIMITS = Limits()


@dataclass(slots=True)
class Table:
    """A file's rows: header → cells (text, null where empty), and the row number of each as the file's user sees it.

    `wkb` are the geometries of a spatial file in row order (`pa.binary()`, null where a row has none), `shape_faults`
    says by index which could not be read, `crs` is the reference system the file itself names.
    """

    name: str
    columns: dict[str, Cells]
    rows: NDArray[np.int32]
    wkb: pa.Array | None = None
    shape_faults: dict[int, str] = field(default_factory=dict)
    crs: str | None = None
    overfull: dict[int, str] = field(default_factory=dict)
    """by index: a cell beyond the last header"""


def table_of_rows(name: str, sheet_rows: Iterable[list[Any]], limits: Limits) -> Table:
    """A table from rows of cells: the first row that is not blank is the header; blank rows and a template's example
    are passed over.

    BadInput for no header, a doubled or an empty header above data, no data row; TooLarge beyond a limit.
    """
    numbered = _filled_rows(sheet_rows)
    first = next(numbered, None)
    if first is None:
        raise BadInput(f"{name} 没有内容", remedy="请核对工作表")
    headers = _headers(name, first[1], limits)
    blocks: list[list[Cells]] = [[] for _ in headers]
    rows: list[int] = []
    overfull: dict[int, str] = {}
    while chunk := list(islice(numbered, _BLOCK)):
        overfull |= _squared(chunk, len(headers), len(rows))
        rows.extend(number for number, _ in chunk)
        for column, texts in zip(blocks, zip(*(cells for _, cells in chunk), strict=True), strict=True):
            column.append(cells_of(texts))
        if len(rows) > limits.rows or len(rows) * len(headers) > limits.cells:
            raise TooLarge(
                f"{name} 超过 {limits.rows:,} 行或 {limits.cells:,} 个单元格", remedy="请分成几个文件导入"
            )
    if not rows:
        raise BadInput(f"{name} 只有表头，没有数据行", remedy="请核对工作表")
    table = Table(name, {}, np.array(rows, dtype=np.int32), overfull=overfull)
    for header, parts in zip(headers, blocks, strict=True):
        if header:
            table.columns[header] = pa.concat_arrays(parts)
        elif any(part.null_count < len(part) for part in parts):
            raise BadInput(f"{name} 有一列没有表头", remedy="请为每一列写上表头")
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


def _squared(chunk: list[tuple[int, list[str]]], width: int, before: int) -> dict[int, str]:
    """Make all rows as wide as the header; the cells that stood beyond it, by index of their row."""
    overfull: dict[int, str] = {}
    for index, (_, cells) in enumerate(chunk, before):
        if len(cells) < width:
            cells.extend([""] * (width - len(cells)))
        elif len(cells) > width:
            extra = next((cell for cell in cells[width:] if cell), None)
            if extra is not None:
                overfull[index] = extra[:60]
            del cells[width:]
    return overfull


def _filled_rows(rows: Iterable[list[Any]]) -> Iterator[tuple[int, list[str]]]:
    """Rows with anything in them but examples, as text, numbered as in the sheet."""
    for number, row in enumerate(rows, start=1):
        cells = [cell if type(cell) is str else cell_text(cell) for cell in row]
        if not "".join(cells).isspace() and any(cells) and not is_example(cells[0]):
            yield number, cells


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

"""A file's rows as text: what every reader makes, whatever the file, before anything is known of their meaning."""

import json
import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import date, datetime, time
from itertools import chain, islice
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from layers.celltext import Cells as Cells
from layers.celltext import texts_of
from layers.header_rows import TOP, Header, find_header
from layers.parsing import Unreadable, is_example
from layers.pieces import Pieces
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
_MOST_SPREAD = 1_000_000
"""so many cells may get their text from a merged one"""


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

    `known` are the headers by which a sheet's header row is found (`layers.headers.known_headers`). `scratch` is a
    folder for what has to be unpacked; there is one wherever something can be.
    """

    sheet: str | None = None
    encoding: str | None = None
    limits: Limits = LIMITS
    known: frozenset[str] = frozenset()
    scratch: Path | None = None


@dataclass(slots=True)
class Table:
    """A file's rows: header → cells (text, null where empty), and the row number of each as the file's user sees it.

    `wkb` are the geometries of a spatial file in row order (`pa.binary()`, null where a row has none), `shape_faults`
    says by index which could not be read. `crs` is the reference system the file itself names, None for plain longitude
    and latitude; `crs_stands` says that it counts as declared, else a person has to confirm it. `cut` are headers that
    the format may have cut short.
    """

    name: str
    columns: dict[str, Cells]
    rows: NDArray[np.int32]
    wkb: pa.Array | None = None
    shape_faults: dict[int, str] = field(default_factory=dict)
    crs: str | None = None
    crs_stands: bool = False
    cut: list[str] = field(default_factory=list)
    overfull: dict[int, str] = field(default_factory=dict)
    """by index: a cell beyond the last header"""
    headers: dict[str, Header] = field(default_factory=dict)
    """of a sheet: by key of `columns` the header as it stands there"""
    broken: dict[str, dict[int, Unreadable]] = field(default_factory=dict)
    """by key of `columns` and index: a cell that has a text but no value to use, as a formula's error"""
    spread: dict[str, list[int]] = field(default_factory=dict)
    """by key of `columns` the indexes of cells that a merged cell above reaches down to, whose text they have"""
    notes: list[str] = field(default_factory=list)
    """what whoever sent the file should know of how it was read"""
    put_down: Callable[[], None] = lambda: None
    """let go of the memory of the cells, where they lie in a file: they are read again when they are looked at"""


@dataclass(frozen=True, slots=True)
class Sheet:
    """What the kind of file knows of a sheet beside its rows: the headers to look for (`layers.headers`), the column
    of the first cell, and by row number and column from there the cells with a text but no value to use.
    """

    known: frozenset[str] = frozenset()
    first_column: int = 0
    broken: dict[int, dict[int, tuple[str, Unreadable]]] = field(default_factory=dict)
    merged: dict[int, list[tuple[int, int]]] = field(default_factory=dict)
    """by number of their first row the cells merged over several rows: column from the first one, number of the last row"""


def table_of_rows(
    name: str, sheet_rows: Iterable[list[Any]], wish: Wish, sheet: Sheet | None = None
) -> Table:
    """A table from rows of cells; blank rows, a template's example and what stands above the header are passed over.

    The header is found by the headers to look for; without any it is the first row that is not blank. BadInput for no
    header, a doubled or an empty header above data, no data row; TooLarge beyond a limit.
    """
    sheet, limits = sheet or Sheet(), wish.limits
    numbered = _filled_rows(_with_texts(sheet_rows, sheet))
    top = list(islice(numbered, TOP))
    if not top:
        raise BadInput(f"{name} 没有内容", remedy="请核对工作表")
    texts = [[cell_text(cell) for cell in cells] for _, cells in top]
    first, after, headers = find_header(name, texts, sheet.known, sheet.first_column)
    if len(headers) > limits.columns:
        raise TooLarge(f"{name} 超过 {limits.columns} 列", remedy="请只保留需要的列")
    spread: list[tuple[int, int]] = []
    numbered = _filled_down(chain(top[after:], numbered), sheet, spread)
    rows: list[NDArray[np.int32]] = []
    count = 0
    overfull: dict[int, str] = {}
    with Pieces(name, limits.unpacked_bytes, wish.scratch) as pieces:
        while chunk := list(islice(numbered, _BLOCK)):
            overfull |= _squared(chunk, len(headers), count)
            rows.append(np.fromiter((number for number, _ in chunk), np.int32, len(chunk)))
            columns = zip(*(cells for _, cells in chunk), strict=True)
            pieces.add([cells_of_values(values) for values in columns])
            count += len(chunk)
            if count > limits.rows or count * len(headers) > limits.cells:
                raise TooLarge(
                    f"{name} 超过 {limits.rows:,} 行或 {limits.cells:,} 个单元格",
                    remedy="请分成几个文件导入",
                )
        whole = pieces.columns()
    if not rows:
        raise BadInput(f"{name} 只有表头，没有数据行", remedy="请核对工作表")
    table = Table(name, {}, np.concatenate(rows), overfull=overfull)
    for place, (header, cells) in enumerate(zip(headers, whole, strict=True)):
        _add_column(table, header, cells, sheet, place)
    _note_spread(table, headers, spread)
    if first:
        last = f"–{top[after - 1][0]}" if after > first + 1 else ""
        above = f"第 {top[0][0]}–{top[first - 1][0]} 行" if first > 1 else f"第 {top[0][0]} 行"
        table.notes.append(f"表头在第 {top[first][0]}{last} 行；其上的{above}是标题，未作为数据读取")
    return table


def _add_column(table: Table, header: Header, cells: Cells, sheet: Sheet, place: int) -> None:
    """One column under its header, of two alike with its letters; BadInput for cells that have none."""
    if header.text:
        key = header.text if header.text not in table.columns else f"{header.text}（{header.letters} 列）"
        table.columns[key] = cells
        table.headers[key] = header
        _note_broken(table, key, sheet, place)
    elif cells.null_count < len(cells):
        raise BadInput(f"{table.name} 的 {header.letters} 列没有表头", remedy="请为每一列写上表头")


def _note_spread(table: Table, headers: list[Header], spread: list[tuple[int, int]]) -> None:
    """Keep by column the indexes of the cells that a merged one reaches down to, and say so."""
    keys = {header: key for key, header in table.headers.items()}
    for number, place in spread:
        key = keys.get(headers[place]) if place < len(headers) else None
        if key is not None:
            table.spread.setdefault(key, []).append(int(np.searchsorted(table.rows, number)))
    if table.spread:
        table.notes.append(f"跨行合并的单元格按每一行都有该值读取：列{'、'.join(table.spread)}")


def _with_texts(rows: Iterable[list[Any]], sheet: Sheet) -> Iterable[list[Any]]:
    """The rows, where broken cells have the text that is shown of them."""
    if not sheet.broken:
        yield from rows
        return
    for number, row in enumerate(rows, start=1):
        for place, (shown, _) in sheet.broken.get(number, {}).items():
            if 0 <= place < len(row):
                row[place] = shown
        yield row


def _filled_down(
    rows: Iterable[tuple[int, list[Any]]], sheet: Sheet, spread: list[tuple[int, int]]
) -> Iterator[tuple[int, list[Any]]]:
    """The rows, where a cell merged over several has its value in each of them that is not blank; notes in `spread` where."""
    if not sheet.merged:
        yield from rows
        return
    reaching: dict[int, tuple[int, Any]] = {}
    for number, cells in rows:
        for place, (last, value) in list(reaching.items()):
            if number > last:
                del reaching[place]
            elif place < len(cells) and _is_blank(cells[place]):
                cells[place] = value
                spread.append((number, place))
        if len(spread) > _MOST_SPREAD:
            raise TooLarge("跨行合并的单元格过多", remedy="请取消合并单元格，或分成几个文件导入")
        for place, last in sheet.merged.get(number, ()):
            if 0 <= place < len(cells) and not _is_blank(cells[place]):
                reaching[place] = last, cells[place]
        yield number, cells


def _note_broken(table: Table, key: str, sheet: Sheet, place: int) -> None:
    """Keep the broken cells of one column by index of their row."""
    numbers = [number for number, cells in sheet.broken.items() if place in cells]
    indexes = np.searchsorted(table.rows, numbers)
    for number, index in zip(numbers, indexes.tolist(), strict=True):
        if index < len(table.rows) and table.rows[index] == number:
            table.broken.setdefault(key, {})[index] = sheet.broken[number][place][1]


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


def _filled_rows(rows: Iterable[list[Any]]) -> Iterator[tuple[int, list[Any]]]:
    """Rows with anything in them but examples, numbered as in the sheet."""
    for number, row in enumerate(rows, start=1):
        first = row[0] if row else None
        if type(first) is str and first and not first.isspace():
            if not is_example(first):
                yield number, row
        elif not all(map(_is_blank, row)):
            yield number, row


def _is_blank(cell: Any) -> bool:
    return cell is None or (type(cell) is str and (not cell or cell.isspace()))


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

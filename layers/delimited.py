"""CSV: UTF-8 with or without mark, UTF-16 with mark, GB 18030, or as declared; read piece by piece from the disk."""

import csv
from collections.abc import Iterable, Iterator
from itertools import islice
from pathlib import Path

from layers.header_rows import TOP
from layers.sheets import Sheet, Table, Wish, table_of_rows
from riskmap.errors import BadInput

_PIECE = 2**20
_DELIMITERS = ",;\t"


def read(name: str, path: Path, wish: Wish) -> Table:
    """The rows of a CSV file; BadInput where it is no text or no CSV."""
    encoding = _encoding_of(name, path, wish.encoding)
    csv.field_size_limit(wish.limits.cell_chars)
    with path.open(encoding=encoding, newline="") as text:
        delimiter = _delimiter(text)
        text.seek(0)
        reader = csv.reader(_without_mark(text), delimiter=delimiter)
        try:
            return table_of_rows(name, reader, wish, Sheet(wish.known))
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


def _encoding_of(name: str, path: Path, declared: str | None) -> str:
    """The declared encoding, else the one of the byte-order mark, else the first in which all of the file is text."""
    with path.open("rb") as file:
        mark = file.read(2)
    if declared:
        candidates = [declared]
    elif mark in {b"\xff\xfe", b"\xfe\xff"}:
        candidates = ["utf-16"]
    else:
        candidates = ["utf-8-sig", "gb18030"]
    for encoding in candidates:
        try:
            if _is_text(path, encoding):
                return encoding
        except LookupError:
            raise BadInput(f"未知的文本编码 {encoding}", remedy="请写 utf-8 或 gb18030") from None
    if declared:
        raise BadInput(f"{name} 不是 {declared} 编码", remedy="请去掉 --encoding 让程序判断")
    raise BadInput(f"无法判断 {name} 的文本编码", remedy="请另存为 UTF-8，或用 --encoding 写明编码")


def _is_text(path: Path, encoding: str) -> bool:
    """Whether all bytes are text in the encoding; decoded piece by piece, as the whole would not fit in memory."""
    try:
        with path.open(encoding=encoding) as text:
            while text.read(_PIECE):
                pass
    except UnicodeError:
        return False
    return True


def _without_mark(lines: Iterable[str]) -> Iterator[str]:
    """The lines without the byte-order mark that a declared encoding may leave at the beginning."""
    remaining = iter(lines)
    yield from (line.removeprefix("\ufeff") for line in islice(remaining, 1))
    yield from remaining

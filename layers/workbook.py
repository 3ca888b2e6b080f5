"""XLSX workbooks, read by calamine from a copy that was checked first.

A workbook is a zip of XML. Each XML part is unpacked under a bound and looked through (no document types, so no
entities; no cell placed so far out that the sheet's rectangle would not fit in memory) and packed anew without
compression: what was checked is what is read. Media and external links are left out; a workbook with macros is refused.
"""

import html
import io
import re
import zipfile
from pathlib import Path
from zlib import error as ZlibError  # noqa: N812 - an exception class with a lower-case name

import numpy as np
from python_calamine import CalamineError, CalamineWorkbook, SheetTypeEnum, SheetVisibleEnum, load_workbook

from layers.header_rows import column_letters
from layers.marks import Marks, sheet_marks
from layers.sheets import Limits, Sheet, Table, table_of_rows
from riskmap.errors import BadInput, TooLarge

_SAVE_AGAIN = "请用 Excel 或 WPS 打开后另存为 .xlsx"
_PLACED = re.compile(rb"""<(?:\w+:)?(?:c|row)\b[^<>]*?\sr\s*=\s*["']([^"']*)["']""")
_NOT_PLACED = re.compile(rb"""<(?:\w+:)?(?:c|row)(?=[\s/>])(?![^<>]*\sr\s*=\s*["'])""")
_PLACE = re.compile(rb"([A-Za-z]{0,3})([0-9]{1,7})")
_CONTENTS_B = 2**20
_SHEET = re.compile(r"<(?:\w+:)?sheet\s[^<>]*>")
_SHEET_NAME = re.compile(r'\sname\s*=\s*"([^"]*)"')
_MOST_COLUMNS = 16_384
"""of a sheet in Excel"""
_OLE = b"\xd0\xcf\x11\xe0"


def read_workbook(
    name: str, content: bytes, sheet: str | None, limits: Limits, known: frozenset[str] = frozenset()
) -> Table:
    """The rows of one sheet: the named one, else the first that is visible; `known` are the headers to look for.

    BadInput where it is no workbook, is encrypted or has no such sheet; TooLarge beyond a limit.
    """
    if content.startswith(_OLE):
        raise BadInput(f"{name} 是旧版 .xls 或已加密", remedy="请去掉密码并另存为 .xlsx")
    try:
        with _checked_copy(name, content, limits) as checked, load_workbook(checked) as workbook:
            return _read_sheet(name, workbook, checked, sheet, limits, known)
    except (zipfile.BadZipFile, ZlibError, EOFError, NotImplementedError, CalamineError):
        raise BadInput(f"{name} 不是有效的 .xlsx 工作簿", remedy=_SAVE_AGAIN) from None


def sheet_names(path: Path) -> list[str]:
    """The visible worksheets of a workbook in their order, told by its table of contents; none where it has none."""
    try:
        with zipfile.ZipFile(path) as packed, packed.open("xl/workbook.xml") as file:
            contents = file.read(_CONTENTS_B).decode("utf-8", "replace")
    except (OSError, KeyError, RuntimeError, zipfile.BadZipFile, ZlibError, NotImplementedError):
        return []
    sheets = [
        tag
        for tag in _SHEET.findall(contents)
        if 'state="hidden"' not in tag and 'state="veryHidden"' not in tag
    ]
    return [html.unescape(name[1]) for tag in sheets if (name := _SHEET_NAME.search(tag))]


def _read_sheet(
    name: str,
    workbook: CalamineWorkbook,
    checked: io.BytesIO,
    sheet: str | None,
    limits: Limits,
    known: frozenset[str],
) -> Table:
    sheets = [s for s in workbook.sheets_metadata if s.typ == SheetTypeEnum.WorkSheet]
    names = [s.name for s in sheets]
    if sheet is not None and sheet not in names:
        raise BadInput(f"{name} 没有工作表“{sheet}”", remedy=f"现有：{'、'.join(names)}")
    visible = [s.name for s in sheets if s.visible == SheetVisibleEnum.Visible]
    chosen = sheet or next(iter(visible), None)
    if chosen is None:
        raise BadInput(f"{name} 没有可见的工作表", remedy="请用 --sheet 写明工作表")
    rows = workbook.get_sheet_by_name(chosen)
    with zipfile.ZipFile(checked) as parts:
        marks = sheet_marks(parts, workbook.sheet_names.index(chosen))
    first_column = rows.start[1] if rows.start else 0
    broken = {
        number: {column - first_column: fault for column, fault in cells.items()}
        for number, cells in marks.broken.items()
    }
    merged: dict[int, list[tuple[int, int]]] = {}
    for (top, left), (bottom, _) in rows.merged_cell_ranges or ():
        if bottom > top:
            merged.setdefault(top + 1, []).append((left - first_column, bottom + 1))
    told = f"{name}［{chosen}］"
    table = table_of_rows(told, rows.iter_rows(), limits, Sheet(known, first_column, broken, merged))
    table.notes += _hidden(table, marks)
    return table


def _hidden(table: Table, marks: Marks) -> list[str]:
    """What to say of hidden rows and columns: they are read like the others."""
    rows = int(np.isin(table.rows, marks.hidden_rows).sum())
    hidden = np.zeros(_MOST_COLUMNS, dtype=np.bool_)
    for first, last in marks.hidden_columns:
        hidden[max(first, 0) : last + 1] = True
    shown = {header.letters for header in table.headers.values()}
    columns = [
        letters for letters in map(column_letters, np.flatnonzero(hidden).tolist()) if letters in shown
    ]
    notes = [f"有 {rows} 行是隐藏的（或被筛选掉），也已读取；不需要的请从表中删去"] if rows else []
    return notes + ([f"隐藏的列也已读取：{'、'.join(columns)}"] if columns else [])


def _checked_copy(name: str, content: bytes, limits: Limits) -> io.BytesIO:
    copy = io.BytesIO()
    left = limits.unpacked_bytes
    with (
        zipfile.ZipFile(io.BytesIO(content)) as packed,
        zipfile.ZipFile(copy, "w", zipfile.ZIP_STORED) as plain,
    ):
        for part in packed.infolist():
            if part.filename.lower().endswith("vbaproject.bin"):
                raise BadInput(f"{name} 含有宏，不予读取", remedy="请另存为不含宏的 .xlsx")
            if not part.filename.lower().endswith((".xml", ".rels")):
                continue
            if part.flag_bits & 1:
                raise BadInput(f"{name} 已加密", remedy="请去掉密码后另存为 .xlsx")
            with packed.open(part) as file:
                data = file.read(left + 1)
            left -= len(data)
            if left < 0:
                raise TooLarge(
                    f"{name} 解压后超过 {limits.unpacked_bytes // 2**20} MB", remedy="请分成几个文件导入"
                )
            _check_part(name, part.filename, data, limits)
            plain.writestr(part.filename, data)
    copy.seek(0)
    return copy


def _check_part(name: str, part: str, data: bytes, limits: Limits) -> None:
    if b"\x00" in data or data[:2] in {b"\xff\xfe", b"\xfe\xff"}:
        raise BadInput(f"{name} 的 {part} 不是 UTF-8 文本", remedy=_SAVE_AGAIN)
    if b"<!DOCTYPE" in data or b"<!ENTITY" in data:
        raise BadInput(f"{name} 的 {part} 含有文档类型声明，不予读取", remedy=_SAVE_AGAIN)
    if "worksheets/" in part.lower():
        _check_extent(name, data, limits)


def _check_extent(name: str, data: bytes, limits: Limits) -> None:
    """The rectangle of all cells must fit: calamine lays it out whole, empty cells included."""
    if _NOT_PLACED.search(data):
        raise BadInput(f"{name} 的单元格没有写明行列", remedy=_SAVE_AGAIN)
    rows = columns = 0
    for match in _PLACED.finditer(data):
        place = _PLACE.fullmatch(match[1])
        if place is None:
            raise BadInput(f"{name} 的单元格位置无效", remedy=_SAVE_AGAIN)
        rows = max(rows, int(place[2]))
        columns = max(columns, _column_number(place[1]))
    if rows > limits.rows + 1 or columns > limits.columns or rows * columns > limits.cells:
        raise TooLarge(
            f"{name} 的数据区有 {rows:,} 行 {columns:,} 列，超过上限",
            remedy=f"请删去多余的行列，或分成几个文件（至多 {limits.rows:,} 行、{limits.columns} 列）",
        )


def _column_number(letters: bytes) -> int:
    number = 0
    for letter in letters.upper():
        number = number * 26 + letter - 64
    return number

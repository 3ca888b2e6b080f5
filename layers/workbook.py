"""XLSX workbooks, read by calamine after a look through the parts of the zip that a workbook is.

The look refuses what no honest workbook holds (document types, so entities; encryption; more unpacked than the bound)
and macros. Links to other files are not followed: the values that were saved with the workbook count. A cell placed
so far out that the sheet's rectangle does not fit in memory ends the process apart in which all this runs.
"""

import html
import re
import zipfile
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
from python_calamine import CalamineError, CalamineWorkbook, SheetTypeEnum, SheetVisibleEnum, load_workbook

from layers.header_rows import column_letters
from layers.kinds import BROKEN_ZIP
from layers.marks import Marks, sheet_marks
from layers.sheets import Limits, Sheet, Table, Wish, table_of_rows
from riskmap.errors import BadInput, TooLarge

_SAVE_AGAIN = "请用 Excel 或 WPS 打开后另存为 .xlsx"
_CONTENTS_B = 2**20
_SHEET = re.compile(r"<(?:\w+:)?sheet\s[^<>]*>")
_SHEET_NAME = re.compile(r'\sname\s*=\s*"([^"]*)"')
_MOST_COLUMNS = 16_384
"""of a sheet in Excel"""
_PARTS = 2_000
_PIECE = 2**20
_PROLOG = re.compile(rb"(?:\xef\xbb\xbf)?\s*(?:<\?.*?\?>\s*|<!--.*?-->\s*)*<[A-Za-z_]", re.DOTALL)


def read(name: str, path: Path, wish: Wish) -> Table:
    """The rows of one sheet: the named one, else the first that is visible.

    BadInput where it is no workbook, is encrypted, has macros or no such sheet; TooLarge beyond a limit.
    """
    broken = BadInput(f"{name} 不是有效的 .xlsx 工作簿", remedy=_SAVE_AGAIN)
    try:
        notes = _look_through(name, path, wish.limits)
    except BROKEN_ZIP:
        raise broken from None
    try:
        with load_workbook(path) as workbook:
            table = _read_sheet(name, path, workbook, wish)
    except CalamineError:
        raise broken from None
    table.notes += notes
    return table


def sheet_names(path: Path) -> list[str]:
    """The visible worksheets of a workbook in their order, told by its table of contents; none where it has none."""
    try:
        with zipfile.ZipFile(path) as packed, packed.open("xl/workbook.xml") as file:
            contents = file.read(_CONTENTS_B).decode("utf-8", "replace")
    except (OSError, KeyError, *BROKEN_ZIP):
        return []
    sheets = [
        tag
        for tag in _SHEET.findall(contents)
        if 'state="hidden"' not in tag and 'state="veryHidden"' not in tag
    ]
    return [html.unescape(name[1]) for tag in sheets if (name := _SHEET_NAME.search(tag))]


def _read_sheet(name: str, path: Path, workbook: CalamineWorkbook, wish: Wish) -> Table:
    wanted, limits = wish.sheet, wish.limits
    sheets = [s for s in workbook.sheets_metadata if s.typ == SheetTypeEnum.WorkSheet]
    names = [s.name for s in sheets]
    if wanted is not None and wanted not in names:
        raise BadInput(f"{name} 没有工作表“{wanted}”", remedy=f"现有：{'、'.join(names)}")
    visible = [s.name for s in sheets if s.visible == SheetVisibleEnum.Visible]
    chosen = wanted or next(iter(visible), None)
    if chosen is None:
        raise BadInput(f"{name} 没有可见的工作表", remedy="请用 --sheet 写明工作表")
    with ThreadPoolExecutor(1) as beside:  # calamine leaves the other core free
        marking = beside.submit(_marks_of, path, workbook.sheet_names.index(chosen))
        sheet = workbook.get_sheet_by_name(chosen)
        marks = marking.result()
    rows, columns = sheet.total_height, sheet.total_width
    if rows > limits.rows + 1 or columns > limits.columns or rows * columns > limits.cells:
        raise TooLarge(
            f"{name} 的数据区有 {rows:,} 行 {columns:,} 列，超过上限",
            remedy=f"请删去多余的行列，或分成几个文件（至多 {limits.rows:,} 行、{limits.columns} 列）",
        )
    first_column = sheet.start[1] if sheet.start else 0
    broken = {
        number: {column - first_column: fault for column, fault in cells.items()}
        for number, cells in marks.broken.items()
    }
    merged: dict[int, list[tuple[int, int]]] = {}
    for (top, left), (bottom, _) in sheet.merged_cell_ranges or ():
        if bottom > top:
            merged.setdefault(top + 1, []).append((left - first_column, bottom + 1))
    told = f"{name}［{chosen}］"
    table = table_of_rows(told, sheet.iter_rows(), wish, Sheet(wish.known, first_column, broken, merged))
    table.notes += _hidden(table, marks)
    return table


def _marks_of(path: Path, number: int) -> Marks:
    with zipfile.ZipFile(path) as parts:
        return sheet_marks(parts, number)


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


def _look_through(name: str, path: Path, limits: Limits) -> list[str]:
    """Refuse what no workbook of a county holds; what the person should know of it otherwise."""
    left = limits.unpacked_bytes
    links = False
    with zipfile.ZipFile(path) as packed:
        parts = packed.infolist()
        if len(parts) > _PARTS:
            raise TooLarge(f"{name} 有 {len(parts):,} 个部件", remedy=_SAVE_AGAIN)
        for part in parts:
            if part.flag_bits & 1:
                raise BadInput(f"{name} 已加密", remedy="请去掉密码后另存为 .xlsx")
            plain = part.filename.lower().replace("\\", "/")
            if plain.endswith("vbaproject.bin"):
                raise BadInput(f"{name} 含有宏，不予读取", remedy="请另存为不含宏的 .xlsx")
            links = links or "externallinks/" in plain
            if plain.endswith((".xml", ".rels")):
                left -= _look_into(name, packed, part, left)
                if left < 0:
                    raise TooLarge(
                        f"{name} 解压后超过 {limits.unpacked_bytes // 2**20} MB", remedy="请分成几个文件导入"
                    )
    return [f"{name} 引用了其他文件；没有打开它们，取保存时的数值"] if links else []


def _look_into(name: str, packed: zipfile.ZipFile, part: zipfile.ZipInfo, most: int) -> int:
    """Look at the beginning of an XML part and unpack it once, as the size it states may be a lie; its true size."""
    size = 0
    with packed.open(part) as file:
        piece = file.read(_PIECE)
        _check_prolog(name, part.filename, piece)
        while piece and size <= most:
            size += len(piece)
            piece = file.read(_PIECE)
    return size


def _check_prolog(name: str, part: str, head: bytes) -> None:
    """A document type can only stand before the first element."""
    if b"\x00" in head or head[:2] in {b"\xff\xfe", b"\xfe\xff"}:
        raise BadInput(f"{name} 的 {part} 不是 UTF-8 文本", remedy=_SAVE_AGAIN)
    if _PROLOG.match(head) is None:
        raise BadInput(f"{name} 的 {part} 含有文档类型声明，或不是 XML，不予读取", remedy=_SAVE_AGAIN)

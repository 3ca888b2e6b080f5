"""XLSX workbooks, read by calamine after a look through the parts of the zip that a workbook is.

The look refuses what no honest workbook holds (document types, so entities; encryption; more unpacked than the bound)
and macros. Links to other files are not followed: the values that were saved with the workbook count. A cell placed
so far out that the sheet's rectangle does not fit in memory ends the process apart in which all this runs.
"""

import re
import zipfile
from pathlib import Path

from python_calamine import CalamineError, CalamineWorkbook, SheetTypeEnum, SheetVisibleEnum, load_workbook

from layers.kinds import BROKEN_ZIP
from layers.sheets import Limits, Table, Wish, table_of_rows
from riskmap.errors import BadInput, TooLarge

_SAVE_AGAIN = "请用 Excel 或 WPS 打开后另存为 .xlsx"
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
            table = _read_sheet(name, workbook, wish.sheet, wish.limits)
    except CalamineError:
        raise broken from None
    table.notes += notes
    return table


def _read_sheet(name: str, workbook: CalamineWorkbook, wanted: str | None, limits: Limits) -> Table:
    sheets = [s for s in workbook.sheets_metadata if s.typ == SheetTypeEnum.WorkSheet]
    names = [s.name for s in sheets]
    if wanted is not None and wanted not in names:
        raise BadInput(f"{name} 没有工作表“{wanted}”", remedy=f"现有：{'、'.join(names)}")
    visible = [s.name for s in sheets if s.visible == SheetVisibleEnum.Visible]
    chosen = wanted or next(iter(visible), None)
    if chosen is None:
        raise BadInput(f"{name} 没有可见的工作表", remedy="请用 --sheet 写明工作表")
    sheet = workbook.get_sheet_by_name(chosen)
    rows, columns = sheet.total_height, sheet.total_width
    if rows > limits.rows + 1 or columns > limits.columns or rows * columns > limits.cells:
        raise TooLarge(
            f"{name} 的数据区有 {rows:,} 行 {columns:,} 列，超过上限",
            remedy=f"请删去多余的行列，或分成几个文件（至多 {limits.rows:,} 行、{limits.columns} 列）",
        )
    return table_of_rows(f"{name}［{chosen}］", sheet.iter_rows(), limits)


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

"""The workbook of the rows that were not taken: each as it was in the file, with the reason beside it.

It is made to be corrected and sent back as it is: the original headers stand over the original cells, and the four
columns at the end mean nothing to an import. Every cell is text, so that nothing in it is ever computed.
"""

from collections.abc import Iterator
from itertools import groupby
from operator import itemgetter
from pathlib import Path
from typing import Any

import numpy as np
import shapely
from openpyxl import Workbook
from openpyxl.cell import WriteOnlyCell
from openpyxl.cell.cell import ILLEGAL_CHARACTERS_RE
from openpyxl.styles import Font, PatternFill

from layers.geometries import shapes_of_wkb
from layers.sheets import Table

NOTES = ("行号", "字段", "原因", "改法")
SHEET = "待改正"
POSITION = "几何(WKT)"
"""the column that stands for the shapes of a spatial file"""
_LONGEST_CELL = 32_767
_TOO_LONG = "（原值超过工作簿单元格的上限 32767 个字符，未写出，请在原文件中改正本行）"
_WRONG = PatternFill("solid", fgColor="FFF4B6B2")
_NOTE = PatternFill("solid", fgColor="FFFFF3CD")
_BOLD = Font(bold=True)


def write_rejected(path: Path, table: Table, rejected: list[dict[str, Any]], columns: dict[str, str]) -> int:
    """Write the rejected rows of a table and return how many there are.

    `rejected` are a report's faults, `columns` its canonical columns → headers: they say which cell is marked.
    """
    headers = [header for header in table.columns if header in columns.values() or header not in NOTES]
    shown = (
        [*headers, POSITION] if table.wkb is not None and not {"wkt", POSITION} & set(headers) else headers
    )
    notes = [note if note not in headers else f"{note}（检查）" for note in NOTES]
    book = Workbook(write_only=True)
    sheet = book.create_sheet(SHEET)
    sheet.freeze_panes = "A2"
    sheet.append([_cell(sheet, text, font=_BOLD) for text in (*shown, *notes)])
    written = 0
    for number, faults in groupby(sorted(rejected, key=itemgetter("row")), key=itemgetter("row")):
        index = int(np.searchsorted(table.rows, number))
        sheet.append(list(_row(sheet, table, index, list(faults), shown, columns)))
        written += 1
    book.save(path)
    return written


def _row(
    sheet: Any,
    table: Table,
    index: int,
    faults: list[dict[str, Any]],
    headers: list[str],
    columns: dict[str, str],
) -> Iterator[WriteOnlyCell]:
    """The cells of one row, those at fault marked, then what is wrong with it."""
    wrong = {columns.get(fault["field"], fault["field"]) for fault in faults}
    if wrong & {"geometry", "wkt"}:
        wrong.add(POSITION)
    cut = False
    for header in headers:
        text = _text(table, header, index)
        if len(text) > _LONGEST_CELL:
            text, cut = "", True
        yield _cell(sheet, text, fill=_WRONG if header in wrong else None)
    told = [
        str(table.rows[index]),
        "；".join(columns.get(fault["field"], fault["field"]) for fault in faults),
        "；".join(fault["reason"] for fault in faults),
        "；".join(fault["remedy"] for fault in faults) + (_TOO_LONG if cut else ""),
    ]
    for text in told:
        yield _cell(sheet, text, fill=_NOTE)


def _text(table: Table, header: str, index: int) -> str:
    if header in table.columns:
        return table.columns[header][index].as_py() or ""
    shape = None if table.wkb is None else shapes_of_wkb([table.wkb[index].as_py()])[0]
    return "" if shape is None else str(shapely.to_wkt(shape, rounding_precision=12, trim=True))


def _cell(
    sheet: Any, text: str, *, fill: PatternFill | None = None, font: Font | None = None
) -> WriteOnlyCell:
    """A cell that is text whatever it begins with, also after somebody has edited it."""
    cell = WriteOnlyCell(sheet, ILLEGAL_CHARACTERS_RE.sub("", text))
    cell.data_type = "s"
    cell.number_format = "@"
    if fill is not None:
        cell.fill = fill
    if font is not None:
        cell.font = font
    return cell

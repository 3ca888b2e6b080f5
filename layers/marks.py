"""What a sheet's XML says beside the values that calamine reads: formulas without a value, errors, what is hidden.

calamine gives an empty cell for an error (#REF!) and for a formula whose result was never saved, so that a fault would
look like nothing: such cells are found here and become their row's fault. So does a value that a formula takes from
another workbook: only its last saved copy is in this one, and nobody knows how old it is.
"""

import re
import zipfile
from dataclasses import dataclass, field
from html import unescape

from layers.parsing import Unreadable
from riskmap.errors import BadInput

_MOST = 10_000
"""so many broken cells are told row by row; more are the fault of the file"""
_CELL = re.compile(rb"<(?:\w+:)?c\s([^>]*?)(?:/>|>(.*?)</(?:\w+:)?c>)", re.DOTALL)
_ROW = re.compile(rb"<(?:\w+:)?row\s([^>]*)>")
_COLUMN = re.compile(rb"<(?:\w+:)?col\s([^>]*)>")
_FORMULA = re.compile(rb"<(?:\w+:)?f(?:\s([^>]*?))?(?:/>|>(.*?)</(?:\w+:)?f>)", re.DOTALL)
_VALUE = re.compile(rb"<(?:\w+:)?v(?:\s[^>]*)?>([^<]+)</")
_ATTRIBUTE = re.compile(rb"""(?:^|\s)([\w:]+)\s*=\s*["']([^"']*)["']""")
_PLACE = re.compile(rb"([A-Za-z]{1,3})([0-9]{1,7})")
_OTHER_BOOK = re.compile(r"(?<![\w\]\[])\[\d+\][^\[\]!]*!")
_SIGNS = (b"<f", b":f>", b":f ", b't="e"', b"t='e'")
"""a sheet without any of these has no formula and no error"""
_SHEET = re.compile(rb"<(?:\w+:)?sheet\s([^>]*)>")
_RELATION = re.compile(rb"<(?:\w+:)?Relationship\s([^>]*)>")

_NO_VALUE = Unreadable("公式没有保存计算结果", "请用 Excel 或 WPS 打开并保存后重试，或把公式粘贴为数值")
_ELSEWHERE = Unreadable("公式取自另一个工作簿", "请把该列复制后“选择性粘贴”为数值")
_ERROR = Unreadable("公式的结果是错误值", "请改正公式，或直接填写数值")


@dataclass(slots=True)
class Marks:
    """By row of the sheet and column (from 0) the text and fault of broken cells; hidden rows, hidden columns' spans."""

    broken: dict[int, dict[int, tuple[str, Unreadable]]] = field(default_factory=dict)
    hidden_rows: list[int] = field(default_factory=list)
    hidden_columns: list[tuple[int, int]] = field(default_factory=list)


def sheet_marks(workbook: zipfile.ZipFile, number: int) -> Marks:
    """The marks of the sheet that stands in this place (from 0) of the workbook's list.

    BadInput where thousands of formulas have no value: the file was never opened in a spreadsheet program.
    """
    names = {name.lower(): name for name in workbook.namelist()}
    part = _part(workbook, names, number)
    return _marks(workbook.read(part)) if part else Marks()


def _part(workbook: zipfile.ZipFile, names: dict[str, str], number: int) -> str | None:
    """The part that holds a sheet, by the workbook's relations; None where they do not say."""
    book, relations = (names.get(part) for part in ("xl/workbook.xml", "xl/_rels/workbook.xml.rels"))
    if book is None or relations is None:
        return None
    sheets = [_attributes(match[1]) for match in _SHEET.finditer(workbook.read(book))]
    targets = {
        found.get("Id"): found.get("Target", "")
        for match in _RELATION.finditer(workbook.read(relations))
        for found in (_attributes(match[1]),)
    }
    if number >= len(sheets):
        return None
    wanted = next((value for key, value in sheets[number].items() if key.endswith(":id")), "")
    target = unescape(targets.get(wanted) or "")
    path = target.removeprefix("/") if target.startswith("/") else f"xl/{target}"
    return names.get(path.lower())


def _attributes(text: bytes) -> dict[str, str]:
    return {key.decode(): value.decode("utf-8", "replace") for key, value in _ATTRIBUTE.findall(text)}


def _marks(data: bytes) -> Marks:
    marks = Marks()
    if b"hidden" in data:
        for match in _ROW.finditer(data):
            said = _attributes(match[1])
            if said.get("hidden") in {"1", "true"} and said.get("r", "").isdecimal():
                marks.hidden_rows.append(int(said["r"]))
        for match in _COLUMN.finditer(data):
            said = _attributes(match[1])
            first, last = said.get("min", ""), said.get("max", "")
            if said.get("hidden") in {"1", "true"} and first.isdecimal() and last.isdecimal():
                marks.hidden_columns.append((int(first) - 1, int(last) - 1))
    if any(sign in data for sign in _SIGNS):
        _find_broken(data, marks)
    return marks


def _find_broken(data: bytes, marks: Marks) -> None:
    """Note the cells with an error, with a formula that has no value, or with one that looks into another file."""
    elsewhere: set[str] = set()  # shared formulas: their text stands at the first cell only
    count = 0
    for match in _CELL.finditer(data):
        head, body = match.groups()
        if body is None or (b"<f" not in body and b":f" not in body and b"#" not in body):
            continue
        said = _attributes(head)
        place = _PLACE.fullmatch(said.get("r", "").encode())
        fault = _fault(said.get("t", ""), body, elsewhere)
        if place is None or fault is None:
            continue
        count += 1
        if count > _MOST:
            raise BadInput(
                f"工作表有超过 {_MOST:,} 个公式没有可用的结果（{fault[1].reason}）", remedy=fault[1].remedy
            )
        column = 0
        for letter in place[1].upper():
            column = column * 26 + letter - 64
        marks.broken.setdefault(int(place[2]), {})[column - 1] = fault


def _fault(kind: str, body: bytes, elsewhere: set[str]) -> tuple[str, Unreadable] | None:
    """What is shown of a cell and why it cannot be used; None for a usable one."""
    formula, value = _FORMULA.search(body), _VALUE.search(body)
    said = value[1].decode("utf-8", "replace") if value else ""
    if kind == "e":
        return said or "#?", _ERROR
    if formula is None:
        return None
    text = unescape((formula[2] or b"").decode("utf-8", "replace"))
    shared = _attributes(formula[1] or b"").get("si", "")
    if _OTHER_BOOK.search(text):
        elsewhere.add(shared or "-")
        return f"={text}", _ELSEWHERE
    if shared and not text and shared in elsewhere:
        return said or "=", _ELSEWHERE
    if kind != "str" and not said:
        return f"={text}", _NO_VALUE
    return None

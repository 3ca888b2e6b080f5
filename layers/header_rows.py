"""Where the header of a sheet is: below titles, in one row or in two of which the upper one names groups.

沅江市危险化学品企业名录（2026年）                       ← passed over
填报单位：…                                              ← passed over
序号 | 统一社会信用代码 | 企业名称 | 责任人 |      | 经度   ← groups over …
     |                  |          | 姓名   | 电话 |        ← … their own headers
"""

from collections.abc import Sequence
from dataclasses import dataclass

from layers.headers import header_key, is_known
from riskmap.errors import BadInput

TOP = 10
"""so many rows with anything in them are looked through for the header"""
_LONGEST = 200
"""what is longer is no header, and cut"""


@dataclass(frozen=True, slots=True)
class Header:
    """A column's header: its whole text, the part below its group (else the same), the column's letters in Excel."""

    text: str
    sub: str
    letters: str

    @property
    def place(self) -> str:
        """The header with its column, as it is spoken of."""
        return f"“{self.text}”（{self.letters} 列）"


def column_letters(number: int) -> str:
    """Excel's letters of a column, counted from 0: A, B … Z, AA."""
    letters = ""
    number += 1
    while number:
        number, rest = divmod(number - 1, 26)
        letters = chr(65 + rest) + letters
    return letters


def find_header(
    name: str, top: Sequence[Sequence[str]], known: frozenset[str], first_column: int = 0
) -> tuple[int, int, list[Header]]:
    """The header of a sheet that begins with the rows `top`: its first row, the first row after it, the headers.

    It is the row with the most cells that are known headers, the first of several, else the first row at all; with
    the row above or below it where one of the two names groups. BadInput for a known header that two columns have.
    """
    rows = [[" ".join(cell[:_LONGEST].split()) for cell in row] for row in top]
    scores = [sum(bool(cell) and is_known(cell, known) for cell in row) for row in rows]
    best = scores.index(max(scores))
    first, last = best, best + 1
    if best + 1 < len(rows) and known and _is_group_row(rows[best], rows[best + 1], known):
        last = best + 2
    elif best > 0 and _heads(rows[best - 1], rows[best], known):
        first = best - 1
    headers = _headers(rows[first:last], first_column)
    _refuse_doubled(name, headers, known)
    return first, last, headers


def _is_group_row(upper: Sequence[str], lower: Sequence[str], known: frozenset[str]) -> bool:
    """Whether the lower row has the headers below the groups of the upper one, and is no row of data.

    A group stands in its first column and leaves those of its further headers empty. The lower row has nothing
    elsewhere, unless it is itself a known header (a group over a single column), and figures only beside one.
    """
    width = max(len(upper), len(lower))
    over, under = ([*row, *[""] * (width + 1 - len(row))] for row in (upper, lower))
    found = False
    for column in range(width):
        begins = bool(over[column] and under[column] and not over[column + 1] and under[column + 1])
        found = found or begins
        continues = bool(not over[column] and under[column] and column and under[column - 1])
        if under[column] and not (begins or continues or is_known(under[column], known)):
            return False
    names = [cell for cell in lower if cell]
    wordy = not any(sign.isdigit() for cell in names for sign in cell)
    return found and (wordy or any(is_known(cell, known) for cell in names))


def _heads(upper: Sequence[str], lower: Sequence[str], known: frozenset[str]) -> bool:
    """Whether the row above the one with the most known headers names groups, and is no title.

    It does where it has known headers of its own (of columns that have none below), or makes doubled ones different.
    """
    if not _is_group_row(upper, lower, known):
        return False
    own = [
        cell for cell, below in zip(upper, [*lower, *[""] * len(upper)], strict=False) if cell and not below
    ]
    if any(is_known(cell, known) for cell in own):
        return True
    filled = [cell for cell in lower if cell]
    joined = [header.text for header in _headers([upper, lower], 0) if header.text]
    return len(set(filled)) < len(filled) and len(set(joined)) == len(joined)


def _headers(rows: Sequence[Sequence[str]], first_column: int) -> list[Header]:
    width = max(len(row) for row in rows)
    upper, lower = rows[0], rows[-1] if len(rows) > 1 else []
    headers: list[Header] = []
    group = ""
    for column in range(width):
        over = upper[column] if column < len(upper) else ""
        under = lower[column] if column < len(lower) else ""
        group = over or (group if under else "")
        text = " ".join(dict.fromkeys(part for part in (group, under) if part))
        headers.append(Header(text, under or over, column_letters(first_column + column)))
    while headers and not headers[-1].text:
        headers.pop()
    return headers


def _refuse_doubled(name: str, headers: Sequence[Header], known: frozenset[str]) -> None:
    """BadInput for a header that two columns have; without known headers for any, else for a known one only."""
    seen: dict[str, Header] = {}
    for header in headers:
        if not header.text or (known and not is_known(header.text, known)):
            continue
        key = header_key(header.text) or header.text
        first = seen.setdefault(key, header)
        if first is not header:
            raise BadInput(
                f"{name} 的表头重复：{first.place}和{header.place}",
                remedy="请删去或改名其中一列；每个表头只能有一列",
            )

"""What an edition says of joint-control zones, typed and checked: its table `zones`.

Lengths are whole mm, shares per mille, points micro-points. Editions of before the table was written use the shipped
one.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np

from riskmap.editions import Edition, table_or_shipped
from riskmap.errors import BadInput
from riskmap.shapes import Ints
from riskmap.weights import MILLI, Cells, Sections

ROLE = "zones"
_SHIPPED = "zones_2026_1"
_GROUP_DIGITS = 3
_FARTHEST_M = 5000
_SECTIONS = {
    "unknown": ("adjacent_m", "similar_m"),
    "leave": ("permille", "least_m"),
    "domino": ("equipment",),
    "bounds": ("span_m", "members", "leave_span_m", "leave_members"),
    "outline": ("buffer_m",),
    "evidence": ("listed",),
    "risk": ("domino_permille", "domino_most"),
}


class Nearby(NamedTuple):
    """Within how many mm a site of an industry is adjacent to any other and similar to one of its own group."""

    adjacent_mm: int
    similar_mm: int


class Format(NamedTuple):
    """A business format 业态: the words that tell it, and the mm within which its sites are similar."""

    code: str
    name_zh: str
    name_en: str
    words: tuple[str, ...]
    similar_mm: int


class Bounds(NamedTuple):
    """How large a zone may grow, and how large a zone that is there may be before it is cut."""

    span_mm: int
    members: int
    leave_span_mm: int
    leave_members: int


UNBOUNDED = Bounds(2**60, 2**60, 2**60, 2**60)


@dataclass(frozen=True)
class ZoneRules:
    """Everything that zones are made by; build it with `from_edition`."""

    industries: dict[str, Nearby]
    unknown: Nearby
    sizes: tuple[tuple[int, int], ...]
    formats: tuple[Format, ...]
    leave_permille: int
    leave_least_mm: int
    domino_equipment: tuple[str, ...]
    bounds: Bounds
    buffer_mm: int
    listed: int
    domino_permille: int
    domino_most: int

    @classmethod
    def from_edition(cls, edition: Edition) -> "ZoneRules":
        """Build from an edition's table `zones`.

        Raises BadInput, naming file, row and field, for a missing or unknown key, a figure out of its bounds, an
        industry or a format that is doubled, or bounds of a standing zone that are narrower than those of a new one.
        """
        return cls.from_table(zones_table(edition))

    @classmethod
    def from_table(cls, table: Mapping[str, Any]) -> "ZoneRules":
        """Build from the content of a table; see `from_edition`."""
        part = Sections(table, _SECTIONS)
        unknown, leave, risk = part.section("unknown"), part.section("leave"), part.section("risk")
        return cls(
            industries=_industries(part),
            unknown=_nearby(unknown),
            sizes=_sizes(part),
            formats=_formats(part),
            leave_permille=leave.whole("permille", 1000),
            leave_least_mm=_mm(leave, "least_m"),
            domino_equipment=_equipment(part.section("domino")),
            bounds=_bounds(part.section("bounds")),
            buffer_mm=_mm(part.section("outline"), "buffer_m"),
            listed=part.section("evidence").whole("listed", 1000, least=1),
            domino_permille=risk.whole("domino_permille", 1000),
            domino_most=risk.points("domino_most"),
        )

    def nearby(self, industry: str | None) -> Nearby:
        """The distances of an industry, longest code first."""
        digits = digits_of(industry)
        for size in range(len(digits), 1, -1):
            if digits[:size] in self.industries:
                return self.industries[digits[:size]]
        return self.unknown

    def size_mm(self, workers: Ints) -> Ints:
        """What sites of so many workers (−1: unknown) have on top of their industry's adjacency."""
        more = np.array([0, *(mm for _, mm in self.sizes)], np.int64)
        return more[np.searchsorted([least for least, _ in self.sizes], workers, side="right")]

    def format_of(self, text: str | None) -> int:
        """The position of the business format that a text names, −1 for none; the first that fits."""
        folded = (text or "").casefold()
        for position, one in enumerate(self.formats):
            if folded and (folded == one.code or any(word in folded for word in one.words)):
                return position
        return -1

    def leave_mm(self, join_mm: Ints) -> Ints:
        """Beyond which distances links are given up that were joined within `join_mm`; 0 where none is joined."""
        more = np.maximum(self.leave_least_mm, join_mm * self.leave_permille // 1000)
        return np.where(join_mm > 0, join_mm + more, 0)


def zones_table(edition: Edition) -> Mapping[str, Any]:
    """The edition's table `zones`, else the one that comes with the program."""
    return table_or_shipped(edition, ROLE, _SHIPPED)


def digits_of(industry: str | None) -> str:
    """The digits of a GB/T 4754 code; section letters and blanks do not matter."""
    return "".join(c for c in industry or "" if c in "0123456789")


def group_of(industry: str | None) -> int:
    """The industry group: the first three digits as a number, −1 where fewer are on file."""
    digits = digits_of(industry)[:_GROUP_DIGITS]
    return int(digits) if len(digits) == _GROUP_DIGITS else -1


def _mm(cells: Cells, field: str, *, least: int = 1) -> int:
    return cells.whole(field, _FARTHEST_M, least=least) * MILLI


def _nearby(cells: Cells) -> Nearby:
    return Nearby(_mm(cells, "adjacent_m"), _mm(cells, "similar_m"))


def _industries(part: Sections) -> dict[str, Nearby]:
    industries: dict[str, Nearby] = {}
    for cells in part.rows(
        "industries", ("code", "name_zh", "name_en", "adjacent_m", "similar_m"), key="code"
    ):
        code = cells.row.text("code")
        if not (code.isascii() and code.isdigit() and 2 <= len(code) <= 4):
            raise cells.row.wrong("code", f"{code} 不是二至四位数字", "请填 GB/T 4754-2017 代码")
        cells.row.text("name_zh"), cells.row.text("name_en")
        industries[code] = _nearby(cells)
    return industries


def _sizes(part: Sections) -> tuple[tuple[int, int], ...]:
    bands = [
        (cells.whole("workers_from", 1_000_000), _mm(cells, "adjacent_more_m", least=0))
        for cells in part.rows("sizes", ("workers_from", "adjacent_more_m"))
    ]
    if bands != sorted(set(bands)) or [more for _, more in bands] != sorted(more for _, more in bands):
        raise BadInput(f"{part.name}/sizes.csv 须按人数递增，距离不减", remedy="请改正行的次序或距离")
    return tuple(bands)


def _formats(part: Sections) -> tuple[Format, ...]:
    formats: dict[str, Format] = {}
    for cells in part.rows("formats", ("format", "name_zh", "name_en", "words", "similar_m"), key="format"):
        row = cells.row
        code = row.text("format")
        words = tuple(word.casefold() for word in row.text("words").split(";"))
        if not all(words):
            raise row.wrong("words", "有空的词", "词之间用一个英文分号")
        names = row.text("name_zh"), row.text("name_en")
        formats[code] = Format(code, *names, words, _mm(cells, "similar_m"))
    return tuple(formats.values())


def _equipment(cells: Cells) -> tuple[str, ...]:
    given = cells.row.cells["equipment"]
    if not isinstance(given, list) or not given or not all(isinstance(one, str) and one for one in given):
        raise cells.row.wrong("equipment", "须为设备类别的列表", "如 pressurised、atmospheric")
    return tuple(given)


def _bounds(cells: Cells) -> Bounds:
    bounds = Bounds(
        cells.whole("span_m", 100_000, least=1) * MILLI,
        cells.whole("members", 1_000_000, least=2),
        cells.whole("leave_span_m", 100_000, least=1) * MILLI,
        cells.whole("leave_members", 1_000_000, least=2),
    )
    for wide, narrow, field in (
        (bounds.leave_span_mm, bounds.span_mm, "leave_span_m"),
        (bounds.leave_members, bounds.members, "leave_members"),
    ):
        if wide < narrow:
            raise cells.row.wrong(field, f"小于 {field.removeprefix('leave_')}", "已有片区的上限不应更窄")
    return bounds

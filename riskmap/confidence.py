"""Data confidence A to D, shown beside a level and never part of it: what is missing or doubtful in its records.

The causes and their letters are ours, of no standard: D says that a figure is unknown and the level a lower bound,
C that a record the level rests on is missing or doubtful, B that a record around it is. The days and numbers they
need stand in the table `quality` of the edition, else in the one that comes with the program.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from riskmap.editions import Edition, Row, shipped_table

LETTERS = {
    "unmatched_substance": "D",
    "people_unknown": "D",
    "no_inventory": "C",
    "stale_inventory": "C",
    "misplaced": "C",
    "shared_position": "C",
    "no_industry": "C",
    "outside_areas": "B",
    "no_legal_representative": "B",
    "no_responsible_person": "B",
    "wrong_code": "B",
}
"""cause: letter; the worst first"""

GRADED_KINDS = frozenset(
    {
        "hazchem_production",
        "hazchem_store",
        "lpg_filling",
        "lpg_store",
        "filling_station",
        "ammonia_cold_store",
        "water_works",
    }
)
"""kinds of source that hold substances of GB 18218: without an inventory their level is incomplete"""

_SHIPPED = "quality_2026_1"
_CREDIT_SIGNS = "0123456789ABCDEFGHJKLMNPQRTUWXY"
"""GB 32100-2015, table of characters: place = value, without I O S V Z"""
_CREDIT_WEIGHTS = (1, 3, 9, 27, 19, 26, 16, 17, 20, 29, 25, 13, 8, 24, 10, 30, 28)
_CREDIT_LENGTH = 18


def confidence(causes: Iterable[str]) -> str:
    """The letter of a record with these causes: the worst one, A without any."""
    return max((LETTERS[cause] for cause in causes), default="A")


@dataclass(frozen=True, slots=True)
class Figures:
    """Our own figures: days after which an inventory is stale, names that share a point, metres between duplicates."""

    stale_after_days: int
    shared_by_others: int
    near_m: float

    @classmethod
    def of(cls, edition: Edition | None = None) -> Self:
        """The edition's figures, else those that come with the program. BadInput for a table that is wrong."""
        return cls.from_table(edition.tables.get("quality") if edition else None)

    @classmethod
    def from_table(cls, table: Mapping[str, Any] | None) -> Self:
        """The figures of a table `quality`; the shipped ones where an edition names none."""
        table = table or shipped_table(_SHIPPED)
        doubts = _section(table, "confidence", ("stale_after_days", "shared_by_others"))
        near = _section(table, "duplicates", ("near_m",))
        return cls(
            stale_after_days=int(doubts.number_of("stale_after_days")),
            shared_by_others=int(doubts.number_of("shared_by_others")),
            near_m=float(near.number_of("near_m")),
        )

    def is_stale(self, as_of: date | None, valid_from: date, day: date) -> bool:
        """Whether on `day` an inventory that speaks of `as_of` is too old; without one, of the day it is valid from."""
        return (day - (as_of or valid_from)).days > self.stale_after_days

    def shared(self, points_mm: Any, names: Sequence[str]) -> Any:
        """Which points (whole millimetres, one row each) enterprises of enough other names have exactly as well."""
        points = np.asarray(points_mm, np.int64).reshape(-1, 2)
        if not len(points):
            return np.zeros(0, np.bool_)
        _, place = np.unique(points, axis=0, return_inverse=True)
        _, name = np.unique(np.asarray(names, np.str_), return_inverse=True)
        different = np.unique(np.stack([place.ravel(), name.ravel()]), axis=1)[0]
        return np.bincount(different)[place.ravel()] - 1 >= self.shared_by_others


def _section(table: Any, part: str, keys: tuple[str, ...]) -> Row:
    section = Row(f"{table['table']['edition']} [{part}]", None, table.get(part, {}))
    section.expect(keys)
    return section


def wrong_check_digits(codes: Sequence[str]) -> NDArray[np.bool_]:
    """Which codes have the form of a 统一社会信用代码 (GB 32100-2015) and another last sign than the check digit.

    Codes of another form are somebody's own and right as they are.
    """
    given = np.asarray(codes, object)
    wrong = np.zeros(len(given), np.bool_)
    long = np.flatnonzero(np.fromiter(map(len, given), np.int64, len(given)) == _CREDIT_LENGTH)
    signs = given[long].astype(f"U{_CREDIT_LENGTH}").view(np.uint32).reshape(-1, _CREDIT_LENGTH)
    values = np.full(128, -1, np.int64)
    values[[ord(sign) for sign in _CREDIT_SIGNS]] = np.arange(len(_CREDIT_SIGNS))
    read = np.where(signs < 128, values[np.minimum(signs, 127)], -1)
    check = (31 - (read[:, :-1] @ np.array(_CREDIT_WEIGHTS)) % 31) % 31
    wrong[long] = (read >= 0).all(axis=1) & (check != read[:, -1])
    return wrong

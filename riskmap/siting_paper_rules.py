"""What an edition says of opinion papers 选址安全审查意见书: how long they hold, who signs, which conditions follow.

Editions without a table `siting_paper` use the shipped one.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from functools import lru_cache
from typing import Any, NamedTuple

from riskmap.editions import EDITIONS_KEPT, Edition, table_or_shipped
from riskmap.sections import Cells, Sections
from riskmap.siting_findings import VERDICTS
from riskmap.zone_ledger import months_after

ROLE = "siting_paper"
_SHIPPED = "siting_paper_2026_1"
ALWAYS, ZONES, PEOPLE = "always", "zones", "people"
ON = (ALWAYS, *VERDICTS[1:], "not_on_file", "no_data", ZONES, PEOPLE)
"""what a condition may follow from"""
_SECTIONS = {
    "paper": (
        *("valid_months", "alternatives", "cell_m", "rescue_m", "rescue_each", "water_m"),
        *("map_m", "map_most"),
    )
}


class Both(NamedTuple):
    """A text in Chinese and in English."""

    zh: str
    en: str


class Condition(NamedTuple):
    """A condition with what it follows from, who checks it, and by when."""

    on: str
    text: Both
    checked_by: Both
    due: Both


class Department(NamedTuple):
    """Who gives an opinion in the joint review, and on what."""

    name: Both
    matter: Both


@dataclass(frozen=True)
class PaperRules:
    """The figures and texts; build it with `from_edition`."""

    edition: str
    valid_months: int
    alternatives: int
    cell_m: int
    rescue_m: int
    rescue_each: int
    water_m: int
    map_m: int
    map_most: int
    departments: tuple[Department, ...]
    conditions: tuple[Condition, ...]
    voids: tuple[Both, ...]

    @classmethod
    @lru_cache(maxsize=EDITIONS_KEPT)
    def from_edition(cls, edition: Edition) -> "PaperRules":
        """The edition's table, else the one that comes with the program. BadInput for what is wrong in it."""
        return cls.from_table(table_or_shipped(edition, ROLE, _SHIPPED))

    @classmethod
    def from_table(cls, table: Mapping[str, Any]) -> "PaperRules":
        """Build from the content of a table; see `from_edition`."""
        part = Sections(table, _SECTIONS)
        paper = part.section("paper")
        return cls(
            edition=part.name,
            valid_months=paper.whole("valid_months", 120, least=1),
            alternatives=paper.whole("alternatives", 50, least=1),
            cell_m=paper.whole("cell_m", 5000, least=50),
            rescue_m=paper.whole("rescue_m", 200_000, least=100),
            rescue_each=paper.whole("rescue_each", 10, least=1),
            water_m=paper.whole("water_m", 100_000, least=100),
            map_m=paper.whole("map_m", 20_000, least=20),
            map_most=paper.whole("map_most", 200, least=1),
            departments=tuple(
                Department(_both(cells, "department"), _both(cells, "matter"))
                for cells in part.rows("departments", _named("department", "matter"))
            ),
            conditions=tuple(
                Condition(
                    cells.row.choice("on", ON),
                    *(_both(cells, name) for name in ("text", "checked_by", "due")),
                )
                for cells in part.rows("conditions", ("on", *_named("text", "checked_by", "due")))
            ),
            voids=tuple(_both(cells, "text") for cells in part.rows("voids", _named("text"))),
        )

    def valid_until(self, day: date) -> date:
        """The last day on which a paper filed on a day holds."""
        return months_after(day, self.valid_months)


def _named(*names: str) -> tuple[str, ...]:
    return tuple(f"{name}_{lang}" for name in names for lang in ("zh", "en"))


def _both(cells: Cells, name: str) -> Both:
    return Both(cells.row.text(f"{name}_zh"), cells.row.text(f"{name}_en"))

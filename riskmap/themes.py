"""Themes 专题: committee, industry, hazard type, kind of source and period, as filters of the contributions.

A theme is never computed a second time. Its *part* of a score is the sum of exactly those lines of the account that it
names, so part(theme) + part(all else) = score in whole micro-points, and the parts by committee, by industry, by kind
or by period sum to the score. Hazard types do not: one source may burn and explode. A part is a share of the account,
not what would be left without the others, and no colour: colours are of scores alone.
"""

from typing import NamedTuple

BASE, DYNAMIC = "base", "dynamic"
"""The two periods of an account: 固有, what is there without any dynamic record, and 动态, what is going on now."""
NEIGHBOUR = "neighbour"
"""Stands for what a reader may not know of another township's record."""
NONE = "none"
"""The industry of a source for which none is on file."""
ADDITIVE = ("committee", "industry", "kind", "period")
"""Dimensions in which every line has one value: their parts sum to the score."""
OVERLAPPING = ("hazard",)
"""Dimensions in which a line may have several values, or none."""
_DIVISION_DIGITS = 2


class SourceClass(NamedTuple):
    """What the themes know of a source; `industry` in digits of GB/T 4754, NONE without."""

    committee: str
    industry: str
    hazards: tuple[str, ...]
    kind: str

    @property
    def division(self) -> str:
        """The 大类 of the industry: its first two digits."""
        return self.industry if self.industry in (NONE, NEIGHBOUR) else self.industry[:_DIVISION_DIGITS]

    def values(self, name: str) -> tuple[str, ...]:
        """What it is in a dimension other than the period: one value, of hazards any number."""
        if name == "hazard":
            return self.hazards
        return (self.division if name == "industry" else str(getattr(self, name)),)

    @property
    def foreign(self) -> "SourceClass":
        """The same source as a neighbour is told of it: kind and hazards alone."""
        return self._replace(committee=NEIGHBOUR, industry=NEIGHBOUR)


HIDDEN = SourceClass(NEIGHBOUR, NEIGHBOUR, (), NEIGHBOUR)
"""A record of another of which nothing is told."""


def industry_digits(code: str | None) -> str:
    """A GB/T 4754 code without its section letter and blanks; NONE where there is none."""
    return "".join(c for c in code or "" if c in "0123456789") or NONE


class Theme(NamedTuple):
    """One value or none for each dimension; None admits all. `industry` is the beginning of a code (26: all of 26x).

    `period` is BASE, DYNAMIC, NEIGHBOUR, or the code of an event, which admits the lines of that event alone.
    """

    committee: str | None = None
    industry: str | None = None
    hazard: str | None = None
    kind: str | None = None
    period: str | None = None

    @property
    def narrow(self) -> bool:
        """Whether anything is left out at all."""
        return any(value is not None for value in self)

    def admits(self, source: SourceClass) -> bool:
        """Whether the lines of a source belong to it, the period left aside."""
        return (
            self.committee in (None, source.committee)
            and (self.industry is None or self._of_industry(source.industry))
            and (self.hazard is None or self.hazard in source.hazards)
            and self.kind in (None, source.kind)
        )

    def _of_industry(self, digits: str) -> bool:
        wanted = self.industry or ""
        return digits.startswith(wanted) if wanted.isdigit() else digits == wanted

    def in_period(self, period: str, record: str | None) -> bool:
        """Whether a line of a period, and of a record (`layer/code`) if it is dynamic, belongs to it."""
        if self.period in (None, BASE, DYNAMIC, NEIGHBOUR):
            return self.period in (None, period)
        return period == DYNAMIC and record == f"event/{self.period}"


EVERYTHING = Theme()

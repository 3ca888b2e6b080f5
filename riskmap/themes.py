"""Themes 专题: committee, industry, hazard type, kind of source and period, as filters of the contributions.

A theme is never computed a second time. Its *part* of a score is the sum of exactly those lines of the account that it
names, so part(theme) + part(all else) = score in whole micro-points, and the parts by committee, by industry, by kind
or by period sum to the score. Hazard types do not: one source may burn and explode. A part is a share of the account,
not what would be left without the others, and no colour: colours are of scores alone.

The arrays below are `riskmap.rollup.area_account` and `city_account` for all areas in one pass, rounded alike.
"""

from typing import NamedTuple

import numpy as np

from riskmap.shapes import Ints
from riskmap.superposition import Account

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


class Parts(NamedTuple):
    """What sources add to the scores of areas: entries by area, then by ascending source; `value` in micro-points."""

    area: Ints
    source: Ints
    value: Ints


def area_parts(account: Account, people: Ints, area: Ints, n_milli: int) -> Parts:
    """Every area's parts over its `n_milli` worst-placed milli-persons; an area's parts sum to its score.

    `people` and `area` (from 0, −1 in none) are those of the places of the account, in order of code.
    """
    running = np.concatenate([[0], np.cumsum(account.value)])
    scores = running[account.start[1:]] - running[account.start[:-1]]
    taken = _worst_placed(scores, people, area, n_milli)
    place = np.repeat(np.arange(len(people)), np.diff(account.start))
    counted = np.flatnonzero(taken[place] > 0)
    place = place[counted]
    amount = taken[place] * account.value[counted]
    return _shared_means(area[place], account.source[counted], amount, n_milli)


def city_parts(townships: Parts, chosen: Ints, divisor: int) -> Parts:
    """The parts of the city, area 0: those of its highest townships (positions), their sum divided by `divisor`."""
    among = np.isin(townships.area, chosen)
    nothing = np.zeros(int(among.sum()), np.int64)
    return _shared_means(nothing, townships.source[among], townships.value[among], divisor)


def totals(of: Ints, value: Ints, n: int) -> Ints:
    """The sum of the values of each of `n` things."""
    found = np.zeros(n, np.int64)
    np.add.at(found, of, value)
    return found


class Shares(NamedTuple):
    """Values in parts: of which entry, of which weight, and how much."""

    entry: Ints
    weight: Ints
    value: Ints


def shared_among(value: Ints, owner: Ints, start: Ints, weights: Ints) -> Shares:
    """`riskmap.rollup.shared` for many values: value e among the weights `start[owner[e]] … start[owner[e] + 1]`.

    Shares of 0 are left out.
    """
    first, count = start[owner], np.diff(start)[owner]
    entry = np.repeat(np.arange(len(value)), count)
    slot = np.arange(len(entry)) - np.repeat(np.cumsum(count) - count, count)
    weight = first[entry] + slot
    running = np.concatenate([[0], np.cumsum(weights)])
    inside, whole = running[weight + 1] - running[first[entry]], (running[start[1:]] - running[start[:-1]])
    whole = whole[owner][entry]
    upto = np.where(
        whole > 0, (2 * value[entry] * inside + whole) // np.maximum(2 * whole, 1), value[entry]
    )
    share = _steps(upto, slot == 0)
    some = share != 0
    return Shares(entry[some], weight[some], share[some])


def _worst_placed(scores: Ints, people: Ints, area: Ints, n_milli: int) -> Ints:
    """How many milli-persons of each place are among the worst-placed of its area; equals in their order."""
    order = np.lexsort((-scores, area))
    before = np.cumsum(people[order]) - people[order]
    first = np.flatnonzero(np.diff(area[order], prepend=-2))
    length = np.diff(np.append(first, len(order)))
    before -= np.repeat(before[first], length)
    taken = np.zeros(len(people), np.int64)
    taken[order] = np.clip(n_milli - before, 0, people[order])
    return np.where(area >= 0, taken, 0)


def _shared_means(area: Ints, source: Ints, amount: Ints, divisor: int) -> Parts:
    """Σ amounts / divisor of each area, rounded, shared among its sources in their order by running rounding."""
    order = np.lexsort((source, area))
    area, source, amount = area[order], source[order], amount[order]
    first = np.ones(len(area), np.bool_)
    first[1:] = (area[1:] != area[:-1]) | (source[1:] != source[:-1])
    begin = np.flatnonzero(first)
    area, source = area[begin], source[begin]
    amount = np.add.reduceat(amount, begin) if len(begin) else amount
    of_area = np.ones(len(area), np.bool_)
    of_area[1:] = area[1:] != area[:-1]
    running = np.cumsum(amount)
    head = np.flatnonzero(of_area)
    running -= np.repeat((running - amount)[head], np.diff(np.append(head, len(area))))
    value = _steps((2 * running + divisor) // (2 * divisor), of_area)
    return Parts(area, source, value)


def _steps(upto: Ints, begins: np.ndarray[tuple[int], np.dtype[np.bool_]]) -> Ints:
    """From running sums to their steps; a sum begins anew where told."""
    before = np.concatenate([[0], upto[:-1]])
    return upto - np.where(begins, 0, before)

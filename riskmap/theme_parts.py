"""What every source adds to every area's score: `riskmap.rollup.area_account` and `city_account` for a whole level in one
pass, and what each weight has of it. Rounded alike, so that the parts of themes are sums of the lines of `explain`.
"""

from typing import NamedTuple

import numpy as np

from riskmap.shapes import Ints
from riskmap.superposition import Account


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
    upto = np.where(whole > 0, (2 * value[entry] * inside + whole) // np.maximum(2 * whole, 1), value[entry])
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

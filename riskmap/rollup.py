"""What areas make of their places: the mean over their worst-placed people, and the burden that adds up.

“全镇风险最高处 1,000 人的平均分”: places from the worst on, the last one in part; with fewer people the sum is still
divided by the full number. So more danger or more people never lower a score, and a township of 8,000 compares with
one of 150,000. Scores are whole micro-points, people milli-persons; a mean divides once, at the end.
"""

from collections.abc import Sequence
from itertools import accumulate, pairwise
from typing import NamedTuple

import numpy as np

from riskmap.compiled import kernel
from riskmap.errors import TooLarge
from riskmap.shapes import Ints
from riskmap.superposition import Hazards, Places, place_account

_LARGEST = 2**62


class Part(NamedTuple):
    """What one source adds to an area's score, in micro-points; `people` are the worst-placed milli-persons that it
    reaches, `nearest` the smallest distance in mm from its site to one of their places.
    """

    source: int
    value: int
    people: int
    nearest: int


def worst_first(scores: Ints) -> Ints:
    """Positions of the places from the worst to the best; equals in their order."""
    return np.argsort(-scores, kind="stable")


def area_scores(scores: Ints, people: Ints, area: Ints, n_areas: int, n_milli: int, order: Ints) -> Ints:
    """The mean score over the `n_milli` worst-placed milli-persons of each area; fewer: divided by all the same.

    `area` is each place's area from 0, −1 in none; `order` as `worst_first` gives it. Micro-points (n_areas).
    Raises TooLarge where a sum would leave int64.
    """
    _guard(n_milli, scores)
    left, total = np.full(n_areas, n_milli, np.int64), np.zeros(n_areas, np.int64)
    sum_worst(order, scores, people, area, left, total)
    return (2 * total + n_milli) // (2 * n_milli)


def worst_placed(scores: Ints, people: Ints, n_milli: int) -> Ints:
    """How many milli-persons of each of one area's places are among its `n_milli` worst-placed."""
    order = worst_first(scores)
    before = np.cumsum(people[order]) - people[order]
    taken = np.empty(len(people), np.int64)
    taken[order] = np.clip(n_milli - before, 0, people[order])
    return taken


def burdens(scores: Ints, people: Ints, area: Ints, n_areas: int) -> Ints:
    """Σ people·score of each area, in milli-persons × micro-points: what adds up over all levels.

    Raises TooLarge where the sum would leave int64.
    """
    if people.astype(np.float64) @ scores.astype(np.float64) > _LARGEST:
        raise _too_large()
    total = np.zeros(n_areas, np.int64)
    inside = area >= 0
    np.add.at(total, area[inside], people[inside] * scores[inside])
    return total


def _guard(people: int, scores: Ints) -> None:
    if 2 * people * int(scores.max(initial=0)) > _LARGEST:
        raise _too_large()


def _too_large() -> TooLarge:
    return TooLarge("人口与分值的乘积超出整数范围", remedy="请检查人口图层的人数字段")


def area_account(
    places: Places, hazards: Hazards, n_milli: int, share_permille: int, *, threads: int = 0
) -> tuple[int, list[Part]]:
    """One area's score and all that it consists of, by ascending source; the parts sum to the score.

    `places` are the area's own, `hazards` at least all sources that reach one of them, both in order of code.
    """
    account = place_account(places, hazards, share_permille, threads=threads)
    place = np.repeat(np.arange(len(places.people)), np.diff(account.start))
    scores = np.zeros(len(places.people), np.int64)
    np.add.at(scores, place, account.value)
    _guard(n_milli, scores)
    taken = worst_placed(scores, places.people, n_milli)[place]
    n = len(hazards.points)
    amount, people = np.zeros(n, np.int64), np.zeros(n, np.int64)
    nearest = np.full(n, np.iinfo(np.int64).max)
    np.add.at(amount, account.source, taken * account.value)
    np.add.at(people, account.source, taken)
    reached = taken > 0
    np.minimum.at(nearest, account.source[reached], account.distance[reached])
    given = _shared_mean(amount, n_milli)
    parts = [Part(int(s), int(given[s]), int(people[s]), int(nearest[s])) for s in np.flatnonzero(people > 0)]
    return int(given.sum()), parts


def city_account(townships: Sequence[list[Part]], divisor: int) -> tuple[int, list[Part]]:
    """The city's score and parts from those of its highest townships: their sum divided by `divisor`.

    Choose them with `highest`; the parts of all must count the sources alike.
    """
    merged: dict[int, Part] = {}
    for part in sorted((part for parts in townships for part in parts), key=lambda part: part.source):
        known = merged.get(part.source, Part(part.source, 0, 0, part.nearest))
        merged[part.source] = Part(
            part.source,
            known.value + part.value,
            known.people + part.people,
            min(known.nearest, part.nearest),
        )
    given = _shared_mean(np.array([part.value for part in merged.values()], np.int64), divisor)
    parts = [part._replace(value=int(value)) for part, value in zip(merged.values(), given, strict=True)]
    return int(given.sum()), parts


def highest(scores: Sequence[int], n: int) -> list[int]:
    """Positions of the `n` highest scores (fewer where there are fewer); equals in their order."""
    return sorted(range(len(scores)), key=lambda i: -scores[i])[:n]


def city_score(townships: Sequence[int], n: int) -> int:
    """The mean of the `n` highest township scores; fewer: divided by `n` all the same."""
    return (2 * sum(townships[i] for i in highest(townships, n)) + n) // (2 * n)


def shared(value: int, weights: Sequence[int]) -> list[int]:
    """A whole number in parts proportional to whole weights, by running rounding: the parts sum to it.

    With no weight at all the first part has everything.
    """
    whole = sum(weights)
    if whole == 0:
        return [value, *[0] * (len(weights) - 1)]
    upto = [(2 * value * inside + whole) // (2 * whole) for inside in accumulate(weights)]
    return [after - before for before, after in pairwise([0, *upto])]


def _shared_mean(amounts: Ints, divisor: int) -> Ints:
    """Σ amounts / divisor, rounded, shared among the amounts in their order by running rounding."""
    running = np.cumsum(amounts)
    return np.diff((2 * running + divisor) // (2 * divisor), prepend=0)


@kernel
def sum_worst(order: Ints, scores: Ints, people: Ints, area: Ints, left: Ints, total: Ints) -> None:
    """Give each place's people to its area, worst places first, until the area is full."""
    for p in order:
        a = area[p]
        if a >= 0 and left[a] > 0:
            taken = min(left[a], people[p])
            left[a] -= taken
            total[a] += taken * scores[p]

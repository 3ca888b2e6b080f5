"""What areas would score if some sources were otherwise: many alternatives over the same places in one call.

Only what an alternative changes is computed again, by the very lines that score places and areas, so an alternative
has exactly the score that a run over changed records gives. A changed source may reach less far than now, never
farther: who is in reach of whom is found once.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from riskmap.compiled import kernel, over_spans
from riskmap.rollup import area_scores, sum_worst, worst_first
from riskmap.shapes import Floats, Ints
from riskmap.superposition import Hazards, Places, Reached, place_scores, pull_at, reached_places, settle


class Felt(NamedTuple):
    """A source as places feel it: hazard in micro-points, reach in mm."""

    points: int
    reach: int


Alternative = Mapping[int, Felt]
"""sources that are otherwise, by position"""


@dataclass(frozen=True, slots=True)
class Terrain:
    """Places in order of their areas (`start` of each), what reaches them now, and their scores now."""

    places: Places
    start: Ints
    hazards: Hazards
    share_permille: int
    n_milli: int
    reached: Reached
    scores: Ints
    means: Ints

    @classmethod
    def of(
        cls, places: Places, area: Ints, n_areas: int, hazards: Hazards, share_permille: int, n_milli: int
    ) -> "Terrain":
        """`area` is each place's area from 0, −1: in none; `n_milli` the worst-placed milli-persons that count."""
        order = np.argsort(area, kind="stable")
        order = order[area[order] >= 0]
        own = places.take(order)
        start = np.searchsorted(area[order], np.arange(n_areas + 1)).astype(np.int64)
        scores = place_scores(own, hazards, share_permille)
        means = area_scores(scores, own.people, area[order], n_areas, n_milli, worst_first(scores))
        reached = reached_places(own, hazards)
        return cls(own, start, hazards, share_permille, n_milli, reached, scores, means)


def alternative_scores(terrain: Terrain, alternatives: Sequence[Alternative]) -> Ints:
    """The score of every area under every alternative, (alternatives, areas) micro-points."""
    counts = [len(one) for one in alternatives]
    begin = np.concatenate([[0], np.cumsum(counts)]).astype(np.int64)
    changed = np.array([n for one in alternatives for n in one], np.int64)
    felt = np.array([felt for one in alternatives for felt in one.values()], np.int64).reshape(-1, 2)
    points, reach = np.ascontiguousarray(felt[:, 0]), felt[:, 1].astype(np.float64)
    means = np.tile(terrain.means, (len(alternatives), 1))
    room = int(np.diff(terrain.reached.start).max(initial=0))
    hazards, now = terrain.hazards, terrain.hazards.reach.astype(np.float64)
    over_spans(
        lambda lo, hi: _means_span(
            lo, hi, begin, changed, points, reach, terrain.places, terrain.start, terrain.reached, hazards.points,
            now, terrain.share_permille, terrain.n_milli, terrain.scores, room, means,
        ),
        len(alternatives),
    )  # fmt: skip
    return means


@kernel
def _means_span(
    lo: int,
    hi: int,
    begin: Ints,
    changed: Ints,
    new_points: Ints,
    new_reach: Floats,
    places: Places,
    start: Ints,
    reached: Reached,
    points: Ints,
    reach: Floats,
    share: int,
    n_milli: int,
    scores: Ints,
    room: int,
    means: Ints,
) -> None:
    """The means of the areas that alternatives lo … hi change; the others stand there already."""
    h, r, other = points.copy(), reach.copy(), np.zeros(len(points), np.bool_)
    pull, value = np.empty(room), np.empty(room, np.int64)
    score, area = np.empty(len(scores), np.int64), np.zeros(len(scores), np.int64)
    left, total = np.empty(1, np.int64), np.empty(1, np.int64)
    for one in range(lo, hi):
        for k in range(begin[one], begin[one + 1]):
            s = changed[k]
            h[s], r[s], other[s] = new_points[k], new_reach[k], True
        for a in range(len(start) - 1):
            touched = False
            for p in range(start[a], start[a + 1]):
                here = False
                for k in range(reached.start[p], reached.start[p + 1]):
                    here = here or other[reached.source[k]]
                score[p] = scores[p]
                if here:
                    touched = True
                    score[p] = _score_at(p, places, reached, h, r, share, pull, value)
            if touched:
                left[0], total[0] = n_milli, 0
                order = np.argsort(-score[start[a] : start[a + 1]]) + start[a]
                sum_worst(order, score, places.people, area, left, total)
                means[one, a] = (2 * total[0] + n_milli) // (2 * n_milli)
        for k in range(begin[one], begin[one + 1]):
            s = changed[k]
            h[s], r[s], other[s] = points[s], reach[s], False


@kernel
def _score_at(
    p: int,
    places: Places,
    reached: Reached,
    points: Ints,
    reach: Floats,
    share: int,
    pull: Floats,
    value: Ints,
) -> int:
    n = 0
    for k in range(reached.start[p], reached.start[p + 1]):
        s, d2 = reached.source[k], reached.near2[k]
        reach2 = reach[s] * reach[s]
        if d2 < reach2:
            pull[n] = pull_at(points[s], d2, reach2)
            n += 1
    return settle(n, pull, places.weight[p], share, value)

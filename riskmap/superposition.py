"""The risk at places: what every source in reach adds to every place, and whom every source reaches.

    score(p) = v(p) · lead_i( H_i · k(d_ip / r_i) )        k(u) = (1 − u²)² for u < 1, else 0
    lead(x)  = (1 − b)·max(x) + b·Σx

d is the distance from the source's site, 0 on and inside it. Each contribution is computed in floats with
+ − × / and sqrt only, rounded once to a micro-point, floor(x + 0.5), and then added as a whole number; among equals
the source that stands first leads. So order, threads, machine and increments cannot matter, and an explanation,
which runs the same lines, always sums to the stored score. Sources and places stand in order of their codes.
"""

import math
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike

from riskmap.bins import Bins, bin_boxes, cell_of, window
from riskmap.compiled import kernel, over_spans
from riskmap.shapes import Floats, Ints, ShapeArrays, Shapes, squared_distance, to_mm

_FINEST_CELL_MM = 250_000.0


class Places(NamedTuple):
    """`n` places: `xy` (n, 2) mm, `people` milli-persons, `weight` v per mille (1000 = ordinary people)."""

    xy: Floats
    people: Ints
    weight: Ints

    @classmethod
    def of(cls, xy_m: ArrayLike, people: ArrayLike, weight: ArrayLike) -> "Places":
        """Places from positions in metres, milli-persons and weights per mille."""
        return cls(
            to_mm(xy_m).reshape(-1, 2),
            np.array(people, np.int64).reshape(-1),
            np.array(weight, np.int64).reshape(-1),
        )

    def take(self, index: ArrayLike) -> "Places":
        """The places at these positions."""
        index = np.asarray(index, np.int64)
        return Places(self.xy[index], self.people[index], self.weight[index])


@dataclass(frozen=True, eq=False)
class Hazards:
    """Sources as places feel them: site, hazard `points` H in micro-points, `reach` r in whole mm."""

    sites: Shapes
    points: Ints
    reach: Ints

    def take(self, index: ArrayLike) -> "Hazards":
        """The sources at these positions."""
        index = np.asarray(index, np.int64)
        return Hazards(self.sites.take(index), self.points[index], self.reach[index])

    def joined(self, other: "Hazards") -> "Hazards":
        """These sources and the others behind them."""
        points = np.concatenate([self.points, other.points])
        return Hazards(self.sites.joined(other.sites), points, np.concatenate([self.reach, other.reach]))


class Account(NamedTuple):
    """What adds to which place: entries `start[p] … start[p + 1]` belong to place p, by ascending source.

    `value` in micro-points, `distance` from the site in mm.
    """

    start: Ints
    source: Ints
    value: Ints
    distance: Ints


def place_scores(places: Places, hazards: Hazards, share_permille: int, *, threads: int = 0) -> Ints:
    """The score of every place in micro-points, for the whole city in one call."""
    scores = np.zeros(len(places.people), np.int64)
    reach, bins, room = _prepared(hazards)
    points, sites = hazards.points, hazards.sites.arrays
    over_spans(
        lambda lo, hi: _score_span(lo, hi, places, sites, points, reach, bins, room, share_permille, scores),
        len(scores),
        threads,
    )
    return scores


class Reached(NamedTuple):
    """Who is in reach of whom: entries `start[p] … start[p + 1]` belong to place p, by ascending source.

    `near2` is the squared distance from the source's site in mm², as the scores are computed from.
    """

    start: Ints
    source: Ints
    near2: Floats


def reached_places(places: Places, hazards: Hazards, *, threads: int = 0) -> Reached:
    """Every source in reach of every place."""
    reach, bins, room = _prepared(hazards)
    sites = hazards.sites.arrays
    spans = over_spans(
        lambda lo, hi: _reached_span(lo, hi, places, sites, reach, bins, room),
        len(places.people),
        threads,
    )
    count, source, near2 = (np.concatenate(column) for column in zip(*spans, strict=True))
    return Reached(_offsets(count), source, near2)


def place_account(places: Places, hazards: Hazards, share_permille: int, *, threads: int = 0) -> Account:
    """Every contribution to every place; those of a place sum to its `place_scores`. What rounds to 0 is left out."""
    reached = reached_places(places, hazards, threads=threads)
    value = np.zeros(len(reached.source), np.int64)
    points, reach = hazards.points, hazards.reach.astype(np.float64)
    over_spans(
        lambda lo, hi: _value_span(lo, hi, reached, places.weight, points, reach, share_permille, value),
        len(places.people),
        threads,
    )
    kept = value > 0
    distance = np.floor(np.sqrt(reached.near2[kept]) + 0.5).astype(np.int64)
    start = _offsets(kept.astype(np.int64))[reached.start]
    return Account(start, reached.source[kept], value[kept], distance)


class Exposed(NamedTuple):
    """Whom a source reaches: entries `start[s] … start[s + 1]` belong to source s, by ascending group.

    `weighted` is Σ people·k and `people` the plain sum, both in milli-persons.
    """

    start: Ints
    group: Ints
    weighted: Ints
    people: Ints


def exposed_people(
    sites: Shapes, reach: Ints, xy: Floats, people: Ints, group: Ints, *, threads: int = 0
) -> Exposed:
    """People around each source within its own reach (mm), by group, nearer ones weighing more: Σ people·k(d / r).

    `xy` (n, 2) mm and `people` milli-persons of places or targets; `group` counts from 0, −1 is a group as well
    (those outside every unit). Each part people·k is rounded once to a milli-person.
    """
    bins = bin_boxes(np.hstack([xy, xy]), _FINEST_CELL_MM / 2.0)
    order = bins.item
    at, counts, groups = xy[order], people[order], group[order] + 1
    n_groups = int(groups.max(initial=0)) + 1
    radius = reach.astype(np.float64)
    spans = over_spans(
        lambda lo, hi: _exposed_span(lo, hi, sites.arrays, radius, bins, at, counts, groups, n_groups),
        len(sites),
        threads,
    )
    count, found, weighted, plain = (np.concatenate(column) for column in zip(*spans, strict=True))
    owner = np.repeat(np.arange(len(sites)), count)
    by_group = np.argsort(owner * n_groups + found, kind="stable")
    return Exposed(_offsets(count), found[by_group] - 1, weighted[by_group], plain[by_group])


def _offsets(lengths: Ints) -> Ints:
    return np.concatenate([[0], np.cumsum(lengths)]).astype(np.int64)


def _prepared(hazards: Hazards) -> tuple[Floats, Bins, int]:
    """Reaches as floats, the sources binned by all that they reach, and the most of them in one cell."""
    reach = hazards.reach.astype(np.float64)
    box = hazards.sites.arrays.box + np.outer(reach, (-1.0, -1.0, 1.0, 1.0))
    bins = bin_boxes(box, _FINEST_CELL_MM)
    return reach, bins, int(np.diff(bins.start).max())


@kernel
def _reaching(
    x: float,
    y: float,
    sites: ShapeArrays,
    reach: Floats,
    bins: Bins,
    source: Ints,
    near2: Floats,
) -> int:
    """Fill the buffers with the sources that reach (x, y) and d²; returns how many there are.

    Each source of the cell is written and only counted where it reaches: no branch, half of which would be foretold
    wrongly, which takes longer than all the rest.
    """
    n = 0
    box = sites.box
    cell = cell_of(y, bins.y0, bins.cell, bins.ny) * bins.nx + cell_of(x, bins.x0, bins.cell, bins.nx)
    for k in range(bins.start[cell], bins.start[cell + 1]):
        s = bins.item[k]
        reach2 = reach[s] * reach[s]
        dx = max(box[s, 0] - x, x - box[s, 2], 0.0)
        dy = max(box[s, 1] - y, y - box[s, 3], 0.0)
        d2 = dx * dx + dy * dy
        if not (box[s, 0] == box[s, 2] and box[s, 1] == box[s, 3]) and d2 < reach2:
            d2 = max(squared_distance(x, y, sites, s), 0.0)
        source[n], near2[n] = s, d2
        n += d2 < reach2
    return n


@kernel
def pull_at(points: int, d2: float, reach2: float) -> float:
    """H·k of a source at a squared distance within its squared reach."""
    share = 1.0 - d2 / reach2
    return points * (share * share)


@kernel
def settle(n: int, pull: Floats, weight: int, share: int, value: Ints) -> int:
    """Turn the first `n` pulls into whole micro-points, the largest in full; returns their sum."""
    first = 0
    for k in range(1, n):
        if pull[k] > pull[first]:
            first = k
    total = 0
    for k in range(n):
        part = 1000 if k == first else share
        value[k] = math.floor(weight * part * pull[k] / 1e6 + 0.5)
        total += value[k]
    return total


@kernel
def _score_span(
    lo: int,
    hi: int,
    places: Places,
    sites: ShapeArrays,
    points: Ints,
    reach: Floats,
    bins: Bins,
    room: int,
    share: int,
    scores: Ints,
) -> None:
    source, value = np.empty(room, np.int64), np.empty(room, np.int64)
    pull, near2 = np.empty(room), np.empty(room)
    for p in range(lo, hi):
        n = _reaching(places.xy[p, 0], places.xy[p, 1], sites, reach, bins, source, near2)
        for k in range(n):
            s = source[k]
            pull[k] = pull_at(points[s], near2[k], reach[s] * reach[s])
        scores[p] = settle(n, pull, places.weight[p], share, value)


@kernel
def _longer(column: Ints, room: int) -> Ints:
    out = np.empty(room, np.int64)
    for k in range(len(column)):
        out[k] = column[k]
    return out


@kernel
def _value_span(
    lo: int, hi: int, reached: Reached, weight: Ints, points: Ints, reach: Floats, share: int, value: Ints
) -> None:
    """What each entry of places lo … hi adds to its place."""
    for p in range(lo, hi):
        start, end = reached.start[p], reached.start[p + 1]
        pull = np.empty(end - start)
        for k in range(start, end):
            s = reached.source[k]
            pull[k - start] = pull_at(points[s], reached.near2[k], reach[s] * reach[s])
        settle(end - start, pull, weight[p], share, value[start:end])


@kernel
def _reached_span(
    lo: int,
    hi: int,
    places: Places,
    sites: ShapeArrays,
    reach: Floats,
    bins: Bins,
    room: int,
) -> tuple[Ints, Ints, Floats]:
    """Counts per place and the entries of places lo … hi."""
    source, near2 = np.empty(room, np.int64), np.empty(room)
    sources, squares = np.empty(64, np.int64), np.empty(64)
    count = np.zeros(hi - lo, np.int64)
    end = 0
    for p in range(lo, hi):
        n = _reaching(places.xy[p, 0], places.xy[p, 1], sites, reach, bins, source, near2)
        if end + n > len(sources):
            longer = np.empty(2 * (end + n))
            longer[:end] = squares[:end]
            sources, squares = _longer(sources, 2 * (end + n)), longer
        sources[end : end + n], squares[end : end + n] = source[:n], near2[:n]
        end += n
        count[p - lo] = n
    return count, sources[:end].copy(), squares[:end].copy()


@kernel
def _exposed_span(
    lo: int,
    hi: int,
    sites: ShapeArrays,
    reach: Floats,
    bins: Bins,
    xy: Floats,
    people: Ints,
    group: Ints,
    n_groups: int,
) -> tuple[Ints, Ints, Ints, Ints]:
    """Counts per source and the entries of sources lo … hi; the points stand in the order of the bins."""
    weighted, plain = np.zeros(n_groups, np.int64), np.zeros(n_groups, np.int64)
    count = np.zeros(hi - lo, np.int64)
    groups, parts, sums = np.empty(64, np.int64), np.empty(64, np.int64), np.empty(64, np.int64)
    end = 0
    for s in range(lo, hi):
        if not math.isfinite(sites.box[s, 0]):
            continue
        r, r2 = reach[s], reach[s] * reach[s]
        west, south, east, north = sites.box[s, 0], sites.box[s, 1], sites.box[s, 2], sites.box[s, 3]
        left, right, bottom, top = window(bins, west - r, south - r, east + r, north + r)
        single = west == east and south == north
        begin = end
        for cy in range(bottom, top + 1):
            for k in range(bins.start[cy * bins.nx + left], bins.start[cy * bins.nx + right + 1]):
                x, y = xy[k, 0], xy[k, 1]
                dx, dy = max(west - x, x - east, 0.0), max(south - y, y - north, 0.0)
                d2 = dx * dx + dy * dy
                if d2 < r2 and not single:
                    d2 = max(squared_distance(x, y, sites, s), 0.0)
                share = 1.0 - d2 / r2
                part = math.floor(people[k] * (share * share) + 0.5) if share > 0.0 else 0
                if part == 0:
                    continue
                g = group[k]
                if weighted[g] == 0:
                    if end == len(groups):
                        groups, parts, sums = (
                            _longer(groups, 2 * end),
                            _longer(parts, 2 * end),
                            _longer(sums, 2 * end),
                        )
                    groups[end] = g
                    end += 1
                weighted[g] += part
                plain[g] += people[k]
        for k in range(begin, end):
            g = groups[k]
            parts[k], sums[k] = weighted[g], plain[g]
            weighted[g] = plain[g] = 0
        count[s - lo] = end - begin
    return count, groups[:end].copy(), parts[:end].copy(), sums[:end].copy()

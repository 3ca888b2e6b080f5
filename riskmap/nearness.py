"""Which sites of a city are near each other: distances of sites, pairs within reach.

A pair is linked where the larger of its two reaches covers the distance between the sites' boundaries (0 where they
touch). Distances are whole mm, rounded up, so that "within 200 m" is decided exactly. Nothing here depends on the
order of rows or on threads but the order of the pairs.
"""

import math
from typing import NamedTuple, TypeVar

import numpy as np

from riskmap.cells import Cells, met_elsewhere, rows_of_window, shared_labels, sort_cells
from riskmap.compiled import kernel, over_spans
from riskmap.orders import order_of, order_ties
from riskmap.shapes import POINT, Floats, Ints, Marks, ShapeArrays, Shapes, Shorts, Wholes, squared_distance

Numbers = TypeVar("Numbers", Shorts, Floats)

_NEVER2 = 2.0**80
MOST_KEYS = 2**15 - 1


class Links(NamedTuple):
    """Pairs of sites by their positions, `a` < `b`, with the distance between them in mm, in 32 bits each.

    A city has millions of pairs: they take half the memory so. Widen before positions are multiplied.
    """

    a: Shorts
    b: Shorts
    distance: Shorts

    @classmethod
    def of(cls, a: Wholes, b: Wholes, distance: Wholes) -> "Links":
        """Pairs by columns of any width."""
        return cls(*(column.astype(np.int32, copy=False) for column in (a, b, distance)))

    def renumbered(self, number: Ints) -> "Links":
        """The same pairs, each site by its `number`."""
        return Links.of(number[self.a], number[self.b], self.distance)

    def take(self, index: Wholes | Marks | slice) -> "Links":
        """The pairs at these positions (or marked so)."""
        return Links(self.a[index], self.b[index], self.distance[index])


NO_LINKS = Links(np.zeros(0, np.int32), np.zeros(0, np.int32), np.zeros(0, np.int32))


def joined(parts: list[Links]) -> Links:
    """Several lists of pairs as one."""
    parts = [one for one in parts if len(one.a)]
    if len(parts) == 1:
        return parts[0]
    return Links(*(np.concatenate(column) for column in zip(NO_LINKS, *parts, strict=True)))


class Family(NamedTuple):
    """Sites that one kind of link can join: those of the same `key` (0 … `MOST_KEYS`), each with its `reach` in mm.

    `reach` 0: the site can be reached, it reaches nothing.
    """

    sites: Shapes
    key: Ints
    reach: Ints


def links_within(family: Family) -> Links:
    """All linked pairs, each once, in order of their ends."""
    return in_order(links_named(family, len(family.sites), far_cells(family))[0], len(family.sites))


def links_named(family: Family, most: int, cells: Cells, *, threads: int = 0) -> tuple[Links, Ints]:
    """Linked pairs that a site names which reaches at most `most` others, and how many each site reaches.

    Each pair is told once; counting stops where it is more than `most`. `cells` as `far_cells` gives them.
    """
    n = len(family.sites)
    count = np.zeros(n, np.int64)
    scan = Scan.of(family, cells, np.arange(n), 0, int(family.reach.max(initial=0)))
    return scan.run(most, count, threads), count


def far_cells(family: Family) -> Cells:
    """Cells as wide as the family's longest reach."""
    return sort_cells(family.sites.arrays.box, family.key, int(family.reach.max(initial=0)))


def in_order(links: Links, n: int) -> Links:
    """Pairs among `n` sites, each once, in order of their ends."""
    order = order_of(links.a, n)
    order_ties(order, links.a[order], links.b, links.b)
    links = links.take(order)
    new = np.ones(len(order), np.bool_)
    new[1:] = (links.a[1:] != links.a[:-1]) | (links.b[1:] != links.b[:-1])
    return links if new.all() else links.take(new)


class Scan(NamedTuple):
    """One pass over the cells: pairs of different `label` farther apart than `low` and within `high` and reach.

    `even`: all sites of a key have one reach, so that each pair need be looked for from one end only.
    """

    sites: ShapeArrays
    reach: Ints
    cells: Cells
    box: Floats
    of_item: Ints
    of_cell: Ints
    order: Ints
    own_box: Floats
    own_key: Ints
    own_reach: Ints
    own_label: Ints
    even: bool
    low: int
    high: int

    @classmethod
    def of(cls, family: Family, cells: Cells, label: Ints, low: int, high: int) -> "Scan":
        """Prepare a pass; `label` tells what is joined already."""
        arrays = family.sites.arrays
        order = cells.item
        if not cells.alone:
            order = order[np.sort(np.unique(order, return_index=True)[1])]
        of_item, box = label[cells.item], np.take(arrays.box, cells.item, axis=0)
        return cls(
            sites=arrays,
            reach=family.reach,
            cells=cells,
            box=box,
            of_item=of_item,
            of_cell=shared_labels(of_item, cells.start),
            order=order,
            own_box=box if cells.alone else np.take(arrays.box, order, axis=0),
            own_key=family.key[order],
            own_reach=np.minimum(family.reach[order], high),
            own_label=of_item if cells.alone else label[order],
            even=cells.alone and bool(_is_even(family.key, family.reach)),
            low=low,
            high=high,
        )

    def run(self, most: int, count: Ints, threads: int = 0) -> Links:
        """The pairs, each once, and in `count` how many sites each one named.

        With `most` a site names all that it reaches, and none where these are more.
        """
        spans = over_spans(lambda lo, hi: _scan_span(lo, hi, self, most, count), len(self.order), threads)
        return joined([Links(*_once(*span, count, self.reach, most)) for span in spans])


def distances_of(sites: Shapes, a: Wholes, b: Wholes) -> Ints:
    """The distance in mm of each pair of sites."""
    out = np.empty(len(a), np.int64)
    over_spans(lambda lo, hi: _distances_span(lo, hi, sites.arrays, a, b, out), len(a))
    return out


@kernel
def rounded_up(distance2: float) -> int:
    """The least whole number whose square is not smaller."""
    w = math.ceil(math.sqrt(distance2))
    while float(w) * float(w) < distance2:
        w += 1
    while w > 0 and float(w - 1) * float(w - 1) >= distance2:
        w -= 1
    return w


@kernel
def _all_rounded_up(distance2: Floats) -> Shorts:
    out = np.empty(len(distance2), np.int32)
    for k in range(len(out)):
        out[k] = rounded_up(distance2[k])
    return out


@kernel
def _crosses(ax: float, ay: float, bx: float, by: float, cx: float, cy: float, dx: float, dy: float) -> bool:
    """Whether two segments cross in the inside of both."""
    one = (bx - ax) * (cy - ay) - (by - ay) * (cx - ax)
    two = (bx - ax) * (dy - ay) - (by - ay) * (dx - ax)
    three = (dx - cx) * (ay - cy) - (dy - cy) * (ax - cx)
    four = (dx - cx) * (by - cy) - (dy - cy) * (bx - cx)
    return (one > 0.0) != (two > 0.0) and (three > 0.0) != (four > 0.0) and one != 0.0 and two != 0.0


@kernel
def _cross(sites: ShapeArrays, a: int, b: int) -> bool:
    """Whether a line or a border of one site crosses one of the other."""
    for p in range(sites.shape_start[a], sites.shape_start[a + 1]):
        for q in range(sites.shape_start[b], sites.shape_start[b + 1]):
            if sites.part_kind[p] == POINT or sites.part_kind[q] == POINT:
                continue
            for i in range(sites.part_start[p], sites.part_start[p + 1] - 1):
                for j in range(sites.part_start[q], sites.part_start[q + 1] - 1):
                    if _crosses(
                        *(sites.xy[i, 0], sites.xy[i, 1], sites.xy[i + 1, 0], sites.xy[i + 1, 1]),
                        *(sites.xy[j, 0], sites.xy[j, 1], sites.xy[j + 1, 0], sites.xy[j + 1, 1]),
                    ):
                        return True
    return False


@kernel
def site_distance2(sites: ShapeArrays, a: int, b: int) -> float:
    """Squared distance in mm² between two sites; 0 where they touch, cross or one lies in the other."""
    best = np.inf
    for s, t in ((a, b), (b, a)):
        first, last = sites.part_start[sites.shape_start[s]], sites.part_start[sites.shape_start[s + 1]]
        for i in range(first, last):
            best = min(best, squared_distance(sites.xy[i, 0], sites.xy[i, 1], sites, t))
            if best <= 0.0:
                return 0.0
    return 0.0 if _cross(sites, a, b) else best


@kernel
def _distances_span(lo: int, hi: int, sites: ShapeArrays, a: Wholes, b: Wholes, out: Ints) -> None:
    for k in range(lo, hi):
        out[k] = rounded_up(site_distance2(sites, a[k], b[k]))


@kernel
def _grown(column: Numbers) -> Numbers:
    out = np.empty(2 * len(column), column.dtype)
    out[: len(column)] = column
    return out


@kernel
def _scan_span(lo: int, hi: int, scan: Scan, most: int, count: Ints) -> tuple[Shorts, Shorts, Shorts]:
    """The pairs of the sites at `order[lo:hi]`: first the one that names, then the one named.

    What runs for every site or pair is written out on plain arrays: handing the whole pass to a function costs more
    than a distance. Lengths are compared by their squares, and become whole mm for the pairs that are kept.
    """
    room = 64 + 2 * (hi - lo)
    a, b, w2 = np.empty(room, np.int32), np.empty(room, np.int32), np.empty(room)
    window, ranges = np.full(5, -1, np.int64), np.zeros((_most_rows(scan, lo, hi), 2), np.int64)
    box, of_item, of_cell, start = scan.box, scan.of_item, scan.of_cell, scan.cells.start
    own_box, own_reach, own_key, own_label = scan.own_box, scan.own_reach, scan.own_key, scan.own_label
    order, item, number, reach = scan.order, scan.cells.item, scan.cells.number, scan.reach
    x0, y0, cell, alone = scan.cells.x0, scan.cells.y0, scan.cells.cell, scan.cells.alone
    ahead_only, end, low, quiet = scan.even and most == 0, 0, scan.low, -1
    low2 = float(low) * float(low) if low > 0 else -1.0
    for t in range(lo, hi):
        r = own_reach[t]
        if r <= 0 or r < low:
            continue
        west, south, east, north = own_box[t, 0], own_box[t, 1], own_box[t, 2], own_box[t, 3]
        left, right = max(0, math.floor((west - r - x0) / cell)), math.floor((east + r - x0) / cell)
        bottom = max(0, math.floor((south - (0 if ahead_only else r) - y0) / cell))
        top = math.floor((north + r - y0) / cell)
        is_new = left != window[0] or right != window[1] or bottom != window[2] or top != window[3]
        if is_new or own_key[t] != window[4]:
            window[0], window[1], window[2], window[3], window[4] = left, right, bottom, top, own_key[t]
            quiet = rows_of_window(number, of_cell, window, ranges)
        label = own_label[t]
        if quiet == label:
            continue
        p, begin, named, r2, first = order[t], end, 0, float(r) * float(r), t + 1 if ahead_only else 0
        is_point = west == east and south == north
        for row in range(top - bottom + 1):
            for c in range(ranges[row, 0], ranges[row, 1]):
                if of_cell[c] == label or (most and named > most):
                    continue
                for k in range(max(first, start[c]), start[c + 1]):
                    dx = max(west - box[k, 2], box[k, 0] - east, 0.0)
                    dy = max(south - box[k, 3], box[k, 1] - north, 0.0)
                    gap2 = dx * dx + dy * dy
                    if (
                        gap2 > r2
                        or of_item[k] == label
                        or (not alone and met_elsewhere(box, k, number[c], left, bottom, x0, y0, cell))
                    ):
                        continue
                    q = item[k]
                    points = is_point and box[k, 0] == box[k, 2] and box[k, 1] == box[k, 3]
                    gap2 = gap2 if points else min(site_distance2(scan.sites, p, q), _NEVER2)
                    if not low2 < gap2 <= r2 or (
                        q < p
                        and most == 0
                        and not ahead_only
                        and reach[q] > 0
                        and gap2 <= float(reach[q]) ** 2
                    ):
                        continue
                    named += 1
                    if end == len(a):
                        a, b, w2 = _grown(a), _grown(b), _grown(w2)
                    a[end], b[end], w2[end] = p, q, gap2
                    end += 1
        count[p] = named
        end = begin if most and named > most else end
    return a[:end].copy(), b[:end].copy(), _all_rounded_up(w2[:end])


@kernel
def _once(
    a: Shorts, b: Shorts, distance: Shorts, count: Ints, reach: Ints, most: int
) -> tuple[Shorts, Shorts, Shorts]:
    """The pairs with their ends in order, without those that are named from the other end as well."""
    n = 0
    for k in range(len(a)):
        p, q = a[k], b[k]
        if p < q or most == 0 or count[q] > most or reach[q] <= 0 or reach[q] < distance[k]:
            a[n], b[n], distance[n] = min(p, q), max(p, q), distance[k]
            n += 1
    return a[:n], b[:n], distance[:n]


@kernel
def _is_even(key: Ints, reach: Ints) -> bool:
    """Whether all sites of a key have one reach."""
    known = np.full(MOST_KEYS + 1, -1, np.int64)
    for i in range(len(key)):
        if known[key[i]] >= 0 and known[key[i]] != reach[i]:
            return False
        known[key[i]] = reach[i]
    return True


@kernel
def _most_rows(scan: Scan, lo: int, hi: int) -> int:
    """How many rows of cells the windows of these sites have at most."""
    rows = 1
    for t in range(lo, hi):
        height = scan.own_box[t, 3] - scan.own_box[t, 1] + 2.0 * scan.own_reach[t]
        rows = max(rows, int(height / scan.cells.cell) + 3)
    return rows

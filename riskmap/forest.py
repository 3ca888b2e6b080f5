"""The minimum spanning forest of linked sites, without a list of all pairs.

Kruskal's rule by bands of distance: the pairs of one band are looked for only between sites that shorter links have
not joined yet, so a crowd costs no more than its forest. The order is total (distance in mm, then both positions):
there is one forest, whatever the order of rows, the bands or the threads.
"""

import math

import numpy as np

from riskmap.cells import Cells, sort_cells
from riskmap.compiled import kernel
from riskmap.nearness import NO_LINKS, Family, Links, Scan, joined
from riskmap.orders import order_of, order_ties
from riskmap.shapes import Floats, Ints, Shorts, Wholes

_PAIRS_PER_SITE = 32
"""so many candidates a site may bring in the first band"""


def spanning_forest(
    family: Family, held: Links = NO_LINKS, among: Ints | None = None, *, threads: int = 0
) -> Links:
    """The forest of the pairs `held` and of all linked pairs of the sites `among` (all, if not told), by distance."""
    n = len(family.sites)
    among = np.arange(n) if among is None else among
    parent = np.arange(n)
    found = [_kept(parent, _same_spots(family))]
    low = -1
    for high, known in _bands(family, among):
        label, cells = roots(parent), known or _cells(family, among, high)
        pairs = Scan.of(family, cells, label, max(low, 0), high).run(0, np.zeros(n, np.int64), threads)
        found.append(_kept(parent, joined([pairs, held.take(_between(held, label, low, high))])))
        low = high
    found.append(_kept(parent, held.take(held.distance > low)))
    return joined(found)


def by_strength(links: Links, some: Shorts) -> Shorts:
    """The positions `some` of the links, those of the shortest first, then by their ends."""
    distance = links.distance[some]
    order = order_of(distance, int(distance.max(initial=0)))
    found = some[order]
    order_ties(found, distance[order], links.a, links.b)
    return found


def shortest_first(links: Links) -> Links:
    """The links in order of distance, then of their ends."""
    return links.take(by_strength(links, np.arange(len(links.a), dtype=np.int32)))


def _kept(parent: Ints, links: Links) -> Links:
    """Join what the links join, the shortest first; returns those that joined something."""
    links = shortest_first(links)
    return links.take(join_all(parent, links.a, links.b))


def _cells(family: Family, among: Ints, width_mm: int) -> Cells:
    """The sites `among` in cells at least so wide."""
    cells = sort_cells(np.take(family.sites.arrays.box, among, axis=0), family.key[among], width_mm)
    return cells._replace(item=among[cells.item])


def _bands(family: Family, among: Ints) -> list[tuple[int, Cells | None]]:
    """Upper ends of the bands, doubling up to the longest reach; the first is so narrow that its pairs are few."""
    far = int(family.reach.max(initial=0))
    if far <= 0 or not len(among):
        return []
    reaches = (family.reach > 0).astype(np.int64)
    high, most = far, _PAIRS_PER_SITE * len(among)
    far_off = cells = _cells(family, among, far)
    while high > 1 and cells.cell <= 2 * high:
        reaching = np.add.reduceat(reaches[cells.item], cells.start[:-1])
        pairs = 9 * int((np.diff(cells.start) * reaching).sum())
        if pairs <= most:
            break
        # as many as there would be if sites lay evenly, but at least a step
        high = max(1, min(high // 2, int(high * math.sqrt(most / pairs))))
        cells = _cells(family, among, high)
    bands: list[tuple[int, Cells | None]] = [(high, cells)]
    while high < far:
        high = min(far, 2 * high)
        bands.append((high, far_off if high == far else None))
    return bands


@kernel
def _between(links: Links, label: Ints, low: int, high: int) -> Ints:
    """Positions of the links of sites of different label that are longer than `low` and no longer than `high`."""
    out, n = np.empty(len(links.a), np.int64), 0
    for k in range(len(out)):
        if low < links.distance[k] <= high and label[links.a[k]] != label[links.b[k]]:
            out[n] = k
            n += 1
    return out[:n].copy()


def _same_spots(family: Family) -> Links:
    """Sites of one key at one point, each with the first of them, where all reach: their shortest links are these."""
    box, key = family.sites.arrays.box, family.key
    index = _met_twice(box, key)
    index = index[np.argsort(box[index, 0])]
    same = np.diff(box[index, 0]) == 0
    index = index[np.append(same, False) | np.append(False, same)] if len(index) else index
    index = index[np.lexsort((index, key[index], box[index, 1], box[index, 0]))]
    if not len(index):
        return NO_LINKS
    new = np.ones(len(index), np.bool_)
    new[1:] = (np.diff(box[index, :2], axis=0) != 0).any(axis=1) | (np.diff(key[index]) != 0)
    spot = np.cumsum(new) - 1
    reaching = np.minimum.reduceat(family.reach[index], np.flatnonzero(new)) > 0
    later = ~new & reaching[spot]
    return Links.of(index[new][spot][later], index[later], np.zeros(int(later.sum()), np.int32))


@kernel
def _met_twice(box: Floats, key: Ints) -> Ints:
    """The sites of one point that may have another of their key at it: all that do, and a few more."""
    slots = 4
    while slots < 4 * len(box):
        slots *= 2
    met, slot = np.zeros(slots, np.int8), np.full(len(box), -1, np.int64)
    for i in range(len(box)):
        if box[i, 0] == box[i, 2] and box[i, 1] == box[i, 3]:
            mixed = (int(box[i, 0]) * 1_000_003 + int(box[i, 1])) * 1_000_003 + key[i]
            slot[i] = (mixed ^ (mixed >> 21)) & (slots - 1)
            met[slot[i]] = min(met[slot[i]] + 1, 2)
    return np.flatnonzero((slot >= 0) & (met[slot] == 2))


@kernel
def root(parent: Ints, i: int) -> int:
    """The first site of all that `i` is joined with."""
    while parent[i] != i:
        parent[i] = parent[parent[i]]
        i = parent[i]
    return i


@kernel
def roots(parent: Ints) -> Ints:
    """The first site of all that each site is joined with."""
    out = np.empty(len(parent), np.int64)
    for i in range(len(parent)):
        out[i] = root(parent, i)
    return out


@kernel
def join(parent: Ints, a: int, b: int) -> bool:
    """Join two sites; False where they were joined already."""
    a, b = root(parent, a), root(parent, b)
    if a == b:
        return False
    parent[max(a, b)] = min(a, b)
    return True


@kernel
def join_all(parent: Ints, a: Wholes, b: Wholes) -> Ints:
    """Join all pairs in their order; positions of those that joined something."""
    out = np.empty(len(a), np.int64)
    n = 0
    for k in range(len(a)):
        if join(parent, a[k], b[k]):
            out[n] = k
            n += 1
    return out[:n].copy()

"""Regions that grow over the mosaic's cells from seeds, each cell to the seed it is cheapest to reach from.

Every region is connected, because a cell is only ever reached through cells of its own region.
"""

import heapq

import numpy as np

from jobs.demo_inputs import Floats, Ints

Neighbours = list[list[tuple[int, float]]]


def neighbours(pairs: Ints, cost: Floats, count: int) -> Neighbours:
    """For each of `count` cells its neighbours and the cost of going there; pairs (m, 2), cost (m,)."""
    lists: Neighbours = [[] for _ in range(count)]
    for (first, second), price in zip(pairs.tolist(), cost.tolist(), strict=True):
        lists[first].append((second, price))
        lists[second].append((first, price))
    return lists


def grow(near: Neighbours, seeds: Ints, labels: Ints, handicap: Floats | None = None) -> Ints:
    """Label of every cell: that of the cheapest seed; −1 where no path leads.

    Seeds and labels (k,); a handicap (k,) is the cost at which a seed starts.
    """
    label = [-1] * len(near)
    start = np.zeros(len(seeds)) if handicap is None else handicap
    queue = list(zip(start.tolist(), seeds.tolist(), labels.tolist(), strict=True))
    heapq.heapify(queue)
    while queue:
        cost, cell, own = heapq.heappop(queue)
        if label[cell] >= 0:
            continue
        label[cell] = own
        for other, price in near[cell]:
            if label[other] < 0:
                heapq.heappush(queue, (cost + price, other, own))
    return np.array(label, dtype=np.int64)


def recentred(
    label: Ints, xy: Floats, may_seed: np.ndarray[tuple[int], np.dtype[np.bool_]], count: int
) -> Ints:
    """For each of `count` regions the cell that may be a seed and lies nearest the middle of such cells.

    Every region has at least one such cell: the seed it grew from.
    """
    cells = np.flatnonzero(may_seed & (label >= 0))
    own = label[cells]
    number = np.bincount(own, minlength=count)
    middle = np.column_stack([np.bincount(own, xy[cells, axis], count) for axis in (0, 1)]) / number[:, None]
    distance = np.hypot(*(xy[cells] - middle[own]).T)
    order = np.lexsort((cells, distance, own))
    first = np.searchsorted(own[order], np.arange(count))
    return cells[order][first]

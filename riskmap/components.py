"""What hangs together, and nothing else: no list of pairs, no forest, no distances.

Where sites are points of one reach, a cell is so small that all in it are within reach of each other. Then cells are
joined, not sites: two of them at most once, by the first pair found, and not at all where they hang together already.
"""

import math
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor

import numpy as np

from riskmap.compiled import kernel
from riskmap.forest import join, join_all, root, roots, spanning_forest
from riskmap.nearness import Family
from riskmap.orders import order_of
from riskmap.shapes import Floats, Ints, Wholes

_AROUND = 2
"""so many columns and rows off there may be sites within reach"""
_MOST_CELLS = 2**62


def components_of(n: int, families: Sequence[tuple[Ints, Family]], *, threads: int = 0) -> Ints:
    """The first of `n` sites that each one hangs together with, by the links of all these families together.

    Beside each family stand the positions of its sites among all.
    """
    parent = np.arange(n)
    with ThreadPoolExecutor(threads or len(families) or 1) as pool:
        for index, (one, other) in zip(
            (index for index, _ in families),
            pool.map(_joins, (family for _, family in families)),
            strict=True,
        ):
            join_all(parent, index[one], index[other])
    return roots(parent)


def _joins(family: Family) -> tuple[Wholes, Wholes]:
    """Pairs of sites that join what hangs together in one family."""
    box, reach = family.sites.arrays.box, family.reach
    if not len(reach) or not reach.any():
        return np.zeros(0, np.int64), np.zeros(0, np.int64)
    if (reach != reach[0]).any() or (box[:, :2] != box[:, 2:]).any():
        forest = spanning_forest(family)
        return forest.a, forest.b
    r = int(reach[0])
    side = math.isqrt(r * r // 2) + 1
    low = box[:, :2].min(axis=0)
    columns, rows = (int(v) for v in (box[:, :2].max(axis=0) - low) // side + 2 * _AROUND + 1)
    most = (int(family.key.max()) + 1) * rows * columns
    if most > _MOST_CELLS:
        forest = spanning_forest(family)
        return forest.a, forest.b
    number = _cell_numbers(box, family.key, low, side, columns, rows)
    order = order_of(number, most)
    return order, order[_first_joined(number[order], box[order, :2], float(r) * float(r), columns)]


@kernel
def _cell_numbers(box: Floats, key: Ints, low: Floats, side: float, columns: int, rows: int) -> Ints:
    """The cell of each site: by key, row and column, none at the rim, so that a cell's neighbours are numbers too."""
    number = np.empty(len(box), np.int64)
    for i in range(len(box)):
        column = math.floor((box[i, 0] - low[0]) / side) + _AROUND
        row = math.floor((box[i, 1] - low[1]) / side) + _AROUND
        number[i] = (key[i] * rows + row) * columns + column
    return number


@kernel
def _first_joined(number: Ints, xy: Floats, reach2: float, columns: int) -> Ints:
    """Of sites in order of their cells: the place of the first one that each hangs together with."""
    start = _starts(number)
    cells = len(start) - 1
    box = _extents(start, xy)
    parent, ahead = np.arange(cells), np.zeros(_AROUND + 1, np.int64)
    for c in range(cells):
        own, here = c, number[start[c]]
        for up in range(_AROUND + 1):
            # a cell at the corner of the block is too far off; below and left of its own, a cell was met before
            aside = _AROUND - 1 if up == _AROUND else _AROUND
            first = here + 1 if up == 0 else here + up * columns - aside
            d = ahead[up]
            while d < cells and number[start[d]] < first:
                d += 1
            ahead[up] = d
            while d < cells and number[start[d]] <= here + up * columns + aside:
                own = root(parent, own)
                if root(parent, d) != own and _within(start, xy, box, c, d, reach2):
                    join(parent, own, d)
                d += 1
    out = np.empty(len(number), np.int64)
    for c in range(cells):
        out[start[c] : start[c + 1]] = start[root(parent, c)]
    return out


@kernel
def _starts(number: Ints) -> Ints:
    """Where each cell begins, and where the last one ends."""
    start, cells = np.empty(len(number) + 1, np.int64), 0
    for k in range(len(number)):
        if k == 0 or number[k] != number[k - 1]:
            start[cells] = k
            cells += 1
    start[cells] = len(number)
    return start[: cells + 1].copy()


@kernel
def _extents(start: Ints, xy: Floats) -> Floats:
    box = np.empty((len(start) - 1, 4))
    for c in range(len(box)):
        box[c, 0], box[c, 1], box[c, 2], box[c, 3] = np.inf, np.inf, -np.inf, -np.inf
        for k in range(start[c], start[c + 1]):
            box[c, 0], box[c, 2] = min(box[c, 0], xy[k, 0]), max(box[c, 2], xy[k, 0])
            box[c, 1], box[c, 3] = min(box[c, 1], xy[k, 1]), max(box[c, 3], xy[k, 1])
    return box


@kernel
def _within(start: Ints, xy: Floats, box: Floats, c: int, d: int, reach2: float) -> bool:
    """Whether a site of one cell is within reach of one of another; those too far from all of it are passed over."""
    for i in range(start[c], start[c + 1]):
        x, y = xy[i, 0], xy[i, 1]
        beside = max(box[d, 0] - x, x - box[d, 2], 0.0)
        above = max(box[d, 1] - y, y - box[d, 3], 0.0)
        if beside * beside + above * above > reach2:
            continue
        for k in range(start[d], start[d + 1]):
            if (x - xy[k, 0]) ** 2 + (y - xy[k, 1]) ** 2 <= reach2:
                return True
    return False

"""Cells that hold at any scale: sites in order of the cells that their boxes touch, each key for itself."""

import math
from typing import NamedTuple

import numpy as np

from riskmap.compiled import kernel
from riskmap.orders import order_of
from riskmap.shapes import Floats, Ints

_CELLS_ACROSS = 2**23
_ROW, _KEY = 2**24, 2**48
"""What a row and a key count in a cell's number: columns and rows stay below `_CELLS_ACROSS`, keys below 32768"""


class Cells(NamedTuple):
    """Occupied cells in ascending order of their number; cell c holds `item[start[c] : start[c + 1]]`.

    A site stands in every cell that its box touches. `alone`: every site stands in one cell only.
    """

    number: Ints
    start: Ints
    item: Ints
    x0: float
    y0: float
    cell: float
    alone: bool


def sort_cells(box: Floats, key: Ints, cell_mm: float) -> Cells:
    """Sort boxes (n, 4), none empty, into cells of at least `cell_mm`, each key for itself.

    Cells are no smaller than the boxes' root mean square size, which keeps the number of entries in proportion.
    """
    if not len(box):
        return Cells(np.zeros(0, np.int64), np.zeros(1, np.int64), np.zeros(0, np.int64), 0.0, 0.0, 1.0, True)
    x0, y0, extent, mean2 = _extent(box)
    cell = max(float(cell_mm), math.sqrt(mean2), extent / _CELLS_ACROSS, 1.0)
    columns, rows, alone = _places(box, x0, y0, cell)
    item, keys = np.arange(len(box)), key
    if alone:
        columns, rows = columns[:, 0], rows[:, 0]
    else:
        wide = columns[:, 1] - columns[:, 0] + 1
        count = wide * (rows[:, 1] - rows[:, 0] + 1)
        item = np.repeat(item, count)
        nth = np.arange(len(item)) - np.repeat(np.cumsum(count) - count, count)
        columns, rows = columns[item, 0] + nth % wide[item], rows[item, 0] + nth // wide[item]
        keys = key[item]
    across, high = int(columns.max()) + 1, int(rows.max()) + 1
    order = order_of((keys * high + rows) * across + columns, (int(key.max()) + 1) * high * across)
    number, start = _runs((keys * _KEY + rows * _ROW + columns)[order])
    return Cells(number, start, item[order], x0, y0, cell, alone)


@kernel
def _runs(entries: Ints) -> tuple[Ints, Ints]:
    """Numbers in ascending order, each once, where each one begins and where the last one ends."""
    number, start, n = np.empty(len(entries), np.int64), np.empty(len(entries) + 1, np.int64), 0
    for k in range(len(entries)):
        if n == 0 or number[n - 1] != entries[k]:
            number[n], start[n] = entries[k], k
            n += 1
    start[n] = len(entries)
    return number[:n].copy(), start[: n + 1].copy()


@kernel
def _extent(box: Floats) -> tuple[float, float, float, float]:
    """The least x and y of boxes, how far they go from there, and their mean square size."""
    x0, y0, x1, y1, size2 = np.inf, np.inf, -np.inf, -np.inf, 0.0
    for i in range(len(box)):
        x0, y0 = min(x0, box[i, 0]), min(y0, box[i, 1])
        x1, y1 = max(x1, box[i, 2]), max(y1, box[i, 3])
        size2 += (box[i, 2] - box[i, 0]) ** 2 + (box[i, 3] - box[i, 1]) ** 2
    return x0, y0, max(x1 - x0, y1 - y0), size2 / len(box)


@kernel
def _places(box: Floats, x0: float, y0: float, cell: float) -> tuple[Ints, Ints, bool]:
    """The first and last column and row of cells that each box touches, and whether these are always the same."""
    columns, rows, alone = np.empty((len(box), 2), np.int64), np.empty((len(box), 2), np.int64), True
    for i in range(len(box)):
        for end in range(2):
            columns[i, end] = math.floor((box[i, 2 * end] - x0) / cell)
            rows[i, end] = math.floor((box[i, 2 * end + 1] - y0) / cell)
        alone = alone and columns[i, 0] == columns[i, 1] and rows[i, 0] == rows[i, 1]
    return columns, rows, alone


@kernel
def _cell_from(number: Ints, value: int, hint: int) -> int:
    """The first cell whose number is not below `value`; quick where it is a little after `hint`."""
    lo, step = 0, 1
    hi = min(hint, len(number))
    while hi < len(number) and number[hi] < value:
        lo = hi + 1
        hi = min(len(number), hi + step)
        step *= 2
    while lo < hi:
        middle = (lo + hi) // 2
        if number[middle] < value:
            lo = middle + 1
        else:
            hi = middle
    return lo


@kernel
def met_elsewhere(
    box: Floats, k: int, number: int, left: int, bottom: int, x0: float, y0: float, cell: float
) -> bool:
    """Whether entry `k` was met in an earlier cell than `number` of a window that begins at `left`, `bottom`."""
    first_column = max(left, math.floor((box[k, 0] - x0) / cell))
    first_row = max(bottom, math.floor((box[k, 1] - y0) / cell))
    return bool(number % _ROW != first_column or number // _ROW % _ROW != first_row)


@kernel
def rows_of_window(number: Ints, of_cell: Ints, window: Ints, ranges: Ints) -> int:
    """Set the cells of a window (left, right, bottom, top, key) row by row; the label of all of them, else −1."""
    label, mixed, empty = -1, False, True
    for row in range(window[2], window[3] + 1):
        base = window[4] * _KEY + row * _ROW
        at = row - window[2]
        first = _cell_from(number, base + window[0], ranges[at, 0])
        last = first
        while last < len(number) and number[last] <= base + window[1]:
            if empty:
                label, empty = of_cell[last], False
            mixed = mixed or of_cell[last] != label
            last += 1
        ranges[at, 0], ranges[at, 1] = first, last
    return -1 if mixed else label


@kernel
def shared_labels(of_item: Ints, start: Ints) -> Ints:
    """The label that all entries of a cell have, else −1."""
    out = np.empty(len(start) - 1, np.int64)
    for c in range(len(out)):
        out[c] = of_item[start[c]]
        for k in range(start[c] + 1, start[c + 1]):
            if of_item[k] != out[c]:
                out[c] = -1
    return out

"""Boxes sorted into the cells of a plane grid, so that a kernel looks only at its neighbourhood."""

import math
from typing import NamedTuple

import numpy as np

from riskmap.compiled import kernel
from riskmap.shapes import Floats, Ints

_CELLS_AT_LEAST = 1 << 16
_CELLS_PER_BOX = 4
_CELLS_ACROSS_BOX = 6.0


class Bins(NamedTuple):
    """Cell (cx, cy) holds `item[start[cy * nx + cx] : start[cy * nx + cx + 1]]`, in ascending order.

    A box stands in every cell that it touches. Lengths in mm.
    """

    start: Ints
    item: Ints
    x0: float
    y0: float
    cell: float
    nx: int
    ny: int


def bin_boxes(box: Floats, cell_mm: float) -> Bins:
    """Sort boxes (n, 4) into cells of at least `cell_mm`; empty boxes (inf) stand nowhere.

    Cells are no finer than a part of the mean box, so that none stands in very many, and grow until their number
    is in keeping with that of the boxes: a stray record far away costs no memory.
    """
    real = box[np.isfinite(box).all(axis=1)]
    if not len(real):
        return Bins(np.zeros(2, np.int64), np.zeros(0, np.int64), 0.0, 0.0, float(cell_mm), 1, 1)
    x0, y0 = (float(v) for v in real[:, :2].min(axis=0))
    width, height = (float(v) for v in real[:, 2:].max(axis=0) - (x0, y0))
    cell = max(float(cell_mm), float((real[:, 2:] - real[:, :2]).mean()) / _CELLS_ACROSS_BOX)
    most = max(_CELLS_AT_LEAST, _CELLS_PER_BOX * len(real))
    while (width // cell + 1) * (height // cell + 1) > most:
        cell *= 1.5
    nx, ny = int(width // cell) + 1, int(height // cell) + 1
    start, item = _binned(np.ascontiguousarray(box), x0, y0, cell, nx, ny)
    return Bins(start, item, x0, y0, cell, nx, ny)


@kernel
def cell_of(value: float, origin: float, cell: float, n: int) -> int:
    """The row or column that a coordinate falls in, held to 0 … n - 1."""
    return max(0, min(n - 1, math.floor((value - origin) / cell)))


@kernel
def window(bins: Bins, west: float, south: float, east: float, north: float) -> tuple[int, int, int, int]:
    """First and last column, first and last row of the cells that a rectangle touches."""
    return (
        cell_of(west, bins.x0, bins.cell, bins.nx),
        cell_of(east, bins.x0, bins.cell, bins.nx),
        cell_of(south, bins.y0, bins.cell, bins.ny),
        cell_of(north, bins.y0, bins.cell, bins.ny),
    )


@kernel
def is_first_cell(bins: Bins, box: Floats, b: int, cx: int, cy: int, left: int, bottom: int) -> bool:
    """Whether this is the first of a window's cells that box `b` stands in: where it is to be counted."""
    return (
        max(left, cell_of(box[b, 0], bins.x0, bins.cell, bins.nx)) == cx
        and max(bottom, cell_of(box[b, 1], bins.y0, bins.cell, bins.ny)) == cy
    )


@kernel
def _binned(box: Floats, x0: float, y0: float, cell: float, nx: int, ny: int) -> tuple[Ints, Ints]:
    """Offsets and items of the cells, by counting first and filling afterwards."""
    start = np.zeros(nx * ny + 1, np.int64)
    item = np.zeros(0, np.int64)
    for filling in range(2):
        for b in range(len(box)):
            if not math.isfinite(box[b, 0]):
                continue
            left, right = cell_of(box[b, 0], x0, cell, nx), cell_of(box[b, 2], x0, cell, nx)
            for cy in range(cell_of(box[b, 1], y0, cell, ny), cell_of(box[b, 3], y0, cell, ny) + 1):
                for c in range(cy * nx + left, cy * nx + right + 1):
                    if filling:
                        item[start[c]] = b
                        start[c] += 1
                    else:
                        start[c + 1] += 1
        if filling == 0:
            for c in range(nx * ny):
                start[c + 1] += start[c]
            item = np.empty(start[nx * ny], np.int64)
    for c in range(nx * ny, 0, -1):
        start[c] = start[c - 1]
    start[0] = 0
    return start, item

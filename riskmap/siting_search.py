"""The whole city at once: distances from every cell of a grid to the nearest of many shapes, and the worst rule of each cell.

A cell is its middle. Distances are whole mm and mean what they mean for one site, so a cell's verdict is that of a proposal
drawn as its middle.
"""

import math
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from riskmap.bins import Bins, bin_boxes
from riskmap.compiled import kernel, over_spans
from riskmap.shapes import POINT, SHELL, Bytes, Floats, Ints, Marks, ShapeArrays, Shapes, segment_distance2
from riskmap.shapes import squared_distance as squared_mm
from riskmap.siting_distances import NOWHERE

_BIN_MM = 250_000.0
_BINS_OF_REACH = 10.0


class Grid(NamedTuple):
    """A regular grid's cells that count: `x`, `y` their middles in mm; `at[row * columns + column]` their position or −1."""

    x: Floats
    y: Floats
    x0: float
    y0: float
    step_mm: int
    columns: int
    rows: int
    at: Ints

    @classmethod
    def of(cls, west: float, south: float, step_mm: int, keep: Marks) -> "Grid":
        """The cells to keep (rows, columns) of a grid whose first middle stands at `west`, `south`, in mm."""
        rows, columns = keep.shape
        row, column = np.nonzero(keep)
        at = np.full(keep.shape, -1, np.int64)
        at[row, column] = np.arange(len(row))
        x: Floats = west + column.astype(np.float64) * step_mm
        y: Floats = south + row.astype(np.float64) * step_mm
        return cls(x, y, west, south, step_mm, columns, rows, at.ravel())


class Painted(NamedTuple):
    """A ring about one shape: from `low` to below `high` mm of it a rule says `severity`, with this limit (−1: none)."""

    shape: int
    low: int
    high: int
    severity: int
    limit: int


class Worst:
    """The worst that any rule says of each cell, the rule that says it, and by how much (mm; −inf where no margin is)."""

    def __init__(self, n: int) -> None:
        self.severity = np.zeros(n, np.int8)
        self.margin = np.full(n, np.inf)
        self.rule = np.full(n, -1, np.int64)

    def say(self, rule: int, severity: Bytes, margin: Floats) -> None:
        """One rule's word for every cell; rules speak in order, an equal one later changes nothing."""
        worse = (severity > self.severity) | (
            (severity == self.severity) & (severity > 0) & (margin < self.margin)
        )
        self.severity[worse] = severity[worse]
        self.margin[worse] = margin[worse]
        self.rule[worse] = rule


def nearest_mm(grid: Grid, shapes: Shapes, cut_mm: float, *, threads: int = 0) -> Ints:
    """Of each cell the mm to the nearest shape, 0 on and inside one; `NOWHERE` where none is within `cut_mm`."""
    out = np.full(len(grid.x), NOWHERE, np.int64)
    ends = pieces(shapes)
    if not len(ends):
        return out
    box = np.column_stack([np.minimum(ends[:, :2], ends[:, 2:]), np.maximum(ends[:, :2], ends[:, 2:])])
    bins = bin_boxes(box, max(_BIN_MM, cut_mm / _BINS_OF_REACH))
    over_spans(
        lambda lo, hi: _nearest_span(lo, hi, grid.x, grid.y, ends, bins, float(cut_mm), out),
        len(grid.x),
        threads,
    )
    areas = np.flatnonzero(shapes.kind == SHELL)
    _inside(grid, shapes.arrays, areas, out)
    return out


def pieces(shapes: Shapes) -> Floats:
    """Every edge of the shapes as (n, 4) mm, a loose point as an edge without length."""
    a = shapes.arrays
    part = np.repeat(np.arange(len(a.part_kind)), np.diff(a.part_start))
    loose = a.part_kind[part] == POINT
    single = np.diff(a.part_start)[part] == 1
    points = a.xy[loose | single]
    joined = np.flatnonzero(part[1:] == part[:-1]) if len(part) else np.zeros(0, np.int64)
    joined = joined[~loose[joined]]
    edges = np.hstack([a.xy[joined], a.xy[joined + 1]])
    return np.ascontiguousarray(np.vstack([np.hstack([points, points]), edges]))


def paint(grid: Grid, shapes: Shapes, rings: Sequence[Painted]) -> tuple[Bytes, Floats]:
    """The worst that rings of one rule say of each cell, and the least margin of those that say it."""
    severity = np.zeros(len(grid.x), np.int8)
    margin = np.full(len(grid.x), np.inf)
    table = np.array(rings, np.int64).reshape(-1, len(Painted._fields))
    _paint(grid, shapes.arrays, table, severity, margin)
    return severity, margin


@kernel
def _nearest_span(
    lo: int, hi: int, x: Floats, y: Floats, ends: Floats, bins: Bins, cut: float, out: Ints
) -> None:
    """Bins ring by ring outward until no nearer piece can come."""
    for n in range(lo, hi):
        column = math.floor((x[n] - bins.x0) / bins.cell)
        row = math.floor((y[n] - bins.y0) / bins.cell)
        best = (cut + 1.0) * (cut + 1.0)
        ring = 0
        while True:
            nearest = (ring - 1) * bins.cell
            if ring > 0 and nearest > 0.0 and nearest * nearest > best:
                break
            if nearest > cut:
                break
            for cy in range(max(0, row - ring), min(bins.ny - 1, row + ring) + 1):
                whole = cy in (row - ring, row + ring)
                step = 1 if whole or ring == 0 else 2 * ring
                for cx in range(column - ring, column + ring + 1, step):
                    if cx < 0 or cx >= bins.nx:
                        continue
                    c = cy * bins.nx + cx
                    for k in range(bins.start[c], bins.start[c + 1]):
                        e = bins.item[k]
                        d = segment_distance2(x[n], y[n], ends[e, 0], ends[e, 1], ends[e, 2], ends[e, 3])
                        best = min(best, d)
            ring += 1
        mm = math.floor(math.sqrt(best) + 0.5)
        if mm <= cut:
            out[n] = mm


@kernel
def _span_of(low: float, high: float, origin: float, step: int, n: int) -> tuple[int, int]:
    """First and last row or column whose middle lies between two coordinates; empty where the last is less."""
    return max(0, math.ceil((low - origin) / step)), min(n - 1, math.floor((high - origin) / step))


@kernel
def _inside(grid: Grid, shapes: ShapeArrays, areas: Ints, out: Ints) -> None:
    for s in areas:
        left, right = _span_of(shapes.box[s, 0], shapes.box[s, 2], grid.x0, grid.step_mm, grid.columns)
        low, high = _span_of(shapes.box[s, 1], shapes.box[s, 3], grid.y0, grid.step_mm, grid.rows)
        for row in range(low, high + 1):
            for column in range(left, right + 1):
                n = grid.at[row * grid.columns + column]
                if n >= 0 and out[n] != 0 and squared_mm(grid.x[n], grid.y[n], shapes, s) <= 0.0:
                    out[n] = 0


@kernel
def _paint(grid: Grid, shapes: ShapeArrays, rings: Ints, severity: Bytes, margin: Floats) -> None:
    for r in range(len(rings)):
        s, low, high, says, limit = rings[r]
        left, right = _span_of(
            shapes.box[s, 0] - high, shapes.box[s, 2] + high, grid.x0, grid.step_mm, grid.columns
        )
        bottom, top = _span_of(
            shapes.box[s, 1] - high, shapes.box[s, 3] + high, grid.y0, grid.step_mm, grid.rows
        )
        for row in range(bottom, top + 1):
            for column in range(left, right + 1):
                n = grid.at[row * grid.columns + column]
                if n < 0 or says < severity[n]:
                    continue
                mm = math.floor(math.sqrt(max(0.0, squared_mm(grid.x[n], grid.y[n], shapes, s))) + 0.5)
                if mm < low or mm >= high:
                    continue
                apart = float(mm - limit) if limit >= 0 else -np.inf
                if says > severity[n] or apart < margin[n]:
                    severity[n] = says
                    margin[n] = apart

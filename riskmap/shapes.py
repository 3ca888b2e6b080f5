"""Points, lines and polygons as flat arrays in whole millimetres of the city's metric system.

A shape is a run of parts, a part a run of vertices; a shape may mix kinds (a site is an enterprise's polygon
united with a source that may be a point outside it). Coordinates are whole numbers kept as float64, exact up to
2⁵³, so differences and comparisons of distances are exact where they can be equal.
"""

import math
from dataclasses import dataclass
from functools import cached_property
from typing import Any, NamedTuple, Self

import numpy as np
from numpy.typing import ArrayLike, NDArray

from riskmap.compiled import kernel

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
Shorts = NDArray[np.int32]
Wholes = Ints | Shorts
Bytes = NDArray[np.int8]
Marks = NDArray[np.bool_]

POINT, LINE, SHELL, HOLE = 0, 1, 2, 3
"""kinds of a part: loose points, a line, a polygon's outer ring, a ring cut out of it"""


class ShapeArrays(NamedTuple):
    """What kernels read: `xy` (v, 2) mm; part p is `xy[part_start[p]:part_start[p+1]]`; shape s its parts likewise.

    `box` (n, 4) is xmin, ymin, xmax, ymax in mm; an empty shape has inf and -inf. Rings are closed, outer ones
    counter-clockwise, holes clockwise.
    """

    xy: Floats
    part_start: Ints
    part_kind: Bytes
    shape_start: Ints
    box: Floats


def to_mm(metres: ArrayLike) -> Floats:
    """Metres as whole millimetres in float64: the one place where positions are rounded."""
    rounded: Floats = np.rint(np.asarray(metres, np.float64) * 1000.0) + 0.0
    return np.ascontiguousarray(rounded)


@dataclass(frozen=True, eq=False)
class Shapes:
    """`n` shapes as flat arrays. Build them with `points`, `from_parts` or `layers.exposure.shapes_from`."""

    arrays: ShapeArrays

    def __len__(self) -> int:
        return len(self.arrays.shape_start) - 1

    @classmethod
    def points(cls, xy_m: ArrayLike) -> Self:
        """Each row of `xy_m` (n, 2), in metres, as a shape of one point."""
        xy = to_mm(xy_m).reshape(-1, 2)
        start = np.arange(len(xy) + 1, dtype=np.int64)
        arrays = ShapeArrays(xy, start, np.zeros(len(xy), np.int8), start.copy(), np.hstack([xy, xy]))
        return cls(arrays)

    @classmethod
    def from_parts(
        cls, xy_m: ArrayLike, part_start: ArrayLike, part_kind: ArrayLike, shape_start: ArrayLike
    ) -> Self:
        """Shapes from vertices in metres and offsets as `ShapeArrays` has them; rings closed, either way round."""
        xy = to_mm(xy_m).reshape(-1, 2)
        parts = np.ascontiguousarray(part_start, np.int64)
        kinds = np.ascontiguousarray(part_kind, np.int8)
        shapes = np.ascontiguousarray(shape_start, np.int64)
        area2 = _doubled_areas(xy, parts)
        wrong_way = ((kinds == SHELL) & (area2 < 0)) | ((kinds == HOLE) & (area2 > 0))
        xy = np.ascontiguousarray(xy[_turned(parts, wrong_way)])
        vertex_start = parts[shapes]
        box = np.hstack([_reduced(np.minimum, xy, vertex_start), _reduced(np.maximum, xy, vertex_start)])
        return cls(ShapeArrays(xy, parts, kinds, shapes, box))

    def take(self, index: ArrayLike) -> Self:
        """The shapes at these positions, in this order."""
        index = np.asarray(index, np.int64)
        a = self.arrays
        shape_start, part = _runs(a.shape_start, index)
        part_start, vertex = _runs(a.part_start, part)
        return type(self)(ShapeArrays(a.xy[vertex], part_start, a.part_kind[part], shape_start, a.box[index]))

    def joined(self, other: Self) -> Self:
        """These shapes and the others behind them."""
        a, b = self.arrays, other.arrays
        return type(self)(
            ShapeArrays(
                np.concatenate([a.xy, b.xy]),
                np.concatenate([a.part_start, a.part_start[-1] + b.part_start[1:]]),
                np.concatenate([a.part_kind, b.part_kind]),
                np.concatenate([a.shape_start, a.shape_start[-1] + b.shape_start[1:]]),
                np.concatenate([a.box, b.box]),
            )
        )

    @cached_property
    def kind(self) -> Bytes:
        """Highest dimension of each shape: 0 points, 1 lines, 2 polygons; -1 empty."""
        dimension = np.minimum(self.arrays.part_kind, SHELL).astype(np.int8)
        owner = np.repeat(np.arange(len(self)), np.diff(self.arrays.shape_start))
        kind = np.full(len(self), -1, np.int8)
        np.maximum.at(kind, owner, dimension)
        return kind

    @cached_property
    def is_single_point(self) -> NDArray[np.bool_]:
        """Which shapes are one point and nothing else."""
        vertices = np.diff(self.arrays.part_start[self.arrays.shape_start])
        single: NDArray[np.bool_] = (vertices == 1) & (self.kind == POINT)
        return single

    @cached_property
    def area_mm2(self) -> Floats:
        """Area of each shape in mm², holes taken off; 0 for points and lines."""
        area2 = np.where(
            self.arrays.part_kind >= SHELL, _doubled_areas(self.arrays.xy, self.arrays.part_start), 0.0
        )
        total = np.zeros(len(self))
        np.add.at(total, np.repeat(np.arange(len(self)), np.diff(self.arrays.shape_start)), area2 / 2.0)
        return total

    @cached_property
    def first_vertex_mm(self) -> Floats:
        """The first vertex (n, 2) of each shape; nan for an empty one."""
        a = self.arrays
        first = np.full((len(self), 2), np.nan)
        filled = np.diff(a.shape_start) > 0
        first[filled] = a.xy[a.part_start[a.shape_start[:-1][filled]]]
        return first


def _runs(start: Ints, index: Ints) -> tuple[Ints, Ints]:
    """Offsets of the chosen runs laid end to end, and the positions of their items."""
    length = (start[1:] - start[:-1])[index]
    new_start = np.concatenate([[0], np.cumsum(length)]).astype(np.int64)
    items = np.repeat(start[:-1][index] - new_start[:-1], length) + np.arange(new_start[-1])
    return new_start, items


def _doubled_areas(xy: Floats, part_start: Ints) -> Floats:
    """Twice the signed area of each part, from its own first vertex so that products stay exact."""
    n = len(part_start) - 1
    if not len(xy):
        return np.zeros(n)
    length = np.diff(part_start)
    local = xy - np.repeat(xy[np.minimum(part_start[:-1], len(xy) - 1)], length, axis=0)
    cross = np.zeros(len(xy))
    cross[:-1] = local[:-1, 0] * local[1:, 1] - local[1:, 0] * local[:-1, 1]
    cross[part_start[1:][length > 0] - 1] = 0.0
    owner = np.repeat(np.arange(n), length)
    return np.bincount(owner, weights=cross, minlength=n).astype(np.float64)


def _turned(part_start: Ints, turn: NDArray[np.bool_]) -> Ints:
    """Vertex positions with the vertices of the marked parts in reverse order."""
    length = np.diff(part_start)
    plain = np.arange(part_start[-1])
    mirrored = np.repeat(part_start[:-1] + part_start[1:] - 1, length) - plain
    return np.where(np.repeat(turn, length), mirrored, plain)


def _reduced(ufunc: Any, xy: Floats, start: Ints) -> Floats:
    """Minimum or maximum of each run's rows; inf or -inf for an empty run."""
    empty = np.inf if ufunc is np.minimum else -np.inf
    out = np.full((len(start) - 1, 2), empty)
    ufunc.at(out, np.repeat(np.arange(len(start) - 1), np.diff(start)), xy)
    return out


@kernel
def box_distance2(x: float, y: float, box: Floats, s: int) -> float:
    """Squared distance from a point to a shape's box, in mm²; 0 inside, inf for an empty shape."""
    dx = max(box[s, 0] - x, x - box[s, 2], 0.0)
    dy = max(box[s, 1] - y, y - box[s, 3], 0.0)
    return float(dx * dx + dy * dy)


@kernel
def segment_distance2(x: float, y: float, ax: float, ay: float, bx: float, by: float) -> float:
    """Squared distance from a point to a segment.

    The height is divided by the length before it is squared: exact whenever the distance is a whole number.
    """
    ex, ey, px, py = bx - ax, by - ay, x - ax, y - ay
    along = px * ex + py * ey
    length2 = ex * ex + ey * ey
    if along <= 0.0 or length2 == 0.0:
        return px * px + py * py
    if along >= length2:
        qx, qy = x - bx, y - by
        return qx * qx + qy * qy
    height = (ex * py - ey * px) / math.sqrt(length2)
    return height * height


@kernel
def squared_distance(x: float, y: float, shapes: ShapeArrays, s: int) -> float:
    """Squared distance in mm² from a point to a shape; 0 on it, -1 strictly inside a polygon, inf if empty."""
    best = np.inf
    inside = False
    for p in range(shapes.shape_start[s], shapes.shape_start[s + 1]):
        first, last = shapes.part_start[p], shapes.part_start[p + 1] - 1
        if shapes.part_kind[p] == POINT or first == last:
            for i in range(first, last + 1):
                dx, dy = x - shapes.xy[i, 0], y - shapes.xy[i, 1]
                best = min(best, dx * dx + dy * dy)
            continue
        ring = shapes.part_kind[p] >= SHELL
        for i in range(first, last):
            ax, ay, bx, by = shapes.xy[i, 0], shapes.xy[i, 1], shapes.xy[i + 1, 0], shapes.xy[i + 1, 1]
            best = min(best, segment_distance2(x, y, ax, ay, bx, by))
            if ring and (ay > y) != (by > y):
                side = (bx - ax) * (y - ay) - (by - ay) * (x - ax)
                inside ^= (side > 0.0) == (by > ay)
    return -1.0 if inside and best > 0.0 else best

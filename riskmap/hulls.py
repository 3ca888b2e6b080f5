"""Convex hulls of many groups of sites in one pass: Andrew's monotone chain over their corners."""

from typing import NamedTuple

import numpy as np

from riskmap.compiled import kernel, over_spans
from riskmap.orders import order_of
from riskmap.shapes import Floats, Ints, Shapes

_FEW = 64
"""so many corners are looked at one by one"""
_AROUND = ((1, 0), (1, 1), (0, 1), (-1, 1), (-1, 0), (-1, -1), (0, -1), (1, -1))


class Hulls(NamedTuple):
    """Hull g is `xy[start[g] : start[g + 1]]` in mm: counter-clockwise, not closed, no corner on a side.

    A hull of one spot has one corner, that of a line two.
    """

    xy: Floats
    start: Ints


def hulls_of(shapes: Shapes, group: Ints, n_groups: int, *, threads: int = 0) -> Hulls:
    """The hull of each group of sites; `group` counts from 0, −1 is in none."""
    a = shapes.arrays
    vertices = np.diff(a.part_start[a.shape_start])
    owner = np.repeat(group, vertices)
    inside = np.flatnonzero(owner >= 0)
    order = inside[order_of(owner[inside], n_groups)]
    xy = np.take(a.xy, order, axis=0)
    start = np.concatenate([[0], np.cumsum(np.bincount(owner[inside], minlength=n_groups))]).astype(np.int64)
    out, count = np.empty((len(xy) + n_groups, 2)), np.zeros(n_groups, np.int64)
    over_spans(lambda lo, hi: _hull_span(lo, hi, xy, start, out, count), n_groups, threads)
    ends = np.concatenate([[0], np.cumsum(count)]).astype(np.int64)
    kept = np.repeat(start[:-1] + np.arange(n_groups) - ends[:-1], count) + np.arange(ends[-1])
    return Hulls(out[kept], ends)


@kernel
def _turns_right(out: Floats, at: int, x: float, y: float) -> bool:
    """Whether the last two corners and (x, y) do not turn left."""
    ux, uy = out[at - 1, 0] - out[at - 2, 0], out[at - 1, 1] - out[at - 2, 1]
    return bool(ux * (y - out[at - 2, 1]) - uy * (x - out[at - 2, 0]) <= 0.0)


@kernel
def _hull_span(lo: int, hi: int, xy: Floats, start: Ints, out: Floats, count: Ints) -> None:
    """Hulls of groups lo … hi; each may take one row more than it has vertices."""
    for g in range(lo, hi):
        order = _by_x(xy, _outer(xy, start[g], start[g + 1]))
        n, base = len(order), start[g] + g
        end = base
        for side in range(2):
            floor = end + 1
            for k in range(n):
                i = order[k] if side == 0 else order[n - 1 - k]
                x, y = xy[i, 0], xy[i, 1]
                if end > base and out[end - 1, 0] == x and out[end - 1, 1] == y:
                    continue
                while end > floor and _turns_right(out, end, x, y):
                    end -= 1
                out[end, 0], out[end, 1] = x, y
                end += 1
            if end > base + 1 and side == 0:
                end -= 1
        if end > base + 1 and out[end - 1, 0] == out[base, 0] and out[end - 1, 1] == out[base, 1]:
            end -= 1
        count[g] = end - base


@kernel
def _outer(xy: Floats, first: int, last: int) -> Ints:
    """The positions from `first` to `last` but, where they are many, those inside an octagon of eight of them."""
    if last - first <= _FEW:
        return np.arange(first, last)
    corner = np.full(8, first)
    for i in range(first, last):
        for d in range(8):
            ux, uy = _AROUND[d]
            if ux * xy[i, 0] + uy * xy[i, 1] > ux * xy[corner[d], 0] + uy * xy[corner[d], 1]:
                corner[d] = i
    out, n = np.empty(last - first, np.int64), 0
    for i in range(first, last):
        inside = corner.min() < corner.max()  # all at one spot: none is inside
        for d in range(8):
            a, b = corner[d], corner[(d + 1) % 8]
            ux, uy = xy[b, 0] - xy[a, 0], xy[b, 1] - xy[a, 1]
            to_left = ux * (xy[i, 1] - xy[a, 1]) - uy * (xy[i, 0] - xy[a, 0]) > 0.0
            inside = inside and (to_left or a == b)
        if not inside:
            out[n] = i
            n += 1
    return out[:n].copy()


@kernel
def _by_x(xy: Floats, order: Ints) -> Ints:
    """The positions by x, then by y."""
    n = len(order)
    step = n // 2
    while step > 0:
        for i in range(step, n):
            one = order[i]
            j = i
            while j >= step and (
                xy[order[j - step], 0] > xy[one, 0]
                or (xy[order[j - step], 0] == xy[one, 0] and xy[order[j - step], 1] > xy[one, 1])
            ):
                order[j] = order[j - step]
                j -= step
            order[j] = one
        step //= 2
    return order

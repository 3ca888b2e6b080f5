"""Convex hulls of many groups of sites in one pass: Andrew's monotone chain over their corners."""

from typing import NamedTuple

import numpy as np

from riskmap.compiled import kernel, over_spans
from riskmap.shapes import Floats, Ints, Shapes


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
    order = inside[np.argsort(owner[inside], kind="stable")]
    xy = a.xy[order]
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
        first, n, base = start[g], start[g + 1] - start[g], start[g] + g
        order = _by_x(xy[first : first + n])
        end = base
        for side in range(2):
            floor = end + 1
            for k in range(n):
                i = first + (order[k] if side == 0 else order[n - 1 - k])
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
def _by_x(xy: Floats) -> Ints:
    """Positions by x, then by y."""
    n = len(xy)
    order = np.empty(n, np.int64)
    for i in range(n):
        order[i] = i
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

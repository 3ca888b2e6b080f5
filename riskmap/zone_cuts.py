"""What hangs together, and where a chain that would swallow a town is cut.

Links are taken up from the strongest to the weakest: first those within a zone of before, then by kind (domino,
adjacent, similar by industry, by format), then the shorter, then by code. A link that would join two parts to more
than the bounds allow is cut. That is the same as removing the weakest links of the spanning forest until every part
keeps the bounds, and then putting back, strongest first, each whose removal was not needed. So it depends neither on
the order of rows nor on where the chain begins, and a zone of before is taken apart last.

The span of a part is its extent in the widest of four directions: west–east, south–north and both diagonals.
"""

import os
from concurrent.futures import ThreadPoolExecutor
from typing import NamedTuple

import numpy as np

from riskmap.compiled import kernel
from riskmap.forest import by_strength, join, root, roots
from riskmap.shapes import Bytes, Floats, Ints, Marks, Shapes, Shorts
from riskmap.zone_links import KINDS, Edges
from riskmap.zone_rules import Bounds

KEPT, CUT_BY_SPAN, CUT_BY_MEMBERS = 0, 1, 2
"""why a link does not hold its sites together"""
_ROOT2 = 2.0**0.5


class Bounded(NamedTuple):
    """The parts that hold together: `part` and `component` name the first site of each site's part and component.

    `cut` says of each link why it was cut; `needed` are the spare links without which a part would not hold together.
    """

    part: Ints
    component: Ints
    cut: Bytes
    needed: Shorts


def bounded(
    shapes: Shapes, edges: Edges, n_kept: int, before: Ints, bounds: Bounds, *, threads: int = 0
) -> Bounded:
    """Components of the links, cut to the bounds. `before`: the zone that each site was in, −1 for none.

    The links after the first `n_kept` are spare: they count where a component is cut, so that a zone of before is not
    taken apart for a shorter way round it.
    """
    a, b = edges.links.a, edges.links.b
    n = len(shapes)
    parent = np.arange(n)
    _join_all(parent, a, b)
    component = roots(parent)
    low, high = _extents(shapes)
    fits = _fits(component, low, high, bounds.members, float(bounds.span_mm))
    part, cut, needed = component, np.zeros(len(a), np.int8), np.zeros(0, np.int32)
    too_large = np.flatnonzero(~fits[a])
    if len(too_large):
        at, n_same = _by_strength(edges, too_large, before, threads)
        a, b = a[at], b[at]
        parent, size = np.where(fits, component, np.arange(n)), np.ones(n, np.int64)
        _join_within(
            *(parent, a, b, n_same, size, low, high),
            *(float(bounds.span_mm), bounds.members, float(bounds.leave_span_mm), bounds.leave_members),
        )
        part = roots(parent)
        cut[at] = _reasons(a, b, part, size, bounds.members)
        needed = at[_needed(a, b, at < n_kept, part)]
    return Bounded(part, component, cut, needed)


def _by_strength(edges: Edges, index: Ints, before: Ints, threads: int) -> tuple[Shorts, int]:
    """The positions given, from the strongest link to the weakest, and how many are within a zone of before."""
    links = edges.links
    of_zone = before[links.a[index]]
    same = (of_zone >= 0) & (of_zone == before[links.b[index]])
    kind, at = edges.kind[index], index.astype(np.int32)
    alike = [at[those & (kind == k)] for those in (same, ~same) for k in range(len(KINDS))]
    with ThreadPoolExecutor(threads or os.cpu_count()) as pool:
        found = list(pool.map(lambda some: by_strength(links, some), alike))
    return np.concatenate(found), int(same.sum())


def _extents(shapes: Shapes) -> tuple[Floats, Floats]:
    """Least and greatest x, y, x + y and x − y of each site (n, 4), in mm."""
    box = shapes.arrays.box
    plain = shapes.is_single_point
    low, high = np.empty((len(box), 4)), np.empty((len(box), 4))
    low[:, :2], high[:, :2] = box[:, :2], box[:, 2:]
    for column, sign in ((2, 1.0), (3, -1.0)):
        low[:, column] = high[:, column] = box[:, 0] + sign * box[:, 1]
        if not plain.all():
            a = shapes.arrays
            along = a.xy[:, 0] + sign * a.xy[:, 1]
            start = a.part_start[a.shape_start[:-1]]
            low[:, column], high[:, column] = (
                np.minimum.reduceat(along, start),
                np.maximum.reduceat(along, start),
            )
    return low, high


@kernel
def _fits(component: Ints, low: Floats, high: Floats, members: int, span: float) -> Marks:
    """Whether the component of each site is within the bounds."""
    n = len(component)
    size, least, most = np.zeros(n, np.int64), low.copy(), high.copy()
    for i in range(n):
        into = component[i]
        size[into] += 1
        for d in range(4):
            least[into, d], most[into, d] = min(least[into, d], low[i, d]), max(most[into, d], high[i, d])
    fits = np.empty(n, np.bool_)
    for i in range(n):
        one = component[i]
        fits[i] = size[one] <= members and _extent_in(least, most, one, one, span)
    return fits


@kernel
def _merge(size: Ints, low: Floats, high: Floats, a: int, b: int) -> None:
    """Give part `min(a, b)` all that the other has."""
    into, other = min(a, b), max(a, b)
    size[into] += size[other]
    for d in range(4):
        low[into, d] = min(low[into, d], low[other, d])
        high[into, d] = max(high[into, d], high[other, d])


@kernel
def _join_all(parent: Ints, a: Shorts, b: Shorts) -> None:
    for k in range(len(a)):
        join(parent, a[k], b[k])


@kernel
def _extent_in(low: Floats, high: Floats, a: int, b: int, span: float) -> bool:
    """Whether two parts together extend over no more than `span`."""
    inside = True
    for d in range(4):
        extent = max(high[a, d], high[b, d]) - min(low[a, d], low[b, d])
        inside = inside and extent <= (span if d < 2 else span * _ROOT2)
    return inside


@kernel
def _join_within(
    parent: Ints,
    a: Shorts,
    b: Shorts,
    n_same: int,
    size: Ints,
    low: Floats,
    high: Floats,
    span: float,
    members: int,
    leave_span: float,
    leave_members: int,
) -> None:
    """Join in the order given what the bounds allow."""
    for k in range(len(a)):
        one, other = root(parent, a[k]), root(parent, b[k])
        if (
            one != other
            and size[one] + size[other] <= (leave_members if k < n_same else members)
            and _extent_in(low, high, one, other, leave_span if k < n_same else span)
        ):
            join(parent, one, other)
            _merge(size, low, high, one, other)


@kernel
def _reasons(a: Shorts, b: Shorts, part: Ints, size: Ints, members: int) -> Bytes:
    """Why each link is cut.

    It is told of the parts as they are in the end, and of the bounds for what is new: what was tried on the way does
    not matter.
    """
    why = np.zeros(len(a), np.int8)
    for k in range(len(a)):
        one, other = part[a[k]], part[b[k]]
        if one != other:
            why[k] = CUT_BY_MEMBERS if size[one] + size[other] > members else CUT_BY_SPAN
    return why


@kernel
def _needed(a: Shorts, b: Shorts, kept: Marks, part: Ints) -> Ints:
    """Positions of the links that are not kept but join, in their order, what the kept ones of a part do not."""
    parent, out, n = np.arange(len(part)), np.empty(len(a), np.int64), 0
    if kept.all():
        return out[:0].copy()
    for k in range(len(a)):
        if kept[k] and part[a[k]] == part[b[k]]:
            join(parent, a[k], b[k])
    for k in range(len(a)):
        if not kept[k] and part[a[k]] == part[b[k]] and join(parent, a[k], b[k]):
            out[n] = k
            n += 1
    return out[:n].copy()

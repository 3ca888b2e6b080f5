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
from riskmap.forest import by_strength, join, join_all, root, roots
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
    join_all(parent, a, b)
    component = roots(parent)
    extent = _extents(shapes)
    fits = _fits(component, extent, bounds.members, float(bounds.span_mm))
    cut = np.zeros(len(a), np.int8)
    parent, size = np.where(fits, component, np.arange(n)), np.ones(n, np.int64)
    n_shares = threads or os.cpu_count() or 1
    share = _shares(a, component, fits, n_shares)

    def cut_of(k: int) -> Shorts:
        at, n_same = _by_strength(edges, _in_share(a, component, share, k), before)
        one, other = a[at], b[at]
        _join_within(
            *(parent, one, other, n_same, size, extent),
            *(float(bounds.span_mm), bounds.members, float(bounds.leave_span_mm), bounds.leave_members),
        )
        cut[at] = _reasons(one, other, parent, size, bounds.members)
        return at[_needed(one, other, at < n_kept, parent)]

    with ThreadPoolExecutor(n_shares) as pool:
        needed = list(pool.map(cut_of, range(n_shares)))
    return Bounded(roots(parent), component, cut, np.concatenate(needed))


@kernel
def _shares(a: Shorts, component: Ints, fits: Marks, n: int) -> Ints:
    """Which of `n` shares of like size each component that does not fit falls to, by its first site; −1 for others.

    What hangs together is cut by itself: it knows nothing of the rest.
    """
    count, load = np.zeros(len(component), np.int64), np.zeros(n, np.int64)
    share = np.full(len(component), -1, np.int64)
    for site in a:
        if not fits[site]:
            count[component[site]] += 1
    there = np.flatnonzero(count)
    for one in there[np.argsort(-count[there], kind="mergesort")]:
        share[one] = np.argmin(load)
        load[share[one]] += count[one]
    return share


@kernel
def _in_share(a: Shorts, component: Ints, share: Ints, k: int) -> Shorts:
    """Positions of the links of a share."""
    out, n = np.empty(len(a), np.int32), 0
    for at in range(len(a)):
        if share[component[a[at]]] == k:
            out[n] = at
            n += 1
    return out[:n].copy()


def _by_strength(edges: Edges, some: Shorts, before: Ints) -> tuple[Shorts, int]:
    """Some links from the strongest to the weakest, and how many are within a zone of before."""
    links = edges.links
    kind, same = edges.kind[some], _within_one(before, links.a, links.b, some)
    alike = (some[those & (kind == k)] for those in (same, ~same) for k in range(len(KINDS)))
    return np.concatenate([by_strength(links, these) for these in alike]), int(same.sum())


@kernel
def _within_one(zone: Ints, a: Shorts, b: Shorts, some: Shorts) -> Marks:
    """Whether both sites of each link are in one zone."""
    out = np.empty(len(some), np.bool_)
    for k in range(len(some)):
        one = zone[a[some[k]]]
        out[k] = one >= 0 and one == zone[b[some[k]]]
    return out


def _extents(shapes: Shapes) -> Floats:
    """Least x, y, x + y and x − y of each site, then the greatest ones (n, 8), in mm: what a join asks of a part lies
    side by side.
    """
    box = shapes.arrays.box
    plain, extent = shapes.is_single_point.all(), np.empty((len(box), 8))
    extent[:, :2], extent[:, 4:6] = box[:, :2], box[:, 2:]
    for column, sign in ((2, 1.0), (3, -1.0)):
        extent[:, column] = extent[:, column + 4] = box[:, 0] + sign * box[:, 1]
        if not plain:
            a = shapes.arrays
            along = a.xy[:, 0] + sign * a.xy[:, 1]
            start = a.part_start[a.shape_start[:-1]]
            extent[:, column] = np.minimum.reduceat(along, start)
            extent[:, column + 4] = np.maximum.reduceat(along, start)
    return extent


@kernel
def _fits(component: Ints, extent: Floats, members: int, span: float) -> Marks:
    """Whether the component of each site is within the bounds."""
    n = len(component)
    size, whole = np.zeros(n, np.int64), extent.copy()
    for i in range(n):
        into = component[i]
        size[into] += 1
        _widen(whole, into, extent, i)
    fits = np.empty(n, np.bool_)
    for i in range(n):
        one = component[i]
        fits[i] = size[one] <= members and _extent_in(whole, one, one, span)
    return fits


@kernel
def _widen(extent: Floats, into: int, others: Floats, other: int) -> None:
    """Let one extent cover another one as well."""
    for d in range(4):
        extent[into, d] = min(extent[into, d], others[other, d])
        extent[into, d + 4] = max(extent[into, d + 4], others[other, d + 4])


@kernel
def _extent_in(extent: Floats, a: int, b: int, span: float) -> bool:
    """Whether two parts together extend over no more than `span`."""
    inside = True
    for d in range(4):
        most = max(extent[a, d + 4], extent[b, d + 4]) - min(extent[a, d], extent[b, d])
        inside = inside and most <= (span if d < 2 else span * _ROOT2)
    return inside


@kernel
def _join_within(
    parent: Ints,
    a: Shorts,
    b: Shorts,
    n_same: int,
    size: Ints,
    extent: Floats,
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
            and _extent_in(extent, one, other, leave_span if k < n_same else span)
        ):
            join(parent, one, other)
            into, other = min(one, other), max(one, other)
            size[into] += size[other]
            _widen(extent, into, extent, other)


@kernel
def _reasons(a: Shorts, b: Shorts, parent: Ints, size: Ints, members: int) -> Bytes:
    """Why each link is cut.

    It is told of the parts as they are in the end, and of the bounds for what is new: what was tried on the way does
    not matter.
    """
    why = np.zeros(len(a), np.int8)
    for k in range(len(a)):
        one, other = root(parent, a[k]), root(parent, b[k])
        if one != other:
            why[k] = CUT_BY_MEMBERS if size[one] + size[other] > members else CUT_BY_SPAN
    return why


@kernel
def _needed(a: Shorts, b: Shorts, kept: Marks, part: Ints) -> Ints:
    """Positions of the links that are not kept but join, in their order, what the kept ones of a part do not."""
    out, n = np.empty(len(a), np.int64), 0
    if kept.all():
        return out[:0].copy()
    parent = np.arange(len(part))
    for k in range(len(a)):
        if kept[k] and root(part, a[k]) == root(part, b[k]):
            join(parent, a[k], b[k])
    for k in range(len(a)):
        if not kept[k] and root(part, a[k]) == root(part, b[k]) and join(parent, a[k], b[k]):
            out[n] = k
            n += 1
    return out[:n].copy()

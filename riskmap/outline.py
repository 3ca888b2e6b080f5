"""The exact region within a distance of a line or polygon, without the site itself, and its overlap with polygons.

GEOS approximates arcs by chords and drops shallow bays before it buffers, which costs up to 1e-4 of the area of a
wavy site. Here the region is the union of a disc about each vertex and a strip along each edge. Its outline is found
column by column, between the places where two of their borders meet: which of them lies outermost is asked in the
middle of a column, so no crossing has to be classified and borders that coincide do no harm.

`riskmap.overlap` computes with the pieces. All lengths are mm from an origin near the site.
"""

import math

import numpy as np

from riskmap.compiled import kernel
from riskmap.shapes import POINT, SHELL, Floats, Ints, ShapeArrays, segment_distance2, squared_distance

_DEPTH_MM = 1e-6
"""how deep a point must lie in the region before it is surely not on the outline"""
_PARALLEL = 1e-12


@kernel
def _edges(sites: ShapeArrays, s: int, ox: float, oy: float) -> Floats:
    """The edges of a site as rows ax, ay, bx, by from the origin, each once; loose points have a = b."""
    first, last = sites.part_start[sites.shape_start[s]], sites.part_start[sites.shape_start[s + 1]]
    out = np.empty((last - first, 4))
    n = 0
    for p in range(sites.shape_start[s], sites.shape_start[s + 1]):
        begin, end = sites.part_start[p], sites.part_start[p + 1]
        step = 0 if sites.part_kind[p] == POINT or end - begin == 1 else 1
        for i in range(begin, end - step):
            ax, ay = sites.xy[i, 0] - ox, sites.xy[i, 1] - oy
            bx, by = sites.xy[i + step, 0] - ox, sites.xy[i + step, 1] - oy
            known = False
            for k in range(n):
                same = out[k, 0] == ax and out[k, 1] == ay and out[k, 2] == bx and out[k, 3] == by
                back = out[k, 0] == bx and out[k, 1] == by and out[k, 2] == ax and out[k, 3] == ay
                known = known or same or back
            if not known:
                out[n, 0], out[n, 1], out[n, 2], out[n, 3] = ax, ay, bx, by
                n += 1
    return out[:n]


@kernel
def _vertices(edges: Floats) -> Floats:
    """The ends of the edges, each once."""
    out = np.empty((2 * len(edges), 2))
    n = 0
    for e in range(len(edges)):
        for end in range(0, 4, 2):
            known = False
            for k in range(n):
                known = known or (out[k, 0] == edges[e, end] and out[k, 1] == edges[e, end + 1])
            if not known:
                out[n, 0], out[n, 1] = edges[e, end], edges[e, end + 1]
                n += 1
    return out[:n]


@kernel
def _sides(edges: Floats, r: float) -> Floats:
    """Both parallels of each edge at distance `r` as rows ax, ay, bx, by, the left one first; none of a point."""
    out = np.empty((2 * len(edges), 4))
    n = 0
    for e in range(len(edges)):
        ex, ey = edges[e, 2] - edges[e, 0], edges[e, 3] - edges[e, 1]
        size = math.sqrt(ex * ex + ey * ey)
        if size > 0.0:
            for side in range(2):
                sx, sy = (-ey * r / size, ex * r / size) if side == 0 else (ey * r / size, -ex * r / size)
                out[n, 0], out[n, 1] = edges[e, 0] + sx, edges[e, 1] + sy
                out[n, 2], out[n, 3] = edges[e, 2] + sx, edges[e, 3] + sy
                n += 1
    return out[:n]


@kernel
def _cut(cuts: Floats, used: Ints, x: float, y: float, edges: Floats, r: float) -> Floats:
    """Note the x of a point where borders meet, unless it lies within the region."""
    near = (r - _DEPTH_MM) * (r - _DEPTH_MM)
    for e in range(len(edges)):
        if segment_distance2(x, y, edges[e, 0], edges[e, 1], edges[e, 2], edges[e, 3]) < near:
            return cuts
    if used[0] == len(cuts):
        longer = np.empty(2 * len(cuts))
        for k in range(len(cuts)):
            longer[k] = cuts[k]
        cuts = longer
    cuts[used[0]] = x
    used[0] += 1
    return cuts


@kernel
def _cut_circles(cuts: Floats, used: Ints, vertices: Floats, edges: Floats, r: float) -> Floats:
    """Where circles end in x and where two of them meet."""
    for i in range(len(vertices)):
        x, y = vertices[i, 0], vertices[i, 1]
        cuts = _cut(cuts, used, x - r, y, edges, r)
        cuts = _cut(cuts, used, x + r, y, edges, r)
        for j in range(i):
            dx, dy = vertices[j, 0] - x, vertices[j, 1] - y
            d2 = dx * dx + dy * dy
            if d2 <= 4.0 * r * r:
                h = math.sqrt(max(0.0, r * r / d2 - 0.25))
                cuts = _cut(cuts, used, x + dx / 2.0 - h * dy, y + dy / 2.0 + h * dx, edges, r)
                cuts = _cut(cuts, used, x + dx / 2.0 + h * dy, y + dy / 2.0 - h * dx, edges, r)
    return cuts


@kernel
def _cut_sides(cuts: Floats, used: Ints, sides: Floats, vertices: Floats, edges: Floats, r: float) -> Floats:
    """Where parallels end and where they meet circles and each other."""
    for i in range(len(sides)):
        ax, ay, ex, ey = sides[i, 0], sides[i, 1], sides[i, 2] - sides[i, 0], sides[i, 3] - sides[i, 1]
        size2 = ex * ex + ey * ey
        cuts = _cut(cuts, used, ax, ay, edges, r)
        cuts = _cut(cuts, used, sides[i, 2], sides[i, 3], edges, r)
        for j in range(len(vertices)):
            px, py = vertices[j, 0] - ax, vertices[j, 1] - ay
            middle, off = (px * ex + py * ey) / size2, (ex * py - ey * px) / math.sqrt(size2)
            if abs(off) <= r:
                half = math.sqrt((r * r - off * off) / size2)
                for t in (middle - half, middle + half):
                    if 0.0 <= t <= 1.0:
                        cuts = _cut(cuts, used, ax + t * ex, ay + t * ey, edges, r)
        for j in range(i):
            fx, fy = sides[j, 2] - sides[j, 0], sides[j, 3] - sides[j, 1]
            cross = ex * fy - ey * fx
            if cross * cross > _PARALLEL * _PARALLEL * size2 * (fx * fx + fy * fy):
                qx, qy = sides[j, 0] - ax, sides[j, 1] - ay
                t, u = (qx * fy - qy * fx) / cross, (qx * ey - qy * ex) / cross
                if 0.0 <= t <= 1.0 and 0.0 <= u <= 1.0:
                    cuts = _cut(cuts, used, ax + t * ex, ay + t * ey, edges, r)
    return cuts


@kernel
def _sort(order: Ints, keys: Floats, n: int) -> Ints:
    """Fill `order` with the positions of the first `n` keys from the smallest to the largest."""
    for i in range(n):
        order[i] = i
    step = n // 2
    while step > 0:
        for i in range(step, n):
            item = order[i]
            j = i
            while j >= step and keys[order[j - step]] > keys[item]:
                order[j] = order[j - step]
                j -= step
            order[j] = item
        step //= 2
    return order


@kernel
def _spans(
    x: float, vertices: Floats, sides: Floats, r: float, low: Floats, high: Floats, border: Ints
) -> int:
    """What each disc and each strip covers of the column at `x`; returns how many do.

    `border` (n, 2) numbers the lower and the upper border: 2v and 2v + 1 for the arcs about vertex v, then one
    number for each side; −1 for the end of a strip, which lies within a disc.
    """
    n = 0
    for v in range(len(vertices)):
        dx = x - vertices[v, 0]
        if abs(dx) < r:
            h = math.sqrt(r * r - dx * dx)
            low[n], high[n] = vertices[v, 1] - h, vertices[v, 1] + h
            border[n, 0], border[n, 1] = 2 * v, 2 * v + 1
            n += 1
    for i in range(0, len(sides), 2):
        low[n], high[n] = np.inf, -np.inf
        for k in range(4):
            one, other = (i + k, 0) if k < 2 else (i, 2 * (k - 2))
            ax, ay = sides[one, other], sides[one, other + 1]
            bx, by = (
                (sides[one, 2], sides[one, 3]) if k < 2 else (sides[i + 1, other], sides[i + 1, other + 1])
            )
            if (ax < x) != (bx < x):
                y = ay + (by - ay) * ((x - ax) / (bx - ax))
                number = 2 * len(vertices) + i + k if k < 2 else -1
                if y < low[n]:
                    low[n], border[n, 0] = y, number
                if y > high[n]:
                    high[n], border[n, 1] = y, number
        if low[n] < high[n]:
            n += 1
    return n


@kernel
def _stretch(
    runs: Floats, used: Ints, latest: Ints, number: int, left: float, right: float, sign: float
) -> Floats:
    """Make border `number` part of the outline from left to right, as one run with what joins it on the left."""
    if number < 0:
        return runs
    joined = latest[number] - 1
    if joined >= 0 and runs[joined, 1] == left:
        runs[joined, 1] = right
        return runs
    if used[0] == len(runs):
        longer = np.empty((2 * len(runs), 4))
        for k in range(len(runs)):
            for column in range(4):
                longer[k, column] = runs[k, column]
        runs = longer
    runs[used[0], 0], runs[used[0], 1], runs[used[0], 2], runs[used[0], 3] = left, right, number, sign
    used[0] += 1
    latest[number] = used[0]
    return runs


@kernel
def _runs(vertices: Floats, sides: Floats, edges: Floats, r: float) -> Floats:
    """The outline of the union as rows left, right, border, sign (+1 where the union lies below)."""
    cuts, used = np.empty(16 + 8 * len(edges)), np.zeros(1, np.int64)
    cuts = _cut_circles(cuts, used, vertices, edges, r)
    cuts = _cut_sides(cuts, used, sides, vertices, edges, r)
    order = _sort(np.empty(used[0], np.int64), cuts, used[0])
    room = len(vertices) + len(sides) + 1
    low, high, border, by_low = (
        np.empty(room),
        np.empty(room),
        np.empty((room, 2), np.int64),
        np.empty(room, np.int64),
    )
    latest = np.zeros(2 * len(vertices) + len(sides), np.int64)
    runs, written = np.empty((16 + 4 * len(edges), 4)), np.zeros(1, np.int64)
    for k in range(used[0] - 1):
        left, right = cuts[order[k]], cuts[order[k + 1]]
        n = _spans((left + right) / 2.0, vertices, sides, r, low, high, border) if left < right else 0
        by_low = _sort(by_low, low, n)
        i = 0
        while i < n:
            top = by_low[i]
            runs = _stretch(runs, written, latest, border[top, 0], left, right, -1.0)
            while i < n and low[by_low[i]] <= high[top]:
                if high[by_low[i]] > high[top]:
                    top = by_low[i]
                i += 1
            runs = _stretch(runs, written, latest, border[top, 1], left, right, 1.0)
    return runs[: written[0]]


@kernel
def _put_rings(pieces: Floats, sites: ShapeArrays, s: int, ox: float, oy: float) -> int:
    """Begin with the site's own rings, which the region leaves out; returns how many rows they take."""
    n = 0
    for p in range(sites.shape_start[s], sites.shape_start[s + 1]):
        if sites.part_kind[p] >= SHELL:
            for i in range(sites.part_start[p], sites.part_start[p + 1] - 1):
                ax, ay = sites.xy[i, 0] - ox, sites.xy[i, 1] - oy
                bx, by = sites.xy[i + 1, 0] - ox, sites.xy[i + 1, 1] - oy
                pieces[n, 0], pieces[n, 2] = (ax, ay) if ax < bx else (bx, by)
                pieces[n, 1], pieces[n, 3] = (bx, by) if ax < bx else (ax, ay)
                pieces[n, 4], pieces[n, 5] = 0.0, 1.0 if ax < bx else -1.0
                n += 1
    return n


@kernel
def region_pieces(sites: ShapeArrays, s: int, r: float, ox: float, oy: float) -> Floats:
    """The outline of all that is within `r` of site `s` and outside it, as rows for `riskmap.overlap`.

    A row is xl, xr, p, q, bend, sign: from xl to xr straight from height p to q, or with bend ±1 along the upper or
    lower arc of radius `r` about (p, q); sign +1 where the region lies below. No outline crosses the site's own,
    which is `r` away from it: what lies inside a wide site is left out piece by piece.
    """
    edges = _edges(sites, s, ox, oy)
    vertices, sides = _vertices(edges), _sides(edges, r)
    runs = _runs(vertices, sides, edges, r)
    vertices_of_site = sites.part_start[sites.shape_start[s + 1]] - sites.part_start[sites.shape_start[s]]
    pieces = np.empty((len(runs) + vertices_of_site, 6))
    n = _put_rings(pieces, sites, s, ox, oy)
    for k in range(len(runs)):
        left, right, number, sign = runs[k, 0], runs[k, 1], int(runs[k, 2]), runs[k, 3]
        x = (left + right) / 2.0
        if number < 2 * len(vertices):
            p, q, bend = vertices[number // 2, 0], vertices[number // 2, 1], sign
            y = q + bend * math.sqrt(max(0.0, r * r - (x - p) * (x - p)))
        else:
            side = sides[number - 2 * len(vertices)]
            slope = (side[3] - side[1]) / (side[2] - side[0])
            p, q, bend = side[1] + slope * (left - side[0]), side[1] + slope * (right - side[0]), 0.0
            y = (p + q) / 2.0
        if squared_distance(x + ox, y + oy, sites, s) >= 0.0:
            pieces[n, 0], pieces[n, 1], pieces[n, 2] = left, right, p
            pieces[n, 3], pieces[n, 4], pieces[n, 5] = q, bend, sign
            n += 1
    return pieces[:n]

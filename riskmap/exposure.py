"""People near a site: who lives outside it and within a distance of it, for the whole city in one call.

GB 18218-2018, 4.2.3 and table 5: α goes by the residents within 500 m of the plant's boundary, outwards. Points
of population count whole (at most the distance away, not inside the site), polygons by their share of area.
Around a point site that share is the exact intersection with a circle, around any other site with the exact
region of `riskmap.outline`. Every share is rounded to 1e-9 person before it is added, so that the order of
records and the number of threads cannot matter.
"""

import math

import numpy as np
from numpy.typing import ArrayLike

from riskmap.bins import Bins, bin_boxes, is_first_cell, window
from riskmap.compiled import kernel, over_spans
from riskmap.errors import BadInput
from riskmap.outline import region_pieces
from riskmap.overlap import region_overlap
from riskmap.shapes import Floats, Ints, ShapeArrays, Shapes, box_distance2, squared_distance, to_mm

NANO = 1_000_000_000
_MOST_PEOPLE = 9e9
"""people in a city that int64 can hold in 1e-9 persons"""


def people_within(
    sites: Shapes,
    radius_m: float,
    points_xy_m: ArrayLike,
    points_people: ArrayLike,
    polygons: Shapes,
    polygons_people: ArrayLike,
    *,
    threads: int = 0,
) -> Floats:
    """People outside each site and within `radius_m` of it, as float64 (number of sites).

    `points_xy_m` (k, 2) metres with people each; `polygons` with people each, spread evenly over their area. A
    polygon whose area vanishes in whole millimetres counts as a point. Raises BadInput for people that are
    negative, no number, or more than 9e9 together.
    """
    points = to_mm(points_xy_m).reshape(-1, 2)
    people = _nano_people(points_people, len(points))
    dense = np.asarray(polygons_people, np.float64)
    _nano_people(dense, len(polygons))
    if not polygons.area_mm2.all():
        flat = polygons.area_mm2 == 0.0
        points = np.vstack([points, polygons.first_vertex_mm[flat]])
        people = np.concatenate([people, _nano_people(dense[flat], int(flat.sum()))])
        polygons, dense = polygons.take(np.flatnonzero(~flat)), dense[~flat]
    radius = float(round(radius_m * 1000.0))
    total = _near_points(sites, radius, points, people, threads)
    if len(polygons):
        single = sites.is_single_point
        total[single] += _circle_share(sites.take(np.flatnonzero(single)), radius, polygons, dense, threads)
        total[~single] += _region_share(sites.take(np.flatnonzero(~single)), radius, polygons, dense, threads)
    return total / NANO


def people_count(people: ArrayLike) -> Ints:
    """A head count from a sum of shares: ceil(value − 1e-6), so that noise never makes a person more."""
    return np.ceil(np.asarray(people, np.float64) - 1e-6).astype(np.int64)


def _nano_people(people: ArrayLike, n: int) -> Ints:
    """People as whole 1e-9 persons."""
    given = np.asarray(people, np.float64).reshape(-1)
    if len(given) != n or not (np.isfinite(given) & (given >= 0)).all() or given.sum() > _MOST_PEOPLE:
        raise BadInput("人口数须为不小于 0 的数，合计不超过 90 亿", remedy="请检查人口图层的人数字段")
    return np.floor(given * NANO + 0.5).astype(np.int64)


def _near_points(sites: Shapes, radius: float, points: Floats, people: Ints, threads: int) -> Ints:
    """People of the points within the radius of each site and not inside it, in 1e-9 persons."""
    total = np.zeros(len(sites), np.int64)
    if not len(points):
        return total
    bins = bin_boxes(np.hstack([points, points]), radius / 4.0)
    xs, ys, counts = points[bins.item, 0], points[bins.item, 1], people[bins.item]
    over_spans(
        lambda lo, hi: _sum_points(lo, hi, sites.arrays, radius, bins, xs, ys, counts, total),
        len(sites),
        threads,
    )
    return total


def _circle_share(sites: Shapes, radius: float, polygons: Shapes, people: Floats, threads: int) -> Ints:
    """People of the polygons by their share inside the circle around each point site, in 1e-9 persons."""
    total = np.zeros(len(sites), np.int64)
    bins = bin_boxes(polygons.arrays.box, radius / 2.0)
    centres, area = sites.arrays.box[:, :2].copy(), polygons.area_mm2
    over_spans(
        lambda lo, hi: _sum_circles(lo, hi, centres, radius, bins, polygons.arrays, area, people, total),
        len(sites),
        threads,
    )
    return total


def _region_share(sites: Shapes, radius: float, polygons: Shapes, people: Floats, threads: int) -> Ints:
    """People of the polygons by their share in the region around each line or polygon, in 1e-9 persons."""
    total = np.zeros(len(sites), np.int64)
    if len(sites):
        bins = bin_boxes(polygons.arrays.box, radius / 2.0)
        area = polygons.area_mm2
        over_spans(
            lambda lo, hi: _sum_regions(
                lo, hi, sites.arrays, radius, bins, polygons.arrays, area, people, total
            ),
            len(sites),
            threads,
        )
    return total


@kernel
def _sum_points(
    lo: int,
    hi: int,
    sites: ShapeArrays,
    radius: float,
    bins: Bins,
    xs: Floats,
    ys: Floats,
    people: Ints,
    total: Ints,
) -> None:
    """Add up the points near sites lo … hi; the points stand in the order of the bins."""
    radius2 = radius * radius
    for s in range(lo, hi):
        if not math.isfinite(sites.box[s, 0]):
            continue
        left, right, bottom, top = window(
            bins,
            sites.box[s, 0] - radius,
            sites.box[s, 1] - radius,
            sites.box[s, 2] + radius,
            sites.box[s, 3] + radius,
        )
        first = sites.part_start[sites.shape_start[s]]
        single = sites.part_start[sites.shape_start[s + 1]] - first == 1
        x, y = sites.xy[first, 0], sites.xy[first, 1]
        here = 0
        for cy in range(bottom, top + 1):
            for k in range(bins.start[cy * bins.nx + left], bins.start[cy * bins.nx + right + 1]):
                if single:
                    d2 = (xs[k] - x) * (xs[k] - x) + (ys[k] - y) * (ys[k] - y)
                    here += people[k] if d2 <= radius2 else 0
                elif box_distance2(xs[k], ys[k], sites.box, s) <= radius2:
                    d2 = squared_distance(xs[k], ys[k], sites, s)
                    here += people[k] if 0.0 <= d2 <= radius2 else 0
        total[s] = here


@kernel
def _sector(ax: float, ay: float, bx: float, by: float, r2: float) -> float:
    """Signed area of the circle of squared radius `r2` around 0 within the triangle 0, a, b."""
    cross = ax * by - ay * bx
    a_out = ax * ax + ay * ay - r2
    if a_out <= 0.0 and bx * bx + by * by <= r2:
        return 0.5 * cross
    ex, ey = bx - ax, by - ay
    e2 = ex * ex + ey * ey
    half = ax * ex + ay * ey
    root = half * half - e2 * a_out
    if root <= 0.0 or e2 == 0.0:
        return 0.5 * r2 * math.atan2(cross, ax * bx + ay * by)
    root = math.sqrt(root)
    enter, leave = (-half - root) / e2, (-half + root) / e2
    if enter >= 1.0 or leave <= 0.0:
        return 0.5 * r2 * math.atan2(cross, ax * bx + ay * by)
    enter, leave = max(enter, 0.0), min(leave, 1.0)
    px, py = ax + enter * ex, ay + enter * ey
    qx, qy = ax + leave * ex, ay + leave * ey
    area = 0.5 * (px * qy - py * qx)
    if enter > 0.0:
        area += 0.5 * r2 * math.atan2(ax * py - ay * px, ax * px + ay * py)
    if leave < 1.0:
        area += 0.5 * r2 * math.atan2(qx * by - qy * bx, qx * bx + qy * by)
    return area


@kernel
def _circle_overlap(x: float, y: float, r2: float, polygons: ShapeArrays, g: int) -> float:
    """Area of a polygon within the circle of squared radius `r2` around (x, y), in mm²; holes taken off."""
    area = 0.0
    for p in range(polygons.shape_start[g], polygons.shape_start[g + 1]):
        for i in range(polygons.part_start[p], polygons.part_start[p + 1] - 1):
            area += _sector(
                polygons.xy[i, 0] - x,
                polygons.xy[i, 1] - y,
                polygons.xy[i + 1, 0] - x,
                polygons.xy[i + 1, 1] - y,
                r2,
            )
    return area


@kernel
def _nano_share(people: float, part: float, whole: float) -> int:
    """People times part / whole, rounded to 1e-9 person."""
    return math.floor(people * min(max(part / whole, 0.0), 1.0) * 1e9 + 0.5)


@kernel
def _sum_circles(
    lo: int,
    hi: int,
    centres: Floats,
    radius: float,
    bins: Bins,
    polygons: ShapeArrays,
    area: Floats,
    people: Floats,
    total: Ints,
) -> None:
    """Add up the polygons around point sites lo … hi, each polygon in its first cell of the window."""
    r2 = radius * radius
    box = polygons.box
    for s in range(lo, hi):
        x, y = centres[s, 0], centres[s, 1]
        left, right, bottom, top = window(bins, x - radius, y - radius, x + radius, y + radius)
        here = 0
        for cy in range(bottom, top + 1):
            for cx in range(left, right + 1):
                for k in range(bins.start[cy * bins.nx + cx], bins.start[cy * bins.nx + cx + 1]):
                    g = bins.item[k]
                    dx = max(box[g, 0] - x, x - box[g, 2], 0.0)
                    dy = max(box[g, 1] - y, y - box[g, 3], 0.0)
                    if dx * dx + dy * dy >= r2:
                        continue
                    if not is_first_cell(bins, polygons.box, g, cx, cy, left, bottom):
                        continue
                    far_x = max(x - box[g, 0], box[g, 2] - x)
                    far_y = max(y - box[g, 1], box[g, 3] - y)
                    if far_x * far_x + far_y * far_y <= r2:
                        here += _nano_share(people[g], 1.0, 1.0)
                    else:
                        here += _nano_share(people[g], _circle_overlap(x, y, r2, polygons, g), area[g])
        total[s] = here


@kernel
def _sum_regions(
    lo: int,
    hi: int,
    sites: ShapeArrays,
    radius: float,
    bins: Bins,
    polygons: ShapeArrays,
    area: Floats,
    people: Floats,
    total: Ints,
) -> None:
    """Add up the polygons around line and polygon sites lo … hi, each polygon in its first cell of the window."""
    for s in range(lo, hi):
        if not math.isfinite(sites.box[s, 0]):
            continue
        west, south = sites.box[s, 0] - radius, sites.box[s, 1] - radius
        east, north = sites.box[s, 2] + radius, sites.box[s, 3] + radius
        left, right, bottom, top = window(bins, west, south, east, north)
        x, y = (west + east) / 2.0, (south + north) / 2.0
        pieces = region_pieces(sites, s, radius, x, y)
        here = 0
        for cy in range(bottom, top + 1):
            for cx in range(left, right + 1):
                for k in range(bins.start[cy * bins.nx + cx], bins.start[cy * bins.nx + cx + 1]):
                    g = bins.item[k]
                    box = polygons.box[g]
                    if box[2] <= west or box[0] >= east or box[3] <= south or box[1] >= north:
                        continue
                    if not is_first_cell(bins, polygons.box, g, cx, cy, left, bottom):
                        continue
                    here += _nano_share(people[g], region_overlap(pieces, radius, polygons, g, x, y), area[g])
        total[s] = here

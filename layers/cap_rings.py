"""Areas as CAP can say them: rings without holes, each of at most 100 points, that lose nothing and grow within a bound.

The rule. Holes are filled, a point or a line is taken 50 m wide. A part that has few enough corners is told as it
stands. Else it is widened by d and its outline simplified by less than d: no simplified line comes back into the
part, and none lies farther outside than 1.8 d. The smallest d from 2 m on, doubled, that brings the outline down to
100 points is taken, as long as 1.8 d stays within 30 m or 2 % of the part's diagonal, whichever is more. A part that is
too intricate for that is cut in two along its longer side, and each half is treated alike.
"""

import math
from collections.abc import Iterator

import numpy as np
import shapely
from shapely.geometry.base import BaseGeometry

from riskmap.cap import MOST_POINTS, Ring

NARROW_M = 50.0
LEAST_LEEWAY_M = 30.0
LEEWAY_SHARE = 0.02
_FIRST_M = 2.0
_SIMPLIFIED = 0.8
_OVERLAP_M = 1.0
_ARC_SEGMENTS = 4
_DECIMALS = 9
_LON_M, _LAT_M = 111_320.0, 110_574.0


def covering_rings(shape: BaseGeometry, most_points: int = MOST_POINTS) -> tuple[Ring, ...]:
    """Closed rings in degrees, anticlockwise, that together cover a shape in degrees. Empty for an empty shape."""
    lon, lat = (float(one) for one in shapely.get_coordinates(shape).mean(axis=0)) if shape else (0.0, 0.0)
    scale = np.array([_LON_M * math.cos(math.radians(lat)), _LAT_M])
    centre = np.array([lon, lat])

    metres = shapely.transform(shape, lambda points: (points - centre) * scale)
    outlines = [outline for part in _solid(metres) for outline in _outlines(part, most_points)]
    return tuple(_ring(shapely.transform(one, lambda points: points / scale + centre)) for one in outlines)


def _solid(shape: BaseGeometry) -> list[shapely.Polygon]:
    """The parts of a shape as polygons without holes, none within another; what has no area gets one."""
    flat = [_simple(one) for one in shapely.get_parts(shape).tolist() if not one.is_empty]
    wide = [one if one.area > 0 else one.buffer(NARROW_M, quad_segs=_ARC_SEGMENTS) for one in flat]
    whole = shapely.union_all([_filled(part) for one in wide for part in _polygons(one)])
    return [_filled(part) for part in _polygons(whole)]


def _simple(shape: BaseGeometry) -> BaseGeometry:
    """The shape; its hull where it crosses itself, which no record does and which may take hours to take apart."""
    return shape if shape.is_valid else shape.convex_hull


def _polygons(shape: BaseGeometry) -> list[shapely.Polygon]:
    return [
        one for one in shapely.get_parts(shape).tolist() if isinstance(one, shapely.Polygon) and one.area > 0
    ]


def _filled(part: shapely.Polygon) -> shapely.Polygon:
    return shapely.Polygon(part.exterior)


def _outlines(part: shapely.Polygon, most_points: int) -> Iterator[shapely.Polygon]:
    """Outlines of few points that cover a part, in metres; the part itself where it has few."""
    if len(part.exterior.coords) <= most_points:
        yield part
        return
    left, bottom, right, top = part.bounds
    width, height = right - left, top - bottom
    leeway_m = max(LEAST_LEEWAY_M, LEEWAY_SHARE * math.hypot(width, height))
    by_m = _FIRST_M
    while by_m * (1 + _SIMPLIFIED) <= leeway_m:
        outline = _widened(part, by_m)
        if len(outline.exterior.coords) <= most_points and outline.is_valid and outline.covers(part):
            yield outline
            return
        by_m *= 2
    middle = (left + right) / 2 if width >= height else (bottom + top) / 2
    halves = (
        [(left, bottom, middle + _OVERLAP_M, top), (middle - _OVERLAP_M, bottom, right, top)]
        if width >= height
        else [(left, bottom, right, middle + _OVERLAP_M), (left, middle - _OVERLAP_M, right, top)]
    )
    for half in halves:
        for piece in _polygons(part.intersection(shapely.box(*half))):
            yield from _outlines(_filled(piece), most_points)


def _widened(part: shapely.Polygon, by_m: float) -> shapely.Polygon:
    grown = part.buffer(by_m, quad_segs=_ARC_SEGMENTS)
    return _filled(shapely.simplify(grown, by_m * _SIMPLIFIED, preserve_topology=True))


def _ring(part: shapely.Polygon) -> Ring:
    """The outline, rounded, anticlockwise, its first point told twice."""
    points = np.round(shapely.get_coordinates(shapely.orient_polygons(part)), _DECIMALS) + 0.0
    return tuple((lon, lat) for lon, lat in points.tolist())

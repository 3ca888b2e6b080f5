"""Rings of CAP: they lose nothing, stay within their bound and their number of points, whatever the area looks like."""

import math
from typing import Any

import numpy as np
import pytest
import shapely
from hypothesis import given
from hypothesis import strategies as st

from layers.cap_rings import LEAST_LEEWAY_M, LEEWAY_SHARE, covering_rings
from riskmap.cap import MOST_POINTS

LON, LAT = 112.36, 28.85
LON_M, LAT_M = 111_320 * math.cos(math.radians(LAT)), 110_574.0


def at(x_m: float, y_m: float) -> tuple[float, float]:
    return round(LON + x_m / LON_M, 9), round(LAT + y_m / LAT_M, 9)


def drawn(points: Any) -> shapely.Polygon:
    return shapely.Polygon([at(x, y) for x, y in points])


def coast(corners: int, radius_m: float, rough: float, seed: int) -> shapely.Polygon:
    """A star-shaped area with so many corners, its radius scattered by a share."""
    dice = np.random.default_rng(seed)
    turns = np.linspace(0, 2 * np.pi, corners, endpoint=False)
    radii = radius_m * (1 - rough * dice.random(corners))
    return drawn(zip(radii * np.cos(turns), radii * np.sin(turns), strict=True))


def comb(teeth: int, pitch_m: float) -> shapely.Polygon:
    """A beam with teeth on both sides: gaps too wide to be filled, corners too many to be told."""
    up = [
        (n * pitch_m + x, y)
        for n in range(teeth)
        for x, y in ((0, 0), (0, 900), (pitch_m / 2, 900), (pitch_m / 2, 0))
    ]
    return drawn([*up, *((x, -200 - y) for x, y in reversed(up))])


def metric(shape: Any) -> Any:
    return shapely.transform(shape, lambda points: (points - (LON, LAT)) * (LON_M, LAT_M))


def check(shape: Any) -> list[shapely.Polygon]:
    """Closed, few points, valid, anticlockwise, covering, and nowhere farther out than the rule allows."""
    rings = covering_rings(shape)
    for ring in rings:
        assert 4 <= len(ring) <= MOST_POINTS
        assert ring[0] == ring[-1]
    parts = [shapely.Polygon(ring) for ring in rings]
    assert all(part.is_valid and part.exterior.is_ccw for part in parts)
    told, meant = metric(shapely.union_all(parts)), metric(shape)
    assert meant.difference(told.buffer(0.001)).area == 0
    filled = shapely.union_all([shapely.Polygon(part.exterior) for part in shapely.get_parts(meant)])
    leeway = max(LEAST_LEEWAY_M, LEEWAY_SHARE * math.dist(filled.bounds[:2], filled.bounds[2:]))
    assert told.difference(filled.buffer(leeway + 0.01)).area == 0
    return parts


@given(st.integers(3, 700), st.floats(20, 30_000), st.floats(0, 0.9), st.integers(0, 2**32 - 1))
def test_coasts(corners: int, radius_m: float, rough: float, seed: int) -> None:
    check(coast(corners, radius_m, rough, seed))


def test_what_has_few_corners_is_told_as_it_stands() -> None:
    square = drawn([(0, 0), (900, 0), (900, 700), (0, 700)])
    (part,) = check(square)
    assert part.equals(square)
    assert len(shapely.get_coordinates(coast(99, 500, 0.3, 1))) == 100
    (same,) = check(coast(99, 500, 0.3, 1))
    assert same.equals(coast(99, 500, 0.3, 1))


def test_a_round_area_of_many_corners_stays_one_and_grows_little() -> None:
    circle = coast(5000, 3000, 0.0, 1)
    (part,) = check(circle)
    assert metric(part).area / metric(circle).area < 1.01


def test_what_is_too_intricate_is_cut() -> None:
    parts = check(comb(20, 1000))
    assert len(parts) in {2, 3, 4}


def test_holes_are_filled_parts_stay_apart_and_lines_get_width() -> None:
    ring = drawn([(0, 0), (900, 0), (900, 900), (0, 900)])
    hole = drawn([(300, 300), (600, 300), (600, 600), (300, 600)])
    island = drawn([(5000, 0), (5200, 0), (5200, 200)])
    assert len(check(shapely.MultiPolygon([ring.difference(hole), island]))) == 2
    within = shapely.MultiPolygon([ring.difference(hole), drawn([(400, 400), (500, 400), (500, 500)])])
    assert len(check(within)) == 1
    for thin in (shapely.Point(LON, LAT), shapely.LineString([at(0, 0), at(3000, 100)])):
        (part,) = [shapely.Polygon(one) for one in covering_rings(thin)]
        assert part.covers(thin)
        assert metric(part).area < 3200 * 102


@pytest.mark.parametrize("empty", ["POLYGON EMPTY", "GEOMETRYCOLLECTION EMPTY", "POINT EMPTY"])
def test_nothing_has_no_ring(empty: str) -> None:
    assert covering_rings(shapely.from_wkt(empty)) == ()


def test_what_crosses_itself_loses_nothing() -> None:
    bow = drawn([(0, 0), (1000, 1000), (1000, 0), (0, 1000)])
    rings = [shapely.Polygon(ring) for ring in covering_rings(bow)]
    assert (
        metric(shapely.make_valid(bow)).difference(metric(shapely.union_all(rings)).buffer(0.001)).area == 0
    )

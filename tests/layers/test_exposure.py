"""Stored geometries as flat arrays, and the sites and places that are made of them."""

import math
from typing import Any

import numpy as np
import pytest
import shapely
from shapely import (
    GeometryCollection,
    LineString,
    MultiLineString,
    MultiPoint,
    MultiPolygon,
    Point,
    Polygon,
    box,
)

from layers.exposure import people_within, place_points, shapes_from, sites_of
from riskmap.errors import BadInput
from riskmap.shapes import HOLE, LINE, POINT, SHELL, Shapes

SQUARE = box(0, 0, 100, 100)
RING = Polygon(
    box(0, 0, 300, 300).exterior, [box(100, 100, 150, 150).exterior, box(200, 200, 210, 210).exterior]
)


def column(*geometries: Any) -> np.ndarray[Any, np.dtype[Any]]:
    found = np.empty(len(geometries), object)
    found[:] = geometries
    return found


def parts_of(shapes: Shapes, s: int) -> list[tuple[int, list[tuple[float, float]]]]:
    """The parts of one shape in metres, by the definition of the offsets."""
    a = shapes.arrays
    return [
        (
            int(a.part_kind[p]),
            [(x / 1000, y / 1000) for x, y in a.xy[a.part_start[p] : a.part_start[p + 1]].tolist()],
        )
        for p in range(a.shape_start[s], a.shape_start[s + 1])
    ]


def test_every_kind_of_geometry_is_flattened_in_order() -> None:
    shapes = shapes_from(
        column(
            Point(1, 2),
            None,
            MultiPoint([(3, 4), (5, 6)]),
            LineString([(0, 0), (1, 1), (2, 0)]),
            RING,
            MultiLineString([[(0, 0), (1, 0)], [(5, 5), (6, 6), (7, 5)]]),
            MultiPolygon([SQUARE, box(500, 500, 510, 510)]),
            Polygon(),
            GeometryCollection([box(0, 0, 1, 1), GeometryCollection([Point(9, 9), MultiPoint([(8, 8)])])]),
        )
    )
    assert len(shapes) == 9
    assert shapes.kind.tolist() == [0, -1, 0, 1, 2, 1, 2, -1, 2]
    assert shapes.is_single_point.tolist() == [True] + [False] * 8
    kinds = [[kind for kind, _ in parts_of(shapes, s)] for s in range(9)]
    assert kinds == [
        [POINT], [], [POINT] * 2, [LINE], [SHELL, HOLE, HOLE], [LINE] * 2, [SHELL] * 2, [], [POINT, POINT, SHELL]
    ]  # fmt: skip
    assert parts_of(shapes, 5)[1] == (LINE, [(5, 5), (6, 6), (7, 5)])
    assert shapes.arrays.box[4].tolist() == [0, 0, 300_000, 300_000]
    assert shapes.arrays.box[1].tolist() == [math.inf, math.inf, -math.inf, -math.inf]
    areas = [0, 0, 0, 0, 300**2 - 50**2 - 10**2, 0, 100**2 + 10**2, 0, 1]
    assert (shapes.area_mm2 / 1e6).tolist() == areas


def test_rings_turn_one_way_however_they_were_drawn() -> None:
    forth = shapes_from(column(RING, shapely.orient_polygons(RING, exterior_cw=True), shapely.reverse(RING)))
    for s in range(3):
        for kind, ring in parts_of(forth, s):
            assert ring[0] == ring[-1]
            assert shapely.is_ccw(shapely.LinearRing(ring)) == (kind == SHELL)
    assert len(set(forth.area_mm2.tolist())) == 1


def test_take_picks_shapes_whole() -> None:
    all_of_them = column(Point(1, 2), RING, None, LineString([(0, 0), (1, 1)]), MultiPolygon([SQUARE, RING]))
    shapes = shapes_from(all_of_them)
    index = [4, 0, 1, 1, 2]
    taken, again = shapes.take(index), shapes_from(all_of_them[index])
    for field in taken.arrays._fields:
        assert np.array_equal(getattr(taken.arrays, field), getattr(again.arrays, field))
    assert len(shapes.take([])) == 0


def test_a_coordinate_that_is_no_number_is_refused() -> None:
    with pytest.raises(BadInput, match="坐标"):
        shapes_from(column(Point(math.nan, 1), Point(math.inf, 1)))
    with pytest.raises(BadInput, match="位置"):
        place_points(column(Point(1, 1), None))


def test_a_site_is_the_enterprise_united_with_its_source() -> None:
    outside, line = Point(500, 50), LineString([(50, 50), (400, 50)])
    sources = column(
        Point(50, 50), outside, line, box(90, 90, 120, 120), Point(7, 7), Point(8, 8), None, None
    )
    firms = column(SQUARE, SQUARE, SQUARE, SQUARE, Point(1, 1), None, Point(2, 2), SQUARE)
    sites = sites_of(sources, firms)
    assert shapely.equals(sites[0], SQUARE)
    assert shapely.equals(sites[1], GeometryCollection([SQUARE, outside]))
    assert shapely.get_dimensions(sites[2]) == 2
    assert shapely.distance(sites[2], Point(400, 50)) == 0
    assert sites[3].area == 100**2 + 30**2 - 10**2
    assert sites[4] == Point(7, 7)
    assert sites[5] == Point(8, 8)
    assert sites[6] == Point(2, 2)
    assert shapely.equals(sites[7], SQUARE)
    assert sources[0] == Point(50, 50)


def test_a_place_is_a_point_or_a_point_on_its_surface() -> None:
    bent = Polygon([(0, 0), (100, 0), (100, 10), (10, 10), (10, 100), (0, 100)])
    xy = place_points(column(Point(3, 4), bent, LineString([(0, 0), (10, 0)]), MultiPoint([(1, 1), (2, 2)])))
    assert xy.shape == (4, 2)
    assert xy[0].tolist() == [3, 4]
    assert shapely.contains_xy(bent, *xy[1])
    assert place_points(column()).shape == (0, 2)


def test_people_of_points_lines_and_polygons_around_points_lines_and_polygons() -> None:
    rng = np.random.default_rng(2)
    sites = sites_of(
        column(Point(0, 0), LineString([(-200, 0), (300, 80)]), box(-60, -60, 60, 60), Point(150, 0)),
        column(None, None, None, SQUARE),
    )
    places = column(
        *shapely.points(rng.uniform(-900, 900, (300, 2)).round(3)),
        *(box(x, y, x + 170, y + 240) for x, y in rng.uniform(-900, 700, (40, 2)).round(3)),
        LineString([(0, 400), (30, 400)]),
    )
    people = rng.integers(1, 90, len(places))
    found = people_within(sites, 500, places, people)
    for site, value in zip(sites, found, strict=True):
        around = shapely.difference(shapely.buffer(site, 500, quad_segs=2000), site)
        share = shapely.area(shapely.intersection(places, around)) / np.maximum(shapely.area(places), 1e-9)
        points = shapely.point_on_surface(places)
        whole = (shapely.distance(site, points) <= 500) & ~shapely.contains_properly(site, points)
        expected = np.where(shapely.get_dimensions(places) == 2, share, whole) @ people
        assert value == pytest.approx(expected, rel=1e-6)


def test_all_of_many_is_what_each_alone_gives() -> None:
    rng = np.random.default_rng(4)
    sites = column(*shapely.points(rng.uniform(0, 4000, (150, 2)).round(3)), RING, SQUARE)
    places = column(*(box(x, y, x + 300, y + 300) for x, y in rng.uniform(0, 4000, (90, 2)).round(3)))
    people = rng.uniform(0, 400, 90)
    together = people_within(sites, 500, places, people)
    assert together.tolist() == [people_within(column(s), 500, places, people)[0] for s in sites]

"""People within a distance of a site, against closed forms and against sites put together from their edges."""

import math

import numpy as np
import pytest
import shapely
from hypothesis import given, settings
from hypothesis import strategies as st

from riskmap.errors import BadInput
from riskmap.exposure import people_count, people_within
from riskmap.shapes import HOLE, LINE, POINT, SHELL, Shapes, to_mm

NO_POINTS = np.zeros((0, 2))
NO_SHAPES = Shapes.points(NO_POINTS)
R = 500.0
DISC = math.pi * R * R


def shape(*parts: tuple[int, list[tuple[float, float]]]) -> Shapes:
    """One shape of parts given as (kind, vertices); rings without their closing vertex."""
    rings = [xy + xy[:1] if kind >= SHELL else xy for kind, xy in parts]
    starts = np.cumsum([0] + [len(xy) for xy in rings])
    return Shapes.from_parts(np.vstack(rings), starts, [kind for kind, _ in parts], [0, len(parts)])


def rectangle(x0: float, y0: float, x1: float, y1: float) -> list[tuple[float, float]]:
    return [(x0, y0), (x1, y0), (x1, y1), (x0, y1)]


def flat(polygon: shapely.Geometry) -> Shapes:
    """A shapely geometry as one shape, walked part by part in plain Python."""
    parts: list[tuple[int, list[tuple[float, float]]]] = []
    for part in getattr(polygon, "geoms", [polygon]):
        if part.geom_type == "Polygon":
            parts.append((SHELL, list(part.exterior.coords)[:-1]))
            parts.extend((HOLE, list(ring.coords)[:-1]) for ring in part.interiors)
        else:
            parts.append((POINT if part.geom_type == "Point" else LINE, list(part.coords)))
    return shape(*parts)


def area_within(site: Shapes, polygon: Shapes, radius_m: float = R) -> float:
    """m² of a polygon near a site: people of density 1."""
    area = float(polygon.area_mm2[0]) / 1e6
    return float(people_within(site, radius_m, NO_POINTS, [], polygon, [area])[0])


def region(site: shapely.Geometry, radius_m: float) -> shapely.Geometry:
    """All within a distance of a site and outside it, from a buffer of every single edge: GEOS drops no bay then."""
    pieces = [site]
    for part in shapely.get_parts(site):
        lines = shapely.get_parts(shapely.boundary(part)) if part.geom_type == "Polygon" else [part]
        for line in lines:
            xy = shapely.get_coordinates(line)
            edges = shapely.linestrings(np.stack([xy[:-1], xy[1:]], 1)) if len(xy) > 1 else [line]
            pieces.extend(shapely.buffer(edges, radius_m, quad_segs=800))
    return shapely.difference(shapely.union_all(pieces), site)


# --- a circle around a point -----------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("polygon", "expected"),
    [
        (rectangle(-2000, -2000, 2000, 2000), DISC),
        (rectangle(-2000, 0, 2000, 900), DISC / 2),
        (rectangle(0, 0, 900, 900), DISC / 4),
        (rectangle(300, -2000, 2000, 2000), R * R * math.acos(0.6) - 300 * 400),
        (rectangle(-300, -2000, 300, 2000), DISC - 2 * (R * R * math.acos(0.6) - 300 * 400)),
        (rectangle(-10, -10, 10, 10), 400.0),
        (rectangle(500, -10, 900, 10), 0.0),
        ([(0, 0), (2000, 0), (2000, 2000)], DISC / 8),
    ],
)
def test_share_of_a_circle_is_the_closed_form(polygon: list[tuple[float, float]], expected: float) -> None:
    for ring in (polygon, polygon[::-1]):
        assert area_within(Shapes.points([[0, 0]]), shape((SHELL, ring))) == pytest.approx(
            expected, rel=1e-9, abs=1e-6
        )


def test_holes_and_further_parts_of_a_polygon_count() -> None:
    polygon = shape(
        (SHELL, rectangle(-3000, -3000, 3000, 3000)),
        (HOLE, rectangle(-100, -100, 100, 100)),
        (HOLE, rectangle(400, -3, 420, 3)),
        (SHELL, rectangle(-20, -20, 20, 20)),
    )
    expected = DISC - 200 * 200 - 20 * 6 + 40 * 40
    assert area_within(Shapes.points([[0, 0]]), polygon) == pytest.approx(expected, rel=1e-9)


def star(
    rng: np.random.Generator, corners: int, radius: float, x: float = 0.0, y: float = 0.0
) -> shapely.Polygon:
    """A wavy polygon whose bays are both deep and shallow."""
    while True:
        angle = np.sort(rng.uniform(0, 2 * np.pi, corners))
        far = radius * rng.uniform(0.6, 1.0, corners)
        polygon = shapely.Polygon(np.round(np.c_[x + np.cos(angle) * far, y + np.sin(angle) * far], 3))
        if polygon.is_valid:
            return polygon


def test_circles_over_many_concave_polygons_agree_with_geos() -> None:
    rng = np.random.default_rng(5)
    polygons = [star(rng, 12, 300, *rng.uniform(-900, 900, 2)) for _ in range(60)]
    points = np.round(rng.uniform(-600, 600, (40, 2)), 3)
    people = rng.uniform(1, 500, len(polygons))
    starts = np.cumsum([0] + [len(p.exterior.coords) for p in polygons])
    shapes = Shapes.from_parts(
        np.vstack([p.exterior.coords for p in polygons]), starts, np.full(60, SHELL), np.arange(61)
    )
    found = people_within(Shapes.points(points), R, NO_POINTS, [], shapes, people)
    discs = shapely.buffer(shapely.points(points), R, quad_segs=3000)
    shares = shapely.area(shapely.intersection(discs[:, None], np.array(polygons)[None, :])) / shapely.area(
        polygons
    )
    assert found == pytest.approx(shares @ people, rel=1e-6)


# --- the true boundary of lines and polygons -------------------------------------------------------------


@pytest.mark.parametrize("corners", [3, 4, 7, 40])
def test_around_a_convex_site_lives_what_steiner_says(corners: int) -> None:
    angle = np.arange(corners) * 2 * np.pi / corners
    site = shape(
        (SHELL, list(zip(np.round(300 * np.cos(angle), 3), np.round(180 * np.sin(angle), 3), strict=True)))
    )
    xy = site.arrays.xy / 1000
    outline = float(np.hypot(*np.diff(xy, axis=0).T).sum())
    everywhere = shape((SHELL, rectangle(-2000, -2000, 2000, 2000)))
    assert area_within(site, everywhere) == pytest.approx(outline * R + DISC, rel=1e-9)


def test_around_a_straight_line_lives_a_stadium() -> None:
    everywhere = shape((SHELL, rectangle(-3000, -3000, 3000, 3000)))
    bent_nowhere = [(-600.0, -800.0), (0.0, 0.0), (300.0, 400.0), (600.0, 800.0)]
    assert area_within(shape((LINE, bent_nowhere)), everywhere) == pytest.approx(
        2000 * 2 * R + DISC, rel=1e-9
    )
    back_by_the_same_points, back_by_others = bent_nowhere[2:0:-1], [(-300.0, -400.0), (450.0, 600.0)]
    for back in (back_by_the_same_points, back_by_others):
        found = area_within(shape((LINE, bent_nowhere + back)), everywhere)
        assert found == pytest.approx(2000 * 2 * R + DISC, rel=1e-9)


def test_two_points_in_one_site_are_two_circles_counted_once() -> None:
    everywhere = shape((SHELL, rectangle(-3000, -3000, 3000, 3000)))
    lens = 2 * R * R * math.acos(0.6) - 600 * math.sqrt(R * R - 300 * 300)
    assert area_within(shape((POINT, [(-300, 0), (300, 0)])), everywhere) == pytest.approx(
        2 * DISC - lens, rel=1e-9
    )
    assert area_within(shape((POINT, [(7, 5), (7, 5)])), everywhere) == pytest.approx(DISC, rel=1e-9)


def wavy(rng: np.random.Generator, kind: str) -> shapely.Geometry:
    match kind:
        case "polygon":
            return star(rng, int(rng.integers(4, 25)), rng.uniform(40, 900))
        case "shallow bays":
            angle = np.linspace(0, 2 * np.pi, 45)[:-1]
            far = 500 + rng.uniform(-6, 6, 44)
            return shapely.Polygon(np.round(np.c_[np.cos(angle) * far, np.sin(angle) * far], 3))
        case "line":
            return shapely.LineString(np.round(rng.uniform(-700, 700, (8, 2)), 3))
        case "large hole":
            return shapely.Polygon(star(rng, 20, 2500).exterior, [star(rng, 9, 900).exterior])
        case "parts":
            return shapely.MultiPolygon([star(rng, 8, 150, -400, 0), star(rng, 8, 200, 400, 50)])
    return shapely.GeometryCollection([star(rng, 9, 200), shapely.Point(700, 120)])


@pytest.mark.parametrize("kind", ["polygon", "shallow bays", "line", "large hole", "parts", "with a point"])
def test_true_boundary_agrees_with_a_union_of_all_edges(kind: str) -> None:
    rng = np.random.default_rng(len(kind))
    for radius_m in (120.0, 500.0):
        site = wavy(rng, kind)
        around = region(site, radius_m)
        everywhere = shape((SHELL, rectangle(-5000, -5000, 5000, 5000)))
        assert area_within(flat(site), everywhere, radius_m) == pytest.approx(around.area, rel=1e-6)
        for _ in range(12):
            cell = star(rng, 9, 400, *rng.uniform(-900, 900, 2))
            expected = shapely.intersection(around, cell).area
            assert area_within(flat(site), flat(cell), radius_m) == pytest.approx(
                expected, abs=1e-6 * cell.area
            )


def coincident(rng: np.random.Generator, kind: str, radius_m: float) -> shapely.Geometry:
    """Sites whose outlines meet on a lattice, touch, run along each other or just close a gap."""
    match kind:
        case "lattice of lines":
            start = rng.integers(-5, 6, (5, 2)) * 100
            way = np.array([(1, 0), (0, 1), (1, 1), (-1, 1)])[rng.integers(0, 4, 5)] * rng.integers(
                1, 8, (5, 1)
            )
            return shapely.MultiLineString(list(np.stack([start, start + 100 * way], 1)))
        case "lattice of points":
            return shapely.MultiPoint(rng.integers(-5, 6, (9, 2)) * 100)
        case "row of houses":
            x = np.cumsum(rng.choice([40, 50, 200, 2 * radius_m], 6))
            return shapely.union_all(
                shapely.box(x, 0, x + rng.choice([30, 40], 6), 10 * rng.integers(1, 5, 6))
            )
        case "there and back":
            ends, t = (
                rng.uniform(-800, 800, (2, 2)),
                np.sort(rng.uniform(0, 1, 9))[[0, 2, 4, 6, 8, 7, 5, 3, 1]],
            )
            return shapely.LineString((ends[0] + np.outer(t, ends[1] - ends[0])).round(3))
    gap = 2 * radius_m + rng.choice([-0.001, 0.0, 0.001])
    outer, inner = rectangle(-900, -900, 900 + gap, 900 + gap), rectangle(0, 0, gap, gap)
    return shapely.Polygon(outer, [inner])


@pytest.mark.parametrize(
    "kind",
    ["lattice of lines", "lattice of points", "row of houses", "there and back", "gap that just closes"],
)
def test_outlines_that_coincide_are_counted_once(kind: str) -> None:
    rng = np.random.default_rng(11)
    everywhere = shape((SHELL, rectangle(-5000, -5000, 5000, 5000)))
    for radius_m in (100.0, 500.0) * 6:
        site = coincident(rng, kind, radius_m)
        found = area_within(flat(site), everywhere, radius_m)
        assert found == pytest.approx(region(site, radius_m).area, rel=1e-6), site


def test_a_site_counts_neither_itself_nor_what_shares_its_edge() -> None:
    site = shape((SHELL, rectangle(0, 0, 400, 200)))
    assert area_within(site, site) == 0.0
    beside = shape((SHELL, rectangle(400, 0, 500, 200)))
    assert area_within(site, beside) == pytest.approx(100 * 200, rel=1e-9)
    overlapping = shape((SHELL, rectangle(300, 0, 500, 200)))
    assert area_within(site, overlapping) == pytest.approx(100 * 200, rel=1e-9)


# --- points of population --------------------------------------------------------------------------------


def people_at(site: Shapes, x: float, y: float) -> float:
    return float(people_within(site, R, [[x, y]], [7], NO_SHAPES, [])[0])


def test_500_m_belong_to_the_ring_and_a_millimetre_more_does_not() -> None:
    point = Shapes.points([[371234.567, 3198765.432]])
    for dx, dy in ((500, 0), (0, -500), (300, 400), (-480, 140)):
        assert people_at(point, 371234.567 + dx, 3198765.432 + dy) == 7
        assert people_at(point, 371234.567 + dx * 1.000002, 3198765.432 + dy * 1.000002) == 0
    slope = shape((SHELL, [(0, 0), (400, 300), (-200, 1100), (-600, 800)]))
    along, out = np.array([200, 150]), np.array([300, -400])
    assert people_at(slope, *(along + out)) == 7
    assert people_at(slope, *(along + out * 1.000003)) == 0


@pytest.mark.parametrize("length_m", [17.213, 143.0, 197.0, 400.0])
def test_500_m_from_a_wall_belong_to_the_ring_whatever_its_length(length_m: float) -> None:
    wall = shape((LINE, [(0, 0), (length_m, 0)]))
    assert people_at(wall, round(length_m / 3, 3), 500) == 7
    assert people_at(wall, round(length_m / 3, 3), 500.001) == 0


def test_inside_is_the_site_but_its_edge_and_its_hole_are_outside() -> None:
    site = shape((SHELL, rectangle(0, 0, 2000, 2000)), (HOLE, rectangle(900, 900, 1100, 1100)))
    assert people_at(site, 700, 700) == 0
    assert people_at(site, 0, 1000) == 7
    assert people_at(site, 1000, 1000) == 7
    assert people_at(site, 2000.001, 2000) == 7
    line = shape((LINE, [(0, 0), (100, 0)]))
    assert people_at(line, 50, 0) == 7


def test_points_near_any_site_agree_with_shapely() -> None:
    rng = np.random.default_rng(3)
    xy, people = np.round(rng.uniform(-1500, 1500, (3000, 2)), 3), rng.integers(0, 90, 3000)
    points = shapely.points(xy)
    for kind in ("polygon", "line", "large hole", "parts", "with a point"):
        site = wavy(rng, kind)
        near = (shapely.distance(site, points) <= R) & ~shapely.contains_properly(site, points)
        assert people_within(flat(site), R, xy, people, NO_SHAPES, [])[0] == people[near].sum()


# --- laws ------------------------------------------------------------------------------------------------


def city(seed: int) -> tuple[Shapes, np.ndarray, np.ndarray, Shapes, np.ndarray]:
    rng = np.random.default_rng(seed)
    sites = [wavy(rng, kind) for kind in ("polygon", "line", "parts")] + list(
        shapely.points(np.round(rng.uniform(-900, 900, (200, 2)), 3))
    )
    cells = [star(rng, 8, 250, *rng.uniform(-1500, 1500, 2)) for _ in range(80)]
    return (
        joined([flat(s) for s in sites]),
        np.round(rng.uniform(-1500, 1500, (400, 2)), 3),
        rng.integers(0, 50, 400).astype(float),
        joined([flat(c) for c in cells]),
        rng.uniform(0, 300, 80),
    )


def joined(shapes: list[Shapes]) -> Shapes:
    """Several shapes of one as one array of shapes."""
    arrays = [s.arrays for s in shapes]
    parts = np.cumsum([0] + [n for a in arrays for n in np.diff(a.part_start)])
    kinds = np.concatenate([a.part_kind for a in arrays])
    starts = np.cumsum([0] + [len(a.part_kind) for a in arrays])
    return Shapes.from_parts(np.vstack([a.xy for a in arrays]) / 1000, parts, kinds, starts)


@settings(max_examples=8, deadline=None)
@given(st.integers(0, 10_000))
def test_order_and_threads_change_no_bit(seed: int) -> None:
    sites, xy, people, cells, residents = city(seed)
    rng = np.random.default_rng(seed)
    expected = people_within(sites, R, xy, people, cells, residents, threads=1)
    for threads in (2, 4):
        assert (people_within(sites, R, xy, people, cells, residents, threads=threads) == expected).all()
    a, b, c = rng.permutation(len(sites)), rng.permutation(len(xy)), rng.permutation(len(cells))
    shuffled = people_within(sites.take(a), R, xy[b], people[b], cells.take(c), residents[c])
    assert (shuffled == expected[a]).all()


@settings(max_examples=8, deadline=None)
@given(st.integers(0, 10_000))
def test_more_people_or_a_longer_distance_never_count_less(seed: int) -> None:
    sites, xy, people, cells, residents = city(seed)
    expected = people_within(sites, R, xy, people, cells, residents)
    assert (people_within(sites, R, xy, people + 1, cells, residents) >= expected).all()
    assert (people_within(sites, R, xy, people, cells, residents * 1.5) >= expected).all()
    assert (people_within(sites, R + 20, xy, people, cells, residents) >= expected - 1e-6).all()


def test_a_polygon_split_in_two_holds_the_same_people() -> None:
    sites, *_ = city(1)
    whole = shape((SHELL, rectangle(-900, -700, 800, 900)))
    halves = joined(
        [shape((SHELL, rectangle(-900, -700, 33, 900))), shape((SHELL, rectangle(33, -700, 800, 900)))]
    )
    areas = halves.area_mm2 / 1e6
    together = people_within(sites, R, NO_POINTS, [], whole, [areas.sum()])
    assert people_within(sites, R, NO_POINTS, [], halves, areas) == pytest.approx(together, rel=1e-9)


def test_head_counts_round_up_but_not_for_noise() -> None:
    values = [0.0, 1e-7, 1e-6, 2e-6, 0.4, 29.0000005, 30.0, 30.000002, 99.9999999]
    assert people_count(values).tolist() == [0, 0, 0, 1, 1, 29, 30, 31, 100]


def test_vanishing_and_absent_things() -> None:
    speck = shape((SHELL, rectangle(10, 10, 10.0001, 10.0001)))
    assert people_within(Shapes.points([[0, 0]]), R, NO_POINTS, [], speck, [40])[0] == 40
    nowhere = Shapes.from_parts(NO_POINTS, [0], [], [0, 0])
    assert nowhere.kind.tolist() == [-1]
    sites = joined([Shapes.points([[0, 0]]), nowhere])
    cell = shape((SHELL, rectangle(-10, -10, 10, 10)))
    assert people_within(sites, R, [[5, 5]], [3], cell, [8]).tolist() == [11, 0]
    assert people_within(sites, R, NO_POINTS, [], NO_SHAPES, []).tolist() == [0, 0]
    assert len(people_within(NO_SHAPES, R, [[5, 5]], [3], cell, [8])) == 0


@pytest.mark.parametrize("people", [-1.0, float("nan"), float("inf"), 1e10])
def test_impossible_people_are_refused(people: float) -> None:
    with pytest.raises(BadInput, match="人口"):
        people_within(Shapes.points([[0, 0]]), R, [[5, 5]], [people], NO_SHAPES, [])


def test_positions_are_whole_millimetres() -> None:
    assert to_mm([[1.2344, -0.0004]]).tolist() == [[1234.0, 0.0]]
    moved = Shapes.points([[371234.5674, 3198765.4316]])
    assert moved.arrays.xy.tolist() == [[371234567.0, 3198765432.0]]

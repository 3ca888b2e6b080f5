"""People within 500 m of every point source, by polygon share: the kernel beside PostGIS."""

from collections.abc import Callable

import numpy as np
import psycopg
import pytest
import shapely

from layers.exposure import shapes_from
from riskmap.exposure import people_within
from riskmap.shapes import Shapes
from tests.benchmarks.ratios import Size, seconds

pytestmark = pytest.mark.bench

SIDE_M = 60_000.0
RADIUS_M = 500.0
BY_POSTGIS = """
    SELECT s.id, sum(p.people * ST_Area(ST_Intersection(p.geom, s.circle)) / ST_Area(p.geom))
    FROM (SELECT id, ST_Buffer(geom, %s) AS circle FROM source) s JOIN place p ON ST_Intersects(p.geom, s.circle)
    GROUP BY s.id ORDER BY s.id
"""


def mosaic(n: int, rng: np.random.Generator) -> np.ndarray:
    """About `n` four-sided polygons that fill the square, none like the other."""
    k = round(n**0.5)
    x, y = np.meshgrid(np.linspace(0, SIDE_M, k + 1), np.linspace(0, SIDE_M, k + 1))
    corners = np.stack([x, y], -1) + rng.uniform(-0.25, 0.25, (k + 1, k + 1, 2)) * SIDE_M / k
    rings = np.stack([corners[:-1, :-1], corners[:-1, 1:], corners[1:, 1:], corners[1:, :-1]], 2)
    return np.asarray(shapely.polygons(rings.reshape(-1, 4, 2).round(3)))


def clustered(n: int, rng: np.random.Generator) -> np.ndarray:
    """Points about forty towns, as plants stand."""
    towns = rng.uniform(5_000, SIDE_M - 5_000, (40, 2))
    return np.clip(towns[rng.integers(0, 40, n)] + rng.normal(0, 1_500, (n, 2)), 1_000, SIDE_M - 1_000).round(
        3
    )


def fill(
    connection: psycopg.Connection, sources: np.ndarray, polygons: np.ndarray, people: np.ndarray
) -> None:
    connection.execute("CREATE EXTENSION postgis")
    connection.execute("CREATE TABLE source (id int PRIMARY KEY, geom geometry(Point, 4547))")
    connection.execute("CREATE TABLE place (people float8, geom geometry(Polygon, 4547))")
    points = shapely.to_wkb(shapely.set_srid(shapely.points(sources), 4547), hex=True, include_srid=True)
    shapes = shapely.to_wkb(shapely.set_srid(polygons, 4547), hex=True, include_srid=True)
    with connection.cursor() as cursor:
        with cursor.copy("COPY source FROM STDIN") as copy:
            for row in enumerate(points):
                copy.write_row(row)
        with cursor.copy("COPY place FROM STDIN") as copy:
            for row in zip(people.tolist(), shapes, strict=True):
                copy.write_row(row)
    connection.execute("CREATE INDEX ON place USING gist (geom)")
    connection.execute("ANALYZE")
    connection.execute("SET jit = off")


def test_people_around_every_source(
    size: Size, bare_database: str, compare: Callable[[str, Size, float, str, float, float], None]
) -> None:
    rng = np.random.default_rng(7)
    polygons, sources = mosaic(size.polygons, rng), clustered(size.sources, rng)
    people = rng.integers(0, 400, len(polygons)).astype(np.float64)
    sites, shapes, none = Shapes.points(sources), shapes_from(polygons), np.empty((0, 2))

    def ours() -> np.ndarray:
        return people_within(sites, RADIUS_M, none, np.empty(0), shapes, people)

    found = ours()
    tree = shapely.STRtree(polygons)
    for i in range(0, len(sources), len(sources) // 50):
        circle = shapely.buffer(shapely.Point(sources[i]), RADIUS_M, quad_segs=4_000)
        near = tree.query(circle)
        share = shapely.area(shapely.intersection(polygons[near], circle)) / shapely.area(polygons[near])
        assert found[i] == pytest.approx((share * people[near]).sum(), rel=1e-5, abs=1e-6)

    with psycopg.connect(bare_database, autocommit=True) as connection:
        fill(connection, sources, polygons, people)
        rows: list[tuple[int, float]] = []
        peer_s = seconds(lambda: rows.extend(connection.execute(BY_POSTGIS, [RADIUS_M]).fetchall()))
    # Its circle is a polygon of 32 corners, 0.64 % less than a circle.
    assert sum(value for _, value in rows) == pytest.approx(found.sum(), rel=0.01)
    promised = {"L": 80.0}.get(size.name, 0.0)
    compare("people_500m", size, seconds(ours, 5), "PostGIS ST_Area(ST_Intersection)", peer_s, promised)

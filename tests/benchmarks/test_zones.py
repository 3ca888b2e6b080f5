"""Joint-control zones of a dense city, 200 m, same industry or format, beside PostGIS's clusters.

PostGIS gives the clusters of each partition and stops there; ours join them, keep links on file, hold the bounds, and
give hulls and ids.
"""

import resource
from collections.abc import Callable

import numpy as np
import psycopg
import pytest

from riskmap.forest import join_all, roots, spanning_forest
from riskmap.hulls import hulls_of
from riskmap.nearness import Family
from riskmap.shapes import Floats, Ints, Shapes
from riskmap.zone_links import SIMILAR_FORMAT, SIMILAR_INDUSTRY, Kinship, ZoneSites
from riskmap.zones import NOTHING, Zones, zones_from
from tests.benchmarks.ratios import Size, seconds
from tests.benchmarks.test_exposure import clustered
from tests.zone_cities import RULES

pytestmark = pytest.mark.bench

JOIN_M, LEAVE_M = 200, 220
BY_POSTGIS = """
    SELECT count(*), count(DISTINCT (industry, i)), count(DISTINCT (format, f))
    FROM (
        SELECT id, industry, format,
            ST_ClusterDBSCAN(geom, %s, 1) OVER (PARTITION BY industry) AS i,
            ST_ClusterDBSCAN(geom, %s, 1) OVER (PARTITION BY format) AS f
        FROM site
    ) s
"""


def fill(connection: psycopg.Connection, xy: Floats, industry: Ints, form: Ints) -> None:
    connection.execute("CREATE EXTENSION postgis")
    connection.execute("CREATE TABLE site (id int, industry int, format int, geom geometry(Point, 4547))")
    connection.execute("CREATE TEMP TABLE raw (id int, industry int, format int, x float8, y float8)")
    with connection.cursor() as cursor, cursor.copy("COPY raw FROM STDIN") as copy:
        for row in zip(range(len(xy)), industry.tolist(), form.tolist(), *xy.T.tolist(), strict=True):
            copy.write_row(row)
    connection.execute(
        "INSERT INTO site SELECT id, industry, format, ST_SetSRID(ST_MakePoint(x, y), 4547) FROM raw"
    )
    connection.execute("ANALYZE site")
    connection.execute("SET jit = off")


def test_zones_of_a_dense_city(
    size: Size, bare_database: str, compare: Callable[[str, Size, float, str, float, float], None]
) -> None:
    rng = np.random.default_rng(7)
    n = size.enterprises
    xy = clustered(n, rng)
    shapes, keys = Shapes.points(xy), (rng.integers(0, 20, n), rng.integers(0, 10, n))
    none = np.zeros(n, np.int64)
    sites = ZoneSites(
        *([f"E{k:07d}" for k in range(n)], shapes, [None] * n, [None] * n, none, none),
        rng.integers(0, 60_000_000, n),
    )
    join, leave = np.full(n, JOIN_M * 1000), np.full(n, LEAVE_M * 1000)
    kin = [
        Kinship(kind, key, join, leave)
        for kind, key in zip((SIMILAR_INDUSTRY, SIMILAR_FORMAT), keys, strict=True)
    ]

    def components(key: Ints) -> int:
        forest, parent = spanning_forest(Family(shapes, key, join)), np.arange(n)
        join_all(parent, forest.a, forest.b)
        return len(np.unique(roots(parent)))

    def ours() -> Zones:
        zones = zones_from(sites, kin, RULES.listed, RULES.bounds, NOTHING, {}, (), 0)
        hulls_of(shapes, zones.zone, len(zones.ids))
        return zones

    with psycopg.connect(bare_database, autocommit=True) as connection:
        fill(connection, xy, *keys)
        rows: list[tuple[int, int, int]] = []
        peer_s = seconds(lambda: rows.extend(connection.execute(BY_POSTGIS, [JOIN_M, JOIN_M]).fetchall()))
    assert [components(key) for key in keys] == list(rows[0][1:])

    zones = ours()
    assert max(map(len, zones.members)) <= RULES.bounds.members
    components_s = seconds(lambda: [components(key) for key in keys])
    peak_mib = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    print(f"\n{len(zones.edges)} links on file, {len(zones.ids)} zones, at most {peak_mib:.0f} MiB")
    compare("spanning forests", size, components_s, "PostGIS ST_ClusterDBSCAN", peer_s, 0.0)
    compare("zones", size, seconds(ours), "PostGIS ST_ClusterDBSCAN", peer_s, 0.0)

"""What hangs together within 200 m among those of one industry or one format, as others find it, and hulls by Shapely.

All start from a table site (id, industry, format, geom) or from its columns, and give the same components.
"""

import numpy as np
import psycopg
import shapely
from libpysal.weights import DistanceBand
from scipy.sparse import csr_array
from scipy.sparse.csgraph import connected_components
from scipy.spatial import KDTree

from riskmap.shapes import Floats, Ints

CLUSTERS = """
    SELECT count(*), count(DISTINCT (industry, i)), count(DISTINCT (format, f))
    FROM (
        SELECT id, industry, format,
            ST_ClusterDBSCAN(geom, {reach}, 1) OVER (PARTITION BY industry) AS i,
            ST_ClusterDBSCAN(geom, {reach}, 1) OVER (PARTITION BY format) AS f
        FROM site
    ) s
"""
"""the clusters of each partition; what they have in common is left open"""

_PAIRS = """
    SET LOCAL enable_hashjoin = off; SET LOCAL enable_mergejoin = off;
    CREATE TEMP TABLE link ON COMMIT DROP AS
        SELECT p.id AS a, q.id AS b FROM site p
            JOIN site q ON p.industry = q.industry AND ST_DWithin(p.geom, q.geom, {reach}) WHERE p.id < q.id
        UNION ALL
        SELECT p.id, q.id FROM site p
            JOIN site q ON p.format = q.format AND ST_DWithin(p.geom, q.geom, {reach}) WHERE p.id < q.id;
    SET LOCAL enable_hashjoin = on; SET LOCAL enable_mergejoin = on;
    CREATE TEMP TABLE named ON COMMIT DROP AS SELECT id, id AS zone FROM site;
"""
"""by the indexes of both columns together with the place"""
_CLUSTERED = """
    CREATE TEMP TABLE part ON COMMIT DROP AS
        SELECT id,
            min(id) OVER (PARTITION BY industry, i) AS a,
            -1 - min(id) OVER (PARTITION BY format, f) AS b
        FROM (
            SELECT id, industry, format,
                ST_ClusterDBSCAN(geom, {reach}, 1) OVER (PARTITION BY industry) AS i,
                ST_ClusterDBSCAN(geom, {reach}, 1) OVER (PARTITION BY format) AS f
            FROM site
        ) s;
    CREATE TEMP TABLE link ON COMMIT DROP AS SELECT DISTINCT a, b FROM part;
    CREATE TEMP TABLE named ON COMMIT DROP AS SELECT id, a AS zone FROM part;
"""
_CONTRACTED = """
    DO $$ BEGIN
        WHILE EXISTS (SELECT FROM link) LOOP
            CREATE TEMP TABLE least_of ON COMMIT DROP AS
                SELECT v, min(u) AS u FROM
                    (SELECT a AS v, b AS u FROM link UNION ALL SELECT b, a FROM link
                     UNION ALL SELECT a, a FROM link UNION ALL SELECT b, b FROM link) e
                GROUP BY v;
            ANALYZE least_of;
            CREATE TEMP TABLE shorter ON COMMIT DROP AS
                SELECT DISTINCT least(p.u, q.u) AS a, greatest(p.u, q.u) AS b
                FROM link JOIN least_of p ON p.v = a JOIN least_of q ON q.v = b WHERE p.u <> q.u;
            CREATE TEMP TABLE renamed ON COMMIT DROP AS
                SELECT id, coalesce(u, zone) AS zone FROM named LEFT JOIN least_of ON v = zone;
            DROP TABLE link, named, least_of;
            ALTER TABLE shorter RENAME TO link;
            ALTER TABLE renamed RENAME TO named;
        END LOOP;
    END $$;
    INSERT INTO zone_of SELECT id, zone FROM named;
    INSERT INTO hull
        SELECT zone, ST_ConvexHull(ST_Collect(geom)) FROM named JOIN site USING (id)
        GROUP BY zone HAVING count(*) > 1;
"""


def zones_in_sql(connection: psycopg.Connection, reach_m: int, *, pairs: bool) -> None:
    """Fill zone_of (id, zone) and hull (zone, geom), from all pairs, or from PostGIS's clusters of each partition."""
    statements = (_PAIRS if pairs else _CLUSTERED).format(reach=reach_m) + _CONTRACTED
    with connection.transaction():
        connection.execute(statements)


def by_kd_tree(xy: Floats, industry: Ints, form: Ints, reach_m: float) -> tuple[int, Ints]:
    """All pairs of the k-d tree, those alike, and their components: how many, and the number of each site's."""
    pairs = KDTree(xy).query_pairs(reach_m, output_type="ndarray")
    a, b = pairs.T
    pairs = pairs[(industry[a] == industry[b]) | (form[a] == form[b])]
    return _components(len(xy), *pairs.T)


def by_libpysal(xy: Floats, industry: Ints, form: Ints, reach_m: float) -> tuple[int, Ints]:
    """libpysal's distance band, the neighbours alike, and their components."""
    found = DistanceBand.from_array(xy, reach_m, binary=True, silence_warnings=True).sparse.tocoo()
    a, b = found.coords
    alike = (industry[a] == industry[b]) | (form[a] == form[b])
    return _components(len(xy), a[alike], b[alike])


def band_components(xy: Floats, reach_m: float) -> int:
    """libpysal's distance band and its components, whatever stands there."""
    return int(DistanceBand.from_array(xy, reach_m, binary=True, silence_warnings=True).n_components)


def hulls_by_shapely(xy: Floats, zone: Ints) -> np.ndarray:
    """The hull of each component."""
    order = np.argsort(zone, kind="stable")
    return np.asarray(shapely.convex_hull(shapely.multipoints(xy[order], indices=zone[order])))


def _components(n: int, a: Ints, b: Ints) -> tuple[int, Ints]:
    graph = csr_array((np.ones(len(a), np.int8), (a, b)), shape=(n, n))
    count, label = connected_components(graph, directed=False)
    return int(count), np.asarray(label, np.int64)

"""A dense city's joint-control zones from the database and back: what hangs together alone, and zones in full.

Two sites of one industry or of one format hang together within 200 m.
"""

import numpy as np
import psycopg
import shapely

from layers.ewkb import of_shapes
from riskmap.hulls import Hulls, hulls_of
from riskmap.shapes import Floats, Ints, Shapes
from riskmap.zone_links import SIMILAR_FORMAT, SIMILAR_INDUSTRY, Kinship, ZoneSites
from riskmap.zone_rules import Bounds
from riskmap.zones import NOTHING, Zones, hanging_together, zones_from
from tests.benchmarks.rows import copied_in, packed_rows
from tests.zone_cities import RULES

JOIN_M, LEAVE_M = 200, 220
TABLES = """
    CREATE EXTENSION postgis; CREATE EXTENSION btree_gist;
    CREATE TABLE site (id int PRIMARY KEY, industry int, format int, geom geometry(Point, 4547));
    CREATE TABLE zone_of (id int, zone bigint);
    CREATE TABLE hull (zone bigint, geom geometry);
    CREATE TEMP TABLE raw (id int, industry int, format int, x float8, y float8);
    SET jit = off; SET work_mem = '128MB';
"""
FILLED = """
    INSERT INTO site SELECT id, industry, format, ST_SetSRID(ST_MakePoint(x, y), 4547) FROM raw ORDER BY id;
    DROP TABLE raw;
    CREATE INDEX ON site USING gist (industry, geom); CREATE INDEX ON site USING gist (format, geom);
"""


def fill(connection: psycopg.Connection, xy: Floats, industry: Ints, form: Ints) -> None:
    """The tables that peers and we read and write."""
    connection.execute(TABLES)
    with connection.cursor() as cursor, cursor.copy("COPY raw FROM STDIN") as copy:
        for row in zip(range(len(xy)), industry.tolist(), form.tolist(), *xy.T.tolist(), strict=True):
            copy.write_row(row)
    connection.execute(FILLED)
    connection.execute("VACUUM ANALYZE site")


def read(connection: psycopg.Connection) -> tuple[Shapes, list[Ints]]:
    """The places of all sites, and the numbers of their industries and formats."""
    rows = packed_rows(
        *(connection, "site", 10_000),
        industry=("int4send(industry)", ">i4"),
        format=("int4send(format)", ">i4"),
        x=("float8send(ST_X(geom))", ">f8"),
        y=("float8send(ST_Y(geom))", ">f8"),
    )
    xy = np.column_stack([rows["x"], rows["y"]]).astype(np.float64)
    return Shapes.points(xy), [rows["industry"].astype(np.int64), rows["format"].astype(np.int64)]


def write(connection: psycopg.Connection, zone: Ints, hulls: Hulls) -> None:
    """The zone of each site, and the hull of each zone."""
    connection.execute("TRUNCATE zone_of, hull")
    copied_in(connection, "zone_of", np.arange(len(zone)), zone)
    with connection.cursor() as cursor, cursor.copy("COPY hull FROM STDIN (FORMAT binary)") as copy:
        copy.set_types(["int8", "bytea"])
        for row in enumerate(of_shapes(_polygons(hulls), 4547).to_pylist()):
            copy.write_row(row)


def _polygons(hulls: Hulls) -> np.ndarray:
    """Hulls as closed rings of at least four corners, in metres."""
    corners = np.diff(hulls.start)
    sizes = np.maximum(corners + 1, 4)
    ends = np.cumsum(sizes)
    nth = np.arange(ends[-1]) - np.repeat(ends - sizes, sizes)
    nth = np.where(nth < np.repeat(corners, sizes), nth, 0)
    xy = hulls.xy[np.repeat(hulls.start[:-1], sizes) + nth] / 1000
    return np.asarray(
        shapely.polygons(shapely.linearrings(xy, indices=np.repeat(np.arange(len(sizes)), sizes)))
    )


def kinships_of(keys: list[Ints]) -> list[Kinship]:
    """Both kinds of link, joined within 200 m, given up beyond 220 m."""
    join, leave = np.full(len(keys[0]), JOIN_M * 1000), np.full(len(keys[0]), LEAVE_M * 1000)
    return [
        Kinship(kind, key, join, leave)
        for kind, key in zip((SIMILAR_INDUSTRY, SIMILAR_FORMAT), keys, strict=True)
    ]


def plain(connection: psycopg.Connection) -> int:
    """Read, what hangs together, its hulls, write back; how many there are."""
    shapes, keys = read(connection)
    zone, n_zones = hanging_together(shapes, kinships_of(keys))
    write(connection, zone, hulls_of(shapes, zone, n_zones))
    return n_zones


def sites_at(shapes: Shapes) -> ZoneSites:
    """These places as sites with a code and a risk each."""
    n = len(shapes)
    none, score = np.zeros(n, np.int64), np.random.default_rng(9).integers(0, 60_000_000, n)
    codes = list(map(str, range(10**7, 10**7 + n)))  # all of one length, so in order
    return ZoneSites(codes, shapes, [None] * n, [None] * n, none, none, score)


def bounded_zones(
    shapes: Shapes, keys: list[Ints], bounds: Bounds = RULES.bounds, previous: Zones = NOTHING
) -> Zones:
    """Zones in full: evidence on file, bounds, ids and lineage."""
    return zones_from(sites_at(shapes), kinships_of(keys), RULES.listed, bounds, previous, {}, (), 0)


def in_full(connection: psycopg.Connection, previous: Zones = NOTHING) -> Zones:
    """Read, zones in full, their hulls, write back."""
    shapes, keys = read(connection)
    zones = bounded_zones(shapes, keys, previous=previous)
    write(connection, zones.zone, hulls_of(shapes, zones.zone, len(zones.ids)))
    return zones

"""A square city too large for a whole-table read: four townships, 324 grid units and over 20,000 records a layer.

Everything follows from a record's number, so that a test can count again without asking the functions under test.
Every tenth source is a square site; every fiftieth enterprise is closed; every eleventh record has no level.
"""

import math

from sqlalchemy import text

from layers.database import Identity, owner_engine, writing
from layers.history import open_revision

WEST, SOUTH, SIDE = 112.3, 28.8, 0.2
"""Corner and side of the city, in degrees; a township is half as wide, a grid unit an eighteenth."""
CITY_CODE = "430981"
OURS = "430981101"
"""The south-western township."""
COUNTS = {"enterprise": 24_000, "source": 21_000, "target": 21_000, "resource": 200}
ROLES = {
    "city": Identity("city", "city"),
    "township": Identity("town", "township", OURS),
    "village": Identity("village", "village", f"{OURS}005"),
    "grid": Identity("grid", "grid", f"{OURS}005005"),
    "enterprise": Identity("firm", "enterprise", enterprise_code="E1"),
    "committee": Identity("committee", "city", committee="hazchem"),
}
CENTRE_OF_OURS = (WEST + SIDE / 4, SOUTH + SIDE / 4)
"""In the middle of the grid unit of ROLES."""

RECORDS = tuple(COUNTS)


def tile_of(lon: float, lat: float, z: int) -> tuple[int, int]:
    """Column and row of the tile that holds a position, by the definition of web Mercator."""
    across = (lon + 180) / 360
    down = (1 - math.asinh(math.tan(math.radians(lat))) / math.pi) / 2
    return int(across * 2**z), int(down * 2**z)


_PLACED = f"""
  SELECT i, {WEST} + {SIDE} * x AS lon, {SOUTH} + {SIDE} * y AS lat, township, village,
         village || lpad((1 + gx % 3 + 3 * (gy % 3))::text, 3, '0') AS grid,
         (ARRAY['general', 'hazchem', 'fire_crowd', 'construction', 'pipeline'])[1 + i % 5] AS committee
  FROM generate_series(1, :n) i,
       LATERAL (SELECT (i * 0.7548776662466927) % 1 AS x, (i * 0.5698402909980532) % 1 AS y) at,
       LATERAL (SELECT floor(18 * x)::integer AS gx, floor(18 * y)::integer AS gy) unit,
       LATERAL (SELECT '430981' || (101 + gx / 9 + 2 * (gy / 9)) AS township) t,
       LATERAL (SELECT township || lpad((1 + gx / 3 % 3 + 3 * (gy / 3 % 3))::text, 3, '0') AS village) v
"""
_POINT = "ST_SetSRID(ST_MakePoint(lon, lat), 4490)"
_SITE = f"CASE WHEN i % 10 = 0 THEN ST_Expand({_POINT}, 0.0004) ELSE {_POINT} END"
_SCOPE = "township, village, grid"

_RECORDS = {
    "enterprise": (
        "code, name, status, industry, committee, enterprise_code",
        "'E' || i, 'firm ' || i, CASE WHEN i % 50 = 0 THEN 'closed' ELSE 'active' END, '2651', committee, 'E' || i",
        _POINT,
    ),
    "source": (
        "code, name, kind, committee, enterprise_code",
        "'S' || i, 'tank ' || i, 'lpg_store', committee, 'E' || i",
        _SITE,
    ),
    "target": ("code, name, target_class, synthetic", "'T' || i, 'school ' || i, 'important', true", _POINT),
    "resource": ("code, name, kind", "'R' || i, 'station ' || i, 'fire_station'", _POINT),
}


def build(dsn: str) -> None:
    """Fill a prepared database with the city: one revision for the areas and records, one for the levels."""
    owner = owner_engine(dsn)
    with writing(owner) as connection:
        rev = open_revision(connection, "test", "crowd", None)
        connection.execute(text(_AREAS), {"rev": rev})
        connection.execute(text(_LINES), {"rev": rev})
        for layer, (columns, values, geom) in _RECORDS.items():
            connection.execute(
                text(
                    f"INSERT INTO {layer} ({columns}, township_code, village_code, grid_code, geom, geom_m, valid_from,"
                    f" rev) SELECT {values}, {_SCOPE}, {geom}, ST_Transform({geom}, 4547), date '2026-01-01', :rev"
                    f" FROM ({_PLACED}) placed"
                ),
                {"rev": rev, "n": COUNTS[layer]},
            )
    with writing(owner) as connection:
        rev = open_revision(connection, "test", "levels", None)
        for kind in ("enterprise", "source"):
            connection.execute(
                text(_SCORES), {"kind": kind, "letter": kind[0].upper(), "n": COUNTS[kind], "rev": rev}
            )
        connection.execute(text(_COLOURS), {"rev": rev})
        connection.execute(text("ANALYZE"))
    owner.dispose()


_AREAS = f"""
  WITH unit AS (
    SELECT 'grid' AS level, gx, gy, 18 AS parts FROM generate_series(0, 17) gx, generate_series(0, 17) gy
    UNION ALL SELECT 'village', gx, gy, 6 FROM generate_series(0, 5) gx, generate_series(0, 5) gy
    UNION ALL SELECT 'township', gx, gy, 2 FROM generate_series(0, 1) gx, generate_series(0, 1) gy
    UNION ALL SELECT 'city', 0, 0, 1
  ), coded AS (
    SELECT *, {SIDE}::float8 / parts AS side,
      CASE WHEN parts > 1 THEN '430981' || (101 + gx * 2 / parts + 2 * (gy * 2 / parts)) END AS township,
      lpad((1 + gx * 6 / parts % 3 + 3 * (gy * 6 / parts % 3))::text, 3, '0') AS v,
      lpad((1 + gx % 3 + 3 * (gy % 3))::text, 3, '0') AS g
    FROM unit
  )
  INSERT INTO area (code, name, level, township_code, village_code, grid_code, geom, geom_m, valid_from, rev)
  SELECT code, level || ' ' || code, level, township, CASE WHEN parts >= 6 THEN township || v END,
         CASE WHEN parts = 18 THEN code END, geom, ST_Transform(geom, 4547), date '2026-01-01', :rev
  FROM coded,
    LATERAL (SELECT CASE parts WHEN 1 THEN '{CITY_CODE}' WHEN 2 THEN township WHEN 6 THEN township || v
                               ELSE township || v || g END AS code) c,
    LATERAL (SELECT ST_MakeEnvelope({WEST} + gx * side, {SOUTH} + gy * side, {WEST} + (gx + 1) * side,
                                    {SOUTH} + (gy + 1) * side, 4490) AS geom) e
"""

_LINES = f"""
  INSERT INTO line (code, name, kind, rank, geom, geom_m, valid_from, rev)
  SELECT code, name, kind, rank, geom, ST_Transform(geom, 4547), date '2026-01-01', :rev FROM (VALUES
    ('L1', 'lake', 'lake', 1, ST_MakeEnvelope({WEST}, {SOUTH}, {WEST} + 0.03, {SOUTH} + 0.02, 4490)),
    ('L2', 'road', 'road', 2, ST_SetSRID(ST_MakeLine(ST_MakePoint({WEST}, {SOUTH}),
                                                     ST_MakePoint({WEST} + {SIDE}, {SOUTH} + {SIDE})), 4490)),
    ('L3', 'lane', 'road', 6, ST_SetSRID(ST_MakeLine(ST_MakePoint({WEST} + 0.01, {SOUTH} + 0.01),
                                                     ST_MakePoint({WEST} + 0.06, {SOUTH} + 0.04)), 4490))
  ) AS l (code, name, kind, rank, geom)
"""

_SCORES = f"""
  INSERT INTO score (kind, code, township_code, village_code, grid_code, enterprise_code, committee,
                     score, base, level, base_level, rise_level, grade, confidence, facts, rev)
  SELECT :kind, :letter || i, {_SCOPE}, 'E' || i, committee, 1000000, 1000000, level, level, 1 + i % 5 % 4,
         CASE WHEN level = 1 THEN 3 END, 'A', '{{"hazards": ["fire"], "distances_m": {{"reach": 800}}}}', :rev
  FROM ({_PLACED}) placed, LATERAL (SELECT CASE WHEN i % 97 = 0 THEN 1 WHEN i % 31 = 0 THEN 2
                                                WHEN i % 7 = 0 THEN 3 ELSE 4 END AS level) l
  WHERE i % 11 <> 0
"""

_COLOURS = """
  INSERT INTO colour (kind, code, level, base_level, rise_level, rev)
  SELECT level, code, 1 + length(code) % 4, 1 + length(code) % 4, 4, :rev FROM area
"""

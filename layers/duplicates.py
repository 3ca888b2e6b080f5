"""Near-duplicates: records of one layer with the same name and different codes, a few metres apart. Proposals only.

Names come first (`same_name` of layers/sql: width, case, blanks and brackets make no difference), because most stand
once; what shares its name is looked for nearby. A few rows of a file are looked for among the stored records the
other way round, by the spatial index, so that no name of a large layer has to be read for them.
"""

from typing import Any

from sqlalchemy import Connection, text

from layers.records import Page
from riskmap.confidence import Figures
from riskmap.errors import BadInput

LAYERS = {"enterprises": "enterprise", "sources": "source", "targets": "target", "resources": "resource"}
"""layers whose records may be doubled: import name → table"""

Row = dict[str, Any]

_PAIR = """
  s.code, s.name, t.code AS other, t.name AS other_name, ST_Distance(s.geom_m, t.geom_m) AS distance_m,
  ST_X(a.at) AS lon, ST_Y(a.at) AS lat, ST_X(b.at) AS other_lon, ST_Y(b.at) AS other_lat,
  ST_X(b.at_m) - ST_X(a.at_m) AS east_m, ST_Y(b.at_m) - ST_Y(a.at_m) AS north_m
"""
_PLACES = """
  LATERAL (SELECT ST_PointOnSurface(s.geom) AS at, place_point(s.geom_m) AS at_m) a,
  LATERAL (SELECT ST_PointOnSurface(t.geom) AS at, place_point(t.geom_m) AS at_m) b
"""
_SQUARE = "2 * CAST(:near_m AS float8)"
"""side of the squares in which records of one name are looked for"""


def stored_duplicates(
    connection: Connection, layer: str, limit: int = 50, offset: int = 0, near_m: float | None = None
) -> Page:
    """Pairs among the stored records of a layer (import name), the nearest first, each told once.

    `{"layer", "code", "name", "other", "other_name", "distance_m", "lon", "lat", "other_lon", "other_lat", "east_m",
    "north_m", "about", "other_about"}`; `about` is the whole record. BadInput for a layer that has no names.
    """
    table = table_of(layer)
    rows = connection.execute(
        text(
            f"""
            WITH {_pairs(table, "s.code < t.code")}, shown AS (
              SELECT p.*, count(*) OVER () AS total FROM pair p ORDER BY distance_m, code, other
              LIMIT :limit OFFSET :offset
            )
            SELECT {_PAIR}, to_jsonb(s) - 'geom' - 'geom_m' AS about, to_jsonb(t) - 'geom' - 'geom_m' AS other_about,
                   p.total
            FROM shown p JOIN {table} s ON s.code = p.code JOIN {table} t ON t.code = p.other, {_PLACES}
            ORDER BY p.distance_m, p.code, p.other
            """
        ),
        {"near_m": near_m or Figures.of().near_m, "limit": limit, "offset": offset},
    ).mappings()
    items = [{"layer": layer, **_rounded(row)} for row in rows]
    total = items[0]["total"] if items else 0
    for item in items:
        del item["total"]
    return Page(items, total)


def near_duplicates(
    connection: Connection, table: str, rows: str = "", near_m: float | None = None
) -> list[Row]:
    """What a file's rows may double: pairs of staged rows (`staged_<table>`, given as `rows`) with others.

    The others are stored records that the file does not speak of, and the file's own rows, of which each pair is told
    once. Rows that change nothing propose nothing, so the same file proposes once. `{"row", "code", "name", "other",
    "other_name", "other_row", "distance_m", "lon", "lat", "other_lon", "other_lat", "east_m", "north_m"}`, `other_row`
    None for a stored record. Empty for a layer whose records have no name to share.
    """
    if table not in LAYERS.values():
        return []
    staged = rows or f"staged_{table}"
    found = connection.execute(
        text(
            f"""
            WITH {_pairs(staged, f"({_NEW.format('s')}) AND (s.code < t.code OR NOT ({_NEW.format('t')}))", _SAID)},
            known AS MATERIALIZED (
              SELECT s.code, t.code AS other FROM {staged} s
                JOIN LATERAL (SELECT code, name FROM {table} t WHERE t.geom_m && ST_Expand(s.geom_m, :near_m)
                              AND ST_DWithin(s.geom_m, t.geom_m, :near_m) OFFSET 0) t  -- OFFSET: places first
                ON t.code <> s.code AND same_name(s.name) = same_name(t.name) AND same_name(s.name) <> ''
              WHERE {_NEW.format("s")} AND NOT EXISTS (SELECT FROM {staged} n WHERE n.code = t.code)
            )
            SELECT s.file_rows[1] AS row, {_PAIR}, t.file_rows[1] AS other_row
              FROM pair p JOIN {staged} s ON s.code = p.code JOIN {staged} t ON t.code = p.other, {_PLACES}
            UNION ALL
            SELECT s.file_rows[1] AS row, {_PAIR}, NULL
              FROM known p JOIN {staged} s ON s.code = p.code JOIN {table} t ON t.code = p.other, {_PLACES}
            ORDER BY row, other
            """
        ),
        {"near_m": near_m or Figures.of().near_m},
    ).mappings()
    return [_rounded(row) for row in found]


_NEW = "{0}.op <> '=' AND cardinality({0}.file_rows) > 0"
"""SQL: a staged row that the file speaks of and that changes something"""
_SAID = ", op, file_rows"


def _pairs(rows: str, which: str, more: str = "") -> str:
    """SQL: `pair` (code, other, distance_m) of the rows that share a name and lie near, as far as `which` lets them.

    Rows are first grouped by name; those whose name stands twice are put into the squares they touch, and looked for
    in the squares around: so a name that very many share costs no more than others do.
    """
    squares = ", ".join(
        f"generate_series(floor((ST_{axis}Min(geom_m) - {{0}}) / ({_SQUARE}))::int,"
        f" floor((ST_{axis}Max(geom_m) + {{0}}) / ({_SQUARE}))::int) AS {axis.lower()}"
        for axis in "XY"
    )
    return f"""
      named AS MATERIALIZED (
        SELECT code, key, geom_m{more} FROM (
          SELECT code, key, geom_m{more}, count(*) OVER (PARTITION BY key) AS n
          FROM (SELECT code, geom_m{more}, same_name(name) COLLATE "C" AS key FROM {rows} OFFSET 0) k
        ) counted WHERE n > 1 AND key <> ''
      ), at AS MATERIALIZED (SELECT named.*, x, y FROM named, {squares.format("0")}),
      around AS MATERIALIZED (SELECT named.*, x, y FROM named, {squares.format(":near_m")}),
      pair AS MATERIALIZED (
        SELECT DISTINCT s.code, t.code AS other, ST_Distance(s.geom_m, t.geom_m) AS distance_m
        FROM around s JOIN at t USING (key, x, y)
        WHERE s.code <> t.code AND {which} AND ST_DWithin(s.geom_m, t.geom_m, :near_m)
      )
    """


def table_of(layer: str) -> str:
    """The table of a layer whose records may be doubled. BadInput for another one."""
    if layer not in LAYERS:
        raise BadInput(f"图层“{layer}”的记录不能合并", remedy="可用：" + "、".join(LAYERS))
    return LAYERS[layer]


def _rounded(row: Any) -> Row:
    """Distances to the centimetre, degrees to a centimetre as well."""
    told = dict(row)
    for name in ("distance_m", "east_m", "north_m"):
        told[name] = round(told[name], 2)
    for name in ("lon", "lat", "other_lon", "other_lat"):
        told[name] = round(told[name], 7)
    return told

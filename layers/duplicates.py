"""Near-duplicates: records of one layer with the same name and different codes, a few metres apart. Proposals only.

The name is compared first (`same_name` of layers/sql: width, case, blanks and brackets make no difference), because
most names stand once; only what shares its name is then looked for around its position, by the spatial index. So a
name that ten thousand shops have costs ten thousand look-ups and not their square.
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
_NEAR = "t.geom_m && ST_Expand(s.geom_m, :near_m) AND ST_DWithin(s.geom_m, t.geom_m, :near_m)"


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
            WITH named AS MATERIALIZED (
              SELECT code, key FROM (
                SELECT code, key, count(*) OVER (PARTITION BY key) AS n
                FROM (SELECT code, same_name(name) AS key FROM {table}) k WHERE key <> ''
              ) counted WHERE n > 1
            ), pair AS MATERIALIZED (
              SELECT s.code, t.code AS other, ST_Distance(s.geom_m, t.geom_m) AS distance_m
              FROM named n JOIN {table} s ON s.code = n.code
                JOIN {table} t ON t.code > s.code AND {_NEAR} AND same_name(t.name) = n.key
            ), shown AS (
              SELECT *, count(*) OVER () AS total FROM pair ORDER BY distance_m, code, other
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
    new = "s.op <> '=' AND cardinality(s.file_rows) > 0"
    found = connection.execute(
        text(
            f"""
            WITH around AS (
              SELECT s.code AS mine, t.code AS theirs, t.file_rows[1] AS other_row FROM {staged} s
                JOIN {staged} t ON same_name(s.name) = same_name(t.name) AND t.code <> s.code
                  AND (t.code > s.code OR t.op = '=' OR cardinality(t.file_rows) = 0) AND {_NEAR}
              WHERE {new}
            ), known AS (
              SELECT s.code AS mine, t.code AS theirs FROM {staged} s
                JOIN {table} t ON same_name(s.name) = same_name(t.name) AND t.code <> s.code AND {_NEAR}
              WHERE {new} AND NOT EXISTS (SELECT FROM {staged} n WHERE n.code = t.code)
            )
            SELECT s.file_rows[1] AS row, {_PAIR}, p.other_row
              FROM around p JOIN {staged} s ON s.code = p.mine JOIN {staged} t ON t.code = p.theirs, {_PLACES}
            UNION ALL
            SELECT s.file_rows[1] AS row, {_PAIR}, NULL
              FROM known p JOIN {staged} s ON s.code = p.mine JOIN {table} t ON t.code = p.theirs, {_PLACES}
            ORDER BY row, other
            """
        ),
        {"near_m": near_m or Figures.of().near_m},
    ).mappings()
    return [_rounded(row) for row in found]


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

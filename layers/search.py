"""Finding things on the map: what lies at a position, what is nearest, and records by name or code."""

import json
import math
import unicodedata
from collections.abc import Mapping, Sequence
from typing import Any

from sqlalchemy import (
    Connection,
    Select,
    Text,
    and_,
    case,
    func,
    literal,
    null,
    or_,
    select,
    union_all,
)
from sqlalchemy.dialects.postgresql import array

from layers.history import Moment
from layers.schema import colour, metadata, score
from layers.tiles import AGGREGATE_BELOW, TILE_PX, cells_of, past_query
from riskmap.errors import BadInput
from riskmap.vocabulary import LEVELS

MAPPED = ("source", "enterprise", "target", "resource")
"""Layers of records that a click can hit, in the order a reader cares for them."""
SEARCHED = ("area", "source", "enterprise", "target", "resource")
_KIND_COLUMNS = {
    "area": "level",
    "source": "kind",
    "enterprise": "industry",
    "target": "target_class",
    "resource": "kind",
}
_COLOURS = ("level", "base_level", "rise_level")
_FOUND = ("code", "name", "kind", *_COLOURS, "grade", "synthetic", "distance_m", "at_lon", "at_lat")
TOUCH_PX = 14
"""How far from a symbol's middle a click still means it."""
RING_PX = 16
"""How far from a ring's middle: it is drawn as large."""
MOST_HITS = 30
LONGEST_TEXT = 64

_EARTH_M_PER_PX = 156_543.033_928
"""Metres a pixel of zoom 0 on the equator, in web Mercator."""

Row = dict[str, Any]


def identify(
    connection: Connection,
    lon: float,
    lat: float,
    zoom: float,
    layers: Sequence[str],
    *,
    scale: str = "base",
    codes: Mapping[str, Sequence[str]] | None = None,
    then: Moment | None = None,
) -> Row:
    """What a click at a map zoom means: `hits`, records under it, `areas`, the finest first, and joint-control `zones`.

    Where the map draws records one by one, hits are those within a finger's width by distance in metres; where it
    draws rings, the members of the rings touched, the worst first on the map that is looked at (`scale`: base or
    rise). `total` counts them all, at most MOST_HITS of a layer are told; `codes` says by layer which records are drawn,
    where not all are. Records (not areas and zones) are those of a moment of the past, where one is given. BadInput
    off the globe.
    """
    hits: list[Row] = []
    total = 0
    tile_zoom = math.ceil(zoom) - 1
    for layer in MAPPED:
        if layer not in layers:
            continue
        drawn = (codes or {}).get(layer)
        if tile_zoom < AGGREGATE_BELOW:
            found = _in_squares(connection, layer, lon, lat, tile_zoom, f"{scale}_level", drawn, then)
            total += found[0].pop("total") if found else 0
        else:
            reach_m = TOUCH_PX * _EARTH_M_PER_PX * math.cos(math.radians(lat)) / 2**zoom
            found = nearest(
                connection, layer, lon, lat, max_m=reach_m, limit=MOST_HITS, codes=drawn, then=then
            )
            total += len(found)
        hits += found
    at = func.areas_at(lon, lat).table_valued("code", "name", "kind", *_COLOURS, "synthetic")
    areas = [_words(dict(row)) for row in connection.execute(select(at)).mappings()]
    around = func.zones_at(lon, lat).table_valued("code", "name", "members", *_COLOURS)
    zones = [_words({"kind": "zone", **row}) for row in connection.execute(select(around)).mappings()]
    if tile_zoom >= AGGREGATE_BELOW:
        hits.sort(key=lambda hit: hit["distance_m"])
    return {"lon": lon, "lat": lat, "hits": hits, "total": total, "areas": areas, "zones": zones}


def _in_squares(
    connection: Connection,
    layer: str,
    lon: float,
    lat: float,
    tile_zoom: int,
    worst: str,
    codes: Sequence[str] | None,
    then: Moment | None,
) -> list[Row]:
    """The members of the rings of one layer that a click touches; the first says how many there are."""
    names = (*_FOUND, "total")
    asked = (layer, lon, lat, max(tile_zoom, 0), cells_of(layer), RING_PX / TILE_PX, MOST_HITS, worst)
    rows = connection.execute(
        select(func.in_squares(*asked, *_only(codes, then)).table_valued(*names))
    ).mappings()
    found = [_words({"layer": layer, **row}) for row in rows]
    for row in found[1:]:
        del row["total"]
    return found


def nearest(
    connection: Connection,
    layer: str,
    lon: float,
    lat: float,
    *,
    max_m: float,
    limit: int,
    codes: Sequence[str] | None = None,
    then: Moment | None = None,
) -> list[Row]:
    """The records of a layer (of these codes, where given) nearest to a position, at most `max_m` away, with their
    distance in metres."""
    if layer not in MAPPED:
        raise BadInput(f"没有图层“{layer}”", remedy="可用：" + "、".join(MAPPED))
    if not (-180 <= lon <= 180 and -85 <= lat <= 85):
        raise BadInput(f"位置 {lon}, {lat} 不在地图上", remedy="经度 -180–180，纬度 -85–85")
    found = func.nearest(layer, lon, lat, max_m, limit, *_only(codes, then)).table_valued(*_FOUND)
    rows = connection.execute(select(found).order_by(found.c.distance_m, found.c.code)).mappings()
    return [_words({"layer": layer, **row}) for row in rows]


def _only(codes: Sequence[str] | None, then: Moment | None) -> list[Any]:
    """The last arguments of a search: among which codes (null: all), and as of which moment."""
    among = null() if codes is None else array(list(codes), type_=Text)
    return [among, func.json(json.dumps(past_query(then)))]


def search(connection: Connection, wanted: str, limit: int) -> Row:
    """Records whose name holds the text or whose code begins with it, the closest match first, worst inherent risk first.

    Full-width letters and digits count as half-width ones. BadInput for an empty or an overlong text.
    """
    text = unicodedata.normalize("NFKC", wanted).strip()
    if not 0 < len(text) <= LONGEST_TEXT:
        raise BadInput("搜索内容为空或太长", remedy=f"请输入 1–{LONGEST_TEXT} 个字")
    found = union_all(*(_matches(table, text) for table in SEARCHED)).subquery()
    closeness = case(
        (found.c.code == text, 0),
        (found.c.name == text, 1),
        (found.c.name.startswith(text, autoescape=True), 2),
        else_=3,
    )
    township = metadata.tables["area"].alias("township")
    query = (
        select(found, township.c.name.label("township_name"), func.count().over().label("total"))
        .outerjoin(township, township.c.code == found.c.township_code)
        .order_by(closeness, found.c.place, found.c.base_level.asc().nulls_last(), found.c.name, found.c.code)
        .limit(limit)
    )
    rows = [dict(row) for row in connection.execute(query).mappings()]
    total = rows[0]["total"] if rows else 0
    for row in rows:
        del row["total"], row["place"]
    return {"items": [_words(row) for row in rows], "total": total}


def _matches(name: str, text: str) -> Select[Any]:
    """The matching records of one table, as rows of one shape."""
    table = metadata.tables[name]
    results = colour if name == "area" else score
    kinds = table.c.level if name == "area" else literal(name)
    point = func.ST_PointOnSurface(table.c.geom)
    kind = table.c[_KIND_COLUMNS[name]]
    # towns and villages before records, the thousands of grid units after them
    place = case((table.c.level == "grid", 9), else_=0) if name == "area" else literal(SEARCHED.index(name))
    grade = results.c.grade if "grade" in results.c else null()
    query = (
        select(
            literal(name).label("layer"), table.c.code, table.c.name, kind.label("kind"), table.c.township_code,
            *(results.c[name] for name in _COLOURS), grade.label("grade"),
            func.coalesce(table.c.synthetic, False).label("synthetic"),
            func.ST_X(point).label("lon"), func.ST_Y(point).label("lat"),
            place.label("place"),
        )
        .outerjoin(results, and_(results.c.kind == kinds, results.c.code == table.c.code))
        .where(or_(table.c.name.icontains(text, autoescape=True), table.c.code.istartswith(text, autoescape=True)))
    )  # fmt: skip
    return query.where(table.c.status.is_distinct_from("closed")) if "status" in table.c else query


def _words(row: Row) -> Row:
    """Colours as words, positions to a centimetre, distances to a decimetre."""
    row |= {name: LEVELS.get(row[name]) for name in _COLOURS}
    for old, new in (("at_lon", "lon"), ("at_lat", "lat")):
        if old in row:
            row[new] = row.pop(old)
    for name in ("lon", "lat"):
        if row.get(name) is not None:
            row[name] = round(row[name], 7)
    if "distance_m" in row:
        row["distance_m"] = round(row["distance_m"], 1)
    return row

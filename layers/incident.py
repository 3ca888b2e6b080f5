"""What lies around an accident: people by grid unit, targets, sources, rescue resources, under the reader's rights.

Every question is about one place and goes by the spatial index. Positions are metres of the city's metric system.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import shapely
from sqlalchemy import (
    ARRAY,
    CTE,
    ColumnElement,
    Connection,
    Double,
    Integer,
    Text,
    and_,
    any_,
    case,
    cast,
    func,
    literal,
    or_,
    select,
    text,
    type_coerce,
    union_all,
)
from sqlalchemy.dialects.postgresql import JSON

from layers.crs import SCALE_HIGH, SCALE_LOW, metric_system
from layers.schema import GEOGRAPHIC_SRID, city, metadata, score
from riskmap.errors import BadInput
from riskmap.shapes import Floats
from riskmap.vocabulary import LEVELS

Row = dict[str, Any]
RESOURCE_KINDS = ("fire_station", "rescue_team", "hospital", "material_store", "water_source", "shelter")
"""In the order in which they are needed."""
_QUADRANT = 64
"""Edges of a quarter of a circle, where areas are shared out and where it is drawn: the edge is right to 1e-4."""
_PLACES = 9

_AREA, _POPULATION, _TARGET, _SOURCE, _RESOURCE, _STUDY = (
    metadata.tables[name] for name in ("area", "population", "target", "source", "resource", "zone_external")
)


@dataclass(frozen=True, slots=True)
class Place:
    """Where it happens: degrees, metres of the metric system and its number, and the areas there by their level."""

    lon: float
    lat: float
    x_m: float
    y_m: float
    srid: int
    areas: dict[str, Row]


class Reach(NamedTuple):
    """One shape about the place: an exact circle, or a polygon (n × 2 metres of a ring, or a study's own)."""

    radius_m: float | None
    polygon: shapely.Geometry | None


def place_at(connection: Connection, lon: float, lat: float) -> Place:
    """The place of a longitude and latitude in CGCS2000. BadInput where the city's metric system does not hold."""
    srid = int(connection.execute(select(city.c.metric_srid)).scalar_one())
    metric = metric_system(srid)
    if not (-180 <= lon <= 180 and -85 <= lat <= 85) or not metric.usable([lon], [lat])[0]:  # type: ignore[arg-type]
        raise BadInput(
            f"位置 {lon:g}, {lat:g} 不在本市坐标系可用的范围内（尺度 {SCALE_LOW}–{SCALE_HIGH}）",
            remedy="请核对经纬度（CGCS2000，经度在前），或在地图上点选",
        )
    x, y = metric.to_metres(lon, lat)  # type: ignore[arg-type]
    at = func.areas_at(lon, lat).table_valued("code", "name", "kind")
    areas = {row["kind"]: dict(row) for row in connection.execute(select(at)).mappings()}
    return Place(round(lon, _PLACES), round(lat, _PLACES), float(x), float(y), srid, areas)


def go_by_index(connection: Connection) -> None:
    """For the rest of this transaction no whole table is read, whatever the statistics say."""
    connection.execute(text("SET LOCAL enable_seqscan = off"))


def inventory_of(connection: Connection, source_code: str) -> list[Row]:
    """What a source holds: code, cas, substance, hazard_class, quantity_t, unit_code, in order of code."""
    table = metadata.tables["inventory"]
    names = ("code", "cas", "substance", "hazard_class", "quantity_t", "unit_code")
    query = select(*(table.c[name] for name in names)).where(table.c.source_code == source_code)
    return [dict(row) for row in connection.execute(query.order_by(table.c.code)).mappings()]


def studies_of(connection: Connection, source_code: str) -> list[Row]:
    """Zones of approved studies of a source, with their polygons in the metric system under `shape`."""
    names = ("code", "name", "kind", "threshold", "study", "approved_on", "synthetic")
    columns = [*(_STUDY.c[name] for name in names), func.ST_AsBinary(_STUDY.c.geom_m).label("shape")]
    query = select(*columns).where(_STUDY.c.source_code == source_code).order_by(_STUDY.c.code)
    return [
        {**row, "shape": shapely.from_wkb(bytes(row["shape"]))}
        for row in connection.execute(query).mappings()
    ]


def circle(radius_m: float) -> Reach:
    """All within a distance of the place."""
    return Reach(radius_m, None)


def ring(placed_m: Floats) -> Reach:
    """All within a closed ring of metric positions; a ring that crosses itself is mended."""
    return Reach(None, shapely.make_valid(shapely.polygons(placed_m)))


def together(place: Place, shapes: Sequence[Reach]) -> Reach | None:
    """All that any of the shapes holds; None without one."""
    widest = max((one.radius_m for one in shapes if one.radius_m is not None), default=None)
    polygons = [one.polygon for one in shapes if one.polygon is not None]
    if not polygons:
        return None if widest is None else circle(widest)
    disc = [] if widest is None else [_disc(place, widest)]
    return Reach(None, shapely.union_all([*disc, *polygons]))


def farthest_m(place: Place, shape: Reach) -> float:
    """How far from the place a shape reaches."""
    if shape.radius_m is not None:
        return shape.radius_m
    return float(shapely.hausdorff_distance(shape.polygon, shapely.Point(place.x_m, place.y_m)))


def outlines(connection: Connection, place: Place, shapes: Sequence[Reach]) -> list[Row]:
    """The shapes as GeoJSON polygons in CGCS2000, outer rings anticlockwise."""
    if not shapes:
        return []
    drawn = _shapes(place, shapes)
    lonlat = func.ST_ForcePolygonCCW(func.ST_Transform(drawn.c.shape, GEOGRAPHIC_SRID))
    told = type_coerce(func.ST_AsGeoJSON(lonlat, 7).cast(JSON), JSON)
    return list(connection.execute(select(told).order_by(drawn.c.n)).scalars())


def people_in(
    connection: Connection, place: Place, shapes: Sequence[Reach], *, by_day: bool
) -> tuple[dict[tuple[int, str | None], float] | None, str | None]:
    """People in each shape by grid unit, keyed (number of the shape, grid code), and the layer they come from.

    `population`: points whole, polygons by their share of area; by day `people_day` where it is on file, else the
    residents. Where the reader has none of it the residents of the grid units, by share of area; None: nobody on file
    there.
    """
    # every code is at least the empty one: asked so, the first is found by the key
    first = select(_POPULATION.c.code).where(_POPULATION.c.code >= "").limit(1)
    of_places = connection.execute(first).first() is not None
    if not shapes:
        return {}, "population" if of_places else None
    drawn = _shapes(place, shapes)
    if of_places:
        found = _shared_out(connection, place, drawn, _POPULATION, _POPULATION.c.grid_code, by_day=by_day)
        return found, "population"
    found = _shared_out(connection, place, drawn, _AREA, _AREA.c.code, by_day=False)
    return (found, "grid") if found else (None, None)


def _shared_out(
    connection: Connection, place: Place, drawn: CTE, rows: Any, grid: ColumnElement[Any], *, by_day: bool
) -> dict[tuple[int, str | None], float]:
    people = func.coalesce(rows.c.people_day, rows.c.people) if by_day else rows.c.people
    query = (
        select(drawn.c.n, grid, func.sum(people * _share(rows.c.geom_m, drawn)))
        .join_from(drawn, rows, _inside(place, drawn, rows.c.geom_m))
        .where(rows.c.level == "grid" if rows is _AREA else literal(True))
        .group_by(drawn.c.n, grid)
    )
    return {(n, code): float(number) for n, code, number in connection.execute(query) if number}


def grid_names(connection: Connection, codes: Sequence[str]) -> dict[str, Row]:
    """Name, code of the township, village and township by name, of grid units by code."""
    village, township = _AREA.alias("village"), _AREA.alias("township")
    query = (
        select(
            *(_AREA.c[name] for name in ("code", "name", "township_code")),
            village.c.name.label("village"),
            township.c.name.label("township"),
        )
        .outerjoin(village, village.c.code == _AREA.c.village_code)
        .outerjoin(township, township.c.code == _AREA.c.township_code)
        .where(_AREA.c.code == any_(literal(list(codes), ARRAY(Text()))))
    )
    return {row["code"]: dict(row) for row in connection.execute(query).mappings()}


def target_sums(connection: Connection, place: Place, shapes: Sequence[Reach]) -> dict[int, Row]:
    """Of each shape how many targets it touches, and their people by day and by night."""
    if not shapes:
        return {}
    drawn = _shapes(place, shapes)
    query = (
        select(
            drawn.c.n,
            func.count().label("targets"),
            func.coalesce(func.sum(_TARGET.c.people_day), 0).label("day"),
            func.coalesce(func.sum(_TARGET.c.people_night), 0).label("night"),
        )
        .join_from(drawn, _TARGET, _inside(place, drawn, _TARGET.c.geom_m))
        .where(_open(_TARGET))
        .group_by(drawn.c.n)
    )
    return {row["n"]: dict(row) for row in connection.execute(query).mappings()}


def targets_near(
    connection: Connection, place: Place, shapes: Sequence[Reach], *, limit: int, nearest: int, near_m: float
) -> list[Row]:
    """Targets that a shape touches, and the nearest ones within `near_m`, by distance; `inside` numbers the shapes."""
    names = ("code", "name", "target_class", "kind", "status", "people_day", "people_night", "synthetic")
    found = _near(connection, place, _TARGET, names, nearest, near_m)
    whole = together(place, shapes)
    if whole is not None:
        found |= _within(connection, place, _TARGET, names, whole, limit)
    inside = insides(connection, place, _TARGET, shapes, list(found))
    rows = [{**row, "inside": inside.get(code, [])} for code, row in found.items()]
    return sorted(rows, key=lambda row: (row["distance_m"], row["code"]))[: max(limit, nearest)]


def sources_in(
    connection: Connection, place: Place, whole: Reach | None, *, leave_out: str | None, limit: int
) -> list[Row]:
    """Other open hazard sources within reach that the reader may see, by distance, with grade and level."""
    if whole is None:
        return []
    found = _within(connection, place, _SOURCE, ("code", "name", "kind", "synthetic"), whole, limit)
    query = select(score.c.code, score.c.base_level, score.c.grade)
    query = query.where(score.c.kind == "source", score.c.code.in_(list(found)))
    levels = {row.code: (LEVELS.get(row.base_level), row.grade) for row in connection.execute(query)}
    rows = [
        {**row, "level": levels.get(code, (None, None))[0], "grade": levels.get(code, (None, None))[1]}
        for code, row in found.items()
        if code != leave_out
    ]
    return sorted(rows, key=lambda row: (row["distance_m"], row["code"]))


def neighbours(connection: Connection, max_m: float) -> list[Row]:
    """Sources beyond the border whose reach touches the reader's own ground: what a neighbour may know, no more."""
    names = ("kind", "level", "hazard", "distance_m", "bearing", "name")
    rows = connection.execute(select(func.neighbour(max_m).table_valued(*names))).mappings()
    return [{**row, "level": LEVELS.get(row["level"])} for row in rows]


def resources_near(
    connection: Connection, place: Place, whole: Reach | None, *, each: int, max_m: float
) -> list[Row]:
    """Of each kind of rescue resource the nearest in a straight line; `inside` those that a shape touches."""
    names = ("code", "name", "kind", "capacity", "phone", "synthetic")
    found: dict[str, Row] = {}
    for kind in RESOURCE_KINDS:
        found |= _near(connection, place, _RESOURCE, names, each, max_m, _RESOURCE.c.kind == kind)
    inside = insides(connection, place, _RESOURCE, [] if whole is None else [whole], list(found))
    return [{**row, "inside": code in inside} for code, row in found.items()]


def _near(
    connection: Connection,
    place: Place,
    table: Any,
    names: Sequence[str],
    number: int,
    max_m: float,
    *where: ColumnElement[bool],
) -> dict[str, Row]:
    """The nearest records by code."""
    here, at = spot_m(place), table.c.geom_m
    apart = at.op("<->", return_type=Double())(here)
    query = (
        select(*_told(table, names), apart.label("distance_m"))
        .where(
            at.op("&&")(func.ST_Expand(here, max_m)), func.ST_DWithin(at, here, max_m), _open(table), *where
        )
        .order_by(apart)
        .limit(number)
    )
    return _by_code(connection, query)


def _within(
    connection: Connection, place: Place, table: Any, names: Sequence[str], whole: Reach, limit: int
) -> dict[str, Row]:
    """The records that a shape touches, the nearest first, by code."""
    here, drawn = spot_m(place), _shapes(place, [whole])
    apart = func.ST_Distance(table.c.geom_m, here)
    query = (
        select(*_told(table, names), apart.label("distance_m"))
        .join_from(drawn, table, _inside(place, drawn, table.c.geom_m))
        .where(_open(table))
        .order_by(apart, table.c.code)
        .limit(limit)
    )
    return _by_code(connection, query)


def insides(
    connection: Connection, place: Place, table: Any, shapes: Sequence[Reach], codes: list[str]
) -> dict[str, list[int]]:
    """Of some records the numbers of the shapes that touch them."""
    if not shapes or not codes:
        return {}
    drawn = _shapes(place, shapes)
    query = (
        select(table.c.code, func.array_agg(drawn.c.n))
        .join_from(drawn, table, _inside(place, drawn, table.c.geom_m))
        .where(table.c.code.in_(codes))
        .group_by(table.c.code)
    )
    return {code: sorted(numbers) for code, numbers in connection.execute(query)}


def _told(table: Any, names: Sequence[str]) -> list[ColumnElement[Any]]:
    point = func.place_point(table.c.geom)
    return [*(table.c[name] for name in names), func.ST_X(point).label("lon"), func.ST_Y(point).label("lat")]


def _by_code(connection: Connection, query: Any) -> dict[str, Row]:
    return {
        row["code"]: {
            **row,
            "synthetic": bool(row["synthetic"]),
            "distance_m": round(row["distance_m"], 1),
            "lon": round(row["lon"], 7),
            "lat": round(row["lat"], 7),
        }
        for row in connection.execute(query).mappings()
    }


def _open(table: Any) -> ColumnElement[bool]:
    return table.c.status.is_distinct_from("closed") if "status" in table.c else literal(True)


def _disc(place: Place, radius_m: float) -> shapely.Geometry:
    return shapely.buffer(shapely.Point(place.x_m, place.y_m), radius_m, quad_segs=_QUADRANT)


def spot_m(place: Place) -> ColumnElement[Any]:
    """The place as a point of the metric system."""
    return func.ST_SetSRID(func.ST_MakePoint(place.x_m, place.y_m), place.srid)


def _shapes(place: Place, shapes: Sequence[Reach]) -> CTE:
    """The shapes as rows: number from 0, radius of a circle, polygon, and the box that the index is asked for."""
    rows = []
    for n, one in enumerate(shapes):
        polygon = one.polygon if one.radius_m is None else _disc(place, one.radius_m)
        shape = func.ST_GeomFromWKB(shapely.to_wkb(polygon), place.srid)
        box = shape if one.radius_m is None else func.ST_Expand(spot_m(place), one.radius_m)
        radius = cast(one.radius_m, Double)
        rows.append(
            select(
                cast(n, Integer).label("n"), radius.label("radius_m"), shape.label("shape"), box.label("box")
            )
        )
    return union_all(*rows).cte("drawn")


def _inside(place: Place, drawn: CTE, geom_m: ColumnElement[Any]) -> ColumnElement[bool]:
    """Whether a position touches a shape; circles are exact, `&&` is written out for the index."""
    in_circle = and_(drawn.c.radius_m.is_not(None), func.ST_DWithin(geom_m, spot_m(place), drawn.c.radius_m))
    in_polygon = and_(drawn.c.radius_m.is_(None), func.ST_Intersects(geom_m, drawn.c.shape))
    return and_(geom_m.op("&&")(drawn.c.box), or_(in_circle, in_polygon))


def _share(geom_m: ColumnElement[Any], drawn: CTE) -> ColumnElement[Any]:
    """The part of a polygon's area within a shape; 1 for a point."""
    part = func.ST_Area(func.ST_Intersection(geom_m, drawn.c.shape)) / func.ST_Area(geom_m)
    return case(
        (func.ST_Dimension(geom_m) < 2, 1.0), (func.ST_CoveredBy(geom_m, drawn.c.shape), 1.0), else_=part
    )

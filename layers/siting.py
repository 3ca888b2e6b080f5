"""What stands near a proposed site: the nearest record of each object, zones that reach it, the ground it lies on.

Every question is about one site and goes by the spatial index. Distances are from boundary to boundary, in whole mm of
the city's metric system; shapely measures them, so that one site and a whole grid of sites are measured alike.
"""

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import shapely
from sqlalchemy import (
    ColumnElement,
    Connection,
    Double,
    Select,
    Text,
    and_,
    any_,
    cast,
    exists,
    func,
    literal,
    null,
    or_,
    select,
    type_coerce,
    union_all,
)
from sqlalchemy.dialects.postgresql import ARRAY, JSON, JSONB, JSONPATH

from layers.crs import SCALE_HIGH, SCALE_LOW, metric_system
from layers.schema import GEOGRAPHIC_SRID, city, metadata, score
from riskmap.errors import BadInput, TooLarge
from riskmap.sections import MILLI
from riskmap.siting_findings import Near
from riskmap.siting_rules import Found, SitingObject

Row = dict[str, Any]
_QUADRANT = 64
"""edges of a quarter of a circle where parts of a site are shared out: right to 1e-4"""
_LINE_DIGITS = 7
_REACHES = (
    "$.consequences[*].distance_m ? (@ != null)",
    "$.consequences[*].at_least_m ? (@ != null)",
    "$.consequences[*].rings[*].distance_m",
)
"""where the facts of a source hold how far its accidents reach"""


@dataclass(frozen=True, slots=True)
class Site:
    """A site in metres (rounded to mm), the number of its system, its middle in degrees, and the areas it lies in."""

    shape: shapely.Geometry
    srid: int
    lon: float
    lat: float
    areas: Mapping[str, Row]
    own: str | None = None
    """the enterprise whose own records are no neighbours"""

    @property
    def area_m2(self) -> float:
        """Its area; 0 for a point or a line."""
        return round(float(shapely.area(self.shape)), 1)

    def sql(self) -> ColumnElement[Any]:
        """The shape as the database knows it."""
        return func.ST_GeomFromWKB(shapely.to_wkb(self.shape), self.srid)


def site_of(
    connection: Connection, geometry: Mapping[str, Any], *, most_m2: int, own: str | None = None
) -> Site:
    """The site of a GeoJSON geometry in CGCS2000 degrees.

    BadInput where it crosses itself, lies where the metric system does not hold, or lies outside the city; TooLarge
    where it is larger than any site.
    """
    shape = _planar(geometry)
    srid = int(connection.execute(select(city.c.metric_srid)).scalar_one())
    metric = metric_system(srid)
    lon, lat = shapely.get_coordinates(shape).T
    if not metric.usable(lon, lat).all():
        raise BadInput(
            f"拟建用地不在本市坐标系可用的范围内（尺度 {SCALE_LOW}–{SCALE_HIGH}）",
            remedy="请核对经纬度（CGCS2000，经度在前）",
            field="geometry",
        )
    planar = shapely.set_coordinates(shape, np.column_stack(metric.to_metres(lon, lat)))
    _check_shape(planar, shape, most_m2)
    _check_in_city(connection, planar, srid)
    middle = shapely.get_coordinates(shapely.point_on_surface(shape))[0]
    at = func.areas_at(float(middle[0]), float(middle[1])).table_valued("code", "name", "kind")
    areas = {row["kind"]: dict(row) for row in connection.execute(select(at)).mappings()}
    return Site(planar, srid, round(float(middle[0]), 7), round(float(middle[1]), 7), areas, own)


def _planar(geometry: Mapping[str, Any]) -> shapely.Geometry:
    with np.errstate(all="ignore"):
        shape = shapely.from_geojson(json.dumps(geometry), on_invalid="ignore")
    if shape is None or shapely.is_empty(shape):
        raise BadInput("拟建用地的几何无法读取", remedy="请按 GeoJSON（RFC 7946）书写", field="geometry")
    return shapely.force_2d(shape)


def _check_shape(planar: shapely.Geometry, degrees: shapely.Geometry, most_m2: int) -> None:
    for shape in (degrees, planar):
        if not shapely.is_valid(shape):
            raise BadInput(
                f"拟建用地边界自相交或有重叠：{shapely.is_valid_reason(shape)[:120]}",
                remedy="请重新绘制边界，各边不得交叉",
                field="geometry",
            )
    if shapely.area(planar) > most_m2:
        raise TooLarge(
            f"拟建用地 {shapely.area(planar) / 1e6:,.1f} 平方千米，超过上限 {most_m2 / 1e6:g} 平方千米",
            remedy="请核对边界，或分块提交",
        )


def _check_in_city(connection: Connection, planar: shapely.Geometry, srid: int) -> None:
    """The site lies wholly in the city, where the city's own outline is on file."""
    area = metadata.tables["area"]
    outline = area.c.geom_m
    query = select(func.ST_Covers(outline, func.ST_GeomFromWKB(shapely.to_wkb(planar), srid)))
    found = list(connection.execute(query.where(area.c.level == "city", outline.is_not(None))).scalars())
    if found and not any(found):
        raise BadInput(
            "拟建用地不在本市范围内，或越出市界",
            remedy="请核对位置；跨界项目由共同的上级办理",
            field="geometry",
        )


def scope_at(connection: Connection, site: Site) -> Row:
    """Whose ground the site is: codes of its township, village and grid unit, as records there are placed."""
    names = ("township_code", "village_code", "grid_code")
    at = func.place_of(func.place_point(site.sql())).table_valued(*names)
    row = connection.execute(select(at)).mappings().first()
    return dict(row) if row else dict.fromkeys(names)


def nearest(connection: Connection, site: Site, objects: Mapping[SitingObject, int]) -> dict[str, Near]:
    """By object the nearest open record within so many mm, with the shortest way to it; absent: none."""
    parts = [
        _nearest_one(site, one, place, far_mm) for one, far_mm in objects.items() for place in one.found_in
    ]
    if not parts:
        return {}
    near: dict[str, Near] = {}
    farthest = {one.code: far_mm for one, far_mm in objects.items()}
    for row in connection.execute(union_all(*parts)).mappings():
        distance = mm_between(site.shape, shapely.from_wkb(bytes(row["shape"])))
        if distance > farthest[row["object"]]:
            continue
        known = near.get(row["object"])
        if known is None or (distance, row["layer"], row["code"]) < (
            known.distance_mm,
            known.layer,
            known.code,
        ):
            layer, code, name, kind, status = (
                row[field] or "" for field in ("layer", "code", "name", "kind", "status")
            )
            near[row["object"]] = Near(layer, code, name, kind, distance, row["line"], status)
    return near


def mm_between(one: shapely.Geometry, other: shapely.Geometry) -> int:
    """Whole mm between two shapes, boundary to boundary; 0 where they touch."""
    return round(float(shapely.distance(one, other)) * MILLI)


def _nearest_one(site: Site, one: SitingObject, place: Found, far_mm: int) -> Select[Any]:
    table = metadata.tables[place.layer]
    here, at = site.sql(), table.c.geom_m
    reach = (far_mm + 1) / MILLI
    way = func.ST_AsGeoJSON(
        func.ST_Transform(func.ST_ShortestLine(here, at), GEOGRAPHIC_SRID), _LINE_DIGITS
    ).cast(JSON)
    found = (
        select(
            literal(one.code).label("object"),
            literal(place.layer).label("layer"),
            table.c.code,
            _text(table, "name").label("name"),
            _text(table, "kind" if "kind" in table.c else "target_class").label("kind"),
            _text(table, "status").label("status"),
            func.ST_AsBinary(at).label("shape"),
            type_coerce(way, JSON).label("line"),
        )
        .where(at.op("&&")(func.ST_Expand(here, reach)), func.ST_DWithin(at, here, reach))
        .where(*is_one(table, place), *no_neighbour(site.own, table))
        .order_by(at.op("<->", return_type=Double())(here), table.c.code)
        .limit(1)
    )
    return select(found.subquery())


def _text(table: Any, name: str) -> ColumnElement[Any]:
    return cast(table.c[name] if name in table.c else null(), Text)


def no_neighbour(own: str | None, table: Any) -> list[ColumnElement[bool]]:
    """An enterprise's own records are no neighbours of its proposal."""
    if own is None or "enterprise_code" not in table.c:
        return []
    return [table.c.enterprise_code.is_distinct_from(own)]


def is_one(table: Any, place: Found) -> list[ColumnElement[bool]]:
    """What tells records of an object: open ones, planned and approved among them."""
    told: list[ColumnElement[bool]] = []
    if "status" in table.c:
        told.append(table.c.status.is_distinct_from("closed"))
    if place.field in {"kind", "target_class"}:
        told.append(table.c[place.field] == any_(literal(list(place.words), ARRAY(Text()))))
    elif place.field == "word":
        patterns = literal([f"%{word}%" for word in place.words], ARRAY(Text()))
        told.append(func.concat(table.c.kind, " ", table.c.name).like(any_(patterns)))
    elif place.field == "people":
        low, high = place.people
        told.append(table.c.people >= low)
        if high is not None:
            told.append(table.c.people < high)
    if place.layer == "population":
        told.append(table.c.people > 0)
    return told


def on_file(connection: Connection, objects: Iterable[SitingObject]) -> dict[str, bool]:
    """By object whether any open record of it is on file, anywhere."""
    known: dict[str, bool] = {}
    asked = []
    for one in objects:
        known[one.code] = False
        for place in one.found_in:
            table = metadata.tables[place.layer]
            there = exists(select(literal(1)).select_from(table).where(*is_one(table, place)))
            asked.append(select(literal(one.code).label("object"), there.label("there")))
    for code, found in connection.execute(union_all(*asked)) if asked else ():
        known[code] = known[code] or bool(found)
    return known


def sources_about(connection: Connection, site: Site, far_mm: int, unknown_mm: int) -> list[Row]:
    """Open sources whose consequence distances may reach the site, with the accounts of the last run.

    `shape` is the source's own; `consequences` None where no run has looked at it. Those within `unknown_mm` are told
    whatever is known of them.
    """
    table = metadata.tables["source"]
    result = score.alias("result")
    here, at = site.sql(), table.c.geom_m
    told = [
        func.jsonb_path_query(result.c.facts, cast(path, JSONPATH)).table_valued("m").render_derived()
        for path in _REACHES
    ]
    reach = func.greatest(
        *(select(func.max(cast(one.c.m, Double))).select_from(one).scalar_subquery() for one in told)
    )
    apart = func.ST_Distance(at, here)
    query = (
        select(
            *(table.c[name] for name in ("code", "name", "kind", "status")),
            cast(result.c.facts["consequences"], JSONB).label("consequences"),
            func.ST_AsBinary(at).label("shape"),
        )
        .outerjoin(result, and_(result.c.kind == "source", result.c.code == table.c.code))
        .where(at.op("&&")(func.ST_Expand(here, far_mm / MILLI)), table.c.status.is_distinct_from("closed"))
        .where(*no_neighbour(site.own, table))
        .where(
            or_(apart <= unknown_mm / MILLI, apart <= func.least(reach + unknown_mm / MILLI, far_mm / MILLI))
        )
        .order_by(apart, table.c.code)
    )
    return [
        {**row, "shape": shapely.from_wkb(bytes(row["shape"]))}
        for row in connection.execute(query).mappings()
    ]


def studies_about(connection: Connection, site: Site) -> list[Row]:
    """Zones of approved studies that touch the site, with the part of the site in each."""
    table = metadata.tables["zone_external"]
    here, at = site.sql(), table.c.geom_m
    names = ("code", "name", "kind", "threshold", "study", "source_code")
    query = (
        select(*(table.c[name] for name in names), func.ST_AsBinary(at).label("shape"))
        .where(at.op("&&")(here), func.ST_Intersects(at, here))
        .order_by(table.c.code)
    )
    return [
        {**row, "share": share_within(site.shape, shapely.from_wkb(bytes(row["shape"])))}
        for row in connection.execute(query).mappings()
    ]


def share_within(shape: shapely.Geometry, zone: shapely.Geometry) -> float:
    """The part of a site within a zone: by area, by length, or whether the point is in it."""
    dimension = int(shapely.get_dimensions(shape))
    if dimension == 0:
        return float(shapely.intersects(shape, zone))
    measure = shapely.area if dimension == 2 else shapely.length
    return float(measure(shapely.intersection(shape, zone)) / measure(shape))


def share_near(shape: shapely.Geometry, source: shapely.Geometry, radius_mm: int, distance_mm: int) -> float:
    """The part of a site that is nearer to a source than a radius; the radius itself is outside."""
    if distance_mm >= radius_mm:
        return 0.0
    if int(shapely.get_dimensions(shape)) == 0:
        return 1.0
    return share_within(shape, shapely.buffer(source, radius_mm / MILLI, quad_segs=_QUADRANT))

"""The joint-control zones of a place: who must act together there, as far as the reader may know."""

from collections.abc import Sequence
from typing import Any

from sqlalchemy import ColumnElement, Connection, func, literal, or_, select

from layers.incident import Place, Reach, insides, spot_m
from layers.schema import GEOGRAPHIC_SRID, metadata
from layers.zone_tables import zone, zone_member
from riskmap.vocabulary import LEVELS

Row = dict[str, Any]
_SITES = ("enterprise", "source")


def zones_at(connection: Connection, place: Place, sites: Sequence[str]) -> list[Row]:
    """Zones whose ground holds the place or that one of these sites belongs to, by code: `code`, `name`, `level`."""
    on_ground = zone.c.geom.op("&&")(_spot(place)) & func.ST_Intersects(zone.c.geom, _spot(place))
    of_sites = select(zone_member.c.zone_code).where(zone_member.c.code.in_(list(sites)))
    query = select(zone.c.code, zone.c.name, zone.c.level).where(or_(on_ground, zone.c.code.in_(of_sites)))
    rows = connection.execute(query.order_by(zone.c.code)).mappings()
    return [{**row, "level": LEVELS.get(row["level"])} for row in rows]


def members_at(
    connection: Connection, place: Place, shapes: Sequence[Reach], zones: Sequence[str]
) -> list[Row]:
    """The members of zones that are the reader's to see, the nearest first; `inside` numbers the shapes that touch them.

    `{"zone_code", "layer", "code", "name", "kind", "level", "leads", "lon", "lat", "distance_m", "inside"}`
    """
    rows = []
    for layer in _SITES:
        site = metadata.tables[layer]
        point = func.place_point(site.c.geom)
        query = (
            select(
                *(zone_member.c[name] for name in ("zone_code", "code", "name", "kind", "level", "leads")),
                literal(layer).label("layer"),
                func.ST_X(point).label("lon"),
                func.ST_Y(point).label("lat"),
                func.ST_Distance(site.c.geom_m, spot_m(place)).label("distance_m"),
            )
            .join(site, site.c.code == zone_member.c.code)
            .where(zone_member.c.layer == layer, zone_member.c.zone_code.in_(list(zones)))
        )
        found = [dict(row) for row in connection.execute(query).mappings()]
        inside = insides(connection, place, site, shapes, [row["code"] for row in found])
        rows += [_told(row, inside.get(row["code"], [])) for row in found]
    return sorted(rows, key=lambda row: (row["distance_m"], row["code"]))


def neighbours_at(connection: Connection, zones: Sequence[str], known_rev: int) -> list[Row]:
    """The other members of these zones: what a neighbour may know, and no more; none for who sees all."""
    names = ("kind", "level", "hazard", "distance_m", "bearing", "name")
    rows = []
    for code in zones:
        others = select(func.zone_neighbour(code, known_rev).table_valued(*names))
        rows += [
            {"zone_code": code, **row, "level": LEVELS.get(row["level"])}
            for row in connection.execute(others).mappings()
        ]
    return rows


def _told(row: Row, inside: list[int]) -> Row:
    return {
        **row,
        "level": LEVELS.get(row["level"]),
        "distance_m": round(row["distance_m"], 1),
        **{name: round(row[name], 7) for name in ("lon", "lat")},
        "inside": inside,
    }


def _spot(place: Place) -> ColumnElement[Any]:
    return func.ST_SetSRID(func.ST_MakePoint(place.lon, place.lat), GEOGRAPHIC_SRID)

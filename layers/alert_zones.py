"""What warnings ask of joint-control zones: how bad each is, who is in it, and the zone of each member."""

from collections.abc import Iterable
from datetime import datetime
from hashlib import md5
from typing import Any

from sqlalchemy import Connection, func, select
from sqlalchemy.dialects.postgresql import aggregate_order_by

from layers.history import Moment, rows_of
from layers.zone_tables import zone_run
from layers.zones import zone_rows

_MILLI = 1000
Row = dict[str, Any]


def zones_to_tell(connection: Connection, level: int, then: Moment | None = None) -> list[Row]:
    """Zones at least that bad, once for each township they have ground in, in order.

    `{"code", "name", "level", "people", "township_code", "township", "members", "x_mm", "y_mm"}`; `members` is a digest
    of who is in it: equal as long as they are the same.
    """
    zone, zone_member = (zone_rows(name, then) for name in ("zone", "zone_member"))
    area = rows_of("area", then)
    township = func.unnest(zone.c.townships).table_valued("township_code").render_derived()
    members = (
        select(func.array_agg(aggregate_order_by(zone_member.c.code, zone_member.c.code)))
        .where(zone_member.c.zone_code == zone.c.code)
        .scalar_subquery()
    )
    at = func.ST_PointOnSurface(zone.c.geom_m)
    query = (
        select(
            *(zone.c[name] for name in ("code", "name", "level", "people")),
            township.c.township_code,
            area.c.name.label("township"),
            members.label("members"),
            *((axis(at) * _MILLI).label(name) for axis, name in ((func.ST_X, "x_mm"), (func.ST_Y, "y_mm"))),
        )
        .select_from(zone)
        .join(township, zone.c.level <= level)
        .outerjoin(area, area.c.code == township.c.township_code)
        .order_by(zone.c.code, township.c.township_code)
    )
    found = connection.execute(query).mappings()
    return [row | {"members": row["members"] and members_mark(row["members"])} for row in map(dict, found)]


def members_mark(codes: Iterable[str]) -> str:
    """A digest of who is in a zone, by codes in order."""
    return md5("\n".join(codes).encode(), usedforsecurity=False).hexdigest()


def zone_of_members(connection: Connection, then: Moment | None = None) -> dict[str, str]:
    """The zone of every member, by the code of the enterprise or source."""
    zone_member = zone_rows("zone_member", then)
    query = select(zone_member.c.code, zone_member.c.zone_code)
    return {row[0]: row[1] for row in connection.execute(query)}


def first_zones(connection: Connection) -> datetime | None:
    """When zones were first drawn; None where they never were."""
    first: datetime | None = connection.execute(select(func.min(zone_run.c.data_time))).scalar_one()
    return first

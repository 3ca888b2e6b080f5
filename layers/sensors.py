"""Sensors and their signs of life: how many report in time, and which ones of a wholly made-up city there are."""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Connection, FromClause, ScalarSelect, and_, func, or_, select

from layers.schema import metadata

_SENSOR, _SOURCE = metadata.tables["sensor"], metadata.tables["source"]
_EVENT, _AREA = metadata.tables["event"], metadata.tables["area"]
_OPEN = _SOURCE.c.status != "closed"


def last_sign(sensor: FromClause, event: FromClause, at: datetime) -> ScalarSelect[Any]:
    """When a sensor last sent anything by an instant: one look-up in an index."""
    return (
        select(event.c.time)
        .where(event.c.sensor_code == sensor.c.code, event.c.time <= at)
        .order_by(event.c.time.desc())
        .limit(1)
        .scalar_subquery()
    )


@dataclass(frozen=True, slots=True)
class Pulse:
    """Of the sensors that say how often they report: how many there are, how many are in time, the last sign of any."""

    sensors: int
    live: int
    last: datetime | None


def pulse(connection: Connection, at: datetime) -> Pulse:
    """The signs of life by an instant of the sensors that the caller may see, at sources that are not closed."""
    seen = (
        select(_SENSOR.c.interval_s, last_sign(_SENSOR, _EVENT.alias("sign"), at).label("last"))
        .join(_SOURCE, _SOURCE.c.code == _SENSOR.c.source_code)
        .where(_SENSOR.c.interval_s.is_not(None), _OPEN)
        .subquery()
    )
    in_time = seen.c.last + seen.c.interval_s * timedelta(seconds=1) >= at
    row = connection.execute(
        select(func.count(), func.count().filter(in_time), func.max(seen.c.last)).select_from(seen)
    ).one()
    return Pulse(*row)


def newest_event(connection: Connection, prefix: str) -> datetime | None:
    """The time of the event that comes last in order of its id, of those whose id begins so."""
    query = select(_EVENT.c.time).where(_EVENT.c.code >= prefix, _EVENT.c.code < prefix + "\uffff")
    found: datetime | None = connection.execute(
        query.order_by(_EVENT.c.code.desc()).limit(1)
    ).scalar_one_or_none()
    return found


def holds_real_places(connection: Connection) -> bool:
    """Whether a township, village, village group or sensor is on file that nobody made up.

    The line of the demo city itself is real and does not count.
    """
    below = ("township", "village", "grid")
    areas = select(_AREA.c.code).where(
        _AREA.c.level.in_(below), or_(_AREA.c.synthetic.is_(None), ~_AREA.c.synthetic)
    )
    sensors = select(_SENSOR.c.code).where(or_(_SENSOR.c.synthetic.is_(None), ~_SENSOR.c.synthetic))
    return bool(connection.execute(select(or_(areas.exists(), sensors.exists()))).scalar_one())


def made_up_sensors(connection: Connection) -> list[dict[str, Any]]:
    """Made-up sensors with an upper limit, at made-up sources that are not closed, in order of code."""
    columns = [_SENSOR.c[name] for name in ("code", "source_code", "unit", "low", "high")]
    query = select(*columns).join(_SOURCE, _SOURCE.c.code == _SENSOR.c.source_code)
    made_up = and_(_SENSOR.c.synthetic, _SOURCE.c.synthetic, _OPEN, _SENSOR.c.high.is_not(None))
    return [dict(row) for row in connection.execute(query.where(made_up).order_by(_SENSOR.c.code)).mappings()]


def made_up_sources(connection: Connection, kinds: Collection[str]) -> list[str]:
    """The codes of made-up sources of some kinds that are not closed, in order."""
    query = select(_SOURCE.c.code).where(_SOURCE.c.synthetic, _SOURCE.c.kind.in_(kinds), _OPEN)
    return list(connection.execute(query.order_by(_SOURCE.c.code)).scalars())

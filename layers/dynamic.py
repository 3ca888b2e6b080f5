"""The records that come and go, as a run needs them: open dangers, events in force, and when each sensor last reported."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import pandas as pd
import shapely
from sqlalchemy import ColumnElement, Connection, FromClause, and_, func, or_, select

from layers.history import CLOCK, Moment, rows_of

ENDED = ("closed", "cancelled", "transferred")
"""states of a danger that counts nowhere, also where the day it ended is not on file"""


@dataclass(frozen=True, slots=True)
class Records:
    """What raises hazards at an instant; each frame in order of code. `events.geom` is shapely, metres, None: everywhere."""

    dangers: pd.DataFrame
    events: pd.DataFrame
    sensors: pd.DataFrame


def read_dynamic(
    connection: Connection, at: datetime, kinds: set[str], decay: timedelta, then: Moment | None = None
) -> Records:
    """The records in force at an instant, now or as of a moment, in the caller's snapshot.

    `kinds` are the kinds of event that count, `decay` how long one may still count after its end.
    """
    return Records(
        _dangers(connection, at, then),
        _events(connection, at, kinds, decay, then),
        _sensors(connection, at, then),
    )


def _dangers(connection: Connection, at: datetime, then: Moment | None) -> pd.DataFrame:
    rows = rows_of("danger", then)
    day = at.astimezone(CLOCK).date()
    names = (
        *("code", "source_code", "enterprise_code", "grade", "found_by", "title"),
        *("found_on", "due_on", "extended_to", "listed_on", "closed_on"),
    )
    ended = and_(rows.c.closed_on.is_(None), func.coalesce(rows.c.status, "").in_(ENDED))
    open_now = and_(rows.c.found_on <= day, or_(rows.c.closed_on.is_(None), rows.c.closed_on > day), ~ended)
    return _frame(connection, rows, [rows.c[name] for name in names], open_now)


def _events(
    connection: Connection, at: datetime, kinds: set[str], decay: timedelta, then: Moment | None
) -> pd.DataFrame:
    rows = rows_of("event", then)
    names = ("code", "kind", "severity", "source_code", "sensor_code", "time", "until")
    in_force = and_(
        rows.c.kind.in_(kinds), rows.c.time <= at, or_(rows.c.until.is_(None), rows.c.until > at - decay)
    )
    columns = [*(rows.c[name] for name in names), func.ST_AsBinary(rows.c.geom_m).label("geom")]
    frame = _frame(connection, rows, columns, in_force)
    shapes = [None if shape is None else bytes(shape) for shape in frame["geom"]]
    frame["geom"] = pd.Series(list(shapely.from_wkb(shapes)), index=frame.index, dtype=object)
    return frame


def _sensors(connection: Connection, at: datetime, then: Moment | None) -> pd.DataFrame:
    """Sensors that have an interval, with their last sign of life by the instant: one indexed look-up each."""
    rows, events = rows_of("sensor", then).alias("sensor"), rows_of("event", then).alias("sign")
    last = (
        select(events.c.time)
        .where(events.c.sensor_code == rows.c.code, events.c.time <= at)
        .order_by(events.c.time.desc())
        .limit(1)
        .scalar_subquery()
    )
    columns = [
        rows.c.code,
        rows.c.source_code,
        rows.c.kind,
        rows.c.interval_s,
        rows.c.valid_from,
        last.label("last"),
    ]
    return _frame(connection, rows, columns, rows.c.interval_s.is_not(None))


def _frame(
    connection: Connection, rows: FromClause, columns: list[Any], condition: ColumnElement[bool]
) -> pd.DataFrame:
    result = connection.execute(select(*columns).select_from(rows).where(condition).order_by(rows.c.code))
    return pd.DataFrame(result.all(), columns=list(result.keys()), dtype=object)

"""The records that come and go, as a run needs them: open dangers, events in force, and when each sensor last reported."""

from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

import pandas as pd
import shapely
from sqlalchemy import (
    ColumnElement,
    Connection,
    FromClause,
    Select,
    and_,
    exists,
    func,
    literal_column,
    or_,
    select,
)

from layers.history import CLOCK, Moment, rows_of
from layers.merged import source_now
from layers.public_warnings import raising_events
from layers.schema import SCOPE, contribution, metadata
from layers.sensors import last_sign
from riskmap.dynamic import DAY, INCIDENT, PUBLIC_WARNING, DynamicWeights

event, event_past = metadata.tables["event"], metadata.tables["event_past"]
ENDED = ("closed", "cancelled", "transferred")
"""states of a danger that counts nowhere, also where the day it ended is not on file"""


@dataclass(frozen=True, slots=True)
class Records:
    """What raises hazards at an instant; each frame in order of code. `events.geom` is shapely, metres, None: everywhere."""

    dangers: pd.DataFrame
    events: pd.DataFrame
    sensors: pd.DataFrame


def read_dynamic(
    connection: Connection, at: datetime, weights: DynamicWeights, then: Moment | None = None
) -> Records:
    """The records in force at an instant, or still going down, now or as of a moment, in the caller's snapshot.

    Events that begin within a day are among them: they say when the next step is.
    """
    return Records(
        _dangers(connection, at, then),
        read_events(connection, at, weights, then),
        _sensors(connection, at, then),
    )


def read_incidents(connection: Connection, at: datetime, then: Moment) -> Records:
    """Nothing but the confirmed incidents and red public warnings in force at an instant: what raises colours without any
    points.
    """
    rows = rows_of("event", then)
    lasting = or_(rows.c.until.is_(None), rows.c.until > at)
    condition = and_(counting(rows), rows.c.kind == INCIDENT, rows.c.time <= at, lasting)
    events = _placed_events(connection, rows, condition, then)
    return replace(no_dynamic(), events=_with_public(connection, events, at, at, then))


def no_dynamic() -> Records:
    """A city in which nothing is going on."""
    return Records(
        pd.DataFrame(columns=["code", *_DANGER, *SCOPE], dtype=object),
        pd.DataFrame(columns=["code", *_EVENT, *SCOPE, "geom"], dtype=object),
        pd.DataFrame(columns=["code", *_SENSOR, "last"], dtype=object),
    )


_DANGER = (
    *("source_code", "grade", "found_by", "title"),
    *("found_on", "due_on", "extended_to", "listed_on", "closed_on"),
)
_EVENT = ("kind", "severity", "source_code", "sensor_code", "time", "until")
_SENSOR = ("source_code", "kind", "interval_s", "valid_from")


def counting_since(connection: Connection, rev: int) -> bool:
    """Whether an event that is no mere reading came in, or was taken back, after a revision."""
    came = exists().where(event.c.rev > rev, counting(event))
    gone = exists().where(event_past.c.rev_to > rev, counting(event_past))
    return bool(connection.execute(select(or_(came, gone))).scalar_one())


def counting(rows: FromClause) -> ColumnElement[bool]:
    """Leaves readings out, in the words of the index that does."""
    return rows.c.kind != literal_column("'reading'")


def silences_broken(connection: Connection, rev: int) -> set[str]:
    """Sensors whose silence counts and that have reported after a revision."""
    any_sign = select(exists().where(event.c.sensor_code.is_not(None), event.c.rev > rev))
    if not connection.execute(any_sign).scalar_one():
        return set()  # spares the reading of every line of every account
    code = func.split_part(contribution.c.record, "/", 2)
    signs = exists().where(event.c.sensor_code == code, event.c.rev > rev)
    query = select(code).where(contribution.c.kind == "source", contribution.c.item == "silent_sensor", signs)
    return set(connection.execute(query).scalars())


def _dangers(connection: Connection, at: datetime, then: Moment | None) -> pd.DataFrame:
    rows = rows_of("danger", then)
    day = at.astimezone(CLOCK).date()
    ended = and_(rows.c.closed_on.is_(None), func.coalesce(rows.c.status, "").in_(ENDED))
    open_now = and_(rows.c.found_on <= day, or_(rows.c.closed_on.is_(None), rows.c.closed_on > day), ~ended)
    return _frame(connection, rows, [rows.c[name] for name in ("code", *_DANGER, *SCOPE)], open_now)


def read_events(
    connection: Connection,
    at: datetime,
    weights: DynamicWeights,
    then: Moment | None = None,
    since: datetime | None = None,
) -> pd.DataFrame:
    """Events in force or going down at an instant, or at any time `since` another, and those of the next day.

    Red public warnings stand among them, a row for each area that one covers.
    """
    rows = rows_of("event", then)
    lasting = or_(rows.c.until.is_(None), rows.c.until > (since or at) - weights.decay)
    in_force = and_(
        counting(rows), rows.c.kind.in_(weights.kinds - {PUBLIC_WARNING}), rows.c.time <= at + DAY, lasting
    )
    events = _placed_events(connection, rows, in_force, then)
    return _with_public(connection, events, since or at, at + DAY, then)


def _with_public(
    connection: Connection, events: pd.DataFrame, since: datetime, until: datetime, then: Moment | None
) -> pd.DataFrame:
    """Events, and the red public warnings that hold at any time of a span, in order of code."""
    public = raising_events(connection, since, until, list(events.columns), then)
    if public.empty:
        return events
    both = pd.concat([events, public]) if len(events) else public
    return both.sort_values("code", kind="stable", ignore_index=True)


def _placed_events(
    connection: Connection, rows: FromClause, condition: ColumnElement[bool], then: Moment | None
) -> pd.DataFrame:
    """Events with the source that they name or their sensor watches."""
    sensor = rows_of("sensor", then).alias("sensor")
    source = func.coalesce(source_now(rows, then), sensor.c.source_code).label("source_code")
    columns = [source if name == "source_code" else rows.c[name] for name in ("code", *_EVENT, *SCOPE)]
    origin = rows.outerjoin(sensor, sensor.c.code == rows.c.sensor_code)
    query = select(*columns, func.ST_AsBinary(rows.c.geom_m).label("geom")).select_from(origin)
    frame = _framed(connection, query.where(condition).order_by(rows.c.code))
    shapes = [None if shape is None else bytes(shape) for shape in frame["geom"]]
    frame["geom"] = pd.Series(list(shapely.from_wkb(shapes)), index=frame.index, dtype=object)
    return frame


def _sensors(connection: Connection, at: datetime, then: Moment | None) -> pd.DataFrame:
    """Sensors that have an interval, with their last sign of life by the instant: one indexed look-up each."""
    rows, events = rows_of("sensor", then).alias("sensor"), rows_of("event", then).alias("sign")
    columns = [*(rows.c[name] for name in ("code", *_SENSOR)), last_sign(rows, events, at).label("last")]
    return _frame(connection, rows, columns, rows.c.interval_s.is_not(None))


def _frame(
    connection: Connection, rows: FromClause, columns: list[Any], condition: ColumnElement[bool]
) -> pd.DataFrame:
    return _framed(connection, select(*columns).select_from(rows).where(condition).order_by(rows.c.code))


def _framed(connection: Connection, query: Select[Any]) -> pd.DataFrame:
    result = connection.execute(query)
    return pd.DataFrame(result.all(), columns=list(result.keys()), dtype=object)

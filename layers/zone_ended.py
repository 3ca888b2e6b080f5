"""Joint-control zones that no run bears any more: when and how each ended, and what it was until then.

A zone has ended where the last line of its lineage says so. It is told as the run before its end left it, to whoever
could see it then: the policies of the past ask for members of that time.
"""

from collections.abc import Collection
from datetime import date, datetime
from typing import Any, NamedTuple

from sqlalchemy import Connection, column, select, table
from sqlalchemy.dialects.postgresql import distinct_on

from layers.history import CLOCK, Moment
from layers.reading import among
from layers.schema import metadata
from layers.zone_tables import zone, zone_event, zone_run
from layers.zones import lineage, zone_detail
from riskmap.zone_lineage import ENDINGS

Row = dict[str, Any]
_LISTED = 200
_ended = table("zone_ended", *(column(name) for name in ("zone_code", "run_id", "n", "rev", "kind", "other")))
_past = metadata.tables["zone_past"]


class End(NamedTuple):
    """How a zone ended: in which run and when, `merge` (into which other) or `dissolve`.

    `then`: as the run before left it, with the records of that time; `last`: just before its end, for its ledger.
    """

    run_id: int
    at: datetime
    kind: str
    other: str | None
    then: Moment
    last: Moment

    @property
    def day(self) -> date:
        """The day of the run that ended it."""
        return self.at.astimezone(CLOCK).date()


def end_of(connection: Connection, code: str, then: Moment | None = None) -> End | None:
    """How a zone had ended, now or by a moment; None: it had not, or none of its members is the caller's."""
    event = zone_event
    run_before = zone_run.alias("run_before")
    names = (event.c.run_id, event.c.rev, event.c.kind, event.c.other, zone_run.c.data_time)
    query = select(*names, run_before.c.rev.label("rev_before"))
    query = query.join(zone_run, zone_run.c.run_id == event.c.run_id)
    query = query.outerjoin(run_before, run_before.c.run_id == event.c.run_id - 1)
    query = query.where(event.c.zone_code == code)
    if then is not None:
        query = query.where(event.c.rev <= then.rev)
    last = connection.execute(query.order_by(event.c.run_id.desc(), event.c.n.desc()).limit(1)).first()
    if last is None or last.kind not in ENDINGS:
        return None
    then, until = Moment(None, last.rev_before), Moment(None, last.rev - 1)
    return End(last.run_id, last.data_time, last.kind, last.other, then, until)


class Told(NamedTuple):
    """A zone with everything (`layers.zones.zone_detail`), the moment it is told of, and how it ended if it did."""

    zone: Row
    then: Moment | None
    end: End | None


def zone_or_last(
    connection: Connection, code: str, then: Moment | None = None, *, geometry: bool = False
) -> Told | None:
    """A zone now or as of a moment; one that had ended by then as it was just before, with its whole lineage."""
    found = zone_detail(connection, code, then=then, geometry=geometry)
    if found is not None:
        return Told(found, then, None)
    end = end_of(connection, code, then)
    found = end and zone_detail(connection, code, then=end.then, geometry=geometry)
    if not end or not found:
        return None
    return Told(found | {"lineage": lineage(connection, [code], then)[code]}, end.then, end)


def ended_zones(connection: Connection) -> list[Row]:
    """The zones that have ended and the caller could see then, the newest first: code, name, members, at, kind, other."""
    query = (
        select(
            _past.c.code,
            _past.c.name,
            _past.c.member_count,
            zone_run.c.data_time,
            _ended.c.kind,
            _ended.c.other,
        )
        .join(_ended, (_ended.c.zone_code == _past.c.code) & (_ended.c.rev == _past.c.rev_to))
        .join(zone_run, zone_run.c.run_id == _ended.c.run_id)
        .order_by(_ended.c.run_id.desc(), _past.c.code)
        .limit(_LISTED)
    )
    return [dict(row) for row in connection.execute(query).mappings()]


def zone_names(connection: Connection, codes: Collection[str]) -> dict[str, str]:
    """The names of some zones that have a page for the caller: those of now, and those that ended by their last."""
    if not codes:
        return {}
    ended = select(_past.c.code, _past.c.name).join(
        _ended, (_ended.c.zone_code == _past.c.code) & (_ended.c.rev == _past.c.rev_to)
    )
    query = select(zone.c.code, zone.c.name).where(zone.c.code == among(codes))
    found = query.union_all(ended.where(_past.c.code == among(codes)))
    return {row.code: row.name for row in connection.execute(found)}


def member_names(connection: Connection, codes: Collection[str]) -> dict[str, str]:
    """The last names under which sites were members of zones, as far as the caller may see: of those gone from file."""
    member = table("zone_member_all", *(column(name) for name in ("code", "name", "rev")))
    query = select(member.c.code, member.c.name).where(member.c.code == among(codes))
    newest = query.order_by(member.c.code, member.c.rev.desc()).ext(distinct_on(member.c.code))
    return {row.code: row.name for row in connection.execute(newest)}

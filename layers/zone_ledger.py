"""The ledgers of joint-control zones: their records as the caller may know them, and what judging their dates needs."""

from collections.abc import Sequence
from datetime import date
from typing import Any

from sqlalchemy import ARRAY, ColumnClause, Connection, Text, func, literal, select
from sqlalchemy import column as named

from layers.history import CLOCK, Moment, rows_of
from layers.schema import metadata
from riskmap.zone_ledger import Entry, Past

FIELDS = (
    *("zone_code", "code", "kind", "title", "done_on", "due_on", "unit_code", "unit_name", "phone", "run_id"),
    *("note", "synthetic", "rev"),
)
Row = dict[str, Any]


def ledger_of(connection: Connection, zones: Sequence[str], then: Moment | None = None) -> list[Row]:
    """The records of some zones, by zone, what is ahead and then the newest first.

    `whole` is false where the record names a unit beyond the caller's rights: then it has no code, unit's code, phone
    or text. As of a moment only whole ones are told.
    """
    if then is None:
        columns: list[ColumnClause[Any]] = [named(name) for name in (*FIELDS, "whole")]
        asked = func.zone_ledger(literal(list(zones), ARRAY(Text()))).table_valued(*columns)
        return [dict(row) for row in connection.execute(select(asked)).mappings()]
    rows = rows_of("zone_record", then)
    query = (
        select(*(rows.c[name] for name in FIELDS))
        .where(rows.c.zone_code.in_(zones))
        .order_by(rows.c.zone_code, rows.c.done_on.desc().nulls_first(), rows.c.code)
    )
    return [{**row, "whole": True} for row in connection.execute(query).mappings()]


def record_of(connection: Connection, code: str) -> Row | None:
    """One record of whatever zone, where the caller may see it whole."""
    rows = metadata.tables["zone_record"]
    found = connection.execute(select(*(rows.c[name] for name in FIELDS)).where(rows.c.code == code))
    row = found.mappings().first()
    return dict(row) if row else None


def pasts_of(
    connection: Connection, zones: Sequence[str], then: Moment | None = None
) -> dict[str, list[Past]]:
    """By zone its lineage as the ledger reads it, the oldest first."""
    event, run = metadata.tables["zone_event"], metadata.tables["zone_run"]
    query = (
        select(event.c.zone_code, event.c.run_id, run.c.data_time, event.c.kind, event.c.agreement)
        .join(run, run.c.run_id == event.c.run_id)
        .where(event.c.zone_code.in_(zones))
        .order_by(event.c.run_id, event.c.n)
    )
    if then is not None:
        query = query.where(event.c.rev <= then.rev)
    found: dict[str, list[Past]] = {}
    for row in connection.execute(query):
        day: date = row.data_time.astimezone(CLOCK).date()
        found.setdefault(row.zone_code, []).append(Past(row.run_id, day, row.kind, row.agreement))
    return found


def entry_of(row: Row) -> Entry:
    """A record as its dates are judged."""
    return Entry(row["code"] or "", row["kind"], row["done_on"], row["due_on"], row["run_id"])


def lead_of(records: Sequence[Row]) -> Row | None:
    """The record that sets a zone's lead unit: the newest one; records in the order of `ledger_of`."""
    set_on = [one for one in records if one["kind"] == "lead"]
    return max(set_on, key=lambda one: (one["done_on"] or date.min, one["rev"]), default=None)


def site_codes(connection: Connection) -> set[str]:
    """The codes of all that may be a member of a zone and the caller may see."""
    enterprise, source = metadata.tables["enterprise"], metadata.tables["source"]
    alone = select(source.c.code).where(source.c.enterprise_code.is_(None))
    return set(connection.execute(select(enterprise.c.code).union_all(alone)).scalars())

"""The past: opening revisions, and the two questions that reach back. Nothing else builds these queries."""

from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from functools import cache
from typing import Any
from zoneinfo import ZoneInfo

from sqlalchemy import (
    ColumnElement,
    Connection,
    FromClause,
    MetaData,
    Subquery,
    Table,
    and_,
    exists,
    func,
    or_,
    select,
    text,
)
from sqlalchemy.dialects.postgresql import distinct_on

from layers.fields import TABLES
from layers.schema import head, metadata, views
from riskmap.errors import BadInput, NotFound

CLOCK = ZoneInfo("Asia/Shanghai")


def open_revision(
    connection: Connection, actor: str, job: str, reason: str | None, at: datetime | None = None
) -> int:
    """Open this transaction's revision and return its number; every row written carries it.

    `at` is for jobs that load history (the demo, tests): never later than the clock, never before the last revision.
    Waits for other writers at most the connection's lock_timeout.
    """
    if at is not None:
        connection.execute(text("SELECT set_config('riskmap.at', :at, true)"), {"at": at.isoformat()})
    return int(
        connection.execute(
            text("SELECT open_revision(:actor, :job, :reason)"),
            {"actor": actor, "job": job, "reason": reason},
        ).scalar_one()
    )


def end_on(connection: Connection, day: date) -> None:
    """The day on which records deleted next in this transaction end."""
    connection.execute(text("SELECT set_config('riskmap.valid_from', :day, true)"), {"day": day.isoformat()})


def head_rev(connection: Connection) -> int:
    """The newest revision this transaction sees."""
    return int(connection.execute(select(head.c.rev)).scalar_one())


def parse_as_of(value: str) -> datetime:
    """An instant from a date (its end, Asia/Shanghai) or a full timestamp. BadInput for anything else."""
    try:
        if len(value) == len("2026-01-31"):
            return datetime.combine(date.fromisoformat(value) + timedelta(days=1), time(), CLOCK) - timedelta(
                microseconds=1
            )
        instant = datetime.fromisoformat(value)
    except ValueError:
        raise BadInput(
            f"“{value}”不是日期", remedy="请写成 2026-01-31 或 2026-01-31T08:00:00+08:00"
        ) from None
    return instant if instant.tzinfo else instant.replace(tzinfo=CLOCK)


def rev_at(connection: Connection, instant: datetime) -> int:
    """The last revision recorded by an instant; 0 before the first."""
    return int(connection.execute(select(func.rev_at(instant))).scalar_one())


def as_known(table: str, rev: int) -> Subquery:
    """The rows of a layer, score or contribution table after revision `rev`, exactly."""
    rows = views[table]
    query = select(rows).where(rows.c.rev <= rev, rows.c.rev_to > rev)
    if "gone" in rows.c:
        query = query.where(~rows.c.gone)
    return query.subquery(table)


def as_of(table: str, day: date, rev: int) -> Subquery:
    """The rows of a layer that held on `day`, as recorded by revision `rev`: the newest statement that reaches it."""
    rows = views[table]
    if TABLES[table].immutable:
        # few of them were ever taken back: to look for a newer statement row by row leaves the indexes in use
        newer = rows.alias("newer")
        overtaken = exists().where(
            _reaches(newer, day, rev), newer.c.code == rows.c.code, newer.c.rev > rows.c.rev
        )
        return select(rows).where(_reaches(rows, day, rev), ~overtaken, ~rows.c.gone).subquery(table)
    newest = (
        select(rows)
        .where(_reaches(rows, day, rev))
        .order_by(rows.c.code, rows.c.rev.desc(), rows.c.valid_from.desc())
        .ext(distinct_on(rows.c.code))
        .subquery()
    )
    return select(newest).where(~newest.c.gone).subquery(table)


def _reaches(rows: FromClause, day: date, rev: int) -> ColumnElement[bool]:
    """Statements recorded by `rev` that say something of `day`."""
    return and_(rows.c.rev <= rev, rows.c.valid_from <= day, or_(rows.c.rev_to > rev, rows.c.valid_to > day))


@dataclass(frozen=True, slots=True)
class Moment:
    """A point of the past: the last revision recorded by then, and the day that is asked about.

    Without a day it is the state after that revision, exactly as it stood. `computed` is the number of the results
    that were computed for it (`layers.computed`); without one its results are those of the last run before it.
    `at_hand` are tables that were read for it once and are asked many times (`layers.at_hand`).
    """

    day: date | None
    rev: int
    computed: int | None = None
    at_hand: frozenset[str] = frozenset()


def moment(connection: Connection, as_of_text: str) -> Moment:
    """The moment of an `--as-of`: its day in Asia/Shanghai and the revision known at its end."""
    instant = parse_as_of(as_of_text)
    return Moment(instant.astimezone(CLOCK).date(), rev_at(connection, instant))


def rows_of(table: str, then: Moment | None = None) -> FromClause:
    """A layer now, or as of a moment: the one way every reader takes it."""
    if then is None:
        return metadata.tables[table]
    if table in then.at_hand:
        return table_at_hand(table)
    if then.day is None or table not in TABLES:  # what is no layer says nothing of days before it was written
        return as_known(table, then.rev)
    return as_of(table, then.day, then.rev)


def results_of(table: str, then: Moment | None = None) -> FromClause:
    """Scores or contributions now, as computed for a moment, or as the last run before it left them."""
    if then is None:
        return metadata.tables[table]
    if table in then.at_hand:
        return table_at_hand(table)
    if then.computed is None:
        return as_known(table, then.rev)
    rows = metadata.tables[f"computed_{table}"]
    return select(rows).where(rows.c.computed_id == then.computed).subquery(table)


@cache
def table_at_hand(table: str) -> Table:
    """The temporary table that holds what was read of a table for a moment."""
    return metadata.tables[table].to_metadata(MetaData(), name=f"hand_{table}")


def correct(
    connection: Connection, table: str, code: str, held_until: date, values: dict[str, Any], rev: int
) -> None:
    """Correct a closed period: what held before `held_until` is restated as `values`; what holds now stays.

    `values` are columns of the layer with the corrected `valid_from`. The corrected statement goes to the past with
    rev = rev_to: it was never the newest, yet from `rev` on it is what is known of that period.
    NotFound where the record does not exist.
    """
    now = metadata.tables[table]
    past = metadata.tables[f"{table}_past"]
    names = [c.name for c in now.columns]
    row = connection.execute(select(now).where(now.c.code == code)).mappings().first()
    if row is None:
        raise NotFound(f"{table} 中没有 {code}", remedy="请核对编码")
    restated = {**row, **values, "rev": rev}
    connection.execute(
        past.insert().values(**{n: restated[n] for n in names}, rev_to=rev, valid_to=held_until, gone=False)
    )
    connection.execute(now.update().where(now.c.code == code).values(rev=rev, valid_from=held_until))

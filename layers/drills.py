"""Drills on file: when each began and ends, what it makes believe, and which warnings came of it."""

from datetime import datetime
from typing import Any

from sqlalchemy import BigInteger, Column, Connection, DateTime, Table, Text, func, select
from sqlalchemy.dialects.postgresql import JSONB

from layers.alert_ledger import warning_told
from layers.alert_tables import warning
from layers.schema import CODE, metadata, score
from riskmap.alert_life import OPEN

drill = Table(
    "drill",
    metadata,
    Column("code", CODE, primary_key=True),
    Column("name", Text, nullable=False),
    Column("author", Text, nullable=False),
    Column("started_at", DateTime(timezone=True), nullable=False),
    Column("ends_at", DateTime(timezone=True), nullable=False),
    Column("ended_at", DateTime(timezone=True)),
    Column("archived_at", DateTime(timezone=True)),
    Column("fact", JSONB, nullable=False),
    Column("place", JSONB, nullable=False),
    Column("rev", BigInteger, nullable=False),
)
"""`fact` and `place` are what each pass is told while it lasts, as they were when it began."""
_END = func.coalesce(drill.c.ended_at, drill.c.ends_at)
_SHOWN = [
    drill.c[name] for name in ("code", "name", "author", "started_at", "ends_at", "ended_at", "archived_at")
]
Row = dict[str, Any]


def make_believe(connection: Connection, at: datetime) -> list[Row]:
    """What the drills of an instant make believe, each with `fact` and `place`."""
    query = select(drill.c.fact, drill.c.place).where(drill.c.started_at <= at, at < _END)
    return [dict(row) for row in connection.execute(query.order_by(drill.c.code)).mappings()]


def keep_drill(connection: Connection, values: Row) -> None:
    """Keep a new drill."""
    connection.execute(drill.insert().values(values))


def unarchived(connection: Connection) -> list[Row]:
    """The drills that are not put away yet, oldest first, each with its `end_at`."""
    query = select(*_SHOWN, _END.label("end_at")).where(drill.c.archived_at.is_(None))
    return [dict(row) for row in connection.execute(query.order_by(drill.c.code)).mappings()]


def end_now(connection: Connection, code: str, at: datetime, rev: int) -> bool:
    """End a drill that still lasts; whether there was one."""
    lasts = (drill.c.code == code) & (at < _END)
    return bool(connection.execute(drill.update().where(lasts).values(ended_at=at, rev=rev)).rowcount)


def put_away(connection: Connection, code: str, at: datetime, rev: int) -> None:
    """A drill is over and its warnings are archived."""
    connection.execute(drill.update().where(drill.c.code == code).values(archived_at=at, rev=rev))


def drills_told(connection: Connection, limit: int, code: str | None = None) -> list[Row]:
    """The drills (or one) that the caller may see, newest first, each with the warnings that came of it."""
    query = select(*_SHOWN).order_by(drill.c.code.desc()).limit(limit)
    query = query.where(drill.c.code == code) if code else query
    rows = [dict(row) for row in connection.execute(query).mappings()]
    for row in rows:
        row["warnings"] = [warning_told(connection, number) for number in numbers_of(connection, row["code"])]
    return rows


def numbers_of(connection: Connection, code: str) -> list[int]:
    """The numbers of the warnings of a drill, in order."""
    query = select(warning.c.warning_id).where(warning.c.drill, warning.c.record_code == code)
    return list(connection.execute(query.order_by(warning.c.warning_id)).scalars())


def all_over(connection: Connection, code: str) -> bool:
    """Whether no warning of a drill is open any more."""
    still = select(warning.c.warning_id).where(
        warning.c.drill, warning.c.record_code == code, warning.c.state.in_(OPEN)
    )
    return connection.execute(still.limit(1)).first() is None


def worst_source(connection: Connection) -> str | None:
    """The source with the highest score that stands in a township; None where there is none."""
    query = (
        select(score.c.code)
        .where(score.c.kind == "source", score.c.township_code.is_not(None))
        .order_by(score.c.level, score.c.score.desc(), score.c.code)
        .limit(1)
    )
    found: str | None = connection.execute(query).scalar_one_or_none()
    return found

"""When a part of the worker last did its round: a sign of life, overwritten each time, no part of the history."""

from datetime import datetime

from sqlalchemy import Column, Connection, DateTime, Table, Text, select
from sqlalchemy.dialects.postgresql import insert

from layers.schema import metadata

ALERTS = "alerts"
"""the rules of warnings were asked"""
pulse = Table(
    "pulse",
    metadata,
    Column("name", Text, primary_key=True),
    Column("at", DateTime(timezone=True), nullable=False),
)


def beat(connection: Connection, name: str, at: datetime) -> None:
    """Note a round. No revision: it changes nothing that anybody knows."""
    row = insert(pulse).values(name=name, at=at)
    connection.execute(row.on_conflict_do_update(index_elements=[pulse.c.name], set_={"at": row.excluded.at}))


def last_beat(connection: Connection, name: str) -> datetime | None:
    """The last round; None before the first."""
    found: datetime | None = connection.execute(
        select(pulse.c.at).where(pulse.c.name == name)
    ).scalar_one_or_none()
    return found

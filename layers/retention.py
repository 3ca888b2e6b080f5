"""Old readings: which revisions hold some, how many of them nobody needs, and how much room all events take."""

from collections.abc import Sequence
from datetime import datetime
from typing import NamedTuple

from sqlalchemy import (
    ARRAY,
    BigInteger,
    BindParameter,
    Column,
    Connection,
    Index,
    Table,
    Text,
    bindparam,
    func,
    select,
    text,
)

from layers.schema import metadata

MOST_ROWS = 20_000
"""how many events the revisions of one batch wrote; a single one may hold more"""
pruned = Table(
    "pruned",
    metadata,
    Column("rev", BigInteger, primary_key=True, autoincrement=False),
    Column("pruned_rev", BigInteger, primary_key=True, autoincrement=False),
    Column("gone", BigInteger, nullable=False),
    Column("rows", BigInteger, nullable=False),
    Column("sha256", Text, nullable=False),
)
"""Which revision took how many readings from which, and count and digest of the events that this one still holds."""
Index("pruned_in", pruned.c.pruned_rev)


class Room(NamedTuple):
    """What events take: bytes on disk with their indexes, about how many there are, when the oldest was taken."""

    bytes: int
    rows: int
    oldest: datetime | None


def next_revisions(connection: Connection, before: datetime, beyond: int) -> list[int]:
    """The next revisions after one that wrote events before an instant, no more than one batch holds; empty at the end."""
    query = text(
        """
        SELECT rev FROM (
          SELECT rev, sum(rows) OVER (ORDER BY rev) - rows AS ahead FROM (
            SELECT v.rev, (SELECT sum((d ->> 'rows')::bigint) FROM jsonb_array_elements(v.detail) d
                           WHERE d ->> 'layer' = 'event' AND d ->> 'op' = 'INSERT') AS rows
            FROM revision v
            WHERE v.rev > :beyond AND v.at < :before AND v.detail @> '[{"layer": "event", "op": "INSERT"}]'
            ORDER BY v.rev LIMIT :most) held) counted
        WHERE ahead < :most ORDER BY rev
        """
    )
    return list(connection.execute(query, {"before": before, "beyond": beyond, "most": MOST_ROWS}).scalars())


def last_pruned(connection: Connection) -> int:
    """The newest revision that readings were taken from; 0 before the first."""
    return int(connection.execute(select(func.coalesce(func.max(pruned.c.rev), 0))).scalar_one())


def any_spare(connection: Connection, revs: list[int]) -> bool:
    """Whether some revisions hold a reading that nobody needs."""
    query = text("SELECT EXISTS (SELECT FROM spare_readings(:revs))").bindparams(_revs(revs))
    return bool(connection.execute(query).scalar_one())


def prune_readings(connection: Connection, revs: list[int]) -> int:
    """Take what nobody needs from some revisions, in the revision that is open; how many readings went."""
    query = text("SELECT prune_readings(:revs)").bindparams(_revs(revs))
    return int(connection.execute(query).scalar_one())


def room_of_events(connection: Connection) -> Room:
    """How much room all events take, the rows as the statistics know them."""
    size = "pg_total_relation_size('event') + pg_total_relation_size('event_past')"
    rows = "greatest((SELECT reltuples FROM pg_class WHERE oid = 'event'::regclass), 0)::bigint"
    found = connection.execute(text(f"SELECT {size}, {rows}, (SELECT min(time) FROM event)")).one()
    return Room(*found)


def _revs(revs: Sequence[int]) -> BindParameter[Sequence[int]]:
    return bindparam("revs", revs, type_=ARRAY(BigInteger))

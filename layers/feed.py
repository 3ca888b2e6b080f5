"""News of the database: the numbers of new revisions as they are committed, and what of them a reader may see."""

from collections.abc import Iterator
from dataclasses import dataclass
from threading import Event

import psycopg
from sqlalchemy import Connection, func, select

from layers.database import RUNNER_LOCK
from layers.schema import change, head

MOST_CHANGES = 500
LISTENER = "riskmap feed"
"""what the listening connection is called in the server's list"""
_PATIENCE_S = 0.5
_LONGEST_PAUSE_S = 5.0


def listen(dsn: str, stop: Event) -> Iterator[int | None]:
    """Numbers of new revisions until `stop` is set; None when the database is lost, a number when it is back.

    A connection of its own, as the reader without identity: it learns numbers and may read nothing. The first number
    after each connect is the newest there is, so nothing that happened in between is missed.
    """
    pause_s = _PATIENCE_S
    while not stop.is_set():
        try:
            with psycopg.connect(
                dsn, autocommit=True, connect_timeout=5, application_name=LISTENER
            ) as connection:
                connection.execute("SET ROLE riskmap_web")
                heed(connection)
                yield _newest(connection)
                pause_s = _PATIENCE_S
                while not stop.is_set():
                    for notice in connection.notifies(timeout=_PATIENCE_S, stop_after=1):
                        yield int(notice.payload)
        except psycopg.OperationalError:
            if stop.is_set():
                return
            yield None
            stop.wait(pause_s)
            pause_s = min(2 * pause_s, _LONGEST_PAUSE_S)


def take_runner_lock(connection: psycopg.Connection) -> bool:
    """Try to become the one runner; the lock lasts as long as the connection."""
    row = connection.execute("SELECT pg_try_advisory_lock(%s, %s)", RUNNER_LOCK).fetchone()
    assert row is not None
    return bool(row[0])


def heed(connection: psycopg.Connection) -> None:
    """From now on `connection.notifies()` tells of every revision."""
    connection.execute("LISTEN riskmap")


def _newest(connection: psycopg.Connection) -> int:
    row = connection.execute("SELECT rev_at('infinity')").fetchone()
    assert row is not None
    return int(row[0])


@dataclass(frozen=True, slots=True)
class News:
    """What changed up to revision `rev`, as (layer, code) pairs; `more` where there were too many to name.

    `events` says that nothing but events came in: no record and no level is another than before, for no one.
    """

    rev: int
    changes: list[tuple[str, str]]
    more: bool
    events: bool = False


def changes_since(connection: Connection, rev: int | None) -> News:
    """The records changed after `rev` that the caller's transaction may see; `*` stands for a whole layer.

    Without a `rev` only the number of the newest revision, a position to go on from.
    """
    newest = int(connection.execute(select(head.c.rev)).scalar_one())
    if rev is None:
        return News(newest, [], more=False)
    events = bool(connection.execute(select(func.only_events_since(rev))).scalar_one())
    named = select(change.c.layer, change.c.code).where(change.c.rev > rev, change.c.rev <= newest)
    if not events:  # an event is written once, and thousands may come in a second: they are not put in order
        named = named.group_by(change.c.layer, change.c.code).order_by(change.c.layer, change.c.code)
    found = connection.execute(named.limit(MOST_CHANGES + 1)).all()
    changes = [(row.layer, row.code) for row in found[:MOST_CHANGES]]
    return News(newest, changes, more=len(found) > MOST_CHANGES, events=events)

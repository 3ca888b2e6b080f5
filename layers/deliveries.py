"""The outbox as it empties: what is due by a channel, what came of every try, what is to go another way."""

import json
from collections.abc import Collection, Mapping, Sequence
from datetime import datetime
from typing import Any, NamedTuple

from sqlalchemy import ARRAY, BigInteger, Connection, all_, and_, func, literal, select, text

from layers.alert_tables import delivery, warning
from layers.outbox import put_messages
from layers.schema import SCOPE

Row = dict[str, Any]
_SENT = ("delivery_id", "warning_id", "person", "channel", "reason", "n", "address", "text", "warn")
RESENT = "resent"
_SENT_ON = ("warning_id", "person", "reason", "n", *SCOPE, "audience", "text", "also", "warn")


class Result(NamedTuple):
    """What one try came to: `state` of the delivery, its next time while it waits; not `counted`: no try at all."""

    delivery_id: int
    channel: str
    outcome: str
    detail: str
    state: str
    at: datetime
    next_at: datetime | None
    took_s: float
    counted: bool = True


def due(connection: Connection, free: Mapping[str, int], busy: Collection[int], now: datetime) -> list[Row]:
    """Messages to be sent now, the most urgent first, at most so many by each channel; not those that are under way."""
    elsewhere = delivery.c.delivery_id != all_(literal(sorted(busy), ARRAY(BigInteger())))
    columns = [delivery.c[name] for name in (*_SENT, "made_at", "attempts")]
    found: list[Row] = []
    for channel, most in free.items():
        query = (
            select(*columns, warning.c.form, warning.c.state)
            .outerjoin(warning, warning.c.warning_id == delivery.c.warning_id)
            .where(delivery.c.state == "waiting", delivery.c.channel == channel)
            .where(delivery.c.next_at <= now, elsewhere)
            .order_by(delivery.c.warn, delivery.c.next_at, delivery.c.delivery_id)
            .limit(most)
        )
        found += [dict(row) for row in connection.execute(query).mappings()]
    return found


def next_due(connection: Connection, now: datetime) -> datetime | None:
    """When the next message comes due that is not due yet; None where none waits."""
    query = select(func.min(delivery.c.next_at)).where(
        delivery.c.state == "waiting", delivery.c.next_at > now
    )
    found: datetime | None = connection.execute(query).scalar_one()
    return found


def waiting_channels(connection: Connection) -> set[str]:
    """The channels that messages wait for."""
    query = select(delivery.c.channel).distinct().where(delivery.c.state == "waiting")
    return set(connection.execute(query).scalars())


def record(connection: Connection, results: Sequence[Result]) -> None:
    """Keep what tries came to: a row of each, and where the delivery stands.

    No revision is opened: each row has its own time, and a revision would wait for whoever imports.
    """
    scope = ", ".join(SCOPE)
    statement = text(
        "WITH tried AS (UPDATE delivery SET attempts = attempts + :counted, state = :state, next_at = :next_at,"
        " done_at = CASE WHEN :state = 'waiting' THEN NULL ELSE CAST(:at AS timestamptz) END"
        f" WHERE delivery_id = :delivery_id AND state = 'waiting' RETURNING delivery_id, attempts, {scope})"
        f" INSERT INTO attempt (delivery_id, n, {scope}, at, outcome, detail, channel, took_s)"
        f" SELECT delivery_id, attempts, {scope}, :at, :outcome, :detail, :channel, :took_s FROM tried"
        " WHERE :counted = 1"
    )
    for one in results:
        connection.execute(statement, {**one._asdict(), "counted": int(one.counted)})


def send_on(connection: Connection, failed: Sequence[int], at: datetime) -> None:
    """Put messages that failed by one channel into the outbox for the next of their ways, where they have one."""
    if not failed:
        return
    columns = [delivery.c[name] for name in (*_SENT_ON, "further", "rev")]
    rows = connection.execute(select(*columns).where(delivery.c.delivery_id.in_(failed))).mappings()
    again = []
    for row in rows:
        if row["further"]:
            (channel, address), *further = row["further"]
            told = {name: row[name] for name in (*_SENT_ON, "rev")}
            way = {"channel": channel, "address": address, "further": json.dumps(further)}
            times = {"state": "waiting", "made_at": at, "next_at": at, "done_at": None}
            again.append({**told, **way, **times})
    put_messages(connection, again, 0)


def hasten(connection: Connection, delivery_id: int, at: datetime) -> int | None:
    """Let a message that waits go now; its number, None where it waits no longer."""
    waits = (delivery.c.delivery_id == delivery_id) & (delivery.c.state == "waiting")
    moved = connection.execute(delivery.update().where(waits).values(next_at=at)).rowcount
    return delivery_id if moved else None


def put_again(connection: Connection, delivery_id: int, at: datetime, rev: int) -> int:
    """Put a message that is done with into the outbox once more, under the reason `resent`; the new one's number."""
    columns = [delivery.c[name] for name in (*_SENT_ON, "channel", "address", "further")]
    row = connection.execute(select(*columns).where(delivery.c.delivery_id == delivery_id)).mappings().one()
    same = and_(*(delivery.c[name] == row[name] for name in ("warning_id", "person", "channel")))
    last = select(func.coalesce(func.max(delivery.c.n), 0)).where(same, delivery.c.reason == RESENT)
    n = connection.execute(last).scalar_one() + 1
    times = {"state": "waiting", "made_at": at, "next_at": at, "done_at": None}
    anew = {**row, "reason": RESENT, "n": n, "further": json.dumps(row["further"]), **times}
    put_messages(connection, [anew], rev)
    query = select(delivery.c.delivery_id).where(same, delivery.c.reason == RESENT, delivery.c.n == n)
    return int(connection.execute(query).scalar_one())

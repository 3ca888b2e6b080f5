"""How channels fare, read for people: tries, queues, single messages with all that was tried."""

from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta
from typing import Any, NamedTuple

from sqlalchemy import Connection, func, select

from layers.alert_ledger import with_times
from layers.alert_tables import attempt, delivery
from layers.city import stored_city
from riskmap.channel_health import Attempt, Health, channel_health
from riskmap.errors import NotFound
from riskmap.sending import kinds_of

Row = dict[str, Any]
_TOLD = ("delivery_id", "warning_id", "person", "audience", "channel", "reason", "n", "text", "state")
_TIMES = ("made_at", "next_at", "done_at", "attempts")
_DAY, _HOUR = timedelta(days=1), timedelta(hours=1)
_LAST = 50
"""tries of a channel that its health is told by: far more than make a row of failures"""


class Queue(NamedTuple):
    """What waits for a channel: how many, since when the oldest, when the next is tried."""

    waiting: int = 0
    oldest: datetime | None = None
    next_at: datetime | None = None


def last_attempts(connection: Connection, channels: Iterable[str], since: datetime) -> list[Attempt]:
    """The last tries of each channel, and of each its last success however long ago it was, in no order."""
    found: list[Attempt] = []
    columns = [attempt.c[name] for name in ("channel", "at", "outcome", "detail", "took_s")]
    for name in channels:
        mine = select(*columns).where(attempt.c.channel == name).order_by(attempt.c.at.desc())
        queries = (
            mine.where(attempt.c.at >= since).limit(_LAST),
            mine.where(attempt.c.outcome == "delivered").limit(1),
        )
        found += [Attempt(*row) for query in queries for row in connection.execute(query)]
    return found


def failures_since(connection: Connection, since: datetime) -> dict[str, int]:
    """By channel how many tries failed since an instant."""
    query = (
        select(attempt.c.channel, func.count())
        .where(attempt.c.at >= since, attempt.c.outcome != "delivered")
        .group_by(attempt.c.channel)
    )
    return {row[0]: row[1] for row in connection.execute(query)}


def queues(connection: Connection) -> dict[str, Queue]:
    """By channel what waits."""
    query = (
        select(
            delivery.c.channel,
            func.count(),
            func.min(delivery.c.made_at),
            func.min(delivery.c.next_at),
        )
        .where(delivery.c.state == "waiting")
        .group_by(delivery.c.channel)
    )
    return {row[0]: Queue(*row[1:]) for row in connection.execute(query)}


def troubled(connection: Connection, since: datetime, limit: int) -> list[Row]:
    """Messages that wait after a failed try, or failed by their last way since an instant, the latest first."""
    last = (
        select(attempt.c.detail)
        .where(attempt.c.delivery_id == delivery.c.delivery_id)
        .order_by(attempt.c.n.desc())
        .limit(1)
        .scalar_subquery()
    )
    again = (delivery.c.state == "waiting") & (delivery.c.attempts > 0)
    given_up = (delivery.c.state == "failed") & (delivery.c.done_at >= since)
    given_up &= func.jsonb_array_length(delivery.c.further) == 0
    query = (
        select(*(delivery.c[name] for name in (*_TOLD, *_TIMES)), last.label("detail"))
        .where(again | given_up)
        .order_by(delivery.c.delivery_id.desc())
        .limit(limit)
    )
    return [dict(row) for row in connection.execute(query).mappings()]


def delivery_told(connection: Connection, delivery_id: int) -> Row:
    """One message with every try; NotFound where there is none that the caller may see."""
    query = select(*(delivery.c[name] for name in (*_TOLD, *_TIMES)))
    found = connection.execute(query.where(delivery.c.delivery_id == delivery_id)).mappings().first()
    if found is None:
        raise NotFound(f"没有编号为 {delivery_id} 的消息，或无权查看", remedy="请核对编号")
    tries = select(*(attempt.c[name] for name in ("n", "at", "outcome", "detail", "channel", "took_s")))
    tries = tries.where(attempt.c.delivery_id == delivery_id).order_by(attempt.c.n)
    told = with_times(found)
    rows = [with_times(row) for row in connection.execute(tries).mappings()]
    return {"id": told.pop("delivery_id"), **told, "tries": rows}


class ChannelState(NamedTuple):
    """One channel as it stands: its health, its queue, how many tries failed within the last hour."""

    health: Health
    queue: Queue
    failures: int

    @property
    def name(self) -> str:
        """As in `[channels.<name>]`."""
        return self.health.channel

    @property
    def failing(self) -> bool:
        """Whether whoever depends on it is to be told another way."""
        return self.health.state == "failing"


def city_channel_states(connection: Connection, now: datetime) -> list[ChannelState]:
    """How each of the city's channels stands now."""
    return channel_states(connection, list(kinds_of(stored_city(connection).channels)), now)


def channel_states(connection: Connection, channels: Sequence[str], now: datetime) -> list[ChannelState]:
    """How each channel stands now, in the given order."""
    health = channel_health(channels, last_attempts(connection, channels, now - _DAY), now)
    waiting, failed = queues(connection), failures_since(connection, now - _HOUR)
    return [
        ChannelState(one, waiting.get(one.channel, Queue()), failed.get(one.channel, 0)) for one in health
    ]

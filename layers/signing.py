"""Who may sign with no account: links kept as hashes, and the numbers that messages went to."""

from collections.abc import Collection, Iterable, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, select

from layers.alert_tables import delivery, warning
from layers.delivery_tables import reply, sign_link

Row = dict[str, Any]


def keep_links(connection: Connection, links: Sequence[Row]) -> None:
    """Keep links, each with `token_hash`, `delivery_id`, `warning_id`, `person` and `until_at`."""
    connection.execute(sign_link.insert(), list(links))


def link_of(connection: Connection, token_hash: bytes) -> Row | None:
    """The link of a token with the message it came in and how its warning stands; None where there is none."""
    query = (
        select(
            *sign_link.columns,
            delivery.c.text,
            delivery.c.channel,
            warning.c.state,
        )
        .join(delivery, delivery.c.delivery_id == sign_link.c.delivery_id)
        .join(warning, warning.c.warning_id == sign_link.c.warning_id)
        .where(sign_link.c.token_hash == token_hash)
    )
    row = connection.execute(query).mappings().first()
    return dict(row) if row else None


def use_links(connection: Connection, warning_id: int, person: str, at: datetime) -> int:
    """Mark every link of a person for a warning as used; how many were not yet."""
    mine = (sign_link.c.warning_id == warning_id) & (sign_link.c.person == person)
    return connection.execute(
        sign_link.update().where(mine, sign_link.c.used_at.is_(None)).values(used_at=at)
    ).rowcount


def forget_links(connection: Connection, before: datetime) -> None:
    """Drop the links that ended before an instant."""
    connection.execute(sign_link.delete().where(sign_link.c.until_at < before))


def told_by(connection: Connection, channel: str, addresses: Collection[str]) -> list[Row]:
    """The open warnings that went to some addresses by a channel, the latest first: whom, of what, and how it stands."""
    query = (
        select(delivery.c.person, delivery.c.warning_id, warning.c.state, warning.c.signed_by)
        .join(warning, warning.c.warning_id == delivery.c.warning_id)
        .where(delivery.c.address.in_(list(addresses)), delivery.c.channel == channel)
        .where(delivery.c.reason != "cleared", warning.c.ended_at.is_(None))
        .order_by(delivery.c.made_at.desc(), delivery.c.delivery_id.desc())
        .limit(50)
    )
    return [dict(row) for row in connection.execute(query).mappings()]


def known_replies(connection: Connection, ids: Iterable[str]) -> set[str]:
    """Which of these replies are on file."""
    query = select(reply.c.reply_id).where(reply.c.reply_id.in_(list(ids)))
    return set(connection.execute(query).scalars())


def keep_reply(connection: Connection, values: Row) -> None:
    """Keep one reply and what came of it."""
    connection.execute(reply.insert().values(values))


def replies_since(connection: Connection, since: datetime, limit: int) -> list[Row]:
    """The replies that came in since an instant, newest first."""
    query = (
        select(reply).where(reply.c.at >= since).order_by(reply.c.at.desc(), reply.c.reply_id).limit(limit)
    )
    return [dict(row) for row in connection.execute(query).mappings()]

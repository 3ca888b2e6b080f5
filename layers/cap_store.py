"""Warnings as CAP messages, kept byte for byte: what is to be told next, and what readers may see of it."""

from collections.abc import Collection, Sequence
from typing import Any

import shapely
from shapely.geometry.base import BaseGeometry
from sqlalchemy import Connection, func, or_, select

from layers.alert_tables import warning
from layers.cap_feed import CapEntry
from layers.delivery_tables import cap_message
from layers.schema import metadata
from riskmap.cap import Reference

Row = dict[str, Any]
CANCEL = "Cancel"
_ENTRY = ("identifier", "sender", "sent", "title", "summary", "scope")


class CapMessages:
    """The messages on file, for readers by the rights of their connection."""

    def newest(self, rows: Connection, limit: int) -> Sequence[CapEntry]:
        """The messages that may be seen, newest first."""
        query = select(*(cap_message.c[name] for name in _ENTRY))
        order = (cap_message.c.sent.desc(), cap_message.c.rev.desc(), cap_message.c.warning_id.desc())
        return [CapEntry(*row) for row in rows.execute(query.order_by(*order).limit(limit))]

    def document(self, rows: Connection, identifier: str) -> bytes | None:
        """A message as it was sent; None where there is none that may be seen."""
        query = select(cap_message.c.content).where(cap_message.c.identifier == identifier)
        found: bytes | None = rows.execute(query).scalar_one_or_none()
        return found


def untold(connection: Connection) -> list[Row]:
    """The warnings that were told, became another or ended since their last message, in order of their numbers.

    Each with `earlier`, the number of its messages, and `over`, whether the next one says that it ended.
    """
    of_ours = cap_message.c.warning_id.is_not(None)
    since = select(func.coalesce(func.max(cap_message.c.rev), 0)).where(of_ours).scalar_subquery()
    is_news = (warning.c.rev > since) & warning.c.told_at.is_not(None)
    last = (
        select(
            cap_message.c.warning_id,
            func.max(cap_message.c.n).label("earlier"),
            func.max(cap_message.c.sent).label("sent"),
            func.bool_or(cap_message.c.msg_type == CANCEL).label("cancelled"),
        )
        .where(cap_message.c.warning_id.in_(select(warning.c.warning_id).where(is_news)))
        .group_by(cap_message.c.warning_id)
        .subquery()
    )
    over = warning.c.ended_at.is_not(None)
    query = (
        select(warning, func.coalesce(last.c.earlier, 0).label("earlier"), over.label("over"))
        .outerjoin(last, last.c.warning_id == warning.c.warning_id)
        .where(is_news)
        .where(
            or_(
                last.c.warning_id.is_(None) & ~over,
                ~last.c.cancelled & (over | (warning.c.told_at > last.c.sent)),
            )
        )
        .order_by(warning.c.warning_id)
    )
    return [dict(row) for row in connection.execute(query).mappings()]


def messages_before(connection: Connection, ids: Collection[int]) -> dict[int, tuple[Reference, ...]]:
    """What was told of some warnings so far, in order."""
    columns = [cap_message.c[name] for name in ("warning_id", "sender", "identifier", "sent")]
    query = select(*columns).where(cap_message.c.warning_id.in_(list(ids))).order_by(cap_message.c.n)
    found: dict[int, tuple[Reference, ...]] = {}
    for number, *reference in connection.execute(query):
        found[number] = (*found.get(number, ()), Reference(*reference))
    return found


def public_messages_before(connection: Connection, series: str) -> tuple[Reference, ...]:
    """What was told of a warning to the public so far, in order."""
    columns = [cap_message.c[name] for name in ("sender", "identifier", "sent")]
    query = select(*columns).where(cap_message.c.public_code == series).order_by(cap_message.c.n)
    return tuple(Reference(*row) for row in connection.execute(query))


def outlines_of(connection: Connection, codes: Collection[str]) -> dict[str, tuple[str, BaseGeometry]]:
    """Areas by code: their names and outlines in degrees."""
    area = metadata.tables["area"]
    query = select(area.c.code, area.c.name, func.ST_AsBinary(area.c.geom)).where(
        area.c.code.in_(list(codes))
    )
    return {
        code: (name, shapely.from_wkb(bytes(shape)))
        for code, name, shape in connection.execute(query)
        if shape is not None
    }


def keep_cap(connection: Connection, rows: Sequence[Row]) -> None:
    """Keep messages for ever."""
    connection.execute(cap_message.insert(), list(rows))

"""Calls about warnings (叫应) as rows: which warnings are to be called out, who is on the list, what came of each."""

from collections.abc import Collection, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, and_, any_, func, or_, select

from layers.alert_ledger import add_numbered, is_quiet
from layers.alert_tables import call, delivery, warning, warning_step
from layers.reading import among_numbers
from riskmap.calling import DROPPED

Row = dict[str, Any]
BY_VOICE = "call"
"""the reason of messages that a machine reads aloud"""
WAITING = "sent"
"""the state in which a warning is called out: told, and not signed for by as many as must"""


def called_out(connection: Connection, levels: Collection[int]) -> dict[int, Row]:
    """The warnings that are to be called out, by number, with how often each was renewed."""
    renewed = select(func.count()).where(
        warning_step.c.warning_id == warning.c.warning_id, warning_step.c.action == "renew"
    )
    query = select(warning, renewed.scalar_subquery().label("renewals")).where(
        warning.c.ended_at.is_(None),
        warning.c.state == WAITING,
        warning.c.warn.in_(levels),
        ~is_quiet(),
    )
    rows = connection.execute(query.order_by(warning.c.warning_id)).mappings()
    return {row["warning_id"]: dict(row) for row in rows}


def calls_of(connection: Connection, ids: Sequence[int]) -> dict[int, list[Row]]:
    """The calls about some warnings since each was last fired, on the list or made, in order, by the warning's number."""
    query = (
        select(call)
        .join(warning, warning.c.warning_id == call.c.warning_id)
        .where(
            call.c.warning_id == among_numbers(ids),
            call.c.due_at >= warning.c.fired_at,
            call.c.result.is_distinct_from(DROPPED),
        )
    )
    found: dict[int, list[Row]] = {number: [] for number in ids}
    for row in connection.execute(query.order_by(call.c.warning_id, call.c.n)).mappings():
        found[row["warning_id"]].append(dict(row))
    return found


def not_needed(connection: Connection, waiting: Collection[int]) -> list[tuple[int, int]]:
    """The calls on the list whose warning need not be called out (any more), was fired anew since, or has their signature."""
    waits = call.c.warning_id == among_numbers(waiting)
    signed = call.c.person == any_(warning.c.signed_by)
    query = (
        select(call.c.warning_id, call.c.n)
        .join(warning, warning.c.warning_id == call.c.warning_id)
        .where(call.c.result.is_(None), or_(~waits, call.c.due_at < warning.c.fired_at, signed))
    )
    return [(row[0], row[1]) for row in connection.execute(query.order_by(call.c.warning_id, call.c.n))]


def listed_with(connection: Connection, warning_id: int, n: int) -> list[tuple[int, int]]:
    """The other calls on the list, as far as the caller may see them, of the person whom a call is for: one telephone rings."""
    one = call.alias("one")
    query = (
        select(call.c.warning_id, call.c.n)
        .join(one, and_(one.c.duty_code == call.c.duty_code, one.c.rank == call.c.rank))
        .where(one.c.warning_id == warning_id, one.c.n == n, one.c.duty_code != "")
        .where(call.c.result.is_(None), call.c.warning_id != warning_id)
    )
    return [(row[0], row[1]) for row in connection.execute(query.order_by(call.c.warning_id))]


def call_to_write(connection: Connection, warning_id: int, n: int) -> Row | None:
    """One call, locked until the end of this transaction; None where there is none."""
    query = select(call).where(call.c.warning_id == warning_id, call.c.n == n).with_for_update()
    row = connection.execute(query).mappings().first()
    return dict(row) if row else None


def called_by_machine(connection: Connection, delivery_id: int) -> tuple[int, int] | None:
    """The call that a message of the voice channel is, as (warning, n); None where it is none."""
    query = select(delivery.c.warning_id, delivery.c.n).where(
        delivery.c.delivery_id == delivery_id, delivery.c.reason == BY_VOICE
    )
    row = connection.execute(query).first()
    return (row[0], row[1]) if row else None


def ringing(connection: Connection, channel: str) -> list[tuple[int, int, str, int]]:
    """The calls under way that a channel of voice makes: number of the message, warning, person and n of each."""
    mine = and_(
        delivery.c.warning_id == call.c.warning_id,
        delivery.c.n == call.c.n,
        delivery.c.channel == call.c.channel,
        delivery.c.reason == BY_VOICE,
    )
    columns = (delivery.c.delivery_id, delivery.c.warning_id, delivery.c.person, delivery.c.n)
    query = select(*columns).join(call, mine).where(call.c.channel == channel, call.c.result.is_(None))
    return [(row[0], row[1], row[2], row[3]) for row in connection.execute(query)]


def list_calls(connection: Connection, calls: Sequence[Row], warnings: dict[int, Row], rev: int) -> list[Row]:
    """Put calls (`warning_id` and who, as what, by which way, since when) on the list, numbered on; the rows as kept."""
    blank = {"made_at": None, "result": None, "answered_by": "", "repeated": "", "noted_by": ""}
    return add_numbered(connection, call, [{**blank, **one} for one in calls], warnings, rev)


def keep_call(connection: Connection, warning_id: int, n: int, rev: int, **values: Any) -> None:
    """Change one call: what came of it, or by which way it is to be made."""
    one = and_(call.c.warning_id == warning_id, call.c.n == n)
    connection.execute(call.update().where(one).values(**values, rev=rev))


def drop_calls(connection: Connection, keys: Sequence[tuple[int, int]], at: datetime, rev: int) -> None:
    """Take calls off the list that are no longer needed."""
    for warning_id, n in keys:
        keep_call(connection, warning_id, n, rev, result=DROPPED, made_at=at)

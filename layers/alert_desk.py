"""What the desk reads of warnings beside the ledger: steps and messages of many at once, and what a shift hands over."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import ARRAY, BigInteger, Connection, func, literal, select

from layers.alert_tables import alert_run, delivery, warning, warning_step
from layers.reading import among_numbers
from riskmap.alert_life import OPEN, PROGRAM
from riskmap.vocabulary import LEVELS

Row = dict[str, Any]
_STEP = ("warning_id", "action", "state", "person", "at", "note")
_MESSAGE = ("delivery_id", "warning_id", "also", "person", "audience", "address", "channel", "reason")
_TIMES = ("text", "state", "made_at", "done_at", "attempts")


def steps_of(connection: Connection, ids: Sequence[int]) -> dict[int, list[Row]]:
    """The steps of some warnings in order, by the warning's number."""
    query = select(*(warning_step.c[name] for name in _STEP)).where(
        warning_step.c.warning_id == among_numbers(ids)
    )
    found: dict[int, list[Row]] = {number: [] for number in ids}
    for row in connection.execute(query.order_by(warning_step.c.warning_id, warning_step.c.n)).mappings():
        found[row["warning_id"]].append(dict(row))
    return found


def messages_of(connection: Connection, ids: Sequence[int]) -> dict[int, list[Row]]:
    """The messages that tell of some warnings, by the warning's number, in the order they were made."""
    columns = [delivery.c[name] for name in (*_MESSAGE, *_TIMES)]
    asked = literal(list(ids), ARRAY(BigInteger()))
    about = (delivery.c.warning_id == among_numbers(ids)) | delivery.c.also.op("&&")(asked)
    found: dict[int, list[Row]] = {number: [] for number in ids}
    for row in connection.execute(select(*columns).where(about).order_by(delivery.c.delivery_id)).mappings():
        for number in (row["warning_id"], *row["also"]):
            if number in found:
                found[number].append(dict(row))
    return found


def done_since(connection: Connection, since: datetime, limit: int) -> list[Row]:
    """What people did since an instant, the newest first, with the warning it was done about."""
    about = (warning.c.kind, warning.c.said, warning.c.warn, warning.c.opened_at, warning.c.drill)
    query = (
        select(*(warning_step.c[name] for name in _STEP), *about)
        .join(warning, warning.c.warning_id == warning_step.c.warning_id)
        .where(warning_step.c.at >= since, warning_step.c.person != PROGRAM, warning_step.c.action != "read")
        .order_by(warning_step.c.at.desc(), warning_step.c.warning_id, warning_step.c.n.desc())
        .limit(limit)
    )
    return [{**row, "warn": LEVELS[row["warn"]]} for row in connection.execute(query).mappings()]


def came_and_went(connection: Connection, since: datetime) -> tuple[int, int]:
    """How many warnings came since an instant, and how many ended; drills are none."""
    came = func.count().filter(warning.c.opened_at >= since, ~warning.c.drill)
    went = func.count().filter(warning.c.ended_at >= since, ~warning.c.drill)
    row = connection.execute(select(came, went).select_from(warning)).one()
    return int(row[0]), int(row[1])


def last_pass_at(connection: Connection) -> datetime | None:
    """The instant of the last pass that changed anything; None before the first."""
    newest = select(alert_run.c.at).order_by(alert_run.c.rev.desc()).limit(1)
    found: datetime | None = connection.execute(newest).scalar_one_or_none()
    return found


def unread_by(connection: Connection, ids: Sequence[int], person: str) -> list[int]:
    """Which of these warnings that the caller may see are open and not marked as read by somebody yet."""
    read = (
        select(warning_step.c.warning_id)
        .where(
            warning_step.c.warning_id == warning.c.warning_id,
            warning_step.c.action == "read",
            warning_step.c.person == person,
        )
        .exists()
    )
    query = select(warning.c.warning_id).where(
        warning.c.warning_id == among_numbers(ids), warning.c.state.in_(OPEN), ~read
    )
    return list(connection.execute(query.order_by(warning.c.warning_id)).scalars())

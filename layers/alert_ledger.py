"""The ledger of warnings: what was warned of, each step of its life, and what readers may see of it."""

import json
from collections.abc import Collection, Iterable, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

import pandas as pd
from sqlalchemy import ColumnElement, Connection, Table, and_, any_, func, select

from layers.alert_tables import delivery, warning, warning_step
from layers.copying import copy_in
from layers.reading import among_numbers
from layers.records import Page, iso
from layers.schema import SCOPE, metadata
from riskmap.alert_life import Step, proofs
from riskmap.errors import NotFound
from riskmap.sending import proving
from riskmap.vocabulary import LEVELS

Row = dict[str, Any]
_JSON = ("said",)
_HIDDEN = ("fingerprint", "rev", *SCOPE[1:])


def warnings_to_write(connection: Connection, ids: Collection[int]) -> dict[int, Row]:
    """The warnings that are open, and some others, by number; locked until the end of this transaction."""
    asked = warning.c.warning_id == among_numbers(ids)
    query = select(warning).where(warning.c.ended_at.is_(None) | asked).with_for_update()
    return {row["warning_id"]: dict(row) for row in connection.execute(query).mappings()}


def warning_to_write(connection: Connection, warning_id: int) -> Row | None:
    """One warning, locked until the end of this transaction; None where there is none."""
    query = select(warning).where(warning.c.warning_id == warning_id).with_for_update()
    row = connection.execute(query).mappings().first()
    return dict(row) if row else None


def last_warning_id(connection: Connection) -> int:
    """The highest number of a warning; 0 before the first. The writer's queue makes the next one ours alone."""
    return int(connection.execute(select(func.coalesce(func.max(warning.c.warning_id), 0))).scalar_one())


def keep_warnings(connection: Connection, rows: Sequence[Row]) -> None:
    """Write warnings whole, new ones and changed ones."""
    if not rows:
        return
    names = [column.name for column in warning.columns]
    cells = [
        tuple(json.dumps(row[name], ensure_ascii=False) if name in _JSON else row[name] for name in names)
        for row in rows
    ]
    connection.exec_driver_sql(
        "CREATE TEMP TABLE new_warning (LIKE warning INCLUDING DEFAULTS) ON COMMIT DROP"
    )
    copy_in(connection, "new_warning", pd.DataFrame(cells, columns=names, dtype=object))
    changed = ", ".join(f"{name} = excluded.{name}" for name in names if name != "warning_id")
    connection.exec_driver_sql(
        "INSERT INTO warning SELECT * FROM new_warning ON CONFLICT (warning_id) DO UPDATE SET " + changed
    )


def add_steps(connection: Connection, steps: Sequence[Row], warnings: Mapping[int, Row], rev: int) -> None:
    """Add steps (`warning_id`, `action`, `state`, `person`, `at`, `note`) after those that are there, in order."""
    add_numbered(connection, warning_step, steps, warnings, rev)


def add_numbered(
    connection: Connection, table: Table, rows: Sequence[Row], warnings: Mapping[int, Row], rev: int
) -> list[Row]:
    """Add rows about warnings, numbered on within each of them and with its scope; the rows as they are kept."""
    if not rows:
        return []
    query = select(table.c.warning_id, func.max(table.c.n)).group_by(table.c.warning_id)
    of_these = table.c.warning_id == among_numbers({row["warning_id"] for row in rows})
    last: dict[int, int] = {row[0]: row[1] for row in connection.execute(query.where(of_these))}
    kept = []
    for row in rows:
        of = row["warning_id"]
        last[of] = last.get(of, 0) + 1
        scope = {name: warnings[of][name] for name in SCOPE}
        kept.append({**row, **scope, "n": last[of], "rev": rev})
    names = [column.name for column in table.columns]
    copy_in(connection, table.name, pd.DataFrame(kept, columns=names, dtype=object))
    return kept


def is_quiet() -> ColumnElement[bool]:
    """Whether a warning is suppressed or silenced."""
    return warning.c.suppressed_by.is_not(None) | (func.cardinality(warning.c.silenced_by) > 0)


def standing_still(connection: Connection) -> list[Row]:
    """Open warnings that were told and wait for somebody, in order of their numbers.

    With `sent_at` (first, or since it became worse), `signed_at`, `acted_at`, and how often it was renewed.
    """
    steps = select(
        warning_step.c.warning_id,
        *(
            func.max(warning_step.c.at).filter(warning_step.c.action == action).label(name)
            for action, name in (("send", "sent_at"), ("sign", "signed_at"), ("handle", "acted_at"))
        ),
        func.count().filter(warning_step.c.action == "renew").label("renewals"),
    )
    is_open = select(warning.c.warning_id).where(warning.c.ended_at.is_(None))
    of_open = steps.where(warning_step.c.warning_id.in_(is_open))
    last = of_open.group_by(warning_step.c.warning_id).subquery()
    waiting = and_(
        warning.c.ended_at.is_(None),
        last.c.sent_at.is_not(None),
        warning.c.state.in_(("sent", "signed", "handling")),
        ~is_quiet(),
    )
    told = [last.c[name] for name in ("sent_at", "signed_at", "acted_at", "renewals")]
    query = select(warning, *told).join(last, last.c.warning_id == warning.c.warning_id)
    return [
        dict(row)
        for row in connection.execute(query.where(waiting).order_by(warning.c.warning_id)).mappings()
    ]


def warning_page(
    connection: Connection,
    *,
    township: str | None = None,
    warn: str | None = None,
    state: str | None = None,
    kind: str | None = None,
    open_only: bool = False,
    quiet: bool | None = None,
    oldest_first: bool = False,
    limit: int = 100,
    offset: int = 0,
) -> Page:
    """Warnings that the caller may see, the open ones first, then by level and time, newest first.

    `quiet`: only those that are suppressed or silenced, or only those that are not.
    """
    limits = {"township_code": township, "state": state, "kind": kind}
    condition = and_(True, *(warning.c[name] == value for name, value in limits.items() if value))
    if warn:
        condition &= warning.c.warn == {word: level for level, word in LEVELS.items()}.get(warn, 0)
    if open_only:
        condition &= warning.c.ended_at.is_(None)
    if quiet is not None:
        condition &= is_quiet() if quiet else ~is_quiet()
    fired = warning.c.fired_at if oldest_first else warning.c.fired_at.desc()
    order = (warning.c.ended_at.is_not(None), warning.c.warn, fired, warning.c.warning_id)
    rows = connection.execute(_told_query().where(condition).order_by(*order).limit(limit).offset(offset))
    total = connection.execute(select(func.count()).select_from(warning).where(condition)).scalar_one()
    return Page([_told(row) for row in rows.mappings()], int(total))


def warning_told(connection: Connection, warning_id: int) -> Row:
    """One warning with its steps, messages and proofs; NotFound where there is none that the caller may see.

    `proofs`: by person what is proven (sent, delivered, read, signed, answered, acted) and since when.
    """
    found = connection.execute(_told_query().where(warning.c.warning_id == warning_id)).mappings().first()
    if found is None:
        raise NotFound(f"没有编号为 {warning_id} 的预警提示，或无权查看", remedy="请核对编号")
    steps = select(*(warning_step.c[name] for name in ("action", "state", "person", "at", "note")))
    steps = steps.where(warning_step.c.warning_id == warning_id).order_by(warning_step.c.n)
    messages = select(
        *(delivery.c[name] for name in ("person", "audience", "channel", "reason", "n", "text", "state")),
        *(delivery.c[name] for name in ("made_at", "done_at", "attempts")),
    ).where((delivery.c.warning_id == warning_id) | (any_(delivery.c.also) == warning_id))
    lived = connection.execute(steps).mappings().all()
    sent = connection.execute(messages.order_by(delivery.c.delivery_id)).mappings().all()
    return {
        **_told(found),
        "steps": [with_times(row) for row in lived],
        "messages": [with_times(row) for row in sent],
        "proofs": _proofs(lived, sent),
    }


def _proofs(lived: Iterable[Any], sent: Sequence[Any]) -> dict[str, dict[str, str | None]]:
    steps = [Step(row["action"], row["person"], int(row["at"].timestamp())) for row in lived]
    steps += [Step("send", row["person"], int(row["made_at"].timestamp())) for row in sent]
    steps += [Step("deliver", row["person"], int(row["done_at"].timestamp())) for row in proving(sent)]
    return {
        person: {proof: iso(datetime.fromtimestamp(at_s, UTC)) for proof, at_s in times.items()}
        for person, times in proofs(steps).items()
    }


def _told_query() -> Any:
    area = metadata.tables["area"]
    columns = [column for column in warning.columns if column.name not in _HIDDEN]
    return select(*columns, area.c.name.label("township")).outerjoin(
        area, area.c.code == warning.c.township_code
    )


def _told(row: Any) -> Row:
    told = with_times(row)
    return {"id": told.pop("warning_id"), **told, "warn": LEVELS[told["warn"]]}


def with_times(row: Iterable[Any]) -> Row:
    """A row with its instants as text, as programs are told them."""
    return {name: iso(value) if isinstance(value, datetime) else value for name, value in dict(row).items()}

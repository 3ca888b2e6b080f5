"""Warnings to the public on file: what they cover, their steps, who may see them, and what they are to a run."""

import json
from collections.abc import Collection, Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any, NamedTuple

import pandas as pd
from sqlalchemy import ColumnElement, Connection, case, func, or_, select, true

from layers.history import Moment, rows_of
from layers.public_warning_tables import public_step, public_warning
from layers.reading import among
from layers.records import Page, iso
from layers.schema import GEOGRAPHIC_SRID, SCOPE, metadata
from riskmap.dynamic import PUBLIC_WARNING
from riskmap.errors import BadInput
from riskmap.public_warnings import EXPIRED, STATES, standing
from riskmap.vocabulary import LEVELS

Row = dict[str, Any]
RED = 1
COVERED = {"township": "townships", "village": "villages", "grid": "grids"}
"""level of an area: the column with the codes of those that a warning covers"""
_CODE_OF = {"townships": "township_code", "villages": "village_code", "grids": "grid_code"}
_TOLD = (
    *("code", "series", "version", "replaces", "warning_id", "state", "kind", "level", "said", "signatures"),
    *(
        "townships",
        "villages",
        "grids",
        "outline",
        "until_at",
        "number",
        "signatory",
        "approved_at",
        "ended_at",
    ),
    "township_code",
)
_AREA = metadata.tables["area"]


class Covered(NamedTuple):
    """The areas that a warning is for, by level, and the names of the townships."""

    townships: list[str]
    villages: list[str]
    grids: list[str]
    names: list[str]


def covered(connection: Connection, townships: Collection[str], outline: Row | None) -> Covered:
    """The townships named with all that is in them; with an outline every area whose inside it meets."""
    query = select(_AREA.c.level, _AREA.c.code, _AREA.c.name).where(_AREA.c.level.in_(COVERED))
    if outline is None:
        named = list(townships)
        query = query.where(or_(_AREA.c.code.in_(named), _AREA.c.township_code.in_(named)))
    else:
        shape = func.ST_SetSRID(func.ST_GeomFromGeoJSON(json.dumps(outline)), GEOGRAPHIC_SRID)
        query = query.where(_AREA.c.geom.op("&&")(shape), func.ST_Relate(_AREA.c.geom, shape, "T********"))
    rows = connection.execute(query.order_by(_AREA.c.code)).all()
    codes = {name: [row.code for row in rows if row.level == level] for level, name in COVERED.items()}
    return Covered(**codes, names=[row.name for row in rows if row.level == "township"])


# --- writing ---------------------------------------------------------------------------------------------


def keep_draft(connection: Connection, row: Row) -> None:
    """Keep a new draft."""
    connection.execute(public_warning.insert().values(row))


def version_to_write(connection: Connection, code: str) -> Row | None:
    """One version, locked until the end of this transaction; None where there is none."""
    query = select(public_warning).where(public_warning.c.code == code).with_for_update()
    row = connection.execute(query).mappings().first()
    return dict(row) if row else None


def number_taken(connection: Connection, number: str) -> bool:
    """Whether another one has this document number."""
    query = select(public_warning.c.code).where(public_warning.c.number == number)
    return connection.execute(query).first() is not None


def change_versions(connection: Connection, changes: Mapping[str, Row]) -> None:
    """Change columns of some versions, all by one statement: the seal of a revision covers one of each layer."""
    names = sorted({name for values in changes.values() for name in values})
    values = {
        name: case(
            *((public_warning.c.code == code, new[name]) for code, new in changes.items() if name in new),
            else_=public_warning.c[name],
        )
        for name in names
    }
    connection.execute(public_warning.update().where(public_warning.c.code.in_(list(changes))).values(values))


def add_public_step(connection: Connection, of: Row, step: Row, rev: int) -> None:
    """Add a step (`action`, `state`, `account`, `person`, `at`, `note`) after those that are there."""
    last = select(func.coalesce(func.max(public_step.c.n), 0)).where(public_step.c.code == of["code"])
    scope = {name: of[name] for name in SCOPE}
    n = connection.execute(last).scalar_one() + 1
    connection.execute(public_step.insert().values(code=of["code"], n=n, rev=rev, **scope, **step))


def drafter_of(connection: Connection, code: str) -> str:
    """The account that drafted a version."""
    query = select(public_step.c.account).where(public_step.c.code == code, public_step.c.action == "draft")
    return str(connection.execute(query).scalar_one())


# --- reading ---------------------------------------------------------------------------------------------


def public_page(
    connection: Connection,
    now: datetime,
    *,
    state: str | None = None,
    limit: int = 100,
    offset: int = 0,
) -> Page:
    """Those that the caller may see: in force, then drafts, then what is over; each by level and time, newest first.

    BadInput for a state that is none: a slip must not read as if nothing were in force.
    """
    if state and state not in (*STATES, EXPIRED):
        raise BadInput(f"没有状态 {state[:20]}", remedy=f"可用：{' '.join((*STATES, EXPIRED))}")
    lasts: ColumnElement[bool] = (public_warning.c.state == "open") & (public_warning.c.until_at > now)
    condition: ColumnElement[bool] = true()
    if state == "open":
        condition = lasts
    elif state == EXPIRED:
        condition = (public_warning.c.state == "open") & ~lasts
    elif state:
        condition = public_warning.c.state == state
    rank = case((lasts, 0), (public_warning.c.state == "draft", 1), else_=2)
    order = (rank, case((rank < 2, public_warning.c.level)), public_warning.c.code.desc())
    query = select(*(public_warning.c[name] for name in _TOLD)).where(condition).order_by(*order)
    rows = connection.execute(query.limit(limit).offset(offset)).mappings().all()
    total = connection.execute(select(func.count()).select_from(public_warning).where(condition)).scalar_one()
    names = _names(connection, {code for row in rows for code in row["townships"]})
    return Page([_told(row, names, now) for row in rows], int(total))


def public_told(connection: Connection, code: str, now: datetime) -> Row | None:
    """One version with the steps that the caller may see; None where there is none for them."""
    query = select(*(public_warning.c[name] for name in _TOLD)).where(public_warning.c.code == code)
    row = connection.execute(query).mappings().first()
    if row is None:
        return None
    steps = select(*(public_step.c[name] for name in ("action", "state", "account", "person", "at", "note")))
    lived = connection.execute(steps.where(public_step.c.code == code).order_by(public_step.c.n)).mappings()
    told = _told(row, _names(connection, row["townships"]), now)
    newer = select(public_warning.c.code).where(
        public_warning.c.replaces == code, public_warning.c.approved_at.is_not(None)
    )
    return told | {
        "steps": [{**step, "at": iso(step["at"])} for step in lived],
        "replaced_by": connection.execute(newer).scalar_one_or_none(),
    }


def drafts_waiting(connection: Connection, now: datetime) -> int:
    """How many drafts wait for an approval that the caller may see."""
    query = select(func.count()).where(public_warning.c.state == "draft", public_warning.c.until_at > now)
    return int(connection.execute(query).scalar_one())


def list_is_everybodys(connection: Connection) -> bool:
    """Whether the city lets everybody read what was approved."""
    return bool(connection.execute(select(func.public_warnings_are_public())).scalar_one())


def _names(connection: Connection, codes: Iterable[str]) -> dict[str, str]:
    query = select(_AREA.c.code, _AREA.c.name).where(_AREA.c.code.in_(list(codes)))
    return {row.code: row.name for row in connection.execute(query)}


def _told(row: Any, names: Mapping[str, str], now: datetime) -> Row:
    """A version as the interface tells it: `state` as it reads now, how many areas it covers, the townships' names."""
    told = {name: row[name] for name in _TOLD if name not in ("villages", "grids")}
    counts = {name: len(row[name]) for name in COVERED.values()}
    times = {name: row[name] and iso(row[name]) for name in ("until_at", "approved_at", "ended_at")}
    return (
        told
        | times
        | {
            "level": LEVELS[row["level"]],
            "state": standing(row["state"], row["until_at"], now),
            "covers": counts,
            "township_names": [names.get(code, code) for code in row["townships"]],
        }
    )


# --- what they are to a run ------------------------------------------------------------------------------


def raising_events(
    connection: Connection, since: datetime, until: datetime, columns: Sequence[str], then: Moment | None
) -> pd.DataFrame:
    """Approved red ones that hold at any time of a span, as rows of events: one for each area that each covers."""
    rows = rows_of("public_warning", then)
    end = func.least(rows.c.until_at, rows.c.ended_at)
    names = ("code", "level", "approved_at", *COVERED.values())
    query = select(*(rows.c[name] for name in names), end.label("end")).where(
        rows.c.level == RED, rows.c.approved_at <= until, end > since
    )
    found = [
        dict.fromkeys(columns)
        | {"code": row["code"], "kind": PUBLIC_WARNING, "severity": LEVELS[row["level"]]}
        | {"time": row["approved_at"], "until": row["end"], _CODE_OF[name]: code}
        for row in connection.execute(query.order_by(rows.c.code)).mappings()
        for name in COVERED.values()
        for code in row[name]
    ]
    return pd.DataFrame(found, columns=list(columns), dtype=object)


def areas_covered(connection: Connection, codes: Collection[str]) -> set[str]:
    """The codes of all areas that some red ones cover."""
    if not codes:
        return set()
    query = select(*(public_warning.c[name] for name in COVERED.values()))
    rows = connection.execute(
        query.where(public_warning.c.level == RED, public_warning.c.code == among(codes))
    )
    return {code for row in rows for part in row for code in part}

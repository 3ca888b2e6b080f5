"""What themes are answered from: stored accounts by source and record, scores a reader may see, special periods on file."""

from collections.abc import Collection
from datetime import datetime
from typing import Any

import pandas as pd
from sqlalchemy import Connection, and_, case, exists, func, literal, or_, select
from sqlalchemy.dialects.postgresql import array

from layers.history import Moment, results_of, rows_of
from layers.records import PREMISES_SUFFIX
from layers.schema import city

SPECIAL_PERIOD = "special_period"
_LEAD = "lead_source"


def account_sums(connection: Connection, results: Moment, kind: str) -> pd.DataFrame:
    """The lines of all stored accounts of a kind that are worth anything: code, record, value (micro-points).

    In order of code and of the account. `record` names the dynamic record, for an enterprise the source; None: the
    rest of the account, added up.
    """
    rows = results_of("contribution", results)
    is_dynamic = rows.c.args.has_all(array(["points", "leads"]))
    record = case((or_(is_dynamic, rows.c.item == _LEAD), rows.c.record))
    query = (
        select(rows.c.code, record.label("record"), func.sum(rows.c.value).label("value"))
        .where(rows.c.kind == kind, rows.c.value != 0)
        .group_by(rows.c.code, record)
        .order_by(rows.c.code, func.min(rows.c.n))
    )
    found = connection.execute(query)
    frame = pd.DataFrame(found.all(), columns=list(found.keys()), dtype=object)
    return frame.astype({"value": "int64"})


def scores_seen(
    connection: Connection, kind: str, then: Moment | None, codes: Collection[str] | None = None
) -> pd.DataFrame:
    """Things of a kind as the caller's rights show them, in order of code: code, name, score (None: not to be seen).

    Areas are named to everyone; of sources and enterprises only those seen are told. `codes`: these alone.
    """
    result = results_of("score", then).alias("result")
    if kind == "source":
        query = _sources(result, then)
    elif kind == "enterprise":
        firm = rows_of("enterprise", then).alias("firm")
        query = (
            select(result.c.code, firm.c.name, result.c.score)
            .select_from(result.join(firm, firm.c.code == result.c.code))
            .where(result.c.kind == kind)
        )
    else:
        area = rows_of("area", then).alias("area")
        named = city if kind == "city" else area
        same = and_(result.c.kind == kind, result.c.code == named.c.code)
        query = select(named.c.code, named.c.name, result.c.score).select_from(named.outerjoin(result, same))
        query = query if kind == "city" else query.where(area.c.level == kind)
    query = query.order_by(query.selected_columns["code"])
    if codes is not None:
        query = query.where(query.selected_columns["code"].in_(codes))
    found = connection.execute(query)
    return pd.DataFrame(found.all(), columns=["code", "name", "score"], dtype=object)


def _sources(result: Any, then: Moment | None) -> Any:
    """Sources by their own name, premises by their enterprise's."""
    record, firm = rows_of("source", then).alias("record"), rows_of("enterprise", then).alias("firm")
    owner = func.left(result.c.code, func.length(result.c.code) - len(PREMISES_SUFFIX))
    origin = result.outerjoin(record, record.c.code == result.c.code)
    origin = origin.outerjoin(firm, and_(record.c.code.is_(None), firm.c.code == owner))
    name = func.coalesce(record.c.name, firm.c.name)
    return select(result.c.code, name, result.c.score).select_from(origin).where(result.c.kind == "source")


def sources_seen(connection: Connection, then: Moment | None) -> set[str]:
    """The codes of all scored sources that the caller's rights show."""
    rows = results_of("score", then)
    return set(connection.execute(select(rows.c.code).where(rows.c.kind == "source")).scalars())


def special_periods(connection: Connection, at: datetime, then: Moment | None) -> list[dict[str, Any]]:
    """The special periods in force at an instant that the caller may read: code, time, until."""
    rows = rows_of("event", then)
    query = select(rows.c.code, rows.c.time, rows.c.until).where(
        rows.c.kind == SPECIAL_PERIOD, rows.c.time <= at, or_(rows.c.until.is_(None), rows.c.until > at)
    )
    return [dict(row) for row in connection.execute(query.order_by(rows.c.time, rows.c.code)).mappings()]


def is_event(connection: Connection, code: str, then: Moment | None) -> bool:
    """Whether there is an event of this code that the caller may read."""
    rows = rows_of("event", then)
    return bool(connection.execute(select(exists().where(rows.c.code == literal(code)))).scalar_one())

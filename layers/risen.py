"""What stands above its inherent risk, and which record does most of it; as far as the caller may see."""

from collections.abc import Collection
from typing import Any

from sqlalchemy import Connection, exists, or_, select
from sqlalchemy.dialects.postgresql import distinct_on

from layers.history import Moment, results_of
from layers.reading import among
from layers.schema import colour, score
from riskmap.risk import BLUE


def anything_risen(connection: Connection) -> bool:
    """Whether any score stands above its baseline, or an incident has raised the colour of any area."""
    higher = exists().where(score.c.score > score.c.base)
    coloured = exists().where(colour.c.rise_level < BLUE)
    return bool(connection.execute(select(or_(higher, coloured))).scalar_one())


def most_risen_source(
    connection: Connection, kind: str, codes: Collection[str], then: Moment | None = None
) -> dict[str, str]:
    """By area (of one kind: township or village) the source in it that has risen most, ties by code."""
    rows = results_of("score", then)
    area, risen = rows.c[f"{kind}_code"], rows.c.score > rows.c.base
    query = (
        select(area, rows.c.code)
        .where(rows.c.kind == "source", risen, area == among(codes))
        .ext(distinct_on(area))
        .order_by(area, (rows.c.score - rows.c.base).desc(), rows.c.code)
    )
    return {row[0]: row.code for row in connection.execute(query)}


def heaviest_dynamic(
    connection: Connection, codes: Collection[str], then: Moment | None = None
) -> dict[str, dict[str, Any]]:
    """By source the dynamic record that adds most to it: item, record, value, args; sources without one are left out."""
    rows = results_of("contribution", then)
    query = (
        select(*(rows.c[name] for name in ("code", "item", "record", "value", "args")))
        .where(rows.c.kind == "source", rows.c.code == among(codes), rows.c.args.has_key("points"))
        .ext(distinct_on(rows.c.code))
        .order_by(rows.c.code, rows.c.value.desc(), rows.c.n)
    )
    return {row["code"]: dict(row) for row in connection.execute(query).mappings()}

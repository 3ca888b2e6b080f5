"""Plain lists of one layer with the names of what its records belong to, and records that lie elsewhere than declared."""

from typing import Any

from sqlalchemy import (
    ColumnElement,
    Connection,
    FromClause,
    String,
    and_,
    func,
    literal,
    select,
    union_all,
)

from layers.dynamic import counting
from layers.fields import LAYERS
from layers.merged import events_of_source, source_now
from layers.records import Page
from layers.schema import metadata, score

_ORDER = {"event": "time", "zone_external": "approved_on"}
"""Layers that are read newest first; others go by code."""
_PLACED = tuple(
    layer.table
    for layer in LAYERS.values()
    if layer.name != "lines" and any(field.name == "township_code" for field in layer.fields)
)
"""Layers whose records declare a township; a line may run through many."""


def list_layer(
    connection: Connection,
    layer: str,
    limit: int,
    offset: int = 0,
    township: str | None = None,
    *,
    readings: bool = True,
    **equal: str | None,
) -> Page:
    """Records of a layer as the caller may see them, with `source_name` where they belong to a source.

    Without `readings` the events are those that say more than a sensor's value. `equal` limits columns to a value:
    `code`, `sensor_code`, of events `source_code`; None does not. What was merged since is told under its new code.
    """
    table, source = metadata.tables[layer], metadata.tables["source"]
    left_out = {"geom", "geom_m", "rev"}
    columns: list[ColumnElement[Any]] = [c for c in table.columns if c.name not in left_out]
    origin: FromClause = table
    if "source_code" in table.c:
        named = source_now(table) if layer == "event" else table.c.source_code
        origin = table.outerjoin(source, source.c.code == named)
        columns = [c for c in columns if c.name != "source_code"]
        columns.append(func.coalesce(source.c.code, table.c.source_code).label("source_code"))
        columns.append(source.c.name.label("source_name"))
    limits = {"township_code": township, **equal}
    of_source = limits.pop("source_code", None)
    condition = and_(True, *(table.c[name] == value for name, value in limits.items() if value))
    if of_source:
        condition &= events_of_source(table, of_source)
    if not readings:
        condition &= counting(table)
    order = [table.c[_ORDER[layer]].desc()] if layer in _ORDER else []
    query = select(*columns).select_from(origin).where(condition).order_by(*order, table.c.code)
    items = [dict(row) for row in connection.execute(query.limit(limit).offset(offset)).mappings()]
    total = connection.execute(select(func.count()).select_from(table).where(condition)).scalar_one()
    return Page(items, int(total))


def filled(connection: Connection, layers: tuple[str, ...]) -> set[str]:
    """Which of these layers hold a record that the caller may see."""
    query = select(*(select(metadata.tables[name].c.code).exists().label(name) for name in layers))
    return {name for name, there in connection.execute(query).mappings().one().items() if there}


def count_graded(connection: Connection) -> int:
    """How many major hazard sources (GB 18218 grade 1 to 4) the caller may see."""
    query = select(func.count()).where(score.c.kind == "source", score.c.grade.is_not(None))
    return int(connection.execute(query).scalar_one())


def misplaced(connection: Connection, limit: int, offset: int = 0) -> Page:
    """Records whose position lies in another township than the declared one, or in none.

    `{"layer", "code", "name", "declared", "located"}`; `located` is None outside every township. Records of a city
    without area polygons are placed by what is declared and never appear.
    """
    every = union_all(*(_misplaced_of(name) for name in _PLACED)).subquery("misplaced")
    query = select(every).order_by(every.c.layer, every.c.code)
    items = [dict(row) for row in connection.execute(query.limit(limit).offset(offset)).mappings()]
    total = connection.execute(select(func.count()).select_from(every)).scalar_one()
    return Page(items, int(total))


def _misplaced_of(name: str) -> Any:
    table = metadata.tables[name]
    title = table.c.title if name == "danger" else table.c.get("name", literal(""))
    return select(
        literal(name).label("layer"),
        table.c.code,
        title.cast(String).label("name"),
        table.c.declared_township_code.label("declared"),
        table.c.township_code.label("located"),
    ).where(
        table.c.declared_township_code.is_not(None),
        table.c.geom.is_not(None),
        table.c.township_code.is_distinct_from(table.c.declared_township_code),
    )

"""Rows on their way into a layer: a temporary table per layer, filled by COPY, compared and written by sets.

`staged_<table>` has the layer's columns and four of its own: `file_rows` (the rows of the file that speak of the
record; empty for a record that is only placed anew), `op` (`I` new, `U` changed, `=` as it was), `moved` (its
scope or, for an area, its shape is another) . Everything is computed before the revision is opened; writing is then
one INSERT and one UPDATE per layer.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import date
from typing import Any

import numpy as np
import shapely
from sqlalchemy import Connection, exists, select, text

from layers.checks import Checked, Fault, tidy_value
from layers.fields import LAYERS, TABLES, Layer
from layers.positions import Positions
from layers.schema import GEOGRAPHIC_SRID, SCOPE, change, metadata

_BLOCK = 20_000
_NEW_ON = ("opened_on", "found_on", "as_of")
_RENAMED = {"event_id": "code", "township_code": "declared_township_code"}
_STATEMENTS_WITH_STATISTICS = 2_000
"""from so many rows on the planner is told how many there are"""


def columns_of(table: str) -> list[str]:
    """All columns of a layer's table, in order."""
    return [column.name for column in metadata.tables[table].columns]


def said_columns(layer: Layer) -> list[str]:
    """The columns a file may speak of: fields and position, not scope and history."""
    position = ["geom", "geom_m"] if layer.position != "none" else []
    return list(dict.fromkeys(("code", *layer.columns, *position)))


@dataclass(slots=True)
class Incoming:
    """Checked rows of one layer, ready to be staged: columns by database name, positions, and groups of row indexes.

    The first index of a group gives the record, all of them are its rows.
    """

    layer: Layer
    rows: list[int]
    columns: dict[str, list[Any]]
    groups: list[list[int]]
    positions: Positions | None
    faults: list[Fault] = field(default_factory=list)

    @classmethod
    def of(cls, checked: Checked, groups: list[list[int]], positions: Positions | None) -> "Incoming":
        """From what the checks left over."""
        columns = {_RENAMED.get(name, name): values for name, values in checked.columns.items()}
        faults = [checked.faults[index] for index in sorted(checked.faults)]
        return cls(checked.layer, checked.rows, columns, groups, positions, faults)


def stage(connection: Connection, incoming: Incoming, metric_srid: int) -> None:
    """Fill `staged_<table>` with the rows; a second call starts anew."""
    table = incoming.layer.table
    make_stage(connection, table)
    names = list(incoming.columns)
    firsts = [group[0] for group in incoming.groups]
    cells = [_texts([incoming.columns[name][index] for index in firsts]) for name in names]
    if incoming.positions is not None:
        names += ["geom", "geom_m"]
        chosen = np.array(firsts, dtype=np.int64)
        cells.append(_hex(incoming.positions.degrees[chosen], GEOGRAPHIC_SRID))
        cells.append(_hex(incoming.positions.metres[chosen], metric_srid))
    numbers = [
        "{" + ",".join(str(incoming.rows[index]) for index in group) + "}" for group in incoming.groups
    ]
    _copy(connection, f"staged_{table} (file_rows, {', '.join(names)})", [numbers, *cells])
    if len(firsts) > _STATEMENTS_WITH_STATISTICS:
        connection.execute(text(f"ANALYZE staged_{table}"))
    _keep_unsaid(connection, incoming.layer, set(names))


def make_stage(connection: Connection, table: str) -> None:
    """An empty `staged_<table>` for this transaction."""
    connection.execute(
        text(
            f"DROP TABLE IF EXISTS pg_temp.staged_{table};"
            f"CREATE TEMP TABLE staged_{table} ON COMMIT DROP AS"
            " SELECT NULL::int[] AS file_rows, NULL::text AS op, NULL::boolean AS moved, t.*"
            f" FROM {table} t WITH NO DATA;"
            f"ALTER TABLE staged_{table} ALTER file_rows SET DEFAULT '{{}}', ALTER op SET DEFAULT 'I',"
            " ALTER moved SET DEFAULT false, ALTER synthetic SET DEFAULT false"
            + (", ALTER status SET DEFAULT 'active'" if table in {"enterprise", "source"} else "")
        )
    )


def _keep_unsaid(connection: Connection, layer: Layer, said: set[str]) -> None:
    """What the file has no column for stays as it is on records that exist; who wrote them (`synthetic`) is said anew."""
    kept = [name for name in said_columns(layer) if name not in said and name != "synthetic"]
    if kept and not layer.immutable:
        sets = ", ".join(f"{name} = t.{name}" for name in kept)
        connection.execute(
            text(f"UPDATE staged_{layer.table} s SET {sets} FROM {layer.table} t WHERE t.code = s.code")
        )


# --- COPY ------------------------------------------------------------------------------------------------


def _copy(connection: Connection, target: str, columns: list[Sequence[str]]) -> None:
    cursor = connection.connection.cursor()
    with cursor.copy(f"COPY {target} FROM STDIN") as copy:
        for block in _blocks(columns):
            copy.write(block)


def _blocks(columns: list[Sequence[str]]) -> Iterator[str]:
    for start in range(0, len(columns[0]), _BLOCK):
        rows = zip(*(column[start : start + _BLOCK] for column in columns), strict=True)
        yield "\n".join(map("\t".join, rows)) + "\n"


def _texts(values: list[Any]) -> list[str]:
    """Values as COPY text; each different one is written out once."""
    if values and isinstance(next((value for value in values if value is not None), None), list):
        return [r"\N" if value is None else _array(value) for value in values]
    known = {(type(value), value): _text(value) for value in values}
    return [known[type(value), value] for value in values]


def _text(value: Any) -> str:
    if value is None:
        return r"\N"
    if isinstance(value, str):
        return value.replace("\\", "\\\\").replace("\t", "\\t").replace("\n", "\\n").replace("\r", "\\r")
    if isinstance(value, bool):
        return "t" if value else "f"
    return repr(value) if isinstance(value, float) else str(value)


def _array(values: Iterable[str]) -> str:
    quoted = (value.replace("\\", "\\\\").replace('"', '\\"') for value in values)
    return _text("{" + ",".join(f'"{value}"' for value in quoted) + "}")


def _hex(shapes: Any, srid: int) -> list[str]:
    """Geometries as extended WKB in hex."""
    hexes = shapely.to_wkb(shapely.set_srid(shapes, srid), hex=True, include_srid=True, output_dimension=2)
    return [r"\N" if one is None else one for one in hexes]


# --- references ------------------------------------------------------------------------------------------


def refuse_unknown(connection: Connection, table: str, staged: set[str]) -> list[Fault]:
    """Take out the rows that name a record which neither exists nor comes with them; returns their faults."""
    faults: list[Fault] = []
    for one in TABLES[table].fields:
        if one.layer:
            other = LAYERS[one.layer]
            faults += refuse(
                connection,
                table,
                one.name,
                f"s.{one.name}",
                f"s.{one.name} IS NOT NULL AND {missing(f's.{one.name}', other.table, staged)}",
                f"没有这个{other.zh}",
                f"请先导入{other.zh}，或改正编码",
            )
    return faults


def missing(value: str, table: str, staged: set[str]) -> str:
    """SQL: no record of the table, stored or staged, has this code."""
    stored = f"NOT EXISTS (SELECT FROM {table} r WHERE r.code = {value})"
    if table not in staged:
        return stored
    return f"{stored} AND NOT EXISTS (SELECT FROM staged_{table} r WHERE r.code = {value})"


def refuse(
    connection: Connection, table: str, name: str, value: str, condition: str, reason: str, remedy: str
) -> list[Fault]:
    """Take out the file's rows for which a condition on `s` holds; returns their faults, one a row of the file."""
    found = connection.execute(
        text(
            f"DELETE FROM staged_{table} s WHERE cardinality(s.file_rows) > 0 AND {condition}"
            f" RETURNING s.file_rows, {value}"
        )
    )
    return [
        Fault(row, name, None if told is None else tidy_value(str(told)), reason, remedy)
        for rows, told in found
        for row in rows
    ]


# --- comparing and writing -------------------------------------------------------------------------------


def compare(connection: Connection, table: str) -> dict[str, int]:
    """Say of every staged record what it does (`op`, `moved`); returns rows of the file by op."""
    layer = TABLES[table]
    if layer.immutable:
        connection.execute(text(f"UPDATE staged_{table} s SET op = '=' FROM {table} t WHERE t.code = s.code"))
    else:
        all_columns = [name for name in columns_of(table) if name not in {"valid_from", "rev"}]
        moving = [*SCOPE, *(["geom_m", "level"] if table == "area" else [])]
        connection.execute(
            text(
                f"UPDATE staged_{table} s SET op = CASE WHEN {_differ(all_columns)} THEN 'U' ELSE '=' END,"
                f" moved = {_differ(moving)} FROM {table} t WHERE t.code = s.code"
            )
        )
    if table == "area":
        connection.execute(text("UPDATE staged_area SET moved = true WHERE op = 'I'"))
    connection.execute(text(f"DELETE FROM staged_{table} WHERE file_rows = '{{}}' AND op <> 'U'"))
    counted = connection.execute(
        text(f"SELECT op, sum(cardinality(file_rows)) AS n FROM staged_{table} GROUP BY op")
    )
    return {row.op: int(row.n) for row in counted}


def _differ(names: list[str]) -> str:
    return f"({', '.join(f's.{n}' for n in names)}) IS DISTINCT FROM ({', '.join(f't.{n}' for n in names)})"


def has_moved(connection: Connection, table: str) -> bool:
    """Whether a staged record of the table has another scope, or an area another shape, than it had."""
    return bool(
        connection.execute(text(f"SELECT EXISTS (SELECT FROM staged_{table} WHERE moved)")).scalar_one()
    )


def pending(connection: Connection, table: str) -> bool:
    """Whether anything staged for the table is to be written."""
    return bool(
        connection.execute(text(f"SELECT EXISTS (SELECT FROM staged_{table} WHERE op <> '=')")).scalar_one()
    )


def changed_since(connection: Connection, rev: int, tables: Iterable[str]) -> bool:
    """Whether a revision after `rev` that is committed has written to one of the tables."""
    query = select(exists().where(change.c.rev > rev, change.c.layer.in_(list(tables))))
    return bool(connection.execute(query).scalar_one())


def write(connection: Connection, table: str, rev: int, day: date) -> None:
    """Write the staged records under an open revision: one INSERT, one UPDATE.

    A new record holds from its own opening or finding, a changed one from its `as_of`, else from the day of the
    import; never from a later day.
    """
    names = columns_of(table)
    plain = [name for name in names if name not in {"valid_from", "rev"}]
    begins = next((name for name in _NEW_ON if name in names), None)
    since_new = f"least({begins}, :day)" if begins else ":day"
    since_changed = (
        "CASE WHEN file_rows = '{}' THEN :day ELSE least(as_of, :day) END" if "as_of" in names else ":day"
    )
    listed = ", ".join(plain)
    values = {"rev": rev, "day": day}
    connection.execute(
        text(
            f"INSERT INTO {table} ({listed}, valid_from, rev)"
            f" SELECT {listed}, {_date(since_new)}, :rev FROM staged_{table} WHERE op = 'I'"
        ),
        values,
    )
    if TABLES[table].immutable:
        return
    sets = ", ".join(f"{name} = s.{name}" for name in plain if name != "code")
    connection.execute(
        text(
            f"UPDATE {table} t SET {sets}, valid_from = s.since, rev = :rev"
            f" FROM (SELECT *, {_date(since_changed)} AS since FROM staged_{table} WHERE op = 'U') s"
            " WHERE t.code = s.code"
        ),
        values,
    )


def _date(expression: str) -> str:
    return f"({expression})".replace(":day", "CAST(:day AS date)")

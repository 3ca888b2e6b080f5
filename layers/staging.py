"""Rows on their way into a layer: a temporary table per layer, filled by COPY, compared and written by sets.

`staged_<table>` has the layer's columns and four of its own: `file_rows` (the rows of the file that speak of the
record; empty for a record that is only placed anew), `op` (`I` new, `U` changed, `=` as it was), `moved` (its scope or,
for an area, its shape is another), `placed` (its scope says already what its position says). Everything is computed
before the revision is opened; writing is then one INSERT and one UPDATE per layer.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from datetime import date

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray
from sqlalchemy import Connection, text

from layers.bulk import indexes_rebuilt
from layers.checks import Checked, Fault, tidy_value
from layers.containment import Areas
from layers.copying import copy_arrays
from layers.fields import LAYERS, TABLES, Layer
from layers.keys import Groups
from layers.positions import Positions
from layers.schema import SCOPE, metadata

_BLOCK = 20_000
"""records that are written out at once"""
_NEW_ON = ("opened_on", "found_on", "as_of")
_MANY = 500
"""from so many rows on a stage has statistics, which cost more than they save below"""
_STAGED_AS: dict[str, str | bool] = {"op": "I", "moved": False, "synthetic": False, "status": "active"}
"""what a staged row is until something else is said or found"""


def columns_of(table: str) -> list[str]:
    """All columns of a layer's table, in order."""
    return [column.name for column in metadata.tables[table].columns]


def said_columns(layer: Layer) -> list[str]:
    """The columns a file may speak of: fields and position, not scope and history."""
    position = ["geom", "geom_m"] if layer.position != "none" else []
    return list(dict.fromkeys(("code", *layer.columns, *position)))


@dataclass(slots=True)
class Incoming:
    """Checked rows of one layer, ready to be staged: columns by database name, positions, and the rows by record."""

    layer: Layer
    rows: NDArray[np.int32]
    columns: dict[str, pa.Array]
    groups: Groups
    positions: Positions | None
    faults: list[Fault] = field(default_factory=list)

    @classmethod
    def of(cls, checked: Checked, groups: Groups, positions: Positions | None) -> "Incoming":
        """From what the checks left over."""
        stored = dict(zip((one.name for one in checked.layer.fields), checked.layer.columns, strict=True))
        columns = {stored[name]: values for name, values in checked.columns.items()}
        faults = [checked.faults[index] for index in sorted(checked.faults)]
        return cls(checked.layer, checked.rows, columns, groups, positions, faults)


def stage(connection: Connection, incoming: Incoming, areas: Areas) -> None:
    """Make and fill `staged_<table>`; rows that bring a position are placed by it as they come."""
    layer, groups = incoming.layer, incoming.groups
    make_stage(connection, layer.table)
    said = {*incoming.columns, *(("geom", "geom_m") if incoming.positions else ())}
    defaults = {name: default for name, default in _STAGED_AS.items() if name not in said}
    # what is never changed keeps nothing of a stored record: without a position in the file there is none
    defaults["placed"] = incoming.positions is not None or layer.immutable
    if layer.table not in {"enterprise", "source"}:
        defaults.pop("status", None)
    exact = [field.name for field in layer.fields if field.kind == "decimal" and field.name in said]
    for name in exact:  # decimals travel as they are written: the binary form would give each the same scale
        connection.exec_driver_sql(f"ALTER TABLE staged_{layer.table} ALTER {name} TYPE text")
    copy_arrays(connection, f"staged_{layer.table}", _blocks(incoming, areas, defaults))
    for name in exact:
        connection.exec_driver_sql(
            f"ALTER TABLE staged_{layer.table} ALTER {name} TYPE numeric USING {name}::numeric"
        )
    describe(connection, layer.table, len(groups.firsts))
    _keep_unsaid(connection, layer, said)


def _blocks(incoming: Incoming, areas: Areas, defaults: dict[str, str | bool]) -> Iterator[pa.RecordBatch]:
    """The records by blocks: rows of the file, what is said, position, and what holds until something else is said."""
    groups = incoming.groups
    for start in range(0, len(groups.firsts), _BLOCK):
        stop = min(start + _BLOCK, len(groups.firsts))
        firsts = groups.firsts[start:stop]
        chosen = pa.array(firsts)
        members = groups.members[groups.starts[start] : groups.starts[stop]]
        starts = groups.starts[start : stop + 1] - groups.starts[start]
        block = {"file_rows": pa.ListArray.from_arrays(pa.array(starts), pa.array(incoming.rows[members]))}
        block |= {name: values.take(chosen) for name, values in incoming.columns.items()}
        if incoming.layer.table == "enterprise":
            block["enterprise_code"] = block["code"]
        if incoming.positions is not None:
            block["geom"], block["geom_m"] = incoming.positions.ewkb(firsts)
            if incoming.layer.table != "area":  # areas are placed by their codes and parents
                block |= areas.at(incoming.positions.standing(firsts))
        block |= {name: pa.repeat(value, stop - start) for name, value in defaults.items()}
        yield pa.RecordBatch.from_pydict(block)


def make_stage(connection: Connection, table: str) -> None:
    """An empty `staged_<table>`, gone at the end of this transaction."""
    connection.exec_driver_sql(
        f"CREATE TEMP TABLE staged_{table} ON COMMIT DROP AS"
        f" SELECT NULL::int[] AS file_rows, NULL::text AS op, NULL::boolean AS moved, NULL::boolean AS placed, t.*"
        f" FROM {table} t WITH NO DATA"
    )


def describe(connection: Connection, table: str, rows: int) -> None:
    """Tell the planner the size of a stage that holds many rows."""
    if rows > _MANY:
        connection.exec_driver_sql(f"ANALYZE staged_{table} (code)")


def index_stage(connection: Connection, table: str) -> None:
    """Index a stage by code, for those who look its records up one by one."""
    connection.exec_driver_sql(f"CREATE INDEX IF NOT EXISTS staged_{table}_code ON staged_{table} (code)")


def drop_stages(connection: Connection, tables: Iterable[str]) -> None:
    """Take the stages away within the transaction, to begin again."""
    for table in tables:
        connection.exec_driver_sql(f"DROP TABLE staged_{table}")
    connection.exec_driver_sql("DROP TABLE IF EXISTS area_now")


def _keep_unsaid(connection: Connection, layer: Layer, said: set[str]) -> None:
    """What the file has no column for stays as it is on records that exist; who wrote them (`synthetic`) is said anew."""
    kept = [name for name in said_columns(layer) if name not in said and name != "synthetic"]
    if kept and not layer.immutable:
        sets = ", ".join(f"{name} = t.{name}" for name in kept)
        connection.exec_driver_sql(
            f"UPDATE staged_{layer.table} s SET {sets} FROM {layer.table} t WHERE t.code = s.code"
        )


# --- references ------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Rule:
    """When a staged row `s` is not to be taken (SQL over `s`), and what to say: field, its value, reason, remedy."""

    field: str
    value: str
    broken: str
    reason: str
    remedy: str


def shape_rules(incoming: Incoming) -> list[Rule]:
    """Lines and polygons must be valid to the database's own eyes too, or its constraint would stop the whole write."""
    if incoming.positions is None or not incoming.positions.has_shapes:
        return []
    valid = "ST_IsValid(s.geom) AND ST_IsValid(s.geom_m)"
    return [
        Rule(
            "geometry",
            "ST_GeometryType(s.geom)",
            f"s.geom IS NOT NULL AND ST_Dimension(s.geom) > 0 AND NOT ({valid})",
            "几何无效",
            "请在制图软件中修正几何",
        )
    ]


def references(table: str, staged: set[str]) -> list[Rule]:
    """Each field that names a record: it must exist already or come along."""
    fields = [(one.name, LAYERS[one.layer]) for one in TABLES[table].fields if one.layer]
    return [
        Rule(
            name,
            f"s.{name}",
            f"s.{name} IS NOT NULL AND {missing(f's.{name}', other.table, staged)}",
            f"没有这个{other.zh}",
            f"请先导入{other.zh}，或改正编码",
        )
        for name, other in fields
    ]


def missing(value: str, table: str, staged: set[str]) -> str:
    """SQL: no record of the table, stored or staged, has this code."""
    stored = f"NOT EXISTS (SELECT FROM {table} r WHERE r.code = {value})"
    if table not in staged:
        return stored
    return f"{stored} AND NOT EXISTS (SELECT FROM staged_{table} r WHERE r.code = {value})"


def refuse(connection: Connection, table: str, rules: list[Rule]) -> list[Fault]:
    """Take out the file's rows that break a rule; returns their faults, the first broken rule's for each row."""
    if not rules:
        return []
    which = " ".join(f"WHEN {rule.broken} THEN {number}" for number, rule in enumerate(rules))
    values = " ".join(f"WHEN {rule.broken} THEN {rule.value}" for rule in rules)
    found = connection.exec_driver_sql(
        f"DELETE FROM staged_{table} s WHERE cardinality(s.file_rows) > 0"
        f" AND ({' OR '.join(f'({rule.broken})' for rule in rules)})"
        f" RETURNING s.file_rows, CASE {which} END, CASE {values} END"
    )
    return [
        Fault(
            row, rules[n].field, None if told is None else tidy_value(told), rules[n].reason, rules[n].remedy
        )
        for rows, n, told in found
        for row in rows
    ]


# --- comparing and writing -------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Comparison:
    """What staging comes to: rows of the file that are new, changed and as they were, and what is to be written."""

    inserted: int = 0
    updated: int = 0
    unchanged: int = 0
    inserts: bool = False
    updates: bool = False
    moves: bool = False
    """a record has another scope, or an area another shape, than it had"""


def compare(connection: Connection, table: str) -> Comparison:
    """Say of every staged record what it does: `op` and `moved`."""
    if TABLES[table].immutable:
        # a subquery is asked row by row: a join would read all events for a day's hundred
        connection.exec_driver_sql(
            f"UPDATE staged_{table} s SET op = '=' WHERE (SELECT true FROM {table} t WHERE t.code = s.code)"
        )
    else:
        all_columns = [name for name in columns_of(table) if name not in {"valid_from", "rev"}]
        moving = [*SCOPE, *(["geom_m", "level"] if table == "area" else [])]
        connection.exec_driver_sql(
            f"UPDATE staged_{table} s SET op = CASE WHEN {_differ(all_columns)} THEN 'U' ELSE '=' END,"
            f" moved = {_differ(moving)} FROM {table} t WHERE t.code = s.code"
        )
    found = connection.exec_driver_sql(
        f"SELECT op, sum(cardinality(file_rows)) AS n, bool_or(moved) AS moved FROM staged_{table} GROUP BY op"
    )
    by_op = {row.op: row for row in found}
    rows = {op: int(row.n) for op, row in by_op.items()}
    moves = any(row.moved for row in by_op.values()) or (table == "area" and "I" in by_op)
    return Comparison(
        rows.get("I", 0), rows.get("U", 0), rows.get("=", 0), "I" in by_op, "U" in by_op, moves=moves
    )


def _differ(names: list[str]) -> str:
    return f"({', '.join(f's.{n}' for n in names)}) IS DISTINCT FROM ({', '.join(f't.{n}' for n in names)})"


def write(connection: Connection, table: str, found: Comparison, rev: int, day: date) -> None:
    """Write the staged records under an open revision: one INSERT, one UPDATE.

    A new record holds from its own opening or finding, a changed one from its `as_of`, else from the day of the
    import; never from a later day.
    """
    names = columns_of(table)
    plain = [name for name in names if name not in {"valid_from", "rev"}]
    values = {"rev": rev, "day": day}
    if found.inserts:
        begins = next((f"{name}, " for name in _NEW_ON if name in names), "")
        listed = ", ".join(plain)
        with indexes_rebuilt(connection, table, found.inserted):
            connection.execute(
                text(
                    f"INSERT INTO {table} ({listed}, valid_from, rev)"
                    f" SELECT {listed}, least({begins}CAST(:day AS date)), :rev FROM staged_{table} WHERE op = 'I'"
                ),
                values,
            )
    if found.updates:
        since = "least(CASE WHEN s.file_rows <> '{}' THEN s.as_of END, " if "as_of" in names else "least("
        sets = ", ".join(f"{name} = s.{name}" for name in plain if name != "code")
        connection.execute(
            text(
                f"UPDATE {table} t SET {sets}, valid_from = {since}CAST(:day AS date)), rev = :rev"
                f" FROM staged_{table} s WHERE s.op = 'U' AND t.code = s.code"
            ),
            values,
        )

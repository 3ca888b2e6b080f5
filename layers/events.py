"""When two reports of one event agree, and what becomes of those that do not.

An event is known by its id and never changes. So that late, repeated and mixed-up arrivals end in the same rows:

- A report that says what is on file already changes nothing, through whatever door and however often it comes.
- A report that says something else under an id on file is a fault of that row: what was recorded first stays, and
  whoever sent the other is told which field differs. An amended event is a new event with an id of its own.
- Within one delivery (a file, a request) nothing comes first: rows of one id that contradict each other are all
  faults, whatever their order.

Reports that contradict nowhere therefore come to the same rows in any order and division. Where two deliveries
contradict each other, the one committed first stands; no order of arrival can hide that there were two.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray
from sqlalchemy import Connection, select

from layers.checks import Fault, tidy_value
from layers.fields import EVENTS
from layers.keys import Groups
from layers.positions import Positions
from layers.schema import metadata

CONTENT = (*(name for name in EVENTS.columns if name != "code"), "geom")
"""what a report says of its event, by column"""
_IN_JSON = {"geom": "geometry"}


def contradiction(row: int, column: str, value: str | None) -> Fault:
    """The fault of a row whose id belongs to another event, from which it differs in a column."""
    return Fault(
        row,
        _IN_JSON.get(column, column),
        None if value is None else tidy_value(value),
        "编号已用于另一条事件，此项与之不同",
        "已记录的事件不再改变；请改用新的编号另报一条",
    )


# --- within one delivery ---------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Told:
    """What rows say, whatever stage of reading they are at: values by column, and positions."""

    columns: dict[str, pa.Array]
    positions: Positions | None

    def content(self, index: int) -> tuple[Any, ...]:
        """What a row says of its event."""
        return (*(values[index].as_py() for values in self.columns.values()), self._place(index))

    def _place(self, index: int) -> str | None:
        """Where a row puts its event, as WKT."""
        if self.positions is None:
            return None
        return self.positions.text(index)

    def contradiction(self, row: int, index: int, other: int) -> Fault:
        """The fault of the row at an index that does not say the same as another under its id."""
        pairs = zip([*self.columns, "geom"], self.content(index), self.content(other), strict=True)
        column, value = next((name, here) for name, here, there in pairs if here != there)
        return contradiction(row, column, None if value is None else str(value))


def by_content(told: Told, groups: Groups) -> Groups:
    """Groups of rows of one id, divided where they do not say the same."""
    if len(groups.members) == len(groups.firsts):
        return groups
    records = np.repeat(np.arange(len(groups.firsts), dtype=np.int32), np.diff(groups.starts))
    places = {int(index): place for place, index in enumerate(groups.members.tolist())}
    new = len(groups.firsts)
    for group in shared(groups):
        for part in _parts(told, group)[1:]:
            records[[places[index] for index in part]] = new
            new += 1
    return Groups.by(records, groups.members) if new > len(groups.firsts) else groups


def shared(groups: Groups) -> Iterator[list[int]]:
    """The groups of more than one row."""
    for record in np.flatnonzero(np.diff(groups.starts) > 1).tolist():
        yield groups.members[groups.starts[record] : groups.starts[record + 1]].tolist()


def _parts(told: Told, group: list[int]) -> list[list[int]]:
    """The rows of one id by what they say."""
    alike: dict[tuple[Any, ...], list[int]] = {}
    for index in group:
        alike.setdefault(told.content(index), []).append(index)
    return list(alike.values())


def disputed(
    told: Told, rows: Sequence[int] | NDArray[np.int32], groups: Iterable[list[int]]
) -> dict[int, Fault]:
    """The faults, by index, of the rows of one delivery that share an id and do not say the same: all of them.

    `groups` are the indexes of each id.
    """
    faults: dict[int, Fault] = {}
    for group in groups:
        parts = _parts(told, group) if len(group) > 1 else []
        for number, part in enumerate(parts if len(parts) > 1 else ()):
            other = parts[0 if number else 1][0]
            faults |= {index: told.contradiction(int(rows[index]), index, other) for index in part}
    return faults


# --- beside what is on file ------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Contradiction:
    """A staged row that contradicts an event on file, and whose that event is."""

    fault: Fault
    enterprise_code: str | None


def refuse_contradictions(connection: Connection) -> list[Contradiction]:
    """Take the staged rows out whose id is on file with another content."""

    def on_file(what: str) -> str:
        """Looked up row by row, as a subquery: a join would read all events there are for a day's hundred."""
        return f"(SELECT {what} FROM event t WHERE t.code = s.code)"

    ours, theirs = (", ".join(f"{one}.{name}" for name in CONTENT) for one in "st")
    differs = [(name, f"s.{name} IS DISTINCT FROM t.{name}") for name in CONTENT]
    names = " ".join(f"WHEN {broken} THEN '{name}'" for name, broken in differs)
    values = " ".join(f"WHEN {broken} THEN {_shown(name)}" for name, broken in differs)
    found = connection.exec_driver_sql(
        f"DELETE FROM staged_event s WHERE {on_file(f'ROW({ours}) IS DISTINCT FROM ROW({theirs})')}"
        f" RETURNING s.file_rows, {on_file(f'CASE {names} END')}, {on_file(f'CASE {values} END')},"
        f" {on_file('t.enterprise_code')}"
    )
    return [
        Contradiction(contradiction(row, name, value), enterprise)
        for rows, name, value, enterprise in found
        for row in rows
    ]


def _shown(name: str) -> str:
    return "ST_GeometryType(s.geom)" if name == "geom" else f"s.{name}::text"


def drop_staged(connection: Connection, rows: list[int]) -> None:
    """Take groups out of the stage, each named by its first row."""
    if rows:
        connection.exec_driver_sql("DELETE FROM staged_event WHERE file_rows[1] = ANY(%s)", (rows,))


def staged_on_file(connection: Connection) -> set[int]:
    """The first rows of the staged groups that are on file already; after `layers.staging.compare`."""
    found = connection.exec_driver_sql("SELECT file_rows[1] FROM staged_event WHERE op = '='")
    return set(found.scalars())


def visible(connection: Connection, layer: str, codes: set[str]) -> set[str]:
    """Which of these codes are records that the caller's transaction may see."""
    table = metadata.tables[layer]
    return set(connection.execute(select(table.c.code).where(table.c.code.in_(codes))).scalars())

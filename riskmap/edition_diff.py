"""Where two editions say different things: every section and row that differs, with both values."""

from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

from riskmap.edition_files import in_reading_order, is_rows
from riskmap.editions import Edition

Rows = list[dict[str, Any]]


class Difference(NamedTuple):
    """One value that differs: table, part, row (its key, None for a section), field; None where one side has none."""

    table: str
    part: str
    row: str | None
    field: str
    old: Any
    new: Any


def differences(old: Edition, new: Edition) -> list[Difference]:
    """What differs between the tables of two editions, in the order of the new one; equal tables say nothing.

    A row that only one of them has is one difference a field, the other side None.
    """
    found: list[Difference] = []
    before, after = in_reading_order(old), in_reading_order(new)
    for table in _both(before, after):
        one, other = before.get(table, {}), after.get(table, {})
        for part in _both(one, other):
            if one.get(part) != other.get(part):
                found += _part(table, part, one.get(part), other.get(part))
    return found


def _part(table: str, part: str, one: Any, other: Any) -> Iterator[Difference]:
    if is_rows(one) or is_rows(other):
        yield from _rows(table, part, one or [], other or [])
    elif isinstance(one, Mapping) or isinstance(other, Mapping):
        yield from _fields(table, part, None, one or {}, other or {})
    else:
        yield Difference(table, part, None, "", one, other)


def _rows(table: str, part: str, one: Rows, other: Rows) -> Iterator[Difference]:
    names = list((other or one)[0])
    key = _key_of(names, one, other)
    before, after = ({_named(row, key, n): row for n, row in enumerate(rows, 2)} for rows in (one, other))
    for name in _both(before, after):
        yield from _fields(table, part, name, before.get(name, {}), after.get(name, {}))


def _key_of(names: list[str], *tables: Rows) -> tuple[str, ...]:
    """The fewest first columns that name every row of both lists; none where even all of them do not."""
    for n in range(1, len(names) + 1):
        key = tuple(names[:n])
        if all(len({_named(row, key, 0) for row in rows}) == len(rows) for rows in tables):
            return key
    return ()


def _named(row: Mapping[str, Any], key: tuple[str, ...], number: int) -> str:
    return (
        " · ".join(str(row.get(name, "")) for name in key if row.get(name, "") != "") if key else str(number)
    )


def _fields(
    table: str, part: str, row: str | None, one: Mapping[str, Any], other: Mapping[str, Any]
) -> Iterator[Difference]:
    for field in _both(one, other):
        if one.get(field) != other.get(field):
            yield Difference(table, part, row, field, one.get(field), other.get(field))


def _both(one: Mapping[str, Any], other: Mapping[str, Any]) -> list[str]:
    """The keys of both, those of the second first and in its order."""
    return list(dict.fromkeys([*other, *one]))

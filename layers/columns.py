"""Columns of text → typed columns (pyarrow arrays), every value read by its field's rules.

Each different text of a column is read once. A column in which all texts are already written as we store them (a code
without blanks, a number in digits, a day in ISO 8601) is not read text by text at all: regular expressions find that
out for the column as a whole, and the result is the same.
"""

from collections.abc import Mapping
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from layers.fields import Field
from layers.parsing import CLEAN_CODE, CLEAN_TEXT, YEARS, Unreadable, is_code, reader_of
from layers.sheets import Cells

_TYPES: dict[str, pa.DataType] = {
    "text": pa.string(),
    "choice": pa.string(),
    "int": pa.int32(),
    "decimal": pa.string(),  # exact as written; the database reads it
    "number": pa.float64(),
    "bool": pa.bool_(),
    "date": pa.date32(),
    "time": pa.timestamp("us", "UTC"),
    "codes": pa.list_(pa.string()),
}
_FEW = 2_000
"""so many different texts are read one by one faster than a column is looked through; looked for at its beginning"""
_PLAIN_NUMBER = r"^-?[0-9]{1,15}(\.[0-9]{1,14})?$"
_PLAIN_INT = r"^-?[0-9]{1,9}$"
_PLAIN_DATE = r"^[0-9]{4}-[0-9]{2}-[0-9]{2}$"
_PLAIN_TIME = (
    r"^[0-9]{4}-[0-9]{2}-[0-9]{2}[T ][0-9]{2}:[0-9]{2}:[0-9]{2}(\.[0-9]{1,6})?(Z|[+-][0-9]{2}:[0-9]{2})$"
)


def type_of(field: Field) -> pa.DataType:
    """The Arrow type of a field's values."""
    return _TYPES[field.kind]


def read_column(cells: Cells, field: Field, default: Any = None) -> tuple[pa.Array, Mapping[int, Unreadable]]:
    """A column's values (the default where a cell is empty), and by row index what could not be read.

    A row with a fault, and an empty cell of a required field is one, has no value.
    """
    if len(cells[: 2 * _FEW].unique()) > _FEW and not (field.required and cells.null_count):
        plain = plain_column(cells, field)
        if plain is not None:
            return plain if default is None else plain.fill_null(default), {}
    kinds = cells.dictionary_encode()
    values, wrong = _read_each(kinds.dictionary.to_pylist(), field, default)
    indices = kinds.indices
    empty = _Cell(field, default)
    if cells.null_count:
        value, fault = empty.of(None)
        indices = indices.fill_null(len(values))
        values.append(value)
        if fault is not None:
            wrong[len(values) - 1] = fault
    column = pa.array(values, type_of(field)).take(indices)
    if not wrong:
        return column, {}
    found = np.asarray(indices)
    faulty = np.flatnonzero(np.isin(found, list(wrong)))
    return column, {int(index): wrong[int(found[index])] for index in faulty}


class _Cell:
    """Reads one text of a field."""

    def __init__(self, field: Field, default: Any) -> None:
        self._field, self._default, self._read = field, default, reader_of(field)

    def of(self, text: str | None) -> tuple[Any, Unreadable | None]:
        """The value, or why there is none; of an empty cell the default."""
        try:
            value = None if text is None or text.isspace() else self._read(text, self._field)
        except Unreadable as fault:
            return None, fault
        if value is not None and value not in ("", []):
            return str(value) if self._field.kind == "decimal" else value, None
        if self._field.required:
            return None, Unreadable("必填", f"请填写{self._field.zh}")
        return self._default, None


def _read_each(texts: list[str], field: Field, default: Any) -> tuple[list[Any], dict[int, Unreadable]]:
    cell = _Cell(field, default)
    values: list[Any] = []
    wrong: dict[int, Unreadable] = {}
    for number, text in enumerate(texts):
        value, fault = cell.of(text)
        values.append(value)
        if fault is not None:
            wrong[number] = fault
    return values, wrong


# --- columns that are plain throughout ---------------------------------------------------------------------


def plain_column(cells: Cells, field: Field) -> pa.Array | None:
    """The column's values where every text is written as it is stored; None where one is not, or is out of limits."""
    if field.kind == "text":
        return _plain_text(cells, field)
    if field.kind in {"number", "int"}:
        return _plain_number(cells, field)
    if field.kind in {"date", "time"}:
        return _plain_time(cells, field)
    return None


def _all_match(cells: Cells, pattern: str) -> bool:
    return pc.all(pc.match_substring_regex(cells, pattern), min_count=0).as_py() is True


def _plain_text(cells: Cells, field: Field) -> pa.Array | None:
    pattern = CLEAN_CODE if is_code(field) else CLEAN_TEXT
    longest = pc.max(pc.utf8_length(cells)).as_py() or 0
    return cells if longest <= field.length and _all_match(cells, pattern) else None


def _plain_number(cells: Cells, field: Field) -> pa.Array | None:
    if not _all_match(cells, _PLAIN_INT if field.kind == "int" else _PLAIN_NUMBER):
        return None
    values = cells.cast(type_of(field))
    span = pc.min_max(values).as_py()
    if span["min"] is None:
        return values
    low, high = field.low, field.high
    within = (low is None or span["min"] >= low) and (high is None or span["max"] <= high)
    return values if within else None


def _plain_time(cells: Cells, field: Field) -> pa.Array | None:
    if not _all_match(cells, _PLAIN_DATE if field.kind == "date" else _PLAIN_TIME):
        return None
    try:
        values = cells.cast(type_of(field))
    except pa.ArrowInvalid:  # a 31st of February: read one by one, it is told for its row
        return None
    years = pc.min_max(pc.year(values)).as_py()
    return (
        values
        if years["min"] is None or (years["min"] >= YEARS.start and years["max"] < YEARS.stop)
        else None
    )

"""Typed columns of a file as text, the same as the cells of a sheet would be, array by array."""

from collections.abc import Callable
from decimal import Decimal
from typing import TypeAlias

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray
from pyarrow import types

Cells: TypeAlias = pa.Array
"""one column of a file: text (`pa.string()`), null where a cell is empty"""

_PLAIN_LOW, _PLAIN_HIGH = 1e-4, 1e10
"""between these Arrow and Python write a float alike; Python's way counts"""
_WHOLE = 1e15
_MIDNIGHT = " 00:00:00"


class Unreadable(ValueError):
    """A column of this type is no text: binary data, nested records."""


def texts_of(column: pa.Array) -> Cells:
    """A column as text, null where empty. Unreadable for a type that no cell of a sheet could hold."""
    for fits, convert in _WAYS:
        if fits(column.type):
            return convert(column)
    raise Unreadable(str(column.type))


def _is_plain(kind: pa.DataType) -> bool:
    """Whether Arrow's own text of it is ours."""
    return bool(
        types.is_null(kind) or types.is_boolean(kind) or types.is_integer(kind) or types.is_date32(kind)
    )


def _is_wide_text(kind: pa.DataType) -> bool:
    return bool(types.is_large_string(kind) or types.is_string_view(kind))


def _is_list(kind: pa.DataType) -> bool:
    return bool(types.is_list(kind) or types.is_large_list(kind))


def _plain(column: pa.Array) -> Cells:
    return column.cast(pa.string())


def _kinds(column: pa.Array) -> Cells:
    return texts_of(column.dictionary).take(column.indices)


def _no_empty(texts: Cells) -> Cells:
    return pc.if_else(pc.equal(texts, ""), pa.scalar(None, pa.string()), texts)


def _floats(column: pa.Array) -> Cells:
    """Whole numbers without a point, others as short as they can be told apart."""
    if types.is_float16(column.type):
        column = column.cast(pa.float32())
    values = np.asarray(column.fill_null(0.0))
    size = np.abs(values)
    with np.errstate(invalid="ignore"):
        whole = (values == np.floor(values)) & (size < _WHOLE)
    texts = column.cast(pa.string())
    if whole.any():
        wholes = pa.array(np.where(whole, values, 0.0).astype(np.int64)).cast(pa.string())
        texts = pc.if_else(
            pa.array(whole) if column.null_count == 0 else _masked(whole, column), wholes, texts
        )
    odd = np.flatnonzero(~whole & ~((size >= _PLAIN_LOW) & (size < _PLAIN_HIGH)))
    if len(odd):
        where = np.zeros(len(values), dtype=np.bool_)
        where[odd] = True
        texts = pc.replace_with_mask(
            texts, pa.array(where), pa.array([repr(float(str(values[i]))) for i in odd])
        )
    return texts


def _masked(mask: NDArray[np.bool_], column: pa.Array) -> pa.Array:
    return pa.array(mask, mask=np.asarray(column.is_null()))


def _decimals(column: pa.Array) -> Cells:
    """Exact, without the zeros that only the column's scale asks for."""
    texts = column.cast(pa.string())
    short = pc.match_substring(texts, "E")
    if pc.any(short, min_count=0).as_py():
        rewritten = [text if text is None else format(Decimal(text), "f") for text in texts.to_pylist()]
        texts = pa.array(rewritten, pa.string())
    texts = pc.replace_substring_regex(texts, r"(\.[0-9]*?)0+$", r"\1")
    return pc.replace_substring_regex(texts, r"\.$", "")


def _timestamps(column: pa.Array) -> Cells:
    """A day where the hour is midnight, else day and time; the offset where the column has a time zone."""
    zone = column.type.tz
    texts = column.cast(pa.timestamp("us", zone), safe=False).cast(pa.string())
    texts = pc.replace_substring(texts, ".000000", "")
    if zone is None:
        return pc.replace_substring_regex(texts, f"{_MIDNIGHT}$", "")
    texts = pc.replace_substring_regex(texts, r"Z$", "+00:00")
    return pc.replace_substring_regex(texts, r"([+-][0-9]{2})([0-9]{2})$", r"\1:\2")


def _times(column: pa.Array) -> Cells:
    return pc.replace_substring_regex(column.cast(pa.string()), r"\.0+$", "")


def _lists(column: pa.Array) -> Cells:
    """The members with semicolons between; members that are lists themselves are not for a cell."""
    if types.is_nested(column.type.value_type):
        raise Unreadable(str(column.type))
    members = texts_of(column.flatten()).fill_null("")
    lengths = pc.fill_null(pc.list_value_length(column), 0)
    offsets = pa.array(np.concatenate([[0], np.cumsum(np.asarray(lengths))]).astype(np.int32))
    joined = pc.binary_join(pa.ListArray.from_arrays(offsets, members), ";")
    return _no_empty(joined)


_WAYS: tuple[tuple[Callable[[pa.DataType], bool], Callable[[pa.Array], Cells]], ...] = (
    (types.is_string, _no_empty),
    (_is_plain, _plain),
    (types.is_floating, _floats),
    (types.is_timestamp, _timestamps),
    (types.is_dictionary, _kinds),
    (_is_wide_text, lambda column: _no_empty(_plain(column))),
    (types.is_decimal, _decimals),
    (types.is_date64, lambda column: _plain(column.cast(pa.date32()))),
    (types.is_time, _times),
    (_is_list, _lists),
)
"""by type, the common ones first"""

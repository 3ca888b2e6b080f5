"""Whole queries out of the database by COPY, column by column: a million rows without a million tuples."""

import json
from collections.abc import Callable, Collection
from decimal import Decimal
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import shapely
from numpy.typing import NDArray
from pyarrow import csv
from sqlalchemy import ARRAY, ColumnElement, Connection, Label, Select, Text, any_, bindparam, func
from sqlalchemy.types import BigInteger, Boolean, Date, Double, Integer, Numeric, SmallInteger, TypeEngine

from layers.copying import copied_out

Column = NDArray[Any]

_ARROW: dict[type[TypeEngine[Any]], pa.DataType] = {
    Boolean: pa.bool_(),
    SmallInteger: pa.int64(),
    Integer: pa.int64(),
    BigInteger: pa.int64(),
    Double: pa.float64(),
    Date: pa.date32(),
}
"""what is no text, as the database writes it"""
_FROM_TEXT: dict[type[TypeEngine[Any]], Callable[[str], Any]] = {Numeric: Decimal, ARRAY: json.loads}


def position(shape: ColumnElement[Any], name: str) -> Label[str]:
    """A geometry to be read: `shapes` makes shapely ones of it."""
    return func.encode(func.ST_AsBinary(shape), "hex", type_=Text()).label(name)


def shapes(column: pd.Series) -> Column:
    """Geometries (None: none) of a column that was read as a position."""
    found: Column = shapely.from_wkb(column.to_numpy(object))
    return np.array(found, object).reshape(-1)


def read_frame(connection: Connection, query: Select[Any]) -> pd.DataFrame:
    """The rows of a query as objects, column by column; None for NULL. Text that repeats is one object."""
    table = read_table(connection, query)
    columns = query.selected_columns
    return pd.DataFrame(
        {column.key: _objects(table[column.key], column.type) for column in columns}, dtype=object
    )


def read_table(connection: Connection, query: Select[Any]) -> pa.Table:
    """The rows of a query as columns: numbers, truths and days by their type, all else as the text that tells it."""
    columns = list(query.selected_columns)
    asked = query.with_only_columns(*(_as_json(column) for column in columns), maintain_column_froms=True)
    compiled = asked.compile(connection, compile_kwargs={"render_postcompile": True})
    types = {str(column.key): _ARROW.get(type(column.type), pa.string()) for column in columns}
    return _copied(connection, f"COPY ({compiled}) TO STDOUT (FORMAT csv)", compiled.params, types)


def among(codes: Collection[str]) -> ColumnElement[Any]:
    """For `column == among(codes)`: any number of them as one parameter."""
    return any_(bindparam(None, sorted(codes), type_=ARRAY(Text)))


def among_numbers(numbers: Collection[int]) -> ColumnElement[Any]:
    """For `column == among_numbers(ids)`: any number of them as one parameter."""
    return any_(bindparam(None, sorted(numbers), type_=ARRAY(BigInteger)))


def _as_json(column: ColumnElement[Any]) -> ColumnElement[Any]:
    """Arrays by the name of their column as JSON."""
    if not isinstance(column.type, ARRAY):
        return column
    return func.array_to_json(column, type_=Text()).label(column.key)


def _copied(
    connection: Connection, statement: str, values: dict[str, Any], types: dict[str, pa.DataType]
) -> pa.Table:
    driver: Any = connection.connection.driver_connection
    content = copied_out(driver, statement, values)
    if not content:
        return pa.schema(list(types.items())).empty_table()
    return csv.read_csv(
        pa.BufferReader(content),
        csv.ReadOptions(column_names=list(types)),
        csv.ParseOptions(newlines_in_values=True),
        csv.ConvertOptions(
            column_types=types,
            null_values=[""],
            strings_can_be_null=True,
            quoted_strings_can_be_null=False,
            true_values=["t"],
            false_values=["f"],
        ),
    )


def _objects(column: pa.ChunkedArray, kind: TypeEngine[Any]) -> Column:
    found = np.empty(len(column), object)
    if not pa.types.is_string(column.type):
        found[:] = column.to_pylist()
        return found
    alike = column.combine_chunks().dictionary_encode()
    make = _FROM_TEXT.get(type(kind))
    texts = np.empty(len(alike.dictionary) + 1, object)
    told = alike.dictionary.to_numpy(zero_copy_only=False)
    texts[:-1] = told if make is None else [make(text) for text in told]
    found[:] = texts[alike.indices.fill_null(-1).to_numpy(zero_copy_only=False)]
    return found

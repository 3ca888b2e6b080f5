"""Whole tables into the database by COPY: the way of every job that writes more than a few rows."""

from collections.abc import Iterable

import pandas as pd
import pyarrow as pa
from pgpq import ArrowToPostgresBinaryEncoder
from sqlalchemy import Connection


def copy_arrays(connection: Connection, table: str, blocks: Iterable[pa.RecordBatch]) -> None:
    """Append blocks of columns of one schema to a table by binary COPY; geometries are extended WKB (`pa.binary()`).

    The columns' Arrow types must be the table's own (int32 for int, decimals are not taken): a binary COPY converts
    nothing.
    """
    blocks = iter(blocks)
    first = next(blocks, None)
    if first is None:
        return
    encoder = ArrowToPostgresBinaryEncoder(first.schema)
    columns = ", ".join(f'"{name}"' for name in first.schema.names)
    cursor = connection.connection.cursor()
    with cursor.copy(f"COPY {table} ({columns}) FROM STDIN (FORMAT binary)") as copy:
        copy.write(encoder.write_header())
        copy.write(encoder.write_batch(first))
        for block in blocks:
            copy.write(encoder.write_batch(block))
        copy.write(encoder.finish())


def copy_in(connection: Connection, table: str, frame: pd.DataFrame) -> None:
    """Append a frame to a table of the same column names, by COPY within the caller's transaction.

    Missing values (None, NaN, NaT) become NULL. `table` and the columns are names of ours, never a person's input.
    """
    columns = ", ".join(f'"{name}"' for name in frame.columns)
    rows = frame.astype(object).where(frame.notna(), None)
    cursor = connection.connection.cursor()
    with cursor.copy(f"COPY {table} ({columns}) FROM STDIN") as copy:
        for row in rows.itertuples(index=False, name=None):
            copy.write_row(row)

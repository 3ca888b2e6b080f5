"""Whole tables into the database by COPY: the way of every job that writes more than a few rows."""

from collections.abc import Collection, Iterable, Iterator, Mapping
from typing import Any

import pandas as pd
import psycopg
import pyarrow as pa
from pgpq import ArrowToPostgresBinaryEncoder
from pgpq.encoders import StringEncoderBuilder
from pgpq.schema import Jsonb
from psycopg.errors import error_from_result
from psycopg.pq import ExecStatus
from sqlalchemy import Connection


def copy_arrays(
    connection: Connection, table: str, blocks: Iterable[pa.RecordBatch], json: Collection[str] = ()
) -> None:
    """Append blocks of columns of one schema to a table by binary COPY; geometries are extended WKB (`pa.binary()`).

    The columns' Arrow types must be the table's own (int32 for int, decimals are not taken): a binary COPY converts
    nothing. `json` names strings that become jsonb.
    """
    blocks = iter(blocks)
    first = next(blocks, None)
    if first is None:
        return
    encoders = {
        field.name: StringEncoderBuilder.new_with_output(field, Jsonb())
        if field.name in json
        else ArrowToPostgresBinaryEncoder.infer_encoder(field)
        for field in first.schema
    }
    encoder = ArrowToPostgresBinaryEncoder.new_with_encoders(first.schema, encoders)
    columns = ", ".join(f'"{name}"' for name in first.schema.names)
    cursor = connection.connection.cursor()
    with cursor.copy(f"COPY {table} ({columns}) FROM STDIN (FORMAT binary)") as copy:
        copy.write(encoder.write_header())
        copy.write(encoder.write_batch(first))
        for block in blocks:
            copy.write(encoder.write_batch(block))
        copy.write(encoder.finish())


def numbered(blocks: Iterable[pa.RecordBatch], name: str, number: int) -> Iterator[pa.RecordBatch]:
    """Blocks with one more column (bigint) that says the same on every row."""
    for block in blocks:
        yield block.append_column(name, pa.repeat(pa.scalar(number, pa.int64()), block.num_rows))


def copied_out(connection: psycopg.Connection[Any], statement: str, values: Mapping[str, Any]) -> bytes:
    """All that a `COPY … TO STDOUT` sends, as it comes: row by row from the library, not by way of psycopg's waiting."""
    with connection.cursor().copy(statement, values) as copy:
        first = copy.read()
        if not first:
            return b""
        stream, rows = connection.pgconn, [first]
        count, row = stream.get_copy_data(0)
        while count > 0:
            rows.append(row)
            count, row = stream.get_copy_data(0)
        ends = []
        while (end := stream.get_result()) is not None:
            ends.append(end)
        if ends[0].status != ExecStatus.COMMAND_OK:
            raise error_from_result(ends[0])
        return b"".join(rows)


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

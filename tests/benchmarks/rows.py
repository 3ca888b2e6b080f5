"""Rows of fixed width out of the database and into it by binary COPY."""

from typing import Any

import numpy as np
import psycopg

from layers.copying import copied_out

_HEADER, _TRAILER = 19, 2
"""bytes of a binary COPY before and after its rows (PostgreSQL manual, COPY, “Binary Format”)"""
_SIGNATURE = b"PGCOPY\n\xff\r\n\0" + bytes(8)


def fixed_rows(connection: psycopg.Connection[Any], query: str, **columns: str) -> np.ndarray:
    """The rows of a query of fixed-width columns (`x=">f8"`), none of them NULL."""
    row = [("count", ">i2")]
    for name, kind in columns.items():
        row += [(f"{name}_length", ">i4"), (name, kind)]
    content = copied_out(connection, f"COPY ({query}) TO STDOUT (FORMAT binary)", {})
    return np.frombuffer(content[_HEADER:-_TRAILER], np.dtype(row))


def packed_rows(
    connection: psycopg.Connection[Any], table: str, block: int, **columns: tuple[str, str]
) -> np.ndarray:
    """All rows of a table by their `id`: of each column the bytes that an expression gives, and what these are.

    They come in blocks of so many rows: a message for each row would take ten times as long.
    """
    columns = {"id": ("int4send(id)", ">i4"), **columns}
    row = " || ".join(expression for expression, _ in columns.values())
    blocks = f"SELECT string_agg({row}, ''::bytea) FROM {table} GROUP BY id / {block}"
    layout = np.dtype([(name, kind) for name, (_, kind) in columns.items()])
    content = memoryview(copied_out(connection, f"COPY ({blocks}) TO STDOUT (FORMAT binary)", {}))
    parts, at, end = [], _HEADER, len(content) - _TRAILER
    while at < end:
        size = int.from_bytes(content[at + 2 : at + 6])
        parts.append(np.frombuffer(content[at + 6 : at + 6 + size], layout))
        at += 6 + size
    rows = np.concatenate(sorted(parts, key=lambda part: int(part["id"][0])))
    return rows if (np.diff(rows["id"]) > 0).all() else rows[np.argsort(rows["id"])]


def copied_in(connection: psycopg.Connection[Any], table: str, ids: np.ndarray, scores: np.ndarray) -> None:
    """Append rows (id int, score bigint) by binary COPY."""
    rows = np.empty(len(ids), [("n", ">i2"), ("a", ">i4"), ("id", ">i4"), ("b", ">i4"), ("score", ">i8")])
    rows["n"], rows["a"], rows["b"] = 2, 4, 8
    rows["id"], rows["score"] = ids, scores
    with connection.cursor() as cursor, cursor.copy(f"COPY {table} FROM STDIN (FORMAT binary)") as copy:
        copy.write(_SIGNATURE + rows.tobytes() + b"\xff\xff")

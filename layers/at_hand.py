"""A moment of the past at hand: its rows read once into temporary tables, for whoever asks them many times.

They last as long as the transaction, which must allow them (`snapshot(scratch=True)`), and hold one moment at a time.
"""

from collections.abc import Iterable
from dataclasses import replace

import pyarrow as pa
from sqlalchemy import Connection, insert, select

from layers.copying import copy_arrays, numbered
from layers.history import Moment, rows_of, table_at_hand

_RESULTS = {"score": "facts", "contribution": "args"}


def lay_out(connection: Connection, then: Moment, tables: Iterable[str]) -> Moment:
    """Have these layers at hand as they were at a moment, in place of the moment that was there before."""
    then = replace(then, at_hand=frozenset())
    for name in tables:
        _emptied(connection, name)
        hand = table_at_hand(name)
        rows = rows_of(name, then)
        names = [column.name for column in hand.columns]
        connection.execute(insert(hand).from_select(names, select(*(rows.c[one] for one in names))))
        connection.exec_driver_sql(f"ANALYZE {hand.name}")
    return replace(then, at_hand=frozenset(tables))


def lay_results(
    connection: Connection,
    then: Moment,
    scores: Iterable[pa.RecordBatch],
    contributions: Iterable[pa.RecordBatch],
) -> Moment:
    """Have results at hand that were computed for a moment; blocks as for `layers.risk.write_results`."""
    for (name, json), blocks in zip(_RESULTS.items(), (scores, contributions), strict=True):
        _emptied(connection, name)
        copy_arrays(connection, table_at_hand(name).name, numbered(blocks, "rev", then.rev), json=(json,))
        connection.exec_driver_sql(f"ANALYZE {table_at_hand(name).name}")
    return replace(then, at_hand=then.at_hand | _RESULTS.keys())


def _emptied(connection: Connection, name: str) -> None:
    """A temporary table like one of ours, with nothing in it."""
    hand = table_at_hand(name).name
    connection.exec_driver_sql(f"DROP TABLE IF EXISTS pg_temp.{hand}")
    connection.exec_driver_sql(f"CREATE TEMP TABLE {hand} (LIKE {name} INCLUDING INDEXES) ON COMMIT DROP")

"""A moment of the past at hand: its rows read once into temporary tables, for whoever asks them many times.

They last as long as the transaction, which must allow them (`snapshot(scratch=True)`), and hold one moment at a time.
"""

from collections.abc import Collection, Iterable
from dataclasses import replace
from datetime import timedelta

import pyarrow as pa
from sqlalchemy import Connection, exists, insert, or_, select

from layers.copying import copy_arrays, numbered
from layers.history import Moment, rows_of, table_at_hand
from layers.reading import among
from layers.schema import views

_RESULTS = {"score": "facts", "contribution": "args"}


def lay_out(
    connection: Connection, then: Moment, tables: Iterable[str], before: Moment | None = None
) -> Moment:
    """Have these layers at hand as they were at a moment, in place of the moment that was there before.

    A layer of which nothing was said anew since then, and nothing began or ended, stays as it is.
    """
    then = replace(then, at_hand=frozenset())
    for name in tables:
        if before is not None and name in before.at_hand and not _differs(connection, name, before, then):
            continue
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
    codes: Collection[str] | None = None,
) -> Moment:
    """Have results at hand that were computed for a moment; blocks as for `layers.risk.write_results`.

    With `codes` they take the place of what was at hand of these sources, and of all contributions.
    """
    for (name, json), blocks in zip(_RESULTS.items(), (scores, contributions), strict=True):
        hand = table_at_hand(name)
        if codes is None:
            _emptied(connection, name)
        elif name == "score":
            connection.execute(hand.delete().where(hand.c.code == among(codes)))
        else:
            connection.execute(hand.delete())
        copy_arrays(connection, hand.name, numbered(blocks, "rev", then.rev), json=(json,))
        if codes is None:
            connection.exec_driver_sql(f"ANALYZE {hand.name}")
    return replace(then, at_hand=then.at_hand | _RESULTS.keys())


def _differs(connection: Connection, name: str, before: Moment, then: Moment) -> bool:
    """Whether anything was said of a layer, began or ended between two moments."""
    rows = views[name]
    said = [rows.c[one].between(before.rev + 1, then.rev) for one in ("rev", "rev_to")]
    assert before.day is not None
    assert then.day is not None
    dated = [
        rows.c[one].between(before.day + timedelta(days=1), then.day) for one in ("valid_from", "valid_to")
    ]
    return bool(connection.execute(select(exists().where(or_(*said, *dated)))).scalar_one())


def _emptied(connection: Connection, name: str) -> None:
    """A temporary table like one of ours, with nothing in it."""
    hand = table_at_hand(name).name
    connection.exec_driver_sql(f"DROP TABLE IF EXISTS pg_temp.{hand}")
    connection.exec_driver_sql(f"CREATE TEMP TABLE {hand} (LIKE {name} INCLUDING INDEXES) ON COMMIT DROP")

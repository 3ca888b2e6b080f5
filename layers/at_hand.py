"""A moment of the past at hand: its rows read once into temporary tables, for whoever asks them many times.

They last as long as the transaction, which must allow them (`snapshot(scratch=True)`), and hold one moment at a time.
"""

from collections.abc import Callable, Collection, Iterable
from dataclasses import replace
from datetime import timedelta

import pyarrow as pa
from sqlalchemy import Connection, FromClause, Table, exists, func, insert, or_, select

from layers.copying import copy_arrays, numbered
from layers.history import Moment, rows_of, table_at_hand
from layers.reading import among
from layers.schema import views

_RESULTS = {"score": "facts", "contribution": "args"}


def lay_out(
    connection: Connection, then: Moment, tables: Iterable[str], before: Moment | None = None
) -> tuple[Moment, set[str]]:
    """Have these layers at hand as they were at a moment, in place of the moment that was there before; which differ.

    A layer of which nothing was said anew since then, and nothing began or ended, stays as it is.
    """
    then = replace(then, at_hand=frozenset())
    differ = set()
    for name in tables:
        if before is not None and name in before.at_hand and not _differs(connection, name, before, then):
            continue
        differ.add(name)
        rows = rows_of(name, then)

        def fill(hand: Table, rows: FromClause = rows) -> None:
            names = [column.name for column in hand.columns]
            connection.execute(insert(hand).from_select(names, select(*(rows.c[one] for one in names))))

        _filled(connection, name, fill)
    return replace(then, at_hand=frozenset(tables)), differ


def lay_results(
    connection: Connection,
    then: Moment,
    scores: Iterable[pa.RecordBatch],
    contributions: Iterable[pa.RecordBatch],
    codes: Collection[str] | None = None,
) -> Moment:
    """Have results at hand that were computed for a moment; blocks as for `layers.risk.write_results`.

    With `codes` the scores take the place of what was at hand of these sources. Contributions are few: all anew.
    """
    for (name, json), blocks in zip(_RESULTS.items(), (scores, contributions), strict=True):
        told = numbered(blocks, "rev", then.rev)

        def fill(hand: Table, told: Iterable[pa.RecordBatch] = told, json: tuple[str, ...] = (json,)) -> None:
            copy_arrays(connection, hand.name, told, json=json)

        if codes is None or name != "score":
            _filled(connection, name, fill)
        elif codes:
            hand = table_at_hand(name)
            connection.execute(hand.delete().where(hand.c.code == among(codes)))
            fill(hand)
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


def _filled(connection: Connection, name: str, fill: Callable[[Table], None]) -> None:
    """A temporary table like one of ours, with nothing in it but what `fill` puts there.

    Made once a transaction and emptied in place: what a transaction drops stays on the disk and among its locks until
    it ends, and the catalogue would grow with every day.
    """
    hand = table_at_hand(name)
    known = func.to_regclass(f"pg_temp.{hand.name}").is_not(None)
    if connection.execute(select(known)).scalar_one():
        connection.exec_driver_sql(f"TRUNCATE pg_temp.{hand.name}")
        fill(hand)
        return
    connection.exec_driver_sql(
        f"CREATE TEMP TABLE {hand.name} (LIKE {name} INCLUDING INDEXES) ON COMMIT DROP"
    )
    fill(hand)
    connection.exec_driver_sql(f"ANALYZE {hand.name}")

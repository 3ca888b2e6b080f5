"""Results that were computed for a moment of the past when somebody asked: a few are kept to be asked for again.

They hold no knowledge: all of it can be computed anew from the records. So they are no revision, and are taken away
without a trace when others are asked for. Row rights are those of the results of runs.
"""

from collections.abc import Iterable
from datetime import datetime
from typing import Any

import pyarrow as pa
from sqlalchemy import Connection, FromClause, func, null, select, text

from layers.copying import copy_arrays, numbered
from layers.history import Moment, results_of
from layers.schema import colour, computed, run
from riskmap import __version__
from riskmap.editions import Edition

MOST = 8
"""How many moments are kept."""
_TABLES = ("computed_score", "computed_contribution", "computed")


def computed_for(connection: Connection, then: Moment, at: datetime, edition: Edition) -> int | None:
    """The number of the results that this release computed for an instant under an edition; None: nobody asked lately."""
    query = select(computed.c.computed_id).where(
        computed.c.known_rev == then.rev,
        computed.c.data_time == at,
        computed.c.edition_hash == bytes.fromhex(edition.hash),
        computed.c.code_version == __version__,
    )
    found = connection.execute(query).scalar_one_or_none()
    return None if found is None else int(found)


def keep_computed(
    connection: Connection,
    then: Moment,
    at: datetime,
    edition: Edition,
    scores: Iterable[pa.RecordBatch],
    contributions: Iterable[pa.RecordBatch],
) -> int:
    """Keep the results of a moment under a number of their own, and let the oldest go; blocks as for `write_results`."""
    connection.execute(text("LOCK TABLE computed IN SHARE ROW EXCLUSIVE MODE"))
    known = computed_for(connection, then, at, edition)
    if known is not None:
        return known
    number = int(
        connection.execute(select(func.coalesce(func.max(computed.c.computed_id), 0) + 1)).scalar_one()
    )
    for name in _TABLES:
        connection.execute(text(f"DELETE FROM {name} WHERE computed_id <= :last"), {"last": number - MOST})
    values = {"known_rev": then.rev, "data_time": at, "edition": edition.name, "code_version": __version__}
    values |= {"computed_id": number, "edition_hash": bytes.fromhex(edition.hash)}
    connection.execute(computed.insert().values(values))
    kept = {"score": (scores, "facts"), "contribution": (contributions, "args")}
    for name, (blocks, json) in kept.items():
        copy_arrays(connection, f"computed_{name}", numbered(blocks, "computed_id", number), json=(json,))
    return number


def told_by(connection: Connection, then: Moment | None) -> dict[str, Any]:
    """What the levels shown come from: the newest run recorded by then, or what was computed for that moment."""
    if then is not None and then.computed is not None:
        query = select(null().label("run_id"), computed.c.edition, computed.c.data_time)
        query = query.where(computed.c.computed_id == then.computed)
    else:
        query = select(run.c.run_id, run.c.edition, run.c.data_time).where(run.c.current)
        query = query.order_by(run.c.rev.desc()).limit(1)
        query = query.where(run.c.rev <= then.rev) if then is not None else query
    row = connection.execute(query).mappings().first()
    about = dict(row) if row is not None else {"run_id": None, "edition": None, "data_time": None}
    return about | {"computed": then is not None and then.computed is not None}


def shades(then: Moment | None = None) -> FromClause:
    """Kind, code and colours of areas as everyone signed in may know them; those of past runs are their own only."""
    names = ("kind", "code", "level", "base_level", "rise_level")
    if then is None:
        return colour.alias("shade")
    if then.computed is not None:
        return func.computed_colours(then.computed).table_valued(*names).alias("shade")
    rows = results_of("score", then).alias("result_then")
    return select(*(rows.c[name] for name in names)).subquery("shade")

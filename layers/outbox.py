"""The outbox of messages, and the people they go to by what they answer for."""

from collections.abc import Collection, Sequence
from datetime import date
from typing import Any, NamedTuple

import pandas as pd
from sqlalchemy import Connection, func, select, text

from layers.alert_tables import delivery
from layers.copying import copy_in
from layers.history import Moment
from layers.officers import Post, officers_on
from layers.reading import among_numbers
from riskmap.calling import chain_of
from riskmap.sending import IN_APP

_NUMBERS = (4309, 4)
"""pg_advisory_lock of whoever gives out the next numbers: a message that is sent on waits for no import"""


class Person(NamedTuple):
    """Somebody on duty: name, phone and e-mail address, empty where none is on file."""

    name: str
    phone: str
    email: str = ""


def on_posts(
    connection: Connection, posts: Collection[Post], day: date, then: Moment | None = None
) -> dict[Post, list[Person]]:
    """Who answers on some posts on a day, in order of the duty rows; a post that nobody answers on is not in it.

    For whoever is absent stands the deputy, else the superior. By the roster as it is, or as it was at a moment.
    """
    holders, officers = officers_on(connection, posts, day, then)
    found: dict[Post, list[Person]] = {}
    for post, codes in holders.items():
        first = [chain[0].officer for code in codes if (chain := chain_of(code, officers))]
        if first:
            found[post] = list(dict.fromkeys(Person(one.person, one.phone, one.email) for one in first))
    return found


def reminded(
    connection: Connection, warnings: Collection[int], reasons: Collection[str]
) -> set[tuple[int, str, int]]:
    """What the outbox has about some warnings for some reasons: warning, reason, round."""
    query = select(delivery.c.warning_id, delivery.c.reason, delivery.c.n).distinct()
    asked = delivery.c.warning_id == among_numbers(warnings)
    rows = connection.execute(query.where(asked, delivery.c.reason.in_(reasons)))
    return {(row[0], row[1], row[2]) for row in rows}


def has_message(connection: Connection, warning_id: int, reason: str, n: int) -> bool:
    """Whether the outbox has a message about a warning for a reason, the n-th."""
    mine = (delivery.c.warning_id == warning_id) & (delivery.c.reason == reason) & (delivery.c.n == n)
    return connection.execute(select(delivery.c.n).where(mine).limit(1)).first() is not None


def put_messages(connection: Connection, rows: Sequence[dict[str, Any]], rev: int) -> int:
    """Put messages into the outbox, once for each key however often they are put; how many are new.

    What goes out by a channel as well is counted once. A row may bring a `rev` of its own.
    """
    if not rows:
        return 0
    connection.execute(text("SELECT pg_advisory_xact_lock(:a, :b)"), {"a": _NUMBERS[0], "b": _NUMBERS[1]})
    last = connection.execute(select(func.coalesce(func.max(delivery.c.delivery_id), 0))).scalar_one()
    names = [column.name for column in delivery.columns]
    usual = {"attempts": 0, "warn": 2, "further": "[]", "rev": rev}
    numbered = [{**usual, **row, "delivery_id": last + n} for n, row in enumerate(rows, 1)]
    connection.exec_driver_sql("CREATE TEMP TABLE new_delivery (LIKE delivery) ON COMMIT DROP")
    copy_in(connection, "new_delivery", pd.DataFrame(numbered, columns=names, dtype=object))
    put = connection.execute(
        text(
            "WITH put AS (INSERT INTO delivery SELECT * FROM new_delivery ON CONFLICT DO NOTHING RETURNING channel)"
            " SELECT count(*) FROM put WHERE channel = :pages"
        ),
        {"pages": IN_APP},
    )
    return int(put.scalar_one())

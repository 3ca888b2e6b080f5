"""What is known of causes and groups between passes, read whole and written where it changed."""

import json
from collections.abc import Iterable, Mapping
from typing import Any, NamedTuple

import pandas as pd
from sqlalchemy import ARRAY, Connection, Text, any_, func, literal, select, text

from layers.alert_tables import alert_group, alert_run, warning, watch
from layers.copying import copy_in
from riskmap.alert_decisions import Watch
from riskmap.alert_pipeline import Group, Key, State
from riskmap.alert_state import packed, unpacked

ALERT_LOCK = (4309, 3)
"""pg_advisory_lock of the one pass that writes"""
IN_HAND = ("handling", "reported", "lifted", "archived")
"""states of a warning that somebody deals with or has dealt with"""


class Known(NamedTuple):
    """The state before a pass, the warning of each open cause, and the revision of the pass that left it (0: none)."""

    state: State
    warnings: Mapping[str, int]
    rev: int


def read_state(connection: Connection) -> Known:
    """The state that the last pass left; whatever somebody deals with is marked so."""
    rev = last_pass_rev(connection)
    query = select(watch.c.fingerprint, watch.c.content, watch.c.warning_id, warning.c.state).outerjoin(
        warning, warning.c.warning_id == watch.c.warning_id
    )
    watches: dict[str, Watch] = {}
    warnings: dict[str, int] = {}
    for fingerprint, content, warning_id, state in connection.execute(query):
        known = unpacked(content)
        watches[fingerprint] = known._replace(in_hand=True) if state in IN_HAND else known
        if warning_id is not None:
            warnings[fingerprint] = warning_id
    columns = [alert_group.c[name] for name in ("township", "zone", "opened_s", "told_s")]
    groups = {Key(*row[:2]): Group(*row[2:]) for row in connection.execute(select(*columns))}
    return Known(State(watches, groups, begun=rev > 0), warnings, rev)


def last_pass_rev(connection: Connection) -> int:
    """The revision of the last pass that changed anything; 0 before the first."""
    return int(connection.execute(select(func.coalesce(func.max(alert_run.c.rev), 0))).scalar_one())


def take_alert_lock(connection: Connection) -> bool:
    """Whether this transaction is the one that may write a pass."""
    taken = text("SELECT pg_try_advisory_xact_lock(:a, :b)")
    return bool(connection.execute(taken, {"a": ALERT_LOCK[0], "b": ALERT_LOCK[1]}).scalar_one())


def write_watches(
    connection: Connection,
    changed: Mapping[str, Watch],
    gone: Iterable[str],
    warnings: Mapping[str, int],
    rev: int,
) -> None:
    """Keep the watches that changed, and forget those that are gone."""
    rows = [
        (one, warnings.get(one), _json(packed(known._replace(in_hand=False))), rev)
        for one, known in changed.items()
    ]
    connection.exec_driver_sql("CREATE TEMP TABLE new_watch (LIKE watch) ON COMMIT DROP")
    names = ["fingerprint", "warning_id", "content", "rev"]
    copy_in(connection, "new_watch", pd.DataFrame(rows, columns=names, dtype=object))
    connection.exec_driver_sql(
        "INSERT INTO watch SELECT * FROM new_watch ON CONFLICT (fingerprint) DO UPDATE"
        " SET warning_id = excluded.warning_id, content = excluded.content, rev = excluded.rev"
    )
    connection.execute(
        watch.delete().where(watch.c.fingerprint == any_(literal(sorted(gone), ARRAY(Text()))))
    )


def write_groups(connection: Connection, groups: Mapping[Key, Group], rev: int) -> None:
    """Keep the groups that have open warnings, and no others: they are few."""
    connection.execute(alert_group.delete())
    rows = [{**key._asdict(), **group._asdict(), "rev": rev} for key, group in groups.items()]
    if rows:
        connection.execute(alert_group.insert(), rows)


def record_pass(connection: Connection, values: dict[str, Any]) -> None:
    """Keep what a pass was: its instant, what it knew, by which rules, and what came of it."""
    connection.execute(alert_run.insert().values(values))


def _json(content: dict[str, Any]) -> str:
    return json.dumps(content, ensure_ascii=False)

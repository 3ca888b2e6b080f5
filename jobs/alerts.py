"""Warnings after each run: expose → decide → inhibit → silence → group → dedupe → send → record."""

import time
from collections import Counter
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import Connection, Engine

from jobs.alert_exposure import Exposed, expose
from jobs.alert_messages import Messenger, told_news
from jobs.alert_rows import Ledger
from layers.alert_ledger import add_steps, keep_warnings, last_warning_id, warnings_to_write
from layers.alert_silences import read_silences
from layers.alert_state import (
    Known,
    last_pass_rev,
    read_state,
    record_pass,
    take_alert_lock,
    write_groups,
    write_watches,
)
from layers.city import stored_city
from layers.database import snapshot, writing
from layers.editions import edition_on
from layers.history import CLOCK, head_rev, open_revision
from layers.outbox import put_messages
from riskmap.alert_pipeline import Pass, one_pass
from riskmap.alert_rules import AlertRules
from riskmap.alert_state import is_other
from riskmap.dynamic import DynamicWeights
from riskmap.editions import Edition
from riskmap.errors import Busy
from riskmap.settings import City


@dataclass(frozen=True, slots=True)
class Read:
    """What a pass computes from, of one snapshot."""

    city: City
    edition: Edition
    rules: AlertRules
    known: Known
    exposed: Exposed
    passed: Pass
    known_rev: int


def run_alerts(owner: Engine, *, actor: str, at: datetime | None = None) -> dict[str, Any]:
    """Evaluate the rules now, or at a later instant of a replayed history, and write what follows as one revision.

    Nothing is written where nothing changed. Busy where another pass was written meanwhile: come again.
    """
    started = time.monotonic()
    at = at or datetime.now(UTC)
    with snapshot(owner) as connection:
        read = _read(connection, at)
    if not _changes(read):
        return _told(read, at, None, 0)
    with writing(owner) as connection:
        if not take_alert_lock(connection) or last_pass_rev(connection) != read.known.rev:
            raise Busy("另一次预警计算刚刚写入", remedy="请稍后重试，没有写入任何数据")
        rev = open_revision(connection, actor, "alerts", "预警规则计算")
        messages = _write(connection, read, at, rev)
        told = _told(read, at, rev, messages)
        _record(connection, read, at, rev, told["counts"], time.monotonic() - started)
    return told


def _read(connection: Connection, at: datetime) -> Read:
    """Expose, and decide what follows."""
    day = at.astimezone(CLOCK).date()
    edition = edition_on(connection, day)
    rules, weights = AlertRules.from_edition(edition), DynamicWeights.from_edition(edition)
    known = read_state(connection)
    exposed = expose(connection, rules, weights, at)
    silences = read_silences(connection, at)
    passed = one_pass(known.state, exposed.facts, rules, silences, int(at.timestamp()))
    city = stored_city(connection)
    return Read(city, edition, rules, known, exposed, passed, head_rev(connection))


def _changes(read: Read) -> bool:
    """Whether a pass leaves anything to write; the first one of all always does."""
    before, after = read.known.state, read.passed.state
    return (
        not before.begun
        or bool(read.passed.notices)
        or before.groups != after.groups
        or before.watches.keys() != after.watches.keys()
        or any(is_other(before.watches.get(one), watch) for one, watch in after.watches.items())
    )


def _write(connection: Connection, read: Read, at: datetime, rev: int) -> int:
    """Record the decisions, put the messages into the outbox, keep the state; how many messages."""
    before, after = read.known.state.watches, read.passed.state.watches
    rows = warnings_to_write(connection, set(read.known.warnings.values()))
    ledger = Ledger(read.known, rows, last_warning_id(connection), read.rules, read.edition.name)
    ledger.take(read.passed, read.exposed.places, at)
    keep_warnings(connection, ledger.changed(rev))
    add_steps(connection, ledger.steps, ledger.rows, rev)
    news = told_news(read.passed, ledger, read.rules)
    messages = Messenger(connection, read.city, read.rules, at).messages(news)
    put = put_messages(connection, messages, rev)
    changed = {one: watch for one, watch in after.items() if is_other(before.get(one), watch)}
    write_watches(connection, changed, before.keys() - after.keys(), ledger.open_numbers(after), rev)
    write_groups(connection, read.passed.state.groups, rev)
    return put


def _record(
    connection: Connection, read: Read, at: datetime, rev: int, counts: dict[str, Any], duration_s: float
) -> None:
    next_s = read.passed.next_s
    record_pass(
        connection,
        {
            "rev": rev,
            "at": at,
            "known_rev": read.known_rev,
            "edition": read.edition.name,
            "edition_hash": bytes.fromhex(read.edition.hash),
            "next_at": None if next_s is None else datetime.fromtimestamp(next_s, UTC),
            "duration_s": round(duration_s, 3),
            "counts": counts,
        },
    )


def _told(read: Read, at: datetime, rev: int | None, messages: int) -> dict[str, Any]:
    """What a pass came to, as commands and the interface tell it."""
    passed, next_s = read.passed, read.passed.next_s
    decided = Counter(f"{one.action}/{one.reason}" for one in passed.decisions.values())
    return {
        "at": _iso(at),
        "rev": rev,
        "known_rev": read.known_rev,
        "next_at": None if next_s is None else _iso(datetime.fromtimestamp(next_s, UTC)),
        "edition": read.edition.name,
        "counts": {
            "facts": len(read.exposed.places),
            "open": sum(watch.is_open for watch in passed.state.watches.values()),
            "suppressed": len(passed.suppressed),
            "silenced": len(passed.silenced),
            "notices": len(passed.notices),
            "messages": messages,
            "decisions": dict(sorted(decided.items())),
        },
    }


def _iso(at: datetime) -> str:
    return at.astimezone(CLOCK).isoformat(timespec="seconds")

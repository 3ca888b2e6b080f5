"""Remind: who must hear of warnings that stand still, unsigned up the chain, signed and forgotten to who signed."""

from datetime import UTC, datetime
from typing import Any

from sqlalchemy import Engine

from jobs.alert_messages import Messenger, News, told_fact
from layers.alert_ledger import standing_still
from layers.city import stored_city
from layers.database import snapshot, writing
from layers.editions import edition_on
from layers.history import CLOCK, open_revision
from layers.officers import addresses_of
from layers.outbox import Person, put_messages, reminded
from riskmap.alert_life import SIGNATORIES, Reminder, Standing, reminders
from riskmap.alert_rules import AlertRules

_ROUNDS = 1000
"""a warning that became worse begins its rounds anew, numbered on from the next thousand"""
Row = dict[str, Any]


def remind(owner: Engine, *, actor: str, at: datetime | None = None) -> int:
    """Put the reminders that are due into the outbox, each once; how many messages that makes.

    Suppressed and silenced warnings are not reminded of. Nothing is written where none is due.
    """
    at = at or datetime.now(UTC)
    with snapshot(owner) as connection:
        rules = AlertRules.from_edition(edition_on(connection, at.astimezone(CLOCK).date()))
        rows = standing_still(connection)
        due = reminders((_standing(row) for row in rows), rules, int(at.timestamp()))
        known = reminded(connection, {int(one.warning) for one in due}, ("unsigned", "forgotten"))
    by_number = {row["warning_id"]: row for row in rows}
    numbered = [one._replace(n=one.n + _ROUNDS * by_number[int(one.warning)]["renewals"]) for one in due]
    new = [one for one in numbered if (int(one.warning), one.reason, one.n) not in known]
    if not new:
        return 0
    with writing(owner) as connection:
        rev = open_revision(connection, actor, "reminders", "预警提示催办")
        messenger = Messenger(connection, stored_city(connection), rules, at)
        told = [(one, by_number[int(one.warning)]) for one in new]
        signed = {name for one, row in told if one.audience == SIGNATORIES for name in row["signed_by"]}
        found = addresses_of(connection, signed, at.astimezone(CLOCK).date())
        messages = messenger.messages([[_news(one, row, found)] for one, row in told])
        return put_messages(connection, messages, rev)


def _news(one: Reminder, row: Row, addresses: dict[str, tuple[str, str]]) -> News:
    """A reminder in the words of the warning itself, marked 督办提醒."""
    of_signatories = one.audience == SIGNATORIES
    people = (
        tuple(Person(name, *addresses.get(name, ("", ""))) for name in row["signed_by"])
        if of_signatories
        else ()
    )
    audience = () if of_signatories else (one.audience,)
    return News(row | {"form": "urge"}, told_fact(row), one.reason, one.n, audience, people)


def _standing(row: Row) -> Standing:
    signed, acted = (row[name] and int(row[name].timestamp()) for name in ("signed_at", "acted_at"))
    return Standing(
        str(row["warning_id"]), row["warn"], row["state"], int(row["sent_at"].timestamp()), signed, acted
    )

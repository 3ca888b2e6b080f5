"""Messages that the program has of its own, of no warning: that a channel fails, what changed in a day, that all works."""

from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Any

from jobs.alert_messages import CITY_DESK, going_out
from layers.outbox import Person
from layers.schema import SCOPE
from riskmap.sending import IN_APP, Sending

NO_WARNING = 0
"""the number of the warning that they stand under"""
Row = dict[str, Any]


def own_messages(
    people: Iterable[Person],
    reason: str,
    n: int,
    text: str,
    at: datetime,
    *,
    warn: int,
    sending: Sending,
    channels: Mapping[str, str],
    audience: str = CITY_DESK,
    township: str | None = None,
) -> list[Row]:
    """Rows of the outbox: on each one's pages once they are written, and once more for the first channel that reaches them."""
    rows: list[Row] = []
    for person in people:
        told: Row = {
            "warning_id": NO_WARNING,
            "person": person.name,
            "channel": IN_APP,
            "reason": reason,
            "n": n,
            **dict.fromkeys(SCOPE),
            "township_code": township,
            "audience": audience,
            "address": person.phone,
            "warn": warn,
            "text": text,
            "also": [],
            "state": "delivered",
            "made_at": at,
            "next_at": None,
            "done_at": at,
        }
        rows += [told, *going_out(told, person, sending, channels)]
    return rows

"""When the rules are to be evaluated again: something they ask for has changed, or their own time has come."""

from datetime import UTC, datetime, timedelta
from typing import Any

from sqlalchemy import Connection, Engine

from jobs.alerts import run_alerts
from jobs.calling import call_out
from jobs.daily import send_daily
from jobs.drills import put_away_drills
from jobs.reminding import remind
from layers.alert_silences import newest_silence_rev
from layers.audit import changed_since
from layers.database import snapshot, writing
from layers.dynamic import counting_since
from layers.editions import head_on
from layers.history import CLOCK, head_rev
from layers.pulses import ALERTS, beat
from layers.risk import last_run

LONGEST = timedelta(minutes=1)
"""after so long it is looked at again whatever happened: silences and dates have no record that comes in"""
_CALLS = timedelta(seconds=30)
"""so often it is asked whom to call: the shortest wait between two calls is a minute"""

DAILY = timedelta(minutes=15)
"""the daily messages come at most so long after their hour"""


class Lookout:
    """Remembers what the last look knew; a look costs little where nothing has happened since."""

    def __init__(self, owner: Engine) -> None:
        self._owner = owner
        self._known_rev = -1
        self._next_at = self._calls_at = self._daily_at = datetime.min.replace(tzinfo=UTC)

    def look(self, *, actor: str, at: datetime | None = None) -> dict[str, Any] | None:
        """Evaluate the rules, remind of what stands still and list whom to call, if that may tell anything new.

        What it came to, None where it was not needed.
        """
        at = at or datetime.now(UTC)
        if at < self._next_at and not self._has_news(at):
            calls = self._call_out(actor, at) if at >= self._calls_at else 0
            return {"calls": calls} if calls else None
        told = run_alerts(self._owner, actor=actor, at=at)
        self._known_rev = told["known_rev"]
        own = datetime.fromisoformat(told["next_at"]) if told["next_at"] else at + LONGEST
        self._next_at = min(own, at + LONGEST)
        told["reminders"] = remind(self._owner, actor=actor, at=at)
        told["calls"] = self._call_out(actor, at)
        put_away_drills(self._owner, actor=actor, at=at)
        self._send_daily(actor, at)
        with writing(self._owner) as connection:
            beat(connection, ALERTS, at)
        return told

    def _call_out(self, actor: str, at: datetime) -> int:
        listed, next_at = call_out(self._owner, actor=actor, at=at)
        self._calls_at = min(next_at or at + _CALLS, at + _CALLS)
        return listed

    def _send_daily(self, actor: str, at: datetime) -> None:
        """The day's messages, asked for once in a quarter of an hour: most of them say that nothing changed."""
        if at >= self._daily_at:
            send_daily(self._owner, actor=actor, at=at)
            self._daily_at = at + DAILY

    def _has_news(self, at: datetime) -> bool:
        with snapshot(self._owner) as connection:
            return head_rev(connection) > self._known_rev and self._counts(connection, at)

    def _counts(self, connection: Connection, at: datetime) -> bool:
        """Whether a record, an event that is no mere reading, a run, a silence or a rule came in since the last look."""
        since = self._known_rev
        run = last_run(connection)
        return (
            changed_since(connection, since, events=False)
            or counting_since(connection, since)
            or (run is not None and run["rev"] > since)
            or newest_silence_rev(connection) > since
            or head_on(connection, at.astimezone(CLOCK).date()).rev > since
        )

"""The demo feed: made-up readings, alarms and work tickets go on after the demo's year, so that the demo city lives.

It feeds a demo city and nothing else. Each time it looks whether this is one: the demo's year was loaded here (the
audit says so), and no township, village, village group or sensor is on file that nobody made up. It speaks only of
made-up sensors and sources, and marks every event so. They are written as the file drop writes events.
"""

import logging
from dataclasses import dataclass
from datetime import datetime, time, timedelta
from typing import Any, Literal

from sqlalchemy import Connection, Engine

from jobs.demo import recorded_days
from jobs.demo_events import WORKING_KINDS
from jobs.demo_signals import PREFIX, Gauge, Row, events_between
from jobs.events import Posting, write_postings
from layers.database import snapshot
from layers.history import CLOCK
from layers.records import iso
from layers.sensors import (
    Pulse,
    holds_real_places,
    made_up_sensors,
    made_up_sources,
    newest_event,
    pulse,
)

ACTOR = "demo"
PACE_S = 60
"""how often the worker sends what has become due"""
STALE = timedelta(minutes=5)
"""some sensor reports nearly every minute; so long without any says that the feed stands still"""
_LOG = logging.getLogger("riskmap.demo_feed")


def feed(owner: Engine, now: datetime) -> int:
    """Send what became due since the last time, at most of the last day, as one revision; how many events were new.

    0 in a city that is no demo. Called twice for the same minute, or by two workers, it writes the same rows once.
    """
    with snapshot(owner) as connection:
        events = due_events(connection, now)
    if not events:
        return 0
    report = write_postings(owner, [Posting(ACTOR, events, partial=True)])[0]
    if report.rejected:
        _LOG.warning("%d events refused, first: %s", len(report.rejected), report.rejected[0])
    return report.inserted


def due_events(connection: Connection, now: datetime) -> list[Row]:
    """What the demo's sensors sent since the newest event of the feed on file, else since the demo's last day."""
    gauges = [Gauge(**row) for row in made_up_sensors(connection)]
    if not gauges or holds_real_places(connection):
        return []
    days = recorded_days(connection)
    if not days:
        return []
    begin = datetime.combine(max(days) + timedelta(days=1), time(), CLOCK)
    after = newest_event(connection, PREFIX) or begin
    places = made_up_sources(connection, WORKING_KINDS)
    return events_between(min(days).toordinal(), gauges, places, after, now)


Flow = Literal["live", "stopped", "off"]


@dataclass(frozen=True, slots=True)
class Feeds:
    """What comes in: how many sensors report in time, and how the demo feed does; None where there never was one."""

    pulse: Pulse
    demo: Flow | None
    demo_newest: datetime | None

    def to_json(self) -> dict[str, Any]:
        """As `/health` tells it."""
        pulse = self.pulse
        last = iso(pulse.last) if pulse.last else None
        return {"sensors": {"total": pulse.sensors, "live": pulse.live, "last": last}, "demo_feed": self.demo}


def feeds(connection: Connection, now: datetime, *, wanted: bool) -> Feeds:
    """What comes in, by what the caller may see; `wanted` is whether the demo feed is switched on."""
    newest = newest_event(connection, PREFIX)
    demo: Flow | None = None
    if newest is not None:
        demo = "off" if not wanted else "stopped" if now - newest > STALE else "live"
    return Feeds(pulse(connection, now), demo, newest)

"""Weather warnings that come as CAP 1.2, by file or request, become events like any other."""

from typing import Any

from sqlalchemy import Engine

from jobs.events import Posting, refusal, write_postings
from jobs.imports import ImportReport
from layers.cap_events import weather_events
from layers.cap_reading import read_cap
from layers.database import snapshot
from layers.fields import EVENTS

SUFFIXES = (".cap", ".xml")


def cap_events(engine: Engine, name: str, content: bytes) -> tuple[list[dict[str, Any]], str]:
    """The events of a message, and what is to be said of it. TooLarge or BadInput where it cannot be taken."""
    alert = read_cap(name, content)
    with snapshot(engine) as connection:
        return weather_events(connection, name, alert)


def take_in_cap(owner: Engine, name: str, content: bytes, actor: str) -> ImportReport:
    """Write the events of a message; the report of an import, whose notes tell why there are none.

    Refused where another message of this number is on file.
    """
    events, note = cap_events(owner, name, content)
    if not events:
        return ImportReport(EVENTS.name, 1, notes=[note])
    report = write_postings(owner, [Posting(actor, events)])[0]
    if report.rejected:
        raise refusal(report)
    report.notes += [note] if note else []
    return report

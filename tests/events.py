"""Events as a program would send them, in the town of `tests.town`, and what became of them."""

import random
from typing import Any

from sqlalchemy import Engine, text

from jobs.events import Posting
from jobs.imports import ImportReport
from layers.database import owner_engine, snapshot
from tests import town

EVERY_COLUMN = (
    "code, kind, severity, source_code, sensor_code, value, unit, time, until, synthetic, township_code,"
    " village_code, grid_code, enterprise_code, committee, ST_AsText(geom) AS geom, ST_AsText(geom_m) AS geom_m"
)
"""all but when and by which revision a row was written"""


def build(dsn: str) -> None:
    """The town, with a sensor on each side of its border."""
    town.build(dsn)
    owner = owner_engine(dsn)
    for township, word in ((town.OURS, "ours"), (town.THEIRS, "theirs")):
        town.put(
            owner, "sensor", f"{word}-gauge", township, source_code=f"{word}-tank", kind="level", unit="m"
        )
    owner.dispose()


def reading(event_id: str, **said: Any) -> dict[str, Any]:
    """A reading of our gauge."""
    usual = {
        "kind": "reading",
        "source_code": "ours-tank",
        "sensor_code": "ours-gauge",
        "value": 3.25,
        "unit": "m",
    }
    return {"event_id": event_id, "time": "2026-03-01T08:15:00+08:00"} | usual | said


def of_every_kind(dice: random.Random, count: int) -> list[dict[str, Any]]:
    """Different events: readings and alarms of both gauges, weather and crowds with positions of every family."""
    events = []
    for n in range(count):
        word = dice.choice(("ours", "theirs"))
        minute = f"2026-03-{1 + n % 28:02}T{dice.randrange(24):02}:{dice.randrange(60):02}:00+08:00"
        lon, lat = 112.30 + dice.randrange(300) / 1000, 28.80 + dice.randrange(90) / 1000
        about: dict[str, Any] = {
            "value": dice.randrange(1000) / 8,
            "time": minute,
            "sensor_code": f"{word}-gauge",
        }
        kind = dice.choice(("reading", "alarm", "weather", "crowd"))
        if kind == "alarm":
            about |= {"severity": dice.choice(("high", "low")), "source_code": f"{word}-tank"}
        elif kind == "weather":
            ring = [[lon, lat], [lon + 0.01, lat], [lon + 0.01, lat + 0.01], [lon, lat]]
            about = {"time": minute, "geometry": {"type": "Polygon", "coordinates": [ring]}}
        elif kind == "crowd":
            about = {"time": minute, "until": "2026-04-01", "lon": lon, "lat": lat}
        events.append({"event_id": f"e{n}", "kind": kind} | about)
    return events


def posting(*events: Any, **more: Any) -> Posting:
    return Posting(more.pop("actor", "gateway"), list(events), **more)


def events_on_file(owner: Engine, beginning: str = "") -> list[dict[str, Any]]:
    """Every event whose id begins so, without that beginning, in order."""
    query = text(f"SELECT {EVERY_COLUMN} FROM event WHERE starts_with(code, :beginning) ORDER BY code")
    with snapshot(owner) as connection:
        found = connection.execute(query, {"beginning": beginning}).mappings()
        return [{**row, "code": row["code"].removeprefix(beginning)} for row in found]


def count(owner: Engine, query: str) -> int:
    with snapshot(owner) as connection:
        return int(connection.execute(text(query)).scalar_one())


EVENT_REVISIONS = "SELECT count(*) FROM revision WHERE job = 'events'"


def told(report: ImportReport) -> tuple[Any, ...]:
    """What a report comes to: rows read, inserted, unchanged, and row and field of each fault."""
    rejected = [(fault.row, fault.field) for fault in report.rejected]
    return report.rows_read, report.inserted, report.unchanged, rejected

"""A small city with some live passes behind it: alarms, a silence that was cut, signing, edits and a change of duty."""

from datetime import datetime, timedelta
from pathlib import Path
from typing import Any, NamedTuple

from sqlalchemy import Engine

from jobs.alert_exposure import Exposed, expose
from jobs.alerts import run_alerts
from jobs.risk import assess
from jobs.warning_steps import add_silence, end_silence, take_step
from jobs.zones import renew
from layers.alert_ledger import warning_page
from layers.database import CITY, Identity, owner_engine, reader_engine, reading, snapshot
from layers.editions import edition_on
from layers.history import CLOCK, head_rev
from riskmap.alert_rules import AlertRules
from riskmap.dynamic import DynamicWeights
from riskmap.editions import Edition
from tests.import_files import AREA_HEADER, SOURCE_HEADER, at, evening, load, load_areas, square

WEST, EAST = "430981101", "430981102"
LEADER, DESK = Identity("甲镇长", "township", WEST), Identity("市值班", "city")
DUTY = "code,person,role,object_layer,object_code,phone"
EVENT = "event_id,kind,severity,source_code,sensor_code,time,until"
DANGER = "code,source_code,grade,title,found_by,found_on,due_on"


class Look(NamedTuple):
    """What a live pass saw: when, how much it knew, and the facts."""

    at: datetime
    rev: int
    exposed: Exposed


class Lived:
    """The city, its engines, and what each live look saw."""

    def __init__(self, dsn: str, folder: Path) -> None:
        self.owner, self.reader, self.folder = owner_engine(dsn), reader_engine(dsn), folder
        self.begin = datetime.now(CLOCK).replace(microsecond=0)
        self.looks: list[Look] = []

    def close(self) -> None:
        """Let go of the database."""
        self.owner.dispose()
        self.reader.dispose()

    def put(self, layer: str, header: str, *rows: str) -> None:
        """Import rows as recorded now."""
        load(self.owner, self.folder, layer, header, *rows, at=None)

    def event(self, code: str, kind: str, minute: float, severity: str = "") -> None:
        """An event of the sensor N1 so many minutes after the beginning."""
        time = (self.begin + timedelta(minutes=minute)).isoformat()
        self.put("events", EVENT, f"{code},{kind},{severity},,N1,{time},")

    def live(self, minute: float) -> dict[str, Any]:
        """A live pass so many minutes after the beginning, and what it saw."""
        when = self.begin + timedelta(minutes=minute)
        self.looks.append(Look(when, self._rev(), self.exposed(when)))
        return run_alerts(self.owner, actor="test", at=when)

    def exposed(self, when: datetime) -> Exposed:
        """What is so at an instant by what is on file."""
        with snapshot(self.owner) as connection:
            return expose(connection, *rules_of(edition_on(connection, when.date())), when)

    def open(self, kind: str) -> dict[str, Any]:
        """The open warning of a kind."""
        with reading(self.reader, CITY) as connection:
            found: dict[str, Any] = warning_page(connection, kind=kind, open_only=True).items[0]
        return found

    def _rev(self) -> int:
        with snapshot(self.owner) as connection:
            return head_rev(connection)


def rules_of(edition: Edition) -> tuple[AlertRules, DynamicWeights]:
    """The rules of warnings and the weights of what comes and goes, of an edition."""
    return AlertRules.from_edition(edition), DynamicWeights.from_edition(edition)


def lived_city(dsn: str, folder: Path) -> Lived:
    """The city after all of it."""
    city = Lived(dsn, folder)
    set_up(city.owner, folder)
    city.live(0)
    city.event("A1", "alarm", 1, "high")
    city.live(2)
    take_step(city.owner, city.reader, LEADER, city.open("event")["id"], "sign")
    take_step(city.owner, city.reader, LEADER, city.open("event")["id"], "handle")
    city.live(300)
    quiet = add_silence(city.owner, DESK, reason="检修", hours=8, matchers={"kind": ["overdue"]})
    city.put("dangers", DANGER, "D2,S1,major,标识缺失,other,2026-02-01,2026-02-21")
    city.put("sources", SOURCE_HEADER, f"S2,边界气站,lpg_store,,{at(1.97, 0.2)}")
    city.put("inventory", "source_code,substance,quantity_t", "S2,液化石油气,3000")
    assess(city.owner, actor="test")
    renew(city.owner, actor="test")
    city.live(301)
    end_silence(city.owner, DESK, quiet["code"])
    city.put("duty", DUTY, f"U0,甲副镇长,leader,area,{WEST},111")
    city.live(303)
    city.event("C1", "alarm_cleared", 304)
    city.put(
        "dangers",
        f"{DANGER},status,closed_on",
        "D1,S1,major,阀门泄漏,other,2026-02-01,2026-02-20,closed,2026-03-05",
    )
    city.live(305)
    city.live(330)
    city.live(60 * 24 + 400)
    take_step(city.owner, city.reader, LEADER, city.open("overdue")["id"], "sign")
    return city


def set_up(owner: Engine, folder: Path) -> None:
    """Two townships, two enterprises, a tank with a sensor and an overdue danger, and who answers for them; assessed."""
    load(owner, folder, "areas", AREA_HEADER, f"430981,某市,city,,{square(0, 0, 6)}")
    load_areas(owner, folder)
    load(
        owner, folder, "enterprises", "code,name,industry,lon,lat",
        f"E1,甲气,4511,{at(0.2, 0.2)}", f"E2,乙气,4511,{at(0.22, 0.2)}",
    )  # fmt: skip
    load(owner, folder, "sources", SOURCE_HEADER, f"S1,甲罐,lpg_store,E1,{at(0.2, 0.2)}")
    load(owner, folder, "inventory", "source_code,substance,quantity_t", "S1,液化石油气,20")
    people = f"P1,900,{at(0.3, 0.2)}", f"P2,900,{at(2.05, 0.2)}"
    load(owner, folder, "population", "code,people,lon,lat", *people)
    load(owner, folder, "sensors", "code,source_code,kind,unit,interval_s", "N1,S1,压力,MPa,864000")
    load(owner, folder, "dangers", DANGER, "D1,S1,major,阀门泄漏,other,2026-02-01,2026-02-20")
    posts = (
        f"U0,甲镇长,leader,area,{WEST},101",
        f"U1,乙镇长,leader,area,{EAST},102",
        "U2,市值班,duty_officer,area,430981,103",
        "U9,甲厂长,principal,source,S1,109",
    )
    load(owner, folder, "duty", DUTY, *posts)
    assess(owner, actor="test", at=evening())

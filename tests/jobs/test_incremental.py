"""A run of what changed comes to the same results as a whole run, to the last bit, whatever was changed."""

import json
import random
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from sqlalchemy import Engine, text

from jobs.assessment import assess_records
from jobs.risk import assess
from layers.city import stored_city
from layers.database import snapshot
from layers.history import CLOCK
from layers.risk import last_run, read_inputs
from tests.import_files import SOURCE_HEADER, at, load, load_areas

EDITS = {True: 200, False: 25}
TODAY = datetime.now(CLOCK).date()
MIDDLE = "ST_X(ST_PointOnSurface(geom)) AS x, ST_Y(ST_PointOnSurface(geom)) AS y"
COLUMNS = "kind, code, grid_code, village_code, township_code, enterprise_code"


def rows_of(owner: Engine, query: str, **values: Any) -> list[Any]:
    with snapshot(owner) as connection:
        return list(connection.execute(text(query), values).all())


class Editor:
    """Random edits of a city through the door that people use; each says what it did."""

    def __init__(self, owner: Engine, folder: Path, dice: random.Random) -> None:
        self.owner, self.folder, self.dice = owner, folder, dice
        self.made = 0

    def pick(self, query: str) -> Any:
        """One row of a query, in a reproducible way."""
        return self.dice.choice(rows_of(self.owner, query))

    def put(self, layer: str, header: str, *cells: object) -> None:
        """Import one row."""
        line = ",".join("" if cell is None else f'"{cell}"' for cell in cells)
        load(self.owner, self.folder, layer, header, line, at=datetime.now(CLOCK))

    def near(self, lon: float, lat: float, degrees: float) -> tuple[float, float]:
        return lon + self.dice.uniform(-degrees, degrees), lat + self.dice.uniform(-degrees, degrees)

    def new_code(self, prefix: str) -> str:
        self.made += 1
        return f"{prefix}{self.made:04}"

    def an_inventory_changes(self) -> None:
        row = self.pick(
            "SELECT source_code, cas, substance, quantity_t FROM inventory WHERE cas IS NOT NULL ORDER BY code"
        )
        amount = float(row.quantity_t or 1) * self.dice.choice([0.01, 0.5, 3, 40])
        self.put(
            "inventory",
            "source_code,cas,substance,quantity_t,as_of",
            row[0],
            row[1],
            row[2],
            f"{amount:.3f}",
            TODAY,
        )

    def an_enterprise_moves(self) -> None:
        row = self.pick(f"SELECT code, name, {MIDDLE} FROM enterprise ORDER BY code")
        self.put("enterprises", "code,name,lon,lat", row.code, row.name, *self.near(row.x, row.y, 0.01))

    def an_enterprise_joins_another(self) -> None:
        row, other = (
            self.pick(f"SELECT code, name, {MIDDLE} FROM enterprise ORDER BY code") for _ in range(2)
        )
        self.put("enterprises", "code,name,lon,lat", row.code, row.name, other.x, other.y)

    def an_enterprise_opens(self) -> None:
        row = self.pick("SELECT ST_X(geom) x, ST_Y(geom) y FROM population ORDER BY code")
        code = self.new_code("NEW")
        cells = code, f"新企业{code}", self.dice.choice(["26", "17", "5941"]), self.dice.choice([3, 60, 900])
        self.put("enterprises", "code,name,industry,workers,lon,lat", *cells, *self.near(row.x, row.y, 0.002))

    def an_enterprise_closes(self) -> None:
        row = self.pick(
            "SELECT code, name, ST_AsText(geom) AS wkt FROM enterprise WHERE status = 'active' ORDER BY code"
        )
        self.put("enterprises", "code,name,wkt,status,closed_on", *row, "closed", TODAY)

    def a_source_moves(self) -> None:
        row = self.pick(f"SELECT code, name, kind, {MIDDLE} FROM source WHERE geom IS NOT NULL ORDER BY code")
        self.put(
            "sources", "code,name,kind,lon,lat", row.code, row.name, row.kind, *self.near(row.x, row.y, 0.02)
        )

    def a_source_closes(self) -> None:
        row = self.pick(
            "SELECT code, name, kind, ST_AsText(geom) FROM source WHERE status = 'active' ORDER BY code"
        )
        self.put("sources", "code,name,kind,wkt,status,closed_on", *row, "closed", TODAY)

    def a_source_changes_its_owner(self) -> None:
        row = self.pick("SELECT code, name, kind, ST_AsText(geom) FROM source ORDER BY code")
        firm = self.pick("SELECT code FROM enterprise ORDER BY code")
        self.put("sources", "code,name,kind,wkt,enterprise_code", *row, firm.code)

    def a_danger_opens(self) -> None:
        kind = self.dice.choice(["source", "enterprise"])
        row = self.pick(f"SELECT code FROM {kind} WHERE status = 'active' ORDER BY code")
        found = TODAY - timedelta(days=self.dice.choice([0, 5, 90]))
        header = f"code,{kind}_code,grade,title,found_by,found_on,due_on"
        grade, by = self.dice.choice(["general", "major"]), self.dice.choice(["self", "other"])
        self.put(
            "dangers",
            header,
            self.new_code("ND"),
            row.code,
            grade,
            "隐患",
            by,
            found,
            found + timedelta(days=30),
        )

    def a_danger_closes(self) -> None:
        row = self.pick(
            "SELECT code, place, source_code, enterprise_code, grade, title, found_on"
            " FROM danger WHERE closed_on IS NULL ORDER BY code"
        )
        self.put(
            "dangers", "code,place,source_code,enterprise_code,grade,title,found_on,closed_on", *row, TODAY
        )

    def people_move(self) -> None:
        row = self.pick(
            "SELECT code, people, ST_X(geom) x, ST_Y(geom) y FROM population WHERE GeometryType(geom) = 'POINT' ORDER BY code"
        )
        self.put("population", "code,people,lon,lat", row.code, row.people, *self.near(row.x, row.y, 0.01))

    def people_come(self) -> None:
        row = self.pick("SELECT code, people, ST_AsText(geom) AS wkt FROM population ORDER BY code")
        people = round(float(row.people) * self.dice.choice([0, 0.5, 4]), 1)
        self.put("population", "code,people,wkt", row.code, people, row.wkt)

    def a_school_opens(self) -> None:
        row = self.pick(f"SELECT {MIDDLE} FROM source WHERE geom IS NOT NULL ORDER BY code")
        cells = self.new_code("SCH"), "学校", "high_sensitive", 600
        self.put(
            "targets", "code,name,target_class,people_day,lon,lat", *cells, *self.near(row.x, row.y, 0.004)
        )

    def a_sensor_alarms(self) -> None:
        row = self.pick("SELECT code FROM sensor ORDER BY code")
        began = datetime.now(UTC) - timedelta(minutes=self.dice.choice([1, 30]))
        header = "event_id,kind,severity,sensor_code,time"
        self.put(
            "events",
            header,
            self.new_code("EV"),
            "alarm",
            self.dice.choice(["low", "high"]),
            row.code,
            began.isoformat(),
        )

    def an_alarm_is_cleared(self) -> None:
        row = self.pick("SELECT code FROM sensor ORDER BY code")
        header = "event_id,kind,sensor_code,time"
        self.put(
            "events", header, self.new_code("EV"), "alarm_cleared", row.code, datetime.now(UTC).isoformat()
        )

    def a_sensor_reports(self) -> None:
        row = self.pick("SELECT code FROM sensor ORDER BY code")
        header = "event_id,kind,sensor_code,value,time"
        self.put("events", header, self.new_code("EV"), "reading", row.code, 1, datetime.now(UTC).isoformat())

    def an_incident_happens(self) -> None:
        row = self.pick("SELECT code FROM source ORDER BY code")
        until = datetime.now(UTC) + timedelta(hours=self.dice.choice([-1, 3]))
        header = "event_id,kind,source_code,time,until"
        began = datetime.now(UTC) - timedelta(hours=2)
        self.put(
            "events", header, self.new_code("EV"), "incident", row.code, began.isoformat(), until.isoformat()
        )

    def weather_comes(self) -> None:
        square = "POLYGON ((112.3 28.8, 112.4 28.8, 112.4 28.9, 112.3 28.9, 112.3 28.8))"
        header = "event_id,kind,severity,time,until,wkt"
        now = datetime.now(UTC)
        self.put(
            "events",
            header,
            self.new_code("EV"),
            "weather",
            "orange",
            now.isoformat(),
            (now + timedelta(hours=5)).isoformat(),
            square,
        )

    def weather_is_called_off(self) -> None:
        row = self.pick("SELECT code FROM event WHERE kind = 'weather' ORDER BY code DESC LIMIT 3")
        now = datetime.now(UTC).isoformat()
        self.put("events", "event_id,kind,time", f"{row.code}#{self.new_code('EV')}", "weather_cleared", now)

    def a_study_is_made(self) -> None:
        row = self.pick(f"SELECT code, {MIDDLE} FROM source WHERE geom IS NOT NULL ORDER BY code")
        d = self.dice.choice([0.001, 0.01, 0.05])
        ring = ", ".join(
            f"{row.x + d * a} {row.y + d * b}" for a, b in ((-1, -1), (1, -1), (1, 1), (-1, 1), (-1, -1))
        )
        self.put(
            "zones_external",
            "code,name,source_code,kind,wkt",
            self.new_code("Z"),
            "评估",
            row.code,
            "explosion",
            f"POLYGON (({ring}))",
        )

    def a_resource_changes(self) -> None:
        row = self.pick("SELECT code, name, kind, ST_AsText(geom) AS wkt FROM resource ORDER BY code")
        self.put("resources", "code,name,kind,wkt", row.code, f"{row.name}改", row.kind, row.wkt)


ALL: list[Callable[[Editor], None]] = [
    value for name, value in vars(Editor).items() if name.startswith(("a_", "an_", "people_", "weather_"))
]


def compare(owner: Engine) -> None:
    """The stored results against a whole run over the same records at the same instant."""
    with snapshot(owner) as connection:
        run = last_run(connection)
        assert run is not None
        whole = assess_records(read_inputs(connection, run["data_time"]), stored_city(connection).code)
        stored = {
            "score": connection.execute(
                text(
                    f"SELECT {COLUMNS}, score, base, level, base_level, rise_level, grade, confidence, facts FROM score"
                )
            ).all(),
            "line": connection.execute(
                text(f"SELECT {COLUMNS}, n, item, record, value, args FROM contribution")
            ).all(),
        }
    names = [one.strip() for one in COLUMNS.split(",")]
    scores = [*names, "score", "base", "level", "base_level", "rise_level", "grade", "confidence", "facts"]
    lines = [*names, "n", "item", "record", "value", "args"]
    for kind, frame, columns in (("score", whole.scores, scores), ("line", whole.contributions, lines)):
        expected = {
            (*row[:2], row[6] if kind == "line" else None): (*row[2:-1], json.loads(row[-1]))
            for row in frame[columns].itertuples(index=False, name=None)
        }
        found = {(*row[:2], row[6] if kind == "line" else None): tuple(row[2:]) for row in stored[kind]}
        differing = {
            key: (found.get(key), expected.get(key))
            for key in found.keys() | expected.keys()
            if found.get(key) != expected.get(key)
        }
        assert not differing, dict(list(differing.items())[:3])
    assert bytes(run["result_hash"]).hex() == whole.result_hash()


def test_every_kind_of_edit_equals_a_whole_run(demo_owner: Engine, tmp_path: Path, *, soak: bool) -> None:
    dice = random.Random(7)
    assess(demo_owner, actor="test", full=True)
    editor, partial = Editor(demo_owner, tmp_path, dice), 0
    order: list[Callable[[Editor], None]] = []
    for number in range(EDITS[soak]):
        order = order or dice.sample(ALL, len(ALL))
        edit = order.pop()
        edit(editor)
        if number % 6 == 5 or number == EDITS[soak] - 1:
            run = assess(demo_owner, actor="test")
            partial += not run["full"]
            compare(demo_owner)
    assert partial > EDITS[soak] // 15, (
        "runs of six edits need a whole run where one of them is of the whole city"
    )


def test_nothing_changed_is_quickly_told(demo_owner: Engine) -> None:
    assess(demo_owner, actor="test", full=True)
    with snapshot(demo_owner) as connection:
        before = last_run(connection)
    run = assess(demo_owner, actor="test")
    assert not run["full"]
    assert run["changed"]["by_kind"] == {}
    assert before is not None
    assert run["result_hash"] == bytes(before["result_hash"]).hex()


def test_a_new_day_is_a_whole_run(demo_owner: Engine) -> None:
    run = assess(demo_owner, actor="test", full=True)
    tomorrow = datetime.fromisoformat(run["data_time"]) + timedelta(days=1)
    assert assess(demo_owner, actor="test", at=tomorrow)["full"]


def test_a_source_far_from_everybody_knows_that_people_are_on_file(owner: Engine, tmp_path: Path) -> None:
    """Nobody within 500 m is α = 0.5; that nobody is on file at all would leave α unknown."""
    load_areas(owner, tmp_path)
    load(owner, tmp_path, "population", "code,people,lon,lat", f"P1,900,{at(0.21, 0.2)}")
    load(owner, tmp_path, "sources", SOURCE_HEADER, f"S1,孤罐,ammonia_cold_store,,{at(3.5, 0.2)}")
    load(owner, tmp_path, "inventory", "source_code,substance,quantity_t", "S1,氨,40")
    day = datetime.now(CLOCK)
    assess(owner, actor="test", full=True)
    load(owner, tmp_path, "inventory", "source_code,substance,quantity_t", "S1,氨,60", at=day)
    assert not assess(owner, actor="test")["full"]
    compare(owner)

"""Random small cities as a risk run reads them: no database, a few seconds' walk from end to end, everything in them.

Three townships of two villages of two grid units each, and an overlay; homes, enterprises (points and yards), sources
of every kind with and without an enterprise or an inventory, schools, dangers, events and a silent sensor.
"""

from dataclasses import replace
from datetime import date, datetime, timedelta
from typing import Any

import numpy as np
import pandas as pd
import shapely

from layers.dynamic import Records
from layers.history import CLOCK
from layers.risk import Inputs, no_records
from riskmap.vocabulary import COMMITTEES, SOURCE_KINDS
from tests.riskmap.standard import edition

CITY = "430900"
NOON = datetime(2026, 7, 4, 12, tzinfo=CLOCK)
TODAY = NOON.date()
WIDE_M, HIGH_M = 9000.0, 3000.0
CORNER = np.array([500_000.0, 3_180_000.0])
KINDS = tuple(kind for kind in SOURCE_KINDS if kind != "premises")
HELD = ("7664-41-7", "7782-50-5", "74-98-6", "71-43-2", "67-56-1")
"""ammonia, chlorine, propane, benzene, methanol"""
EVENTS = (
    ("alarm", "low"),
    ("alarm", "high"),
    ("special_work", "first"),
    ("special_work", "special"),
    ("weather", "red"),
    ("special_period", None),
    ("commitment_missing", None),
    ("incident", None),
)

Row = dict[str, Any]
ASSESSED: tuple[Row, ...] = (
    {},
    {},
    {"lec_l": "6", "lec_e": "3", "lec_c": "7"},
    {"ls_l": 4, "ls_s": 5, "diagnosis_score": 83.5},
    {"diagnosis_score": 96, "assessed_on": TODAY, "sis_until": TODAY},
)
"""what sources were found to be by other methods than GB 18218"""
CERTIFIED: tuple[Row, ...] = (
    {},
    {"standard_level": "1", "standard_until": TODAY, "fire_brigade_until": TODAY + timedelta(days=90)},
    {"standard_level": "3", "standard_until": TODAY - timedelta(days=1)},
    {"safety_engineer_until": TODAY + timedelta(days=9)},
)
"""what enterprises have proven; some of it until yesterday"""


class Maker:
    """The dice of one city, and its records as rows."""

    def __init__(self, seed: int) -> None:
        self.rng = np.random.default_rng(seed)

    def spot(self) -> shapely.Point:
        """Somewhere in the city, to the millimetre."""
        return shapely.Point(*np.round(CORNER + self.rng.random(2) * (WIDE_M, HIGH_M), 3))

    def pick(self, of: tuple[Any, ...]) -> Any:
        return of[int(self.rng.integers(len(of)))]

    def day(self) -> date:
        return TODAY - timedelta(days=int(self.rng.integers(1, 60)))

    def enterprise(self, code: str) -> Row:
        geom = self.spot()
        if self.rng.random() < 0.3:
            geom = shapely.box(geom.x, geom.y, geom.x + 120.0, geom.y + 80.0)
        workers = self.pick((None, 3, 40, 1200))
        industry = self.pick((None, "2614", "5210", "C17", "4520"))
        own = {"name": f"企业{code}", "industry": industry, "workers": workers, "enterprise_code": code}
        return {"code": code, **own, "committee": self.pick(COMMITTEES), **standing(geom)}

    def source(self, code: str, owner: Row | None = None) -> Row:
        """At its own spot, or within an enterprise whose position it takes."""
        own = {"name": f"危险源{code}", "kind": self.pick(KINDS), "unit_type": self.pick((None, "storage"))}
        where = standing(self.spot())
        if owner is not None:
            where = {name: owner[name] for name in where} | {"enterprise_code": owner["code"], "geom": None}
        return {"code": code, **own, **where}

    def held(self, code: str, source: str) -> Row:
        quantity_t = float(np.round(10 ** self.rng.uniform(-1, 3.5), 3))
        return {
            "code": code,
            "source_code": source,
            "cas": self.pick(HELD),
            "quantity_t": quantity_t,
            "as_of": TODAY,
            "valid_from": TODAY,
        }

    def home(self, code: str) -> Row:
        people = float(np.round(self.rng.gamma(1.0, 120.0), 3))
        more = {"people_day": self.pick((None, people * 2)), "vulnerable": self.pick((None, False, True))}
        rescue = {"rescue_min": self.pick((None, 20.0, 21.0))}
        return {"code": code, "people": people, **more, **rescue, **standing(self.spot())}

    def school(self, code: str) -> Row:
        people = {"people_day": 400.0, "people_night": None}
        target_class = self.pick(("high_sensitive", "high_sensitive", "important"))
        return {
            "code": code,
            "name": f"学校{code}",
            "target_class": target_class,
            **people,
            **standing(self.spot()),
        }

    def danger(self, code: str, where: Row, **more: Any) -> Row:
        """A danger at a source or an enterprise (a dict that names it)."""
        found, grade = self.day(), self.pick(("general", "general", "major"))
        due = self.pick((None, found + timedelta(days=10), TODAY, TODAY + timedelta(days=5)))
        by = {"grade": grade, "found_by": self.pick(("self", "other")), "title": f"隐患{code}"}
        return {"code": code, **by, "found_on": found, "due_on": due, **where, **more}

    def event(self, code: str, source: str | None) -> Row:
        kind, severity = self.pick(EVENTS)
        began = NOON - timedelta(minutes=int(self.rng.integers(0, 4000)))
        until = self.pick((None, NOON + timedelta(hours=3), began + timedelta(minutes=30)))
        row = {"code": code, "kind": kind, "severity": severity, "time": began, "until": until}
        if source is None and self.rng.random() < 0.5:
            spot = self.spot()
            row["geom"] = shapely.box(spot.x, spot.y, spot.x + 2000.0, spot.y + 2000.0)
        where = standing(self.spot())
        return row | {"source_code": source} | {n: v for n, v in where.items() if n.endswith("_code")}


def standing(geom: Any) -> Row:
    """A position with the codes of the areas that it lies in."""
    x, y = (shapely.get_coordinates(shapely.centroid(geom))[0] - CORNER).clip(0)
    column, row = min(int(x // 1500), 5), min(int(y // 1500), 1)
    township = f"{CITY}{column // 2 + 1:03d}"
    village = f"{township}{column % 2 + 201:03d}"
    return {
        "geom": geom,
        "township_code": township,
        "village_code": village,
        "grid_code": f"{village}{row + 1:03d}",
    }


def _areas() -> list[Row]:
    rows: list[Row] = []
    for column in range(6):
        for row in range(2):
            x, y = CORNER[0] + 1500.0 * column, CORNER[1] + 1500.0 * row
            where = standing(shapely.box(x, y, x + 1500.0, y + 1500.0))
            rows.append({"code": where["grid_code"], "level": "grid", **where})
    for level in ("village", "township"):
        holder = f"{level}_code"
        for code in sorted({row[holder] for row in rows if row["level"] == "grid"}):
            parts = [row for row in rows if row["level"] == "grid" and row[holder] == code]
            geom = shapely.union_all([row["geom"] for row in parts])
            scope = {"township_code": parts[0]["township_code"]}
            if level == "village":
                scope["village_code"] = code
            rows.append({"code": code, "level": level, "geom": geom, **scope})
    first = [row["code"] for row in rows if row["level"] == "village"][:2]
    rows.append({"code": "PARK1", "level": "overlay", "members": first, "geom": None})
    around = shapely.box(*(CORNER + 500.0), *(CORNER + 2500.0))
    rows.append({"code": "PARK2", "level": "overlay", "members": None, "geom": around})
    return [row | {"name": f"区域{row['code']}"} for row in rows]


def framed(like: pd.DataFrame, rows: list[Row]) -> pd.DataFrame:
    """Rows in order of code with the columns of a frame that the database gives."""
    ordered = sorted(rows, key=lambda row: str(row["code"]))
    columns = {}
    for name in like.columns:
        cells = np.empty(len(ordered), object)
        cells[:] = [row.get(name) for row in ordered]
        columns[name] = pd.Series(cells, dtype=object)
    return pd.DataFrame(columns, columns=like.columns)


def with_rows(inputs: Inputs, layer: str, *rows: Row) -> Inputs:
    """A city with some records more; those of a code that is there already replace it."""
    codes = {row["code"] for row in rows}
    frame = _frame(inputs, layer)
    kept = [row for row in rows_of(frame) if row["code"] not in codes]
    return _with_frame(inputs, layer, framed(frame, [*kept, *rows]))


def without(inputs: Inputs, layer: str, code: str) -> Inputs:
    """A city with one record less."""
    frame = _frame(inputs, layer)
    return _with_frame(inputs, layer, frame[frame["code"] != code].reset_index(drop=True))


def _frame(inputs: Inputs, layer: str) -> pd.DataFrame:
    frame: pd.DataFrame = getattr(inputs.records if hasattr(inputs.records, layer) else inputs, layer)
    return frame


def _with_frame(inputs: Inputs, layer: str, frame: pd.DataFrame) -> Inputs:
    changed: dict[str, Any] = {layer: frame}
    if hasattr(inputs.records, layer):
        return replace(inputs, records=replace(inputs.records, **changed))
    return replace(inputs, **changed)


def rows_of(frame: pd.DataFrame) -> list[Row]:
    """The rows of a frame as they are: `to_dict` makes NaN of None."""
    return [dict(zip(frame.columns, row, strict=True)) for row in frame.itertuples(index=False, name=None)]


def random_city(seed: int) -> Inputs:
    """A city of this seed at noon of a day in July."""
    make, empty = Maker(seed), no_records(edition())
    firms = [make.enterprise(f"E{n:02d}") for n in range(14)]
    sources = [make.source(f"S{n:02d}", make.pick((None, *firms[:6]))) for n in range(18)]
    chance = np.random.default_rng([seed, 1])
    firms = [row | CERTIFIED[int(chance.integers(len(CERTIFIED)))] for row in firms]
    sources = [row | ASSESSED[int(chance.integers(len(ASSESSED)))] for row in sources]
    held = [make.held(f"I{n:02d}", make.pick(tuple(sources[:9]))["code"]) for n in range(12)]
    subjects = [{"source_code": row["code"]} for row in sources] + [
        {"enterprise_code": row["code"]} for row in firms
    ]
    dangers = [make.danger(f"D{n:02d}", make.pick(tuple(subjects))) for n in range(15)]
    events = [
        make.event(f"V{n:02d}", make.pick((None, *(row["code"] for row in sources)))) for n in range(10)
    ]
    # two enterprises at one point, with homes in them: ties and zero distances
    firms[1] |= standing(firms[0]["geom"])
    sensor = {"code": "N1", "source_code": "S00", "kind": "level", "interval_s": 3600, "valid_from": TODAY}
    homes = [make.home(f"P{n:03d}") for n in range(70)] + [
        make.home("P900") | standing(shapely.centroid(firms[0]["geom"]))
    ]
    records = Records(
        framed(empty.records.dangers, dangers),
        framed(empty.records.events, events),
        framed(empty.records.sensors, [sensor | {"last": NOON - timedelta(days=2)}]),
    )
    return replace(
        empty,
        enterprises=framed(empty.enterprises, firms),
        sources=framed(empty.sources, sources),
        inventory=framed(empty.inventory, held),
        population=framed(empty.population, homes),
        targets=framed(empty.targets, [make.school(f"T{n:02d}") for n in range(8)]),
        areas=framed(empty.areas, _areas()),
        at=NOON,
        records=records,
    )

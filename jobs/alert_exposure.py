"""Expose: what is so now, as facts that warnings are decided by, each with where it belongs."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from datetime import date, datetime, time
from typing import Any, NamedTuple

from sqlalchemy import Connection

from jobs.dynamic import events_of
from jobs.frames import each
from layers.alert_sources import near_to_people, sources_to_tell
from layers.alert_zones import zone_of_members, zones_to_tell
from layers.drills import make_believe
from layers.dynamic import Records, read_dynamic
from layers.history import CLOCK, Moment
from layers.records import PREMISES_SUFFIX
from layers.regrading import reassessments
from layers.risen import heaviest_dynamic
from layers.schema import SCOPE
from riskmap.alert_facts import DRILLS, Fact
from riskmap.alert_rules import AlertRules
from riskmap.dynamic import DynamicWeights
from riskmap.vocabulary import LEVELS

_MAJOR, _GENERAL = 1, 4
"""levels of a danger as a fact"""
_MINUTE_S = 60
Row = dict[str, Any]


class Place(NamedTuple):
    """Where a fact belongs, as row rights know it; empty: nowhere, which only the city sees."""

    township: str = ""
    village: str = ""
    grid: str = ""
    enterprise: str = ""
    committee: str = ""
    source: str = ""


@dataclass
class Exposed:
    """The facts of an instant, and the place of each by its fingerprint."""

    facts: list[Fact] = field(default_factory=list)
    places: dict[str, Place] = field(default_factory=dict)

    def add(self, fact: Fact, place: Place) -> None:
        """Take in one fact."""
        self.facts.append(fact)
        self.places[fact.fingerprint] = place


@dataclass(frozen=True)
class Known:
    """What is so whatever rules ask; `near` and `zones` keep what they have asked for as long as it holds."""

    records: Records
    owed: list[Row]
    members: dict[str, str]
    near: dict[Any, list[Row]] = field(default_factory=dict)
    zones: dict[int, list[Row]] = field(default_factory=dict)

    @classmethod
    def read(
        cls, connection: Connection, weights: DynamicWeights, at: datetime, then: Moment | None
    ) -> "Known":
        """What is so at an instant."""
        records = read_dynamic(connection, at, weights, then)
        return cls(records, owed_on(connection, at.date(), then), zone_of_members(connection, then))


def owed_on(connection: Connection, day: date, then: Moment | None) -> list[Row]:
    """What sources owe their files and is past its day."""
    return [row for row in reassessments(connection, day, then) if row["overdue"]]


def expose(
    connection: Connection,
    rules: AlertRules,
    weights: DynamicWeights,
    at: datetime,
    then: Moment | None = None,
    known: Known | None = None,
) -> Exposed:
    """Everything that a rule may ask for at an instant, in the caller's snapshot.

    By what is on file now, or by what was on file at a moment: the records, the levels of the run that then held (or
    were computed for it), the zones of the zone run that then held. Where there was none of them there is no fact.
    What is `known` of the instant is not read again.
    """
    local = at.astimezone(CLOCK)
    known = known or Known.read(connection, weights, local, then)
    records, owed, members = known.records, known.owed, known.members
    near = _near_rows(connection, rules, known, then)
    codes = {row["code"] for row in (*owed, *near)} | _codes_of(records)
    levels = rules.least_bad("level"), rules.least_bad("rise")
    rows = {
        row["code"]: row | {"zone": members.get(row["enterprise_code"] or row["code"], "")}
        for row in sources_to_tell(connection, *levels, codes, then)
    }
    why = heaviest_dynamic(connection, list(rows), then) if rows else {}
    out = Exposed()
    for row in rows.values():
        for fact in facts_of_source(row, levels, why.get(row["code"], {}).get("item")):
            out.add(fact, _place(row))
    for fact, place in (
        *(() if then else drills_at(connection, at)),
        *facts_of_zones(_zone_rows(connection, rules, known, then)),
        *facts_of_near(near, rows),
        *_dangers(records, rows, local.date()),
        *_events(records, rules, rows, local),
        *_silent(records, rows, local),
        *_due(owed, rows, local.date()),
    ):
        out.add(fact, place)
    return out


def _codes_of(records: Records) -> set[str]:
    dangers = {_source_of(row) for row in each(records.dangers)}
    events = {row.source_code for row in each(records.events)}
    sensors = {row.source_code for row in each(records.sensors)}
    return {code for code in dangers | events | sensors if code}


def _source_of(row: Any) -> str:
    """The source of a danger: a danger that names only an enterprise is its premises'."""
    premises = f"{row.enterprise_code}{PREMISES_SUFFIX}" if row.enterprise_code else ""
    return str(row.source_code or premises)


def _place(row: Row) -> Place:
    township, village, grid, enterprise, committee = (row[name] or "" for name in SCOPE)
    return Place(township, village, grid, enterprise, committee, row["code"])


def _place_of(record: Any, row: Row | None) -> Place:
    """The place of a danger or event by its own scope, and its source where it has one."""
    own = {name: getattr(record, name) for name in SCOPE}
    return _place({**own, "code": row["code"] if row else ""})


def _about(row: Row, **more: Any) -> dict[str, Any]:
    """What every fact of a source says of it, and the words for messages."""
    x_mm, y_mm = (None if row[axis] is None else round(row[axis]) for axis in ("x_mm", "y_mm"))
    people = row["people"]
    said = {
        "place": f"{row['township'] or ''}{row['village'] or ''}",
        "kind": row["kind"],
        "name": row["name"] or row["code"],
        "people": None if people is None else round(people),
    } | more
    return {
        "township": row["township_code"] or "",
        "area": row["grid_code"] or row["village_code"] or row["township_code"] or "",
        "industry": row["industry"] or "",
        "enterprise": row["enterprise_code"] or "",
        "zone": row["zone"],
        "x_mm": x_mm,
        "y_mm": y_mm,
        "said": {key: value for key, value in said.items() if value not in {None, ""}},
    }


def facts_of_source(row: Row, levels: tuple[int, int], why: str | None) -> Iterator[Fact]:
    """Its colour, what has risen where `why` names it, and its threshold quantity."""
    code, level, rise = row["code"], row["level"], row["rise_level"]
    if level and level <= levels[0]:
        yield Fact("level", "sources", code, level=level, **_about(row, level=_word(level), why=why))
    if rise and rise <= levels[1] and why:
        yield Fact("rise", "sources", code, level=rise, **_about(row, level=_word(level or rise), why=why))
    if row["s"]:
        s = int(row["s"])
        yield Fact("inventory", "sources", code, amount=s, confirmed=True, **_about(row, percent=s // 10))


def facts_of_zones(zones: Iterable[Row]) -> Iterator[tuple[Fact, Place]]:
    """A zone concerns every township that it has ground in, each as its own."""
    for row in zones:
        said = {
            "place": row["township"] or row["township_code"],
            "name": row["name"],
            "level": _word(row["level"]),
            "people": row["people"],
        }
        fact = Fact(
            *("zone", "zones", row["code"]),
            township=row["township_code"],
            area=row["township_code"],
            level=row["level"],
            mark=row["members"],
            x_mm=round(row["x_mm"]),
            y_mm=round(row["y_mm"]),
            said={key: value for key, value in said.items() if value is not None},
        )
        yield fact, Place(row["township_code"])


def _near_rows(connection: Connection, rules: AlertRules, known: Known, then: Moment | None) -> list[Row]:
    level, within_mm = asked = rules.least_bad("near"), rules.farthest_mm
    if asked not in known.near:
        known.near[asked] = near_to_people(connection, level, within_mm, then) if within_mm else []
    return known.near[asked]


def _zone_rows(connection: Connection, rules: AlertRules, known: Known, then: Moment | None) -> list[Row]:
    level = rules.least_bad("zone")
    if level not in known.zones:
        known.zones[level] = zones_to_tell(connection, level, then)
    return known.zones[level]


def facts_of_near(near: Iterable[Row], rows: dict[str, Row]) -> Iterator[tuple[Fact, Place]]:
    """Of each source what every township whose people it comes near to may know: a neighbour's by its projection."""
    for one in near:
        row = rows[one["code"]]
        own = one["township_code"] == row["township_code"]
        side = "own" if own else "neighbour" if row["township_code"] else "outside"
        said = {
            "level": _word(row["level"]),
            "metres": round(one["distance_mm"] / 1000),
            "target": one["target"],
            "people": round(one["people"]),
            "bearing": None if one["degrees"] is None else round(one["degrees"]),
        }
        about = _about(row, **said) | {"township": one["township_code"]}
        if not own:
            about["area"] = one["township_code"]
            about["said"]["place"] = one["township"] or one["township_code"]
        fact = Fact(
            *("near", "sources", one["code"]),
            side=side,
            level=row["level"] or 0,
            amount=int(one["distance_mm"]),
            **about,
        )
        yield fact, _place(row) if own else Place(one["township_code"])


def _dangers(records: Records, rows: dict[str, Row], day: date) -> Iterator[tuple[Fact, Place]]:
    for danger in each(records.dangers):
        row = rows.get(_source_of(danger))
        place = _place_of(danger, row)
        about = _about(row, grade=danger.grade) if row else _placeless(place, danger)
        due = max((one for one in (danger.due_on, danger.extended_to) if one is not None), default=None)
        level = _MAJOR if danger.grade == "major" else _GENERAL
        usual = about | {"township": place.township, "confirmed": True}
        if due is not None and day > due:
            days = (day - due).days
            usual["said"] = about["said"] | {"days": days}
            yield Fact("overdue", "dangers", danger.code, level=level, amount=days, **usual), place
        if danger.listed_on is not None and day >= danger.listed_on:
            usual["said"] = about["said"]
            yield Fact("listed", "dangers", danger.code, level=level, **usual), place


def _placeless(place: Place, danger: Any) -> dict[str, Any]:
    area = place.grid or place.village or place.township
    return {"area": area, "said": {"name": danger.title, "grade": danger.grade}}


def _events(
    records: Records, rules: AlertRules, rows: dict[str, Row], at: datetime
) -> Iterator[tuple[Fact, Place]]:
    """What lasts now of the kinds that count, one cause for each sensor, or source, and kind."""
    for row, event in zip(each(records.events), events_of(records.events), strict=True):
        level = rules.events.get((event.kind, event.severity or "")) or rules.events.get((event.kind, ""))
        if level is None or event.time > at or (event.until is not None and event.until <= at):
            continue
        source = rows.get(row.source_code or "")
        place = _place_of(row, source)
        about = _about(source, why=event.kind) if source else {"said": {"why": event.kind}}
        layer, code = ("sources", source["code"]) if source else ("events", event.code)
        part = f"{event.kind}/{row.sensor_code or ''}"
        told = {"township": place.township, "confirmed": event.kind == "incident"}
        yield Fact("event", layer, code, part, level=level, **about | told), place


def _silent(records: Records, rows: dict[str, Row], at: datetime) -> Iterator[tuple[Fact, Place]]:
    for sensor in each(records.sensors):
        row = rows.get(sensor.source_code)
        last = sensor.last if sensor.last is not None else datetime.combine(sensor.valid_from, time(), CLOCK)
        minutes = int((at - last).total_seconds() - sensor.interval_s) // _MINUTE_S
        if row is not None and minutes > 0:
            about = _about(row, sensor=sensor.kind, minutes=minutes)
            yield (
                Fact("silent", "sensors", sensor.code, amount=minutes, confirmed=True, **about),
                _place(row),
            )


def _due(owed: Iterable[Row], rows: dict[str, Row], day: date) -> Iterator[tuple[Fact, Place]]:
    for one in owed:
        row = rows.get(one["code"])
        if row is not None:
            days = (day - date.fromisoformat(one["due_on"])).days if one["due_on"] else 1
            about = _about(row, task=one["task"], days=days)
            yield (
                Fact("due", "sources", one["code"], one["task"], amount=days, confirmed=True, **about),
                _place(row),
            )


def believed(row: Row, code: str, level: int, why: str) -> tuple[Fact, Place]:
    """The alarm that drill `code` makes believe at a source, a row of `sources_to_tell`; a group of its own."""
    about = _about(row | {"zone": code}, why=why)
    return Fact("event", DRILLS, code, level=level, **about), _place(row)


def drills_at(connection: Connection, at: datetime) -> Iterator[tuple[Fact, Place]]:
    """What the drills of an instant make believe: no part of what stood then, but of what a live pass was told."""
    for row in make_believe(connection, at):
        yield Fact(**row["fact"]), Place(*row["place"])


def _word(level: int | None) -> str:
    return LEVELS.get(level or 0, "")

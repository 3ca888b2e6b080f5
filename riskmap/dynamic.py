"""What changes from day to day: the records that raise a source's hazard, when each begins, steps and ends.

    dynamic = lead(records)         “最重的一项算全分，其余算两成”

A danger counts by what is true on its day; an event from its time until its end; an alarm goes down in equal hourly
steps after its end; a sensor that does not report rises with each midnight. So a value changes only at 00:00, at a
record's own start and end, and at whole hours of an alarm's decay: `next_step` says when. Honest entry costs nothing:
a general danger that the unit found itself and keeps inside its date has 0 points.

Figures are the edition's table `dynamic`: ours, of no standard.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from functools import lru_cache
from typing import Any, NamedTuple

from riskmap.editions import EDITIONS_KEPT, Edition
from riskmap.risk import Contribution, lead_shares
from riskmap.vocabulary import SOURCE_KINDS
from riskmap.weights import Sections

ROLE = "dynamic"
DAY = timedelta(days=1)
HOUR = timedelta(hours=1)
CLEARED = "alarm_cleared"
"""the event that ends the alarms of its sensor: acknowledged and normal again"""
WEATHER = "weather"
WEATHER_CLEARED = "weather_cleared"
"""the event that ends a weather warning before its time: what stands before the `#` of its id is whose it is"""
INCIDENT = "incident"
"""a confirmed accident: no points of its own, it raises the colours of the areas it happens in"""
PUBLIC_WARNING = "public_warning"
"""a red warning to the public that was approved and is in force: it raises as an accident does; no program can send one"""
RAISING = frozenset({INCIDENT, PUBLIC_WARNING})

_SECTIONS = {
    "dangers": ("self", "other", "overdue", "major", "major_listed", "major_overdue"),
    "alarms": ("decay_h",),
    "silence": ("per_day", "most"),
}


class EventRule(NamedTuple):
    """What an event of one kind and severity counts while it lasts, in micro-points."""

    kind: str
    severity: str
    points: int
    name_zh: str
    name_en: str


@dataclass(frozen=True)
class DynamicWeights:
    """What records that come and go count, in micro-points; dangers by state, events by kind and severity."""

    dangers: Mapping[str, int]
    alarm_decay_h: int
    silent_per_day: int
    silent_most: int
    events: Mapping[tuple[str, str], EventRule]
    weather_kinds: frozenset[str]
    """kinds of source that weather works on"""

    @property
    def kinds(self) -> set[str]:
        """The kinds of event that a run must see: those that count, and those that end or raise by a rule."""
        return {kind for kind, _ in self.events} | {CLEARED, WEATHER_CLEARED, INCIDENT}

    @property
    def items(self) -> set[str]:
        """The kinds of line that dynamic records make."""
        return {kind for kind, _ in self.events} | {"danger", "silent_sensor"}

    @property
    def decay(self) -> timedelta:
        """How long an event may still count after its end."""
        return self.alarm_decay_h * HOUR

    @classmethod
    @lru_cache(maxsize=EDITIONS_KEPT)
    def from_edition(cls, edition: Edition) -> "DynamicWeights":
        """Build from an edition's table `dynamic`; one of before there was this table gives no record any points."""
        if ROLE in edition.tables:
            return cls.from_table(edition.table(ROLE))
        return cls(dict.fromkeys(_SECTIONS["dangers"], 0), 1, 0, 0, {}, frozenset())

    @classmethod
    def from_table(cls, table: Mapping[str, Any]) -> "DynamicWeights":
        """Build from an edition's `table("dynamic")`.

        Raises BadInput, naming file, row and field, for a missing or unknown key, a figure out of its bounds, a state
        of a danger that counts less than a milder one, or an event that is doubled.
        """
        part = Sections(table, _SECTIONS)
        cells, silence = part.section("dangers"), part.section("silence")
        dangers = {state: cells.points(state) for state in _SECTIONS["dangers"]}
        for milder, worse in (
            ("self", "other"),
            ("other", "overdue"),
            ("major", "major_listed"),
            ("major_listed", "major_overdue"),
        ):
            if dangers[milder] > dangers[worse]:
                raise cells.row.wrong(worse, f"小于 {milder}", "越严重的分值不应更低")
        return cls(
            dangers=dangers,
            alarm_decay_h=part.section("alarms").whole("decay_h", 240, least=1),
            silent_per_day=silence.points("per_day"),
            silent_most=silence.points("most"),
            events=_event_rules(part),
            weather_kinds=frozenset(
                c.row.choice("kind", SOURCE_KINDS) for c in part.rows("weather", ("kind",))
            ),
        )


def _event_rules(part: Sections) -> dict[tuple[str, str], EventRule]:
    rules: dict[tuple[str, str], EventRule] = {}
    columns = ("kind", "severity", "points", "name_zh", "name_en")
    for cells in part.rows("events", columns, key=("kind", "severity")):
        row = cells.row
        key = row.text("kind"), row.text("severity", needed=False)
        rules[key] = EventRule(*key, cells.points("points"), row.text("name_zh"), row.text("name_en"))
    return rules


def warned_of(code: str) -> set[str]:
    """By which names a weather event can be ended: its id, and that of its message where this has several (`id.2`)."""
    message, _, number = code.rpartition(".")
    return {code, message} if message and number.isdigit() else {code}


class Factor(NamedTuple):
    """One record in force: the kind of line it is, the record (`layer/code`), its micro-points, facts for its words."""

    kind: str
    record: str
    points: int
    args: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Danger:
    """A hidden danger as its row says; dates of the city's own calendar."""

    code: str
    grade: str
    found_by: str | None
    title: str
    found_on: date
    due_on: date | None = None
    extended_to: date | None = None
    listed_on: date | None = None
    closed_on: date | None = None


@dataclass(frozen=True, slots=True)
class Event:
    """An event with its instants; `until` None: not ended yet."""

    code: str
    kind: str
    severity: str | None
    time: datetime
    until: datetime | None = None


@dataclass(frozen=True, slots=True)
class Sensor:
    """A sensor and when it last reported, or came into use."""

    code: str
    kind: str
    last: datetime
    interval_s: int


def danger_factor(weights: DynamicWeights, danger: Danger, at: datetime) -> Factor | None:
    """What a danger counts on the day of an instant: from the day it was found until the day before it was closed.

    Overdue from the day after its date (extended: the later one); listed from the day it was listed.
    """
    day = at.date()
    if day < danger.found_on or (danger.closed_on is not None and day >= danger.closed_on):
        return None
    due = max((one for one in (danger.due_on, danger.extended_to) if one is not None), default=None)
    overdue = due is not None and day > due
    listed = danger.listed_on is not None and day >= danger.listed_on
    if danger.grade == "major":
        state = "major_overdue" if overdue else "major_listed" if listed else "major"
    else:
        state = "overdue" if overdue else "self" if danger.found_by == "self" else "other"
    args = {
        "title": danger.title,
        "grade": danger.grade,
        "state": state,
        "found_on": danger.found_on.isoformat(),
        "due_on": due.isoformat() if due else None,
    }
    return Factor("danger", f"danger/{danger.code}", weights.dangers[state], args)


def event_factor(weights: DynamicWeights, event: Event, at: datetime) -> Factor | None:
    """What an event counts at an instant: its points from its time to its end, an alarm's then hour by hour down to 0.

    None before, after, and for kinds and severities that the edition gives no points.
    """
    rule = weights.events.get((event.kind, event.severity or ""))
    if rule is None or at < event.time:
        return None
    points, hours = rule.points, 0
    if event.until is not None and at >= event.until:
        steps = weights.alarm_decay_h if event.kind == "alarm" else 0
        hours = (at - event.until) // HOUR
        if hours >= steps:
            return None
        points = (2 * rule.points * (steps - hours) + steps) // (2 * steps)
    args = {
        "name_zh": rule.name_zh,
        "name_en": rule.name_en,
        "severity": event.severity,
        "since": event.time.isoformat(),
        "until": event.until.isoformat() if event.until else None,
        "hours": hours,
    }
    return Factor(event.kind, f"event/{event.code}", points, args)


def silent_factor(weights: DynamicWeights, sensor: Sensor, at: datetime) -> Factor | None:
    """What a sensor counts that has not reported within its interval: so much for every midnight since."""
    awaited = sensor.last + timedelta(seconds=sensor.interval_s)
    days = (at.date() - awaited.date()).days
    if at < awaited or days <= 0:
        return None
    points = min(weights.silent_per_day * days, weights.silent_most)
    args = {"kind": sensor.kind, "days": days, "last": sensor.last.isoformat()}
    return Factor("silent_sensor", f"sensor/{sensor.code}", points, args)


def dynamic_lines(factors: Iterable[Factor], share_permille: int) -> list[Contribution]:
    """The lines of a source's records in force: the heaviest in full, every other with the share b, ties by record.

    Records of 0 points stay, as lines of 0: they are on file and cost nothing.
    """
    ordered = sorted(factors, key=lambda factor: factor.record)
    shares = lead_shares([factor.points for factor in ordered], share_permille)
    first = max(range(len(ordered)), key=lambda i: (ordered[i].points, -i), default=None)
    return [
        Contribution(
            factor.kind, factor.record, share, {**factor.args, "points": factor.points, "leads": i == first}
        )
        for i, (factor, share) in enumerate(zip(ordered, shares, strict=True))
    ]


def next_step(weights: DynamicWeights, events: Iterable[Event], at: datetime) -> datetime:
    """The next instant after `at` when a value may change by itself: a start, an end, an hour of decay, or 00:00."""
    found = datetime.combine(at.date() + DAY, time(), at.tzinfo)
    for event in events:
        moments = [event.time]
        if event.until is not None:
            moments.append(event.until)
            if event.kind == "alarm" and event.until <= at < event.until + weights.alarm_decay_h * HOUR:
                moments.append(event.until + ((at - event.until) // HOUR + 1) * HOUR)
        found = min([found, *(one for one in moments if one > at)])
    return found

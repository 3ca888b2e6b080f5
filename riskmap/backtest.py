"""What a set of rules would have come to over days of the past, in figures: load by day and person, incidents foreseen.

Pure counting. What counts:

- A *message* is one text to one person, as the pipeline groups them; reminders of unsigned warnings are none of the
  rules' and left out. Nobody signs, handles or reports in a back-test: repeats are at their most.
- A *warning* counts on the day it was opened. A township leader is whoever is told as `leader@township`.
- An incident is *foreseen* when a warning of the same source or enterprise was told before it and was not over by then,
  leaving out the warning of the incident itself; its *lead time* is since the first of these was told. Otherwise it
  is *missed*.
- A warning is *false* when it is red or orange, of a form that foretells (no 督办提醒: that is of a duty), was told, and no
  incident was at the same source or enterprise while it was open or within `FOLLOWS_H` hours after.
"""

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from datetime import date, datetime, timedelta
from statistics import median
from typing import Any, NamedTuple

from riskmap.vocabulary import LEVELS

FOLLOWS_H = 72
LEADER = "leader@township"
_URGENT = 2
_OF_A_DUTY = "urge"
_ITSELF = ("event", "incident")
Row = dict[str, Any]


class Warned(NamedTuple):
    """A warning as it is counted: when it was opened, first told (None: never) and over (None: not yet)."""

    kind: str
    rule: str
    form: str
    warn: int
    source: str
    enterprise: str
    cause: str
    opened_at: datetime
    told_at: datetime | None
    ended_at: datetime | None


class Message(NamedTuple):
    """A message as it is counted."""

    day: date
    person: str
    audience: str
    rule: str


class Incident(NamedTuple):
    """What the warnings are measured by."""

    time: datetime
    source: str
    enterprise: str


def figures(
    days: Sequence[date],
    warnings: Sequence[Warned],
    messages: Sequence[Message],
    incidents: Sequence[Incident],
    day_of: Any,
) -> Row:
    """The figures of a set of rules over some days; `day_of` says on which day of the city an instant lies.

    `leads` tells of each incident in turn how many hours before it was foreseen; null: missed.
    """
    foreseen = [_lead_h(one, warnings) for one in incidents]
    leads = [one for one in foreseen if one is not None]
    opened = Counter(day_of(one.opened_at) for one in warnings)
    told = Counter(one.day for one in messages)
    leaders = _most_by_day(days, [one for one in messages if one.audience == LEADER])
    return {
        "days": len(days),
        "warnings_per_day": _share(len(warnings), len(days)),
        "per_person": per_person(days, messages),
        "lead_time_h": round(median(leads), 1) if leads else None,
        "false": sum(_is_false(one, incidents) for one in warnings),
        "missed": sum(one is None for one in foreseen),
        "incidents": len(incidents),
        "leads": [
            {"time": one.time.isoformat(), "source": one.source, "enterprise": one.enterprise, "lead_h": lead}
            for one, lead in zip(incidents, foreseen, strict=True)
        ],
        "warnings": len(warnings),
        "messages": len(messages),
        "messages_per_day": _share(len(messages), len(days)),
        "by_level": {word: sum(one.warn == n for one in warnings) for n, word in LEVELS.items()},
        "by_day": [
            {"day": day.isoformat(), "warnings": opened[day], "messages": told[day], "leader": leaders[day]}
            for day in days
        ],
        "by_rule": by_rule(warnings, messages, day_of),
        "leader": {
            "median": median(leaders.values()) if leaders else 0,
            "most": max(leaders.values(), default=0),
        },
    }


def per_person(days: Sequence[date], messages: Iterable[Message]) -> list[Row]:
    """Of everybody who was told anything: messages in all, a day on average, on the median and on the worst day.

    Whoever got most comes first.
    """
    counts: dict[str, Counter[date]] = defaultdict(Counter)
    audience: dict[str, Counter[str]] = defaultdict(Counter)
    for one in messages:
        counts[one.person][one.day] += 1
        audience[one.person][one.audience] += 1
    found = [
        {
            "person": person,
            "audience": audience[person].most_common(1)[0][0],
            "messages": counted.total(),
            "per_day": _share(counted.total(), len(days)),
            "median": median(counted[day] for day in days),
            "most": max(counted.values()),
        }
        for person, counted in counts.items()
    ]
    return sorted(found, key=lambda one: (-one["messages"], one["person"]))


def by_rule(warnings: Iterable[Warned], messages: Iterable[Message], day_of: Any) -> dict[str, Row]:
    """By the code of a rule: how many warnings, how many messages led by it, when it last opened one, and on which days.

    `days` counts the warnings of the days that had any.
    """
    found: dict[str, Row] = {}

    def row_of(rule: str) -> Row:
        return found.setdefault(rule, {"warnings": 0, "messages": 0, "last": None, "days": Counter()})

    for one in sorted(warnings, key=lambda one: one.opened_at):
        row = row_of(one.rule)
        row["warnings"] += 1
        row["last"] = one.opened_at.isoformat()
        row["days"][day_of(one.opened_at).isoformat()] += 1
    for message in messages:
        row_of(message.rule)["messages"] += 1
    return {code: row | {"days": dict(row["days"])} for code, row in sorted(found.items())}


def difference(ours: Mapping[str, Any], live: Mapping[str, Any]) -> Row:
    """How one set of rules differs from another over the same days: by day and by person, where it does."""
    mine = {one["person"]: one["messages"] for one in ours["per_person"]}
    theirs = {one["person"]: one["messages"] for one in live["per_person"]}
    people = [
        {"person": one, "messages": mine.get(one, 0), "live": theirs.get(one, 0)}
        for one in sorted(mine.keys() | theirs.keys())
        if mine.get(one, 0) != theirs.get(one, 0)
    ]
    days = [
        {"day": one["day"], "messages": one["messages"], "live": other["messages"]}
        for one, other in zip(ours["by_day"], live["by_day"], strict=True)
        if one["messages"] != other["messages"]
    ]
    people.sort(key=lambda one: (-abs(one["messages"] - one["live"]), one["person"]))
    return {"messages": ours["messages"] - live["messages"], "days": days, "people": people}


def silence_instants(
    last: datetime, signs: Sequence[datetime], interval_s: int, minutes: Iterable[int], until: datetime
) -> list[datetime]:
    """When a sensor has been silent for so many minutes, and when a silence ends; `last` is its sign before these."""
    limits = [timedelta(seconds=interval_s, minutes=one) for one in sorted(minutes)]
    found = []
    for sign, following in zip([last, *signs], [*signs, until], strict=True):
        reached = [sign + limit for limit in limits if sign + limit < following]
        found += reached
        if reached:
            found.append(following)
    return found


def _most_by_day(days: Sequence[date], messages: Iterable[Message]) -> dict[date, int]:
    """On each day, how many messages the person got who got most."""
    counts: dict[date, Counter[str]] = defaultdict(Counter)
    for one in messages:
        counts[one.day][one.person] += 1
    return {day: max(counts[day].values(), default=0) for day in days}


def _lead_h(incident: Incident, warnings: Iterable[Warned]) -> float | None:
    """Hours between the first warning that foretold an incident and it; None where none did."""
    told = [
        one.told_at
        for one in warnings
        if one.told_at is not None
        and one.told_at < incident.time
        and (one.ended_at is None or one.ended_at >= incident.time)
        and (one.kind, one.cause) != _ITSELF
        and _same_place(one, incident)
    ]
    return round((incident.time - min(told)) / timedelta(hours=1), 2) if told else None


def _is_false(one: Warned, incidents: Iterable[Incident]) -> bool:
    if (
        one.told_at is None
        or one.warn > _URGENT
        or one.form == _OF_A_DUTY
        or (one.kind, one.cause) == _ITSELF
    ):
        return False
    after = timedelta(hours=FOLLOWS_H)
    return not any(
        one.opened_at <= incident.time
        and (one.ended_at is None or incident.time <= one.ended_at + after)
        and _same_place(one, incident)
        for incident in incidents
    )


def _same_place(one: Warned, incident: Incident) -> bool:
    same_source = bool(one.source) and one.source == incident.source
    return same_source or (bool(one.enterprise) and one.enterprise == incident.enterprise)


def _share(count: int, days: int) -> float:
    return round(count / days, 2) if days else 0.0

"""Every weight of an edition, and the edition's weights with one of them a little larger or smaller.

Weights are the figures that the account computes with: points, reaches, shares, numbers of people, hours. Edges of
colours, limits of size classes and rescue times, the half that credits may take and the colours that rules hold are decisions,
not weights; the
number of townships that the city's score is the mean of is too small to be moved by a fifth.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from typing import Any, NamedTuple

from riskmap.dynamic import DynamicWeights
from riskmap.weights import MICRO, MILLI, RiskWeights

SHIFT_PERMILLE = 200
"""how far each weight is moved, up and down"""
_SCALARS = {
    ("lead", "share_permille"): ("share_permille", 1),
    ("place", "vulnerable_permille"): ("vulnerable_permille", 1),
    ("place", "slow_rescue_permille"): ("slow_rescue_permille", 1),
    ("exposure", "most"): ("exposure_most", MICRO),
    ("exposure", "scale_people"): ("exposure_scale", MILLI),
    ("exposure", "high_sensitive_people"): ("high_sensitive_people", MILLI),
    ("reach", "metres_per_point"): ("reach_per_point_mm", MILLI),
    ("premises", "least"): ("premises_least", MICRO),
    ("premises", "most"): ("premises_most", MICRO),
    ("credit", "most"): ("credit_most", MICRO),
}


class Both(NamedTuple):
    """The weights of an edition: those of the account and those of what changes from day to day."""

    risk: RiskWeights
    dynamic: DynamicWeights


Put = Callable[[Both, Any], Both]
"""the weights with another value at one place"""


@dataclass(frozen=True, slots=True)
class Weight:
    """One weight: where it stands in the edition, its value in whole units, and the weights with another value."""

    table: str
    part: str
    row: str
    field: str
    name_zh: str
    name_en: str
    value: int
    unit: int
    put: Put

    @property
    def key(self) -> str:
        """Its name: table, part, row where there is one, field."""
        return ".".join(part for part in (self.table, self.part, self.row, self.field) if part)


def weights_of(both: Both) -> list[Weight]:
    """Every weight that is not 0, in the order of the tables."""
    found = [*_of_risk(both.risk), *_of_dynamic(both.dynamic)]
    return [weight for weight in found if weight.value]


def shifted(both: Both, weight: Weight, permille: int) -> Both:
    """The weights with one of them moved by so much of itself, rounded once to its own unit."""
    return weight.put(both, (weight.value * (1000 + permille) + 500) // 1000)


def _of_risk(risk: RiskWeights) -> Iterator[Weight]:
    for (part, field), (name, unit) in _SCALARS.items():
        yield Weight("risk", part, "", field, "", "", getattr(risk, name), unit, _risk(name))
    for level, people in risk.worst_placed.items():
        yield Weight("risk", "worst_placed", "", level, "", "", people, MILLI, _entry("worst_placed", level))
    unknown = risk.unknown_industry
    for field, name, unit in (("unknown_points", "points", MICRO), ("unknown_reach_m", "reach_mm", MILLI)):
        put = _member("unknown_industry", name)
        yield Weight("risk", "premises", "", field, "", "", getattr(unknown, name), unit, put)
    rows: tuple[tuple[str, dict[str, Any]], ...] = (("kinds", risk.kinds), ("industries", risk.industries))
    for part, rules in rows:
        for code, rule in rules.items():
            fields = [("points", "points", MICRO), ("reach_m", "reach_mm", MILLI)]
            fields += (
                [("workers_points", "workers_points", MICRO)] if getattr(rule, "workers_from", None) else []
            )
            for field, name, unit in fields:
                value, put = getattr(rule, name), _cell(part, code, name)
                yield Weight("risk", part, code, field, rule.name_zh, rule.name_en, value, unit, put)
    for code, credit in risk.credits.items():
        put = _cell("credits", code, "points")
        names = credit.name_zh, credit.name_en
        yield Weight("risk", "credits", code, "points", *names, credit.points, MICRO, put)
    for n, (least, points) in enumerate(risk.workers):
        yield Weight("risk", "workers", str(least), "points", str(least), str(least), points, MICRO, _band(n))


def _of_dynamic(dynamic: DynamicWeights) -> Iterator[Weight]:
    def scalar(name: str) -> Put:
        def put(both: Both, value: Any) -> Both:
            return both._replace(dynamic=replace(both.dynamic, **{name: value}))

        return put

    def state(name: str) -> Put:
        return lambda both, value: both._replace(
            dynamic=replace(both.dynamic, dangers={**both.dynamic.dangers, name: value})
        )

    def event(key: tuple[str, str]) -> Put:
        def put(both: Both, value: int) -> Both:
            events = {**both.dynamic.events, key: both.dynamic.events[key]._replace(points=value)}
            return both._replace(dynamic=replace(both.dynamic, events=events))

        return put

    for name, points in dynamic.dangers.items():
        yield Weight("dynamic", "dangers", "", name, "", "", points, MICRO, state(name))
    for part, field, name, unit in (
        ("alarms", "decay_h", "alarm_decay_h", 1),
        ("silence", "per_day", "silent_per_day", MICRO),
        ("silence", "most", "silent_most", MICRO),
    ):
        yield Weight("dynamic", part, "", field, "", "", getattr(dynamic, name), unit, scalar(name))
    for key, rule in dynamic.events.items():
        row = " ".join(one for one in key if one)
        value, put = rule.points, event(key)
        yield Weight("dynamic", "events", row, "points", rule.name_zh, rule.name_en, value, MICRO, put)


def _risk(name: str) -> Put:
    """One value of the account's weights."""

    def put(both: Both, value: Any) -> Both:
        return both._replace(risk=replace(both.risk, **{name: value}))

    return put


def _entry(name: str, key: str) -> Put:
    """One value of a mapping."""
    return lambda both, value: _risk(name)(both, {**getattr(both.risk, name), key: value})


def _member(name: str, field: str) -> Put:
    """One field of a rule."""
    return lambda both, value: _risk(name)(both, getattr(both.risk, name)._replace(**{field: value}))


def _cell(name: str, key: str, field: str) -> Put:
    """One field of one of the rules of a mapping."""

    def put(both: Both, value: Any) -> Both:
        rules = getattr(both.risk, name)
        return _risk(name)(both, {**rules, key: rules[key]._replace(**{field: value})})

    return put


def _band(n: int) -> Put:
    """The points of one band of workers."""

    def put(both: Both, value: Any) -> Both:
        bands = both.risk.workers
        return _risk("workers")(both, (*bands[:n], (bands[n][0], value), *bands[n + 1 :]))

    return put

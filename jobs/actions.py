"""What people can do that lowers a risk: the actions that the records of a city leave open, and the records once done.

Weather and special periods are nobody's to end, an alarm that is over goes down by itself, and what a place is (its
kind, its people around) is no action either.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from decimal import Decimal
from typing import Any

import pandas as pd

from jobs.areas import incidents_of
from jobs.city import City
from layers.risk import Inputs
from riskmap.dynamic import DynamicWeights
from riskmap.sources import exact_quantity, shown

CUT, LIFT, ALARM = "cut_inventory", "lift_incident", "end_alarm"
LIFT_PUBLIC = "lift_public_warning"
LIFTING = (LIFT, LIFT_PUBLIC)
"""what ends the raising of areas and lowers no score"""
ENDED_BY = {
    "danger": "close_danger",
    "silent_sensor": "restore_sensor",
    "alarm": ALARM,
    "special_work": "end_work",
    "commitment_missing": "publish_commitment",
    "check_missing": "finish_check",
}
"""kind of line of a dynamic record: the action that ends it"""
_RANKS = {CUT: 10, LIFT: 1, LIFT_PUBLIC: 1}
"""Among sets of one size, what asks less of an enterprise goes first: mending before giving up stock."""
_USUAL_RANK = 1


@dataclass(frozen=True, slots=True)
class Action:
    """One thing to do about one record (`layer/code`), and the sources (positions in the city) that feel it.

    `args` are facts for its words. `points` by source are what the record counts there at most, in micro-points; a cut
    has none, for it changes how its source is graded.
    """

    kind: str
    record: str
    points: Mapping[int, int]
    args: Mapping[str, Any]

    @property
    def rank(self) -> int:
        """What is asked, for the choice among sets of one size."""
        return _RANKS.get(self.kind, _USUAL_RANK)


def actions_of(inputs: Inputs, city: City) -> list[Action]:
    """Every action that is open, in order of record; cuts of inventory empty the tank, how much less is found later."""
    found: dict[str, tuple[str, dict[int, int], dict[str, Any]]] = {}
    for n, lines in sorted(city.dynamic.items()):
        for line in lines:
            if (
                line.kind in ENDED_BY
                and line.record
                and line.args["points"]
                and not _is_over(line.args, inputs)
            ):
                name = city.graded.sources["name"].iloc[n]
                _, points, _ = found.setdefault(
                    line.record, (ENDED_BY[line.kind], {}, {**line.args, "source_name": name})
                )
                points[n] = line.args["points"]
    actions = [Action(kind, record, points, args) for record, (kind, points, args) in found.items()]
    actions += [
        Action(LIFT if record.startswith("event/") else LIFT_PUBLIC, record, {}, {})
        for record in sorted(incidents_of(inputs).get(("city", None), []))
    ]
    return sorted([*actions, *_cuts(city)], key=lambda action: action.record)


def _is_over(args: Mapping[str, Any], inputs: Inputs) -> bool:
    until = args.get("until")
    return until is not None and datetime.fromisoformat(until) <= inputs.at


def _cuts(city: City) -> list[Action]:
    index = {code: n for n, code in enumerate(city.graded.sources["code"])}
    found = []
    for code, items in city.graded.held.items():
        if code not in index:
            continue
        n = index[code]
        for item in items:
            quantity = exact_quantity(item)
            if item.match.substance and quantity:
                grading = city.graded.gradings[n]
                args = {
                    "substance": item.match.substance.name_zh if _is_number(item.label) else item.label,
                    "substance_en": item.match.substance.name_en,
                    "quantity_t": shown(quantity),
                    "source_name": city.graded.sources["name"].iloc[n],
                    "grade": grading.grade if grading else None,
                }
                found.append(Action(CUT, f"inventory/{item.code}", {n: 0}, args))
    return found


def _is_number(label: str) -> bool:
    """Whether a substance was written as its CAS number, or not at all."""
    return not label.strip("0123456789-")


def applied(inputs: Inputs, actions: Iterable[Action], left_t: Mapping[str, Decimal]) -> Inputs:
    """A copy of the records in which these actions are done; `left_t` says what a cut leaves (by record; else nothing).

    An alarm counts as over for so long that it has gone down: what is told is where the colour comes to rest.
    """
    records, inventory = inputs.records, inputs.inventory.copy()
    dangers, events, sensors = records.dangers.copy(), records.events.copy(), records.sensors.copy()
    faded = inputs.at - DynamicWeights.from_edition(inputs.edition).decay
    for action in actions:
        layer, _, code = action.record.partition("/")
        if action.kind == CUT:
            _put(inventory, code, "quantity_t", left_t.get(action.record, Decimal(0)))
        elif layer == "danger":
            _put(dangers, code, "closed_on", inputs.day)
        elif layer == "sensor":
            _put(sensors, code, "last", inputs.at)
        else:
            _put(events, code, "until", faded if action.kind == ALARM else inputs.at)
    return replace(
        inputs,
        inventory=inventory,
        records=replace(records, dangers=dangers, events=events, sensors=sensors),
    )


def _put(frame: pd.DataFrame, code: str, name: str, value: object) -> None:
    column = frame[name].to_numpy(object, copy=True)
    column[(frame["code"] == code).to_numpy(bool)] = value
    frame[name] = pd.Series(column, index=frame.index, dtype=object)

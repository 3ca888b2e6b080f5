"""What a source becomes when some actions are done: its hazard, its reach, its grade and its score."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from decimal import Decimal
from functools import cached_property
from typing import NamedTuple

import numpy as np

from jobs.actions import CUT, Action
from jobs.city import City
from jobs.consequences import NOTHING, consequences_of, rules_of
from jobs.grading import Graded, open_targets, red_of
from layers.exposure import place_points
from layers.risk import Inputs
from riskmap.assessed import assessment_lines
from riskmap.consequence_tables import ConsequenceRules
from riskmap.credits import credit_lines
from riskmap.directly_red import reddened
from riskmap.methods import gb18218_contributions
from riskmap.risk import (
    Contribution,
    exposures,
    floored,
    lead_shares,
    level_of,
    reach_mm,
    reach_of_points,
    source_items,
    total,
)
from riskmap.shapes import Floats, to_mm
from riskmap.sources import Gb18218, grade_source
from riskmap.weights import RedCondition

Left = Mapping[int, Decimal]
"""by action what a cut leaves in tonnes; absent: nothing"""


Cuts = tuple[tuple[int, Decimal], ...]
"""actions that cut, and what each leaves"""


class State(NamedTuple):
    """A source as it is felt, with and without dynamic records (micro-points, mm), its legal grade, and what makes it red."""

    points: int
    reach: int
    base_points: int
    base_reach: int
    grade: int | None
    red: tuple[RedCondition, ...]


class _Base(NamedTuple):
    points: int
    reach: int
    grade: int | None
    red: tuple[RedCondition, ...]


@dataclass(frozen=True)
class States:
    """The sources of a city under any set of its actions; what was found once is kept."""

    inputs: Inputs
    city: City
    actions: Sequence[Action]
    _known: dict[tuple[int, tuple[int, ...], Cuts], State] = field(default_factory=dict)
    _bases: dict[tuple[int, Cuts], _Base] = field(default_factory=dict)
    _exposed: dict[tuple[int, int], int] = field(default_factory=dict)

    def changed(self, chosen: Sequence[int], left: Left | None = None) -> dict[int, State]:
        """The sources that a set of actions changes, by position."""
        touched: dict[int, list[int]] = {}
        for a in chosen:
            for n in self.actions[a].points:
                touched.setdefault(n, []).append(a)
        return {n: self.state(n, own, left or {}) for n, own in sorted(touched.items())}

    def state(self, n: int, chosen: Sequence[int], left: Left) -> State:
        """One source when some of its actions are done."""
        cuts = tuple((a, left.get(a, Decimal(0))) for a in chosen if self.actions[a].kind == CUT)
        key = n, tuple(chosen), cuts
        if key not in self._known:
            self._known[key] = self._state(n, chosen, cuts)
        return self._known[key]

    def _state(self, n: int, chosen: Sequence[int], cuts: Cuts) -> State:
        base = self._base(n, cuts)
        ended = {self.actions[a].record for a in chosen}
        going_on = [line.args["points"] for line in self.city.going_on(n) if line.record not in ended]
        weights = self.city.ground.weights
        points = base.points + sum(lead_shares(going_on, weights.share_permille))
        return State(
            points,
            max(base.reach, reach_of_points(weights, points)),
            base.points,
            base.reach,
            base.grade,
            base.red,
        )

    def score(self, n: int, state: State) -> int:
        """A source's own score: what it is, what is going on there, and the people it is felt by."""
        return state.points + self._exposure(n, state.base_reach)

    def level(self, n: int, state: State, *, base: bool = False) -> int:
        """A source's own colour, held by its grade."""
        weights = self.city.ground.weights
        score = self.score(n, state) - (state.points - state.base_points if base else 0)
        return reddened(floored(weights, level_of(weights, score), {"": state.grade})[0], {"": state.red})[0]

    def _base(self, n: int, cuts: Cuts) -> _Base:
        if not cuts:
            grading, base = self.city.graded.gradings[n], self.city.ground.base
            grade, red = grading.grade if grading else None, self.city.graded.red.get(n, ())
            return _Base(int(base.points[n]), int(base.reach[n]), grade, red)
        if (n, cuts) not in self._bases:
            self._bases[n, cuts] = self._regraded(n, cuts)
        return self._bases[n, cuts]

    def _regraded(self, n: int, cuts: Cuts) -> _Base:
        """A source that holds less: graded again, its items and its distances with it."""
        graded, weights, row = self.city.graded, self.city.ground.weights, self.city.graded.sources.iloc[n]
        left = {self.actions[a].record.partition("/")[2]: quantity for a, quantity in cuts}
        held = [
            replace(item, quantity_t=left.get(item.code, item.quantity_t))
            for item in graded.held[row["code"]]
        ]
        known = graded.gradings[n]
        grading = grade_source(
            held, known.people if known else None, self._rules, unit_type=row["unit_type"] or None
        )
        method = [
            Contribution("inventory", None, points, {}) for points in gb18218_contributions(grading).values()
        ]
        method = max(method, assessment_lines(graded.assessed.get(n, ()), ""), key=total)
        items = total(source_items(weights, row["kind"], "", workers=row["workers"], method=method))
        items += total(credit_lines(weights, items, graded.earned.get(n, ()), ""))
        one = Graded(
            graded.sources.iloc[[n]], graded.sites[n : n + 1], [grading], {0: {}}, {row["code"]: held}
        )
        near = consequences_of(self.inputs, one, self._distances).get(0, NOTHING).distances_m
        reach = reach_mm(weights, row["kind"], items, industry=row["industry"], consequence_m=near.values())
        return _Base(items, reach, grading.grade, red_of(weights, graded, n, grading))

    @cached_property
    def _distances(self) -> ConsequenceRules | None:
        return rules_of(self.inputs)

    @cached_property
    def _rules(self) -> Gb18218:
        return Gb18218.from_edition(self.inputs.edition)

    @cached_property
    def _schools(self) -> Floats:
        targets = open_targets(self.inputs)
        targets = targets[targets["target_class"] == "high_sensitive"]
        return to_mm(place_points(targets["geom"].to_numpy(object)) if len(targets) else np.zeros((0, 2)))

    def _exposure(self, n: int, reach: int) -> int:
        if (n, reach) not in self._exposed:
            ground = self.city.ground
            unit = np.zeros(len(ground.places.people), np.int64)
            found = exposures(
                ground.weights,
                ground.base.sites.take(np.array([n])),
                np.array([reach]),
                ground.places,
                unit,
                self._schools,
            )
            self._exposed[n, reach] = int(found.points[0])
        return self._exposed[n, reach]

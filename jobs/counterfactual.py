"""What would lower a colour: few actions that are open, found by search and told only when computing again agrees.

Pure: it works on records in memory. `jobs.remedies` reads them as the last run knew them and tells the answer.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

import numpy as np

from jobs.actions import CUT, Action, actions_of
from jobs.areas import Standing, area_results
from jobs.assessment import assess_records
from jobs.city import arrange
from jobs.states import Left, States
from jobs.subjects import AreaSubject, Outcome, OwnSubject, Subject
from layers.risk import Inputs
from layers.schema import SCOPE
from riskmap.counterfactual import fewest_actions
from riskmap.errors import BadInput
from riskmap.risk import BLUE
from riskmap.vocabulary import LEVELS

_KG = 1000
"""a cut is told to the kilogram"""


@dataclass(frozen=True, slots=True)
class Answer:
    """What lowers a colour: the actions done (positions), what cuts leave, and the colour then; `reached` False: none do."""

    states: States
    subject: Subject
    goal: int
    before: Outcome
    after: Outcome
    chosen: tuple[int, ...]
    left: Left
    reached: bool
    proven: bool

    @property
    def actions(self) -> list[Action]:
        """The actions of the set."""
        return [self.states.actions[a] for a in self.chosen]

    @property
    def left_t(self) -> dict[str, Decimal]:
        """By record what cuts leave, as `applied` takes it."""
        return {self.states.actions[a].record: quantity for a, quantity in self.left.items()}


def lowering(inputs: Inputs, kind: str, code: str, *, of: str = "level", goal: int | None = None) -> Answer:
    """Few actions after which a thing has a better colour: one better, or the `goal` (4 blue, 3 yellow, 2 orange).

    `inputs` hold at least what the thing is computed from. BadInput where the goal is no better than the colour now.
    """
    city = arrange(inputs)
    states = States(inputs, city, actions_of(inputs, city))
    subject = _subject(states, kind, code, of)
    before = subject.outcomes([()])[0]
    wanted = min(before.level + 1, BLUE) if goal is None else goal
    if goal is not None and goal <= before.level < BLUE:
        raise BadInput(
            f"目标 {LEVELS[goal]} 不优于目前的 {LEVELS[before.level]}", remedy="请选择更低的风险等级作为目标"
        )
    if before.level == BLUE:
        return Answer(states, subject, BLUE, before, before, (), {}, reached=True, proven=True)
    own = subject.candidates

    def holds(sets: Sequence[tuple[int, ...]]) -> list[bool]:
        return [one.level >= wanted for one in subject.outcomes([[own[k] for k in each] for each in sets])]

    bounds, needs = subject.needs(wanted)
    found = fewest_actions([states.actions[a].rank for a in own], bounds, needs, holds)
    if found is None:
        every = tuple(own)
        after = subject.outcomes([every])[0]
        return Answer(states, subject, wanted, before, after, every, {}, reached=False, proven=True)
    chosen = tuple(own[k] for k in found.actions)
    left = _least_cuts(states, subject, chosen, wanted)
    after = subject.outcomes([chosen], left)[0]
    return Answer(states, subject, wanted, before, after, chosen, left, reached=True, proven=found.proven)


def _subject(states: States, kind: str, code: str, of: str) -> Subject:
    sources = states.city.graded.sources
    if kind == "source":
        return OwnSubject(states, np.flatnonzero((sources["code"] == code).to_numpy(bool)).tolist(), of)
    if kind == "enterprise":
        return OwnSubject(
            states, np.flatnonzero((sources["enterprise_code"] == code).to_numpy(bool)).tolist(), of
        )
    areas = states.inputs.areas
    area = None if kind == "city" else next(areas[areas["code"] == code].itertuples(index=False))
    return AreaSubject(states, kind, area, of)


def _least_cuts(states: States, subject: Subject, chosen: tuple[int, ...], goal: int) -> dict[int, Decimal]:
    """What each cut may leave, to the kilogram, so that the goal is still reached.

    First the same share of everything, then of one after the other the most that may stay.
    """
    held = {
        a: int(Decimal(str(states.actions[a].args["quantity_t"])) * _KG)
        for a in chosen
        if states.actions[a].kind == CUT
    }

    def reaches(kg: dict[int, int]) -> bool:
        left = {a: Decimal(amount) / _KG for a, amount in kg.items()}
        return subject.outcomes([chosen], left)[0].level >= goal

    def share(permille: int) -> dict[int, int]:
        return {a: amount * permille // 1000 for a, amount in held.items()}

    kept = share(_most(0, 1000, lambda permille: reaches(share(permille)))) if len(held) > 1 else share(0)
    for a, amount in held.items():
        kept[a] = _most(kept[a], amount, lambda kg, a=a: reaches(kept | {a: kg}))  # type: ignore[misc]
    return {a: Decimal(amount) / _KG for a, amount in kept.items()}


def _most(low: int, high: int, does: Callable[[int], bool]) -> int:
    """The largest number below `high` that still does, where `low` does and what is smaller than one that does, too."""
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (middle, high) if does(middle) else (low, middle)
    return low


def recomputed(inputs: Inputs, kind: str, code: str, of: str, city_code: str) -> Outcome:
    """Score and colour as a run over these records gives them."""
    if kind == "city":
        row = _city_row(inputs, city_code)
    else:
        scores = assess_records(inputs, city_code).scores
        row = dict(scores[(scores["kind"] == kind) & (scores["code"] == code)].iloc[0])
    value = {"level": row["score"], "base_level": row["base"], "rise_level": row["score"] - row["base"]}[of]
    return Outcome(int(value), int(row[of]))


def _city_row(inputs: Inputs, city_code: str) -> dict[str, Any]:
    """The city alone: no source's own colour raises it, so the accounts of single sources are left out."""
    city = arrange(inputs)
    sources = city.graded.sources[["code", *SCOPE]]
    standing = Standing.of(sources.assign(site=city.graded.sites, level=BLUE, base_level=BLUE))
    row: dict[str, Any] = area_results(inputs, city.ground, standing, city_code)[-1].to_pylist()[0]
    return row

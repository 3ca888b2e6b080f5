"""A city laid out as arrays: its sources graded and reaching, its places with their people, in order of code."""

from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from jobs.consequences import Consequences, consequences_of, rules_of
from jobs.dynamic import factors_of
from jobs.grading import Graded, grade_sources
from layers.exposure import place_points, shapes_from
from layers.risk import Inputs
from layers.samples import sample_places
from layers.schema import SCOPE
from riskmap.assessed import assessment_lines
from riskmap.credits import credit_lines
from riskmap.dynamic import DynamicWeights, dynamic_lines
from riskmap.methods import gb18218_contributions
from riskmap.risk import (
    Contribution,
    milli_people,
    place_weights,
    premises_items,
    reach_mm,
    reach_of_points,
    source_items,
    total,
)
from riskmap.superposition import Hazards, Places
from riskmap.weights import RiskWeights

Row = dict[str, Any]
"""one row of `score` without its revision"""


@dataclass(frozen=True, slots=True)
class Ground:
    """What places and areas are computed from: people where they are, and the sources as they feel them.

    `base` are the sources without dynamic records, `now` with them; the same object where there are none in force.
    """

    weights: RiskWeights
    people: pd.DataFrame
    places: Places
    base: Hazards
    now: Hazards
    peopled: bool
    """whether people are on file anywhere in the city"""


@dataclass(frozen=True, slots=True)
class City:
    """A city's sources, each with its lines by kind in order of code, and the ground that they stand on."""

    graded: Graded
    items: list[list[Contribution]]
    dynamic: list[list[Contribution]]
    consequences: list[Consequences]
    ground: Ground


def arrange(inputs: Inputs) -> City:
    """Grade the sources and lay sources and places out as arrays, each in order of code."""
    weights = RiskWeights.from_edition(inputs.edition)
    graded = grade_sources(inputs)
    consequences = consequences_of(inputs, graded, rules_of(inputs))
    items = [_items_of(weights, graded, n) for n in range(len(graded.sources))]
    dynamic = _dynamic_of(inputs, weights, graded)
    reach = [
        reach_mm(weights, kind, total(lines), industry=industry, consequence_m=near.distances_m.values())
        for kind, industry, lines, near in zip(
            graded.sources["kind"], graded.sources["industry"], items, consequences, strict=True
        )
    ]
    points = np.array([total(lines) for lines in items], np.int64)
    people, places = places_of(inputs, weights)
    base = Hazards(shapes_from(graded.sites), points, np.array(reach, np.int64))
    return City(
        graded,
        items,
        dynamic,
        consequences,
        Ground(weights, people, places, base, risen(weights, base, dynamic), peopled=len(people) > 0),
    )


def _dynamic_of(inputs: Inputs, weights: RiskWeights, graded: Graded) -> list[list[Contribution]]:
    rules = DynamicWeights.from_edition(inputs.edition)
    factors = factors_of(rules, inputs.records, graded.sources, graded.sites, inputs.at)
    return [dynamic_lines(factors.get(n, ()), weights.share_permille) for n in range(len(graded.sources))]


def risen(weights: RiskWeights, base: Hazards, dynamic: list[list[Contribution]]) -> Hazards:
    """The sources with their dynamic records: what is more also reaches farther, as the points of items do."""
    added = np.array([total(lines) for lines in dynamic], np.int64)
    if not added.any():
        return base
    points = base.points + added
    reach = [
        max(own, reach_of_points(weights, h))
        for own, h in zip(base.reach.tolist(), points.tolist(), strict=True)
    ]
    return Hazards(base.sites, points, np.array(reach, np.int64))


def places_of(inputs: Inputs, weights: RiskWeights) -> tuple[pd.DataFrame, Places]:
    """Where people are: the population layer, else sample points of the grid units; rows and arrays in order of code."""
    people = inputs.population
    if not len(people):
        known = inputs.areas["people"].notna() & inputs.areas["geom"].notna()
        people = sample_places(inputs.areas[(inputs.areas["level"] == "grid") & known])
    people = people.sort_values("code", ignore_index=True)
    xy = place_points(people["geom"].to_numpy(object)) if len(people) else np.zeros((0, 2))
    milli = milli_people(people["people"].astype(float), people["people_day"].astype(float))
    vulnerable = people["vulnerable"].fillna(value=False).astype(bool)
    return people, Places.of(
        xy, milli, place_weights(weights, vulnerable, people["rescue_min"].astype(float))
    )


def _items_of(weights: RiskWeights, graded: Graded, n: int) -> list[Contribution]:
    """The items of one source, by industry and size or by its kind and methods, and what its credits take away."""
    row = graded.sources.iloc[n]
    record = f"source/{row['code']}"
    if row["kind"] == "premises":
        owner = f"enterprise/{row['enterprise_code']}"
        items = premises_items(weights, owner, industry=row["industry"], workers=row["workers"])
    else:
        assessment = assessment_lines(graded.assessed.get(n, ()), record)
        method = max(_method_lines(graded, n), assessment, key=total)
        items = source_items(weights, row["kind"], record, workers=row["workers"], method=method)
    return [*items, *credit_lines(weights, total(items), graded.earned.get(n, ()), record)]


def _method_lines(graded: Graded, n: int) -> list[Contribution]:
    """The lines of a source's grading by GB 18218."""
    grading = graded.gradings[n]
    if grading is None or not grading.shares:
        return []
    points = gb18218_contributions(grading)
    told = ("label", "name", "name_en", "quantity_t", "critical_t", "beta", "s_term", "clause", "beta_clause")
    facts = {share["code"]: {name: share[name] for name in told} for share in graded.facts[n]["substances"]}
    known = {"s": graded.facts[n]["s"], "r": graded.facts[n]["r"], "alpha": graded.facts[n]["alpha"]}
    return [
        Contribution("inventory", f"inventory/{code}", value, facts[code] | known)
        for code, value in points.items()
    ]


@dataclass(frozen=True, slots=True)
class Scored:
    """A score with its colour, now and without dynamic records, and the colour of what lies between; None: no people."""

    score: int | None
    base: int | None
    level: int | None
    base_level: int | None
    rise_level: int | None


def score_row(
    kind: str,
    row: Any,
    scored: Scored,
    facts: dict[str, Any],
    grade: int | None = None,
    letter: str | None = None,
) -> Row:
    """A row of results of one thing; `row` has its code and scope."""
    scope = {name: getattr(row, name, None) for name in SCOPE}
    return {
        "kind": kind, "code": row.code, **scope, "score": scored.score, "base": scored.base,
        "level": scored.level, "base_level": scored.base_level, "rise_level": scored.rise_level,
        "grade": grade, "confidence": letter, "facts": facts,
    }  # fmt: skip

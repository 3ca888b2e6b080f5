"""A city laid out as arrays: its sources graded and reaching, its places with their people, in order of code."""

from collections.abc import Mapping
from dataclasses import dataclass, replace

import numpy as np
import pandas as pd

from jobs.consequences import NOTHING, Consequences, consequences_of, rules_of
from jobs.dynamic import factors_of
from jobs.frames import Array
from jobs.grading import Graded, grade_sources
from jobs.premises import Premises
from layers.exposure import place_points, shapes_from
from layers.risk import Inputs
from layers.samples import sample_places
from riskmap.assessed import assessment_lines
from riskmap.credits import credit_lines
from riskmap.dynamic import DynamicWeights, dynamic_lines
from riskmap.methods import gb18218_contributions
from riskmap.risk import (
    Contribution,
    milli_people,
    place_weights,
    reach_mm,
    reach_of_points,
    source_items,
    total,
)
from riskmap.superposition import Hazards, Places
from riskmap.weights import RiskWeights


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
    """A city's sources in order of code, and the ground that they stand on. What few sources have goes by position."""

    graded: Graded
    items: dict[int, list[Contribution]]
    """of registered sources"""
    premises: Premises
    credits: dict[int, list[Contribution]]
    """of sources that good practice earns any"""
    dynamic: dict[int, list[Contribution]]
    """of sources where something is going on; sources with the same records share one list"""
    consequences: dict[int, Consequences]
    ground: Ground

    def going_on(self, n: int) -> list[Contribution]:
        """The dynamic lines of a source."""
        return self.dynamic.get(n, [])


def arrange(inputs: Inputs) -> City:
    """Grade the sources and lay sources and places out as arrays, each in order of code."""
    weights = RiskWeights.from_edition(inputs.edition)
    graded = grade_sources(inputs)
    consequences = consequences_of(inputs, graded, rules_of(inputs))
    kinds = graded.sources["kind"].to_numpy(object)
    items = {n: _items_of(weights, graded, n) for n in graded.single.tolist() if kinds[n] != "premises"}
    premises = Premises.of(weights, graded)
    dynamic = _dynamic_of(inputs, weights, graded)
    points, reach = np.zeros((2, len(graded.sources)), np.int64)
    points[premises.at], reach[premises.at] = premises.points, premises.reach(weights)
    for n, lines in items.items():
        points[n] = total(lines)
    earned = _credits_of(weights, graded, points)
    for n, lines in earned.items():
        points[n] += total(lines)
    for n in items.keys() | consequences.keys() | earned.keys():
        near = consequences.get(n, NOTHING).distances_m.values()
        industry = graded.sources["industry"].iloc[n]
        reach[n] = reach_mm(weights, kinds[n], int(points[n]), industry=industry, consequence_m=near)
    people, places = places_of(inputs, weights)
    base = Hazards(shapes_from(graded.sites), points, reach)
    ground = Ground(weights, people, places, base, risen(weights, base, dynamic), peopled=len(people) > 0)
    return City(graded, items, premises, earned, dynamic, consequences, ground)


def at_instant(city: City, inputs: Inputs) -> City:
    """The same city at another instant of its day: what is going on is looked at anew, all else holds."""
    weights, ground = city.ground.weights, city.ground
    dynamic = _dynamic_of(inputs, weights, city.graded)
    return replace(city, dynamic=dynamic, ground=replace(ground, now=risen(weights, ground.base, dynamic)))


def _dynamic_of(inputs: Inputs, weights: RiskWeights, graded: Graded) -> dict[int, list[Contribution]]:
    rules = DynamicWeights.from_edition(inputs.edition)
    factors = factors_of(rules, inputs.records, graded.sources, graded.sites, inputs.at)
    known: dict[tuple[int, ...], list[Contribution]] = {}
    found = {}
    for n, records in factors.items():
        key = tuple(id(factor) for factor in records)
        if key not in known:
            known[key] = dynamic_lines(records, weights.share_permille)
        found[n] = known[key]
    return found


def added_by(dynamic: Mapping[int, list[Contribution]], count: int) -> Array:
    """What is going on adds to each of so many sources, in micro-points."""
    added = np.zeros(count, np.int64)
    sums = {id(lines): total(lines) for lines in dynamic.values()}
    added[np.fromiter(dynamic, np.int64, len(dynamic))] = [sums[id(lines)] for lines in dynamic.values()]
    return added


def risen(weights: RiskWeights, base: Hazards, dynamic: Mapping[int, list[Contribution]]) -> Hazards:
    """The sources with their dynamic records: what is more also reaches farther, as the points of items do."""
    added = added_by(dynamic, len(base.points))
    if not added.any():
        return base
    points = base.points + added
    return Hazards(base.sites, points, np.maximum(base.reach, reach_of_points(weights, points)))


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
    """The items of one registered source: the larger of its kind and its methods."""
    row = graded.sources.iloc[n]
    record = f"source/{row['code']}"
    method = max(_method_lines(graded, n), assessment_lines(graded.assessed.get(n, ()), record), key=total)
    return source_items(weights, row["kind"], record, workers=row["workers"], method=method)


def _credits_of(weights: RiskWeights, graded: Graded, points: Array) -> dict[int, list[Contribution]]:
    """What credits take away from the points of the items of those sources that have earned any."""
    codes = graded.sources["code"].to_numpy(object)
    return {
        n: credit_lines(weights, int(points[n]), own, f"source/{codes[n]}")
        for n, own in graded.earned.items()
    }


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

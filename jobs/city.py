"""A city laid out as arrays: its sources graded and reaching, its places with their people, in order of code."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from jobs.grading import Graded, grade_sources
from layers.exposure import place_points, shapes_from
from layers.risk import Inputs
from layers.samples import sample_places
from layers.schema import SCOPE
from riskmap.methods import gb18218_contributions
from riskmap.risk import (
    Contribution,
    milli_people,
    place_weights,
    premises_items,
    reach_mm,
    source_items,
    total,
)
from riskmap.superposition import Hazards, Places
from riskmap.weights import RiskWeights

Array = np.ndarray[Any, np.dtype[Any]]
Row = dict[str, Any]
"""one row of `score` without its revision"""


@dataclass(frozen=True, slots=True)
class City:
    """The arrays a city's places and areas are computed from; explanations use the same."""

    weights: RiskWeights
    graded: Graded
    items: list[list[Contribution]]
    hazards: Hazards
    places: Places
    people: pd.DataFrame


def arrange(inputs: Inputs) -> City:
    """Grade the sources and lay sources and places out as arrays, each in order of code."""
    weights = RiskWeights.from_table(inputs.edition.table("risk"))
    graded = grade_sources(inputs)
    items = [_items_of(weights, graded, n) for n in range(len(graded.sources))]
    reach = [
        reach_mm(weights, kind, total(lines), industry=industry)
        for kind, industry, lines in zip(
            graded.sources["kind"], graded.sources["industry"], items, strict=True
        )
    ]
    points = np.array([total(lines) for lines in items], np.int64)
    people, places = places_of(inputs, weights)
    hazards = Hazards(shapes_from(graded.sites), points, np.array(reach, np.int64))
    return City(weights, graded, items, hazards, places, people)


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
    """The items of one source: premises by industry and size, else the larger of its kind and its grading."""
    row = graded.sources.iloc[n]
    if row["kind"] == "premises":
        record = f"enterprise/{row['enterprise_code']}"
        return premises_items(weights, record, industry=row["industry"], workers=row["workers"])
    method = _method_lines(graded, n)
    return source_items(weights, row["kind"], f"source/{row['code']}", workers=row["workers"], method=method)


def _method_lines(graded: Graded, n: int) -> list[Contribution]:
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


def index_of(codes: Iterable[Any], known: Array) -> Array:
    """Position of each code among the known ones in order; −1 for none."""
    given = np.array(["" if code is None else code for code in codes], object)
    if not len(known):
        return np.full(len(given), -1, np.int64)
    at = np.searchsorted(known.astype(str), given.astype(str))
    at[at == len(known)] = 0
    return np.where(known[at] == given, at, -1).astype(np.int64)


def each(frame: pd.DataFrame) -> Iterator[Any]:
    """The rows of a frame by the names of its columns."""
    return frame.itertuples(index=False)


def score_row(
    kind: str,
    row: Any,
    score: int | None,
    level: int | None,
    facts: dict[str, Any],
    grade: int | None = None,
    letter: str | None = None,
) -> Row:
    """A score's row: without dynamic records the current score is the baseline and nothing has risen."""
    calm = None if score is None else 4
    scope = {name: getattr(row, name, None) for name in SCOPE}
    levels = {"level": level, "base_level": level, "rise_level": calm}
    return {
        "kind": kind, "code": row.code, **scope, "score": score, "base": score, **levels,
        "grade": grade, "confidence": letter, "facts": facts,
    }  # fmt: skip

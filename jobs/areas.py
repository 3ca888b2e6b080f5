"""The results of places and areas: what every source in reach adds up to, level by level."""

from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
import shapely

from jobs.city import Array, City, Row, each, index_of, score_row
from layers.records import PREMISES_SUFFIX
from layers.risk import Inputs
from riskmap.risk import level_of, levels_of, raised
from riskmap.rollup import area_scores, burdens, city_score, worst_first
from riskmap.superposition import place_scores
from riskmap.vocabulary import LEVELS
from riskmap.weights import MILLI

PART_OF = {"grid": "grid_code", "village": "village_code", "township": "township_code"}
"""level: the column that says which area of it a record stands in"""


@dataclass(frozen=True, slots=True)
class _Standing:
    """The sources an area may hold: where they stand, their levels, and whether they are registered."""

    frame: pd.DataFrame
    codes: Array
    level: Array
    registered: Array


def area_results(inputs: Inputs, city: City, sources: list[Row], city_code: str) -> list[Row]:
    """Rows of every place, grid unit, village, township, overlay and of the city."""
    scores = place_scores(city.places, city.hazards, city.weights.share_permille)
    standing = _Standing(
        frame=city.graded.sources,
        codes=np.array([row["code"] for row in sources], object),
        level=np.array([row["level"] for row in sources], np.int64),
        registered=np.array([not row["code"].endswith(PREMISES_SUFFIX) for row in sources], bool),
    )
    rows = _places(city, scores)
    for level in PART_OF:
        rows += _partition(inputs, city, standing, scores, level)
    overlays = inputs.areas[inputs.areas["level"] == "overlay"]
    rows += [_overlay(row, city, standing, scores) for row in each(overlays)]
    townships = [row["score"] for row in rows if row["kind"] == "township"]
    return [*rows, _city(city, townships, scores, city_code)]


def _places(city: City, scores: Array) -> list[Row]:
    levels = levels_of(city.weights, scores)
    return [
        score_row("place", row, int(score), int(level), {"people": int(people) / MILLI})
        for row, score, level, people in zip(
            each(city.people), scores, levels, city.places.people, strict=True
        )
    ]


def _partition(inputs: Inputs, city: City, standing: _Standing, scores: Array, level: str) -> list[Row]:
    """Grid units, villages or townships by the code of their places; every person counts in one of each."""
    areas = inputs.areas[inputs.areas["level"] == level].sort_values("code", ignore_index=True)
    codes, n = areas["code"].to_numpy(object), len(areas)
    index = index_of(city.people[PART_OF[level]], codes)
    people, order = city.places.people, worst_first(scores)
    means = area_scores(scores, people, index, n, city.weights.worst_placed[level], order)
    burden, inside = burdens(scores, people, index, n), index >= 0
    heads = np.zeros(n, np.int64)
    np.add.at(heads, index[inside], people[inside])
    at = index_of(standing.frame[PART_OF[level]], codes)
    by_area = np.argsort(at, kind="stable")
    start = np.searchsorted(at[by_area], np.arange(n + 1))
    return [
        _area_row(
            city,
            level,
            row,
            int(means[k]) if len(scores) else None,
            standing,
            by_area[start[k] : start[k + 1]],
            burden=int(burden[k]),
            people=int(heads[k]),
        )
        for k, row in enumerate(each(areas))
    ]


def _overlay(row: Any, city: City, standing: _Standing, scores: Array) -> Row:
    """A park or functional area: its own total by members or polygon, outside the partition."""
    inside = places_within(row, city.people, city.places.xy)
    if row.members:
        there = standing.frame[list(PART_OF.values())].isin(set(row.members)).any(axis=1).to_numpy()
    else:
        there = shapely.contains(row.geom, shapely.point_on_surface(city.graded.sites))
    index = np.where(inside, 0, -1).astype(np.int64)
    people = city.places.people
    mean = area_scores(scores, people, index, 1, city.weights.worst_placed["overlay"], worst_first(scores))[0]
    return _area_row(
        city,
        "overlay",
        row,
        int(mean) if len(scores) else None,
        standing,
        np.flatnonzero(there),
        burden=int(burdens(scores, people, index, 1)[0]),
        people=int(people[inside].sum()),
    )


def places_within(area: Any, people: pd.DataFrame, xy_mm: Array) -> Array:
    """Which places an area (a row with level, code, members, geom) consists of; the city consists of all."""
    if area.level in PART_OF:
        same: Array = (people[PART_OF[area.level]] == area.code).to_numpy(bool)
        return same
    if area.level == "overlay" and area.members:
        members: Array = people[list(PART_OF.values())].isin(set(area.members)).any(axis=1).to_numpy(bool)
        return members
    if area.level == "overlay":
        found: Array = shapely.contains_xy(area.geom, xy_mm / MILLI)
        return found
    return np.ones(len(people), bool)


def _area_row(
    city: City,
    level: str,
    row: Any,
    score: int | None,
    standing: _Standing,
    there: Array,
    *,
    burden: int,
    people: int,
) -> Row:
    """An area's row with its counts; a red source in it raises village and township."""
    levels, registered = standing.level[there], standing.registered[there]
    red = [f"source/{code}" for code in standing.codes[there][levels == 1]]
    colour = None if score is None else raised(city.weights, level_of(city.weights, score), level, red)[0]
    facts = {
        "burden": burden,
        "residents_and_day": people / MILLI,
        "sources": int(registered.sum()),
        "enterprises": int((~registered).sum()),
        "sources_by_level": {word: int((levels[registered] == n).sum()) for n, word in LEVELS.items()},
    }
    return score_row(level, row, score, colour, facts)


def _city(city: City, townships: list[int], scores: Array, code: str) -> Row:
    """The city: the mean of its highest townships; without townships the mean over its own worst-placed people."""
    weights, people = city.weights, city.places.people
    everywhere = np.zeros(len(scores), np.int64)
    score, edges = None, "city"
    if len(scores) and townships:
        score = city_score(townships, weights.townships_of_city)
    elif len(scores):
        mean = area_scores(scores, people, everywhere, 1, weights.worst_placed["city"], worst_first(scores))
        score, edges = int(mean[0]), "ordinary"
    level = None if score is None else level_of(weights, score, edges)
    burden = int(burdens(scores, people, everywhere, 1)[0])
    return score_row(
        "city", _Named(code), score, level, {"burden": burden, "residents_and_day": int(people.sum()) / MILLI}
    )


@dataclass(frozen=True, slots=True)
class _Named:
    code: str

"""The results of places and areas: what every source in reach adds up to, level by level."""

from collections import defaultdict
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
import shapely

from jobs.city import Ground, Row, Scored, score_row
from jobs.frames import Array, each, index_of
from layers.records import PREMISES_SUFFIX
from layers.risk import Inputs
from riskmap.dynamic import INCIDENT
from riskmap.risk import RED, level_of, levels_of, raised
from riskmap.rollup import area_scores, burdens, city_score, worst_first
from riskmap.superposition import place_scores
from riskmap.vocabulary import LEVELS
from riskmap.weights import MILLI, RiskWeights

PART_OF = {"grid": "grid_code", "village": "village_code", "township": "township_code"}
"""level: the column that says which area of it a record stands in"""
AreaKey = tuple[str, str | None]
"""level and code of an area"""


@dataclass(frozen=True, slots=True)
class Standing:
    """The sources an area may hold, in order of code: where they stand, how red they are, whether they are registered.

    `registered` are those on file themselves, not the premises of an enterprise.
    """

    frame: pd.DataFrame
    records: Array
    level: Array
    base_level: Array
    registered: Array

    @classmethod
    def of(cls, frame: pd.DataFrame) -> "Standing":
        """Of the sources' code, scope, site, level and base_level."""
        return cls(
            frame,
            ("source/" + frame["code"]).to_numpy(object),
            frame["level"].to_numpy(np.int64),
            frame["base_level"].to_numpy(np.int64),
            ~frame["code"].str.endswith(PREMISES_SUFFIX).to_numpy(bool),
        )

    def red(self, there: Array, level: Array) -> list[str]:
        """The red ones among some, as records."""
        return list(self.records[there][level[there] == RED])


class PlaceScores(NamedTuple):
    """Of every place in micro-points: with and without dynamic records."""

    now: Array
    base: Array


def score_places(ground: Ground) -> PlaceScores:
    """The scores of all places; where nothing dynamic is in force the second pass is the first."""
    share = ground.weights.share_permille
    base = place_scores(ground.places, ground.base, share)
    return PlaceScores(
        base if ground.now is ground.base else place_scores(ground.places, ground.now, share), base
    )


def area_results(inputs: Inputs, ground: Ground, standing: Standing, city_code: str) -> list[Row]:
    """Rows of every place, grid unit, village, township, overlay and of the city."""
    scores = score_places(ground)
    rows, incidents = place_rows(ground, scores), incidents_of(inputs)
    for level in PART_OF:
        rows += area_rows(inputs.areas, ground, standing, scores, level, incidents)
    rows += overlay_rows(inputs.areas, ground, standing, scores)
    townships = [(row["score"], row["base"]) for row in rows if row["kind"] == "township"]
    sums = _sums(ground, scores, np.zeros(len(ground.people), np.int64), 1, "city")[0]
    return [*rows, city_row(ground, townships, sums, incidents.get(("city", None), []), city_code)]


def incidents_of(inputs: Inputs) -> dict[AreaKey, list[str]]:
    """Confirmed incidents in force, as records, by level and code of the areas they happen in; the city has them all."""
    found: dict[AreaKey, list[str]] = defaultdict(list)
    for row in each(inputs.records.events):
        if row.kind == INCIDENT and row.time <= inputs.at and (row.until is None or row.until > inputs.at):
            found["city", None].append(f"event/{row.code}")
            for level, column in PART_OF.items():
                found[level, getattr(row, column)].append(f"event/{row.code}")
    return dict(found)


def _coloured(
    weights: RiskWeights,
    level: str,
    score: int,
    base: int,
    red: tuple[list[str], list[str]],
    incidents: list[str],
    edges: str = "ordinary",
) -> Scored:
    """The colours of an area: red sources raise now and baseline each by their own, an incident now and the rise."""
    now = raised(weights.raising, level_of(weights, score, edges), level, red[0])[0]
    calm = raised(weights.raising, level_of(weights, base, edges), level, red[1])[0]
    rise = level_of(weights, score - base, "rise")
    now, rise = (raised(weights.incident, one, level, incidents)[0] for one in (now, rise))
    return Scored(score, base, now, calm, rise)


_NOBODY = Scored(None, None, None, None, None)


def place_rows(ground: Ground, scores: PlaceScores) -> list[Row]:
    """Every place with its colours."""
    now, base = (levels_of(ground.weights, one).tolist() for one in scores)
    rise = levels_of(ground.weights, scores.now - scores.base, "rise").tolist()
    columns = zip(scores.now.tolist(), scores.base.tolist(), now, base, rise, strict=True)
    return [
        score_row("place", row, Scored(*told), {"people": people / MILLI})
        for row, told, people in zip(each(ground.people), columns, ground.places.people.tolist(), strict=True)
    ]


class Sums(NamedTuple):
    """Of one area: means over its worst-placed people, burdens and people; micro-points, milli-persons."""

    score: int
    base: int
    burden: int
    base_burden: int
    people: int


def _sums(ground: Ground, scores: PlaceScores, index: Array, n: int, level: str) -> list[Sums]:
    people, worst = ground.places.people, ground.weights.worst_placed[level]
    means = [area_scores(one, people, index, n, worst, worst_first(one)).tolist() for one in scores]
    heavy = [burdens(one, people, index, n).tolist() for one in scores]
    heads = np.zeros(n, np.int64)
    np.add.at(heads, index[index >= 0], people[index >= 0])
    return [Sums(*one) for one in zip(*means, *heavy, heads.tolist(), strict=True)]


def area_rows(
    areas: pd.DataFrame,
    ground: Ground,
    standing: Standing,
    scores: PlaceScores,
    level: str,
    incidents: dict[AreaKey, list[str]],
) -> list[Row]:
    """Grid units, villages or townships by the code of their places; every person counts in one of each."""
    areas = areas[areas["level"] == level].sort_values("code", ignore_index=True)
    codes, n = areas["code"].to_numpy(object), len(areas)
    sums = _sums(ground, scores, index_of(ground.people[PART_OF[level]], codes), n, level)
    at = index_of(standing.frame[PART_OF[level]], codes)
    by_area = np.argsort(at, kind="stable")
    start = np.searchsorted(at[by_area], np.arange(n + 1))
    return [
        _area_row(
            ground,
            row,
            level,
            standing,
            by_area[start[k] : start[k + 1]],
            sums[k],
            incidents.get((level, row.code), []),
        )
        for k, row in enumerate(each(areas))
    ]


def overlay_rows(areas: pd.DataFrame, ground: Ground, standing: Standing, scores: PlaceScores) -> list[Row]:
    """Parks and functional areas: totals of their own, outside the partition."""
    return [_overlay(row, ground, standing, scores) for row in each(areas[areas["level"] == "overlay"])]


def _overlay(row: Any, ground: Ground, standing: Standing, scores: PlaceScores) -> Row:
    inside = places_within(row, ground.people, ground.places.xy)
    if row.members:
        there = standing.frame[list(PART_OF.values())].isin(set(row.members)).any(axis=1).to_numpy()
    else:
        there = shapely.contains(row.geom, shapely.point_on_surface(standing.frame["site"].to_numpy(object)))
    sums = _sums(ground, scores, np.where(inside, 0, -1).astype(np.int64), 1, "overlay")[0]
    return _area_row(ground, row, "overlay", standing, np.flatnonzero(there), sums, [])


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
    ground: Ground,
    row: Any,
    level: str,
    standing: Standing,
    there: Array,
    sums: Sums,
    incidents: list[str],
) -> Row:
    """An area's row with its counts; red sources and incidents in it raise it."""
    scored = _NOBODY
    if ground.peopled:
        red = standing.red(there, standing.level), standing.red(there, standing.base_level)
        scored = _coloured(ground.weights, level, sums.score, sums.base, red, incidents)
    registered = standing.registered[there]
    own = standing.base_level[there][registered]
    facts = {
        "burden": sums.burden,
        "base_burden": sums.base_burden,
        "residents_and_day": sums.people / MILLI,
        "sources": int(registered.sum()),
        "enterprises": int((~registered).sum()),
        "sources_by_level": {word: int((own == n).sum()) for n, word in LEVELS.items()},
    }
    return score_row(level, row, scored, facts)


def city_row(
    ground: Ground, townships: list[tuple[int, int]], sums: Sums, incidents: list[str], code: str
) -> Row:
    """The city: the mean of its highest townships; without townships the mean over its own worst-placed people."""
    weights, scored = ground.weights, _NOBODY
    if ground.peopled:
        score, base, edges = sums.score, sums.base, "ordinary"
        if townships:
            score, base = (city_score(one, weights.townships_of_city) for one in zip(*townships, strict=True))
            edges = "city"
        scored = _coloured(weights, "city", score, base, ([], []), incidents, edges)
    facts = {
        "burden": sums.burden,
        "base_burden": sums.base_burden,
        "residents_and_day": sums.people / MILLI,
    }
    return score_row("city", _Named(code), scored, facts)


@dataclass(frozen=True, slots=True)
class _Named:
    code: str

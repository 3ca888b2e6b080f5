"""The results of places and areas: what every source in reach adds up to, level by level."""

from collections import defaultdict
from dataclasses import dataclass
from functools import cached_property
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
import pyarrow as pa
import shapely

from jobs.city import Ground
from jobs.frames import Array, each, index_of
from jobs.json_columns import integers, objects, thousandths
from jobs.results import NO_SCORES, Scored, score_rows
from layers.records import PREMISES_SUFFIX
from layers.risk import Inputs
from riskmap.dynamic import INCIDENT, RAISING
from riskmap.risk import BLUE, RED, levels_of
from riskmap.rollup import area_scores, burdens, city_score, worst_first
from riskmap.superposition import place_scores
from riskmap.vocabulary import LEVELS
from riskmap.weights import MILLI, RiskWeights, Rule

PART_OF = {"grid": "grid_code", "village": "village_code", "township": "township_code"}
"""level: the column that says which area of it a record stands in"""
AreaKey = tuple[str, str | None]
"""level and code of an area"""


@dataclass(frozen=True)
class Standing:
    """The sources an area may hold: where they stand, how red they are, whether they are registered.

    `registered` are those on file themselves, not the premises of an enterprise. A row may stand for a `count` of
    sources that are alike in all this.
    """

    frame: pd.DataFrame
    level: Array
    base_level: Array
    registered: Array
    count: Array

    @classmethod
    def of(cls, frame: pd.DataFrame) -> "Standing":
        """Of the sources' code, scope, site, level and base_level."""
        premises = np.array([code.endswith(PREMISES_SUFFIX) for code in frame["code"]], bool)
        return cls.counted(frame.assign(registered=~premises, count=1))

    @classmethod
    def counted(cls, frame: pd.DataFrame) -> "Standing":
        """Of scope, level, base_level and whether registered, with the count of sources that are alike in it."""
        names = ("level", "base_level", "registered", "count")
        level, base_level, registered, count = (frame[name].to_numpy(np.int64) for name in names)
        return cls(frame, level, base_level, registered == 1, count)

    @cached_property
    def surfaces(self) -> Array:
        """A point on each of the sites."""
        found: Array = shapely.point_on_surface(self.frame["site"].to_numpy(object))
        return found


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


def area_results(inputs: Inputs, ground: Ground, standing: Standing, city_code: str) -> list[pa.Table]:
    """Rows of every place, grid unit, village, township, overlay and of the city."""
    scores = score_places(ground)
    parts, incidents = [place_rows(ground, scores)], incidents_of(inputs)
    parts += [area_rows(inputs.areas, ground, standing, scores, level, incidents) for level in PART_OF]
    townships = parts[-1]["score"].to_numpy(), parts[-1]["base"].to_numpy()
    parts.append(overlay_rows(inputs.areas, ground, standing, scores))
    sums = sums_of(ground, scores, np.zeros(len(ground.people), np.int64), 1, "city")
    parts.append(city_row(ground, townships, sums, incidents.get(("city", None), []), city_code))
    return parts


def incidents_of(inputs: Inputs) -> dict[AreaKey, list[str]]:
    """Confirmed incidents and red public warnings in force, as records, by level and code of the areas they are in; the
    city has them all.
    """
    found: dict[AreaKey, dict[str, None]] = defaultdict(dict)
    for row in each(inputs.records.events):
        if row.kind in RAISING and row.time <= inputs.at and (row.until is None or row.until > inputs.at):
            record = f"{'event' if row.kind == INCIDENT else row.kind}/{row.code}"
            found["city", None][record] = None
            for level, column in PART_OF.items():
                found[level, getattr(row, column)][record] = None
    return {area: list(records) for area, records in found.items()}


def _coloured(
    weights: RiskWeights,
    level: str,
    score: Array,
    base: Array,
    red: tuple[Array, Array],
    incident: Array,
    edges: str = "ordinary",
) -> Scored:
    """The colours of areas: red sources raise now and baseline each by their own, an incident now and the rise."""
    now = _raised(weights.raising, levels_of(weights, score, edges), level, red[0])
    calm = _raised(weights.raising, levels_of(weights, base, edges), level, red[1])
    rise = levels_of(weights, score - base, "rise")
    now, rise = (_raised(weights.incident, one, level, incident) for one in (now, rise))
    return Scored(score, base, now, calm, rise)


def _raised(rule: Rule, levels: Array, level: str, there: Array) -> Array:
    """Colours as a rule raises them where it holds."""
    return np.where(there, np.minimum(levels, rule.levels.get(level, BLUE)), levels)


def place_rows(ground: Ground, scores: PlaceScores) -> pa.Table:
    """Every place with its colours."""
    now, base = (levels_of(ground.weights, one) for one in scores)
    rise = levels_of(ground.weights, scores.now - scores.base, "rise")
    facts = objects({"people": thousandths(ground.places.people)}, len(ground.people))
    return score_rows("place", ground.people, Scored(scores.now, scores.base, now, base, rise), facts)


class Sums(NamedTuple):
    """Of each area: means over its worst-placed people, burdens and people; micro-points, milli-persons."""

    score: Array
    base: Array
    burden: Array
    base_burden: Array
    people: Array

    def facts(self) -> dict[str, pa.Array]:
        """What of it is kept beside the scores."""
        return {
            "burden": integers(self.burden),
            "base_burden": integers(self.base_burden),
            "residents_and_day": thousandths(self.people),
        }


def sums_of(ground: Ground, scores: PlaceScores, index: Array, n: int, level: str) -> Sums:
    """Of each of `n` areas of a level, `index` saying which one each place stands in (−1: none)."""
    people, worst = ground.places.people, ground.weights.worst_placed[level]
    score, base = (area_scores(one, people, index, n, worst, worst_first(one)) for one in scores)
    burden, base_burden = (burdens(one, people, index, n) for one in scores)
    heads = np.zeros(n, np.int64)
    np.add.at(heads, index[index >= 0], people[index >= 0])
    return Sums(score, base, burden, base_burden, heads)


def area_rows(
    areas: pd.DataFrame,
    ground: Ground,
    standing: Standing,
    scores: PlaceScores,
    level: str,
    incidents: dict[AreaKey, list[str]],
) -> pa.Table:
    """Grid units, villages or townships by the code of their places; every person counts in one of each."""
    areas = areas[areas["level"] == level].sort_values("code", ignore_index=True)
    codes = areas["code"].to_numpy(object)
    sums = sums_of(ground, scores, index_of(ground.people[PART_OF[level]], codes), len(codes), level)
    happening = np.array([(level, code) in incidents for code in codes], bool)
    return _area_rows(
        ground, areas, level, standing, index_of(standing.frame[PART_OF[level]], codes), sums, happening
    )


def overlay_rows(areas: pd.DataFrame, ground: Ground, standing: Standing, scores: PlaceScores) -> pa.Table:
    """Parks and functional areas: totals of their own, outside the partition."""
    overlays = areas[areas["level"] == "overlay"]
    parts = [
        _overlay(overlays.iloc[[n]], row, ground, standing, scores) for n, row in enumerate(each(overlays))
    ]
    return pa.concat_tables([NO_SCORES, *parts])


def _overlay(
    area: pd.DataFrame, row: Any, ground: Ground, standing: Standing, scores: PlaceScores
) -> pa.Table:
    inside = places_within(row, ground.people, ground.places.xy)
    if row.members:
        there = _of_members(standing.frame, row)
    else:
        shapely.prepare(row.geom)
        there = shapely.contains(row.geom, standing.surfaces)
    own, held = (np.where(one, 0, -1).astype(np.int64) for one in (inside, there))
    sums = sums_of(ground, scores, own, 1, "overlay")
    return _area_rows(ground, area, "overlay", standing, held, sums, np.zeros(1, bool))


def _of_members(records: pd.DataFrame, area: Any) -> Array:
    """Which records stand in one of an overlay's members."""
    there: Array = records[list(PART_OF.values())].isin(set(area.members)).any(axis=1).to_numpy(bool)
    return there


def places_within(area: Any, people: pd.DataFrame, xy_mm: Array) -> Array:
    """Which places an area (a row with level, code, members, geom) consists of; the city consists of all."""
    if area.level in PART_OF:
        same: Array = (people[PART_OF[area.level]] == area.code).to_numpy(bool)
        return same
    if area.level == "overlay" and area.members:
        return _of_members(people, area)
    if area.level == "overlay":
        found: Array = shapely.contains_xy(area.geom, xy_mm / MILLI)
        return found
    return np.ones(len(people), bool)


def _area_rows(
    ground: Ground,
    areas: pd.DataFrame,
    level: str,
    standing: Standing,
    held: Array,
    sums: Sums,
    incident: Array,
) -> pa.Table:
    """Areas with their counts; red sources (`held`: the area of each source, −1 none) and incidents in them raise them."""
    n = len(areas)

    def count(which: Array) -> Array:
        there = which & (held >= 0)
        return np.bincount(held[there], standing.count[there], n).astype(np.int64)

    scored = None
    if ground.peopled:
        red = count(standing.level == RED) > 0, count(standing.base_level == RED) > 0
        scored = _coloured(ground.weights, level, sums.score, sums.base, red, incident)
    own, base_level = standing.registered, standing.base_level
    by_level = {word: integers(count(own & (base_level == k))) for k, word in LEVELS.items()}
    counts = {
        "sources": integers(count(own)),
        "enterprises": integers(count(~own)),
        "sources_by_level": objects(by_level, n),
    }
    return score_rows(level, areas, scored, objects(sums.facts() | counts, n))


def city_row(
    ground: Ground, townships: tuple[Array, Array], sums: Sums, incidents: list[str], code: str
) -> pa.Table:
    """The city: the mean of its highest townships (scores and baselines); without any over its own worst-placed people."""
    weights, scored = ground.weights, None
    if ground.peopled:
        score, base, edges = sums.score, sums.base, "ordinary"
        if len(townships[0]):
            score, base = (
                np.array([city_score(one.tolist(), weights.townships_of_city)]) for one in townships
            )
            edges = "city"
        none = np.zeros(1, bool)
        scored = _coloured(weights, "city", score, base, (none, none), np.array([bool(incidents)]), edges)
    return score_rows("city", pd.DataFrame({"code": [code]}), scored, objects(sums.facts(), 1))

"""The scores and colours of a whole city under many sets of weights: no accounts, only whole numbers in arrays.

What does not depend on the weights (positions, grades, who stands where) is laid out once; a set of weights then costs
a few kernel passes. Tests hold it to `assess_records`, score by score and colour by colour.
"""

from dataclasses import dataclass
from datetime import date
from typing import Any

import numpy as np

from jobs.areas import PART_OF, incidents_of, places_within
from jobs.city import City, arrange
from jobs.consequences import NOTHING
from jobs.dynamic import factors_of
from jobs.frames import each, grouped, index_of
from jobs.grading import open_targets
from layers.exposure import place_points
from layers.risk import Inputs
from riskmap.credits import Earned, credit_lines
from riskmap.dynamic import DynamicWeights, Factor, dynamic_lines
from riskmap.methods import gb18218_points
from riskmap.risk import (
    BLUE,
    RED,
    Contribution,
    exposures,
    leads,
    levels_of,
    place_weights,
    premises_items,
    reach_mm,
    reach_of_points,
    source_items,
    total,
)
from riskmap.rollup import area_scores, city_score, worst_first
from riskmap.shapes import to_mm
from riskmap.shifts import Both
from riskmap.superposition import Hazards, place_scores
from riskmap.weights import RiskWeights, Rule

Ints = np.ndarray[Any, np.dtype[np.int64]]
_OF_EXPOSURE = ("exposure_most", "exposure_scale", "high_sensitive_people")
"""the weights that every source's exposure depends on"""


@dataclass(frozen=True, slots=True)
class Scored:
    """What a set of weights makes of the city: by kind a score and a colour (0: none) for each code in order."""

    scores: dict[str, Ints]
    levels: dict[str, Ints]


@dataclass(frozen=True, slots=True)
class _Felt:
    """The sources under a set of weights: hazard in micro-points and reach in mm, as places feel them, and exposure."""

    base_reach: Ints
    reach: Ints
    hazard: Ints
    exposure: Ints

    @property
    def score(self) -> Ints:
        """What colours the sources themselves."""
        return self.hazard + self.exposure


class Outline:
    """A city laid out for `scored`: everything about its records that no weight changes."""

    def __init__(self, inputs: Inputs, city_code: str) -> None:
        city = arrange(inputs)
        sources, people = city.graded.sources, city.ground.people
        self._inputs, self._city = inputs, city
        self.both = Both(city.ground.weights, DynamicWeights.from_edition(inputs.edition))
        self.codes = {
            "source": sources["code"].to_numpy(object),
            "enterprise": inputs.enterprises["code"].to_numpy(object),
            "city": np.array([city_code], object),
        }
        self._alike = _alike(city)
        self._factors = self._factors_under(self.both.dynamic)
        self._slow = people["rescue_min"].astype(float)
        self._vulnerable = people["vulnerable"].fillna(value=False).astype(bool)
        targets = open_targets(inputs)
        targets = targets[targets["target_class"] == "high_sensitive"]
        self._targets = (
            to_mm(place_points(targets["geom"].to_numpy(object))) if len(targets) else np.zeros((0, 2))
        )
        self._owner = index_of(sources["enterprise_code"], self.codes["enterprise"])
        self._by_owner = grouped(self._owner, len(self.codes["enterprise"]))
        self._grades = np.array([(g.grade if g else None) or 0 for g in city.graded.gradings], np.int64)
        self._place_in: dict[str, Ints] = {}
        self._source_in: dict[str, Ints] = {}
        for level, column in PART_OF.items():
            codes = np.sort(inputs.areas.loc[inputs.areas["level"] == level, "code"].to_numpy(object))
            self.codes[level] = codes
            self._place_in[level] = index_of(people[column], codes)
            self._source_in[level] = index_of(sources[column], codes)
        overlays = list(each(inputs.areas[inputs.areas["level"] == "overlay"]))
        self.codes["overlay"] = np.array([row.code for row in overlays], object)
        self._overlays = [places_within(row, people, city.ground.places.xy) for row in overlays]
        happening = incidents_of(inputs)
        self._incidents = {
            level: np.array([(level, code) in happening for code in self.codes[level]], bool)
            for level in PART_OF
        }
        self._incidents["city"] = np.array([("city", None) in happening], bool)
        self._own = {calm: self._felt(self.both, None, calm=calm) for calm in (False, True)}

    def own(self, *, calm: bool = False) -> Scored:
        """Scores and colours under the city's own weights; `calm`: the baseline, without what is going on."""
        return self._roll_up(self.both.risk, self._own[calm], calm=calm)

    def scored(self, both: Both, *, calm: bool = False) -> Scored | None:
        """Scores and colours under a set of weights; None where nothing on file is touched by the difference."""
        own = self._own[calm]
        felt = self._felt(both, own, calm=calm)
        pairs = ((felt.reach, own.reach), (felt.hazard, own.hazard), (felt.exposure, own.exposure))
        if all(np.array_equal(*pair) for pair in pairs) and _above(both.risk) == _above(self.both.risk):
            return None
        return self._roll_up(both.risk, felt, calm=calm)

    def _factors_under(self, dynamic: DynamicWeights) -> dict[int, list[Factor]]:
        """The records in force by the position of their source."""
        graded, inputs = self._city.graded, self._inputs
        return factors_of(dynamic, inputs.records, graded.sources, graded.sites, inputs.at)

    def _felt(self, both: Both, known: _Felt | None, *, calm: bool) -> _Felt:
        """Hazard and reach of every source; its exposure anew only where something of it changed."""
        weights, (sorts, index) = both.risk, self._alike
        items = np.array([one.points(weights) for one in sorts], np.int64)
        reach = np.array(
            [one.reach(weights, n) for one, n in zip(sorts, items.tolist(), strict=True)], np.int64
        )
        hazard, base_reach = items[index], reach[index]
        reach = base_reach.copy()
        same = both.dynamic is self.both.dynamic
        factors = {} if calm else self._factors if same else self._factors_under(both.dynamic)
        for n, records in factors.items():
            added = total(dynamic_lines(records, weights.share_permille))
            if added:
                hazard[n] += added
                reach[n] = max(reach[n], reach_of_points(weights, int(hazard[n])))
        if known is None or any(getattr(weights, n) != getattr(self.both.risk, n) for n in _OF_EXPOSURE):
            return _Felt(
                base_reach, reach, hazard, self._exposure(weights, base_reach, np.arange(len(reach)))
            )
        changed = np.flatnonzero(base_reach != known.base_reach)
        exposure = known.exposure.copy()
        if len(changed):
            exposure[changed] = self._exposure(weights, base_reach[changed], changed)
        return _Felt(base_reach, reach, hazard, exposure)

    def _exposure(self, weights: RiskWeights, reach: Ints, which: Ints) -> Ints:
        ground = self._city.ground
        outside = np.full(len(ground.places.people), -1, np.int64)
        return exposures(
            weights, ground.base.sites.take(which), reach, ground.places, outside, self._targets
        ).points

    def _roll_up(self, weights: RiskWeights, felt: _Felt, *, calm: bool) -> Scored:
        scores, levels = {"source": felt.score}, {}
        floors = np.array([BLUE, *(weights.floors.levels[grade] for grade in (1, 2, 3, 4))])[self._grades]
        floors[list(self._city.graded.red)] = RED
        levels["source"] = np.minimum(levels_of(weights, felt.score), floors)
        scores["enterprise"] = self._leads(weights, felt.score)
        held = np.full(len(self.codes["enterprise"]), BLUE, np.int64)
        owned = self._owner >= 0
        np.minimum.at(held, self._owner[owned], floors[owned])
        levels["enterprise"] = np.minimum(levels_of(weights, scores["enterprise"]), held)
        self._add_areas(weights, felt, scores, levels, calm=calm)
        return Scored(scores, levels)

    def _add_areas(
        self,
        weights: RiskWeights,
        felt: _Felt,
        scores: dict[str, Ints],
        levels: dict[str, Ints],
        *,
        calm: bool,
    ) -> None:
        ground = self._city.ground
        places = ground.places._replace(weight=place_weights(weights, self._vulnerable, self._slow))
        at = place_scores(places, Hazards(ground.base.sites, felt.hazard, felt.reach), weights.share_permille)
        order = worst_first(at)

        def mean(index: Ints, n: int, level: str) -> Ints:
            return area_scores(at, places.people, index, n, weights.worst_placed[level], order)

        red = levels["source"] == RED
        for level in PART_OF:
            n, standing = len(self.codes[level]), self._source_in[level]
            scores[level] = mean(self._place_in[level], n, level)
            found = levels_of(weights, scores[level])
            found = _raised(weights.raising, level, found, standing[red & (standing >= 0)])
            levels[level] = found if calm else _raised(weights.incident, level, found, self._incidents[level])
        inside = [np.where(there, 0, -1).astype(np.int64) for there in self._overlays]
        scores["overlay"] = np.array([mean(one, 1, "overlay")[0] for one in inside], np.int64)
        levels["overlay"] = levels_of(weights, scores["overlay"])
        townships, edges = scores["township"], "city"
        if len(townships):
            scores["city"] = np.array([city_score(townships.tolist(), weights.townships_of_city)], np.int64)
        else:
            scores["city"], edges = mean(np.zeros(len(at), np.int64), 1, "city"), "ordinary"
        found = levels_of(weights, scores["city"], edges)
        levels["city"] = found if calm else _raised(weights.incident, "city", found, self._incidents["city"])
        if not len(at):
            levels |= {kind: np.zeros_like(levels[kind]) for kind in (*PART_OF, "overlay", "city")}

    def _leads(self, weights: RiskWeights, score: Ints) -> Ints:
        """The lead over the sources of each enterprise."""
        own, start = self._by_owner
        shares, _ = leads(score[own], start, weights.share_permille)
        lead: Ints = np.add.reduceat(shares, start[:-1]) if len(own) else shares
        return lead


def _raised(rule: Rule, level: str, levels: Ints, which: Ints) -> Ints:
    """Colours as a rule raises some of them."""
    if level not in rule.levels:
        return levels
    raised = levels.copy()
    raised[which] = np.minimum(levels[which], rule.levels[level])
    return raised


@dataclass(frozen=True, slots=True)
class _Alike:
    """Sources that no set of weights tells apart: the same kind, industry, size, points by methods, credits and distances."""

    kind: str
    industry: str | None
    workers: int | None
    method: int | None
    earned: tuple[Earned, ...]
    consequences_m: tuple[float, ...]

    def points(self, weights: RiskWeights) -> int:
        """The points of their items, and what their credits take away."""
        if self.kind == "premises":
            items = total(premises_items(weights, "", industry=self.industry, workers=self.workers))
        else:
            method = [] if self.method is None else [Contribution("inventory", None, self.method, {})]
            items = total(source_items(weights, self.kind, "", workers=self.workers, method=method))
        return items + total(credit_lines(weights, items, self.earned, ""))

    def reach(self, weights: RiskWeights, points: int) -> int:
        """How far they are felt."""
        return reach_mm(weights, self.kind, points, industry=self.industry, consequence_m=self.consequences_m)


def _alike(city: City) -> tuple[list[_Alike], Ints]:
    """The different sorts of sources, and the sort of each source."""
    sources = city.graded.sources
    sorts: dict[_Alike, int] = {}
    index = np.empty(len(sources), np.int64)
    columns = sources["kind"], sources["industry"], sources["workers"], city.graded.gradings
    for n, (kind, industry, workers, grading) in enumerate(zip(*columns, strict=True)):
        points = [one.points for one in city.graded.assessed.get(n, ())]
        if grading is not None and grading.shares:
            points.append(gb18218_points(grading))
        method = max(points, default=None)
        earned = tuple(one._replace(record="", until=date.max) for one in city.graded.earned.get(n, ()))
        near = city.consequences.get(n, NOTHING).distances_m
        sort = _Alike(kind, industry, workers, method, earned, tuple(near.values()))
        index[n] = sorts.setdefault(sort, len(sorts))
    return list(sorts), index


def _above(weights: RiskWeights) -> tuple[Any, ...]:
    """What scores of enterprises and areas depend on besides their sources."""
    return (
        weights.share_permille,
        weights.vulnerable_permille,
        weights.slow_rescue_permille,
        weights.slow_rescue_over_min,
        weights.townships_of_city,
        weights.worst_placed,
        weights.edges,
        weights.floors,
        weights.raising,
        weights.incident,
    )

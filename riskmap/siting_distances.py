"""Statutory and code distances: which rows bind a proposal, and what a distance means under each of them.

Both directions are one engine: a facility is measured to what stands near it, a development is measured to the sources
whose rows name it as their object. A row is bound once (`Bound`) and then asked of one distance or of a whole grid.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Any, Literal, NamedTuple

import numpy as np
from numpy.typing import NDArray

from riskmap.siting_findings import Finding, Near, metres
from riskmap.siting_proposals import Proposal
from riskmap.siting_rules import OUTCOMES, DistanceRule, Found, SitingObject, SitingRules
from riskmap.vocabulary import words

NOWHERE = -1
"""a distance where nothing is within reach of looking"""
_HOMES = ("dwelling", "self_built_house", "shop_dwelling")


class Facts(NamedTuple):
    """What the conditions of rows ask of a proposal; None: unknown."""

    kind: str
    major: bool | None
    lpg_step: int | None
    station_class: int | None


NOBODY_KNOWS = Facts("", None, None, None)


class Means(NamedTuple):
    """What follows, and why in a word."""

    outcome: str
    reason: str


class Case(NamedTuple):
    """What follows nearer than a threshold, farther, with nothing within reach, with nothing of the kind on file anywhere."""

    nearer: Means
    farther: Means
    nothing: Means
    absent: Means


@dataclass(frozen=True, slots=True)
class Bound:
    """One row that binds: the object to measure to, and what it means to be nearer than `threshold_mm`, or not."""

    rule: str
    clause: str
    basis: str
    basis_date: str
    confidence: str
    direction: Literal["facility", "development"]
    object: SitingObject
    limit_mm: int | None
    inclusive: bool | None
    threshold_mm: int
    measured_from: str
    measured_to: str
    case: Case
    facts: tuple[tuple[str, Any], ...] = ()

    def means(self, distance_mm: int, *, on_file: bool) -> Means:
        """What a distance means; `NOWHERE` for nothing within reach."""
        if not on_file:
            return self.case.absent
        if distance_mm == NOWHERE:
            return self.case.nothing
        return self.case.nearer if distance_mm < self.threshold_mm else self.case.farther

    def severities(self, distances_mm: NDArray[np.int64], *, on_file: bool) -> NDArray[np.int8]:
        """The same of a whole array of distances, as positions in `OUTCOMES`."""
        nearer, farther, nothing, absent = (OUTCOMES.index(one.outcome) for one in self.case)
        if not on_file:
            return np.full(distances_mm.shape, absent, np.int8)
        at = np.where(distances_mm < self.threshold_mm, nearer, farther)
        return np.where(distances_mm == NOWHERE, nothing, at).astype(np.int8)

    def finding(self, near: Near | None, *, on_file: bool) -> Finding:
        """The row as it stands in a verdict."""
        means = self.means(near.distance_mm if near else NOWHERE, on_file=on_file)
        return Finding(
            rule=self.rule,
            outcome=means.outcome,
            reason=means.reason,
            clause=self.clause,
            basis=self.basis,
            basis_date=self.basis_date,
            confidence=self.confidence,
            direction=self.direction,
            measured=metres(near.distance_mm) if near else None,
            limit=metres(self.limit_mm),
            inclusive=self.inclusive,
            measured_from=self.measured_from,
            measured_to=self.measured_to,
            near=near,
            facts=(("object_class", self.object.code), ("object_zh", self.object.name_zh), *self.facts),
        )


def facts_of(rules: SitingRules, proposal: Proposal, major: bool | None) -> Facts:
    """What is known of the proposal; `major`: whether its inventory makes it a major hazard source."""
    step = rules.lpg_step(proposal.volume_m3, proposal.largest_m3)
    return Facts(proposal.kind, major, step, proposal.station_class)


def holds(condition: str, facts: Facts) -> bool | None:
    """Whether a row's condition holds; None where nobody knows."""
    word, _, value = condition.partition("=")
    if not word:
        return True
    if word == "major_or_production":
        return True if facts.kind == "hazchem_production" else facts.major
    if word == "major":
        return facts.major
    known = {"lpg_step": facts.lpg_step, "station_class": facts.station_class}.get(word)
    return None if known is None else known == int(value)


def bound_rows(rules: SitingRules, facts: Facts) -> list[Bound]:
    """The rows that bind a proposal of these facts as the facility, each with the object to measure to."""
    found = []
    for rule in rules.distances:
        if facts.kind in rule.kinds and rule.applied and rule.object:
            certain = holds(rule.condition, facts)
            if certain is not False:
                found.append(_facility(rule, rules, certain=bool(certain)))
    return found


def bound_by_sources(rules: SitingRules, own: Iterable[str]) -> list[Bound]:
    """The rows of existing sources that name one of the proposal's `own` objects, each with the sources to measure to."""
    objects = frozenset(own)
    return [
        _development(rule, rules)
        for rule in rules.distances
        if rule.object in objects and rule.applied and rule.kind not in {"area", "floor_area"}
    ]


def own_objects(rules: SitingRules, kind: str, target_class: str | None) -> frozenset[str]:
    """What a proposal is in the words of the rows, if it stood there."""
    return frozenset(one.code for one in rules.objects.values() if is_object(one, kind, target_class))


def is_object(one: SitingObject, kind: str, target_class: str | None) -> bool:
    """Whether what is proposed would count among the records of an object."""
    named = words("zh")["development_kind"].get(kind, "")

    def is_one(place: Found) -> bool:
        if place.layer == "target":
            if place.field == "target_class":
                return target_class in place.words
            return any(word in named for word in place.words)
        if place.layer == "population":
            return kind in _HOMES and not place.field
        return kind in place.words

    return any(is_one(place) for place in one.found_in)


def without_object(rules: SitingRules, proposal: Proposal, facts: Facts) -> list[Finding]:
    """Rows that are measured to nothing: a size of the site, or a figure that is nowhere on file."""
    found = []
    for rule in rules.distances:
        if facts.kind not in rule.kinds or not rule.applied or rule.object:
            continue
        if rule.kind == "floor_area":
            found.append(_floor_area(rule, proposal))
        else:
            found.append(_row(rule, Means("not_on_file", "limit_unknown")))
    return found


def _floor_area(rule: DistanceRule, proposal: Proposal) -> Finding:
    area = proposal.uses[0].measures.get("floor_area_m2")
    if rule.limit is None or area is None:
        return _row(rule, Means("not_on_file", "limit_unknown" if rule.limit is None else "size_unknown"))
    kept = area > rule.limit or (rule.inclusive and area == rule.limit)
    means = Means("admissible", "kept") if kept else Means(rule.broken, "broken")
    return _row(rule, means, area)


def _row(rule: DistanceRule, means: Means, measured: Decimal | None = None) -> Finding:
    return Finding(
        rule=f"distance.{rule.id}",
        outcome=means.outcome,
        reason=means.reason,
        clause=rule.clause,
        basis=rule.text_zh,
        basis_date=rule.basis_date,
        confidence=rule.confidence,
        measured=None if measured is None else float(measured),
        limit=None if rule.limit is None else float(rule.limit),
        unit="m2" if rule.kind == "floor_area" else "m",
        inclusive=rule.inclusive if rule.kind == "floor_area" else None,
    )


def _facility(rule: DistanceRule, rules: SitingRules, *, certain: bool) -> Bound:
    to = rules.objects[rule.object]
    absent = Means("study_required", "no_data") if to.absent == "study" else Means("no_data", "no_data")
    unknown = Means("not_on_file", "limit_unknown")
    if rule.kind == "unknown_near":
        beyond = Means("admissible", "beyond_look")
        return _bound(rule, to, "facility", rules.far_mm + 1, Case(unknown, beyond, beyond, absent))
    if rule.kind == "unknown" or (rule.limit_mm is None and rule.kind == "distance"):
        return _bound(rule, to, "facility", 0, Case(unknown, unknown, unknown, unknown))
    broken = Means(rule.broken, "broken") if certain else Means("study_required", "condition_unknown")
    kept, nothing = Means("admissible", "kept"), Means("admissible", "none_near")
    return _bound(rule, to, "facility", _threshold(rule), Case(broken, kept, nothing, absent))


def _development(rule: DistanceRule, rules: SitingRules) -> Bound:
    """The same row seen from its object: the sources it binds are what is measured to."""
    kinds = tuple(sorted(rule.kinds))
    to = SitingObject(
        f"sources_of_{rule.id}", "已有危险源", "existing sources", "tell", (Found("source", "kind", kinds),)
    )
    kept, nothing = Means("admissible", "kept"), Means("admissible", "none_near")
    absent = Means("no_data", "no_data")
    if rule.limit_mm is None:
        nearer, threshold = Means("not_on_file", "limit_unknown"), rules.unknown_mm + 1
        kept = Means("admissible", "beyond_look")
    else:
        certain = holds(rule.condition, NOBODY_KNOWS) is True
        nearer = Means(rule.broken, "broken") if certain else Means("study_required", "condition_unknown")
        threshold = _threshold(rule)
    return _bound(rule, to, "development", threshold, Case(nearer, kept, nothing, absent))


def _threshold(rule: DistanceRule) -> int:
    """Nearer than so many mm is broken. An area is broken by touching it."""
    if rule.kind == "area" or rule.limit_mm is None:
        return 1
    return rule.limit_mm if rule.inclusive else rule.limit_mm + 1


def _bound(
    rule: DistanceRule,
    to: SitingObject,
    direction: Literal["facility", "development"],
    threshold: int,
    case: Case,
) -> Bound:
    facility = direction == "facility"
    return Bound(
        rule=f"distance.{rule.id}" if facility else f"distance.{rule.id}.reverse",
        clause=rule.clause,
        basis=rule.text_zh,
        basis_date=rule.basis_date,
        confidence=rule.confidence,
        direction=direction,
        object=to,
        limit_mm=0 if rule.kind == "area" else rule.limit_mm,
        inclusive=None if rule.kind.startswith("unknown") else rule.inclusive,
        threshold_mm=threshold,
        measured_from=rule.measured_from if facility else rule.measured_to,
        measured_to=rule.measured_to if facility else rule.measured_from,
        case=case,
    )


def looked_mm(rules: SitingRules, bounds: Iterable[Bound]) -> dict[SitingObject, int]:
    """How far each object is looked for: as far as any row may need it, and as far as the edition shows."""
    far: dict[SitingObject, int] = {}
    for one in bounds:
        far[one.object] = max(far.get(one.object, rules.far_mm), one.threshold_mm)
    return far


def findings(
    bounds: Iterable[Bound], near: Mapping[str, Near | None], on_file: Mapping[str, bool]
) -> list[Finding]:
    """Each row with the nearest record of its object; both are by the object's code."""
    return [one.finding(near.get(one.object.code), on_file=on_file[one.object.code]) for one in bounds]

"""The points account of a source and of an enterprise, and the colours of all levels.

    hazard H = items − credits + lead(dynamic records)      score of a source = H + exposure
    lead(x)  = (1 − b)·max(x) + b·Σx                     “最重的一项算全分，其余算两成”

Every line of an account is a `Contribution` in whole micro-points; an account's lines sum to its score, and a rule
that holds or raises a colour is a line of 0 with its clause. The lines of dynamic records are `riskmap.dynamic`'s.
"""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, NamedTuple, TypeVar

import numpy as np
from numpy.typing import ArrayLike, NDArray

from riskmap.shapes import Floats, Ints, Shapes
from riskmap.superposition import Places, exposed_people
from riskmap.weights import LONGEST_REACH_M, MILLI, RiskWeights, Rule

RED, ORANGE, YELLOW, BLUE = 1, 2, 3, 4
Points = TypeVar("Points", int, Ints)

_LN2_HIGH, _LN2_LOW = 0.693147180369123816490, 1.90821492927058770002e-10
"""ln 2 in two parts: multiples of the first are exact"""
_NO_EXPOSURE_LEFT = 700.0


class Contribution(NamedTuple):
    """One line of an account: what kind, whose record (`layer/code`, None for a rule of the whole), micro-points.

    Kinds: `inventory` (from the method that grades it), `assessment`, `kind_points`, `premises`, `credit`,
    `credit_cap`, `exposure_grid`, `exposure_target`, `lead_source`, `floor`, `directly_red`, `raise_rule`. `args`
    holds what its words need, as JSON values.
    """

    kind: str
    record: str | None
    value: int
    args: Mapping[str, Any]


def total(lines: Iterable[Contribution]) -> int:
    """The score of an account."""
    return sum(line.value for line in lines)


def source_items(
    weights: RiskWeights,
    kind: str,
    record: str,
    *,
    workers: int | None = None,
    method: Sequence[Contribution] = (),
) -> list[Contribution]:
    """The items of a source: the larger of its kind's points and its method's, never the sum.

    `method` are the lines of a method (GB 18218: one for each inventory record); at equal points they stay, for
    they say more. `workers` are those of the enterprise, None if unknown.
    """
    rule = weights.kinds[kind]
    large = rule.workers_from is not None and workers is not None and workers >= rule.workers_from
    points = rule.workers_points if large else rule.points
    if method and total(method) >= points:
        return list(method)
    args = {
        "kind": kind,
        "name_zh": rule.name_zh,
        "name_en": rule.name_en,
        "workers": workers if large else None,
    }
    return [Contribution("kind_points", record, points, args)]


def premises_items(
    weights: RiskWeights, record: str, *, industry: str | None, workers: int | None
) -> list[Contribution]:
    """The items of an enterprise's implicit source `premises`: by industry and size, never by its other sources."""
    known = weights.industry(industry)
    points = premises_points(weights, known.points, workers)
    args = {"industry": known.code, "name_zh": known.name_zh, "name_en": known.name_en, "workers": workers}
    return [Contribution("premises", record, points, args)]


def premises_points(weights: RiskWeights, of_industry: int, workers: int | None) -> int:
    """The points of premises: those of their industry and what their workers add."""
    added = max(
        (points for least, points in weights.workers if workers is not None and workers >= least), default=0
    )
    return min(max(of_industry + added, weights.premises_least), weights.premises_most)


def reach_mm(
    weights: RiskWeights,
    kind: str,
    items: int,
    *,
    industry: str | None = None,
    consequence_m: Iterable[float] = (),
) -> int:
    """How far a source is felt: the largest of its kind's reach, its consequence distances and that of its items.

    `items` in micro-points; for `premises` the industry's reach counts too. A consequence distance counts up to the
    model's longest reach: beyond it a source is told of in plans, not felt in colours.
    """
    own = weights.kinds[kind].reach_mm
    if kind == "premises":
        own = max(own, weights.industry(industry).reach_mm)
    far = (round(min(distance, LONGEST_REACH_M) * MILLI) for distance in consequence_m)
    return max(own, reach_of_points(weights, items), *far)


def reach_of_points(weights: RiskWeights, points: Points) -> Points:
    """How far so many micro-points, or each of an array of them, reach at least, in mm.

    A step of 1 m must not move an area by 0.2 point.
    """
    return -(-points * weights.reach_per_point_mm // 1_000_000)


def lead_shares(values: Sequence[int], share_permille: int) -> list[int]:
    """What each of some scores adds to their lead: the largest in full (the first of equals), the others by b."""
    if not values:
        return []
    first = max(range(len(values)), key=lambda i: (values[i], -i))
    return [value if i == first else _in_part(value, share_permille) for i, value in enumerate(values)]


def leads(values: Ints, start: Ints, share_permille: int) -> tuple[Ints, NDArray[np.bool_]]:
    """`lead_shares` for many groups at once: group g is `values[start[g] : start[g + 1]]`, none is empty.

    What each value adds to the lead of its group, and whether it is the one that leads.
    """
    group = np.repeat(np.arange(len(start) - 1), np.diff(start))
    largest = np.maximum.reduceat(values, start[:-1]) if len(values) else values
    at = np.where(values == largest[group], np.arange(len(values)), len(values))
    first = np.minimum.reduceat(at, start[:-1]) if len(values) else values
    leading = np.zeros(len(values), np.bool_)
    leading[first] = True
    return np.where(leading, values, _in_part(values, share_permille)), leading


def _in_part(value: Points, share_permille: int) -> Points:
    """What a score that does not lead adds, by b, rounded to a micro-point."""
    return (value * share_permille + 500) // 1000


def level_of(weights: RiskWeights, score: int, edges: str = "ordinary") -> int:
    """The colour of a score: 1 red … 4 blue; an edge belongs to the worse colour. `edges`: ordinary, city, rise."""
    yellow, orange, red = weights.edges[edges]
    return RED if score >= red else ORANGE if score >= orange else YELLOW if score >= yellow else BLUE


def levels_of(weights: RiskWeights, scores: ArrayLike, edges: str = "ordinary") -> NDArray[np.int64]:
    """`level_of` for an array of scores."""
    return BLUE - np.searchsorted(np.array(weights.edges[edges]), np.asarray(scores, np.int64), side="right")


def floored(
    weights: RiskWeights, level: int, grades: Mapping[str, int | None]
) -> tuple[int, list[Contribution]]:
    """A colour with the floor of the legal grades held, and a line of 0 for each record whose grade holds it.

    `grades` maps source records to 1 (一级) … 4 (四级) or None; for an enterprise, those of all its sources.
    """
    held = {record: weights.floors.levels[grade] for record, grade in grades.items() if grade is not None}
    return _held("floor", weights.floors.clause, weights.floors.clause_en, level, held, grades)


def raised(rule: Rule, level: int, area_level: str, records: Iterable[str]) -> tuple[int, list[Contribution]]:
    """A colour as a rule and its records (red sources, incidents) in an area raise it; a line of 0 for each that does."""
    if area_level not in rule.levels:
        return level, []
    held = dict.fromkeys(records, rule.levels[area_level])
    return _held("raise_rule", rule.clause, rule.clause_en, level, held, {})


def _held(
    kind: str,
    clause: str,
    clause_en: str,
    level: int,
    held: Mapping[str, int],
    grades: Mapping[str, int | None],
) -> tuple[int, list[Contribution]]:
    worst = min(held.values(), default=BLUE)
    if worst >= level:
        return level, []
    lines = [
        Contribution(
            kind,
            record,
            0,
            {
                "level": worst,
                "from_level": level,
                "grade": grades.get(record),
                "clause": clause,
                "clause_en": clause_en,
            },
        )
        for record, floor in sorted(held.items())
        if floor == worst
    ]
    return worst, lines


def place_weights(weights: RiskWeights, vulnerable: ArrayLike, rescue_min: ArrayLike) -> Ints:
    """v per mille of each place; `rescue_min` nan where it is unknown: nothing is added then."""
    slow = np.asarray(rescue_min, np.float64) > weights.slow_rescue_over_min
    return (
        1000
        + weights.vulnerable_permille * np.asarray(vulnerable, np.bool_).astype(np.int64)
        + weights.slow_rescue_permille * slow.astype(np.int64)
    )


def milli_people(residents: ArrayLike, by_day: ArrayLike) -> Ints:
    """People of each place in milli-persons: the larger of residents and people by day (nan: unknown)."""
    larger = np.fmax(np.asarray(residents, np.float64), np.asarray(by_day, np.float64))
    return np.floor(larger * MILLI + 0.5).astype(np.int64)


class Exposure(NamedTuple):
    """The exposure of `n` sources: `points` (n) in micro-points, shared by lines `start[s] … start[s + 1]`.

    A line is a grid unit (`is_target` False, `which` the unit or −1 for places in none) or a 高敏感 target;
    `value` its micro-points, `people` the milli-persons within reach (for a target, its own weight).
    """

    points: Ints
    start: Ints
    is_target: NDArray[np.bool_]
    which: Ints
    value: Ints
    people: Ints


def exposures(
    weights: RiskWeights,
    sites: Shapes,
    reach: Ints,
    places: Places,
    unit: Ints,
    targets_xy_mm: Floats,
    *,
    threads: int = 0,
) -> Exposure:
    """20·(1 − e^(−E/300)) for every source, E = Σ people·k(d/r) + 100 for each 高敏感 target·k(d/r).

    `reach` in mm, `unit` each place's grid unit from 0 (−1: none), `targets_xy_mm` the 高敏感 targets, units and
    targets in order of code. The whole is shared in proportion to each unit's or target's part.
    """
    near = exposed_people(sites, reach, places.xy, places.people, unit, threads=threads)
    n = len(targets_xy_mm)
    one = np.full(n, weights.high_sensitive_people, np.int64)
    schools = exposed_people(sites, reach, targets_xy_mm, one, np.arange(n), threads=threads)
    counts = np.stack([np.diff(near.start), np.diff(schools.start)])
    owner = np.concatenate([np.repeat(np.arange(len(sites)), count) for count in counts])
    is_target = np.repeat([False, True], [len(near.group), len(schools.group)])
    order = np.argsort(2 * owner + is_target, kind="stable")
    owner, is_target = owner[order], is_target[order]
    index, part, people = (
        np.concatenate(pair)[order]
        for pair in (
            (near.group, schools.group),
            (near.weighted, schools.weighted),
            (near.people, schools.people),
        )
    )
    start = np.concatenate([[0], np.cumsum(counts.sum(axis=0))]).astype(np.int64)
    running = np.concatenate([[0], np.cumsum(part)])
    exposed = running[start[1:]] - running[start[:-1]]
    points = saturated(exposed, weights.exposure_most, weights.exposure_scale)
    inside, whole, shared = running[1:] - running[start[owner]], exposed[owner], points[owner]
    upto = (2 * shared * inside + whole) // (2 * whole)
    before = (2 * shared * (inside - part) + whole) // (2 * whole)
    return Exposure(points, start, is_target, index, upto - before, people)


def saturated(exposed: Ints, most: int, scale: int) -> Ints:
    """most·(1 − e^(−exposed/scale)) in micro-points, rounded once.

    e^(−x) by its series after taking out powers of 2: only + − × /, so that it is the same on every machine.
    """
    x = np.minimum(exposed / scale, _NO_EXPOSURE_LEFT)
    powers = np.floor(x / (_LN2_HIGH + _LN2_LOW) + 0.5)
    rest = (x - powers * _LN2_HIGH) - powers * _LN2_LOW
    series = np.ones_like(x)
    for term in range(16, 0, -1):
        series = 1.0 - series * rest / term
    left = np.ldexp(series, -powers.astype(np.int64))
    return np.floor(most * (1.0 - left) + 0.5).astype(np.int64)

"""The accounts of sources and enterprises: their rows of results and every line of what they consist of."""

from collections.abc import Mapping, Sequence

import numpy as np

from jobs.city import City, Ground, Row, Scored, score_row
from jobs.frames import Array, each, index_of
from jobs.grading import open_targets
from jobs.quality import Doubts, enterprise_causes
from layers.exposure import place_points
from layers.risk import Inputs
from riskmap.confidence import confidence
from riskmap.directly_red import reddened
from riskmap.risk import (
    Contribution,
    Exposure,
    enterprise_account,
    exposures,
    floored,
    lead_shares,
    level_of,
    total,
)
from riskmap.shapes import to_mm
from riskmap.weights import MILLI, RedCondition, RiskWeights

Account = tuple[str, str, list[Contribution]]
"""kind, code and lines"""


def source_accounts(inputs: Inputs, city: City) -> tuple[list[Row], list[Account]]:
    """Every source: its hazard's items, what is going on there, and the people it is felt by."""
    weights, base, now = city.ground.weights, city.ground.base, city.ground.now
    exposure, units, targets = _exposed(inputs, city.ground)
    names = dict(zip(inputs.areas["code"], inputs.areas["name"], strict=True))
    doubts = Doubts.of(inputs)
    rows, accounts = [], []
    for n, row in enumerate(each(city.graded.sources)):
        grading, facts = city.graded.gradings[n], dict(city.graded.facts[n])
        lines = [*city.items[n], *city.dynamic[n], *_exposure_lines(exposure, n, units, targets, names)]
        grade = grading.grade if grading else None
        score, dynamic = total(lines), total(city.dynamic[n])
        record, red = f"source/{row.code}", city.graded.red.get(n, ())
        scored, held = _with_floors(weights, score, score - dynamic, {record: grade}, {record: red})
        causes = doubts.source_causes(row, facts)
        near, computed = city.consequences[n]
        facts |= {
            "hazard": int(now.points[n]),
            "hazard_base": int(base.points[n]),
            "reach_now_m": int(now.reach[n]) / MILLI,
            "distances_m": {"reach": int(base.reach[n]) / MILLI, **near},
            "consequences": computed,
            "confidence_causes": causes,
            "kind": row.kind,
            "hazards": list(weights.kinds[row.kind].hazards),
        }
        rows.append(score_row("source", row, scored, facts, grade, confidence(causes)))
        accounts.append(("source", row.code, [*lines, *held]))
    return rows, accounts


def _with_floors(
    weights: RiskWeights,
    score: int,
    base: int,
    grades: Mapping[str, int | None],
    red: Mapping[str, Sequence[RedCondition]],
) -> tuple[Scored, list[Contribution]]:
    """Colours of a source or an enterprise; legal grades and conditions hold both, the lines say of the current one."""
    level, held = floored(weights, level_of(weights, score), grades)
    base_level, _ = floored(weights, level_of(weights, base), grades)
    level, made_red = reddened(level, red)
    base_level, _ = reddened(base_level, red)
    held += made_red
    return Scored(score, base, level, base_level, level_of(weights, score - base, "rise")), held


def enterprise_accounts(inputs: Inputs, city: City, sources: list[Row]) -> tuple[list[Row], list[Account]]:
    """Each open enterprise: the lead over its sources, among them always its own premises."""
    weights = city.ground.weights
    names = city.graded.sources["name"]
    held: dict[str, list[tuple[Row, str]]] = {}
    met = {f"source/{city.graded.sources['code'].iat[n]}": red for n, red in city.graded.red.items()}
    for source, name in zip(sources, names, strict=True):
        held.setdefault(source["enterprise_code"], []).append((source, name))
    rows, accounts = [], []
    for row in each(inputs.enterprises):
        own = held[row.code]
        records = [f"source/{source['code']}" for source, _ in own]
        account = enterprise_account(weights, records, [source["score"] for source, _ in own])
        lines = [
            line._replace(args={**line.args, "name": name, "rise": source["score"] - source["base"]})
            for line, (source, name) in zip(account, own, strict=True)
        ]
        base = sum(lead_shares([source["base"] for source, _ in own], weights.share_permille))
        grades = {record: source["grade"] for record, (source, _) in zip(records, own, strict=True)}
        red = {record: met[record] for record in records if record in met}
        scored, floor = _with_floors(weights, total(lines), base, grades, red)
        under = {cause for source, _ in own for cause in source["facts"]["confidence_causes"]}
        causes = sorted({*under, *enterprise_causes(row)})
        facts = {"sources": len(own) - 1, "confidence_causes": causes}
        rows.append(score_row("enterprise", row, scored, facts, None, confidence(causes)))
        accounts.append(("enterprise", row.code, [*lines, *floor]))
    return rows, accounts


def _exposed(inputs: Inputs, ground: Ground) -> tuple[Exposure, Array, Array]:
    """Exposure of every source, and the codes its lines name: grid units, and high-sensitive targets."""
    units = np.array(sorted({code for code in ground.people["grid_code"] if code}), object)
    unit = index_of(ground.people["grid_code"], units)
    targets = open_targets(inputs)
    targets = targets[targets["target_class"] == "high_sensitive"]
    points = place_points(targets["geom"].to_numpy(object)) if len(targets) else np.zeros((0, 2))
    exposure = exposures(
        ground.weights, ground.base.sites, ground.base.reach, ground.places, unit, to_mm(points)
    )
    return exposure, units, targets[["code", "name"]].to_numpy(object)


def _exposure_lines(
    exposure: Exposure, n: int, units: Array, targets: Array, names: dict[str, str]
) -> list[Contribution]:
    lines = []
    for k in range(exposure.start[n], exposure.start[n + 1]):
        which, value, people = int(exposure.which[k]), int(exposure.value[k]), int(exposure.people[k])
        if exposure.is_target[k]:
            code, name = targets[which]
            lines.append(Contribution("exposure_target", f"target/{code}", value, {"name": name}))
        else:
            code = units[which] if which >= 0 else None
            args = {"people": people / MILLI, "name": names.get(code) if code else None}
            lines.append(Contribution("exposure_grid", f"area/{code}" if code else None, value, args))
    return lines

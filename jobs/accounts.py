"""The accounts of sources and enterprises: their rows of results and every line of what they consist of."""

import numpy as np

from jobs.city import Array, City, Row, each, index_of, score_row
from jobs.grading import open_targets
from jobs.quality import Doubts, enterprise_causes
from layers.exposure import place_points
from layers.risk import Inputs
from riskmap.confidence import confidence
from riskmap.risk import (
    Contribution,
    Exposure,
    enterprise_account,
    exposures,
    floored,
    level_of,
    total,
)
from riskmap.shapes import to_mm
from riskmap.weights import MILLI

Account = tuple[str, str, list[Contribution]]
"""kind, code and lines"""


def source_accounts(inputs: Inputs, city: City) -> tuple[list[Row], list[Account]]:
    """Every source: its hazard's items and the people it is felt by."""
    exposure, units, targets = _exposed(inputs, city)
    names = dict(zip(inputs.areas["code"], inputs.areas["name"], strict=True))
    doubts = Doubts.of(inputs)
    rows, accounts = [], []
    for n, row in enumerate(each(city.graded.sources)):
        grading, facts = city.graded.gradings[n], dict(city.graded.facts[n])
        lines = [*city.items[n], *_exposure_lines(exposure, n, units, targets, names)]
        score = total(lines)
        grade = grading.grade if grading else None
        level, held = floored(city.weights, level_of(city.weights, score), {f"source/{row.code}": grade})
        causes = doubts.source_causes(row, facts)
        facts |= {
            "hazard": int(city.hazards.points[n]),
            "distances_m": {"reach": int(city.hazards.reach[n]) / MILLI},
            "confidence_causes": causes,
            "kind": row.kind,
            "hazards": list(city.weights.kinds[row.kind].hazards),
        }
        rows.append(score_row("source", row, score, level, facts, grade, confidence(causes)))
        accounts.append(("source", row.code, [*lines, *held]))
    return rows, accounts


def enterprise_accounts(inputs: Inputs, city: City, sources: list[Row]) -> tuple[list[Row], list[Account]]:
    """Each open enterprise: the lead over its sources, among them always its own premises."""
    names = city.graded.sources["name"]
    held: dict[str, list[tuple[Row, str]]] = {}
    for source, name in zip(sources, names, strict=True):
        held.setdefault(source["enterprise_code"], []).append((source, name))
    rows, accounts = [], []
    for row in each(inputs.enterprises):
        own = held[row.code]
        records = [f"source/{source['code']}" for source, _ in own]
        account = enterprise_account(city.weights, records, [source["score"] for source, _ in own])
        lines = [
            line._replace(args={**line.args, "name": name})
            for line, (_, name) in zip(account, own, strict=True)
        ]
        score = total(lines)
        grades = {record: source["grade"] for record, (source, _) in zip(records, own, strict=True)}
        level, floor = floored(city.weights, level_of(city.weights, score), grades)
        under = {cause for source, _ in own for cause in source["facts"]["confidence_causes"]}
        causes = sorted({*under, *enterprise_causes(row)})
        facts = {"sources": len(own) - 1, "confidence_causes": causes}
        rows.append(score_row("enterprise", row, score, level, facts, None, confidence(causes)))
        accounts.append(("enterprise", row.code, [*lines, *floor]))
    return rows, accounts


def _exposed(inputs: Inputs, city: City) -> tuple[Exposure, Array, Array]:
    """Exposure of every source, and the codes its lines name: grid units, and high-sensitive targets."""
    units = np.array(sorted({code for code in city.people["grid_code"] if code}), object)
    unit = index_of(city.people["grid_code"], units)
    targets = open_targets(inputs)
    targets = targets[targets["target_class"] == "high_sensitive"]
    points = place_points(targets["geom"].to_numpy(object)) if len(targets) else np.zeros((0, 2))
    exposure = exposures(
        city.weights, city.hazards.sites, city.hazards.reach, city.places, unit, to_mm(points)
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

"""Consequence distances as zones of the matrix: what a proposal would reach, and what reaches a proposal."""

import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any, NamedTuple

from riskmap.sections import MILLI
from riskmap.siting_distances import Bound, Case, Means
from riskmap.siting_findings import Finding, Near, metres
from riskmap.siting_matrix import LEVELS, Sensitivity
from riskmap.siting_rules import SitingRules, ZoneOf

RULE = "consequence"
CLAUSE, CLAUSE_DATE = "GB 36894-2018；GB/T 37243-2019", "2019-03-01"
"""of what zones of existing sources say"""
_STUDY = "study_"
_OF_STUDY, _OF_SCREENING = "正式评估区域", "筛查后果距离"
Account = Mapping[str, Any]
"""A consequence distance as JSON (`ConsequenceDistance.to_json`), as it is computed or kept with a source."""
_KPA = re.compile(r"(\d+(?:\.\d+)?)\s*(kPa|kW/m[²2])", re.IGNORECASE)


class Radius(NamedTuple):
    """How far a zone reaches from the site; `at_least`: it is known to reach so far, and may reach farther."""

    zone: str
    mm: int
    at_least: bool


class Reaching(NamedTuple):
    """One zone system of a source at a proposal: who, what, how near, and what part of the site is in each zone."""

    near: Near
    result: str
    shares: Mapping[str, float]
    radii: tuple[Radius, ...]
    study: bool
    unknown: str = ""
    """why nothing can be said of it"""


def radii(rules: SitingRules, account: Account) -> tuple[Radius, ...]:
    """How far each zone of one consequence distance reaches, innermost first; none where the distance is refused."""
    far: dict[str, Radius] = {}
    for of in rules.zones:
        if of.result == account["name"]:
            reach, at_least = _reach(account, of)
            if reach is not None and (of.zone not in far or reach > far[of.zone].mm):
                far[of.zone] = Radius(of.zone, reach, at_least)
    return tuple(far[zone] for zone in rules.matrix.zones if zone in far)


def _reach(account: Account, of: ZoneOf) -> tuple[int | None, bool]:
    rings = {ring["threshold"]: ring["distance_m"] for ring in account["rings"]}
    if of.threshold is not None and of.threshold in rings:
        return _mm(rings[of.threshold]), False
    if of.threshold is not None and (rings or account["distance_m"] is not None):
        return None, False
    if account["distance_m"] is not None:
        return _mm(account["distance_m"]), False
    return (None, False) if account["at_least_m"] is None else (_mm(account["at_least_m"]), True)


def _mm(distance_m: float) -> int:
    return round(distance_m * MILLI)


def zone_bounds(rules: SitingRules, accounts: Iterable[Account]) -> tuple[list[Bound], list[Finding]]:
    """The distances that a proposal's own zones ask for, by level of sensitivity, as rows to bind; and what is unknown."""
    found: list[Bound] = []
    unknown: list[Finding] = []
    for account in accounts:
        reach = radii(rules, account)
        if not reach:
            reason = account["reason"]
            if reason != "below_range":
                unknown.append(_unknown(account, reason))
            continue
        basis = next(of.basis for of in rules.zones if of.result == account["name"])
        for level in LEVELS:
            against = [one for one in reach if rules.matrix.against[one.zone, level]]
            if against:
                found.append(_bound(rules, account, level, max(against, key=lambda one: one.mm), basis))
    return found, unknown


def _unknown(account: Account, reason: str) -> Finding:
    return Finding(
        rule=f"{RULE}.{account['name']}",
        outcome="not_on_file",
        reason=reason or "limit_unknown",
        clause=f"GB 36894-2018；{account['reference']}",
        basis=account["method_zh"],
        basis_date=CLAUSE_DATE,
        facts=(("substance", account["substance_zh"]),),
    )


def _bound(rules: SitingRules, account: Account, level: int, reach: Radius, basis: str) -> Bound:
    to = rules.objects[f"level_{level}"]
    kept = Means("not_on_file", "at_least") if reach.at_least else Means("admissible", "kept")
    return Bound(
        rule=f"{RULE}.{account['name']}.level_{level}",
        clause=f"GB 36894-2018；{basis}",
        basis=f"{account['method_zh']}，{account['substance_zh']} {account['quantity_t']:g} t",
        basis_date=CLAUSE_DATE,
        confidence="screening",
        direction="facility",
        object=to,
        limit_mm=reach.mm,
        inclusive=True,
        threshold_mm=reach.mm,
        measured_from="拟建用地边界",
        measured_to="防护目标边界",
        case=Case(
            nearer=Means(rules.matrix.against_screening, "in_zone"),
            farther=kept,
            nothing=kept if reach.at_least else kept._replace(reason="none_near"),
            absent=Means("study_required", "no_data"),
        ),
        facts=(("zone", reach.zone), ("level", level), ("screening", True)),
    )


def of_study(rules: SitingRules, row: Mapping[str, Any], share: float) -> Reaching:
    """A zone of an approved study at a site; one whose threshold tells no zone counts as the innermost."""
    near = Near("zone_external", row["code"], row["name"], row["kind"], 0)
    zone = zone_of_text(rules, row["threshold"]) or rules.matrix.zones[0]
    return Reaching(near, f"{_STUDY}{row['kind']}", {zone: share}, (), study=True)


def of_source(
    rules: SitingRules, row: Mapping[str, Any], distance_mm: int, share: Callable[[Radius], float]
) -> Iterator[Reaching]:
    """The zone systems of a source at a site so far away, of which a zone holds a share.

    What is unknown of a source is told within the edition's distance for it, or next to what is known at least.
    """
    layer = row.get("layer", "source")
    near = Near(
        layer, row["code"], row["name"], row["kind"], distance_mm, row.get("line"), row["status"] or ""
    )
    close = distance_mm <= rules.unknown_mm
    if row["consequences"] is None:
        if close and row["kind"] in rules.stocked:
            yield Reaching(near, "unknown", {}, (), study=False, unknown="not_assessed")
        return
    for account in row["consequences"]:
        reach = radii(rules, account)
        name, reason = account["name"], account["reason"]
        if reach:
            shares = {one.zone: share(one) for one in reach}
            beyond = any(one.at_least and 0 <= distance_mm - one.mm < rules.unknown_mm for one in reach)
            yield Reaching(near, name, shares, reach, study=False, unknown="at_least" if beyond else "")
        elif close and reason != "below_range":
            yield Reaching(near, name, {}, (), study=False, unknown=reason)


def edges_mm(rules: SitingRules, row: Mapping[str, Any]) -> list[int]:
    """The distances from a source at which what it means for a point may change, rising, 0 first."""
    edges = {0, rules.unknown_mm + 1}
    for account in row["consequences"] or ():
        for one in radii(rules, account):
            edges |= {one.mm, one.mm + rules.unknown_mm}
    return sorted(edges)


def reached(
    rules: SitingRules, reaching: Iterable[Reaching], sensitive: Iterable[Sensitivity]
) -> list[Finding]:
    """What zones of existing sources say of the uses of a proposal: one row a source and zone system, its worst use."""
    uses = list(sensitive)
    found = []
    for one in reaching:
        if one.unknown:
            found.append(_reached(rules, one, Means("not_on_file", one.unknown), None))
            continue
        zone = rules.matrix.zone_of(one.shares)
        against = [use for use in uses if rules.matrix.is_against(zone, use.level)]
        most = max(uses, key=lambda use: use.level, default=None)
        outcome = rules.matrix.against_study if one.study else rules.matrix.against_screening
        if against:
            means = Means(outcome, "in_zone")
        elif zone is None:
            means = Means("admissible", "straddles" if any(one.shares.values()) else "outside")
        else:
            means = Means("admissible", "may_stand" if uses else "not_classed")
        found.append(_reached(rules, one, means, most, zone))
    return found


def reverse_rule(result: str) -> str:
    """What the rule is called by which zones of existing sources bind a proposal."""
    return f"{RULE}.{result}.reverse"


def reverse_text(rule: str) -> dict[str, str]:
    """Clause, basis and date of such a rule, as its rows in a verdict have them."""
    basis = _OF_STUDY if rule.startswith(f"{RULE}.{_STUDY}") else _OF_SCREENING
    return {"clause": CLAUSE, "basis": basis, "basis_date": CLAUSE_DATE}


def _reached(
    rules: SitingRules, one: Reaching, means: Means, most: Sensitivity | None, zone: str | None = None
) -> Finding:
    against = rules.matrix.zones_against(most.level) if most else ()
    needed = max((radius.mm for radius in one.radii if radius.zone in against), default=None)
    facts: dict[str, Any] = {
        "zone": zone,
        "shares": {name: round(share, 4) for name, share in one.shares.items()},
    }
    if most is not None:
        facts |= {"level": most.level, "class": most.word, "class_basis": most.basis, "assumed": most.assumed}
    rule = reverse_rule(one.result)
    return Finding(
        rule=rule,
        outcome=means.outcome,
        reason=means.reason,
        **reverse_text(rule),
        confidence="study" if one.study else "screening",
        direction="development",
        measured=metres(one.near.distance_mm),
        limit=metres(needed),
        inclusive=True,
        measured_from="拟建用地边界",
        measured_to="危险源边界",
        near=one.near,
        facts=(*facts.items(), ("screening", not one.study)),
    )


def zone_of_text(rules: SitingRules, threshold: str | None) -> str | None:
    """The zone that a study's threshold bounds, where its text says pressure or radiation; None where it does not."""
    said = _KPA.search(threshold or "")
    if said is None:
        return None
    value, unit = float(said[1]), said[2].lower().replace("m2", "m²")
    found = [
        of
        for of in rules.zones
        if of.threshold is not None and of.unit.lower() == unit and of.threshold <= value
    ]
    return max(found, key=lambda of: of.threshold or 0.0).zone if found else None

"""What a rule found out about a proposal, and how findings add up to a verdict: the worst of all, no score outweighs it."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, NamedTuple

from riskmap.sections import MILLI
from riskmap.siting_rules import OUTCOMES

VERDICTS = ("admissible", "study_required", "not_in_principle", "veto")
"""未发现否决情形、需开展专项安全评估论证、原则上不予新建、否决, the mildest first."""
_VERDICT_OF = {outcome: outcome for outcome in VERDICTS} | {
    "not_on_file": "study_required",
    "no_data": "admissible",
}


class Near(NamedTuple):
    """A record at some distance: layer, code, name, kind, and the way to it as GeoJSON. Code '' where it is not to be told."""

    layer: str
    code: str
    name: str
    kind: str
    distance_mm: int
    line: dict[str, Any] | None = None
    status: str = ""

    def to_json(self) -> dict[str, Any]:
        """The record as the verdict names it."""
        return {name: getattr(self, name) or None for name in ("layer", "code", "name", "kind", "status")}


@dataclass(frozen=True, slots=True)
class Finding:
    """One rule as a row: its text, what was measured from where to where, the limit, and what follows.

    Every row names its clause, what that asks for (`basis`), and since when (`basis_date`: a day, or the year alone).
    `limit_mm` is None where it is unknown, `measured_mm` where nothing was found to measure to; `inclusive` tells whether
    exactly the limit is enough. `reason` says in a word why the outcome is what it is.
    """

    rule: str
    outcome: str
    reason: str
    clause: str
    basis: str
    basis_date: str
    confidence: str = ""
    direction: str = "facility"
    measured: float | None = None
    limit: float | None = None
    unit: str = "m"
    inclusive: bool | None = None
    measured_from: str = ""
    measured_to: str = ""
    near: Near | None = None
    facts: tuple[tuple[str, Any], ...] = ()

    @property
    def margin(self) -> float | None:
        """By how much the limit is kept (negative: broken)."""
        if self.measured is None or self.limit is None:
            return None
        return round(self.measured - self.limit, 3)

    @property
    def severity(self) -> int:
        """How bad the outcome is; higher is worse."""
        return OUTCOMES.index(self.outcome)

    def to_json(self) -> dict[str, Any]:
        """The row as programs get it."""
        return {
            "rule": self.rule,
            "outcome": self.outcome,
            "reason": self.reason,
            "clause": self.clause,
            "basis": self.basis,
            "basis_date": self.basis_date,
            "confidence": self.confidence or None,
            "direction": self.direction,
            "measured": self.measured,
            "limit": self.limit,
            "unit": self.unit,
            "inclusive": self.inclusive,
            "margin": self.margin,
            "from": self.measured_from or None,
            "to": self.measured_to or None,
            "object": self.near.to_json() if self.near else None,
            "line": self.near.line if self.near else None,
            **dict(self.facts),
        }


def metres(mm: int | None) -> float | None:
    """Metres of mm; None stays unknown."""
    return None if mm is None else mm / MILLI


def verdict_of(outcome: str) -> str:
    """What one outcome means for the whole: an unknown limit asks for a study, a gap in the data is told."""
    return _VERDICT_OF[outcome]


def verdict(findings: Iterable[Finding]) -> str:
    """The worst outcome of all rules. Without any rule nothing was looked at: that asks for a study, too."""
    outcomes = [verdict_of(one.outcome) for one in findings]
    return max(outcomes, key=VERDICTS.index) if outcomes else "study_required"


def in_order(findings: Iterable[Finding]) -> list[Finding]:
    """Failures first, the worst of them first, and of equals the one with the least margin."""

    def rank(one: Finding) -> tuple[int, float, str]:
        return -one.severity, one.margin if one.margin is not None else float("-inf"), one.rule

    return sorted(findings, key=rank)


def binding(findings: Iterable[Finding]) -> Finding | None:
    """The rule that decides: the first in order, if it is worse than admissible."""
    first = next(iter(in_order(findings)), None)
    return first if first is not None and verdict_of(first.outcome) != "admissible" else None

"""Points that good practice takes away from a source, as long as what proves it is in date."""

from collections.abc import Iterable, Mapping
from datetime import date
from typing import Any, NamedTuple

from riskmap.risk import Contribution
from riskmap.weights import RiskWeights

OF_ENTERPRISES = ("standard_level", "standard_until", "fire_brigade_until", "safety_engineer_until")
OF_SOURCES = ("sis_until",)
"""the fields that say what is proven, and until when"""


class Earned(NamedTuple):
    """One credit: its name in the edition, the last day of what proves it, and the record that says so."""

    credit: str
    until: date
    record: str


def earned(said: Mapping[str, Any], day: date, record: str) -> list[Earned]:
    """The credits that a record's fields earn on a day; without a date, and from the day after it, nothing is proven."""
    level = said.get("standard_level")
    proven = {
        f"standard_{level}": said.get("standard_until") if level else None,
        "fire_brigade": said.get("fire_brigade_until"),
        "safety_engineer": said.get("safety_engineer_until"),
        "sis": said.get("sis_until"),
    }
    return [
        Earned(credit, until, record)
        for credit, until in proven.items()
        if until is not None and until >= day
    ]


def credit_lines(weights: RiskWeights, items: int, own: Iterable[Earned], record: str) -> list[Contribution]:
    """A negative line for each credit of a source, and one that gives back what they are over their bounds together.

    `items` are the micro-points of its items; `record` is the source.
    """
    lines = []
    for credit, until, owner in own:
        rule = weights.credits.get(credit)
        if rule is not None and rule.points:
            args = {
                "credit": credit,
                "name_zh": rule.name_zh,
                "name_en": rule.name_en,
                "until": until.isoformat(),
                "clause": rule.clause,
                "clause_en": rule.clause_en,
            }
            lines.append(Contribution("credit", owner, -rule.points, args))
    allowed = min(weights.credit_most, items * weights.credit_share_permille // 1000)
    over = -sum(line.value for line in lines) - allowed
    if over > 0:
        bounds = {"most": weights.credit_most, "share_permille": weights.credit_share_permille}
        lines.append(Contribution("credit_cap", record, over, bounds | {"items": items, "allowed": allowed}))
    return lines

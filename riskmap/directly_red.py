"""Sources that an edition makes red whatever their score: its conditions by kind, legal grade and a figure on file."""

from collections.abc import Mapping, Sequence
from fractions import Fraction
from typing import Any, NamedTuple

from riskmap.risk import RED, Contribution
from riskmap.weights import RedCondition


class Known(NamedTuple):
    """What conditions can ask of a source: its kind, its legal grade, and figures by their names (None: unknown)."""

    kind: str
    grade: int | None
    figures: Mapping[str, Any]


def conditions_met(conditions: Sequence[RedCondition], known: Known) -> tuple[RedCondition, ...]:
    """The conditions of the edition that a source meets; what is unknown meets none."""
    return tuple(one for one in conditions if _met(one, known))


def reddened(level: int, met: Mapping[str, Sequence[RedCondition]]) -> tuple[int, list[Contribution]]:
    """A colour as conditions met by source records make it, and a line of 0 for each condition."""
    lines = [
        Contribution(
            "directly_red",
            record,
            0,
            {
                "level": RED,
                "from_level": level,
                "name_zh": one.name_zh,
                "name_en": one.name_en,
                "clause": one.clause,
                "clause_en": one.clause_en,
            },
        )
        for record, conditions in met.items()
        for one in conditions
    ]
    return (RED if lines else level), lines


def _met(condition: RedCondition, known: Known) -> bool:
    if condition.kind not in (None, known.kind):
        return False
    if condition.grade is not None and (known.grade is None or known.grade > condition.grade):
        return False
    if condition.field is None:
        return True
    figure = known.figures.get(condition.field)
    return figure is not None and Fraction(figure) >= condition.least

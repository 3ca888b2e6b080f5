"""What assessments of a source by published methods come to: LEC, the LS matrix, the diagnosis score of 100."""

from collections.abc import Iterable, Mapping
from datetime import date
from fractions import Fraction
from math import prod
from typing import Any, NamedTuple

from riskmap.methods import band_of, published_points
from riskmap.risk import BLUE, Contribution
from riskmap.weights import MICRO, Method

FACTORS = {
    "lec": ("lec_l", "lec_e", "lec_c"),
    "ls": ("ls_l", "ls_s"),
    "diagnosis": ("diagnosis_score",),
}
"""by method the fields of a source whose product is its value"""
FIELDS = tuple(field for fields in FACTORS.values() for field in fields)
DAY = "assessed_on"


class Assessed(NamedTuple):
    """One assessment: its method, the values entered, their product, its points, its band's colour, and its day."""

    method: Method
    factors: tuple[Fraction, ...]
    value: Fraction
    points: int
    level: int
    day: date | None


def assessed_by(methods: Mapping[str, Method], said: Mapping[str, Any]) -> list[Assessed]:
    """The assessments of a source by the edition's methods; `said` has its fields, None or left out: not assessed."""
    found = []
    for name, method in methods.items():
        given = [said.get(field) for field in FACTORS[name]]
        if None in given:
            continue
        factors = tuple(Fraction(str(value)) for value in given)
        value = prod(factors, start=Fraction(1))
        points, level = published_points(method, value), BLUE - band_of(method, value)
        found.append(Assessed(method, factors, value, points, level, said.get(DAY)))
    return found


def assessment_lines(assessed: Iterable[Assessed], record: str) -> list[Contribution]:
    """The line of the assessment that counts most, the first of equals; none where there is no assessment."""
    most = max(assessed, key=lambda one: one.points, default=None)
    if most is None:
        return []
    method, band = most.method, BLUE - most.level
    args = {
        "method": method.method,
        "name_zh": method.name_zh,
        "name_en": method.name_en,
        "factors": [float(factor) for factor in most.factors],
        "value": float(most.value),
        "band": [float(edge) for edge in method.values[band : band + 2]],
        "level": most.level,
        "assessed_on": most.day and most.day.isoformat(),
        "clause": method.clause,
        "clause_en": method.clause_en,
    }
    return [Contribution("assessment", record, most.points, args)]


def told(assessed: Iterable[Assessed]) -> list[dict[str, Any]]:
    """What a source's results say of all its assessments."""
    return [
        {
            "method": one.method.method,
            "value": float(one.value),
            "points": one.points / MICRO,
            "level": one.level,
        }
        for one in assessed
    ]

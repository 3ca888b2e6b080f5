"""How a published method's own bands become points of the account, whose edges are 20 / 40 / 60.

Points are int64 micro-points (1e-6 point), each rounded once. An edge is compared in the method's own units: a
rounded value never crosses it.
"""

from decimal import Context, Decimal
from fractions import Fraction
from math import floor

from riskmap.sources import Grading
from riskmap.weights import Method

POINT = 1_000_000
"""Micro-points of one point"""

_YELLOW, _ORANGE, _RED, _TOP = 20 * POINT, 40 * POINT, 60 * POINT, 100 * POINT
_SCALE = (0, _YELLOW, _ORANGE, _RED, _TOP)
_R_ORANGE, _R_RED, _R_TOP = 10, 100, 10_000
_ALPHA_UNKNOWN = Fraction(1, 2)
_PRECISE = Context(prec=50)


def gb18218_points(grading: Grading) -> int:
    """Micro-points of a grading by GB 18218: 20·S below S = 1, else max(20, 20 + 20·lg R), at most 100.

    R = 10 gives 40, R = 100 gives 60. Where α is unknown R is taken with α = 0.5, the least there is.
    """
    if grading.s < 1:
        return min(_rounded(_YELLOW * grading.s), _YELLOW - 1)
    r = (_ALPHA_UNKNOWN if grading.alpha is None else grading.alpha) * grading.weighted
    if r <= 1:
        return _YELLOW
    if r >= _R_TOP:
        return _TOP
    lg = _PRECISE.log10(_PRECISE.divide(Decimal(r.numerator), Decimal(r.denominator)))
    points = _rounded(_YELLOW * (1 + Fraction(lg)))
    for edge_r, edge in ((_R_ORANGE, _ORANGE), (_R_RED, _RED)):
        if r < edge_r:
            return min(points, edge - 1)
    return points


def gb18218_contributions(grading: Grading) -> dict[str, int]:
    """The micro-points of each matched record, in the order of codes; they sum to `gb18218_points` exactly.

    Shared by β·q/Q, below S = 1 (and where no record has a β) by q/Q. The running total is rounded, so that
    nothing is lost between the records.
    """
    points = gb18218_points(grading)
    by_s = grading.s < 1 or not grading.weighted
    total, running, given = (grading.s if by_s else grading.weighted), Fraction(0), 0
    contributions: dict[str, int] = {}
    for share in grading.shares:
        running += share.s_term if by_s else share.r_term or Fraction(0)
        reached = _rounded(points * running / total) if total else 0
        contributions[share.code] = reached - given
        given = reached
    return contributions


def band_of(method: Method, value: Fraction) -> int:
    """Which of a method's four bands a value lies in, by its own units: 0 blue … 3 red."""
    rising = method.values[0] < method.values[-1]
    return sum(
        method.edge_is_worse if value == edge else (value > edge) is rising for edge in method.values[1:4]
    )


def published_points(method: Method, value: Fraction) -> int:
    """Micro-points of a value by a method's own bands: straight lines from edge to edge, 0 and 100 at its ends.

    Beyond the ends it counts as at them. The points have the colour of the method's band on both sides of an edge.
    """
    within = min(max(value, min(method.values)), max(method.values))
    band = band_of(method, within)
    low, high = method.values[band : band + 2]
    part = (within - low) / (high - low)
    points = _rounded(_SCALE[band] + part * (_SCALE[band + 1] - _SCALE[band]))
    return points if band == len(_SCALE) - 2 else min(points, _SCALE[band + 1] - 1)


def _rounded(value: Fraction) -> int:
    """Rounded once, halves up."""
    return floor(value + Fraction(1, 2))

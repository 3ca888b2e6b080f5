"""How much less a source would have to hold to fall to a lower grade of GB 18218-2018, exactly."""

from collections.abc import Iterable
from dataclasses import dataclass, replace
from fractions import Fraction

from riskmap.sources import Gb18218, Grading, Item, exact_quantity, grade_source

_STEP = Fraction(1, 1000)


@dataclass(frozen=True, slots=True)
class Cut:
    """The smallest cut of one record that lowers the grade, or takes the unit out of the major sources (S < 1).

    Anything above `bound_t` does it, `bound_t` itself does not; `cut_t` is the next 0.001 t above it, but never
    more than the record holds. `grade_after` is the grade then, None below S = 1.
    """

    code: str
    bound_t: Fraction
    cut_t: Fraction
    grade_after: int | None


@dataclass(frozen=True, slots=True)
class UniformCut:
    """The smallest cut in one proportion over all records that lowers the grade, as `Cut`, in per cent."""

    bound_percent: Fraction
    cut_percent: Fraction
    grade_after: int | None


def inventory_cuts(items: Iterable[Item], people_500m: int | None, rules: Gb18218) -> tuple[Cut, ...]:
    """The cut of each record that alone lowers the grade, in the order of codes.

    Records that cannot do it alone are not listed; nothing is where there is no grade.
    """
    items = tuple(items)
    now = grade_source(items, people_500m, rules)
    surplus = _surplus(now, rules)
    cuts = []
    for share in now.shares:
        if surplus is None or share.s_term == 0:
            continue
        over_s, over_r = surplus
        bounds = [over_s * share.critical_t]
        if over_r is not None and share.r_term:
            bounds.append(over_r * share.critical_t / (share.beta or 1))
        bound = min(bounds)
        if bound < share.quantity_t:
            cut = min(_next_step(bound, _STEP), share.quantity_t)
            left = [
                replace(item, quantity_t=share.quantity_t - cut) if item.code == share.code else item
                for item in items
            ]
            cuts.append(Cut(share.code, bound, cut, grade_source(left, people_500m, rules).grade))
    return tuple(cuts)


def uniform_cut(items: Iterable[Item], people_500m: int | None, rules: Gb18218) -> UniformCut | None:
    """The cut of all records in one proportion that lowers the grade; None where there is no grade."""
    items = tuple(items)
    now = grade_source(items, people_500m, rules)
    surplus = _surplus(now, rules)
    if surplus is None:
        return None
    over_s, over_r = surplus
    bound = 100 * over_s / now.s
    if over_r is not None:
        bound = min(bound, 100 * over_r / now.weighted)
    cut = min(_next_step(bound, _STEP), Fraction(100))
    kept = 1 - cut / 100
    left = [replace(item, quantity_t=exact_quantity(item) * kept) for item in items]
    return UniformCut(bound, cut, grade_source(left, people_500m, rules).grade)


def _surplus(now: Grading, rules: Gb18218) -> tuple[Fraction, Fraction | None] | None:
    """How far S stands over 1, and Σ β·q/Q over the grade's edge (None for the lowest grade); None: no grade."""
    if now.grade is None or not now.alpha:
        return None
    r_min = dict(rules.thresholds)[now.grade]
    return now.s - 1, (now.weighted - r_min / now.alpha if r_min else None)


def _next_step(bound: Fraction, step: Fraction) -> Fraction:
    """The smallest multiple of the step above the bound: the lower edges of the grades are inclusive."""
    return (bound // step + 1) * step

"""Explosions: a vapour cloud to 1 psi, and the overpressure of condensed explosives by two published methods.

The two differ by 11 to 34 % (GB 6722 gives more), so a result always names the one it used. Distances are rounded
to 0.1 m, once.
"""

import math

from riskmap.consequence_figures import KingeryRange, Method
from riskmap.consequence_tables import ConsequenceRules

_HALVINGS = 60
_KPA_OF_1E5_PA = 100.0


def metres(distance: float) -> float:
    """A distance rounded to its unit, 0.1 m."""
    return round(distance, 1)


def vce_distance_m(mass_kg: float, combustion_kj_kg: float, method: Method) -> float:
    """Distance in m at which a vapour cloud explosion falls to 1 psi (6.9 kPa).

    D = 17·(0.1·W·Hc/4680)^(1/3): TNT equivalence with a yield of 10 % (EPA 550-B-99-009, appendix C, method
    `epa_tnt`); W in kg, Hc in kJ/kg. 17 m/kg^(1/3) is 1.085 psi by Kingery-Bulmash. Valid for 500 to 2,000,000 lb;
    OutsideValidity else.
    """
    figures = method.figures
    tnt_kg = figures["yield"] * method.check(mass_kg) * combustion_kj_kg / figures["tnt_kj_kg"]
    return metres(figures["k_m_kg3"] * math.cbrt(tnt_kg))


def kingery_kpa(scaled_m_kg3: float, ranges: tuple[KingeryRange, ...]) -> float:
    """Incident overpressure in kPa of a hemispherical surface burst of TNT at a scaled distance Z = R/W^(1/3).

    p = exp(Σ c·(ln Z)^i) with the coefficients of Swisdak 1994 (simplified Kingery-Bulmash), each range up to but
    not with its upper end; 0.2 ≤ Z ≤ 198.5 m/kg^(1/3).
    """
    part = next((one for one in ranges if scaled_m_kg3 < one.z_to), ranges[-1])
    log = math.log(scaled_m_kg3)
    return math.exp(sum(c * log**power for power, c in enumerate(part.coefficients)))


def gb6722_kpa(scaled_m_kg3: float, method: Method) -> float:
    """Overpressure in kPa on flat ground by GB 6722, formula 3: Δp = 14/Z³ + 4.3/Z² + 1.1/Z in 10⁵ Pa."""
    z, figures = scaled_m_kg3, method.figures
    return _KPA_OF_1E5_PA * (figures["cube"] / z**3 + figures["square"] / z**2 + figures["plain"] / z)


def overpressure_kpa(tnt_kg: float, distance_m: float, rules: ConsequenceRules, code: str) -> float:
    """Overpressure in kPa of `tnt_kg` kg of TNT at a distance in m, by `gb6722` or `kingery`, to 1 Pa.

    OutsideValidity where the scaled distance is out of the method's range.
    """
    scaled = rules.method(code).check(distance_m / math.cbrt(tnt_kg))
    return round(_kpa(scaled, rules, code), 3)


def blast_distance_m(tnt_kg: float, kpa: float, rules: ConsequenceRules, code: str) -> float:
    """Distance in m at which the overpressure of `tnt_kg` kg of TNT falls to `kpa`, by `gb6722` or `kingery`.

    The farthest such distance: the ranges of Kingery-Bulmash do not quite meet, so that some overpressures about
    4.9 kPa have two. Found by halving; OutsideValidity where what is asked for is not reached within the method's
    range of Z.
    """
    method = rules.method(code)
    if kpa > _kpa(method.least, rules, code):
        method.check(math.nextafter(method.least, 0.0))
    if kpa < _kpa(method.most, rules, code):
        method.check(math.nextafter(method.most, math.inf))
    starts = [part.z_from for part in rules.kingery] if code == "kingery" else [method.least]
    ends = [*starts[1:], method.most]
    near, far = next(
        (start, end)
        for start, end in zip(reversed(starts), reversed(ends), strict=True)
        if _kpa(max(start, method.least), rules, code) >= kpa
    )
    for _ in range(_HALVINGS):
        middle = (near + far) / 2
        if _kpa(middle, rules, code) >= kpa:
            near = middle
        else:
            far = middle
    return metres(near * math.cbrt(tnt_kg))


def _kpa(scaled_m_kg3: float, rules: ConsequenceRules, code: str) -> float:
    if code == "kingery":
        return kingery_kpa(scaled_m_kg3, rules.kingery)
    return gb6722_kpa(scaled_m_kg3, rules.methods[code])

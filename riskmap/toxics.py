"""Toxic releases: how far a toxic endpoint reaches by EPA's worst case, and probits of a dose.

EPA's reference tables are not on file row by row. What there is: an equation for anhydrous ammonia (its mark is too
low to compute with until someone has checked it), and for other gases EPA's worst-case release rate and weather
with a Gaussian plume to the endpoint of 40 CFR 68 appendix A, which is screening. Distances to 0.1 m.
"""

import math

from riskmap.consequence_figures import Toxic, ToxicProbit
from riskmap.consequence_tables import ConsequenceRules
from riskmap.errors import BadInput
from riskmap.explosions import metres
from riskmap.plume import Plume

_LB_OF_KG = 1 / 0.45359237
_M_OF_MILE = 1609.344
_S_OF_MIN = 60.0
_MG_M3_OF_MG_L = 1000.0
_HALF_OF_THE_PEOPLE = 5.0


def release_rate_kg_s(mass_kg: float, rules: ConsequenceRules) -> float:
    """EPA's worst case of a gas: the whole contents in 10 minutes, in kg/s."""
    return mass_kg / (rules.release.minutes * _S_OF_MIN)


def ammonia_distance_m(mass_kg: float, rules: ConsequenceRules, terrain: str) -> float:
    """Distance in m to 0.14 mg/L of ammonia liquefied by pressure: D = a·QR^b miles, QR in lb/min (`epa_ammonia`).

    Stability F, 1.5 m/s. EPA reports 0.1 to 25 miles; OutsideValidity beyond.
    """
    method = rules.method("epa_ammonia")
    rate_lb_min = mass_kg / rules.release.minutes * _LB_OF_KG
    figures = method.figures
    miles = figures[f"{terrain}_miles"] * rate_lb_min ** figures[f"{terrain}_power"]
    return metres(method.check(miles * _M_OF_MILE))


def plume_endpoint_m(mass_kg: float, toxic: Toxic, rules: ConsequenceRules) -> float:
    """Distance in m to the toxic endpoint of a gas, by EPA's worst-case rate and weather and a Gaussian plume.

    OutsideValidity where the endpoint lies within 100 m or beyond 10 km, where the coefficients do not hold.
    """
    release = rules.release
    plume = Plume.of(
        rules,
        rate_kg_s=release_rate_kg_s(mass_kg, rules),
        wind_m_s=release.wind_m_s,
        stability=release.stability,
        terrain=release.terrain,
        height_m=release.height_m,
        relative_density=toxic.relative_density,
        cold=toxic.dense == "cold",
    )
    farthest, cut_off = plume.farthest_m(toxic.endpoint_mg_l * _MG_M3_OF_MG_L)
    method = plume.method
    return method.check(math.nextafter(method.most, math.inf) if cut_off else farthest)


def toxic_probit(probit: ToxicProbit, concentration: float, minutes: float) -> float:
    """Y = a + b·ln(Cⁿ·t) for a concentration in the probit's own unit; 5 is half of the people."""
    return probit.a + probit.b * math.log(concentration**probit.n * minutes)


def lc50(probit: ToxicProbit, minutes: float) -> float:
    """The concentration, in the probit's own unit, that kills half of the people in so many minutes, to 0.1."""
    if not 0 < minutes < math.inf:
        raise BadInput("暴露时间须大于 0", remedy="请填写分钟数")
    log = (_HALF_OF_THE_PEOPLE - probit.a) / probit.b - math.log(minutes)
    return round(math.exp(log / probit.n), 1)

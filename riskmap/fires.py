"""Fires: the fireball of a bursting vessel of liquefied gas, and a burning pool.

Radiation is that of a point source, q = f·(heat released per second)·τ/(4π·x²), with τ = 1 (no water vapour in the
air, so rather too far than too near). Distances are rounded to 0.1 m, durations to 0.01 s, once.
"""

import math
from typing import NamedTuple

from riskmap.consequence_figures import Flammable, Method, ThermalProbit
from riskmap.errors import BadInput, OutsideValidity
from riskmap.explosions import metres

_J_OF_KJ = 1000.0


class Fireball(NamedTuple):
    """Diameter in m and duration in s."""

    diameter_m: float
    duration_s: float


def fireball(mass_kg: float, method: Method) -> Fireball:
    """Diameter and duration of the fireball of `mass_kg` kg, by CCPS or by TNO as the method says.

    `ccps_fireball`: D = 5.8·M^(1/3), t = 0.45·M^(1/3) below 30 t, else 2.6·M^(1/6). `tno_fireball`:
    D = 6.48·M^0.325, t = 0.852·M^0.26. Checked against values for 1 to 100 t; OutsideValidity else.
    """
    mass, figures = method.check(mass_kg), method.figures
    if method.code == "tno_fireball":
        diameter = figures["diameter_factor"] * mass ** figures["diameter_power"]
        duration = figures["duration_factor"] * mass ** figures["duration_power"]
    else:
        diameter = figures["diameter_factor"] * math.cbrt(mass)
        duration = _duration_s(mass, method)
    return Fireball(metres(diameter), round(duration, 2))


def ilo_fireball(tank_kg: float, tanks: int, method: Method) -> Fireball:
    """Diameter and duration by Chinese practice (ILO): R = 2.9·W^(1/3), t = 0.45·W^(1/3).

    W is 0.5 of the contents of one tank, 0.7 of those of two, 0.9 of those of more; 1 to 100 t, OutsideValidity else.
    """
    if tanks < 1:
        raise BadInput(f"储罐数须不小于 1，现为 {tanks}", remedy="请改正")
    figures = method.figures
    share = figures[{1: "share_one", 2: "share_two"}.get(tanks, "share_more")]
    root = math.cbrt(method.check(tank_kg * tanks * share))
    return Fireball(metres(2 * figures["radius_factor"] * root), round(figures["duration_factor"] * root, 2))


def fireball_dose_m(mass_kg: float, combustion_kj_kg: float, dose: Method, size: Method) -> float:
    """Distance in m at which the thermal dose of a fireball gives second-degree burns (40 s at 5 kW/m²).

    L = √(2.2·τ·R·Hc·W^0.67 / (4π·(3.42e6/t)^0.75)) with Hc in J/kg, R = 0.4, τ = 1 (EPA 550-B-99-009, appendix D,
    method `epa_fireball`); t by CCPS. 1 to 100 t; OutsideValidity else.
    """
    mass, figures = dose.check(mass_kg), dose.figures
    per_second = (figures["dose"] / _duration_s(mass, size)) ** 0.75
    radiated = (
        figures["factor"]
        * figures["transmissivity"]
        * figures["radiative_fraction"]
        * combustion_kj_kg
        * _J_OF_KJ
        * mass ** figures["mass_power"]
    )
    return metres(math.sqrt(radiated / (4 * math.pi * per_second)))


def fireball_radiation_m(
    mass_kg: float, combustion_kj_kg: float, kw_m2: float, dose: Method, size: Method
) -> float:
    """Distance in m from below the fireball at which it radiates `kw_m2`: x = √(f·M·Hc/(4π·t·q)), f = 0.4.

    E = f·M·Hc/(π·D²·t) with the view factor D²/(4·x²) of a sphere; never less than the fireball's radius.
    """
    mass = dose.check(mass_kg)
    released_kw = mass * combustion_kj_kg / _duration_s(mass, size)
    distance = _point_source_m(dose.figures["radiative_fraction"] * released_kw, kw_m2)
    return metres(max(distance, size.figures["diameter_factor"] * math.cbrt(mass) / 2))


def burning_rate_kg_m2_s(liquid: Flammable, method: Method) -> float | None:
    """Mass burnt per m² and s: the measured rate, else 0.001·Hc/(Hv + Cp·(Tb − Ta)); None where it is not known.

    The Cp term falls away for what boils below the ambient 25 °C (EPA 550-B-99-009, appendix D; TNO).
    """
    if liquid.burning_kg_m2_s is not None:
        return liquid.burning_kg_m2_s
    vaporisation, capacity, boiling = (
        liquid.vaporisation_kj_kg,
        liquid.heat_capacity_kj_kg_k,
        liquid.boiling_c,
    )
    if vaporisation is None or capacity is None or boiling is None:
        return None
    warming = capacity * max(boiling - method.figures["ambient_c"], 0.0)
    return method.figures["burning_factor"] * liquid.combustion_kj_kg / (vaporisation + warming)


def pool_fire_m(
    area_m2: float, burning_kg_m2_s: float, combustion_kj_kg: float, kw_m2: float, method: Method
) -> float:
    """Distance in m from the middle of a burning pool at which it radiates `kw_m2`: x = √(f·m·A·Hc/(4π·q)), f = 0.4.

    At 5 kW/m² this is EPA's d = Hc·√(0.0001·A/(5000π·(Hv + Cp·(Tb − Ta)))). OutsideValidity for a pool of less than
    1 m or more than 100 m across, and where the distance lies within the pool itself.
    """
    released_kw = method.check(area_m2) * burning_kg_m2_s * combustion_kj_kg
    distance = _point_source_m(method.figures["radiative_fraction"] * released_kw, kw_m2)
    radius = math.sqrt(area_m2 / math.pi)
    if distance < radius:
        raise OutsideValidity(
            f"{kw_m2:g} kW/m² 的距离 {distance:.1f} 米在油池以内（半径 {radius:.1f} 米）",
            remedy="点源模型在火焰内不适用，请按油池边界考虑",
            method=method.code,
            limit="distance_m",
            value=distance,
            least=radius,
            most=math.inf,
            side="below",
        )
    return metres(distance)


def thermal_dose(w_m2: float, seconds: float) -> float:
    """t·I^(4/3) in (W/m²)^(4/3)·s; 40 s at 5 kW/m² are 3.42e6, EPA's dose of second-degree burns."""
    return seconds * math.cbrt(w_m2) ** 4


def thermal_probit(probit: ThermalProbit, w_m2: float, seconds: float) -> float:
    """Y of radiation in W/m² borne for some seconds; 5 is half of the people."""
    return probit.a + probit.b * math.log(thermal_dose(w_m2, seconds) / probit.unit)


def _duration_s(mass_kg: float, size: Method) -> float:
    figures = size.figures
    if mass_kg < figures["long_from_kg"]:
        return figures["short_factor"] * math.cbrt(mass_kg)
    return figures["long_factor"] * math.sqrt(math.cbrt(mass_kg))


def _point_source_m(radiated_kw: float, kw_m2: float) -> float:
    return math.sqrt(radiated_kw / (4 * math.pi * kw_m2))

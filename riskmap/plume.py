"""A steady plume over flat open or built-up ground, for what-if footprints. Screening only.

    C = Q/(2π·u·σy·σz) · exp(−y²/2σy²) · [exp(−(z−H)²/2σz²) + exp(−(z+H)²/2σz²)]

σ by Briggs 1973, stability A to F, rural or urban, 100 m to 10 km downwind. A Gaussian plume knows no weight: near
the source of a dense gas (chlorine, LPG, cold ammonia) it is not conservative, and the result says so. Lengths in m,
x downwind from the source, y to the left of the wind, z up. Concentrations are rounded to 0.001 mg/m³ and lengths to
0.1 m, once, before anything else uses them.
"""

import math
from dataclasses import dataclass
from typing import Literal, NamedTuple

import numpy as np
from numpy.typing import ArrayLike

from riskmap.consequence_figures import Briggs, Method
from riskmap.consequence_tables import SKIES, ConsequenceRules
from riskmap.errors import BadInput
from riskmap.shapes import Floats

Density = Literal["dense", "neutral", "unknown"]

_MG_OF_KG = 1e6
_SEARCHED, _DRAWN, _REFINED = 128, 96, 3
_HEAVIER_THAN_AIR = 1.0


class Footprint(NamedTuple):
    """Where the concentration at a height is at least the threshold.

    `ring_m` is a closed ring (n × 2) of x downwind and y to the left, empty where there is none; up to 100 m from
    the source, where the coefficients do not hold, it is drawn to the source. `cut_off`: the threshold is still
    passed at 10 km, so the ring ends there and the true footprint is longer. `farthest_m` and `half_width_m` are 0
    without a footprint beyond 100 m.
    """

    ring_m: Floats
    farthest_m: float
    half_width_m: float
    cut_off: bool
    density: Density


@dataclass(frozen=True)
class Plume:
    """A continuous release of `rate_kg_s` at `height_m` in wind `wind_m_s`; build it with `of`, which checks it."""

    rate_kg_s: float
    wind_m_s: float
    height_m: float
    sigmas_of: Briggs
    method: Method
    density: Density

    @classmethod
    def of(
        cls,
        rules: ConsequenceRules,
        *,
        rate_kg_s: float,
        wind_m_s: float,
        stability: str,
        terrain: str,
        height_m: float = 0.0,
        relative_density: float | None = None,
        cold: bool = False,
    ) -> "Plume":
        """A plume of the edition's method `briggs_plume`.

        Raises BadInput for a rate, wind or height that is none, a wind under the method's limit, or an unknown
        stability or terrain. `relative_density` against air, None unknown; `cold`: dense while it is cold.
        """
        if not (rate_kg_s > 0 and math.isfinite(rate_kg_s) and 0 <= height_m < math.inf):
            raise BadInput("泄漏速率须大于 0，高度不小于 0", remedy="请改正")
        if not rules.least_wind_m_s <= wind_m_s < math.inf:
            raise BadInput(
                f"风速 {wind_m_s:g} 米/秒低于烟羽方法的下限 {rules.least_wind_m_s:g} 米/秒",
                remedy="静风时烟羽不成立，请按圆形范围考虑",
            )
        sigmas = rules.briggs.get((terrain, stability))
        if sigmas is None:
            raise BadInput(
                f"没有稳定度 {stability}、地形 {terrain} 的系数", remedy="稳定度 A 至 F，地形 rural 或 urban"
            )
        density: Density = "unknown" if relative_density is None else "neutral"
        if cold or (relative_density or 0.0) > _HEAVIER_THAN_AIR:
            density = "dense"
        return cls(rate_kg_s, wind_m_s, height_m, sigmas, rules.method("briggs_plume"), density)

    def concentration_mg_m3(self, x_m: ArrayLike, y_m: ArrayLike, z_m: ArrayLike = 0.0) -> Floats:
        """Concentration in mg/m³ at points; 0 upwind, nan where the method does not hold (under 100 m, over 10 km)."""
        x, y, z = np.broadcast_arrays(*(np.asarray(part, np.float64) for part in (x_m, y_m, z_m)))
        holds = (self.method.least <= x) & (x <= self.method.most)
        found = np.round(self._mg_m3(np.where(holds, x, self.method.least), y, z), 3)
        return np.where(holds, found, np.where(x <= 0, 0.0, np.nan))

    def footprint(self, threshold_mg_m3: float, z_m: float = 0.0) -> Footprint:
        """Where the concentration at height z is at least the threshold, as a ring downwind of the source."""
        passed = self._passed(threshold_mg_m3, z_m)
        if passed is None:
            return Footprint(np.zeros((0, 2)), 0.0, 0.0, False, self.density)
        start, end, cut_off = passed
        closer_at_both_ends = (1 - np.cos(np.linspace(0, np.pi, _DRAWN))) / 2
        along = start + (end - start) * closer_at_both_ends
        sigma_y, _ = self._sigmas(along)
        ratio = self._mg_m3(along, 0.0, z_m) / threshold_mg_m3
        half = sigma_y * np.sqrt(2 * np.log(np.maximum(ratio, 1.0)))
        if start == self.method.least:
            along, half = np.concatenate([[0.0], along]), np.concatenate([[0.0], half])
        left = np.round(np.column_stack([along, half]), 1)
        right = left[::-1] * (1.0, -1.0) + 0.0
        ring = np.concatenate([left, right, left[:1]])
        ring = ring[np.concatenate([[True], (np.diff(ring, axis=0) != 0).any(axis=1)])]
        return Footprint(ring, round(end, 1), float(left[:, 1].max()), cut_off, self.density)

    def farthest_m(self, threshold_mg_m3: float, z_m: float = 0.0) -> tuple[float, bool]:
        """How far downwind the threshold is passed, to 0.1 m, and whether it still is at 10 km; 0 within 100 m."""
        passed = self._passed(threshold_mg_m3, z_m)
        return (0.0, False) if passed is None else (round(passed[1], 1), passed[2])

    def _passed(self, threshold_mg_m3: float, z_m: float) -> tuple[float, float, bool] | None:
        """From where to where the centre line is above the threshold, and whether it is at the far end."""
        if not 0 < threshold_mg_m3 < math.inf:
            raise BadInput("阈值须大于 0", remedy="请填写以 mg/m³ 计的浓度")
        x = np.geomspace(self.method.least, self.method.most, _SEARCHED)
        x[0], x[-1] = self.method.least, self.method.most
        above = np.flatnonzero(self._mg_m3(x, 0.0, z_m) >= threshold_mg_m3)
        if not len(above):
            return None
        first, last = int(above[0]), int(above[-1])
        start = float(x[0]) if first == 0 else self._edge(x[first], x[first - 1], threshold_mg_m3, z_m)
        cut_off = last == len(x) - 1
        end = float(x[-1]) if cut_off else self._edge(x[last], x[last + 1], threshold_mg_m3, z_m)
        return start, end, cut_off

    def _edge(self, inside_m: float, outside_m: float, threshold_mg_m3: float, z_m: float) -> float:
        """Where the centre line passes the threshold, between a point above it and one below it."""
        inside, outside = float(inside_m), float(outside_m)
        for _ in range(_REFINED):
            x = np.linspace(inside, outside, _SEARCHED)
            below = np.flatnonzero(self._mg_m3(x, 0.0, z_m) < threshold_mg_m3)
            place = int(below[0]) if len(below) else len(x) - 1
            inside, outside = float(x[max(place - 1, 0)]), float(x[place])
        return inside

    def _sigmas(self, x_m: ArrayLike) -> tuple[Floats, Floats]:
        return briggs_sigmas(x_m, self.sigmas_of)

    def _mg_m3(self, x_m: ArrayLike, y_m: ArrayLike, z_m: ArrayLike) -> Floats:
        sigma_y, sigma_z = self._sigmas(x_m)
        y, z = np.asarray(y_m, np.float64), np.asarray(z_m, np.float64)
        across = np.exp(-(y**2) / (2 * sigma_y**2))
        up = sum(np.exp(-((z + side * self.height_m) ** 2) / (2 * sigma_z**2)) for side in (-1.0, 1.0))
        centre = self.rate_kg_s * _MG_OF_KG / (2 * np.pi * self.wind_m_s * sigma_y * sigma_z)
        return np.asarray(centre * across * up, np.float64)


def briggs_sigmas(x_m: ArrayLike, coefficients: Briggs) -> tuple[Floats, Floats]:
    """σy and σz in m at distances x in m: σ = a·x·(1 + b·x)^p (Briggs 1973), meant for 100 m to 10 km."""
    x, c = np.asarray(x_m, np.float64), coefficients
    sigma_y: Floats = c.y_a * x * (1 + c.y_b * x) ** c.y_p
    sigma_z: Floats = c.z_a * x * (1 + c.z_b * x) ** c.z_p
    return sigma_y, sigma_z


def stability_of(rules: ConsequenceRules, wind_m_s: float, sky: str) -> str:
    """Pasquill's stability class for a wind at 10 m and a sky (one of `SKIES`); lower edges are inclusive.

    Of two classes that he gives the calmer one. BadInput for a wind that is none or an unknown sky.
    """
    if not 0 <= wind_m_s < math.inf or sky not in SKIES:
        raise BadInput(
            f"没有风速 {wind_m_s:g} 米/秒、天空状况 {sky} 的稳定度", remedy=f"天空状况：{'、'.join(SKIES)}"
        )
    return next(by_sky[sky] for wind_from, by_sky in reversed(rules.pasquill) if wind_m_s >= wind_from)


def placed(ring_m: Floats, x_m: float, y_m: float, wind_from_deg: float) -> Floats:
    """A ring laid on the map: source at (x east, y north) in m, wind from a bearing (0 north, clockwise), to 1 mm."""
    to = math.radians(wind_from_deg + 180.0)
    east, north = math.sin(to), math.cos(to)
    along, left = ring_m[:, 0], ring_m[:, 1]
    laid: Floats = np.column_stack([x_m + along * east - left * north, y_m + along * north + left * east])
    return np.round(laid, 3)

"""What the consequence methods compute with: methods and their ranges, substances, coefficients, thresholds.

Figures are floats here, for they go through roots, exponentials and logarithms; what comes out is rounded once.
"""

from collections.abc import Mapping
from dataclasses import dataclass

from riskmap.errors import OutsideValidity


@dataclass(frozen=True)
class Method:
    """One published method: its equation, where it stands, the range in which it holds, and its figures.

    `limit` names the quantity that is limited (`mass_kg`, `area_m2`, `scaled_m_kg3` or `distance_m`), `least` and
    `most` belong to the range. `usable` is False where its confidence mark is not one to compute with, `checked` where
    somebody read it in, or recomputed it against, what was published.
    """

    code: str
    name_zh: str
    name_en: str
    equation: str
    reference: str
    limit: str
    unit: str
    least: float
    most: float
    limit_basis_zh: str
    limit_basis_en: str
    usable: bool
    checked: bool
    figures: Mapping[str, float]

    def check(self, value: float) -> float:
        """The value, where the method holds for it. Raises OutsideValidity beyond either end of the range."""
        if not self.least <= value <= self.most:
            raise OutsideValidity(
                f"{self.name_zh}适用于 {self.validity()}，现为 {value:g} {self.unit}",
                remedy="请改用其他方法或导入正式评估的影响范围",
                method=self.code,
                limit=self.limit,
                value=value,
                least=self.least,
                most=self.most,
                side="below" if value < self.least else "above",
            )
        return value

    def validity(self, lang: str = "zh") -> str:
        """The range in which the method holds, with its unit and why; `lang` is zh or en."""
        span = f"{self.least:,g}–{self.most:,g} {self.unit}"
        return f"{span} ({self.limit_basis_en})" if lang == "en" else f"{span}（{self.limit_basis_zh}）"


@dataclass(frozen=True)
class Flammable:
    """Heats in kJ/kg, heat capacity in kJ/(kg·K), boiling point in °C, burning rate in kg/(m²·s), density in kg/m³.

    `form`: liquefied (a gas kept liquid by its pressure), gas or liquid. What is not on file is None; a measured
    burning rate goes before the computed one.
    """

    name_zh: str
    name_en: str
    form: str
    combustion_kj_kg: float
    vaporisation_kj_kg: float | None
    heat_capacity_kj_kg_k: float | None
    boiling_c: float | None
    burning_kg_m2_s: float | None
    density_kg_m3: float | None
    source: str
    checked: bool


@dataclass(frozen=True)
class Toxic:
    """A toxic endpoint in mg/L. `form`: gas or liquid at 25 °C; `dense`: heavy by its molar mass, cold, or empty."""

    name_zh: str
    name_en: str
    form: str
    endpoint_mg_l: float
    relative_density: float | None
    dense: str
    source: str
    checked: bool


@dataclass(frozen=True)
class Explosive:
    """How many kg of TNT one kg equals."""

    name_zh: str
    name_en: str
    tnt_equivalent: float
    source: str
    checked: bool


@dataclass(frozen=True)
class ToxicProbit:
    """Y = a + b·ln(Cⁿ·t), t in min, C in `unit` (ppm or mg_m3): the sets of the two units are not interchangeable."""

    name_en: str
    unit: str
    a: float
    b: float
    n: float
    source: str


@dataclass(frozen=True)
class ThermalProbit:
    """Y = a + b·ln(t·I^(4/3)/unit), I in W/m², t in s."""

    a: float
    b: float
    unit: float
    source: str


@dataclass(frozen=True)
class Briggs:
    """σ = a·x·(1 + b·x)^p across (y) and up (z), x in m."""

    y_a: float
    y_b: float
    y_p: float
    z_a: float
    z_b: float
    z_p: float


@dataclass(frozen=True)
class KingeryRange:
    """ln p = Σ c·(ln Z)^i for Z from `z_from` up to `z_to` in m/kg^(1/3), p in kPa."""

    z_from: float
    z_to: float
    coefficients: tuple[float, ...]


@dataclass(frozen=True)
class Domino:
    """At which overpressure or radiation equipment of a type is taken to fail and carry an accident on."""

    equipment: str
    quantity: str
    threshold: float
    unit: str
    name_zh: str
    name_en: str
    source: str


@dataclass(frozen=True)
class ReleaseRule:
    """The worst case of a toxic release: the whole contents as gas in so many minutes, in this weather."""

    minutes: float
    stability: str
    wind_m_s: float
    terrain: str
    height_m: float

"""The figures of the consequence methods, typed and checked: an edition's table `consequences`.

A row whose confidence mark the edition does not compute with counts as if it were not there: what needs it is
refused as unknown.
"""

import math
from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property, lru_cache
from typing import TypeVar

from riskmap.consequence_figures import (
    Briggs,
    Domino,
    Explosive,
    Flammable,
    KingeryRange,
    Method,
    ReleaseRule,
    ThermalProbit,
    Toxic,
    ToxicProbit,
)
from riskmap.editions import EDITIONS_KEPT, Edition, Row
from riskmap.errors import BadInput
from riskmap.gb18218 import SubstanceTables
from riskmap.names import cas_number, name_key
from riskmap.vocabulary import SOURCE_KINDS

ROLE = "consequences"
RESULTS = ("vce_1psi", "fireball", "pool_fire", "overpressure", "toxic_endpoint")
"""Names of the distances, as they stand in `distances_m`"""
EXPLOSIVES_METHODS = ("gb6722", "kingery")
STABILITIES = ("A", "B", "C", "D", "E", "F")
TERRAINS = ("rural", "urban")
SKIES = ("day_strong", "day_moderate", "day_slight", "night_overcast", "night_clear")
"""How strong the sun is by day, and whether at least half of the sky is overcast by night"""
T = TypeVar("T")
_MARKS = ("high", "medium", "low")
_FIGURES = {
    "epa_tnt": ("k_m_kg3", "yield", "tnt_kj_kg"),
    "epa_fireball": ("factor", "transmissivity", "radiative_fraction", "mass_power", "dose"),
    "ccps_fireball": ("diameter_factor", "short_factor", "long_factor", "long_from_kg"),
    "tno_fireball": ("diameter_factor", "diameter_power", "duration_factor", "duration_power"),
    "ilo_fireball": ("radius_factor", "duration_factor", "share_one", "share_two", "share_more"),
    "epa_pool_fire": ("burning_factor", "ambient_c", "radiative_fraction", "pool_depth_m"),
    "kingery": (),
    "gb6722": ("cube", "square", "plain"),
    "epa_ammonia": ("rural_miles", "rural_power", "urban_miles", "urban_power"),
    "briggs_plume": (),
}
_METHOD_COLUMNS = (
    *("method", "name_zh", "name_en", "equation", "reference", "limit", "unit"),
    *("least", "most", "limit_basis_zh", "limit_basis_en", "confidence"),
)
_FLAMMABLE_COLUMNS = (
    *("cas", "name_zh", "name_en", "also", "form", "combustion_kj_kg", "vaporisation_kj_kg"),
    *("heat_capacity_kj_kg_k", "boiling_c", "burning_kg_m2_s", "density_kg_m3", "source", "confidence"),
)
_TOXIC_COLUMNS = (
    *(
        "cas",
        "name_zh",
        "name_en",
        "form",
        "endpoint_mg_l",
        "relative_density",
        "dense",
        "source",
        "confidence",
    ),
)
_EXPLOSIVE_COLUMNS = ("cas", "name_zh", "name_en", "tnt_equivalent", "source", "confidence")
_KINGERY_COLUMNS = ("z_from", "z_to", "c0", "c1", "c2", "c3", "c4", "source", "confidence")
_BRIGGS_COLUMNS = ("terrain", "stability", "y_a", "y_b", "y_p", "z_a", "z_b", "z_p", "source", "confidence")
_DOMINO_COLUMNS = ("equipment", "quantity", "threshold", "unit", "name_zh", "name_en", "source", "confidence")


@dataclass(frozen=True)
class ConsequenceRules:
    """Everything the consequence methods of one edition compute with; build it with `from_edition`.

    Substances are found by `code` of GB 18218 table 1, or by CAS number or name key as written for a class match.
    """

    methods: dict[str, Method]
    flammables: dict[str, Flammable]
    toxics: dict[str, Toxic]
    explosives: dict[str, Explosive]
    probits: dict[tuple[str, str], ToxicProbit]
    thermal: dict[str, ThermalProbit]
    kingery: tuple[KingeryRange, ...]
    briggs: dict[tuple[str, str], Briggs]
    pasquill: tuple[tuple[float, dict[str, str]], ...]
    domino: tuple[Domino, ...]
    other_codes: dict[str, tuple[str, str]]
    release: ReleaseRule
    explosives_method: str
    explosives_kpa: tuple[float, ...]
    radiation_kw_m2: tuple[float, ...]
    least_wind_m_s: float

    @classmethod
    @lru_cache(maxsize=EDITIONS_KEPT)
    def from_edition(cls, edition: Edition) -> "ConsequenceRules":
        """Build from an edition's tables `consequences` and `gb18218`.

        Raises BadInput, naming file, row, field and remedy, for an unknown word, a figure that is none, a range
        that is empty, a wrong CAS number, or a method or a coefficient that is missing or doubled.
        """
        return _Reader(edition).rules()

    def method(self, code: str) -> Method:
        """A method of the edition. Raises BadInput where its mark is not one to compute with."""
        found = self.methods[code]
        if not found.usable:
            raise BadInput(
                f"{found.name_zh}未经核实，不用于计算", remedy="请核对原文后在 methods.csv 中提高其可信度"
            )
        return found


class _Reader:
    """Reads one edition's table; `marks` are the confidence marks to compute with."""

    def __init__(self, edition: Edition) -> None:
        self.edition = edition
        keys = ("confidence", "explosives_method", "explosives_kpa", "radiation_kw_m2")
        self.computing = edition.section(ROLE, "computing", keys)
        marks = self.computing.cells["confidence"]
        if not isinstance(marks, list) or not set(marks) <= set(_MARKS):
            raise self.computing.wrong("confidence", "不是可用标记的列表", f"只能由 {'、'.join(_MARKS)} 组成")
        self.marks: list[str] = marks

    @cached_property
    def codes(self) -> dict[str, tuple[str, ...]]:
        """The codes of GB 18218 table 1 by CAS number."""
        by_cas = SubstanceTables.from_edition(self.edition).by_cas
        return {cas: tuple(one.code for one in found) for cas, found in by_cas.items()}

    def rules(self) -> ConsequenceRules:
        release = self.edition.section(
            ROLE, "toxic_release", ("minutes", "stability", "wind_m_s", "terrain", "height_m")
        )
        return ConsequenceRules(
            methods=self.methods(),
            flammables=self.by_key("flammables", _FLAMMABLE_COLUMNS, _flammable),
            toxics=self.by_key("toxics", _TOXIC_COLUMNS, _toxic),
            explosives=self.by_key("explosives", _EXPLOSIVE_COLUMNS, _explosive),
            probits=self.probits(),
            thermal=self.thermal(),
            kingery=self.kingery(),
            briggs=self.briggs(),
            pasquill=self.pasquill(),
            domino=self.domino(),
            other_codes=self.other_codes(),
            release=ReleaseRule(
                minutes=_positive(release, "minutes"),
                stability=release.choice("stability", STABILITIES),
                wind_m_s=_positive(release, "wind_m_s"),
                terrain=release.choice("terrain", TERRAINS),
                height_m=float(release.number_of("height_m", positive=False)),
            ),
            explosives_method=self.computing.choice("explosives_method", EXPLOSIVES_METHODS),
            explosives_kpa=self.rising("explosives_kpa"),
            radiation_kw_m2=self.rising("radiation_kw_m2"),
            least_wind_m_s=_positive(
                self.edition.section(ROLE, "plume", ("least_wind_m_s",)), "least_wind_m_s"
            ),
        )

    def rows(self, part: str, columns: tuple[str, ...]) -> list[Row]:
        """The rows of a part whose mark is one to compute with."""
        rows = self.edition.rows(ROLE, part, columns)
        return [row for row in rows if row.choice("confidence", _MARKS) in self.marks]

    def rising(self, field: str) -> tuple[float, ...]:
        given = self.computing.cells[field]
        try:
            values = tuple(float(value) for value in given)
        except (TypeError, ValueError):
            values = ()
        if not values or list(values) != sorted(set(values)) or values[0] <= 0:
            raise self.computing.wrong(field, "须为由小到大的正数", "请改正，如 [5.0, 12.5]")
        return values

    def methods(self) -> dict[str, Method]:
        methods: dict[str, Method] = {}
        for row in self.edition.rows(ROLE, "methods", _METHOD_COLUMNS):
            code = row.choice("method", tuple(_FIGURES))
            least, most = _positive(row, "least"), _positive(row, "most")
            if code in methods or least >= most:
                raise row.wrong("method" if code in methods else "most", "重复，或上限不大于下限", "请改正")
            names = _FIGURES[code]
            figures = self.edition.section(ROLE, code, names) if names else None
            methods[code] = Method(
                code=code,
                name_zh=row.text("name_zh"),
                name_en=row.text("name_en"),
                equation=row.text("equation"),
                reference=row.text("reference"),
                limit=row.text("limit"),
                unit=row.text("unit"),
                least=least,
                most=most,
                limit_basis_zh=row.text("limit_basis_zh"),
                limit_basis_en=row.text("limit_basis_en"),
                usable=row.choice("confidence", _MARKS) in self.marks,
                checked=_is_checked(row),
                figures={name: _positive(figures, name) for name in names} if figures else {},
            )
        missing = set(_FIGURES) - set(methods)
        if missing:
            raise row.wrong("method", f"缺少 {'、'.join(sorted(missing))}", "请补上这些行")
        return methods

    def keys(self, row: Row) -> list[str]:
        """What a substance is looked up by: its CAS, its codes of table 1, its names."""
        cas = row.text("cas")
        if cas_number(cas) != cas:
            raise row.wrong("cas", f"{cas} 的格式或校验位不对", "请核对 CAS 号")
        names = [row.text("name_zh"), row.text("name_en"), *str(row.cells.get("also", "")).split(";")]
        return [cas, *self.codes.get(cas, ()), *(name_key(name) for name in names if name_key(name))]

    def by_key(self, part: str, columns: tuple[str, ...], build: Callable[[Row], T]) -> dict[str, T]:
        """The substances of a part by all they are looked up by; the first row of a key stands."""
        found: dict[str, T] = {}
        for row in self.rows(part, columns):
            one = build(row)
            for key in self.keys(row):
                found.setdefault(key, one)
        return found

    def probits(self) -> dict[tuple[str, str], ToxicProbit]:
        found: dict[tuple[str, str], ToxicProbit] = {}
        columns = ("cas", "name_en", "unit", "a", "b", "n", "source", "confidence")
        for row in self.rows("probits", columns):
            unit, cas = row.choice("unit", ("ppm", "mg_m3")), row.text("cas")
            if cas_number(cas) != cas:
                raise row.wrong("cas", f"{cas} 的格式或校验位不对", "请核对 CAS 号")
            if (cas, unit) in found:
                raise row.wrong("cas", f"{cas} 在 {unit} 中重复", "每种物质每种单位只保留一行")
            found[cas, unit] = ToxicProbit(
                row.text("name_en"),
                unit,
                _signed(row, "a"),
                _positive(row, "b"),
                _positive(row, "n"),
                row.text("source"),
            )
        return found

    def thermal(self) -> dict[str, ThermalProbit]:
        columns = ("probit", "a", "b", "unit", "name_zh", "name_en", "source", "confidence")
        return {
            row.text("probit"): ThermalProbit(
                _signed(row, "a"), _positive(row, "b"), _positive(row, "unit"), row.text("source")
            )
            for row in self.rows("thermal", columns)
        }

    def kingery(self) -> tuple[KingeryRange, ...]:
        ranges: list[KingeryRange] = []
        for row in self.rows("kingery", _KINGERY_COLUMNS):
            start, end = _positive(row, "z_from"), _positive(row, "z_to")
            if end <= start or (ranges and ranges[-1].z_to != start):
                raise row.wrong("z_from", "各段须首尾相接、依次增大", "请改正")
            coefficients = tuple(_signed(row, f"c{power}") for power in range(5))
            ranges.append(KingeryRange(start, end, coefficients))
        return tuple(ranges)

    def briggs(self) -> dict[tuple[str, str], Briggs]:
        found = {
            (row.choice("terrain", TERRAINS), row.choice("stability", STABILITIES)): Briggs(
                *(_signed(row, field) for field in _BRIGGS_COLUMNS[2:8])
            )
            for row in self.rows("briggs", _BRIGGS_COLUMNS)
        }
        if len(found) != len(TERRAINS) * len(STABILITIES):
            raise BadInput("briggs.csv 须有两种地形各六类稳定度", remedy="请补全各行，并核对其可信度")
        return found

    def pasquill(self) -> tuple[tuple[float, dict[str, str]], ...]:
        """From which wind on, and by sky the stability; of two classes (A-B) the calmer, which reaches farther."""
        steps: list[tuple[float, dict[str, str]]] = []
        for row in self.edition.rows(ROLE, "pasquill", ("wind_from_m_s", *SKIES)):
            wind = float(row.number_of("wind_from_m_s", positive=False))
            if wind != 0 if not steps else wind <= steps[-1][0]:
                raise row.wrong("wind_from_m_s", "不是从 0 起递增", "请按风速从小到大排列，首行为 0")
            given = {sky: row.text(sky).split("-") for sky in SKIES}
            for sky, classes in given.items():
                if not set(classes) <= set(STABILITIES):
                    raise row.wrong(sky, f"不能是 {row.text(sky)}", "须为 A 至 F 之一或相邻两类，如 A-B")
            steps.append((wind, {sky: max(classes) for sky, classes in given.items()}))
        return tuple(steps)

    def domino(self) -> tuple[Domino, ...]:
        return tuple(
            Domino(
                row.text("equipment"),
                row.choice("quantity", ("overpressure", "radiation", "fireball_radiation")),
                _positive(row, "threshold"),
                row.text("unit"),
                row.text("name_zh"),
                row.text("name_en"),
                row.text("source"),
            )
            for row in self.rows("domino", _DOMINO_COLUMNS)
        )

    def other_codes(self) -> dict[str, tuple[str, str]]:
        rows = self.edition.rows(ROLE, "kinds", ("kind", "reason_zh", "reason_en"))
        return {
            row.choice("kind", SOURCE_KINDS): (row.text("reason_zh"), row.text("reason_en")) for row in rows
        }


def _is_checked(row: Row) -> bool:
    return row.text("confidence") == "high"


def _flammable(row: Row) -> Flammable:
    return Flammable(
        name_zh=row.text("name_zh"),
        name_en=row.text("name_en"),
        form=row.choice("form", ("liquefied", "gas", "liquid")),
        combustion_kj_kg=_positive(row, "combustion_kj_kg"),
        vaporisation_kj_kg=_known(row, "vaporisation_kj_kg"),
        heat_capacity_kj_kg_k=_known(row, "heat_capacity_kj_kg_k"),
        boiling_c=_known(row, "boiling_c"),
        burning_kg_m2_s=_known(row, "burning_kg_m2_s"),
        density_kg_m3=_known(row, "density_kg_m3"),
        source=row.text("source"),
        checked=_is_checked(row),
    )


def _toxic(row: Row) -> Toxic:
    relative, dense = _known(row, "relative_density"), row.text("dense", needed=False)
    if dense not in {"", "heavy", "cold"} or ((relative or 0) > 1 and not dense):
        raise row.wrong("dense", "须为 heavy、cold 或空；相对密度大于 1 的为 heavy", "请改正")
    return Toxic(
        name_zh=row.text("name_zh"),
        name_en=row.text("name_en"),
        form=row.choice("form", ("gas", "liquid")),
        endpoint_mg_l=_positive(row, "endpoint_mg_l"),
        relative_density=relative,
        dense=dense,
        source=row.text("source"),
        checked=_is_checked(row),
    )


def _explosive(row: Row) -> Explosive:
    equivalent = _positive(row, "tnt_equivalent")
    names = row.text("name_zh"), row.text("name_en")
    return Explosive(*names, equivalent, row.text("source"), _is_checked(row))


def _positive(row: Row, field: str) -> float:
    return float(row.number_of(field))


def _known(row: Row, field: str) -> float | None:
    """The figure of a cell, None where it is empty: unknown."""
    return _positive(row, field) if row.text(field, needed=False) else None


def _signed(row: Row, field: str) -> float:
    """A figure that may be negative."""
    try:
        value = float(row.text(field))
    except ValueError:
        value = math.nan
    if not math.isfinite(value):
        raise row.wrong(field, f"不是数：{row.cells[field]}", "请填写十进制数，如 -0.5")
    return value

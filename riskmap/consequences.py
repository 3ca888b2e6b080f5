"""Screening distances of consequences for what a source holds, by substance: how far, by which method, or why not.

    flammable gas    vapour cloud to 1 psi; where it is liquefied by its pressure also the fireball
    flammable liquid pool fire              explosive  overpressure              toxic  endpoint

A distance that cannot be given says why (`reason`): the substance's figures are not on file, or the amount is out of
the method's range. Above a range `at_least_m` is the distance at its upper end, so that more of a substance never
reaches less far. Everything here is screening: zones of a real study go before it.
"""

import math
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from fractions import Fraction
from typing import Any, Literal, NamedTuple

from riskmap.consequence_figures import Flammable, Method, Toxic
from riskmap.consequence_tables import RESULTS, ConsequenceRules
from riskmap.errors import OutsideValidity
from riskmap.explosions import blast_distance_m, metres, vce_distance_m
from riskmap.fires import burning_rate_kg_m2_s, fireball, fireball_dose_m, fireball_radiation_m, pool_fire_m
from riskmap.sources import Item, exact_quantity
from riskmap.substances import Match
from riskmap.toxics import ammonia_distance_m, plume_endpoint_m

Reason = Literal[
    "", "below_range", "above_range", "heat_unknown", "burning_unknown", "density_unknown", "tnt_unknown",
    "endpoint_unknown", "evaporation_unknown"
]  # fmt: skip
NoteCode = Literal[
    "dense_gas", "density_of_gas_unknown", "no_bund", "other_code", "unchecked", "whole_as_gas"
]

OF_STUDY = {
    "explosion": ("vce_1psi", "overpressure"),
    "fire": ("fireball", "pool_fire"),
    "toxic": ("toxic_endpoint",),
}
"""A study's kind of hazard, and the computed distances that its zones go before."""

_KG_OF_T = 1000
_AMMONIA_CAS = "7664-41-7"


class Held(NamedTuple):
    """An inventory record, the tank or building it stands in, and the bunded area around it where one is known."""

    item: Item
    vessel: str = ""
    bund_m2: float | None = None


class Ring(NamedTuple):
    """A further distance of the same accident: a threshold with its unit, and the distance in m."""

    threshold: float
    unit: str
    distance_m: float


@dataclass(frozen=True, slots=True)
class ConsequenceDistance:
    """One distance of one substance, or why there is none.

    `name` is one of `RESULTS`. `distance_m` in m to 0.1 m, None where it is refused; `at_least_m` then is what can
    still be said. `rings` holds all thresholds, the farthest first, `facts` further figures (fireball's diameter).
    """

    name: str
    substance: str
    name_zh: str
    name_en: str
    quantity_t: float
    method: Method
    distance_m: float | None = None
    at_least_m: float | None = None
    reason: Reason = ""
    rings: tuple[Ring, ...] = ()
    notes: tuple[NoteCode, ...] = ()
    facts: tuple[tuple[str, float], ...] = ()

    @property
    def reach_m(self) -> float | None:
        """What counts for the reach of a source: the distance, else what it is at least."""
        return self.at_least_m if self.distance_m is None else self.distance_m

    def to_json(self) -> dict[str, Any]:
        """The distance as JSON, with method, reference and validity; marked screening."""
        return {
            "name": self.name,
            "distance_m": self.distance_m,
            "at_least_m": self.at_least_m,
            "reason": self.reason,
            "substance": self.substance,
            "substance_zh": self.name_zh,
            "substance_en": self.name_en,
            "quantity_t": self.quantity_t,
            "method": self.method.code,
            "method_zh": self.method.name_zh,
            "method_en": self.method.name_en,
            "equation": self.method.equation,
            "reference": self.method.reference,
            "validity": self.method.validity(),
            "validity_en": self.method.validity("en"),
            "rings": [ring._asdict() for ring in self.rings],
            "notes": list(self.notes),
            "facts": dict(self.facts),
            "screening": True,
        }


def consequence_distances(
    kind: str, held: Iterable[Held], rules: ConsequenceRules
) -> dict[str, ConsequenceDistance]:
    """By name the farthest of all distances of what a source of this kind holds; names without any are left out.

    A refused one with `at_least_m` counts with that, any other refused one only where there is nothing else.
    """
    best: dict[str, ConsequenceDistance] = {}
    for one in all_distances(kind, held, rules):
        known = best.get(one.name)
        if known is None or _rank(one) > _rank(known):
            best[one.name] = one
    return {name: best[name] for name in RESULTS if name in best}


def distances_m(distances: Mapping[str, ConsequenceDistance]) -> dict[str, float]:
    """What counts for the reach, by name, in m; refused ones that say nothing are left out."""
    return {name: one.reach_m for name, one in distances.items() if one.reach_m is not None}


def all_distances(kind: str, held: Iterable[Held], rules: ConsequenceRules) -> list[ConsequenceDistance]:
    """The distances of every substance of a source, in the order of substances, then of `RESULTS`.

    The amount is that of the largest vessel of a substance; records that name no vessel count as one. Unmatched
    records have no distance (the grading lists them).
    """
    found = []
    for match, amount in _largest_vessels(held):
        made = [one for model in _MODELS if (one := model(match, amount, rules)) is not None]
        found += [one if _is_checked(one, match, rules) else _noted(one, "unchecked") for one in made]
    if kind in rules.other_codes:
        found = [_noted(one, "other_code") for one in found]
    return found


def _noted(one: ConsequenceDistance, note: NoteCode) -> ConsequenceDistance:
    return replace(one, notes=(*one.notes, note))


def _is_checked(one: ConsequenceDistance, match: Match, rules: ConsequenceRules) -> bool:
    """Whether the method and the figures of the substance that a distance rests on were checked; yes where there is none."""
    tables: dict[str, Mapping[str, Any]] = {
        "overpressure": rules.explosives,
        "toxic_endpoint": rules.toxics,
    }
    figures = _looked_up(match, tables.get(one.name, rules.flammables))
    return one.reach_m is None or (one.method.checked and figures.checked)


class _Amount(NamedTuple):
    quantity_t: Fraction
    bund_m2: float | None

    @property
    def kg(self) -> float:
        return float(self.quantity_t * _KG_OF_T)


def _largest_vessels(held: Iterable[Held]) -> list[tuple[Match, _Amount]]:
    """Each matched substance with what its fullest vessel holds, in order of keys."""
    vessels: dict[tuple[str, str], _Amount] = {}
    matches: dict[str, Match] = {}
    for one in held:
        match = one.item.match
        if match.substance is None:
            continue
        matches.setdefault(match.key, match)
        known = vessels.get((match.key, one.vessel), _Amount(Fraction(0), None))
        bunds = [area for area in (known.bund_m2, one.bund_m2) if area is not None]
        vessels[match.key, one.vessel] = _Amount(
            known.quantity_t + exact_quantity(one.item), max(bunds) if bunds else None
        )
    largest: dict[str, _Amount] = {}
    for (key, _), amount in sorted(vessels.items()):
        if amount.quantity_t > 0 and (key not in largest or amount.quantity_t > largest[key].quantity_t):
            largest[key] = amount
    return [(matches[key], amount) for key, amount in largest.items()]


def _vce(match: Match, amount: _Amount, rules: ConsequenceRules) -> ConsequenceDistance | None:
    gas = _gas(match, rules)
    if gas is None and not _has_class(match, "W2"):
        return None
    method = rules.methods["epa_tnt"]
    made = _made("vce_1psi", match, amount, method)
    if gas is None or not method.usable:
        return replace(made, reason="heat_unknown")
    return _within(made, amount.kg, lambda mass: vce_distance_m(mass, gas.combustion_kj_kg, method))


def _fireball(match: Match, amount: _Amount, rules: ConsequenceRules) -> ConsequenceDistance | None:
    gas = _gas(match, rules)
    if gas is None or gas.form != "liquefied":
        return None
    dose, size = rules.methods["epa_fireball"], rules.methods["ccps_fireball"]
    made = _made("fireball", match, amount, dose)
    if not dose.usable or not size.usable:
        return replace(made, reason="heat_unknown")
    found = _within(made, amount.kg, lambda mass: fireball_dose_m(mass, gas.combustion_kj_kg, dose, size))
    if found.distance_m is None:
        return found
    ball = fireball(amount.kg, size)
    rings = [
        Ring(flux, "kW/m²", fireball_radiation_m(amount.kg, gas.combustion_kj_kg, flux, dose, size))
        for flux in rules.radiation_kw_m2
    ]
    facts = (("diameter_m", ball.diameter_m), ("duration_s", ball.duration_s))
    return replace(found, rings=tuple(rings), facts=facts)


def _pool_fire(match: Match, amount: _Amount, rules: ConsequenceRules) -> ConsequenceDistance | None:
    liquid = _looked_up(match, rules.flammables)
    if not (_has_class(match, "W5") or (liquid and liquid.form == "liquid")):
        return None
    method = rules.methods["epa_pool_fire"]
    made = _made("pool_fire", match, amount, method)
    rate = burning_rate_kg_m2_s(liquid, method) if liquid and method.usable else None
    if liquid is None or rate is None:
        return replace(made, reason="burning_unknown")
    area = amount.bund_m2
    if liquid.density_kg_m3 is not None:
        spread = amount.kg / liquid.density_kg_m3 / method.figures["pool_depth_m"]
        area = spread if area is None else min(area, spread)
    if area is None:
        return replace(made, reason="density_unknown")
    if amount.bund_m2 is None:
        made = replace(made, notes=("no_bund",))

    def at(flux: float) -> ConsequenceDistance:
        heat = liquid.combustion_kj_kg
        return _within(made, area, lambda area_m2: pool_fire_m(area_m2, rate, heat, flux, method))

    found = at(rules.radiation_kw_m2[0])
    if found.distance_m is None:
        return found
    rings = _rings(rules.radiation_kw_m2, "kW/m²", at)
    return replace(found, rings=rings, facts=(("area_m2", metres(area)),))


def _overpressure(match: Match, amount: _Amount, rules: ConsequenceRules) -> ConsequenceDistance | None:
    explosive = _looked_up(match, rules.explosives)
    if explosive is None and not _has_class(match, "W1"):
        return None
    code = rules.explosives_method
    method = rules.methods[code]
    made = _made("overpressure", match, amount, method)
    if explosive is None or not method.usable:
        return replace(made, reason="tnt_unknown")
    tnt_kg = amount.kg * explosive.tnt_equivalent
    at_end = metres(method.most * math.cbrt(tnt_kg))

    def at(kpa: float) -> ConsequenceDistance:
        return _within(made, kpa, lambda asked: blast_distance_m(tnt_kg, asked, rules, code), at_end)

    rings = _rings(rules.explosives_kpa, "kPa", at)
    return replace(at(rules.explosives_kpa[0]), rings=rings, facts=(("tnt_kg", round(tnt_kg, 1)),))


def _toxic_endpoint(match: Match, amount: _Amount, rules: ConsequenceRules) -> ConsequenceDistance | None:
    toxic = toxic_of(match, rules)
    if toxic is None and not _has_class(match, "J"):
        return None
    equation, plume = rules.methods["epa_ammonia"], rules.methods["briggs_plume"]
    by_equation = equation.usable and toxic is not None and toxic is rules.toxics.get(_AMMONIA_CAS)
    made = _made("toxic_endpoint", match, amount, equation if by_equation else plume)
    if toxic is None:
        return replace(made, reason="endpoint_unknown")
    if toxic.form == "liquid" or not (by_equation or plume.usable):
        return replace(made, reason="evaporation_unknown")
    made = replace(made, notes=_gas_notes(toxic), facts=(("endpoint_mg_l", toxic.endpoint_mg_l),))
    if by_equation:
        terrain = rules.release.terrain
        at_end = equation.most
        return _within(made, amount.kg, lambda mass: ammonia_distance_m(mass, rules, terrain), at_end)
    return _within(made, amount.kg, lambda mass: plume_endpoint_m(mass, toxic, rules), plume.most)


_MODELS = (_vce, _fireball, _pool_fire, _overpressure, _toxic_endpoint)


def _rings(
    thresholds: Iterable[float], unit: str, at: Callable[[float], ConsequenceDistance]
) -> tuple[Ring, ...]:
    """The distances of all thresholds that the method can give."""
    found = ((threshold, at(threshold).distance_m) for threshold in thresholds)
    return tuple(Ring(threshold, unit, distance) for threshold, distance in found if distance is not None)


def _gas_notes(toxic: Toxic) -> tuple[NoteCode, ...]:
    if toxic.dense:
        return ("whole_as_gas", "dense_gas")
    return ("whole_as_gas",) if toxic.relative_density else ("whole_as_gas", "density_of_gas_unknown")


def _gas(match: Match, rules: ConsequenceRules) -> Flammable | None:
    found = _looked_up(match, rules.flammables)
    return found if found and found.form != "liquid" else None


def toxic_of(match: Match, rules: ConsequenceRules) -> Toxic | None:
    """The toxic endpoint of a substance; None where it is not on file."""
    found: Toxic | None = _looked_up(match, rules.toxics)
    return found


def _looked_up(match: Match, table: Mapping[str, Any]) -> Any:
    """The row of a substance: by its code of table 1, for a class match by CAS or name as written."""
    code, _, written = match.key.partition(":")
    return table.get(written or code)


def _has_class(match: Match, family: str) -> bool:
    """Whether a class of a family (W5 for W5.1 to W5.4, J for J1 to J5) is among the substance's."""
    assert match.substance is not None
    return any(("J" if one[0] == "J" else one.split(".")[0]) == family for one in match.substance.classes)


def _made(name: str, match: Match, amount: _Amount, method: Method) -> ConsequenceDistance:
    assert match.substance is not None
    substance = match.substance
    return ConsequenceDistance(
        name, substance.code, substance.name_zh, substance.name_en, float(amount.quantity_t), method
    )


def _within(
    made: ConsequenceDistance,
    value: float,
    distance_of: Callable[[float], float],
    at_end: float | None = None,
) -> ConsequenceDistance:
    """The distance, or the refusal: below the range without a figure, above it with the distance at its end.

    `at_end` is that distance where the range is not one of `value`.
    """
    try:
        return replace(made, distance_m=distance_of(value))
    except OutsideValidity as refused:
        if refused.facts["side"] == "below":
            return replace(made, reason="below_range")
        if at_end is None:
            at_end = _within(made, made.method.most, distance_of).distance_m
        return replace(made, reason="above_range", at_least_m=at_end)


def _rank(one: ConsequenceDistance) -> tuple[float, bool]:
    return (-1.0 if one.reach_m is None else one.reach_m, one.distance_m is None)

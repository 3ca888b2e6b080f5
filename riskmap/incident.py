"""An imagined accident (假设事故): which events a substance can give, and how far each level of harm reaches.

Fire and explosion are circles about the place. A toxic release is the footprint of a plume where a wind blows that one
can stand in, else a circle, for without a direction the cloud may go anywhere. What a method does not hold for has no
radius and says why; above a range `at_least_m` is what can still be said. Everything here is screening.
"""

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Literal, NamedTuple, Self

from riskmap.consequence_figures import Toxic
from riskmap.consequence_tables import SKIES, STABILITIES, ConsequenceRules
from riskmap.consequences import ConsequenceDistance, Held, NoteCode, consequence_distances, toxic_of
from riskmap.editions import Edition, Row, table_or_shipped
from riskmap.errors import BadInput, OutsideValidity
from riskmap.plume import Footprint, Plume, stability_of
from riskmap.toxics import release_rate_kg_s

EVENTS = {
    "vce": "vce_1psi",
    "fireball": "fireball",
    "pool_fire": "pool_fire",
    "explosives": "overpressure",
    "toxic": "toxic_endpoint",
}
"""An event and the consequence distance that belongs to it, in the order they are told."""
COMPASS = ("N", "NNE", "NE", "ENE", "E", "ESE", "SE", "SSE", "S", "SSW", "SW", "WSW", "W", "WNW", "NW", "NNW")
ROLE = "incident"
Note = NoteCode | Literal["no_wind", "calm", "study_first"]

_SHIPPED = "incident_2026_1"
_MG_M3_OF_MG_L = 1000.0
_MAIN = {"vce": (6.9, "kPa"), "fireball": (None, "")}
"""What the main distance of these events stands for; the others tell it among their thresholds."""
_PLUMELESS = ("endpoint_unknown", "evaporation_unknown")
_DUTY_FIRST = ("source", "enterprise", "zone", "grid", "village", "township", "city")
_ROLES_FIRST = (
    *("operator", "technical", "principal", "grid_officer", "duty_officer", "inspector"),
    *("special_officer", "industry_officer", "general_officer", "leader"),
)


@dataclass(frozen=True, slots=True)
class Figures:
    """Our own figures: the hours of day, the sky taken where none is given, how long lists are, what a level does."""

    day_from: int
    day_to: int
    day_sky: str
    night_sky: str
    targets: int
    near_targets: int
    near_m: float
    sources: int
    calls: int
    resources_each: int
    resources_m: float
    harms: Mapping[tuple[str, float], tuple[str, str]]

    @classmethod
    def of(cls, edition: Edition) -> Self:
        """The edition's figures, else those that come with the program. BadInput for a table that is wrong."""
        table = table_or_shipped(edition, ROLE, _SHIPPED)
        name = table["table"]["edition"]

        def section(part: str, *keys: str) -> Row:
            found = Row(f"{name} [{part}]", None, table.get(part, {}))
            found.expect(keys)
            return found

        hours = section("hours", "day_from", "day_to")
        weather = section("weather", "day_sky", "night_sky")
        counts = ("targets", "near_targets", "sources", "calls", "resources_each")
        lists = section("lists", *counts, "near_m", "resources_m")
        rows = [Row(f"{name}/harms.csv", n, cells) for n, cells in enumerate(table.get("harms", ()), start=2)]
        return cls(
            day_from=int(hours.number_of("day_from", positive=False)),
            day_to=int(hours.number_of("day_to")),
            day_sky=weather.choice("day_sky", SKIES),
            night_sky=weather.choice("night_sky", SKIES),
            near_m=float(lists.number_of("near_m")),
            resources_m=float(lists.number_of("resources_m")),
            harms={
                (row.text("unit"), float(row.number_of("threshold"))): (row.text("zh"), row.text("en"))
                for row in rows
            },
            **{key: int(lists.number_of(key)) for key in counts},
        )

    def is_day(self, hour: int) -> bool:
        """Whether people are where they are by day at an hour of the city's clock."""
        return self.day_from <= hour < self.day_to


class Wind(NamedTuple):
    """Where the wind comes from (0 north, clockwise), how fast at 10 m, and how stable the air is (A to F).

    `by` tells where the stability comes from: `given`, a `sky` that was given, or the `hour`.
    """

    from_deg: float
    speed_m_s: float
    stability: str
    sky: str | None
    by: Literal["given", "sky", "hour"]


@dataclass(frozen=True, slots=True)
class Zone:
    """How far one level of harm of one event reaches: a circle, the footprint of a plume, or nothing and why.

    `about` is the distance it belongs to: substance, amount, method, validity, facts. `threshold` in `unit`; None for
    a thermal dose.
    """

    name: str
    event: str
    about: ConsequenceDistance
    threshold: float | None
    unit: str
    radius_m: float | None
    at_least_m: float | None
    reason: str
    footprint: Footprint | None
    notes: tuple[Note, ...]

    @property
    def drawn_m(self) -> float | None:
        """How far what is drawn reaches: the radius, else what it is at least."""
        return self.at_least_m if self.radius_m is None else self.radius_m


def wind_of(
    rules: ConsequenceRules,
    figures: Figures,
    *,
    from_deg: float | str | None,
    speed_m_s: float | None,
    stability: str | None,
    sky: str | None,
    hour: int,
) -> Wind | None:
    """The wind as it was given; None where neither direction nor speed is. BadInput for half a wind or a wrong one.

    Without stability it follows from speed and sky by Pasquill, without a sky from the hour.
    """
    if from_deg in {None, ""} and speed_m_s is None:
        return None
    if from_deg in {None, ""} or speed_m_s is None:
        raise BadInput("风向和风速须同时填写", remedy="请补上另一项，或两项都不填")
    if not 0 <= speed_m_s <= _FASTEST_M_S:
        raise BadInput(f"风速 {speed_m_s:g} 米/秒不可用", remedy=f"请填写 0 至 {_FASTEST_M_S:g} 米/秒")
    if stability:
        if stability not in STABILITIES:
            raise BadInput(f"没有稳定度 {stability}", remedy="可用：" + " ".join(STABILITIES))
        return Wind(_bearing(from_deg), speed_m_s, stability, None, "given")
    taken = sky or (figures.day_sky if figures.is_day(hour) else figures.night_sky)
    found = stability_of(rules, speed_m_s, taken)
    return Wind(_bearing(from_deg), speed_m_s, found, taken, "sky" if sky else "hour")


_FASTEST_M_S = 60.0


def _bearing(given: float | str | None) -> float:
    if isinstance(given, str) and given.upper() in COMPASS:
        return COMPASS.index(given.upper()) * 360.0 / len(COMPASS)
    try:
        degrees = float(given or 0)
    except ValueError:
        degrees = math.nan
    if not 0 <= degrees <= 360:
        raise BadInput(f"风向 {given} 不可用", remedy="请填写来向的度数 0–360（0 为北）或 N、NNE 等方位")
    return degrees % 360.0


def zones_of(
    kind: str,
    held: list[Held],
    rules: ConsequenceRules,
    *,
    event: str | None = None,
    wind: Wind | None = None,
    terrain: str | None = None,
) -> list[Zone]:
    """The levels of harm of an accident with what is held at a source of this kind, the farthest of an event first.

    Without an `event` all that the substances can give, maybe nothing. BadInput for an event they do not give.
    """
    found: dict[str, list[Zone]] = {}
    distances = consequence_distances(kind, held, rules)
    for name, result in EVENTS.items():
        if result in distances:
            found[name] = _zones(name, distances[result], rules)
    if "toxic" in found:
        found["toxic"] = [_toxic_zone(kind, held, rules, wind, terrain)]
    if event is not None and event not in found:
        raise BadInput(
            f"该物质不会发生所选的事故类型（{event}）",
            remedy="可选：" + "、".join(found),
            possible=list(found),
        )
    return [zone for name, zones in found.items() if event in {None, name} for zone in zones]


def _zones(event: str, one: ConsequenceDistance, rules: ConsequenceRules) -> list[Zone]:
    """The main distance of an event, where it is no threshold of its own, then each threshold, the farthest first."""
    asked = {"pool_fire": rules.radiation_kw_m2, "fireball": rules.radiation_kw_m2}.get(event, ())
    asked = rules.explosives_kpa if event == "explosives" else asked
    unit = "kPa" if event == "explosives" else "kW/m²"
    refused = one.distance_m is None
    reached = {ring.threshold: ring.distance_m for ring in one.rings}
    zones = []
    if event in _MAIN or refused:
        threshold, of = _MAIN.get(event, (asked[0] if asked else None, unit))
        zones.append(_circle(event, one, threshold, of, one.distance_m, one.reason))
        zones[0] = replace(zones[0], at_least_m=one.at_least_m)
    if not refused:
        zones += [
            _circle(event, one, level, unit, reached.get(level), "" if level in reached else "outside_range")
            for level in asked
        ]
    return zones


def _circle(
    event: str,
    one: ConsequenceDistance,
    threshold: float | None,
    unit: str,
    radius_m: float | None,
    reason: str,
) -> Zone:
    name = EVENTS[event]
    if threshold is not None and event != "vce":
        name = f"{name}_{threshold:g}{unit.lower().replace('/', '_').replace('²', '2')}"
    return Zone(name, event, one, threshold, unit, radius_m, None, reason, None, one.notes)


def _toxic_zone(
    kind: str, held: list[Held], rules: ConsequenceRules, wind: Wind | None, terrain: str | None
) -> Zone:
    """The farthest of the toxic substances; in a wind that bears a plume its footprint."""
    found = [
        (one, toxic_of(alike[0].item.match, rules))
        for alike in _by_substance(held)
        if (one := consequence_distances(kind, alike, rules).get("toxic_endpoint")) is not None
    ]
    one, toxic = max(found, key=_strength)
    endpoint = None if toxic is None else toxic.endpoint_mg_l * _MG_M3_OF_MG_L
    notes: tuple[Note, ...] = one.notes
    zone = Zone(
        "toxic_endpoint",
        "toxic",
        one,
        endpoint,
        "mg/m³",
        one.distance_m,
        one.at_least_m,
        one.reason,
        None,
        notes,
    )
    if toxic is None or one.reason in _PLUMELESS:
        return zone
    if wind is None:
        return replace(zone, notes=(*notes, "no_wind"))
    if wind.speed_m_s < rules.least_wind_m_s:
        return replace(zone, notes=(*notes, "calm"))
    return _plume_zone(zone, toxic, rules, wind, terrain or rules.release.terrain)


def _strength(found: tuple[ConsequenceDistance, Toxic | None]) -> tuple[bool, float]:
    """In the same weather the farthest plume is that of the most multiples of the endpoint; what has none comes last."""
    one, toxic = found
    return one.reach_m is not None, 0.0 if toxic is None else one.quantity_t / toxic.endpoint_mg_l


def _by_substance(held: Iterable[Held]) -> list[list[Held]]:
    alike: dict[str, list[Held]] = {}
    for one in held:
        if one.item.match.substance is not None:
            alike.setdefault(one.item.match.key, []).append(one)
    return list(alike.values())


def _plume_zone(zone: Zone, toxic: Toxic, rules: ConsequenceRules, wind: Wind, terrain: str) -> Zone:
    """The footprint of the whole amount let go in the edition's minutes (`release`), in this wind."""
    plume = Plume.of(
        rules,
        rate_kg_s=release_rate_kg_s(zone.about.quantity_t * 1000.0, rules),
        wind_m_s=wind.speed_m_s,
        stability=wind.stability,
        terrain=terrain,
        height_m=rules.release.height_m,
        relative_density=toxic.relative_density,
        cold=toxic.dense == "cold",
    )
    assert zone.threshold is not None
    shape = plume.footprint(zone.threshold)
    zone = replace(zone, footprint=shape, radius_m=None, at_least_m=None)
    if shape.cut_off:
        return replace(zone, at_least_m=plume.method.most, reason="above_range")
    try:
        return replace(zone, radius_m=plume.method.check(shape.farthest_m), reason="")
    except OutsideValidity:
        return replace(zone, footprint=None, reason="below_range")


def call_order(layer: str, level: str | None, role: str) -> tuple[int, int]:
    """Who is called before whom: the nearest to the accident first, of them those who act before those who lead."""
    place = level if layer == "area" else layer
    known = _DUTY_FIRST.index(place) if place in _DUTY_FIRST else len(_DUTY_FIRST)
    return known, _ROLES_FIRST.index(role) if role in _ROLES_FIRST else len(_ROLES_FIRST)

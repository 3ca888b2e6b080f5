"""An imagined accident: which levels of harm a substance gives, in which wind, and what is said where none can be."""

import re
from decimal import Decimal
from typing import Any

import numpy as np
import pytest

from riskmap.consequence_tables import RESULTS
from riskmap.consequences import OF_STUDY, Held, consequence_distances
from riskmap.errors import BadInput
from riskmap.incident import COMPASS, EVENTS, Figures, Wind, Zone, call_order, wind_of, zones_of
from riskmap.incident_words import sky_name, study_json, zone_json
from riskmap.plume import Plume
from tests.riskmap.standard import consequence_rules, edition, item

FIGURES = Figures.of(edition())
RULES = consequence_rules()
HAN = re.compile(r"[\u4e00-\u9fff]")
LIGHT_WIND = Wind(45.0, 3.0, "C", None, "given")


def held(name: str, tonnes: float) -> list[Held]:
    return [Held(item("x", name, Decimal(str(tonnes))))]


def zones(name: str, tonnes: float, **asked: Any) -> list[Zone]:
    return zones_of("hazchem_store", held(name, tonnes), RULES, **asked)


def blown(**given: Any) -> Wind | None:
    usual: dict[str, Any] = {"from_deg": "NE", "speed_m_s": 2.0, "stability": None, "sky": None, "hour": 12}
    return wind_of(RULES, FIGURES, **{**usual, **given})


# --- which zones --------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "tonnes", "expected"),
    [
        (
            "液化石油气",
            50,
            ["vce_1psi", "fireball", "fireball_5kw_m2", "fireball_12.5kw_m2", "fireball_37.5kw_m2"],
        ),
        ("TNT", 2, ["overpressure_2kpa", "overpressure_5kpa", "overpressure_9kpa"]),
        ("乙醇", 20, ["pool_fire_5kw_m2", "pool_fire_12.5kw_m2", "pool_fire_37.5kw_m2"]),
        ("液氯", 1, ["toxic_endpoint"]),
    ],
)
def test_a_substance_gives_the_events_of_its_rules(name: str, tonnes: float, expected: list[str]) -> None:
    found = zones(name, tonnes)
    assert [zone.name for zone in found] == expected
    distances = consequence_distances("hazchem_store", held(name, tonnes), RULES)
    assert {EVENTS[zone.event] for zone in found} == set(distances)
    for zone in found:
        assert zone.about == distances[EVENTS[zone.event]]


def test_a_stronger_level_reaches_less_far() -> None:
    for name, tonnes in (("TNT", 2), ("乙醇", 20)):
        reached = [zone.radius_m for zone in zones(name, tonnes)]
        assert None not in reached
        assert reached == sorted(reached, reverse=True)  # type: ignore[type-var]


def test_one_event_is_asked_for_or_refused_by_name() -> None:
    assert {zone.event for zone in zones("液化石油气", 50, event="vce")} == {"vce"}
    with pytest.raises(BadInput, match="toxic") as refused:
        zones("液化石油气", 50, event="toxic")
    assert refused.value.facts["possible"] == ["vce", "fireball"]


def test_a_substance_without_a_method_gives_nothing() -> None:
    assert zones("氯酸钠", 50) == []


@pytest.mark.parametrize(
    ("name", "tonnes", "reason", "at_least"),
    [
        ("液化石油气", 0.1, "below_range", None),
        ("液化石油气", 5000, "above_range", "more"),
        ("汽油", 600, "above_range", "more"),
        ("溴", 5, "evaporation_unknown", None),
    ],
)
def test_outside_the_range_there_is_no_radius_and_a_reason(
    name: str, tonnes: float, reason: str, at_least: str | None
) -> None:
    first = zones(name, tonnes)[0]
    assert first.radius_m is None
    assert first.reason == reason
    assert (first.at_least_m is not None) == (at_least is not None)
    assert first.drawn_m == first.at_least_m


def test_a_level_reached_only_within_the_flames_has_no_radius() -> None:
    """A small pool radiates 37.5 kW/m² no farther than its own edge: the point source does not hold there."""
    by_name = {zone.name: zone for zone in zones("乙醇", 20)}
    small = {zone.name: zone for zone in zones("甲醇", 4)}
    assert by_name["pool_fire_5kw_m2"].radius_m
    refused = [zone for zone in (*by_name.values(), *small.values()) if zone.reason == "outside_range"]
    assert all(zone.radius_m is None and zone.drawn_m is None for zone in refused)
    assert refused


# --- wind and plume ------------------------------------------------------------------------------------------


def test_without_a_wind_the_cloud_may_go_anywhere() -> None:
    (zone,) = zones("液氯", 1)
    assert zone.footprint is None
    assert "no_wind" in zone.notes
    (calm,) = zones("液氯", 1, wind=Wind(0.0, 0.4, "F", None, "given"))
    assert calm.footprint is None
    assert "calm" in calm.notes
    assert calm.drawn_m == zone.drawn_m


def test_in_a_wind_it_is_the_footprint_of_the_whole_amount_in_the_minutes_of_the_edition() -> None:
    (zone,) = zones("液氯", 1, wind=LIGHT_WIND)
    assert zone.footprint is not None
    assert zone.radius_m == zone.footprint.farthest_m
    assert "dense_gas" in zone.notes
    plume = Plume.of(
        RULES, rate_kg_s=1000 / 600, wind_m_s=3.0, stability="C", terrain="rural", relative_density=2.448
    )
    at, beyond = plume.concentration_mg_m3([zone.radius_m - 1, zone.radius_m + 1], 0.0)
    assert at > 8.7 > beyond  # 0.0087 mg/L is the endpoint of 40 CFR 68 for chlorine
    assert zone.threshold == pytest.approx(8.7)


def test_a_plume_that_passes_10_km_has_no_length_and_one_that_ends_before_100_m_none_either() -> None:
    (long,) = zones("氨", 30, wind=Wind(45.0, 1.5, "F", None, "given"))
    assert (long.radius_m, long.at_least_m, long.reason) == (None, 10_000.0, "above_range")
    assert long.footprint is not None
    assert float(np.max(long.footprint.ring_m[:, 0])) == 10_000.0
    (short,) = zones("氨", 0.01, wind=Wind(45.0, 10.0, "A", None, "given"))
    assert (short.radius_m, short.at_least_m, short.reason, short.footprint) == (
        None,
        None,
        "below_range",
        None,
    )


def test_a_town_shortens_the_plume() -> None:
    (country,), (town,) = (zones("液氯", 1, wind=LIGHT_WIND, terrain=ground) for ground in ("rural", "urban"))
    assert country.radius_m is not None
    assert town.radius_m is not None
    assert country.radius_m > town.radius_m


def test_the_farthest_of_two_toxic_substances_is_told() -> None:
    """Also where both pass 10 km, and whatever a liquid without a rate of evaporation would be."""
    for tonnes in (1, 60):
        all_held = [*held("氨", tonnes), *held("液氯", tonnes), *held("溴", 500)]
        (toxic,) = zones_of("hazchem_store", all_held, RULES, event="toxic", wind=LIGHT_WIND)
        assert toxic.about.name_zh == "氯"
        assert toxic.footprint is not None


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ({}, (45.0, 2.0, "C", "day_slight", "hour")),
        ({"hour": 23}, (45.0, 2.0, "F", "night_clear", "hour")),
        ({"sky": "day_strong"}, (45.0, 2.0, "B", "day_strong", "sky")),
        ({"stability": "D", "from_deg": 360}, (0.0, 2.0, "D", None, "given")),
        ({"from_deg": "nnw", "stability": "A"}, (337.5, 2.0, "A", None, "given")),
    ],
)
def test_a_wind_is_completed_by_sky_or_hour(given: dict[str, Any], expected: tuple[Any, ...]) -> None:
    wind = blown(**given)
    assert wind is not None
    assert tuple(wind) == expected


def test_no_wind_is_none_and_half_a_wind_is_refused() -> None:
    assert blown(from_deg=None, speed_m_s=None) is None
    for half in (
        {"from_deg": None},
        {"speed_m_s": None},
        {"from_deg": "somewhere"},
        {"from_deg": -1},
        {"speed_m_s": 99.0},
        {"stability": "G"},
        {"sky": "blue"},
        {"speed_m_s": float("nan")},
    ):
        with pytest.raises(BadInput):
            blown(**half)
    assert len({blown(from_deg=one).from_deg for one in COMPASS}) == 16  # type: ignore[union-attr]


# --- hours, order, words ---------------------------------------------------------------------------------------


def test_day_begins_at_its_first_hour_and_ends_before_its_last() -> None:
    assert [hour for hour in range(24) if FIGURES.is_day(hour)] == list(range(7, 19))


def test_who_is_nearest_is_called_first() -> None:
    asked = [
        ("area", "city", "duty_officer"),
        ("area", "grid", "grid_officer"),
        ("source", None, "principal"),
        ("source", None, "operator"),
        ("area", "township", "leader"),
        ("area", "township", "duty_officer"),
        ("enterprise", None, "general_officer"),
    ]
    ordered = sorted(asked, key=lambda one: call_order(*one))
    assert [one[2] for one in ordered] == [
        "operator",
        "principal",
        "general_officer",
        "grid_officer",
        "duty_officer",
        "leader",
        "duty_officer",
    ]


@pytest.mark.parametrize(
    ("name", "tonnes", "asked"),
    [
        ("液化石油气", 50, {}),
        ("液化石油气", 5000, {}),
        ("TNT", 2, {}),
        ("乙醇", 20, {}),
        ("溴", 5, {}),
        ("液氯", 1, {}),
        ("液氯", 1, {"wind": LIGHT_WIND}),
        ("氨", 30, {"wind": Wind(45.0, 1.5, "F", None, "given")}),
        ("氨", 0.01, {"wind": Wind(45.0, 10.0, "A", None, "given")}),
        ("氯化氢", 5, {"wind": Wind(0.0, 0.2, "A", None, "given")}),
    ],
)
def test_every_zone_has_its_words_in_both_languages(name: str, tonnes: float, asked: dict[str, Any]) -> None:
    told = ("label", "event_label", "harm", "basis", "why", "validity")
    for zone in zones(name, tonnes, **asked):
        chinese, english = zone_json(zone, FIGURES), zone_json(zone, FIGURES, "en")
        assert chinese["label"]
        assert chinese["harm"]
        assert bool(chinese["why"]) == bool(zone.reason)
        assert not [text for text in told if HAN.search(str(english[text]))]
        assert not [note for note in english["notes"] if HAN.search(note)]
        assert english["screening"] is True
        assert (english["shape"] == "none") == (zone.drawn_m is None)


def test_a_study_stands_in_the_same_shape_as_a_zone() -> None:
    study = {"code": "Q1", "name": "氯站", "threshold": "1e-5", "study": "定量风险评价 2025"}
    told = study_json(study)
    assert told.keys() == zone_json(zones("TNT", 2)[0], FIGURES).keys()
    assert told["screening"] is False
    assert sky_name("night_clear", "en") == "night, clear"


def test_every_computed_distance_gives_way_to_a_study_of_its_kind() -> None:
    assert sorted(name for names in OF_STUDY.values() for name in names) == sorted(RESULTS)

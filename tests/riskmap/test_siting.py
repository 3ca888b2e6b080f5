"""Siting rules: what is refused, both sides of every distance, unknown limits, vetoes, and what a verdict is made of."""

import copy
import csv
from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from riskmap.editions import shipped_table
from riskmap.errors import BadInput
from riskmap.siting_access import access
from riskmap.siting_distances import (
    NOWHERE,
    Bound,
    Facts,
    bound_by_sources,
    bound_rows,
    own_objects,
    without_object,
)
from riskmap.siting_findings import Finding, Near, in_order, verdict
from riskmap.siting_rules import OUTCOMES, STAGES, DistanceRule, SitingRules
from riskmap.siting_zones import radii, zone_bounds, zone_of_text
from riskmap.vocabulary import DEVELOPMENT_KINDS, SOURCE_KINDS
from tests.proposals import GRANTED, read
from tests.riskmap.standard import edition

RULES = SitingRules.from_edition(edition())
BY_ID = {rule.id: rule for rule in RULES.distances}
WITH_LIMIT = [rule for rule in RULES.distances if rule.applied and rule.kind == "distance"]


def facts(rule: DistanceRule) -> Facts:
    """Facts under which the row holds for certain, as far as a proposal can make it."""
    word, _, value = rule.condition.partition("=")
    step, station = (int(value) if word == name else None for name in ("lpg_step", "station_class"))
    return Facts(min(rule.kinds), major=True, lpg_step=step, station_class=station)


def bound(rule: DistanceRule) -> Bound:
    return next(one for one in bound_rows(RULES, facts(rule)) if one.rule == f"distance.{rule.id}")


def near(distance_mm: int) -> Near:
    return Near("target", "T1", "somewhere", "", distance_mm)


# --- the table -----------------------------------------------------------------------------------------------


def test_every_row_of_the_standards_is_shipped_with_its_figure(shared: Path) -> None:
    with (shared / "standards" / "distances.csv").open(encoding="utf-8") as lines:
        given = {row["id"]: row for row in csv.DictReader(lines)}
    by_access = {one.id for one in RULES.access.values()}
    assert set(given) == set(BY_ID) | by_access
    marks = {"high": "high", "medium-high": "medium", "medium": "medium", "NOT VERIFIED": "low"}
    for number, rule in BY_ID.items():
        row = given[number]
        figure = row["distance_m"] if not row["kind"].startswith(("Pa", "formula")) else ""
        assert rule.limit == (Decimal(figure) if figure else None), number
        assert rule.confidence == marks[row["confidence"]], number
        assert rule.clause == row["legal_basis"] or row["legal_basis"] == "同上", number


def test_every_row_names_its_clause_what_it_asks_and_since_when() -> None:
    for rule in RULES.distances:
        assert rule.clause
        assert rule.text_zh
        assert date.fromisoformat(rule.basis_date) < date.fromisoformat(RULES.since), rule.id
    assert all(one.clause and one.text_zh and one.basis_date for one in RULES.access.values())


def test_every_kind_of_proposal_is_known_to_some_row_or_plainly_to_none() -> None:
    named = frozenset().union(*(rule.kinds for rule in RULES.distances))
    assert set(SOURCE_KINDS) - named == {
        "gas_network",
        "goaf",
        "pipeline",
        "ferry",
        "bridge",
        "road_section",
        "confined_space",
    }
    assert set(DEVELOPMENT_KINDS) <= named


@pytest.mark.parametrize(
    ("part", "column", "value", "told"),
    [
        ("distances", "limit_m", "about 100", "不是数"),
        ("distances", "object", "moon", "没有对象 moon"),
        ("distances", "subjects", "anyone", "不能是 anyone"),
        ("distances", "broken", "admissible", "不能是 admissible"),
        ("objects", "found_in", "target.kind=school", "不能是"),
        ("objects", "found_in", "source.kind=spaceport", "请改为数据中的用语"),
        ("access", "kind", "moon", "不能是 moon"),
        ("cells", "level_1", "maybe", "不能是 maybe"),
        ("zones", "zone", "beyond", "不能是 beyond"),
    ],
)
def test_a_table_that_is_wrong_says_where(part: str, column: str, value: str, told: str) -> None:
    table = copy.deepcopy(dict(shipped_table("siting_2026_1")))
    table[part][0][column] = value
    if part == "distances" and column == "limit_m":
        table[part][9][column] = value
    with pytest.raises(BadInput) as error:
        SitingRules.from_table(table)
    assert told in error.value.detail + error.value.remedy
    assert f"siting_2026_1/{part}.csv" in error.value.detail


def test_a_figure_nobody_verified_is_not_computed_with() -> None:
    table = copy.deepcopy(dict(shipped_table("siting_2026_1")))
    row = next(row for row in table["distances"] if row["id"] == "57")
    row["confidence"] = "low"
    rules = SitingRules.from_table(table)
    one = next(
        b for b in bound_rows(rules, Facts("filling_station", None, None, 1)) if b.rule == "distance.57"
    )
    assert one.means(10**9, on_file=True).outcome == "not_on_file"


# --- distances -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("rule", WITH_LIMIT, ids=lambda rule: f"row {rule.id}")
def test_both_sides_of_every_distance_and_the_limit_itself(rule: DistanceRule) -> None:
    """Minimum distances (不应小于) are kept by exactly the limit, prohibited bands (范围内) are not."""
    one, limit = bound(rule), rule.limit_mm
    assert limit
    certain = rule.condition == "" or rule.condition.partition("=")[0] in {"lpg_step", "station_class"}
    broken = rule.broken if certain else "study_required"
    at_least = rule.clause.startswith(("GB", "烟花"))
    for distance, expected in (
        (0, broken),
        (limit - 1, broken),
        (limit, "admissible" if at_least else broken),
        (limit + 1, "admissible"),
    ):
        found = one.finding(near(distance), on_file=True)
        assert found.outcome == expected, distance
        assert found.margin == round((distance - limit) / 1000, 3)
        assert found.inclusive is at_least


def test_an_array_of_distances_means_what_each_distance_means() -> None:
    distances = np.array([NOWHERE, 0, 1, 99_999, 100_000, 100_001, 10**7])
    for kind in ("lpg_store", "hazchem_production", "filling_station", "dwelling", "mine"):
        for one in bound_rows(RULES, Facts(kind, None, None, None)):
            for on_file in (True, False):
                told = [OUTCOMES.index(one.means(int(d), on_file=on_file).outcome) for d in distances]
                assert one.severities(distances, on_file=on_file).tolist() == told


def test_a_condition_that_nobody_answers_asks_for_a_study_and_never_vetoes() -> None:
    told = {one.rule: one for one in bound_rows(RULES, Facts("filling_station", None, None, None))}
    assert told["distance.57"].means(1, on_file=True) == ("study_required", "condition_unknown")
    assert told["distance.60"].means(1, on_file=True) == ("veto", "broken")
    known = {one.rule for one in bound_rows(RULES, Facts("filling_station", None, None, 2))}
    assert "distance.58" in known
    assert {"distance.57", "distance.59"} & known == set()


@pytest.mark.parametrize(
    ("total", "single", "step"),
    [
        (31, 20, 1),
        (50, 21, 2),
        (50, 20, 1),
        (51, 20, 2),
        (2500, 401, 6),
        (6000, 1001, 7),
        (30, 10, None),
        (10001, 9, None),
    ],
)
def test_lpg_tanks_count_by_the_higher_of_total_and_largest_volume(
    total: int, single: int, step: int | None
) -> None:
    assert RULES.lpg_step(Decimal(total), Decimal(single)) == step


def test_superseded_rows_are_kept_and_bind_nobody() -> None:
    assert BY_ID["77"].limit == 50
    assert "distance.77" not in {
        one.rule for one in bound_rows(RULES, Facts("filling_station", None, None, 1))
    }


def test_what_is_on_file_nowhere_is_told() -> None:
    rows = {one.rule: one for one in bound_rows(RULES, Facts("lpg_store", None, None, None))}
    assert rows["distance.10"].finding(None, on_file=False).outcome == "study_required"
    assert rows["distance.12"].finding(None, on_file=False).to_json()["reason"] == "no_data"
    assert rows["distance.12"].finding(None, on_file=False).outcome == "no_data"


def test_a_development_is_measured_to_the_sources_whose_rows_name_it() -> None:
    school = own_objects(RULES, "school", "high_sensitive")
    assert {"public_places", "important_public", "crowded_or_flammable", "homes_or_public"} <= school
    rows = {one.rule: one for one in bound_by_sources(RULES, school)}
    pump, retail, unknown = (rows[f"distance.{n}.reverse"] for n in (60, 48, 2))
    assert pump.object.found_in[0].words == ("filling_station",)
    assert [pump.means(mm, on_file=True).outcome for mm in (34_999, 35_000)] == ["veto", "admissible"]
    assert [retail.means(mm, on_file=True).outcome for mm in (99_999, 100_000)] == ["veto", "admissible"]
    assert unknown.means(1_000_000, on_file=True).outcome == "not_on_file"
    assert own_objects(RULES, "dwelling", "general_2") >= {"homes", "civil_2", "dwelling"}
    assert "civil_1" not in own_objects(RULES, "dwelling", "general_2")
    assert own_objects(RULES, "road", None) == {"road", "transport"}


@pytest.mark.parametrize(("area", "outcome"), [("9.99", "veto"), ("10", "admissible"), (None, "not_on_file")])
def test_a_fireworks_shop_has_a_least_area(area: str | None, outcome: str) -> None:
    shop = read(kind="fireworks_retail", **({} if area is None else {"floor_area_m2": area}))
    (found,) = without_object(RULES, shop, Facts("fireworks_retail", None, None, None))
    assert (found.rule, found.outcome, found.unit) == ("distance.49", outcome, "m2")


# --- access --------------------------------------------------------------------------------------------------


def test_fireworks_are_vetoed_whatever_is_on_record() -> None:
    for stage in STAGES:
        assert (
            access(RULES, read(kind="fireworks_production", stage=stage, exception=GRANTED)).outcome == "veto"
        )


@pytest.mark.parametrize("kind", ["mine", "hazchem_production", "hazchem_store", "lpg_filling", "lpg_store"])
def test_in_principle_not_unless_an_exception_is_on_record(kind: str) -> None:
    assert access(RULES, read(kind=kind)).outcome == "not_in_principle"
    assert access(RULES, read(kind=kind, stage="temporary")).outcome == "not_in_principle"
    assert access(RULES, read(kind=kind, stage="extension")).outcome == "study_required"
    lifted = access(RULES, read(kind=kind, exception=GRANTED))
    assert (lifted.outcome, lifted.to_json()["exception"]) == ("admissible", GRANTED)


def test_other_kinds_are_not_named() -> None:
    assert access(RULES, read(kind="school")).outcome == "admissible"
    assert access(RULES, read(kind="filling_station")).outcome == "admissible"


# --- the verdict ---------------------------------------------------------------------------------------------

ANY = st.sampled_from(OUTCOMES)


def told(outcome: str, margin: float = 1.0) -> Finding:
    return Finding("r", outcome, "", "", "", "", measured=margin, limit=0.0)


@given(st.lists(ANY, max_size=30), st.lists(st.just("admissible"), max_size=200))
def test_a_veto_survives_any_combination(outcomes: list[str], good: list[str]) -> None:
    assert verdict(map(told, [*good, *outcomes, "veto", *good])) == "veto"


@given(st.lists(ANY, max_size=30))
def test_an_unknown_limit_is_never_admissible(outcomes: list[str]) -> None:
    assert verdict(map(told, [*outcomes, "not_on_file"])) != "admissible"


@given(st.lists(ANY, min_size=1), ANY)
def test_one_more_rule_never_makes_a_verdict_milder(outcomes: list[str], more: str) -> None:
    order = ("admissible", "study_required", "not_in_principle", "veto")
    assert order.index(verdict(map(told, [*outcomes, more]))) >= order.index(verdict(map(told, outcomes)))


def test_nothing_looked_at_is_not_admissible() -> None:
    assert verdict([]) == "study_required"


@given(
    st.sampled_from(SOURCE_KINDS),
    st.sampled_from(STAGES),
    st.lists(st.integers(-1, 4_000_000), min_size=1, max_size=8),
)
def test_kinds_that_are_vetoed_stay_so_at_any_distance(kind: str, stage: str, distances: list[int]) -> None:
    """So does an unknown limit; one that is said only near its object (`unknown_near`) within that distance."""
    proposal = read(kind=kind, stage=stage)
    rows = bound_rows(RULES, Facts(kind, None, None, None))
    only_near = {f"distance.{rule.id}" for rule in RULES.distances if rule.kind == "unknown_near"}
    found, unknown = [access(RULES, proposal)], False
    for n, one in enumerate(rows):
        mm = distances[n % len(distances)]
        found.append(one.finding(near(mm) if mm >= 0 else None, on_file=True))
        binds = one.rule not in only_near or 0 <= mm <= RULES.far_mm
        unknown |= one.limit_mm is None and binds
    if kind == "fireworks_production":
        assert verdict(found) == "veto"
    if unknown:
        assert verdict(found) != "admissible"


def test_failures_come_first_the_narrowest_before() -> None:
    rows = [told("admissible"), told("not_on_file"), told("veto", -1.0), told("no_data"), told("veto", -9.0)]
    assert [(one.outcome, one.margin) for one in in_order(rows)] == [
        ("veto", -9.0),
        ("veto", -1.0),
        ("not_on_file", 1.0),
        ("no_data", 1.0),
        ("admissible", 1.0),
    ]


# --- consequences --------------------------------------------------------------------------------------------


def account(**given: Any) -> dict[str, Any]:
    usual = {"name": "overpressure", "distance_m": 588.6, "at_least_m": None, "reason": "", "quantity_t": 1.0}
    texts = dict.fromkeys(("reference", "method_zh", "substance_zh"), "x")
    rings = [
        {"threshold": t, "unit": "kPa", "distance_m": d}
        for t, d in ((2.0, 588.6), (5.0, 257.6), (9.0, 158.5))
    ]
    return usual | texts | {"rings": rings} | given


def test_the_distance_a_level_needs_is_that_of_its_own_threshold() -> None:
    """GB/T 37243: 2 kPa for first-class and sensitive targets, 5 kPa for the second class, 9 kPa for the third."""
    rows, unknown = zone_bounds(RULES, [account()])
    assert unknown == []
    needed = {one.object.code: one.limit_mm for one in rows}
    assert needed == {"level_1": 158_500, "level_2": 257_600, "level_3": 588_600, "level_4": 588_600}
    outcomes = [rows[1].means(mm, on_file=True).outcome for mm in (257_599, 257_600)]
    assert outcomes == ["study_required", "admissible"]


def test_a_distance_that_is_refused_is_never_passed() -> None:
    refused = account(distance_m=None, rings=[], reason="heat_unknown", name="vce_1psi")
    rows, (unknown,) = zone_bounds(RULES, [refused])
    assert (rows, unknown.outcome, unknown.reason) == ([], "not_on_file", "heat_unknown")
    above = account(
        distance_m=None, at_least_m=10_000.0, rings=[], reason="above_range", name="toxic_endpoint"
    )
    rows, unknown_too = zone_bounds(RULES, [above])
    assert unknown_too == []
    assert {one.means(20_000_000, on_file=True).outcome for one in rows} == {"not_on_file"}
    assert {one.means(NOWHERE, on_file=True).outcome for one in rows} == {"not_on_file"}
    assert {one.means(9_999_999, on_file=True).outcome for one in rows} == {"study_required"}


def test_zones_stand_inside_one_another() -> None:
    assert [(one.zone, one.mm) for one in radii(RULES, account())] == [
        ("inner", 158_500),
        ("middle", 257_600),
        ("outer", 588_600),
    ]


@pytest.mark.parametrize(
    ("text", "zone"),
    [
        ("超压 9 kPa", "inner"),
        ("6.9kPa", "middle"),
        ("2.0 kPa", "outer"),
        ("12.5 kW/m2", "middle"),
        ("1.9 kPa", None),
        ("ERPG-2", None),
        (None, None),
    ],
)
def test_what_a_study_s_threshold_bounds(text: str | None, zone: str | None) -> None:
    assert zone_of_text(RULES, text) == zone

"""The account of a source, an enterprise and the colours, on both sides of every edge."""

import math
from copy import deepcopy
from decimal import Decimal
from itertools import pairwise
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from riskmap.errors import BadInput
from riskmap.risk import (
    BLUE,
    ORANGE,
    RED,
    YELLOW,
    Contribution,
    exposures,
    floored,
    lead_shares,
    leads,
    level_of,
    levels_of,
    milli_people,
    place_weights,
    premises_items,
    raised,
    reach_mm,
    saturated,
    source_items,
    total,
)
from riskmap.shapes import Floats, Ints, Shapes, to_mm
from riskmap.superposition import Places
from riskmap.vocabulary import SOURCE_KINDS
from riskmap.weights import HAZARDS, RiskWeights
from tests.riskmap.standard import edition

MICRO = 1_000_000
WEIGHTS = RiskWeights.from_table(edition().table("risk"))


def method(*points: int) -> list[Contribution]:
    return [Contribution("inventory", f"inventory/I{i}", value, {}) for i, value in enumerate(points)]


# --- items and reach -------------------------------------------------------------------------------------


def test_every_kind_of_source_has_points_below_yellow_names_and_a_committee() -> None:
    assert set(WEIGHTS.kinds) == set(SOURCE_KINDS)
    for rule in WEIGHTS.kinds.values():
        assert 0 < rule.points <= rule.workers_points < 20 * MICRO
        assert 150_000 <= rule.reach_mm <= 3_000_000
        assert rule.name_zh
        assert rule.name_en
        assert rule.hazards
        assert set(rule.hazards) <= set(HAZARDS)


def test_items_are_the_larger_of_kind_and_method_never_the_sum() -> None:
    kind = WEIGHTS.kinds["hazchem_store"].points
    alone = source_items(WEIGHTS, "hazchem_store", "source/S1")
    assert [(line.kind, line.value) for line in alone] == [("kind_points", kind)]
    assert source_items(WEIGHTS, "hazchem_store", "source/S1", method=method(kind - 1)) == alone
    for lines in (method(kind), method(30 * MICRO, 12 * MICRO)):
        assert source_items(WEIGHTS, "hazchem_store", "source/S1", method=lines) == lines


@given(st.lists(st.integers(0, 60 * MICRO), max_size=5))
def test_entering_an_inventory_lowers_nothing(points: list[int]) -> None:
    for kind in ("filling_station", "dust_workshop", "other"):
        before = total(source_items(WEIGHTS, kind, "source/S1", workers=5))
        assert total(source_items(WEIGHTS, kind, "source/S1", workers=5, method=method(*points))) >= before


def test_more_workers_make_a_dust_workshop_worse_from_ten_on() -> None:
    rule = WEIGHTS.kinds["dust_workshop"]
    points = [
        total(source_items(WEIGHTS, "dust_workshop", "source/S1", workers=workers))
        for workers in (None, 9, 10, 90)
    ]
    assert points == [rule.points, rule.points, rule.workers_points, rule.workers_points]


def test_premises_go_by_industry_and_size_and_keep_their_bounds() -> None:
    def points(industry: str | None, workers: int | None) -> int:
        return total(premises_items(WEIGHTS, "source/E-P", industry=industry, workers=workers))

    assert points("C2614", None) == points("26", 19) == 9 * MICRO
    assert [points("2614", n) for n in (20, 299, 300, 999, 1000)] == [10 * MICRO] * 2 + [11 * MICRO] * 2 + [
        12 * MICRO
    ]
    assert points(None, None) == points("C", None) == points("99", 0) == 4 * MICRO
    line = premises_items(WEIGHTS, "source/E-P", industry="2671", workers=8)[0]
    assert line.args["industry"] == "267"
    assert line.args["name_zh"] == "炸药、火工及焰火产品制造"
    for code in WEIGHTS.industries:
        for workers in (None, 0, 10**6):
            assert 2 * MICRO <= points(code, workers) <= 12 * MICRO


def test_reach_is_the_largest_of_kind_consequence_and_points() -> None:
    assert reach_mm(WEIGHTS, "ferry", 13 * MICRO) == 300_000
    assert reach_mm(WEIGHTS, "ferry", 13 * MICRO, consequence_m=(120.0, 480.4567)) == 480_457
    assert reach_mm(WEIGHTS, "hazchem_store", 60 * MICRO) == 660_000
    assert reach_mm(WEIGHTS, "other", 40 * MICRO + 1) == 440_001
    assert reach_mm(WEIGHTS, "premises", 9 * MICRO, industry="2614") == 300_000
    assert reach_mm(WEIGHTS, "premises", 2 * MICRO, industry="01") == 150_000


# --- lead ------------------------------------------------------------------------------------------------


@given(st.lists(st.integers(0, 100 * MICRO), max_size=8), st.sampled_from([0, 200, 1000]))
def test_lead_is_the_largest_in_full_and_the_others_by_their_share(values: list[int], share: int) -> None:
    shares = lead_shares(values, share)
    whole = (1000 - share) * max(values, default=0) + share * sum(values)
    assert abs(sum(shares) * 1000 - whole) <= 500 * len(values)
    assert sum(lead_shares([*values, 7 * MICRO], share)) >= sum(shares)
    raised_one = [v + 3 if i == 0 else v for i, v in enumerate(values)]
    assert sum(lead_shares(raised_one, share)) >= sum(shares)


@given(
    st.lists(st.lists(st.integers(0, 9), min_size=1, max_size=5), max_size=5), st.sampled_from([0, 200, 1000])
)
def test_the_leads_of_many_groups_are_those_of_each(groups: list[list[int]], share: int) -> None:
    values = np.array([value * MICRO + 1 for group in groups for value in group], np.int64)
    start = np.cumsum([0, *map(len, groups)])
    shares, leading = leads(values, start, share)
    assert shares.tolist() == [
        one
        for n in range(len(groups))
        for one in lead_shares(values[start[n] : start[n + 1]].tolist(), share)
    ]
    first = [int(start[n] + np.argmax(group)) for n, group in enumerate(groups)]
    assert np.flatnonzero(leading).tolist() == first, "of equals the first"


# --- colours ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("edges", "at"), [("ordinary", (20, 40, 60)), ("city", (40, 60, 80)), ("rise", (2, 6, 12))]
)
def test_both_sides_of_every_edge(edges: str, at: tuple[int, int, int]) -> None:
    yellow, orange, red = (edge * MICRO for edge in at)
    scores = [0, yellow - 1, yellow, orange - 1, orange, red - 1, red, 10**9]
    expected = [BLUE, BLUE, YELLOW, YELLOW, ORANGE, ORANGE, RED, RED]
    assert [level_of(WEIGHTS, score, edges) for score in scores] == expected
    assert levels_of(WEIGHTS, scores, edges).tolist() == expected


@pytest.mark.parametrize(("grade", "floor"), [(1, RED), (2, ORANGE), (3, ORANGE), (4, YELLOW), (None, BLUE)])
def test_no_source_falls_below_the_colour_of_its_grade(grade: int | None, floor: int) -> None:
    for level in (RED, ORANGE, YELLOW, BLUE):
        held, lines = floored(WEIGHTS, level, {"source/S1": grade})
        assert held == min(level, floor)
        assert [line.value for line in lines] == ([0] if floor < level else [])
        if lines:
            assert lines[0].kind == "floor"
            assert lines[0].record == "source/S1"
            assert lines[0].args["grade"] == grade
            assert "GB 18218" in lines[0].args["clause"]


def test_an_enterprise_has_the_floor_of_its_worst_source() -> None:
    held, lines = floored(WEIGHTS, BLUE, {"source/B": 3, "source/A": 2, "source/C": 4, "source/D": None})
    assert held == ORANGE
    assert [line.record for line in lines] == ["source/A", "source/B"]


def test_a_red_source_raises_its_village_and_township_and_nothing_else() -> None:
    red = ["source/S2", "source/S1"]
    assert raised(WEIGHTS.raising, BLUE, "village", red)[0] == ORANGE
    assert raised(WEIGHTS.raising, BLUE, "township", red)[0] == YELLOW
    for level in ("grid", "city", "overlay"):
        assert raised(WEIGHTS.raising, BLUE, level, red) == (BLUE, [])
    held, lines = raised(WEIGHTS.raising, YELLOW, "village", red)
    assert held == ORANGE
    assert [(line.kind, line.record, line.value) for line in lines] == [
        ("raise_rule", "source/S1", 0),
        ("raise_rule", "source/S2", 0),
    ]
    assert raised(WEIGHTS.raising, RED, "village", red) == (RED, [])
    assert raised(WEIGHTS.raising, BLUE, "village", []) == (BLUE, [])


# --- places and exposure ---------------------------------------------------------------------------------


def test_people_who_cannot_move_or_be_reached_weigh_more() -> None:
    weights = place_weights(WEIGHTS, [False, True, False, True, False], [20, math.nan, 21, 45, 0])
    assert weights.tolist() == [1000, 1250, 1150, 1400, 1000]
    assert milli_people([12.5, 3, 0.0004, 7], [3, 40, math.nan, math.nan]).tolist() == [
        12_500,
        40_000,
        0,
        7_000,
    ]


@settings(max_examples=30)
@given(st.lists(st.integers(0, 10**10), min_size=1, max_size=30))
def test_exposure_is_the_exponential_to_the_last_micro_point(exposed: list[int]) -> None:
    found = saturated(np.array(exposed), 20 * MICRO, 300_000)
    for milli, value in zip(exposed, found.tolist(), strict=True):
        exact = 20 * MICRO * (1 - (-Decimal(milli) / 300_000).exp())
        assert abs(exact - value) <= Decimal("0.5000001")
    ordered = saturated(np.sort(exposed), 20 * MICRO, 300_000)
    assert all(a <= b for a, b in pairwise(ordered.tolist()))


def test_exposure_at_known_points() -> None:
    assert saturated(np.array([0, 300_000, 10**10]), 20 * MICRO, 300_000).tolist() == [
        0,
        12_642_411,
        20 * MICRO,
    ]


def town(seed: int) -> tuple[Shapes, Ints, Places, Ints, Floats]:
    rng = np.random.default_rng(seed)
    sites = Shapes.points(np.round(rng.uniform(0, 1500, (12, 2)), 3))
    places = Places.of(
        np.round(rng.uniform(0, 1500, (80, 2)), 3), rng.integers(0, 60_000, 80), np.full(80, 1000)
    )
    reach = rng.integers(150_000, 900_000, 12)
    return sites, reach, places, rng.integers(-1, 9, 80), to_mm(rng.uniform(0, 1500, (6, 2)))


def slow_exposure(site: Floats, reach: int, places: Places, targets: Floats) -> float:
    """Points of one source's exposure, straight from the formula; a milli-person is under 1e-4 point."""
    near = 0.0
    for xy, people in [*zip(places.xy, places.people / 1000, strict=True), *((t, 100.0) for t in targets)]:
        u = math.dist(site, xy) / reach
        near += round(1000 * people * (1 - u * u) ** 2) / 1000 if u < 1 else 0.0
    return 20 * (1 - math.exp(-near / 300))


@settings(max_examples=20)
@given(st.integers(0, 100_000))
def test_exposure_follows_the_formula_and_its_lines_sum_to_it(seed: int) -> None:
    sites, reach, places, unit, targets = town(seed)
    found = exposures(WEIGHTS, sites, reach, places, unit, targets)
    for s in range(len(sites)):
        lines = slice(found.start[s], found.start[s + 1])
        expected = slow_exposure(sites.arrays.xy[s], int(reach[s]), places, targets)
        assert found.points[s] / MICRO == pytest.approx(expected, abs=1e-4)
        assert found.value[lines].sum() == found.points[s]
        assert (found.value[lines] >= 0).all()
        keys = list(zip(found.is_target[lines].tolist(), found.which[lines].tolist(), strict=True))
        assert keys == sorted(keys)
    for threads in (2, 4):
        again = exposures(WEIGHTS, sites, reach, places, unit, targets, threads=threads)
        assert all((a == b).all() for a, b in zip(found, again, strict=True))


@settings(max_examples=20)
@given(st.integers(0, 100_000))
def test_a_person_or_a_school_more_lowers_no_source(seed: int) -> None:
    sites, reach, places, unit, targets = town(seed)
    before = exposures(WEIGHTS, sites, reach, places, unit, targets).points
    fuller = places._replace(people=places.people + 1_000)
    assert (exposures(WEIGHTS, sites, reach, fuller, unit, targets).points >= before).all()
    more = np.vstack([targets, sites.arrays.xy[:1]])
    after = exposures(WEIGHTS, sites, reach, places, unit, more).points
    assert (after >= before).all()
    assert after[0] > before[0]


@settings(max_examples=20)
@given(st.integers(0, 100_000), st.floats(0, 6.3))
def test_a_move_of_a_metre_changes_no_source_by_a_point(seed: int, direction: float) -> None:
    sites, reach, places, unit, targets = town(seed)
    moved = Shapes.points(sites.arrays.xy / 1000 + [math.cos(direction), math.sin(direction)])
    before, after = (exposures(WEIGHTS, s, reach, places, unit, targets).points for s in (sites, moved))
    assert np.abs(after - before).max() < MICRO


def test_nobody_near_is_no_exposure() -> None:
    none = Places.of(np.zeros((0, 2)), [], [])
    found = exposures(
        WEIGHTS, Shapes.points([[0, 0]]), np.array([500_000]), none, np.zeros(0, np.int64), np.zeros((0, 2))
    )
    assert found.points.tolist() == [0]
    assert found.start.tolist() == [0, 0]


# --- the table -------------------------------------------------------------------------------------------


def set_in(table: dict[str, Any], path: tuple[Any, ...], value: Any) -> None:
    for key in path[:-1]:
        table = table[key]
    table[path[-1]] = value


@pytest.mark.parametrize(
    ("path", "value", "field"),
    [
        (("lead", "share_permille"), 1001, "share_permille"),
        (("lead", "share_permille"), "0.5", "share_permille"),
        (("lead", "surplus"), 1, "surplus"),
        (("edges", "city"), [40, 40, 80], "city"),
        (("edges", "ordinary"), [20, 40], "ordinary"),
        (("worst_placed", "grid"), 0, "grid"),
        (("exposure", "most"), "20.0000001", "most"),
        (("floors", "grade_1"), "purple", "grade_1"),
        (("premises", "least"), 13, "most"),
        (("kinds", 0, "kind"), "volcano", "kind"),
        (("kinds", 0, "kind"), "goaf", "kind"),
        (("kinds", 0, "points"), "-3", "points"),
        (("kinds", 0, "reach_m"), "149", "reach_m"),
        (("kinds", 0, "hazards"), "fire;flood", "hazards"),
        (("kinds", 0, "committee"), "hazchem2", "committee"),
        (("industries", 3, "code"), "4", "code"),
        (("industries", 3, "code"), "03", "code"),
    ],
)
def test_a_wrong_figure_in_the_table_is_named(path: tuple[Any, ...], value: Any, field: str) -> None:
    table = deepcopy(dict(edition().table("risk")))
    set_in(table, path, value)
    with pytest.raises(BadInput) as refused:
        RiskWeights.from_table(table)
    assert field in str(refused.value.detail)
    assert "risk_2026_1" in str(refused.value.detail)
    assert refused.value.remedy


def test_a_missing_kind_section_or_file_is_named() -> None:
    for part in ("kinds", "industries", "workers", "edges"):
        table = deepcopy(dict(edition().table("risk")))
        del table[part]
        with pytest.raises(BadInput, match=f"{part}|ordinary"):
            RiskWeights.from_table(table)
    table = deepcopy(dict(edition().table("risk")))
    table["kinds"] = [row for row in table["kinds"] if row["kind"] != "ferry"]
    with pytest.raises(BadInput, match="ferry"):
        RiskWeights.from_table(table)
    table = deepcopy(dict(edition().table("risk")))
    table["workers"] = table["workers"][::-1]
    with pytest.raises(BadInput, match="workers"):
        RiskWeights.from_table(table)

"""Themes: which sources and lines they admit, and whole levels in one pass equal to one area's account after the other."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from riskmap.rollup import area_account, city_account, highest, shared
from riskmap.shapes import Ints, Shapes
from riskmap.superposition import Hazards, Places, place_account
from riskmap.theme_parts import Parts, area_parts, city_parts, shared_among, totals
from riskmap.themes import BASE, DYNAMIC, HIDDEN, NEIGHBOUR, NONE, SourceClass, Theme, industry_digits

STORE = SourceClass("hazchem", "2631", ("fire", "toxic"), "hazchem_store")
FERRY = SourceClass("road_traffic", NONE, ("drowning", "traffic"), "ferry")
SHARE = 200


@pytest.mark.parametrize(
    ("theme", "admitted"),
    [
        (Theme(), {STORE, FERRY}),
        (Theme(committee="hazchem"), {STORE}),
        (Theme(industry="26"), {STORE}),
        (Theme(industry="2631"), {STORE}),
        (Theme(industry="27"), set()),
        (Theme(industry="263100"), set()),
        (Theme(industry=NONE), {FERRY}),
        (Theme(hazard="toxic"), {STORE}),
        (Theme(hazard="traffic", kind="ferry"), {FERRY}),
        (Theme(hazard="traffic", kind="hazchem_store"), set()),
        (Theme(committee="hazchem", industry="2", hazard="fire", kind="hazchem_store"), {STORE}),
        (Theme(period=DYNAMIC), {STORE, FERRY}),
    ],
)
def test_a_theme_admits_what_meets_all_it_names(theme: Theme, admitted: set[SourceClass]) -> None:
    assert {one for one in (STORE, FERRY) if theme.admits(one)} == admitted


def test_a_neighbour_is_admitted_by_kind_and_hazard_alone() -> None:
    told = STORE.foreign
    assert Theme(kind="hazchem_store", hazard="toxic").admits(told)
    assert not Theme(committee="hazchem").admits(told)
    assert not Theme(industry="26").admits(told)
    assert Theme(committee=NEIGHBOUR, industry=NEIGHBOUR).admits(told)
    assert not Theme(kind="hazchem_store").admits(HIDDEN)
    assert Theme().admits(HIDDEN)


@pytest.mark.parametrize(
    ("period", "kept"),
    [
        (None, {"rest", "holiday", "alarm", "neighbour"}),
        (BASE, {"rest"}),
        (DYNAMIC, {"holiday", "alarm"}),
        ("E1", {"holiday"}),
        ("E", set()),
        (NEIGHBOUR, {"neighbour"}),
    ],
)
def test_a_period_is_a_part_of_the_lines(period: str | None, kept: set[str]) -> None:
    lines = {
        "rest": (BASE, "source/E1"),
        "holiday": (DYNAMIC, "event/E1"),
        "alarm": (DYNAMIC, "event/E2"),
        "neighbour": (NEIGHBOUR, None),
    }
    theme = Theme(period=period)
    assert {name for name, line in lines.items() if theme.in_period(*line)} == kept
    assert theme.narrow == (period is not None)


@pytest.mark.parametrize(("code", "digits"), [("C 26", "26"), ("2631", "2631"), ("", NONE), (None, NONE)])
def test_industries_are_compared_in_digits(code: str | None, digits: str) -> None:
    assert industry_digits(code) == digits


def a_city(seed: int) -> tuple[Places, Hazards, Ints, int]:
    """Places with people, sources, each place's area from −1, and the number of areas, one of them empty."""
    rng = np.random.default_rng(seed)
    n_places, n_sources, n_areas = 80, 25, 6
    places = Places.of(
        rng.uniform(0, 3000, (n_places, 2)),
        rng.integers(0, 90_000, n_places),
        rng.choice([1000, 1150, 1400], n_places),
    )
    sites = Shapes.points(rng.uniform(0, 3000, (n_sources, 2)))
    hazards = Hazards(sites, rng.integers(0, 10**8, n_sources), rng.integers(150_000, 1_500_000, n_sources))
    places.xy[1], places.weight[1] = places.xy[0], places.weight[0]  # a tie
    return places, hazards, rng.integers(-1, n_areas - 1, n_places), n_areas


def told(parts: Parts, area: int) -> dict[int, int]:
    own = parts.area == area
    return dict(zip(parts.source[own].tolist(), parts.value[own].tolist(), strict=True))


@given(seed=st.integers(0, 100_000), n_milli=st.sampled_from([7_000, 50_000, 200_000, 10**9]))
def test_all_areas_at_once_are_each_area_by_itself(seed: int, n_milli: int) -> None:
    places, hazards, area, n_areas = a_city(seed)
    found = area_parts(place_account(places, hazards, SHARE), places.people, area, n_milli)
    assert (np.lexsort((found.source, found.area)) == np.arange(len(found.area))).all()
    accounts = []
    for k in range(n_areas):
        score, parts = area_account(places.take(np.flatnonzero(area == k)), hazards, n_milli, SHARE)
        accounts.append((score, parts))
        by_source = told(found, k)
        assert by_source == {part.source: part.value for part in parts if part.source in by_source}
        assert sum(by_source.values()) == score
    assert totals(found.area, found.value, n_areas).tolist() == [score for score, _ in accounts]
    chosen = highest([score for score, _ in accounts], 3)
    score, parts = city_account([accounts[k][1] for k in chosen], 3)
    city = city_parts(found, np.array(chosen), 3)
    assert told(city, 0) == {part.source: part.value for part in parts if part.source in told(city, 0)}
    assert city.value.sum() == score


@given(
    values=st.lists(st.integers(0, 10**8), max_size=6),
    weights=st.lists(st.lists(st.integers(0, 10**8), min_size=1, max_size=4), min_size=1, max_size=3),
)
def test_many_values_are_shared_as_each_by_itself(values: list[int], weights: list[list[int]]) -> None:
    owner = np.arange(len(values), dtype=np.int64) % len(weights)
    start = np.concatenate([[0], np.cumsum([len(one) for one in weights])]).astype(np.int64)
    flat = np.array([weight for one in weights for weight in one], np.int64)
    found = shared_among(np.array(values, np.int64), owner, start, flat)
    for n, value in enumerate(values):
        own = found.entry == n
        expected = shared(value, weights[owner[n]])
        slots = found.weight[own] - start[owner[n]]
        assert dict(zip(slots.tolist(), found.value[own].tolist(), strict=True)) == {
            slot: share for slot, share in enumerate(expected) if share
        }


def test_a_city_without_a_source_has_no_parts() -> None:
    places, hazards, area, _ = a_city(1)
    nothing = place_account(places, hazards.take([]), SHARE)
    assert len(area_parts(nothing, places.people, area, 50_000).value) == 0

"""Scores of places and areas, against the formulas written out in exact fractions, one source after the other."""

from fractions import Fraction
from math import floor

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from riskmap.errors import TooLarge
from riskmap.rollup import (
    area_account,
    area_scores,
    burdens,
    city_account,
    city_score,
    highest,
    worst_first,
    worst_placed,
)
from riskmap.shapes import LINE, SHELL, Floats, Ints, Shapes
from riskmap.superposition import Account, Hazards, Places, exposed_people, place_account, place_scores

B = 200
"""share b per mille"""
SEEDS = st.integers(0, 100_000)


def rounded(value: Fraction) -> int:
    return floor(value + Fraction(1, 2))


def score_of(xy: Ints, weight: int, sites: Ints, points: Ints, reach: Ints, share: int = B) -> list[int]:
    """The contributions of point sources (positions in mm) to one place, by RISK-MODEL's formula in fractions."""
    pull = []
    for site, h, r in zip(sites.tolist(), points.tolist(), reach.tolist(), strict=True):
        u2 = Fraction((site[0] - int(xy[0])) ** 2 + (site[1] - int(xy[1])) ** 2, r * r)
        pull.append(h * (1 - u2) ** 2 if u2 < 1 else Fraction(0))
    first = pull.index(max(pull)) if pull else -1
    return [
        rounded(Fraction(weight, 1000) * (1 if i == first else Fraction(share, 1000)) * part)
        for i, part in enumerate(pull)
    ]


class City:
    """A random small city: positions in mm, sources and places in order of code."""

    def __init__(self, seed: int, n_sources: int = 25, n_places: int = 60) -> None:
        rng = np.random.default_rng(seed)
        self.rng = rng
        self.sites = rng.integers(0, 3_000_000, (n_sources, 2))
        self.points = rng.integers(0, 100_000_000, n_sources)
        self.reach = rng.integers(150_000, 1_500_000, n_sources)
        self.xy = rng.integers(0, 3_000_000, (n_places, 2))
        self.people = rng.integers(0, 90_000, n_places)
        self.weight = rng.choice([1000, 1150, 1250, 1400], n_places)
        self.area = rng.integers(-1, 5, n_places)
        # two sources at one spot and a place on a source: ties and zero distances
        self.sites[1], self.points[1], self.reach[1] = self.sites[0], self.points[0], self.reach[0]
        self.xy[0] = self.sites[0]

    @property
    def places(self) -> Places:
        return Places.of(self.xy / 1000, self.people, self.weight)

    @property
    def hazards(self) -> Hazards:
        return Hazards(Shapes.points(self.sites / 1000), self.points, self.reach)

    def scores(self, share: int = B, threads: int = 1) -> Ints:
        return place_scores(self.places, self.hazards, share, threads=threads)

    def areas(self, n_milli: int) -> Ints:
        scores = self.scores()
        return area_scores(scores, self.people, self.area, 5, n_milli, worst_first(scores))


def sums(account: Account) -> Ints:
    total = np.zeros(len(account.start) - 1, np.int64)
    np.add.at(total, np.repeat(np.arange(len(total)), np.diff(account.start)), account.value)
    return total


# --- places ----------------------------------------------------------------------------------------------


@settings(max_examples=20)
@given(SEEDS, st.sampled_from([0, 200, 1000]))
def test_places_follow_the_formula(seed: int, share: int) -> None:
    city = City(seed)
    account = place_account(city.places, city.hazards, share)
    scores = city.scores(share)
    assert (sums(account) == scores).all()
    for p in range(len(city.xy)):
        expected = score_of(city.xy[p], int(city.weight[p]), city.sites, city.points, city.reach, share)
        part = slice(account.start[p], account.start[p + 1])
        found = dict(zip(account.source[part].tolist(), account.value[part].tolist(), strict=True))
        assert list(found) == sorted(found)
        for source, value in enumerate(expected):
            assert abs(found.get(source, 0) - value) <= 1, (p, source)


def test_the_first_of_two_equals_leads_and_all_else_counts_a_fifth() -> None:
    places = Places.of([[0, 0], [500, 0]], [1000, 1000], [1000, 1250])
    sites = Shapes.points([[0, 0], [0, 0], [500, 0]])
    hazards = Hazards(sites, np.array([30_000_000, 30_000_000, 8_000_000]), np.array([1_000_000] * 3))
    account = place_account(places, hazards, B)
    near, far = (1 - Fraction(1, 4)) ** 2, 30_000_000
    assert account.source.tolist() == [0, 1, 2, 0, 1, 2]
    assert account.value[:3].tolist() == [30_000_000, 6_000_000, rounded(8_000_000 * near / 5)]
    assert account.value[3:].tolist() == [
        rounded(far * near * 5 / 4),
        rounded(far * near / 4),
        8_000_000 * 250 // 1000,
    ]
    assert account.distance.tolist() == [0, 0, 500_000, 500_000, 500_000, 0]


def test_reach_ends_exactly_at_its_radius() -> None:
    hazards = Hazards(Shapes.points([[0, 0]]), np.array([50_000_000]), np.array([500_000]))
    at = Places.of([[300.0, 400.0], [299.0, 400.0], [0.0, 500.001]], [1000] * 3, [1000] * 3)
    scores = place_scores(at, hazards, B)
    assert scores[0] == scores[2] == 0
    assert scores[1] > 0


def test_distance_goes_from_the_site_and_is_nothing_inside() -> None:
    yard = Shapes.from_parts(
        [(0, 0), (200, 0), (200, 100), (0, 100), (0, 0), (900, 0), (900, 600)],
        [0, 5, 7],
        [SHELL, LINE],
        [0, 1, 2],
    )
    hazards = Hazards(yard, np.array([10_000_000, 10_000_000]), np.array([400_000, 150_000]))
    at = Places.of([[100, 50], [100, 300], [280, 160], [1000, 300], [1000, 660]], [1000] * 5, [1000] * 5)
    distances = [0, 200, 100, 100, None]
    for p, distance in enumerate(distances):
        account = place_account(at.take([p]), hazards, B)
        reach = 400 if p < 3 else 150
        if distance is None:
            near = 1 - Fraction(100 * 100 + 60 * 60, 150 * 150)
            assert account.value.tolist() == [rounded(10_000_000 * near**2)]
        else:
            assert account.distance.tolist() == [distance * 1000]
            assert account.value.tolist() == [rounded(10_000_000 * (1 - Fraction(distance, reach) ** 2) ** 2)]


@settings(max_examples=15)
@given(SEEDS)
def test_order_threads_and_part_runs_change_no_bit(seed: int) -> None:
    city = City(seed, 120, 400)
    expected = city.scores()
    for threads in (2, 4):
        assert (city.scores(threads=threads) == expected).all()
        account = place_account(city.places, city.hazards, B, threads=threads)
        for one, other in zip(account, place_account(city.places, city.hazards, B, threads=1), strict=True):
            assert (one == other).all()
    places, sources = city.rng.permutation(400), city.rng.permutation(120)
    shuffled = place_scores(city.places.take(places), city.hazards.take(sources), B)
    assert (shuffled == expected[places]).all()
    some = np.sort(places[:50])
    assert (place_scores(city.places.take(some), city.hazards, B) == expected[some]).all()


@settings(max_examples=15)
@given(SEEDS)
def test_what_lies_out_of_reach_changes_nothing(seed: int) -> None:
    city = City(seed)
    before = city.scores()
    reached = np.hypot(*(city.xy - city.sites[7]).T) < city.reach[7]
    city.points[7] += 5_000_000
    assert ((city.scores() == before) | reached).all()


# --- areas -----------------------------------------------------------------------------------------------


def mean_of_worst(scores: list[int], people: list[int], n_milli: int) -> int:
    """The mean over the worst-placed, counted out in a list."""
    left, total = n_milli, 0
    for score, here in sorted(zip(scores, people, strict=True), reverse=True):
        total += score * min(left, here)
        left -= min(left, here)
    return rounded(Fraction(total, n_milli))


@settings(max_examples=20)
@given(SEEDS, st.sampled_from([1_000, 50_000, 333_333, 5_000_000]))
def test_areas_are_means_over_their_worst_placed(seed: int, n_milli: int) -> None:
    city = City(seed)
    scores, found = city.scores(), city.areas(n_milli)
    burden = burdens(scores, city.people, city.area, 5)
    for area in range(5):
        inside = city.area == area
        assert found[area] == mean_of_worst(scores[inside].tolist(), city.people[inside].tolist(), n_milli)
        assert burden[area] == sum(
            s * p for s, p in zip(scores[inside].tolist(), city.people[inside].tolist(), strict=True)
        )
        taken = worst_placed(scores[inside], city.people[inside], n_milli)
        assert taken.sum() == min(n_milli, city.people[inside].sum())
    whole = burdens(scores, city.people, np.where(city.area < 0, -1, 0), 1)
    assert burden.sum() == whole[0]


@settings(max_examples=20)
@given(SEEDS, st.sampled_from([1_000, 50_000, 1_000_000]))
def test_an_area_explained_sums_to_its_score(seed: int, n_milli: int) -> None:
    city = City(seed)
    stored = city.areas(n_milli)
    accounts = []
    for area in range(5):
        inside = np.flatnonzero(city.area == area)
        places = city.places.take(inside)
        score, parts = area_account(places, city.hazards, n_milli, B)
        assert score == stored[area] == sum(part.value for part in parts)
        assert [part.source for part in parts] == sorted({part.source for part in parts})
        assert all(part.value >= 0 and 0 < part.people <= n_milli for part in parts)
        for part in parts:
            distances = np.hypot(*(city.xy[inside] - city.sites[part.source]).T)
            assert distances.min() - 1 <= part.nearest < city.reach[part.source]
        accounts.append((score, parts))
    chosen = highest([score for score, _ in accounts], 3)
    score, parts = city_account([accounts[i][1] for i in chosen], 3)
    assert score == city_score([score for score, _ in accounts], 3) == sum(part.value for part in parts)


def test_the_city_is_the_mean_of_its_three_highest_townships() -> None:
    assert city_score([10, 40, 30, 20], 3) == 30
    assert city_score([10, 40], 3) == 17
    assert city_score([], 3) == 0
    assert highest([5, 7, 5, 7], 3) == [1, 3, 0]


def test_too_many_people_are_refused_before_a_sum_can_overflow() -> None:
    scores, people = np.array([10**8]), np.array([2 * 10**11])
    with pytest.raises(TooLarge):
        burdens(scores, people, np.array([0]), 1)


# --- laws ------------------------------------------------------------------------------------------------


@settings(max_examples=25)
@given(SEEDS)
def test_a_source_a_point_more_or_a_person_lowers_nothing(seed: int) -> None:
    city = City(seed)
    places, areas = city.scores(), city.areas(50_000)
    city.people[3] += 1_000
    assert (city.areas(50_000) >= areas).all()
    areas = city.areas(50_000)
    city.points[5] += 1_500_000
    assert (city.scores() >= places).all()
    assert (city.areas(50_000) >= areas).all()
    places, areas = city.scores(), city.areas(50_000)
    city.sites = np.vstack([city.sites, city.xy[9] + 1000])
    city.points, city.reach = np.append(city.points, 3_000_000), np.append(city.reach, 200_000)
    assert (city.scores() >= places).all()
    assert (city.areas(50_000) >= areas).all()


@settings(max_examples=25)
@given(SEEDS, st.floats(0, 6.3))
def test_a_move_of_a_metre_moves_no_area_by_a_fifth_of_a_point(seed: int, direction: float) -> None:
    city = City(seed)
    city.reach = np.maximum(city.reach, city.points * 11 // 1000)
    before = city.areas(1_000)
    mover = seed % len(city.sites)
    city.sites[mover] += np.round([1000 * np.cos(direction), 1000 * np.sin(direction)]).astype(np.int64)
    assert np.abs(city.areas(1_000) - before).max() < 200_000


# --- whom a source reaches -------------------------------------------------------------------------------


@settings(max_examples=20)
@given(SEEDS)
def test_exposed_people_are_weighed_by_distance_and_grouped(seed: int) -> None:
    city = City(seed)
    sites = Shapes.points(city.sites / 1000)
    found = exposed_people(sites, city.reach, city.places.xy, city.people, city.area)
    for s in range(len(city.sites)):
        weighted: dict[int, int] = {}
        plain: dict[int, int] = {}
        for xy, people, area in zip(city.xy, city.people.tolist(), city.area.tolist(), strict=True):
            part = score_of(xy, 1000, city.sites[[s]], np.array([people]), city.reach[[s]])[0]
            if part:
                weighted[area] = weighted.get(area, 0) + part
                plain[area] = plain.get(area, 0) + people
        entries = slice(found.start[s], found.start[s + 1])
        groups = found.group[entries].tolist()
        assert groups == sorted(weighted)
        assert found.people[entries].tolist() == [plain[g] for g in groups]
        assert found.weighted[entries] == pytest.approx([weighted[g] for g in groups], abs=2)
    for threads in (2, 4):
        again = exposed_people(sites, city.reach, city.places.xy, city.people, city.area, threads=threads)
        assert all((one == other).all() for one, other in zip(found, again, strict=True))


def test_nobody_and_nothing() -> None:
    empty: Floats = np.zeros((0, 2))
    nobody = Places.of(empty, [], [])
    nothing = Hazards(Shapes.points(empty), np.zeros(0, np.int64), np.zeros(0, np.int64))
    city = City(1)
    assert len(place_scores(nobody, city.hazards, B)) == 0
    assert place_scores(city.places, nothing, B).tolist() == [0] * 60
    assert place_account(city.places, nothing, B).start.tolist() == [0] * 61
    assert area_account(nobody, city.hazards, 1000, B) == (0, [])
    assert exposed_people(
        nothing.sites, nothing.reach, city.places.xy, city.people, city.area
    ).start.tolist() == [0]
    found = exposed_people(
        city.hazards.sites, city.reach, empty, np.zeros(0, np.int64), np.zeros(0, np.int64)
    )
    assert found.start.tolist() == [0] * 26

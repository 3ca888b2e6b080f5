"""The search for few actions against brute force over all subsets, and alternatives against the kernels of a run."""

from collections.abc import Sequence
from itertools import combinations

import numpy as np
import pytest
import shapely
from hypothesis import given
from hypothesis import strategies as st

from layers.exposure import shapes_from
from riskmap.alternatives import Felt, Terrain, alternative_scores
from riskmap.counterfactual import MOST_PROVEN, Found, Set, fewest_actions
from riskmap.counterfactual_words import action_words
from riskmap.rollup import area_scores, worst_first
from riskmap.superposition import Hazards, Places, place_scores

MOST = 7


class Case:
    """Some hazards, actions that take something off one or more of them, and a mean of leads that must fall below an edge.

    The largest counts in full and the others a fifth, so that effects of actions neither add up nor shrink together.
    """

    def __init__(
        self, hazards: list[int], effects: list[list[int]], edge: int, gates: list[list[int]]
    ) -> None:
        self.hazards, self.effects, self.edge, self.gates = hazards, effects, edge, gates
        self.asked = 0

    def score(self, chosen: Set) -> int:
        left = [max(0, h - sum(self.effects[a][s] for a in chosen)) for s, h in enumerate(self.hazards)]
        return 4 * max(left) + sum(left)

    def does(self, chosen: Set) -> bool:
        return self.score(chosen) < self.edge and all(set(gate) & set(chosen) for gate in self.gates)

    def holds(self, sets: Sequence[Set]) -> list[bool]:
        self.asked += len(sets)
        return [self.does(one) for one in sets]

    @property
    def bounds(self) -> np.ndarray:
        """A lead falls by five times the sum of what is taken off at most; a gate opens by any action of its own."""
        score = [
            5 * sum(min(e, h) for e, h in zip(effect, self.hazards, strict=True)) for effect in self.effects
        ]
        return np.array([score, *([int(a in gate) for a in range(len(self.effects))] for gate in self.gates)])

    @property
    def needs(self) -> np.ndarray:
        return np.array([self.score(()) - self.edge + 1, *[1] * len(self.gates)])

    def find(self, **options: int) -> Found | None:
        return fewest_actions([1] * len(self.effects), self.bounds, self.needs, self.holds, **options)

    def smallest(self) -> int | None:
        """By trying every subset."""
        n = len(self.effects)
        sizes = (k for k in range(n + 1) if any(self.does(one) for one in combinations(range(n), k)))
        return next(sizes, None)


@st.composite
def cases(draw: st.DrawFn) -> Case:
    n_sources, n = draw(st.integers(1, 4)), draw(st.integers(0, MOST))
    hazards = draw(st.lists(st.integers(0, 30), min_size=n_sources, max_size=n_sources))
    effect = st.one_of(
        st.tuples(st.integers(0, n_sources - 1), st.integers(0, 30)).map(
            lambda pair: [pair[1] if s == pair[0] else 0 for s in range(n_sources)]
        ),
        st.lists(st.integers(0, 12), min_size=n_sources, max_size=n_sources),
    )
    effects = draw(st.lists(effect, min_size=n, max_size=n))
    gates = draw(st.lists(st.lists(st.integers(0, n - 1), max_size=3), max_size=2)) if n else []
    return Case(hazards, effects, draw(st.integers(0, 150)), gates)


@given(cases())
def test_the_smallest_is_the_smallest(case: Case) -> None:
    found, smallest = case.find(), case.smallest()
    if smallest is None:
        assert found is None
        return
    assert found is not None
    assert case.does(found.actions)
    assert found.proven or len(found.actions) > MOST_PROVEN
    if found.proven:
        assert len(found.actions) == smallest
    parts = [one for k in range(len(found.actions)) for one in combinations(found.actions, k)]
    assert not any(case.does(one) for one in parts), "every action of the set is needed"


@given(cases(), st.integers(0, 3))
def test_without_leave_to_look_it_claims_no_proof_that_it_has_not(case: Case, most: int) -> None:
    found, smallest = case.find(most_examined=most), case.smallest()
    assert (found is None) == (smallest is None)
    if found is not None:
        assert case.does(found.actions)
        assert not found.proven or len(found.actions) == smallest
        for gone in found.actions:
            assert not case.does(tuple(a for a in found.actions if a != gone))


def test_among_sets_of_one_size_the_milder_goes_first() -> None:
    case = Case([10, 10], [[10, 10], [9, 9], [10, 10]], 20, [])
    found = fewest_actions([10, 1, 1], case.bounds, case.needs, case.holds)
    assert found == Found((2,), proven=True)


def test_sets_that_cannot_matter_are_not_tried() -> None:
    """One action of forty does most of it, and only with one of two others: the rest is too little whatever is added."""
    effects = [[80], [10], [10], *[[1]] * 37]
    case = Case([100], effects, 51, [])
    found = case.find()
    assert found is not None
    assert found.proven
    assert len(found.actions) == 2
    assert case.asked < 400, "all pairs are 780"


@pytest.fixture(scope="module")
def ground() -> tuple[Places, np.ndarray, Hazards]:
    dice = np.random.default_rng(7)
    middles = shapely.points(dice.uniform(0, 3000, (40, 2)))
    sites = np.where(dice.random(40) < 0.5, shapely.buffer(middles, 60), middles)
    hazards = Hazards(
        shapes_from(sites), dice.integers(1, 60, 40) * 1_000_000, dice.integers(150, 1500, 40) * 1000
    )
    places = Places.of(
        dice.uniform(0, 3000, (300, 2)), dice.integers(1, 20, 300) * 1000, dice.choice([1000, 1250], 300)
    )
    return places, dice.integers(-1, 3, 300), hazards


def test_an_alternative_scores_as_a_run_over_changed_sources(
    ground: tuple[Places, np.ndarray, Hazards],
) -> None:
    places, area, hazards = ground
    terrain = Terrain.of(places, area, 3, hazards, 200, 150_000)
    dice = np.random.default_rng(8)
    alternatives = [
        {
            int(s): Felt(
                int(hazards.points[s] * dice.random()), int(hazards.reach[s] * dice.choice([0.6, 1]))
            )
            for s in dice.choice(40, size, replace=False)
        }
        for size in (0, 1, 2, 3, 12, 40)
        for _ in range(5)
    ]
    for alternative, means in zip(alternatives, alternative_scores(terrain, alternatives), strict=True):
        points, reach = hazards.points.copy(), hazards.reach.copy()
        for s, felt in alternative.items():
            points[s], reach[s] = felt
        scores = place_scores(places, Hazards(hazards.sites, points, reach), 200)
        expected = area_scores(scores, places.people, area, 3, 150_000, worst_first(scores))
        assert means.tolist() == expected.tolist()


@pytest.mark.parametrize("lang", ["zh", "en"])
def test_every_action_has_words(lang: str) -> None:
    args = {
        "source_name": "甲罐", "title": "阀门渗漏", "found_on": "2026-01-02", "due_on": None, "kind": "level",
        "days": 3, "name_zh": "高限报警", "name_en": "High alarm", "since": "2026-01-02T08:00:00+08:00",
        "substance": "液氨", "substance_en": "ammonia", "quantity_t": 60, "to_t": 9.9994, "cut_t": 50.001,
        "grade": 3, "grade_after": None,
    }  # fmt: skip
    kinds = (
        *("close_danger", "restore_sensor", "end_alarm", "end_work", "publish_commitment", "finish_check"),
        *("lift_incident", "lift_public_warning", "cut_inventory", "neighbour"),
    )
    for kind in kinds:
        label, reason = action_words(kind, args, lang)
        assert "甲罐" in label
        assert reason
    label, reason = action_words("cut_inventory", args, lang)
    assert "60" in label
    assert "9.999" in label
    assert "50.001" in reason

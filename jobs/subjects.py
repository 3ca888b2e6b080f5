"""What a colour is computed from, so that sets of actions can be tried on it: an area's places, or a source's own account.

A subject tells its score and colour under any set of actions exactly as a run would, and how much each action can add
at most to what a better colour needs: the search leaves out what cannot matter.
"""

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple, Protocol

import numpy as np

from jobs.actions import CUT, LIFTING
from jobs.areas import PART_OF, incidents_of, places_within
from jobs.frames import Array, index_of
from jobs.states import Left, State, States
from riskmap.alternatives import Alternative, Felt, Terrain, alternative_scores
from riskmap.directly_red import reddened
from riskmap.risk import RED, floored, lead_shares, level_of, raised, reach_of_points
from riskmap.rollup import city_score, highest, worst_placed
from riskmap.superposition import Hazards
from riskmap.weights import MILLI

COLOURS = ("level", "base_level", "rise_level")
_STEEPEST = 4 / 3
"""the most that a point of hazard adds to a pull where reach grows with the hazard: max of (1 − x)(1 + 3x)"""


class Outcome(NamedTuple):
    """Score in micro-points and colour."""

    score: int
    level: int


class Subject(Protocol):
    """A thing with a colour."""

    candidates: list[int]
    """the actions that can change it, by position"""
    sources: list[int]
    """the sources that it is computed from, by position"""

    def outcomes(self, sets: Sequence[Sequence[int]], left: Left | None = None) -> list[Outcome]:
        """Score and colour when a set of actions is done, for each set."""
        ...

    def needs(self, goal: int) -> tuple[Array, Array]:
        """Bounds (conditions, candidates) and needs (conditions), as the search takes them."""
        ...

    def without(self, sources: Sequence[int]) -> list[int]:
        """The score if one of some sources were not there at all, for each of them."""
        ...


def _may(states: States, of: str) -> list[int]:
    """Dynamic actions cannot change the baseline; cuts of inventory move it, so they tell nothing of a rise over it."""
    return [
        a
        for a, action in enumerate(states.actions)
        if (of != "base_level" or action.kind == CUT) and (of != "rise_level" or action.kind != CUT)
    ]


def _threshold(edges: tuple[int, int, int], goal: int) -> int:
    """The edge that a score must stay below for a colour: 4 blue, 3 yellow, 2 orange."""
    return edges[4 - goal]


class AreaSubject:
    """A grid unit, village, township, overlay or the city; `area` is its row, None for the city."""

    def __init__(self, states: States, kind: str, area: Any, of: str) -> None:
        self.states, self.kind, self.of = states, kind, of
        self.weights = states.city.ground.weights
        self.code = None if kind == "city" else area.code
        self.by_township = kind == "city" and bool((states.inputs.areas["level"] == "township").any())
        self.edges = "rise" if of == "rise_level" else "city" if self.by_township else "ordinary"
        self.hazards = states.city.ground.base if of == "base_level" else states.city.ground.now
        self.terrain = self._terrain(area, self.hazards)
        self.under = (
            self._joined(self._terrain(area, states.city.ground.base).means) if of == "rise_level" else 0
        )
        self.red = self._red_now() if of != "rise_level" else {}
        self.incidents = (
            incidents_of(states.inputs).get((kind, self.code), [])
            if of != "base_level" and kind != "overlay"
            else []
        )
        self.sources = [int(n) for n in np.unique(self.terrain.reached.source)]
        near = {*self.sources, *self.red}
        self.candidates = [
            a
            for a in _may(states, of)
            if near & set(states.actions[a].points) or states.actions[a].record in self.incidents
        ]

    def outcomes(self, sets: Sequence[Sequence[int]], left: Left | None = None) -> list[Outcome]:
        """Score and colour when a set of actions is done, for each set."""
        changes = [self.states.changed(one, left) for one in sets]
        scores = self._scores([{n: self.felt(state) for n, state in one.items()} for one in changes])
        lifted = [{self.states.actions[a].record for a in one} for one in sets]
        return [
            Outcome(score, self._level(score, change, done))
            for score, change, done in zip(scores, changes, lifted, strict=True)
        ]

    def without(self, sources: Sequence[int]) -> list[int]:
        """The score if one of some sources were not there at all, for each of them."""
        return self._scores([{n: Felt(0, int(self.hazards.reach[n]))} for n in sources])

    def needs(self, goal: int) -> tuple[Array, Array]:
        """The score must fall below its edge, each red source that raises must be red no more, each incident be over."""
        actions = [self.states.actions[a] for a in self.candidates]
        over = self.outcomes([()])[0].score - _threshold(self.weights.edges[self.edges], goal) + 1
        rounding = int(np.diff(self.terrain.reached.start).max(initial=0)) + 4
        rows, needs = [self._bounds()], [over - rounding]
        if self.weights.raising.levels.get(self.kind, goal) < goal:
            rows += [np.array([int(n in action.points) for action in actions], np.int64) for n in self.red]
            needs += [1] * len(self.red)
        if self.weights.incident.levels.get(self.kind, goal) < goal:
            rows += [
                np.array([int(action.record == record) for action in actions], np.int64)
                for record in self.incidents
            ]
            needs += [1] * len(self.incidents)
        return np.array(rows, np.int64).reshape(len(rows), -1), np.array(needs, np.int64)

    def _terrain(self, area: Any, hazards: Hazards) -> Terrain:
        ground = self.states.city.ground
        if self.by_township:
            areas = self.states.inputs.areas
            codes = np.sort(areas["code"][areas["level"] == "township"].to_numpy(object))
            index = index_of(ground.people[PART_OF["township"]], codes)
            n, worst = len(codes), self.weights.worst_placed["township"]
        else:
            inside = np.ones(len(ground.people), bool)
            if area is not None:
                inside = places_within(area, ground.people, ground.places.xy)
            index = np.where(inside, 0, -1).astype(np.int64)
            n, worst = 1, self.weights.worst_placed[self.kind]
        return Terrain.of(ground.places, index, n, hazards, self.weights.share_permille, worst)

    def felt(self, state: State) -> Felt:
        """A source as the places feel it, for the colour in question."""
        return (
            Felt(state.base_points, state.base_reach)
            if self.of == "base_level"
            else Felt(state.points, state.reach)
        )

    def _scores(self, alternatives: Sequence[Alternative]) -> list[int]:
        means = alternative_scores(self.terrain, alternatives)
        return [self._joined(one) - self.under for one in means]

    def _joined(self, means: Array) -> int:
        scores: list[int] = means.tolist()
        return city_score(scores, self.weights.townships_of_city) if self.by_township else scores[0]

    def red_after(self, change: Mapping[int, State]) -> list[str]:
        """The red sources that would still raise the area."""
        return [
            record
            for n, record in self.red.items()
            if n not in change or self.states.level(n, change[n], base=self.of == "base_level") == RED
        ]

    def _level(self, score: int, change: dict[int, State], done: set[str]) -> int:
        level = level_of(self.weights, score, self.edges)
        level = raised(self.weights.raising, level, self.kind, self.red_after(change))[0]
        going_on = [record for record in self.incidents if record not in done]
        return raised(self.weights.incident, level, self.kind, going_on)[0]

    def _red_now(self) -> dict[int, str]:
        """The red sources that stand in the area, as records by position, where they raise it."""
        if self.kind not in self.weights.raising.levels:
            return {}
        sources, grounds = self.states.city.graded, self.hazards
        there = np.flatnonzero((sources.sources[PART_OF[self.kind]] == self.code).to_numpy(bool))
        red_from = self.weights.edges["ordinary"][2] - self.weights.exposure_most
        found = {}
        for n in there.tolist():
            grading = sources.gradings[n]
            held = n in sources.red or (grading is not None and grading.grade is not None)
            if held or grounds.points[n] >= red_from:
                state = self.states.state(n, (), {})
                if self.states.level(n, state, base=self.of == "base_level") == RED:
                    found[n] = f"source/{sources.sources['code'].iloc[n]}"
        return found

    def _bounds(self) -> Array:
        """What each candidate can take off the score at most: less hazard at the people who are worst placed now.

        A score at a place falls by no more than its sources' pulls do together, and the mean over other people than
        those worst placed now is no higher; so what single sources can take off adds up to a bound for all of them.
        """
        terrain, hazards = self.terrain, self.hazards
        worst = np.concatenate(
            [
                worst_placed(terrain.scores[lo:hi], terrain.places.people[lo:hi], terrain.n_milli) * part
                for lo, hi, part in zip(terrain.start[:-1], terrain.start[1:], self._parts(), strict=True)
            ]
        )
        counted = worst * terrain.places.weight / (terrain.n_milli * MILLI)
        source = terrain.reached.source
        entry = np.repeat(counted, np.diff(terrain.reached.start))
        after_points, after_reach = hazards.points.copy(), hazards.reach.copy()
        for n, state in self.states.changed(self.candidates).items():
            after_points[n], after_reach[n] = self.felt(state)

        def pulls(points: Array, reach: Array) -> Array:
            share = np.maximum(1.0 - terrain.reached.near2 / reach[source].astype(np.float64) ** 2, 0.0)
            result: Array = points[source] * share * share
            return result

        n = len(hazards.points)
        fixed = np.array(
            [
                reach_of_points(self.weights, h) < r
                for h, r in zip(hazards.points.tolist(), hazards.reach.tolist(), strict=True)
            ]
        )
        slope = np.where(fixed[source], pulls(np.ones(n), hazards.reach), _STEEPEST)
        lost = pulls(hazards.points, hazards.reach) - pulls(after_points, after_reach)
        whole = np.bincount(source, entry * lost, n)
        a_point = np.bincount(source, entry * slope, n)
        return np.array(
            [
                sum(
                    np.ceil(whole[k] if action.kind == CUT else min(whole[k], points * a_point[k])) + 1
                    for k, points in action.points.items()
                )
                if action.kind not in LIFTING
                else 0
                for action in (self.states.actions[a] for a in self.candidates)
            ],
            np.int64,
        )

    def _parts(self) -> list[float]:
        """How much of its areas' means is in the score: of the city that of its highest townships."""
        if not self.by_township:
            return [1.0]
        count = self.weights.townships_of_city
        counted = set(highest(self.terrain.means.tolist(), count))
        return [1 / count if k in counted else 0.0 for k in range(len(self.terrain.means))]


class OwnSubject:
    """A source, or an enterprise with all of its sources: its own account, held by its grades."""

    def __init__(self, states: States, sources: Sequence[int], of: str) -> None:
        self.states, self.sources, self.of = states, list(sources), of
        self.weights = states.city.ground.weights
        self.now = {n: states.state(n, (), {}) for n in self.sources}
        self.under = self._sum(self.now, base=True) if of == "rise_level" else 0
        self.candidates = [a for a in _may(states, of) if set(self.sources) & set(states.actions[a].points)]

    def outcomes(self, sets: Sequence[Sequence[int]], left: Left | None = None) -> list[Outcome]:
        """Score and colour when a set of actions is done, for each set."""
        found = []
        for one in sets:
            states = self.now | {
                n: state for n, state in self.states.changed(one, left).items() if n in self.now
            }
            score = self._sum(states, base=self.of == "base_level") - self.under
            level = level_of(self.weights, score, "rise" if self.of == "rise_level" else "ordinary")
            if self.of != "rise_level":
                level = floored(self.weights, level, {str(n): s.grade for n, s in states.items()})[0]
                level = reddened(level, {str(n): s.red for n, s in states.items()})[0]
            found.append(Outcome(score, level))
        return found

    def without(self, sources: Sequence[int]) -> list[int]:
        """The score if one of some sources were not there at all, for each of them."""
        base = self.of == "base_level"
        return [
            self._sum({n: s for n, s in self.now.items() if n != gone}, base=base) - self.under
            for gone in sources
        ]

    def needs(self, goal: int) -> tuple[Array, Array]:
        """The score must fall below its edge, each grade that holds the colour must fall."""
        actions = [self.states.actions[a] for a in self.candidates]
        edges = "rise" if self.of == "rise_level" else "ordinary"
        over = self.outcomes([()])[0].score - _threshold(self.weights.edges[edges], goal) + 1
        emptied = self.now | self.states.changed(self.candidates)
        whole = {n: self.states.score(n, self.now[n]) - self.states.score(n, emptied[n]) for n in self.now}
        rounding = len(self.now) + sum(len(self.states.city.going_on(n)) for n in self.now) + 4
        first = [
            sum(
                whole[n] if action.kind == CUT else min(points, whole[n])
                for n, points in action.points.items()
                if n in self.now
            )
            for action in actions
        ]
        rows, needs = [np.array(first, np.int64)], [over - rounding]
        for n, state in self.now.items():
            held = RED if state.red else self.weights.floors.levels.get(state.grade, goal)
            if self.of != "rise_level" and held < goal:
                rows.append(np.array([int(one.kind == CUT and n in one.points) for one in actions], np.int64))
                needs.append(1)
        return np.array(rows, np.int64).reshape(len(rows), -1), np.array(needs, np.int64)

    def _sum(self, states: dict[int, State], *, base: bool) -> int:
        scores = [
            self.states.score(n, state) - (state.points - state.base_points if base else 0)
            for n, state in states.items()
        ]
        return sum(lead_shares(scores, self.weights.share_permille))

"""Zones from day to day: bounds, replayed edits, jitter, and that nothing but the past and the records matters."""

import math
from collections.abc import Sequence
from dataclasses import replace

import networkx as nx
import numpy as np
import pytest
import shapely
from hypothesis import given, settings
from hypothesis import strategies as st

from riskmap.zone_changes import changes_between, zones_after
from riskmap.zone_cuts import CUT_BY_MEMBERS, CUT_BY_SPAN
from riskmap.zone_lineage import ENDINGS
from riskmap.zone_links import ZoneSites
from riskmap.zone_rules import Bounds, ZoneRules
from riskmap.zones import Zones, zones_of
from tests.zone_cities import RULES, City, Site, edited, limits_m, named, random_city, sites_of

SEEDS = st.integers(0, 100_000)
NARROW = replace(RULES, bounds=Bounds(700_000, 12, 800_000, 15))
EDITION = "0" * 64
SIDE_M = 4_000.0


def assert_same(one: Zones, other: Zones) -> None:
    """Two states are the same in every part."""
    assert list(one.codes) == list(other.codes)
    assert list(one.ids) == list(other.ids)
    assert one.members == other.members
    assert one.zones_hash(EDITION) == other.zones_hash(EDITION)
    assert one.ended == other.ended
    assert columns(one) == columns(other)


def columns(zones: Zones) -> list[list[int]]:
    kind, links, cut = zones.edges
    return [kind.tolist(), *(column.tolist() for column in links), cut.tolist()]


def by_id(zones: Zones) -> dict[str, list[str]]:
    return dict(zip(zones.ids, zones.members, strict=True))


def shuffled(sites: ZoneSites, rng: np.random.Generator) -> ZoneSites:
    return sites.take(rng.permutation(len(sites.codes))).by_code()


def hanging_together(*states: Zones) -> list[set[str]]:
    """What hangs together by the links of any of these states, cut ones too."""
    graph = nx.Graph()
    for state in states:
        graph.add_nodes_from(state.codes)
        graph.add_edges_from((a, b) for _, a, b in named(state.edges, state.codes))
    return [set(part) for part in nx.connected_components(graph)]


# --- bounds --------------------------------------------------------------------------------------------------


def fits(city: City, codes: Sequence[str], bounds: Bounds) -> bool:
    corners = np.concatenate([shapely.get_coordinates(city[code].outline) for code in codes])
    x, y = corners[:, 0], corners[:, 1]
    extents = [np.ptp(along) for along in (x, y, (x + y) / math.sqrt(2), (x - y) / math.sqrt(2))]
    return len(codes) <= bounds.members and max(extents) <= bounds.span_mm / 1000 + 1e-9


def literal_cuts(city: City, zones: Zones, bounds: Bounds) -> list[list[str]]:
    """The rule by the word: remove the weakest link of the spanning forest from every part that is too large, then
    put back, strongest first, what fits.
    """
    links = zones.edges.links
    rows = sorted(zip(zones.edges.kind, links.distance, links.a, links.b, strict=True))
    edges = [(zones.codes[a], zones.codes[b]) for _, _, a, b in rows]
    graph = nx.Graph()
    graph.add_nodes_from(zones.codes)
    for rank, (a, b) in enumerate(edges):
        if not graph.has_edge(a, b):
            graph.add_edge(a, b, rank=rank)
    forest = nx.minimum_spanning_tree(graph, weight="rank")
    waiting = list(nx.connected_components(forest))
    while waiting:
        part = waiting.pop()
        if not fits(city, sorted(part), bounds):
            a, b, _ = max(forest.subgraph(part).edges(data="rank"), key=lambda edge: edge[2])
            forest.remove_edge(a, b)
            waiting += [nx.node_connected_component(forest, a), nx.node_connected_component(forest, b)]
    for a, b in edges:
        one, other = nx.node_connected_component(forest, a), nx.node_connected_component(forest, b)
        if one is not other and fits(city, sorted(one | other), bounds):
            forest.add_edge(a, b)
    return sorted(sorted(part) for part in nx.connected_components(forest) if len(part) > 1)


@pytest.mark.parametrize("seed", range(4))
def test_chains_are_cut_as_the_rule_says(seed: int) -> None:
    rng = np.random.default_rng(seed)
    city = random_city(rng, 110, 1_500)
    zones = zones_of(sites_of(city), NARROW)
    assert sorted(zones.members) == literal_cuts(city, zones, NARROW.bounds)
    assert all(fits(city, members, NARROW.bounds) for members in zones.members)
    where = dict(zip(zones.codes, zones.zone.tolist(), strict=True))
    for cut, a, b in zip(zones.edges.cut, zones.edges.links.a, zones.edges.links.b, strict=True):
        one, other = where[zones.codes[a]], where[zones.codes[b]]
        assert (cut == 0) == (one == other >= 0), "a link is cut exactly where its sites are apart"
    assert zones.edges.cut.any()


def test_a_chain_is_cut_at_its_weakest_link() -> None:
    city = {f"S{k}": Site(x, 0) for k, x in enumerate((0, 30, 60, 109, 140, 170))}
    narrow = replace(RULES, bounds=Bounds(100_000, 12, 100_000, 12))
    zones = zones_of(sites_of(city), narrow)
    assert zones.members in (
        [["S0", "S1", "S2"], ["S3", "S4", "S5"]],
        [["S3", "S4", "S5"], ["S0", "S1", "S2"]],
    )
    cuts = zones.edges.take(zones.edges.cut > 0)
    assert named(cuts, zones.codes) == {("adjacent", "S2", "S3")}
    assert cuts.links.distance.tolist() == [49_000]
    assert cuts.cut.tolist() == [CUT_BY_SPAN]
    few = replace(RULES, bounds=Bounds(10**9, 4, 10**9, 5))
    found = zones_of(sites_of(city), few)
    assert sorted(map(len, found.members)) == [3, 3]
    assert found.edges.cut.max() == CUT_BY_MEMBERS


def test_a_zone_of_before_is_taken_apart_last() -> None:
    few = replace(RULES, bounds=Bounds(10**9, 3, 10**9, 4))
    city = {"B": Site(0, 0), "C": Site(40, 0), "D": Site(80, 0)}
    before = zones_of(sites_of(city), few)
    city["A"] = Site(-10, 0)
    after = zones_of(sites_of(city), few, before)
    assert by_id(after) == by_id(before), "the newcomer is nearer to B than C is, but the zone is full"
    assert sorted(map(len, zones_of(sites_of(city), few).members)) == [3]


# --- from day to day -----------------------------------------------------------------------------------------


def replay(days: int, seed: int, rules: ZoneRules) -> None:
    rng = np.random.default_rng(seed)
    city = random_city(rng, 160, SIDE_M)
    sites = sites_of(city)
    zones = zones_of(sites, rules)
    for _ in range(days):
        after = edited(rng, edited(rng, edited(rng, city, SIDE_M), SIDE_M), SIDE_M)
        now = sites_of(after)
        changes = changes_between(sites, now)
        assert set(changes) == {c for c in {*city, *after} if city.get(c) != after.get(c)}
        full = zones_of(shuffled(now, rng), rules, zones, changes, threads=int(rng.integers(1, 4)))
        part = zones_after(now, rules, zones, changes)
        assert_same(part, full)
        assert list(part.events) == list(full.events)
        assert_lineage(zones, full)
        before, later = by_id(zones), by_id(full)
        for whole in hanging_together(zones, full):
            if not whole & set(changes):
                untouched = {zone for zone, members in before.items() if set(members) <= whole}
                assert untouched == {zone for zone, members in later.items() if set(members) <= whole}
                assert all(before[zone] == later[zone] for zone in untouched)
        city, sites, zones = after, now, full
    assert zones.ended, "the edits were to end a zone"


def assert_lineage(before: Zones, after: Zones) -> None:
    """Ids that end, begin or change have their line, with a cause."""
    was, now = by_id(before), by_id(after)
    told = {kind: {e.zone for e in after.events if e.kind == kind} for kind in {e.kind for e in after.events}}
    over = set().union(*(told.get(kind, set()) for kind in ENDINGS))
    begun = set().union(*(told.get(kind, set()) for kind in ("new", "split", "return")))
    assert over == set(was) - set(now)
    assert begun == set(now) - set(was)
    changed = {zone for zone in set(was) & set(now) if was[zone] != now[zone]}
    assert changed == told.get("grow", set()) | told.get("shrink", set())
    assert set(after.ended) == (set(before.ended) | over) - told.get("return", set())
    assert all(event.causes for event in after.events)


@pytest.mark.soak
@pytest.mark.parametrize(
    "rules", [RULES, NARROW, replace(NARROW, listed=1)], ids=["wide", "narrow", "crowded"]
)
def test_a_replay_of_edits_keeps_what_was_not_edited(rules: ZoneRules, soak: bool) -> None:
    replay(365 if soak else 30, 11, rules)


@settings(max_examples=15, deadline=None)
@given(SEEDS, st.sampled_from([1, 3, 8]))
def test_nothing_happens_where_nothing_changes(seed: int, listed: int) -> None:
    rng = np.random.default_rng(seed)
    rules = replace(NARROW, listed=listed)
    city = random_city(rng, 60, 1_200)
    first = zones_of(sites_of(city), rules)
    for _ in range(5):
        city = edited(rng, city, 1_200)
        first = zones_of(sites_of(city), rules, first)
    again = zones_of(shuffled(sites_of(city), rng), rules, first)
    assert_same(again, replace(first, events=()))
    assert list(again.events) == []


# --- jitter --------------------------------------------------------------------------------------------------


def jittered(city: City, rng: np.random.Generator) -> City:
    return {
        code: replace(site, x=round(site.x + rng.uniform(-1, 1), 3), y=round(site.y + rng.uniform(-1, 1), 3))
        for code, site in city.items()
    }


def close_calls(city: City, within_m: float = 2.9) -> set[tuple[str, str, str]]:
    """Pairs whose distance is that near to where they are joined or given up."""
    found = set()
    codes = sorted(city)
    for i, a in enumerate(codes):
        for b in codes[i + 1 :]:
            distance = city[a].outline.distance(city[b].outline)
            for kind, _, join in limits_m(city[a], city[b]):
                leave = join + max(10.0, join * 0.1)
                if min(abs(distance - join), abs(distance - leave)) <= within_m:
                    found.add((kind, a, b))
    return found


@pytest.mark.parametrize("seed", range(3))
def test_jitter_moves_a_pair_at_most_once(seed: int) -> None:
    rng = np.random.default_rng(seed)
    city = random_city(rng, 120, 1_500)
    calls = close_calls(city)
    assert calls
    every = replace(RULES, listed=1000)
    zones = zones_of(sites_of(city), every)
    states, turns = named(zones.edges, zones.codes), dict[tuple[str, str, str], int]()
    for _ in range(30):
        zones = zones_of(sites_of(jittered(city, rng)), every, zones)
        now = named(zones.edges, zones.codes)
        for pair in now ^ states:
            turns[pair] = turns.get(pair, 0) + 1
        states = now
    assert set(turns) <= calls
    assert set(turns.values()) <= {1}


@pytest.fixture(scope="module")
def calm() -> City:
    """A city without a pair near its limits, and a chain that is cut, some parts as long as a zone may be."""
    city = random_city(np.random.default_rng(3), 150, 2_500)
    for _, a, b in sorted(close_calls(city)):
        if a in city and b in city:
            del city[b]
    return city | {f"K{k:02d}": Site(5_000 + k * 35.0, 0) for k in range(50)}


@pytest.mark.parametrize(
    "rules", [RULES, NARROW, replace(NARROW, listed=1)], ids=["wide", "narrow", "crowded"]
)
def test_jitter_alone_is_no_event(rules: ZoneRules, calm: City) -> None:
    rng, city = np.random.default_rng(4), calm
    sites = sites_of(city)
    first = zones = zones_of(sites, rules)
    assert len(first.ids) > 5
    for _ in range(30):
        moved = sites_of(jittered(city, rng))
        zones = zones_of(moved, rules, zones, changes_between(sites, moved))
        sites = moved
        assert [event for event in zones.events if event.kind != "continue"] == []
        assert zones.zones_hash(EDITION) == first.zones_hash(EDITION)


def test_nobody_and_one_alone() -> None:
    empty = zones_of(sites_of({}), RULES)
    assert (list(empty.ids), empty.members, len(empty.edges)) == ([], [], 0)
    alone = zones_of(sites_of({"A": Site(0, 0)}), RULES, empty)
    assert (list(alone.ids), alone.zone.tolist()) == ([], [-1])
    pair = sites_of({"A": Site(0, 0), "B": Site(0, 0)})
    two = zones_of(pair, RULES, alone)
    assert two.members == [["A", "B"]]
    gone = zones_after(sites_of({}), RULES, two, changes_between(pair, sites_of({})))
    assert [event.kind for event in gone.events] == ["dissolve"]
    assert_same(gone, zones_of(sites_of({}), RULES, two))

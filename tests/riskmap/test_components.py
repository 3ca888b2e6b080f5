"""What hangs together, found without pairs, and hulls of crowds, against brute force, networkx and Shapely; and the
order of many numbers.
"""

import networkx as nx
import numpy as np
import pytest
import shapely
from hypothesis import given, settings
from hypothesis import strategies as st

from riskmap.components import components_of
from riskmap.hulls import hulls_of
from riskmap.nearness import Family
from riskmap.orders import order_of
from riskmap.shapes import Ints, Shapes
from riskmap.zone_links import NO_EDGES
from riskmap.zones import zones_what_if
from tests.riskmap.test_zone_links import SETS, adversarial, slow_pairs
from tests.zone_cities import RULES, random_city, sites_of

SEEDS = st.integers(0, 100_000)


def first_of_each(n: int, pairs: list[tuple[int, int, int]]) -> list[int]:
    """The first site of each one's component, by networkx."""
    graph = nx.Graph()
    graph.add_nodes_from(range(n))
    graph.add_edges_from((a, b) for a, b, _ in pairs)
    first = {i: min(part) for part in nx.connected_components(graph) for i in part}
    return [first[i] for i in range(n)]


@pytest.mark.parametrize("name", SETS)
@pytest.mark.parametrize("reach", [1, 99_999, 200_000, 3_000_000])
def test_components_are_those_of_brute_force(name: str, reach: int) -> None:
    rng = np.random.default_rng(5)
    xy = adversarial(name, rng)
    key, far = rng.integers(0, 3, len(xy)), np.full(len(xy), reach)
    found = components_of(len(xy), [(np.arange(len(xy)), Family(Shapes.points(xy / 1000), key, far))])
    assert found.tolist() == first_of_each(len(xy), slow_pairs(xy, key, far))


@settings(max_examples=15, deadline=None)
@given(SEEDS, st.integers(0, 60), st.sampled_from([20, 500, 3_000]), st.sampled_from([7, 5_000, 80_000]))
def test_two_families_hang_together_as_one(seed: int, n: int, side_m: int, reach: int) -> None:
    rng = np.random.default_rng(seed)
    xy = rng.integers(0, side_m * 1000, (n, 2))
    families, pairs = [], []
    for mixed in (False, bool(seed % 2)):
        index = np.flatnonzero(rng.random(n) < 0.8)
        key = rng.integers(0, 3, len(index))
        far = rng.choice([0, reach, 2 * reach], len(index)) if mixed else np.full(len(index), reach)
        families.append((index, Family(Shapes.points(xy[index] / 1000), key, far)))
        pairs += [(index[a], index[b], w) for a, b, w in slow_pairs(xy[index], key, far)]
    assert components_of(n, families).tolist() == first_of_each(n, pairs)
    assert components_of(n, families, threads=1).tolist() == components_of(n, families).tolist()


@pytest.mark.parametrize("shapes", [False, True])
def test_what_if_without_evidence_has_the_same_zones(shapes: bool) -> None:
    sites = sites_of(random_city(np.random.default_rng(8), 300, 4_000, shapes=shapes))
    kinds = ["adjacent", "similar", "domino"]
    for unbounded in (False, True):
        told = zones_what_if(sites, RULES, 90_000, kinds, unbounded=unbounded)
        bare = zones_what_if(sites, RULES, 90_000, kinds, unbounded=unbounded, evidence=False)
        assert len(told.ids) > 5
        assert (list(bare.ids), bare.members) == (list(told.ids), told.members)
        assert bare.edges is NO_EDGES


@given(st.integers(0, 62), st.lists(st.integers(0, 2**62 - 1), max_size=50))
def test_numbers_are_put_in_order_and_equal_ones_stay(bits: int, numbers: list[int]) -> None:
    column: Ints = np.array([one >> (62 - bits) for one in numbers], np.int64)
    order = order_of(column, 2**bits)
    assert order.tolist() == sorted(range(len(column)), key=column.tolist().__getitem__)


@pytest.mark.parametrize("crowd", ["blob", "lattice", "circle", "line", "spot"])
def test_hulls_of_crowds_are_those_of_shapely(crowd: str) -> None:
    rng, turn = np.random.default_rng(2), np.arange(300.0)
    xy = {
        "blob": rng.normal(0, 100, (300, 2)),
        "lattice": rng.integers(0, 12, (300, 2)),
        "circle": np.stack([np.cos(turn), np.sin(turn)], axis=1) * 1_000,
        "line": np.stack([turn, 2 * turn], axis=1),
        "spot": np.full((300, 2), 7),
    }[crowd]
    shapes = Shapes.points(np.concatenate([xy, xy[:10]]))
    found = hulls_of(shapes, np.repeat([0, 1], [300, 10]), 2)
    expected = shapely.convex_hull(shapely.multipoints(shapes.arrays.xy[:300]))
    assert shapely.convex_hull(shapely.multipoints(found.xy[: found.start[1]])).equals(expected)
    corners = shapely.get_coordinates(expected)
    assert found.start[1] == len(np.unique(corners, axis=0)), "no corner on a side, none twice"

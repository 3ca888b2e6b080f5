"""Links, forests and components of zones, against brute force, Shapely and networkx."""

from dataclasses import replace

import networkx as nx
import numpy as np
import pytest
import shapely
from hypothesis import given, settings
from hypothesis import strategies as st

from riskmap.forest import spanning_forest
from riskmap.nearness import (
    Family,
    Links,
    distances_of,
    far_cells,
    in_order,
    links_named,
    links_within,
    rounded_up,
)
from riskmap.shapes import LINE, POINT, SHELL, Ints, Shapes
from riskmap.zone_links import kinships
from riskmap.zones import NOTHING, edges_within, zones_of, zones_what_if
from tests.zone_cities import RULES, WIDE, City, Site, named, random_city, sites_of, slow_edges, slow_zones

SEEDS = st.integers(0, 100_000)
FAR = 10_000_000


def pairs_of(links: Links) -> list[tuple[int, int, int]]:
    return sorted(zip(*(column.tolist() for column in links), strict=True))


def slow_pairs(xy_mm: Ints, key: Ints, reach: Ints) -> list[tuple[int, int, int]]:
    """All linked pairs of points, in whole numbers."""
    found = []
    for a in range(len(xy_mm)):
        for b in range(a + 1, len(xy_mm)):
            squared = int(((xy_mm[a] - xy_mm[b]) ** 2).sum())
            far = int(max(reach[a], reach[b]))
            if key[a] == key[b] and far and squared <= far * far:
                root = int(np.sqrt(float(squared)))
                distance = next(w for w in range(max(0, root - 1), root + 3) if w * w >= squared)
                found.append((a, b, distance))
    return found


def slow_forest(n: int, pairs: list[tuple[int, int, int]]) -> list[tuple[int, int, int]]:
    """The spanning forest by networkx; a rank makes the order total."""
    graph = nx.Graph()
    graph.add_nodes_from(range(n))
    for rank, (distance, a, b) in enumerate(sorted((w, a, b) for a, b, w in pairs)):
        graph.add_edge(a, b, weight=rank, distance=distance)
    return sorted((a, b, d["distance"]) for a, b, d in nx.minimum_spanning_edges(graph, data=True))


def adversarial(name: str, rng: np.random.Generator) -> Ints:
    """Points in mm that are hard on cells and on ties."""
    if name == "chain exactly at d1":
        return np.stack([np.arange(120) * 200_000, np.zeros(120, np.int64)], axis=1)
    if name == "chain one mm beyond":
        return np.stack([np.arange(60) * 200_001, np.zeros(60, np.int64)], axis=1)
    if name == "diagonal exactly at d1":
        return np.stack([np.arange(80) * 120_000, np.arange(80) * 160_000], axis=1)
    if name == "duplicates":
        return rng.integers(0, 6, (150, 2)) * 150_000
    if name == "lattice full of ties":
        x, y = np.meshgrid(np.arange(12), np.arange(12))
        return np.stack([x.ravel(), y.ravel()], axis=1) * 100_000
    if name == "a clump and strays":
        clump = rng.integers(0, 500, (150, 2))
        return np.concatenate(
            [clump, rng.integers(0, 60_000_000, (20, 2)), clump[:5] + np.array([30_000_000, 0])]
        )
    return rng.integers(-3_000_000, 3_000_000, (150, 2))


SETS = (
    *("chain exactly at d1", "chain one mm beyond", "diagonal exactly at d1", "duplicates"),
    *("lattice full of ties", "a clump and strays", "negative"),
)


@pytest.mark.parametrize("name", SETS)
@pytest.mark.parametrize("mixed", [False, True])
def test_pairs_and_forest_are_those_of_brute_force(name: str, mixed: bool) -> None:
    rng = np.random.default_rng(5)
    xy = adversarial(name, rng)
    n = len(xy)
    key = rng.integers(0, 3, n) if mixed else np.zeros(n, np.int64)
    reach = rng.choice([0, 50_000, 200_000, 700_000], n) if mixed else np.full(n, 200_000)
    family = Family(Shapes.points(xy / 1000), key, reach)
    expected = slow_pairs(xy, key, reach)
    assert pairs_of(links_within(family)) == expected
    assert pairs_of(spanning_forest(family)) == slow_forest(n, expected)
    assert expected or name == "chain one mm beyond"


@settings(max_examples=25, deadline=None)
@given(SEEDS, st.integers(0, 90), st.sampled_from([500, 3_000, 40_000]))
def test_any_points_in_any_order_and_threads(seed: int, n: int, side_m: int) -> None:
    rng = np.random.default_rng(seed)
    xy = rng.integers(0, side_m * 1000, (n, 2))
    key, reach = rng.integers(0, 2, n), rng.choice([0, 80_000, 300_000], n)
    family = Family(Shapes.points(xy / 1000), key, reach)
    expected = slow_pairs(xy, key, reach)
    assert pairs_of(links_within(family)) == expected
    held = [(a, b, w) for a, b, w in slow_pairs(xy, key, np.full(n, 400_000)) if (a + b) % 3 == 0]
    beyond = [row for row in held if row not in expected]
    columns = np.array(beyond, np.int64).reshape(-1, 3).T
    forest = spanning_forest(family, Links.of(*columns), threads=1)
    assert pairs_of(forest) == slow_forest(n, expected + beyond)
    again = spanning_forest(family, Links.of(*columns[:, ::-1]), threads=4)
    assert pairs_of(again) == pairs_of(forest)


def test_a_site_with_many_neighbours_names_none_of_its_own() -> None:
    city = {f"S{k:02d}": Site(k * 10.0, 0.0) for k in range(20)}
    sites = sites_of(city)
    family = Family(sites.shapes, np.zeros(20, np.int64), np.full(20, 25_000))
    found, count = links_named(family, 3, far_cells(family))
    assert count.tolist() == [2, 3, *[4] * 16, 3, 2]
    assert pairs_of(in_order(found, 20)) == [
        (0, 1, 10_000),
        (0, 2, 20_000),
        (1, 2, 10_000),
        (1, 3, 20_000),
        (16, 18, 20_000),
        (17, 18, 10_000),
        (17, 19, 20_000),
        (18, 19, 10_000),
    ]


def test_distances_of_sites_go_from_border_to_border() -> None:
    squares = [(0, 0, 100, 100), (150, 0, 250, 100), (20, 20, 30, 30), (-50, 40, 400, 60)]
    rings = [shapely.get_coordinates(shapely.box(*one)) for one in squares]
    line, point = np.array([(0.0, 300.0), (400.0, 300.0)]), np.array([(130.0, 50.0)])
    parts = [*rings, line, point]
    starts = np.concatenate([[0], np.cumsum([len(part) for part in parts])])
    kinds = [*[SHELL] * 4, LINE, POINT]
    shapes = Shapes.from_parts(np.concatenate(parts), starts, kinds, np.arange(7))
    expected = {
        (0, 1): 50_000,
        (0, 2): 0,
        (0, 3): 0,
        (1, 2): 120_000,
        (0, 4): 200_000,
        (0, 5): 30_000,
        (1, 5): 20_000,
        (3, 5): 0,
        (4, 5): 250_000,
        (2, 4): 270_000,
    }
    a, b = (np.array(ends) for ends in zip(*expected, strict=True))
    assert distances_of(shapes, a, b).tolist() == list(expected.values())
    assert distances_of(shapes, b, a).tolist() == list(expected.values())


@pytest.mark.parametrize("distance2", [0, 1, 2, 4, 200_000**2, 200_000**2 + 1, 10**12 - 1, 3_000_000_000_001])
def test_distances_are_rounded_up_exactly(distance2: int) -> None:
    w = rounded_up(float(distance2))
    assert (w - 1) ** 2 < distance2 <= w * w or distance2 == w == 0


# --- kinds of link -------------------------------------------------------------------------------------------


@pytest.mark.parametrize("seed", range(6))
def test_a_first_run_is_that_of_brute_force_and_networkx(seed: int) -> None:
    rng = np.random.default_rng(seed)
    city = random_city(rng, 140, 3_000)
    sites = sites_of(city)
    expected = slow_edges(city)
    assert named(edges_within(sites, kinships(sites, RULES)), sites.codes) == expected
    found = zones_of(sites, WIDE)
    assert sorted(found.members) == slow_zones(sites.codes, expected)
    assert named(found.edges, found.codes) <= expected
    assert slow_zones(sites.codes, named(found.edges, found.codes)) == sorted(found.members)


def test_each_kind_links_by_its_own_rule() -> None:
    city: City = {
        # 50 m each on the edge: unknown industry and size
        "A1": Site(0, 0),
        "A2": Site(50, 0),
        "A3": Site(100.001, 0),
        # a chemical works reaches an unknown neighbour at its own 150 m, and 30 more with 400 workers
        "B1": Site(0, 5_000, "2614", workers=400),
        "B2": Site(180, 5_000),
        "B3": Site(-180.001, 5_000),
        # the same group 2 6 1 within 500 m, another group not
        "C1": Site(0, 10_000, "2611"),
        "C2": Site(500, 10_000, "C2619"),
        "C3": Site(-400, 10_000, "2621"),
        # two markets, and a market and a dock
        "D1": Site(0, 15_000, form="五金市场"),
        "D2": Site(150, 15_000, form="农贸市场"),
        "D3": Site(-140, 15_000, form="货运码头"),
        # a domino zone of 300 m reaches one, nobody reaches back
        "E1": Site(0, 20_000, domino_m=300),
        "E2": Site(300, 20_000),
        "E3": Site(-300.001, 20_000),
    }
    sites = sites_of(city)
    assert named(edges_within(sites, kinships(sites, RULES)), sites.codes) == {
        ("adjacent", "A1", "A2"),
        ("adjacent", "B1", "B2"),
        ("similar", "C1", "C2"),
        ("similar", "D1", "D2"),
        ("domino", "E1", "E2"),
    }


def test_what_if_takes_one_distance_and_only_the_kinds_named() -> None:
    city = {
        "A": Site(0, 0, "2614", "码头", 400, 20),
        "B": Site(300, 0, "2614", "市场"),
        "C": Site(700, 0, "5111", "市场"),
    }
    sites = sites_of(city)

    def zones(metres: int, *kinds: str) -> list[list[str]]:
        found = zones_what_if(sites, RULES, metres * 1000, kinds)
        assert list(found.ids) == [f"W{k + 1}" for k in range(len(found.ids))]
        return found.members

    assert zones(299, "adjacent", "similar", "domino") == []
    assert zones(300, "adjacent") == [["A", "B"]]
    assert zones(400, "similar") == [["A", "B", "C"]]
    assert zones(400, "domino") == []
    assert NOTHING.members == []


def test_what_if_is_bounded_unless_told_otherwise() -> None:
    sites = sites_of({f"S{k:03d}": Site(k * 100.0, 0) for k in range(50)})
    bounded = zones_what_if(sites, RULES, 100_000, ["adjacent"])
    assert [len(members) for members in bounded.members] == [21, 21, 8]
    assert zones_what_if(sites, RULES, 100_000, ["adjacent"], unbounded=True).members == [list(sites.codes)]


def test_industries_off_the_books_are_alike_with_nobody() -> None:
    city = {"A": Site(0, 0, "26"), "B": Site(160, 0, "26"), "C": Site(0, 2_000), "D": Site(60, 2_000)}
    sites = sites_of(city)
    assert named(edges_within(sites, kinships(sites, RULES)), sites.codes) == set()
    near = {**city, "B": replace(city["B"], x=150.0), "D": replace(city["D"], x=50.0)}
    sites = sites_of(near)
    assert named(edges_within(sites, kinships(sites, RULES)), sites.codes) == {
        ("adjacent", "A", "B"),
        ("adjacent", "C", "D"),
    }

"""Real input: the chemical facilities of Louisiana joined to zones, against brute force and networkx."""

import json
from pathlib import Path

import networkx as nx
import numpy as np
import pyproj
import pytest

from riskmap.shapes import Floats, Shapes, to_mm
from riskmap.zone_links import ADJACENT, ZoneSites, kinships_what_if
from riskmap.zones import edges_within, zones_of, zones_what_if
from tests.zone_cities import RULES, named

FACILITIES = "us_rmp_facilities_louisiana.geojson"


@pytest.fixture(scope="module")
def sites(shared: Path) -> ZoneSites:
    features = json.loads((shared / "data" / FACILITIES).read_text("utf-8"))["features"]
    to_metric = pyproj.Transformer.from_crs("EPSG:4326", "EPSG:26915", always_xy=True)
    open_ones = [
        f for f in features if f["properties"]["coord_ok"] and f["properties"]["status"] != "Deregistered"
    ]
    xy = np.array([to_metric.transform(*f["geometry"]["coordinates"]) for f in open_ones])
    n = len(open_ones)
    return ZoneSites(
        [f["properties"]["id"] for f in open_ones],
        Shapes.points(xy),
        ["2614" if k % 3 else None for k in range(n)],
        [None] * n,
        np.full(n, -1),
        np.zeros(n, np.int64),
        np.zeros(n, np.int64),
    ).by_code()


def in_whole_mm(sites: ZoneSites, metres: int) -> nx.Graph:
    """All pairs within so many metres, in whole numbers."""
    graph = nx.Graph()
    graph.add_nodes_from(sites.codes)
    xy: Floats = to_mm(sites.shapes.arrays.xy / 1000)
    whole = [(int(x), int(y)) for x, y in xy]
    for i, (x, y) in enumerate(whole):
        for j in range(i):
            if (x - whole[j][0]) ** 2 + (y - whole[j][1]) ** 2 <= (metres * 1000) ** 2:
                graph.add_edge(sites.codes[j], sites.codes[i])
    return graph


@pytest.mark.parametrize("metres", [200, 1000, 5000])
def test_a_first_run_unbounded_is_that_of_brute_force(sites: ZoneSites, metres: int) -> None:
    graph = in_whole_mm(sites, metres)
    kin = kinships_what_if(sites, RULES, metres * 1000, ["adjacent"])
    assert [one.kind for one in kin] == [ADJACENT]
    edges = named(edges_within(sites, kin), sites.codes)
    assert edges == {("adjacent", *sorted(pair)) for pair in graph.edges}
    found = zones_what_if(sites, RULES, metres * 1000, ["adjacent"], unbounded=True)
    assert sorted(found.members) == sorted(sorted(c) for c in nx.connected_components(graph) if len(c) > 1)
    assert found.members


def test_louisiana_has_zones_within_their_bounds(sites: ZoneSites) -> None:
    zones = zones_of(sites, RULES)
    assert len(zones.ids) > 10
    assert max(map(len, zones.members)) <= RULES.bounds.members
    assert list(zones.ids) == sorted(set(zones.ids))

"""Joint-control zones of a dense city, 200 m, same industry or format: links, components, bounds, hulls and ids.

The peer is the plain way, pair by pair in a k-d tree's stead: all pairs listed by our own cells, joined by union-find.
"""

import resource
from collections.abc import Callable

import numpy as np
import pytest

from riskmap.forest import join_all
from riskmap.hulls import hulls_of
from riskmap.nearness import Family, links_within
from riskmap.shapes import Ints, Shapes
from riskmap.zone_links import SIMILAR_FORMAT, SIMILAR_INDUSTRY, Kinship, ZoneSites
from riskmap.zones import NOTHING, Zones, zones_from
from tests.benchmarks.ratios import Size, seconds
from tests.benchmarks.test_exposure import clustered
from tests.zone_cities import RULES

pytestmark = pytest.mark.bench

JOIN_MM, LEAVE_MM = 200_000, 220_000


def test_zones_of_a_dense_city(
    size: Size, compare: Callable[[str, Size, float, str, float, float], None]
) -> None:
    rng = np.random.default_rng(7)
    n = size.enterprises
    shapes = Shapes.points(clustered(n, rng))
    keys: tuple[Ints, Ints] = rng.integers(0, 20, n), rng.integers(0, 10, n)
    none = np.zeros(n, np.int64)
    sites = ZoneSites(
        *([f"E{k:07d}" for k in range(n)], shapes, [None] * n, [None] * n, none, none),
        rng.integers(0, 60_000_000, n),
    )
    join, leave = np.full(n, JOIN_MM), np.full(n, LEAVE_MM)
    kin = [
        Kinship(kind, key, join, leave)
        for kind, key in zip((SIMILAR_INDUSTRY, SIMILAR_FORMAT), keys, strict=True)
    ]

    def ours() -> Zones:
        zones = zones_from(sites, kin, RULES.listed, RULES.bounds, NOTHING, {}, (), 0)
        hulls_of(shapes, zones.zone, len(zones.ids))
        return zones

    def pair_by_pair() -> Ints:
        parent = np.arange(n)
        for key in keys:
            links = links_within(Family(shapes, key, join))
            join_all(parent, links.a, links.b)
        return parent

    small = Shapes.points(clustered(1_000, rng))
    links_within(Family(small, none[:1_000], join[:1_000]))
    zones = ours()
    assert max(map(len, zones.members)) <= RULES.bounds.members
    ours_s, peer_s = seconds(ours), seconds(pair_by_pair)
    peak_mib = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    print(f"{len(zones.edges)} links on file, {len(zones.ids)} zones, at most {peak_mib:.0f} MiB")
    compare("zones", size, ours_s, "all pairs and union-find, no bounds, no ids", peer_s, 0.0)

"""Joint-control zones of a dense city, 200 m, same industry or format: what hangs together beside PostGIS, a k-d tree
and libpysal, zones in full beside that, their growth, their memory, and bounds where most of a city hangs together.
"""

import math
from collections.abc import Callable, Iterator

import numpy as np
import psycopg
import pytest

from riskmap.hulls import hulls_of
from riskmap.shapes import Ints, Shapes
from riskmap.zone_rules import UNBOUNDED
from riskmap.zones import hanging_together
from tests.benchmarks.ratios import SIZES, Size, seconds
from tests.benchmarks.test_exposure import clustered
from tests.benchmarks.zone_city import (
    JOIN_M,
    bounded_zones,
    fill,
    in_full,
    kinships_of,
    plain,
)
from tests.benchmarks.zone_peers import (
    CLUSTERS,
    band_components,
    by_kd_tree,
    by_libpysal,
    hulls_by_shapely,
    zones_in_sql,
)
from tests.memory import GIBIBYTE_KIB, measured
from tests.zone_cities import RULES

pytestmark = [pytest.mark.bench, pytest.mark.timeout(3600)]

Compare = Callable[[str, Size, float, str, float, float], None]
WHAT = "edges, components and hulls, read and written"
MEMORY = """
import psycopg
from riskmap.compiled import large_arrays_go_back
from tests.benchmarks.zone_city import in_full, plain
large_arrays_go_back()  # as the program does
idle = kib("VmRSS")
with psycopg.connect(sys.argv[1], autocommit=True) as connection:
    {plain: plain, in_full: in_full}[globals()[sys.argv[2]]](connection)
print(json.dumps([idle, kib("VmHWM")]))
"""


def spots(size: Size) -> tuple[np.ndarray, list[np.ndarray]]:
    """Clustered sites, and the numbers of their industries and formats."""
    rng = np.random.default_rng(7)
    xy = clustered(size.enterprises, rng)
    return xy, [rng.integers(0, 20, len(xy)), rng.integers(0, 10, len(xy))]


@pytest.fixture
def city(size: Size, bare_database: str) -> Iterator[psycopg.Connection]:
    xy, keys = spots(size)
    with psycopg.connect(bare_database, autocommit=True) as connection:
        fill(connection, xy, *keys)
        yield connection


def written(connection: psycopg.Connection) -> tuple[int, int, float]:
    """How many hulls were written, how many sites are in their zones, and how large all hulls are."""
    found = connection.execute("""
        SELECT count(*), (SELECT count(*) FROM zone_of WHERE zone IN (SELECT zone FROM hull)), sum(ST_Area(geom))
        FROM hull""").fetchone()
    assert found
    return found


def test_what_hangs_together(size: Size, city: psycopg.Connection, compare: Compare) -> None:
    large = size.name == "L"
    plain(city)  # compiles
    ours_s = seconds(lambda: plain(city), 3)
    found = written(city)
    peer_s = seconds(lambda: city.execute(CLUSTERS.format(reach=JOIN_M)).fetchall(), 3)
    compare(WHAT, size, ours_s, "PostGIS ST_ClusterDBSCAN, not joined", peer_s, 2.5 if large else 0.0)
    for name, pairs, promised in (
        ("SQL over ST_ClusterDBSCAN", False, 0.0),
        ("SQL over all pairs", True, 18.0 if large else 0.0),
    ):
        city.execute("TRUNCATE zone_of, hull")
        peer_s = seconds(lambda pairs=pairs: zones_in_sql(city, JOIN_M, pairs=pairs))  # type: ignore[misc]
        assert written(city) == pytest.approx(found)
        compare(WHAT, size, ours_s, name, peer_s, promised)


def test_what_hangs_together_in_memory(size: Size, city: psycopg.Connection, compare: Compare) -> None:
    xy, keys = spots(size)
    plain(city)
    ours_s = seconds(lambda: plain(city), 3)
    zone, _ = hanging_together(Shapes.points(xy), kinships_of(keys))
    peers = [("k-d tree pairs and components, computing only", by_kd_tree, 4.0 if size.name == "L" else 0.0)]
    if size.name != "L":  # a million sites' neighbours as Python objects are beyond this machine
        promised = 15.0 if size.name == "M" else 0.0
        peers.append(("libpysal, those alike, computing only", by_libpysal, promised))
        band_s = seconds(lambda: band_components(xy, JOIN_M))
        compare(WHAT, size, ours_s, "libpysal DistanceBand and components", band_s, promised)
    for name, peer, least in peers:
        labels: list[Ints] = []
        peer_s = seconds(lambda peer=peer, labels=labels: labels.append(peer(xy, *keys, JOIN_M)[1]), 2)  # type: ignore[misc]
        assert _same_parts(zone, labels[0])
        compare(WHAT, size, ours_s, name, peer_s, least)
    hull_s = seconds(lambda: hulls_by_shapely(xy, labels[0]))
    ours_s = seconds(lambda: hulls_of(Shapes.points(xy), zone, int(zone.max()) + 1), 3)
    compare("hulls", size, ours_s, "Shapely", hull_s, 0.0)


def _same_parts(zone: np.ndarray, label: np.ndarray) -> bool:
    """Whether two numberings divide alike; ours leaves out those alone."""
    alone = np.bincount(label)[label] == 1
    pairs = np.unique(np.stack([zone, label])[:, ~alone], axis=1)
    return bool(
        (alone == (zone < 0)).all() and len(np.unique(pairs[0])) == len(np.unique(pairs[1])) == pairs.shape[1]
    )


def test_zones_in_full(size: Size, city: psycopg.Connection, compare: Compare) -> None:
    zones = in_full(city)  # compiles
    assert max(map(len, zones.members)) <= RULES.bounds.members
    plain(city)
    plain_s = seconds(lambda: plain(city), 3)
    full_s = seconds(lambda: in_full(city), 3)
    again_s = seconds(lambda: in_full(city, zones), 3)
    print(f"\n{len(zones.edges):,} links on file, {len(zones.ids):,} zones")
    peer_s = seconds(lambda: city.execute(CLUSTERS.format(reach=JOIN_M)).fetchall(), 3)
    # in double the time in which what hangs together is promised
    promised = 1.25 if size.name == "L" else 0.0
    compare(
        "zones in full, a first run", size, full_s, "PostGIS ST_ClusterDBSCAN, not joined", peer_s, promised
    )
    compare("zones in full, a day later", size, again_s, "PostGIS ST_ClusterDBSCAN, not joined", peer_s, 0.0)
    xy, keys = spots(size)
    kd_s = seconds(lambda: by_kd_tree(xy, keys[0], keys[1], JOIN_M), 2)
    compare(
        *("zones in full, a first run", size, full_s, "k-d tree pairs and components, computing only", kd_s),
        2.0 if size.name == "L" else 0.0,
    )
    compare("zones in full, a first run", size, full_s, WHAT, plain_s, 0.0)


def test_cost_grows_with_the_enterprises(capsys: pytest.CaptureFixture[str]) -> None:
    for name, work, most in (
        ("components", lambda shapes, keys: hanging_together(shapes, kinships_of(keys)), 1.2),
        ("zones in full", bounded_zones, math.inf),  # at M all of it lies in the caches
    ):
        took = []
        for size in (SIZES["M"], SIZES["L"]):
            xy, keys = spots(size)
            shapes = Shapes.points(xy)
            work(shapes, keys)
            took.append(seconds(lambda w=work, s=shapes, k=keys: w(s, k), 3))  # type: ignore[misc]
        exponent = math.log10(took[1] / took[0])
        with capsys.disabled():
            print(
                f"\nM → L  {name}: {took[0]:.3f} s, {took[1]:.3f} s: exponent {exponent:.2f} (promised: {most})"
            )
        assert exponent <= most


def test_memory(size: Size, city: psycopg.Connection, capsys: pytest.CaptureFixture[str]) -> None:
    for name in ("plain", "in_full"):
        idle, peak = measured(MEMORY, city.info.dsn, name)
        with capsys.disabled():
            print(f"\n{size.name}  {name}: {idle / 1024:.0f} MiB at rest, at most {peak / 1024:.0f} MiB")
        assert peak < GIBIBYTE_KIB


def test_bounds_hold_where_most_of_a_city_hangs_together(size: Size, compare: Compare) -> None:
    """Towns twice as dense: the component that takes most of the city is cut, in hardly more time than it is found."""
    xy, keys = spots(size)
    shapes = Shapes.points(xy / 1.5)
    zone, _ = hanging_together(shapes, kinships_of(keys))
    print(f"\nthe largest component has {np.bincount(zone[zone >= 0]).max():,} sites")
    zones = bounded_zones(shapes, keys)
    box = shapes.arrays.box
    for index in np.split(np.argsort(zones.zone, kind="stable"), np.cumsum(np.bincount(zones.zone + 1))[:-1])[
        1:
    ]:
        assert len(index) <= RULES.bounds.members
        assert (box[index, 2:].max(axis=0) - box[index, :2].min(axis=0)).max() <= RULES.bounds.span_mm
    bounded_s = seconds(lambda: bounded_zones(shapes, keys), 3)
    unbounded_s = seconds(lambda: bounded_zones(shapes, keys, UNBOUNDED), 3)
    compare("zones in bounds", size, bounded_s, "without bounds", unbounded_s, 0.5)

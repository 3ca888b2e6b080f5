"""The risk run: its kernel pass beside PostGIS, DuckDB and SedonaDB, its growth, and a run of changes beside a whole one."""

import math
from collections.abc import Callable

import numpy as np
import psycopg
import pytest
import shapely

from jobs.risk import assess
from layers.database import owner_engine
from riskmap.shapes import Shapes
from riskmap.superposition import Hazards, Places, place_scores, reached_places
from tests.benchmarks.large_city import change_one_percent, fill, towns
from tests.benchmarks.peers import DuckDb, SedonaDb, in_postgis
from tests.benchmarks.ratios import SIZES, Size, seconds
from tests.benchmarks.rows import copied_in, fixed_rows

pytestmark = [pytest.mark.bench, pytest.mark.timeout(3600)]

Compare = Callable[[str, Size, float, str, float, float], None]
REACH_M = 3_000.0
SHARE_PERMILLE = 200


def spots(size: Size) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Places and sources about the same forty towns, and the points of the sources in micro-points."""
    rng = np.random.default_rng(5)
    places, sources = towns(size.polygons, np.random.default_rng(3)), towns(size.sources, rng)
    return places, sources, rng.integers(2_000_000, 60_000_000, size.sources)


def laid_out(places: np.ndarray, sources: np.ndarray, points: np.ndarray) -> tuple[Places, Hazards]:
    ones = np.ones(len(places), np.int64)
    reach = np.full(len(sources), int(REACH_M * 1000), np.int64)
    return Places.of(places, ones, 1000 * ones), Hazards(Shapes.points(sources), points, reach)


def prepare(
    connection: psycopg.Connection, places: np.ndarray, sources: np.ndarray, points: np.ndarray
) -> None:
    connection.execute("CREATE EXTENSION postgis")
    connection.execute("CREATE TABLE place (id int PRIMARY KEY, geom geometry(Point, 4547))")
    connection.execute("CREATE TABLE source (id int PRIMARY KEY, points bigint, geom geometry(Point, 4547))")
    connection.execute("CREATE TABLE score (id int, score bigint)")
    for table, xy, more in (("place", places, None), ("source", sources, points)):
        shapes = shapely.to_wkb(shapely.set_srid(shapely.points(xy), 4547), hex=True, include_srid=True)
        with connection.cursor() as cursor, cursor.copy(f"COPY {table} FROM STDIN") as copy:
            for n, shape in enumerate(shapes):
                copy.write_row((n, shape) if more is None else (n, int(more[n]), shape))
        connection.execute(f"CREATE INDEX ON {table} USING gist (geom)")
    connection.execute("ANALYZE")
    connection.execute("SET jit = off; SET work_mem = '128MB'")


def test_kernel_pass_with_read_and_write_back(size: Size, bare_database: str, compare: Compare) -> None:
    places, sources, points = spots(size)
    with psycopg.connect(bare_database, autocommit=True) as connection:
        prepare(connection, places, sources, points)

        def ours() -> None:
            connection.execute("TRUNCATE score")
            query = "SELECT id, ST_X(geom), ST_Y(geom) FROM place ORDER BY id"
            there = fixed_rows(connection, query, id=">i4", x=">f8", y=">f8")
            query = "SELECT points, ST_X(geom), ST_Y(geom) FROM source ORDER BY id"
            felt = fixed_rows(connection, query, points=">i8", x=">f8", y=">f8")
            ground = laid_out(_xy(there), _xy(felt), felt["points"].astype(np.int64))
            copied_in(connection, "score", there["id"], place_scores(*ground, SHARE_PERMILLE))

        ours()  # compiles
        ours_s = seconds(ours, 5)
        found = _scores(connection)
        connection.execute("TRUNCATE score")
        postgis_s = seconds(lambda: connection.execute(in_postgis(REACH_M)))
        _same(found, _scores(connection))
    compare(
        "radius sum and max, read and written",
        size,
        ours_s,
        "PostGIS SQL",
        postgis_s,
        60.0 if size.name == "L" else 0.0,
    )
    fastest, fastest_s = "", math.inf
    for peer in (DuckDb(places, sources, points), SedonaDb(places, sources, points)):
        table = peer.scores(REACH_M)
        _same(found, dict(zip(table["id"].to_pylist(), table["score"].to_pylist(), strict=True)))
        peer_s = seconds(lambda peer=peer: peer.scores(REACH_M))  # type: ignore[misc]
        compare(
            "radius sum and max, read and written", size, ours_s, f"{peer.name}, computing only", peer_s, 0.0
        )
        fastest, fastest_s = min((fastest_s, fastest), (peer_s, peer.name))[::-1]
    compare(
        "radius sum and max, read and written",
        size,
        ours_s,
        fastest,
        fastest_s,
        6.0 if size.name == "L" else 0.0,
    )


def _xy(rows: np.ndarray) -> np.ndarray:
    return np.column_stack([rows["x"], rows["y"]]).astype(np.float64)


def _scores(connection: psycopg.Connection) -> dict[int, float]:
    return dict(connection.execute("SELECT id, score FROM score WHERE score > 0").fetchall())


def _same(ours: dict[int, float], theirs: dict[int, float]) -> None:
    """Ours are rounded source by source to micro-points, theirs once at the end."""
    assert ours
    assert ours.keys() - theirs.keys() == set()
    for place, score in theirs.items():
        assert ours.get(place, 0) == pytest.approx(score, rel=1e-6, abs=5_000)


def test_cost_grows_with_the_pairs_in_reach(capsys: pytest.CaptureFixture[str]) -> None:
    took, pairs = [], []
    for name in ("M", "L"):
        places, hazards = laid_out(*spots(SIZES[name]))
        pairs.append(len(reached_places(places, hazards).source))
        took.append(seconds(lambda p=places, h=hazards: place_scores(p, h, SHARE_PERMILLE), 7))  # type: ignore[misc]
    exponent = math.log(took[1] / took[0]) / math.log(pairs[1] / pairs[0])
    with capsys.disabled():
        print(
            f"\nM → L  kernel: {took[0]:.4f} s for {pairs[0]:,} pairs, {took[1]:.4f} s for {pairs[1]:,}:"
            f" exponent {exponent:.2f} (promised: 1.05)"
        )
    assert exponent <= 1.05


def test_a_run_of_changes_beside_a_whole_one(size: Size, database: str, compare: Compare) -> None:
    """One enterprise and one source of a hundred change; both runs keep their history, and come to the same."""
    owner = owner_engine(database)
    fill(owner, size)
    assess(owner, actor="bench")  # compiles, and writes everything
    told = []

    def run(*, full: bool) -> None:
        told.append(assess(owner, actor="bench", full=full))

    change_one_percent(owner)
    partial_s = seconds(lambda: run(full=False))
    change_one_percent(owner)
    whole_s = seconds(lambda: run(full=True))
    assert [one["full"] for one in told] == [False, True]
    assert all(one["changed"]["by_kind"]["enterprise"] for one in told), "something came of both changes"
    change_one_percent(owner)
    run(full=False)
    run(full=True)
    assert told[-1]["changed"]["by_kind"] == {}, "a whole run finds nothing else"
    owner.dispose()
    compare(
        "risk run after 1 % changes",
        size,
        partial_s,
        "a whole run",
        whole_s,
        4.0 if size.name == "L" else 0.0,
    )

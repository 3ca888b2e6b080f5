"""Clicks, nearest records, search and neighbours: against measuring everything, in every role."""

import math

import mapbox_vector_tile
import pytest
from pyproj import Geod
from sqlalchemy import Engine, text
from sqlalchemy.exc import DatabaseError

from layers.database import CITY, Identity, owner_engine, reader_engine, reading
from layers.levels import LEVEL_NUMBERS
from layers.search import identify, nearest, search
from layers.tiles import Tile, extent, holds_anything, read_tile
from riskmap.errors import BadInput
from tests import crowd
from tests.crowd import CENTRE_OF_OURS, RECORDS, ROLES, SIDE, SOUTH, WEST, tile_of


@pytest.mark.parametrize("role", ROLES)
def test_nearest_is_what_measuring_everything_finds(crowd_reader: Engine, role: str) -> None:
    lon, lat = CENTRE_OF_OURS
    with reading(crowd_reader, ROLES[role]) as connection:
        for layer in ("source", "target"):
            found = nearest(connection, layer, lon, lat, max_m=2_000, limit=7)
            every = connection.execute(
                text(
                    f"SELECT code, ST_Distance(geom_m, ST_Transform(ST_SetSRID(ST_MakePoint(:lon, :lat), 4490), 4547))"
                    f" FROM {layer}"
                ),
                {"lon": lon, "lat": lat},
            )
            wanted = sorted((d, code) for code, d in every if d <= 2_000)[:7]
            assert [hit["code"] for hit in found] == [code for _, code in wanted]
            assert [hit["distance_m"] for hit in found] == [pytest.approx(d, abs=0.06) for d, _ in wanted]


def test_distances_are_metres_on_the_ground(crowd_reader: Engine) -> None:
    lon, lat = CENTRE_OF_OURS
    geod = Geod(ellps="GRS80")
    with reading(crowd_reader, CITY) as connection:
        for hit in nearest(connection, "target", lon, lat, max_m=3_000, limit=20):
            on_earth = geod.inv(lon, lat, hit["lon"], hit["lat"])[2]
            assert hit["distance_m"] == pytest.approx(on_earth, rel=1e-3, abs=0.1)


def test_a_click_finds_what_is_under_the_finger(crowd_reader: Engine) -> None:
    with reading(crowd_reader, CITY) as connection:
        target = nearest(connection, "target", *CENTRE_OF_OURS, max_m=5_000, limit=1)[0]
        found = identify(connection, target["lon"], target["lat"], 18, RECORDS)
        number = target["code"][1:]  # records of one number stand at one place
        assert {hit["code"] for hit in found["hits"] if hit["distance_m"] == 0} >= {
            f"S{number}",
            f"T{number}",
        }
        assert [h["distance_m"] for h in found["hits"]] == sorted(h["distance_m"] for h in found["hits"])
        assert found["total"] == len(found["hits"])
        assert all(hit["distance_m"] < 8 for hit in found["hits"])
        assert [area["kind"] for area in found["areas"]] == ["grid", "village", "township", "city"]


@pytest.mark.parametrize(
    ("layer", "role", "scale"),
    [
        ("source", "city", "base"),
        ("source", "city", "rise"),
        ("target", "city", "base"),
        ("source", "township", "rise"),
    ],
)
def test_a_click_on_a_ring_finds_what_the_ring_stands_for(
    crowd_reader: Engine, layer: str, role: str, scale: str
) -> None:
    """Rings of a decoded tile; those whose middles lie within 16 of its 512 pixels are touched together."""
    z, (x, y) = 12, tile_of(*CENTRE_OF_OURS, 12)
    with reading(crowd_reader, ROLES[role]) as connection:
        content = read_tile(connection, Tile(layer, z, x, y))
        decoded = mapbox_vector_tile.decode(content, default_options={"y_coord_down": True})[layer][
            "features"
        ]
        rings = [(f["geometry"]["coordinates"], f["properties"]) for f in decoded]
        middle = [ring for ring in rings if all(1000 < v < 3000 for v in ring[0])][:12]
        assert len(middle) == 12
        for (px, py), told in middle:
            lon = (x + px / 4096) / 2**z * 360 - 180
            lat = math.degrees(math.atan(math.sinh(math.pi * (1 - 2 * (y + py / 4096) / 2**z))))
            touched = [p for (qx, qy), p in rings if math.dist((px, py), (qx, qy)) <= 16 * 8 - 2]
            beside = [p for (qx, qy), p in rings if math.dist((px, py), (qx, qy)) <= 16 * 8 + 2]
            found = identify(connection, lon, lat, z + 1, [layer], scale=scale)
            assert sum(p["n"] for p in touched) <= found["total"] <= sum(p["n"] for p in beside)
            assert len(found["hits"]) == min(found["total"], 30)
            levels = [LEVEL_NUMBERS.get(hit[f"{scale}_level"] or "", 9) for hit in found["hits"]]
            assert levels == sorted(levels)
            assert levels[0] == min(p.get(f"{scale}_level", 9) for p in touched)
            assert told["n"] <= found["total"]


def test_a_click_on_the_sea_finds_nothing(crowd_reader: Engine) -> None:
    with reading(crowd_reader, CITY) as connection:
        found = identify(connection, 0.0, 0.0, 12, RECORDS)
        assert (found["hits"], found["areas"], found["total"]) == ([], [], 0)


@pytest.mark.parametrize("role", ["township", "grid", "enterprise", "committee"])
def test_search_finds_ones_own_records_and_everyones_areas(crowd_reader: Engine, role: str) -> None:
    with reading(crowd_reader, ROLES[role]) as connection:
        found = search(connection, "tank", 50)
        assert (
            found["total"]
            == connection.execute(text("SELECT count(*) FROM source WHERE name LIKE 'tank%'")).scalar_one()
        )
        assert search(connection, "430981104", 1)["items"][0]["kind"] == "township"


def test_search_takes_the_closest_match_first_and_letters_of_any_width(crowd_reader: Engine) -> None:
    with reading(crowd_reader, CITY) as connection:
        assert search(connection, " Ｓ１２ ", 3)["items"][0]["code"] == "S12"
        assert search(connection, "tank 77", 5)["items"][0]["code"] == "S77"
        assert search(connection, "100%", 5) == {"items": [], "total": 0}
        for nothing in ("", "   ", "x" * 65):
            with pytest.raises(BadInput):
                search(connection, nothing, 5)
        closed = search(connection, "firm 50", 20)["items"]
        assert "E50" not in {r["code"] for r in closed}


def test_the_map_opens_on_ones_own_ground(crowd_reader: Engine, database: str) -> None:
    half = SIDE / 2
    with reading(crowd_reader, ROLES["township"]) as connection:
        assert extent(connection, crowd.OURS) == pytest.approx((WEST, SOUTH, WEST + half, SOUTH + half))
        assert extent(connection, None) == pytest.approx((WEST, SOUTH, WEST + SIDE, SOUTH + SIDE))
        assert holds_anything(connection)
    empty = reader_engine(database)
    with reading(empty, CITY) as connection:
        assert extent(connection, None) is None
        assert not holds_anything(connection)
    empty.dispose()


# --- neighbours --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("role", ["township", "village", "grid"])
def test_neighbours_are_others_sources_in_reach_and_nothing_else_of_them(
    crowd_dsn: str, crowd_reader: Engine, role: str
) -> None:
    with reading(crowd_reader, ROLES[role]) as connection:
        result = connection.execute(text("SELECT * FROM neighbour(600)"))
        assert list(result.keys()) == ["kind", "level", "hazard", "distance_m", "bearing", "name"]
        found = result.all()
    owner = owner_engine(crowd_dsn)
    own = ROLES[role].area_code
    with owner.connect() as connection:
        wanted = connection.execute(
            text(
                "SELECT s.name, r.level, ST_Distance(s.geom_m, a.geom_m) AS d FROM area a, source s"
                " LEFT JOIN score r ON r.kind = 'source' AND r.code = s.code"
                f" WHERE a.code = :own AND s.{role}_code IS DISTINCT FROM :own"
                " AND ST_Distance(s.geom_m, a.geom_m) <= 600"
            ),
            {"own": own},
        ).all()
    owner.dispose()
    assert len(wanted) > 20
    assert sorted((n.name, n.level, n.distance_m) for n in found) == sorted(
        (w.name, w.level, round(w.d)) for w in wanted
    )
    assert {n.kind for n in found} == {"lpg_store"}
    assert all(0 <= n.bearing < 360 for n in found)


def test_a_reach_shorter_than_the_asked_distance_ends_there(crowd_reader: Engine) -> None:
    """Every scored source of the crowd reaches 800 m; those without a run are told by distance alone."""
    with reading(crowd_reader, ROLES["township"]) as connection:
        found = connection.execute(text("SELECT * FROM neighbour(3000)")).all()
    assert max(n.distance_m for n in found if n.level is not None) <= 800
    assert max(n.distance_m for n in found if n.level is None) > 800


def test_whose_neighbours_is_not_the_callers_to_say(crowd_reader: Engine) -> None:
    """Another scope's setting changes nothing; roles of the city, of a firm and of nobody may not ask."""
    with reading(crowd_reader, ROLES["township"]) as connection:
        before = connection.execute(text("SELECT count(*) FROM neighbour(600)")).scalar_one()
        connection.execute(text("SELECT set_config('riskmap.village', '430981104005', true)"))
        assert connection.execute(text("SELECT count(*) FROM neighbour(600)")).scalar_one() == before
    for identity in (ROLES["city"], ROLES["enterprise"], ROLES["committee"]):
        with (
            pytest.raises(DatabaseError, match="permission denied"),
            reading(crowd_reader, identity) as connection,
        ):
            connection.execute(text("SELECT * FROM neighbour(600)"))
    with crowd_reader.connect() as connection, pytest.raises(DatabaseError, match="permission denied"):
        connection.execute(text("SELECT * FROM neighbour(600)"))
    with reading(crowd_reader, Identity("nobody", "township")) as connection:
        assert connection.execute(text("SELECT count(*) FROM neighbour(600)")).scalar_one() == 0

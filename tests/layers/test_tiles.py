"""Vector tiles: decoded by another library, counted again in SQL, in every role."""

from collections import Counter
from typing import Any

import mapbox_vector_tile
import pytest
from sqlalchemy import Connection, Engine, text
from sqlalchemy.exc import DatabaseError

from layers.database import CITY, Identity, owner_engine, reader_engine, reading, writing
from layers.history import open_revision
from layers.tiles import AGGREGATE_BELOW, LAYERS, Tile, read_tile, tile_tag
from riskmap.errors import BadInput, NotFound
from tests import crowd
from tests.crowd import CENTRE_OF_OURS, RECORDS, ROLES, SIDE, SOUTH, WEST, tile_of

EXTENT = 4096
Feature = dict[str, Any]


def decoded(connection: Connection, layer: str, z: int, x: int, y: int) -> dict[str, list[Feature]]:
    content = read_tile(connection, Tile(layer, z, x, y))
    found = mapbox_vector_tile.decode(content, default_options={"y_coord_down": True}) if content else {}
    assert all(part["extent"] == EXTENT for part in found.values())
    return {name: part["features"] for name, part in found.items()}


def inside(feature: Feature) -> bool:
    """Whether a point lies in the tile itself and not in its margin."""
    x, y = feature["geometry"]["coordinates"]
    return bool(0 <= x < EXTENT and 0 <= y < EXTENT)


def pyramid(connection: Connection, layer: str, z: int) -> list[Feature]:
    """The point features of all tiles of a zoom over the city, each tile's own ones."""
    west, north = tile_of(WEST - 0.01, SOUTH + SIDE + 0.01, z)
    east, south = tile_of(WEST + SIDE + 0.01, SOUTH - 0.01, z)
    tiles = [(x, y) for x in range(west, east + 1) for y in range(north, south + 1)]
    return [f for x, y in tiles for f in decoded(connection, layer, z, x, y).get(layer, []) if inside(f)]


def rows_seen(connection: Connection, layer: str) -> int:
    shown = "" if layer == "resource" else "WHERE status IS DISTINCT FROM 'closed'"
    return int(connection.execute(text(f"SELECT count(*) FROM {layer} {shown}")).scalar_one())


# --- counts are kept, rights are kept --------------------------------------------------------------------------


@pytest.mark.parametrize("role", ROLES)
@pytest.mark.parametrize("layer", RECORDS)
def test_every_zoom_counts_every_row_once(crowd_reader: Engine, role: str, layer: str) -> None:
    with reading(crowd_reader, ROLES[role]) as connection:
        expected = rows_seen(connection, layer)
        for z in (6, 11, AGGREGATE_BELOW - 1):
            assert sum(f["properties"]["n"] for f in pyramid(connection, layer, z)) == expected, z


@pytest.mark.parametrize("scale", ["base", "rise"])
def test_a_square_tells_its_worst_level_and_the_number_of_each(crowd_reader: Engine, scale: str) -> None:
    with reading(crowd_reader, CITY) as connection:
        levels = (
            f"SELECT s.{scale}_level AS level, count(*) AS n FROM source r"
            " LEFT JOIN score s ON s.kind = 'source' AND s.code = r.code GROUP BY 1"
        )
        wanted: dict[int | None, int] = {r.level: r.n for r in connection.execute(text(levels))}
        for z in (9, 12):
            found: Counter[int | None] = Counter()
            for feature in pyramid(connection, "source", z):
                p = feature["properties"]
                numbers = {level: p[f"{scale}_{level}"] for level in (1, 2, 3, 4)}
                found.update(numbers)
                found[None] += p["n"] - sum(numbers.values())
                assert p.get(f"{scale}_level") == next((level for level, n in numbers.items() if n), None)
                assert (p.get("grade") == 3) == (p["base_1"] > 0)
            assert found == wanted, z


def test_raw_tiles_hold_each_record_with_both_levels(crowd_reader: Engine) -> None:
    z = AGGREGATE_BELOW
    with reading(crowd_reader, ROLES["township"]) as connection:
        features = pyramid(connection, "source", z)
        levels = (
            "SELECT r.code, s.base_level, s.rise_level FROM source r"
            " LEFT JOIN score s ON s.kind = 'source' AND s.code = r.code"
        )
        wanted = {r.code: (r.base_level, r.rise_level) for r in connection.execute(text(levels))}
        told = [f["properties"] for f in features]
        assert {p["code"]: (p.get("base_level"), p.get("rise_level")) for p in told} == wanted
        assert len(features) == len({f["properties"]["code"] for f in features})


@pytest.mark.parametrize("role", [role for role in ROLES if role != "city"])
def test_a_tile_on_the_border_holds_no_row_of_another(
    crowd_dsn: str, crowd_reader: Engine, role: str
) -> None:
    """The tile of the corner where the four townships meet, and of the middle of one's own ground."""
    owner = owner_engine(crowd_dsn)
    for position in ((WEST + SIDE / 2, SOUTH + SIDE / 2), CENTRE_OF_OURS):
        x, y = tile_of(*position, 14)
        for layer in ("source", "enterprise"):
            with reading(crowd_reader, ROLES[role]) as connection:
                seen = {f["properties"]["code"] for f in decoded(connection, layer, 14, x, y).get(layer, [])}
                setting, value = ROLES[role].scope
            column = {"committee": "committee"}.get(setting.split(".")[1], f"{setting.split('.')[1]}_code")
            with owner.connect() as connection:
                query = text(f"SELECT code FROM {layer} WHERE {column} = :value AND code = ANY (:codes)")
                own = connection.execute(query, {"value": value, "codes": list(seen)}).scalars()
                assert set(own) == seen
    owner.dispose()


def test_without_identity_tiles_may_not_even_be_asked_for(crowd_reader: Engine) -> None:
    for call in ("tile_source(14, 1, 1)", "tile_area(14, 1, 1)", "nearest('source', 112.3, 28.8, 9, 9)"):
        with crowd_reader.connect() as connection, pytest.raises(DatabaseError, match="permission denied"):
            connection.execute(text(f"SELECT {call}"))


# --- what a tile looks like ------------------------------------------------------------------------------------


def test_symbols_near_an_edge_stand_in_both_tiles(crowd_dsn: str, crowd_reader: Engine) -> None:
    """A point 1/32 of a tile over the edge is drawn, one 1/8 over is not."""
    z = 16
    x, y = tile_of(*CENTRE_OF_OURS, z)
    width = 360 / 2**z
    edge, lat = x * width - 180, CENTRE_OF_OURS[1]
    places = {"near": edge - width / 32, "far": edge - width / 8}
    owner = owner_engine(crowd_dsn)
    with writing(owner) as connection:
        rev = open_revision(connection, "test", "edge", None)
        rows = ", ".join(
            f"('{code}', '{code}', 'port', '{crowd.OURS}', ST_SetSRID(ST_MakePoint({lon}, {lat}), 4490))"
            for code, lon in places.items()
        )
        connection.execute(
            text(
                "INSERT INTO source (code, name, kind, township_code, geom, geom_m, valid_from, rev)"
                " SELECT code, name, kind, t, geom, ST_Transform(geom, 4547), date '2026-01-01', :rev"
                f" FROM (VALUES {rows}) AS v (code, name, kind, t, geom)"
            ),
            {"rev": rev},
        )
    owner.dispose()
    with reading(crowd_reader, CITY) as connection:
        found = {f["properties"]["code"]: f for f in decoded(connection, "source", z, x, y)["source"]}
        assert "near" in found
        assert "far" not in found
        at = found["near"]["geometry"]["coordinates"][0]
        assert at == pytest.approx(-EXTENT / 32, abs=1)
        west = {f["properties"]["code"] for f in decoded(connection, "source", z, x - 1, y)["source"]}
        assert {"near", "far"} <= west


def test_sites_are_drawn_as_they_are(crowd_reader: Engine) -> None:
    """A square site of 0.0008° is as wide as it is in web Mercator."""
    z = 15
    x, y = tile_of(*CENTRE_OF_OURS, z)
    with reading(crowd_reader, CITY) as connection:
        sites = decoded(connection, "source", z, x, y)["source_site"]
    whole = [f for f in sites if all(0 < v < EXTENT for p in f["geometry"]["coordinates"][0] for v in p)]
    assert whole
    for feature in whole:
        across = [p[0] for p in feature["geometry"]["coordinates"][0]]
        assert max(across) - min(across) == pytest.approx(0.0008 / 360 * 2**z * EXTENT, abs=1.5)


@pytest.mark.parametrize(("z", "level"), [(8, "township"), (11, "village"), (13, "grid")])
@pytest.mark.parametrize("role", ["city", "enterprise"])
def test_areas_are_everyones_at_the_level_of_the_zoom(
    crowd_reader: Engine, role: str, z: int, level: str
) -> None:
    x, y = tile_of(*CENTRE_OF_OURS, z)
    with reading(crowd_reader, ROLES[role]) as connection:
        found = decoded(connection, "area", z, x, y)
        bounds = connection.execute(
            text("SELECT tile_box(:z, :x, :y, 0)"), {"z": z, "x": x, "y": y}
        ).scalar_one()
        wanted = connection.execute(
            text("SELECT code FROM area WHERE level = :level AND ST_Intersects(geom, :box)"),
            {"level": level, "box": bounds},
        ).scalars()
        assert {f["properties"]["code"] for f in found["area"]} == set(wanted)
    assert {f["properties"]["kind"] for f in found["area"] + found["area_name"]} == {level}
    assert {f["properties"]["rise_level"] for f in found["area"]} == {4}
    assert {f["properties"]["base_level"] for f in found["area"]} == {
        {"township": 1 + 9 % 4, "village": 1 + 12 % 4, "grid": 1 + 15 % 4}[level]
    }


def test_a_coarser_area_stands_in_where_there_is_no_finer_one(database: str) -> None:
    owner = owner_engine(database)
    crowd_area = text(
        "INSERT INTO area (code, name, level, township_code, geom, geom_m, valid_from, rev)"
        " SELECT '430981101', 'town', 'township', '430981101', g, ST_Transform(g, 4547), date '2026-01-01', :rev"
        " FROM ST_MakeEnvelope(112.3, 28.8, 112.4, 28.9, 4490) g"
    )
    with writing(owner) as connection:
        connection.execute(crowd_area, {"rev": open_revision(connection, "test", "area", None)})
    reader = reader_engine(database)
    with reading(reader, CITY) as connection:
        found = decoded(connection, "area", 14, *tile_of(112.35, 28.85, 14))
    assert [f["properties"]["kind"] for f in found["area"]] == ["township"]
    reader.dispose()
    owner.dispose()


def test_the_base_map_leaves_lesser_lines_to_nearer_zooms(crowd_reader: Engine) -> None:
    position = (WEST + 0.02, SOUTH + 0.015)
    with reading(crowd_reader, ROLES["grid"]) as connection:
        names = {}
        for z in (9, 14):
            found = decoded(connection, "base", z, *tile_of(*position, z))
            names[z] = {f["properties"]["name"] for f in found["way"]}
            assert [f["properties"]["name"] for f in found["water"]] == ["lake"]
            assert {"lake"} <= {f["properties"]["name"] for f in found["name"]} or z == 14
    assert names == {9: {"road"}, 14: {"road", "lane"}}


def test_tiles_stay_small_where_there_is_much(crowd_reader: Engine) -> None:
    with reading(crowd_reader, CITY) as connection:
        for layer in RECORDS:
            content = read_tile(connection, Tile(layer, 8, *tile_of(*CENTRE_OF_OURS, 8)))
            assert len(content) < 60_000, layer


@pytest.mark.parametrize("z", [0, 1, 2, 3])
def test_tiles_that_reach_round_the_world_are_made_too(crowd_reader: Engine, z: int) -> None:
    with reading(crowd_reader, CITY) as connection:
        for x in range(2**z):
            for layer in LAYERS:
                read_tile(connection, Tile(layer, z, x, 2**z // 2))
        assert (
            sum(f["properties"]["n"] for f in pyramid(connection, "resource", z)) == crowd.COUNTS["resource"]
        )


def test_an_address_outside_the_world_is_refused() -> None:
    with pytest.raises(NotFound):
        Tile("account", 3, 1, 1)
    for z, x, y in ((-1, 0, 0), (3, 8, 0), (3, 0, -1), (23, 0, 0)):
        with pytest.raises(BadInput):
            Tile("source", z, x, y)


def test_the_tag_tells_data_rights_and_tile_apart(crowd_dsn: str, crowd_reader: Engine) -> None:
    tile = Tile("source", 14, 1, 1)

    def tag(identity: Identity, wanted: Tile = tile) -> str:
        with reading(crowd_reader, identity) as connection:
            return tile_tag(connection, identity, wanted)

    tags = [tag(identity) for identity in ROLES.values()]
    tags += [tag(Identity("other", "township", "430981102")), tag(CITY, Tile("source", 14, 1, 2))]
    assert len(set(tags)) == len(tags)
    assert tag(Identity("another name", "township", crowd.OURS)) == tag(ROLES["township"])
    owner = owner_engine(crowd_dsn)
    with writing(owner) as connection:
        open_revision(connection, "test", "nothing", None)
    owner.dispose()
    assert tag(CITY) != tags[0]


def test_parks_are_a_layer_over_the_others(database: str) -> None:
    owner = owner_engine(database)
    area = (
        "INSERT INTO area (code, name, level, geom, geom_m, valid_from, rev)"
        " SELECT level, level, level, g, ST_Transform(g, 4547), date '2026-01-01', :rev"
        " FROM ST_MakeEnvelope(112.3, 28.8, 112.4, 28.9, 4490) g, unnest(ARRAY['township', 'overlay']) level"
    )
    with writing(owner) as connection:
        rev = open_revision(connection, "test", "area", None)
        connection.execute(text(area), {"rev": rev})
        colour = "INSERT INTO colour (kind, code, level, base_level, rise_level, rev) VALUES ('overlay', 'overlay', 1, 2, 3, :rev)"
        connection.execute(text(colour), {"rev": rev})
    reader = reader_engine(database)
    with reading(reader, CITY) as connection:
        parks = decoded(connection, "overlay", 12, *tile_of(112.35, 28.85, 12))
        others = decoded(connection, "area", 12, *tile_of(112.35, 28.85, 12))
    assert set(parks) == {"overlay", "overlay_name"}
    told = parks["overlay"][0]["properties"]
    assert (told["kind"], told["base_level"], told["rise_level"]) == ("overlay", 2, 3)
    assert [f["properties"]["kind"] for f in others["area"] + others["area_name"]] == ["township"] * 2
    reader.dispose()
    owner.dispose()

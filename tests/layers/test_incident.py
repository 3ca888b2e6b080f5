"""What lies around an accident, counted again by shapely from all records, and found by the index for every role."""

import re
from collections import defaultdict
from typing import Any

import numpy as np
import pytest
import shapely
from sqlalchemy import Connection, Engine, text

from layers import incident
from layers.database import CITY, Identity, owner_engine, reading, snapshot, writing
from layers.history import open_revision
from layers.incident import Place, Reach, circle, place_at, ring
from riskmap.errors import BadInput
from riskmap.plume import placed
from tests import crowd

RADII = (150.0, 800.0, 2500.0)
PLUME = np.array([[0.0, 0.0], [900.0, 160.0], [4000.0, 250.0], [4000.0, -250.0], [900.0, -160.0], [0.0, 0.0]])
"""A shape such as a footprint is: downwind to the first axis, to the left to the second."""
MIDDLE = (112.36, 28.85)
Table = list[tuple[Any, ...]]


@pytest.fixture(scope="module")
def records(demo_owner: Engine) -> dict[str, Table]:
    """Everything that is counted, read as it lies in the tables."""
    queries = {
        "population": "SELECT code, grid_code, people, people_day, ST_AsBinary(geom_m) FROM population",
        "target": "SELECT code, status, people_day, people_night, ST_AsBinary(geom_m) FROM target",
        "source": "SELECT code, status, NULL, NULL, ST_AsBinary(geom_m) FROM source",
        "resource": "SELECT code, kind, NULL, NULL, ST_AsBinary(geom_m) FROM resource",
    }
    with snapshot(demo_owner) as connection:
        return {
            layer: [(*row[:4], shapely.from_wkb(bytes(row[4]))) for row in connection.execute(text(query))]
            for layer, query in queries.items()
        }


def reaches(place: Place) -> list[Reach]:
    return [*map(circle, RADII), ring(placed(PLUME, place.x_m, place.y_m, 45.0))]


def touched(place: Place, reach: Reach, shape: shapely.Geometry) -> bool:
    if reach.radius_m is not None:
        return bool(shapely.distance(shape, shapely.Point(place.x_m, place.y_m)) <= reach.radius_m)
    return bool(shapely.intersects(shape, reach.polygon))


def test_people_are_those_that_shapely_counts(demo_reader: Engine, records: dict[str, Table]) -> None:
    with reading(demo_reader, CITY) as connection:
        place = place_at(connection, *MIDDLE)
        shapes = reaches(place)
        by_hour = {day: incident.people_in(connection, place, shapes, by_day=day) for day in (True, False)}
    for by_day, (found, layer) in by_hour.items():
        assert layer == "population"
        expected: dict[tuple[int, str | None], float] = defaultdict(float)
        for _, grid, people, people_day, shape in records["population"]:
            number = people_day if by_day and people_day is not None else people
            for n, reach in enumerate(shapes):
                if number and touched(place, reach, shape):
                    expected[n, grid] += number
        assert found == pytest.approx(dict(expected))
        assert {n for n, _ in expected} == {0, 1, 2, 3}
    assert by_hour[True][0] != by_hour[False][0]


def test_a_polygon_counts_by_the_part_of_it_in_reach(database: str) -> None:
    """A square of 1,000 people, 400 m wide, whose middle is the place: a circle of 100 m holds π/16 of it."""
    owner = owner_engine(database)
    side, here = 200.0, "ST_Transform(ST_SetSRID(ST_MakePoint(112.36, 28.85), 4490), 4547)"
    square = f"ST_SnapToGrid(ST_Expand({here}, {side}), 0.001)"
    with writing(owner) as connection:
        rev = open_revision(connection, "test", "incident", None)
        connection.execute(
            text(
                "INSERT INTO population (code, people, people_day, grid_code, geom, geom_m, valid_from, rev) VALUES"
                f" ('P1', 1000, NULL, 'G1', ST_Transform({square}, 4490), {square}, '2026-01-01', :rev)"
            ),
            {"rev": rev},
        )
        place = place_at(connection, *MIDDLE)
        corner = placed(
            np.array([[0.0, 0], [500, 0], [500, 500], [0, 500], [0, 0]]), place.x_m, place.y_m, 180.0
        )
        shapes = [circle(100.0), circle(1000.0), ring(corner), circle(side)]
        found, _ = incident.people_in(connection, place, shapes, by_day=True)
    owner.dispose()
    assert found is not None
    assert found[0, "G1"] == pytest.approx(1000 * np.pi / 16, rel=2e-4)
    assert found[1, "G1"] == 1000.0
    assert found[2, "G1"] == pytest.approx(250.0, rel=1e-4)  # the north-western quarter
    assert found[3, "G1"] == pytest.approx(1000 * np.pi / 4, rel=2e-4)


def test_without_a_population_layer_the_grid_units_tell_and_without_them_nobody(database: str) -> None:
    owner = owner_engine(database)
    with writing(owner) as connection:
        place = place_at(connection, *MIDDLE)
        assert incident.people_in(connection, place, [circle(500.0)], by_day=True) == (None, None)
        rev = open_revision(connection, "test", "incident", None)
        here = "ST_MakeEnvelope(112.35, 28.84, 112.37, 28.86, 4490)"
        connection.execute(
            text(
                "INSERT INTO area (code, name, level, people, geom, geom_m, valid_from, rev) VALUES"
                f" ('G1', 'g', 'grid', 400, {here}, ST_Transform({here}, 4547), '2026-01-01', :rev)"
            ),
            {"rev": rev},
        )
        found, layer = incident.people_in(connection, place, [circle(5000.0)], by_day=True)
        assert (found, layer) == ({(0, "G1"): 400.0}, "grid")
    owner.dispose()


def test_targets_are_those_that_shapely_finds_in_order_of_distance(
    demo_reader: Engine, records: dict[str, Table]
) -> None:
    with reading(demo_reader, CITY) as connection:
        place = place_at(connection, *MIDDLE)
        shapes = reaches(place)
        sums = incident.target_sums(connection, place, shapes)
        listed = incident.targets_near(connection, place, shapes, limit=10_000, nearest=5, near_m=9000.0)
        few = incident.targets_near(connection, place, shapes[:1], limit=10_000, nearest=5, near_m=9000.0)
    here = shapely.Point(place.x_m, place.y_m)
    open_ = [row for row in records["target"] if row[1] != "closed"]
    expected = {
        code: [n for n, reach in enumerate(shapes) if touched(place, reach, shape)]
        for code, _, _, _, shape in open_
    }
    assert {row["code"]: row["inside"] for row in listed if row["inside"]} == {
        code: inside for code, inside in expected.items() if inside
    }
    for n in range(len(shapes)):
        inside = [row for row in open_ if n in expected[row[0]]]
        assert (sums[n]["targets"], sums[n]["day"], sums[n]["night"]) == (
            len(inside),
            sum(row[2] or 0 for row in inside),
            sum(row[3] or 0 for row in inside),
        )
    distances = {row[0]: shapely.distance(row[4], here) for row in open_}
    assert [row["distance_m"] for row in listed] == sorted(row["distance_m"] for row in listed)
    for row in listed:
        assert row["distance_m"] == pytest.approx(distances[row["code"]], abs=0.06)
    nearest = sorted(distances, key=lambda code: (distances[code], code))[:5]
    assert [row["code"] for row in few[:5]] == nearest


def test_sources_and_resources_are_the_nearest(demo_reader: Engine, records: dict[str, Table]) -> None:
    with reading(demo_reader, CITY) as connection:
        place = place_at(connection, *MIDDLE)
        whole = incident.together(place, reaches(place))
        assert whole is not None
        sources = incident.sources_in(connection, place, whole, leave_out=None, limit=1000)
        fewer = incident.sources_in(connection, place, whole, leave_out=sources[0]["code"], limit=1000)
        near = incident.resources_near(connection, place, whole, each=3, max_m=50_000.0)
    here = shapely.Point(place.x_m, place.y_m)
    assert [row["code"] for row in sources] == [
        code
        for _, code in sorted(
            (shapely.distance(shape, here), code)
            for code, status, _, _, shape in records["source"]
            if status != "closed" and touched(place, whole, shape)
        )
    ]
    assert fewer == sources[1:]
    for kind in incident.RESOURCE_KINDS:
        of_kind = sorted(
            (shapely.distance(shape, here), code)
            for code, one, _, _, shape in records["resource"]
            if one == kind
        )
        assert [row["code"] for row in near if row["kind"] == kind] == [code for _, code in of_kind[:3]]
    inside = {row[0] for row in records["resource"] if touched(place, whole, row[4])}
    assert {row["code"] for row in near if row["inside"]} == inside & {row["code"] for row in near}


def test_all_shapes_together_reach_as_far_as_the_farthest(demo_reader: Engine) -> None:
    with reading(demo_reader, CITY) as connection:
        place = place_at(connection, *MIDDLE)
        circles = incident.together(place, reaches(place)[:3])
        everything = incident.together(place, reaches(place))
        assert circles == circle(2500.0)
        assert everything is not None
        assert incident.farthest_m(place, everything) == pytest.approx(np.hypot(4000, 250), abs=0.01)
        assert incident.together(place, []) is None
        drawn = incident.outlines(connection, place, reaches(place))
    lon, lat = MIDDLE
    for shape in drawn:
        outer = shapely.from_geojson(str(shape).replace("'", '"'))
        assert outer.exterior.is_ccw
    east, north = np.mean(drawn[3]["coordinates"][0], axis=0)
    assert east < lon
    assert north < lat  # a wind from the north-east blows to the south-west


def test_a_place_elsewhere_on_the_globe_is_refused(demo_reader: Engine) -> None:
    with reading(demo_reader, CITY) as connection:
        for lon, lat in ((-112.36, 28.85), (112.36, 88.0), (float("nan"), 28.85), (400.0, 28.85)):
            with pytest.raises(BadInput, match="坐标系"):
                place_at(connection, lon, lat)


# --- plans -----------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def peopled_dsn(crowd_dsn: str) -> str:
    """The crowded city, where as many people's places as targets stand at the same positions."""
    owner = owner_engine(crowd_dsn)
    same = "township_code, village_code, grid_code, enterprise_code, committee, geom, geom_m, valid_from"
    with writing(owner) as connection:
        rev = open_revision(connection, "test", "crowd", None)
        connection.execute(
            text(
                f"INSERT INTO population (code, people, rev, {same}) SELECT code, 3, {rev}, {same} FROM target"
            )
        )
        connection.execute(text("ANALYZE population"))
    owner.dispose()
    return crowd_dsn


def ask_everything(connection: Connection) -> None:
    """Every question of the surroundings, as the job asks them."""
    incident.go_by_index(connection)
    place = place_at(connection, *crowd.CENTRE_OF_OURS)
    shapes = [circle(900.0), ring(placed(PLUME, place.x_m, place.y_m, 45.0))]
    whole = incident.together(place, shapes)
    incident.people_in(connection, place, shapes, by_day=True)
    incident.target_sums(connection, place, shapes)
    incident.targets_near(connection, place, shapes, limit=200, nearest=5, near_m=5000.0)
    incident.sources_in(connection, place, whole, leave_out=None, limit=100)
    incident.resources_near(connection, place, whole, each=3, max_m=30_000.0)


@pytest.mark.parametrize("role", crowd.ROLES)
def test_no_role_reads_a_whole_table(peopled_dsn: str, role: str) -> None:
    told = plans_of(peopled_dsn, crowd.ROLES[role])
    assert told.count("Index Scan") >= 5, told
    assert (
        re.findall(r"Seq Scan on (?:enterprise|source|target|area|population|resource|duty)\b.*", told) == []
    )
    if role in ("city", "township"):
        assert re.search(r"target_geom_m", told), told


def plans_of(dsn: str, identity: Identity) -> str:
    """The plans of all questions as the server tells them."""
    told: list[str] = []
    engine = owner_engine(dsn)
    with engine.connect() as connection, connection.begin():
        driver: Any = connection.connection.driver_connection
        driver.add_notice_handler(lambda notice: told.append(notice.message_primary or ""))
        for statement in (
            "LOAD 'auto_explain'",
            "SET LOCAL auto_explain.log_min_duration = 0",
            "SET LOCAL auto_explain.log_level = 'notice'",
        ):
            connection.execute(text(statement))
        setting, value = identity.scope
        connection.execute(
            text("SELECT set_config(:setting, :value, true)"), {"setting": setting, "value": value}
        )
        connection.execute(text(f"SET LOCAL ROLE {identity.database_role}"))
        told.clear()
        ask_everything(connection)
        connection.rollback()
    engine.dispose()
    return "\n".join(told)

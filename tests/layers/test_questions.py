"""What is asked of undeclared coordinates, against the two public libraries' own GCJ-02 and BD-09."""

from pathlib import Path
from typing import Any

import eviltransform
import numpy as np
import prcoords
import pytest
import shapely
from sqlalchemy import Engine

from layers.crs import metric_system
from layers.database import snapshot
from layers.questions import Question, ask, city_shape
from layers.schema import METRIC_SRID
from tests.checked_rows import located
from tests.import_files import AREAS, at, load, load_areas

CITY = shapely.box(112.2, 28.7, 112.8, 29.2)
WEST_EDGE = [(112.2 + 0.002 * (n % 3) + 0.0005, 28.75 + n * 0.004) for n in range(100)]
INLAND = [(112.4 + n * 0.003, 28.9) for n in range(100)]


def asked(places: list[tuple[float, float]], city: object = CITY) -> list[Question]:
    columns = {"lon": [repr(lon) for lon, _ in places], "lat": [repr(lat) for _, lat in places]}
    return asked_of(columns, city)


def asked_of(position: dict[str, list[str]], city: object = CITY) -> list[Question]:
    count = len(next(iter(position.values())))
    columns: dict[str, Any] = {"code": [f"E{n}" for n in range(count)], "name": ["x"] * count, **position}
    found, positions = located("enterprises", **columns)
    return ask(found.rows, positions.given, city, METRIC_SRID)


def evil(places: list[tuple[float, float]], name: str) -> list[tuple[float, float]]:
    convert = getattr(eviltransform, name)
    return [(lon, lat) for lat, lon in (convert(lat, lon) for lon, lat in places)]


def east(places: list[tuple[float, float]]) -> list[tuple[float, float]]:
    """The same places at the other edge: the offset moves east here, so these leave the city."""
    return [(lon + 0.5949, lat) for lon, lat in places]


def test_gcj02_is_asked_with_where_it_would_lie() -> None:
    true = east(WEST_EDGE)
    assert asked(true) == []
    (first, *_) = asked(evil(true, "wgs2gcj"))
    assert (first.kind, first.crs, first.remedy) == ("gcj02", "gcj02", "--crs gcj02")
    assert 50 < first.rows <= 100
    assert first.share == first.rows / 100
    assert first.inside_before < 0.5
    assert first.inside_after > 0.99
    lon, lat = first.example["after"]
    n = first.example["row"] - 2
    assert (lon, lat) == pytest.approx(true[n], abs=1e-6)
    assert str(first.rows) in first.text


def test_prcoords_agrees() -> None:
    theirs = [prcoords.wgs_gcj((lat, lon)) for lon, lat in east(WEST_EDGE)]
    (first, *_) = asked([(lon, lat) for lat, lon in theirs])
    assert first.kind == "gcj02"
    for row, *_, lon, lat in first.places:
        assert (lon, lat) == pytest.approx(east(WEST_EDGE)[row - 2], abs=1e-6)


def test_bd09_is_asked_where_it_explains_more() -> None:
    found = {one.kind: one for one in asked(evil(east(WEST_EDGE), "wgs2bd"))}
    assert found["bd09"].inside_after > found["gcj02"].inside_after if "gcj02" in found else True
    assert found["bd09"].inside_after > 0.99
    assert next(iter(found)) == "bd09"


def test_what_lies_inside_all_the_same_is_not_asked() -> None:
    """A file in GCJ-02 well within the city cannot be told from one that is not."""
    assert asked(evil(INLAND, "wgs2gcj")) == []


def test_a_few_neighbours_of_a_good_file_are_no_question() -> None:
    """Across the eastern border: conversion would bring these in, and put more of the western edge out."""
    neighbours = [(112.803, 28.9), (112.804, 28.95)]
    assert asked([*WEST_EDGE, *neighbours]) == []


def test_exchanged_longitude_and_latitude_are_asked() -> None:
    (only,) = asked([*INLAND[:95], *[(lat, lon) for lon, lat in INLAND[95:]]])
    assert (only.kind, only.rows, only.crs) == ("swapped", 5, None)
    assert only.example["after"] == [pytest.approx(INLAND[95][0]), pytest.approx(INLAND[95][1])]
    assert "对调" in only.remedy


@pytest.mark.parametrize("kind", ["metric", "metric_swapped"])
def test_metres_of_the_city_are_asked(kind: str) -> None:
    lon, lat = (np.array(one) for one in zip(*INLAND, strict=True))
    x, y = metric_system(METRIC_SRID).to_metres(lon, lat)
    pairs = zip(x, y, strict=True) if kind == "metric" else zip(y, x, strict=True)
    (only,) = asked([(float(a), float(b)) for a, b in pairs])
    assert (only.kind, only.rows) == (kind, 100)
    assert f"EPSG:{METRIC_SRID}" in only.remedy


def test_without_an_area_nothing_is_asked(owner: Engine) -> None:
    with snapshot(owner) as connection:
        assert city_shape(connection) is None
    assert asked(evil(east(WEST_EDGE), "wgs2gcj"), None) == []


def test_the_polygons_count_and_not_their_extent(owner: Engine, tmp_path: Path) -> None:
    """Two townships with a gap between: the gap is outside."""
    apart = AREAS[4].replace("112.34", "112.36")
    load(owner, tmp_path, "areas", "code,name,level,parent_code,wkt", AREAS[0], apart)
    with snapshot(owner) as connection:
        city = city_shape(connection)
    assert shapely.contains_xy(city, [112.31, 112.35, 112.37], [28.82, 28.82, 28.82]).tolist() == [
        True,
        False,
        True,
    ]


def test_an_import_asks_and_moves_nothing(owner: Engine, tmp_path: Path) -> None:
    load_areas(owner, tmp_path)
    header = "code,name,lon,lat"
    ((lon, lat),) = evil([(112.3799, 28.81)], "wgs2gcj")
    row = f"E1,甲,{lon},{lat}"
    report = load(owner, tmp_path, "enterprises", header, row)
    assert [one.kind for one in report.questions] == ["gcj02", "bd09"] or report.questions[0].kind == "gcj02"
    assert report.to_json()["questions"][0]["rows"] == 1
    with snapshot(owner) as connection:
        stored = connection.exec_driver_sql("SELECT ST_X(geom), ST_Y(geom) FROM enterprise").one()
    assert stored == pytest.approx((lon, lat), abs=1e-8)
    assert load(owner, tmp_path, "enterprises", header, row, crs="wgs84").questions == []
    assert load(owner, tmp_path, "enterprises", header, f"E1,甲,{at(1, 1)}").questions == []


def test_shapes_that_cannot_be_used_are_asked_nothing() -> None:
    """What is wrong with them is told row by row; looking for questions must not stumble over it."""
    texts = [
        "POLYGON ((112.3 28.8, nan nan, 112.4 28.9, 112.3 28.8))",
        "POINT (1e999 28)",
        "POINT EMPTY",
        "POLYGON EMPTY",
        "GEOMETRYCOLLECTION (" * 5_000,
        "POINT (112",
        "POINT (28.8 112.4)",
    ]
    assert [(one.kind, one.rows) for one in asked_of({"wkt": texts})] == [("swapped", 1)]

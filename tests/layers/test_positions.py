"""Positions and keys of rows: what is converted, mended, refused, added up."""

import hashlib
from datetime import date

import numpy as np
import pytest
import shapely
from pyproj import Transformer

from layers.keys import own_codes, place_codes, substance_codes
from riskmap.editions import load_edition, shipped_editions
from riskmap.substances import Catalogue
from tests.checked_rows import BOW_TIE, FIRM, checked, grouped, located, only_fault, shapes_of, texts


def test_lon_and_lat_become_metres_in_whole_millimetres() -> None:
    found, positions = located("enterprises", lon=["112.3612345678"], lat=["２８．８"], **FIRM)
    assert not found.faults
    x, y = Transformer.from_crs(4490, 4547, always_xy=True).transform(112.361234568, 28.8)
    assert shapes_of(positions)[1][0].coords[0] == (round(x, 3), round(y, 3))
    assert shapes_of(positions)[0][0].coords[0] == (112.361234568, 28.8)


@pytest.mark.parametrize(
    ("lon", "lat", "field", "reason"),
    [
        ("abc", "28", "lon", "坐标不是数字"),
        ("112", "", "lat", "经度和纬度缺一个"),
        ("", "", "lon", "没有位置"),
        ("NaN", "28", "lon", "坐标不是数字"),
        ("1e300", "28", "lon", "不在地球上"),
        ("28.8", "112.3", "lon", "不在地球上"),
        ("91.19", "30.45", "lon", "离本市太远"),
        ("-112.3", "28.8", "lon", "离本市太远"),
    ],
)
def test_positions_that_are_refused(lon: str, lat: str, field: str, reason: str) -> None:
    found, _ = located("enterprises", lon=[lon or None], lat=[lat or None], **FIRM)
    if (lon, lat) == ("91.19", "30.45"):  # 22.8° off the meridian: the scale there is 1.06
        assert reason in only_fault(found)[1]
    assert only_fault(found)[0] == field
    assert only_fault(found)[1].startswith(reason)


def test_gcj02_is_converted_only_when_declared() -> None:
    _, plain = located("enterprises", lon=["112.36"], lat=["28.85"], **FIRM)
    _, moved = located("enterprises", "gcj02", lon=["112.36"], lat=["28.85"], **FIRM)
    assert shapes_of(plain)[0][0].coords[0] == (112.36, 28.85)
    assert 500 < shapely.distance(shapes_of(plain)[1][0], shapes_of(moved)[1][0]) < 700


def test_metric_input_comes_back_to_the_millimetre() -> None:
    _, positions = located("enterprises", "EPSG:4547", lon=["400000.123"], lat=["3200000.456"], **FIRM)
    assert shapes_of(positions)[1][0].coords[0] == (400000.123, 3200000.456)


@pytest.mark.parametrize(
    ("wkt", "reason"),
    [
        (BOW_TIE, "边界自相交，在 (112.005, 28.005) 附近"),
        ("POLYGON ((112 28, 112.01 28))", "不是有效的 WKT"),
        ("POINT (112", "不是有效的 WKT"),
        ("POINT EMPTY", "没有位置"),
        ("LINESTRING (112 28, 112.1 28)", "企业的位置只能是点、面"),
        ("GEOMETRYCOLLECTION (POINT (112 28))", "企业的位置只能是点、面"),
        ("MULTIPOINT ((112 28), (112.1 28))", "一条记录只能有一个点"),
        ("LINESTRING (" + ", ".join(["112 28", "112.1 28"] * 5001) + ")", "企业的位置只能是点、面"),
        ("POLYGON ((112 28, " + "112.01 28.01, 112.01 28, " * 5001 + "112 28))", "超过 10,000 个顶点"),
    ],
)
def test_shapes_that_are_refused(wkt: str, reason: str) -> None:
    found, _ = located("enterprises", wkt=[wkt], **FIRM)
    assert only_fault(found)[0] == "wkt"
    assert only_fault(found)[1].startswith(reason)


def test_shapes_lose_their_height_and_single_multipoints_their_multi() -> None:
    shapes = [
        shapely.from_wkt("POLYGON Z ((112 28 5, 112.01 28 5, 112.01 28.01 5, 112 28 5))"),
        shapely.from_wkt("MULTIPOINT ((112 28))"),
    ]
    found, positions = located("enterprises", None, shapes, code=["E1", "E2"], name=["甲", "乙"])
    assert not found.faults
    assert [shape.geom_type for shape in shapes_of(positions)[1]] == ["Polygon", "Point"]
    assert not shapely.has_z(shapes_of(positions)[0]).any()


def test_a_layer_without_required_position_takes_rows_without() -> None:
    found, positions = located(
        "areas",
        None,
        [None, shapely.from_wkt("POLYGON ((112 28, 112.1 28, 112.1 28.1, 112 28))")],
        code=["1", "2"],
        name=["x"] * 2,
        level=["grid"] * 2,
    )
    assert not found.faults
    assert [shape is None for shape in shapes_of(positions)[1]] == [True, False]


def test_repeated_events_are_one_record() -> None:
    found = checked("events", event_id=["e", "f", "e"], kind=["alarm"] * 3, time=["2026-01-01"] * 3)
    assert grouped(own_codes(found)) == [[0, 2], [1]]
    assert not found.faults


def test_unnamed_places_are_known_by_their_position() -> None:
    found, positions = located(
        "population", people=["5", "0", "7"], code=[None, "K", None], lon=["112.3"] * 3, lat=["28.8"] * 3
    )
    place_codes(found, positions)
    x, y = Transformer.from_crs(4490, 4547, always_xy=True).transform(112.3, 28.8)
    wkt = f"POINT ({round(x * 1000)} {round(y * 1000)})"
    digest = hashlib.sha256(wkt.encode()).hexdigest()[:16]
    assert texts(found)["code"] == [f"P{digest}", "K", f"P{digest}-2"]


def test_inventory_rows_of_one_substance_are_added_up() -> None:
    catalogue = Catalogue.from_edition(load_edition(shipped_editions()["2026-1"]))
    found = checked(
        "inventory",
        source_code=["S1", "S1", "S1", "S2", "S1", "S1"],
        cas=[None, "7664-41-7", None, None, None, None],
        substance=["液氨", None, "氨", "氨", "某种溶剂", "某种溶剂"],
        quantity_t=["0.1", "0.2", "3", "4", "5", "6"],
        unit_code=[None, None, "T1", None, None, None],
        as_of=["2026-01-02", "2026-01-03", None, None, None, None],
    )
    groups = grouped(substance_codes(found, catalogue))
    columns = texts(found)
    assert groups == [[0, 1], [2], [3], [4, 5]]
    assert [columns["quantity_t"][group[0]] for group in groups] == ["0.3", "3", "4", "11"]
    assert columns["as_of"][0] == date(2026, 1, 3)
    codes = [columns["code"][group[0]] for group in groups]
    assert len(set(codes)) == 4
    assert codes[0].startswith("S1/")
    assert codes[1].endswith("/T1")
    assert codes[3].endswith("某种溶剂/")


def test_a_shape_bent_by_rounding_is_mended_on_the_millimetre_grid() -> None:
    # a slit of 0.3 mm closes when its sides are rounded to the millimetre
    slit = "(400050 3200000, 400050.0003 3200100.0, 400100 3200100"
    wkt = f"POLYGON ((400000 3200000, {slit[1:]}, 400100 3200200, 400049.9999 3200200, 400049.9999 3200000.0001, 400000 3200000))"
    assert shapely.from_wkt(wkt).is_valid
    found, positions = located("enterprises", "EPSG:4547", wkt=[wkt], **FIRM)
    assert not found.faults
    metres = shapes_of(positions)[1][0]
    assert metres.is_valid
    assert abs(metres.area - shapely.from_wkt(wkt).area) < 0.1
    thousandths = shapely.get_coordinates(metres) * 1000
    assert np.abs(thousandths - np.round(thousandths)).max() < 1e-3


def test_a_shape_smaller_than_a_millimetre_is_refused() -> None:
    wkt = "POLYGON ((400000 3200000, 400000.0002 3200000, 400000.0002 3200000.0002, 400000 3200000))"
    found, _ = located("enterprises", "EPSG:4547", wkt=[wkt], **FIRM)
    assert only_fault(found)[0] == "wkt"


@pytest.mark.parametrize(
    "wkt", ["POINT (\x00 1)", "POINT (\ud800 1)", "POINT (1e400 28)", "POINT (nan nan)", "\u3000"]
)
def test_unreadable_wkt_is_its_rows_fault(wkt: str) -> None:
    found, _ = located("enterprises", wkt=[wkt], **FIRM)
    assert only_fault(found)[0] == "wkt"


def test_wkt_in_full_width_and_blank_wkt_beside_degrees() -> None:
    """The first by its text, the second by its degrees; the third has neither."""
    found, positions = located(
        "enterprises",
        code=["1", "2", "3"],
        name=["甲", "乙", "丙"],
        wkt=["ＰＯＩＮＴ　（112.36　28.85）", "\u3000", "\u3000"],
        lon=[None, "112.36", None],
        lat=[None, "28.85", None],
    )
    assert {index: fault.reason for index, fault in found.faults.items()} == {2: "没有位置"}
    assert positions.lonlat[:2].tolist() == [[112.36, 28.85]] * 2


def test_collections_without_end_are_a_fault_and_not_the_end() -> None:
    deep = "GEOMETRYCOLLECTION(" * 100_000 + "POINT (112 28)" + ")" * 100_000
    found, _ = located("targets", code=["1"], name=["甲"], target_class=["important"], wkt=[deep])
    assert only_fault(found)[:2] == ("wkt", "不是有效的 WKT")

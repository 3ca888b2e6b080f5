"""Cells to typed columns: what is understood, what is refused and in which words; positions; keys."""

import hashlib
from datetime import date, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import shapely
from hypothesis import given
from hypothesis import strategies as st
from pyproj import Transformer

from layers.checks import Checked, check_table
from layers.crs import declared_crs, metric_system
from layers.fields import LAYERS, Field
from layers.history import CLOCK
from layers.keys import own_codes, place_codes, substance_codes
from layers.mapping import Mapping, Named, mapping_from, name_columns, read_mapping
from layers.parsing import Unreadable, reader_of
from layers.positions import Positions, locate
from layers.sheets import Table
from riskmap.editions import load_edition, shipped_editions
from riskmap.errors import BadInput
from riskmap.substances import Catalogue

METRIC = metric_system(4547)


def table(columns: dict[str, list[str | None]], shapes: list[Any] | None = None) -> Table:
    count = max([len(column) for column in columns.values()] + [len(shapes or [])])
    array = None
    if shapes is not None:
        array = np.full(count, None, dtype=np.object_)
        array[:] = shapes
    return Table("a.csv", columns, list(range(2, count + 2)), array)


def checked(layer: str, mapping: Mapping | None = None, **columns: list[str | None]) -> Checked:
    raw = table(columns)
    return check_table(LAYERS[layer], raw, name_columns(raw, LAYERS[layer], mapping))


def located(
    layer: str, crs: str | None = None, shapes: list[Any] | None = None, **columns: list[str | None]
) -> tuple[Checked, Positions]:
    raw = table(columns, shapes)
    named = name_columns(raw, LAYERS[layer])
    found = check_table(LAYERS[layer], raw, named)
    return found, locate(found, raw, named, declared_crs(crs), METRIC)


def only_fault(found: Checked) -> tuple[str, str, str | None]:
    (fault,) = found.faults.values()
    return fault.field, fault.reason, fault.value


# --- one cell --------------------------------------------------------------------------------------------


def read(kind: Any, text: str, **limits: Any) -> Any:
    field = Field("x", "某列", "X", kind, **limits)
    return reader_of(field)(text, field)


@pytest.mark.parametrize(
    ("kind", "text", "value"),
    [
        ("int", "１２", 12),
        ("int", "12.0", 12),
        ("int", "'12", 12),
        ("number", " 1,234.5 ", 1234.5),
        ("number", "-1e-3", -0.001),
        ("decimal", "0.1", Decimal("0.1")),
        ("decimal", "\u3000７.50\u200b", Decimal("7.50")),
        ("bool", "是", True),
        ("bool", "FALSE", False),
        ("date", "2026-01-31", date(2026, 1, 31)),
        ("date", "2026/1/31", date(2026, 1, 31)),
        ("date", "2026年1月31日", date(2026, 1, 31)),
        ("date", "20260131", date(2026, 1, 31)),
        ("date", "2026-01-31 00:00:00", date(2026, 1, 31)),
        ("time", "2026-01-31", datetime(2026, 1, 31, tzinfo=CLOCK)),
        ("time", "2026-01-31 8:30", datetime(2026, 1, 31, 8, 30, tzinfo=CLOCK)),
        ("time", "2026-01-31T00:30:00.5Z", datetime(2026, 1, 31, 8, 30, 0, 500_000, tzinfo=CLOCK)),
        ("codes", "a, b；a c", ["a", "b", "c"]),
        ("text", "  甲 \t乙\n丙 ", "甲 乙 丙"),
    ],
)
def test_cells_that_are_understood(kind: str, text: str, value: Any) -> None:
    assert read(kind, text) == value


@pytest.mark.parametrize(
    ("kind", "text", "reason"),
    [
        ("number", "NaN", "不是有限的数"),
        ("number", "-inf", "不是有限的数"),
        ("number", "1e999", "大于上限"),
        ("number", "-1", "不能为负"),
        ("number", "12吨", "不是数字"),
        ("number", "1,23", "不是数字"),
        ("number", "0x10", "不是数字"),
        ("number", "١٢", "不是数字"),
        ("decimal", "1." + "1" * 40, "超过 30 位"),
        ("decimal", "1e-99", "超过 30 位"),
        ("int", "1.5", "须为整数"),
        ("bool", "也许", "是"),
        ("date", "31.01.2026", "不是日期"),
        ("date", "2026-02-30", "没有这一天"),
        ("date", "0026-02-03", "年份"),
        ("date", "20260131x", "不是日期"),
        ("time", "2026-01-31 25:00", "不是有效的时间"),
        ("text", "a\x00b", "控制字符"),
        ("text", "\ud800", "控制字符"),
        ("text", "长" * 401, "超过 400 个字"),
    ],
)
def test_cells_that_are_refused(kind: str, text: str, reason: str) -> None:
    with pytest.raises(Unreadable, match=reason) as caught:
        read(kind, text, low=0 if kind == "number" else None, high=1e12)
    assert caught.value.remedy


def test_codes_are_tidied_but_never_judged() -> None:
    found = checked(
        "enterprises",
        code=[
            "'９１４３０９８１ＭＡ４ＬＴＥＳＴ０Ｘ",
            " 91430981ma4ltest0x ",
            "91430981MA4LTEST09",
            "a b",
            "9.14E+17",
        ],
        name=["甲"] * 5,
        lon=["112.3"] * 5,
        lat=["28.8"] * 5,
    )
    assert found.columns["code"][:4] == [
        "91430981MA4LTEST0X",
        "91430981MA4LTEST0X",
        "91430981MA4LTEST09",
        "a b",
    ]
    assert only_fault(found) == ("code", "编码已被表格软件改成科学计数", "9.14E+17")


@given(
    text=st.text(max_size=40),
    kind=st.sampled_from(["text", "int", "decimal", "number", "bool", "date", "time", "codes"]),
)
def test_any_text_is_read_or_refused(text: str, kind: str) -> None:
    try:
        value = read(kind, text, low=-1e9, high=1e9)
    except Unreadable as fault:
        value = fault.reason
    assert value is not None


# --- rows ------------------------------------------------------------------------------------------------


def test_a_row_has_one_fault_the_first_of_the_layers_order() -> None:
    found = checked(
        "targets",
        code=["", "T2"],
        name=["甲", "\x01"],
        target_class=["?", "?"],
        lon=["x", "1"],
        lat=["", "1"],
    )
    assert {index: fault.field for index, fault in found.faults.items()} == {0: "code", 1: "name"}
    assert found.faults[0].to_json() == {
        "row": 2,
        "field": "code",
        "value": None,
        "reason": "必填",
        "remedy": "请填写编码",
    } | {"value": ""}
    assert found.faults[1].value == "�"


def test_choices_name_what_is_possible() -> None:
    found = checked("enterprises", code=["E1"], name=["甲"], status=["开业"], lon=["1"], lat=["1"])
    assert only_fault(found) == ("status", "不在可选值内", "开业")
    assert "active" in found.faults[0].remedy


def test_defaults_of_open_records() -> None:
    found = checked(
        "enterprises", code=["E1"], name=["甲"], status=[None], synthetic=[None], lon=["1"], lat=["1"]
    )
    assert (found.columns["status"], found.columns["synthetic"]) == (["active"], [False])


def test_dangers_and_inventory_need_one_of_their_names() -> None:
    found = checked(
        "dangers",
        code=["D1", "D2"],
        place=["码头", ""],
        grade=["major"] * 2,
        title=["x"] * 2,
        found_on=["2026-01-01"] * 2,
    )
    assert list(found.faults) == [1]
    found = checked("inventory", source_code=["S1"], substance=[""], quantity_t=["1"])
    assert only_fault(found)[0] == "cas"


def test_quantities_in_pounds_are_exact() -> None:
    mapping = mapping_from(
        {"columns": {"quantity": "磅数"}, "units": {"quantity": "lb"}}, LAYERS["inventory"], "m.toml"
    )
    found = checked(
        "inventory", mapping, source_code=["S1", "S1"], substance=["氨"] * 2, 磅数=["77161792", "4,500"]
    )
    assert found.columns["quantity_t"] == [
        Decimal(77161792) * Decimal("0.00045359237"),
        Decimal("2.041165665"),
    ]


def test_quantities_with_their_own_unit() -> None:
    found = checked(
        "inventory",
        source_code=["S"] * 5,
        substance=["氨"] * 5,
        quantity=["1500", "2", "1", "-1", None],
        unit=["公斤", None, "桶", "kg", "t"],
    )
    assert found.columns["quantity_t"][:2] == [Decimal("1.5"), Decimal(2)]
    assert {i: (f.field, f.reason) for i, f in found.faults.items()} == {
        2: ("unit", "未知的单位"),
        3: ("quantity", "不能为负"),
        4: ("quantity", "必填"),
    }


# --- headers and mapping ---------------------------------------------------------------------------------


def test_chinese_and_english_headers_in_any_width() -> None:
    raw = table(
        {"统一社会信用代码*": ["E1"], "企业 名称": ["甲"], "ＬＯＮ": ["1"], "纬度": ["2"], "备注": ["x"]}
    )
    named = name_columns(raw, LAYERS["enterprises"])
    assert named == Named({"code": ["E1"], "name": ["甲"], "lon": ["1"], "lat": ["2"]}, ["备注"])


@pytest.mark.parametrize("layer", LAYERS.values(), ids=lambda layer: layer.name)
def test_every_header_of_every_layer_is_known_in_three_ways(layer: Any) -> None:
    for headers in (
        [f.name for f in layer.fields],
        [f.zh for f in layer.fields],
        [f.en for f in layer.fields],
    ):
        raw = table({header: ["x"] for header in [*headers, "lon", "lat"]})
        assert set(name_columns(raw, layer).cells) >= {f.name for f in layer.fields}


def test_missing_and_doubled_columns_are_named() -> None:
    with pytest.raises(BadInput, match="企业名称（name）、位置"):
        name_columns(table({"code": ["E1"]}), LAYERS["enterprises"])
    with pytest.raises(BadInput, match="都是 code"):
        name_columns(table({"code": ["E1"], "统一社会信用代码": ["E1"]}), LAYERS["enterprises"])


def test_mapping_of_columns_constants_and_values(tmp_path: Path) -> None:
    path = tmp_path / "m.toml"
    path.write_text(
        '[columns]\ncode = "id"\nname = "title"\nkind = "what"\n[constants]\nunit_type = "storage"\nsynthetic = false\n'
        '[values.status]\n"Deregistered" = "closed"\n"" = "active"\n',
        encoding="utf-8",
    )
    mapping = read_mapping(path, LAYERS["sources"])
    raw = table(
        {
            "id": ["1", "2"],
            "title": ["甲", "乙"],
            "what": ["mine"] * 2,
            "status": ["deregistered", None],
            "lon": ["1"] * 2,
            "lat": ["1"] * 2,
        }
    )
    named = name_columns(raw, LAYERS["sources"], mapping)
    assert named.cells["status"] == ["closed", "active"]
    assert named.cells["unit_type"] == ["storage"] * 2
    assert named.cells["code"] == ["1", "2"]


@pytest.mark.parametrize(
    "text",
    [
        "[oops]\n",
        '[columns]\nnope = "x"\n',
        '[units]\nquantity = "stone"\n',
        '[units]\nname = "kg"\n',
        "[constants]\nname = [1]\n",
        "columns = 1\n",
        "[columns\n",
        '[values]\nstatus = "x"\n',
    ],
)
def test_wrong_mappings_say_where(tmp_path: Path, text: str) -> None:
    path = tmp_path / "m.toml"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(BadInput) as caught:
        read_mapping(path, LAYERS["inventory"])
    assert "m.toml" in caught.value.detail
    assert caught.value.remedy


def test_a_mapped_column_must_be_there() -> None:
    mapping = Mapping(columns={"code": "编号"})
    with pytest.raises(BadInput, match="没有列“编号”"):
        name_columns(table({"name": ["x"]}), LAYERS["enterprises"], mapping)


# --- positions -------------------------------------------------------------------------------------------

FIRM: dict[str, Any] = {"code": ["E1"], "name": ["甲"]}


def test_lon_and_lat_become_metres_in_whole_millimetres() -> None:
    found, positions = located("enterprises", lon=["112.3612345678"], lat=["２８．８"], **FIRM)
    assert not found.faults
    x, y = Transformer.from_crs(4490, 4547, always_xy=True).transform(112.361234568, 28.8)
    assert positions.metres[0].coords[0] == (round(x, 3), round(y, 3))
    assert positions.degrees[0].coords[0] == (112.361234568, 28.8)


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
    assert plain.degrees[0].coords[0] == (112.36, 28.85)
    assert 500 < shapely.distance(plain.metres[0], moved.metres[0]) < 700


def test_metric_input_comes_back_to_the_millimetre() -> None:
    _, positions = located("enterprises", "EPSG:4547", lon=["400000.123"], lat=["3200000.456"], **FIRM)
    assert positions.metres[0].coords[0] == (400000.123, 3200000.456)


BOW_TIE = "POLYGON ((112 28, 112.01 28.01, 112.01 28, 112 28.01, 112 28))"


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
    assert [shape.geom_type for shape in positions.metres] == ["Polygon", "Point"]
    assert not shapely.has_z(positions.degrees).any()


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
    assert [shape is None for shape in positions.metres] == [True, False]


# --- keys ------------------------------------------------------------------------------------------------


def test_a_doubled_code_is_the_later_rows_fault() -> None:
    found = checked(
        "enterprises",
        code=["E1", "Ｅ1", "E2", "bad\x00", "bad"],
        name=["x"] * 5,
        lon=["1"] * 5,
        lat=["1"] * 5,
    )
    assert own_codes(found) == [[0], [2], [4]]
    assert found.faults[1].reason == "与第 2 行编码重复"


def test_repeated_events_are_one_record() -> None:
    found = checked("events", event_id=["e", "f", "e"], kind=["alarm"] * 3, time=["2026-01-01"] * 3)
    assert own_codes(found) == [[0, 2], [1]]
    assert not found.faults


def test_unnamed_places_are_known_by_their_position() -> None:
    found, positions = located(
        "population", people=["5", "0", "7"], code=[None, "K", None], lon=["112.3"] * 3, lat=["28.8"] * 3
    )
    place_codes(found, positions)
    x, y = Transformer.from_crs(4490, 4547, always_xy=True).transform(112.3, 28.8)
    wkt = f"POINT ({round(x * 1000)} {round(y * 1000)})"
    digest = hashlib.sha256(wkt.encode()).hexdigest()[:16]
    assert found.columns["code"] == [f"P{digest}", "K", f"P{digest}-2"]


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
    groups = substance_codes(found, catalogue)
    assert groups == [[0, 1], [2], [3], [4, 5]]
    assert [found.columns["quantity_t"][group[0]] for group in groups] == [Decimal("0.3"), 3, 4, 11]
    assert found.columns["as_of"][0] == date(2026, 1, 3)
    codes = [found.columns["code"][group[0]] for group in groups]
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
    metres = positions.metres[0]
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

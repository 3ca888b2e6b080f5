"""Cells and headers to typed columns: what is understood, what is refused and in which words."""

from datetime import date, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from layers.fields import LAYERS
from layers.history import CLOCK
from layers.keys import own_codes
from layers.mapping import Mapping, mapping_from, name_columns, read_mapping
from layers.parsing import Unreadable
from riskmap.errors import BadInput
from tests.checked_rows import checked, grouped, only_fault, read, table, texts


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
    assert texts(found)["code"][:4] == [
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
    }
    assert found.faults[1].value == "�"


def test_choices_name_what_is_possible() -> None:
    found = checked("enterprises", code=["E1"], name=["甲"], status=["开业"], lon=["1"], lat=["1"])
    assert only_fault(found) == ("status", "不在可选值内", "开业")
    assert "active" in found.faults[0].remedy


def test_defaults_of_open_records() -> None:
    found = checked(
        "enterprises", code=["E1"], name=["甲"], status=[None], synthetic=[None], lon=["1"], lat=["1"]
    )
    assert (texts(found)["status"], texts(found)["synthetic"]) == (["active"], [False])


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
    assert [Decimal(text) for text in texts(found)["quantity_t"]] == [
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
    assert [Decimal(text) for text in texts(found)["quantity_t"][:2]] == [Decimal("1.5"), Decimal(2)]
    assert {i: (f.field, f.reason) for i, f in found.faults.items()} == {
        2: ("unit", "未知的单位"),
        3: ("quantity", "不能为负"),
        4: ("quantity", "必填"),
    }


def test_chinese_and_english_headers_in_any_width() -> None:
    raw = table(
        {"统一社会信用代码*": ["E1"], "企业 名称": ["甲"], "ＬＯＮ": ["1"], "纬度": ["2"], "备注": ["x"]}
    )
    named = name_columns(raw, LAYERS["enterprises"])
    assert texts(named) == {"code": ["E1"], "name": ["甲"], "lon": ["1"], "lat": ["2"]}
    assert named.ignored == ["备注"]


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
    assert texts(named)["status"] == ["closed", "active"]
    assert texts(named)["unit_type"] == ["storage"] * 2
    assert texts(named)["code"] == ["1", "2"]


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


def test_a_doubled_code_is_the_later_rows_fault() -> None:
    found = checked(
        "enterprises",
        code=["E1", "Ｅ1", "E2", "bad\x00", "bad"],
        name=["x"] * 5,
        lon=["1"] * 5,
        lat=["1"] * 5,
    )
    assert grouped(own_codes(found)) == [[0], [2], [4]]
    assert found.faults[1].reason == "与第 2 行编码重复"

"""Headers people really have: titles above, groups over sub headers, synonyms, units; what is not understood is told."""

import csv
from collections.abc import Sequence
from decimal import Decimal
from pathlib import Path
from typing import Any

import openpyxl
import pytest
import shapely
from hypothesis import assume, given
from hypothesis import strategies as st

from layers.checks import check_table
from layers.fields import LAYERS
from layers.files import read_table
from layers.headers import NOTHING, header_key, known_headers, meaning_of, names_of, read_synonyms
from layers.mapping import Mapping, Named, name_columns
from layers.sheets import Sheet, Table, Wish, table_of_rows
from riskmap.errors import BadInput, RiskMapError
from tests.checked_rows import checked, only_fault, table, texts

FIRMS = LAYERS["enterprises"]
Rows = Sequence[Sequence[Any]]


def written(folder: Path, suffix: str, rows: Rows, *merged: str) -> Path:
    """The rows as a workbook with merged cells, or as the CSV that Excel makes of it."""
    path = folder / f"名录{suffix}"
    if suffix == ".csv":
        with path.open("w", encoding="utf-8", newline="") as file:
            csv.writer(file).writerows(rows)
        return path
    book = openpyxl.Workbook()
    sheet = book.active
    assert sheet is not None
    for row in rows:
        sheet.append(row)
    for cells in merged:
        sheet.merge_cells(cells)
    book.save(path)
    return path


def read_named(path: Path, layer: str = "enterprises") -> tuple[Table, Named]:
    raw = read_table(path, known=known_headers(LAYERS[layer]))
    return raw, name_columns(raw, LAYERS[layer])


# --- the synonyms ----------------------------------------------------------------------------------------


@pytest.mark.parametrize("layer", LAYERS.values(), ids=lambda layer: layer.name)
def test_a_header_means_one_field_of_a_layer(layer: Any) -> None:
    fields: dict[str, set[str]] = {}
    for ours, others in names_of(layer).items():
        for header in (ours, *others):
            fields.setdefault(header_key(header), set()).add(ours)
    for of, ours, header in read_synonyms():
        if of in {"*", layer.name} and ours in {*names_of(layer), NOTHING}:
            fields.setdefault(header_key(header), set()).add(ours)
    assert {key: found for key, found in fields.items() if len(found) > 1 or not key} == {}


def test_every_synonym_is_of_a_field_that_is_there() -> None:
    for of, ours, header in read_synonyms():
        layers = LAYERS.values() if of == "*" else [LAYERS[of]]
        assert ours == NOTHING or any(ours in names_of(layer) for layer in layers), (of, ours, header)


@pytest.mark.parametrize(
    ("header", "field"),
    [
        ("统一社会信用代码", "code"),
        ("社会信用代码", "code"),
        ("统一社会\n信用代码 *", "code"),
        ("Unified social credit code", "code"),
        ("单位名称", "name"),
        ("公司名称（全称）", "name"),
        ("Company name", "name"),
        ("东经", "lon"),
        ("LONGITUDE", "lon"),
        ("lng", "lon"),
        ("经度（°）", "lon"),
        ("纬度(十进制度)", "lat"),
        ("Ｙ", "lat"),
        ("法人", "legal_representative"),
        ("从业人数（人）", "workers"),
        ("Township code", "township_code"),
        ("township-code", "township_code"),
        ("序号", NOTHING),
        ("企业民称", None),
        ("名", None),
    ],
)
def test_what_a_header_means(header: str, field: str | None) -> None:
    assert meaning_of(header, FIRMS).field == field


@pytest.mark.parametrize(
    ("header", "field", "unit"),
    [
        ("设计最大量(吨)", "quantity_t", None),
        ("设计最大量（t）", "quantity", "t"),
        ("最大储量（吨）", "quantity", "t"),
        ("数量(kg)", "quantity", "kg"),
        ("数量（公斤）", "quantity", "kg"),
        ("数量/磅", "quantity", "lb"),
        ("储量，单位：m³", "quantity", "m3"),
        ("最大储存量[升]", "quantity", "l"),
        ("数量（必填）", "quantity", None),
        ("密度（g/cm³）", "density_t_m3", None),
    ],
)
def test_a_unit_in_a_quantitys_header(header: str, field: str, unit: str | None) -> None:
    found = meaning_of(header, LAYERS["inventory"])
    assert (found.field, found.unit, found.why_not) == (field, unit, "")


@pytest.mark.parametrize(
    ("layer", "header", "told"),
    [
        ("inventory", "数量（桶）", "桶"),
        ("inventory", "quantity_t(kg)", "kg"),
        ("inventory", "密度（kg/m³）", "kg/m3"),
        ("enterprises", "从业人数（万人）", "万人"),
        ("population", "救援到达（小时）", None),
        ("enterprises", "经度（GCJ-02）", "GCJ-02"),
        ("sensors", "下限（米）", "米"),
    ],
)
def test_a_unit_that_is_not_the_fields_is_told_and_not_taken(
    layer: str, header: str, told: str | None
) -> None:
    found = meaning_of(header, LAYERS[layer])
    assert found.field is None
    assert told is None or told in found.why_not


# --- where the header is ---------------------------------------------------------------------------------

ROSTER: Rows = [
    ["沅江市危险化学品企业名录（2026年）"],
    ["填报单位：应急管理局", None, None, "填报日期：2026-11-01"],
    [],
    ["序号", "统一社会信用代码", "单位名称", "坐标", None, "责任人", None, "从业人数"],
    [None, None, None, "东经", "北纬", "法定代表人", "实际控制人"],
    [1, "E1", "甲", "112.31", "28.81", "王", "李", 5],
    [2, "E2", "乙", "112.32", "28.82", None, "赵", 6],
]


@pytest.mark.parametrize("suffix", [".csv", ".xlsx"])
def test_titles_are_passed_over_and_groups_joined(tmp_path: Path, suffix: str) -> None:
    merged = ("A1:H1", "A4:A5", "B4:B5", "C4:C5", "D4:E4", "F4:G4", "H4:H5")
    raw, named = read_named(written(tmp_path, suffix, ROSTER, *merged))
    assert raw.rows.tolist() == [6, 7]
    assert texts(named) == {
        "code": ["E1", "E2"],
        "name": ["甲", "乙"],
        "lon": ["112.31", "112.32"],
        "lat": ["28.81", "28.82"],
        "legal_representative": ["王", None],
        "actual_controller": ["李", "赵"],
        "workers": ["5", "6"],
    }
    assert named.ignored == []
    assert named.notes == ["表头在第 4–5 行；其上的第 1–2 行是标题，未作为数据读取"]


@pytest.mark.parametrize("suffix", [".csv", ".xlsx"])
def test_a_sub_header_is_taken_with_its_group_or_alone_and_never_guessed(tmp_path: Path, suffix: str) -> None:
    rows: list[list[Any]] = [
        ["编码", "责任人", None, "职责", "对象类别", "对象编码", "单位", None],
        [None, "姓名", "电话", None, None, None, "名称", "电话"],
        ["Z1", "甲", "1", "leader", "area", "430981101", "某局", "2"],
    ]
    _, named = read_named(written(tmp_path, suffix, rows, "B1:C1", "G1:H1"), "duty")
    assert texts(named)["person"] == ["甲"], "by group and sub header"
    assert texts(named)["phone"] == ["1"], "责任人电话 goes before 电话 alone"
    assert named.ignored == ["单位 名称", "单位 电话"]
    rows[0][1] = "联系人"
    _, named = read_named(written(tmp_path, suffix, rows, "B1:C1", "G1:H1"), "duty")
    assert "phone" not in named.cells
    assert any("C 列" in note and "H 列" in note and "都可能是 phone" in note for note in named.notes)


def test_groups_over_every_column_tell_doubled_headers_apart(tmp_path: Path) -> None:
    rows: list[list[Any]] = [
        ["危险源", None, "企业", None, "位置", None],
        ["编码", "名称", "编码", "类别", "经度", "纬度"],
        ["S1", "罐", "E1", "mine", "112.3", "28.8"],
    ]
    _, named = read_named(written(tmp_path, ".csv", rows), "sources")
    assert (texts(named)["code"], texts(named)["enterprise_code"]) == (["S1"], ["E1"])


@pytest.mark.parametrize("suffix", [".csv", ".xlsx"])
def test_the_first_row_of_data_is_no_second_header(tmp_path: Path, suffix: str) -> None:
    rows: list[list[Any]] = [
        ["code", "name", "lon", "lat", "workers"],
        [None, None, "112.3", "28.8"],
        ["E2", "企业名称", 1, 2, 3],
    ]
    raw, _ = read_named(written(tmp_path, suffix, rows))
    assert raw.rows.tolist() == [2, 3]


@pytest.mark.parametrize("suffix", [".csv", ".xlsx"])
def test_doubled_headers_are_named_with_their_columns(tmp_path: Path, suffix: str) -> None:
    rows: list[list[Any]] = [
        ["名录"],
        ["code", "企业名称", "lon", "lat", "企业 名称"],
        ["E1", "甲", 1, 2, "乙"],
    ]
    with pytest.raises(BadInput, match=r"B 列.*E 列"):
        read_named(written(tmp_path, suffix, rows))
    rows[1] = ["code", "企业名称", "lon", "lat", "单位名称"]
    with pytest.raises(BadInput, match="“企业名称”（B 列）和“单位名称”（E 列）都是 name"):
        read_named(written(tmp_path, suffix, rows))
    rows[1] = ["code", "企业名称", "备注", "lon", "备注"]
    with pytest.raises(BadInput, match="缺少企业的必填列"):
        read_named(written(tmp_path, suffix, rows))
    rows = [["code", "name", "lon", "lat", "备注", "备注"], ["E1", "甲", 1, 2, "x", "y"]]
    _, named = read_named(written(tmp_path, suffix, rows))
    assert named.ignored == ["备注", "备注（F 列）"], "what is not read may be doubled"


def test_columns_are_named_as_excel_shows_them(tmp_path: Path) -> None:
    book = openpyxl.Workbook()
    sheet = book.active
    assert sheet is not None
    for column, text in zip("CDEFG", ["code", "name", "lon", "lat", None], strict=True):
        sheet[f"{column}4"] = text
    sheet["C5"], sheet["G5"] = "E1", "无表头"
    book.save(tmp_path / "a.xlsx")
    raw = read_table(tmp_path / "a.xlsx", known=known_headers(FIRMS))
    assert [header.letters for header in raw.headers.values()] == ["C", "D", "E", "F"]
    assert raw.overfull == {0: "无表头"}


def test_an_unknown_header_is_listed_with_the_nearest_known_one() -> None:
    raw = table(
        {"code": ["E1"], "name": ["甲"], "lon": ["1"], "lat": ["2"], "法定代表者": ["x"], "备注": ["y"]}
    )
    named = name_columns(raw, FIRMS)
    assert named.ignored == ["法定代表者", "备注"]
    (note,) = named.notes
    assert "法定代表者" in note
    assert "“法定代表人”（legal_representative）" in note
    with pytest.raises(BadInput) as caught:
        name_columns(table({"code": ["E1"], "企业民称": ["甲"], "lon": ["1"], "lat": ["2"]}), FIRMS)
    assert "最接近的是“企业名称”（name）" in caught.value.remedy


def test_a_mapping_names_columns_as_people_see_them(tmp_path: Path) -> None:
    rows: list[list[Any]] = [
        ["某表"],
        ["编号甲", "位置", None, "称呼"],
        [None, "横", "竖", None],
        ["E1", 112.3, 28.8, "甲"],
    ]
    mapping = Mapping({"code": "编号甲", "lon": "位置 横", "lat": "竖", "name": "称呼"})
    path = written(tmp_path, ".xlsx", rows, "B2:C2")
    raw = read_table(path, known=known_headers(FIRMS, mapping.columns.values()))
    assert texts(name_columns(raw, FIRMS, mapping)) == {
        "code": ["E1"],
        "lon": ["112.3"],
        "lat": ["28.8"],
        "name": ["甲"],
    }


def test_columns_of_spatial_files_are_named_by_the_same_rules() -> None:
    raw = table(
        {"社会信用代码": ["E1"], "QYMC": ["甲"], "从业人数（人）": ["3"]}, [shapely.Point(112.3, 28.8)]
    )
    assert texts(name_columns(raw, FIRMS)) == {"code": ["E1"], "name": ["甲"], "workers": ["3"]}


# --- cells of merged rows, the foot ----------------------------------------------------------------------


def test_a_cell_merged_over_rows_counts_in_each_but_a_number_does_not(tmp_path: Path) -> None:
    rows: list[list[Any]] = [
        ["危险源编码", "物质名称", "数量（kg）"],
        ["S1", "氨", 500],
        [None, "氯", 20],
        [None, "苯", 7],
        [None, "甲苯", None],
    ]
    raw, named = read_named(written(tmp_path, ".xlsx", rows, "A2:A5", "C4:C5"), "inventory")
    found = check_table(LAYERS["inventory"], raw, named)
    assert texts(found)["source_code"] == ["S1"] * 4
    assert [Decimal(text) for text in texts(found)["quantity_t"][:2]] == [Decimal("0.5"), Decimal("0.02")]
    assert only_fault(found) == ("quantity", "数字跨行合并，不知各行是多少", "7")
    assert any("跨行合并" in note for note in named.notes)


@pytest.mark.parametrize("foot", ["合计", "填表人：某人", "备注：以上数据截至本月", "总  计", "Total"])
def test_the_foot_of_a_list_is_told_and_not_dropped(foot: str) -> None:
    found = checked(
        "enterprises", code=["E1", foot], name=["合计有限公司", None], lon=["112", None], lat=["28", None]
    )
    assert only_fault(found) == ("", "不是记录，像是表尾（合计、填表人、备注）", foot)
    assert "删去" in found.faults[1].remedy
    assert found.faults[1].row == 3


# --- anything ---------------------------------------------------------------------------------------------

CELLS = st.one_of(
    st.none(),
    st.sampled_from(
        [
            "序号",
            "企业名称",
            "单位名称",
            "统一社会信用代码",
            "经度",
            "纬度（°）",
            "责任人",
            "姓名",
            "合计",
            "数量（桶）",
        ]
    ),
    st.text(max_size=12),
    st.floats(allow_nan=False, allow_infinity=False),
)

TITLES = st.text(max_size=8).filter(lambda text: meaning_of(text, FIRMS).field is None)
VALUES = st.one_of(st.none(), st.text("甲乙丙 ：:,0123456789", max_size=5).map("{}7".format), st.integers())


@given(rows=st.lists(st.lists(CELLS, max_size=7), max_size=14), layer=st.sampled_from(sorted(LAYERS)))
def test_any_rows_are_named_or_refused_with_a_reason(rows: list[list[Any]], layer: str) -> None:
    told = ""
    try:
        raw = table_of_rows("a", [list(row) for row in rows], Wish(), Sheet(known_headers(LAYERS[layer])))
        name_columns(raw, LAYERS[layer])
    except RiskMapError as error:
        told = f"{error.detail} {error.remedy}"
    else:
        told = raw.name
    assert told


@given(
    titles=st.lists(st.lists(TITLES, max_size=4), max_size=4),
    header=st.permutations(["统一社会信用代码", "单位名称", "东经", "纬度（°）", "从业人数（人）"]),
    rows=st.lists(st.lists(VALUES, max_size=6), min_size=1, max_size=8),
)
def test_the_header_is_found_under_any_title_and_over_any_rows(
    titles: list[list[Any]], header: list[Any], rows: list[list[Any]]
) -> None:
    sheet = [*titles, [None, *header], *([None, *row] for row in rows)]
    filled = [
        number
        for number, row in enumerate(sheet, start=1)
        if number > len(titles) + 1 and any(str(cell).strip() for cell in row if cell is not None)
    ]
    assume(filled)
    raw = table_of_rows("a", [list(row) for row in sheet], Wish(), Sheet(known_headers(FIRMS)))
    named = name_columns(raw, FIRMS)
    assert set(named.cells) == {"code", "name", "lon", "lat", "workers"}
    assert raw.rows.tolist() == filled
    found = check_table(FIRMS, raw, named)
    assert len(found.good()) + len(found.faults) == len(filled)

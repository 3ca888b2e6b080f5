"""Doubtful records: every cause is found where it was planted, listed in the argued order, and gone once mended."""

from collections import Counter
from collections.abc import Iterator
from datetime import date, datetime
from pathlib import Path
from typing import Any

import pytest
from openpyxl import load_workbook
from sqlalchemy import Engine

from jobs.imports import import_file
from jobs.risk import assess
from layers.database import CITY, Identity, owner_engine, reader_engine, reading, snapshot
from layers.history import CLOCK
from layers.quality import OUTSIDE, Wanted, counts, listing
from layers.quality_workbook import Words, quality_workbook
from layers.records import fetch
from riskmap.confidence import LETTERS, Figures
from riskmap.errors import NotFound
from tests.import_files import at, load, load_areas, rows

FIRST, SECOND = "430981101", "430981102"
PERSONS = "dept_industry,person_industry,dept_special,person_special,dept_general,person_general"
WHOLE = "甲局,甲,乙局,乙,丙局,丙"
FIRMS = f"code,name,industry,legal_representative,township_code,{PERSONS},lon,lat"
SOURCES = "code,name,kind,enterprise_code,township_code,lon,lat"
STOCK = "source_code,substance,quantity_t,as_of"
TODAY = datetime.now(CLOCK).date()
WORDS = Words("zh", dict.fromkeys((*LETTERS, "unmatched_old"), "原因"), "补正原因", "说明", ("说明",))
PLANTED = {
    "whole": set(),
    "rep": {"no_legal_representative"},
    "person": {"no_responsible_person"},
    "dept": {"no_responsible_person"},
    "industry": {"no_industry"},
    "91350100M000100Y44": {"wrong_code"},
    "far": {"outside_areas"},
    "moved": {"misplaced"},
    "village": set(),
    "same1": {"shared_position"},
    "same2": {"shared_position"},
    "same3": {"shared_position"},
    "same4": {"shared_position"},
    "empty": {"no_inventory"},
    "strange": {"unmatched_substance"},
    "old": {"stale_inventory"},
    "bad": {"unmatched_substance", "stale_inventory", "no_inventory", "no_industry"},
    "=1+1": {"no_legal_representative"},
}
"""enterprise: the causes planted in it and beneath it"""


def plant(owner: Engine, folder: Path) -> None:
    load_areas(owner, folder)
    load(
        owner, folder, "population", "code,people,lon,lat", f"P1,40,{at(0.3, 0.3)}", f"P2,900,{at(0.8, 0.8)}"
    )
    load(
        owner,
        folder,
        "enterprises",
        FIRMS,
        f"whole,齐全,2651,赵,{FIRST},{WHOLE},{at(0.1, 0.1)}",
        f"rep,无法人,2651,,,{WHOLE},{at(0.1, 0.2)}",
        f"person,无监管人,2651,赵,,甲局,,乙局,乙,丙局,丙,{at(0.1, 0.3)}",
        f"dept,无监管部门,2651,赵,,甲局,甲,乙局,乙,,丙,{at(0.1, 0.4)}",
        f"industry,无行业,,赵,,{WHOLE},{at(0.1, 0.5)}",
        f"91350100M000100Y44,错码,2651,赵,,{WHOLE},{at(0.1, 0.6)}",
        f"far,界外,2651,赵,,{WHOLE},{at(9, 9)}",
        f"moved,错镇,2651,赵,{SECOND},{WHOLE},{at(0.1, 0.7)}",
        f"village,报到村,2651,赵,430981101201,{WHOLE},{at(0.1, 0.8)}",
        *(f"same{n},同点{n},2651,赵,,{WHOLE},{at(2.5, 0.5)}" for n in range(1, 5)),
        *(f"three{n},三点{n % 2},2651,赵,,{WHOLE},{at(2.6, 0.5)}" for n in range(1, 5)),
        f"empty,无存量,2651,赵,,{WHOLE},{at(0.3, 0.3)}",
        f"strange,怪物质,2651,赵,,{WHOLE},{at(0.8, 0.8)}",
        f"old,旧数据,2651,赵,,{WHOLE},{at(0.8, 0.7)}",
        f"bad,多处缺,,赵,,{WHOLE},{at(2.2, 0.2)}",
        f"=1+1,公式,2651,,,{WHOLE},{at(2.3, 0.3)}",
    )
    load(
        owner,
        folder,
        "sources",
        SOURCES,
        f"S-whole,罐,lpg_store,whole,,{at(0.1, 0.1)}",
        f"S-empty,空罐,lpg_store,empty,,{at(0.3, 0.3)}",
        f"S-strange,怪罐,hazchem_store,strange,,{at(0.8, 0.8)}",
        f"S-old,旧罐,hazchem_store,old,,{at(0.8, 0.7)}",
        f"S-bad1,一罐,hazchem_store,bad,,{at(2.2, 0.2)}",
        f"S-bad2,二罐,lpg_store,bad,,{at(2.2, 0.2)}",
        f"S-alone,无主罐,lpg_store,,,{at(0.6, 0.6)}",
        f"S-bridge,桥,bridge,,,{at(0.6, 0.7)}",
    )
    fresh = TODAY.isoformat()
    load(
        owner,
        folder,
        "inventory",
        STOCK,
        f"S-whole,液化石油气,5,{fresh}",
        f"S-strange,某某混合料,5,{fresh}",
        f"S-strange,氨,1,{fresh}",
        "S-old,氨,5,2020-01-01",
        "S-bad1,某某混合料,8,2020-01-01",
        "S-bad1,氯,1,2020-01-01",
    )
    assess(owner, actor="test")


@pytest.fixture(scope="module")
def city(module_database: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Engine]:
    owner = owner_engine(module_database)
    plant(owner, tmp_path_factory.mktemp("files"))
    yield owner
    owner.dispose()


@pytest.fixture(scope="module")
def eyes(city: Engine, module_database: str) -> Iterator[Engine]:
    reader = reader_engine(module_database)
    yield reader
    reader.dispose()


def everything(eyes: Engine, wanted: Wanted | None = None, identity: Identity = CITY) -> list[dict[str, Any]]:
    with reading(eyes, identity) as connection:
        return listing(connection, wanted or Wanted(), 1000).items


def test_every_cause_is_found_where_it_was_planted(eyes: Engine) -> None:
    found = {one["code"]: {cause["cause"] for cause in one["causes"]} for one in everything(eyes)}
    expected = {code: causes for code, causes in PLANTED.items() if causes}
    assert found == expected | {"S-alone": {"no_inventory"}}
    with reading(eyes, CITY) as connection:
        letters = {one["code"]: one["confidence"] for one in fetch(connection, "enterprise").items}
    for code, causes in PLANTED.items():
        assert letters[code] == max((LETTERS[cause] for cause in causes), default="A"), code
    assert {letters[f"three{n}"] for n in range(1, 5)} == {"A"}, "four records, but of two names only"


def test_a_cause_names_the_record_it_stands_on(eyes: Engine) -> None:
    told = {
        (one["code"], cause["cause"], cause["record"], cause["layer"])
        for one in everything(eyes)
        for cause in one["causes"]
    }
    assert {one for one in told if one[0] == "bad"} == {
        ("bad", "unmatched_substance", "source/S-bad1", "inventory"),
        ("bad", "stale_inventory", "source/S-bad1", "inventory"),
        ("bad", "no_inventory", "source/S-bad2", "inventory"),
        ("bad", "no_industry", "enterprise/bad", "enterprise"),
    }
    assert ("moved", "misplaced", "enterprise/moved", "enterprise") in told
    assert ("S-alone", "no_inventory", "source/S-alone", "inventory") in told


def test_what_matters_most_for_the_map_comes_first(eyes: Engine) -> None:
    items = everything(eyes)
    order = [(one["confidence"], one["base_score"]) for one in items]
    assert order == sorted(order, key=lambda one: ("DCB".index(one[0]), -one[1]))
    assert [one["code"] for one in items[:2]] == ["strange", "bad"], (
        "both D: the one with 900 people beside it first"
    )
    with reading(eyes, CITY) as connection:
        parts = [listing(connection, Wanted(), 4, n).items for n in range(0, len(items) + 4, 4)]
    assert [one for part in parts for one in part] == items


def test_counts_are_those_of_the_list(eyes: Engine) -> None:
    items = everything(eyes)
    with reading(eyes, CITY) as connection:
        whole = counts(connection, Wanted())
        second = counts(connection, Wanted(township=SECOND))
        industry = counts(connection, Wanted(cause="no_industry"))
    places = Counter(one["township_code"] or OUTSIDE for one in items)
    causes = Counter(cause for one in items for cause in {c["cause"] for c in one["causes"]})
    assert (whole.total, whole.by_township, whole.by_cause) == (len(items), dict(places), dict(causes))
    assert list(whole.by_cause) == [cause for cause in LETTERS if cause in causes]
    assert second.by_cause["shared_position"] == 4
    assert second.by_township == whole.by_township
    assert (industry.total, industry.by_township) == (2, {FIRST: 1, SECOND: 1})


@pytest.mark.parametrize(
    ("wanted", "codes"),
    [
        (Wanted(cause="no_industry"), {"industry", "bad"}),
        (Wanted(township=OUTSIDE), {"far"}),
        (Wanted(township=SECOND, cause="no_inventory"), {"bad"}),
        (Wanted(text="无法"), {"rep"}),
        (Wanted(text="S-ALONE"), {"S-alone"}),
        (Wanted(text="_"), set()),
        (Wanted(township="430981999"), set()),
    ],
)
def test_filters(eyes: Engine, wanted: Wanted, codes: set[str]) -> None:
    with reading(eyes, CITY) as connection:
        page = listing(connection, wanted, 100)
    assert {one["code"] for one in page.items} == codes
    assert page.total == len(codes)


def test_a_township_sees_its_own(eyes: Engine) -> None:
    ours = Identity("t", "township", SECOND)
    assert {one["code"] for one in everything(eyes, identity=ours)} == {
        *("same1", "same2", "same3", "same4", "bad", "=1+1")
    }
    with reading(eyes, ours) as connection:
        assert counts(connection, Wanted()).by_township == {SECOND: 6}
        with pytest.raises(NotFound):
            quality_workbook(connection, FIRST, TODAY, Figures.of(), WORDS)
    assert {
        one["code"] for one in everything(eyes, identity=Identity("f", "enterprise", enterprise_code="bad"))
    } == {"bad"}


def test_no_letter_moves_a_level(city: Engine, tmp_path: Path) -> None:
    before = assess(city, actor="test")["result_hash"]
    load(
        city,
        tmp_path,
        "enterprises",
        "code,name,legal_representative,lon,lat",
        f"rep,无法人,钱,{at(0.1, 0.2)}",
    )
    after = assess(city, actor="test")["result_hash"]
    assert before == after
    load(
        city, tmp_path, "enterprises", "code,name,legal_representative,lon,lat", f"rep,无法人,,{at(0.1, 0.2)}"
    )
    assess(city, actor="test")


# --- the workbook -----------------------------------------------------------------------------------------------


def sheet_of(owner: Engine, township: str, folder: Path) -> Path:
    with snapshot(owner) as connection:
        content = quality_workbook(connection, township, TODAY, Figures.of(), WORDS)
    path = folder / "book.xlsx"
    path.write_bytes(content)
    return path


def yellow(path: Path, sheet: str) -> dict[str, list[str]]:
    """By the code of a row (its second column, else its third) the headers that are marked."""
    rows = list(load_workbook(path)[sheet].iter_rows())
    headers = [cell.value for cell in rows[0]]
    return {
        str(row[1].value or row[2].value): [
            headers[n] for n, cell in enumerate(row) if cell.fill.start_color.rgb[-6:] == "FFF2CC"
        ]
        for row in rows[1:]
    }


def test_the_workbook_holds_the_faulty_records_and_marks_what_to_fill(city: Engine, tmp_path: Path) -> None:
    path = sheet_of(city, FIRST, tmp_path)
    book = load_workbook(path)
    assert book.sheetnames == ["企业", "危险物质存量", "说明"]
    place = ["经度", "纬度"]
    assert yellow(path, "企业") == {
        "rep": ["法定代表人"],
        "person": ["行业监管责任人"],
        "dept": ["综合监管部门"],
        "industry": ["行业代码"],
        "91350100M000100Y44": ["统一社会信用代码"],
        "moved": ["属地镇街编码", *place],
    }
    stock = yellow(path, "危险物质存量")
    assert stock["S-empty"] == stock["S-alone"] == ["CAS号", "物质名称", "设计最大量(吨)", "数据日期"]
    assert [marked for code, marked in stock.items() if code.startswith("S-strange/")] == [["设计最大量(吨)"]]
    assert stock["S-strange"] == ["CAS号", "物质名称", "设计最大量(吨)"]
    assert [marked for code, marked in stock.items() if code.startswith("S-old/")] == [
        ["设计最大量(吨)", "数据日期"]
    ]
    assert len(stock) == 5
    assert yellow(sheet_of(city, OUTSIDE, tmp_path), "企业") == {"far": place}


def test_texts_stay_texts(city: Engine, tmp_path: Path) -> None:
    cells = [
        cell
        for row in load_workbook(sheet_of(city, SECOND, tmp_path))["企业"].iter_rows()
        for cell in row
        if str(cell.value).startswith("=")
    ]
    assert [(cell.value, cell.data_type) for cell in cells] == [("=1+1", "s")]


def test_a_workbook_as_it_is_changes_nothing(city: Engine, tmp_path: Path) -> None:
    path = sheet_of(city, FIRST, tmp_path)
    report = import_file(city, "enterprises", path, sheet="企业", dry_run=True)
    assert (report.rows_read, report.unchanged) == (6, 6)
    assert report.ignored == ["补正原因"]
    report = import_file(city, "inventory", path, sheet="危险物质存量", partial=True, dry_run=True)
    assert report.updated == 0
    assert {fault.field for fault in report.rejected} <= {"quantity_t", "substance", "cas"}
    assert len(report.rejected) == 3, "what nobody filled in is told row by row"


def test_filled_in_and_sent_back_the_causes_are_gone(owner: Engine, tmp_path: Path) -> None:
    plant(owner, tmp_path)
    values = {
        "法定代表人": "孙",
        "行业监管责任人": "李",
        "综合监管部门": "丁局",
        "行业代码": "2651",
        "属地镇街编码": FIRST,
        "物质名称": "氨",
        "数据日期": TODAY.isoformat(),
    }
    for township in (FIRST, SECOND):
        path = sheet_of(owner, township, tmp_path)
        book = load_workbook(path)
        for row in list(book["企业"].iter_rows(min_row=2)):
            for cell in row:
                header = book["企业"].cell(1, cell.column).value
                if cell.fill.start_color.rgb[-6:] == "FFF2CC" and header in values:
                    cell.value = values[header]
                if header == "经度" and str(row[1].value).startswith("same"):
                    cell.value = float(cell.value) + 0.0001 * int(str(row[1].value)[-1])
        stock = book["危险物质存量"]
        headers = [cell.value for cell in stock[1]]
        for row in list(stock.iter_rows(min_row=2)):
            named = dict(zip(headers, row, strict=True))
            old = named["编码"].value is not None and named["物质名称"].value == "某某混合料"
            if old:
                named["设计最大量(吨)"].value = 0
                continue
            for header in ("物质名称", "数据日期"):
                if named[header].value is None or header == "数据日期":
                    named[header].value = values[header] if header != "物质名称" else "甲醇"
            if named["设计最大量(吨)"].value is None:
                named["设计最大量(吨)"].value = 3
        book.save(path)
        for layer, sheet in (("enterprises", "企业"), ("inventory", "危险物质存量")):
            report = import_file(owner, layer, path, sheet=sheet)
            assert report.rejected == []
    run = assess(owner, actor="test")
    assert run["run_id"] == 2
    left = {
        code: {cause["cause"] for cause in one["causes"]}
        for one in everything(owner)
        for code in [one["code"]]
    }
    assert left == {"91350100M000100Y44": {"wrong_code"}, "far": {"outside_areas"}}, "what no form can mend"
    assert date.fromisoformat(values["数据日期"]) == TODAY
    assert rows(owner, "SELECT count(*) FROM inventory WHERE quantity_t = 0") == [(2,)]

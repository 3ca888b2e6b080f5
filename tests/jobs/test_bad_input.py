"""Bad input, one by one: a clear line, what to do about it, and the database as it was, by command and over the web."""

import datetime as dt
from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path
from typing import Any

import httpx
import openpyxl
import pytest
from sqlalchemy import Engine

from jobs.imports import import_file
from jobs.users import add_user
from layers.database import owner_engine
from riskmap.errors import BadInput, Refused, RiskMapError, TooLarge
from tests.bad_files import BAD, Bad, repacked
from tests.import_files import SOURCE_HEADER, at, counts, load, rows
from tests.served import PASSWORD, quick_hashing, served

_STATE = "SELECT (SELECT count(*) FROM revision), " + ", ".join(
    f"(SELECT count(*) FROM {table}_all)" for table in ("enterprise", "source", "inventory")
)

_PATIENCE_S = 120.0
"""a polygon of far too many vertices on a machine that is busy with other tests"""


@pytest.fixture(scope="module")
def engine(module_database: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Engine]:
    """A database with a source, which bad files leave as it is."""
    engine = owner_engine(module_database)
    folder = tmp_path_factory.mktemp("first")
    load(engine, folder, "sources", SOURCE_HEADER.replace("enterprise_code,", ""), f"S1,甲罐,mine,{at(0, 0)}")
    yield engine
    engine.dispose()


@pytest.fixture(scope="module")
def program(
    engine: Engine, module_database: str, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[httpx.Client]:
    """A program that may import, against the served database."""
    with quick_hashing():
        add_user(engine, "city", "city", password=PASSWORD)
        with served(module_database, tmp_path_factory.mktemp("home")) as site:
            yield site.program("city")


def reported(bad: Bad, error: RiskMapError) -> tuple[str, str]:
    """The line that is told and its remedy: of the row, else of the file."""
    if bad.row is None:
        return error.detail, error.remedy
    (fault,) = error.facts["report"]["rejected"]
    assert (fault["row"], fault["field"]) == (bad.row, bad.field)
    return fault["reason"], fault["remedy"]


@pytest.mark.timeout(2 * _PATIENCE_S)
@pytest.mark.parametrize("name", BAD)
def test_bad_input_is_told_and_changes_nothing(
    engine: Engine, program: httpx.Client, tmp_path: Path, name: str
) -> None:
    bad = BAD[name]
    path = bad.write(tmp_path)
    before = rows(engine, _STATE)
    with pytest.raises(RiskMapError) as caught:
        import_file(engine, bad.layer, path)
    assert isinstance(caught.value, BadInput | TooLarge if bad.row is None else Refused)
    line, remedy = reported(bad, caught.value)
    assert bad.says in line
    assert remedy
    with path.open("rb") as file:
        answer = program.post(
            "/api/v1/imports",
            data={"layer": bad.layer},
            files={"file": (path.name, file)},
            timeout=_PATIENCE_S,
        )
    assert answer.status_code == caught.value.status
    assert answer.headers["content-type"] == "application/problem+json"
    problem = answer.json()
    assert (problem["detail"], problem["remedy"]) == (caught.value.detail, caught.value.remedy)
    assert bad.row is None or bad.says in problem["rejected"][0]["reason"]
    assert rows(engine, _STATE) == before


# --- what looks bad and is read --------------------------------------------------------------------------


def saved(path: Path, *records: list[Any]) -> openpyxl.Workbook:
    book = openpyxl.Workbook()
    sheet = book.active
    assert sheet is not None
    for record in records:
        sheet.append(record)
    book.save(path)
    return book


def test_numbers_and_days_as_text_and_full_width_digits_are_read(owner: Engine, tmp_path: Path) -> None:
    path = tmp_path / "a.xlsx"
    saved(
        path,
        ["统一社会信用代码", "企业名称", "成立日期", "从业人数", "经度", "纬度"],
        ["Ｅ１", "甲", "２０２０年１月３１日", "'１２", "１１２．３１", "28.81 "],
    )
    assert counts(import_file(owner, "enterprises", path)) == (1, 0, 0, 0)
    assert rows(owner, "SELECT code, opened_on, workers, round(st_x(geom)::numeric, 6) FROM enterprise") == [
        ("E1", dt.date(2020, 1, 31), 12, Decimal("112.310000"))
    ]


def test_hidden_rows_and_columns_are_read_and_counted(owner: Engine, tmp_path: Path) -> None:
    path = tmp_path / "a.xlsx"
    book = saved(path, ["code", "name", "lon", "lat"], *([f"E{n}", "甲", 112.3, 28.8] for n in range(4)))
    book.worksheets[0].row_dimensions[3].hidden = True
    book.worksheets[0].row_dimensions[5].hidden = True
    book.worksheets[0].column_dimensions["B"].hidden = True
    book.save(path)
    report = import_file(owner, "enterprises", path)
    assert report.inserted == 4
    assert [note[:5] for note in report.notes] == ["有 2 行", "隐藏的列也"]
    assert report.notes[1].endswith("：B")


def test_a_formulas_saved_result_is_read(owner: Engine, tmp_path: Path) -> None:
    path = tmp_path / "a.xlsx"
    saved(path, ["code", "name", "workers", "lon", "lat"], ["E1", "甲", "=5+7", 112.3, 28.8])
    repacked(path, {"<f>5+7</f><v />": b"<f>5+7</f><v>12</v>"})
    assert import_file(owner, "enterprises", path).inserted == 1
    assert rows(owner, "SELECT workers FROM enterprise") == [(12,)]


def test_unknown_substances_are_kept_and_told_with_the_nearest_names(owner: Engine, tmp_path: Path) -> None:
    load(owner, tmp_path, "sources", SOURCE_HEADER.replace("enterprise_code,", ""), f"S1,罐,mine,{at(0, 0)}")
    lines = ("S1,丙烯晴,,1", "S1,丙烯晴,,2", "S1,谜样物质,,3", "S1,氨,,4", "S1,,99-99-9,5")
    report = load(owner, tmp_path, "inventory", "source_code,substance,cas,quantity_t", *lines)
    assert counts(report) == (5, 0, 0, 0)
    assert [(one["row"], one["rows"], one["value"]) for one in report.unmatched] == [
        (2, 2, "丙烯晴"),
        (4, 1, "谜样物质"),
        (6, 1, "99-99-9"),
    ]
    assert "2-丙烯腈" in report.unmatched[0]["suggestions"]
    assert all(one["reason"] and one["remedy"] for one in report.unmatched)
    assert report.to_json()["unmatched"] == report.unmatched


def test_a_volume_is_converted_by_the_density_on_file(owner: Engine, tmp_path: Path) -> None:
    load(owner, tmp_path, "sources", SOURCE_HEADER.replace("enterprise_code,", ""), f"S1,罐,mine,{at(0, 0)}")
    header = "危险源编号,品名,最大储量(m³),密度(g/cm³)"
    report = load(owner, tmp_path, "inventory", header, "S1,苯,10,", "S1,丙酮,10,0.8", "S1,柴油,5,0.84")
    assert (counts(report), report.notes) == ((3, 0, 0, 0), [])
    stored = rows(owner, "SELECT substance, quantity_t FROM inventory ORDER BY 2")
    assert stored == [("柴油", Decimal("4.2")), ("丙酮", Decimal(8)), ("苯", Decimal("8.78"))]

"""A file of proposals becomes a file of verdicts: the same as single ones, faults by row and field, by command and page."""

import io
import json
from pathlib import Path
from typing import Any

import openpyxl
import pytest
import shapely
from playwright.sync_api import Browser, expect
from typer.testing import CliRunner

from layers.proposal_fields import PROPOSALS
from riskmap.settings import Settings
from tests.browser import PHONE, looking
from tests.served import Served
from tests.siting_city import box, lonlat, point
from web.commands import app

API = "/api/v1/siting/batch"
HEADER = "项目代码,项目名称,类别,阶段,经度,纬度,物质,最大储量（kg）,住宅套数,例外批准机关,例外批准文号,例外批准日期"


def rows_of(*places: tuple[float, float]) -> str:
    """Two tanks of one project, homes, a school, then rows with a fault each."""
    at = [",".join(f"{v!r}" for v in lonlat(*place)) for place in places]
    outside = ",".join(str(v) for v in lonlat(9000, 0))
    return "\n".join(
        (
            HEADER,
            f"P-1,甲站,液化气储存,新建,{at[0]},丙烷,9071.8,,市政府,沅政函1号,2026-01-05",
            f"P-1,甲站,液化气储存,新建,{at[0]},丁烷,100,,,,",
            f",乙小区,住宅,,{at[1]},,,40,,,",
            f",丙校,school,new,{at[2]},,,,,,",
            f",丁,城堡,新建,{at[0]},,,,,,",
            f",戊,住宅,新建,{outside},,,,,,",
            ",己,住宅,新建,,28,,,,,,",
            f",庚,液化气储存,新建,{at[0]},丙烷,多,,,,",
        )
    )


PLACES = ((-1000.0, 1300.0), (1000.0, 2000.0), (-500.0, 700.0))


def lines_of(text: str) -> list[dict[str, Any]]:
    return [json.loads(line) for line in text.splitlines()]


def test_a_file_of_proposals_is_judged_as_they_would_be_one_by_one(metre_site: Served) -> None:
    program = metre_site.program("planner")
    file = ("项目.csv", rows_of(*PLACES).encode(), "text/csv")
    lines = lines_of(program.post(API, files={"file": file}).text)
    shares = [line["done"] for line in lines if "done" in line]
    report = lines[-1]["report"]
    assert shares == sorted(shares)
    assert shares[-1] == 1.0
    assert (report["rows_read"], report["judged"]) == (8, 3)
    kinds: list[dict[str, Any]] = [
        {
            "kind": "lpg_store",
            "inventory": [
                {"substance": "丙烷", "quantity_t": 9.0718},
                {"substance": "丁烷", "quantity_t": 0.1},
            ],
            "exception": {"authority": "市政府", "text": "沅政函1号", "date": "2026-01-05"},
        },
        {"kind": "dwelling", "dwellings": 40},
        {"kind": "school"},
    ]
    for item, given, place in zip(report["items"], kinds, PLACES, strict=True):
        single = program.post("/api/v1/siting", json={**given, "geometry": point(*place)}).json()
        told = (item["verdict"], item["binding"], item["rules_total"], item["gaps"])
        gaps = len(single["gaps"])
        assert told == (single["verdict"], single["binding"], single["rules_total"], gaps), item["name"]
    assert [(one["row"], one["field"]) for one in report["rejected"]] == [
        (6, "kind"),
        (7, "geometry"),
        (8, "lon"),
        (9, "quantity"),
    ]
    assert all(one["reason"] and one["remedy"] for one in report["rejected"])


@pytest.mark.parametrize(
    ("name", "content", "named"),
    [
        ("a.csv", "项目名称,经度,纬度\n甲,112,28\n", "类别"),
        ("a.txt", "x", ".xlsx"),
        ("a.csv", "", "空文件"),
        ("a.csv", HEADER + "\n" + f",甲,住宅,,{lonlat(0, 500)[0]},{lonlat(0, 500)[1]},,,,,,\n" * 501, "500"),
    ],
    ids=["kind", "suffix", "empty", "many"],
)
def test_a_file_that_cannot_be_used_is_a_problem(
    metre_site: Served, name: str, content: str, named: str
) -> None:
    answer = metre_site.program("planner").post(API, files={"file": (name, content.encode(), "text/csv")})
    problem = lines_of(answer.text)[-1]["problem"]
    assert named in problem["detail"] + problem["remedy"]
    assert metre_site.client(accept="application/json").post(API).status_code == 401


def test_the_command_writes_the_workbook(metre_site: Served, tmp_path: Path) -> None:
    """Polygons from GeoJSON; texts stay texts; faulty rows fail unless they are allowed."""
    features = [
        {"type": "Feature", "properties": {"name": "=1+1", "kind": "dwelling"}, "geometry": box(800, 800, 900, 900)},
        {"type": "Feature", "properties": {"name": "交叉", "kind": "dwelling"}, "geometry": json.loads(
            shapely.to_geojson(shapely.Polygon([lonlat(0, 500), lonlat(90, 590), lonlat(90, 500), lonlat(0, 590)]))
        )},
    ]  # fmt: skip
    file, out = tmp_path / "in.geojson", tmp_path / "out.xlsx"
    file.write_text(json.dumps({"type": "FeatureCollection", "features": features}), "utf-8")
    settings = Settings(database_url=metre_site.dsn, home=tmp_path)

    def run(*words: str) -> Any:
        return CliRunner().invoke(app, ["siting", "batch", str(file), *words], obj=settings)

    failed = run(str(out), "--json")
    assert failed.exit_code == 1
    report = json.loads(failed.stdout)
    assert (report["judged"], [one["row"] for one in report["rejected"]]) == (1, [2])
    assert run(str(out), "--partial").exit_code == 0
    book = openpyxl.load_workbook(io.BytesIO(out.read_bytes()))
    assert book.sheetnames == ["结论", "不利规则", "未审查的行", "说明"]
    head, first = ([cell.value for cell in row] for row in book["结论"].iter_rows(max_row=2))
    told = dict(zip(head, first, strict=True))
    assert (told["项目名称"], told["用地面积(平方米)"], told["结论"]) == (
        "=1+1",
        10000,
        report["items"][0]["verdict_text"],
    )
    assert book["结论"]["C2"].data_type == "s"
    assert book["未审查的行"].max_row == 2
    assert "供会审使用" in str([cell.value for cell in book["说明"]["B"]])
    assert run(str(tmp_path / "out.csv")).exit_code == 1


def test_the_page_takes_a_file_and_hands_over_the_verdicts(metre_site: Served, chromium: Browser) -> None:
    with looking(chromium, metre_site, "planner", PHONE, first="/siting/batch") as there:
        page = there.page
        assert page.locator("details code").count() == len(PROPOSALS.fields) + 1
        file: Any = {"name": "项目.csv", "mimeType": "text/csv", "buffer": rows_of(*PLACES).encode()}
        page.set_input_files("#file", files=[file])
        expect(page.locator("#counts")).to_contain_text("8")
        expect(page.locator("#verdicts tr")).to_have_count(3)
        expect(page.locator("#faulty tr")).to_have_count(4)
        there.picture("siting-batch")
        assert page.evaluate("document.documentElement.scrollWidth - innerWidth") <= 0
        with page.expect_download() as download:
            page.click("#workbook")
        saved = openpyxl.load_workbook(io.BytesIO(Path(download.value.path()).read_bytes()))
        assert saved["结论"].max_row == 4
        wrong: Any = {**file, "name": "x.txt"}
        page.set_input_files("#file", files=[wrong])
        expect(page.locator("#problem")).to_contain_text(".xlsx")

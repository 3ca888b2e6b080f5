"""Opinion papers on screens and in files: filed by program and by command, as page and PDF, and the public list."""

import csv
import io
import json
from hashlib import sha256
from pathlib import Path
from typing import Any

import pypdf
import pytest
from playwright.sync_api import Browser
from typer.testing import CliRunner

from jobs.setup import prepare_database
from layers.health import rights_faults
from riskmap.settings import Settings, SitingSettings, load_city
from tests.browser import PHONE, looking
from tests.served import Served
from tests.siting_city import box, point
from web.commands import app

PAPER = {"applicant": "示例燃气公司", "project_code": "2026-430981-07", "note": "=1+1 两台卧罐<b>"}
GIVEN: dict[str, Any] = {
    "kind": "lpg_store",
    "name": "=示例储配站<i>",
    "geometry": box(-1050, 1150, -950, 1250),
    "inventory": [{"substance": "丙烷", "quantity_t": 40}],
    "paper": PAPER,
}
ALIKE = ("verdict", "rules", "counts", "gaps", "site", "editions", "binding")


@pytest.fixture(scope="module")
def filed(metre_site: Served) -> dict[str, Any]:
    answer = metre_site.program("planner").post("/api/v1/siting?file=true", json=GIVEN)
    assert answer.status_code == 200, answer.text
    told: dict[str, Any] = answer.json()
    return told


def squeezed(text: str) -> str:
    return "".join(text.split())


def test_the_paper_says_what_the_interface_says(metre_site: Served, filed: dict[str, Any]) -> None:
    """The PDF's text holds every figure of the verdict, and the purpose; the data part is its hash's."""
    program, number = metre_site.program("planner"), filed["archive_number"]
    plain = program.post("/api/v1/siting", json={**GIVEN, "paper": {"replaces": number}}).json()
    assert {name: filed[name] for name in ALIKE} == {name: plain[name] for name in ALIKE}
    raw = program.get(f"/api/v1/siting/papers/{number}/data").content
    assert sha256(raw).hexdigest() == filed["paper"]["sha256"]
    whole = program.get(f"/api/v1/siting/papers/{number}").json()
    assert whole["data"] == json.loads(raw)
    answer = metre_site.browser("planner").client.get(f"/siting/papers/{number}.pdf")
    assert (answer.status_code, answer.headers["content-type"]) == (200, "application/pdf")
    pdf = pypdf.PdfReader(io.BytesIO(answer.content))
    text = squeezed("".join(page.extract_text() for page in pdf.pages))
    wanted = [number, "供会审使用，不替代安全条件审查、用地预审与选址意见书、规划许可和环评", "由有权机关"]
    wanted += [PAPER["applicant"], PAPER["project_code"], GIVEN["name"], "EPSG:4490", "10,000平方米"]
    wanted += [filed["paper"]["sha256"], filed["editions"]["edition_hash"], filed["verdict_text"], "签名"]
    for row in filed["rules"]:
        wanted += [f"{row[name]:,.12g}" for name in ("measured", "limit", "margin") if row[name] is not None]
        wanted += [squeezed(row["clause"])]
    wanted += [f"{filed['effects']['people_exposed']:,.0f}人"]
    assert [one for one in wanted if squeezed(one) not in text] == []
    resources: list[Any] = [page["/Resources"] for page in pdf.pages]
    fonts = {font.get_object()["/BaseFont"] for one in resources for font in one["/Font"].values()}
    assert any("CJK" in font for font in fonts)
    assert all("+" in font for font in fonts), "every font is embedded as a subset"


def test_the_command_files_and_prints_again(
    metre_site: Served, filed: dict[str, Any], tmp_path: Path
) -> None:
    settings = Settings(database_url=metre_site.dsn, home=tmp_path)

    def run(*words: str) -> Any:
        return CliRunner().invoke(app, ["siting", *words], obj=settings)

    file, report = tmp_path / "given.json", tmp_path / "out.html"
    file.write_text(json.dumps({**GIVEN, "paper": {"applicant": "另一家"}}), "utf-8")
    result = run(str(file), "--report", str(report), "--by", "规划员", "--json")
    assert result.exit_code == 0, result.output
    told = json.loads(result.stdout)
    assert told["archive_number"] == told["paper"]["number"] != filed["archive_number"]
    assert told["archive_number"] in report.read_text("utf-8")
    again = tmp_path / "again.html"
    shown = run("paper", told["archive_number"], "--report", str(again))
    assert again.read_text("utf-8") == report.read_text("utf-8")
    assert told["paper"]["sha256"] in squeezed(shown.stdout)
    for name in ("out.docx", "nowhere/out.pdf"):
        refused = run(str(file), "--report", str(tmp_path / name))
        assert (refused.exit_code, refused.exception.status) == (1, 422)


def test_exactly_the_limit_is_decided_and_said(metre_site: Served) -> None:
    """A hundred metres from a road: “within 100 m” includes them, and the paper says so."""
    program = metre_site.program("planner")
    given = {"kind": "lpg_store", "geometry": point(3000, 100), "inventory": GIVEN["inventory"]}
    filed = program.post("/api/v1/siting/papers", json=given)
    assert filed.status_code == 201
    rows = [row for row in filed.json()["rules"] if row["margin"] == 0]
    assert {(row["limit"], row["inclusive"], row["outcome"]) for row in rows} >= {(100.0, False, "veto")}
    page = metre_site.browser("planner").client.get(f"/siting/papers/{filed.json()['archive_number']}").text
    assert page.count("恰为限值：原文不含本数，判为不满足") == len(
        [row for row in rows if not row["inclusive"]]
    )


def test_who_may_not_is_told_so(metre_site: Served, filed: dict[str, Any]) -> None:
    number = filed["archive_number"]
    for role, status in (("auditor", 403), ("township", 403), ("committee", 403)):
        assert metre_site.program(role).post("/api/v1/siting/papers", json=GIVEN).status_code == status
    for address in ("/siting/papers", f"/siting/papers/{number}", f"/api/v1/siting/papers/{number}/data"):
        assert metre_site.browser("township").client.get(address).status_code == 403
        assert metre_site.program("auditor").get(address).status_code == 200
        assert metre_site.client(accept="application/json").get(address).status_code == 401
    assert metre_site.program("city").get("/api/v1/siting/papers/430981-2020-0001").status_code == 404


def test_the_public_list_opens_by_the_citys_word(metre_site: Served, filed: dict[str, Any]) -> None:
    """Signed in always; to everybody only while city.toml says so, and the database keeps it; nothing private in it."""
    stranger = metre_site.client()
    for address in ("/siting/public", "/siting/public.csv"):
        assert stranger.get(address, headers={"accept": "application/json"}).status_code == 401
    assert metre_site.browser("township").client.get("/siting/public").status_code == 200
    city = load_city()
    prepare_database(metre_site.dsn, city.model_copy(update={"siting": SitingSettings(public_list=True)}))
    page = stranger.get("/siting/public").text
    rows = list(csv.DictReader(io.StringIO(stranger.get("/siting/public.csv").content.decode("utf-8-sig"))))
    row = next(one for one in rows if one["编号"] == filed["archive_number"])
    assert (row["结论"], row["项目名称"]) == (filed["verdict_text"], f"'{GIVEN['name']}")
    for private in (PAPER["applicant"], PAPER["project_code"], str(filed["site"]["lon"]), "planner"):
        assert private not in page + str(rows)
    assert "=示例储配站&lt;i&gt;" in page
    with metre_site.owner.connect() as connection:
        assert rights_faults(connection) == [], "the city's own choice is no fault"
    prepare_database(metre_site.dsn, city)
    assert stranger.get("/siting/public", headers={"accept": "application/json"}).status_code == 401


def test_the_page_on_a_desk_and_on_a_phone(
    metre_site: Served, chromium: Browser, filed: dict[str, Any]
) -> None:
    """No error, no request to outside, nothing wider than the screen; in English, too."""
    with looking(chromium, metre_site, "planner", PHONE, first="/siting/papers") as there:
        for n, address in enumerate(
            ("/siting/papers", f"/siting/papers/{filed['archive_number']}?lang=en", "/siting/public?lang=zh")
        ):
            there.page.goto(metre_site.url + address)
            there.picture(f"siting-paper-{n}")
            wide = there.page.evaluate("document.documentElement.scrollWidth - innerWidth")
            assert wide <= 0, address

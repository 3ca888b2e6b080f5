"""The quality page: what it lists is what is on file, for those it belongs to; a merge by hand, on desk and phone."""

import io
import re
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest
from openpyxl import load_workbook
from playwright.sync_api import Browser as Chromium
from playwright.sync_api import expect
from sqlalchemy import text

from jobs.risk import assess
from layers.audit import revisions
from layers.database import owner_engine, snapshot
from tests import town
from tests.browser import DESK, PHONE, looking
from tests.database import Databases
from tests.served import Served, served
from web.texts import translate


@pytest.fixture(scope="module")
def city(demo_site: Served) -> httpx.Client:
    return demo_site.browser("city").client


@pytest.fixture
def twins(databases: Databases, town_template: str, tmp_path: Path) -> Iterator[Served]:
    """The town with one enterprise twice in our township, assessed."""
    with databases.fresh(town_template) as dsn:
        owner = owner_engine(dsn)
        about = {"enterprise_code": "ours-twin", "legal_representative": "<b>x</b>", "industry": "2651"}
        town.put(
            owner, "enterprise", "ours-twin", town.OURS, name="（ours） FIRM", person_industry="y", **about
        )
        town.put(
            owner,
            "source",
            "twin-tank",
            town.OURS,
            name="twin tank",
            kind="lpg_store",
            enterprise_code="ours-twin",
        )
        assess(owner, actor="test")
        owner.dispose()
        with served(dsn, tmp_path) as running:
            yield running


def shown(page: str) -> list[str]:
    """The codes of the list, in order."""
    return re.findall(r'<small class="code">([^<]+)</small></td>\n<td data-label="属地镇街">', page)


def test_the_page_lists_what_the_interface_lists(city: httpx.Client, demo_site: Served) -> None:
    program = demo_site.program("city")
    answer = program.get("/api/v1/quality?limit=1000").json()
    assert answer.keys() == {"items", "total", "next"}
    assert answer["next"] is None
    codes = [one["code"] for one in answer["items"]]
    assert len(codes) == answer["total"] > 50
    pages = [city.get(f"/quality?page={n}").text for n in (1, 2)]
    assert [*shown(pages[0]), *shown(pages[1])] == codes[:100]
    assert f"有 {answer['total']} 家企业" in pages[0]
    part = program.get("/api/v1/quality?limit=3&offset=3").json()
    assert [one["code"] for one in part["items"]] == codes[3:6]
    assert part["next"] == "/api/v1/quality?limit=3&offset=6"
    first = answer["items"][0]["causes"][0]
    assert first["label"] in pages[0]
    assert first["remedy"] in pages[0]
    english = program.get("/api/v1/quality?limit=1&lang=en").json()["items"][0]["causes"][0]
    assert english["label"] == translate("en", f"quality.cause.{first['cause']}")


def test_bars_count_what_the_filters_show(city: httpx.Client) -> None:
    page = city.get("/quality").text
    bars = re.findall(
        r'href="/quality\?(cause|township)=(\w+)".*?data-label="[^"]+">([\d,]+)</td>', page, re.DOTALL
    )
    assert {kind for kind, _, _ in bars} == {"cause", "township"}
    for kind, code, n in [*bars[:4], *bars[-3:]]:
        assert f"有 {n} 家企业" in city.get(f"/quality?{kind}={code}").text
    assert "没有符合条件的记录" in city.get("/quality?text=no-such-name").text
    assert city.get("/quality?cause=boredom").status_code == 422


def test_rights_hold_on_page_list_and_workbook(demo_site: Served, city: httpx.Client) -> None:
    program = demo_site.program("township")
    mine = program.get("/api/v1/quality?limit=1000").json()
    assert {one["township_code"] for one in mine["items"]} == {town.OURS}
    whole = demo_site.program("city").get(f"/api/v1/quality?limit=1000&township={town.OURS}").json()
    for own, told in zip(mine["items"], whole["items"], strict=True):
        assert {one["cause"] for one in own["causes"]} == {one["cause"] for one in told["causes"]}
        assert own | {"causes": []} == told | {"causes": []}
    hidden = [one for item in mine["items"] for one in item["causes"] if one["record"] is None]
    assert hidden, "a source of ours lies in another township: that it is doubtful is told, not which it is"
    assert {one["name"] for one in hidden} == {None}
    client = demo_site.browser("township").client
    book = load_workbook(io.BytesIO(client.get("/quality/workbook").content))
    same = load_workbook(io.BytesIO(city.get(f"/quality/workbook?township={town.OURS}").content))
    for one in same:
        assert [[c.value for c in row] for row in one] == [[c.value for c in row] for row in book[one.title]]
    other = client.get(f"/quality/workbook?township={town.THEIRS}")
    assert other.status_code == 404
    assert demo_site.client(accept="application/json").get("/api/v1/quality").status_code == 401


def test_the_workbook_is_a_file_in_the_readers_language(city: httpx.Client) -> None:
    answer = city.get(f"/quality/workbook?township={town.OURS}&lang=en")
    assert answer.headers["content-disposition"] == f'attachment; filename="quality-{town.OURS}.xlsx"'
    book = load_workbook(io.BytesIO(answer.content))
    assert "Inventory" in book.sheetnames
    assert book["Inventory"].cell(1, 1).value == "Reason (not imported)"
    city.get("/quality?lang=zh")


def test_a_city_without_a_run_says_so(site: Served) -> None:
    page = site.browser("city").client.get("/quality").text
    assert "风险分级计算后才有数据可信度" in page


def test_a_pair_is_merged_by_those_who_may(twins: Served) -> None:
    city = twins.browser("city")
    page = city.client.get("/quality/duplicates").text
    assert "ours-twin" in page
    assert "&lt;b&gt;x" in page
    assert "<b>x" not in page
    form = {"layer": "enterprises", "one": "ours-firm", "other": "ours-twin", "keep": "ours-firm"}
    for name in ("planner", "auditor", "township", "enterprise", "committee"):
        assert twins.browser(name).post("/quality/merge", **form).status_code == 403, name
        assert 'action="/quality/merge"' not in twins.browser(name).client.get("/quality/duplicates").text
    assert city.client.post("/quality/merge", data=form).status_code == 403, "no page token"
    assert city.post("/quality/merge", **form | {"other": "ours-firm"}).status_code == 409
    assert city.post("/quality/merge", **form | {"keep": "theirs-firm"}).status_code == 422, (
        "neither of the two"
    )
    assert city.post("/quality/merge", **form | {"one": "gone", "keep": "gone"}).status_code == 404
    done = city.post("/quality/merge", **form)
    assert (done.status_code, done.headers["location"]) == (
        303,
        "/quality/duplicates?layer=enterprises&merged=ours-firm",
    )
    after = city.client.get(done.headers["location"]).text
    assert "已合并，保留 ours-firm" in after
    assert "没有疑似重复的记录" in after
    owner = owner_engine(twins.dsn)
    with snapshot(owner) as connection:
        named = connection.execute(text("SELECT enterprise_code FROM source WHERE code = 'twin-tank'"))
        assert named.scalar_one() == "ours-firm"
        newest = revisions(connection, 1)[0]
    owner.dispose()
    assert (newest["actor"], newest["job"]) == ("city", "merge")


def test_a_committee_of_one_sees_no_pair_of_others(twins: Served) -> None:
    found = twins.program("city").get("/api/v1/duplicates").json()
    assert [(one["code"], one["other"]) for one in found["items"]] == [("ours-firm", "ours-twin")]
    assert found["total"] == 1
    assert twins.program("enterprise").get("/api/v1/duplicates").json()["items"] == []


@pytest.mark.browser
@pytest.mark.parametrize(("size", "name"), [(DESK, "desk"), (PHONE, "phone")])
def test_a_person_finds_filters_and_takes_the_workbook(
    chromium: Chromium, demo_site: Served, size: dict[str, int], name: str
) -> None:
    with looking(chromium, demo_site, "city", size, first="/quality") as person:
        page = person.page
        expect(page.locator("table.bars")).to_have_count(2)
        person.picture(f"quality-{name}")
        wide = page.evaluate("() => document.documentElement.scrollWidth - innerWidth")
        assert wide <= 0, "nothing is wider than the screen"
        page.select_option("select[name=township]", town.OURS)
        page.wait_for_url("**township=" + town.OURS + "**")
        with page.expect_download() as download:
            page.get_by_role("link", name="下载补正表").click()
        assert download.value.suggested_filename == f"quality-{town.OURS}.xlsx"


@pytest.mark.browser
@pytest.mark.parametrize(("size", "name"), [(DESK, "desk"), (PHONE, "phone")])
def test_a_person_merges_a_pair(chromium: Chromium, twins: Served, size: dict[str, int], name: str) -> None:
    with looking(chromium, twins, "city", size, first="/quality/duplicates") as person:
        page = person.page
        page.locator("summary", has_text="合并").click()
        person.picture(f"duplicates-{name}")
        assert page.evaluate("() => document.documentElement.scrollWidth - innerWidth") <= 0
        page.get_by_role("button", name="确认合并").click()
        expect(page.locator(".done")).to_have_count(0)  # the browser asks which one stays first
        page.get_by_label("ours-twin").check()
        page.get_by_role("button", name="确认合并").click()
        expect(page.locator(".done")).to_contain_text("ours-twin")
        expect(page.locator("article")).to_have_count(0)


@pytest.mark.browser
@pytest.mark.parametrize(("size", "name"), [(DESK, "desk"), (PHONE, "phone")])
def test_a_person_finds_who_reaches_nobody_on_file(
    chromium: Chromium, demo_site: Served, size: dict[str, int], name: str
) -> None:
    with looking(chromium, demo_site, "city", size, first="/quality") as person:
        page = person.page
        page.get_by_role("link", name="无登记人口").click()
        expect(page.locator("h1")).to_have_text("影响范围内无登记人口")
        expect(page.locator("table.rows tbody tr")).not_to_have_count(0)
        person.picture(f"unpeopled-{name}")
        assert page.evaluate("() => document.documentElement.scrollWidth - innerWidth") <= 0
        page.locator("table.rows a").first.click()
        expect(page.locator("main")).to_contain_text("请补录白天人口")
        person.picture(f"unpeopled-explained-{name}")

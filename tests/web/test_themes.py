"""Themes over HTTP, on the command line and on the map: any combination, one hue, the filters in the address."""

import json
import re
from pathlib import Path
from typing import Any

import httpx
import mapbox_vector_tile
import pytest
from playwright.sync_api import Browser, Page, expect
from typer.testing import CliRunner

from riskmap.settings import Settings
from tests import town
from tests.browser import DESK, PHONE, Looking, looking
from tests.crowd import tile_of
from tests.served import Served
from web.commands import app

NAMES = ("committee", "industry", "hazard", "kind", "period")


@pytest.fixture(scope="module")
def city(demo_site: Served) -> httpx.Client:
    return demo_site.program("city")


@pytest.fixture(scope="module")
def township(demo_site: Served) -> httpx.Client:
    return demo_site.program("township")


def micro(points: float) -> int:
    return round(points * 1e6)


# --- the interface ---------------------------------------------------------------------------------------------


def test_the_interface_tells_parts_in_any_combination(city: httpx.Client) -> None:
    asked: dict[str, str | int] = {
        "level": "village",
        "committee": "hazchem",
        "hazard": "toxic",
        "period": "base",
        "limit": 5,
    }
    told = city.get("/api/v1/themes", params=asked).json()
    assert told["theme"] == {name: asked.get(name) for name in NAMES}
    assert told["total"] == 195
    assert len(told["items"]) == 5
    assert set(told["items"][0]) == {"code", "name", "part", "score", "share"}
    assert told["run_id"]
    assert (told["of"]["kind"], told["computed"]) == ("city", False)
    following = city.get(told["next"]).json()
    assert following["theme"] == told["theme"]
    assert following["items"][0]["part"] <= told["items"][-1]["part"]
    first = told["items"][0]
    params = {name: value for name, value in asked.items() if name in NAMES}
    account = city.get(f"/api/v1/villages/{first['code']}/explain", params=params).json()
    assert account["part"] == first["part"] > 0
    assert account["theme"] == told["theme"]
    assert sum(micro(one["value"]) for one in account["contributions"]) == micro(first["part"])
    whole = city.get(f"/api/v1/villages/{first['code']}/explain").json()
    assert whole["part"] == whole["score"] > account["part"]
    assert whole["theme"] == dict.fromkeys(NAMES)


def test_the_choices_have_words_in_both_languages(city: httpx.Client) -> None:
    for lang, words in (
        ("zh", ("危险化学品", "中毒", "固有")),
        ("en", ("hazardous chemicals", "toxic", "inherent")),
    ):
        told = city.get("/api/v1/themes/choices", params={"lang": lang}).json()
        assert tuple(told) == NAMES
        assert len(told["committee"]) == 7
        labels = {one["label"] for values in told.values() for one in values}
        assert labels >= set(words)
        assert all(one["label"] for values in told.values() for one in values)
    assert any(one["label"].startswith("26 ") for one in told["industry"])


@pytest.mark.parametrize(
    "query",
    ["level=planet", "committee=navy", "hazard=boredom", "kind=castle", "industry=C26", "period=never"],
)
def test_what_there_is_not_is_refused(city: httpx.Client, query: str) -> None:
    answer = city.get(f"/api/v1/themes?{query}")
    assert answer.status_code == 422
    assert answer.json()["remedy"]


def test_nobody_gets_no_parts(demo_site: Served) -> None:
    for address in ("/api/v1/themes", "/api/v1/themes/choices"):
        assert demo_site.client(accept="application/json").get(address).status_code == 401


@pytest.mark.parametrize("role", ["township", "village", "grid", "enterprise", "committee"])
def test_parts_of_others_areas_are_not_told(demo_site: Served, role: str) -> None:
    program = demo_site.program(role)
    for level, plural in (
        ("city", "cities"),
        ("township", "townships"),
        ("grid", "grids"),
        ("overlay", "overlays"),
    ):
        told = program.get(f"/api/v1/themes?level={level}&hazard=fire&limit=10000").json()
        shown: dict[str, Any] = {}
        address: str | None = f"/api/v1/{plural}?limit=1000&geometry=false"
        while address:
            page = program.get(address).json()
            shown |= {one["code"]: one["score"] for one in page["items"]}
            address = page["next"]
        assert {one["code"]: one["score"] for one in told["items"]} == shown, level
        assert all((one["part"] is None) == (one["score"] is None) for one in told["items"]), level
    sources = program.get("/api/v1/sources?limit=1000&geometry=false").json()["items"]
    own = {one["code"] for one in sources if one["score"] is not None}
    told = program.get("/api/v1/themes?level=source&limit=10000").json()
    assert {one["code"] for one in told["items"] if not one["code"].endswith("-P")} == own


def features(client: httpx.Client, query: str, z: int, at: tuple[float, float]) -> list[dict[str, Any]]:
    """The points of the tile of sources that holds a position."""
    x, y = tile_of(*at, z)
    answer = client.get(f"/tiles/source/{z}/{x}/{y}.mvt{query}")
    assert answer.status_code == 200
    found = mapbox_vector_tile.decode(answer.content) if answer.content else {}
    return [one["properties"] for one in found.get("source", {"features": []})["features"]]


def counted(client: httpx.Client, query: str, z: int, at: tuple[float, float]) -> int:
    return sum(one["n"] for one in features(client, query, z, at))


def test_tiles_and_clicks_leave_out_what_is_not_of_the_theme(
    city: httpx.Client, township: httpx.Client
) -> None:
    parts = city.get("/api/v1/themes?level=source&kind=lpg_store&limit=10000").json()["items"]
    wanted = sorted(one["code"] for one in parts if one["part"])
    assert len(wanted) > 2
    store = city.get(f"/api/v1/sources/{wanted[0]}").json()
    at = store["lon"], store["lat"]
    assert counted(city, "?kind=lpg_store", 6, at) == len(wanted) < counted(city, "", 6, at)
    assert counted(township, "?kind=lpg_store", 6, at) < len(wanted)
    assert features(city, "?kind=lpg_store&committee=pipeline", 6, at) == []
    near = features(city, "?kind=lpg_store", 15, at)
    assert store["code"] in {one["code"] for one in near}
    assert {one["kind"] for one in near} == {"lpg_store"}
    assert store["code"] not in {one["code"] for one in features(city, "?kind=ferry", 15, at)}
    x, y = tile_of(*at, 9)
    queries = ("", "?kind=lpg_store", "?kind=ferry")
    assert len({city.get(f"/tiles/source/9/{x}/{y}.mvt{query}").headers["etag"] for query in queries}) == 3
    for z in (10, 16):
        place = f"/identify?lon={at[0]}&lat={at[1]}&z={z}&layers=source,enterprise"
        hits = city.get(f"{place}&kind=lpg_store").json()["hits"]
        assert store["code"] in {hit["code"] for hit in hits}
        assert {hit["kind"] for hit in hits if hit["layer"] == "source"} == {"lpg_store"}
        assert store["code"] not in {hit["code"] for hit in city.get(f"{place}&kind=ferry").json()["hits"]}


# --- the command line ------------------------------------------------------------------------------------------


def test_the_command_line_tells_the_same(city: httpx.Client, demo_database: str, tmp_path: Path) -> None:
    settings = Settings(database_url=demo_database, home=tmp_path)

    def run(*words: str) -> str:
        result = CliRunner().invoke(app, list(words), obj=settings)
        assert result.exit_code == 0, result.output
        return result.stdout

    theme = ("--committee", "hazchem", "--period", "base")
    told = json.loads(run("themes", "township", *theme, "--json"))
    served = city.get("/api/v1/themes?committee=hazchem&period=base").json()
    assert told["items"] == served["items"]
    assert told["breakdown"] == served["breakdown"]
    code = told["items"][0]["code"]
    account = json.loads(run("explain", "township", code, *theme, "--json"))
    assert account["part"] == told["items"][0]["part"]
    said = run("themes", "township", code, "--kind", "hazchem_store")
    assert "相加等于总分" in said
    assert "不能相加" in said
    assert "所选专题占" in run("explain", "township", code, *theme)


# --- the map ---------------------------------------------------------------------------------------------------


def shades(page: Page) -> list[str]:
    """The six shades as the page has them."""
    style = "getComputedStyle(document.documentElement)"
    return [page.evaluate(f"{style}.getPropertyValue('--theme-{n}').trim()") for n in range(1, 7)]


@pytest.mark.browser
def test_a_theme_is_chosen_shared_by_address_and_cleared(
    city_desk: Looking, demo_site: Served, city: httpx.Client
) -> None:
    with city_desk.turn("/?map=base") as person:
        page = person.page
        toggle = page.locator("#themes-toggle")
        assert page.locator("#themes").is_hidden()
        toggle.click()
        expect(page.locator("#legend")).to_be_hidden()
        expect(page.locator("#themes .nothing")).to_contain_text("请选择至少一个条件")
        expect(page.locator("#themes")).to_contain_text("各部分相加等于总分")
        expect(page.locator("#themes")).to_contain_text("各类型不能相加")
        person.picture("themes-begin-desktop")
        assert person.ink("yellow") > 0

        page.select_option("#themes [name='committee']", label="危险化学品")
        expect(page.locator("#themes h2").first).to_have_text("该专题占总分的分值")
        person.wait_for_ink(shades(page)[5], "n > 50")
        expect(page.locator("#which-about")).to_contain_text("专题：危险化学品")
        expect(page.locator("#which-about")).to_contain_text("不是四色等级")
        assert "committee=hazchem" in page.url
        assert "map=base" in page.url
        told = city.get("/api/v1/themes?committee=hazchem").json()
        expect(page.locator("#themes .highest li").first).to_contain_text(told["items"][0]["name"])
        expect(page.locator("#themes .theme-of")).to_contain_text(f"{told['of']['part']:.1f} 分")
        person.picture("themes-part-desktop")

        page.select_option("#themes [name='kind']", "hazchem_store")
        expect(page.locator("#which-chips .chip")).to_have_text(["危险化学品 ×", "危险化学品储存 ×"])
        page.locator("#themes [data-by='share']").click()
        expect(page.locator("#themes h2").first).to_have_text("该专题占总分的份额")
        expect(page.locator("#themes .shades li").first).to_have_text("≥ 80%")
        assert "by=share" in page.url
        kept = page.url.removeprefix(demo_site.url)

        person.open(kept)
        expect(page.locator("#which-about")).to_contain_text("危险化学品 · 危险化学品储存")
        expect(toggle).to_have_attribute("aria-pressed", "true")
        expect(page.locator("#themes [name='kind']")).to_have_value("hazchem_store")
        expect(page.locator("#themes [data-by='share']")).to_have_attribute("aria-pressed", "true")

        page.locator("[data-chip='committee']").click()
        expect(page.locator("#which-chips .chip")).to_have_count(1)
        page.locator("#themes-reset").click()
        expect(page.locator("#which-theme")).to_be_hidden()
        expect(page.locator("#which-about")).to_contain_text("规则版本")
        person.wait_for_ink("yellow", "n > 50")
        assert not re.search("committee|kind|by=", page.url)


@pytest.mark.browser
def test_a_theme_without_any_part_says_so(city_desk: Looking) -> None:
    with city_desk.turn("/?committee=pipeline&kind=mine") as person:
        expect(person.page.locator("#themes .nothing")).to_contain_text("没有区域含有这一专题的分值")
        expect(person.page.locator("#themes .highest")).to_have_count(0)
        person.drawn()
        assert all(person.ink(shade) == 0 for shade in shades(person.page)[1:])


@pytest.mark.browser
def test_an_areas_bars_add_up_and_choose(city_desk: Looking, city: httpx.Client) -> None:
    address = f"/api/v1/themes?level=township&code={town.OURS}"
    told = city.get(address).json()
    with city_desk.turn(f"/?show=township/{town.OURS}") as person:
        page = person.page
        bars = page.locator("#panel .theme-bars")
        expect(bars).to_have_count(3)
        shown = bars.nth(0).locator("li[data-part]")
        parts = [float(one.get_attribute("data-part") or 0) for one in shown.all()]
        assert sum(map(micro, parts)) == micro(told["of"]["score"])
        expect(page.locator("#panel .sum")).to_contain_text("等于当前风险")
        bars.nth(1).locator("li button").first.click()
        kind = told["breakdown"]["kind"][0]
        expect(page.locator("#panel .theme-of")).to_contain_text(f"{kind['part']:.1f} 分")
        expect(page.locator("#which-chips .chip")).to_have_text(f"{kind['label']} ×")
        lines = page.locator("#panel .account")
        expect(lines.locator("h3")).to_have_text("所选专题的构成")
        assert micro(float(lines.get_attribute("data-sum") or 0)) == micro(kind["part"])
        assert f"kind={kind['value']}" in page.url
        person.picture("themes-area-desktop")


@pytest.mark.browser
def test_a_township_sees_its_own_shades_and_no_others(chromium: Browser, demo_site: Served) -> None:
    with looking(chromium, demo_site, "township", DESK, first="/?hazard=toxic") as person:
        page = person.page
        expect(page.locator("#themes .shades")).to_contain_text("不在您的权限内")
        expect(page.locator("#themes .theme-of")).to_contain_text("琼湖街道")
        person.drawn()
        person.picture("themes-township-desktop")


@pytest.mark.browser
def test_themes_fit_a_phone(chromium: Browser, demo_site: Served) -> None:
    with looking(chromium, demo_site, "city", PHONE, first="/?hazard=toxic") as person:
        page = person.page
        which = page.locator("#which").bounding_box()
        assert which
        assert which["x"] + which["width"] <= 390
        page.locator("#themes-toggle").click()
        card = page.locator("#themes").bounding_box()
        assert card
        assert (card["x"], card["width"]) == (0, 390)
        assert card["y"] > which["y"] + 40, "the switch stays in reach"
        for name in NAMES:
            box = page.locator(f"#themes [name='{name}']").bounding_box()
            assert box
            assert box["height"] >= 40
            assert box["x"] >= 0
            assert box["x"] + box["width"] <= 390
        assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
        person.picture("themes-phone")
        page.locator("#themes-close").click()
        person.wait_for_ink(shades(page)[5], "n > 20")
        person.picture("themes-map-phone")
        person.open(f"/?hazard=toxic&show=township/{town.OURS}")
        expect(page.locator("#panel .theme-bars")).to_have_count(3)
        person.picture("themes-panel-phone")

"""The map of a past day in a browser: its banner, the colours of that day on both maps, its account, and the way back."""

from typing import Any

import httpx
import pytest
from playwright.sync_api import Browser, expect

from tests import town
from tests.browser import PHONE, Looking, looking
from tests.served import Served

pytestmark = [pytest.mark.browser]
DAY = "2026-03-15"


@pytest.fixture(scope="module")
def then(demo_site: Served) -> dict[str, dict[str, Any]]:
    """The townships as they were on that day, by code."""
    client: httpx.Client = demo_site.program("city")
    answer = client.get("/api/v1/townships", params={"as_of": DAY, "geometry": False}).json()
    return {one["code"]: one for one in answer["items"]}


def read(person: Looking) -> None:
    """Wait until the day is computed and its areas are read and drawn."""
    expect(person.page.locator("#past-about")).to_contain_text("不是现状")
    person.page.wait_for_selector("#past:not([aria-busy])", state="attached")
    person.drawn()


def test_a_past_day_is_chosen_and_left(city_desk: Looking, then: dict[str, dict[str, Any]]) -> None:
    with city_desk.turn("/?map=base") as person:
        page = person.page
        expect(page.locator("#past-banner")).to_be_hidden()
        assert page.locator("#past").is_hidden()
        page.locator("#past-toggle").click()
        expect(page.locator("#past-later")).to_be_disabled()
        tiles: list[str] = []
        page.on("request", lambda one: tiles.append(one.url) if "/tiles/source/" in one.url else None)
        page.fill("#past-date", DAY)
        expect(page.locator("#past-day")).to_have_text(f"历史：{DAY}")
        read(person)
        assert f"as_of={DAY}" in page.url
        expect(page.locator("#which-about")).to_contain_text(f"数据时点 {DAY} 23:59")
        assert {one["base_level"] for one in then.values()} >= {"red", "orange", "yellow", "blue"}
        for level in ("red", "orange", "yellow"):
            person.wait_for_ink(level, "n > 20")
        person.picture("past-map-base-desktop")
        assert tiles, "records of that day are drawn"
        assert all(f"as_of={DAY}" in url for url in tiles)

        asked: list[str] = []
        page.on("request", lambda request: asked.append(request.url))
        page.locator("[data-map='rise']").click()
        shown = {one["rise_level"] for one in then.values()}
        for level in shown - {"blue", None}:
            person.wait_for_ink(level, "n > 20")
        assert not [url for url in asked if "/api/v1/townships?" in url], (
            "both maps of a day are read at once"
        )
        assert not [url for url in asked if "/tiles/source/" in url and f"as_of={DAY}" not in url]

        page.locator("#past-earlier").click()
        expect(page.locator("#past-day")).to_have_text("历史：2026-03-14")
        read(person)
        page.locator("#past-banner [data-now]").click()
        expect(page.locator("#past-banner")).to_be_hidden()
        assert "as_of" not in page.url
        page.wait_for_function("() => !document.body.classList.contains('past')")
        assert [url for url in asked if "/tiles/source/" in url and "as_of" not in url], (
            "records of now are back"
        )


def test_the_panel_explains_that_day(city_desk: Looking, then: dict[str, dict[str, Any]]) -> None:
    code = max(then, key=lambda one: then[one]["rise"])
    with city_desk.turn(f"/?as_of={DAY}&show=township/{code}") as person:
        page = person.page
        account = page.locator("#panel .account")
        expect(account).to_be_visible()
        assert float(account.get_attribute("data-sum") or 0) == pytest.approx(then[code]["score"])
        expect(page.locator("#panel .panel-score strong")).to_have_text(f"{then[code]['score']:.1f}")
        expect(page.locator("#panel .way-down")).to_have_count(0)
        expect(page.locator(f"#panel a[href='/explain/township/{code}?as_of={DAY}']")).to_be_visible()
        read(person)
        person.picture("past-map-panel-desktop")
        page.locator("#past-now").click()
        expect(page.locator("#panel .way-down")).to_have_count(1)


def test_a_theme_of_a_past_day(city_desk: Looking, demo_site: Served) -> None:
    asked = f"/api/v1/themes?committee=hazchem&as_of={DAY}"
    told = demo_site.program("city").get(asked).json()
    with city_desk.turn(f"/?as_of={DAY}&committee=hazchem") as person:
        expect(person.page.locator("#themes .theme-of")).to_contain_text(f"{told['of']['part']:.1f} 分")
        expect(person.page.locator("#which-about")).to_contain_text(f"数据时点 {DAY}")


def test_a_township_sees_the_colours_of_that_day_on_its_phone(chromium: Browser, demo_site: Served) -> None:
    with looking(chromium, demo_site, "township", PHONE, first=f"/?as_of={DAY}&map=base") as person:
        page = person.page
        read(person)
        bar = page.locator("#past").bounding_box()
        assert bar
        assert bar["x"] >= 0
        assert bar["x"] + bar["width"] <= 390
        assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
        person.picture("past-map-phone")
        person.open(f"/?as_of={DAY}&show=township/{town.THEIRS}")
        expect(page.locator("#panel")).to_contain_text("只显示等级")


def test_a_day_before_everything_says_so(city_desk: Looking) -> None:
    with city_desk.turn("/?as_of=2020-01-01") as person:
        expect(person.page.locator("#past-about")).to_contain_text("还没有登记")

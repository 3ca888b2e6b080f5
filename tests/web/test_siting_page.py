"""The page of siting before people: drawn, dragged, compared, searched; desk and phone, both languages."""

from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, Page, expect

from tests.browser import PHONE, Looking, looking
from tests.served import Served
from tests.siting_city import lonlat

DESK = {"width": 1280, "height": 800}


@pytest.fixture(scope="module")
def desk(metre_site: Served, chromium: Browser) -> Iterator[Looking]:
    with looking(chromium, metre_site, "planner", DESK, first="/account") as person:
        yield person


def arrive(person: Looking, where: str) -> Page:
    person.page.goto(person.site.url + where)
    person.page.wait_for_selector("#siting-map[aria-busy='false']")
    return person.page


def address(kind: str, east: float, north: float, more: str = "") -> str:
    lon, lat = lonlat(east, north)
    return f"/siting?kind={kind}&lon={lon}&lat={lat}{more}"


def test_the_verdict_follows_the_place(desk: Looking) -> None:
    """Whatever is dragged or typed, the answer on the screen is that of the last place; a problem is told in place."""
    with desk.turn() as person:
        page = arrive(person, "/siting?lang=zh")
        expect(page.locator("#answer .empty")).to_be_visible()
        person.picture("siting-empty")
        page = arrive(person, address("fireworks_retail", -1990, -1950))
        expect(page.locator(".o-scale [aria-current]")).to_have_text("否决")
        first = page.locator("#answer .rules tbody tr").first
        expect(first).to_contain_text("示例小学")
        expect(page.locator(".way-label").first).to_be_visible()
        person.picture("siting-desk")
        page.screenshot(path="/tmp/shots/sg-verdict-full.png", full_page=True)
        page.click("[data-pin=A]")
        page.locator("#siting-map").scroll_into_view_if_needed()
        mark = page.locator(".place-mark").bounding_box()
        assert mark
        x, y = mark["x"] + 15, mark["y"] + 15
        page.mouse.move(x, y)
        page.mouse.down()
        for step in range(1, 9):
            page.mouse.move(x + 15 * step, y + 8 * step)
        page.mouse.up()
        expect(page.locator(".o-scale [aria-current]")).not_to_have_text("否决")
        page.click("[data-pin=B]")
        expect(page.locator("#compared")).not_to_contain_text("计算中")
        page.screenshot(path="/tmp/shots/sg-compare-full.png", full_page=True)


def test_a_search_is_drawn_and_listed(desk: Looking) -> None:
    with desk.turn() as person:
        page = arrive(person, "/siting?kind=fireworks_retail&lang=zh")
        page.click("#run")
        expect(page.locator("#found .counts")).to_be_visible()
        page.wait_for_timeout(500)
        page.screenshot(path="/tmp/shots/sg-search-full.png", full_page=True)
        page.locator("#found tr[data-go]").first.click()
        expect(page.locator(".o-scale [aria-current]")).to_be_visible()
        page.locator("#siting-map").click(position={"x": 100, "y": 100})
        page.screenshot(path="/tmp/shots/sg-search-click.png", full_page=True)


def test_a_phone(metre_site: Served, chromium: Browser) -> None:
    with looking(chromium, metre_site, "city", PHONE, first="/account") as person:
        for width in (390, 320):
            person.page.set_viewport_size({"width": width, "height": 844})
            page = arrive(person, address("fireworks_retail", -1990, -1950, "&lang=en"))
            expect(page.locator(".o-scale [aria-current]")).to_be_visible()
            page.click("[data-pin=A]")
            page.click("[data-pin=B]")
            page.click("#run")
            expect(page.locator("#found .counts")).to_be_visible()
            page.screenshot(path=f"/tmp/shots/sg-phone-{width}.png", full_page=True)
            assert page.evaluate("document.documentElement.scrollWidth - innerWidth") <= 0

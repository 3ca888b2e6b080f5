"""The two maps in a browser: one switch, its place in the address, colours that follow an event, rings on demand."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import pytest
from playwright.sync_api import Browser, expect
from sqlalchemy import Engine, text

from jobs.risk import assess
from layers.database import owner_engine, writing
from layers.history import open_revision
from tests.browser import DESK, PHONE, Looking, launched, looking
from tests.served import Served

pytestmark = [pytest.mark.browser]
WALL = {"width": 1920, "height": 1080}
LEGENDS = {
    "rise": ("上升 ≥ 12 分（红）", "上升 6–12 分（橙）", "上升 2–6 分（黄）", "上升 < 2 分（蓝）"),
    "base": ("重大风险（红）", "较大风险（橙）", "一般风险（黄）", "低风险（蓝）"),
}


@pytest.fixture(scope="module")
def chromium() -> Iterator[Browser]:
    with launched() as browser:
        yield browser


def legend_of(person: Looking) -> list[str]:
    """The words of the levels that the legend shows."""
    return person.page.locator("#legend .levels button:visible").all_inner_texts()


def pressed(person: Looking) -> str | None:
    return person.page.locator("[data-map][aria-pressed='true']").get_attribute("data-map")


def test_one_switch_between_two_maps_that_name_their_scale(city_desk: Looking, demo_site: Served) -> None:
    with city_desk.turn("/") as person:
        page = person.page
        assert pressed(person) == "rise", "first on the desk is what has risen"
        assert legend_of(person) == [*LEGENDS["rise"], "未分级"]
        expect(page.locator("#legend-area")).to_have_text("面：镇街的动态上升")
        expect(page.locator("#which-about")).to_contain_text("数据时点 20")
        assert page.url.endswith("?map=rise") or "?map=rise#" in page.url
        assert person.ink("blue") == 0, "what has not risen is no blue that calls the eye"
        person.picture("two-maps-rise-desktop")

        fetched: list[str] = []
        page.on("request", lambda request: fetched.append(request.url))
        page.locator("[data-map='base']").click()
        person.wait_for_ink("blue", "n > 50")
        assert [url for url in fetched if "/tiles/" in url] == [], "the tiles hold both levels"
        assert legend_of(person) == [*LEGENDS["base"], "未分级"]
        about = page.locator("#which-about")
        expect(about).to_contain_text("规则版本 2026-1（建议稿，尚未批准）")
        expect(about).to_contain_text("数据时点 20")
        assert "map=base" in page.url
        person.picture("two-maps-base-desktop")

        person.open("/")
        assert pressed(person) == "base", "the one looked at last"
        person.open("/?map=rise")
        assert pressed(person) == "rise", "the address goes before what was looked at last"
        assert person.page.goto(f"{demo_site.url}/?map=neither").status == 422  # type: ignore[union-attr]
        person.errors.clear()  # the browser notes the refusal itself


def test_levels_are_hidden_on_each_map_by_itself(city_desk: Looking) -> None:
    with city_desk.turn("/") as person:
        page = person.page
        page.locator("[data-map='base']").click()
        person.wait_for_ink("yellow", "n > 50")
        page.locator("[data-of='base'] [data-level='3']").click()
        person.wait_for_ink("yellow", "n === 0")
        page.locator("[data-map='rise']").click()
        expect(page.locator("[data-of='rise'] [data-level='3']")).to_have_attribute("aria-pressed", "true")
        page.locator("[data-map='base']").click()
        person.wait_for_ink("red", "n > 50")
        assert person.ink("yellow") == 0


def test_parks_are_a_layer_of_their_own(city_desk: Looking) -> None:
    with city_desk.turn("/") as person:
        fetched: list[str] = []
        person.page.on("request", lambda request: fetched.append(request.url))
        switch = person.page.locator("[data-layer='overlay']")
        expect(switch).to_be_checked()
        switch.uncheck()
        person.drawn()
        fetched.clear()
        switch.check()
        person.drawn()
        assert [url for url in fetched if "/tiles/overlay/" in url]
        assert [url for url in fetched if "/tiles/area/" in url] == []


@pytest.fixture
def calm_town(own_site: Served) -> Iterator[Engine]:
    """The engine of jobs on the town after its dangers are closed and a run has seen it."""
    owner = owner_engine(own_site.dsn)
    own_site.app.state.events._pace_s = 0
    with writing(owner) as connection:
        rev = open_revision(connection, "test", "close", None)
        connection.execute(
            text("UPDATE danger SET status = 'closed', closed_on = '2026-02-01', rev = :rev"), {"rev": rev}
        )
    assess(owner, actor="test")
    yield owner
    owner.dispose()


def test_an_event_recolours_one_map_and_leaves_the_other(
    chromium: Browser, own_site: Served, calm_town: Engine
) -> None:
    with looking(chromium, own_site, "city", DESK) as person:
        page = person.page
        person.open("/?map=rise&show=source/ours-tank#16/28.81/112.31")
        calm = page.locator("#which-calm")
        expect(calm).to_have_text("当前没有动态因素：没有上升，当前风险与固有风险一致")
        expect(calm).to_be_visible()
        risen = page.locator("#panel [data-scale='rise']")
        expect(risen).to_have_text("动态上升蓝")
        base = page.locator("#panel [data-scale='base']")
        before = base.text_content()
        assert before
        assert person.ink("orange") == 0
        now = datetime.now(UTC)
        event = {
            "event_id": "hot-1",
            "kind": "special_work",
            "severity": "special",
            "source_code": "ours-tank",
            "time": now.isoformat(),
            "until": (now + timedelta(hours=6)).isoformat(),
        }
        answer = own_site.program("city").post("/api/v1/events", json=event)
        assert answer.status_code == 200, answer.text
        assess(calm_town, actor="test")
        person.wait_for_ink("orange", "n > 50")
        expect(risen).to_have_text("动态上升上升 10.0 分 · 橙")
        expect(base).to_have_text(before)
        expect(calm).to_be_hidden()
        going_on = page.locator("#panel h4[data-group='dynamic'] + ol li")
        expect(going_on).to_contain_text("特级特殊作业")
        expect(going_on.locator("a")).to_have_attribute("href", "/events?code=hot-1")
        page.locator("[data-map='base']").click()
        person.wait_for_ink("orange", "n === 0")
        page.locator("#panel h4[data-group='dynamic'] + ol a").click()
        expect(page.locator("main tbody tr")).to_have_count(1)
        expect(page.locator("main tbody")).to_contain_text("ours tank")


def test_how_far_an_accident_reaches_is_drawn_when_asked_for(city_desk: Looking, demo_site: Served) -> None:
    items = demo_site.program("city").get("/api/v1/sources?limit=1000&geometry=false").json()["items"]
    source = next(one for one in items if any(c["distance_m"] for c in one["consequences"]))
    told = next(c for c in source["consequences"] if c["distance_m"])
    with city_desk.turn(f"/?show=source/{source['code']}") as person:
        page = person.page
        reaches = page.locator("#panel .reaches")
        expect(reaches).to_contain_text("筛查值")
        expect(reaches).to_contain_text(told["reference"])
        expect(page.locator(".ring-name")).to_have_count(0)
        ring = reaches.locator(f"[data-ring='{told['name']}']")
        ring.click()
        expect(ring).to_have_attribute("aria-pressed", "true")
        expect(page.locator(".ring-name").first).to_contain_text(f"{told['distance_m']:,.0f} m")
        person.drawn()
        person.picture("two-maps-rings-desktop")
        ring.click()
        expect(page.locator(".ring-name")).to_have_count(0)
        ring.click()
        page.keyboard.press("Escape")
        expect(page.locator(".ring-name")).to_have_count(0)


def test_phone_and_wall_begin_with_what_has_risen(chromium: Browser, demo_site: Served) -> None:
    with looking(chromium, demo_site, "city", PHONE) as person:
        assert pressed(person) == "rise"
        which = person.page.locator("#which").bounding_box()
        assert which
        assert which["x"] >= 52, "beside the button of the legend"
        assert which["x"] + which["width"] <= 390
        person.picture("two-maps-rise-phone")
    with looking(chromium, demo_site, "city", WALL, first="/account") as person:
        page = person.page
        page.emulate_media(color_scheme="dark")
        page.goto(f"{demo_site.url}/wall")
        expect(page.locator("h1")).to_have_text("动态态势图")
        expect(page.locator(".figures")).to_contain_text("全市动态上升")
        assert page.locator(".block [data-scale='base'], .block[data-scale='base']").count() == 0
        assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
        person.picture("two-maps-wall-dark")
        page.locator(".maps a", has_text="固有风险四色图").click()
        expect(page.locator(".block [data-scale='base']").first).to_be_visible()
        assert page.url.endswith("/wall?map=base")


def test_the_printed_map_has_the_legend_of_its_own_scale(city_desk: Looking) -> None:
    with city_desk.turn("/?map=base") as person:
        page = person.page
        page.locator("#legend-close").click()
        page.evaluate("dispatchEvent(new Event('beforeprint'))")  # what printing begins with
        page.emulate_media(media="print")
        expect(page.locator("#legend [data-of='base']")).to_be_visible()
        expect(page.locator("#legend [data-of='rise']")).to_be_hidden()
        expect(page.locator("[data-map='base']")).to_be_visible()
        for gone in ("[data-map='rise']", ".search", ".zooms", ".bar nav"):
            expect(page.locator(gone)).to_be_hidden()
        page.emulate_media(media="screen")
        page.evaluate("dispatchEvent(new Event('afterprint'))")
        expect(page.locator("#legend")).to_be_hidden()

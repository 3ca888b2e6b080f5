"""The map as people see it, in a browser that may talk to this program only. Pictures go to `.screenshots/`."""

import re
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest
from playwright.sync_api import Browser, expect
from sqlalchemy import make_url, text

from jobs.users import add_user
from layers.database import owner_engine, snapshot, writing
from layers.history import open_revision
from tests.browser import DESK, PHONE, Looking, looking
from tests.database import Databases
from tests.served import PASSWORD, Served, served

pytestmark = [pytest.mark.browser]
TARGETS = "#7a4fa3"
HAN = re.compile(r"[\u4e00-\u9fff]")


@pytest.fixture(scope="module")
def major(demo_site: Served) -> dict[str, str]:
    """The demo city's worst source that is a major hazard: code, name and the map's address of its place."""
    owner = owner_engine(demo_site.dsn)
    query = text(
        "SELECT s.code, s.name, ST_X(p) AS lon, ST_Y(p) AS lat FROM source s JOIN score r ON r.kind = 'source'"
        " AND r.code = s.code, LATERAL (SELECT ST_PointOnSurface(s.geom) AS p) at"
        " WHERE r.grade IS NOT NULL AND ST_Dimension(s.geom) = 2 ORDER BY r.grade, s.code LIMIT 1"
    )
    with snapshot(owner) as connection:
        row = connection.execute(query).one()
    owner.dispose()
    return {"code": row.code, "name": row.name, "address": f"/#17/{row.lat}/{row.lon}"}


@pytest.fixture
def desk(city_desk: Looking) -> Iterator[Looking]:
    with city_desk.turn() as person:
        yield person


@pytest.fixture(scope="module")
def signed_in_phone(chromium: Browser, demo_site: Served) -> Iterator[Looking]:
    with looking(chromium, demo_site, "city", PHONE, first="/account") as person:
        yield person


@pytest.fixture
def phone(signed_in_phone: Looking) -> Iterator[Looking]:
    with signed_in_phone.turn() as person:
        yield person


def click_middle(person: Looking) -> None:
    box = person.page.locator(".folium-map").bounding_box()
    assert box
    person.page.mouse.click(box["x"] + box["width"] / 2, box["y"] + box["height"] / 2)


def test_the_whole_city_is_seen_at_once(desk: Looking) -> None:
    page = desk.page
    desk.open("/?map=base")
    for colour in ("red", "orange", "yellow", "blue"):
        assert desk.ink(colour) > 50, colour
    legend = page.locator("#legend")
    for word in (
        "固有风险等级",
        "重大风险（红）",
        "较大风险（橙）",
        "一般风险（黄）",
        "低风险（蓝）",
        "重大危险源等级",
    ):
        expect(legend.get_by_text(word).first).to_be_visible()
    expect(page.locator("#legend-area")).to_have_text("面：镇街的固有风险等级")
    expect(page.locator(".strip")).to_contain_text("合成数据")
    expect(page.locator(".strip")).to_contain_text("规则版本")
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
    desk.picture("map-city-desktop")


def test_a_click_explains_a_source_down_to_the_sum(desk: Looking, major: dict[str, str]) -> None:
    page = desk.page
    desk.open(major["address"])
    click_middle(desk)
    page.locator("#panel .hits button", has_text=major["name"]).click()
    expect(page.locator("#panel .panel-name")).to_have_text(major["name"])
    panel = page.locator("#panel")
    expect(panel.locator(".panel-levels")).to_contain_text("固有风险")
    expect(panel.locator(".panel-levels")).to_contain_text("重大危险源等级")
    expect(panel).to_contain_text("合成数据")
    expect(panel).to_contain_text("数据可信度")
    account = panel.locator(".account")
    expect(account).to_contain_text("GB 18218-2018")
    told = desk.ask(f"/api/v1/sources/{major['code']}")
    lines = [
        float(value) for value in account.locator("li").evaluate_all("all => all.map(li => li.dataset.value)")
    ]
    assert sum(round(1e6 * value) for value in lines) == round(1e6 * told["score"])
    assert float(account.get_attribute("data-sum") or "nan") == told["score"]
    bars = account.locator(".track-fill").evaluate_all(
        "all => all.map(bar => bar.getBoundingClientRect().width)"
    )
    drawn = [abs(value) for value in lines if value]
    widest = max(bars) / max(drawn)
    assert bars == [pytest.approx(max(2.0, widest * value), abs=0.5) for value in drawn]
    expect(panel.locator("a.wide").first).to_have_attribute("href", f"/explain/source/{major['code']}")
    desk.picture("map-source-desktop")
    page.keyboard.press("Escape")
    expect(panel).to_be_hidden()


@pytest.mark.parametrize(("zoom", "level"), [(11, "镇街"), (12, "村（社区）"), (14, "网格")])
def test_a_click_beside_all_symbols_explains_the_area(desk: Looking, zoom: int, level: str) -> None:
    """In the middle of the southern lake there is no source and no enterprise."""
    page = desk.page
    desk.open(f"/#{zoom}/28.815/112.552")
    expect(page.locator("#legend-area")).to_contain_text(level)
    click_middle(desk)
    expect(page.locator("#panel .panel-kind")).to_contain_text(level)
    expect(page.locator("#panel .panel-levels")).to_contain_text("固有风险")
    expect(page.locator("#panel .account")).to_be_visible()
    desk.picture(f"map-area-{zoom}-desktop")


def test_search_works_with_the_keyboard_alone(desk: Looking, major: dict[str, str]) -> None:
    page = desk.page
    desk.open()
    page.keyboard.press("/")
    expect(page.locator("#search-input")).to_be_focused()
    page.keyboard.type("琼湖街道")
    expect(page.locator(".found").first).to_contain_text("琼湖街道")
    page.locator("#search-input").fill(major["code"])
    first = page.locator(".found").first
    expect(first).to_contain_text(major["name"])
    expect(first).to_have_attribute("aria-selected", "true")
    desk.picture("map-search-desktop")
    page.keyboard.press("Enter")
    expect(page.locator("#panel .panel-name")).to_have_text(major["name"])
    expect(page.locator("#search-found")).to_be_hidden()
    assert page.evaluate("Number(location.hash.slice(1).split('/')[0])") >= 16
    page.locator("#search-input").fill("没有这样的名称")
    expect(page.locator("#search-found")).to_contain_text("没有找到")


def test_levels_and_layers_are_switched_in_the_legend(desk: Looking) -> None:
    page = desk.page
    desk.open("/?map=base")
    page.locator("[data-of='base'] [data-level='1']").click()
    desk.wait_for_ink("red", "n === 0")
    assert desk.ink("yellow") > 50
    page.locator("[data-of='base'] [data-level='1']").click()
    desk.wait_for_ink("red", "n > 50")
    for layer in ("source", "enterprise"):
        page.locator(f"[data-layer='{layer}']").uncheck()
    desk.wait_for_ink("orange", "n < 400")  # only the plates of the areas' names are left
    for layer in ("area", "overlay", "target", "resource"):
        page.locator(f"[data-layer='{layer}']").set_checked(layer in ("target", "resource"))
    desk.wait_for_ink("orange", "n === 0")
    desk.open("/#14/28.845/112.36")
    page.locator("[data-layer='target']").check()
    page.locator("[data-layer='resource']").check()
    desk.wait_for_ink(TARGETS, "n > 500")
    desk.picture("map-layers-desktop")


def test_the_language_is_switched_where_one_stands(desk: Looking, major: dict[str, str]) -> None:
    page = desk.page
    desk.open(major["address"])
    page.locator("details.user summary").click()
    page.locator("details.user a[href*='lang=en']").click()
    page.wait_for_url(re.compile(r"lang=en.*#17/"))
    desk.drawn()
    for part in ("#legend", ".bar nav", ".zooms", "#which"):
        assert not HAN.search(page.locator(part).inner_text()), part
    expect(page.locator("[data-of='rise'] h2")).to_have_text("Rise (points above inherent risk)")
    expect(page.locator("[data-of='rise'] [data-level='2']")).to_have_text("risen 6–12 points (orange)")
    page.locator("[data-map='base']").click()
    expect(page.locator("[data-of='base'] h2")).to_have_text("Inherent risk")
    expect(page.locator("#which-about")).to_contain_text("rules 2026-1 (proposed, not approved yet)")
    assert not HAN.search(page.locator("#legend").inner_text())
    click_middle(desk)
    page.locator("#panel .hits button", has_text=major["name"]).click()
    for scale in ("Inherent risk", "Rise"):
        expect(page.locator("#panel .panel-levels")).to_contain_text(scale)
    for heading in page.locator("#panel h3, #panel h4, #panel dt").all_inner_texts():
        assert not HAN.search(heading), heading
    desk.picture("map-english-desktop")


def test_a_phone_shows_a_sheet_from_below(phone: Looking, major: dict[str, str]) -> None:
    page = phone.page
    phone.open()
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
    expect(page.locator("#legend")).to_be_hidden()
    phone.picture("map-city-phone")
    page.locator("#legend-toggle").tap()
    expect(page.locator("[data-of='rise']")).to_contain_text("上升 ≥ 12 分（红）")
    phone.picture("map-legend-phone")
    page.locator("#legend-close").tap()
    phone.open(f"/?show=source/{major['code']}")
    panel = page.locator("#panel")
    expect(panel.locator(".account")).to_contain_text("GB 18218-2018")
    box = panel.bounding_box()
    assert box
    assert (box["x"], box["width"], box["y"] + box["height"]) == (0, 390, 844)
    assert box["y"] > 300
    phone.drawn()
    phone.picture("map-source-phone")
    page.locator("#panel-grip").tap()
    expect(panel).to_have_class("tall")
    assert page.locator("#panel-close").bounding_box()["height"] >= 40  # type: ignore[index]
    page.locator("#panel-close").tap()
    expect(panel).to_be_hidden()


def test_a_township_opens_on_itself_and_sees_no_score_of_another(
    chromium: Browser, demo_site: Served
) -> None:
    with looking(chromium, demo_site, "township", DESK) as person:
        own = person.ask("/api/v1/areas/430981006")
        centre = person.page.evaluate("location.hash || document.querySelector('.folium-map')._leaflet_id")
        assert centre
        person.picture("map-township-desktop")
        found = person.ask("/search?q=430981114&limit=1")["items"][0]
        person.open(f"/?show=township/{found['code']}")
        expect(person.page.locator("#panel .panel-name")).to_have_text(found["name"])
        for scale in ("固有风险", "动态上升"):
            expect(person.page.locator("#panel .panel-levels")).to_contain_text(scale)
        expect(person.page.locator("#panel")).to_contain_text("只显示等级")
        expect(person.page.locator("#panel .panel-score")).to_have_count(0)
        assert own["score"] is not None


def test_a_change_is_seen_without_a_reload(chromium: Browser, own_site: Served) -> None:
    """A source that moves a few hundred metres moves on the open map, and its new name stands in the open panel."""
    with looking(chromium, own_site, "township", DESK) as person:
        person.open("/?show=source/ours-tank#16/28.81/112.31")
        heading = person.page.locator("#panel .panel-name")
        expect(heading).to_have_text("ours tank")
        person.page.locator("#search-input").fill("no")
        person.wait_for_ink("nil", "n > 50")
        before = person.ink_at("nil")
        owner = owner_engine(own_site.dsn)
        with writing(owner) as connection:
            rev = open_revision(connection, "test", "move", None)
            moved = "ST_SetSRID(ST_MakePoint(112.314, 28.81), 4490)"
            connection.execute(
                text(
                    f"UPDATE source SET geom = {moved}, geom_m = ST_Transform({moved}, 4547), rev = :rev,"
                    " name = 'moved tank' WHERE code = 'ours-tank'"
                ),
                {"rev": rev},
            )
        owner.dispose()
        person.wait_for_ink("nil", f"x > {before[0]} + 60")
        expect(heading).to_have_text("moved tank")
        expect(person.page.locator("#search-input")).to_be_focused()


def test_a_lost_database_is_told_and_the_map_stays(
    chromium: Browser, databases: Databases, own_site: Served
) -> None:
    name, maintenance = make_url(own_site.dsn).database, databases.cluster.dsn(database="postgres")
    with looking(chromium, own_site, "city", DESK) as person:
        person.open("/#15/28.81/112.31")
        person.wait_for_ink("nil", "n > 50")
        with psycopg.connect(maintenance, autocommit=True) as connection:
            connection.execute(f'ALTER DATABASE "{name}" ALLOW_CONNECTIONS false')
            connection.execute(
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = %s", [name]
            )
            person.page.evaluate("RiskMap.map.refresh()")
            banner = person.page.locator("[data-banner='away']")
            expect(banner).to_be_visible()
            expect(banner).to_have_text(re.compile(r"^数据库无法连接，地图为最后一次数据 \d\d:\d\d$"))
            assert person.ink("nil") > 50
            person.picture("map-outage-desktop")
            connection.execute(f'ALTER DATABASE "{name}" ALLOW_CONNECTIONS true')
        expect(banner).to_be_hidden()
        person.wait_for_ink("nil", "n > 50")
        assert [
            e for e in person.errors if "503" not in e
        ] == []  # the browser notes each refused answer itself
        person.errors.clear()


def test_an_empty_city_says_how_to_fill_it(
    chromium: Browser, databases: Databases, prepared: str, tmp_path: Path
) -> None:
    with databases.fresh(prepared) as dsn:
        owner = owner_engine(dsn)
        add_user(owner, "city", "city", password=PASSWORD)
        owner.dispose()
        with served(dsn, tmp_path) as site, looking(chromium, site, "city", DESK) as person:
            expect(person.page.locator("#empty")).to_contain_text("riskmap import areas")
            person.picture("map-empty-desktop")

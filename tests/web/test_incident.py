"""An imagined accident by program, by command and on its page: desk and phone, both languages, and nothing of others."""

import json
import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import pytest
from playwright.sync_api import Browser, expect
from sqlalchemy import text
from typer.testing import CliRunner, Result

from layers.database import owner_engine, snapshot
from riskmap.settings import Settings
from tests import town
from tests.browser import PHONE, Looking, looking
from tests.served import Served
from web.commands import app

API = "/api/v1/incidents/what-if"
HERE = {"lon": 112.36, "lat": 28.85}
CHLORINE = {**HERE, "substance": "液氯", "quantity_t": 1, "wind": {"from_deg": "NE", "speed_m_s": 3}}
LPG = {**HERE, "substance": "液化石油气", "quantity_t": 50, "time": "2026-06-01T12:00"}
CONTRACT = {"rings", "people", "grids", "targets", "zone_members", "resources", "calls"}
LIMITED = ("township", "village", "grid", "enterprise", "committee")
HAN = re.compile(r"[\u4e00-\u9fff]")
DESK = {"width": 1280, "height": 800}


@pytest.fixture(scope="module")
def signed_in_desk(chromium: Browser, demo_site: Served) -> Iterator[Looking]:
    with looking(chromium, demo_site, "city", DESK, first="/account") as person:
        yield person


@pytest.fixture
def desk(signed_in_desk: Looking) -> Iterator[Looking]:
    with signed_in_desk.turn() as person:
        yield person


@pytest.fixture(scope="module")
def signed_in_phone(chromium: Browser, demo_site: Served) -> Iterator[Looking]:
    with looking(chromium, demo_site, "city", PHONE, first="/account") as person:
        yield person


@pytest.fixture
def phone(signed_in_phone: Looking) -> Iterator[Looking]:
    with signed_in_phone.turn() as person:
        yield person


@pytest.fixture(scope="module")
def stocked(demo_site: Served) -> dict[str, Any]:
    """The source of our township that holds most ammonia or chlorine: code, name, position."""
    engine = owner_engine(demo_site.dsn)
    query = text(
        "SELECT s.code, s.name, ST_X(p) AS lon, ST_Y(p) AS lat FROM source s JOIN inventory i ON i.source_code = s.code,"
        " LATERAL (SELECT ST_PointOnSurface(s.geom) AS p) at WHERE i.substance ~ '氨|氯' AND s.kind <> 'hazchem_production'"
        " ORDER BY s.township_code <> :ours, i.quantity_t DESC, s.code LIMIT 1"
    )
    with snapshot(engine) as connection:
        row = connection.execute(query, {"ours": town.OURS}).mappings().one()
    engine.dispose()
    return dict(row)


def address(**asked: Any) -> str:
    return "/incident?" + urlencode(asked)


def arrive(person: Looking, where: str) -> None:
    person.page.goto(person.site.url + where)
    person.page.wait_for_selector("#incident-map[aria-busy='false']")


# --- programs and the command line -----------------------------------------------------------------------------


def test_a_program_is_answered_by_the_contract(demo_site: Served) -> None:
    answer = demo_site.program("city").post(API, json=CHLORINE)
    assert answer.status_code == 200
    told = answer.json()
    assert told.keys() >= CONTRACT
    (ring,) = told["rings"]
    assert ring["name"] == "toxic_endpoint"
    assert isinstance(ring["radius_m"], float)
    assert "Briggs" in ring["basis"]
    assert isinstance(told["people"], int)
    english = demo_site.program("city").post(f"{API}?lang=en", json=CHLORINE).json()
    assert not HAN.search(english["rings"][0]["label"] + "".join(english["notes"]))


@pytest.mark.parametrize(
    ("body", "named"),
    [
        ({"lat": 28.85}, "经度"),
        ({**HERE, "substance": "柴油", "quantity_t": 5}, "柴油"),
        ({**CHLORINE, "quantity_t": -1}, "quantity_t"),
        ({**CHLORINE, "wind": {"from_deg": 10}}, "wind.speed_m_s"),
        ({**CHLORINE, "lon": 1e400}, "lon"),
        ({**CHLORINE, "colour": "red"}, "colour"),
    ],
)
def test_a_wrong_scenario_is_a_problem_with_a_remedy(
    demo_site: Served, body: dict[str, Any], named: str
) -> None:
    program = demo_site.program("city")
    answer = program.post(API, content=json.dumps(body), headers={"content-type": "application/json"})
    assert answer.status_code == 422
    assert answer.headers["content-type"] == "application/problem+json"
    assert named in answer.json()["detail"]
    assert answer.json()["remedy"]


def test_nobody_unknown_is_answered(demo_site: Served) -> None:
    assert demo_site.client(accept="application/json").post(API, json=CHLORINE).status_code == 401
    assert demo_site.client().get("/incident").headers["location"].startswith("/login?next=")
    browser = demo_site.browser("city")
    assert browser.client.post(API, json=CHLORINE).status_code == 403  # without the page's token


@pytest.mark.parametrize("role", LIMITED)
def test_no_record_of_others_is_told(demo_site: Served, role: str) -> None:
    """At every fifth source of others: neither by its code nor at its place does a limited reader learn of it."""
    program, city = demo_site.program(role), demo_site.program("city")
    own = {one["code"] for one in program.get("/api/v1/sources?limit=1000&geometry=false").json()["items"]}
    targets = {
        one["code"] for one in program.get("/api/v1/targets?limit=1000&geometry=false").json()["items"]
    }
    everyone = city.get("/api/v1/sources?limit=1000&geometry=false").json()["items"]
    strangers = [one for one in everyone if one["code"] not in own]
    assert len(strangers) > 50
    for one in strangers[::5]:
        refused = program.post(API, json={"source": one["code"], "substance": "液氯", "quantity_t": 1})
        absent = program.post(API, json={"source": "no-such", "substance": "液氯", "quantity_t": 1})
        assert refused.status_code == absent.status_code == 404
        assert refused.json()["detail"].replace(one["code"], "no-such") == absent.json()["detail"]
        at = {"lon": one["lon"], "lat": one["lat"], "substance": "液化石油气", "quantity_t": 50}
        told = program.post(API, json=at).json()
        assert told["rings"]
        assert told["complete"] is False
        assert {source["code"] for source in told["sources"]} <= own
        assert {target["code"] for target in told["targets"]} <= targets
        assert all("code" not in neighbour for neighbour in told["neighbours"])


def test_the_people_called_are_those_whose_duty_the_reader_sees(demo_site: Served) -> None:
    own, everyone = (demo_site.program(role).post(API, json=LPG).json() for role in ("township", "city"))
    levels = {one["level"] for call in own["calls"] for one in call["objects"]}
    assert "township" in levels
    assert "city" not in levels
    assert {call["phone"] for call in own["calls"]} < {call["phone"] for call in everyone["calls"]}


Run = Callable[..., Result]


@pytest.fixture
def run(demo_site: Served, tmp_path: Path) -> Run:
    settings = Settings(database_url=demo_site.dsn, home=tmp_path)
    return lambda *words: CliRunner().invoke(app, list(words), obj=settings)


def test_the_command_tells_the_same(demo_site: Served, run: Run, tmp_path: Path) -> None:
    file = tmp_path / "scenario.json"
    file.write_text(json.dumps(LPG), "utf-8")
    result = run("incident", str(file), "--json")
    assert result.exit_code == 0, result.output
    told = json.loads(result.stdout)
    answer = demo_site.program("city").post(API, json=LPG).json()
    assert {**told, "duration_s": 0} == {**answer, "duration_s": 0}
    shown = run("incident", str(file)).stdout
    for word in ("影响范围", "火球热辐射 5", "防护目标", "直线距离", "联系人", "筛查"):
        assert word in shown
    english = run("incident", str(file), "--lang", "en", "--json")
    assert json.loads(english.stdout)["rings"][0]["label"].startswith("Vapour cloud")


@pytest.mark.parametrize(
    ("content", "told"),
    [("{", "JSON"), ('{"lon": "east"}', "lon"), ('{"lon": 112.36, "lat": 28.85}', "物质")],
)
def test_the_command_refuses_what_is_no_scenario(run: Run, tmp_path: Path, content: str, told: str) -> None:
    file = tmp_path / "scenario.json"
    file.write_text(content, "utf-8")
    refused = run("incident", str(file))
    assert refused.exit_code == 1
    assert told in refused.exception.detail  # type: ignore[union-attr]
    assert run("incident", str(tmp_path / "absent.json")).exit_code == 1
    assert run("incident").exit_code == 2


# --- the page ---------------------------------------------------------------------------------------------------


@pytest.mark.browser
def test_the_page_begins_with_a_form_and_a_map(desk: Looking, stocked: dict[str, Any]) -> None:
    page = desk.page
    arrive(desk, "/incident")
    expect(page.locator(".begin li")).to_have_count(3)
    expect(page.locator(".map-levels")).to_contain_text("固有风险")
    desk.picture("incident-empty-desktop")
    box = page.locator("#incident-map").bounding_box()
    assert box
    page.mouse.click(box["x"] + 620, box["y"] + 480)  # a place without a symbol
    expect(page.locator("input[name=lon]")).to_have_value(re.compile(r"^112\.\d{6}$"))
    page.fill("#search-input", stocked["name"])
    page.locator("#search-found .found", has_text=stocked["name"]).first.click()
    expect(page.locator("#source-name")).to_have_text(stocked["name"])
    expect(page.locator("input[name=lon]")).to_have_value("")
    rose = page.locator("#rose").bounding_box()
    assert rose
    page.mouse.click(rose["x"] + rose["width"] * 0.8, rose["y"] + rose["height"] * 0.2)
    expect(page.locator("select[name=wind_from]")).to_have_value("NE")
    expect(page.locator("#rose-arrow")).to_have_attribute("transform", "rotate(45)")
    page.fill("input[name=wind_m_s]", "3")
    page.click("#scenario button.primary")
    page.wait_for_url(re.compile(r"wind_from=NE"))
    assert "lon=" not in page.url
    expect(page.locator(".headline")).to_contain_text(stocked["name"])
    expect(page.locator(".wind-label")).to_contain_text("东北风 3 米/秒")
    expect(page.locator(".call-now a.tel").first).to_have_attribute("href", re.compile(r"^tel:000"))


@pytest.mark.browser
def test_headline_numbers_map_and_calls_are_on_the_first_screen(desk: Looking) -> None:
    page = desk.page
    asked = {**LPG, "time": "2026-06-01 12:00"}
    arrive(desk, address(**asked))
    told = desk.page.evaluate(
        "(body) => fetch('/api/v1/incidents/what-if', {method: 'POST', body: JSON.stringify(body), headers:"
        " {'content-type': 'application/json', 'x-csrf-token': document.body.dataset.csrf}}).then((a) => a.json())",
        LPG,
    )
    expect(page.locator(".figures")).to_contain_text(f"{told['people']:,}")
    expect(page.locator(".screening")).to_contain_text("筛查结果，不能代替现场监测")
    rows = page.locator(".rings tbody tr")
    expect(rows).to_have_count(5)
    for n, ring in enumerate(told["rings"]):
        expect(rows.nth(n)).to_contain_text(f"{ring['people']:,}")
        expect(rows.nth(n)).to_contain_text(f"{ring['radius_m']:,.0f} 米")
    expect(page.locator("#incident-map .ring-no")).to_have_count(5)
    for part in (".figures", ".call-now", "#incident-map"):
        box = page.locator(part).bounding_box()
        assert box
        assert box["y"] < DESK["height"] - 100, part
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
    expect(page.locator("tr.rest").first).to_be_hidden()
    page.locator("[data-all]").first.click()
    expect(page.locator("tr.rest").first).to_be_visible()
    desk.picture("incident-rings-desktop")
    page.click("#change")
    expect(page.locator("input[name=quantity_t]")).to_have_value("50")
    page.emulate_media(media="print")
    expect(page.locator("#change-form")).to_be_hidden()
    expect(page.locator(".screening")).to_be_visible()
    expect(page.locator("#incident-map")).to_be_visible()


@pytest.mark.browser
def test_a_plume_that_has_no_end_says_so(desk: Looking) -> None:
    page = desk.page
    asked = {
        **HERE,
        "substance": "氨",
        "quantity_t": 30,
        "wind_from": "NE",
        "wind_m_s": "1.5",
        "stability": "F",
    }
    arrive(desk, address(**asked))
    expect(page.locator(".figures b").first).to_contain_text("至少")
    expect(page.locator(".rings")).to_contain_text("方法不能给出数值")
    expect(page.locator(".notes")).to_contain_text("重气")
    desk.picture("incident-plume-desktop")


@pytest.mark.browser
def test_what_is_wrong_is_told_above_the_form(desk: Looking) -> None:
    page = desk.page
    arrive(desk, address(**HERE, substance="柴油", quantity_t="5"))
    expect(page.locator(".problem")).to_contain_text("柴油")
    expect(page.locator(".problem")).to_be_in_viewport()
    expect(page.locator("input[name=substance]")).to_have_value("柴油")
    page.fill("input[name=hazard_class]", "W5.4")
    page.click("#scenario button.primary")
    expect(page.locator(".rings")).to_contain_text("池火热辐射")
    arrive(desk, address(**HERE, substance="液氯", quantity_t="a few"))
    expect(page.locator(".problem")).to_contain_text("a few")
    assert all("422" in error for error in desk.errors)
    desk.errors.clear()


@pytest.mark.browser
def test_the_map_asks_what_if_of_a_source(desk: Looking, stocked: dict[str, Any]) -> None:
    page = desk.page
    desk.open(f"/?show=source/{stocked['code']}")
    link = page.locator("#panel a.wide", has_text="假如这里出事")
    expect(link).to_have_attribute("href", f"/incident?source={stocked['code']}")
    link.click()
    page.wait_for_selector("#incident-map[aria-busy='false']")
    expect(page.locator(".headline")).to_contain_text(stocked["name"])
    expect(page.locator(".rings tbody tr").first).to_be_visible()


@pytest.mark.browser
def test_a_phone_reads_and_calls(phone: Looking) -> None:
    page = phone.page
    arrive(phone, "/incident")
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
    phone.picture("incident-empty-phone")
    arrive(phone, address(**HERE, substance="液氯", quantity_t=1, wind_from="NE", wind_m_s=3))
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
    expect(page.locator(".figures")).to_be_in_viewport()
    call = page.locator(".call-now a.tel").first.bounding_box()
    assert call
    assert call["height"] >= 40
    phone.picture("incident-plume-phone")


@pytest.mark.browser
def test_in_english_no_word_of_ours_is_chinese(desk: Looking) -> None:
    """Names of records stay as they are; headings, notes and figures are the page's own."""
    page = desk.page
    asked = {**HERE, "substance": "TNT", "quantity_t": 2, "lang": "en"}
    arrive(desk, address(**asked))
    for part in (
        "h1, h2, th",
        ".screening",
        ".notes",
        ".rings tbody",
        "figcaption",
        "label",
        ".actions",
    ):
        for words in page.locator(part).all_inner_texts():
            assert not HAN.search(words), (part, words)
    desk.picture("incident-english-desktop")

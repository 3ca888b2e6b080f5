"""The pages of siting before people: drawn, dragged, compared, searched, listed; desk and phone, both languages."""

import csv
import io
import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, Route, expect
from typer.testing import CliRunner

from layers.database import owner_engine
from riskmap.settings import Settings
from tests.browser import PHONE, Looking, looking
from tests.served import Served
from tests.siting_city import box, lonlat, put
from web.commands import app

DESK = {"width": 1280, "height": 800}
NOW = ".o-scale [aria-current]"


@pytest.fixture(scope="module")
def signed_in(metre_site: Served, chromium: Browser) -> Iterator[Looking]:
    with looking(chromium, metre_site, "planner", DESK, first="/account") as person:
        yield person


@pytest.fixture
def desk(signed_in: Looking) -> Iterator[Looking]:
    with signed_in.turn() as person:
        yield person


@pytest.fixture(scope="module")
def crowded(metre_site: Served) -> Served:
    """The city of metres with many homes about its one tank."""
    owner = owner_engine(metre_site.dsn)
    for n, east in enumerate((-2900, -3100)):
        put(owner, "population", f"P-{n}", f"POINT({east} 3100)", people=800.0)
    owner.dispose()
    return metre_site


def arrive(person: Looking, where: str) -> Page:
    person.page.goto(person.site.url + where)
    person.page.wait_for_selector("#siting-map[aria-busy='false']")
    return person.page


def address(kind: str, east: float, north: float, more: str = "") -> str:
    lon, lat = lonlat(east, north)
    return f"/siting?kind={kind}&lon={lon}&lat={lat}{more}"


def drag(page: Page, east_px: int, south_px: int) -> None:
    page.locator("#siting-map").scroll_into_view_if_needed()
    mark = page.locator(".place-mark").bounding_box()
    assert mark
    x, y = mark["x"] + 15, mark["y"] + 15
    page.mouse.move(x, y)
    page.mouse.down()
    for step in range(1, 9):
        page.mouse.move(x + east_px * step / 8, y + south_px * step / 8)
    page.mouse.up()


def test_the_verdict_follows_the_place(desk: Looking) -> None:
    """What is on the screen answers the last place that was dragged to; the rules against it stand first, on the map too."""
    page = arrive(desk, "/siting?lang=zh")
    expect(page.locator("#answer .empty")).to_be_visible()
    assert page.locator("nav a[aria-current]").inner_text() == "选址"
    page = arrive(desk, address("fireworks_retail", -1990, -1950))
    expect(page.locator(NOW)).to_have_text("否决")
    first = page.locator("#answer .rules tbody tr").first
    for told in ("示例小学", "50.99", "-49.01", "第十六条"):
        expect(first).to_contain_text(told)
    expect(page.locator(".way-label .way-no")).to_have_text("1")
    desk.picture("siting-desk")
    page.click("[data-pin=A]")
    drag(page, 120, 60)
    expect(page.locator(NOW)).to_have_text("需开展专项安全评估论证")
    expect(page.locator(".way-label")).to_have_count(0)
    page.click("[data-pin=B]")
    compared = page.locator("#compared")
    expect(compared).to_contain_text("50.99 / 100 m")
    expect(compared).not_to_contain_text("计算中")
    assert compared.locator("tr", has_text="新增暴露人数").locator("td").all_inner_texts() == ["0", "0"]
    desk.picture("siting-compare")


def test_an_opinion_is_filed_on_what_is_seen(desk: Looking) -> None:
    page = arrive(desk, address("fireworks_retail", 500, -3000, "&lang=zh"))
    expect(page.locator(NOW)).to_be_visible()
    page.click(".filing summary")
    page.fill("[name=applicant]", "示例公司")
    page.click("#filing button")
    page.wait_for_url("**/siting/papers/*")
    expect(page.locator("main")).to_contain_text("示例公司")


def test_an_older_answer_never_takes_the_place_of_a_newer(desk: Looking) -> None:
    """The first question is held back until the second is answered: it is given up, and nothing of it is shown."""
    page = arrive(desk, "/siting?kind=fireworks_production&lang=zh")
    held: list[Route] = []
    page.route("**/api/v1/siting?*", lambda route: route.continue_() if held else held.append(route))
    lon, lat = lonlat(0, -3000)
    page.fill("[name=lon]", str(lon))
    with page.expect_request("**/api/v1/siting?*"):
        page.fill("[name=lat]", str(lat))
    with page.expect_event("requestfailed") as given_up:
        page.select_option("[name=kind]", "school")
    assert (given_up.value.post_data_json or {})["kind"] == "fireworks_production"
    expect(page.locator(NOW)).to_be_visible()
    expect(page.locator(NOW)).not_to_have_text("否决")
    page.unroute("**/api/v1/siting?*")


def test_a_parcel_is_drawn_and_what_is_wrong_is_told_in_place(desk: Looking) -> None:
    page = arrive(desk, "/siting?kind=school&lang=zh")
    page.click("[data-tool=polygon]")
    for x, y in ((300, 200), (360, 200), (360, 260), (300, 260)):
        page.locator("#siting-map").click(position={"x": x, "y": y})
    page.click("#finish")
    expect(page.locator("#answer .rules").first).to_be_visible()
    expect(page.locator(".corner-mark")).to_have_count(4)
    feature = {"type": "Feature", "properties": {}, "geometry": box(-1500, -3500, -1400, -3400)}
    content = json.dumps(feature).encode()
    with page.expect_response(lambda answer: "/api/v1/siting?" in answer.url) as told:
        page.set_input_files("#file", {"name": "a.json", "mimeType": "application/json", "buffer": content})
    assert told.value.json()["site"]["area_m2"] == 10_000
    page.set_input_files("#file", {"name": "a.json", "mimeType": "application/json", "buffer": b"{"})
    expect(page.locator("#problem")).to_contain_text("GeoJSON")
    page.fill("[name=lon]", "100")
    page.fill("[name=lat]", "28")
    expect(page.locator("#problem")).to_contain_text("拟建用地")
    desk.errors.clear()  # the browser notes the refused question itself


def test_a_search_is_drawn_listed_and_named(desk: Looking) -> None:
    page = arrive(desk, "/siting?kind=fireworks_retail&lang=zh")
    page.select_option("#cell", "200")
    page.click("#run")
    expect(page.locator("#found .counts")).to_contain_text("否决")
    expect(page.locator("#found")).to_contain_text("全市各处都受限")
    seen = page.evaluate("""() => {
      const canvas = document.querySelector(".cells-layer");
      const { data } = canvas.getContext("2d").getImageData(0, 0, canvas.width, canvas.height);
      const found = new Set();
      for (let i = 0; i < data.length; i += 4) if (data[i + 3] === 255) found.add([...data.slice(i, i + 3)].map((v) => v.toString(16)).join(""));
      return [...found];
    }""")
    assert {"63c2a0", "56264d"} <= set(seen)
    desk.picture("siting-search")
    lon, lat = lonlat(3100, 100)
    page.locator("#found tr[data-go]").first.click()
    expect(page.locator(NOW)).to_have_text("需开展专项安全评估论证")
    page.fill("[name=lon]", str(lon))
    page.fill("[name=lat]", str(lat))
    page.locator("#siting-map").click(position={"x": 300, "y": 225})
    expect(page.locator(".cell-told")).to_be_visible()


def test_a_phone(crowded: Served, chromium: Browser) -> None:
    """Nothing is wider than the screen, in English and in Chinese."""
    with looking(chromium, crowded, "city", PHONE, first="/account") as person:

        def fits(name: str) -> None:
            for width in (390, 320):
                person.page.set_viewport_size({"width": width, "height": 844})
                assert person.page.evaluate("document.documentElement.scrollWidth - innerWidth") <= 0, width
            person.picture(name)

        page = arrive(person, address("fireworks_retail", -1990, -1950, "&lang=en"))
        expect(page.locator(NOW)).to_have_text("Vetoed")
        page.click("[data-pin=A]")
        expect(page.locator("#compared .side")).to_be_visible()
        fits("siting-phone")
        page.goto(person.site.url + "/siting/relocation?lang=zh")
        expect(page.locator("tbody tr")).to_contain_text("示例储罐")
        fits("relocation-phone")


def test_the_relocation_list_is_one_by_page_file_and_command(crowded: Served, tmp_path: Path) -> None:
    told = crowded.program("city").get("/api/v1/siting/relocation").json()
    (one,) = told["items"]
    assert (one["code"], one["people"]) == ("S-tank", 1600.0)
    client = crowded.browser("planner").client
    (row,) = csv.DictReader(io.StringIO(client.get("/siting/relocation.csv").content.decode("utf-8-sig")))
    assert float(row["减少的风险（人·分）"]) == one["risk_removed"] > 0
    assert client.get("/siting/relocation").status_code == 200
    assert crowded.browser("township").client.get("/siting/relocation").status_code == 403
    settings = Settings(database_url=crowded.dsn, home=tmp_path)
    run = CliRunner().invoke(app, ["siting", "relocation", "--json"], obj=settings)
    assert json.loads(run.stdout)["items"][0]["code"] == "S-tank"

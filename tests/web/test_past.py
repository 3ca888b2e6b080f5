"""The past on pages, in the interface and on the command line: any day of the demo's year has levels and accounts."""

import json
import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from playwright.sync_api import Browser
from typer.testing import CliRunner, Result

from riskmap.settings import Settings
from tests import town
from tests.browser import DESK, PHONE, launched, looking
from tests.served import Served
from web.commands import app

FIRST, SECOND = "2025-10-01", "2026-03-15"
AREAS = ("cities", "townships", "villages", "overlays")


@pytest.fixture(scope="module")
def city(demo_site: Served) -> httpx.Client:
    return demo_site.program("city")


@pytest.fixture(scope="module")
def chromium() -> Iterator[Browser]:
    with launched() as browser:
        yield browser


def micro(points: float) -> int:
    return round(points * 1e6)


@pytest.mark.parametrize("day", [FIRST, SECOND])
def test_a_day_of_the_year_has_levels_and_accounts_that_add_up(city: httpx.Client, day: str) -> None:
    worst = {}
    for plural in ("sources", "enterprises", "grids", *AREAS):
        answer = city.get(f"/api/v1/{plural}", params={"as_of": day, "limit": 1000, "geometry": False}).json()
        rows = answer["items"]
        assert rows, plural
        assert {(one["run_id"], one["computed"], one["data_time"][:10]) for one in rows} == {
            (None, True, day)
        }
        assert all(one["level"] for one in rows if one.get("status") != "closed"), plural
        worst[plural] = max((one for one in rows if one["score"]), key=lambda one: one["score"])
    for plural, one in worst.items():
        account = city.get(f"/api/v1/{plural}/{one['code']}/explain", params={"as_of": day}).json()
        assert account["score"] == one["score"], plural
        assert sum(micro(line["value"]) for line in account["contributions"]) == micro(one["score"])
        assert (account["computed"], account["data_time"]) == (True, one["data_time"])
    now = city.get(f"/api/v1/townships/{worst['townships']['code']}").json()
    assert now["computed"] is False
    assert now["run_id"]
    burden = sum(
        one["burden"] for one in city.get("/api/v1/townships", params={"as_of": day}).json()["items"]
    )
    assert burden == city.get("/api/v1/cities/430981", params={"as_of": day}).json()["burden"]


def test_the_levels_of_a_day_are_those_of_its_recomputed_run(
    city: httpx.Client, demo_site: Served, tmp_path: Path
) -> None:
    made = document(command(demo_site, tmp_path)("assess", "--as-of", FIRST, "--json"))
    rows = city.get("/api/v1/villages", params={"as_of": FIRST, "limit": 1000, "geometry": False}).json()[
        "items"
    ]
    found = {level: sum(one["level"] == level for one in rows) for level in made["levels"]["village"]}
    assert found == made["levels"]["village"]


def test_a_township_sees_its_own_past_and_the_colours_of_all(demo_site: Served) -> None:
    own = demo_site.program("township")
    areas = own.get("/api/v1/townships", params={"as_of": FIRST}).json()["items"]
    assert len(areas) == 14
    assert all(one["level"] for one in areas)
    assert [one["code"] for one in areas if one["score"] is not None] == [town.OURS]
    sources = own.get("/api/v1/sources", params={"as_of": FIRST, "limit": 1000}).json()["items"]
    assert {one["township_code"] for one in sources} == {town.OURS}
    assert all(one["score"] for one in sources if one["status"] != "closed")
    other = next(one["code"] for one in areas if one["code"] != town.OURS)
    assert own.get(f"/api/v1/townships/{other}/explain", params={"as_of": FIRST}).status_code == 404
    account = own.get(f"/api/v1/townships/{town.OURS}/explain", params={"as_of": FIRST}).json()
    whole = demo_site.program("city").get(f"/api/v1/townships/{town.OURS}/explain", params={"as_of": FIRST})
    assert account["score"] == whole.json()["score"]
    assert sum(micro(line["value"]) for line in account["contributions"]) == micro(account["score"])
    hidden = [line for line in account["contributions"] if line["kind"] == "neighbour"]
    assert hidden
    assert all(line["record"] is None for line in hidden)


@pytest.mark.parametrize("address", ["/risk", "/sources", "/sources?what=enterprise", "/explain/city/430981"])
@pytest.mark.parametrize("lang", ["zh", "en"])
def test_pages_say_which_day_they_tell(demo_site: Served, address: str, lang: str) -> None:
    client = demo_site.browser("city").client
    join = "&" if "?" in address else "?"
    now = client.get(f"{address}{join}lang={lang}").text
    then = client.get(f"{address}{join}lang={lang}&as_of={FIRST}").text
    assert 'class="banner calm past"' not in now
    banner = re.search(r'<p class="banner calm past" role="status">(.*?)</p>', then, re.DOTALL)
    assert banner
    assert f"{FIRST} 23:59" in banner[1]
    assert f"as_of={FIRST}" not in banner[1], "the way back to now"
    assert f'name="as_of" value="{FIRST}"' in then
    links = re.findall(r'href="(/explain/[^"]*)"', then.replace(banner[0], ""))
    assert links
    assert all(f"as_of={FIRST}" in link for link in links)
    assert not any("as_of" in link for link in re.findall(r'href="(/explain/[^"]*)"', now))
    assert then != now


def test_a_day_that_is_none_is_refused_on_pages_too(demo_site: Served) -> None:
    client = demo_site.browser("city").client
    assert client.get("/sources?as_of=2026-13-01").status_code == 422
    assert client.get("/sources?as_of=").status_code == 200, "an empty field asks for nothing"
    assert demo_site.client().get(f"/api/v1/sources?as_of={FIRST}").status_code in (401, 303)


@pytest.mark.browser
@pytest.mark.parametrize("size", [DESK, PHONE], ids=["desk", "phone"])
def test_the_date_is_chosen_on_the_page(chromium: Browser, demo_site: Served, size: dict[str, int]) -> None:
    with looking(chromium, demo_site, "city", size, first="/sources?what=source&text=H0003") as person:
        page = person.page
        page.fill(".as-of input[type=date]", FIRST)
        page.click(".as-of button")
        page.wait_for_selector(".banner.past")
        person.picture(f"past-sources-{size['width']}")
        assert f"as_of={FIRST}" in page.url
        assert "text=H0003" in page.url
        page.click("table.rows a[href^='/explain/source/H0003']")
        page.wait_for_selector("table.account")
        assert page.locator(".banner.past").is_visible()
        person.picture(f"past-account-{size['width']}")
        page.click(".banner.past a")
        page.wait_for_selector("table.account")
        assert page.locator(".banner.past").count() == 0


# --- the command line ------------------------------------------------------------------------------------------


def command(site: Served, home: Path) -> Callable[..., Result]:
    settings = Settings(database_url=site.dsn, home=home)
    return lambda *words: CliRunner().invoke(app, list(words), obj=settings)


def document(result: Result) -> dict[str, Any]:
    assert result.exit_code == 0, result.output
    told: dict[str, Any] = json.loads(result.stdout)
    return told


def test_commands_tell_the_past_and_do_a_run_again(demo_site: Served, tmp_path: Path) -> None:
    run = command(demo_site, tmp_path)
    shown = document(run("show", "township", town.OURS, "--as-of", SECOND, "--json"))
    assert (shown["computed"], shown["run_id"]) == (True, None)
    account = document(run("explain", "township", town.OURS, "--as-of", SECOND, "--json"))
    assert account["score"] == shown["score"]
    assert run("show", "danger", "--as-of", SECOND, "--json").exit_code == 0
    past = document(run("assess", "--as-of", SECOND, "--json"))
    answer = document(run("replay", str(past["run_id"]), "--json"))
    assert (answer["answer"], answer["replayed_hash"]) == ("equal", past["result_hash"])
    first = run("replay", "1")
    assert first.exit_code == 0
    assert "相同" in first.stdout
    missing = run("replay", "9999", "--json")
    assert missing.exit_code == 1

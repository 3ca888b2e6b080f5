"""怎样降级 as people and programs see it: the API, the page, the way to it from the map, and the command."""

import json
import re
from pathlib import Path
from typing import Any

import httpx
import pytest
from playwright.sync_api import expect
from typer.testing import CliRunner

from riskmap.settings import Settings
from tests import town
from tests.browser import DESK, PHONE, launched, looking
from tests.served import Served
from web.commands import app
from web.texts import texts

RED = f"township/{town.OURS}"
LEFT = ('<span class="scale">当前风险 </span>', '<span class="scale">动态升高 </span>')


@pytest.fixture(scope="module")
def city(demo_site: Served) -> httpx.Client:
    return demo_site.program("city")


@pytest.fixture(scope="module")
def answer(city: httpx.Client) -> dict[str, Any]:
    found: dict[str, Any] = city.get(f"/api/v1/townships/{town.OURS}/actions").json()
    return found


def test_the_interface_tells_actions_and_gains(city: httpx.Client, answer: dict[str, Any]) -> None:
    assert answer["level"] != answer["level_after"]
    assert answer["score_after"] < answer["score"]
    account = city.get(f"/api/v1/townships/{town.OURS}/explain").json()
    pairs = [(line["record"], line["value"]) for line in answer["contributions"]]
    assert pairs == [(line["record"], line["value"]) for line in account["contributions"]]
    cut = next(one for one in answer["actions"] if one["kind"] == "cut_inventory")
    assert 0 <= cut["to_t"] < cut["quantity_t"]
    assert cut["cut_t"] == pytest.approx(cut["quantity_t"] - cut["to_t"])
    english = city.get(f"/api/v1/townships/{town.OURS}/actions", params={"lang": "en"}).json()
    at = answer["actions"].index(cut)
    assert english["actions"][at]["record"] == cut["record"]
    assert english["actions"][at]["label"].startswith("Cut ")


@pytest.mark.parametrize(
    ("query", "status"),
    [
        ("goal=green", 422),
        ("goal=red", 422),
        ("of=score", 422),
        ("done=" + "&done=".join(["x"] * 101), 422),
        ("done=source/x", 200),
    ],
)
def test_what_it_cannot_tell_is_refused(city: httpx.Client, query: str, status: int) -> None:
    found = city.get(f"/api/v1/townships/{town.OURS}/actions?{query}")
    assert found.status_code == status
    if status == 200:
        assert found.json()["tried"]["records"] == []


def test_a_part_of_the_set_is_tried_on_the_page(demo_site: Served, answer: dict[str, Any]) -> None:
    client = demo_site.browser("city").client
    page = client.get(f"/actions/{RED}").text
    assert page.count(LEFT[0]) == 2
    boxes = re.findall(r'name="done" value="([^"]+)" checked', page)
    assert boxes == [one["record"] for one in answer["actions"]]
    part = client.get(f"/actions/{RED}", params={"done": boxes[1:]}).text
    assert re.findall(r'name="done" value="([^"]+)" checked', part) == boxes[1:]
    assert f"只完成所选 {len(boxes) - 1} 项" in part
    assert part.count(LEFT[0]) == 3
    rise = client.get(f"/actions/{RED}", params={"of": "rise_level"}).text
    assert LEFT[1] in rise
    english = client.get(f"/actions/{RED}", params={"lang": "en"}).text
    ours = {value for key, value in texts("zh").items() if key.startswith("remedies.") and len(value) > 3}
    assert not [value for value in ours if value in english]


def test_the_command_prints_what_the_interface_tells(
    demo_database: str, tmp_path: Path, answer: dict[str, Any]
) -> None:
    settings = Settings(database_url=demo_database, home=tmp_path)
    words = ["explain", "township", town.OURS, "--actions"]
    told = CliRunner().invoke(app, [*words, "--json"], obj=settings)
    assert told.exit_code == 0, told.output
    assert json.loads(told.stdout)["actions"] == answer["actions"]
    shown = CliRunner().invoke(app, words, obj=settings)
    assert shown.exit_code == 0
    assert f"需要 {len(answer['actions'])} 项措施" in shown.stdout
    alone = CliRunner().invoke(app, ["explain", "township", town.OURS, "--goal", "blue"], obj=settings)
    assert alone.exit_code == 2
    worse = CliRunner().invoke(app, [*words, "--goal", answer["level"], "--json"], obj=settings)
    assert worse.exit_code == 1


@pytest.mark.browser
@pytest.mark.parametrize("size", [DESK, PHONE], ids=["desk", "phone"])
def test_the_way_down_is_found_from_the_map(demo_site: Served, size: dict[str, int]) -> None:
    """From the panel to the list; one unticked, the colour stays as bad as it was."""
    with launched() as chromium, looking(chromium, demo_site, "city", size, first=f"/?show={RED}") as person:
        person.page.locator("#panel a.way-down").click()
        expect(person.page.get_by_role("heading", level=1)).to_have_text("怎样降级")
        boxes = person.page.locator(".todo input[name=done]")
        before = person.page.locator(".change .level").first.text_content()
        for k in range(boxes.count()):
            boxes.nth(k).uncheck()
        person.page.get_by_role("button", name="按所选重新计算").click()
        tried = person.page.locator(".tried .level")
        expect(tried).to_have_text(before or "")
        person.picture(f"remedies-{'phone' if size == PHONE else 'desk'}")
        wide = person.page.evaluate("() => document.documentElement.scrollWidth - innerWidth")
        assert wide <= 0, "nothing stands out at the side"

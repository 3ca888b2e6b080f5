"""A zone that has ended keeps its page: what it was, when and why it ended, what became of it, for whoever could see it."""

import json
import re
from datetime import datetime
from html import escape
from pathlib import Path

import pytest
from playwright.sync_api import Browser as Chromium
from playwright.sync_api import expect
from typer.testing import CliRunner

from layers.database import owner_engine
from layers.history import CLOCK
from riskmap.settings import Settings
from tests import town, zone_town
from tests.browser import PHONE, looking
from tests.served import Served, found
from tests.zone_town import LEAD, NAMES, OURS_2, OWN_1, OWN_2, SECRETS, THEIRS_1, THEIRS_2
from web.commands import app

TODAY = datetime.now(CLOCK).date().isoformat()


@pytest.fixture
def ended(own_zone_site: Served) -> Served:
    """Of the zone across the border one member is left; of the other zone nobody."""
    zone, _ = zone_town.zone_codes(own_zone_site.dsn)
    city = own_zone_site.program("city")
    for note in (
        {"kind": "agreement", "title": "联防协议", "done_on": "2026-01-05"},
        {"kind": "contact", "title": "秘密联系人", "unit_code": THEIRS_1, "phone": "000-777"},
    ):
        assert city.post(f"/api/v1/zones/{zone}/records", json=note).status_code == 200
    owner = owner_engine(own_zone_site.dsn)
    zone_town.end(owner, OURS_2, THEIRS_1, THEIRS_2)
    zone_town.end(owner, OWN_1, OWN_2)
    owner.dispose()
    return own_zone_site


def test_an_ended_zone_is_told_as_it_was_with_its_end(
    ended: Served, chromium: Chromium, tmp_path: Path
) -> None:
    city = ended.program("city")
    listed = found(city.get("/api/v1/zones"))
    assert listed["items"] == []
    page = ended.browser("city").client.get("/zones").text
    across, own = re.findall(r'href="/zones/(Z[0-9a-f]{10})"', page)[::-1]
    zone = found(city.get(f"/api/v1/zones/{across}"))
    assert zone["members"] == [LEAD, OURS_2, THEIRS_1, THEIRS_2]
    assert zone["geometry"]["type"] == "Polygon"
    end = zone["ended"]
    assert (end["kind"], end["other"], end["agreement"], end["day"]) == ("dissolve", None, "ends", TODAY)
    assert {"code": THEIRS_1, "what": "closed"} in end["causes"]
    assert [one["kind"] for one in zone["lineage"]] == ["dissolve", "new"]
    assert {one["title"] for one in zone["ledger"]["records"]} == {"联防协议", "秘密联系人"}
    account = found(city.get(f"/api/v1/zones/{across}/explain"))
    assert (
        account["score"]
        == zone["score"]
        == pytest.approx(sum(one["value"] for one in account["contributions"]))
    )
    settings = Settings(database_url=ended.dsn, home=tmp_path)
    shown = CliRunner().invoke(app, ["show", "zone", across, "--json"], obj=settings)
    assert json.loads(shown.stdout)["ended"] == end
    _nobody_learns_more_than_before(ended, across, own)
    with looking(chromium, ended, "city", {"width": 1280, "height": 800}) as person:
        person.page.goto(f"{ended.url}/zones/{across}")
        person.page.wait_for_selector("#zone-map[aria-busy='false']")
        expect(person.page.locator(".ended")).to_contain_text(f"该片区已于 {TODAY} 终止：解散")
        expect(person.page.locator(".ended")).to_contain_text(f"{NAMES[THEIRS_2]}关闭或撤销")
        expect(person.page.locator("#zone-map .member-no")).to_have_count(4)
        person.picture("zone_ended")
        person.page.set_viewport_size({"width": PHONE["width"], "height": PHONE["height"]})
        assert person.page.evaluate("document.documentElement.scrollWidth") <= PHONE["width"]
        person.picture("zone_ended_phone")
        person.page.goto(f"{ended.url}/zones")
        person.page.click("#ended summary")
        person.picture("zones_ended_phone")


def _nobody_learns_more_than_before(ended: Served, across: str, own: str) -> None:
    """Each township its own members and the projection of the others; who had no member, nothing."""
    for name, mine in (("township", [LEAD, OURS_2]), ("over", [THEIRS_1, THEIRS_2])):
        zone = found(ended.program(name).get(f"/api/v1/zones/{across}"))
        assert zone["members"] == mine
        assert [one["distance_m"] for one in zone["neighbours"]] == pytest.approx([30, 60], abs=1)
        assert "联防协议" in [one["title"] for one in zone["ledger"]["records"]]
    page = ended.browser("township").client.get(f"/zones/{across}").text
    told = [page, ended.program("township").get(f"/api/v1/zones/{across}").text]
    assert not [secret for answer in told for secret in (*SECRETS, "秘密联系人") if secret in answer]
    assert f"{escape(NAMES[OURS_2])}关闭或撤销" in page
    assert ended.program("over").get(f"/api/v1/zones/{own}").status_code == 404
    assert ended.program("township").get(f"/api/v1/zones/{own}?as_of=2019-12-31").status_code == 404
    assert ended.program("township").get(f"/api/v1/zones?township={town.OURS}").json()["items"] == []
    sheet = ended.browser("city").client.get(f"/zones/{across}/sheet")
    assert (sheet.status_code, "终止" in sheet.text) == (404, True)
    never = ended.browser("city").client.get("/zones/Z0000000000")
    assert (never.status_code, "片区列表" in never.text) == (404, True)

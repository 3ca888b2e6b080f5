"""The pages of joint-control zones looked at: desk, phone and paper, without an error or a foreign request."""

import re

from playwright.sync_api import Browser as Chromium
from playwright.sync_api import expect

from tests.browser import PHONE, SCREENSHOTS, looking
from tests.served import Served
from tests.zone_town import LEAD, NAMES, OURS_2, THEIRS_1, THEIRS_2

DESK = {"width": 1280, "height": 800}


def test_zones_seen(zone_site: Served, chromium: Chromium, zone_codes: tuple[str, str]) -> None:
    """List, trial, zone and map on a desk, without an error or a foreign request; English without a Chinese word of ours."""
    with looking(chromium, zone_site, "city", DESK) as person:
        page = person.page
        page.goto(f"{zone_site.url}/zones")
        page.wait_for_selector("#zone-map[aria-busy='false']")
        page.fill("input[name=distance]", "500")
        page.click("#what-if button.primary")
        expect(page.locator("#what-if-told")).to_contain_text("试算得到", timeout=90_000)
        expect(page.locator("#zone-map path.leaflet-interactive")).to_have_count(2)
        person.picture("zones")
        page.goto(f"{zone_site.url}/zones/{zone_codes[0]}")
        page.wait_for_selector("#zone-map[aria-busy='false']")
        expect(page.locator("#zone-map .member-no")).to_have_count(4)
        links = person.ask(f"/api/v1/zones/{zone_codes[0]}")["links"]
        expect(page.locator("#zone-map path.leaflet-interactive")).to_have_count(len(links))
        person.picture("zone")
        page.goto(f"{zone_site.url}/zones/{zone_codes[0]}?lang=en")
        english = page.inner_text("main")
        for name in (*NAMES.values(), "片区值守", "秘密", "片区"):  # what is on file
            english = english.replace(name, "")
        assert re.findall(r"[\u4e00-\u9fff]+", english) == []
        person.open(f"/?show=zone/{zone_codes[0]}&lang=zh")
        expect(page.locator("#panel .panel-name")).to_have_attribute("tabindex", "-1")
        expect(page.locator("#panel .panel-kind")).to_have_text("联防联控片区")
        expect(page.locator("#panel a.wide").last).to_have_attribute("href", f"/zones/{zone_codes[0]}")
        assert page.locator('[data-layer="zone"]').is_checked()
        person.picture("zone_on_map")


def test_zones_on_a_phone(zone_site: Served, chromium: Chromium, zone_codes: tuple[str, str]) -> None:
    with looking(chromium, zone_site, "township", PHONE) as person:
        page = person.page
        for address, name in (("/zones", "zones_phone"), (f"/zones/{zone_codes[0]}", "zone_phone")):
            page.goto(zone_site.url + address)
            page.wait_for_selector("#zone-map[aria-busy='false']")
            assert page.evaluate("document.documentElement.scrollWidth") <= PHONE["width"]
            person.picture(name)
        expect(page.locator("#zone-map .member-no")).to_have_count(
            2
        )  # the others' places are not ours to know


def test_the_sheet_on_paper(zone_site: Served, chromium: Chromium, zone_codes: tuple[str, str]) -> None:
    """A4, every part on it, in black on white without bar and banner; kept as a PDF and a picture to be looked at."""
    with looking(chromium, zone_site, "city", DESK) as person:
        page = person.page
        page.goto(f"{zone_site.url}/zones/{zone_codes[0]}/sheet")
        page.emulate_media(media="print")
        for hidden in ("header.bar", ".strip", ".sheet-actions"):
            expect(page.locator(hidden)).to_be_hidden()
        expect(page.locator(".drawing .site")).to_have_count(4)
        # the page's own bar is hidden on paper, not this one
        expect(page.locator(".drawing .scale-bar")).to_be_visible()
        links = person.ask(f"/api/v1/zones/{zone_codes[0]}")["links"]
        expect(page.locator(".drawing .link")).to_have_count(len(links))
        paper = page.inner_text(".paper")
        members = [NAMES[code] for code in (LEAD, OURS_2, THEIRS_1, THEIRS_2)]
        for part in ("联防联控表", *members, "片区值守", "000-111", "联合预案", "救援资源", "下次日期"):
            assert part in paper
        person.picture("zone_sheet")
        SCREENSHOTS.mkdir(exist_ok=True)
        made = page.pdf(path=SCREENSHOTS / "zone_sheet.pdf", prefer_css_page_size=True)
        boxes = set(re.findall(rb"/MediaBox ?\[ ?0 0 ([\d.]+) ([\d.]+)\]", made))
        assert [(round(float(w)), round(float(h))) for w, h in boxes] in ([(595, 842)], [(596, 842)])

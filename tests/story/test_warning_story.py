"""From a table to an answer: one inventory in an Excel file is changed, and the leader whose ground it is signs for it.

The whole worker runs beside the web server; nobody tells it to look. What the phone, the desk, the map, the audit and
the CAP feed say of it is one thing.
"""

import re
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from io import BytesIO
from pathlib import Path

import openpyxl
import pytest
from playwright.sync_api import expect

from jobs.drop import Drop
from jobs.risk import assess
from jobs.work import Worker
from layers.database import owner_engine
from tests import town
from tests.browser import PHONE, launched, looking
from tests.database import Databases
from tests.import_files import load, rows
from tests.served import Served, add_people, found, served

LEADER = "township"
TONNES = 260
PLACE = {"lon": 112.31, "lat": 28.81, "z": 16}
"""where the tank stands"""
_CAP = "{urn:oasis:names:tc:emergency:cap:1.2}"


def _before(dsn: str) -> None:
    """The town with people, a leader for the tank's ground, and twenty tonnes in the tank."""
    town.build(dsn)
    ours = town.scope(town.OURS)
    add_people(dsn, town.OURS, ours["village_code"], ours["grid_code"], ours["enterprise_code"])
    owner = owner_engine(dsn)
    held = {"role": "leader", "object_layer": "area", "object_code": town.OURS, "phone": "101"}
    town.put(owner, "duty", "D-L", town.OURS, person=LEADER, **held)
    owner.dispose()


@pytest.fixture
def site(databases: Databases, prepared: str, tmp_path: Path) -> Iterator[Served]:
    ready = databases.template("riskmap_warning_story", _before, prepared)
    with databases.fresh(ready) as dsn:
        owner = owner_engine(dsn)
        load(
            owner,
            tmp_path,
            "inventory",
            "source_code,substance,quantity_t",
            "ours-tank,液化石油气,20",
            at=None,
        )
        assess(owner, actor="test")
        owner.dispose()
        with served(dsn, tmp_path) as running, _worker(dsn, tmp_path):
            yield running


@contextmanager
def _worker(dsn: str, home: Path) -> Iterator[None]:
    """The worker as `riskmap work` runs it, in a thread."""
    owner, drop = owner_engine(dsn), Drop.of(home)
    drop.make()
    worker = Worker(dsn, owner, lambda: None, home=home, drop=drop)
    thread = threading.Thread(target=worker.run)
    thread.start()
    try:
        yield
    finally:
        worker.stop()
        thread.join()
        owner.dispose()


def _workbook() -> bytes:
    book = openpyxl.Workbook()
    sheet = book.active
    sheet.append(["source_code", "substance", "quantity_t"])
    sheet.append(["ours-tank", "液化石油气", TONNES])
    content = BytesIO()
    book.save(content)
    return content.getvalue()


def test_an_excel_file_reaches_the_leader_who_signs(site: Served) -> None:
    owner = owner_engine(site.dsn)
    city, desk = site.program("city"), site.browser("city").client
    with launched() as chromium, looking(chromium, site, LEADER, PHONE, first="/phone") as person:
        page = person.page
        seen = page.locator("article.warning", has_text="存量")
        expect(page.locator(".strip")).to_be_visible()
        assert rows(owner, "SELECT 1 FROM warning WHERE kind = 'inventory'") == []

        file = {"file": ("库存.xlsx", _workbook())}
        report = found(city.post("/api/v1/imports", data={"layer": "inventory"}, files=file))
        assert (report["updated"], report["inserted"]) == (1, 0)
        expect(seen).to_be_visible(timeout=60_000)
        print(seen.inner_text())
        (one,) = found(city.get("/api/v1/alerts", params={"kind": "inventory"}))["items"]
        print(one)
        assert LEADER in desk.get("/alerts").text
        page.screenshot(path="/tmp/shots/dr-story-phone.png")
        print(re.sub(r"<[^>]+>|\s+", " ", desk.get("/alerts").text)[:3000])
        seen.get_by_role("button", name="签收").click()
        expect(seen).to_contain_text("处置")
        print(found(city.get(f"/api/v1/alerts/{one['id']}"))["steps"])
        print(city.get("/cap/feed.atom").text[:3000])
        print(found(city.get("/api/v1/sources/ours-tank")))
        print(rows(owner, "SELECT rev, actor, job, reason FROM revision ORDER BY rev DESC LIMIT 8"))
        print(city.get("/identify", params=PLACE).json())
    owner.dispose()

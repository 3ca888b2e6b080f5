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
from typing import Any

import openpyxl
import pytest
from playwright.sync_api import expect

from jobs.drop import Drop
from jobs.risk import assess
from jobs.work import Worker
from layers.audit import verify
from layers.cap_reading import read_cap
from layers.database import owner_engine, snapshot
from riskmap.cap import SEVERITY_OF
from tests import town
from tests.browser import PHONE, launched, looking
from tests.database import Databases
from tests.import_files import load, rows
from tests.processes import until
from tests.served import Served, add_people, found, served

LEADER = "township"
TONNES = 260
PLACE = "/identify?lon=112.31&lat=28.81&z=16"
"""where the tank stands"""
_LONG_MS = 60_000


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


def _card(text: str, number: int) -> str:
    """The card of one warning on the desk, with its forms."""
    card = re.search(rf'<article class="warning [^>]*id="w{number}".*?</article>', text, re.DOTALL)
    assert card
    return card[0]


@pytest.mark.timeout(300)
def test_an_excel_file_reaches_the_leader_who_signs(site: Served) -> None:
    city, desk = site.program("city"), site.browser("city").client
    with launched() as chromium, looking(chromium, site, LEADER, PHONE, first="/phone") as person:
        cards = person.page.locator("article.warning")
        expect(cards).to_have_count(1, timeout=_LONG_MS)  # an overdue danger: the first pass knows how it was
        assert "存量" not in cards.inner_text()

        file = {"file": ("库存.xlsx", _workbook())}
        report = found(city.post("/api/v1/imports", data={"layer": "inventory"}, files=file))
        assert (report["updated"], report["inserted"]) == (1, 0)
        card = cards.filter(has_text="存量提示：ours tank")
        expect(card).to_be_visible(timeout=_LONG_MS)
        expect(card.locator("blockquote")).to_contain_text("为临界量的520%")
        (one,) = found(city.get("/api/v1/alerts", params={"kind": "inventory"}))["items"]
        assert (one["state"], one["warn"], one["said"]["percent"]) == ("sent", "orange", 520)

        unsigned = _card(desk.get("/alerts").text, one["id"])
        for told in (f'action="/alerts/{one["id"]}/call"', LEADER, "101"):
            assert told in unsigned, "whoever does not sign is called"
        card.get_by_role("button", name="签收").click()
        expect(card.get_by_role("button", name="开始处置")).to_be_visible()
        signed = found(city.get(f"/api/v1/alerts/{one['id']}"))
        assert (signed["state"], signed["signed_by"]) == ("signed", [LEADER])
        assert signed["proofs"][LEADER].keys() >= {"sent", "read", "signed"}

        tank = found(city.get("/api/v1/sources/ours-tank"))
        seen = next(hit for hit in person.ask(PLACE)["hits"] if hit["layer"] == "source")
        assert (seen["code"], seen["level"], seen["rise_level"]) == (
            one["source_code"],
            tank["level"],
            tank["rise_level"],
        )
        assert tank["s"] * 100 == one["said"]["percent"]
    _audited(site, one["id"])
    _in_cap(site, one, signed["messages"][0]["text"])


def _audited(site: Served, number: int) -> None:
    """Who did what, in order, and nothing of it was touched."""
    owner = owner_engine(site.dsn)
    done = rows(owner, "SELECT actor, job, reason FROM revision ORDER BY rev")
    wanted = [
        ("city", "import"),
        ("scheduler", "assess"),
        ("scheduler", "alerts"),
        (LEADER, "read"),
        (LEADER, "warning"),
    ]
    since = [row[:2] for row in done[max(n for n, row in enumerate(done) if row[1] == "import") :]]
    assert [step for step in dict.fromkeys(since) if step in wanted] == wanted
    assert (LEADER, "warning", f"预警提示 {number}：sign") in done
    with snapshot(owner) as connection:
        assert verify(connection) == []
    owner.dispose()


def _in_cap(site: Served, one: dict[str, Any], text: str) -> None:
    """The leader's own feed has the warning under its number, restricted, in the words of the message."""
    leader = site.program(LEADER)
    until(lambda: f"-{one['id']:05d}.1.xml" in leader.get("/cap/feed.atom").text)
    (name,) = re.findall(rf"/cap/([^\"]+-{one['id']:05d}\.1)\.xml", leader.get("/cap/feed.atom").text)
    alert = read_cap(name, leader.get(f"/cap/{name}.xml").content)
    chinese = next(info for info in alert.infos if info.language == "zh-CN")
    assert (alert.status, alert.msg_type, alert.scope) == ("Actual", "Alert", "Restricted")
    assert (chinese.headline, chinese.severity) == ("存量提示：ours tank", SEVERITY_OF["orange"])
    assert "为临界量的520%" in chinese.description
    assert chinese.description.split("请于")[0] == text.split("请于", maxsplit=1)[0]

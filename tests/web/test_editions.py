"""The editions page: what it shows is what the interface tells, approval by those who may, on desk and phone."""

import re
from collections.abc import Iterator
from dataclasses import replace
from datetime import date, datetime
from pathlib import Path

import pytest
from playwright.sync_api import Browser as Chromium
from playwright.sync_api import expect

from jobs.editions import draft
from jobs.risk import assess
from layers.audit import revisions
from layers.database import owner_engine, snapshot
from layers.history import CLOCK
from riskmap.edition_files import write_edition
from tests import town
from tests.browser import DESK, PHONE, launched, looking
from tests.database import Databases
from tests.riskmap.standard import edited
from tests.served import Served, served

TODAY = datetime.now(CLOCK).date()
ROLES_WITHOUT = ("planner", "auditor", "township", "village", "grid", "enterprise", "committee")


@pytest.fixture(scope="module")
def chromium() -> Iterator[Chromium]:
    with launched() as browser:
        yield browser


def add_draft(dsn: str, folder: Path, name: str = "2027-1") -> None:
    """A draft in which the heaviest item leads less."""
    write_edition(
        replace(
            edited("risk", lambda table: table["lead"].update(share_permille=400)),
            name=name,
            title="<b>试行</b>",
        ),
        folder / name,
    )
    owner = owner_engine(dsn)
    draft(owner, folder / name, actor="test")
    owner.dispose()


@pytest.fixture
def small(databases: Databases, town_template: str, tmp_path: Path) -> Iterator[Served]:
    """The town, assessed, with a draft."""
    with databases.fresh(town_template) as dsn:
        add_draft(dsn, tmp_path)
        owner = owner_engine(dsn)
        assess(owner, actor="test")
        owner.dispose()
        with served(dsn, tmp_path) as running:
            yield running


@pytest.fixture(scope="module")
def drafted(checked_site: Served, tmp_path_factory: pytest.TempPathFactory) -> Served:
    """The demo city with a draft, its colours checked."""
    add_draft(checked_site.dsn, tmp_path_factory.mktemp("editions"))
    return checked_site


def test_programs_read_editions_and_their_tables(small: Served) -> None:
    for name in ("city", "township", "enterprise"):
        program = small.program(name)
        found = program.get("/api/v1/editions").json()
        assert [(one["name"], one["state"]) for one in found["items"]] == [
            ("2026-1", "stand_in"),
            ("2027-1", "draft"),
        ]
        assert found["total"] == 2
    one = program.get("/api/v1/editions/2027-1").json()
    assert one["tables"]["risk"]["lead"] == {"share_permille": 400}
    assert one["approved_by"] is None
    assert program.get("/api/v1/editions/no-such").status_code == 404
    assert small.client(accept="application/json").get("/api/v1/editions").status_code == 401


def test_only_those_who_see_the_city_compare(small: Served) -> None:
    for name in ("admin", "city", "planner", "auditor"):
        found = small.program(name).get("/api/v1/editions/2027-1/compare").json()
        assert (found["old"]["name"], found["new"]["name"]) == ("2026-1", "2027-1")
        assert [one["new"] for one in found["differences"]] == [400]
    for name in ("township", "village", "grid", "enterprise", "committee"):
        assert small.program(name).get("/api/v1/editions/2027-1/compare").status_code == 403, name
        browser = small.browser(name).client
        assert browser.get("/editions?old=2026-1&new=2027-1").status_code == 403, name
        assert browser.get("/editions").status_code == 200, name
        assert 'name="old"' not in browser.get("/editions").text
    assert small.program("city").get("/api/v1/editions/2027-1/compare?old=gone").status_code == 404


def test_approval_by_those_who_may_and_who_mean_it(small: Served) -> None:
    form = {
        "by": "市安委会",
        "effective_from": TODAY.isoformat(),
        "reason": "沅安委〔2026〕1号",
        "confirmed": "yes",
    }
    for name in ROLES_WITHOUT:
        assert small.browser(name).post("/editions/2027-1/approve", **form).status_code == 403, name
    city = small.browser("city")
    assert city.client.post("/editions/2027-1/approve", data=form).status_code == 403, "no page token"
    assert city.post("/editions/2027-1/approve", **form | {"confirmed": ""}).status_code == 422
    assert city.post("/editions/2027-1/approve", **form | {"effective_from": "soon"}).status_code == 422
    assert city.post("/editions/2027-1/approve", **form | {"by": " "}).status_code == 422
    assert city.post("/editions/gone/approve", **form).status_code == 404
    before = city.client.get("/editions").text
    assert "目前没有已批准的版本" in before
    assert "未批准</a>" in before, "the strip says it on every page"
    done = city.post("/editions/2027-1/approve", **form)
    assert (done.status_code, done.headers["location"]) == (303, "/editions?old=2026-1&new=2027-1")
    after = city.client.get("/editions").text
    assert "目前没有已批准的版本" not in after
    assert "市安委会" in after
    assert "沅安委〔2026〕1号" in after
    assert "&lt;b&gt;试行" in after
    assert "<b>试行" not in after
    assert city.post("/editions/2027-1/approve", **form).status_code == 409
    told = small.program("city").get("/api/v1/editions/2027-1").json()
    assert (told["state"], told["approved_by"], told["approved_on"]) == (
        "in_force",
        "市安委会",
        TODAY.isoformat(),
    )
    owner = owner_engine(small.dsn)
    with snapshot(owner) as connection:
        written = [(one["actor"], one["job"]) for one in revisions(connection, 5)]
    owner.dispose()
    assert ("city", "edition") in written
    assert date.fromisoformat(told["effective_from"]) == TODAY


def test_the_page_shows_what_the_interface_tells(drafted: Served) -> None:
    program = drafted.program("city")
    told = program.get("/api/v1/editions/2027-1/compare").json()
    page = drafted.browser("city").client.get("/editions?old=2026-1&new=2027-1").text
    assert told["changed"]
    for kind, counted in told["kinds"].items():
        assert f"变色 {counted['changed']:,} / {counted['total']:,}" in page, kind
    for one in told["changed"][:20]:
        assert f'/explain/{one["kind"]}/{one["code"]}"' in page
    assert page.count('<svg class="turned"') == len(told["kinds"])
    counts = [int(n.replace(",", "")) for n in re.findall(r'class="count apart"[^>]*>([\d,]+)<', page)]
    assert sum(counts) == len(told["changed"])


def test_stability_is_told_beside_the_level(drafted: Served) -> None:
    check = drafted.program("township").get("/api/v1/stability").json()
    assert check["kinds"]["source"]["total"] > 1000
    assert check["moved"][0]["label"]
    program = drafted.program("city")
    own = program.get("/api/v1/townships").json()["items"]
    for scale in ("level", "base_level"):
        told = [
            program.get(f"/api/v1/townships/{one['code']}/explain").json()["stability"][scale] for one in own
        ]
        assert all(one["stable"] is (one["flips_with"] == []) for one in told)
        assert sum(one["stable"] for one in told) == check["kinds"]["township"][scale]


@pytest.mark.browser
@pytest.mark.parametrize(("size", "name"), [(DESK, "desk"), (PHONE, "phone")])
def test_a_person_compares_and_reads_why(
    chromium: Chromium, drafted: Served, size: dict[str, int], name: str
) -> None:
    drafted.program("city").get("/api/v1/editions/2027-1/compare")  # computed once, then kept
    with looking(chromium, drafted, "city", size, first="/editions") as person:
        page = person.page
        page.select_option("select[name=new]", "2027-1")
        page.get_by_role("button", name="比较", exact=True).click()
        expect(page.locator("svg.turned")).to_have_count(7)
        person.picture(f"editions-{name}")
        assert page.evaluate("() => document.documentElement.scrollWidth - innerWidth") <= 0
        page.locator("summary", has_text="批准版本").click()
        expect(page.get_by_label("批准机关")).to_be_visible()
        page.goto(drafted.url + f"/explain/township/{town.OURS}")
        page.locator("summary", has_text="颜色稳定性").click()
        person.picture(f"editions-explain-{name}")
        person.open(f"/?show=township/{town.OURS}")
        page.locator(".stability summary").click()
        expect(page.locator(".stability")).to_contain_text("与风险等级并列")
        person.picture(f"editions-panel-{name}")


@pytest.mark.browser
def test_a_person_approves(chromium: Chromium, small: Served) -> None:
    with looking(chromium, small, "city", DESK, first="/editions?old=2026-1&new=2027-1") as person:
        page = person.page
        page.locator("summary", has_text="批准版本").click()
        page.get_by_label("批准机关").fill("市安全生产委员会")
        page.get_by_role("button", name="批准版本").click()
        expect(page.locator(".state.draft")).to_have_count(1)  # the browser asks for the tick first
        page.get_by_label("已核对上面的比较结果").check()
        page.get_by_role("button", name="批准版本").click()
        expect(page.locator(".state.in_force")).to_have_count(1)

"""Warnings on screens: one thing to do at a time, by right and with proof; what is refused is said where one looks."""

import re
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from playwright.sync_api import Browser as Chromium
from playwright.sync_api import ViewportSize, expect
from sqlalchemy import Engine

from jobs.alerts import run_alerts
from jobs.calling import call_out
from layers.database import owner_engine, writing
from layers.history import open_revision
from layers.schema import metadata
from tests import town
from tests.browser import PHONE, Looking, looking
from tests.database import Databases
from tests.served import Browser, Served, served

NASTY = "<script>alert(1)</script>“罐”"
ROLES = ("admin", "city", "planner", "auditor", "committee", "township", "village", "grid", "enterprise")
SMALL = ViewportSize(width=320, height=640)
DESK = {"width": 1280, "height": 800}


@pytest.fixture(scope="module")
def owner(site: Served) -> Engine:
    return site.owner


@pytest.fixture(scope="module", autouse=True)
def warned(owner: Engine) -> None:
    """Each township has an overdue danger, ours with a nasty title, and an incident too."""
    change(owner, "ours-danger", title=NASTY)
    begin_incident(owner, "I1")
    run_alerts(owner, actor="test")


def begin_incident(owner: Engine, code: str) -> None:
    at = datetime.now(UTC) - timedelta(minutes=2)
    town.put(owner, "event", code, town.OURS, kind="incident", source_code="ours-tank", time=at)


def change(owner: Engine, where: str, **values: Any) -> None:
    danger = metadata.tables["danger"]
    with writing(owner) as connection:
        rev = open_revision(connection, "test", "town", None)
        connection.execute(danger.update().where(danger.c.code.like(where)).values(**values, rev=rev))


def listed(site: Served, **limits: str) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = site.program("city").get("/api/v1/alerts", params=limits).json()["items"]
    return found


def the(site: Served, kind: str, township: str = town.OURS) -> int:
    """The number of the one open warning of a kind in a township."""
    (one,) = listed(site, kind=kind, township=township, open="true")
    return int(one["id"])


def card(page: str, number: int) -> str:
    """The card of one warning on a page, as text without marks; empty where there is none."""
    found = re.search(rf'<article class="warning [^>]*id="w{number}".*?</article>', page, re.DOTALL)
    return re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", found[0])) if found else ""


def test_a_card_says_all_that_is_to_be_known_and_escapes_it(site: Served) -> None:
    page = site.browser("city").client.get("/alerts").text
    assert "现在要您做的事" in page
    told = card(page, the(site, "event"))
    for said in (
        "预警级别 红色",
        "监测报警提示 · 内部",
        "已确认",
        "area 430981006",
        "事故",
        "登记叫应结果",
        "告知与回应",
    ):
        assert said in told
    assert "<script>alert" not in page
    assert "&lt;script&gt;alert(1)&lt;/script&gt;" in page
    assert page.index(f'id="w{the(site, "event")}"') < page.index(f'id="w{the(site, "overdue")}"'), (
        "life first"
    )
    assert page.count('<article class="warning') == 3


def test_everyone_sees_their_own_ground_and_only_the_steps_they_may_take(site: Served) -> None:
    theirs, ours = the(site, "overdue", town.THEIRS), the(site, "overdue")
    for role in ROLES:
        client = site.browser(role).client
        desk, phone = client.get("/alerts").text, client.get("/phone").text
        sees_all = role in ("admin", "city", "planner", "auditor")
        for page in (desk, phone):
            assert bool(card(page, theirs)) == sees_all, role
            assert card(page, ours), role
        looks_on = role in ("planner", "auditor")
        assert ("/alerts/" in "".join(re.findall(r'action="([^"]*)"', desk))) != looks_on, role
        assert (f'action="/phone/{ours}/sign"' in phone) != looks_on, role
        assert (f'action="/alerts/{ours}/call"' in desk) == (role in ("admin", "city", "township")), role
        assert client.get("/alerts/silences").status_code == (200 if sees_all else 403), role
    assert site.client().get("/alerts").status_code == 303


def test_nothing_is_written_without_the_page_s_token_nor_on_foreign_ground(site: Served) -> None:
    leader, number = site.browser("township"), the(site, "overdue", town.THEIRS)
    before = listed(site)
    for address in (
        f"/alerts/{number}/sign",
        f"/phone/{number}/sign",
        f"/alerts/{number}/call",
        "/phone/read",
    ):
        assert leader.client.post(address, data={"ids": str(number)}).status_code == 403
    for address in ("/alerts/silences", "/alerts/silences/S1/end"):
        assert site.browser("city").client.post(address, data={"reason": "x"}).status_code == 403
    for address in (f"/alerts/{number}/sign", f"/phone/{number}/sign"):
        answer = leader.post(address)
        assert (answer.status_code, "您无权查看" in answer.text) == (404, True)
    assert leader.post("/phone/read", ids=str(number)).status_code == 204
    assert leader.post("/alerts/silences", reason="检修", kind="event").status_code == 403
    assert listed(site) == before


def test_a_refused_step_is_told_at_its_card_in_the_reader_s_words(site: Served) -> None:
    number, leader = the(site, "overdue"), site.browser("township")
    early = leader.post(f"/phone/{number}/handle")
    assert (early.status_code, "没有登记 现在不能开始处置" in card(early.text, number)) == (409, True)
    half = leader.post(f"/alerts/{number}/call", result="noted", person="甲", answered_by="乙")
    assert (half.status_code, 'value="乙"' in half.text) == (422, True)
    assert "否则不算叫应" in card(half.text, number)
    english = leader.client.post(f"/alerts/{number}/handle?lang=en", data={"csrf": leader.csrf})
    assert "Not possible now: Begin to act" in card(english.text, number)
    leader.client.get("/alerts?lang=zh")
    looking_on = site.browser("auditor").post(f"/alerts/{number}/sign")
    assert (looking_on.status_code, "您的角色不能签收" in looking_on.text) == (403, True)
    assert leader.post(f"/alerts/{number}/destroy").status_code == 422


def test_a_call_counts_once_somebody_answered_and_repeated(site: Served) -> None:
    number, desk = the(site, "event"), site.browser("city")
    assert desk.post(f"/alerts/{number}/call", result="no_answer", person="丙").status_code == 303
    told = card(desk.client.get("/alerts").text, number)
    assert "呼叫未接 · 丙" in told
    assert "登记叫应结果" in told
    answer = desk.post(
        f"/alerts/{number}/call", result="noted", person="丙", answered_by="丁", repeated="马上到现场"
    )
    told = card(desk.client.get(answer.headers["location"]).text, number)
    assert "已叫应" in told
    assert "马上到现场" in told
    assert "签收" in told
    assert "登记叫应结果" not in told


def _red_is_signed_by_two_then_dealt_with_reported_lifted_and_archived(site: Served) -> None:
    number = the(site, "event")
    leader, desk, auditor = site.browser("township"), site.browser("city"), site.browser("auditor")
    assert leader.post(f"/phone/{number}/sign").headers["location"] == f"/phone?done=sign&about={number}"
    waiting = card(leader.client.get("/phone").text, number)
    assert "已签 1/2：township" in waiting
    assert "您已签收，还需另外 1 人签收" in waiting
    again = leader.post(f"/phone/{number}/sign")
    assert (again.status_code, "您已签收，还需另外 1 人签收" in card(again.text, number)) == (409, True)
    answer = site.program("township").post(f"/api/v1/alerts/{number}/sign").json()
    assert (answer["type"], answer["missing"]) == ("urn:riskmap:error:already-signed", 1)
    desk.post(f"/alerts/{number}/sign")
    leader.post(f"/phone/{number}/handle")
    assert leader.post(f"/phone/{number}/report", note="  ").status_code == 422
    leader.post(f"/phone/{number}/report", note="人员已撤离")
    awaited = card(site.browser("grid").client.get("/alerts").text, number)
    assert "等待解除" in awaited
    sheet, theirs = (site.browser(name).client.get("/alerts/shift").text for name in ("city", "township"))
    for said in ("township", "人员已撤离", "已签收", "解除", "当值", "交班人签字"):
        assert said in sheet, said
    assert "人员已撤离" in theirs
    assert town.THEIRS in sheet
    assert town.THEIRS not in theirs
    desk.post(f"/alerts/{number}/lift", note="复查合格")
    page = desk.client.get("/alerts").text
    assert card(page, number) == ""
    assert f'action="/alerts/{number}/archive"' in page
    assert page.count("人员已撤离") == 1, "the hand-over list tells it"
    assert "复查合格" in auditor.client.get("/alerts").text
    assert desk.post(f"/alerts/{number}/archive").status_code == 303
    assert f'action="/alerts/{number}/archive"' not in desk.client.get("/alerts").text


def _silences_are_begun_told_and_ended(site: Served, owner: Engine) -> None:
    desk: Browser = site.browser("city")
    for fields, said in (
        ({"reason": "检修"}, "不能让全部提示静默"),
        ({"reason": " ", "kind": "event"}, "请写明理由"),
        ({"reason": "检修", "polygon": "[1"}, "不是有效的多边形"),
        ({"reason": "检修", "kind": "event", "hours": "1000"}, "时长超过"),
    ):
        wrong = desk.post("/alerts/silences", **({"hours": "2"} | fields))
        assert (wrong.status_code, said in wrong.text) == (422, True), said
    begun = desk.post("/alerts/silences", reason=NASTY, hours="2", kind="event")
    assert begun.headers["location"].endswith("done=begun")
    page = site.browser("auditor").client.get("/alerts/silences").text
    assert "&lt;script&gt;alert(1)" in page
    assert "<script>alert" not in page
    begin_incident(owner, "I2")
    run_alerts(owner, actor="test")
    quiet = the(site, "event")
    desk_page = desk.client.get("/alerts").text
    (code,) = re.findall(r"/alerts/silences/(\w+)/end", desk.client.get("/alerts/silences").text)
    assert card(desk_page, quiet) == ""
    assert f"被静默 {code} 压住" in desk_page
    assert site.browser("township").post(f"/alerts/silences/{code}/end").status_code == 403
    assert desk.post(f"/alerts/silences/{code}/end").status_code == 303
    assert desk.post(f"/alerts/silences/{code}/end").status_code == 404
    run_alerts(owner, actor="test")
    assert "登记叫应结果" in card(desk.client.get("/alerts").text, quiet)


@pytest.fixture
def night(
    databases: Databases, town_template: str, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Served]:
    """The town at night with nothing to do: its dangers are not overdue."""
    with databases.fresh(town_template) as dsn:
        engine = owner_engine(dsn)
        change(engine, "%", due_on=None)
        head = {"person": "镇长", "role": "leader", "object_layer": "area", "phone": "00012345678"}
        town.put(engine, "duty", "D1", town.OURS, **head, object_code=town.OURS, account="township")
        engine.dispose()
        with served(dsn, tmp_path_factory.mktemp("home")) as running:
            yield running


def test_a_red_warning_ends_before_another_is_silenced(site: Served, owner: Engine) -> None:
    """In this order in one worker: the second asks for the one event that is open."""
    _red_is_signed_by_two_then_dealt_with_reported_lifted_and_archived(site)
    _silences_are_begun_told_and_ended(site, owner)


def test_at_three_in_the_morning_there_is_nothing_then_two_things_to_do(
    night: Served, chromium: Chromium
) -> None:
    """The open pages take in what comes by themselves: cards on the desk and the phone, the badge on the map."""
    engine = owner_engine(night.dsn)
    with (
        looking(chromium, night, "city", DESK, first="/alerts") as desk,
        looking(chromium, night, "township", PHONE, first="/phone") as phone,
        looking(chromium, night, "city", DESK) as map_reader,
    ):
        for person, name in ((desk, "desk"), (phone, "phone")):
            expect(person.page.locator(".all-calm")).to_be_visible()
            person.picture(f"alerts-{name}-calm")
        expect(map_reader.page.locator("#warnings")).to_be_hidden()
        change(engine, "ours-danger", due_on=town.DAY, title="储罐区围堰开裂")
        begin_incident(engine, "I1")
        run_alerts(engine, actor="test")
        call_out(engine, actor="test")
        expect(desk.page.locator(".warning")).to_have_count(2)
        expect(phone.page.locator(".warning")).to_have_count(2)
        expect(map_reader.page.locator("#warnings b")).to_have_text("2")
        expect(map_reader.page.locator("#warnings small")).to_contain_text("预警级别 红色")
        map_reader.picture("alerts-map-badge")
        clock = desk.page.locator(".clock [data-run]").first
        before = clock.text_content()
        expect(clock).not_to_have_text(before or "")
        desk.picture("alerts-desk-two")
        expect(desk.page.locator(".proofs .yes").filter(has_text="已读").first).to_be_visible()
        phone.picture("alerts-phone-two")
        phone.page.set_viewport_size(SMALL)
        wide = "() => document.documentElement.scrollWidth - document.documentElement.clientWidth"
        assert phone.page.evaluate(wide) == 0, "nothing sticks out on the smallest phone"
        thumb = phone.page.locator(".warning .go").first.bounding_box()
        assert thumb
        assert (thumb["height"] >= 48, thumb["width"] >= 240) == (True, True)
        phone.picture("alerts-phone-320")
        _calls_are_worked_through(desk)
        phone.page.locator(".warning .go").first.click()
        expect(phone.page.locator(".done")).to_be_visible()
        desk.page.set_viewport_size(SMALL)
        assert desk.page.evaluate(wide) == 0
    engine.dispose()


def _calls_are_worked_through(desk: Looking) -> None:
    """The township's head is to be called: one click says that nobody answered, the next clock runs; then an answer."""
    listed = desk.page.locator(".w-red .calling")
    expect(listed.locator(".callee b")).to_have_text("镇长")
    expect(listed.locator(".callee a")).to_have_attribute("href", "tel:00012345678")
    listed.get_by_role("button", name="无人接听").click()
    expect(desk.page.locator(".done")).to_contain_text("无人接听")
    expect(desk.page.locator(".w-red .calling")).to_have_count(0)
    engine = owner_engine(desk.site.dsn)
    call_out(engine, actor="test", at=datetime.now(UTC) + timedelta(minutes=4))
    engine.dispose()
    expect(listed.locator(".callee small")).to_contain_text("第 2 次")
    listed.get_by_text("已接听").click()
    listed.locator("textarea").fill("马上到现场")
    desk.picture("alerts-desk-call")
    listed.get_by_role("button", name="提交").click()
    expect(desk.page.locator(".w-red .proofs .yes").filter(has_text="已叫应")).to_be_visible()


def test_an_area_is_drawn_by_clicks(site: Served, chromium: Chromium) -> None:
    with looking(chromium, site, "city", DESK, first="/alerts/silences") as desk:
        box = desk.page.locator("#outline-map").bounding_box()
        assert box
        for x, y in ((0.3, 0.3), (0.7, 0.3), (0.6, 0.7)):
            desk.page.mouse.click(box["x"] + x * box["width"], box["y"] + y * box["height"])
        expect(desk.page.locator("#outline-told")).to_contain_text("3")
        desk.page.fill("textarea[name=reason]", "检修")
        desk.picture("alerts-silences")
        desk.page.click("#outline-form button.primary")
        expect(desk.page.locator("main .done")).to_be_visible()
        expect(desk.page.locator("path.leaflet-interactive[fill-opacity='0.12']")).to_have_count(1)

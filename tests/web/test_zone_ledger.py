"""The ledger of a joint-control zone by form and interface: who writes it, who reads what, and what waits for the lead unit."""

from datetime import datetime, timedelta

from jobs.daily import day_of, digest_of
from jobs.demo_zone_ledger import fill_zone_ledger
from layers.audit import revisions
from layers.database import owner_engine, snapshot
from layers.history import CLOCK
from riskmap.daily import digest_text
from tests import town, zone_town
from tests.served import Served, found
from tests.zone_town import LEAD, NAMES, OURS_2, SECRETS, THEIRS_1, THEIRS_2

TODAY = datetime.now(CLOCK).date()


def test_who_keeps_which_ledger(own_zone_site: Served) -> None:
    across, own = zone_town.zone_codes(own_zone_site.dsn)
    record = {"kind": "drill", "title": "联合演练", "done_on": TODAY.isoformat()}

    def posted(name: str, zone: str) -> int:
        return own_zone_site.program(name).post(f"/api/v1/zones/{zone}/records", json=record).status_code

    assert [posted(name, across) for name in ("city", "admin")] == [200, 200]
    assert [posted(name, across) for name in ("township", "planner", "auditor", "enterprise")] == [403] * 4
    assert posted("committee", across) in (403, 404)
    assert (posted("township", own), posted("over", own)) == (200, 404)


def test_a_record_is_one_revision_and_can_be_corrected(own_zone_site: Served) -> None:
    zone = zone_town.zone_codes(own_zone_site.dsn)[0]
    city = own_zone_site.program("city")
    made = found(city.post(f"/api/v1/zones/{zone}/records", json={"kind": "plan", "due_on": "2027-01-01"}))
    again = {"kind": "plan", "title": "联合预案", "done_on": "2026-05-01", "code": made["code"]}
    changed = found(city.post(f"/api/v1/zones/{zone}/records", json=again))
    assert changed == {"code": made["code"], "rev": made["rev"] + 1}
    assert found(city.post(f"/api/v1/zones/{zone}/records", json=again))["rev"] is None
    records = found(city.get(f"/api/v1/zones/{zone}"))["ledger"]["records"]
    assert [(one["kind"], one["title"], one["done_on"], one["due_on"]) for one in records] == [
        ("plan", "联合预案", "2026-05-01", None)
    ]
    owner = owner_engine(own_zone_site.dsn)
    with snapshot(owner) as connection:
        newest = revisions(connection, 1)[0]
    owner.dispose()
    assert (newest["rev"], newest["actor"], newest["job"]) == (changed["rev"], "city", "zone_ledger")
    for wrong, what in (
        ({"kind": "party"}, "party"),
        ({"kind": "confirm"}, "confirm"),
        ({"kind": "drill", "done_on": "32.1.2026"}, "办理日期"),
        ({"kind": "lead", "unit_code": "NOBODY"}, "企业"),
    ):
        refused = city.post(f"/api/v1/zones/{zone}/records", json=wrong)
        assert (refused.status_code, what in refused.json()["detail"]) == (422, True)
    taken = city.post(f"/api/v1/zones/{zone}/records", json={"kind": "drill", "code": made["code"]})
    assert taken.status_code == 409


def test_the_form_needs_its_token_and_tells_what_is_wrong(own_zone_site: Served) -> None:
    zone = zone_town.zone_codes(own_zone_site.dsn)[0]
    browser = own_zone_site.browser("city")
    without = browser.client.post(f"/zones/{zone}/records", data={"kind": "minutes", "title": "x"})
    assert without.status_code == 403
    assert browser.client.post(f"/zones/{zone}/confirm", data={"run_id": "1"}).status_code == 403
    evil = "<script>alert(1)</script>"
    wrong = browser.post(f"/zones/{zone}/records", kind="minutes", title=evil, done_on="yesterday")
    assert wrong.status_code == 422
    assert "办理日期" in wrong.text
    assert 'value="&lt;script&gt;' in wrong.text
    saved = browser.post(
        f"/zones/{zone}/records", kind="minutes", title=evil, done_on="2026-05-01", note=evil
    )
    assert saved.status_code == 303
    for address in (saved.headers["location"], f"/zones/{zone}/sheet"):
        page = browser.client.get(address).text
        assert "<script>alert" not in page
        assert NAMES[OURS_2].replace("<", "&lt;").replace(">", "&gt;") in page
    assert "已登记，修订号" in browser.client.get(saved.headers["location"].split("#")[0]).text
    assert browser.post("/zones/Z0000000000/records", kind="minutes").status_code == 404


def test_of_a_record_that_names_a_unit_over_the_border_only_what_was_done(own_zone_site: Served) -> None:
    across = zone_town.zone_codes(own_zone_site.dsn)[0]
    city = own_zone_site.program("city")
    of_unit = {
        "kind": "contact",
        "title": "值班室",
        "unit_code": THEIRS_1,
        "phone": "000-777",
        "note": "秘密",
    }
    of_all = {"kind": "contact", "title": "片区值班室", "phone": "000-222", "unit_name": "联防值班室"}
    for one in (of_unit, of_all):
        found(city.post(f"/api/v1/zones/{across}/records", json=one))
    seen = own_zone_site.program("township").get(f"/api/v1/zones/{across}")
    assert not [secret for secret in SECRETS if secret in seen.text]
    records = {one["title"]: one for one in seen.json()["ledger"]["records"]}
    assert (records["值班室"]["unit_name"], records["值班室"]["whole"]) == (NAMES[THEIRS_1], False)
    assert records["片区值班室"]["phone"] == "000-222"
    assert "000-777" in own_zone_site.program("over").get(f"/api/v1/zones/{across}").text
    exported = own_zone_site.program("township").get("/api/v1/exports/zone_records?format=csv")
    assert "000-222" in exported.text
    assert "000-777" not in exported.text
    sheet = own_zone_site.browser("township").client.get(f"/zones/{across}/sheet").text
    assert "000-222" in sheet
    assert "000-777" not in sheet


def test_the_demo_has_a_made_up_ledger_once(own_zone_site: Served) -> None:
    owner = owner_engine(own_zone_site.dsn)
    written = fill_zone_ledger(owner, TODAY)
    assert written >= 3  # one of the two zones at least has a lead unit, a contact and an agreement
    assert fill_zone_ledger(owner, TODAY) == 0
    owner.dispose()
    city = own_zone_site.program("city")
    ledgers = [
        found(city.get(f"/api/v1/zones/{code}"))["ledger"] for code in zone_town.zone_codes(own_zone_site.dsn)
    ]
    records = [one for ledger in ledgers for one in ledger["records"]]
    assert len(records) == written
    assert all(one["synthetic"] for one in records)


def test_a_change_of_members_waits_for_the_lead_unit(own_zone_site: Served) -> None:
    across = zone_town.zone_codes(own_zone_site.dsn)[0]
    city, lead = own_zone_site.program("city"), own_zone_site.browser("enterprise")
    set_lead = {"kind": "lead", "unit_code": LEAD, "done_on": TODAY.isoformat()}
    found(city.post(f"/api/v1/zones/{across}/records", json=set_lead))
    assert (
        city.post(f"/api/v1/zones/{across}/confirm", json={"run_id": 1}).status_code == 409
    )  # nothing waits
    owner = owner_engine(own_zone_site.dsn)
    zone_town.end(owner, THEIRS_2)
    owner.dispose()
    zone = found(city.get(f"/api/v1/zones/{across}"))
    assert [one["kind"] for one in zone["lineage"]] == ["shrink", "new"]
    waiting = zone["ledger"]["waiting_run"]
    due = [one for one in found(city.get("/api/v1/zones/due"))["items"] if one["item"] == "confirm"]
    assert [(one["zone"], one["due_on"]) for one in due] == [(across, (TODAY + timedelta(15)).isoformat())]
    page = lead.client.get(f"/zones/{across}").text
    assert f'name="run_id" value="{waiting}"' in page
    assert "协议继续，须牵头单位确认成员" in page
    assert "等待牵头单位确认" in own_zone_site.browser("township").client.get(f"/zones/{across}").text
    refused = own_zone_site.program("township").post(
        f"/api/v1/zones/{across}/confirm", json={"run_id": waiting}
    )
    assert refused.status_code == 403
    assert lead.post(f"/zones/{across}/confirm", run_id=str(waiting - 1)).status_code == 409
    assert lead.post(f"/zones/{across}/confirm", run_id=str(waiting)).status_code == 303
    ledger = found(city.get(f"/api/v1/zones/{across}"))["ledger"]
    assert ledger["waiting_run"] is None
    assert [one["run_id"] for one in ledger["records"] if one["kind"] == "confirm"] == [waiting]


def test_what_falls_overdue_goes_into_the_daily_message(own_zone_site: Served) -> None:
    """To the township's leader once, the day after; the page tells the same."""
    across, own = zone_town.zone_codes(own_zone_site.dsn)
    city = own_zone_site.program("city")
    for zone, due_on in ((own, TODAY - timedelta(1)), (across, TODAY - timedelta(9))):
        planned = {"kind": "drill", "due_on": due_on.isoformat()}
        found(city.post(f"/api/v1/zones/{zone}/records", json=planned))
    owner, now = owner_engine(own_zone_site.dsn), datetime.now(CLOCK)
    with snapshot(owner) as connection:
        day = day_of(connection, now)
        told = digest_of(connection, town.OURS, day, as_job=True)
        elsewhere = digest_of(connection, town.THEIRS, day, as_job=True)
    owner.dispose()
    assert [(one["zone_code"], one["item"]) for one in told.ledger] == [(own, "drill")]
    assert (elsewhere.ledger, elsewhere.counted.ledger) == ([], 0)
    text = digest_text("沅江市", "甲镇", day.since, told.counted, day.ahead)
    assert "片区台账新逾期1项" in text
    page = own_zone_site.browser("township").client.get("/digest").text
    assert "新逾期的片区台账" in page
    assert f'href="/zones/{own}#reminders"' in page

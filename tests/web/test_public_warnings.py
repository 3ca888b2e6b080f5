"""A warning to the public: a draft until somebody with the authority approves it; in CAP, on the map, on pages."""

from datetime import UTC, datetime, timedelta
from typing import Any

import capvalidator
import httpx
import pytest
from lxml import etree
from sqlalchemy import Engine
from sqlalchemy.exc import DatabaseError

from jobs.alerts import run_alerts
from jobs.public_warnings import lift_warning
from jobs.replay import replay
from jobs.risk import assess
from layers.audit import verify
from layers.cap_feed import ATOM
from layers.cap_reading import read_cap
from layers.database import CITY, snapshot, writing
from layers.dynamic import read_incidents
from layers.history import CLOCK, Moment, head_rev, open_revision
from layers.risk import last_run
from riskmap.cap import CapAlert
from riskmap.errors import Refused
from tests import town
from tests.import_files import rows
from tests.served import Served, found

WARNINGS = "/api/v1/public-warnings"
FEED = "/cap/feed.atom"
SECOND = timedelta(seconds=1)
NUMBER = "沅政预警〔2026〕{}号"
SQUARE = {
    "type": "Polygon",
    "coordinates": [[[112.5, 28.8], [112.51, 28.8], [112.51, 28.81], [112.5, 28.81], [112.5, 28.8]]],
}


def drafted(level: str = "yellow", **values: Any) -> dict[str, Any]:
    said = {"text": "储罐泄漏，可能扩散。", "advice": "请关窗避险。"}
    english = {"text": "A tank leaks.", "advice": "Stay indoors."}
    until = (datetime.now(UTC) + timedelta(hours=6)).isoformat()
    given = {"kind": "hazchem", "level": level, "zh": said, "en": english, "until": until}
    return given | ({} if "polygon" in values else {"townships": [town.OURS]}) | values


def approve(client: httpx.Client, code: str, number: int, **values: str) -> httpx.Response:
    given = {"number": NUMBER.format(number), "signatory": "张示例"} | values
    return client.post(f"{WARNINGS}/{code}/approve", json=given)


def identifiers(client: httpx.Client) -> list[str]:
    feed = etree.fromstring(client.get(FEED).content)
    found = feed.iterfind(f"{{{ATOM}}}entry/{{{ATOM}}}link")
    return [str(one.get("href")).removeprefix("/cap/").removesuffix(".xml") for one in found]


def public_cap(client: httpx.Client, code: str) -> list[tuple[bytes, CapAlert]]:
    """The messages of a series in the feed, the first first; the schema holds for each."""
    names = sorted(one for one in identifiers(client) if f"-{code}." in one)
    contents = [client.get(f"/cap/{one}.xml").content for one in names]
    assert all(capvalidator.check_schema(one).passed for one in contents)
    return [(content, read_cap(code, content)) for content in contents]


def levels(owner: Engine) -> dict[str, tuple[int, int, int]]:
    """Level, base level and rise level of the areas, by code."""
    query = "SELECT code, level, base_level, rise_level FROM score WHERE kind NOT IN ('source', 'enterprise', 'place')"
    return {code: tuple(found) for code, *found in rows(owner, query)}


def test_a_draft_is_nobodys_until_it_is_approved_updated_and_lifted(site: Served) -> None:
    leader, city, firm = (site.program(role) for role in ("township", "city", "enterprise"))
    draft = found(leader.post(WARNINGS, json=drafted()))
    code = draft["code"]
    assert (draft["state"], draft["said"]["zh"]["area"]) == ("draft", f"area {town.OURS}")
    assert draft["covers"] == {"townships": 1, "villages": 1, "grids": 1}
    assert approve(leader, code, 1).status_code == 403
    assert firm.get(f"{WARNINGS}/{code}").status_code == 404
    assert public_cap(city, code) == []
    assert found(city.get(WARNINGS, params={"state": "open"}))["total"] == 0

    told = found(approve(city, code, 1))
    assert [step["action"] for step in told["steps"]] == ["draft", "approve"]
    assert (told["state"], told["number"], told["signatory"]) == ("open", NUMBER.format(1), "张示例")
    assert found(firm.get(f"{WARNINGS}/{code}"))["steps"] == []
    ((first, alert),) = public_cap(firm, code)
    assert (alert.scope, alert.msg_type, alert.restriction) == ("Public", "Alert", "")
    zh, en = alert.infos
    assert (zh.language, en.language) == ("zh-CN", "en-US")
    assert (zh.headline, zh.instruction) == ("沅江市危险化学品事故黄色预警", "请关窗避险。")
    assert en.description == "A tank leaks."
    assert (zh.severity, zh.categories, zh.sender_name) == ("Moderate", ("CBRNE",), "沅江市人民政府")
    assert ("文号", NUMBER.format(1)) in zh.parameters
    assert zh.areas[0].geocodes == (("行政区划代码", town.OURS),)
    assert zh.areas[0].rings[0][0] == zh.areas[0].rings[0][-1]

    update = found(city.post(WARNINGS, json=drafted("orange", replaces=code)))["code"]
    assert len(public_cap(firm, code)) == 1
    assert approve(city, update, 1).status_code == 409  # the number is taken
    assert found(approve(city, update, 2))["version"] == 2
    assert found(firm.get(f"{WARNINGS}/{code}"))["state"] == "replaced"
    assert city.post(f"{WARNINGS}/{update}/lift", json={"note": " "}).status_code == 422
    assert leader.post(f"{WARNINGS}/{update}/lift", json={"note": "好了"}).status_code == 403
    assert found(city.post(f"{WARNINGS}/{update}/lift", json={"note": "泄漏已堵住。"}))["state"] == "lifted"
    assert city.post(f"{WARNINGS}/{update}/lift", json={"note": "再次"}).status_code == 409
    (again, _), (_, second), (_, last) = public_cap(firm, code)
    assert again == first
    assert (second.msg_type, second.infos[0].severity) == ("Update", "Severe")
    assert [one.identifier for one in last.references] == [alert.identifier, second.identifier]
    assert (last.msg_type, last.scope, last.infos[0].responses) == ("Cancel", "Public", ("AllClear",))
    assert "泄漏已堵住。" in last.infos[0].description
    with snapshot(site.owner) as connection:
        assert verify(connection) == []


def test_two_sign_a_red_one_and_the_database_demands_it(site: Served) -> None:
    city, admin = site.program("city"), site.program("admin")
    code = found(city.post(WARNINGS, json=drafted("red", polygon=SQUARE)))["code"]
    refused = approve(city, code, 3)
    assert (refused.status_code, "两人" in refused.json()["detail"]) == (409, True)
    forged = (
        (
            "INSERT INTO public_warning SELECT (jsonb_populate_record(p, jsonb_build_object('code', 'x', 'state',"
            " 'open', 'rev', {rev}))).* FROM public_warning p WHERE code = '{code}'"
        ),
        (
            "UPDATE public_warning SET state = 'open', number = 'x', signatory = 'x', approved_at = now(), rev = {rev}"
            " WHERE code = '{code}'"
        ),
        "UPDATE public_warning SET level = 4, rev = {rev} WHERE code = '{code}'",
        (
            "INSERT INTO public_step SELECT code, 2, NULL, NULL, NULL, NULL, NULL, 'approve', 'open', 'city', 'x',"
            " '2026-01-01', '', 1 FROM public_warning WHERE code = '{code}'; UPDATE public_warning SET state = 'open',"
            " number = 'x', signatory = 'x', approved_at = '2026-01-01', rev = {rev} WHERE code = '{code}'"
        ),
        "DELETE FROM public_warning WHERE code = '{code}'",
        "UPDATE public_step SET person = 'x' WHERE code = '{code}'",
    )
    for statement in forged:
        with (
            pytest.raises(DatabaseError, match=r"public warning|approve|filed"),
            writing(site.owner) as connection,
        ):
            rev = open_revision(connection, "test", "forge", None)
            connection.exec_driver_sql(statement.format(code=code, rev=rev))
    assert found(approve(admin, code, 3))["state"] == "open"
    assert found(city.post(f"{WARNINGS}/{code}/lift", json={"note": "演示结束"}))["state"] == "lifted"


def test_who_may_not_and_what_cannot_be_drafted(site: Served) -> None:
    leader, city = site.program("township"), site.program("city")
    for role in ("planner", "auditor", "village", "grid", "enterprise", "committee"):
        assert site.program(role).post(WARNINGS, json=drafted()).status_code == 403, role
    assert leader.post(WARNINGS, json=drafted(townships=[town.THEIRS])).status_code == 403
    assert leader.post(WARNINGS, json=drafted(polygon=SQUARE)).status_code == 403
    long = {"text": "很" * 180, "advice": "长"}
    past = (datetime.now(UTC) - timedelta(minutes=1)).isoformat()
    far = {"type": "Polygon", "coordinates": [[[1, 1], [2, 1], [2, 2], [1, 1]]]}
    wrong: list[dict[str, Any]] = [
        {"kind": "typhoon"},
        {"level": "purple"},
        {"zh": long},
        {"until": past},
        {"until": "0001-01-01T00:00:00+14:00"},
        {"townships": []},
        {"townships": ["430981999"]},
        {"polygon": far},
        {"polygon": {"type": "Point", "coordinates": [112.5, 28.8]}},
        {"polygon": {"type": "Feature", "geometry": SQUARE, "properties": {}}},
        {"replaces": "P\0"},
        {"en": {"text": " ", "advice": "x"}},
    ]
    for one in wrong:
        assert city.post(WARNINGS, json=drafted(**one)).status_code == 422, one
    assert city.get(WARNINGS, params={"state": "opne"}).status_code == 422
    assert site.client(accept="application/json").get(WARNINGS).status_code == 401
    assert city.post(WARNINGS, json=drafted(warning_id=10**6)).status_code == 404
    mine = found(city.post(WARNINGS, json=drafted(polygon=SQUARE | {"note": "\0"})))
    assert mine["outline"] == SQUARE  # nothing else that was sent is kept
    mine = mine["code"]
    assert leader.post(f"{WARNINGS}/{mine}/withdraw", json={"note": "不该看到"}).status_code == 404
    assert approve(city, mine, 9, signatory=" ").status_code == 422
    assert found(city.post(f"{WARNINGS}/{mine}/withdraw", json={"note": "写错了"}))["state"] == "withdrawn"
    assert approve(city, mine, 9).status_code == 409


def test_a_township_does_not_end_what_warns_others(site: Served) -> None:
    leader, city = site.program("township"), site.program("city")
    both = found(city.post(WARNINGS, json=drafted(townships=[town.OURS, town.THEIRS])))["code"]
    assert found(approve(city, both, 30))["state"] == "open"
    refused = leader.post(WARNINGS, json=drafted(replaces=both))
    assert (refused.status_code, "请由市级用户更新" in refused.text) == (403, True)
    assert found(city.get(f"{WARNINGS}/{both}"))["state"] == "open"
    assert found(city.post(WARNINGS, json=drafted(replaces=both)))["state"] == "draft"


def test_a_red_one_raises_its_areas_until_it_ends(site: Served) -> None:
    owner, city, admin = site.owner, site.program("city"), site.program("admin")
    town.put(owner, "population", "p-ours", town.OURS, people=100)
    town.put(owner, "population", "p-theirs", town.THEIRS, people=100)
    assess(owner, actor="test", full=True)
    calm = levels(owner)
    where = town.scope(town.THEIRS)
    covered = {where[name] for name in ("township_code", "village_code", "grid_code")}
    until = datetime.now(UTC) + timedelta(hours=2)
    found(city.post(WARNINGS, json=drafted("red")))  # a draft for ours raises nothing
    code = found(city.post(WARNINGS, json=drafted("red", polygon=SQUARE, until=until.isoformat())))["code"]
    found(approve(admin, code, 20))
    run = assess(owner, actor="test")
    with snapshot(owner) as connection:
        noted = last_run(connection)
        then = Moment(None, head_rev(connection))
        lasting = [len(read_incidents(connection, until - one, then).events) for one in (SECOND, 0 * SECOND)]
    assert noted is not None
    assert not run["full"]
    assert datetime.fromisoformat(noted["counts"]["next_step"]) == until
    assert lasting == [3, 0]  # it ends by itself
    expected = {one: (1, calm[one][1], 1) for one in covered}
    expected[town.CITY_CODE] = (2, calm[town.CITY_CODE][1], 2)
    assert levels(owner) == calm | expected
    told = found(city.get(f"/api/v1/grids/{where['grid_code']}/explain"))
    (rule,) = [line for line in told["contributions"] if line["kind"] == "raise_rule"]
    assert (rule["record"], rule["value"]) == (f"public_warning/{code}", 0)
    assert "红色预警" in rule["reason"]
    with pytest.raises(Refused):  # its time is over: there is nothing to cancel
        lift_warning(owner, site.app.state.reader, CITY, code, "晚了", at=until)
    city.post(f"{WARNINGS}/{code}/lift", json={"note": "险情排除"})
    assert not assess(owner, actor="test")["full"]
    assert levels(owner) == calm
    assert replay(owner, run["run_id"])["answer"] == "equal"  # from what it knew: the whole city, and raised
    with snapshot(owner) as connection:
        assert verify(connection) == []


def test_pages_take_a_warning_from_its_draft_to_its_end(site: Served) -> None:
    leader, city, admin = (site.browser(role) for role in ("township", "city", "admin"))
    form = {"kind": "fire", "level": "red", "until": "2000-01-01T08:00", "township": town.OURS}
    form |= {
        "text_zh": "厂房起火，烟气南飘。",
        "advice_zh": "请关窗。",
        "text_en": "A fire.",
        "advice_en": "Stay in.",
    }
    run_alerts(site.owner, actor="test")
    ((warning,),) = rows(site.owner, f"SELECT warning_id FROM warning WHERE township_code = '{town.OURS}'")
    begun = leader.client.get(f"/alerts/public/new?warning={warning}").text
    assert f'name="warning" value="{warning}"' in begun
    assert 'value="orange" checked' in begun
    form |= {"warning": str(warning)}
    refused = leader.post("/alerts/public", **form)
    assert refused.status_code == 422
    assert "有效期须在现在之后" in refused.text
    assert "厂房起火，烟气南飘。" in refused.text
    until = (datetime.now(CLOCK) + timedelta(hours=3)).strftime("%Y-%m-%dT%H:%M")
    filed = city.post("/alerts/public", **form | {"until": until})
    assert filed.status_code == 303
    page = filed.headers["location"].partition("?")[0]
    assert "您是起草人" in city.client.get(page).text
    assert leader.client.get(page).status_code == 404
    given = {"number": NUMBER.format(40), "signatory": "张示例"}
    refused = city.post(
        f"{page}/approve", **given
    )  # who may not is told, though there is no form to tell it at
    assert (refused.status_code, "起草人不能自己审批" in refused.text) == (409, True)
    assert admin.post(f"{page}/approve", **given).status_code == 303
    sheet = city.client.get(f"{page}/sheet").text
    assert "发布审批单" in sheet
    assert NUMBER.format(40) in sheet
    assert f"由预警提示 {warning} 起草" in sheet
    assert "沅江市火灾事故红色预警" in leader.client.get("/alerts/public").text
    assert "沅江市火灾事故红色预警" in leader.client.get("/alerts").text
    assert (
        'value="red" checked'
        in city.client.get(f"/alerts/public/new?replaces={page.rpartition('/')[2]}").text
    )
    assert leader.client.get(f"{page}/sheet").status_code == 200
    assert city.post(f"{page}/lift", note="").status_code == 422
    assert city.post(f"{page}/lift", note="明火已灭。").status_code == 303
    assert "明火已灭。" in city.client.get(page).text


def test_without_a_sign_in_nothing_is_read_unless_the_city_says_so(site: Served) -> None:
    city, anybody = site.program("city"), site.client()
    kinds = ("mine", "gas")
    open_one, draft = (found(city.post(WARNINGS, json=drafted(kind=kind)))["code"] for kind in kinds)
    found(approve(city, open_one, 50))
    assert anybody.get("/alerts/public").status_code in (303, 401)
    with site.app.state.reader.connect() as connection:
        assert connection.exec_driver_sql("SELECT count(*) FROM public_warning").scalar_one() == 0
    setting = "UPDATE city SET content = jsonb_set(content, '{alerts}', '{\"public_list\": %s}')"
    with writing(site.owner) as connection:
        connection.exec_driver_sql(setting % "true")
    page = anybody.get("/alerts/public")
    assert page.status_code == 200
    assert "沅江市矿山和尾矿库事故黄色预警" in page.text
    assert "燃气事故" not in page.text
    with site.app.state.reader.connect() as connection:
        seen = connection.exec_driver_sql("SELECT code FROM public_warning").scalars().all()
        assert (open_one in seen, draft in seen) == (True, False)
        assert connection.exec_driver_sql("SELECT count(*) FROM public_step").scalar_one() == 0
        assert connection.exec_driver_sql("SELECT count(*) FROM cap_message").scalar_one() == 0
    with writing(site.owner) as connection:
        connection.exec_driver_sql(setting % "false")

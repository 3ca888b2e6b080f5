"""Drills: shown dry, marked everywhere, done by real people, over by themselves or by hand, and never counted."""

import json
import re
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Engine
from typer.testing import CliRunner

from jobs.alert_lookout import Lookout
from jobs.alert_replay import replay_alerts
from jobs.cap_warnings import tell_in_cap
from jobs.drills import start_drill
from jobs.risk import assess
from layers.alert_desk import came_and_went
from layers.cap_reading import read_cap
from layers.database import CITY, Identity, owner_engine, snapshot
from layers.schema import metadata, score
from riskmap.drills import Scenario, scenario_of
from riskmap.errors import BadInput, Forbidden, Refused
from riskmap.settings import Settings
from tests import town
from tests.database import Databases
from tests.served import Served, served
from web.commands import app

MARK = "【演练】"
TANK = Scenario(source="ours-tank")


def _people(dsn: str) -> None:
    owner = owner_engine(dsn)
    town.put(owner, "duty", "D-L", town.OURS, **_post("leader", "area", town.OURS, "甲镇长"))
    town.put(owner, "duty", "D-P", town.OURS, **_post("principal", "source", "ours-tank", "甲厂长"))
    assess(owner, actor="test")
    owner.dispose()


@pytest.fixture
def own_site(databases: Databases, town_template: str, tmp_path: Path) -> Iterator[Served]:
    """The town with people on duty and levels, served to one test that writes."""
    ready = databases.template("riskmap_drill_town", _people, town_template)
    with databases.fresh(ready) as dsn, served(dsn, tmp_path) as running:
        yield running


@pytest.fixture
def owner(own_site: Served) -> Engine:
    return own_site.owner


def _post(role: str, layer: str, code: str, person: str) -> dict[str, Any]:
    return {"role": role, "object_layer": layer, "object_code": code, "person": person, "phone": "1"}


def _listed(site: Served, *, drill: bool = True) -> list[dict[str, Any]]:
    found = site.program("city").get("/api/v1/alerts").json()["items"]
    return [one for one in found if one["drill"] == drill]


def _levels(owner: Engine) -> list[Any]:
    with snapshot(owner) as connection:
        return [tuple(row) for row in connection.execute(score.select().order_by(score.c.kind, score.c.code))]


def test_a_drill_is_planned_begun_signed_and_ended_on_its_page(own_site: Served, owner: Engine) -> None:
    begun, levels = datetime.now(UTC), _levels(owner)
    desk, leader = own_site.browser("city"), own_site.browser("township")
    assert leader.client.get("/alerts/drills").status_code == 403
    assert leader.post("/alerts/drills", confirmed="yes").status_code == 403
    plan = desk.post("/alerts/drills", source="ours-tank", level="red", minutes="30").text
    for told in (MARK, "甲镇长", "甲厂长", "确认，开始演练"):
        assert told in plan
    assert _listed(own_site) == []

    form = {"source": "ours-tank", "level": "red", "minutes": "30", "name": "一号演练", "confirmed": "yes"}
    assert desk.post("/alerts/drills", **form).status_code == 303
    assert "已有一场演练没有结束" in desk.post("/alerts/drills", **form).text
    (one,) = _listed(own_site)
    assert (one["drill"], one["warn"], one["township_code"], one["zone_code"]) == (
        True,
        "red",
        town.OURS,
        None,
    )
    told = own_site.program("city").get(f"/api/v1/alerts/{one['id']}").json()
    assert {message["person"] for message in told["messages"]} >= {"甲镇长", "甲厂长"}
    assert all(message["text"].startswith(MARK) for message in told["messages"])
    assert tell_in_cap(owner, actor="test") > 0
    feed = own_site.program("city").get("/cap/feed.atom").text
    exercises = [
        read_cap(name, own_site.program("city").get(f"/cap/{name}.xml").content)
        for name in re.findall(r"/cap/([^\"]+)\.xml", feed)
    ]
    assert [alert.scope for alert in exercises if alert.status == "Exercise"] == ["Restricted"]
    for page in ("/alerts", "/phone"):
        assert "mark-drill" in leader.client.get(page).text
        assert MARK in leader.client.get(page).text

    assert leader.post(f"/phone/{one['id']}/sign").status_code == 303
    assert desk.post(f"/alerts/{one['id']}/sign").status_code == 303
    report = desk.client.get("/alerts/drills").text
    assert "正在进行" in report
    assert "2 人签收" in report
    code = one["record_code"]
    assert desk.post(f"/alerts/drills/{code}/end").status_code == 303
    (one,) = _listed(own_site)
    assert one["state"] == "archived"
    told = own_site.program("city").get(f"/api/v1/alerts/{one['id']}").json()
    mine = [message for message in told["messages"] if message["channel"] == "in_app"]
    over = [message["text"] for message in mine if message["reason"] == "cleared"]
    assert len(over) == len({message["person"] for message in told["messages"]})
    assert all(text.startswith(MARK) for text in over)
    assert "已结束" in desk.client.get("/alerts/drills").text
    assert desk.post(f"/alerts/drills/{code}/end").status_code == 404
    with snapshot(owner) as connection:
        assert came_and_went(connection, begun) == (len(_listed(own_site, drill=False)), 0)
        assert connection.execute(metadata.tables["event"].select()).first() is None
    assert _levels(owner) == levels
    assert replay_alerts(owner)["answer"] == "equal", "a replay is told of the drill as the live passes were"


def test_a_drill_ends_by_itself_and_a_second_one_waits_for_that(own_site: Served, owner: Engine) -> None:
    at, lookout = datetime.now(UTC), Lookout(owner)
    with pytest.raises(Forbidden):
        start_drill(owner, Identity("镇长", "township", town.OURS), TANK)
    start_drill(owner, CITY, TANK._replace(minutes=15), at=at)
    with pytest.raises(Refused):
        start_drill(owner, CITY, TANK, at=at + timedelta(minutes=14))
    lookout.look(actor="test", at=at + timedelta(minutes=14))
    assert [one["state"] for one in _listed(own_site)] == ["sent"]
    lookout.look(actor="test", at=at + timedelta(minutes=16))
    assert [one["state"] for one in _listed(own_site)] == ["archived"]
    start_drill(owner, CITY, TANK, at=at + timedelta(minutes=17))
    assert sorted(one["state"] for one in _listed(own_site)) == ["archived", "sent"]


def test_the_command_shows_first_and_wants_a_yes(own_site: Served, owner: Engine, tmp_path: Path) -> None:
    settings = Settings(database_url=own_site.dsn, home=tmp_path)
    scenario = tmp_path / "scenario.json"
    scenario.write_text(json.dumps({"source": "ours-tank", "level": "orange", "minutes": 5}))

    def run(*words: str) -> Any:
        return CliRunner().invoke(app, ["drill", *words], obj=settings)

    dry = run("--scenario", str(scenario), "--dry-run", "--json")
    assert dry.exit_code == 0, dry.output
    plan = json.loads(dry.stdout)
    assert (plan["drill"], plan["plan"]["rule"], plan["plan"]["source"]) == (
        None,
        "event_orange",
        "ours-tank",
    )
    assert isinstance(run("--scenario", str(scenario), "--json").exception, Refused)
    assert _listed(own_site) == []
    code = json.loads(run("--scenario", str(scenario), "--yes", "--json").stdout)["drill"]["code"]
    report = json.loads(run("report", "--json").stdout)
    assert report["code"] == code
    assert {one["person"] for one in report["people"]} >= {"甲镇长", "甲厂长"}
    assert all(
        one["took_s"]["sent"] is not None and one["took_s"]["signed"] is None for one in report["people"]
    )
    assert json.loads(run("end", "--json").stdout) == {"code": code}
    assert run("end").exit_code == 1


@pytest.mark.parametrize(
    "given", [{"x": 1}, {"level": "grey"}, {"minutes": 0}, {"minutes": True}, {"why": "x"}, {"name": " "}]
)
def test_a_scenario_that_cannot_be_is_refused(given: dict[str, Any]) -> None:
    with pytest.raises(BadInput):
        scenario_of(given)

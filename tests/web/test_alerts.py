"""Warnings by program and by command: each sees its own, signs by name, and is told what is not allowed and why."""

import json
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner, Result

from jobs.alerts import run_alerts
from layers.database import owner_engine
from riskmap.settings import Settings
from tests import town
from tests.served import Served
from web.commands import app

API = "/api/v1/alerts"
ROLES = ("township", "village", "grid", "enterprise", "committee")


def warn(site: Served) -> None:
    """Each township has an overdue danger, of which its people are warned."""
    owner = owner_engine(site.dsn)
    run_alerts(owner, actor="test")
    owner.dispose()


@pytest.fixture(scope="module", autouse=True)
def _warned(site: Served) -> None:
    warn(site)


def listed(site: Served, role: str, **limits: str) -> list[dict[str, Any]]:
    answer = site.program(role).get(API, params=limits)
    assert answer.status_code == 200, answer.text
    items: list[dict[str, Any]] = answer.json()["items"]
    assert answer.json()["total"] == len(items)
    return items


def test_everyone_sees_the_warnings_of_their_own_ground_alone(site: Served) -> None:
    everything = listed(site, "city")
    assert {one["township_code"] for one in everything} == {town.OURS, town.THEIRS}
    ours = [one for one in everything if one["township_code"] == town.OURS]
    theirs = next(one for one in everything if one["township_code"] == town.THEIRS)
    assert ours
    for role in ROLES:
        assert listed(site, role) == ours
        client = site.program(role)
        assert client.get(f"{API}/{theirs['id']}").status_code == 404
        assert client.post(f"{API}/{theirs['id']}/sign").status_code == 404
        assert "theirs" not in client.get(f"{API}/{ours[0]['id']}").text
    assert site.client(accept="application/json").get(API).status_code == 401


def test_lists_are_limited_by_level_state_township_and_kind(site: Served) -> None:
    (one,) = listed(site, "city", township=town.OURS, level="orange", kind="overdue", open="true")
    assert (one["form"], one["side"], one["warn"]) == ("urge", "own", "orange")
    assert listed(site, "city", level="blue") == listed(site, "city", state="archived") == []
    half = site.program("city").get(API, params={"limit": "1"}).json()
    assert (len(half["items"]), half["total"], half["next"]) == (1, 2, f"{API}?limit=1&offset=1")


def test_a_leader_signs_deals_with_it_and_reports(own_site: Served) -> None:
    site = own_site
    warn(site)
    number = listed(site, "township")[0]["id"]
    leader, city = site.program("township"), site.program("city")
    early = leader.post(f"{API}/{number}/handle")
    assert (early.status_code, early.json()["remedy"] != "") == (409, True)
    for role in ("planner", "auditor"):
        assert site.program(role).post(f"{API}/{number}/sign").status_code == 403
    assert leader.post(f"{API}/{number}/sign").json()["state"] == "signed"
    assert leader.post(f"{API}/{number}/handle").json()["state"] == "handling"
    assert leader.post(f"{API}/{number}/report").status_code == 422
    assert leader.post(f"{API}/{number}/report", json={"note": "已整改"}).json()["state"] == "reported"
    assert site.program("grid").post(f"{API}/{number}/lift", json={"note": "x"}).status_code == 403
    assert city.post(f"{API}/{number}/lift", json={"note": "复查合格"}).json()["state"] == "lifted"
    told = city.post(f"{API}/{number}/archive").json()
    assert [step["person"] for step in told["steps"]][2:] == [
        "township",
        "township",
        "township",
        "city",
        "city",
    ]
    assert told["messages"][0]["text"].startswith("【督办提醒·内部】")
    assert {person: set(proven) for person, proven in told["proofs"].items()} == {
        told["messages"][0]["person"]: {"sent"},  # by a channel: nobody empties the outbox here
        "township": {"signed", "acted"},
    }
    nul = leader.post(f"{API}/{number}/report", json={"note": "a\x00b"})
    assert nul.status_code == 422


def test_silences_are_the_city_s_and_are_checked(site: Served) -> None:
    given = {"reason": "检修", "hours": 2, "matchers": {"kind": ["event"]}}
    assert site.program("township").post("/api/v1/silences", json=given).status_code == 403
    city = site.program("city")
    assert city.post("/api/v1/silences", json=given).json()["author"] == "city"
    wrongs: tuple[dict[str, Any], ...] = (
        {"hours": 1000},
        {"matchers": {}},
        {"matchers": {"colour": ["red"]}},
        {"polygon": {"type": "Point"}},
    )
    for wrong in wrongs:
        answer = city.post("/api/v1/silences", json={**given, **wrong})
        assert (answer.status_code, bool(answer.json()["remedy"])) == (422, True)
    far = {"type": "Polygon", "coordinates": [[[0, 95], [1e9, 95], [1e9, 96], [0, 95]]]}
    ring = [[112.2, 28.7], [112.9, 28.7], [112.9, 29.4], [112.2, 28.7]]
    assert city.post("/api/v1/silences", json={**given, "polygon": far}).status_code == 422
    around = {"type": "Polygon", "coordinates": [ring]}
    assert city.post("/api/v1/silences", json={**given, "polygon": around}).status_code == 200
    listed_now = city.get("/api/v1/silences").json()["items"]
    assert [one["polygon"] and one["polygon"]["type"] for one in listed_now] == [None, "Polygon"]
    assert site.program("township").get("/api/v1/silences").status_code == 403
    assert city.post("/api/v1/silences", json={**given, "until": "2027"}).status_code == 422


def test_the_command_lists_and_evaluates(site: Served, tmp_path: Path) -> None:
    settings = Settings(database_url=site.dsn, home=tmp_path)

    def run(*words: str) -> Result:
        result = CliRunner().invoke(app, list(words), obj=settings)
        assert result.exit_code == 0, result.output
        return result

    told = json.loads(run("alerts", "run", "--json").stdout)
    assert told["counts"]["facts"] > 0
    found = json.loads(run("alerts", "--json", "--township", town.THEIRS).stdout)
    assert [one["township_code"] for one in found] == [town.THEIRS]
    assert "逾期提示" in run("alerts").stdout

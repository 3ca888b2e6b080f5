"""Rules read aloud on a page and by command; a draft stands beside the live rules for those who see the city."""

import copy
import json
import xml.etree.ElementTree as ET
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Engine
from typer.testing import CliRunner, Result

from jobs.alerts import run_alerts
from jobs.backtest import backtests
from jobs.backtests import keep
from jobs.editions import draft
from layers.history import CLOCK
from riskmap.alert_rules import AlertRules
from riskmap.edition_files import write_edition
from riskmap.rule_files import read_rules, rules_hash
from riskmap.settings import Settings
from tests import town
from tests.riskmap.standard import edition
from tests.served import Served
from tests.warning_times import TABLE, rule
from web.commands import app

PAGE = "/alerts/rules"
YESTERDAY = (datetime.now(CLOCK) - timedelta(days=1)).date()
DRAFT: dict[str, Any] = {**copy.deepcopy(dict(TABLE))}
DRAFT["rules"] = [
    {**one, "repeat_h": "1"} if one["rule"] == "overdue_major" else one
    for one in TABLE["rules"]
    if one["rule"] != "silent"
] + [rule("extra", "listed", name_zh="<b>新增的</b>", warn="red")]


@pytest.fixture(scope="module")
def owner(site: Served) -> Engine:
    return site.owner


@pytest.fixture(scope="module", autouse=True)
def tried(owner: Engine, tmp_path_factory: pytest.TempPathFactory) -> None:
    """Warnings of today, and a draft that was tried beside the live rules: on a day before the town, with made-up counts."""
    run_alerts(owner, actor="test")
    folder = tmp_path_factory.mktemp("draft")
    write_edition(
        replace(edition(), name="noisy", tables={**edition().tables, "alerts": DRAFT}), folder / "noisy"
    )
    draft(owner, folder / "noisy", actor="test")
    live, ours = backtests(owner, [TABLE, DRAFT], YESTERDAY, YESTERDAY)
    people = [{"person": "<i>甲</i>", "messages": 25, "live": 1}]
    days = [{"day": YESTERDAY.isoformat(), "messages": 25, "live": 1}]
    incidents = [{"time": f"{YESTERDAY}T{n}:30:00+08:00", "source": "S1", "enterprise": ""} for n in (10, 11)]
    ours |= {"leads": [one | {"lead_h": lead} for one, lead in zip(incidents, (None, 4.5), strict=True)]}
    ours |= {"incidents": 2, "missed": 1, "lead_time_h": 4.5}
    ours["live"] = ours["live"] | {"leads": [one | {"lead_h": None} for one in incidents]}
    for told in (live, ours | {"more": {"messages": 24, "days": days, "people": people}}):
        keep(owner, told, actor="test")


def page(site: Served, role: str, address: str = PAGE) -> str:
    answer = site.browser(role).client.get(address)
    assert answer.status_code == 200, answer.text
    return answer.text


def test_every_rule_is_read_aloud_with_its_counts_to_whoever_is_signed_in(site: Served) -> None:
    for role in ("city", "township", "grid", "enterprise", "auditor"):
        text = page(site, role)
        for one in AlertRules.from_table(TABLE).rules:
            assert one.name_zh in text
        assert "重大隐患逾期满 1 天仍未整改" in text
    assert "A major danger is overdue" in page(site, "city", f"{PAGE}?lang=en")
    card = page(site, "city").split('id="rule-overdue_major"')[1].split("</section>")[0]
    assert "近 30 天 <b>2</b>" in card
    assert "近 365 天 <b>2</b>" in card
    own = page(site, "township").split('id="rule-overdue_major"')[1].split("</section>")[0]
    assert "近 30 天 <b>1</b>" in own
    assert site.client().get(PAGE).status_code == 303


def test_a_draft_stands_beside_the_live_rules_for_those_who_see_the_city(site: Served) -> None:
    text = page(site, "city", f"{PAGE}?edition=noisy")
    assert "这些规则没有施行" in text
    assert "与现行相比取消了：监测中断" in text
    assert "&lt;b&gt;新增的&lt;/b&gt;" in text
    assert "消息多 24 条，1 天、1 人不同" in text
    assert "&lt;i&gt;甲&lt;/i&gt;" in text
    assert text.count("新增</span>") == 1
    assert text.count("有改动</span>") == 1
    rows = text.split("有记录的事故、险情")[1].split("</table>")[0]
    assert rows.index("11:30") < rows.index("10:30")
    assert rows.count("<b>漏报</b>") == 3
    assert "提前 4.5 小时" in rows
    assert "有记录的事故、险情" not in page(site, "township", f"{PAGE}?edition=noisy")
    assert "与现行规则的差别" not in page(site, "city")
    hidden = page(site, "township", f"{PAGE}?edition=noisy")
    assert "<h2>历史回测</h2>" not in hidden
    assert "新增的" not in hidden
    for role in ("planner", "auditor"):
        assert "消息多" in page(site, role, f"{PAGE}?edition=noisy")
    assert site.browser("city").client.get(f"{PAGE}?edition=none").status_code == 404


def test_the_picture_is_the_kept_back_test_and_the_city_s_alone(site: Served) -> None:
    answer = site.browser("city").client.get(f"{PAGE}/backtest.svg?edition=noisy")
    assert answer.headers["content-type"].startswith("image/svg+xml")
    assert "所测规则" in "".join(ET.fromstring(answer.text).itertext())
    assert site.browser("township").client.get(f"{PAGE}/backtest.svg").status_code == 404


def test_commands_try_rules_replay_and_explain(site: Served, tmp_path: Path) -> None:
    settings = Settings(database_url=site.dsn, home=tmp_path)

    def run(*words: str, code: int = 0) -> Result:
        result = CliRunner().invoke(app, list(words), obj=settings)
        assert result.exit_code == code, result.output
        return result

    file, picture = tmp_path / "rules.toml", tmp_path / "tried.svg"
    run("alerts", "rules", "--toml", str(file))
    assert rules_hash(read_rules(file)) == rules_hash(TABLE)
    assert [one["code"] for one in json.loads(run("alerts", "rules", "--json").stdout)] == [
        one["rule"] for one in TABLE["rules"]
    ]
    days = ("--from", YESTERDAY.isoformat(), "--to", YESTERDAY.isoformat())
    told = json.loads(run("backtest", "noisy", *days, "--picture", str(picture), "--json").stdout)
    assert told.keys() >= {"days", "warnings_per_day", "per_person", "lead_time_h", "false", "missed", "live"}
    assert told["more"]["messages"] == told["messages"] - told["live"]["messages"]
    assert ET.parse(picture).getroot().tag.endswith("svg")
    assert "rev" not in told
    assert "每人收到的消息" in run("backtest", str(file), *days).stdout
    run("backtest", "noisy", "--from", "today", code=1)
    run("backtest", code=1)
    assert json.loads(run("backtest", "--replay", "--json").stdout)["answer"] == "equal"
    listed = json.loads(run("show", "alert", "--json").stdout)
    assert {one["township_code"] for one in listed} >= {town.OURS}
    number = str(listed[0]["id"])
    assert json.loads(run("show", "alert", number, "--json").stdout)["steps"]
    why = json.loads(run("explain", "alert", number, "--lang", "en", "--json").stdout)
    assert (why["rule"]["name"], why["reason_text"]) == ("A major danger is overdue", "new")
    assert why["fact"]["kind"] == "overdue"
    assert why["proofs"]
    assert "重大隐患逾期" in run("explain", "alert", number).stdout
    run("show", "alert", "999999", code=1)
    run("explain", "alert", "x", code=1)

"""The daily messages: one to a leader where something changed, one to the desk whatever happened, by given instants."""

from datetime import datetime, timedelta
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest
from sqlalchemy import Engine

from jobs.alerts import run_alerts
from jobs.daily import day_of, digest_of, send_daily
from jobs.drills import start_drill
from jobs.risk import assess
from layers.database import CITY, Identity, owner_engine, reading, writing
from layers.pulses import ALERTS, beat
from riskmap.daily import MOST_CHARS, Counted, Daily, digest_text, heartbeat_text
from riskmap.drills import Scenario
from riskmap.editions import shipped_table
from riskmap.errors import BadInput
from tests.import_files import AREA_HEADER, AREAS, SOURCE_HEADER, at, evening, load, rows, square

WEST, EAST = "430981101", "430981102"
MORNING = evening(0) + timedelta(hours=11, minutes=40)
"""07:40 of the day after the changes"""
FOUND = "code,source_code,grade,title,found_by,found_on,due_on"


def _assess_at(dsn: str, when: datetime) -> None:
    """A run that is recorded at an instant of the past, as loading a history does."""
    stamp = quote(f"-c riskmap.at={when.isoformat()}", safe="")
    engine = owner_engine(f"{dsn}&options={stamp}")
    assess(engine, actor="test", at=when)
    engine.dispose()


@pytest.fixture
def changed(database: str, owner: Engine, tmp_path: Path) -> Engine:
    """Two townships with a leader each; since yesterday the western one got gas, a danger and an overdue one."""
    before, then = {"at": evening(-1)}, {"at": evening()}
    load(owner, tmp_path, "areas", AREA_HEADER, f"430981,某市,city,,{square(0, 0, 6)}", **before)
    load(owner, tmp_path, "areas", AREA_HEADER, *AREAS, **before)
    load(owner, tmp_path, "population", "code,people,lon,lat", f"P1,900,{at(0.3, 0.2)}", **before)
    load(owner, tmp_path, "sources", SOURCE_HEADER, f"S1,甲罐,lpg_store,,{at(0.2, 0.2)}", **before)
    load(owner, tmp_path, "dangers", FOUND, "D1,S1,general,标识缺失,other,2026-02-01,2026-03-01", **before)
    duty = "code,person,role,object_layer,object_code,phone"
    leaders = f"U1,甲镇长,leader,area,{WEST},1", f"U2,乙镇长,leader,area,{EAST},2"
    load(owner, tmp_path, "duty", duty, *leaders, "U3,市值班,duty_officer,area,430981,3", **before)
    _assess_at(database, evening(-1))
    load(owner, tmp_path, "inventory", "source_code,substance,quantity_t", "S1,液化石油气,3000", **then)
    load(owner, tmp_path, "dangers", FOUND, "D2,S1,major,阀门泄漏,other,2026-03-01,2026-03-05", **then)
    _assess_at(database, evening())
    run_alerts(owner, actor="test", at=evening(-1))
    start_drill(owner, CITY, Scenario(source="S1"), at=evening())
    run_alerts(owner, actor="test", at=evening() + timedelta(minutes=5))
    return owner


def _sent(owner: Engine, when: datetime) -> list[tuple[Any, ...]]:
    (last,) = rows(owner, "SELECT coalesce(max(delivery_id), 0) FROM delivery")[0]
    n = send_daily(owner, actor="test", at=when)
    query = f"SELECT person, reason, text FROM delivery WHERE delivery_id > {last} AND channel = 'in_app'"
    found = rows(owner, f"{query} ORDER BY 1, 2")
    assert len(found) == n
    return found


def test_a_day_is_told_once_to_whom_it_concerns(changed: Engine, reader: Engine) -> None:
    assert _sent(changed, MORNING.replace(hour=7, minute=20))[1:] == []
    sent = _sent(changed, MORNING)
    assert [(person, reason) for person, reason, _ in sent] == [("甲镇长", "digest")]
    text = sent[0][2]
    for told in ("每日变化·内部", "甲镇昨日7时30分以来", "新增隐患1条", "新逾期1条", "最要紧的是：甲罐"):
        assert told in text
    assert "演练" not in text
    assert _sent(changed, MORNING + timedelta(minutes=10)) == []
    with writing(changed) as connection:
        beat(connection, ALERTS, MORNING)
    (heartbeat,) = _sent(changed, MORNING.replace(hour=8, minute=0))
    assert heartbeat[:2] == ("市值班", "heartbeat")
    assert "系统正常" in heartbeat[2]
    assert "预警计算20分钟前" in heartbeat[2]
    next_day = _sent(changed, MORNING.replace(hour=8, minute=1) + timedelta(days=1))
    assert [(person, reason) for person, reason, _ in next_day] == [("市值班", "heartbeat")], (
        "calm: no message"
    )

    with reading(reader, Identity("甲镇长", "township", WEST)) as connection:
        found = digest_of(connection, WEST, day_of(connection, MORNING))
        assert {(one["kind"], one["name"], one["old_level"]) for one in found.changes.colours} >= {
            ("source", "甲罐", "yellow")
        }
        assert [one["title"] for one in found.changes.dangers] == ["阀门泄漏"]
        assert [one["title"] for one in found.changes.overdue] == ["标识缺失"]
        assert {one["name"] for one in found.changes.due} >= {"阀门泄漏"}
        assert digest_of(connection, WEST, day_of(connection, MORNING + timedelta(days=2))).counted.calm
    with reading(reader, Identity("乙镇长", "township", EAST)) as connection:
        assert digest_of(connection, WEST, day_of(connection, MORNING)).changes.colours == []
        assert digest_of(connection, EAST, day_of(connection, MORNING)).counted.calm


def test_a_heartbeat_says_normal_only_where_it_is() -> None:
    ages = {"data": 3, "pass": None, "feed": 1500}
    text = heartbeat_text("某市", MORNING, ages, (0, 98), well=False)
    assert "系统正常" not in text
    for told in ("风险数据3分钟前", "预警计算尚无", "监测数据1天前", "监测点0/98按时"):
        assert told in text


def test_a_message_is_never_too_long() -> None:
    counted = Counted(99_999, 99_999, 99_999, 99_999, 99_999, 99_999, 99_999, 99_999, "字" * 300)
    text = digest_text("市" * 100, "镇" * 100, MORNING, counted, timedelta(days=366))
    assert len(text) <= MOST_CHARS


@pytest.mark.parametrize("at", ["7:30", "24:00", "07:30:00", "x"])
def test_an_hour_that_is_none_is_refused(at: str) -> None:
    table = {name: dict(part) for name, part in shipped_table("daily_2026_1").items()}
    table["digest"]["at"] = at
    with pytest.raises(BadInput, match="at"):
        Daily.from_table(table)

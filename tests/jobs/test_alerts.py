"""Warnings from real rows: exposed, told once to whoever is on duty, lived through by name, and nobody else's to see."""

from collections.abc import Iterator
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any, NamedTuple

import pytest
from sqlalchemy import Engine

from jobs.alert_lookout import Lookout
from jobs.alerts import run_alerts
from jobs.reminding import remind
from jobs.risk import assess
from jobs.warning_steps import add_silence, take_step
from jobs.zones import renew
from layers.alert_ledger import warning_page, warning_told
from layers.alert_state import take_alert_lock
from layers.alert_zones import zone_of_members, zones_to_tell
from layers.database import CITY, Identity, owner_engine, reader_engine, reading, writing
from riskmap.errors import BadInput, Busy, Forbidden, NotFound, Refused
from tests.import_files import AREA_HEADER, SOURCE_HEADER, at, evening, load, load_areas, rows, square

WEST, EAST = "430981101", "430981102"
LEADER = Identity("镇长", "township", WEST)
DESK = Identity("值班", "city")
DUTY = "code,person,role,object_layer,object_code,phone"
EVENT = "event_id,kind,severity,source_code,sensor_code,time,until"


class City(NamedTuple):
    """Two townships, one with a gas store and an overdue danger, and its clock."""

    owner: Engine
    reader: Engine
    folder: Path

    def run(self, minute: int) -> dict[str, Any]:
        """The rules evaluated so many minutes after the evening."""
        return run_alerts(self.owner, actor="test", at=evening() + timedelta(minutes=minute))

    def told(self) -> list[tuple[str, str, str]]:
        """What the outbox has got since it was last looked at: (person, reason, kind)."""
        with writing(self.owner) as connection:
            found = connection.exec_driver_sql(
                "SELECT d.person, d.reason, w.kind FROM delivery d JOIN warning w USING (warning_id)"
                " WHERE d.attempts = 0 AND d.channel = 'in_app' ORDER BY 1, 2, 3"
            ).all()
            connection.exec_driver_sql("UPDATE delivery SET attempts = 1")
        return [(row[0], row[1], row[2]) for row in found]

    def seen(self, identity: Identity, **limits: Any) -> list[dict[str, Any]]:
        """The warnings that somebody sees."""
        with reading(self.reader, identity) as connection:
            return warning_page(connection, **limits).items


@pytest.fixture(scope="module")
def city(module_database: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[City]:
    owner, folder = owner_engine(module_database), tmp_path_factory.mktemp("city")
    load(owner, folder, "areas", AREA_HEADER, f"430981,某市,city,,{square(0, 0, 6)}")
    load_areas(owner, folder)
    load(owner, folder, "enterprises", "code,name,industry,lon,lat", f"E1,甲气,4511,{at(0.2, 0.2)}")
    load(owner, folder, "sources", SOURCE_HEADER, f"S1,甲罐,lpg_store,E1,{at(0.2, 0.2)}")
    load(owner, folder, "inventory", "source_code,substance,quantity_t", "S1,液化石油气,20")
    load(
        owner,
        folder,
        "population",
        "code,people,lon,lat",
        f"P1,900,{at(0.3, 0.2)}",
        f"P2,900,{at(2.05, 0.2)}",
    )
    load(owner, folder, "sensors", "code,source_code,kind,unit,interval_s", "N1,S1,压力,MPa,864000")
    found = "code,source_code,grade,title,found_by,found_on,due_on"
    load(owner, folder, "dangers", found, "D1,S1,major,阀门泄漏,other,2026-02-01,2026-02-20")
    people = (
        f"甲镇长,leader,area,{WEST},101",
        f"乙镇长,leader,area,{EAST},102",
        "市值班,duty_officer,area,430981,103",
    )
    load(
        owner,
        folder,
        "duty",
        DUTY,
        *(f"U{n},{person}" for n, person in enumerate(people)),
        "U9,甲厂长,principal,source,S1,109",
    )
    assess(owner, actor="test", at=evening())
    reader = reader_engine(module_database)
    yield City(owner, reader, folder)
    owner.dispose()
    reader.dispose()


def _what_stands_is_told_once_and_what_was_so_before_is_not(city: City) -> None:
    first = city.run(0)
    assert city.told() == [("市值班", "first", "overdue"), ("甲镇长", "first", "overdue")]
    assert first["counts"]["decisions"]["hold/known_before"] > 0
    assert city.run(1)["rev"] is None
    assert city.told() == []
    text = rows(city.owner, "SELECT text FROM delivery WHERE person = '甲镇长'")[0][0]
    assert text == (
        "【督办提醒·内部】沅江市应急管理局，预警级别橙色：甲镇甲村：“甲罐”的重大隐患已逾期9天未整改（已确认），影响约900人。"
        "请于1日21时00分前到现场核实并反馈，否则将报市级督办。联系市值班103。编号2026-00001"
    )


def _an_alarm_comes_and_goes(city: City) -> None:
    load(city.owner, city.folder, "events", EVENT, "A1,alarm,high,,N1,2026-03-01T20:02:00+08:00,")
    city.run(3)
    assert city.told() == [("甲厂长", "first", "event"), ("甲镇长", "first", "event")]
    load(city.owner, city.folder, "events", EVENT, "A2,alarm,high,,N1,2026-03-01T20:03:00+08:00,")
    assert city.run(4)["counts"]["messages"] == 0
    load(city.owner, city.folder, "events", EVENT, "C1,alarm_cleared,,,N1,2026-03-01T20:05:00+08:00,")
    assert city.run(6)["counts"]["decisions"]["hold/not_clear_yet"] == 1
    city.run(16)
    assert city.told() == [("甲厂长", "cleared", "event"), ("甲镇长", "cleared", "event")]
    over = city.seen(CITY, kind="event")
    assert [(one["state"], one["reason"]) for one in over] == [("lifted", "cleared")]


def _a_neighbour_is_told_of_what_reaches_its_people_and_of_nothing_else(city: City) -> None:
    load(city.owner, city.folder, "sources", SOURCE_HEADER, f"S2,边界气站,lpg_store,,{at(1.97, 0.2)}")
    load(city.owner, city.folder, "inventory", "source_code,substance,quantity_t", "S2,液化石油气,3000")
    assess(city.owner, actor="test", at=evening())
    city.run(20)
    assert ("乙镇长", "first", "near") not in city.told()
    city.run(21)
    assert city.told() == [("乙镇长", "first", "near")]
    (mine,) = city.seen(Identity("乙镇长", "township", EAST))
    assert mine["side"] == "neighbour"
    assert {mine[name] for name in ("record_code", "source_code", "zone_code")} == {None}
    assert set(mine["said"]) <= {"place", "kind", "name", "metres", "bearing", "level", "people", "confirmed"}
    assert "S2" not in str({**mine, "id": 0})
    with reading(city.reader, Identity("乙镇长", "township", EAST)) as connection:
        message = warning_told(connection, mine["id"])["messages"][0]["text"]
        assert {one["township_code"] for one in warning_page(connection).items} == {EAST}
    assert "相邻辖区西" in message
    assert "液化石油气" not in message


def _unsigned_warnings_go_up_the_chain_once_for_each_round(city: City) -> None:
    city.told()
    assert remind(city.owner, actor="test", at=evening() + timedelta(minutes=9)) == 0
    assert remind(city.owner, actor="test", at=evening() + timedelta(minutes=25)) > 0
    overdue = [one for one in city.told() if one[2] == "overdue"]
    assert overdue == [("市值班", "unsigned", "overdue"), ("甲镇长", "unsigned", "overdue")]
    assert remind(city.owner, actor="test", at=evening() + timedelta(minutes=25)) == 0
    (text,) = rows(
        city.owner, "SELECT text FROM delivery WHERE reason = 'unsigned' AND warning_id = 1 AND n = 2"
    )[0]
    assert text.startswith("【督办提醒·内部】")
    assert "尽快签收并处置" in text


def _a_warning_is_signed_for_dealt_with_and_reported_by_name(city: City) -> None:
    number = city.seen(LEADER, kind="overdue")[0]["id"]
    with pytest.raises(NotFound):
        take_step(city.owner, city.reader, Identity("乙镇长", "township", EAST), number, "sign")
    with pytest.raises(Forbidden):
        take_step(city.owner, city.reader, Identity("看", "auditor"), number, "sign")
    with pytest.raises(Refused):
        take_step(city.owner, city.reader, LEADER, number, "report", "已整改")
    before = rows(city.owner, "SELECT rev FROM head")
    with pytest.raises(BadInput, match="lift"):
        take_step(city.owner, city.reader, LEADER, number, "lift")
    assert rows(city.owner, "SELECT rev FROM head") == before
    take_step(city.owner, city.reader, LEADER, number, "sign")
    take_step(city.owner, city.reader, LEADER, number, "handle")
    assert city.run(60 * 25)["counts"]["decisions"]["hold/in_hand"] == 1
    city.told()
    remind(city.owner, actor="test", at=datetime.now(evening().tzinfo) + timedelta(minutes=61))
    assert ("镇长", "forgotten", "overdue") in city.told()
    take_step(city.owner, city.reader, LEADER, number, "report", "阀门已更换")
    told = take_step(city.owner, city.reader, DESK, number, "lift", "复查合格")
    steps = [(step["action"], step["person"], step["state"]) for step in told["steps"]]
    assert steps == [
        ("fire", "riskmap", "fired"),
        ("send", "riskmap", "sent"),
        ("sign", "镇长", "signed"),
        ("handle", "镇长", "handling"),
        ("report", "镇长", "reported"),
        ("lift", "值班", "lifted"),
    ]
    assert take_step(city.owner, city.reader, DESK, number, "archive")["state"] == "archived"


def _a_silence_is_the_city_s_to_set_and_what_still_holds_is_told_when_it_ends(city: City) -> None:
    city.told()
    corner = [[112.29, 28.79], [112.32, 28.79], [112.32, 28.82], [112.29, 28.82], [112.29, 28.79]]
    around = {"type": "Polygon", "coordinates": [corner]}
    with pytest.raises(Forbidden):
        add_silence(city.owner, LEADER, reason="检修", hours=1, matchers={})
    with pytest.raises(BadInput, match="多边形"):
        add_silence(city.owner, DESK, reason="检修", hours=1, matchers={}, polygon={"type": "Point"})
    made = add_silence(city.owner, DESK, reason="检修", hours=2, matchers={"kind": ["event"]}, polygon=around)
    begins = made["until"] - timedelta(hours=2)
    seconds = (begins - evening()).total_seconds()
    minute = int(seconds // 60) + 1
    time = (begins - timedelta(minutes=5)).isoformat()
    load(city.owner, city.folder, "events", EVENT, f"A9,alarm,high,,N1,{time},", at=None)
    city.run(minute)
    assert [one for one in city.told() if one[2] == "event"] == []
    (quiet,) = city.seen(CITY, kind="event", open_only=True)
    assert (quiet["state"], quiet["silenced_by"]) == ("fired", [made["code"]])
    city.run(minute + 121)
    assert [one for one in city.told() if one[2] == "event"] == [
        ("甲厂长", "first", "event"),
        ("甲镇长", "first", "event"),
    ]


def _nobody_on_duty_is_a_message_to_the_desk(city: City) -> None:
    found = "code,source_code,grade,title,found_by,found_on,due_on"
    load(city.owner, city.folder, "dangers", found, "D2,S1,general,标识缺失,other,2026-02-01,2026-02-20")
    minute = int((datetime.now(evening().tzinfo) - evening()).total_seconds() // 60) + 200
    city.run(minute)
    assert ("市值班", "first", "overdue") in city.told()


def _a_pass_is_one_revision_and_of_two_at_once_one_is_written(city: City) -> None:
    jobs = rows(city.owner, "SELECT r.job FROM alert_run JOIN revision r USING (rev)")
    assert {job for (job,) in jobs} == {"alerts"}
    load(
        city.owner,
        city.folder,
        "events",
        EVENT,
        f"I1,incident,,S1,,{datetime.now(evening().tzinfo).isoformat()},",
    )
    minute = int((datetime.now(evening().tzinfo) - evening()).total_seconds() // 60) + 300
    before = rows(city.owner, "SELECT rev FROM head")
    with writing(city.owner) as connection:
        assert take_alert_lock(connection)
        with pytest.raises(Busy):
            city.run(minute)
    assert rows(city.owner, "SELECT rev FROM head") == before
    city.run(minute)
    assert ("甲厂长", "first", "event") in city.told()


def _the_lookout_runs_when_something_came_in_and_else_once_a_minute(city: City) -> None:
    lookout, now = Lookout(city.owner), datetime.now(evening().tzinfo) + timedelta(days=1)
    assert lookout.look(actor="test", at=now) is not None
    second = timedelta(seconds=1)
    while lookout.look(actor="test", at=now + second) is not None:  # its own revisions are no news to it
        second *= 2
    assert second < timedelta(seconds=8)
    reading = f"R1,reading,,,N1,{now.isoformat()},"
    load(city.owner, city.folder, "events", EVENT, reading)
    assert lookout.look(actor="test", at=now + second) is None
    load(city.owner, city.folder, "events", EVENT, f"I2,incident,,S2,,{now.isoformat()},")
    found = lookout.look(actor="test", at=now + second)
    assert found is not None
    assert found["counts"]["messages"] > 0
    assert lookout.look(actor="test", at=now + second + timedelta(minutes=1)) is not None


def _zones_are_told_by_township_and_their_members_are_known(city: City) -> None:
    load(
        city.owner, city.folder, "enterprises", "code,name,industry,lon,lat", f"E2,乙气,4511,{at(0.22, 0.2)}"
    )
    assess(city.owner, actor="test", at=evening())
    renew(city.owner, actor="test")
    with writing(city.owner) as connection:
        (zone,) = zones_to_tell(connection, 4)
        assert (zone["township_code"], zone["township"]) == (WEST, "甲镇")
        assert zone_of_members(connection) == {"E1": zone["code"], "E2": zone["code"]}
        assert zones_to_tell(connection, 0) == []
    city.run(60 * 24 * 400)
    found = "SELECT DISTINCT content->'fact'->>'zone' FROM watch WHERE content->'fact'->>'code' = 'S1'"
    assert rows(city.owner, found) == [(zone["code"],)]


@pytest.mark.timeout(600)
def test_what_becomes_of_warnings_from_one_thing_to_the_next(city: City) -> None:
    """One city and one order: each begins where the one before it ended, so they are no tests of their own."""
    for step in (
        _what_stands_is_told_once_and_what_was_so_before_is_not,
        _an_alarm_comes_and_goes,
        _a_neighbour_is_told_of_what_reaches_its_people_and_of_nothing_else,
        _unsigned_warnings_go_up_the_chain_once_for_each_round,
        _a_warning_is_signed_for_dealt_with_and_reported_by_name,
        _a_silence_is_the_city_s_to_set_and_what_still_holds_is_told_when_it_ends,
        _nobody_on_duty_is_a_message_to_the_desk,
        _a_pass_is_one_revision_and_of_two_at_once_one_is_written,
        _the_lookout_runs_when_something_came_in_and_else_once_a_minute,
        _zones_are_told_by_township_and_their_members_are_known,
    ):
        step(city)

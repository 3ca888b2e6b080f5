"""叫应 on real rows, minute by minute: who is listed when, what an answer ends, who stands in, who hears where nobody does."""

from collections.abc import Iterator
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Engine

from jobs.alert_lookout import Lookout
from jobs.alerts import run_alerts
from jobs.calling import call_out
from jobs.reminding import remind
from jobs.warning_proofs import note_call, note_outcome, note_read, take_outcomes
from jobs.warning_steps import take_step
from layers.alert_ledger import warning_told
from layers.calls import calls_of
from layers.database import CITY, Identity, owner_engine, reader_engine, reading, writing
from riskmap.channels import CallOutcome, CallState, message_key
from riskmap.errors import AlreadySigned, BadInput, NotFound, Refused
from tests.import_files import AREA_HEADER, SOURCE_HEADER, at, evening, load, load_areas, rows, square

WEST, EAST = "430981101", "430981102"
DESK = Identity("desk", "city")
HEAD = Identity("head", "township", WEST)
DEPUTY = Identity("deputy", "township", WEST)
DUTY = (
    "code,person,role,object_layer,object_code,phone,deputy_code,superior_code,absent_from,absent_to,account"
)
EVENT = "event_id,kind,severity,source_code,sensor_code,time,until"
PEOPLE = (
    f"U1,甲镇长,leader,area,{WEST},101,U2,U3,,,head",
    f"U2,甲副镇长,inspector,area,{WEST},102,,,,,deputy",
    "U3,市领导,leader,area,430981,103,,,,,",
    "U4,市值班,duty_officer,area,430981,104,,,,,desk",
)
"""a township's head with a deputy and a superior, and the desk; three of them have a sign-in"""


class Town:
    """One township with a gas store, its clock in minutes after the evening."""

    def __init__(self, owner: Engine, reader: Engine, folder: Path) -> None:
        self.owner = owner
        self.reader = reader
        self.folder = folder

    def duty(self, *people: str) -> None:
        load(self.owner, self.folder, "duty", DUTY, *people)

    def incident(self) -> int:
        """An incident at the store at minute 0: the number of its red warning."""
        event = f"I1,incident,,S1,,{evening().isoformat()},"
        load(self.owner, self.folder, "events", EVENT, event)
        run_alerts(self.owner, actor="test", at=evening())
        ((number,),) = rows(self.owner, "SELECT warning_id FROM warning WHERE kind = 'event'")
        return int(number)

    def listed(self, minute: float) -> list[tuple[str, str]]:
        """Who is new on the list at a minute, as what."""
        before = set(self._calls())
        call_out(self.owner, actor="test", at=minutes(minute))
        return [(person, rank) for *_, person, rank in sorted(set(self._calls()) - before)]

    def _calls(self) -> list[tuple[Any, ...]]:
        return rows(self.owner, "SELECT warning_id, n, person, rank FROM call WHERE result IS NULL")

    def note(self, number: int, minute: float, result: str, **told: Any) -> None:
        """What came of the call on the list."""
        ((n,),) = rows(self.owner, f"SELECT n FROM call WHERE result IS NULL AND warning_id = {number}")
        note_call(self.owner, self.reader, DESK, number, n=n, result=result, at=minutes(minute), **told)

    def gets_a_robot(self) -> None:
        """A gateway that dials and reads aloud."""
        with writing(self.owner) as connection:
            channels = "jsonb_build_object('robot', jsonb_build_object('kind', 'voice', 'url', 'http://127.0.0.1:9/'))"
            connection.exec_driver_sql(
                f"UPDATE city SET content = content || jsonb_build_object('channels', {channels})"
            )

    def outcome(self, state: CallState, minute: float, digit: str = "") -> bool:
        """What the gateway tells of the newest call that it was to make."""
        found = rows(self.owner, "SELECT max(delivery_id) FROM delivery WHERE reason = 'call'")
        return note_outcome(self.owner, delivery_id=found[0][0], state=state, digit=digit, at=minutes(minute))

    def sign(self, number: int, who: Identity, minute: float) -> str:
        told = take_step(self.owner, self.reader, who, number, "sign", at=minutes(minute))
        return str(told["state"])

    def told(self, reason: str) -> list[str]:
        """Who got messages for a reason."""
        return [
            row[0]
            for row in rows(self.owner, f"SELECT person FROM delivery WHERE reason = '{reason}' ORDER BY 1")
        ]

    def steps(self) -> list[tuple[str, str]]:
        found = rows(
            self.owner,
            "SELECT action, person FROM warning_step WHERE person <> 'riskmap' ORDER BY warning_id, n",
        )
        return [(row[0], row[1]) for row in found]


def minutes(n: float) -> datetime:
    return evening() + timedelta(minutes=n)


@pytest.fixture(scope="module")
def built(module_database: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Town]:
    owner, reader, folder = (
        owner_engine(module_database),
        reader_engine(module_database),
        tmp_path_factory.mktemp("town"),
    )
    load(owner, folder, "areas", AREA_HEADER, f"430981,某市,city,,{square(0, 0, 6)}")
    load_areas(owner, folder)
    stores = (f"S1,甲罐,lpg_store,,{at(0.2, 0.2)}", f"S2,乙罐,lpg_store,,{at(0.3, 0.2)}")
    load(owner, folder, "sources", SOURCE_HEADER, *stores)
    yield Town(owner, reader, folder)
    owner.dispose()
    reader.dispose()


@pytest.fixture
def town(built: Town) -> Town:
    """The town before anything happened in it."""
    with writing(built.owner) as connection:
        connection.exec_driver_sql(
            "TRUNCATE warning, warning_step, call, delivery, watch, alert_group, alert_run, event, event_past"
        )
        connection.exec_driver_sql("UPDATE city SET content = content || '{\"channels\": {}}'")
    built.duty(*PEOPLE)
    return built


def test_nobody_answers_so_the_deputy_the_superior_and_a_knock_follow_by_the_clock(town: Town) -> None:
    number = town.incident()
    seen = []
    for half in range(32):
        for person, rank in town.listed(half / 2):
            seen.append((half / 2, person, rank))
            town.note(number, half / 2, "no_answer")
    assert seen == [
        *((minute, "甲镇长", "named") for minute in (0, 3, 4)),
        *((minute, "甲副镇长", "deputy") for minute in (5, 8, 9)),
        *((minute, "市领导", "superior") for minute in (10, 13, 14)),
        (15, "甲镇长", "knock"),
    ]
    assert town.told("exhausted") == ["市值班"]
    ((text,),) = rows(town.owner, "SELECT text FROM delivery WHERE reason = 'exhausted'")
    assert "派人上门通知并回报" in text
    assert [step for step in town.steps() if step[0] == "call"] == [("call", person) for _, person, _ in seen]


def test_an_answer_ends_the_calls_and_is_proven_of_who_answered(town: Town) -> None:
    number = town.incident()
    assert town.listed(0.5) == [("甲镇长", "named")]
    with pytest.raises(BadInput, match="复述"):
        town.note(number, 1, "noted", answered_by="甲镇长")
    town.note(number, 1, "no_answer")
    assert town.listed(3.5) == []
    assert town.listed(4) == [("甲镇长", "named")]
    town.note(number, 5, "noted", answered_by="甲镇长", repeated="甲罐事故，马上到场")
    assert [town.listed(minute) for minute in (6, 20, 300)] == [[], [], []]
    with reading(town.reader, DESK) as connection:
        proofs = warning_told(connection, number)["proofs"]
    assert {"sent", "delivered", "answered"} == set(proofs["甲镇长"])
    ((result, said, noted_by),) = rows(
        town.owner, "SELECT result, repeated, noted_by FROM call WHERE answered_by = '甲镇长'"
    )
    assert (result, said, noted_by) == ("noted", "甲罐事故，马上到场", "市值班")
    with pytest.raises(Refused, match="已经登记过"):
        note_call(town.owner, town.reader, DESK, number, n=2, result="key")


def test_one_telephone_that_rings_unheard_is_noted_for_everything_it_rang_for(town: Town) -> None:
    number = town.incident()
    event = f"I2,incident,,S2,,{evening().isoformat()},"
    load(town.owner, town.folder, "events", EVENT, event)
    run_alerts(town.owner, actor="test", at=evening())
    assert town.listed(0) == [("甲镇长", "named")] * 2
    for identity, seen in ((DESK, 1), (HEAD, 1), (Identity("乙", "township", EAST), 0)):
        with reading(town.reader, identity) as connection:
            assert len(calls_of(connection, [number])[number]) == seen, "a call is its township's to see"
    with pytest.raises(NotFound):
        note_call(town.owner, town.reader, Identity("乙", "township", EAST), number, n=1, result="key")
    note_call(town.owner, town.reader, DESK, number, n=1, result="no_answer", others=True, at=minutes(0))
    assert rows(town.owner, "SELECT result, noted_by FROM call") == [("no_answer", "市值班")] * 2
    assert town.listed(3) == [("甲镇长", "named")] * 2
    note_call(town.owner, town.reader, DESK, number, n=2, result="key", at=minutes(3))
    assert rows(town.owner, "SELECT count(*) FROM call WHERE result IS NULL") == [(1,)]


def test_who_is_absent_is_passed_over_from_the_first_to_the_last_day(town: Town) -> None:
    town.duty(f"U1,甲镇长,leader,area,{WEST},101,U2,U3,2026-02-27,2026-03-01,head")
    number = town.incident()
    assert town.told("first") == ["市值班", "甲副镇长"]
    assert town.listed(1) == [("甲副镇长", "deputy")]
    town.note(number, 1, "no_answer")
    assert town.listed(60 * 4 + 1) == [("甲镇长", "named")], "back on duty after midnight"


def test_nobody_on_duty_is_a_message_to_the_desk_of_the_city(town: Town) -> None:
    away = "2026-03-01,,"
    town.duty(
        f"U1,甲镇长,leader,area,{WEST},101,U2,,{away}head",
        f"U2,甲副镇长,inspector,area,{WEST},102,,,{away}deputy",
    )
    town.incident()
    assert town.told("first") == ["市值班"]
    assert town.listed(0) == [("市值班", "named")], "the desk is who is left of those the rule names"
    assert (town.listed(1), town.told("nobody")) == ([], ["市值班"])
    ((text,),) = rows(town.owner, "SELECT text FROM delivery WHERE reason = 'nobody'")
    assert "落实当值人员并转告" in text


def test_the_desk_is_told_and_a_machine_calls_in_one_look(town: Town) -> None:
    town.gets_a_robot()
    town.duty(
        f"U1,甲镇长,leader,area,{WEST},101,U2,,2026-03-01,,",
        f"U2,甲副镇长,inspector,area,{WEST},102,,,2026-03-01,,deputy",
    )
    town.incident()
    assert town.listed(0) == [("市值班", "named")]
    assert (town.told("nobody"), town.told("call")) == (["市值班"], ["市值班"])


def test_red_wants_two_people_whatever_accounts_they_have_and_a_deputy_is_one(town: Town) -> None:
    number = town.incident()
    assert town.listed(0) == [("甲镇长", "named")]
    assert note_read(town.owner, town.reader, HEAD, [number], at=minutes(1)) == [number]
    assert town.sign(number, HEAD, 2) == "sent"
    with pytest.raises(AlreadySigned, match="甲镇长 已经签收") as again:
        town.sign(number, HEAD, 3)
    assert again.value.remedy == "还需另外 1 人签收"
    assert town.listed(3) == [("甲副镇长", "deputy")], "who has signed need not be called"
    assert town.sign(number, DEPUTY, 4) == "signed"
    assert town.listed(5) == []
    assert rows(town.owner, "SELECT person, result FROM call ORDER BY n") == [
        ("甲镇长", "dropped"),
        ("甲副镇长", "dropped"),
    ]
    assert town.steps() == [("read", "甲镇长"), ("sign", "甲镇长"), ("sign", "甲副镇长")]
    with reading(town.reader, CITY) as connection:
        assert set(warning_told(connection, number)["proofs"]["甲镇长"]) == {
            "sent",
            "delivered",
            "read",
            "signed",
        }
    assert remind(town.owner, actor="test", at=minutes(33)) == 0
    remind(town.owner, actor="test", at=minutes(35))
    forgotten = "SELECT person, address FROM delivery WHERE reason = 'forgotten' ORDER BY 2"
    assert rows(town.owner, forgotten) == [("甲镇长", "101"), ("甲副镇长", "102")]
    take_step(town.owner, town.reader, DEPUTY, number, "handle", at=minutes(36))
    assert remind(town.owner, actor="test", at=minutes(65)) == 0


def test_a_machine_that_calls_proves_by_a_pressed_key_and_hands_over_what_it_cannot(town: Town) -> None:
    town.gets_a_robot()
    number = town.incident()
    assert town.listed(0) == [("甲镇长", "named")]
    assert town.outcome("failed", 0.5)
    assert rows(town.owner, "SELECT channel, result FROM call") == [("call_list", None)]
    assert not town.outcome("confirmed", 0.6), "the desk calls by now"
    town.note(number, 1, "no_answer")
    assert town.listed(4) == [("甲镇长", "named")]
    assert town.outcome("answered", 4.2), "who only picked up has not confirmed"
    assert not town.outcome("confirmed", 4.3)
    assert town.listed(5.2) == [("甲镇长", "named")]
    assert town.listed(8.2) == []
    assert rows(town.owner, "SELECT channel FROM call WHERE result IS NULL") == [("call_list",)], (
        "mute for too long"
    )
    town.note(number, 9, "no_answer")
    assert town.listed(10) == [("甲副镇长", "deputy")]
    keys = [
        message_key(str(number), person, "robot", "call", n) for person, n in (("甲镇长", 3), ("甲副镇长", 4))
    ]
    ended = [CallOutcome(keys[0], "confirmed", "1"), CallOutcome(keys[1], "confirmed", "1")]
    assert take_outcomes(town.owner, "robot", ended, minutes(11)) == 1, "of the one call that is under way"
    assert take_outcomes(town.owner, "robot", ended) == 0
    assert town.listed(20) == []
    assert ("answer", "甲副镇长") in town.steps()
    assert rows(town.owner, "SELECT person, state FROM delivery WHERE channel = 'robot' ORDER BY n") == [
        *[("甲镇长", "waiting")] * 3,
        ("甲副镇长", "waiting"),
    ]


def test_the_worker_s_look_lists_calls_by_their_own_clock(town: Town) -> None:
    number = town.incident()
    lookout = Lookout(town.owner)
    found = lookout.look(actor="test", at=minutes(0))
    assert found is not None
    assert found["calls"] == 1
    town.note(number, 0, "no_answer")
    looks = [lookout.look(actor="test", at=minutes(sixth / 6)) for sixth in range(1, 19)]
    assert [n for n, one in enumerate(looks, 1) if one and one["calls"]] == [18], (
        "three minutes later, in no pass before"
    )


def test_an_account_belongs_to_one_person_and_an_absence_does_not_end_before_it_begins(town: Town) -> None:
    report = load(
        town.owner,
        town.folder,
        "duty",
        "code,person,role,object_layer,object_code,absent_from,absent_to,account",
        f"U8,丙,leader,area,{WEST},,,head",
        f"U9,丁,leader,area,{WEST},2026-03-02,2026-03-01,",
        partial=True,
    )
    assert [(one.row, one.field) for one in report.rejected] == [(2, "account"), (3, "absent_to")]

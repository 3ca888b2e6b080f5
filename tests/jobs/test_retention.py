"""Old readings go, and nobody who asks about the past is told anything else than before."""

import datetime as dt
import itertools
import random
from pathlib import Path

import pytest
from pydantic import ValidationError
from sqlalchemy import Engine, text
from sqlalchemy.exc import DatabaseError

from jobs.replay import replay
from jobs.retention import prune
from jobs.risk import assess
from layers.audit import revisions, verify
from layers.database import snapshot, writing
from layers.dynamic import _sensors
from layers.editions import edition_on
from layers.history import CLOCK, Moment, rev_at
from layers.retention import room_of_events
from riskmap.dynamic import DynamicWeights, Factor, Sensor, silent_factor
from riskmap.settings import Settings
from tests.import_files import DAY, evening, load, load_areas, load_chain, rows

KEPT_DAYS = 31
AFTERWARDS = evening(60)
HEADER = "event_id,kind,sensor_code,value,time"


def at_hour(days: int, hour: int, minute: int = 0) -> dt.datetime:
    return dt.datetime.combine(DAY + dt.timedelta(days=days), dt.time(hour, minute), CLOCK)


@pytest.fixture
def readings(owner: Engine, tmp_path: Path) -> Engine:
    """Two sensors of five days, some of their readings late, mixed up or not there; one day later that is recent."""
    load_areas(owner, tmp_path)
    load_chain(owner, tmp_path)
    load(
        owner,
        tmp_path,
        "sensors",
        "code,source_code,kind,unit,interval_s",
        "N1,S1,level,m,7200",
        "N2,S1,level,m,90000",
    )
    chance = random.Random(7)
    late: list[str] = []
    for day in (1, 2, 5, 40):
        told = [
            f"{sensor}-{day}-{hour},reading,{sensor},{hour},{at_hour(day, hour, 13).isoformat()}"
            for sensor in ("N1", "N2")
            for hour in range(24)
            if chance.random() < (0.8 if sensor == "N1" else 0.3)
        ]
        held, told = told[::5], [one for n, one in enumerate(told) if n % 5]
        for hour in (9, 16, 23):
            due = [one for one in told if int(one.split(",")[3]) <= hour]
            told = [one for one in told if one not in due]
            chance.shuffle(due)
            if due or (hour == 9 and late):
                load(
                    owner,
                    tmp_path,
                    "events",
                    HEADER,
                    *due,
                    *(late if hour == 9 else []),
                    at=at_hour(day, hour, 50),
                )
        late = held
    alarm = f"A1,alarm,N1,,{at_hour(2, 12).isoformat()}"
    load(owner, tmp_path, "events", HEADER, alarm, at=at_hour(3, 23, 55))
    return owner


def silences(owner: Engine) -> list[Factor | None]:
    """What every sensor's silence counts at hours of every day, by what was recorded by then."""
    told: list[Factor | None] = []
    with snapshot(owner) as connection:
        weights = DynamicWeights.from_edition(edition_on(connection, DAY))
        for day, hour in itertools.product(range(1, 9), (0, 1, 5, 12, 23)):
            instant = at_hour(day, hour, 20)
            then = Moment(instant.date(), rev_at(connection, instant))
            for row in _sensors(connection, instant, then).to_dict("records"):
                last = row["last"].astimezone(CLOCK) if row["last"] else at_hour(-40, 0)
                sensor = Sensor(row["code"], row["kind"], last, row["interval_s"])
                told.append(silent_factor(weights, sensor, instant))
    return told


def codes(owner: Engine, kind: str = "reading") -> set[str]:
    return {code for (code,) in rows(owner, f"SELECT code FROM event WHERE kind = '{kind}'")}


def faults_after(owner: Engine, harm: str) -> list[str]:
    """What the audit finds once somebody has done this behind its back; it is undone again."""
    with owner.connect() as connection:
        connection.execute(text("SET LOCAL session_replication_role = replica"))
        connection.execute(text(harm))
        return verify(connection)


def test_old_readings_go_and_the_past_stays_what_it_was(readings: Engine) -> None:
    run = assess(readings, actor="test")
    before, held = silences(readings), codes(readings)
    assert {factor is None for factor in before} == {True, False}
    gone = prune(readings, KEPT_DAYS, actor="test", at=AFTERWARDS)
    left = codes(readings)
    assert len(left) == len(held) - gone
    assert gone > len(held) / 3
    assert {code for code in held if "-40-" in code} <= left, "not old enough"
    assert codes(readings, "alarm") == {"A1", "e1"}

    assert silences(readings) == before
    assert replay(readings, run["run_id"])["answer"] == "equal"
    with snapshot(readings) as connection:
        assert verify(connection) == []
        newest = revisions(connection, 1)[0]
        assert room_of_events(connection).bytes > 0
    assert (newest["job"], newest["actor"]) == ("retention", "test")
    assert [(one["op"], one["rows"]) for one in newest["detail"]] == [("PRUNE", gone)]
    assert rows(readings, "SELECT count(*) FROM event_past") == [(0,)], "nothing is kept twice"
    listed = {code for (code,) in rows(readings, "SELECT code FROM change WHERE layer = 'event'")}
    assert listed == left | {"A1", "e1"}

    head = rows(readings, "SELECT rev FROM head")
    assert prune(readings, KEPT_DAYS, actor="test", at=AFTERWARDS) == 0
    assert prune(readings, 0, actor="test", at=evening(4000)) == 0
    assert rows(readings, "SELECT rev FROM head") == head, "nothing to do is no revision"

    of_pruned = "(SELECT min(rev) FROM pruned)"
    for harm in (
        f"DELETE FROM event WHERE rev = {of_pruned}",
        f"UPDATE pruned SET rows = rows + 1 WHERE rev = {of_pruned}",
        "DELETE FROM pruned",
    ):
        assert faults_after(readings, harm), harm


def test_what_was_tampered_with_is_not_taken_away(readings: Engine) -> None:
    with writing(readings) as connection:
        harm = "UPDATE event SET value = 99 WHERE code = (SELECT min(code) FROM event WHERE kind = 'reading')"
        connection.execute(text(harm))
    with pytest.raises(DatabaseError, match="not as they were written"):
        prune(readings, KEPT_DAYS, actor="test", at=AFTERWARDS)


def test_a_few_days_are_no_retention() -> None:
    assert Settings().readings_days == 400
    with pytest.raises(ValidationError):
        Settings(readings_days=7)

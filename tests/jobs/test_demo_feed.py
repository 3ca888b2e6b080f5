"""The demo feed on a real demo city: through the door of all events, once, by the clock it is given, and nowhere else."""

import json
import threading
from collections.abc import Iterator
from datetime import datetime, timedelta
from pathlib import Path

import psycopg
import pytest
from sqlalchemy import Engine, text

from jobs.demo import recorded_days
from jobs.demo_feed import Feeds, Flow, feed, feeds
from jobs.demo_signals import PACE_MIN, PREFIX, is_silent
from jobs.doctor import check_feeds
from jobs.drop import Drop
from jobs.work import Worker
from layers.database import owner_engine, snapshot, writing
from layers.history import CLOCK, open_revision
from layers.sensors import Pulse, made_up_sensors
from tests.database import Databases
from tests.demo_city import UNTIL
from tests.events import count

pytest_plugins = ["tests.demo_city"]

MORNING = datetime(UNTIL.year, UNTIL.month, UNTIL.day, 8, 30, tzinfo=CLOCK)
MINUTE = timedelta(minutes=1)
DAY = timedelta(days=1)
WAIT_S = 60
FED = f"SELECT count(*) FROM event WHERE starts_with(code, '{PREFIX}')"
REVISIONS = "SELECT count(*) FROM revision"


@pytest.fixture
def demo(databases: Databases, demo_template: str) -> Iterator[str]:
    with databases.fresh(demo_template) as dsn:
        yield dsn


@pytest.fixture
def owner(demo: str) -> Iterator[Engine]:
    engine = owner_engine(demo)
    yield engine
    engine.dispose()


def edit(owner: Engine, statement: str) -> None:
    """Change rows as a job does, in a revision of their own."""
    with writing(owner) as connection:
        rev = open_revision(connection, "test", "edit", None)
        connection.execute(text(statement), {"rev": rev})


def sensors_that_speak(owner: Engine) -> int:
    """How many sensors are not silent on the first day after the demo's year."""
    with snapshot(owner) as connection:
        seed = min(recorded_days(connection)).toordinal()
        return sum(not is_silent(seed, one["code"], UNTIL) for one in made_up_sensors(connection))


def test_the_feed_goes_on_from_the_last_day_and_writes_everything_once(owner: Engine) -> None:
    before = count(owner, REVISIONS)
    first = feed(owner, MORNING)
    assert first == count(owner, FED) > 1000
    assert count(owner, REVISIONS) == before + 1
    assert feed(owner, MORNING) == 0
    assert count(owner, REVISIONS) == before + 1
    later = sum(feed(owner, MORNING + n * MINUTE) for n in range(1, PACE_MIN + 1))
    sensors = count(owner, "SELECT count(*) FROM sensor")
    assert sensors <= later + 20
    assert count(owner, FED) == first + later
    assert count(owner, f"{FED} AND NOT synthetic") == 0
    assert count(owner, f"{FED} AND township_code IS NULL") == 0, "placed as every event is"
    oldest = "SELECT extract(epoch FROM min(time))::bigint FROM event WHERE starts_with(code, 'demo-feed-')"
    assert count(owner, oldest) >= MORNING.replace(hour=0, minute=0).timestamp()


def test_caught_up_is_as_if_it_had_come_live(databases: Databases, demo_template: str, owner: Engine) -> None:
    rows = "SELECT code, kind, severity, value, time, until FROM event WHERE starts_with(code, 'demo-feed-') ORDER BY code"
    for n in range(0, 90, 7):
        feed(owner, MORNING + n * MINUTE)
    feed(owner, MORNING + 90 * MINUTE)
    with databases.fresh(demo_template) as dsn:
        other = owner_engine(dsn)
        feed(other, MORNING + 90 * MINUTE)
        with snapshot(owner) as here, snapshot(other) as there:
            assert here.execute(text(rows)).all() == there.execute(text(rows)).all()
        other.dispose()


def test_after_a_rest_no_more_than_a_day_is_caught_up(owner: Engine) -> None:
    feed(owner, MORNING)
    added = feed(owner, MORNING + 40 * DAY)
    sensors = count(owner, "SELECT count(*) FROM sensor")
    assert added <= sensors * 24 * 60 // PACE_MIN + 30
    assert feed(owner, MORNING + 40 * DAY + PACE_MIN * MINUTE) > sensors / 2


@pytest.mark.parametrize(
    "made_real",
    [
        "UPDATE area SET synthetic = false, rev = :rev WHERE level = 'township'",
        "UPDATE area SET synthetic = null, rev = :rev WHERE code = (SELECT min(code) FROM area WHERE level = 'grid')",
        "UPDATE sensor SET synthetic = false, rev = :rev WHERE code = (SELECT min(code) FROM sensor)",
    ],
)
def test_one_real_place_or_sensor_ends_it(owner: Engine, made_real: str) -> None:
    assert feed(owner, MORNING) > 0
    edit(owner, made_real)
    assert feed(owner, MORNING + DAY) == 0


def test_where_the_demo_was_never_loaded_made_up_records_are_not_enough(owner: Engine) -> None:
    """The same rows in a database whose audit knows of no demo: a city that tried an import, say."""
    with writing(owner) as connection:
        connection.execute(text("UPDATE revision SET job = 'import' WHERE job = 'demo'"))
    assert feed(owner, MORNING) == 0


def test_it_never_speaks_of_a_real_source(owner: Engine) -> None:
    real = "(SELECT min(source_code) FROM sensor)"
    edit(owner, f"UPDATE source SET synthetic = false, rev = :rev WHERE code = {real}")
    with snapshot(owner) as connection:
        assert len(made_up_sensors(connection)) < count(owner, "SELECT count(*) FROM sensor")
    assert feed(owner, MORNING + DAY) > 0
    assert count(owner, f"{FED} AND source_code = {real}") == 0


def test_a_feed_that_stops_is_noticed_and_one_that_is_switched_off_is_not_missed(owner: Engine) -> None:
    def told(now: datetime, *, wanted: bool = True) -> tuple[str | None, int, str]:
        with snapshot(owner) as connection:
            found = feeds(connection, now, wanted=wanted)
        return found.demo, found.pulse.live, check_feeds(found).ok

    speaking = sensors_that_speak(owner)
    now = MORNING + timedelta(hours=1)  # the readings of the demo's last day are then older than a day
    assert told(now) == (None, 0, "yellow")
    feed(owner, now)
    assert told(now + MINUTE)[:2] == ("live", speaking)
    assert told(now + 20 * MINUTE) == ("stopped", speaking, "yellow")
    assert told(now + 20 * MINUTE, wanted=False)[:2] == ("off", speaking)
    assert told(now + 2 * DAY, wanted=False) == ("off", 0, "yellow")


def test_what_doctor_says_of_feeds() -> None:
    def said(sensors: int, live: int, demo: Flow | None) -> tuple[str, str]:
        check = check_feeds(Feeds(Pulse(sensors, live, MORNING), demo, MORNING))
        return check.ok, check.message

    assert said(98, 98, "live") == ("green", "监测点：98 个均按时上报，最近一次 2026-06-01 08:30")
    assert said(98, 97, "live") == ("yellow", "监测点：98 个中有 1 个逾期未报，最近一次 2026-06-01 08:30")
    assert said(98, 98, "stopped") == ("yellow", "演示数据流停在 2026-06-01 08:30")
    assert said(0, 0, None) == ("green", "未配置外部数据源")


@pytest.mark.parametrize("switched_on", [True, False])
def test_the_worker_keeps_the_demo_alive(demo: str, owner: Engine, tmp_path: Path, switched_on: bool) -> None:
    """Once the worker has ticked, every sensor has a fresh reading; switched off it leaves the city as it was."""
    drop = Drop.of(tmp_path)
    worker = Worker(
        demo, owner, lambda: None, home=tmp_path, drop=drop, feeds_demo=switched_on, clock=lambda: MORNING
    )
    drop.make()
    dropped = {"event_id": "dropped", "kind": "crowd", "time": MORNING.isoformat()}
    (drop.folder / "in" / "events.json").write_text(json.dumps(dropped))
    done = FED if switched_on else "SELECT count(*) FROM event WHERE code = 'dropped'"
    with psycopg.connect(demo, autocommit=True) as listener:
        listener.execute("LISTEN riskmap")
        thread = threading.Thread(target=worker.run)
        thread.start()
        try:
            for _ in listener.notifies(timeout=WAIT_S):
                if count(owner, done):
                    break
            else:
                pytest.fail("the worker did nothing")
        finally:
            worker.stop()
            thread.join(WAIT_S)
    with snapshot(owner) as connection:
        pulse = feeds(connection, MORNING, wanted=True).pulse
    fresh = f"""SELECT count(DISTINCT sensor_code) FROM event WHERE starts_with(code, '{PREFIX}')
                AND kind = 'reading' AND time > timestamptz '{MORNING.isoformat()}' - interval '{PACE_MIN} minutes'"""
    if switched_on:
        assert count(owner, fresh) == sensors_that_speak(owner) > 90
        assert pulse.last is not None
        assert MORNING - pulse.last < 2 * MINUTE
    else:
        assert count(owner, FED) == 0

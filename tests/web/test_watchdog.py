"""The watch from outside the worker: seen on every page, told once by a channel of its own, said to be over. Given instants."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path

import psycopg
import pytest
from sqlalchemy import Engine

from jobs.alert_lookout import Lookout
from layers.database import writing
from layers.feed import take_runner_lock
from layers.pulses import ALERTS, beat
from riskmap.daily import Daily
from riskmap.errors import BadInput
from riskmap.settings import load_city
from riskmap.watchdog import Known, News, Vitals, troubles, watched
from tests import town
from tests.served import Browser, Served
from web.watchdog import FOLDER, Watchdog

NOW = datetime.now(UTC)
MINUTE = timedelta(minutes=1)
FIGURES = Daily.from_edition(None)
PAGES = ("/", "/alerts", "/phone", "/wall")


@pytest.fixture
def owner(own_site: Served) -> Engine:
    return own_site.owner


@contextmanager
def _worker(dsn: str) -> Iterator[None]:
    """Somebody holds the runner's lock, as a worker does."""
    with psycopg.connect(dsn, autocommit=True) as connection:
        assert take_runner_lock(connection)
        yield


def _told(home: Path) -> list[str]:
    found = [json.loads(path.read_text("utf-8")) for path in (home / FOLDER).glob("0+*.json")]
    return sorted(str(one["text"]) for one in found)


def _banners(who: Browser, page: str) -> dict[str, bool]:
    text = who.client.get(page).text
    return {name: f'data-banner="{name}" role="alert" hidden' not in text for name in ("worker", "watch")}


def test_a_dead_worker_is_told_by_the_web_server_itself(own_site: Served, owner: Engine) -> None:
    watch: Watchdog = own_site.app.state.watchdog
    home, desk = own_site.app.state.settings.home, own_site.browser("city")
    with _worker(own_site.dsn):
        Lookout(owner).look(actor="test", at=NOW)
        watch.look(NOW)
        assert (watch.shown, _told(home)) == ({}, [])
    for seconds in (10, 30, 69):
        watch.look(NOW + timedelta(seconds=seconds))
        assert (watch.shown, _told(home)) == ({"worker": 0}, []), "a restart is no alarm"
    assert all(_banners(desk, page)["worker"] for page in PAGES)
    for minutes in (2, 3, 60):
        watch.look(NOW + minutes * MINUTE)
    (text,) = _told(home)
    assert "后台任务没有运行" in text

    anew = Watchdog(own_site.app.state.reader, home)
    anew.look(NOW + 61 * MINUTE)
    assert _told(home) == [text], "a server that starts anew does not tell it again"
    with _worker(own_site.dsn):
        Lookout(owner).look(actor="test", at=NOW + 62 * MINUTE)
        anew.look(NOW + 62 * MINUTE)
        watch.look(NOW + 62 * MINUTE)
        assert not any(_banners(desk, "/alerts").values())
    assert len(_told(home)) == 2
    assert any("已恢复" in one for one in _told(home))


def test_rules_that_are_not_asked_and_a_silent_feed_stand_in_the_strip(
    own_site: Served, owner: Engine
) -> None:
    watch: Watchdog = own_site.app.state.watchdog
    desk = own_site.browser("city")
    town.put(owner, "source", "hut", town.OURS, name="hut", kind="lpg_store", status="active")
    town.put(owner, "sensor", "N1", town.OURS, source_code="hut", kind="x", unit="m", interval_s=60)
    town.put(owner, "event", "R1", town.OURS, kind="reading", sensor_code="N1", time=NOW)
    with writing(owner) as connection:
        beat(connection, ALERTS, NOW)
    with _worker(own_site.dsn):
        watch.look(NOW + 5 * MINUTE)
        assert watch.shown == {}
        watch.look(NOW + 40 * MINUTE)
        assert watch.shown == {"pass": 40, "feed": 40}
        for page in PAGES:
            assert _banners(desk, page) == {"worker": False, "watch": True}
        state = own_site.program("city").get("/status").json()
        assert "预警规则已有 40 分没有计算" in state["troubles"]
        watch.look(NOW + 42 * MINUTE)
        assert len(_told(own_site.app.state.settings.home)) == 2


def _looked(*looks: tuple[float, set[str]]) -> list[list[News]]:
    known: dict[str, Known] = {}
    found = []
    for minutes, causes in looks:
        known, news = watched(known, causes, NOW + minutes * MINUTE)
        found.append(news)
    return found


def test_one_message_for_a_cause_and_one_when_it_is_over() -> None:
    begun, over = News("feed", NOW, over=False), News("feed", NOW, over=True)
    both = {"feed", "worker"}
    assert _looked((0, {"feed"}), (1, {"feed"}), (2, {"feed"}), (3, set()), (4, set())) == [
        [],
        [begun],
        [],
        [over],
        [],
    ]
    assert _looked((0, {"feed"}), (0.5, set()), (2, set())) == [[], [], []]
    told = _looked((0, both), (1, both), (2, {"database"}), (4, both), (5, {"worker"}))
    assert [len(one) for one in told] == [0, 2, 0, 0, 1], "without a database what else was known goes on"
    assert told[4] == [over]


def test_what_is_known_makes_the_causes() -> None:
    well = Vitals(True, True, NOW, 3, NOW)
    assert troubles(well, FIGURES, NOW + 5 * MINUTE) == {}
    assert troubles(well._replace(passed_at=None), FIGURES, NOW) == {"pass": 0}
    assert troubles(well._replace(sensors=0, fed_at=None), FIGURES, NOW) == {}
    assert troubles(well._replace(failing=("sms",)), FIGURES, NOW) == {"channel sms": 0}
    assert troubles(Vitals(False), FIGURES, NOW) == {"database": 0}


def test_the_watch_has_only_channels_that_there_are(tmp_path: Path) -> None:
    path = tmp_path / "city.toml"
    path.write_text('[city]\ncode = "430981"\nname = "x"\n[watchdog]\nnowhere = ""\n')
    with pytest.raises(BadInput, match="nowhere"):
        load_city(path)

"""The event stream: what is told to whom, and that it outlives the database and ends with the session."""

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from queue import Queue
from typing import Any

import httpx
import psycopg
import pytest
from sqlalchemy import Engine

from jobs.events import write_postings
from jobs.users import set_password
from layers.database import writing
from layers.feed import LISTENER
from layers.history import open_revision
from tests import town
from tests.database import Databases
from tests.events import posting, reading
from tests.served import PASSWORD, Served
from web import stream

WAIT_S = 20.0
Event = tuple[str, dict[str, Any]]


class Listening:
    """A stream being read in a thread of its own."""

    def __init__(self, client: httpx.Client, **headers: str) -> None:
        self._events: Queue[Event | None] = Queue()
        self.lines: Queue[str] = Queue()
        self._thread = threading.Thread(target=self._read, args=(client, headers), daemon=True)
        self._thread.start()

    def next(self) -> Event:
        """The next event; fails where none comes or the stream has ended."""
        found = self._events.get(timeout=WAIT_S)
        assert found is not None, "the stream ended"
        return found

    def until(self, name: str) -> dict[str, Any]:
        """The data of the next event of that name."""
        while True:
            found, data = self.next()
            if found == name:
                return data

    def ended(self) -> bool:
        """Whether the stream ends, after what is still to come."""
        while (found := self._events.get(timeout=WAIT_S)) is not None:
            assert found[0] in ("change", "signed-out", "away"), found
        return True

    def _read(self, client: httpx.Client, headers: dict[str, str]) -> None:
        name = ""
        try:
            with client.stream("GET", "/stream", headers=headers, timeout=None) as answer:
                assert answer.status_code == 200
                assert answer.headers["content-type"].startswith("text/event-stream")
                for line in answer.iter_lines():
                    self.lines.put(line)
                    if line.startswith("event: "):
                        name = line.removeprefix("event: ")
                    if line.startswith("data: "):
                        self._events.put((name, json.loads(line.removeprefix("data: "))))
        except httpx.HTTPError:
            return  # the server or the test has hung up
        finally:
            self._events.put(None)


@pytest.fixture
def owner(own_site: Served) -> Engine:
    return own_site.owner


@contextmanager
def beating(seconds: float) -> Iterator[None]:
    """A quicker heart."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(stream, "HEARTBEAT_S", seconds)
        yield


def test_nobody_listens_without_an_identity(own_site: Served) -> None:
    answer = own_site.client(accept="text/event-stream").get("/stream")
    assert answer.status_code == 401
    assert answer.headers["content-type"] == "application/problem+json"


def test_each_hears_of_the_records_that_are_theirs_to_see(own_site: Served, owner: Engine) -> None:
    listeners = {
        name: Listening(own_site.program(name)) for name in ("city", "township", "enterprise", "committee")
    }
    for listening in listeners.values():
        hello = listening.until("hello")
        assert hello["changes"] == []
    theirs = town.put(owner, "source", "theirs-new", town.THEIRS, name="new", kind="port")
    ours = town.put(owner, "source", "ours-new", town.OURS, name="new", kind="port")
    heard: dict[str, list[tuple[int, list[str]]]] = {}
    for name, listening in listeners.items():
        heard[name] = []
        while not heard[name] or heard[name][-1][0] < ours:
            data = listening.until("change")
            heard[name].append((data["rev"], [f"{c['layer']}/{c['code']}" for c in data["changes"]]))
    told = {name: [code for _, codes in news for code in codes] for name, news in heard.items()}
    assert sorted(told["city"]) == ["source/ours-new", "source/theirs-new"]
    assert told["township"] == told["enterprise"] == told["committee"] == ["source/ours-new"]
    assert any(rev >= theirs for rev, _ in heard["township"]), "a number is told, for what left a township"


def test_a_stream_that_comes_back_goes_on_where_it_stopped(own_site: Served, owner: Engine) -> None:
    rev = town.put(owner, "source", "ours-one", town.OURS, name="one", kind="port")
    town.put(owner, "source", "ours-two", town.OURS, name="two", kind="port")
    town.put(owner, "source", "theirs-two", town.THEIRS, name="two", kind="port")
    data = Listening(own_site.program("township"), **{"last-event-id": str(rev)}).until("change")
    assert [change["code"] for change in data["changes"]] == ["ours-two"]
    for broken in ("-1", "x", "9" * 40):
        assert Listening(own_site.program("township"), **{"last-event-id": broken}).next()[0] == "hello"


def test_too_much_news_is_told_as_much_news(own_site: Served, owner: Engine) -> None:
    listening = Listening(own_site.program("city"))
    listening.until("hello")
    with writing(owner) as connection:
        rev = open_revision(connection, "test", "many", None)
        connection.exec_driver_sql(
            f"""INSERT INTO target (code, name, target_class, geom, geom_m, valid_from, rev)
            SELECT 'many-' || n, 'x', 'important', geom, geom_m, valid_from, {rev}
            FROM target, generate_series(1, 600) n WHERE code = 'ours-school'"""
        )
    data = listening.until("change")
    while data["rev"] < rev:
        data = listening.until("change")
    assert data["more"] is True
    assert len(data["changes"]) == 500


def test_a_lost_database_is_told_and_its_return_too(
    own_site: Served, owner: Engine, databases: Databases
) -> None:
    with beating(0.2):
        listening = Listening(own_site.program("city"))
        listening.until("hello")
        with psycopg.connect(own_site.dsn) as connection:
            name = connection.info.dbname
        with psycopg.connect(databases.cluster.dsn(database="postgres"), autocommit=True) as server:
            server.execute(f'ALTER DATABASE "{name}" ALLOW_CONNECTIONS false')
            server.execute(
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = %s", [name]
            )
            away = listening.until("away")
            assert away["title"]
            server.execute(f'ALTER DATABASE "{name}" ALLOW_CONNECTIONS true')
        owner.dispose()
        rev = town.put(owner, "source", "ours-after", town.OURS, name="after", kind="port")
        data = listening.until("change")
        while data["rev"] < rev:
            data = listening.until("change")
        assert {"layer": "source", "code": "ours-after"} in data["changes"]


def test_news_comes_at_once_after_the_listener_was_cut_off(own_site: Served, owner: Engine) -> None:
    """With a slow heart: what wakes the stream can only be the listener, back on a new connection."""
    listening = Listening(own_site.program("city"))
    listening.until("hello")
    with psycopg.connect(own_site.dsn, autocommit=True) as server:
        cut = """SELECT pg_terminate_backend(pid) FROM pg_stat_activity
            WHERE application_name = %s AND datname = current_database()"""
        assert server.execute(cut, [LISTENER]).rowcount == 1
    town.put(owner, "source", "ours-after", town.OURS, name="after", kind="port")
    data = listening.until("change")
    assert {"layer": "source", "code": "ours-after"} in data["changes"]


@pytest.mark.parametrize("way", ["sign out", "password reset"])
def test_a_stream_ends_with_its_session(own_site: Served, owner: Engine, way: str) -> None:
    browser = own_site.browser("township")
    with beating(0.2):
        thief = Listening(own_site.client(cookie=f"riskmap_session={browser.token}"))
        thief.until("hello")
        if way == "sign out":
            browser.post("/logout")
        else:
            set_password(owner, "township", PASSWORD + "-new")
        assert thief.until("signed-out") == {}
        assert thief.ended()
        town.put(owner, "source", "ours-secret", town.OURS, name="secret", kind="port")
        assert all("ours-secret" not in line for line in list(thief.lines.queue))


def test_a_quiet_stream_still_beats(own_site: Served) -> None:
    with beating(0.1):
        listening = Listening(own_site.program("city"))
        listening.until("hello")
        beats = 0
        while beats < 3:
            beats += listening.lines.get(timeout=WAIT_S).startswith(":")


def test_open_streams_do_not_hold_up_the_end_of_the_server(own_site: Served) -> None:
    listening = Listening(own_site.program("city"))
    listening.until("hello")
    own_site.app.state.feed.stop()
    assert listening.ended()


def test_news_of_nothing_but_events_says_so(own_site: Served, owner: Engine) -> None:
    """So that no map is drawn anew every second; others' events are not named, many of one's own not listed."""
    programs = {name: own_site.program(name) for name in ("city", "township")}
    start = town.put(owner, "source", "before", town.OURS, name="before", kind="lpg_store")
    streams = {name: Listening(one, **{"last-event-id": str(start)}) for name, one in programs.items()}
    assert all(one.lines.get(timeout=WAIT_S).startswith("retry") for one in streams.values())
    readings = [reading(f"n{n}", source_code="theirs-tank", sensor_code=None) for n in range(600)]
    (report,) = write_postings(owner, [posting(*readings)])
    told = {name: one.until("change") for name, one in streams.items()}
    assert (told["city"]["rev"], told["city"]["events"], told["city"]["more"]) == (report.rev, True, True)
    assert {change["layer"] for change in told["city"]["changes"]} == {"event"}
    assert told["township"] == {"rev": report.rev, "changes": [], "more": False, "events": True}
    rev = town.put(owner, "source", "new", town.THEIRS, name="new", kind="lpg_store")
    for one in streams.values():
        news = one.until("change")
        assert (news["rev"], news["events"]) == (rev, False)

"""Sensors over HTTP as a gateway sends them: a rate that lasts, and a server killed while it is at it."""

import subprocess
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from threading import Event
from typing import Any

import httpx
import psycopg
import pytest
from sqlalchemy import Engine

from jobs.imports import import_file
from jobs.users import add_user
from layers.audit import verify
from layers.cluster import Cluster
from layers.database import owner_engine, writing
from tests.conftest import SOAK
from tests.processes import command, environment, free_port, new_home, set_up, started, status, until, within
from tests.served import PASSWORD

ROUNDS = 60 if SOAK else 2
SENDERS, IN_A_REQUEST = 12, 500
ACKNOWLEDGED, AGAIN = (400, 5) if SOAK else (200, 3)
"""events taken in before the server is killed, and requests of each sender that are then sent once more"""
SENSORS = 40


@dataclass
class Gateway:
    """A city with sensors, and what sends their readings."""

    home: Path
    url: str | None = None
    """of the database; the home's own without one"""
    token: dict[str, str] = field(default_factory=dict)
    port: int = 0

    def started(self, *words: str) -> subprocess.Popen[bytes]:
        """A process of this city."""
        return started(self.home, *words, url=self.url)

    @contextmanager
    def serving(self) -> Iterator[subprocess.Popen[bytes]]:
        """A server process; the port is free afterwards."""
        self.port = free_port()
        server = self.started("serve", "--port", str(self.port))
        try:
            until(lambda: status(self.port) == 200)
            yield server
        finally:
            server.terminate()
            server.wait(30)

    @property
    def dsn(self) -> str:
        """The database for one who asks it."""
        return self.url or Cluster(self.home).dsn()

    @contextmanager
    def owned(self) -> Iterator[Engine]:
        """The database for one who writes it."""
        if self.url is None:
            with within(self.home) as owner:
                yield owner
        else:
            owner = owner_engine(self.url)
            yield owner
            owner.dispose()

    def client(self) -> httpx.Client:
        return httpx.Client(
            base_url=f"http://127.0.0.1:{self.port}", headers=self.token, timeout=60, trust_env=False
        )

    def sign_in(self) -> None:
        form = {"username": "gateway", "password": PASSWORD}
        with self.client() as client:
            token = client.post("/api/v1/token", data=form).json()["access_token"]
        self.token = {"authorization": f"Bearer {token}"}

    def asked(self, query: str) -> Any:
        """The one value of a query."""
        with psycopg.connect(self.dsn) as connection:
            row = connection.execute(query.encode()).fetchone()
            assert row is not None
            return row[0]


@pytest.fixture
def gateway(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Gateway]:
    """A city of tanks and gauges; in the soak on a server of its own that waits for its disk."""
    with new_home("riskmap-sensors-") as home:
        if SOAK:
            set_up(home)
        gateway = Gateway(home, None if SOAK else request.getfixturevalue("database"))
        sources, sensors = tmp_path / "sources.csv", tmp_path / "sensors.csv"
        tanks = [f"S{n},tank {n},lpg_store,112.3{n},28.8" for n in range(SENSORS)]
        gauges = [f"N{n},S{n},level,m" for n in range(SENSORS)]
        sources.write_text("\n".join(["code,name,kind,lon,lat", *tanks]))
        sensors.write_text("\n".join(["code,source_code,kind,unit", *gauges]))
        with gateway.owned() as owner:
            for layer, path in (("sources", sources), ("sensors", sensors)):
                import_file(owner, layer, path)
            add_user(owner, "gateway", "city", password=PASSWORD)
        yield gateway


def readings(sender: int, number: int, count: int) -> list[dict[str, Any]]:
    return [
        {
            "event_id": f"{sender}-{number}-{n}",
            "kind": "reading",
            "source_code": f"S{n % SENSORS}",
            "sensor_code": f"N{n % SENSORS}",
            "value": (number * 7 + n) % 1000 / 10,
            "unit": "m",
            "time": f"2026-03-01T08:{number // 60 % 60:02}:{number % 60:02}+08:00",
        }
        for n in range(count)
    ]


def metric(client: httpx.Client, name: str) -> float:
    lines = client.get("/metrics").text.splitlines()
    return float(next(line for line in lines if line.startswith(f"{name} ")).split()[1])


@pytest.mark.soak
@pytest.mark.timeout(600)
def test_thousands_of_readings_a_second_are_gathered_and_none_is_left_waiting(gateway: Gateway) -> None:
    """Twelve senders of 500 with a worker beside: all rows arrive, the queue stays short, no run is made for them."""

    def send(sender: int) -> float:
        longest = 0.0
        with gateway.client() as client:
            for number in range(ROUNDS):
                told = client.post("/api/v1/events", json=readings(sender, number, IN_A_REQUEST)).json()
                assert told["inserted"] == IN_A_REQUEST, told
                longest = max(longest, metric(client, "riskmap_events_waiting"))
        return longest

    worker = gateway.started("work")
    try:
        with gateway.serving():
            gateway.sign_in()
            until(lambda: gateway.asked("SELECT count(*) FROM run") > 0)
            runs = gateway.asked("SELECT count(*) FROM run")
            with ThreadPoolExecutor(SENDERS) as pool:
                longest = max(pool.map(send, range(SENDERS)))
            with gateway.client() as client:
                assert metric(client, "riskmap_events_waiting") == 0
            sent = SENDERS * ROUNDS * IN_A_REQUEST
            assert gateway.asked("SELECT count(*) FROM event") == sent
            assert longest <= SENDERS * IN_A_REQUEST
            revisions = gateway.asked("SELECT count(*) FROM revision WHERE job = 'events'")
            assert sent / revisions >= 2 * IN_A_REQUEST, "requests were not written together"
            assert gateway.asked("SELECT count(*) FROM run") == runs
    finally:
        worker.terminate()
        worker.wait(30)


ALARM_EVERY = 4 if SOAK else 1
"""requests of one sender from one alarm to the next"""


@pytest.fixture
def demo_gateway(request: pytest.FixtureRequest) -> Iterator[Gateway]:
    """The demo city with its sensors, as a gateway sees it; in the soak on a server that waits for its disk."""
    with new_home("riskmap-alarms-") as home:
        if SOAK:
            subprocess.run(
                command(home, "demo", "--once"),
                env=environment(home),
                capture_output=True,
                check=True,
                timeout=400,
            )
            with within(home) as owner:
                add_user(owner, "gateway", "city", password=PASSWORD)
            yield Gateway(home)
        else:
            owner = request.getfixturevalue("demo_owner")
            add_user(owner, "gateway", "city", password=PASSWORD)
            yield Gateway(home, request.getfixturevalue("demo_database"))


def alarms_seen(gateway: Gateway, expected: int, begun: Event, sent: dict[str, float]) -> dict[str, float]:
    """Seconds from sending an alarm until a run has put it into the account of its source, by event."""
    seen: dict[str, float] = {}
    dsn = gateway.dsn
    query = "SELECT record FROM contribution WHERE kind = 'source' AND record LIKE 'event/alarm-%'"
    with psycopg.connect(dsn, autocommit=True) as news, psycopg.connect(dsn, autocommit=True) as results:
        news.execute("LISTEN riskmap")
        begun.set()
        for _ in news.notifies(timeout=240):
            now = time.monotonic()
            for (record,) in results.execute(query):
                code = record.removeprefix("event/")
                seen.setdefault(code, now - sent[code])
            if len(seen) == expected:
                break
    return seen


@pytest.mark.soak
@pytest.mark.timeout(900)
def test_an_alarm_moves_its_source_while_thousands_of_readings_come_in(demo_gateway: Gateway) -> None:
    """The same senders at the demo city, each with an alarm now and then; how long until the level says so."""
    gateway, sent, begun = demo_gateway, dict[str, float](), Event()
    expected = SENDERS * len(range(0, ROUNDS, ALARM_EVERY))

    def send(sender: int, sensors: list[str]) -> None:
        with gateway.client() as client:
            for number in range(ROUNDS):
                events = [
                    one | {"sensor_code": sensors[n % len(sensors)], "source_code": None}
                    for n, one in enumerate(readings(sender, number, IN_A_REQUEST))
                ]
                if number % ALARM_EVERY == 0:
                    code = f"alarm-{sender}-{number}"
                    own = sensors[(sender + SENDERS * number) % len(sensors)]
                    moment = datetime.now(UTC).isoformat()
                    alarm = {
                        "event_id": code,
                        "kind": "alarm",
                        "severity": "high",
                        "sensor_code": own,
                        "time": moment,
                    }
                    sent[code] = time.monotonic()
                    events.append(alarm)
                assert client.post("/api/v1/events", json=events).json()["inserted"] == len(events)

    worker = gateway.started("work")
    try:
        with gateway.serving(), ThreadPoolExecutor(SENDERS + 1) as pool:
            gateway.sign_in()
            sensors = gateway.asked("SELECT json_agg(code ORDER BY code) FROM sensor")
            watching = pool.submit(alarms_seen, gateway, expected, begun, sent)
            begun.wait()
            started_at = time.monotonic()
            list(pool.map(lambda sender: send(sender, sensors), range(SENDERS)))
            rate = SENDERS * ROUNDS * IN_A_REQUEST / (time.monotonic() - started_at)
            seen = watching.result()
            last = gateway.asked("SELECT full_run FROM run ORDER BY run_id DESC LIMIT 1")
    finally:
        worker.terminate()
        worker.wait(30)
    waits = sorted(seen.values())
    p99 = waits[int(0.99 * (len(waits) - 1))]
    print(
        f"{len(waits)} alarms at {rate:.0f} readings/s: median {waits[len(waits) // 2]:.2f} s, p99 {p99:.2f} s"
    )
    assert len(seen) == expected
    assert last is False, "an alarm needs no whole run"


@pytest.mark.timeout(300)
def test_what_was_acknowledged_outlives_the_server_and_what_was_not_is_sent_again(gateway: Gateway) -> None:
    acknowledged: list[str] = []

    def send(sender: int, *, last: int) -> bool:
        """Whether the server lasted."""
        with gateway.client() as client:
            for number in range(last):
                events = readings(sender, number, 20)
                try:
                    told = client.post("/api/v1/events", json=events).json()
                except httpx.HTTPError:
                    return False
                assert told["inserted"] + told["unchanged"] == len(events)
                acknowledged.extend(event["event_id"] for event in events)
        return True

    with gateway.serving() as server, ThreadPoolExecutor(6) as pool:
        gateway.sign_in()
        ends = [pool.submit(send, sender, last=1000) for sender in range(6)]
        until(lambda: len(acknowledged) >= ACKNOWLEDGED)
        server.kill()
        assert not any(end.result() for end in ends)
    with gateway.serving(), ThreadPoolExecutor(6) as pool:
        on_file = set(gateway.asked("SELECT json_agg(code) FROM event"))
        assert on_file >= set(acknowledged)
        assert all(pool.map(lambda sender: send(sender, last=AGAIN), range(6)))
        expected = {event["event_id"] for s in range(6) for n in range(AGAIN) for event in readings(s, n, 20)}
        assert set(gateway.asked("SELECT json_agg(code) FROM event")) == on_file | expected
    with gateway.owned() as owner, writing(owner) as connection:
        assert verify(connection) == []

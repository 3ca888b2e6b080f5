"""Sensors over HTTP as a gateway sends them: a rate that lasts, and a server killed while it is at it."""

import json
import os
import subprocess
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import psycopg
import pytest

from layers.cluster import Cluster
from tests.processes import answer, free_port, new_home, run, started, status, until

ROUNDS = 60 if os.environ.get("RISKMAP_SOAK") else 4
SENDERS, IN_A_REQUEST = 12, 500
SENSORS = 40


@dataclass
class Gateway:
    """A city with sensors, and what sends their readings."""

    home: Path
    token: dict[str, str]
    port: int = 0

    @contextmanager
    def serving(self) -> Iterator[subprocess.Popen[bytes]]:
        """A server process; the port is free afterwards."""
        self.port = free_port()
        server = started(self.home, "serve", "--port", str(self.port))
        try:
            until(lambda: status(self.port) == 200)
            yield server
        finally:
            server.terminate()
            server.wait(30)

    def client(self) -> httpx.Client:
        return httpx.Client(
            base_url=f"http://127.0.0.1:{self.port}", headers=self.token, timeout=60, trust_env=False
        )

    def sign_in(self) -> None:
        account = answer(self.home, "user", "add", "gateway", "--role", "city")
        assert isinstance(account, dict)
        form = {"username": "gateway", "password": account["password"]}
        with self.client() as client:
            token = client.post("/api/v1/token", data=form).json()["access_token"]
        self.token = {"authorization": f"Bearer {token}"}

    def asked(self, query: str) -> Any:
        """The one value of a query."""
        with psycopg.connect(Cluster(self.home).dsn()) as connection:
            row = connection.execute(query.encode()).fetchone()
            assert row is not None
            return row[0]


@pytest.fixture
def gateway(tmp_path: Path) -> Iterator[Gateway]:
    with new_home("riskmap-sensors-") as home:
        assert run(home, "init").returncode == 0
        sources, sensors = tmp_path / "sources.csv", tmp_path / "sensors.csv"
        tanks = [f"S{n},tank {n},lpg_store,112.3{n},28.8" for n in range(SENSORS)]
        gauges = [f"N{n},S{n},level,m" for n in range(SENSORS)]
        sources.write_text("\n".join(["code,name,kind,lon,lat", *tanks]))
        sensors.write_text("\n".join(["code,source_code,kind,unit", *gauges]))
        for layer, path in (("sources", sources), ("sensors", sensors)):
            done = run(home, "import", layer, str(path))
            assert done.returncode == 0, done.stderr
        yield Gateway(home, {})


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

    worker = started(gateway.home, "work")
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
        until(lambda: len(acknowledged) >= 400)
        server.kill()
        assert not any(end.result() for end in ends)
    with gateway.serving(), ThreadPoolExecutor(6) as pool:
        on_file = set(gateway.asked("SELECT json_agg(code) FROM event"))
        assert on_file >= set(acknowledged)
        assert all(pool.map(lambda sender: send(sender, last=5), range(6)))
        expected = {event["event_id"] for s in range(6) for n in range(5) for event in readings(s, n, 20)}
        assert set(gateway.asked("SELECT json_agg(code) FROM event")) == on_file | expected
    report = json.loads(run(gateway.home, "doctor", "--json").stdout)
    assert [check["ok"] for check in report["checks"] if check["name"] == "audit"] == ["green"]

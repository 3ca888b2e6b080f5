"""The real prometheus-alertmanager of Debian, started by the test that asks it, in lock-step with a beat of its own.

Every group that is asked about flushes half an interval after the beat, because its first alert is posted right after
one. So what is posted after a beat is told before the next one, and nobody sleeps: a beat is a webhook that comes.
"""

import json
import queue
import shutil
import subprocess
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, NamedTuple

import httpx
import pytest

from tests.channel_servers import http_server
from tests.processes import free_port, until

PROGRAM = "prometheus-alertmanager"
_CONFIG = """
route:
  receiver: told
  group_by: [township, zone]
  group_wait: {half_ms}ms
  group_interval: {whole_ms}ms
  repeat_interval: 1h
  routes:
    - receiver: beat
      matchers: [kind="beat"]
      group_by: [kind]
      group_wait: {whole_ms}ms
receivers:
  - name: told
    webhook_configs: [{{url: "{url}", send_resolved: true}}]
  - name: beat
    webhook_configs: [{{url: "{url}", send_resolved: false}}]
inhibit_rules:
  - source_matchers: [kind="zone", warn="red"]
    target_matchers: [kind!="zone", warn!="red", zone!=""]
    equal: [zone, topic, township]
"""
Labels = Mapping[str, str]


class Told(NamedTuple):
    """One message: of which group, after how many beats, and which codes fire in it and are over."""

    group: tuple[str, str]
    beat: int
    firing: frozenset[str]
    resolved: frozenset[str]


class TooSlow(Exception):
    """This machine was too busy to keep time: what was heard proves nothing."""


class Alertmanager:
    """One that runs: alerts and silences go in, messages come out."""

    def __init__(
        self, client: httpx.Client, interval_s: float, came: "queue.SimpleQueue[tuple[float, Any]]"
    ) -> None:
        self._client = client
        self._interval_s = interval_s
        self._came = came
        self._posted_at = 0.0
        self._beats = 0
        self.told: list[Told] = []

    def post(self, fire: list[Labels], resolve: list[Labels] = []) -> None:  # noqa: B006 - only read
        """Alerts that begin and alerts that are over, at once."""
        over = (datetime.now(UTC) - timedelta(milliseconds=1)).isoformat()
        alerts: list[dict[str, Any]] = [{"labels": labels} for labels in fire]
        alerts += [{"labels": labels, "endsAt": over} for labels in resolve]
        if alerts:
            self._client.post("/alerts", json=alerts).raise_for_status()

    def silence(self, township: str, code: str) -> str:
        """Keep one code of a township quiet from now on; the silence's number."""
        now = datetime.now(UTC)
        matchers = [
            {"name": name, "value": value, "isRegex": False, "isEqual": True}
            for name, value in (("township", township), ("code", code))
        ]
        body = {"matchers": matchers, "startsAt": now.isoformat(), "createdBy": "test", "comment": "test"}
        body["endsAt"] = (now + timedelta(hours=1)).isoformat()
        return str(self._client.post("/silences", json=body).raise_for_status().json()["silenceID"])

    def loud(self, number: str) -> None:
        """End a silence."""
        self._client.delete(f"/silence/{number}").raise_for_status()

    def beat(self) -> None:
        """Wait for the next beat, and set up the one after it. TooSlow where a message came out of its half."""
        if not self._beats:
            self.post([{"kind": "beat", "n": "0"}])
        while True:
            at, message = self._came.get(timeout=30)
            if message["receiver"] == "beat":
                break
            if at < self._posted_at:
                raise TooSlow
            self.told.append(_told(message, self._beats))
        self._beats += 1
        self._due_s = at + self._interval_s / 2
        self.post([{"kind": "beat", "n": str(self._beats)}])

    def posted(self) -> None:
        """All that is to be told before the next beat is posted."""
        self._posted_at = time.monotonic()
        if self._posted_at > self._due_s - self._interval_s / 10:
            raise TooSlow


def _told(message: Any, beat: int) -> Told:
    labels = message["groupLabels"]
    codes: dict[str, set[str]] = {"firing": set(), "resolved": set()}
    for alert in message["alerts"]:
        codes[alert["status"]].add(alert["labels"]["code"])
    group = labels["township"], labels.get("zone", "")
    return Told(group, beat, frozenset(codes["firing"]), frozenset(codes["resolved"]))


@contextmanager
def alertmanager(folder: Path, interval_s: float) -> Iterator[Alertmanager]:
    """One with its own folder, on a free port of loopback, that talks to no other; gone afterwards."""
    program = shutil.which(PROGRAM)
    if program is None:
        pytest.skip(f"apt has no {PROGRAM} here")
    came: queue.SimpleQueue[tuple[float, Any]] = queue.SimpleQueue()
    folder.mkdir()
    with http_server() as server:
        server.hand_on = lambda request: came.put((time.monotonic(), json.loads(request.body)))
        config = folder / "config.yml"
        half_ms = round(interval_s * 500)
        config.write_text(_CONFIG.format(url=server.url, half_ms=half_ms, whole_ms=2 * half_ms))
        port = free_port()
        words = [f"--config.file={config}", f"--storage.path={folder / 'data'}", "--cluster.listen-address="]
        words += [f"--web.listen-address=127.0.0.1:{port}", "--log.level=error"]
        with (folder / "log").open("wb") as log:
            process = subprocess.Popen([program, *words], stdout=log, stderr=log)
        try:
            url = f"http://127.0.0.1:{port}"
            until(lambda: _is_ready(process, url))
            with httpx.Client(base_url=f"{url}/api/v2", timeout=10, trust_env=False) as client:
                yield Alertmanager(client, interval_s, came)
        finally:
            process.kill()
            process.wait()


def _is_ready(process: "subprocess.Popen[bytes]", url: str) -> bool:
    assert process.poll() is None, "it ended by itself"
    try:
        return httpx.get(f"{url}/-/ready", trust_env=False).is_success
    except httpx.HTTPError:
        return False

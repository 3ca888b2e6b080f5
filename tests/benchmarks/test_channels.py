"""A thousand deliveries to a local webhook: well within a minute, and not much slower than a bare loop of httpx; also
through the whole worker, from the outbox to the last mark.
"""

import multiprocessing
import time
from pathlib import Path

import httpx
import psycopg
import pytest

from riskmap.channels import Delivered, Message, message_key
from tests.benchmarks.ratios import seconds
from tests.channel_servers import http_server
from tests.opened_channels import over_http
from tests.outbox_rows import city_with, message, put, webhook
from tests.worker_process import work

pytestmark = [pytest.mark.bench, pytest.mark.timeout(600)]

DELIVERIES = 1000
MOST_S = 60.0
MOST_RATIO = 3.0
RED_LEAVES_S = 1.0


def test_a_thousand_deliveries(tmp_path: Path) -> None:
    messages = [
        Message(message_key("W", f"p{n}", "hook", "first", 1), "", "风险提示", "请核实" * 40, "red")
        for n in range(DELIVERIES)
    ]
    with http_server() as server, httpx.Client(trust_env=False) as client:
        channel = over_http(tmp_path, "webhook", server.url)

        def ours() -> None:
            assert all(channel.send(one) == Delivered() for one in messages)

        def bare() -> None:
            for one in messages:
                client.post(server.url, content=one.text.encode()).raise_for_status()

        bare_s = seconds(bare, 2)
        ours_s = seconds(ours, 2)
        keys = {one.headers.get("idempotency-key") for one in server.got}
    assert keys - {None} == {one.key for one in messages}
    print(f"\n1,000 deliveries {ours_s:.2f} s, bare httpx {bare_s:.2f} s, ratio {ours_s / bare_s:.2f}")
    assert ours_s < MOST_S
    assert ours_s / bare_s < MOST_RATIO


def test_a_thousand_through_the_worker(database: str, tmp_path: Path) -> None:
    """From the commit that put them into the outbox until the last is marked as delivered."""
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(["tests.worker_process"])
    with http_server() as server, psycopg.connect(database, autocommit=True) as connection:
        city = city_with(hook=webhook(server.url))
        worker = context.Process(target=work, args=(database, tmp_path, city))
        worker.start()
        put(database, [message("warm", "hook")])
        while not server.got:
            worker.join(0.01)
        started = time.perf_counter()
        put(database, [message(f"p{n}", "hook") for n in range(DELIVERIES)])
        waiting = "SELECT count(*) FROM delivery WHERE state <> 'delivered'"
        while connection.execute(waiting).fetchone() != (0,):
            worker.join(0.05)
        took_s = time.perf_counter() - started
        before, started = len(server.got), time.perf_counter()
        put(database, [message("red", "hook")])
        while len(server.got) == before:
            worker.join(0.001)
        one_s = time.perf_counter() - started
        worker.kill()
        worker.join()
    print(f"\n1,000 through the worker {took_s:.2f} s; a red one, put and received, {one_s:.3f} s")
    assert len(server.got) == DELIVERIES + 2
    assert took_s < MOST_S
    assert one_s < RED_LEAVES_S

"""A thousand deliveries to a local webhook: well within a minute, and not much slower than a bare loop of httpx."""

from pathlib import Path

import httpx
import pytest

from riskmap.channels import Delivered, Message, message_key
from tests.benchmarks.ratios import seconds
from tests.channel_servers import http_server
from tests.opened_channels import over_http

pytestmark = [pytest.mark.bench, pytest.mark.timeout(600)]

DELIVERIES = 1000
MOST_S = 60.0
MOST_RATIO = 3.0


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

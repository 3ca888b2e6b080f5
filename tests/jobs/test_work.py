"""The worker is woken by every revision: it catches up with a burst of them, and says nothing of turns it skipped.

What it hears from outside it hears from each by itself.
"""

import logging
import threading
from collections.abc import Sequence
from pathlib import Path

import psycopg
import pytest
from sqlalchemy import Engine

from jobs.delivering import Delivering
from jobs.drop import Drop
from jobs.work import Worker
from layers.city import stored_city
from layers.database import snapshot
from layers.history import head_rev
from layers.risk import last_run
from riskmap.channels import Delivery, Message, Reply
from riskmap.errors import Unavailable
from tests.import_files import SOURCE_HEADER, at, load, load_areas, rows

WAIT_S = 60
BURST = 25


def computed_up_to(owner: Engine) -> int:
    with snapshot(owner) as connection:
        run = last_run(connection)
    return run["known_rev"] if run else 0


def test_a_burst_of_revisions_is_caught_up_with(
    database: str, owner: Engine, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    load_areas(owner, tmp_path)
    load(owner, tmp_path, "population", "code,people,lon,lat", f"P1,900,{at(0.21, 0.2)}")
    load(owner, tmp_path, "sources", SOURCE_HEADER, f"S1,甲罐,lpg_store,,{at(0.2, 0.2)}")
    drop = Drop.of(tmp_path)
    drop.make()
    worker = Worker(database, owner, lambda: None, home=tmp_path, drop=drop)
    caplog.set_level(logging.WARNING)
    with psycopg.connect(database, autocommit=True) as listener:
        listener.execute("LISTEN riskmap")
        thread = threading.Thread(target=worker.run)
        thread.start()
        try:
            for n in range(BURST):
                header = "code,source_code,grade,title,found_by,found_on,due_on"
                load(owner, tmp_path, "dangers", header, f"D{n},S1,general,锈蚀,self,2026-01-01,2026-01-02")
            with snapshot(owner) as connection:
                newest = head_rev(connection)
            for _ in listener.notifies(timeout=WAIT_S):
                if computed_up_to(owner) >= newest:
                    break
            else:
                pytest.fail("the worker did not catch up")
        finally:
            worker.stop()
            thread.join(WAIT_S)
    assert not thread.is_alive()
    assert [record.getMessage() for record in caplog.records] == []


class _Gateway:
    """A gateway for short messages that has these replies, or is down."""

    def __init__(self, name: str, *replies: Reply) -> None:
        self.name = name
        self._replies = replies

    def send(self, message: Message) -> Delivery:
        raise AssertionError(message)

    def replies(self) -> Sequence[Reply]:
        if not self._replies:
            raise Unavailable("短信网关没有回应")
        return self._replies


def test_a_gateway_that_is_down_keeps_no_other_from_being_heard(
    database: str, owner: Engine, tmp_path: Path
) -> None:
    with snapshot(owner) as connection:
        city = stored_city(connection)
    up = _Gateway("up", Reply("R1", "00000000000", "好的"))
    delivering = Delivering(owner, city, {"down": _Gateway("down"), "up": up})
    drop = Drop.of(tmp_path)
    worker = Worker(database, owner, lambda: None, home=tmp_path, drop=drop, delivering=delivering)
    worker._look_for_replies()
    assert rows(owner, "SELECT reply_id, channel FROM reply") == [("R1", "up")]

"""The outbox empties: each try a row, failures at their own pace, another way after never and after too long."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import Engine

from jobs.channel_watch import watch_channels
from jobs.delivering import AT_ONCE, Delivering
from jobs.doctor import check_sending
from layers.channel_view import channel_states
from layers.city import record_city
from layers.database import owner_engine, snapshot, writing
from layers.history import open_revision
from riskmap.channels import Delivered, Delivery, Message, Never, TryAgain, pause_s
from riskmap.settings import load_city
from tests.import_files import rows
from tests.outbox_rows import city_with, message, put
from tests.processes import until


class Says:
    """A channel that answers as it is told and keeps what it was given; `holds` keeps it from answering."""

    def __init__(self, name: str, answer: Delivery | Exception) -> None:
        self.name = name
        self.answer = answer
        self.got: list[Message] = []
        self.most = 0
        self.holds = threading.Event()
        self.holds.set()
        self._inside = 0
        self._lock = threading.Lock()

    def send(self, message: Message) -> Delivery:
        with self._lock:
            self._inside += 1
            self.most = max(self.most, self._inside)
            self.got.append(message)
        self.holds.wait(30)
        with self._lock:
            self._inside -= 1
        if isinstance(self.answer, Exception):
            raise self.answer
        return self.answer


@pytest.fixture(scope="module")
def owner(module_database: str) -> Iterator[Engine]:
    engine = owner_engine(module_database)
    yield engine
    engine.dispose()


@contextmanager
def sending(owner: Engine, *channels: Says) -> Iterator[Delivering]:
    """What sends, at work until the block ends."""
    with writing(owner) as connection:
        connection.exec_driver_sql("TRUNCATE delivery, attempt")
    over = threading.Event()
    city = city_with(**{one.name: {"kind": "log"} for one in channels})
    sender = Delivering(owner, city, {one.name: one for one in channels})
    thread = threading.Thread(target=sender.run, args=(over,))
    thread.start()
    try:
        yield sender
    finally:
        over.set()
        sender.wake()
        thread.join(30)
        assert not thread.is_alive()


def put_and_wake(dsn: str, sender: Delivering, *messages: dict[str, Any]) -> None:
    put(dsn, messages)
    sender.wake()


def states(owner: Engine) -> list[tuple[Any, ...]]:
    """Person, channel, state and tries of every message."""
    return rows(owner, "SELECT person, channel, state, attempts FROM delivery ORDER BY delivery_id")


def tries(owner: Engine) -> list[tuple[Any, ...]]:
    return rows(owner, "SELECT channel, outcome, detail FROM attempt ORDER BY at, channel")


def test_after_never_the_next_way_is_taken_until_none_is_left(module_database: str, owner: Engine) -> None:
    texts, letters = Says("texts", Never("空号")), Says("letters", Delivered("r-1"))
    with sending(owner, texts, letters) as sender:
        further = [["gone", ""], ["letters", "a@city.example"]]
        told = message("甲", "texts", address="000", further=further)
        put_and_wake(module_database, sender, told, message("乙", "texts", address="001"))
        until(lambda: ("甲", "letters", "delivered", 1) in states(owner))
        until(lambda: ("乙", "texts", "failed", 1) in states(owner))
    assert states(owner) == [
        ("甲", "texts", "failed", 1),
        ("乙", "texts", "failed", 1),
        ("甲", "gone", "failed", 1),
        ("甲", "letters", "delivered", 1),
    ]
    assert [one[1:] for one in tries(owner) if one[0] in ("gone", "letters")] == [
        ("never", "没有这个渠道"),
        ("delivered", "r-1"),
    ]
    (letter,) = letters.got
    assert (letter.key, letter.address, letter.level) == (
        "1+%E7%94%B2+letters+first+1",
        "a@city.example",
        "red",
    )
    assert letter.text == told["text"]


def test_what_may_go_later_waits_its_pause_and_is_given_up_in_time(
    module_database: str, owner: Engine
) -> None:
    busy, letters = Says("texts", TryAgain("忙", after_s=30)), Says("letters", Delivered())
    long_ago = datetime.now(UTC) - timedelta(days=1)
    with sending(owner, busy, letters) as sender:
        old = message("乙", "texts", made_at=long_ago, further=[["letters", ""]])
        put_and_wake(module_database, sender, message("甲", "texts"), old)
        until(lambda: ("乙", "letters", "delivered", 1) in states(owner))
        until(lambda: ("甲", "texts", "waiting", 1) in states(owner))
    assert ("乙", "texts", "failed", 1) in states(owner)
    found = "SELECT extract(epoch FROM next_at - a.at) FROM delivery JOIN attempt a USING (delivery_id)"
    ((waits_s,),) = rows(owner, f"{found} WHERE person = '甲'")
    assert float(waits_s) == pytest.approx(30, abs=0.01) == pause_s(1, "", 30)


def test_no_try_is_counted_where_none_was_made_and_a_fault_of_ours_loses_nothing(
    module_database: str, owner: Engine, caplog: pytest.LogCaptureFixture
) -> None:
    paced, broken = (
        Says("paced", TryAgain("满", after_s=60, attempted=False)),
        Says("broken", ValueError("x")),
    )
    with sending(owner, paced, broken) as sender:
        put_and_wake(module_database, sender, message("甲", "paced"), message("乙", "broken"))
        until(lambda: ("乙", "broken", "waiting", 1) in states(owner))
        later = "SELECT count(*) FROM delivery WHERE channel = 'paced' AND next_at > now() + interval '50 s'"
        until(lambda: rows(owner, later) == [(1,)])
    assert ("甲", "paced", "waiting", 0) in states(owner)
    assert tries(owner) == [("broken", "try_again", "程序出错：ValueError")]
    assert "channel broken failed" in caplog.text


def test_a_slow_channel_holds_up_no_other_and_the_most_urgent_goes_first(
    module_database: str, owner: Engine
) -> None:
    slow, quick = Says("slow", Delivered()), Says("quick", Delivered())
    slow.holds.clear()
    with sending(owner, slow, quick) as sender:
        crowd = [message(f"p{n}", "slow", warn=2) for n in range(3 * AT_ONCE)]
        put_and_wake(module_database, sender, *crowd)
        until(lambda: len(slow.got) == AT_ONCE)
        put_and_wake(module_database, sender, message("甲", "slow", warn=1), message("甲", "quick"))
        until(lambda: len(quick.got) == 1)
        slow.holds.set()
        until(lambda: rows(owner, "SELECT count(*) FROM delivery WHERE state = 'waiting'") == [(0,)])
    assert slow.most == AT_ONCE
    assert "+%E7%94%B2+" in " ".join(one.key for one in slow.got[AT_ONCE : 2 * AT_ONCE])


def test_a_failing_channel_is_told_to_the_desk_once_by_another(owner: Engine) -> None:
    city = load_city().model_copy(update={"channels": {"out": {"kind": "webhook"}, "drop": {"kind": "file"}}})
    now = datetime.now(UTC)
    with writing(owner) as connection:
        connection.exec_driver_sql("TRUNCATE delivery, attempt")
        record_city(connection, city, open_revision(connection, "test", "init", None))
        for n, outcome in enumerate(("delivered", "try_again", "try_again", "try_again")):
            at = now - timedelta(minutes=10 - n)
            connection.exec_driver_sql(
                "INSERT INTO attempt (delivery_id, n, at, outcome, detail, channel) VALUES (1, %s, %s, %s, 'x', 'out')",
                (n, at, outcome),
            )
    with snapshot(owner) as connection:
        (check,) = check_sending(channel_states(connection, ["out", "drop"], now))
        found = [
            (one.name, one.health.state, one.failures)
            for one in channel_states(connection, ["out", "drop"], now)
        ]
    assert found == [("out", "failing", 3), ("drop", "unused", 0)]
    assert (check.name, check.ok, check.remedy != "") == ("sending out", "red", True)
    assert watch_channels(owner, now=now) == ["out"]
    assert watch_channels(owner, now=now + timedelta(minutes=1)) == []
    told = rows(owner, "SELECT person, channel, state, warning_id FROM delivery ORDER BY channel")
    assert told == [("值班室", "drop", "waiting", 0), ("值班室", "in_app", "delivered", 0)]

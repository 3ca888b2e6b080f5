"""Sending: the outbox is emptied through channels handed in, each try written down, what fails sent on another way.

One process sends, the one that holds the runner's lock; what it has under way it knows itself. A message is marked only
after it went out, so whoever is killed in between sends what was under way once more, with the same key, and no other.
"""

import logging
import threading
import time
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from typing import Any, NamedTuple, get_args

from sqlalchemy import Engine

from jobs.signing import Links
from layers.database import snapshot, writing
from layers.deliveries import Result, due, next_due, record, send_on, waiting_channels
from layers.editions import edition_on
from layers.history import CLOCK
from riskmap.alert_rules import AlertRules
from riskmap.channels import (
    DRILL_MARK,
    Channel,
    Delivered,
    Delivery,
    Dialling,
    Level,
    Message,
    Never,
    Replying,
    TryAgain,
    message_key,
    pause_s,
)
from riskmap.errors import RiskMapError
from riskmap.sending import LINKED, kinds_of
from riskmap.settings import City

_LOG = logging.getLogger("riskmap.delivering")
AT_ONCE = 4
"""messages under way by one channel; so many may come twice after a kill"""
_LONGEST_WAIT_S = 20.0
_AFTER_FAULT_S = 1.0
_LEAVE_S = 8.0
_RULES_HOLD_S = 60.0
_LEVELS: dict[int, Level] = dict(enumerate(get_args(Level), 1))
Row = dict[str, Any]


class _Sent(NamedTuple):
    """A try that has ended, not yet written down."""

    row: Row
    answer: Delivery
    at: datetime
    took_s: float


class Delivering:
    """Empties the outbox while `run` lasts; `wake` when something may be in it."""

    def __init__(
        self,
        owner: Engine,
        city: City,
        channels: Mapping[str, Channel],
        *,
        clock: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        self._owner = owner
        self._channels = channels
        self._kinds = kinds_of(city.channels)
        replying = (name for name, section in city.channels.items() if section.get("replies_url"))
        self._links = Links(city.public_url, replying)
        self._rules_read: tuple[float, AlertRules] | None = None
        self._clock = clock
        self._news = threading.Event()
        self._under_way: dict[int, str] = {}
        self._ended: list[_Sent] = []
        self._lock = threading.Lock()

    def wake(self) -> None:
        """Look into the outbox now."""
        self._news.set()

    def replying(self) -> list[tuple[str, Replying]]:
        """The channels whose receivers can answer, by name."""
        return [(name, one) for name, one in self._channels.items() if isinstance(one, Replying)]

    def dialling(self) -> list[tuple[str, Dialling]]:
        """The channels that call people, by name."""
        return [(name, one) for name, one in self._channels.items() if isinstance(one, Dialling)]

    def run(self, over: threading.Event) -> None:
        """Send until `over` is set; what is under way then is still waited for a little and written down."""
        hands: dict[str, ThreadPoolExecutor] = {}
        try:
            while not over.is_set():
                wait_s = self._turn(hands)
                self._news.wait(wait_s)
                self._news.clear()
            ends = time.monotonic() + _LEAVE_S
            while self._under_way and time.monotonic() < ends:
                self._news.wait(0.1)
                self._news.clear()
                self._turn(hands, begins=False)
        finally:
            for one in hands.values():
                one.shutdown(wait=False, cancel_futures=True)
            self._under_way = {}

    def _turn(self, hands: dict[str, ThreadPoolExecutor], *, begins: bool = True) -> float:
        """Write down what has ended, begin what is due; how long there is nothing to do. A fault is told and tried again."""
        try:
            self._write_down()
            rows, wait_s = self._due() if begins else ([], 0.0)
            for row in rows:
                self._begin(row, hands)
        except RiskMapError as error:
            _LOG.warning("sending waits: %s", error.detail)
            return _AFTER_FAULT_S
        except Exception:  # noqa: BLE001 - whatever it is, messages must not stand still for it
            _LOG.exception("sending failed; it is tried again")
            return _AFTER_FAULT_S
        return wait_s

    def _due(self) -> tuple[list[Row], float]:
        """What is to be begun now, and how long until something else comes due."""
        now = self._clock()
        with snapshot(self._owner) as connection:
            taken = list(self._under_way.values())
            free = {name: AT_ONCE - taken.count(name) for name in waiting_channels(connection)}
            rows = due(connection, {name: n for name, n in free.items() if n > 0}, self._under_way, now)
            then = None if rows else next_due(connection, now)
        for_person = [row for row in rows if self._kinds.get(row["channel"]) in LINKED]
        if for_person:
            self._links.add(self._owner, for_person, now, self._rules().link_s)
        wait_s = _LONGEST_WAIT_S if then is None else (then - now).total_seconds()
        return rows, min(max(wait_s, 0.0), _LONGEST_WAIT_S)

    def _begin(self, row: Row, hands: dict[str, ThreadPoolExecutor]) -> None:
        name = row["channel"]
        if name not in hands:
            hands[name] = ThreadPoolExecutor(AT_ONCE, thread_name_prefix=f"send-{name}")
        self._under_way[row["delivery_id"]] = name
        hands[name].submit(self._send, row)

    def _send(self, row: Row) -> None:
        """One try, in a thread of its channel's."""
        began = time.monotonic()
        channel = self._channels.get(row["channel"])
        try:
            answer = channel.send(message_of(row)) if channel else Never("没有这个渠道")
        except Exception as error:  # noqa: BLE001 - a fault of ours must not lose the message
            _LOG.exception("channel %s failed", row["channel"])
            answer = TryAgain(f"程序出错：{error.__class__.__name__}")
        with self._lock:
            self._ended.append(_Sent(row, answer, self._clock(), time.monotonic() - began))
        self._news.set()

    def _write_down(self) -> None:
        """Keep what ended; a message that failed for good goes on by its next way in the same transaction."""
        with self._lock:
            ended = list(self._ended)
        if not ended:
            return
        rules = self._rules()
        results = [_result(one, rules) for one in ended]
        with writing(self._owner) as connection:
            record(connection, results)
            send_on(connection, [one.delivery_id for one in results if one.state == "failed"], self._clock())
        with self._lock:
            self._ended = self._ended[len(ended) :]
        for one in results:
            self._under_way.pop(one.delivery_id, None)

    def _rules(self) -> AlertRules:
        """The rules of today, read again now and then."""
        if self._rules_read is None or self._rules_read[0] < time.monotonic() - _RULES_HOLD_S:
            with snapshot(self._owner) as connection:
                edition = edition_on(connection, self._clock().astimezone(CLOCK).date())
            self._rules_read = time.monotonic(), AlertRules.from_edition(edition)
        return self._rules_read[1]


def message_of(row: Row) -> Message:
    """A row of the outbox as it goes out."""
    head, _, _ = row["text"].partition("：")
    key = message_key(str(row["warning_id"]), row["person"], row["channel"], row["reason"], row["n"])
    return Message(
        key,
        row["address"],
        head,
        row["text"] + row.get("link", ""),
        _LEVELS[row["warn"]],
        row["form"] or "heartbeat",
        drill=row["text"].startswith(DRILL_MARK),
    )


def _result(sent: _Sent, rules: AlertRules) -> Result:
    """What a try means for its message: gone, to be tried again later, or given up."""
    row, answer = sent.row, sent.answer
    told = {
        "delivery_id": row["delivery_id"],
        "channel": row["channel"],
        "at": sent.at,
        "took_s": sent.took_s,
    }
    if isinstance(answer, Delivered):
        return Result(outcome="delivered", detail=answer.receipt, state="delivered", next_at=None, **told)
    if isinstance(answer, Never):
        return Result(outcome="never", detail=answer.reason, state="failed", next_at=None, **told)
    tries = row["attempts"] + answer.attempted
    key = f"{row['delivery_id']}"
    pause = pause_s(tries, key, answer.after_s) if answer.attempted else answer.after_s or 1.0
    next_at = sent.at + timedelta(seconds=pause)
    last_at = row["made_at"] + timedelta(seconds=rules.give_up_s.of(row["warn"]))
    over = sent.at >= last_at
    return Result(
        outcome="try_again",
        detail=answer.reason,
        state="failed" if over else "waiting",
        next_at=None if over else min(next_at, max(last_at, sent.at)),
        counted=answer.attempted,
        **told,
    )

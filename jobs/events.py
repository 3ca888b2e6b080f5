"""Events sent by programs: many small requests, one writer, at most about one revision a second.

A request waits in a queue until the batch it is part of is committed, and then hears what became of its own rows.
The batch ends as if its requests had been written one after the other; what "the same event" means stands in
`layers.events`.
"""

import logging
import threading
import time
from collections import deque
from collections.abc import Iterable, Sequence
from concurrent.futures import Future
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any

import numpy as np
from sqlalchemy import Connection, Engine

from jobs.imports import ImportReport
from layers.audit import changed_since
from layers.checks import Fault
from layers.city import stored_city
from layers.containment import Areas
from layers.database import writing
from layers.editions import edition_on
from layers.events import (
    Contradiction,
    Told,
    disputed,
    drop_staged,
    refuse_contradictions,
    staged_on_file,
)
from layers.fields import EVENTS
from layers.history import CLOCK, head_rev, open_revision
from layers.intake import Rules, prepare
from layers.placement import place
from layers.posted import as_sent, table_of_events
from layers.staging import Comparison, compare, drop_stages, refuse, shape_rules, stage, write
from riskmap.errors import Busy, Refused, RiskMapError, Unavailable

PACE_S = 1.0
MOST_WAITING = 60_000
"""events in the queue; a request that would go beyond is told to come again"""
MOST_AT_ONCE = 20_000
"""events in one revision; one request is never divided"""
PATIENCE_S = 20.0
"""how long a request waits for other writers before it is told so"""
_NAMED = 3
_LOG = logging.getLogger("riskmap.events")


@dataclass(slots=True)
class Posting:
    """One request: who sends which events, and what of them is refused before they are even read.

    `enterprise_code` is set for a sender who may only speak of one enterprise: nothing is told to it of others'
    events. With `partial` faulty events are left out, else one refuses the request.
    """

    actor: str
    events: list[Any]
    partial: bool = False
    enterprise_code: str | None = None
    faults: dict[int, Fault] = field(default_factory=dict)
    """by index"""


# --- one batch -------------------------------------------------------------------------------------------


def write_postings(owner: Engine, postings: Sequence[Posting]) -> list[ImportReport]:
    """Write the events of some requests as one revision; a report for each, in order.

    A report with rejected rows and no revision is that of a refused request, none of whose events was written.
    Unavailable, Busy where nothing could be written.
    """
    with writing(owner) as connection:
        day = datetime.now(CLOCK).date()
        batch = _Batch(postings, Rules(stored_city(connection), lambda: edition_on(connection, day)))
        seen = head_rev(connection)
        found = batch.compute(connection)
        if not found.inserts:
            return batch.reports()
        rev = open_revision(connection, batch.actors(), "events", batch.reason(found))
        if rev > seen + 1 and changed_since(connection, seen):
            drop_stages(connection, ["event"])
            found = batch.compute(connection)
        write(connection, "event", found, rev, day)
        return batch.reports(rev)


class _Batch:
    """The events of several requests on their way into the database, numbered through from 1."""

    def __init__(self, postings: Sequence[Posting], rules: Rules) -> None:
        self._postings = postings
        events: list[Any] = []
        self._faults: dict[int, Fault] = {}
        self._rows: list[range] = []
        for posting in postings:
            start = len(events)
            events += posting.events
            self._rows.append(range(start, len(events)))
            self._faults |= {start + index: fault for index, fault in posting.faults.items()}
        table, faults = table_of_events(
            EVENTS.zh, [{} if index in self._faults else event for index, event in enumerate(events)]
        )
        self._incoming, _ = prepare(EVENTS, table, rules, several=True)
        read = {one.row - 1: as_sent(one, events[one.row - 1]) for one in self._incoming.faults}
        self._faults = read | faults | self._faults
        self._ids: list[str] = self._incoming.columns["code"].to_pylist()
        self._told = Told(self._incoming.columns, self._incoming.positions)
        groups = self._incoming.groups
        self._firsts: list[int] = groups.firsts.tolist()
        numbers = np.repeat(np.arange(len(self._firsts)), np.diff(groups.starts))
        self._group: dict[int, int] = dict(zip(groups.members.tolist(), numbers.tolist(), strict=True))
        for rows in self._rows:
            self._faults |= disputed(self._told, table.rows, self._by_id(rows))
        self._reports: list[ImportReport] = []

    def _by_id(self, rows: range) -> Iterable[list[int]]:
        """The events of one request, by their ids."""
        same: dict[str, list[int]] = {}
        for index in rows:
            if index in self._group:
                same.setdefault(self._ids[index], []).append(index)
        return same.values()

    def compute(self, connection: Connection) -> Comparison:
        """Stage, decide and place; what is to be written. May be called again where others have written meanwhile."""
        areas = Areas(connection, "area")
        stage(connection, self._incoming, areas)
        misshapen = {one.row - 1: one for one in refuse(connection, "event", shape_rules(self._incoming))}
        on_file = {one.fault.row - 1: one for one in refuse_contradictions(connection)}
        standing = self._decide(self._faults | misshapen, on_file)
        stood = {self._group[index] for rows in standing for index in rows}
        drop_staged(connection, [first + 1 for n, first in enumerate(self._firsts) if n not in stood])
        place(connection, "event", {"event"}, areas)
        found = compare(connection, "event")
        self._count(standing, {self._group[row - 1] for row in staged_on_file(connection)})
        return found

    def _decide(self, faults: dict[int, Fault], on_file: dict[int, Contradiction]) -> list[list[int]]:
        """The events of each request that stand, one request after the other; begins the reports."""
        taken: dict[str, int] = {}
        self._reports = []
        standing: list[list[int]] = []
        for posting, rows in zip(self._postings, self._rows, strict=True):
            judged = {
                index: faults.get(index) or self._against(index, posting, taken, on_file) for index in rows
            }
            rejected = [
                replace(fault, row=index - rows.start + 1)
                for index, fault in judged.items()
                if fault is not None
            ]
            self._reports.append(ImportReport("events", len(rows), rejected=rejected))
            good = [index for index in rows if judged[index] is None]
            standing.append(good if posting.partial or not rejected else [])
            taken |= {self._ids[index]: self._group[index] for index in standing[-1]}
        return standing

    def _against(
        self, index: int, posting: Posting, taken: dict[str, int], on_file: dict[int, Contradiction]
    ) -> Fault | None:
        """The fault of an event whose id belongs to another one: on file, or of an earlier request that stands."""
        if index in on_file:
            fault, owner = on_file[index].fault, on_file[index].enterprise_code
        else:
            group = taken.get(self._ids[index], self._group[index])
            if group == self._group[index]:
                return None
            fault = self._told.contradiction(index + 1, index, self._firsts[group])
            owner = None
        if posting.enterprise_code not in {None, owner}:
            return Fault(index + 1, "event_id", self._ids[index], "编号不可用", "请改用新的编号")
        return fault

    def _count(self, standing: list[list[int]], known: set[int]) -> None:
        """Count each request's events: the first that speaks of a new one inserts it, the others leave it as it is."""
        for report, rows in zip(self._reports, standing, strict=True):
            for index in rows:
                if self._group[index] in known:
                    report.unchanged += 1
                else:
                    report.inserted += 1
                    known.add(self._group[index])

    def reports(self, rev: int | None = None) -> list[ImportReport]:
        """The reports, with the revision where a request added to it."""
        for report in self._reports:
            report.rev = rev if report.inserted else None
        return self._reports

    def actors(self) -> str:
        """Who sent them, for the audit."""
        names = sorted({posting.actor for posting in self._postings})
        return "、".join(names[:_NAMED]) + (f" 等 {len(names)} 个用户" if len(names) > _NAMED else "")

    def reason(self, found: Comparison) -> str:
        """What came, for the audit."""
        return f"{EVENTS.zh} {found.inserted} 条，来自 {len(self._postings)} 次发送"


# --- the queue -------------------------------------------------------------------------------------------


@dataclass(slots=True)
class _Waiting:
    posting: Posting
    until: float
    outcome: Future[ImportReport] = field(default_factory=Future)


class EventDesk:
    """Takes requests, gathers them and writes them, one batch at a time, in a thread of its own.

    One desk a server process. Nothing is acknowledged before it is committed, and nothing that was taken in is
    forgotten: each request hears its outcome, its refusal or why nothing could be written.
    """

    def __init__(self, owner: Engine, *, pace_s: float = PACE_S, most_waiting: int = MOST_WAITING) -> None:
        self._owner = owner
        self._pace_s = pace_s
        self._most_waiting = most_waiting
        self._queue: deque[_Waiting] = deque()
        self._waiting = 0
        self._changed = threading.Condition()
        self._open = False
        self._thread: threading.Thread | None = None

    @property
    def waiting(self) -> int:
        """Events in the queue, those being written not counted."""
        return self._waiting

    def start(self) -> None:
        """Begin to write."""
        self._open = True
        self._thread = threading.Thread(target=self._run, name="events", daemon=True)
        self._thread.start()

    def stop(self) -> None:
        """Take in nothing more, write what waits, and end."""
        with self._changed:
            self._open = False
            self._changed.notify_all()
        if self._thread is not None:
            self._thread.join()

    def refuse_if_full(self, more: int = 1) -> None:
        """Busy where the queue has no room for so many more events."""
        if self._waiting + more > self._most_waiting:
            raise Busy("等待写入的事件太多", remedy="本次没有写入；请稍后原样重发", retry_after_s=5)

    def post(self, posting: Posting) -> Future[ImportReport]:
        """Queue a request; the future has its report once it is committed.

        Busy where the queue is full, Unavailable where the server is stopping. The future fails with Refused (the
        report among its facts) where the request's events are not taken, with Busy or Unavailable where the
        database does not take them: nothing was written then, and sending them again is safe.
        """
        with self._changed:
            if not self._open:
                raise Unavailable("服务正在停止", remedy="请稍后原样重发")
            self.refuse_if_full(len(posting.events))
            waiting = _Waiting(posting, time.monotonic() + PATIENCE_S)
            self._queue.append(waiting)
            self._waiting += len(posting.events)
            self._changed.notify_all()
        return waiting.outcome

    def _run(self) -> None:
        next_s = time.monotonic()
        while batch := self._gather(next_s):
            next_s = time.monotonic() + self._pace_s
            self._write([one for one in batch if one.outcome.set_running_or_notify_cancel()])

    def _gather(self, not_before_s: float) -> list[_Waiting]:
        """The next batch, not before its time; empty where the desk is closed and nothing waits."""
        with self._changed:
            self._changed.wait_for(lambda: self._queue or not self._open)
            self._changed.wait_for(lambda: not self._open, not_before_s - time.monotonic())
            batch: list[_Waiting] = []
            size = 0
            while self._queue and (not batch or size + len(self._queue[0].posting.events) <= MOST_AT_ONCE):
                batch.append(self._queue.popleft())
                size += len(batch[-1].posting.events)
            self._waiting -= size
            self._changed.notify_all()
            return batch

    def _write(self, batch: list[_Waiting]) -> None:
        """Write a batch and tell each request what became of it; a fault of ours with one must not stop the others."""
        while batch:
            try:
                reports = write_postings(self._owner, [one.posting for one in batch])
            except Busy as error:
                batch = _tell_impatient(batch, error)
                continue
            except RiskMapError as error:
                for one in batch:
                    one.outcome.set_exception(error)
            except Exception as error:  # noqa: BLE001 - whatever it is, its requests hear of it and the desk goes on
                if len(batch) > 1:
                    self._write(batch[: len(batch) // 2])
                    self._write(batch[len(batch) // 2 :])
                    return
                _LOG.exception("events could not be written")
                batch[0].outcome.set_exception(error)
            else:
                for one, report in zip(batch, reports, strict=True):
                    _tell(one, report)
            return


def _tell_impatient(batch: list[_Waiting], error: Busy) -> list[_Waiting]:
    """Those who have waited long enough for other writers hear so; the others are left."""
    now = time.monotonic()
    for one in batch:
        if one.until <= now:
            one.outcome.set_exception(error)
    return [one for one in batch if one.until > now]


def _tell(one: _Waiting, report: ImportReport) -> None:
    if report.rejected and not one.posting.partial:
        one.outcome.set_exception(refusal(report))
    else:
        one.outcome.set_result(report)


def refusal(report: ImportReport) -> Refused:
    """Why a request was refused whole, with its report as the fact `report`."""
    first = report.rejected[0]
    where = f"第 {first.row} 条" + (f"字段 {first.field}" if first.field else "")
    more = "……" if len(report.rejected) > 1 else ""
    return Refused(
        f"有 {len(report.rejected)} 条事件不能接收，未写入任何数据。{where}：{first.reason}{more}",
        remedy=f"{first.remedy}；改正后重新发送全部事件" if first.remedy else "请改正后重新发送全部事件",
        report=report.to_json(),
    )

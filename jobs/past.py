"""The city on any day of the past: levels, scores and accounts computed from what was recorded by then."""

from dataclasses import replace
from datetime import datetime
from threading import Lock
from typing import Any

import pyarrow.compute as pc
from sqlalchemy import Engine

from jobs.assessment import assess_records
from jobs.progress import unwatched
from layers.city import stored_city
from layers.computed import computed_for, keep_computed
from layers.database import snapshot, writing
from layers.editions import edition_on
from layers.history import CLOCK, Moment, moment, parse_as_of
from layers.risk import read_inputs
from riskmap.editions import Edition
from riskmap.errors import Busy

_TURN = Lock()
_LONGEST_WAIT_S = 20.0


def past_of(owner: Engine, as_of: str, *, levels: bool = True, progress: Any = None) -> Moment:
    """The moment of an `--as-of` with its results: `fetch`, `account_of` and the like tell them like those of a run.

    What a run stored may be older than the records of that moment, and most days had none: so they are computed, from
    the rows that held then as recorded by then, under the edition then in force, and kept for whoever asks next. One
    moment at a time is computed in a process. Without `levels` there is nothing to compute.

    A caller's own transaction must begin after this: one that began before does not see what was kept. Busy where
    others have asked for too many moments.
    """
    at = parse_as_of(as_of)
    with snapshot(owner) as connection:
        then = moment(connection, as_of)
        if not levels:
            return then
        edition = edition_on(connection, at.astimezone(CLOCK).date(), then)
        known = computed_for(connection, then, at, edition)
    if known is None:
        if not _TURN.acquire(timeout=_LONGEST_WAIT_S):
            raise Busy("正在回算其他日期，本次没有轮到", remedy="请稍后重试")
        try:
            known = _computed(owner, then, at, edition, progress or unwatched)
        finally:
            _TURN.release()
    return replace(then, computed=known)


def _computed(owner: Engine, then: Moment, at: datetime, edition: Edition, tell: Any) -> int:
    tell("读取记录", 0.1)
    with snapshot(owner) as connection:
        known = computed_for(connection, then, at, edition)
        if known is not None:  # by whoever had the turn before
            return known
        inputs = read_inputs(connection, at, then, used=edition)
        city_code = stored_city(connection).code
    tell("计算风险", 0.4)
    result = assess_records(inputs, city_code)
    told = result.results.scores
    told = told.filter(pc.not_equal(told["kind"], "place")).to_batches()
    tell("写入结果", 0.8)
    with writing(owner) as connection:
        return keep_computed(connection, then, at, inputs.edition, told, result.contribution_blocks())

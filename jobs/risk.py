"""The risk run: read one state of the city, compute, keep what changed, note it in the ledger."""

import time
from datetime import UTC, datetime
from typing import Any, NamedTuple

from sqlalchemy import Connection, Engine

from jobs.assessment import assess_records
from jobs.dynamic import step_after
from jobs.incremental import assess_changes
from jobs.progress import unwatched
from layers.audit import changed_since
from layers.city import stored_city
from layers.database import snapshot, writing
from layers.dynamic import counting_since, silences_broken
from layers.editions import edition_on, head_on
from layers.history import CLOCK, head_rev, moment, open_revision, parse_as_of
from layers.records import iso
from layers.risk import (
    Inputs,
    last_run,
    level_counts,
    read_inputs,
    record_run,
    result_hash,
    write_results,
)
from riskmap import __version__
from riskmap.dynamic import DynamicWeights
from riskmap.editions import Edition
from riskmap.vocabulary import LEVELS, SCORE_KINDS

_LONG_AGO = "1970-01-01T00:00:00+00:00"
"""for runs of a release that did not note when the next step is due"""


def assess(
    owner: Engine,
    *,
    actor: str,
    as_of: str | None = None,
    at: datetime | None = None,
    full: bool = False,
    progress: Any = None,
) -> dict[str, Any]:
    """Run the model and return the run as `assess --json` tells it.

    With `as_of` the city of that moment is computed under the edition then in force and noted in the ledger with its
    hash; current scores stay. Otherwise they are brought up to date: what changed since the last run is looked at
    anew, everything where that may reach everything or `full` asks for it; what comes out as it was is not written.
    `at` is for loading history: the records as they are, looked at as if it were then.
    """
    tell = progress or unwatched
    if as_of:
        return _assess_past(owner, actor, as_of, tell)
    try:
        run = None if full else _assess_changes(owner, actor, at or datetime.now(UTC), tell)
    except _Overtaken:
        run = None
    return run or _assess_whole(owner, actor, at or datetime.now(UTC), tell)


class _Overtaken(Exception):
    """Another run was noted while this one computed from the results of the one before."""


def _assess_past(owner: Engine, actor: str, as_of: str, tell: Any) -> dict[str, Any]:
    started = time.monotonic()
    tell("读取记录", 0.1)
    at = parse_as_of(as_of)
    with snapshot(owner) as connection:
        then = moment(connection, as_of)
        inputs = read_inputs(connection, at, then)
        city_code = stored_city(connection).code
    tell("计算风险", 0.4)
    result = assess_records(inputs, city_code)
    with writing(owner) as connection:
        rev = open_revision(connection, actor, "assess", f"回算至 {as_of}")
        found = bytes.fromhex(result.result_hash())
        return _noted(
            connection, _Run(rev, then.rev, inputs, started), found, {}, result.level_counts(), current=False
        )


def _assess_whole(owner: Engine, actor: str, at: datetime, tell: Any) -> dict[str, Any]:
    started = time.monotonic()
    tell("读取记录", 0.1)
    with snapshot(owner) as connection:
        known_rev = head_rev(connection)
        inputs = read_inputs(connection, at)
        city_code = stored_city(connection).code
    tell("计算风险", 0.4)
    result = assess_records(inputs, city_code)
    tell("写入结果", 0.8)
    with writing(owner) as connection:
        rev = open_revision(connection, actor, "assess", None)
        changed = write_results(connection, rev, result.score_blocks(), result.contribution_blocks())
        return _noted_current(connection, _Run(rev, known_rev, inputs, started), changed)


def _assess_changes(owner: Engine, actor: str, at: datetime, tell: Any) -> dict[str, Any] | None:
    """A run of what changed since the last; None where it must be a whole one. _Overtaken where another came between."""
    started = time.monotonic()
    tell("读取变化", 0.1)
    with snapshot(owner, scratch=True) as connection:
        last = last_run(connection)
        edition = edition_on(connection, at.astimezone(CLOCK).date())
        if last is None or not _same_rules(last, edition):
            return None
        known_rev = head_rev(connection)
        found = assess_changes(connection, last, at, edition, stored_city(connection).code)
    if found is None:
        return None
    tell("写入结果", 0.8)
    with writing(owner) as connection:
        rev = open_revision(connection, actor, "assess", None)
        newest = last_run(connection)
        if newest is None or newest["run_id"] != last["run_id"]:
            raise _Overtaken
        result = found.assessment
        blocks = result.score_blocks(), result.contribution_blocks()
        changed = write_results(connection, rev, *blocks, found.scope)
        return _noted_current(connection, _Run(rev, known_rev, found.inputs, started, full=False), changed)


def _same_rules(last: dict[str, Any], edition: Edition) -> bool:
    known = last["code_version"], last["counts"].get("edition_hash")
    return known == (__version__, edition.hash)


class _Run(NamedTuple):
    """A run about to be noted: its revision, the newest it knew, what it read, when it began by the monotonic clock."""

    rev: int
    known_rev: int
    inputs: Inputs
    started: float
    full: bool = True


def _noted_current(connection: Connection, run: _Run, changed: dict[str, int]) -> dict[str, Any]:
    found = result_hash(connection, run.inputs.edition.hash)
    return _noted(connection, run, found, changed, level_counts(connection), current=True)


def _noted(
    connection: Connection,
    run: _Run,
    found: bytes,
    changed: dict[str, int],
    counts: dict[str, dict[int | None, int]],
    *,
    current: bool,
) -> dict[str, Any]:
    """Note a run in the ledger and say what it came to."""
    edition, at = run.inputs.edition, run.inputs.at
    levels = {
        kind: {word: counts.get(kind, {}).get(level, 0) for level, word in LEVELS.items()}
        for kind in SCORE_KINDS
    }
    values: dict[str, Any] = {
        "rev": run.rev,
        "known_rev": run.known_rev,
        "data_time": at,
        "edition": edition.name,
        "code_version": __version__,
        "full_run": run.full,
        "current": current,
        "duration_s": round(time.monotonic() - run.started, 3),
        "counts": {
            "changed": changed,
            "levels": levels,
            "next_step": _next_step(run.inputs),
            "edition_hash": edition.hash,
        },
        "result_hash": found,
    }
    return {
        "run_id": record_run(connection, values),
        "edition": edition.name,
        "result_hash": found.hex(),
        "data_time": iso(at),
        "duration_s": values["duration_s"],
        "full": run.full,
        "changed": {"sources": changed.get("source", 0), "grids": changed.get("grid", 0), "by_kind": changed},
        "levels": levels,
    }


def _next_step(inputs: Inputs) -> str:
    """When a value may next change with no record changing: a record's start or end, an hour of decay, midnight."""
    rules = DynamicWeights.from_edition(inputs.edition)
    return step_after(rules, inputs.records, inputs.at).isoformat()


def is_stale(owner: Engine) -> bool:
    """Whether a new run would come to another result than the last: records or rules changed, or what counts goes on.

    Readings alone do not count, or sensors that report every second would keep the worker busy for ever; one that
    ends a silence does.
    """
    with snapshot(owner) as connection:
        last = last_run(connection)
        if last is None or datetime.now(UTC) >= datetime.fromisoformat(
            last["counts"].get("next_step", _LONG_AGO)
        ):
            return True
        known = last["known_rev"]
        return (
            changed_since(connection, known, events=False)
            or head_on(connection, datetime.now(CLOCK).date()).rev > known
            or counting_since(connection, known)
            or bool(silences_broken(connection, known))
        )

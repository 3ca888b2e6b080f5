"""The risk run: read one state of the city, compute, keep what changed, note it in the ledger."""

import time
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import Engine

from jobs.assessment import assess_records
from layers.audit import changed_since
from layers.city import stored_city
from layers.database import snapshot, writing
from layers.history import CLOCK, Moment, head_rev, moment, open_revision, parse_as_of
from layers.records import iso
from layers.risk import last_run, read_inputs, record_run, write_results
from riskmap import __version__
from riskmap.vocabulary import LEVELS, SCORE_KINDS


def assess(owner: Engine, *, actor: str, as_of: str | None = None, progress: Any = None) -> dict[str, Any]:
    """Run the model and return the run as `assess --json` tells it.

    With `as_of` the city of that moment is computed under the edition then in force and noted in the ledger with its
    hash; current scores stay. Otherwise they are brought up to date: what did not change is not written.
    """
    started = time.monotonic()
    tell = progress or _silent
    tell("读取记录", 0.1)
    data_time = parse_as_of(as_of) if as_of else datetime.now(UTC)
    with snapshot(owner) as connection:
        known_rev = head_rev(connection)
        then: Moment | None = moment(connection, as_of) if as_of else None
        inputs = read_inputs(connection, data_time.astimezone(CLOCK).date(), then)
        city_code = stored_city(connection).code
    tell("计算风险", 0.4)
    result = assess_records(inputs, city_code)
    tell("写入结果", 0.8)
    with writing(owner) as connection:
        rev = open_revision(connection, actor, "assess", f"回算至 {as_of}" if as_of else None)
        changed = {} if as_of else write_results(connection, rev, result.scores, result.contributions)
        values: dict[str, Any] = {
            "rev": rev,
            "known_rev": then.rev if then else known_rev,
            "data_time": data_time,
            "edition": inputs.edition.name,
            "code_version": __version__,
            "full_run": True,
            "current": as_of is None,
            "duration_s": round(time.monotonic() - started, 3),
            "counts": {"changed": changed, "levels": _levels(result.scores)},
            "result_hash": bytes.fromhex(result.result_hash()),
        }
        run_id = record_run(connection, values)
    return {
        "run_id": run_id,
        "edition": values["edition"],
        "result_hash": result.result_hash(),
        "data_time": iso(data_time),
        "duration_s": values["duration_s"],
        "changed": {"sources": changed.get("source", 0), "grids": changed.get("grid", 0), "by_kind": changed},
        "levels": values["counts"]["levels"],
    }


def _silent(_label: str, _share: float) -> None:
    """Nobody watches."""


def _levels(scores: Any) -> dict[str, dict[str, int]]:
    """How many things of each kind have each colour."""
    return {
        kind: {
            word: int(((scores["kind"] == kind) & (scores["level"] == n)).sum()) for n, word in LEVELS.items()
        }
        for kind in SCORE_KINDS
    }


def is_stale(owner: Engine) -> bool:
    """Whether records changed since the last run, or there was none, or a new day has begun.

    Events do not count: no run reads them, and sensors that report every second would keep the worker busy for ever.
    """
    with snapshot(owner) as connection:
        last = last_run(connection)
        if last is None:
            return True
        new_day = last["data_time"].astimezone(CLOCK).date() != datetime.now(CLOCK).date()
        return new_day or changed_since(connection, last["known_rev"], events=False)

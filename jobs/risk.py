"""The risk run: read one state of the city, compute, keep what changed, note it in the ledger."""

import time
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import Engine

from jobs.assessment import assess_records
from jobs.dynamic import step_after
from layers.audit import changed_since
from layers.city import stored_city
from layers.database import snapshot, writing
from layers.dynamic import counting_since, silence_broken
from layers.history import Moment, head_rev, moment, open_revision, parse_as_of
from layers.records import iso
from layers.risk import Inputs, last_run, read_inputs, record_run, write_results
from riskmap import __version__
from riskmap.dynamic import DynamicWeights
from riskmap.vocabulary import LEVELS, SCORE_KINDS

_LONG_AGO = "1970-01-01T00:00:00+00:00"
"""for runs of a release that did not note when the next step is due"""


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
        inputs = read_inputs(connection, data_time, then)
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
            "counts": {"changed": changed, "levels": _levels(result.scores), "next_step": _next_step(inputs)},
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


def _next_step(inputs: Inputs) -> str:
    """When a value may next change with no record changing: a record's start or end, an hour of decay, midnight."""
    rules = DynamicWeights.from_edition(inputs.edition)
    return step_after(rules, inputs.records, inputs.at).isoformat()


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
    """Whether a new run would come to another result than the last: records changed, or what counts goes on by itself.

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
            or counting_since(connection, known)
            or silence_broken(connection, known)
        )

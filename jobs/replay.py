"""A run of the ledger done again: exactly what it knew, under its edition, must come to its hash."""

from typing import Any

from sqlalchemy import Connection, Engine

from jobs.assessment import assess_records
from jobs.progress import unwatched
from jobs.results import Assessment
from layers.city import stored_city
from layers.database import snapshot
from layers.editions import edition_named
from layers.history import CLOCK, Moment
from layers.records import iso, points
from layers.risk import Inputs, read_inputs, results_at, run_numbered
from riskmap import __version__
from riskmap.vocabulary import LEVELS

EQUAL, DIFFERS, OTHER_RELEASE, EDITION_CHANGED = "equal", "differs", "other_release", "edition_changed"
Run = dict[str, Any]


def replay(owner: Engine, run_id: int, *, progress: Any = None) -> dict[str, Any]:
    """Compute a run again, whole or incremental, of now or of a past day, and say whether it comes to its hash.

    `answer` is `equal`, `differs` (`differences` names what, where the run's results are still told by history: null
    for runs of a past day, which kept none), `other_release` (it differs, and another release computed it: only within
    one release is a replay promised) or `edition_changed` (the edition on file is not the one it used: nothing is
    computed). Nothing is written. NotFound where the ledger has no such run.
    """
    tell = progress or unwatched
    tell("读取记录", 0.1)
    with snapshot(owner) as connection:
        run = run_numbered(connection, run_id)
        inputs = _inputs_of(connection, run)
        city_code = stored_city(connection).code
        told = results_at(connection, run["rev"]) if run["current"] else None
    if inputs is None:
        return _answer(run, EDITION_CHANGED, None, None)
    tell("重新计算", 0.4)
    result = assess_records(inputs, city_code)
    found = result.result_hash()
    if found == bytes(run["result_hash"]).hex():
        return _answer(run, EQUAL, found, [])
    differences = None if told is None else _differences(told, result)
    same_release = run["code_version"] == __version__
    return _answer(run, DIFFERS if same_release else OTHER_RELEASE, found, differences)


def _inputs_of(connection: Connection, run: Run) -> Inputs | None:
    """The records as a run knew them, under its edition; None where that has changed."""
    edition = edition_named(connection, run["edition"], run["rev"])
    if run["counts"].get("edition_hash", edition.hash) != edition.hash:
        return None
    at = run["data_time"]
    day = None if run["current"] else at.astimezone(CLOCK).date()
    return read_inputs(connection, at, Moment(day, run["known_rev"]), used=edition)


def _answer(run: Run, answer: str, found: str | None, differences: list[Any] | None) -> dict[str, Any]:
    return {
        "run_id": run["run_id"],
        "answer": answer,
        "result_hash": bytes(run["result_hash"]).hex(),
        "replayed_hash": found,
        "differences": differences,
        "edition": run["edition"],
        "data_time": iso(run["data_time"]),
        "known_rev": run["known_rev"],
        "current": run["current"],
        "full": run["full_run"],
        "code_version": run["code_version"],
        "release": __version__,
    }


def _differences(told: list[dict[str, Any]], result: Assessment) -> list[dict[str, Any]]:
    """What the run left and what comes out now, for everything that is not the same in both, by kind and code."""
    names = ("score", "level", "grade")
    was = {(row["kind"], row["code"]): tuple(row[name] for name in names) for row in told}
    columns = (result.scores[name] for name in ("kind", "code", *names))
    now = {(kind, code): tuple(values) for kind, code, *values in zip(*columns, strict=True)}
    return [
        {"kind": kind, "code": code, "was": _in_points(was.get(key)), "now": _in_points(now.get(key))}
        for key in sorted(was.keys() | now.keys())
        for kind, code in [key]
        if was.get(key) != now.get(key)
    ]


def _in_points(values: tuple[Any, ...] | None) -> dict[str, Any] | None:
    if values is None:
        return None
    score, level, grade = values
    return {"score": points(score), "level": LEVELS.get(level), "grade": grade}

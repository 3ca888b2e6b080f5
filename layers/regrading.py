"""The grades of major hazard sources over time: old grade, new grade and cause, and what each source owes its file."""

from datetime import date
from typing import Any

from sqlalchemy import ColumnElement, Connection, and_, func, or_, select

from layers.history import Moment, results_of, rows_of
from layers.records import iso
from layers.schema import metadata, run, views
from riskmap.reassessment import Due, due_tasks

_OWING = ("code", "name", "township_code", "assessed_on", "filed_on", "cancelled_on")
Row = dict[str, Any]


def grade_changes(
    connection: Connection, code: str | None = None, limit: int = 200, then: Moment | None = None
) -> list[Row]:
    """Every change of a grade that runs found (by a moment), newest first: code, name, `from`, `to`, run, time, and why.

    `causes`: `inventory` where S changed, `people` where the people within 500 m did, `edition` where the rules did,
    `record` where the source itself is new, gone, opened or closed. The caller's row rights decide which sources.
    """
    results = views["score"]

    def earlier_of(column: ColumnElement[Any], name: str) -> ColumnElement[Any]:
        return func.lag(column).over(partition_by=results.c.code, order_by=results.c.rev).label(name)

    earlier = select(
        results.c.code,
        results.c.rev,
        results.c.grade,
        results.c.facts,
        earlier_of(results.c.grade, "old_grade"),
        earlier_of(results.c.facts, "old_facts"),
        earlier_of(results.c.rev, "old_rev"),
        earlier_of(results.c.rev_to, "old_end"),
    ).where(results.c.kind == "source")
    if code is not None:
        earlier = earlier.where(results.c.code == code)
    if then is not None:
        earlier = earlier.where(results.c.rev <= then.rev)
    steps = earlier.subquery()
    before = run.alias("before")
    name = metadata.tables["source"]
    query = (
        select(
            steps,
            name.c.name,
            run.c.run_id,
            run.c.data_time,
            run.c.edition,
            before.c.edition.label("old_edition"),
        )
        .join(run, and_(run.c.rev == steps.c.rev, run.c.current))
        .outerjoin(before, and_(before.c.rev == steps.c.old_rev, before.c.current))
        .outerjoin(name, name.c.code == steps.c.code)
        .where(steps.c.old_rev.is_not(None), steps.c.grade.is_distinct_from(steps.c.old_grade))
        .order_by(steps.c.rev.desc(), steps.c.code)
        .limit(limit)
    )
    return [_change(row) for row in connection.execute(query).mappings()]


def _change(row: Any) -> Row:
    return {
        "code": row["code"],
        "name": row["name"],
        "from": row["old_grade"],
        "to": row["grade"],
        "run_id": row["run_id"],
        "time": iso(row["data_time"]),
        "causes": _causes(row),
    }


def _causes(row: Any) -> list[str]:
    now, then = row["facts"], row["old_facts"]
    causes = []
    if row["old_end"] != row["rev"]:
        causes.append("record")
    if now["s"] != then["s"] or now["partial"] != then["partial"]:
        causes.append("inventory")
    if now["people_500m"] != then["people_500m"]:
        causes.append("people")
    if row["edition"] != row["old_edition"]:
        causes.append("edition")
    return causes or ["inventory"]


def reassessments(connection: Connection, today: date, then: Moment | None = None) -> list[Row]:
    """What every source with a grade or a filing owes: task, due day, clause; overdue and undated ones first."""
    source, score = rows_of("source", then), results_of("score", then)
    graded = and_(score.c.kind == "source", score.c.code == source.c.code)
    query = (
        select(*(source.c[name] for name in _OWING), score.c.grade)
        .outerjoin(score, graded)
        .where(or_(score.c.grade.is_not(None), source.c.filed_on.is_not(None)))
        .order_by(source.c.code)
    )
    changed: dict[str, date] = {}
    for change in reversed(grade_changes(connection, limit=100_000, then=then)):
        changed[change["code"]] = date.fromisoformat(change["time"][:10])
    rows = [
        _owed(row, due, today)
        for row in connection.execute(query).mappings()
        for due in due_tasks(
            row["grade"],
            assessed_on=row["assessed_on"],
            filed_on=row["filed_on"],
            cancelled_on=row["cancelled_on"],
            regraded_on=changed.get(row["code"]),
        )
    ]
    return sorted(rows, key=lambda r: (not r["overdue"], r["due_on"] or "", r["code"]))


def _owed(row: Any, due: Due, today: date) -> Row:
    return {
        **{name: row[name] for name in ("code", "name", "township_code", "grade")},
        "task": due.task.value,
        "due_on": due.due_on.isoformat() if due.due_on else None,
        "overdue": due.due_on is None or due.due_on < today,
        "clause": due.clause,
    }

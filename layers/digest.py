"""What changed in a township since a moment, each with its heaviest reason: warnings, colours, dangers, dates, zones."""

from collections.abc import Iterable
from datetime import date, datetime, timedelta
from typing import Any, NamedTuple

from sqlalchemy import ColumnElement, Connection, and_, case, exists, func, literal, select, union_all

from layers.alert_tables import warning
from layers.dangers import due_between, is_open
from layers.history import Moment, results_of, rows_of
from layers.schema import contribution, metadata, score
from layers.zone_tables import zone_event, zone_event_site
from riskmap.vocabulary import LEVELS

_AREA, _SOURCE, _DANGER, _ENTERPRISE = (
    metadata.tables[name] for name in ("area", "source", "danger", "enterprise")
)
_ZONE = metadata.tables["zone"]
EXPLAINED = 60
"""colours of a township that are told with their reason, the worst first; after new rules there may be hundreds"""
_SHOWN = ("source", "grid", "village", "township")
_NO_LEVEL = len(LEVELS) + 1
"""what has no colour is better than blue"""
Row = dict[str, Any]


class Changes(NamedTuple):
    """Everything of a township's own ground, and of its neighbours what its own warnings may tell."""

    begun: list[Row]
    ended: list[Row]
    colours: list[Row]
    dangers: list[Row]
    overdue: list[Row]
    due: list[Row]
    zones: list[Row]


def changes_of(
    connection: Connection,
    township: str,
    then: Moment,
    since: datetime,
    now: datetime,
    ahead: timedelta,
    owed: Iterable[Row],
) -> Changes:
    """What changed from `since` (the moment `then`) on; times of the city's clock. Drills are no changes.

    `owed` are the `reassessments` of that day, of all townships.
    """
    today, last = now.date(), (now + ahead).date()
    return Changes(
        begun=_warnings(connection, township, warning.c.opened_at, since),
        ended=_warnings(connection, township, warning.c.ended_at, since),
        colours=_colours(connection, township, then) if then.rev else [],
        dangers=_new_dangers(connection, township, then) if then.rev else [],
        overdue=_dangers(connection, township, due_between(since.date(), today)),
        due=_due(connection, township, owed, today, last),
        zones=_zones(connection, township, then) if then.rev else [],
    )


def _warnings(connection: Connection, township: str, at: ColumnElement[Any], since: datetime) -> list[Row]:
    columns = [
        warning.c[name] for name in ("warning_id", "kind", "side", "warn", "said", "opened_at", "ended_at")
    ]
    query = select(*columns).where(warning.c.township_code == township, at >= since, ~warning.c.drill)
    rows = connection.execute(query.order_by(warning.c.warn, warning.c.warning_id)).mappings()
    return [{**row, "warn": LEVELS[row["warn"]]} for row in rows]


def _colours(connection: Connection, township: str, then: Moment) -> list[Row]:
    """Sources and areas of another colour than then, the worst first, each with `worse`; what was not there then is new."""
    was = results_of("score", then).alias("was")
    same = and_(was.c.kind == score.c.kind, was.c.code == score.c.code)
    name = func.coalesce(_SOURCE.c.name, _AREA.c.name, _ENTERPRISE.c.name)
    query = (
        select(
            score.c.kind,
            score.c.code,
            score.c.level,
            was.c.level.label("old_level"),
            name.label("name"),
            (score.c.score - func.coalesce(was.c.score, 0)).label("moved"),
        )
        .outerjoin(was, same)
        .outerjoin(_SOURCE, and_(score.c.kind == "source", _SOURCE.c.code == score.c.code))
        .outerjoin(_AREA, and_(score.c.kind != "source", _AREA.c.code == score.c.code))
        .outerjoin(_ENTERPRISE, and_(score.c.kind == "source", _ENTERPRISE.c.code == score.c.enterprise_code))
        .where(score.c.township_code == township, score.c.kind.in_(_SHOWN))
        .where(score.c.level.is_distinct_from(was.c.level))
        .order_by(
            score.c.level, case({kind: n for n, kind in enumerate(_SHOWN)}, value=score.c.kind), score.c.code
        )
    )
    if connection.execute(select(exists().select_from(was))).scalar_one() is False:
        return []  # nothing was computed by then: all would be new
    rows = []
    for row in connection.execute(query).mappings():
        now, was_then = row["level"], row["old_level"]
        told = {"level": LEVELS.get(now), "old_level": LEVELS.get(was_then), "why": None, "by": None}
        rows.append({**row, **told, "worse": (now or _NO_LEVEL) < (was_then or _NO_LEVEL)})
    return rows


def explain(connection: Connection, colours: Iterable[Row], then: Moment) -> None:
    """Say of each of these colours why: the line of a source's account that changed most (`why`), of an area the source
    in it whose score did (`by`).
    """
    for row in colours:
        if row["kind"] == "source":
            row["why"] = _moved_line(connection, row["code"], then)
        else:
            row["by"] = _moved_source(connection, row["kind"], row["code"], then)


def _moved_line(connection: Connection, code: str, then: Moment) -> Row | None:
    """The line of a source's account that changed most: `{"item", "args"}`; of what came and what went alike."""
    was = results_of("contribution", then).alias("was")
    now = select(
        *(contribution.c[name] for name in ("item", "record", "args", "value")), literal(1).label("sign")
    )
    before = select(*(was.c[name] for name in ("item", "record", "args", "value")), literal(-1).label("sign"))
    lines = union_all(
        now.where(contribution.c.kind == "source", contribution.c.code == code),
        before.where(was.c.kind == "source", was.c.code == code),
    ).subquery()
    moved = func.abs(func.sum(lines.c.value * lines.c.sign))
    args = func.jsonb_agg(lines.c.args)
    query = select(lines.c.item, args.label("args")).group_by(lines.c.item, lines.c.record)
    row = connection.execute(query.order_by(moved.desc(), lines.c.item, lines.c.record).limit(1)).first()
    return {"item": row.item, "args": row.args[0]} if row else None


def _moved_source(connection: Connection, kind: str, code: str, then: Moment) -> str | None:
    """The name of the source in an area whose score changed most."""
    was = results_of("score", then).alias("was")
    moved = func.abs(score.c.score - func.coalesce(was.c.score, 0))
    within = score.c[f"{kind}_code"] == code
    query = (
        select(func.coalesce(_SOURCE.c.name, score.c.code))
        .select_from(score)
        .outerjoin(was, and_(was.c.kind == "source", was.c.code == score.c.code))
        .outerjoin(_SOURCE, _SOURCE.c.code == score.c.code)
        .where(score.c.kind == "source", within, moved > 0)
        .order_by(moved.desc(), score.c.code)
        .limit(1)
    )
    found: str | None = connection.execute(query).scalar_one_or_none()
    return found


def _new_dangers(connection: Connection, township: str, then: Moment) -> list[Row]:
    was = rows_of("danger", then).alias("was")
    return _dangers(connection, township, and_(is_open(), ~exists().where(was.c.code == _DANGER.c.code)))


def _dangers(connection: Connection, township: str, condition: ColumnElement[bool]) -> list[Row]:
    due = func.coalesce(_DANGER.c.extended_to, _DANGER.c.due_on).label("due")
    place = func.coalesce(_SOURCE.c.name, _ENTERPRISE.c.name, _DANGER.c.place).label("where")
    query = (
        select(_DANGER.c.code, _DANGER.c.title, _DANGER.c.grade, due, place)
        .outerjoin(_SOURCE, _SOURCE.c.code == _DANGER.c.source_code)
        .outerjoin(_ENTERPRISE, _ENTERPRISE.c.code == _DANGER.c.enterprise_code)
        .where(_DANGER.c.township_code == township, condition)
        .order_by(_DANGER.c.grade.desc(), due, _DANGER.c.code)
    )
    return [dict(row) for row in connection.execute(query).mappings()]


def _due(connection: Connection, township: str, owed: Iterable[Row], today: date, last: date) -> list[Row]:
    """What comes due from today to a day: dangers to be put right, assessments and filings; by day."""
    found = [
        {"task": None, "name": row["title"], "where": row["where"], "due": row["due"]}
        for row in _dangers(connection, township, due_between(today, last + timedelta(days=1)))
    ]
    for row in owed:
        if row["township_code"] == township and row["due_on"]:
            due = date.fromisoformat(row["due_on"])
            if today <= due <= last:
                found.append({"task": row["task"], "name": None, "where": row["name"], "due": due})
    return sorted(found, key=lambda one: (one["due"], one["where"] or ""))


def _zones(connection: Connection, township: str, then: Moment) -> list[Row]:
    """What happened to zones of its own members: `{"zone_code", "name", "kind"}`, without a name once it is no more."""
    ours = exists().where(
        zone_event_site.c.run_id == zone_event.c.run_id,
        zone_event_site.c.n == zone_event.c.n,
        zone_event_site.c.township_code == township,
    )
    origin = zone_event.outerjoin(_ZONE, _ZONE.c.code == zone_event.c.zone_code)
    query = (
        select(zone_event.c.zone_code, _ZONE.c.name, zone_event.c.kind)
        .select_from(origin)
        .where(zone_event.c.rev > then.rev, zone_event.c.kind != "continue", ours)
    )
    return [
        dict(row)
        for row in connection.execute(query.order_by(zone_event.c.run_id, zone_event.c.n)).mappings()
    ]

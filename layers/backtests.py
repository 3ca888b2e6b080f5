"""What a replay and a back-test of warnings read of the past: passes, steps of people, incidents, signs of life."""

from collections.abc import Mapping, Sequence
from datetime import date, datetime
from typing import Any

from sqlalchemy import Connection, DateTime, and_, func, select
from sqlalchemy.dialects.postgresql import ARRAY, aggregate_order_by

from layers.alert_tables import alert_run, backtest, delivery, warning, warning_step
from layers.history import CLOCK, Moment, rows_of
from layers.merged import source_now
from layers.schema import revision
from layers.sensors import last_sign
from riskmap.alert_decisions import CLEAR_REASONS, FIRE_REASONS
from riskmap.alert_life import BY_PROGRAM
from riskmap.dynamic import INCIDENT

_PROGRAM_S = (*BY_PROGRAM, "fire")
Row = dict[str, Any]


def passes_on_file(connection: Connection) -> list[Row]:
    """The passes of the live rules that changed anything, in their order: rev, at, known_rev, edition_hash."""
    columns = (alert_run.c[name] for name in ("rev", "at", "known_rev", "edition_hash"))
    return [dict(row) for row in connection.execute(select(*columns).order_by(alert_run.c.rev)).mappings()]


def steps_of_people(connection: Connection) -> list[Row]:
    """What people did to warnings, in order of revisions: rev, warning_id, action, state, person, at."""
    names = ("rev", "warning_id", "action", "state", "person", "at")
    query = select(*(warning_step.c[name] for name in names)).where(warning_step.c.action.not_in(_PROGRAM_S))
    rows = connection.execute(query.order_by(warning_step.c.rev, warning_step.c.warning_id, warning_step.c.n))
    return [dict(row) for row in rows.mappings()]


def ledger_on_file(connection: Connection) -> dict[str, list[Row]]:
    """The live ledger as a replay comes to it: warnings, the program's steps, and messages that tell of news."""
    columns = [column for column in warning.columns if column.name != "rev"]
    warnings = select(*columns).order_by(warning.c.warning_id)
    names = ("warning_id", "action", "at")
    steps = select(*(warning_step.c[name] for name in names)).where(warning_step.c.action.in_(_PROGRAM_S))
    told = ("warning_id", "person", "reason", "n", "audience", "also", "text", "made_at")
    messages = select(*(delivery.c[name] for name in told)).where(
        delivery.c.reason.in_((*FIRE_REASONS, *CLEAR_REASONS))
    )
    queries = {"warnings": warnings, "steps": steps, "messages": messages.distinct()}
    return {
        name: [dict(row) for row in connection.execute(query).mappings()] for name, query in queries.items()
    }


def incident_days(connection: Connection, since: datetime, until: datetime) -> list[date]:
    """The days of a span on which incidents on file began, in order."""
    event = rows_of("event")
    times = select(event.c.time).where(event.c.kind == INCIDENT, event.c.time >= since, event.c.time < until)
    return sorted({time.astimezone(CLOCK).date() for time in connection.execute(times).scalars()})


def incidents_between(connection: Connection, since: datetime, until: datetime, then: Moment) -> list[Row]:
    """The incidents on file that began in a span, in their order: code, time, source_code, enterprise_code, township_code.

    An incident's source is the one it names, or its sensor's; its enterprise is that source's, or its own. These are
    told as they were at a moment, by which the warnings of then are told, too: what merged since had its own code.
    """
    event, (sensor, source) = rows_of("event"), (rows_of(name, then) for name in ("sensor", "source"))
    of = func.coalesce(source_now(event, then), sensor.c.source_code)
    named = func.called_at("enterprise", event.c.enterprise_code, event.c.rev, then.rev)
    firm = func.coalesce(source.c.enterprise_code, named)
    query = (
        select(
            event.c.code,
            event.c.time,
            of.label("source_code"),
            firm.label("enterprise_code"),
            event.c.township_code,
        )
        .outerjoin(sensor, sensor.c.code == event.c.sensor_code)
        .outerjoin(source, source.c.code == of)
        .where(event.c.kind == INCIDENT, event.c.time >= since, event.c.time < until)
        .order_by(event.c.time, event.c.code)
    )
    return [dict(row) for row in connection.execute(query).mappings()]


def signs_of_day(
    connection: Connection, then: Moment, begin: datetime, end: datetime
) -> list[Mapping[str, Any]]:
    """Of every sensor that says how often it reports, in order of code: interval_s, valid_from, its last sign by `begin`,
    and its signs after that by `end`.
    """
    rows = rows_of("sensor", then).alias("sensor")
    events = rows_of("event", then).alias("sign")
    within = and_(events.c.sensor_code == rows.c.code, events.c.time > begin, events.c.time <= end)
    times = (
        select(
            func.array_agg(
                aggregate_order_by(events.c.time, events.c.time), type_=ARRAY(DateTime(timezone=True))
            )
        )
        .where(within)
        .scalar_subquery()
    )
    query = select(
        rows.c.code,
        rows.c.interval_s,
        rows.c.valid_from,
        last_sign(rows, events, begin).label("last"),
        times.label("signs"),
    ).where(rows.c.interval_s.is_not(None))
    return [dict(row) for row in connection.execute(query.order_by(rows.c.code)).mappings()]


def begin_of_file(connection: Connection) -> datetime:
    """When the first revision was recorded, by the city's clock: before it nothing is known."""
    begin: datetime = connection.execute(select(func.min(revision.c.at))).scalar_one()
    return begin.astimezone(CLOCK)


def keep_backtest(connection: Connection, values: Mapping[str, Any]) -> None:
    """Keep a back-test."""
    connection.execute(backtest.insert().values(**values))


def kept_backtest(connection: Connection, rules_hash: str) -> Row | None:
    """The newest back-test on file of exactly these rules: at, actor, from_on, to_on, content; None where there is none."""
    names = ("rev", "at", "actor", "from_on", "to_on", "content")
    query = select(*(backtest.c[name] for name in names)).where(
        backtest.c.rules_hash == bytes.fromhex(rules_hash)
    )
    row = connection.execute(query.order_by(backtest.c.rev.desc()).limit(1)).mappings().first()
    return dict(row) if row else None


def last_tried(connection: Connection, rules_hash: str) -> date | None:
    """The last day of the newest back-test on file of exactly these rules; None where there is none."""
    of_these = backtest.c.rules_hash == bytes.fromhex(rules_hash)
    query = select(backtest.c.to_on).where(of_these).order_by(backtest.c.rev.desc()).limit(1)
    found: date | None = connection.execute(query).scalar_one_or_none()
    return found


def fired_by_rule(connection: Connection, since: Sequence[datetime]) -> dict[str, Row]:
    """By rule what the caller sees of the live ledger, drills left out: warnings opened since each of some instants, and
    the last one.
    """
    counts = [func.count().filter(warning.c.opened_at >= one).label(f"n{n}") for n, one in enumerate(since)]
    query = select(warning.c.rule, func.max(warning.c.fired_at).label("last"), *counts)
    rows = connection.execute(query.where(~warning.c.drill).group_by(warning.c.rule)).mappings()
    return {row["rule"]: dict(row) for row in rows}

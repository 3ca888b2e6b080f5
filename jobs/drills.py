"""Drills: shown dry, begun, ended by themselves or by hand, lifted and archived; each goes the whole way of warnings."""

from contextlib import suppress
from datetime import UTC, datetime, timedelta
from typing import Any

from sqlalchemy import Connection, Engine

from jobs.alert_exposure import Place, believed
from jobs.alert_messages import Messenger, told_news
from jobs.alert_rows import Ledger
from jobs.alerts import run_alerts
from layers.alert_ledger import add_steps, keep_warnings, last_warning_id, warning_to_write
from layers.alert_silences import read_silences
from layers.alert_sources import sources_to_tell
from layers.alert_state import Known
from layers.city import stored_city
from layers.database import Identity, snapshot, writing
from layers.drills import all_over, end_now, keep_drill, numbers_of, put_away, unarchived, worst_source
from layers.editions import edition_on
from layers.history import CLOCK, open_revision
from riskmap.alert_facts import Fact
from riskmap.alert_life import PROGRAM, Life, Step, after
from riskmap.alert_pipeline import NOTHING, State, one_pass
from riskmap.alert_rules import AlertRules
from riskmap.drills import Scenario
from riskmap.errors import Busy, Forbidden, NotFound, Refused

_MAY = ("admin", "city")
Row = dict[str, Any]


def may_drill(identity: Identity) -> bool:
    """Whether somebody may begin and end drills."""
    return identity.role in _MAY and not identity.committee


def plan_drill(owner: Engine, scenario: Scenario, *, at: datetime | None = None) -> Row:
    """What a drill would do now, without doing it: at which source, by which rule, and every message to whom."""
    at = at or datetime.now(UTC)
    with snapshot(owner) as connection:
        fact, place = _fact(connection, scenario, "D00000000")
        rules = _rules(connection, at)
        rule = rules.find(fact, int(at.timestamp())).rule
        passed = one_pass(
            State({}, {}, begun=True), [fact], rules, read_silences(connection, at), int(at.timestamp())
        )
        ledger = Ledger(Known(NOTHING, {}, 0), {}, last_warning_id(connection), rules, "")
        ledger.take(passed, {fact.fingerprint: place}, at)
        news = told_news(passed, ledger, rules)
        messages = Messenger(connection, stored_city(connection), rules, at).messages(news)
    told = ("person", "audience", "channel", "address", "text")
    return {
        "name": scenario.name,
        "source": place.source,
        "source_name": fact.said["name"],
        "township": fact.township or None,
        "rule": rule.code if rule else None,
        "silenced": bool(passed.silenced),
        "minutes": scenario.minutes,
        "messages": [{name: one[name] for name in told} for one in messages],
    }


def start_drill(owner: Engine, identity: Identity, scenario: Scenario, *, at: datetime | None = None) -> Row:
    """Begin a drill, and evaluate the rules at once; Forbidden by role, Refused while another one lasts."""
    _check(identity)
    at = at or datetime.now(UTC)
    with writing(owner) as connection:
        rev = open_revision(connection, identity.name, "drill", f"演练：{scenario.name}")
        if unarchived(connection):
            raise Refused("已有一场演练没有结束", remedy="请先结束它：riskmap drill end")
        code = f"D{rev:08d}"
        fact, place = _fact(connection, scenario, code)
        ends_at = at + timedelta(minutes=scenario.minutes)
        told = {"code": code, "name": scenario.name, "author": identity.name}
        content = {"fact": {**fact._asdict(), "said": dict(fact.said)}, "place": list(place)}
        keep_drill(connection, told | content | {"started_at": at, "ends_at": ends_at, "rev": rev})
    _evaluate(owner, identity.name, at)
    return told | {"source": place.source, "started_at": at, "ends_at": ends_at}


def end_drill(
    owner: Engine, identity: Identity, code: str | None = None, *, at: datetime | None = None
) -> str:
    """End a drill now (None: the one that lasts), tell so and archive its warnings; its code. NotFound where none lasts."""
    _check(identity)
    at = at or datetime.now(UTC)
    with writing(owner) as connection:
        rev = open_revision(connection, identity.name, "drill", "结束演练")
        code = code or next((row["code"] for row in unarchived(connection) if row["end_at"] > at), "")
        if not end_now(connection, code, at, rev):
            raise NotFound(
                f"没有正在进行的演练 {code}".rstrip(), remedy="riskmap drill report 可查看已有的演练"
            )
    _evaluate(owner, identity.name, at)
    put_away_drills(owner, actor=identity.name, at=at)
    return code


def put_away_drills(owner: Engine, *, actor: str, at: datetime) -> int:
    """Archive the warnings of drills that are over and told so; how many drills that puts away."""
    with snapshot(owner) as connection:
        over = [
            row["code"]
            for row in unarchived(connection)
            if row["end_at"] <= at and all_over(connection, row["code"])
        ]
    for code in over:
        with writing(owner) as connection:
            rev = open_revision(connection, actor, "drill", f"演练归档 {code}")
            _archive(connection, numbers_of(connection, code), at, rev)
            put_away(connection, code, at, rev)
    return len(over)


def _archive(connection: Connection, numbers: list[int], at: datetime, rev: int) -> None:
    found = ((number, warning_to_write(connection, number)) for number in numbers)
    rows = {number: row for number, row in found if row and row["state"] == "lifted"}
    for row in rows.values():
        step = Step("archive", PROGRAM, int(at.timestamp()))
        row |= {"state": after(Life(row["state"]), step, 1).state, "rev": rev}
    told = {"action": "archive", "person": PROGRAM, "at": at, "note": ""}
    steps = [{**told, "warning_id": number, "state": row["state"]} for number, row in rows.items()]
    keep_warnings(connection, list(rows.values()))
    add_steps(connection, steps, rows, rev)


def _fact(connection: Connection, scenario: Scenario, code: str) -> tuple[Fact, Place]:
    source = scenario.source or worst_source(connection)
    rows = {row["code"]: row for row in sources_to_tell(connection, 0, 0, [source])} if source else {}
    if source not in rows:
        raise NotFound(f"没有危险源 {source or ''}".rstrip(), remedy="请核对编码，或先运行 riskmap assess")
    return believed(rows[source], code, scenario.level, scenario.why)


def _rules(connection: Connection, at: datetime) -> AlertRules:
    return AlertRules.from_edition(edition_on(connection, at.astimezone(CLOCK).date()))


def _evaluate(owner: Engine, actor: str, at: datetime) -> None:
    """Evaluate the rules now; where the worker is just at it, it does so again within a minute."""
    with suppress(Busy):
        run_alerts(owner, actor=actor, at=at)


def _check(identity: Identity) -> None:
    if not may_drill(identity):
        raise Forbidden("只有管理员和市级用户可以组织演练", remedy="请联系市级值班室")

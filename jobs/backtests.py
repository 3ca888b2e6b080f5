"""Back-tests that are kept: no rule is switched on without one, and drafts are tried beside the live rules every day."""

from datetime import date, datetime, timedelta
from typing import Any

from sqlalchemy import Connection, Engine

from jobs.backtest import backtests
from layers.backtests import begin_of_file, keep_backtest, kept_backtest, last_tried
from layers.database import snapshot, writing
from layers.editions import edition_named, edition_on, filed
from layers.history import CLOCK, open_revision
from riskmap import __version__
from riskmap.editions import Edition
from riskmap.errors import Refused
from riskmap.rule_files import rules_hash, rules_table

LAST_DAYS = 30
"""what rules must have been tried on before they are switched on"""
FRESH_DAYS = 7
"""and how long ago that may have ended"""
_DAY = timedelta(days=1)
_MOST_PEOPLE = 20
Row = dict[str, Any]


def keep(owner: Engine, told: Row, *, actor: str) -> int:
    """Keep a back-test as `backtest` tells it; its revision."""
    with writing(owner) as connection:
        span = f"{told['from']} 至 {told['to']}"
        rev = open_revision(connection, actor, "backtest", f"规则回测 {told['rules_hash'][:12]}，{span}")
        keep_backtest(
            connection,
            {
                "rules_hash": bytes.fromhex(told["rules_hash"]),
                "rev": rev,
                "at": datetime.now(CLOCK),
                "actor": actor,
                "from_on": date.fromisoformat(told["from"]),
                "to_on": date.fromisoformat(told["to"]),
                "code_version": __version__,
                "content": told,
            },
        )
    return rev


def check_tried(connection: Connection, old: Edition, new: Edition, today: date) -> Row | None:
    """The back-test that an approval stands on, as the edition keeps it; None where its rules are those in force.

    Also None where no day is over yet since the first record: there is nothing to try rules on. Refused where exactly
    these rules were not tried on the last days.
    """
    digest = rules_hash(rules_table(new))
    begin = begin_of_file(connection).date()
    if digest == rules_hash(rules_table(old)) or begin >= today:
        return None
    kept = kept_backtest(connection, digest)
    if kept is None or not _covers(kept, begin, today):
        raise Refused(
            f"版本 {new.name} 的预警规则与现行不同，还没有用最近 {LAST_DAYS} 天的历史回测",
            remedy=f"请先运行 riskmap backtest {new.name} --keep，核对每人每天的消息数后再批准",
        )
    return summary(kept)


def summary(kept: Row) -> Row:
    """What an edition keeps of a back-test: its figures, and whom it tells most."""
    content = {name: value for name, value in kept["content"].items() if name not in ("live", "per_person")}
    live = {
        name: kept["content"]["live"][name] for name in ("messages", "messages_per_day", "warnings", "leader")
    }
    people = kept["content"]["per_person"][:_MOST_PEOPLE]
    return {**content, "live": live, "per_person": people, "rev": kept["rev"], "actor": kept["actor"]}


def last_days(connection: Connection, today: date) -> tuple[date, date]:
    """The days that rules are tried on: the last ones that are over, as far as anything is on file."""
    begin = begin_of_file(connection).date()
    return max(today - LAST_DAYS * _DAY, min(begin, today - _DAY)), today - _DAY


def shadow(owner: Engine, *, actor: str, progress: Any = None) -> list[str]:
    """Try the live rules, and every draft with others beside them, on the last days, once a day; which were tried."""
    today = datetime.now(CLOCK).date()
    with snapshot(owner) as connection:
        due = _due(connection, today)
        first, last = last_days(connection, today)
    if due:
        tables = [rules_table(edition) for edition in due]
        for told in backtests(owner, tables, first, last, progress=progress):
            keep(owner, told, actor=actor)
    return [edition.name for edition in due]


def _due(connection: Connection, today: date) -> list[Edition]:
    """The edition in force and the drafts whose rules were not tried on the days until yesterday; each set once."""
    if begin_of_file(connection).date() >= today:
        return []
    drafts = [one.name for one in filed(connection) if not one.head.approved and not one.head.shipped]
    editions = [edition_on(connection, today), *(edition_named(connection, name) for name in drafts)]
    due: dict[str, Edition] = {}
    for edition in editions:
        digest = rules_hash(rules_table(edition))
        last = last_tried(connection, digest)
        if last is None or last < today - _DAY:
            due.setdefault(digest, edition)
    return list(due.values())


def _covers(kept: Row, begin: date, today: date) -> bool:
    long_enough: bool = kept["from_on"] <= max(kept["to_on"] - (LAST_DAYS - 1) * _DAY, begin)
    fresh: bool = kept["to_on"] >= today - FRESH_DAYS * _DAY
    return long_enough and fresh

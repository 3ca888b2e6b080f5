"""A set of rules tried on the city's own history, beside the live ones: how many messages to whom, what was foreseen.

Both are looked at over the same instants (`jobs.course`) by the code that warns live; nothing is written. The first
instant is a first pass: what was so before is not new to rules that warn of changes. Nobody signs or deals with
anything, so repeats are at their most. Silences that were set in that time hold for both.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, time, timedelta
from typing import Any

from sqlalchemy import Connection, Engine

from jobs.alert_exposure import Exposed, expose
from jobs.alert_lane import Lane
from jobs.course import Instant, days_between, instants
from jobs.progress import unwatched
from layers.alert_silences import read_silences
from layers.alert_zones import first_zones
from layers.backtests import begin_of_file, incident_days, incidents_between
from layers.city import stored_city
from layers.database import snapshot
from layers.editions import edition_on
from layers.history import CLOCK, moment
from riskmap.alert_rules import AlertRules
from riskmap.backtest import Incident, Message, Warned, difference, figures
from riskmap.errors import BadInput
from riskmap.rule_files import rules_hash, rules_table
from riskmap.sending import IN_APP
from riskmap.silences import Silence

LONGEST_DAYS = 1100
_DAY = timedelta(days=1)
_MINUTE_S = 60
Row = dict[str, Any]


def backtest(
    owner: Engine, table: Mapping[str, Any], first: date, last: date, *, progress: Any = None
) -> Row:
    """The figures of some rules over days of the past (both ends among them), and beside them those of the live rules.

    As CONTRACT names them, and more (`riskmap.backtest.figures`); `live` has the same of the rules now in force, `more`
    how they differ by day and person, `unknown` what was not on file for how many of the days. BadInput for a span
    that is empty, too long, not over yet or before the first record.
    """
    return backtests(owner, [table], first, last, progress=progress)[0]


def backtests(
    owner: Engine, tables: Sequence[Mapping[str, Any]], first: date, last: date, *, progress: Any = None
) -> list[Row]:
    """Several sets of rules tried on the same days, each as `backtest` tells it: the days are gone through once."""
    tell = progress or unwatched
    with snapshot(owner, scratch=True) as connection:
        days = _days(connection, first, last)
        live = rules_table(edition_on(connection, datetime.now(CLOCK).date()))
        sets = {rules_hash(one): AlertRules.from_table(one) for one in (*tables, live)}
        trial = _Trial.of(connection, list(sets.values()))
        trial.run(days, tell)
        incidents = _incidents(connection, days)
        told = {
            digest: figures(days, warned_in(lane), messages_in(lane), incidents, _day_of)
            for digest, lane in zip(sets, trial.lanes, strict=True)
        }
        zones_since = first_zones(connection)
    without = [day for day in days if zones_since is None or day < zones_since.astimezone(CLOCK).date()]
    theirs = told[rules_hash(live)]
    return [
        {
            **told[digest],
            "from": days[0].isoformat(),
            "to": days[-1].isoformat(),
            "rules_hash": digest,
            "live": theirs,
            "live_hash": rules_hash(live),
            "more": difference(told[digest], theirs),
            "instants": trial.looks,
            "unknown": {"zones": len(without)},
        }
        for digest in map(rules_hash, tables)
    ]


def _days(connection: Connection, first: date, last: date) -> list[date]:
    begin = begin_of_file(connection).date()
    today = datetime.now(CLOCK).date()
    if first > last or last >= today or (last - first).days >= LONGEST_DAYS:
        raise BadInput(
            f"回测时段 {first} 至 {last} 不可用",
            remedy=f"须已经结束（最晚 {today - _DAY}），开始不晚于结束，至多 {LONGEST_DAYS} 天",
        )
    days = [day for day in days_between(first, last) if day >= begin]
    if not days:
        raise BadInput(f"{begin} 以前没有任何记录", remedy="请改用以后的时段")
    return days


@dataclass
class _Trial:
    """The lanes of a back-test: one for each set of rules."""

    connection: Connection
    lanes: list[Lane]
    silences: list[Silence]
    longer_silent: bool
    """whether any rule asks by how much longer a silence has become: then every instant is looked at anew"""
    looks: int = 0
    own_s: int | None = None
    seen: dict[Any, Exposed] = field(default_factory=dict)

    @classmethod
    def of(cls, connection: Connection, rules: list[AlertRules]) -> "_Trial":
        city = stored_city(connection)
        silences = read_silences(connection, begin_of_file(connection))
        longer = any(one.step for each in rules for one in each.rules if one.kind == "silent")
        return cls(connection, [Lane(connection, city, one, "") for one in rules], silences, longer)

    def run(self, days: list[date], tell: Any) -> None:
        """Look at every instant of the days with each set of rules."""
        silent_min = sorted({one for lane in self.lanes for one in _silent_min(lane.rules)})
        first, count = days[0], len(days)
        for one in instants(self.connection, days, silent_min, self._own_next):
            tell(f"回测 {one.at.date()}", (one.at.date() - first).days / count)
            self.looks += 1
            self._look(one)

    def _look(self, one: Instant) -> None:
        """Look with each set of rules; where nothing has changed, what was exposed before is so still."""
        at = one.at
        if one.changed or self.longer_silent:
            self.seen = {}
        due = []
        for lane in self.lanes:
            asked = lane.rules.asked
            if asked not in self.seen:
                self.seen[asked] = expose(self.connection, lane.rules, one.weights, at, one.then, one.known)
            passed = lane.look(self.seen[asked], self.silences, at, one.then)
            due += [passed.next_s, _longer_silent_s(lane, int(at.timestamp()))]
        self.own_s = min((one for one in due if one is not None), default=None)

    def _own_next(self) -> datetime | None:
        return None if self.own_s is None else datetime.fromtimestamp(self.own_s, CLOCK)


def _silent_min(rules: AlertRules) -> set[int]:
    """After how many minutes of silence a rule asks for a sensor."""
    return {one.limit or 1 for one in rules.rules if one.kind == "silent"}


def _longer_silent_s(lane: Lane, at_s: int) -> int | None:
    """When a silence that was warned of has become longer by the step of its rule."""
    due = []
    for watch in lane.state.watches.values():
        rule = lane.rules.by_code.get(watch.rule)
        if watch.fact.kind == "silent" and watch.fired and rule and rule.step:
            minutes = watch.fired.amount + rule.step - watch.fact.amount
            due.append(at_s + max(minutes, 1) * _MINUTE_S)
    return min(due, default=None)


def _incidents(connection: Connection, days: list[date]) -> list[Incident]:
    """The incidents of these days, each with source and enterprise as its own day knew them."""
    begin, end = (datetime.combine(day, time(), CLOCK) for day in (days[0], days[-1] + _DAY))
    found = []
    for day in incident_days(connection, begin, end):
        at, then = datetime.combine(day, time(), CLOCK), moment(connection, day.isoformat())
        found += [
            Incident(row["time"].astimezone(CLOCK), row["source_code"] or "", row["enterprise_code"] or "")
            for row in incidents_between(connection, at, at + _DAY, then)
        ]
    return found


def warned_in(lane: Lane) -> list[Warned]:
    """The warnings of a lane as they are counted."""
    sent: dict[int, datetime] = {}
    for step in lane.steps:
        if step["action"] == "send":
            sent.setdefault(step["warning_id"], step["at"])
    return [
        Warned(
            **{name: row[name] for name in ("kind", "rule", "form", "warn", "opened_at", "ended_at")},
            source=row["source_code"] or "",
            enterprise=row["enterprise_code"] or "",
            cause=row["part"].partition("/")[0],
            told_at=sent.get(number),
        )
        for number, row in lane.warnings.items()
    ]


def messages_in(lane: Lane) -> list[Message]:
    """The messages of a lane as they are counted, each under the rule of the warning that leads it.

    A message counts once, by whichever further channels it goes out.
    """
    return [
        Message(
            _day_of(row["made_at"]), row["person"], row["audience"], lane.warnings[row["warning_id"]]["rule"]
        )
        for row in lane.messages.values()
        if row["channel"] == IN_APP
    ]


def _day_of(at: datetime) -> date:
    return at.astimezone(CLOCK).date()

"""What a joint-control zone's ledger 片区台账 owes: agreement, confirmation of members, lead unit, plan, drill, minutes.

A date is `overdue` from the day after it, `due` from `ahead_days` before it until its own day, `ok` before that. The
intervals are the edition's table `zone_ledger`, ours. Only facts are judged here: what a zone went through
(`riskmap.zone_lineage`) and what is on file.
"""

import calendar
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any, NamedTuple, Self

from riskmap.editions import Edition, table_or_shipped
from riskmap.sections import Sections

ROLE = "zone_ledger"
ITEMS = ("agreement", "confirm", "lead", "plan", "drill", "minutes")
"""what is looked after, in the order of a ledger"""
STATES = ("overdue", "due", "ok")
"""the worst first"""
_SHIPPED = "zone_ledger_2026_1"
_LONGEST = 3660
_SECTIONS = {
    "agreement": ("sign_days", "holds_months"),
    "confirm": ("days",),
    "lead": ("set_days",),
    "plan": ("first_days", "every_months"),
    "drill": ("first_days", "every_months"),
    "minutes": ("first_days", "every_months"),
    "remind": ("ahead_days",),
}
_REPEATED = ("plan", "drill", "minutes")


class Interval(NamedTuple):
    """Days until the first time, months from one time to the next."""

    first_days: int
    every_months: int


@dataclass(frozen=True, slots=True)
class LedgerRules:
    """The intervals; build it with `from_edition`."""

    sign_days: int
    holds_months: int
    confirm_days: int
    lead_days: int
    repeated: Mapping[str, Interval]
    ahead_days: int

    @classmethod
    def from_edition(cls, edition: Edition | None) -> Self:
        """The edition's table, else the one that comes with the program. BadInput for a figure that is wrong."""
        return cls.from_table(table_or_shipped(edition, ROLE, _SHIPPED))

    @classmethod
    def from_table(cls, table: Mapping[str, Any]) -> Self:
        """Build from the content of a table; see `from_edition`."""
        part = Sections(table, _SECTIONS)
        agreement = part.section("agreement")

        def interval(name: str) -> Interval:
            cells = part.section(name)
            return Interval(cells.whole("first_days", _LONGEST), cells.whole("every_months", 120, least=1))

        return cls(
            sign_days=agreement.whole("sign_days", _LONGEST),
            holds_months=agreement.whole("holds_months", 120, least=1),
            confirm_days=part.section("confirm").whole("days", _LONGEST),
            lead_days=part.section("lead").whole("set_days", _LONGEST),
            repeated={name: interval(name) for name in _REPEATED},
            ahead_days=part.section("remind").whole("ahead_days", 366),
        )


class Past(NamedTuple):
    """One line of a zone's lineage: the run and day of it, what happened, what that does to the agreement."""

    run_id: int
    day: date
    kind: str
    agreement: str


class Entry(NamedTuple):
    """One record of the ledger, as far as dates go; `run_id` is the zone run whose members it speaks of."""

    code: str
    kind: str
    done_on: date | None
    due_on: date | None
    run_id: int | None


class Due(NamedTuple):
    """How one item stands on a day.

    `reason` says why it is asked: `missing split until changed repeated done`; `since` is the day it is counted from,
    `record` the entry it rests on, `days` how many are left (negative: over).
    """

    item: str
    state: str
    reason: str
    due_on: date | None
    days: int | None
    since: date | None
    record: str | None


def dues(rules: LedgerRules, past: Sequence[Past], entries: Iterable[Entry], today: date) -> list[Due]:
    """How every item of a zone's ledger stands, in order of `ITEMS`. Without lineage nothing counts from a birth."""
    by_kind: dict[str, list[Entry]] = {}
    for entry in sorted(entries, key=lambda one: (one.done_on or date.min, one.code)):
        if entry.done_on is None or entry.done_on <= today:
            by_kind.setdefault(entry.kind, []).append(entry)
    born = max((one for one in past if one.agreement == "needed"), default=None)
    first = born.day if born else min((one.day for one in past), default=today)
    found = [
        _agreement(rules, by_kind.get("agreement", []), born, first, today),
        _confirm(rules, by_kind, past, today),
        _lead(rules, by_kind.get("lead", []), first, today),
    ]
    found += [_repeated(rules, name, by_kind.get(name, []), first, today) for name in _REPEATED]
    return found


def worst(found: Iterable[Due]) -> str:
    """The worst state among them."""
    return min((one.state for one in found), key=STATES.index, default="ok")


def open_changes(past: Iterable[Past], entries: Iterable[Entry]) -> list[Past]:
    """The changes of membership that neither a confirmation nor a newer agreement speaks of.

    An entry that names a run speaks of everything up to it, one without a run of everything up to its own day.
    """
    spoken = [one for one in entries if one.kind in ("confirm", "agreement")]
    return [
        change
        for change in past
        if change.agreement == "confirm" and not any(_speaks(one, change) for one in spoken)
    ]


def months_after(day: date, months: int) -> date:
    """The same day so many months later, or the last of a shorter month."""
    year, month = divmod(day.year * 12 + day.month - 1 + months, 12)
    return date(year, month + 1, min(day.day, calendar.monthrange(year, month + 1)[1]))


def _speaks(entry: Entry, change: Past) -> bool:
    if entry.run_id is not None:
        return entry.run_id >= change.run_id
    return entry.done_on is not None and entry.done_on >= change.day


def _agreement(
    rules: LedgerRules, papers: Sequence[Entry], born: Past | None, first: date, today: date
) -> Due:
    """The newest signed one counts, until the day it names or for as long as the rules say."""
    signed = [(one.done_on, one) for one in papers if one.done_on is not None]
    if not signed:
        reason = "split" if born is not None and born.kind == "split" else "missing"
        return _due(rules, "agreement", reason, first + timedelta(rules.sign_days), first, None, today)
    day, last = signed[-1]
    until = last.due_on or months_after(day, rules.holds_months)
    return _due(rules, "agreement", "until", until, day, last.code, today)


def _confirm(
    rules: LedgerRules, by_kind: Mapping[str, Sequence[Entry]], past: Sequence[Past], today: date
) -> Due:
    spoken = [*by_kind.get("agreement", ()), *by_kind.get("confirm", ())]
    waiting = open_changes(past, spoken)
    if not waiting:
        last = spoken[-1] if spoken else None
        return Due("confirm", "ok", "done", None, None, last.done_on if last else None, last and last.code)
    since = min(one.day for one in waiting)
    return _due(rules, "confirm", "changed", since + timedelta(rules.confirm_days), since, None, today)


def _lead(rules: LedgerRules, leads: Sequence[Entry], first: date, today: date) -> Due:
    if leads:
        return Due("lead", "ok", "done", None, None, leads[-1].done_on, leads[-1].code)
    return _due(rules, "lead", "missing", first + timedelta(rules.lead_days), first, None, today)


def _repeated(rules: LedgerRules, item: str, done: Sequence[Entry], first: date, today: date) -> Due:
    interval = rules.repeated[item]
    last = done[-1] if done else None
    if last is None or last.done_on is None:
        planned = last.due_on if last else None
        until = planned or first + timedelta(interval.first_days)
        return _due(rules, item, "missing", until, first, last and last.code, today)
    until = last.due_on or months_after(last.done_on, interval.every_months)
    return _due(rules, item, "repeated", until, last.done_on, last.code, today)


def _due(
    rules: LedgerRules,
    item: str,
    reason: str,
    due_on: date,
    since: date,
    record: str | None,
    today: date,
) -> Due:
    days = (due_on - today).days
    state = "overdue" if days < 0 else "due" if days <= rules.ahead_days else "ok"
    return Due(item, state, reason, due_on, days, since, record)

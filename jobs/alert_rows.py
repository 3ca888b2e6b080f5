"""Record: what a pass decided, as rows of the ledger: warnings, steps of their lives, and what they belong to."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from jobs.alert_exposure import Place
from layers.alert_state import Known
from layers.schema import SCOPE
from riskmap.alert_decisions import CLEAR, FIRE, Watch
from riskmap.alert_facts import Fact
from riskmap.alert_life import OPEN, PROGRAM, Life, Step, after
from riskmap.alert_pipeline import Pass
from riskmap.alert_rules import AlertRules
from riskmap.alert_texts import NEIGHBOUR

_RENEWING = ("worse", "nearer", "changed")
"""what must be signed for anew"""
Row = dict[str, Any]


class Ledger:
    """The warnings that a pass touches, by number, as they are to be; steps in order; numbers by cause."""

    def __init__(
        self, known: Known, rows: dict[int, Row], last_id: int, rules: AlertRules, edition: str
    ) -> None:
        self._before = {number: dict(row) for number, row in rows.items()}
        self._rules = rules
        self._edition = edition
        self._last = last_id
        self.rows = rows
        self.numbers = dict(known.warnings)
        self.steps: list[Row] = []

    def take(self, passed: Pass, places: Mapping[str, Place], at: datetime) -> None:
        """Take in everything that a pass decided, fired first, then told, then over."""
        told = {one: reason for notice in passed.notices for one, reason in notice.news}
        for one, decision in passed.decisions.items():
            watch = decision.watch
            if decision.action == FIRE and watch:
                self._fire(one, watch, places.get(one, Place()), at)
            elif decision.action == CLEAR:
                self._step(self.rows[self.numbers[one]], "clear", at)
            elif decision.reason == "eased" and watch:
                self.rows[self.numbers[one]] |= {"warn": watch.warn, "rule": watch.rule}
        for one, reason in told.items():
            row = self.rows[self.numbers[one]]
            row |= {"told_at": at, "reason": reason}
            if row["state"] == "fired" and reason != "cleared":
                self._step(row, "send", at)
        for one, number in self.numbers.items():
            if number in self.rows:
                suppressed = self.numbers.get(passed.suppressed.get(one, ""))
                self.rows[number] |= {
                    "suppressed_by": suppressed,
                    "silenced_by": list(passed.silenced.get(one, ())),
                }

    def changed(self, rev: int) -> list[Row]:
        """The rows that are not as they were, with their revision."""
        return [{**row, "rev": rev} for number, row in self.rows.items() if row != self._before.get(number)]

    def open_numbers(self, watches: Mapping[str, Watch]) -> dict[str, int]:
        """The numbers of what is open after the pass, by cause."""
        return {
            one: number for one, number in self.numbers.items() if one in watches and watches[one].is_open
        }

    @property
    def by_cause(self) -> dict[str, Row]:
        """The rows that the pass touched, by cause."""
        return {one: self.rows[number] for one, number in self.numbers.items() if number in self.rows}

    def _fire(self, one: str, watch: Watch, place: Place, at: datetime) -> None:
        number = self.numbers.get(one)
        row = self.rows.get(number) if number is not None else None
        if row is None or watch.reason == "first" or row["state"] not in OPEN:
            self._last += 1
            self.numbers[one] = self._last
            self.rows[self._last] = row = self._new(self._last, one, watch, place, at)
            self._step(row, "fire", at)
        row |= _told_of(watch) | {"reason": watch.reason, "fired_at": at, "form": self._form(watch)}
        if row["side"] != watch.fact.side:  # the record has moved across a border
            row |= _belonging(one, watch.fact, place)
        if watch.reason in _RENEWING and row["state"] != "fired":
            self._step(row, "renew", at)

    def _new(self, number: int, one: str, watch: Watch, place: Place, at: datetime) -> Row:
        return {
            "warning_id": number,
            "kind": watch.fact.kind,
            "layer": watch.fact.layer,
            **_belonging(one, watch.fact, place),
            "drill": watch.fact.is_drill,
            "state": "fired",
            "signed_by": [],
            "opened_at": at,
            "told_at": None,
            "ended_at": None,
            "suppressed_by": None,
            "silenced_by": [],
            "edition": self._edition,
        }

    def _form(self, watch: Watch) -> str:
        return self._rules.by_code[watch.rule].form

    def _step(self, row: Row, action: str, at: datetime) -> None:
        """A step of the program's own; a warning that somebody has lifted stays so."""
        if action != "fire":
            if action == "clear" and row["state"] not in OPEN:
                row["ended_at"] = row["ended_at"] or at
                return
            step = Step(action, PROGRAM, int(at.timestamp()))
            life = after(Life(row["state"], tuple(row["signed_by"])), step, 1)
            row |= {"state": life.state, "signed_by": list(life.signed_by)}
            if action == "clear":
                row["ended_at"] = at
        step_row = {"warning_id": row["warning_id"], "action": action, "state": row["state"]}
        self.steps.append({**step_row, "person": PROGRAM, "at": at, "note": ""})


def _belonging(one: str, fact: Fact, place: Place) -> Row:
    """Which record a warning is of and whose it is; of a neighbour's nothing that names the record."""
    own = fact.side == "own"
    scope = dict(zip(SCOPE, place, strict=False)) if own else {"township_code": fact.township}
    return {
        "fingerprint": one if own else "",  # it is made of the record's code
        "record_code": fact.code if own else None,
        "source_code": (place.source or None) if own else None,
        "part": fact.part if own else "",
        "side": fact.side,
        **{name: scope.get(name) or None for name in SCOPE},
        "zone_code": _zone_of(fact),
    }


def _zone_of(fact: Fact) -> str | None:
    """The zone that a warning is of; the group of a drill is none."""
    if fact.kind == "zone":
        return fact.code
    return fact.zone or None if fact.side == "own" and not fact.is_drill else None


def _told_of(watch: Watch) -> Row:
    """What a warning says, as far as its readers may know."""
    fact = watch.fact
    said = {name: value for name, value in fact.said.items() if fact.side == "own" or name in NEIGHBOUR}
    said["confirmed"] = fact.confirmed
    return {"warn": watch.warn, "rule": watch.rule, "said": said}

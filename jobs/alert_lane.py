"""One set of rules lived through: pass after pass as the live program runs them, kept in memory and written nowhere."""

from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import Connection

from jobs.alert_exposure import Exposed
from jobs.alert_messages import Messenger, told_news
from jobs.alert_rows import Ledger
from layers.alert_state import IN_HAND, Known
from layers.history import Moment
from riskmap.alert_life import OPEN
from riskmap.alert_pipeline import NOTHING, Pass, State, one_pass
from riskmap.alert_rules import AlertRules
from riskmap.alert_state import is_other
from riskmap.settings import City
from riskmap.silences import Silence

Row = dict[str, Any]
Key = tuple[int, str, str, str, int]


class Lane:
    """What the rules have come to so far: `warnings` by number, `steps` of their lives, `messages` by their key.

    As live: of a watch that is as it was the older look is kept, and a message with a key that was there is none.
    """

    def __init__(self, connection: Connection, city: City, rules: AlertRules, edition: str) -> None:
        self.rules = rules
        self.edition = edition
        self.state: State = NOTHING
        self.warnings: dict[int, Row] = {}
        self.steps: list[Row] = []
        self.messages: dict[Key, Row] = {}
        self._numbers: dict[str, int] = {}
        self._open: set[int] = set()
        self._connection = connection
        self._city = city

    def look(
        self,
        exposed: Exposed,
        silences: Iterable[Silence],
        at: datetime,
        then: Moment,
        meanwhile: Sequence[Row] = (),
    ) -> Pass:
        """One pass at an instant; `meanwhile` are steps that people took while it was under way."""
        before = self._marked()
        known = Known(before, self._numbers, 1)
        passed = one_pass(before, exposed.facts, self.rules, silences, int(at.timestamp()))
        self.heed(meanwhile)
        asked = self._open | set(self._numbers.values())
        rows = {number: self.warnings[number] for number in sorted(asked)}
        ledger = Ledger(known, rows, max(self.warnings, default=0), self.rules, self.edition)
        ledger.take(passed, exposed.places, at)
        news = told_news(passed, ledger, self.rules)
        if news:
            for row in Messenger(self._connection, self._city, self.rules, at, then).messages(news):
                self.messages.setdefault(key_of(row), row)
        self.steps += ledger.steps
        self._keep(before, passed.state, ledger)
        return passed

    def heed(self, steps: Iterable[Row]) -> None:
        """Take in what people did to warnings of this ledger."""
        for step in steps:
            row = self.warnings.get(step["warning_id"])
            if row is None:
                continue
            if step["action"] == "sign" and step["person"] not in row["signed_by"]:
                row["signed_by"] = [*row["signed_by"], step["person"]]
            row["state"] = step["state"]
            if row["state"] not in OPEN:
                row["ended_at"] = row["ended_at"] or step["at"]
                self._open.discard(step["warning_id"])

    def _marked(self) -> State:
        """The state with what somebody deals with marked so."""
        watches = dict(self.state.watches)
        for one, number in self._numbers.items():
            in_hand = self.warnings[number]["state"] in IN_HAND
            if one in watches and watches[one].in_hand != in_hand:
                watches[one] = watches[one]._replace(in_hand=in_hand)
        return self.state._replace(watches=watches)

    def _keep(self, before: State, after: State, ledger: Ledger) -> None:
        old = before.watches
        watches = {
            one: watch if is_other(old.get(one), watch) else old[one] for one, watch in after.watches.items()
        }
        self.state = after._replace(watches=watches)
        self._numbers = ledger.open_numbers(after.watches)
        self.warnings |= ledger.rows
        self._open |= {number for number, row in ledger.rows.items() if row["ended_at"] is None}
        self._open -= {number for number, row in ledger.rows.items() if row["ended_at"] is not None}


def key_of(message: Row) -> Key:
    """What makes a message the same one."""
    return message["warning_id"], message["person"], message["channel"], message["reason"], message["n"]

"""Timelines of warnings: facts pushed at an instant, and what is told between two; for tests without a clock."""

import copy
from collections.abc import Callable, Mapping
from typing import Any

from riskmap.alert_facts import Fact
from riskmap.alert_pipeline import NOTHING, Pass, State, one_pass
from riskmap.alert_rules import COLUMNS, AlertRules
from riskmap.editions import shipped_table
from riskmap.silences import Silence

TABLE = shipped_table("alerts_2026_1")
MINUTE, HOUR, DAY = 60, 3600, 86_400
START = 1_767_283_200
"""2026-01-02 00:00 in the city"""


def rule(code: str, kind: str, **cells: Any) -> dict[str, Any]:
    """A row of rules.csv that warns in yellow of all facts of a kind, at once and once, but for the cells given."""
    usual: dict[str, Any] = {
        "name_zh": code,
        "name_en": code,
        "on": "state",
        "warn": "yellow",
        "form": "risk_notice",
    }
    usual |= {"raise_min": 0, "clear_min": 0, "repeat_h": 0, "audience": "leader@township"}
    return dict.fromkeys(COLUMNS, "") | usual | {"rule": code, "kind": kind} | cells


def rules_of(*rows: dict[str, Any], change: Callable[[Any], Any] = lambda table: None) -> AlertRules:
    """The shipped table with these rules and no waiting in groups, changed further by hand."""
    table = copy.deepcopy(dict(TABLE))
    table["rules"] = list(rows)
    table["grouping"] = {"wait_s": [0] * 4, "interval_s": [0] * 4}
    change(table)
    return AlertRules.from_table(table)


def fact(kind: str, code: str, **rest: Any) -> Fact:
    """A fact of a source in township T1, or of a zone."""
    layer = "zones" if kind == "zone" else "sources"
    return Fact(kind, layer, code, **{"township": "T1", "area": "T1", **rest})


class Timeline:
    """What is told over time; each `at` is one pass, its answer the news as (reason, code)."""

    def __init__(self, rules: AlertRules, state: State = NOTHING) -> None:
        self.rules = rules
        self.state = state
        self.silences: list[Silence] = []
        self.last: Pass | None = None
        self.messages: list[tuple[list[str], list[str]]] = []

    def at(self, seconds: float, *facts: Fact) -> list[tuple[str, str]]:
        """Run a pass so many seconds after the start: its news as (reason, code); `messages` has what each lists."""
        self.last = one_pass(self.state, facts, self.rules, self.silences, START + int(seconds))
        watches: Mapping[str, Any] = {**self.state.watches, **self.last.state.watches}
        self.state = self.last.state
        news = sorted(
            (reason, watches[one].fact.code) for notice in self.last.notices for one, reason in notice.news
        )
        self.messages = [
            (
                sorted(watches[one].fact.code for one in notice.firing),
                sorted(watches[one].fact.code for one in notice.cleared),
            )
            for notice in self.last.notices
        ]
        return news

    def reasons(self) -> dict[str, str]:
        """By code why a cause fired, is held or cleared in the last pass."""
        assert self.last is not None
        return {
            decision.watch.fact.code: decision.reason
            for decision in self.last.decisions.values()
            if decision.watch
        }

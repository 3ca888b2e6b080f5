"""The demo year's warnings: a back-test comes to what a plain loop over the rows counts, and leaders are not flooded.

In `make test` three days; in the soak the whole year.
"""

import json
from collections import defaultdict
from datetime import date, datetime, time, timedelta
from statistics import median
from typing import Any, NamedTuple

import pytest
from sqlalchemy import Engine

from jobs.accounts import source_accounts
from jobs.alert_exposure import expose
from jobs.backtest import backtest
from jobs.city import arrange
from jobs.course import instants
from layers.database import snapshot
from layers.history import CLOCK
from layers.risk import read_inputs
from riskmap.alert_rules import AlertRules
from riskmap.rule_files import rules_hash
from tests.demo_city import UNTIL
from tests.import_files import rows
from tests.warning_times import TABLE, rule

MOST_A_DAY = 3
MINUTE, DAY = timedelta(minutes=1), timedelta(days=1)
FOLLOWS = timedelta(hours=72)

RULES: dict[str, Any] = {
    **TABLE,
    "rules": [
        rule("late", "overdue", level="red", limit="1", warn="orange", repeat_h="24"),
        rule("alarm", "event", level="orange", warn="orange"),
    ],
    "grouping": {"wait_s": ["0"] * 4, "interval_s": ["0"] * 4},
}
KNOWN = """
SELECT DISTINCT ON (code) * FROM {table}_all
WHERE rev <= {rev} AND valid_from <= '{day}' AND (rev_to > {rev} OR valid_to > '{day}') AND {what}
ORDER BY code, rev DESC, valid_from DESC
"""
DANGERS = (
    "code, township_code, source_code, enterprise_code, status, found_on, due_on, extended_to, closed_on",
    "grade = 'major'",
)
EVENTS = (
    "kind, sensor_code, township_code, source_code, enterprise_code, time, until",
    "(kind = 'incident' OR kind = 'alarm' AND severity = 'high')",
)


class Cause(NamedTuple):
    """Something to be told of: what and where it is."""

    kind: str
    code: str
    township: str
    source: str | None
    enterprise: str | None

    def is_at(self, other: "Cause") -> bool:
        """Whether it is at the source or the enterprise of another."""
        same_firm = self.enterprise is not None and self.enterprise == other.enterprise
        return same_firm or (self.source is not None and self.source == other.source)


class Spell(NamedTuple):
    """How long a cause was told of: from its first message on, to its end (None: not over)."""

    cause: Cause
    begin: datetime
    end: datetime | None


def _known(city: Engine, table: str, day: date, columns: str, what: str) -> list[Any]:
    """What was on file of a layer at the end of a day, by the two rules of storage written out."""
    end = datetime.combine(day + DAY, time(), CLOCK).isoformat()
    (rev,) = rows(city, f"SELECT max(rev) FROM revision WHERE at < '{end}'")[0]
    known = KNOWN.format(table=table, rev=rev, day=day, what=what)
    return rows(city, f"SELECT {columns} FROM ({known}) known WHERE NOT gone")


def _day(city: Engine, day: date) -> tuple[list[Cause], list[tuple[Cause, datetime, datetime]]]:
    """The major dangers overdue on a day, and the severe alarms and incidents that touch it."""
    dangers = [
        Cause("danger", code, township, source, firm)
        for code, township, source, firm, status, found, due, extended, closed in _known(
            city, "danger", day, *DANGERS
        )
        if found <= day
        and (closed > day if closed else status not in ("closed", "cancelled", "transferred"))
        and max([one for one in (due, extended) if one], default=day) < day
    ]
    begin = datetime.combine(day, time(), CLOCK)
    events = [
        (Cause(kind, sensor or source, township, source, firm), since, until)
        for kind, sensor, township, source, firm, since, until in _known(city, "event", day, *EVENTS)
        if since < begin + DAY and until > begin
    ]
    return dangers, events


class Counted:
    """Minute by minute what leaders of townships are told: no pipeline, no facts, no rules."""

    def __init__(self, city: Engine, days: list[date]) -> None:
        self.messages: dict[str, dict[str, int]] = defaultdict(lambda: defaultdict(int))
        self.spells: list[Spell] = []
        self.incidents: list[tuple[Cause, datetime]] = []
        self._leaders: dict[str, list[str]] = defaultdict(list)
        duty = "SELECT object_code, person FROM duty WHERE role = 'leader' AND object_layer = 'area'"
        for code, person in rows(city, duty):
            self._leaders[code].append(person)
        self._told: dict[str, dict[Cause, datetime]] = defaultdict(dict)
        self._open: dict[Cause, datetime] = {}
        for day in days:
            self._count(day, *_day(city, day))
        self.spells += [Spell(cause, begin, None) for cause, begin in self._open.items()]

    def _count(self, day: date, dangers: list[Cause], events: list[tuple[Cause, datetime, datetime]]) -> None:
        midnight = datetime.combine(day, time(), CLOCK)
        self.incidents += [
            (cause, since) for cause, since, _ in events if cause.kind == "incident" and since >= midnight
        ]
        for minute in range(24 * 60):
            at = midnight + minute * MINUTE
            now: dict[str, set[Cause]] = defaultdict(set)
            for cause in dangers:
                now[cause.township].add(cause)
            for cause, begin, until in events:
                if begin <= at < until:
                    now[cause.township].add(cause)
            for township in now.keys() | self._told.keys():
                self._tell(township, now[township], at)

    def _tell(self, township: str, now: set[Cause], at: datetime) -> None:
        told = self._told[township]
        new, over = now - told.keys(), told.keys() - now
        again = [one for one in told if one.kind == "danger" and at - told[one] >= DAY]
        for one in over:
            self.spells.append(Spell(one, self._open.pop(one), at))
        self._open |= dict.fromkeys(new, at)
        if over or new or any(one in now for one in again):
            self._told[township] = dict.fromkeys(now, at)
            for person in self._leaders[township]:
                self.messages[person][at.date().isoformat()] += 1

    def leads_h(self) -> list[float | None]:
        """Of each incident the hours since the first that was told of its place and was so still; None: nothing."""
        found: list[float | None] = []
        for incident, at in self.incidents:
            begins = [
                begin
                for cause, begin, end in self.spells
                if cause.kind != "incident"
                and cause.is_at(incident)
                and begin < at
                and (end is None or end >= at)
            ]
            found.append((at - min(begins)) / timedelta(hours=1) if begins else None)
        return found

    def false(self) -> int:
        """How often something was told of and nothing came of it."""
        return sum(
            not any(
                spell.cause.is_at(incident)
                and spell.begin <= at
                and (spell.end is None or at <= spell.end + FOLLOWS)
                for incident, at in self.incidents
            )
            for spell in self.spells
            if spell.cause.kind != "incident"
        )


@pytest.fixture(scope="module")
def days(demo_owner: Engine, soak: bool) -> list[date]:
    """The year, or in `make test` the days around an incident that a severe alarm came before."""
    first = UNTIL - timedelta(days=365)
    if soak:
        return [first + timedelta(days=n) for n in range(1, 365)]
    alarmed = (
        "SELECT (i.time AT TIME ZONE 'Asia/Shanghai')::date FROM event i JOIN event a USING (source_code)"
        " WHERE i.kind = 'incident' AND a.severity = 'high' AND i.time BETWEEN a.time AND a.until ORDER BY 1 LIMIT 1"
    )
    (day,) = rows(demo_owner, alarmed)[0]
    return [day - DAY, day, day + DAY]


@pytest.mark.timeout(3600)
def test_a_back_test_comes_to_what_a_plain_loop_counts_and_leaders_are_not_flooded(
    demo_owner: Engine, days: list[date]
) -> None:
    before = rows(demo_owner, "SELECT rev FROM head")
    found = backtest(demo_owner, RULES, days[0], days[-1])
    assert rows(demo_owner, "SELECT rev FROM head") == before
    counted = Counted(demo_owner, days)
    assert {one["person"]: (one["messages"], one["most"]) for one in found["per_person"]} == {
        person: (sum(by_day.values()), max(by_day.values())) for person, by_day in counted.messages.items()
    }
    total = {
        day.isoformat(): sum(by_day.get(day.isoformat(), 0) for by_day in counted.messages.values())
        for day in days
    }
    assert {one["day"]: one["messages"] for one in found["by_day"]} == total
    assert sum(total.values()) > 0
    leads = counted.leads_h()
    known = [one for one in leads if one is not None]
    assert known
    assert found["incidents"] == len(leads)
    assert found["lead_time_h"] == round(median(known), 1)
    assert found["missed"] == len(leads) - len(known)
    assert found["false"] == counted.false()
    live = found["live"]
    assert found["live_hash"] == rules_hash(TABLE)
    leaders = [one for one in live["per_person"] if one["audience"] == "leader@township"]
    assert leaders
    assert max(one["median"] for one in leaders) <= MOST_A_DAY
    assert live["lead_time_h"] > 0
    assert live["missed"] <= found["missed"]


def test_what_is_kept_of_a_day_is_what_is_read_and_computed_anew(
    demo_owner: Engine, days: list[date]
) -> None:
    """Facts of an instant, and every score at hand, beside those from nothing: of some instants of a day."""
    asked, seen = AlertRules.from_table(TABLE), 0
    with snapshot(demo_owner, scratch=True) as connection:
        for n, one in enumerate(instants(connection, days[1:2], [60], lambda: None)):
            if n % 8:
                continue
            anew = expose(connection, asked, one.weights, one.at, one.then)
            assert expose(connection, asked, one.weights, one.at, one.then, one.known) == anew
            inputs = read_inputs(connection, one.at, one.then)
            scores = source_accounts(inputs, arrange(inputs)).results.scores
            names = ["code", "score", "base", "level", "base_level", "rise_level", "confidence", "facts"]
            told = connection.exec_driver_sql(f"SELECT {', '.join(names)} FROM hand_score ORDER BY code")
            assert [row._asdict() for row in told] == [
                row | {"facts": json.loads(row["facts"])} for row in scores.select(names).to_pylist()
            ]
            seen += 1
    assert seen >= 2

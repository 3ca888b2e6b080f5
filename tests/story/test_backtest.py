"""The demo year's warnings: a back-test comes to what a plain loop over the rows counts, and leaders are not flooded.

In `make test` two days; in the soak the whole year.
"""

from collections import defaultdict
from datetime import date, datetime, time, timedelta
from typing import Any

import pytest
from sqlalchemy import Engine

from jobs.backtest import backtest
from layers.history import CLOCK
from riskmap.alert_rules import AlertRules
from riskmap.rule_files import rules_hash
from tests.demo_city import UNTIL
from tests.import_files import rows
from tests.warning_times import TABLE, rule

MOST_A_DAY = 3
MINUTE, DAY = timedelta(minutes=1), timedelta(days=1)
Cause = tuple[str, str]

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
WHERE rev <= {rev} AND valid_from <= '{day}' AND (rev_to > {rev} OR valid_to > '{day}')
ORDER BY code, rev DESC, valid_from DESC
"""


def _known(city: Engine, table: str, day: date, columns: str) -> list[Any]:
    """What was on file of a layer at the end of a day, by the two rules of storage written out."""
    end = datetime.combine(day + DAY, time(), CLOCK).isoformat()
    (rev,) = rows(city, f"SELECT max(rev) FROM revision WHERE at < '{end}'")[0]
    known = KNOWN.format(table=table, rev=rev, day=day)
    return rows(city, f"SELECT {columns} FROM ({known}) known WHERE NOT gone")


def _day(city: Engine, day: date) -> tuple[list[Any], list[Any]]:
    """The major dangers overdue on a day and the severe alarms that touch it, each with its township."""
    dangers = [
        (("danger", code), township)
        for code, township, grade, status, found, due, extended, closed in _known(
            city,
            "danger",
            day,
            "code, township_code, grade, status, found_on, due_on, extended_to, closed_on",
        )
        if grade == "major"
        and found <= day
        and (closed > day if closed else status not in ("closed", "cancelled", "transferred"))
        and max([one for one in (due, extended) if one], default=day) < day
    ]
    columns = "kind, severity, sensor_code, township_code, time, until"
    alarms = [
        (("alarm", sensor), township, begin, until)
        for kind, severity, sensor, township, begin, until in _known(city, "event", day, columns)
        if (kind, severity) == ("alarm", "high")
    ]
    return dangers, alarms


def _counted(city: Engine, days: list[date]) -> dict[str, dict[str, int]]:
    """Minute by minute what a person of a township is told, by person and day: no pipeline, no facts, no rules."""
    leaders: dict[str, list[str]] = defaultdict(list)
    duty = "SELECT object_code, person FROM duty WHERE role = 'leader' AND object_layer = 'area'"
    for code, person in rows(city, duty):
        leaders[code].append(person)
    told: dict[str, dict[Cause, datetime]] = defaultdict(dict)
    counts: dict[str, dict[str, int]] = defaultdict(lambda: defaultdict(int))
    for day in days:
        dangers, alarms = _day(city, day)
        at = datetime.combine(day, time(), CLOCK)
        for _ in range(24 * 60):
            now: dict[str, set[Cause]] = defaultdict(set)
            for cause, township in dangers:
                now[township].add(cause)
            for cause, township, begin, until in alarms:
                if begin <= at < until:
                    now[township].add(cause)
            for township in now.keys() | told.keys():
                known = told[township]
                over = known.keys() - now[township]
                again = [one for one in known if one[0] == "danger" and at - known[one] >= DAY]
                if over or now[township] - known.keys() or [one for one in again if one in now[township]]:
                    told[township] = dict.fromkeys(now[township], at)
                    for person in leaders[township]:
                        counts[person][day.isoformat()] += 1
            at += MINUTE
    return counts


@pytest.fixture(scope="module")
def days(demo_owner: Engine, soak: bool) -> list[date]:
    """The year, or in `make test` two days of which one has most severe alarms."""
    first = UNTIL - timedelta(days=365)
    if soak:
        return [first + timedelta(days=n) for n in range(1, 365)]
    busiest = (
        "SELECT (time AT TIME ZONE 'Asia/Shanghai')::date FROM event WHERE kind = 'alarm' AND severity = 'high'"
        " GROUP BY 1 ORDER BY count(*) DESC, 1 LIMIT 1"
    )
    (day,) = rows(demo_owner, busiest)[0]
    return [day - DAY, day]


@pytest.mark.timeout(3600)
def test_a_back_test_comes_to_what_a_plain_loop_counts_and_leaders_are_not_flooded(
    demo_owner: Engine, days: list[date]
) -> None:
    AlertRules.from_table(RULES)
    before = rows(demo_owner, "SELECT rev FROM head")
    found = backtest(demo_owner, RULES, days[0], days[-1])
    assert rows(demo_owner, "SELECT rev FROM head") == before
    counted = _counted(demo_owner, days)
    assert {one["person"]: (one["messages"], one["most"]) for one in found["per_person"]} == {
        person: (sum(by_day.values()), max(by_day.values())) for person, by_day in counted.items()
    }
    total = {
        day.isoformat(): sum(by_day.get(day.isoformat(), 0) for by_day in counted.values()) for day in days
    }
    assert {one["day"]: one["messages"] for one in found["by_day"]} == total
    assert sum(total.values()) > 0
    live = found["live"]
    assert found["live_hash"] == rules_hash(TABLE)
    leaders = [one for one in live["per_person"] if one["audience"] == "leader@township"]
    assert leaders
    assert max(one["median"] for one in leaders) <= MOST_A_DAY

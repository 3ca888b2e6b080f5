"""The demo city's year: what stood on the first day, and what each later day brought.

Layout: the files of the folder itself hold the first day; `history/YYYY-MM-DD/LAYER.csv` the rows recorded on
that day. A row of a code already there replaces it. A day's files are one revision.
"""

from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any

import numpy as np
import shapely

from jobs.demo_dangers import DAYS, Change
from jobs.demo_enterprises import Firm, enterprise_row
from jobs.demo_inputs import Inputs
from jobs.demo_sources import Source, source_row

FIRMS_OPENED, FIRMS_CLOSED, FIRMS_SUSPENDED = 14, 10, 6
SOURCES_OPENED, SOURCES_CLOSED = 2, 3
PASSING_KINDS = ("construction_site", "fireworks_retail", "shop_dwelling")
"""sources that open and close within a year"""
INVENTORY_CHANGES = 42

Days = dict[date, dict[str, list[dict[str, Any]]]]


@dataclass(frozen=True, slots=True)
class Year:
    """First-day rows of the layers that change, and the rows of each later day by layer."""

    enterprises: list[dict[str, Any]]
    sources: list[dict[str, Any]]
    inventory: list[dict[str, Any]]
    dangers: list[dict[str, Any]]
    events: list[dict[str, Any]]
    days: Days


def first_day_of(until: date) -> date:
    """The first of the 365 days that end the day before `until`."""
    return until - timedelta(days=DAYS)


class Plan:
    """Which firms and sources open or close within the year, and when; all others are steady."""

    def __init__(
        self, firms: list[Firm], sources: list[Source], first_day: date, rng: np.random.Generator
    ) -> None:
        hosts = {source.host.code for source in sources if source.host}
        small = [
            firm for firm in firms
            if firm.code not in hosts and firm.row["status"] == "active"
            and shapely.get_type_id(firm.shape) == shapely.GeometryType.POINT
        ]  # fmt: skip
        passing = [source for source in sources if source.kind in PASSING_KINDS]
        firm_order = rng.permutation(len(small)).tolist()
        source_order = rng.permutation(len(passing)).tolist()
        changing = iter(small[index] for index in firm_order)
        self.opened = {next(changing).code: self._day(first_day, rng) for _ in range(FIRMS_OPENED)}
        self.closed = {next(changing).code: self._day(first_day, rng) for _ in range(FIRMS_CLOSED)}
        self.suspended = {next(changing).code: self._day(first_day, rng) for _ in range(FIRMS_SUSPENDED)}
        fleeting = iter(passing[index] for index in source_order)
        self.source_opened = {next(fleeting).code: self._day(first_day, rng) for _ in range(SOURCES_OPENED)}
        self.source_closed = {next(fleeting).code: self._day(first_day, rng) for _ in range(SOURCES_CLOSED)}
        moving = self.opened.keys() | self.closed.keys() | self.suspended.keys()
        self.steady_firms = [f for f in firms if f.code not in moving and f.row["status"] == "active"]
        passing_codes = self.source_opened.keys() | self.source_closed.keys()
        self.steady_sources = [source for source in sources if source.code not in passing_codes]

    @staticmethod
    def _day(first_day: date, rng: np.random.Generator) -> date:
        return first_day + timedelta(days=int(rng.integers(10, DAYS)))


def make_year(
    inputs: Inputs,
    firms: list[Firm],
    sources: list[Source],
    plan: Plan,
    dangers: list[Change],
    events: dict[date, list[dict[str, Any]]],
    first_day: date,
    rng: np.random.Generator,
) -> Year:
    """Sort everything into the first day and the days after it."""
    days: Days = {}
    enterprises = _firms(inputs, firms, plan, days)
    standing = _sources(inputs, sources, plan, days)
    inventory = _inventory(sources, plan, days, first_day, rng)
    first_dangers: dict[str, dict[str, Any]] = {}
    for day, row in dangers:
        if day <= first_day:
            first_dangers[row["code"]] = row
        else:
            record(days, day, "dangers", row)
    for day, rows in sorted(events.items()):
        for row in rows if day > first_day else ():
            record(days, day, "events", row)
    return Year(
        enterprises=enterprises,
        sources=standing,
        inventory=inventory,
        dangers=[row for row in first_dangers.values() if row["status"] != "closed"],
        events=events.get(first_day, []),
        days=dict(sorted(days.items())),
    )


def record(days: Days, day: date, layer: str, row: dict[str, Any]) -> None:
    """Put a row into a day's file of a layer. A danger recorded twice on one day: the later row stands."""
    rows = days.setdefault(day, {}).setdefault(layer, [])
    if layer == "dangers":
        rows[:] = [one for one in rows if one["code"] != row["code"]]
    rows.append(row)


def _firms(inputs: Inputs, firms: list[Firm], plan: Plan, days: Days) -> list[dict[str, Any]]:
    standing = []
    for firm in firms:
        row = enterprise_row(inputs, firm)
        if day := plan.opened.get(firm.code):
            record(days, day, "enterprises", row | {"opened_on": day.isoformat()})
            continue
        standing.append(row)
        if day := plan.closed.get(firm.code):
            record(days, day, "enterprises", row | {"status": "closed", "closed_on": day.isoformat()})
        elif day := plan.suspended.get(firm.code):
            record(days, day, "enterprises", row | {"status": "suspended"})
    return standing


def _sources(inputs: Inputs, sources: list[Source], plan: Plan, days: Days) -> list[dict[str, Any]]:
    standing = []
    for source in sources:
        row = source_row(inputs, source)
        if day := plan.source_opened.get(source.code):
            record(days, day, "sources", row | {"opened_on": day.isoformat()})
            for item in source.inventory:
                record(days, day, "inventory", item | {"as_of": day.isoformat()})
            continue
        standing.append(row)
        if day := plan.source_closed.get(source.code):
            record(days, day, "sources", row | {"status": "closed", "closed_on": day.isoformat()})
    return standing


def _inventory(
    sources: list[Source], plan: Plan, days: Days, first_day: date, rng: np.random.Generator
) -> list[dict[str, Any]]:
    """First-day inventory; through the year design quantities are re-declared a little higher or lower.

    The city's one first-grade source, the first of the table, keeps its quantities.
    """
    rows = [item for source in sources if source.code not in plan.source_opened for item in source.inventory]
    steady = {source.code for source in plan.steady_sources[1:]}
    movable = [item for item in rows if item["source_code"] in steady]
    for index in rng.choice(len(movable), INVENTORY_CHANGES, replace=False).tolist():
        item = movable[index]
        day = first_day + timedelta(days=int(rng.integers(5, DAYS)))
        quantity_t = max(0.1, round(item["quantity_t"] * rng.uniform(0.75, 1.25), 1))
        record(days, day, "inventory", item | {"quantity_t": quantity_t, "as_of": day.isoformat()})
    return rows

"""The course of a city over days of its past: at every instant that may change anything, what then stood.

A day is looked at as it was on file at its end, as `--as-of` does: what is entered in the evening was so in the
morning. Levels are computed for each instant from these records, for most days had no run of their own; zones are those of
the last zone run recorded by then, and where there was none there are none: they cannot be computed for a day alone.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from datetime import date, datetime, time, timedelta
from typing import NamedTuple

import numpy as np
from sqlalchemy import Connection

from jobs.accounts import source_accounts
from jobs.city import arrange, at_instant
from jobs.dynamic import step_after
from jobs.results import Assessment, Results
from layers.at_hand import lay_out, lay_results
from layers.backtests import signs_of_day
from layers.dynamic import read_dynamic
from layers.editions import edition_on, head_on
from layers.history import CLOCK, Moment, moment
from layers.risk import read_inputs
from riskmap.backtest import silence_instants
from riskmap.dynamic import DynamicWeights
from riskmap.editions import Edition

_DAY = timedelta(days=1)
_LAYERS = (
    "source",
    "enterprise",
    "area",
    "population",
    "target",
    "inventory",
    "danger",
    "sensor",
    "duty",
    "zone_external",
)


class Instant(NamedTuple):
    """One instant of the course: what then stood, the weights of the day, and whether that may be otherwise than before."""

    at: datetime
    then: Moment
    weights: DynamicWeights
    changed: bool


class Day:
    """One day of a city, read once: its records at hand, and its levels at any instant of it, in order of time."""

    def __init__(
        self, connection: Connection, day: date, silent_min: Sequence[int], before: "Day | None" = None
    ) -> None:
        self.begin = datetime.combine(day, time(), CLOCK)
        self.end = self.begin + _DAY
        known = moment(connection, day.isoformat())
        self.edition: Edition = _edition(connection, day, known, before)
        self.weights = DynamicWeights.from_edition(self.edition)
        self._connection = connection
        self.then: Moment = lay_out(connection, known, _LAYERS, before.then if before else None)
        self._inputs = read_inputs(connection, self.begin, self.then, used=self.edition)
        self._city = arrange(self._inputs)
        self._going_on: set[int] | None = None
        self._silences = self._silent_at(silent_min)
        self._change = self.begin

    def stand(self, at: datetime) -> Moment:
        """What stood at an instant, its results at hand; instants come in order."""
        if at >= self._change:
            inputs = replace(
                self._inputs, at=at, records=read_dynamic(self._connection, at, self.weights, self.then)
            )
            self._city = at_instant(self._city, inputs)
            self.then = self._laid(source_accounts(inputs, self._city).results)
            self._change = step_after(self.weights, inputs.records, at)
        return self.then

    def changes_at(self, at: datetime) -> bool:
        """Whether anything may be otherwise at an instant than at the one before."""
        return at >= self._change or at in self._silences

    def next_after(self, at: datetime) -> datetime:
        """The next instant at which anything may change by itself, at most the end of the day."""
        silent = min((one for one in self._silences if one > at), default=self.end)
        return min(self._change, silent, self.end)

    def _laid(self, results: Results) -> Moment:
        """Have the results at hand: all of them once a day, then those where something goes on or did."""
        going_on = set(self._city.dynamic)
        changed = None if self._going_on is None else sorted(going_on | self._going_on)
        self._going_on = going_on
        count = results.scores.num_rows
        told = results if changed is None else results.only(np.isin(np.arange(count), changed))
        codes = None if changed is None else told.scores["code"].to_pylist()
        lines = results.only(np.isin(np.arange(count), sorted(going_on)))
        scores = Assessment(told, "").score_blocks()
        return lay_results(
            self._connection, self.then, scores, Assessment(lines, "").contribution_blocks(), codes
        )

    def _silent_at(self, minutes: Sequence[int]) -> set[datetime]:
        """When sensors have been silent for so long, and when they are heard again."""
        found: set[datetime] = set()
        for row in signs_of_day(self._connection, self.then, self.begin, self.end) if minutes else ():
            last = row["last"] or datetime.combine(row["valid_from"], time(), CLOCK)
            signs = row["signs"] or []
            found |= set(silence_instants(last, signs, int(row["interval_s"]), minutes, self.end))
        return {one for one in found if self.begin < one < self.end}


def _edition(connection: Connection, day: date, known: Moment, before: Day | None) -> Edition:
    """The edition of a day: mostly that of the day before, which need not be read again."""
    if before is not None and before.edition.hash == head_on(connection, day, known).hash:
        return before.edition
    return edition_on(connection, day, known)


def days_between(first: date, last: date) -> list[date]:
    """The days of a span, both ends among them."""
    return [first + _DAY * n for n in range((last - first).days + 1)]


def instants(
    connection: Connection,
    days: Sequence[date],
    silent_min: Sequence[int],
    own_next: Callable[[], datetime | None],
) -> Iterator[Instant]:
    """Every instant of some days at which anything may change, with what then stood and the weights of the day.

    `own_next` is asked after each: when whoever looks has something to say without any change.
    """
    day: Day | None = None
    for one in days:
        day = Day(connection, one, silent_min, day)
        at = day.begin
        while at < day.end:
            changed = day.changes_at(at)
            yield Instant(at, day.stand(at), day.weights, changed)
            own = own_next()
            later = day.next_after(at)
            at = (min(later, own) if own is not None and own > at else later).astimezone(CLOCK)

"""The course of a city over days of its past: at every instant that may change anything, what then stood.

A day is looked at as it was on file at its end, as `--as-of` does: what is entered in the evening was so in the
morning. Levels are computed for each instant from these records, for most days had no run of their own; zones are those of
the last zone run recorded by then, and where there was none there are none: they cannot be computed for a day alone.
"""

from collections.abc import Callable, Collection, Iterator, Sequence
from dataclasses import replace
from datetime import date, datetime, time, timedelta
from typing import Any, NamedTuple

import numpy as np
from sqlalchemy import Connection

from jobs.accounts import Lasting, source_rows, source_scores
from jobs.alert_exposure import Known, owed_on
from jobs.city import City, arrange, at_instant
from jobs.dynamic import step_after
from jobs.frames import Array
from jobs.results import NO_LINES, Assessment, Results, Scored, told_lines
from layers.alert_zones import zone_of_members
from layers.at_hand import lay_out, lay_results
from layers.dynamic import Records
from layers.dynamic_day import DayOfRecords
from layers.editions import edition_on, head_on
from layers.history import CLOCK, Moment, moment
from layers.risk import Inputs, read_changed, read_inputs
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
_NEARNESS = {"source", "enterprise", "area", "population", "target"}
"""layers that say who is near to what"""


class Instant(NamedTuple):
    """One instant of the course: what then stood and is known, the weights of the day, and whether that may be otherwise
    than before.
    """

    at: datetime
    then: Moment
    known: Known
    weights: DynamicWeights
    changed: bool


class Day:
    """One day of a city, read once: its records at hand, and its levels at any instant of it, in order of time."""

    def __init__(
        self, connection: Connection, day: date, silent_min: Sequence[int], before: "Day | None" = None
    ) -> None:
        self.begin = datetime.combine(day, time(), CLOCK)
        self.end = self.begin + _DAY
        self._connection = connection
        known = moment(connection, day.isoformat())
        self.edition: Edition = _edition(connection, day, known, before)
        self.weights = DynamicWeights.from_edition(self.edition)
        self.then: Moment
        self.then, differ = lay_out(connection, known, _LAYERS, before.then if before else None)
        self._records = DayOfRecords.read(connection, self.begin, self.end, self.weights, self.then)
        self._silences = self._silent_at(silent_min)
        self.inputs = self._read(differ, before)
        self._city = arrange(self.inputs)
        self._lasting = Lasting.of(self.inputs, self._city)
        self._scored: Scored | None = None
        self._near = before.near_if_same(self._city, differ) if before else _Near.of(self._city)
        self._lay(self.inputs.records, self.begin)
        self._known = Known(
            self.inputs.records,
            owed_on(connection, day, self.then),
            zone_of_members(connection, self.then),
        )

    def stand(self, at: datetime) -> tuple[Moment, Known]:
        """What stood at an instant, its results at hand, and what is known of it; instants come in order."""
        records = self._records.at(at)
        if at >= self._change:
            self._lay(records, at)
        return self.then, replace(self._known, records=records, near=self._near.asked)

    def changes_at(self, at: datetime) -> bool:
        """Whether anything may be otherwise at an instant than at the one before."""
        return at == self.begin or at >= self._change or at in self._silences

    def next_after(self, at: datetime) -> datetime:
        """The next instant at which anything may change by itself, at most the end of the day."""
        silent = min((one for one in self._silences if one > at), default=self.end)
        return min(self._change, silent, self.end)

    def near_if_same(self, city: City, differ: Collection[str]) -> "_Near":
        """What was asked of nearness, where on the next day no position, and nobody's, is another."""
        return _Near.of(city) if not _NEARNESS.isdisjoint(differ) else self._near.still(city)

    def _read(self, differ: set[str], before: "Day | None") -> Inputs:
        """The records at the beginning of the day."""
        if before is None:
            return read_inputs(self._connection, self.begin, self.then, used=self.edition)
        inputs = read_changed(self._connection, before.inputs, differ, self.begin, self.then, self.edition)
        return replace(inputs, records=self._records.at(self.begin))

    def _lay(self, records: Records, at: datetime) -> None:
        """Have the results of an instant at hand: all of them once a day, then those that are others than before.

        What is told beside a score is another only where the score is. Of accounts what comes and goes is told: no fact
        asks for more.
        """
        self._city = at_instant(self._city, replace(self.inputs, at=at, records=records))
        scored, _ = source_scores(self._city, self._lasting)
        changed = None if self._scored is None else _differing(self._scored, scored)
        rows = source_rows(self._city, self._lasting, scored, changed)
        if changed is None:
            self._owners = rows
        lines = told_lines(self._city.dynamic, np.zeros(len(scored.score), np.int64))
        self.then = lay_results(
            self._connection,
            self.then,
            Assessment(Results(rows, NO_LINES), "").score_blocks(),
            Assessment(Results(self._owners, lines), "").contribution_blocks(),
            None if changed is None else rows["code"].to_pylist(),
        )
        self._near = self._near.at_levels(scored.level)
        self._scored = scored
        self._change = step_after(self.weights, records, at)

    def _silent_at(self, minutes: Sequence[int]) -> set[datetime]:
        """When sensors have been silent for so long, and when they are heard again."""
        found: set[datetime] = set()
        for row in self._records.signs if minutes else ():
            last = row["last"] or datetime.combine(row["valid_from"], time(), CLOCK)
            signs = row["signs"] or []
            found |= set(silence_instants(last, signs, int(row["interval_s"]), minutes, self.end))
        return {one for one in found if self.begin < one < self.end}


def _differing(old: Scored, new: Scored) -> Array:
    """The positions of the scores or colours that are others than before."""
    found: Array = np.flatnonzero(np.any([one != other for one, other in zip(old, new, strict=True)], axis=0))
    return found


class _Near(NamedTuple):
    """What was asked of nearness to people: it holds while no position, reach or level is another."""

    codes: tuple[str, ...]
    reach: bytes
    levels: bytes
    asked: dict[Any, list[dict[str, Any]]]

    @classmethod
    def of(cls, city: City) -> "_Near":
        """Nothing asked yet."""
        return cls(tuple(city.graded.sources["code"]), city.ground.base.reach.tobytes(), b"", {})

    def still(self, city: City) -> "_Near":
        """The same for a city whose sources are the same and reach as far; else nothing asked yet."""
        new = _Near.of(city)
        return self if (self.codes, self.reach) == (new.codes, new.reach) else new

    def at_levels(self, levels: Array) -> "_Near":
        """The same where the levels are; else nothing asked yet."""
        same = self.levels == levels.tobytes()
        return self if same else self._replace(levels=levels.tobytes(), asked={})


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
            yield Instant(at, *day.stand(at), day.weights, changed)
            own = own_next()
            later = day.next_after(at)
            at = (min(later, own) if own is not None and own > at else later).astimezone(CLOCK)

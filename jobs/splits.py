"""The contributions of a run split by thing, source and dynamic record: what every theme is a sum of.

Parts of areas are those of `jobs.explain`, computed for a whole level in one pass. They are computed when first asked
for and kept for the runs asked for last: a run's results never change.
"""

from collections.abc import Callable, Collection
from threading import Lock
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
from sqlalchemy import Connection, Engine

from jobs.areas import PART_OF, places_within
from jobs.city import places_of
from jobs.explain import basis_of
from jobs.frames import Array, each, index_of
from jobs.theme_lines import classes_of
from layers.city import stored_city
from layers.database import snapshot
from layers.hazards import hazards_of, read_hazards
from layers.history import Moment
from layers.records import iso
from layers.themes import account_sums
from riskmap.rollup import highest
from riskmap.superposition import place_account
from riskmap.theme_parts import Parts, area_parts, city_parts, shared_among, totals
from riskmap.themes import SourceClass, Theme
from riskmap.weights import RiskWeights

_KEPT = 2
_THEMES_KEPT = 16


class Lines(NamedTuple):
    """Lines of the accounts of one kind of thing: positions among `codes`, the sources and the records."""

    codes: Array
    thing: Array
    source: Array
    record: Array
    """0: there without any dynamic record"""
    value: Array


class _Weights(NamedTuple):
    """What a source's share is parted by: of source s `start[s] … start[s + 1]`, the first what is no dynamic record."""

    start: Array
    value: Array
    record: Array


class Split:
    """What all scores of one run (or moment) consist of."""

    def __init__(self, connection: Connection, run_id: int, data_time: str, then: Moment | None) -> None:
        basis, inputs = basis_of(connection, run_id, data_time, then)
        self.rules = RiskWeights.from_edition(inputs.edition)
        """the weights of the edition in force there"""
        self._city = np.array([stored_city(connection).code], object)
        frame = read_hazards(connection, basis)
        self.codes = frame["code"].to_numpy(object)
        self.which_class, self.classes = _grouped(classes_of(self.rules, frame))
        self._areas = inputs.areas.sort_values("code", ignore_index=True)
        self._people, self._places = places_of(inputs, self.rules)
        _, hazards = hazards_of(frame)
        self._account = place_account(self._places, hazards, self.rules.share_permille)
        sums = account_sums(connection, basis.results, "source")
        dynamic = sums[sums["record"].notna()]
        numbers, names = pd.factorize(dynamic["record"])
        self.records: list[str | None] = [None, *names]
        """the dynamic records by number; 0 stands for none"""
        at = index_of(dynamic["code"], self.codes)
        going_on = at, dynamic["value"].to_numpy(np.int64), numbers.astype(np.int64) + 1
        self._felt = self._weights(frame["hazard_base"].to_numpy(np.int64), *going_on)
        rest = sums[sums["record"].isna()]
        own = totals(index_of(rest["code"], self.codes), rest["value"].to_numpy(np.int64), len(self.codes))
        self._own = self._weights(own, *going_on)
        self._firms = account_sums(connection, basis.results, "enterprise")
        self._known: dict[str, Lines] = {}
        self._matching: dict[tuple[str, Theme], tuple[str, ...]] = {}
        self._turn = Lock()

    def lines(self, level: str) -> Lines:
        """All lines of a level, those of a thing together; each thing's sum to its score."""
        with self._turn:
            return self._found(level)

    def _found(self, level: str) -> Lines:
        if level not in self._known:
            self._known[level] = self._lines(level)
        return self._known[level]

    def matching(self, level: str, theme: Theme, kept: Callable[[Lines], Array]) -> tuple[str, ...]:
        """The codes of the things that a theme has a part of, in order; every tile of a map asks for the same."""
        with self._turn:
            found = self._matching.get((level, theme))
            if found is None:
                lines = self._found(level)
                found = tuple(lines.codes[np.unique(lines.thing[kept(lines) & (lines.value > 0)])])
                while len(self._matching) >= _THEMES_KEPT:
                    del self._matching[next(iter(self._matching))]
                self._matching[level, theme] = found
            return found

    def class_of(self, source: int) -> SourceClass:
        """The class of a source by its position."""
        return self.classes[int(self.which_class[source])]

    def classes_among(self, codes: Collection[str] | None) -> list[SourceClass]:
        """The classes of some sources; None: of all."""
        if codes is None:
            return self.classes
        among = np.isin(self.codes.astype(str), np.array(sorted(codes), str))
        return [self.classes[n] for n in np.unique(self.which_class[among])]

    def _lines(self, level: str) -> Lines:
        if level == "source":
            every = np.arange(len(self.codes))
            owner = np.repeat(every, np.diff(self._own.start))
            return Lines(self.codes, owner, owner, self._own.record, self._own.value)
        if level == "enterprise":
            codes = np.unique(self._firms["code"].to_numpy(str)).astype(object)
            source = index_of(self._firms["record"].str.removeprefix("source/"), self.codes)
            value = self._firms["value"].to_numpy(np.int64)
            return self._shared(codes, Parts(index_of(self._firms["code"], codes), source, value), self._own)
        areas = self._areas[self._areas["level"] == level]
        if level == "city":
            return self._shared(self._city, self._city_parts(), self._felt)
        codes = areas["code"].to_numpy(object)
        if level == "overlay":
            parts = [self._parts(self._inside(row), level) for row in each(areas)]
            area = np.repeat(np.arange(len(parts)), [len(one.value) for one in parts]).astype(np.int64)
            nothing = [np.zeros(0, np.int64)]
            source, value = (
                np.concatenate([*(getattr(one, name) for one in parts), *nothing])
                for name in ("source", "value")
            )
            return self._shared(codes, Parts(area, source, value), self._felt)
        at = index_of(self._people[PART_OF[level]], codes)
        return self._shared(codes, self._parts(at, level), self._felt)

    def _inside(self, area: Any) -> Array:
        within = places_within(area, self._people, self._places.xy)
        return np.where(within, 0, -1).astype(np.int64)

    def _parts(self, area: Array, level: str) -> Parts:
        return area_parts(self._account, self._places.people, area, self.rules.worst_placed[level])

    def _city_parts(self) -> Parts:
        townships = self._areas[self._areas["level"] == "township"]
        if not len(townships):
            return self._parts(np.zeros(len(self._places.people), np.int64), "city")
        at = index_of(self._people[PART_OF["township"]], townships["code"].to_numpy(object))
        parts, n = self._parts(at, "township"), self.rules.townships_of_city
        chosen = highest(totals(parts.area, parts.value, len(townships)).tolist(), n)
        return city_parts(parts, np.array(chosen, np.int64), n)

    def _shared(self, codes: Array, parts: Parts, weights: _Weights) -> Lines:
        """What sources add, parted into what each of its dynamic records adds and the rest."""
        shares = shared_among(parts.value, parts.source, weights.start, weights.value)
        thing, source = parts.area[shares.entry], parts.source[shares.entry]
        return Lines(codes, thing, source, weights.record[shares.weight], shares.value)

    def _weights(self, rest: Array, at: Array, value: Array, record: Array) -> _Weights:
        """`rest` of every source, then the values of its dynamic records: at which source, how much, of which record."""
        n = len(self.codes)
        start = np.concatenate([[0], np.cumsum(1 + np.bincount(at, minlength=n))]).astype(np.int64)
        values, records = np.zeros(start[-1], np.int64), np.zeros(start[-1], np.int64)
        values[start[:-1]] = rest
        # in order of source, so the k-th of them stands k places after the heads of the sources before it
        place = np.arange(len(at)) + at + 1
        values[place], records[place] = value, record
        return _Weights(start, values, records)


def _grouped(classes: list[SourceClass]) -> tuple[Array, list[SourceClass]]:
    """Which of the different classes each source has, and these."""
    different = list(dict.fromkeys(classes))
    number = {one: n for n, one in enumerate(different)}
    return np.array([number[one] for one in classes], np.int64), different


class Splits:
    """The splits asked for last; one is made at a time."""

    def __init__(self) -> None:
        self._turn = Lock()
        self._known: dict[tuple[Any, ...], Split] = {}

    def of(self, owner: Engine, about: dict[str, Any], then: Moment | None) -> Split:
        """The split of what is told of (`layers.computed.told_by`), now or at a moment."""
        key = about["run_id"], about["edition"], about["data_time"], then
        with self._turn:
            found = self._known.pop(key, None)
            if found is None:
                with snapshot(owner) as connection:
                    found = Split(connection, about["run_id"], iso(about["data_time"]), then)
            self._known[key] = found
            while len(self._known) > _KEPT:
                del self._known[next(iter(self._known))]
            return found

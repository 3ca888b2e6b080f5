"""The lines of one account by theme: those that belong to one, and what they add up to by each dimension."""

from collections import defaultdict
from collections.abc import Collection
from typing import Any, NamedTuple

import pandas as pd
from sqlalchemy import Connection

from jobs.frames import each
from layers.hazards import Basis, lines_of_sources, read_hazards
from riskmap.dynamic import DynamicWeights
from riskmap.editions import Edition
from riskmap.rollup import shared
from riskmap.theme_words import ranked
from riskmap.themes import BASE, DYNAMIC, HIDDEN, NEIGHBOUR, SourceClass, Theme, industry_digits
from riskmap.weights import RiskWeights
from riskmap.wording import group_of, is_dynamic

Line = dict[str, Any]


def classes_of(weights: RiskWeights, frame: pd.DataFrame) -> list[SourceClass]:
    """The classes of sources, as `layers.hazards.read_hazards` tells them.

    A source that no enterprise's committee answers for belongs to the one that the edition names for its kind.
    """
    return [
        SourceClass(
            row.committee or weights.kinds[row.kind].committee,
            industry_digits(row.industry),
            tuple(row.hazards),
            row.kind,
        )
        for row in each(frame)
    ]


class Filed(NamedTuple):
    """A line with the class of its source, as far as the reader may know it, and its period."""

    line: Line
    of: SourceClass
    period: str


class Filing:
    """The lines of one account, each under its source; rules of 0 points stand under none and are left out.

    `seen` are the codes of the sources that the reader may know, None: all. Of others a theme knows as much as the
    explanation tells: kind and hazards, of those of an enterprise nothing.
    """

    def __init__(
        self,
        connection: Connection,
        basis: Basis,
        edition: Edition,
        kind: str,
        code: str,
        lines: list[Line],
        seen: Collection[str] | None,
    ) -> None:
        self._kind = kind
        self._weights = RiskWeights.from_edition(edition)
        owned = ((_source_of(kind, code, line), line) for line in lines)
        self._lines = [(owner, line) for owner, line in owned if owner is not None]
        codes = {owner for owner, _ in self._lines}
        frame = read_hazards(connection, basis, codes=codes)
        known = zip(frame["code"], classes_of(self._weights, frame), strict=True)
        self._foreign = codes - set(seen) if seen is not None else set()
        self._class = {owner: self._told(owner, own) for owner, own in known}
        items = DynamicWeights.from_edition(edition).items
        self._going_on = lines_of_sources(connection, basis, codes, items) if kind == "enterprise" else {}

    def of_theme(self, theme: Theme, *, by_period: bool) -> list[Filed]:
        """The lines that belong to a theme; `by_period` parts those of an enterprise as an area's are."""
        parted = (
            (owner, one)
            for owner, line in self._lines
            for one in (_by_period(line, owner, self._going_on.get(owner, [])) if by_period else [line])
        )
        filed = (Filed(line, self._class[owner], self._period(owner, line)) for owner, line in parted)
        return [
            one for one in filed if theme.admits(one.of) and theme.in_period(one.period, one.line["record"])
        ]

    def breakdown(self, theme: Theme, name: str, lang: str) -> list[dict[str, Any]]:
        """The part of a theme by the values of a dimension, the largest first."""
        sums: dict[str, int] = defaultdict(int)
        for line, of, period in self.of_theme(theme, by_period=True):
            for value in (period,) if name == "period" else of.values(name):
                sums[value] += line["value"]
        return ranked({value: part for value, part in sums.items() if part}, self._weights, name, lang)

    def _told(self, owner: str, own: SourceClass) -> SourceClass:
        if owner not in self._foreign:
            return own
        return HIDDEN if self._kind == "enterprise" else own.foreign

    def _period(self, owner: str, line: Line) -> str:
        if owner in self._foreign:
            return NEIGHBOUR
        return DYNAMIC if is_dynamic(line["args"]) else BASE


def _source_of(kind: str, code: str, line: Line) -> str | None:
    """The code of the source that a line stands for; None for a rule of the whole."""
    if group_of(line["item"], line["args"]) == "rules":
        return None
    if kind == "source":
        return code
    return line["args"].get("source") or (line["record"] or "").partition("/")[2] or None


def _by_period(line: Line, source: str, going_on: list[Line]) -> list[Line]:
    """A source's line in an enterprise's account: what it has without dynamic records, and what each of them adds."""
    if not going_on:
        return [line]
    values = [one["value"] for one in going_on]
    own, *shares = shared(line["value"], [line["args"]["score"] - sum(values), *values])
    args = {"source": source, "source_name": line["args"].get("name")}
    return [
        line | {"value": own},
        *(
            {**one, "value": share, "args": {**one["args"], **args}}
            for one, share in zip(going_on, shares, strict=True)
            if share
        ),
    ]

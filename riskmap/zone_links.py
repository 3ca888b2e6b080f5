"""Why sites belong together: links of stated kinds, each with its distance, kept from one run to the next.

    domino     one's domino zone reaches the other's site          domino zone at an escalation threshold
    adjacent   within the larger of both sites' own distances      by industry and size
    similar    same industry group, or same business format        within the distance of that group or format

A link is joined within a distance and given up only beyond a wider one. What is kept on file is enough for that: a
site with few neighbours keeps all its links, and every kind keeps its minimum spanning forest, which alone decides
what hangs together.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np

from riskmap.compiled import kernel
from riskmap.forest import spanning_forest
from riskmap.nearness import NO_LINKS, Family, Links, distances_of, far_cells, in_order, joined, links_named
from riskmap.shapes import Bytes, Ints, Marks, Shapes
from riskmap.zone_rules import ZoneRules, group_of

DOMINO, ADJACENT, SIMILAR_INDUSTRY, SIMILAR_FORMAT = 0, 1, 2, 3
"""codes of the kinds, the strongest first"""
KINDS = ("domino", "adjacent", "similar", "similar")
"""what a code is called; of the two similar ones the first is by industry, the second by format"""


@dataclass(frozen=True, eq=False)
class ZoneSites:
    """What stands in the city, in order of code: enterprises, and sources without one.

    `workers` −1: unknown; `domino` how far an accident carries on, in mm, 0 where it does not; `score` the risk in
    micro-points. Sites have a position; closed ones are left out.
    """

    codes: Sequence[str]
    shapes: Shapes
    industry: Sequence[str | None]
    business_format: Sequence[str | None]
    workers: Ints
    domino: Ints
    score: Ints

    def by_code(self) -> "ZoneSites":
        """The sites in order of code, however they came."""
        return self.take(np.array(sorted(range(len(self.codes)), key=self.codes.__getitem__), np.int64))

    def take(self, index: Ints) -> "ZoneSites":
        """The sites at these positions."""
        these = index.tolist()
        return ZoneSites(
            [self.codes[i] for i in these],
            self.shapes.take(index),
            [self.industry[i] for i in these],
            [self.business_format[i] for i in these],
            *(self.workers[index], self.domino[index], self.score[index]),
        )


class Kinship(NamedTuple):
    """One kind of link in numbers: `key` −1 takes no part; a pair's distances are the larger of both sites'."""

    kind: int
    key: Ints
    join: Ints
    leave: Ints


class Edges(NamedTuple):
    """Links as they are kept: kind, both sites by position, distance in mm, and `cut` (0 kept, else why not)."""

    kind: Bytes
    links: Links
    cut: Bytes

    def take(self, index: Ints | Marks | slice) -> "Edges":
        """The links at these positions (or marked so)."""
        return Edges(self.kind[index], self.links.take(index), self.cut[index])

    def by_kind(self, n: int) -> "Edges":
        """The links among `n` sites by kind and ends: a state does not tell how it was come by."""
        number = (self.kind.astype(np.int64) * n + self.links.a) * n + self.links.b
        return self if (np.diff(number) > 0).all() else self.take(np.argsort(number))

    def __len__(self) -> int:
        return len(self.kind)


NO_EDGES = Edges(np.zeros(0, np.int8), NO_LINKS, np.zeros(0, np.int8))


def kinships(sites: ZoneSites, rules: ZoneRules) -> list[Kinship]:
    """All kinds of link between sites by the edition's tables."""
    nearby = _each(sites.industry, rules.nearby)
    adjacent = np.array([one.adjacent_mm for one in nearby], np.int64) + rules.size_mm(sites.workers)
    similar = np.array([one.similar_mm for one in nearby], np.int64)
    group = np.array(_each(sites.industry, group_of), np.int64)
    form = np.array(_each(sites.business_format, rules.format_of), np.int64)
    formats = np.array([one.similar_mm for one in rules.formats] or [0], np.int64)[form]
    none = np.zeros(len(group), np.int64)
    return [
        _kinship(rules, *one)
        for one in (
            (DOMINO, none, sites.domino),
            (ADJACENT, none, adjacent),
            (SIMILAR_INDUSTRY, group, similar),
            (SIMILAR_FORMAT, form, formats),
        )
    ]


def kinships_what_if(
    sites: ZoneSites, rules: ZoneRules, distance_mm: int, kinds: Sequence[str]
) -> list[Kinship]:
    """The named kinds with one distance for all but domino: tables of industry and size are off, as is hysteresis."""
    same = np.full(len(sites.codes), distance_mm, np.int64)
    found = []
    for one in kinships(sites, rules):
        join = one.join if one.kind == DOMINO else same
        if KINDS[one.kind] in kinds:
            found.append(Kinship(one.kind, one.key, join, join))
    return found


def linked(
    shapes: Shapes, kinship: Kinship, previous: Links, most: int, *, threads: int = 0
) -> tuple[Links, Links]:
    """The links of one kind to keep on file, and those of before that still hold without being needed."""
    index = np.flatnonzero(kinship.key >= 0)
    everyone = len(index) == len(kinship.key)
    family = Family(
        *((shapes, kinship.key, kinship.join) if everyone else _part(shapes, kinship, index)),
    )
    if not len(index) or (not family.reach.any() and not len(previous.a)):
        return NO_LINKS, NO_LINKS
    held = _held(shapes, kinship, previous)
    if not everyone:
        at = np.full(len(kinship.key), -1, np.int64)
        at[index] = np.arange(len(index))
        held = held.renumbered(at)
    beyond = held.distance > np.maximum(family.reach[held.a], family.reach[held.b])
    listed, count = links_named(family, most, far_cells(family), threads=threads)
    # all links of a site that names its own and that no other one outreaches are listed already
    others = np.flatnonzero((count > most) | (family.reach < family.reach.max()))
    forest = spanning_forest(family, joined([listed, held.take(beyond)]), others, threads=threads)
    sparse = beyond & (np.minimum(count[held.a], count[held.b]) <= most)
    forest = forest.take(~_named(forest, count, family.reach, most))
    kept = in_order(joined([forest, listed, held.take(sparse)]), len(index))
    rest = _without(held, kept, len(index))
    if everyone:
        return kept, rest
    return kept.renumbered(index), rest.renumbered(index)


@kernel
def _named(links: Links, count: Ints, reach: Ints, most: int) -> Marks:
    """Which links one of their sites names that reaches at most `most` others."""
    named = np.zeros(len(links.a), np.bool_)
    for k in range(len(named)):
        for end in (links.a[k], links.b[k]):
            within = reach[end] > 0 and links.distance[k] <= reach[end]
            named[k] = named[k] or (within and count[end] <= most)
    return named


def _part(shapes: Shapes, kinship: Kinship, index: Ints) -> tuple[Shapes, Ints, Ints]:
    return shapes.take(index), kinship.key[index], kinship.join[index]


def _held(shapes: Shapes, kinship: Kinship, previous: Links) -> Links:
    """Links of before whose sites still take part alike and are not farther apart than they may be."""
    key = kinship.key
    alike = previous.take((key[previous.a] == key[previous.b]) & (key[previous.a] >= 0))
    distance = distances_of(shapes, alike.a, alike.b)
    most = np.maximum(kinship.leave[alike.a], kinship.leave[alike.b])
    return Links.of(alike.a, alike.b, distance).take(distance <= most)


def _without(links: Links, others: Links, n: int) -> Links:
    """The links that are not among others, which stand in order of their ends."""
    if not len(links.a) or not len(others.a):
        return links
    wanted, known = (one.a.astype(np.int64) * n + one.b for one in (links, others))
    at = np.minimum(np.searchsorted(known, wanted), len(known) - 1)
    return links.take(known[at] != wanted)


def _kinship(rules: ZoneRules, kind: int, key: Ints, join: Ints) -> Kinship:
    join = np.where(key >= 0, join, 0)
    return Kinship(kind, key, join, rules.leave_mm(join))


def _each(values: Sequence[Any], rule: Any) -> list[Any]:
    """What a rule makes of each value, asked once for equal ones."""
    known: Mapping[Any, Any] = {value: rule(value) for value in set(values)}
    return [known[value] for value in values]

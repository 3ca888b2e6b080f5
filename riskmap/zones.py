"""Joint-control zones 联防联控区 that keep their name: a pure function of (what was, what stands there, the edition).

Sites are linked (`riskmap.zone_links`), what hangs together is kept within bounds (`riskmap.zone_cuts`), and every part
of two members or more is a zone that continues one of before or is new (`riskmap.zone_lineage`). An id is `Z` and
ten hex digits of the SHA-256 of the first members, and is kept for life.
"""

import gc
import hashlib
import os
from collections.abc import Collection, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import cached_property

import numpy as np

from riskmap.components import components_of
from riskmap.nearness import Family, Links, joined, links_within
from riskmap.orders import order_of
from riskmap.shapes import Ints, Shapes
from riskmap.zone_cuts import bounded
from riskmap.zone_lineage import Before, Event, Now, succession
from riskmap.zone_links import (
    NO_EDGES,
    Edges,
    Kinship,
    ZoneSites,
    kinships,
    kinships_what_if,
    linked,
)
from riskmap.zone_rules import UNBOUNDED, Bounds, ZoneRules


@dataclass(frozen=True, eq=False)
class Zones:
    """The zones of one run, and all that the next one needs of it.

    `zone` numbers the zone of each site in order of `ids`, −1 for none; `edges` join positions in `codes`; `ended`
    are the last members of the ids that no zone bears now.
    """

    codes: Sequence[str]
    edges: Edges
    zone: Ints
    ids: Sequence[str]
    ended: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    events: Sequence[Event] = ()

    @cached_property
    def members(self) -> list[list[str]]:
        """The codes of each zone's members, in order."""
        order, start = grouped(self.zone, len(self.ids))
        codes = [self.codes[i] for i in order.tolist()]
        return [codes[start[z] : start[z + 1]] for z in range(len(self.ids))]

    def zones_hash(self, edition_hash: str) -> str:
        """SHA-256 of one line with the edition's hash and a line `id⇥member,member…` for each zone, by id."""
        digest = hashlib.sha256(f"{edition_hash}\n".encode())
        for zone, members in zip(self.ids, self.members, strict=True):
            digest.update(f"{zone}\t{','.join(members)}\n".encode())
        return digest.hexdigest()


NOTHING = Zones((), NO_EDGES, np.zeros(0, np.int64), ())
"""before the first run"""


def zones_of(
    sites: ZoneSites,
    rules: ZoneRules,
    previous: Zones = NOTHING,
    changes: Mapping[str, Collection[str]] | None = None,
    *,
    threads: int = 0,
) -> Zones:
    """The zones of a city, by what they were.

    `changes` says of codes what happened to them (`opened closed moved industry …`): the causes told in lineage.
    """
    return zones_from(
        sites, kinships(sites, rules), rules.listed, rules.bounds, previous, changes or {}, (), threads
    )


def zones_what_if(
    sites: ZoneSites,
    rules: ZoneRules,
    distance_mm: int,
    kinds: Sequence[str],
    *,
    unbounded: bool = False,
    evidence: bool = True,
) -> Zones:
    """The zones of a first run with one distance for the named kinds; ids `W1…` in order of first members.

    Without `evidence` no links are told, and zones without bounds are found in a fraction of the time.
    """
    kin = kinships_what_if(sites, rules, distance_mm, kinds)
    if unbounded and not evidence:
        zone, n_zones = hanging_together(sites.shapes, kin)
        return Zones(sites.codes, NO_EDGES, zone, [f"W{k + 1}" for k in range(n_zones)])
    made = zones_from(sites, kin, rules.listed, UNBOUNDED if unbounded else rules.bounds, NOTHING, {}, (), 0)
    order, start = grouped(made.zone, len(made.ids))
    rank = np.argsort(np.argsort(order[start[:-1]]))
    zone = np.where(made.zone < 0, -1, rank[made.zone]) if len(rank) else made.zone
    edges = made.edges if evidence else NO_EDGES
    return Zones(made.codes, edges, zone, [f"W{k + 1}" for k in range(len(rank))])


def hanging_together(shapes: Shapes, kin: Sequence[Kinship]) -> tuple[Ints, int]:
    """What hangs together by the links of a first run, numbered by first members, −1 for a site alone; how many."""
    families = []
    for one in kin:
        index = np.flatnonzero(one.key >= 0)
        there = shapes if len(index) == len(shapes) else shapes.take(index)
        families.append((index, Family(there, one.key[index], one.join[index])))
    return _numbered(components_of(len(shapes), families))


def edges_within(sites: ZoneSites, kin: Sequence[Kinship]) -> Edges:
    """All links of a first run, not only those that are kept: for cities whose pairs can be listed."""
    found = []
    for one in kin:
        index = np.flatnonzero(one.key >= 0)
        links = links_within(Family(sites.shapes.take(index), one.key[index], one.join[index]))
        found.append(links.renumbered(index))
    return _edges(kin, found)


def grouped(label: Ints, n: int) -> tuple[Ints, Ints]:
    """Positions by their label from 0 to n − 1, and where each label's run starts; −1 is left out."""
    inside = np.flatnonzero(label >= 0)
    order = inside[order_of(label[inside], n)]
    return order, np.concatenate([[0], np.cumsum(np.bincount(label[order], minlength=n))]).astype(np.int64)


def zones_from(
    sites: ZoneSites,
    kin: Sequence[Kinship],
    most: int,
    bounds: Bounds,
    previous: Zones,
    changes: Mapping[str, Collection[str]],
    taken: Collection[str],
    threads: int,
) -> Zones:
    """The zones by these kinds of link and bounds; `taken` are ids that zones bear elsewhere."""
    n = len(sites.codes)
    at = positions(previous.codes, sites.codes)
    before = np.full(n, -1, np.int64)
    before[at[at >= 0]] = previous.zone[at >= 0]
    edges, n_kept = _linked(sites, kin, most, previous.edges, at, threads)
    found = bounded(sites.shapes, edges, n_kept, before, bounds, threads=threads)
    edges = Edges(edges.kind, edges.links, found.cut)
    if len(found.needed) or n_kept < len(edges):
        edges = edges.take(np.concatenate([np.arange(n_kept), found.needed]))
    zone, n_zones = _numbered(found.part)
    order, start = grouped(zone, n_zones)
    ordered = list(map(sites.codes.__getitem__, order.tolist()))
    now = Now(sites.codes, zone, found.component, sites.score, ordered, start.tolist())
    with _uncollected():
        ids, ended, events = succession(
            now,
            Before(previous.codes, previous.zone, previous.ids, previous.ended, previous.edges, at, taken),
            changes,
        )
    rank = np.argsort(np.argsort(np.array(ids))) if ids else np.zeros(0, np.int64)
    by_id = np.where(zone < 0, -1, rank[zone]) if ids else zone
    return Zones(sites.codes, edges.by_kind(n), by_id, sorted(ids), ended, events)


@contextmanager
def _uncollected() -> Iterator[None]:
    """Without the collector of cycles: each of its rounds walks a million codes, and nothing here makes a cycle."""
    was_on = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_on:
            gc.enable()


def _linked(
    sites: ZoneSites, kin: Sequence[Kinship], most: int, previous: Edges, at: Ints, threads: int
) -> tuple[Edges, int]:
    """The links to keep on file, how many they are, and after them the spare ones."""
    with ThreadPoolExecutor(threads or os.cpu_count()) as pool:
        found = pool.map(
            lambda one: linked(sites.shapes, one, _still(previous, one.kind, at), most, threads=threads),
            kin,
        )
        kept, spare = zip(*found, strict=True) if kin else ((), ())
    return _edges(kin, [*kept, *spare]), sum(len(links.a) for links in kept)


def _edges(kin: Sequence[Kinship], found: Sequence[Links]) -> Edges:
    """Links of several kinds (the list of kinds may go round again) as one list."""
    kind = np.concatenate(
        [
            NO_EDGES.kind,
            *(np.full(len(links.a), kin[k % len(kin)].kind, np.int8) for k, links in enumerate(found)),
        ]
    )
    return Edges(kind, joined(list(found)), np.zeros(len(kind), np.int8))


def positions(old: Sequence[str], new: Sequence[str]) -> Ints:
    """Where each code of before stands now, −1 where it is gone."""
    if old == new:
        return np.arange(len(new))
    where = {code: i for i, code in enumerate(new)} if len(old) else {}
    return np.fromiter((where.get(code, -1) for code in old), np.int64, len(old))


def _still(edges: Edges, kind: int, at: Ints) -> Links:
    """The links of one kind between sites that are there, by the positions of now."""
    moved = edges.links.take(np.flatnonzero(edges.kind == kind)).renumbered(at)
    return moved.take((moved.a >= 0) & (moved.b >= 0))


def _numbered(part: Ints) -> tuple[Ints, int]:
    """Parts of at least two sites numbered by their first one, the others −1."""
    size = np.bincount(part, minlength=len(part))
    first = np.flatnonzero(size >= 2)
    number = np.full(len(part), -1, np.int64)
    number[first] = np.arange(len(first))
    return number[part], len(first)

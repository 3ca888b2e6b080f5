"""What became of each zone: who continues whom, by the largest overlap weighted by risk, and what that does to the
agreement 联防联控协议 that hangs on a name.

    continue  the same members, of whom something changed     the agreement stays
    grow, shrink  members came, members left                   it stays; the lead unit confirms
    split     members of a zone became one of their own        a new agreement is needed
    merge     went into another zone                           it ends, the other zone's holds
    dissolve  no two of its members are a zone any more        it ends
    return    a zone that had ended is there again             the old agreement is taken up; the lead unit confirms
    new       none of its members were in a zone               a new agreement is needed

Ties are decided by the number of members, then by the id of before, then by the first member of now.
"""

import hashlib
from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import NamedTuple

import numpy as np

from riskmap.shapes import Ints
from riskmap.zone_links import Edges

AGREEMENT = {
    "continue": "stays",
    "grow": "confirm",
    "shrink": "confirm",
    "split": "needed",
    "merge": "ends",
    "dissolve": "ends",
    "return": "confirm",
    "new": "needed",
}
"""what an event does to the agreement of the zone that it is told of"""
ENDINGS = ("merge", "dissolve")


class Event(NamedTuple):
    """One line of lineage: what happened to `zone`; `other` is the zone it came from or went into.

    `causes` are (code, what happened to it): of its own members first, else of those it hung together with.
    """

    kind: str
    zone: str
    other: str | None
    joined: tuple[str, ...]
    left: tuple[str, ...]
    causes: tuple[tuple[str, str], ...]

    @property
    def agreement(self) -> str:
        """`stays`, `confirm`, `needed` or `ends`."""
        return AGREEMENT[self.kind]


class Before(NamedTuple):
    """What was: sites and zones as `riskmap.zones.Zones` has them; `at` is where each site stands now (−1: gone).

    `taken` are ids that zones bear elsewhere.
    """

    codes: Sequence[str]
    zone: Ints
    ids: Sequence[str]
    ended: Mapping[str, tuple[str, ...]]
    edges: Edges
    at: Ints
    taken: Collection[str] = ()


class Now(NamedTuple):
    """What is: the number of each site's zone, component and risk, and the codes of all members, zone after zone.

    Zone z has the members `ordered[start[z] : start[z + 1]]`.
    """

    codes: Sequence[str]
    zone: Ints
    component: Ints
    score: Ints
    ordered: list[str]
    start: list[int]

    def members(self, zone: int) -> list[str]:
        """The codes of a zone, in order."""
        return self.ordered[self.start[zone] : self.start[zone + 1]]


class _Overlap(NamedTuple):
    """How much of a zone of before is in one of now."""

    old: int
    new: int
    weight: int
    shared: int


def zone_id(members: Sequence[str], taken: Collection[str] = ()) -> str:
    """The id of a new zone. Where a zone with these first members lives on as another, a number is added."""
    text, n = "\n".join(members), 1
    while True:
        number = "" if n == 1 else f"\n{n}"
        found = "Z" + hashlib.sha256(f"{text}{number}".encode()).hexdigest()[:10]
        if found not in taken:
            return found
        n += 1


def succession(
    now: Now, before: Before, changes: Mapping[str, Collection[str]]
) -> tuple[list[str], dict[str, tuple[str, ...]], list[Event]]:
    """The id of each zone of now, the zones that have ended by now with their last members, and what happened."""
    overlaps = _overlaps(now, before)
    heir, origin = _matched(overlaps)
    gone = [old for old in range(len(before.ids)) if old not in heir]
    last = dict(_last_members(before, gone))
    ended = dict(before.ended)
    born = [new for new in range(len(now.start) - 1) if new not in origin]
    back = _returned(now, born, ended)
    ids: dict[int, str] = {new: before.ids[old] for new, old in origin.items()}
    ids.update(back)
    taken = {*before.ids, *before.taken, *ended}
    for new in born:
        if new not in back:
            ids[new] = zone_id(now.members(new), taken)
            taken.add(ids[new])
    for back_again in back.values():
        del ended[back_again]
    ended.update({before.ids[old]: members for old, members in last.items()})
    teller = _Teller(now, before, changes, ids)
    events = teller.kept(origin) + teller.begun(born, back, overlaps) + teller.over(last, overlaps)
    return [ids[new] for new in range(len(ids))], ended, sorted(events)


def _overlaps(now: Now, before: Before) -> list[_Overlap]:
    """Pairs of zones of before and now that share members, the weightiest first."""
    there = np.flatnonzero((before.at >= 0) & (before.zone >= 0))
    there = there[now.zone[before.at[there]] >= 0]
    old, new = before.zone[there], now.zone[before.at[there]]
    pairs, which = np.unique(old * np.int64(len(now.start)) + new, return_inverse=True)
    weight, count = np.zeros(len(pairs), np.int64), np.zeros(len(pairs), np.int64)
    np.add.at(weight, which, np.maximum(now.score[before.at[there]], 0))
    np.add.at(count, which, 1)
    old, new = pairs // len(now.start), pairs % len(now.start)
    # ids of before stand in order, and zones of now in that of their first members
    order = np.lexsort((new, old, -count, -weight))
    return [_Overlap(*row) for row in np.stack([old, new, weight, count], axis=1)[order].tolist()]


def _matched(overlaps: Iterable[_Overlap]) -> tuple[dict[int, int], dict[int, int]]:
    """Who continues whom: each zone at most once, the weightiest overlap first."""
    heir: dict[int, int] = {}
    origin: dict[int, int] = {}
    for one in overlaps:
        if one.old not in heir and one.new not in origin:
            heir[one.old], origin[one.new] = one.new, one.old
    return heir, origin


def _last_members(before: Before, zones: Collection[int]) -> Iterable[tuple[int, tuple[str, ...]]]:
    wanted = np.zeros(len(before.ids) + 1, np.bool_)
    wanted[list(zones)] = True
    members: dict[int, list[str]] = {zone: [] for zone in zones}
    for i in np.flatnonzero(wanted[before.zone]).tolist():
        members[int(before.zone[i])].append(before.codes[i])
    return ((zone, tuple(codes)) for zone, codes in members.items())


def _returned(now: Now, born: Sequence[int], ended: Mapping[str, tuple[str, ...]]) -> dict[int, str]:
    """New zones that are ones of old: the same first members, or more than half of both sides in common."""
    by_code: dict[str, list[str]] = {}
    for name, last in ended.items():
        for code in last:
            by_code.setdefault(code, []).append(name)
    found: list[tuple[int, str, int]] = []
    for new in born if ended else ():
        members = now.members(new)
        shared: dict[str, int] = {}
        for code in members:
            for name in by_code.get(code, ()):
                shared[name] = shared.get(name, 0) + 1
        found += [
            (-count, name, new)
            for name, count in shared.items()
            if 2 * count > len(members) and 2 * count > len(ended[name])
        ]
        if zone_id(members) in ended:
            found.append((-len(members) - 1, zone_id(members), new))
    back: dict[int, str] = {}
    for _, name, new in sorted(found):
        if new not in back and name not in back.values():
            back[new] = name
    return back


class _Teller:
    """Puts what happened into events, with its causes."""

    def __init__(
        self, now: Now, before: Before, changes: Mapping[str, Collection[str]], ids: Mapping[int, str]
    ) -> None:
        self.now, self.before, self.changes, self.ids = now, before, changes, ids
        self.order = np.argsort(before.zone, kind="stable")
        self.sorted_zone = before.zone[self.order]
        self.around = _changed_around(now, before, changes)
        self.where = {code: i for i, code in enumerate(now.codes)} if changes else {}

    def was(self, old: int) -> list[str]:
        """The members of a zone of before."""
        lo, hi = np.searchsorted(self.sorted_zone, (old, old + 1))
        return [self.before.codes[i] for i in self.order[lo:hi].tolist()]

    def kept(self, origin: Mapping[int, int]) -> list[Event]:
        """What happened to zones that go on."""
        changed = set(self.changes)
        events = []
        for new, old in origin.items():
            members, old_members = self.now.members(new), self.was(old)
            if members == old_members:
                if not changed.isdisjoint(members):
                    events.append(self._event("continue", new, None, (), (), members))
                continue
            joined = tuple(sorted(set(members) - set(old_members)))
            left = tuple(sorted(set(old_members) - set(members)))
            both = {*members, *old_members}
            events += [self._event("grow", new, None, joined, (), both)] if joined else []
            events += [self._event("shrink", new, None, (), left, both)] if left else []
        return events

    def begun(
        self, born: Sequence[int], back: Mapping[int, str], overlaps: Iterable[_Overlap]
    ) -> list[Event]:
        """What begins: new, split off, or returned."""
        parent: dict[int, int] = {}
        for one in overlaps:
            parent.setdefault(one.new, one.old)
        events = []
        for new in born:
            members = self.now.members(new)
            old = parent.get(new)
            around = members if old is None else {*members, *self.was(old)}
            kind = "return" if new in back else "new" if old is None else "split"
            other = None if old is None else self.before.ids[old]
            events.append(self._event(kind, new, other, tuple(members), (), around))
        return events

    def over(self, last: Mapping[int, tuple[str, ...]], overlaps: Iterable[_Overlap]) -> list[Event]:
        """What ends: merged into another, or dissolved."""
        into: dict[int, int] = {}
        for one in overlaps:
            into.setdefault(one.old, one.new)
        events = []
        for old, members in last.items():
            new = into.get(old)
            around = members if new is None else {*members, *self.now.members(new)}
            kind, other = ("dissolve", None) if new is None else ("merge", self.ids[new])
            causes = self._causes(around)
            events.append(Event(kind, self.before.ids[old], other, (), members, causes))
        return events

    def _event(
        self,
        kind: str,
        new: int,
        other: str | None,
        joined: tuple[str, ...],
        left: tuple[str, ...],
        around: Iterable[str],
    ) -> Event:
        return Event(kind, self.ids[new], other, joined, left, self._causes(around))

    def _causes(self, codes: Iterable[str]) -> tuple[tuple[str, str], ...]:
        if not self.changes:
            return ()
        codes = sorted(codes)
        own = [code for code in codes if code in self.changes]
        if not own:
            components = {int(self.now.component[self.where[code]]) for code in codes if code in self.where}
            own = sorted({code for one in components for code in self.around.get(one, ())})
        return tuple((code, what) for code in own for what in sorted(self.changes[code]))


def _changed_around(now: Now, before: Before, changes: Mapping[str, Collection[str]]) -> dict[int, set[str]]:
    """The changed sites by the components of now that they are in, or that they hung together with before."""
    found: dict[int, set[str]] = {}
    if not changes:
        return found
    for i, code in enumerate(now.codes):
        if code in changes:
            found.setdefault(int(now.component[i]), set()).add(code)
    changed = [i for i, code in enumerate(before.codes) if code in changes]
    links = before.edges.links
    touched = np.zeros(len(before.codes), np.bool_)
    touched[changed] = True
    near = links.take(np.flatnonzero(touched[links.a] | touched[links.b]))
    for a, b in zip(near.a.tolist(), near.b.tolist(), strict=True):
        for one, other in ((a, b), (b, a)):
            if touched[one] and before.at[other] >= 0:
                component = int(now.component[before.at[other]])
                found.setdefault(component, set()).add(before.codes[one])
    return found

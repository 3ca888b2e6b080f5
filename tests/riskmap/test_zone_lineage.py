"""Timelines of zones: who continues whom, what becomes of the agreement, and what is told as the cause."""

import hashlib
from dataclasses import replace

import pytest

from riskmap.zone_changes import changes_between, zones_after
from riskmap.zone_lineage import Event, zone_id
from riskmap.zone_rules import Bounds
from riskmap.zones import NOTHING, Zones, zones_of
from tests.zone_cities import RULES, City, Site, sites_of


class Timeline:
    """A city day by day, and its zones."""

    def __init__(self, city: City) -> None:
        self.city = city
        self.zones = zones_of(sites_of(city), RULES, NOTHING, dict.fromkeys(city, ("opened",)))

    def then(self, **sites: Site | None) -> list[Event]:
        """The next day, with these sites changed (None: closed); returns what happened."""
        before = sites_of(self.city)
        self.city = {code: site for code, site in {**self.city, **sites}.items() if site}
        now = sites_of(self.city)
        changes = changes_between(before, now)
        after = zones_of(now, RULES, self.zones, changes)
        assert list(zones_after(now, RULES, self.zones, changes).events) == list(after.events)
        self.zones = after
        return list(after.events)

    @property
    def now(self) -> dict[str, list[str]]:
        return dict(zip(self.zones.ids, self.zones.members, strict=True))


def row(*xs: float, score: int = 1, prefix: str = "S") -> City:
    return {f"{prefix}{k}": Site(x, 0, score=score) for k, x in enumerate(xs)}


def name_of(*members: str) -> str:
    return "Z" + hashlib.sha256("\n".join(members).encode()).hexdigest()[:10]


def test_an_id_is_made_of_the_first_members() -> None:
    zones = Timeline(row(0, 40, 80)).zones
    assert list(zones.ids) == [name_of("S0", "S1", "S2")]
    assert zone_id(["A", "B"]) == name_of("A", "B")
    taken = {name_of("A", "B")}
    assert zone_id(["A", "B"], taken) not in taken


def test_new() -> None:
    line = Timeline(row(0, 40))
    (event,) = line.zones.events
    assert event == Event(
        "new", name_of("S0", "S1"), None, ("S0", "S1"), (), (("S0", "opened"), ("S1", "opened"))
    )
    assert event.agreement == "needed"


def test_continue() -> None:
    line = Timeline(row(0, 40, 80))
    zone = name_of("S0", "S1", "S2")
    assert line.then() == []
    (event,) = line.then(S1=Site(41, 0, "2614"))
    causes = (("S1", "moved"), ("S1", "industry"))
    assert (event.kind, event.zone, set(event.causes), event.agreement) == (
        "continue",
        zone,
        set(causes),
        "stays",
    )


def test_grow_and_shrink() -> None:
    line = Timeline(row(0, 40))
    zone = name_of("S0", "S1")
    (grown,) = line.then(S2=Site(80, 0))
    assert grown == Event("grow", zone, None, ("S2",), (), (("S2", "opened"),))
    assert grown.agreement == "confirm"
    (shrunk,) = line.then(S0=None)
    assert shrunk == Event("shrink", zone, None, (), ("S0",), (("S0", "closed"),))
    assert shrunk.agreement == "confirm"
    both = line.then(S1=None, S3=Site(120, 0))
    assert [(e.kind, e.joined, e.left) for e in both] == [("grow", ("S3",), ()), ("shrink", (), ("S1",))]
    assert line.now == {zone: ["S2", "S3"]}


def test_split_leaves_the_name_and_the_agreement_to_the_part_of_most_risk() -> None:
    city = row(0, 40, 80, 120, 160)
    city["S0"] = Site(0, 0, score=50_000_000)
    line = Timeline(city)
    zone = name_of(*city)
    events = line.then(S2=Site(5_000, 0))
    other = name_of("S3", "S4")
    assert line.now == {zone: ["S0", "S1"], other: ["S3", "S4"]}
    told = {event.kind: event for event in events}
    assert set(told) == {"shrink", "split"}
    assert told["shrink"].left == ("S2", "S3", "S4")
    assert (told["split"].zone, told["split"].other, told["split"].joined) == (other, zone, ("S3", "S4"))
    assert told["split"].causes == (("S2", "moved"),)
    assert (told["shrink"].agreement, told["split"].agreement) == ("confirm", "needed")


def test_at_equal_risk_more_members_keep_the_name_then_the_first() -> None:
    line = Timeline(row(0, 40, 80, 120, 160, 200, score=0))
    zone = name_of(*line.city)
    line.then(S2=None)
    assert line.now[zone] == ["S3", "S4", "S5"]
    line = Timeline(row(0, 40, 80, 120, 160, score=0))
    zone = name_of(*line.city)
    line.then(S2=None)
    assert line.now[zone] == ["S0", "S1"]


def test_merge_ends_the_smaller_name() -> None:
    left, right = row(0, 40, 80, prefix="A"), row(160, 200, prefix="B")
    line = Timeline(left | right)
    stays, ends = name_of("A0", "A1", "A2"), name_of("B0", "B1")
    events = line.then(C=Site(120, 0))
    assert line.now == {stays: ["A0", "A1", "A2", "B0", "B1", "C"]}
    told = {event.kind: event for event in events}
    assert told["merge"] == Event("merge", ends, stays, (), ("B0", "B1"), (("C", "opened"),))
    assert told["grow"].joined == ("B0", "B1", "C")
    assert told["merge"].agreement == "ends"
    assert line.zones.ended == {ends: ("B0", "B1")}


def test_dissolve() -> None:
    line = Timeline(row(0, 40))
    zone = name_of("S0", "S1")
    (event,) = line.then(S1=Site(400, 0))
    assert event == Event("dissolve", zone, None, (), ("S0", "S1"), (("S1", "moved"),))
    assert event.agreement == "ends"
    assert line.now == {}


def test_return_takes_the_old_name() -> None:
    line = Timeline(row(0, 40, 80))
    zone = name_of("S0", "S1", "S2")
    line.then(S1=None)
    assert line.zones.ended == {zone: ("S0", "S1", "S2")}
    (event,) = line.then(S3=Site(40, 0))
    assert line.now == {zone: ["S0", "S2", "S3"]}
    assert event == Event("return", zone, None, ("S0", "S2", "S3"), (), (("S3", "opened"),))
    assert event.agreement == "confirm"
    assert line.zones.ended == {}


def test_a_merged_zone_returns_when_the_bridge_is_gone() -> None:
    line = Timeline(row(0, 40, 80, prefix="A") | row(160, 200, prefix="B"))
    ends, stays = name_of("B0", "B1"), name_of("A0", "A1", "A2")
    line.then(C=Site(120, 0))
    events = line.then(C=None)
    assert line.now == {stays: ["A0", "A1", "A2"], ends: ["B0", "B1"]}
    assert [(e.kind, e.other) for e in events if e.zone == ends] == [("return", stays)]


def test_a_part_that_looks_like_the_beginning_does_not_take_a_name_that_lives_on() -> None:
    line = Timeline(row(0, 40))
    zone = name_of("S0", "S1")
    line.then(S2=Site(80, 0), S3=Site(120, 0, score=9), S4=Site(160, 0, score=9))
    line.then(S2=None)
    assert line.now[zone] == ["S3", "S4"]
    assert line.now[zone_id(["S0", "S1"], {zone})] == ["S0", "S1"]


def test_what_happens_to_a_cut_neighbour_is_the_cause_where_no_own_member_changed() -> None:
    few = replace(RULES, bounds=Bounds(10**9, 2, 10**9, 2))
    city = row(0, 40, 85, 125)
    before = sites_of(city)
    first = zones_of(before, few)
    assert first.members in ([["S0", "S1"], ["S2", "S3"]], [["S2", "S3"], ["S0", "S1"]])
    later = sites_of({code: site for code, site in city.items() if code != "S0"})
    changes = changes_between(before, later)
    after = zones_of(later, few, first, changes)
    assert after.members == [["S2", "S3"]], "S1 is left alone: the zone beside it is full"
    assert [(event.kind, event.causes) for event in after.events] == [("dissolve", (("S0", "closed"),))]


@pytest.mark.parametrize("edition", ["a" * 64, "b" * 64])
def test_the_hash_is_of_edition_ids_and_members(edition: str) -> None:
    zones: Zones = Timeline(row(0, 40) | row(500, 540, prefix="T")).zones
    lines = [
        edition,
        *(f"{zone}\t{','.join(m)}" for zone, m in sorted(zip(zones.ids, zones.members, strict=True))),
    ]
    assert zones.zones_hash(edition) == hashlib.sha256(("\n".join(lines) + "\n").encode()).hexdigest()

"""Zones from day to day through the database: replayed edits, jitter, and what becomes of a name and its agreement."""

import itertools
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path
from typing import Any

import networkx as nx
import numpy as np
import pytest
from sqlalchemy import Engine

from jobs.doctor import check_audit
from layers.database import CITY, owner_engine, reading, snapshot
from layers.history import moment
from layers.zone_ended import ended_zones, zone_names, zone_or_last
from layers.zones import zone_list
from riskmap.zone_lineage import ENDINGS
from tests.database import Databases
from tests.zone_cities import City, Site, edited, random_city
from tests.zone_records import Town, asked, morning, state, table

SIDE_M = 4_000.0


@pytest.fixture
def towns(databases: Databases, prepared: str, tmp_path: Path) -> Iterator[list[Town]]:
    """One city on file twice: once in the order of codes, once with its rows shuffled each day."""
    with ExitStack() as stack:
        made = []
        for dice in (None, np.random.default_rng(7)):
            engine = owner_engine(stack.enter_context(databases.fresh(prepared)))
            stack.callback(engine.dispose)
            made.append(Town(engine, tmp_path, dice))
        yield made


def zones_now(owner: Engine) -> dict[str, tuple[Any, ...]]:
    """By id the hash, the outline, the revision and the members of each zone."""
    query = """SELECT z.code, z.hash, ST_AsEWKB(z.geom_m), z.rev, array_agg(m.code ORDER BY m.code)
               FROM zone z JOIN zone_member m ON m.zone_code = z.code GROUP BY z.code"""
    return {row[0]: tuple(row[1:]) for row in asked(owner, query)}


def hanging_together(*states: list[dict[str, Any]]) -> list[set[str]]:
    """What hangs together by the links on file on any of these days, cut ones too."""
    graph = nx.Graph()
    graph.add_edges_from((row["a"], row["b"]) for edges in states for row in edges)
    return [set(part) for part in nx.connected_components(graph)]


def spread_out(city: City, rng: np.random.Generator) -> City:
    """The city with its sites everywhere alike: many small zones, which an edit may end."""
    places = np.round(rng.uniform(0, SIDE_M, (len(city), 2)), 3).tolist()
    return {code: replace(site, x=x, y=y) for (code, site), (x, y) in zip(city.items(), places, strict=True)}


@pytest.mark.timeout(1800)
def test_a_replay_of_edits_keeps_what_was_not_edited(towns: list[Town], soak: bool) -> None:
    rng = np.random.default_rng(11)
    city = spread_out(random_city(rng, 75, SIDE_M), rng)
    one, other = towns
    for town in towns:
        town.move(city, 0)
        town.renew(0)
    assert len(zones_now(one.owner)) > 4
    kept = changed_zones = 0
    for day in range(1, 366 if soak else 31):
        before, edges = zones_now(one.owner), table(one.owner, "zone_edge")
        city = edited(rng, city, SIDE_M)
        edits = one.move(city, day)
        other.move(city, day)
        run = one.renew(day)
        assert not run["full_run"]
        other.renew(day, full=True)
        assert state(one.owner) == state(other.owner), day
        after = zones_now(one.owner)
        touched = {
            code
            for part in hanging_together(edges, table(one.owner, "zone_edge"))
            if part & edits
            for code in part
        }
        for zone, told in before.items():
            if touched.isdisjoint(told[3]):
                assert after[zone] == told, (day, zone)
                kept += 1
        events = {
            row["zone_code"]: row["kind"]
            for row in table(one.owner, "zone_event")
            if row["run_id"] == run["run_id"]
        }
        assert all(events[zone] in ENDINGS for zone in before.keys() - after.keys()), day
        changed_zones += len(before.keys() ^ after.keys())
    assert kept > 100
    assert changed_zones > 4
    with snapshot(one.owner) as connection:
        assert check_audit(connection).ok == "green"


# --- jitter --------------------------------------------------------------------------------------------------

JOIN_M, LEAVE_M = 50.0, 60.0
"""of sites whose industry is not on file: adjacent within 50 m, given up beyond 60"""


def pairs(*distances_m: float) -> City:
    """Pairs of sites so far from each other, 500 m from the next pair."""
    city = {}
    for n, distance in enumerate(distances_m):
        city[f"A{n}"] = Site(500.0 * n, 0.0)
        city[f"B{n}"] = Site(500.0 * n + distance, 0.0)
    return city


def jittered(city: City, rng: np.random.Generator) -> City:
    """Every coordinate up to 1 m off."""
    return {
        code: replace(site, x=site.x + rng.uniform(-1, 1), y=site.y + rng.uniform(-1, 1))
        for code, site in city.items()
    }


def test_jitter_moves_a_pair_at_most_once(owner: Engine, tmp_path: Path, soak: bool) -> None:
    rng = np.random.default_rng(3)
    distances = (
        40.0,
        47.0,
        JOIN_M - 1,
        JOIN_M + 0.5,
        JOIN_M + 2,
        53.0,
        55.0,
        LEAVE_M - 1,
        LEAVE_M + 1,
        63.0,
        70.0,
    )
    base = pairs(*distances)
    town = Town(owner, tmp_path)
    days = []
    for day in range(31 if soak else 9):
        town.move(jittered(base, rng), day)
        town.renew(day)
        days.append({row["a"][1:] for row in table(owner, "zone_edge")})
    moves = {
        n: sum((str(n) in a) != (str(n) in b) for a, b in itertools.pairwise(days))
        for n in range(len(distances))
    }
    assert max(moves.values()) == 1
    near = {
        n
        for n, distance in enumerate(distances)
        if min(abs(distance - JOIN_M), abs(distance - LEAVE_M)) <= 2.9
    }
    assert {n for n, count in moves.items() if count} <= near


def test_jitter_alone_is_no_event(owner: Engine, tmp_path: Path) -> None:
    rng = np.random.default_rng(4)
    base = pairs(0.5, 20.0, 47.0, 53.0, 56.5, 63.0, 120.0)
    town = Town(owner, tmp_path)
    town.move(base, 0)
    town.renew(0)
    begun = {name: table(owner, name) for name in ("zone_event", "zone_member")}
    assert len(begun["zone_event"]) == 3
    for day in range(1, 6):
        town.move(jittered(base, rng), day)
        events = town.renew(day)["counts"]["events"]
        assert set(events) <= {"continue"}
    members = [(row["zone_code"], row["code"]) for row in table(owner, "zone_member")]
    assert members == [(row["zone_code"], row["code"]) for row in begun["zone_member"]]
    assert {row["agreement"] for row in table(owner, "zone")} == {"needed"}


# --- what becomes of a name ------------------------------------------------------------------------------------


class Story:
    """A row of sites 45 m apart, and what each day says of it."""

    def __init__(self, town: Town) -> None:
        self.town, self.day = town, -1
        self.city: City = {}

    def tell(self, *gone: str, **sites: Site) -> list[tuple[str, str, str]]:
        """One day: sites come, change or go; what happened to which zone, and its agreement."""
        self.day += 1
        self.city = {code: site for code, site in {**self.city, **sites}.items() if code not in gone}
        self.town.move(self.city, self.day)
        run = self.town.renew(self.day)
        query = "SELECT zone_code, kind, agreement FROM zone_event WHERE run_id = :run ORDER BY n"
        return [tuple(row) for row in asked(self.town.owner, query, run=run["run_id"])]

    def members(self) -> dict[str, str]:
        """The members of the zones, by id."""
        found: dict[str, str] = {}
        for row in table(self.town.owner, "zone_member"):
            found[row["zone_code"]] = found.get(row["zone_code"], "") + row["code"]
        return found


def row(n: float, **more: Any) -> Site:
    return Site(45.0 * n, 0.0, **more)


def test_a_name_through_all_that_can_happen(owner: Engine, reader: Engine, tmp_path: Path) -> None:
    story = Story(Town(owner, tmp_path))
    ((name, *new),) = story.tell(A=row(0), B=row(1), C=row(2))
    assert new == ["new", "needed"]
    assert story.tell(D=row(3), E=row(4)) == [(name, "grow", "confirm")]
    assert story.tell("E") == [(name, "shrink", "confirm")]
    assert story.tell(B=row(1, workers=20)) == [(name, "continue", "stays")]
    assert story.members() == {name: "ABCD"}
    assert table(owner, "zone")[0]["agreement"] == "confirm"
    apart = story.tell(D=row(5), E=row(6), F=row(1.5))
    assert sorted((kind, fate) for _, kind, fate in apart) == [
        ("grow", "confirm"),
        ("shrink", "confirm"),
        ("split", "needed"),
    ]
    split = next(zone for zone, kind, _ in apart if kind == "split")
    assert story.members() == {name: "ABCF", split: "DE"}
    joined = story.tell(G=row(3), H=row(4))
    assert sorted((kind, zone) for zone, kind, _ in joined) == [("grow", name), ("merge", split)]
    assert {fate for zone, _, fate in joined if zone == split} == {"ends"}
    assert story.members() == {name: "ABCDEFGH"}
    parted = story.tell("C", "F")
    assert [(kind, fate) for _, kind, fate in parted if kind in ("split", "return")] == [("split", "needed")]
    other = next(zone for zone, kind, _ in parted if kind == "split")
    assert story.members() == {name: "DEGH", other: "AB"}  # the larger part keeps the name and the agreement
    assert story.tell("B") == [(other, "dissolve", "ends")]
    assert story.tell(B=row(1)) == [(other, "return", "confirm")]
    born = {row["code"]: row["born_run"] for row in table(owner, "zone")}
    assert born == {name: 1, other: 7}
    # names are kept as ids are: the first zone goes on as 厂A's although A left it, so that the new one is numbered
    assert {row["code"]: row["name"] for row in table(owner, "zone")} == {
        name: "厂A片区",
        other: "厂A2号片区",
    }
    ended = asked(owner, "SELECT DISTINCT name FROM zone_past WHERE code = :code", code=split)
    assert [row.name for row in ended] == ["厂D片区"]
    _past_is_told(reader, name, split)


def _past_is_told(reader: Engine, name: str, split: str) -> None:
    """Each day's zones as they were, with the lineage known by then."""
    with reading(reader, CITY) as connection:
        first, fifth = (
            zone_list(connection, then=moment(connection, morning(day).isoformat())).items for day in (0, 4)
        )
        now = zone_list(connection).items
        (gone,) = ended_zones(connection)  # what dissolved has returned
        told = zone_or_last(connection, split)
        earlier = zone_or_last(connection, split, moment(connection, morning(4).isoformat()))
        assert zone_names(connection, [name, split]) == {name: "厂A片区", split: "厂D片区"}
    assert (gone["code"], gone["kind"], gone["other"]) == (split, "merge", name)
    assert told
    assert told.end
    assert (told.zone["members"], told.end.other) == (["D", "E"], name)
    assert [one["kind"] for one in told.zone["lineage"]] == ["merge", "split"]
    assert earlier
    assert (earlier.end, earlier.zone["members"]) == (None, ["D", "E"])
    assert [(one["id"], one["members"], len(one["lineage"])) for one in first] == [(name, ["A", "B", "C"], 1)]
    assert {one["id"]: one["members"] for one in fifth} == {name: ["A", "B", "C", "F"], split: ["D", "E"]}
    last = next(one for one in now if one["id"] == name)["lineage"]
    assert [one["kind"] for one in reversed(last)][:3] == ["new", "grow", "shrink"]
    opened = last[-2]
    assert (opened["joined"], opened["joined_members"]) == (2, ["D", "E"])
    assert opened["causes"] == [{"code": "D", "what": "opened"}, {"code": "E", "what": "opened"}]

"""What a proposal would change equals what it does change: a real insert, then a full run over the scratch city."""

from collections.abc import Iterator
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest
from sqlalchemy import Engine, select

from jobs.alerts import run_alerts
from jobs.risk import assess
from jobs.siting_effects import PROPOSED, effects_of
from jobs.zones import renew
from layers.alert_ledger import warning_page
from layers.database import CITY, Identity, owner_engine, snapshot
from layers.history import CLOCK, head_rev
from layers.schema import metadata
from riskmap.errors import Forbidden
from riskmap.vocabulary import LEVELS
from tests.database import Databases
from tests.siting_city import point, put, template_of

NOW = datetime.now(CLOCK).replace(microsecond=0)
LPG = [{"substance": "丙烷", "quantity_t": 200}]


def effects(owner: Engine, kind: str, **more: Any) -> dict[str, Any]:
    return effects_of(owner, CITY, {"kind": kind, "geometry": point(-1000, 1300), **more}, at=NOW)


def test_a_store_near_homes_exposes_them_and_nothing_is_written(metre_city: Engine) -> None:
    with snapshot(metre_city) as connection:
        before = head_rev(connection)
    answer = effects(metre_city, "lpg_store", inventory=LPG)
    assert answer["people_exposed"] == 60.0
    assert answer["targets_reached"] == len(answer["targets"]) == 0
    assert answer["reach_m"] > 200.0
    by_school = {"kind": "lpg_store", "geometry": point(-2000, -1900), "inventory": LPG}
    (school,) = effects_of(metre_city, CITY, by_school, at=NOW)["targets"]
    assert (school["code"], school["target_class"], school["distance_m"]) == (
        "T-school",
        "high_sensitive",
        100.0,
    )
    assert answer["proposal"]["score"] > 0
    grid = next(one for one in answer["areas"] if one["kind"] == "grid")
    assert grid["score_after"] > grid["score"]
    assert grid["name"] == "平地grid"
    assert answer["result_hash"]["before"] != answer["result_hash"]["after"]
    with snapshot(metre_city) as connection:
        assert head_rev(connection) == before


def test_a_zone_is_formed_with_the_neighbour_it_would_have(metre_city: Engine) -> None:
    """Two tanks twenty metres apart are adjacent, and within each other's reach; two kilometres apart they are not."""
    given = {"kind": "lpg_store", "geometry": point(-3000, 3020), "inventory": LPG, "name": "新罐"}
    (zone,) = effects_of(metre_city, CITY, given, at=NOW)["zones"]
    assert (zone["formed"], zone["own"], zone["members"]) == (True, True, 2)
    assert {one["code"] for one in zone["joined"]} == {"S-tank", PROPOSED}
    links = {(one["kind"], one["code"], one["distance_m"]) for one in zone["links"]}
    assert {("adjacent", "S-tank", 20.0), ("domino", "S-tank", 20.0)} <= links
    far = {**given, "geometry": point(0, -3000)}
    assert effects_of(metre_city, CITY, far, at=NOW)["zones"] == []
    assert effects(metre_city, "school", people=300)["zones"] == []


def test_a_road_changes_nothing(metre_city: Engine) -> None:
    answer = effects(metre_city, "road")
    assert answer["result_hash"]["before"] == answer["result_hash"]["after"]
    assert (answer["areas"], answer["people_exposed"], answer["proposal"]) == ([], 0.0, None)
    unknown = [
        effects(metre_city, "dwelling", **more)["people_unknown"]
        for more in ({"dwellings": 12}, {"people": 5})
    ]
    assert (answer["people_unknown"], unknown) == (False, [True, False])


def test_who_sees_a_part_may_not_ask(metre_city: Engine) -> None:
    given = {"kind": "road", "geometry": point(0, 500)}
    with pytest.raises(Forbidden):
        effects_of(metre_city, Identity("t", "township", "430981100"), given)


def built(owner: Engine, code: str, east: float, north: float, stock_t: int = 200) -> None:
    """A store of propane that stands there."""
    put(owner, "source", code, f"POINT({east} {north})", name="新建", kind="lpg_store")
    stock = {"source_code": code, "substance": "丙烷", "quantity_t": Decimal(stock_t)}
    put(owner, "inventory", f"{code}-000", None, **stock)


@pytest.fixture
def zoned(databases: Databases) -> Iterator[Engine]:
    """The city with a second tank near its homes, assessed, its zones drawn, passed by the rules."""
    with databases.fresh(template_of(databases)) as dsn:
        owner = owner_engine(dsn)
        built(owner, "S-second", -1000, 1280, 20)
        assess(owner, actor="test", at=NOW, full=True)
        renew(owner, actor="test", at=NOW, full=True)
        run_alerts(owner, actor="test", at=NOW)
        yield owner
        owner.dispose()


COLOURS = ("level", "base_level", "rise_level")
Zone = tuple[frozenset[str], float, tuple[str | None, ...]]


def zones_kept(owner: Engine) -> dict[str, Zone]:
    """By zone its members, score and colours as the last run keeps them."""
    zone, member = (metadata.tables[name] for name in ("zone", "zone_member"))
    with snapshot(owner) as connection:
        rows = connection.execute(select(zone.c.code, zone.c.score, *(zone.c[one] for one in COLOURS)))
        pairs = connection.execute(select(member.c.zone_code, member.c.code)).all()
        return {
            code: (
                frozenset(own for of, own in pairs if of == code),
                score / 1e6,
                tuple(map(LEVELS.get, levels)),
            )
            for code, score, *levels in rows
        }


def turned(was: dict[str, Zone], now: dict[str, Zone]) -> dict[str, tuple[Zone | None, Zone | None]]:
    """The zones that are new, ended, or have other members or colours."""
    both = {code: (was.get(code), now.get(code)) for code in was.keys() | now.keys()}
    return {
        code: (old, new)
        for code, (old, new) in both.items()
        if old is None or new is None or (old[0], old[2]) != (new[0], new[2])
    }


def agree(told: list[dict[str, Any]], really: dict[str, tuple[Zone | None, Zone | None]]) -> None:
    """What was told of zones beforehand is what a zone run came to."""
    assert {one["id"] for one in told} == really.keys()
    for one in told:
        old, new = really[one["id"]]
        assert (one["formed"], one["ended"]) == (old is None, new is None)
        there = [old[0] if old else frozenset(), new[0] if new else frozenset()]
        assert {each["code"] for each in one["joined"]} == there[1] - there[0]
        assert {each["code"] for each in one["left"]} == there[0] - there[1]
        for kept, when in ((old, ""), (new, "_after")):
            colours = tuple(one[f"{name}{when}"] for name in COLOURS)
            assert (one[f"score{when}"], colours) == (kept[1:] if kept else (None, (None,) * 3))


def test_zones_and_messages_are_those_of_a_real_insert(zoned: Engine) -> None:
    """A store is judged and built, then homes about it: zones formed and turned, and notices, are as they were told."""
    before = zones_kept(zoned)
    told = effects(zoned, "lpg_store", inventory=LPG)
    assert {one["rule"] for one in told["messages"]} >= {"inventory_over", "near_own", "zone_changed"}
    assert all("内部" in one["text"] for one in told["messages"])
    built(zoned, PROPOSED, -1000, 1300)
    assess(zoned, actor="test", at=NOW, full=True)
    renew(zoned, actor="test", at=NOW, full=True)
    formed = zones_kept(zoned)
    agree(told["zones"], turned(before, formed))
    assert [one["formed"] for one in told["zones"]] == [True]
    for later in (NOW, NOW + timedelta(days=2)):
        run_alerts(zoned, actor="test", at=later)
    with snapshot(zoned) as connection:
        rows = warning_page(connection).items
    own = {PROPOSED, told["zones"][0]["id"]}
    fired = {(row["rule"], row["warn"]) for row in rows if {row["source_code"], row["zone_code"]} & own}
    paperwork = ("due_passed", "blue")
    """what the law asks of a source once it is there is not told beforehand"""
    assert fired - {paperwork} == {(one["rule"], one["warning_level"]) for one in told["messages"]}

    homes = effects(zoned, "dwelling", people=4000)
    put(zoned, "population", "P-new", "POINT(-1000 1300)", people=4000.0)
    assess(zoned, actor="test", at=NOW, full=True)
    renew(zoned, actor="test", at=NOW, full=True)
    agree(homes["zones"], turned(formed, zones_kept(zoned)))
    (zone,) = homes["zones"]
    assert (zone["recoloured"], zone["joined"], zone["formed"]) == (True, [], False)
    assert zone["level"] != zone["level_after"]
    assert homes["recoloured"]["zone"] == 1


@pytest.mark.parametrize("kind", ["lpg_store", "school", "dwelling"])
def test_the_copy_equals_a_real_insert_and_a_full_run(metre_city: Engine, kind: str) -> None:
    """One after the other on the same scratch city: each proposal is judged, then built."""
    east, north = {"lpg_store": (-1000, 1300), "school": (-1200, 1400), "dwelling": (-900, 1350)}[kind]
    more: dict[str, Any] = {"inventory": LPG} if kind == "lpg_store" else {"people": 240}
    given = {"kind": kind, "geometry": point(east, north), **more}
    told = effects_of(metre_city, CITY, given, at=NOW)["result_hash"]
    assert assess(metre_city, actor="test", at=NOW, full=True)["result_hash"] == told["before"]
    place = f"POINT({east} {north})"
    if kind == "lpg_store":
        built(metre_city, PROPOSED, east, north)
    elif kind == "school":
        people = {"people_day": 240.0, "people_night": 0.0}
        put(metre_city, "target", PROPOSED, place, name="新校", target_class="high_sensitive", **people)
    else:
        put(metre_city, "population", PROPOSED, place, people=240.0)
    assert assess(metre_city, actor="test", at=NOW, full=True)["result_hash"] == told["after"]
    assert told["before"] != told["after"]

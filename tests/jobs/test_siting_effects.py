"""What a proposal would change equals what it does change: a real insert, then a full run over the scratch city."""

from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest
from sqlalchemy import Engine

from jobs.alerts import run_alerts
from jobs.risk import assess
from jobs.siting_effects import PROPOSED, effects_of
from layers.alert_ledger import warning_page
from layers.database import CITY, Identity, owner_engine, snapshot
from layers.history import CLOCK, head_rev
from riskmap.errors import Forbidden
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


def test_who_sees_a_part_may_not_ask(metre_city: Engine) -> None:
    given = {"kind": "road", "geometry": point(0, 500)}
    with pytest.raises(Forbidden):
        effects_of(metre_city, Identity("t", "township", "430981100"), given)


def test_messages_that_would_fire_are_those_that_do(
    databases: Databases,
) -> None:
    """A store is judged, then built, assessed and passed by the rules now and when all have waited."""
    with databases.fresh(template_of(databases)) as dsn:
        owner = owner_engine(dsn)
        run_alerts(owner, actor="test", at=NOW)
        told = effects(owner, "lpg_store", inventory=LPG)["messages"]
        assert {one["rule"] for one in told} >= {"inventory_over", "near_own"}
        assert all("内部" in one["text"] for one in told)
        place = f"POINT({-1000} {1300})"
        put(owner, "source", PROPOSED, place, name="新建", kind="lpg_store")
        stock = {"source_code": PROPOSED, "substance": "丙烷", "quantity_t": Decimal(200)}
        put(owner, "inventory", f"{PROPOSED}-000", None, **stock)
        assess(owner, actor="test", at=NOW, full=True)
        for later in (NOW, NOW + timedelta(days=2)):
            run_alerts(owner, actor="test", at=later)
        with snapshot(owner) as connection:
            rows = warning_page(connection).items
        owner.dispose()
    fired = {(row["rule"], row["warn"]) for row in rows if row["source_code"] == PROPOSED}
    paperwork = ("due_passed", "blue")
    """what the law asks of a source once it is there is not told beforehand"""
    assert fired - {paperwork} == {(one["rule"], one["warning_level"]) for one in told}


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
        put(metre_city, "source", PROPOSED, place, name="新建", kind=kind)
        stock = {"source_code": PROPOSED, "substance": "丙烷", "quantity_t": Decimal(200)}
        put(metre_city, "inventory", f"{PROPOSED}-000", None, **stock)
    elif kind == "school":
        people = {"people_day": 240.0, "people_night": 0.0}
        put(metre_city, "target", PROPOSED, place, name="新校", target_class="high_sensitive", **people)
    else:
        put(metre_city, "population", PROPOSED, place, people=240.0)
    assert assess(metre_city, actor="test", at=NOW, full=True)["result_hash"] == told["after"]
    assert told["before"] != told["after"]

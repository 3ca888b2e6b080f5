"""The zones job: what it reads, what it writes and what it leaves alone, and what it imagines."""

from datetime import timedelta
from pathlib import Path

import numpy as np
import pytest
import shapely
from sqlalchemy import Engine, text

from jobs.demo import recorded_days
from jobs.demo_zone_ledger import fill_zone_ledger
from jobs.doctor import check_zones
from jobs.risk import assess
from jobs.zone_what_if import what_if
from jobs.zones import is_stale, renew, zones_late
from layers.database import CITY, reading, snapshot
from layers.history import head_rev
from layers.zones import zone_detail, zone_list
from riskmap.errors import BadInput, TakesTooLong
from tests.import_files import at, load
from tests.zone_cities import City, Site, random_city
from tests.zone_records import Town, asked, morning, state, table


@pytest.fixture
def town(owner: Engine, tmp_path: Path) -> Town:
    return Town(owner, tmp_path)


def pair(**more: object) -> City:
    return {"A": Site(0, 0, "2614", workers=5), "B": Site(80, 0, "2614", workers=50), **more}  # type: ignore[dict-item]


def test_a_city_without_areas_and_runs_joins_zones(town: Town, reader: Engine) -> None:
    town.move(pair(C=Site(900, 0)), 0)
    assert is_stale(town.owner)
    run = town.renew(0)
    assert not is_stale(town.owner)
    assert (run["run_id"], run["of_run"], run["full_run"], run["counts"]["zones"]) == (1, None, True, 1)
    with reading(reader, CITY) as connection:
        (zone,) = zone_list(connection).items
        found = zone_detail(connection, zone["id"])
    assert found is not None
    assert (zone["members"], zone["townships"], zone["level"], zone["score"]) == (["A", "B"], [], None, None)
    assert (zone["name"], zone["people"], zone["responsible"]) == ("厂A片区", None, "city")
    assert found["lead_code"] == "B"  # no scores yet: the one with more workers
    assert {(one["kind"], one["by"], one["distance_m"]) for one in found["links"]} == {
        ("adjacent", None, 80.0),
        ("similar", "industry", 80.0),
    }
    assert table(town.owner, "zone_line") == []


def test_runs_of_risks_and_zones_leave_each_other_alone(town: Town, reader: Engine) -> None:
    town.move(pair(), 0)
    first = assess(town.owner, actor="test")
    assert is_stale(town.owner)
    renew(town.owner, actor="test")
    before = state(town.owner)
    again = assess(town.owner, actor="test", full=True)
    assert (again["result_hash"], again["levels"]) == (first["result_hash"], first["levels"])
    assert "zone" not in again["levels"]
    assert state(town.owner) == before
    assert is_stale(town.owner)
    run = renew(town.owner, actor="test")
    assert run["of_run"] == again["run_id"]
    assert set(run["counts"]["changed"].values()) == {0}
    assert state(town.owner) == before
    with reading(reader, CITY) as connection:
        (zone,) = zone_list(connection).items
        own = {
            row.code: row.score
            for row in connection.execute(text("SELECT code, score FROM score WHERE kind = 'enterprise'"))
        }
    low, high = sorted(own.values())
    assert round(zone["score"] * 1e6) == high + low // 5
    assert zone["level"] in ("blue", "yellow", "orange")


def test_a_higher_score_leads(town: Town) -> None:
    town.move(pair(C=Site(160, 0, "9011", domino_m=300)), 0)
    assess(town.owner, actor="test")
    renew(town.owner, actor="test")
    members = table(town.owner, "zone_member")
    assert (
        [row["code"] for row in members if row["leads"]]
        == [max(members, key=lambda row: row["score"])["code"]]
        == ["C"]
    )
    assert [row["code"] for row in members if row["carries"]] == ["C"]
    lines = [(row["item"], row["record"]) for row in table(town.owner, "zone_line")]
    assert lines == [*(("lead_member", f"enterprise/{code}") for code in "ABC"), ("domino", "enterprise/C")]
    (reach,) = table(town.owner, "zone_reach")
    assert reach["reach_mm"] == round(max(reach["distances_m"].values()) * 1000) > 80_000


def test_the_outline_holds_every_site_and_the_people_in_it(owner: Engine, tmp_path: Path) -> None:
    town = Town(owner, tmp_path)
    town.move(random_city(np.random.default_rng(5), 60, 4_000), 0)
    homes = [f"P{n},{n % 7},{x},{y}" for n, (x, y) in enumerate(_places())]
    load(owner, tmp_path, "population", "code,people,lon,lat", *homes, crs="EPSG:4547")
    town.renew(0)
    query = """SELECT z.code, ST_NumGeometries(z.geom_m), ST_NumInteriorRings(z.geom_m), z.people,
        (SELECT bool_and(ST_Contains(z.geom_m, e.geom_m)) FROM zone_member m JOIN enterprise e ON e.code = m.code
         WHERE m.zone_code = z.code),
        (SELECT coalesce(sum(p.people), 0) FROM population p WHERE ST_Intersects(p.geom_m, z.geom_m)),
        ST_Area(z.geom_m) <= ST_Area(ST_Buffer(ST_ConvexHull((SELECT ST_Collect(e.geom_m) FROM zone_member m
          JOIN enterprise e ON e.code = m.code WHERE m.zone_code = z.code)), 30.001)) FROM zone z"""
    zones = list(asked(owner, query))
    assert len(zones) > 4
    for code, parts, holes, people, inside, counted, within in zones:
        assert (parts, holes, inside, within) == (1, 0, True, True), code
        assert people == counted
    assert sum(row[3] for row in zones) > 50


def _places() -> list[tuple[float, float]]:
    rng = np.random.default_rng(6)
    return [(637_000 + float(x), 3_186_000 + float(y)) for x, y in rng.uniform(0, 4_000, (900, 2)).round(3)]


def test_a_source_without_an_enterprise_counts_by_its_own_code(owner: Engine, tmp_path: Path) -> None:
    load(owner, tmp_path, "enterprises", "code,name,lon,lat", f"E1,厂,{at(0, 0)}", f"E2,另厂,{at(0.05, 0)}")
    tanks = [f"S1,渡口,ferry,,{at(0.015, 0)}", f"S2,罐,lpg_store,E2,{at(0.03, 0)}"]
    load(owner, tmp_path, "sources", "code,name,kind,enterprise_code,lon,lat", *tanks)
    renew(owner, actor="test")
    members = {row["code"]: (row["layer"], row["kind"], row["leads"]) for row in table(owner, "zone_member")}
    assert members == {
        "E1": ("enterprise", "premises", True),
        "E2": ("enterprise", "premises", False),
        "S1": ("source", "ferry", False),
    }
    load(
        owner,
        tmp_path,
        "enterprises",
        "code,name,status,closed_on,lon,lat",
        f"E2,另厂,closed,2026-03-01,{at(0.05, 0)}",
    )
    renew(owner, actor="test")
    assert "S2" in {row["code"] for row in table(owner, "zone_member")}
    causes = [(row["code"], row["what"]) for row in table(owner, "zone_event_site") if row["role"] == "cause"]
    assert ("E2", "closed") in causes
    assert ("S2", "opened") in causes


def test_what_if_writes_nothing(town: Town) -> None:
    town.move(pair(C=Site(380, 0), D=Site(2_000, 0), E=Site(2_290, 0)), 0)
    town.renew(0)
    with snapshot(town.owner) as connection:
        before = head_rev(connection)
    kept = state(town.owner)
    near = what_if(town.owner, 290, ["adjacent"])
    assert [(one["id"], one["members"]) for one in near] == [("W1", ["A", "B"]), ("W2", ["D", "E"])]
    far = what_if(town.owner, 300, ["adjacent"], drawn=9)
    assert [one["members"] for one in far] == [["A", "B", "C"], ["D", "E"]]
    assert {(one["level"], one["born_run"], tuple(one["lineage"])) for one in far} == {(None, None, ())}
    assert [shapely.geometry.shape(one["geometry"]).geom_type for one in far] == ["Polygon"] * 2
    assert what_if(town.owner, 79.9, ["adjacent", "similar"]) == []
    chain = {f"K{n:02}": Site(290.0 * n, 50_000) for n in range(12)}
    town.move({**town.city, **chain}, 1)
    bounded, whole = (
        [one for one in what_if(town.owner, 300, ["adjacent"], unbounded=free) if one["members"][0][0] == "K"]
        for free in (False, True)
    )
    assert len(bounded) > 1
    assert [len(one["members"]) for one in whole] == [12]
    with pytest.raises(TakesTooLong, match="超过 0 秒"):
        what_if(town.owner, 100, ["adjacent"], within_s=0)
    with pytest.raises(BadInput):
        what_if(town.owner, 100, ["far"])
    with pytest.raises(BadInput):
        what_if(town.owner, 0, ["adjacent"])
    assert state(town.owner) == kept
    with snapshot(town.owner) as connection:
        assert head_rev(connection) == before + 1  # the import


def test_zones_that_do_not_follow_are_told(town: Town) -> None:
    town.move(pair(), 0)
    assess(town.owner, actor="test", at=morning(1))
    with snapshot(town.owner) as connection:
        assert not zones_late(connection, morning(1) + timedelta(minutes=10))
        assert zones_late(connection, morning(1) + timedelta(minutes=11))
        told = check_zones(connection)
    assert (told.ok, told.message) == ("yellow", "联防联控片区没有随风险更新，自 2026-03-02 08:00 起")
    renew(town.owner, actor="test")
    with snapshot(town.owner) as connection:
        told = check_zones(connection)
    assert (told.ok, told.message) == ("green", "联防联控片区：第 1 次划定，1 个")


def test_another_edition_makes_everything_anew(town: Town) -> None:
    town.move(pair(), 0)
    town.renew(0)
    with town.owner.begin() as connection:
        connection.execute(text("UPDATE zone_run SET edition_hash = '\\x00'"))
    assert town.renew(1)["full_run"]
    assert not town.renew(2)["full_run"]


def test_the_demos_ledger_is_written_once_and_is_no_day_of_its_year(demo_owner: Engine) -> None:
    """A second start of the demo and its feed ask which days are on file."""
    renew(demo_owner, actor="test")
    with snapshot(demo_owner) as connection:
        days = recorded_days(connection)
    assert fill_zone_ledger(demo_owner, max(days)) > 0
    with snapshot(demo_owner) as connection:
        assert recorded_days(connection) == days
    assert fill_zone_ledger(demo_owner, max(days)) == 0

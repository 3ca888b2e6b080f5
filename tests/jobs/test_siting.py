"""Verdicts on the spot: distances to the mm in a city laid out in metres, both directions, rights, and hostile shapes."""

import math
import time
from typing import Any

import pytest
from sqlalchemy import Engine

from jobs.siting import verdict_on
from layers.database import CITY, Identity, snapshot
from layers.history import head_rev
from riskmap.errors import BadInput, RiskMapError, TooLarge
from tests.siting_city import box, lonlat, point

LPG: dict[str, Any] = {"inventory": [{"substance": "丙烷", "quantity_t": 20}]}
EXCEPTION = {"authority": "市人民政府", "text": "会议纪要", "date": "2026-01-01"}


def ask(
    reader: Engine, kind: str, geometry: dict[str, Any], identity: Identity = CITY, **more: Any
) -> dict[str, Any]:
    return verdict_on(reader, identity, {"kind": kind, "geometry": geometry, **more})


def row(answer: dict[str, Any], rule: str) -> dict[str, Any]:
    return next(one for one in answer["rules"] if one["rule"] == rule)


def outcome(answer: dict[str, Any], rule: str) -> tuple[str, Any]:
    found = row(answer, rule)
    return found["outcome"], found["measured"]


@pytest.mark.parametrize(
    ("north", "expected"),
    [(99.999, "veto"), (100.0, "veto"), (100.001, "admissible"), (-100.0, "veto"), (-100.001, "admissible")],
)
def test_a_prohibited_band_holds_exactly_its_edge(metre_reader: Engine, north: float, expected: str) -> None:
    answer = ask(metre_reader, "explosives_store", point(500, north))
    assert outcome(answer, "distance.10") == (expected, pytest.approx(abs(north), abs=1e-9))
    assert row(answer, "distance.10")["inclusive"] is False
    assert row(answer, "distance.10")["object"]["name"] == "示例路"


@pytest.mark.parametrize(("east", "expected"), [(49.999, "veto"), (50.0, "admissible")])
def test_a_least_distance_is_kept_by_exactly_itself(metre_reader: Engine, east: float, expected: str) -> None:
    answer = ask(metre_reader, "fireworks_retail", point(1000 + east, -1000), floor_area_m2=20)
    assert outcome(answer, "distance.47") == (expected, pytest.approx(east, abs=1e-9))
    assert row(answer, "distance.47")["margin"] == pytest.approx(east - 50, abs=1e-9)


def test_distances_are_from_boundary_to_boundary_with_the_way_between(metre_reader: Engine) -> None:
    answer = ask(metre_reader, "explosives_store", box(500, 30, 560, 90))
    found = row(answer, "distance.10")
    assert (found["measured"], found["margin"], found["outcome"]) == (30.0, -70.0, "veto")
    (_, south), (_, north) = sorted(found["line"]["coordinates"], key=lambda at: at[1])
    assert north - south == pytest.approx(30 / 111_000, rel=0.02)
    assert answer["site"]["area_m2"] == 3600.0
    assert answer["verdict"] == "veto"
    assert answer["binding"] == answer["rules"][0]["rule"]


def test_planned_neighbours_count_and_closed_ones_do_not(metre_reader: Engine) -> None:
    answer = ask(metre_reader, "filling_station", point(2510, 2500), station_class=3)
    found = row(answer, "distance.67")
    assert (found["outcome"], found["object"]["code"], found["object"]["status"]) == (
        "veto",
        "T-plan",
        "planned",
    )
    assert row(ask(metre_reader, "filling_station", point(3010, -3000)), "distance.60")["object"] is None


def test_new_homes_and_schools_are_measured_to_what_is_there(metre_reader: Engine) -> None:
    """The school is a crowded place for the fireworks shop (100 m) and an important building for the pumps (35 m)."""
    near, far = (ask(metre_reader, "school", point(1000 + east, -1000)) for east in (99.999, 100.0))
    assert (outcome(near, "distance.48.reverse")[0], outcome(far, "distance.48.reverse")[0]) == (
        "veto",
        "admissible",
    )
    pumps = ask(metre_reader, "school", point(2000, -2034.999))
    assert outcome(pumps, "distance.60.reverse") == ("veto", 34.999)
    assert row(pumps, "distance.60.reverse")["direction"] == "development"
    assert row(pumps, "distance.60.reverse")["object"]["code"] == "S-station"


def test_zones_of_a_source_reach_a_school_and_not_a_hut(metre_reader: Engine) -> None:
    """EPA: 20,000 lb of propane, vapour cloud to 1 psi 353.4 m; the level that may stand there is the third class only."""
    inside = ask(metre_reader, "school", point(-3000, 2700))
    found = row(inside, "consequence.vce_1psi.reverse")
    assert (found["outcome"], found["zone"], found["level"]) == ("study_required", "middle", 4)
    assert found["limit"] == pytest.approx(353.4, abs=0.1)
    assert found["line"]["coordinates"] == [[round(v, 7) for v in lonlat(-3000, y)] for y in (2700, 3000)]
    hut = row(ask(metre_reader, "dwelling", point(-3000, 2700), dwellings=3), "consequence.vce_1psi.reverse")
    assert (hut["outcome"], hut["reason"], hut["level"]) == ("admissible", "may_stand", 1)
    assert "consequence.vce_1psi.reverse" not in {
        one["rule"] for one in ask(metre_reader, "school", point(0, -3000))["rules"]
    }


def test_mixed_uses_extensions_and_temporary_ones_by_the_whole_way(metre_reader: Engine) -> None:
    """A hut may stand in the middle zone; homes for more, beside a school or in a large extension, may not."""
    rule, here = "consequence.vce_1psi.reverse", point(-3000, 2700)

    def said(dwellings: int, **more: Any) -> tuple[str, int]:
        found = row(ask(metre_reader, "dwelling", here, dwellings=dwellings, **more), rule)
        return found["outcome"], found["level"]

    alone, against = ("admissible", 1), ("study_required", 4)
    assert said(3) == alone
    assert said(3, uses=[{"kind": "school", "people": 50}]) == against
    assert said(3, stage="temporary", years=2) == alone
    standing = [{"kind": "dwelling", "dwellings": 30}]
    assert said(3, stage="extension", existing=standing) == alone
    assert said(4, stage="extension", existing=standing) == ("study_required", 3)
    assert said(3, stage="extension") == ("study_required", 3)
    unknown = ask(metre_reader, "dwelling", here, dwellings=3, stage="extension")
    assert unknown["sensitivity"][0]["assumed"] is True


def test_a_site_across_the_border_of_a_zone_counts_by_its_share(metre_reader: Engine) -> None:
    """A strip toward the tank: its vapour cloud zone holds a twentieth or a fifth of it."""
    radius = row(ask(metre_reader, "school", point(-3000, 2700)), "consequence.vce_1psi.reverse")["limit"]
    shares = []
    for inside, expected in ((5.0, "straddles"), (20.0, "in_zone")):
        near = -3000 + radius - inside
        found = row(
            ask(metre_reader, "school", box(near, 2999, near + 100, 3001)), "consequence.vce_1psi.reverse"
        )
        assert found["reason"] == expected
        shares.append(found["shares"]["middle"])
    assert shares == [pytest.approx(0.05, abs=0.001), pytest.approx(0.2, abs=0.001)]


def test_what_a_facility_would_reach_is_measured_to_people_and_targets(metre_reader: Engine) -> None:
    near = ask(metre_reader, "lpg_store", point(-1000, 1700), exception=EXCEPTION, **LPG)
    found = row(near, "consequence.vce_1psi.level_2")
    assert (found["outcome"], found["measured"], found["object"]["code"]) == (
        "study_required",
        200.0,
        "P-homes",
    )
    far = ask(metre_reader, "lpg_store", point(0, -2000), exception=EXCEPTION, **LPG)
    assert outcome(far, "consequence.vce_1psi.level_4") == ("admissible", 2000.0)


def test_the_policy_goes_before_any_distance(metre_reader: Engine) -> None:
    nowhere_near = point(3000, 1500)
    assert ask(metre_reader, "fireworks_production", nowhere_near, exception=EXCEPTION)["verdict"] == "veto"
    plain = ask(metre_reader, "lpg_store", nowhere_near, **LPG)
    assert (plain["verdict"], plain["binding"]) == ("not_in_principle", "access")
    lifted = ask(metre_reader, "lpg_store", nowhere_near, exception=EXCEPTION, **LPG)
    assert lifted["verdict"] == "study_required"
    assert row(lifted, "access")["exception"] == EXCEPTION


def test_homes_far_from_everything_are_admissible_and_the_gaps_are_told(metre_reader: Engine) -> None:
    answer = ask(metre_reader, "dwelling", point(3000, 1500), dwellings=20)
    assert answer["verdict"] == "admissible"
    assert {one["outcome"] for one in answer["rules"]} == {"admissible", "no_data"}
    assert "distance.22" in answer["gaps"]
    assert row(answer, "distance.22")["why"] == "全市没有该类对象的数据，须核实"


def test_unknown_limits_and_missing_stock_ask_for_a_study(metre_reader: Engine) -> None:
    answer = ask(metre_reader, "hazchem_production", point(3000, 1500), exception=EXCEPTION)
    assert answer["verdict"] == "study_required"
    assert outcome(answer, "distance.1") == ("not_on_file", pytest.approx(math.hypot(500, 1000), abs=1e-3))
    assert row(answer, "consequence")["reason"] == "no_inventory"
    strange = ask(
        metre_reader,
        "hazchem_production",
        point(3000, 1500),
        inventory=[{"substance": "某种东西", "quantity_t": 1}],
    )
    assert row(strange, "consequence")["unmatched"] == ["某种东西"]


def test_failures_come_first_and_the_verdict_is_the_worst_of_all(metre_reader: Engine) -> None:
    order = ["veto", "not_in_principle", "study_required", "not_on_file", "no_data", "admissible"]
    for kind in ("lpg_store", "filling_station", "fireworks_retail", "hazchem_production", "school"):
        answer = ask(metre_reader, kind, box(-1990, -1990, -1950, -1950))
        outcomes = [order.index(one["outcome"]) for one in answer["rules"]]
        assert outcomes == sorted(outcomes)
        assert answer["rules_total"] == len(outcomes)


def test_one_s_own_records_are_no_neighbours(metre_reader: Engine) -> None:
    there = point(2000, -2000)
    assert row(ask(metre_reader, "fireworks_retail", there), "distance.48")["outcome"] == "veto"
    own = ask(metre_reader, "fireworks_retail", there, enterprise_code="E-station")
    assert outcome(own, "distance.48") == ("admissible", None)


def test_who_sees_a_part_of_the_city_is_never_told_that_nothing_speaks_against_it(
    metre_reader: Engine,
) -> None:
    answer = ask(
        metre_reader, "dwelling", point(3000, 1500), Identity("t", "township", "430981006"), dwellings=20
    )
    assert (answer["verdict"], answer["complete"]) == ("study_required", False)
    assert row(answer, "coverage")["why"].startswith("只核对了本人权限内的记录")


def test_nothing_is_written(metre_city: Engine, metre_reader: Engine) -> None:
    with snapshot(metre_city) as connection:
        before = head_rev(connection)
    ask(metre_reader, "school", point(0, 500))
    with snapshot(metre_city) as connection:
        assert head_rev(connection) == before


BOW = {
    "type": "Polygon",
    "coordinates": [[lonlat(0, 0), lonlat(90, 90), lonlat(90, 0), lonlat(0, 90), lonlat(0, 0)]],
}
STAR = [lonlat(1000 * math.cos(n * 2.4), 1000 * math.sin(n * 2.4)) for n in range(9_999)]


@pytest.mark.parametrize(
    ("geometry", "error", "told"),
    [
        (BOW, BadInput, "自相交"),
        ({"type": "Polygon", "coordinates": [[*STAR, STAR[0]]]}, BadInput, "自相交"),
        ({"type": "Polygon", "coordinates": [[*STAR, *STAR, STAR[0]]]}, TooLarge, "10,000"),
        (point(4001, 0), BadInput, "市界"),
        (box(3990, 0, 4010, 20), BadInput, "市界"),
        ({"type": "Point", "coordinates": [0.0, 0.0]}, BadInput, "坐标系"),
        ({"type": "Point", "coordinates": [112.4, float("nan")]}, BadInput, "经纬度"),
        ({"type": "Polygon", "coordinates": [[[112.4, 28.8]] * 4]}, BadInput, ""),
    ],
    ids=["bow", "star", "vertices", "outside", "across", "null island", "nan", "no area"],
)
def test_a_hostile_shape_is_refused_within_a_second(
    metre_reader: Engine, geometry: dict[str, Any], error: type[RiskMapError], told: str
) -> None:
    started = time.process_time()
    with pytest.raises(error) as refused:
        ask(metre_reader, "school", geometry)
    assert time.process_time() - started < 1.0
    assert told in refused.value.detail
    assert refused.value.remedy

"""What is planned counts: filed proposals that hold are neighbours of later ones, in single verdicts and in the search."""

import json
from collections.abc import Callable
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from sqlalchemy import Engine

from jobs.imports import import_file
from jobs.siting import judge, verdict_on
from jobs.siting_papers import file_paper
from jobs.siting_picture import rule_told
from layers.database import CITY, Identity, reading
from layers.history import CLOCK
from layers.siting_papers import paper_named, papers, planned_about, planned_on
from tests.jobs.test_siting_search import agree, cells_of
from tests.siting_city import box, point

NOW = datetime.now(CLOCK).replace(microsecond=0)
LPG = [{"substance": "丙烷", "quantity_t": 9.0718}]
EXCEPTION = {"authority": "市政府", "text": "沅政函〔2026〕1号", "date": "2026-01-05"}
SCHOOL = {"kind": "school", "name": "规划学校", "geometry": point(500, -2500), "people": 900}
TANK = {"kind": "lpg_store", "geometry": point(600, -2500), "inventory": LPG, "exception": EXCEPTION}


@pytest.fixture(scope="module")
def school(metre_city: Engine) -> str:
    """The number of the paper on a school that may be built, beside one of a tank that expired and one that is refused."""
    paper = {"project_code": "P-school"}
    told = file_paper(metre_city, CITY, {**SCHOOL, "paper": paper}, at=NOW)
    assert told["verdict"] in {"admissible", "study_required"}
    old = NOW - timedelta(days=400)
    expired = {"kind": "dwelling", "geometry": point(-500, -2500), "dwellings": 20}
    file_paper(metre_city, CITY, expired, at=old)
    refused = file_paper(metre_city, CITY, {**TANK, "exception": None, "geometry": point(2500, -500)}, at=NOW)
    assert refused["verdict"] in {"not_in_principle", "veto"}
    return str(told["archive_number"])


@pytest.fixture
def told(metre_reader: Engine, school: str) -> Callable[[dict[str, Any]], list[dict[str, Any]]]:
    def verdict(given: dict[str, Any]) -> list[dict[str, Any]]:
        rows: list[dict[str, Any]] = verdict_on(metre_reader, CITY, given)["rules"]
        return rows

    assert school
    return verdict


def test_a_planned_school_is_measured_to(told: Any, school: str) -> None:
    """A hundred metres away, with the way to it and its number; its own next design does not meet it."""
    rows = [row for row in told(TANK) if (row["object"] or {}).get("code") == school]
    assert {(row["object"]["layer"], row["object"]["status"], row["measured"]) for row in rows} == {
        ("siting_paper", "planned", 100.0)
    }
    assert all(len(row["line"]["coordinates"]) == 2 for row in rows)
    assert any(row["outcome"] == "study_required" for row in rows)
    named = {(row["object"] or {}).get("layer") for row in told({**TANK, "paper": {"replaces": school}})}
    assert "siting_paper" not in named
    again = {**SCHOOL, "paper": {"project_code": "P-school"}}
    assert "siting_paper" not in {(row["object"] or {}).get("layer") for row in told(again)}


def test_what_expired_was_refused_or_replaced_is_no_neighbour(metre_reader: Engine, school: str) -> None:
    with reading(metre_reader, CITY) as connection:
        day = NOW.date()
        there = {row["number"] for row in planned_on(connection, day, own=None, leave_out=None)}
        filed, total = papers(connection, limit=100)
        gone = {row["number"] for row in filed} - there
        assert school in there
        assert {row["verdict"] for row in filed if row["number"] in gone} > {"not_in_principle"}
        assert total == len(there) + 2
        later = day + timedelta(days=800)
        assert planned_on(connection, later, own=None, leave_out=None) == []
        assert school not in {
            row["number"] for row in planned_on(connection, day, own=None, leave_out=school)
        }


def test_a_planned_source_reaches_later_homes_and_the_search_says_the_same(
    metre_city: Engine, metre_reader: Engine, school: str
) -> None:
    """A paper that holds speaks against homes near it as an existing source does; every telling cell agrees."""
    small = {**TANK, "geometry": point(-2500, -3500), "name": "规划罐"}
    filed = file_paper(metre_city, CITY, small, at=NOW)
    homes = {"kind": "dwelling", "dwellings": 12}
    near = verdict_on(metre_reader, CITY, {**homes, "geometry": point(-2450, -3500)})
    against = [row for row in near["rules"] if (row["object"] or {}).get("code") == filed["archive_number"]]
    assert filed["verdict"] == "study_required", filed["binding"]
    assert {"development"} == {row["direction"] for row in against}
    assert any(row["outcome"] == "study_required" for row in against)
    for given in (homes, {"kind": "fireworks_retail", "floor_area_m2": 20}):
        found, without = (cells_of(metre_reader, given, 100, by=by) for by in (CITY, None))
        turned = np.flatnonzero(found.worst.rule != without.worst.rule).tolist()
        assert turned, "filed proposals speak against cells near them"
        agree(metre_reader, given, found, turned[:12])


def test_parcels_of_the_spatial_plan_are_planned_targets(
    metre_city: Engine, metre_reader: Engine, tmp_path: Path
) -> None:
    """The shipped mapping reads a plan's land-use codes; what is no target is left out."""
    plan = tmp_path / "plan.geojson"
    codes = {"G1": ("080403", box(2900, -700, 3100, -500)), "G2": ("1001", box(3400, -700, 3500, -500))}
    features = [
        {
            "type": "Feature",
            "properties": {"BSM": code, "YDYHFLDM": use, "YDYHFLMC": f"规划地块{code}"},
            "geometry": shape,
        }
        for code, (use, shape) in codes.items()
    ]
    plan.write_text(json.dumps({"type": "FeatureCollection", "features": features}), "utf-8")
    mapping = Path(__file__).resolve().parents[2] / "docs" / "land-use.toml"
    report = import_file(metre_city, "targets", plan, mapping=mapping, partial=True)
    assert (report.inserted, [one.row for one in report.rejected]) == (1, [2])
    shop = {"kind": "fireworks_retail", "floor_area_m2": 20, "geometry": point(3150, -600)}
    rows = verdict_on(metre_reader, CITY, shop)["rules"]
    near = [row for row in rows if (row["object"] or {}).get("code") == "G1"]
    assert {(row["object"]["status"], row["measured"], row["outcome"]) for row in near} >= {
        ("planned", 50.0, "veto")
    }


TOWNSHIP = Identity("t", "township", "430981100")
KNOWN = {"name", "distance_m", "at_least_m", "rings", "reason"}


def test_a_township_meets_filed_papers_as_the_city_does_without_their_numbers(
    metre_city: Engine, metre_reader: Engine, school: str
) -> None:
    """Every rule that a paper decides says the same to both; a paper to be replaced is none to either."""
    file_paper(
        metre_city, CITY, {**TANK, "geometry": point(-3500, -1500), "paper": {"project_code": "P-t"}}, at=NOW
    )
    homes = {"kind": "dwelling", "dwellings": 12, "geometry": point(-3450, -1500)}
    shop = {"kind": "fireworks_retail", "floor_area_m2": 20, "geometry": point(520, -2500)}
    again = {**TANK, "geometry": point(-3500, -1490), "paper": {"project_code": "P-t"}}
    for given in (homes, shop, TANK, again):
        city, own = (_decided(metre_reader, one, given) for one in (CITY, TOWNSHIP))
        assert city == own
        assert city or given is again, "papers decide some rules here"
    rows = [row["object"] for row in verdict_on(metre_reader, TOWNSHIP, homes)["rules"] if row["object"]]
    assert {one["code"] for one in rows if one["layer"] == "siting_paper"} == {None}
    with reading(metre_reader, TOWNSHIP) as connection:
        asked: dict[str, Any] = {"own": None, "leave_out": None, "project_code": "", "within_m": 10_000.0}
        known = planned_about(connection, NOW.date(), **asked)
        fewer = planned_about(connection, NOW.date(), **asked | {"project_code": "P-t"})
        assert len(fewer) == len(known) - 1
    elsewhere = Identity("t", "township", "430981199")
    with reading(metre_reader, elsewhere) as connection:
        assert planned_about(connection, NOW.date(), **asked) == []
    assert {"规划学校", ""} <= {row["name"] for row in known}
    assert {key for row in known for one in row["consequences"] for key in one} == KNOWN


def _decided(reader: Engine, identity: Identity, given: dict[str, Any]) -> list[tuple[Any, ...]]:
    """The rows whose nearest object is a filed paper, without its number."""
    told = ("rule", "outcome", "reason", "measured", "limit", "margin", "line")
    return [
        (*(str(row.get(name)) for name in told), row["object"]["name"])
        for row in verdict_on(reader, identity, given)["rules"]
        if (row["object"] or {}).get("layer") == "siting_paper"
    ]


def test_the_search_of_a_township_meets_them_too(metre_reader: Engine, school: str) -> None:
    given = {"kind": "fireworks_retail", "floor_area_m2": 20}
    found, city, blind = (
        cells_of(metre_reader, given, 100, by=identity) for identity in (TOWNSHIP, CITY, None)
    )
    assert (city.worst.margin != blind.worst.margin).any()
    assert (found.other.severity == city.other.severity).all()
    assert (found.other.margin == city.other.margin).all()
    assert "coverage" in found.everywhere


def test_every_row_of_a_paper_has_its_clause_and_the_date_of_it(metre_reader: Engine, school: str) -> None:
    """Of its verdict, of what binds elsewhere, and of what refuses cells: zones of existing sources among them."""
    with reading(metre_reader, CITY) as connection:
        data = json.loads(paper_named(connection, school)["data"])
    found = data["alternatives"]
    rows = [*data["verdict"]["rules"], *found["everywhere"], *found["refused"]]
    rows += [one[name] for one in found["items"] for name in ("binding", "next") if one[name]]
    assert [row["rule"] for row in rows if not (row["clause"] and row["basis"] and row["basis_date"])] == []
    assert {one["place"]["village"] for one in found["items"]} == {"平地village"}
    cells = cells_of(metre_reader, SCHOOL, 250)
    with reading(metre_reader, CITY) as connection:
        judged = judge(connection, SCHOOL, NOW.date(), shape_needed=False, identity=CITY)
    told = {name: rule_told(judged, name) for name in cells.rules}
    by_tank = verdict_on(metre_reader, CITY, SCHOOL | {"geometry": point(-3000, 2900)})["rules"]
    reverse = {row["rule"]: row for row in by_tank if row["direction"] == "development"}
    assert any(name.startswith("consequence.") for name in told.keys() & reverse.keys())
    for name in told.keys() & reverse.keys():
        for part in ("clause", "basis", "basis_date"):
            assert told[name][part] == reverse[name][part]


@pytest.mark.parametrize(
    ("identity", "unseen"),
    [
        (TOWNSHIP, "邻区"),
        (Identity("e", "enterprise", enterprise_code="E-station"), "在批在建项目，都没有核对"),
        (Identity("c", "city", committee="hazchem"), "在批在建项目，都没有核对"),
    ],
    ids=["township", "enterprise", "committee"],
)
def test_who_sees_a_part_is_told_what_was_not_looked_at(
    metre_reader: Engine, school: str, identity: Identity, unseen: str
) -> None:
    answer = verdict_on(metre_reader, identity, SCHOOL | {"geometry": point(3000, -2500)})
    assert answer["complete"] is False
    assert answer["verdict"] == "study_required"
    coverage = next(row for row in answer["rules"] if row["rule"] == "coverage")
    assert unseen in coverage["why"]
    assert coverage["clause"]
    assert coverage["basis_date"]
    assert school not in {(row["object"] or {}).get("code") for row in answer["rules"]}

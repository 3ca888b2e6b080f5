"""Real input: 538 chemical facilities of Louisiana, as published, through `import`, and graded by hand beside it.

Facilities come as the GeoJSON they are, with a mapping; only the cells that list several substances are split into
rows. Counties are townships without a polygon, towns of GeoNames are where people live.
"""

import csv
import datetime as dt
import json
import re
from collections.abc import Iterator
from fractions import Fraction
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Engine, text

from jobs.assessment import assess_records
from jobs.imports import ImportReport, import_file
from jobs.risk import assess
from jobs.setup import prepare_database
from layers.database import CITY, owner_engine, reader_engine, reading, snapshot
from layers.history import CLOCK, moment
from layers.records import fetch
from layers.risk import Inputs, read_inputs
from riskmap.errors import Refused
from riskmap.settings import City
from tests.database import LONG_AGO, Databases
from tests.laws import (
    assert_accounts_sum,
    assert_calm_is_the_baseline,
    assert_colours_follow_the_edges,
    assert_explained,
    assert_no_bit_depends_on_order_or_threads,
    assert_parts_add_up,
    lowered,
    moved,
    table,
)
from tests.random_city import Maker, rows_of, with_rows

LOUISIANA = City(code="LA22", name="路易斯安那", name_en="Louisiana", metric_crs="EPSG:26915")
IMPORTED = dt.datetime(2026, 3, 1, 10, tzinfo=CLOCK)
FACILITIES = "us_rmp_facilities_louisiana.geojson"
MAPPINGS = {
    "enterprises": """
        [columns]
        code = "id"
        name = "name"
        status = "status"
        township_code = "county"
        [values.status]
        "Deregistered" = "closed"
        """,
    "sources": """
        [columns]
        code = "id"
        enterprise_code = "id"
        name = "name"
        status = "status"
        township_code = "county"
        [values.status]
        "Deregistered" = "closed"
        [constants]
        kind = "hazchem_production"
        unit_type = "production"
        """,
    "inventory": """
        [columns]
        source_code = "id"
        substance = "chemical"
        quantity = "pounds"
        [units]
        quantity = "lb"
        """,
    "population": """
        [columns]
        code = "geonameid"
        people = "population"
        """,
}


@pytest.fixture(scope="module")
def louisiana(databases: Databases) -> Iterator[str]:
    with databases.fresh() as dsn:
        prepare_database(dsn, LOUISIANA, LONG_AGO)
        yield dsn


@pytest.fixture(scope="module")
def owner(louisiana: str) -> Iterator[Engine]:
    engine = owner_engine(louisiana)
    yield engine
    engine.dispose()


@pytest.fixture(scope="module")
def reader(louisiana: str) -> Iterator[Engine]:
    engine = reader_engine(louisiana)
    yield engine
    engine.dispose()


@pytest.fixture(scope="module")
def facilities(shared: Path) -> list[dict[str, Any]]:
    features: list[dict[str, Any]] = json.loads((shared / "data" / FACILITIES).read_text("utf-8"))["features"]
    return features


@pytest.fixture(scope="module")
def files(
    shared: Path, facilities: list[dict[str, Any]], tmp_path_factory: pytest.TempPathFactory
) -> dict[str, Path]:
    """The files to import by layer: the published ones, and two with their cells split into rows."""
    folder = tmp_path_factory.mktemp("louisiana")
    for layer, mapping in MAPPINGS.items():
        (folder / f"{layer}.toml").write_text(mapping.replace("        ", ""), encoding="utf-8")
    counties = sorted({facility["properties"]["county"] for facility in facilities})
    write(
        folder / "areas.csv",
        ["code", "name", "level"],
        [[county, f"{county} Parish", "township"] for county in counties],
    )
    with (shared / "data" / "cc-by-sa" / "us_rmp_louisiana_quantities_lbs.csv").open(
        encoding="utf-8", newline=""
    ) as file:
        cells = [(row["id"], row["chemicals_with_lbs"]) for row in csv.DictReader(file)]
    held = [
        (code, *parts) for code, cell in cells for parts in re.findall(r"(?:^| • )(.+?) ?\{(\d+)\}", cell)
    ]
    write(folder / "inventory.csv", ["id", "chemical", "pounds"], held)
    return {
        "folder": folder,
        "areas": folder / "areas.csv",
        "enterprises": shared / "data" / FACILITIES,
        "sources": shared / "data" / FACILITIES,
        "inventory": folder / "inventory.csv",
        "population": shared / "data" / "us_geonames_places_louisiana.geojson",
    }


def write(path: Path, header: list[str], rows: Any) -> None:
    with path.open("w", encoding="utf-8", newline="") as file:
        csv.writer(file).writerows([header, *rows])


def load(owner: Engine, files: dict[str, Path], layer: str, **more: Any) -> ImportReport:
    mapping = files["folder"] / f"{layer}.toml" if layer in MAPPINGS else None
    return import_file(owner, layer, files[layer], mapping=mapping, **{"at": IMPORTED, **more})


LAYERS = ("areas", "enterprises", "sources", "inventory", "population")


@pytest.fixture(scope="module")
def reports(owner: Engine, files: dict[str, Path]) -> dict[str, ImportReport]:
    return {layer: load(owner, files, layer, partial=True) for layer in LAYERS}


def wrong_positions(facilities: list[dict[str, Any]]) -> dict[int, str]:
    """Row number → coordinates of the facilities whose publisher marks them as wrong."""
    return {
        row: "{:.10g} {:.10g}".format(*facility["geometry"]["coordinates"])
        for row, facility in enumerate(facilities, start=1)
        if not facility["properties"]["coord_ok"]
    }


def test_the_seven_wrong_positions_refuse_the_whole_file(
    owner: Engine, files: dict[str, Path], facilities: list[dict[str, Any]]
) -> None:
    with pytest.raises(Refused) as caught:
        load(owner, files, "enterprises")
    rejected = caught.value.facts["report"]["rejected"]
    assert {fault["row"]: fault["value"] for fault in rejected} == wrong_positions(facilities)
    with snapshot(owner) as connection:
        assert connection.execute(text("SELECT count(*) FROM enterprise")).scalar_one() == 0


def test_rows_read_are_inserted_or_explained(
    reports: dict[str, ImportReport], facilities: list[dict[str, Any]]
) -> None:
    told = {layer: (r.rows_read, r.inserted, len(r.rejected)) for layer, r in reports.items()}
    assert told == {
        "areas": (57, 57, 0),
        "enterprises": (538, 531, 7),
        "sources": (538, 531, 7),
        "inventory": (927, 927, 0),
        "population": (375, 375, 0),
    }
    wrong = wrong_positions(facilities)
    assert len(wrong) == 7
    for layer in ("enterprises", "sources"):
        for fault in reports[layer].rejected:
            assert (fault.field, fault.value) == ("geometry", wrong[fault.row])
            assert "离本市太远" in fault.reason
            assert "正负号" in fault.remedy


def test_what_names_a_rejected_facility_is_told(
    owner: Engine, reports: dict[str, ImportReport], files: dict[str, Path], facilities: list[dict[str, Any]]
) -> None:
    assert reports
    path = files["folder"] / "duties.csv"
    codes = [facility["properties"]["id"] for facility in facilities]
    duties = [[f"D{code}", "厂长", "principal", "enterprise", code] for code in codes]
    write(path, ["code", "person", "role", "object_layer", "object_code"], duties)
    report = import_file(owner, "duty", path, partial=True, dry_run=True)
    wrong = [
        facility["properties"]["id"] for facility in facilities if not facility["properties"]["coord_ok"]
    ]
    assert [(fault.field, fault.value, fault.reason) for fault in report.rejected] == [
        ("object_code", code, "没有这个企业") for code in wrong
    ]
    assert report.inserted == 531


def test_a_second_import_changes_nothing(
    owner: Engine, reports: dict[str, ImportReport], files: dict[str, Path]
) -> None:
    for layer in LAYERS:
        again = load(owner, files, layer, partial=True, at=IMPORTED + dt.timedelta(days=1))
        assert (again.inserted, again.updated, again.rev) == (0, 0, None), layer
        assert again.unchanged == reports[layer].inserted, layer
        assert [fault.row for fault in again.rejected] == [fault.row for fault in reports[layer].rejected]


def test_facilities_belong_to_the_county_they_declare(
    owner: Engine, reports: dict[str, ImportReport], facilities: list[dict[str, Any]]
) -> None:
    assert not any(report.mismatched for report in reports.values())
    expected = {
        f["properties"]["id"]: f["properties"]["county"] for f in facilities if f["properties"]["coord_ok"]
    }
    with snapshot(owner) as connection:
        found = connection.execute(text("SELECT code, township_code FROM source")).all()
    assert {row.code: row.township_code for row in found} == expected


# --- graded ----------------------------------------------------------------------------------------------

POUND = Fraction(45_359_237, 100_000_000_000)
"""the international pound in tonnes"""
BY_HAND: dict[str, tuple[Fraction, Fraction, Fraction, int | None]] = {
    # GB 18218-2018: ammonia Q 10 t, β 2; chlorine Q 5 t, β 4; sulfur dioxide Q 20 t, β 2. S, Σβq/Q, α, grade
    "100000231153": (77_161_792 * POUND / 10, 2 * 77_161_792 * POUND / 10, Fraction(1, 2), 1),
    "100000061005": ((58_000 + 50_000) * POUND / 10, 2 * 108_000 * POUND / 10, Fraction(1, 2), 4),
    # Marrero, 33,141 people, is 483 m away: α 2, R = 34.8
    "100000086006": (48_000 * POUND / 5, 4 * 48_000 * POUND / 5, Fraction(2), 3),
    # Sulphur, 20,189 people, is 196 m away, but S is 0.36
    "100000028383": (4_000 * POUND / 5, 4 * 4_000 * POUND / 5, Fraction(2), None),
    "100000245415": (
        8_000 * POUND / 5 + 6_000 * POUND / 20,
        4 * 8_000 * POUND / 5 + 2 * 6_000 * POUND / 20,
        Fraction(1, 2),
        None,
    ),
}


@pytest.fixture(scope="module")
def assessed(owner: Engine, reports: dict[str, ImportReport]) -> dict[str, Any]:
    assert reports
    return assess(owner, actor="test")


def test_grades_are_those_made_by_hand(reader: Engine, assessed: dict[str, Any]) -> None:
    assert assessed["run_id"] == 1
    with reading(reader, CITY) as connection:
        for code, (s, weighted, alpha, grade) in BY_HAND.items():
            source = fetch(connection, "source", code).items[0]
            assert source["s"] == pytest.approx(float(s), rel=1e-12), code
            assert source["r"] == pytest.approx(float(alpha * weighted), rel=1e-12), code
            assert (source["alpha"], source["grade"]) == (float(alpha), grade), code


def test_closed_facilities_count_nowhere_and_stay_in_history(
    reader: Engine, assessed: dict[str, Any], facilities: list[dict[str, Any]]
) -> None:
    assert assessed
    good = [facility["properties"] for facility in facilities if facility["properties"]["coord_ok"]]
    closed = {facility["id"] for facility in good if facility["status"] == "Deregistered"}
    assert len([f for f in facilities if f["properties"]["status"] == "Deregistered"]) == 221
    assert len(closed) == 215, "six of them have one of the wrong positions"
    with reading(reader, CITY) as connection:
        scored = connection.execute(
            text("SELECT kind, code FROM score WHERE kind IN ('source', 'enterprise')")
        ).all()
        then = moment(connection, "2026-03-01")
        for kind in ("enterprise", "source"):
            shown = fetch(connection, kind, then=then).items
            assert {item["code"] for item in shown if item["status"] == "closed"} == closed
            assert {row.code.removesuffix("-P") for row in scored if row.kind == kind} == {
                f["id"] for f in good
            } - closed


# --- the laws of the risk account --------------------------------------------------------------------------


@pytest.fixture(scope="module")
def inputs(owner: Engine, reports: dict[str, ImportReport]) -> Inputs:
    assert reports
    with snapshot(owner) as connection:
        return read_inputs(connection, IMPORTED + dt.timedelta(days=1))


def test_louisiana_adds_up_in_any_order(inputs: Inputs, monkeypatch: pytest.MonkeyPatch) -> None:
    result = assess_records(inputs, LOUISIANA.code)
    assert_accounts_sum(result)
    assert_parts_add_up(table(result))
    assert_colours_follow_the_edges(table(result))
    assert_no_bit_depends_on_order_or_threads(inputs, LOUISIANA.code, monkeypatch)


def test_in_louisiana_more_lowers_nothing_and_an_own_danger_moves_nothing(inputs: Inputs) -> None:
    before = assess_records(inputs, LOUISIANA.code)
    make, towns = Maker(22), rows_of(inputs.population)
    codes = tuple(inputs.sources["code"])
    grave = [
        make.danger(f"D{n}", {"source_code": make.pick(codes)}, grade="major", found_on=inputs.day)
        for n in range(30)
    ]
    fuller = [town | {"people": float(town["people"]) + 1} for town in towns[::7]]
    for layer, rows in (("dangers", grave), ("population", fuller)):
        after = assess_records(with_rows(inputs, layer, *rows), LOUISIANA.code)
        assert lowered(table(before), table(after)) == {}, layer
        assert moved(table(before), table(after)), layer
    calm = {"grade": "general", "found_by": "self", "found_on": inputs.day, "due_on": inputs.day}
    own = [row | calm for row in grave]
    after = assess_records(with_rows(inputs, "dangers", *own), LOUISIANA.code)
    assert after.result_hash() == before.result_hash()
    assert_calm_is_the_baseline(with_rows(inputs, "dangers", *grave), LOUISIANA.code)


def test_every_parish_is_explained_to_the_last_point(
    owner: Engine, reader: Engine, assessed: dict[str, Any]
) -> None:
    assert assessed
    with reading(reader, CITY) as connection:
        parishes = [row["code"] for row in fetch(connection, "township").items]
    for kind, codes in (("township", parishes), ("city", [LOUISIANA.code])):
        for code in codes:
            assert_explained(owner, reader, kind, code)

"""The demo city's files: exact sums and tiling, real codes, honest labels, the same bytes for the same seed."""

import csv
import json
import re
from collections import Counter
from datetime import date, datetime, timedelta
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import shapely
from pyproj import Geod, Transformer

from jobs.demo_city import make_city
from jobs.demo_inputs import read_inputs
from layers.fields import LAYERS
from riskmap.errors import BadInput
from riskmap.settings import geo_folder

UNTIL = date(2026, 7, 15)
SEEDS = (1, 2)
DAY_LAYERS = ("enterprises", "sources", "inventory", "dangers", "events", "duty", "population")
Row = dict[str, Any]


@pytest.fixture(scope="module")
def cities(tmp_path_factory: pytest.TempPathFactory) -> dict[int, Path]:
    folders = {seed: tmp_path_factory.mktemp(f"city{seed}") for seed in SEEDS}
    for seed, folder in folders.items():
        make_city(seed, folder, UNTIL)
    return folders


@pytest.fixture(params=SEEDS)
def city(request: pytest.FixtureRequest, cities: dict[int, Path]) -> Path:
    return cities[request.param]


@cache
def features(path: Path) -> list[Row]:
    found: list[Row] = json.loads(path.read_text("utf-8"))["features"]
    return found


def shapes(found: list[Row]) -> Any:
    """In metres of EPSG:4547, rounded to the millimetre as the database keeps them."""
    forward = Transformer.from_crs("EPSG:4490", "EPSG:4547", always_xy=True)
    degrees = shapely.from_geojson([json.dumps(one["geometry"]) for one in found])
    return shapely.transform(degrees, lambda xy: np.round(np.column_stack(forward.transform(*xy.T)), 3))


def table(path: Path) -> list[Row]:
    with path.open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def properties(folder: Path, layer: str) -> list[Row]:
    """Rows of a first-day file without their position."""
    spatial = folder / f"{layer}.geojson"
    return (
        [f["properties"] for f in features(spatial)] if spatial.exists() else table(folder / f"{layer}.csv")
    )


def areas(folder: Path, level: str) -> list[Row]:
    return [one for one in features(folder / "areas.geojson") if one["properties"]["level"] == level]


def points(rows: list[Row]) -> Any:
    forward = Transformer.from_crs("EPSG:4490", "EPSG:4547", always_xy=True)
    return np.column_stack(
        forward.transform([float(r["lon"]) for r in rows], [float(r["lat"]) for r in rows])
    )


def days(folder: Path) -> list[date]:
    return sorted(date.fromisoformat(one.name) for one in (folder / "history").iterdir())


def test_the_names_and_codes_are_the_real_ones(city: Path, shared: Path) -> None:
    for level, name, code in (("township", "townships", "code"), ("village", "villages", "code")):
        real = {(r[code], r["name"]) for r in table(shared / "data" / f"yuanjiang_{name}_2023.csv")}
        assert {(f["properties"]["code"], f["properties"]["name"]) for f in areas(city, level)} == real


def test_there_are_as_many_units_as_told_and_each_lies_in_its_parent(city: Path) -> None:
    counts = Counter(f["properties"]["level"] for f in features(city / "areas.geojson"))
    assert counts == {"city": 1, "township": 14, "village": 195, "grid": 3000, "overlay": 3}
    for level, digits in (("grid", 12), ("village", 9), ("township", 6)):
        for one in areas(city, level):
            row = one["properties"]
            assert row["parent_code"] == row["code"][:digits]
            assert len(row["code"]) == (9 if level == "township" else digits + 3)
    grids = {f["properties"]["code"] for f in areas(city, "grid")}
    for park in areas(city, "overlay"):
        members = park["properties"]["members"].split(";")
        assert members
        assert grids.issuperset(members)


@pytest.mark.parametrize("level", ["township", "village", "grid"])
def test_every_level_tiles_the_city_without_gap_or_overlap(city: Path, level: str) -> None:
    parts, whole = shapes(areas(city, level)), shapes(areas(city, "city"))[0]
    assert shapely.is_valid(parts).all()
    assert shapely.is_valid(whole)
    assert shapely.area(parts).sum() == pytest.approx(shapely.area(whole), abs=0.01)
    one, other = shapely.STRtree(parts).query(parts)
    one, other = one[one < other], other[one < other]
    assert shapely.area(shapely.intersection(parts[one], parts[other])).sum() < 1.0
    assert shapely.area(shapely.difference(whole, shapely.union_all(parts))) < 1.0


def test_the_city_is_the_real_county(city: Path, shared: Path) -> None:
    ellipsoid = Geod(ellps="GRS80")
    real = shapely.from_geojson((shared / "data" / "yuanjiang_county.geojson").read_text("utf-8")).geoms[0]
    ours = shapely.from_geojson(json.dumps(areas(city, "city")[0]["geometry"]))
    assert shapely.hausdorff_distance(ours.boundary, real.boundary, densify=0.01) < 2e-7
    area_m2 = abs(ellipsoid.geometry_area_perimeter(shapely.segmentize(real, 0.002))[0])
    assert area_m2 == pytest.approx(2_128e6, rel=1e-3)
    assert abs(ellipsoid.geometry_area_perimeter(ours)[0]) == pytest.approx(area_m2, rel=1e-6)


def test_the_people_sum_to_the_census(city: Path) -> None:
    population = table(city / "population.csv")
    by_grid: Counter[str] = Counter()
    for row in population:
        by_grid[row["code"][:15]] += int(row["people"])
    urban = {
        f["properties"]["code"] for f in areas(city, "village") if f["properties"]["name"].endswith("社区")
    }
    assert by_grid.total() == 567_159
    assert sum(n for code, n in by_grid.items() if code[:12] in urban) == 278_146
    assert sum(n for code, n in by_grid.items() if code.startswith("430981114")) == 80_009
    assert {f["properties"]["code"]: f["properties"]["people"] for f in areas(city, "grid")} == by_grid
    for level, digits in (("village", 12), ("township", 9), ("city", 6)):
        for one in areas(city, level):
            code = one["properties"]["code"]
            assert one["properties"]["people"] == sum(n for c, n in by_grid.items() if c[:digits] == code)
    dwellings = Counter(row["code"][:15] for row in population if row["people"] != "0")
    assert len(dwellings) == 3000
    assert max(dwellings.values()) <= 6


def test_where_work_stands_apart_from_every_home_its_workers_are_by_day(city: Path) -> None:
    """Each open enterprise of the first day has a place of people within 150 m: dwellings, or its own workers."""
    firms = [f for f in features(city / "enterprises.geojson") if f["properties"]["status"] != "closed"]
    population = table(city / "population.csv")
    at, of_work = shapely.points(points(population)), np.array([r["people"] == "0" for r in population])
    near = shapely.STRtree(at).query(shapes(firms), predicate="dwithin", distance=150.0)
    assert set(near[0]) == set(range(len(firms)))
    by_day = [int(row["people_day"]) for row in population if row["people"] == "0"]
    hosts: dict[int, set[int]] = {}
    inside = shapely.STRtree(at[of_work]).query(shapes(firms), predicate="dwithin", distance=0.01)
    for firm, place in inside.T.tolist():
        hosts.setdefault(place, set()).add(firms[firm]["properties"]["workers"])
    assert [n for n, workers in enumerate(by_day) if workers not in hosts[n]] == []


def test_every_dwelling_lies_in_its_own_group_and_none_in_a_lake(city: Path) -> None:
    population = table(city / "population.csv")
    grids = areas(city, "grid")
    where = {f["properties"]["code"]: shape for f, shape in zip(grids, shapes(grids), strict=True)}
    at = shapely.points(points(population))
    own = np.array([where[row["code"][:15]] for row in population])
    assert shapely.covers(own, at).all()
    lines = [f for f in features(city / "lines.geojson") if f["properties"]["kind"] in ("lake", "river")]
    water = shapely.union_all([one for one in shapes(lines) if one.area > 0])
    shapely.prepare(water)
    assert not shapely.contains(shapely.buffer(water, -1.0), at).any()
    assert water.area / 1e6 > 300


def test_ten_enterprises_declare_a_wrong_township_and_no_other(city: Path) -> None:
    townships = areas(city, "township")
    found = features(city / "enterprises.geojson")
    middle = shapely.point_on_surface(shapes(found))
    one, other = shapely.STRtree(shapes(townships)).query(middle, predicate="intersects")
    wrong = [
        n for n, t in zip(one, other, strict=True)
        if found[n]["properties"]["township_code"] != townships[t]["properties"]["code"]
    ]  # fmt: skip
    assert len(one) == len(found)
    assert 9 <= len(wrong) <= 13  # ten on purpose; a site on the line between two may add one


def test_the_layers_are_as_large_as_told(city: Path) -> None:
    enterprises = properties(city, "enterprises")
    polygons = sum(f["geometry"]["type"] == "Polygon" for f in features(city / "enterprises.geojson"))
    assert 1_470 <= len(enterprises) <= 1_500
    assert 250 <= polygons <= 360
    assert {row["committee"] for row in enterprises} == {
        "road_traffic", "construction", "special_equipment", "hazchem", "pipeline", "fire_crowd", "general",
    }  # fmt: skip
    assert 10 <= sum(row["status"] == "closed" for row in enterprises) <= 40
    sources = properties(city, "sources")
    assert 112 <= len(sources) <= 125
    assert {"ammonia_cold_store", "water_works", "lpg_store", "filling_station", "shipyard", "port", "bridge",
            "ferry", "road_section", "explosives_store", "fireworks_retail", "crowded_place"} <= {
        row["kind"] for row in sources
    }  # fmt: skip
    kinds = {f["geometry"]["type"] for f in features(city / "sources.geojson")}
    assert {"Point", "Polygon", "LineString"} <= kinds
    assert 780 <= len(table(city / "targets.csv")) <= 830
    assert len(table(city / "duty.csv")) > 3_000


@pytest.mark.parametrize("layer", sorted(LAYERS.keys() - {"zones_external", "zone_records"}))
def test_every_row_keeps_to_the_fields_of_its_layer(city: Path, layer: str) -> None:
    """Independent of the import: column names, required cells, choices and bounds as `layers/fields.py` has them."""
    fields = {field.name: field for field in LAYERS[layer].fields}
    rows = properties(city, layer)
    for path in sorted((city / "history").glob(f"*/{layer}.csv")):
        rows = rows + table(path)
    assert rows
    for row in rows:
        assert row.keys() <= fields.keys() | {"lon", "lat", "wkt"}
        for field in fields.values():
            value = row.get(field.name)
            if value in (None, ""):
                assert not field.required, (field.name, row)
                continue
            if field.kind == "choice":
                assert value in field.choices, (field.name, row)
            elif field.kind == "date":
                date.fromisoformat(str(value))
            elif field.kind in ("int", "number", "decimal"):
                assert field.low is None or float(value) >= field.low
                assert field.high is None or float(value) <= field.high
            elif field.kind == "text":
                assert len(str(value)) <= field.length


def test_every_reference_leads_to_a_record(city: Path) -> None:
    known: dict[str, set[str]] = {"": set()}
    for layer in ("enterprises", "sources", "areas", "sensors"):
        known[layer] = {row["code"] for row in properties(city, layer)}
        for path in (city / "history").glob(f"*/{layer}.csv"):
            known[layer] |= {row["code"] for row in table(path)}
    references = {
        "sources": (("enterprise_code", "enterprises"),),
        "inventory": (("source_code", "sources"),),
        "sensors": (("source_code", "sources"),),
        "dangers": (("source_code", "sources"), ("enterprise_code", "enterprises"), ("place", "areas")),
        "events": (("source_code", "sources"), ("sensor_code", "sensors")),
        "enterprises": (("township_code", "areas"), ("park_code", "areas")),
    }
    for layer, columns in references.items():
        rows = properties(city, layer)
        for path in (city / "history").glob(f"*/{layer}.csv"):
            rows = rows + table(path)
        for column, target in columns:
            assert {row[column] for row in rows if row[column]} <= known[target], (layer, column)


def test_the_credit_codes_have_right_check_characters_and_belong_to_nobody(city: Path) -> None:
    """GB 32100-2015: weights 3^i mod 31 over 31 signs; GB 11714-1997 for the nine of the organisation."""
    signs = "0123456789ABCDEFGHJKLMNPQRTUWXY"
    codes = [row["code"] for row in properties(city, "enterprises")]
    assert len(set(codes)) == len(codes)
    for code in codes:
        assert re.fullmatch(r"91000000DEM\d{5}[0-9X][0-9A-HJ-NP-RTUWXY]", code)
        weights = (1, 3, 9, 27, 19, 26, 16, 17, 20, 29, 25, 13, 8, 24, 10, 30, 28)
        total = sum(w * signs.index(c) for w, c in zip(weights, code[:17], strict=True))
        assert (total + signs.index(code[17])) % 31 == 0
        inner = code[8:16]
        total = sum(w * int(c, 36) for w, c in zip((3, 7, 9, 10, 5, 8, 4, 2), inner, strict=True))
        assert (total + (10 if code[16] == "X" else int(code[16]))) % 11 == 0


def test_persons_are_roles_and_no_number_could_ring(city: Path) -> None:
    roles = re.compile(
        r"(法定代表人|实际控制人|监管员\d\d|网格员\d{3}|值班员\d\d|监督员\d\d|负责人|领导\d\d|联点\d\d)$"
    )
    for row in properties(city, "enterprises"):
        for column in ("legal_representative", "actual_controller", "person_industry", "person_special",
                       "person_general"):  # fmt: skip
            assert roles.search(row[column])
        assert "示例" in row["name"]
    for row in table(city / "duty.csv"):
        assert roles.search(row["person"])
    for row in (*table(city / "duty.csv"), *table(city / "resources.csv")):
        assert row["phone"] == "" or row["phone"].startswith("000")


def test_everything_made_up_says_so(city: Path) -> None:
    for layer in LAYERS.keys() - {"zones_external", "zone_records"}:
        for row in properties(city, layer):
            real = layer == "areas" and row["level"] == "city"
            assert row["synthetic"] in ((False, "false") if real else (True, "true"))


def test_the_year_is_the_365_days_before_the_set_up(city: Path) -> None:
    first = UNTIL - timedelta(days=365)
    assert days(city) == [first + timedelta(days=n) for n in range(1, 365)]
    for day in days(city):
        folder = city / "history" / day.isoformat()
        assert {path.stem for path in folder.iterdir()} <= set(DAY_LAYERS)
        if (folder / "events.csv").exists():
            for row in table(folder / "events.csv"):
                assert datetime.fromisoformat(row["time"]).date() == day
                assert row["time"].endswith("+08:00")
                assert row["until"] == "" or row["until"] > row["time"]


def test_dangers_live_through_the_year_in_order(city: Path) -> None:
    last: dict[str, Row] = {row["code"]: row for row in table(city / "dangers.csv")}
    assert len(last) >= 20
    assert all(row["status"] != "closed" for row in last.values())
    overdue = listed = extended = 0
    for day in days(city):
        path = city / "history" / day.isoformat() / "dangers.csv"
        for row in table(path) if path.exists() else ():
            before = last.get(row["code"])
            if before is None:
                assert row["found_on"] == day.isoformat()
            else:
                assert before["status"] != "closed"
                assert before["found_on"] == row["found_on"]
                assert before["due_on"] == row["due_on"]
            if row["status"] == "closed":
                assert row["closed_on"] == day.isoformat()
                overdue += row["closed_on"] > max(row["due_on"], row["extended_to"])
            listed += bool(row["listed_on"])
            extended += bool(row["extended_to"])
            last[row["code"]] = row
    assert 1_500 < len(last) < 2_300
    assert overdue > 60
    assert listed > 5
    assert extended > 40
    assert sum(row["grade"] == "major" for row in last.values()) > 15
    assert sum(row["status"] != "closed" for row in last.values()) > 20


def test_the_year_holds_what_the_laws_of_the_model_are_tried_on(city: Path) -> None:
    events = [row for path in sorted((city / "history").glob("*/events.csv")) for row in table(path)]
    assert len({row["event_id"] for row in events}) == len(events)
    kinds = Counter(row["kind"] for row in events)
    assert kinds.keys() == {
        "reading", "alarm", "special_work", "weather", "special_period", "crowd", "incident",
    }  # fmt: skip
    red = [row for row in events if row["kind"] == "weather" and row["severity"] == "red"]
    whole = shapely.from_geojson(json.dumps(areas(city, "city")[0]["geometry"]))
    assert any(shapely.covers(shapely.buffer(shapely.from_wkt(row["wkt"]), 1e-3), whole) for row in red)
    changed = Counter(path.stem for path in (city / "history").glob("*/*.csv"))
    assert changed["enterprises"] >= 20
    assert changed["sources"] >= 3
    assert changed["inventory"] >= 25


def test_most_incidents_of_the_year_have_signs_before_them_and_two_have_none(city: Path) -> None:
    def year(layer: str) -> list[Row]:
        paths = sorted((city / "history").glob(f"*/{layer}.csv"))
        return [row for path in (city / f"{layer}.csv", *paths) for row in table(path)]

    events, dangers = year("events"), {row["code"]: row for row in year("dangers")}.values()
    hosts = {row["code"]: row["enterprise_code"] for row in properties(city, "sources")}
    signs = Counter[str]()
    incidents = [row for row in events if row["kind"] == "incident"]
    for one in incidents:
        code, at = one["source_code"], one["time"]
        alarms = [row for row in events if row["kind"] == "alarm" and row["source_code"] == code]
        places = {code, hosts[code]} - {"", None}
        own = [row for row in dangers if {row["source_code"], row["enterprise_code"]} & places]
        if any(row["severity"] == "high" and row["time"] < at < row["until"] for row in alarms):
            signs["severe alarm"] += 1
        elif any(max(row["due_on"], row["extended_to"]) < at[:10] < (row["closed_on"] or "9") for row in own):
            signs["overdue"] += 1
        elif not alarms and not own:
            signs["none"] += 1
    assert signs == {"severe alarm": 5, "overdue": 2, "none": 2}
    assert len({one["source_code"] for one in incidents}) == len(incidents) == 9


def test_the_same_seed_gives_the_same_bytes_and_another_seed_another_city(
    tmp_path: Path, cities: dict[int, Path]
) -> None:
    seed, other = SEEDS
    make_city(seed, tmp_path, UNTIL)
    first = sorted(path.relative_to(cities[seed]) for path in cities[seed].rglob("*") if path.is_file())
    again = sorted(path.relative_to(tmp_path) for path in tmp_path.rglob("*") if path.is_file())
    assert first == again
    assert all((cities[seed] / path).read_bytes() == (tmp_path / path).read_bytes() for path in first)
    assert all(
        (cities[seed] / name).read_bytes() != (cities[other] / name).read_bytes()
        for name in ("areas.geojson", "population.csv", "enterprises.geojson", "inventory.csv")
    )


def test_a_missing_input_file_is_named(tmp_path: Path) -> None:
    (tmp_path / "city.toml").write_bytes((geo_folder() / "city.toml").read_bytes())
    with pytest.raises(BadInput, match=r"county\.geojson"):
        read_inputs(tmp_path)


def test_the_shipped_inputs_are_small() -> None:
    assert sum(path.stat().st_size for path in geo_folder().rglob("*") if path.is_file()) < 10e6

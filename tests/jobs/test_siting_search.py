"""The search says of every cell what a single verdict says there, names what binds, and owns up where there is nothing."""

from typing import Any

import numpy as np
import pytest
from pyproj import Transformer
from sqlalchemy import Engine

from jobs.siting import judge, verdict_on
from jobs.siting_picture import as_picture
from jobs.siting_search import Searched, search, searched
from layers.database import CITY, Identity, reading
from riskmap.errors import BadInput
from riskmap.siting_findings import VERDICTS
from tests.proposals import TODAY
from tests.siting_city import MIDDLE

KINDS: list[dict[str, Any]] = [
    {"kind": "school", "people": 300},
    {"kind": "dwelling", "dwellings": 12},
    {"kind": "filling_station", "station_class": 2, "inventory": [{"substance": "汽油", "quantity_t": 60}]},
    {
        "kind": "fireworks_retail",
        "floor_area_m2": 20,
        "inventory": [{"substance": "烟花爆竹", "quantity_t": 0.1}],
    },
    {"kind": "lpg_store", "stage": "extension", "inventory": [{"substance": "丙烷", "quantity_t": 9.0718}]},
    {"kind": "explosives_store"},
]


def cells_of(
    reader: Engine, given: dict[str, Any], cell_m: int, *, by: Identity | None = CITY, **more: Any
) -> Searched:
    with reading(reader, by or CITY) as connection:
        judged = judge(connection, given, TODAY, shape_needed=False, identity=by)
        return searched(connection, judged, cell_m, **more)


def agree(reader: Engine, given: dict[str, Any], found: Searched, cells: list[int]) -> None:
    for n, (lon, lat) in zip(cells, found.ground.lonlat(cells).tolist(), strict=True):
        single = verdict_on(reader, CITY, {**given, "geometry": {"type": "Point", "coordinates": [lon, lat]}})
        told = VERDICTS[int(found.verdicts[n])]
        binding = found.rules[found.worst.rule[n]] if told != "admissible" else None
        assert (told, binding) == (single["verdict"], single["binding"]), (given["kind"], n, lon, lat)


def telling(found: Searched) -> list[int]:
    """A few cells of every pair of outcome and rule that decides it, the tightest and the roomiest of them."""
    pairs = np.column_stack([found.worst.severity, found.worst.rule])
    cells = []
    for pair in np.unique(pairs, axis=0):
        same = np.flatnonzero((pairs == pair).all(axis=1))
        by_margin = same[np.argsort(found.worst.margin[same], kind="stable")]
        cells += [int(by_margin[0]), int(by_margin[-1]), int(same[len(same) // 2])]
    return sorted(set(cells))


@pytest.mark.parametrize("given", KINDS, ids=lambda given: given["kind"])
def test_every_cell_of_a_small_city_is_judged_as_a_single_proposal(
    metre_reader: Engine, given: dict[str, Any], soak: bool
) -> None:
    """Verdict and binding rule, at cells of every outcome, at all of them when soaked."""
    found = cells_of(metre_reader, given, 250)
    assert len(found.worst.severity) == 32 * 32
    agree(metre_reader, given, found, list(range(32 * 32)) if soak else telling(found))


def test_without_its_binding_rule_a_cell_is_better_or_names_the_next(metre_reader: Engine) -> None:
    given = KINDS[2]
    found = cells_of(metre_reader, given, 250)
    for n in [n for n in telling(found) if found.verdicts[n]][:6]:
        rule = found.rules[found.worst.rule[n]]
        again = cells_of(metre_reader, given, 250, without=frozenset({rule}))
        named = again.rules[again.worst.rule[n]] if again.worst.rule[n] >= 0 else None
        assert again.worst.severity[n] <= found.worst.severity[n]
        assert named != rule
        assert not again.verdicts[n] or named


def test_the_answer_counts_every_cell_once_and_ranks_what_is_left(metre_reader: Engine) -> None:
    answer = search(metre_reader, CITY, {"kind": "dwelling", "dwellings": 12, "cell_m": 250}, most=5000)
    assert answer["cells"] == sum(answer["counts"].values()) == 32 * 32
    assert len(answer["admissible"]) == answer["counts"]["admissible"] > 500
    assert sum(answer["refused"].values()) == answer["counts"]["veto"] + answer["counts"]["not_in_principle"]
    assert [one["rank"] for one in answer["admissible"]] == list(range(1, len(answer["admissible"]) + 1))
    people = [one["criteria"]["people_500m"] for one in answer["admissible"]]
    assert people == sorted(people)
    assert max(people) == 60.0
    assert answer["everywhere"] == []
    assert all(one["rules"] for one in answer["study_required"])


def test_a_rule_that_binds_everywhere_is_told_once_and_the_others_rank(metre_reader: Engine) -> None:
    given = {"kind": "lpg_store", "inventory": [{"substance": "丙烷", "quantity_t": 9.0718}], "cell_m": 100}
    answer = search(metre_reader, CITY, given)
    assert "access" in answer["everywhere"]
    assert answer["counts"]["admissible"] == answer["counts"]["study_required"] == 0
    assert answer["refused"]["access"] > answer["refused"]["distance.10"] > 0
    assert answer["study_required"]
    assert {one["verdict"] for one in answer["study_required"]} == {"not_in_principle"}


def test_none_is_an_answer_with_what_would_have_to_change(metre_reader: Engine) -> None:
    answer = search(metre_reader, CITY, {"kind": "fireworks_production", "cell_m": 1000})
    assert answer["counts"]["veto"] == answer["cells"] == 64
    assert answer["everywhere"][0] == "access"
    assert answer["refused"] == {"access": 64}
    assert (answer["least"]["rule"], answer["least"]["verdict"]) == ("access", "veto")
    assert "改为其他类别" in answer["least"]["turns"]
    tank = {"kind": "lpg_store", "inventory": [{"substance": "丙烷", "quantity_t": 9.0718}], "cell_m": 500}
    assert "例外批准" in search(metre_reader, CITY, tank)["least"]["turns"]


def test_a_place_is_called_by_the_village_and_the_way_from_its_middle(metre_reader: Engine) -> None:
    """The village is all of the city, its middle where metres are counted from."""
    given = {"kind": "dwelling", "dwellings": 12, "cell_m": 1000}
    told = search(metre_reader, CITY, given, most=5000)["admissible"]
    (east,) = (one for one in told if _metres(one) == (3500, 500))
    place = east["place"]
    assert (place["village"], place["township"]) == ("平地village", "平地township")
    assert (place["distance_m"], place["bearing"]) == (3536, 82)
    assert place["text"] == "平地township平地village中心东约 3.5 公里"
    (south,) = (one for one in told if _metres(one) == (-500, -500))
    assert south["place"]["text"] == "平地township平地village中心西南约 710 米"
    english = search(metre_reader, CITY, given, most=1, lang="en")["admissible"][0]["place"]["text"]
    assert "of the middle of 平地village, 平地township" in english


def test_listed_places_stand_apart_by_their_ranks_among_all(metre_reader: Engine) -> None:
    given = {"kind": "dwelling", "dwellings": 12, "cell_m": 250}
    every = search(metre_reader, CITY, given, most=5000)["admissible"]
    listed = search(metre_reader, CITY, given, most=6, apart_m=1500)["admissible"]
    assert len(listed) == 6
    assert [one for one in every if one["rank"] in {row["rank"] for row in listed}] == listed
    at = [np.array(_metres(one)) for one in listed]
    assert all(np.linalg.norm(a - b) >= 1499 for n, a in enumerate(at) for b in at[:n])
    left_out = next(one for one in every if one["rank"] == 2)
    assert np.linalg.norm(np.array(_metres(left_out)) - at[0]) < 1500


def _metres(one: dict[str, Any]) -> tuple[int, int]:
    x, y = Transformer.from_crs(4490, 4547, always_xy=True).transform(one["lon"], one["lat"])
    return round(x - MIDDLE[0]), round(y - MIDDLE[1])


@pytest.mark.parametrize("cell_m", [49, 5001, "100", True, 100.5])
def test_cells_have_a_size(metre_reader: Engine, cell_m: Any) -> None:
    with pytest.raises(BadInput, match="cell_m"):
        search(metre_reader, CITY, {"kind": "school", "cell_m": cell_m})


def test_who_sees_a_part_is_told_nothing_is_admissible(metre_reader: Engine) -> None:
    own = Identity("t", "township", "430981006")
    answer = search(metre_reader, own, {"kind": "dwelling", "dwellings": 5, "cell_m": 1000})
    assert answer["complete"] is False
    assert answer["counts"]["admissible"] == 0
    assert "coverage" in answer["everywhere"]


@pytest.mark.parametrize("given", [KINDS[0], KINDS[2]], ids=lambda given: given["kind"])
def test_seeded_cells_of_the_demo_city_are_judged_as_single_proposals(
    demo_reader: Engine, given: dict[str, Any], soak: bool
) -> None:
    found = cells_of(demo_reader, given, 100)
    assert len(found.worst.severity) > 200_000
    chosen = np.random.default_rng(7).choice(len(found.worst.severity), 1000 if soak else 100, replace=False)
    agree(demo_reader, given, found, chosen.tolist())


def test_the_picture_is_the_cells(metre_reader: Engine) -> None:
    """Runs come back to the counts; a cell found by the mesh's corners says what a single verdict says in its middle."""
    given = {"kind": "school", "people": 300}
    told = search(metre_reader, CITY, {**given, "cell_m": 250}, more=as_picture)
    picture = told["picture"]
    columns, rows, mesh = picture["columns"], picture["rows"], picture["mesh"]
    values = np.repeat(picture["runs"][::2], picture["runs"][1::2])
    assert len(values) == columns * rows
    inside = values[values >= 0]
    counts = {word: int((inside % len(VERDICTS) == n).sum()) for n, word in enumerate(VERDICTS)}
    assert counts == told["ranked_counts"]
    assert (inside >= 0).sum() == told["cells"]
    corners = np.array(mesh["lonlat"]).reshape(len(mesh["rows"]), len(mesh["columns"]), 2)
    for i, j in ((0, 0), (4, 4), (7, 1)):
        column, row = mesh["columns"][j], mesh["rows"][i]
        parts = mesh["columns"][j + 1] - column, mesh["rows"][i + 1] - row
        east, north = corners[i, j + 1] - corners[i, j], corners[i + 1, j] - corners[i, j]
        lon, lat = corners[i, j] + east / parts[0] / 2 + north / parts[1] / 2
        single = verdict_on(
            metre_reader, CITY, {**given, "geometry": {"type": "Point", "coordinates": [lon, lat]}}
        )
        value = int(values[row * columns + column])
        assert VERDICTS[value % len(VERDICTS)] == single["verdict"]
        assert picture["rules"][value // len(VERDICTS)] == single["binding"]
        if (i, j) == (7, 1):  # by the tank
            assert told["rules_told"][single["binding"]]["clause"] == single["rules"][0]["clause"]

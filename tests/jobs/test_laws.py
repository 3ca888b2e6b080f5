"""The laws of the risk account on random cities: sums, order, more never less, small moves, both sides of every edge."""

from dataclasses import replace
from datetime import timedelta
from typing import Any

import numpy as np
import pytest
import shapely
from hypothesis import example, given, settings
from hypothesis import strategies as st

from jobs.areas import places_within
from jobs.assessment import assess_records
from jobs.city import arrange
from jobs.frames import each
from jobs.results import Assessment
from layers.dynamic import no_dynamic
from layers.risk import Inputs
from riskmap.credits import OF_ENTERPRISES, OF_SOURCES
from riskmap.rollup import area_account
from tests.conftest import SOAK
from tests.laws import (
    AREAS,
    MICRO,
    RECORDS,
    Table,
    assert_accounts_sum,
    assert_calm_is_the_baseline,
    assert_colours_follow_the_edges,
    assert_parts_add_up,
    colour,
    graded_alike,
    largest_move,
    lowered,
    moved,
    shuffled,
    table,
    within_reach,
)
from tests.random_city import (
    ASSESSED,
    CITY,
    NOON,
    TODAY,
    Maker,
    framed,
    random_city,
    rows_of,
    standing,
    with_rows,
    without,
)
from tests.riskmap.standard import edited

pytestmark = pytest.mark.soak
SEEDS = st.integers(0, 1_000_000)


def rounds(usual: int) -> settings:
    """So many cities, thirty times as many in the soak."""
    return settings(max_examples=usual * (30 if SOAK else 1))


def assessed(inputs: Inputs) -> Assessment:
    return assess_records(inputs, CITY)


def results(inputs: Inputs) -> Table:
    return table(assessed(inputs))


# --- 1: sums and order ----------------------------------------------------------------------------------------


@rounds(5)
@given(SEEDS)
def test_everything_adds_up(seed: int) -> None:
    inputs = random_city(seed)
    result = assessed(inputs)
    assert_accounts_sum(result)
    assert_parts_add_up(table(result))
    assert_colours_follow_the_edges(table(result))


@rounds(4)
@given(SEEDS)
def test_the_parts_of_every_area_sum_to_its_score(seed: int) -> None:
    inputs = random_city(seed)
    scores, ground = results(inputs), arrange(inputs).ground
    for area in each(inputs.areas):
        own = ground.places.take(np.flatnonzero(places_within(area, ground.people, ground.places.xy)))
        for name, hazards in (("score", ground.now), ("base", ground.base)):
            worst, share = ground.weights.worst_placed[area.level], ground.weights.share_permille
            parts = area_account(own, hazards, worst, share)[1]
            assert sum(part.value for part in parts) == scores.at[(area.level, area.code), name]


@rounds(4)
@given(SEEDS)
def test_the_order_of_records_changes_no_bit(seed: int) -> None:
    inputs = random_city(seed)
    assert assessed(shuffled(inputs, seed)).result_hash() == assessed(inputs).result_hash()


# --- 2: more never less -------------------------------------------------------------------------------------


def additions(make: Maker, inputs: Inputs) -> list[tuple[str, Inputs]]:
    """A city with one more of everything that can be there, each by itself, and what was added."""

    def one(layer: str) -> dict[str, Any]:
        row: dict[str, Any] = make.pick(tuple(rows_of(getattr(inputs, layer))))
        return row

    home, source, firm = one("population"), one("sources"), one("enterprises")
    fuller = home | {"people": home["people"] + 1, "people_day": (home["people_day"] or 0) + 1}
    added = [
        ("sources", make.source("NEW")),
        ("sources", make.source("NEW", firm)),
        ("sources", source | make.pick(ASSESSED[2:4])),
        ("inventory", make.held("NEW", source["code"])),
        ("population", fuller),
        ("population", make.home("NEW")),
        ("targets", make.school("NEW")),
        ("dangers", make.danger("NEW", {"source_code": source["code"]})),
        ("dangers", make.danger("NEW", {"enterprise_code": firm["code"]})),
        ("events", make.event("NEW", source["code"])),
        ("events", make.event("NEW", None)),
    ]
    if shapely.get_type_id(firm["geom"]) == 0:
        added.append(("enterprises", make.enterprise("NEW") | {"geom": firm["geom"]}))
    return [(f"{layer} {row}", with_rows(inputs, layer, row)) for layer, row in added]


@rounds(3)
@given(SEEDS)
def test_what_is_added_lowers_nothing(seed: int) -> None:
    inputs = random_city(seed)
    before = results(inputs)
    for what, fuller in additions(Maker(seed + 1), inputs):
        assert lowered(before, results(fuller)) == {}, what


@rounds(3)
@given(SEEDS)
def test_what_is_closed_raises_nothing(seed: int) -> None:
    inputs = random_city(seed)
    before, dice = results(inputs), np.random.default_rng(seed)
    for layer in ("sources", "inventory", "population", "targets", *RECORDS):
        frame = getattr(inputs.records if layer in RECORDS else inputs, layer)
        code = frame["code"].iloc[int(dice.integers(len(frame)))]
        assert lowered(results(without(inputs, layer, code)), before) == {}, (layer, code)


@rounds(4)
@given(SEEDS)
def test_ending_every_dynamic_record_gives_the_baseline(seed: int) -> None:
    inputs = random_city(seed)
    assert_calm_is_the_baseline(inputs, CITY)
    now = results(inputs)
    assert (now["score"] > now["base"]).any(), "something is going on"


@rounds(4)
@given(SEEDS, st.integers(1, 40))
def test_own_dangers_in_date_move_nothing(seed: int, many: int) -> None:
    inputs = random_city(seed)
    make = Maker(seed + 1)
    own = {"grade": "general", "found_by": "self", "found_on": TODAY, "due_on": TODAY + timedelta(days=3)}
    subjects = [{"source_code": code} for code in inputs.sources["code"]]
    subjects += [{"enterprise_code": code} for code in inputs.enterprises["code"]]
    entered = [make.danger(f"OWN{n}", make.pick(tuple(subjects)), **own) for n in range(many)]
    before, after = assessed(inputs), assessed(with_rows(inputs, "dangers", *entered))
    assert after.result_hash() == before.result_hash()
    told = after.contributions[after.contributions["record"].str.startswith("danger/OWN", na=False)]
    assert len(told) == many
    assert set(told["value"]) == {0}, "they are told, as lines of 0"
    names = ["score", "base", "level", "base_level", "rise_level"]
    assert table(after)[names].equals(table(before)[names])


@rounds(3)
@given(SEEDS)
def test_credits_only_lower_and_end_with_their_proof(seed: int) -> None:
    inputs = random_city(seed)

    def bare(inputs: Inputs) -> Inputs:
        return replace(
            inputs,
            enterprises=inputs.enterprises.assign(**dict.fromkeys(OF_ENTERPRISES)),
            sources=inputs.sources.assign(**dict.fromkeys(OF_SOURCES)),
        )

    assert lowered(results(inputs), results(bare(inputs))) == {}
    assert moved(results(inputs), results(bare(inputs)), ("source",))
    later = replace(inputs, at=NOON + timedelta(days=100))
    assert assessed(later).result_hash() == assessed(bare(later)).result_hash()


# --- 3: small moves -----------------------------------------------------------------------------------------


@rounds(5)
@given(SEEDS, st.floats(0, 6.283))
@example(176707, 0.0)
def test_a_step_of_a_metre_is_a_small_step(seed: int, direction: float) -> None:
    """A source, an enterprise that is a point, or a school moves; sources by under 1 point, areas by under 0.2."""
    inputs = random_city(seed)
    before, dice = results(inputs), np.random.default_rng(seed)
    for layer in ("sources", "enterprises", "targets"):
        frame = getattr(inputs, layer)
        points = [row for row in rows_of(frame) if shapely.get_type_id(row["geom"]) == 0]
        if not points:  # a small city may have only polygons and lines of a layer
            continue
        row = points[int(dice.integers(len(points)))]
        step = np.round([np.cos(direction), np.sin(direction)], 3)
        there = shapely.Point(*(shapely.get_coordinates(row["geom"])[0] + step))
        after = results(with_rows(inputs, layer, row | {"geom": there}))
        if graded_alike(before, after):
            assert largest_move(before, after, ("source",)) < MICRO, (layer, row)
            assert largest_move(before, after, AREAS) < 0.2 * MICRO, (layer, row)


@rounds(4)
@given(SEEDS)
def test_a_change_reaches_what_lies_within_its_reach(seed: int) -> None:
    inputs = random_city(seed)
    make = Maker(seed + 1)
    code = make.pick(tuple(inputs.sources["code"]))
    more = make.danger("NEW", {"source_code": code}, grade="major", found_on=TODAY)
    calm = results(inputs)
    after = results(with_rows(inputs, "dangers", more))
    graded = arrange(inputs).graded
    sites = dict(zip(graded.sources["code"], graded.sites, strict=True))
    reached = within_reach(after, [code], sites, inputs)
    assert {name for _, name in moved(calm, after, ("place",))} <= reached
    owner = calm.at[("source", code), "enterprise_code"]
    expected = {("source", code), ("enterprise", owner)}
    assert moved(calm, after, ("source", "enterprise")) <= expected
    assert ("source", code) in moved(calm, after, ("source",))
    homes = calm.loc["place"].loc[sorted(reached)]
    for level in ("grid", "village", "township"):
        codes = {name for _, name in moved(calm, after, (level,))}
        assert codes <= set(homes[f"{level}_code"]), level


# --- 4: edges -----------------------------------------------------------------------------------------------


def exact_city(points: int, rise: int, townships: int) -> Inputs:
    """A million people at one source in each township: with these micro-points everywhere, and this rise."""

    def weights(table: Any) -> None:
        table["exposure"]["most"] = 0
        other = next(row for row in table["kinds"] if row["kind"] == "other")
        other["points"] = f"{points / MICRO:.6f}"

    def figures(table: Any) -> None:
        table["dangers"]["other"] = f"{rise / MICRO:.6f}"
        table["dangers"] |= {"overdue": 100, "major": 100, "major_listed": 100, "major_overdue": 100}

    seeded = random_city(1)
    both = edited("risk", weights)
    both = replace(both, tables={**both.tables, "dynamic": edited("dynamic", figures).tables["dynamic"]})
    middles = {
        area.township_code: shapely.centroid(area.geom) for area in each(seeded.areas) if area.level == "grid"
    }
    make = Maker(0)
    sources, homes, dangers = [], [], []
    for number, (_, middle) in enumerate(sorted(middles.items())):
        sources.append(make.source(f"S{number}") | {"kind": "other"} | standing(middle))
        homes.append({"code": f"P{number}", "people": 1e6} | standing(middle))
        about = {"grade": "general", "found_by": "other", "found_on": TODAY, "due_on": None}
        dangers.append(make.danger(f"D{number}", {"source_code": f"S{number}"}, **about))
    areas = seeded.areas if townships else seeded.areas[seeded.areas["level"] != "township"]
    empty = no_dynamic()
    return replace(
        seeded,
        edition=both,
        enterprises=seeded.enterprises.iloc[:0],
        inventory=seeded.inventory.iloc[:0],
        targets=seeded.targets.iloc[:0],
        sources=framed(seeded.sources, sources),
        population=framed(seeded.population, homes),
        areas=areas.reset_index(drop=True),
        records=replace(empty, dangers=framed(empty.dangers, dangers if rise else [])),
        at=NOON,
    )


@pytest.mark.parametrize("edge", [20, 40, 60, 80])
@pytest.mark.parametrize("short", [0, 1])
def test_both_sides_of_an_edge_on_every_level(edge: int, short: int) -> None:
    points = edge * MICRO - short
    with_townships, without_any = (results(exact_city(points, 0, n)) for n in (3, 0))
    for kind in ("source", "place", "grid", "village", "township", "city"):
        rows = with_townships.loc[kind]
        worst = rows[rows["score"] > 0]
        assert set(worst["score"]) == {points}, kind
        expected = colour(points, "city" if kind == "city" else "ordinary")
        assert set(worst["level"]) == set(worst["base_level"]) == {expected}, kind
    city = without_any.loc["city"].iloc[0]
    assert (city["score"], city["level"]) == (points, colour(points)), "no townships: the ordinary edges"


@pytest.mark.parametrize("edge", [2, 6, 12])
@pytest.mark.parametrize("short", [0, 1])
def test_both_sides_of_an_edge_of_the_dynamic_map_on_every_level(edge: int, short: int) -> None:
    rise = edge * MICRO - short
    found = results(exact_city(5 * MICRO, rise, 3))
    for kind in ("source", "place", "grid", "village", "township", "city"):
        rows = found.loc[kind]
        worst = rows[rows["score"] > 0]
        assert set(worst["score"] - worst["base"]) == {rise}, kind
        assert set(worst["rise_level"]) == {colour(rise, "rise")}, kind
        assert set(worst["level"]) == {colour(5 * MICRO + rise, "city" if kind == "city" else "ordinary")}, (
            kind
        )

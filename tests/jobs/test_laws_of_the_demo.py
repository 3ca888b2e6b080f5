"""The laws of the risk account on the demo city: sums, more never less, small moves, reach, a danger at any enterprise."""

import random
from datetime import date, datetime
from typing import Any

import numpy as np
import pytest
import shapely
from sqlalchemy import Engine

from jobs.assessment import assess_records
from jobs.grading import grade_sources
from jobs.risk import assess
from layers.city import stored_city
from layers.database import snapshot
from layers.history import CLOCK
from layers.risk import Inputs, read_inputs
from tests.import_files import load
from tests.laws import (
    AREAS,
    MICRO,
    Table,
    assert_accounts_sum,
    assert_calm_is_the_baseline,
    assert_colours_follow_the_edges,
    assert_explained,
    assert_no_bit_depends_on_order_or_threads,
    assert_parts_add_up,
    graded_alike,
    largest_move,
    lowered,
    moved,
    reach_m,
    table,
    within_reach,
)
from tests.random_city import Maker, rows_of, with_rows

NOON = datetime(2026, 5, 31, 12, tzinfo=CLOCK)
"""noon of the last day of the demo's year"""
ENTERPRISES = 100
OVERDUE = {
    "grade": "general",
    "found_by": "self",
    "found_on": date(2026, 5, 1),
    "due_on": date(2026, 5, 10),
}


@pytest.fixture(scope="module")
def inputs(demo_owner: Engine) -> Inputs:
    with snapshot(demo_owner) as connection:
        return read_inputs(connection, NOON)


@pytest.fixture(scope="module")
def code(demo_owner: Engine) -> str:
    with snapshot(demo_owner) as connection:
        return stored_city(connection).code


@pytest.fixture(scope="module")
def before(inputs: Inputs, code: str) -> Table:
    return table(assess_records(inputs, code))


@pytest.fixture(scope="module")
def sites(inputs: Inputs) -> dict[str, Any]:
    graded = grade_sources(inputs)
    return dict(zip(graded.sources["code"], graded.sites, strict=True))


def test_everything_adds_up(inputs: Inputs, code: str) -> None:
    result = assess_records(inputs, code)
    assert_accounts_sum(result)
    assert_parts_add_up(table(result))
    assert_colours_follow_the_edges(table(result))


def test_order_and_threads_change_no_bit(inputs: Inputs, code: str, monkeypatch: pytest.MonkeyPatch) -> None:
    assert_no_bit_depends_on_order_or_threads(inputs, code, monkeypatch)


def test_calm_is_the_baseline(inputs: Inputs, code: str) -> None:
    assert_calm_is_the_baseline(inputs, code)


def test_more_lowers_nothing(inputs: Inputs, before: Table, code: str, *, soak: bool) -> None:
    """Thirty random additions of one kind at a time, a round each; two rounds in `make test`."""
    for seed in range(10 if soak else 1):
        make = Maker(seed)
        sources, firms = (tuple(frame["code"]) for frame in (inputs.sources, inputs.enterprises))
        homes = rows_of(inputs.population)
        more: dict[str, list[dict[Any, Any]]] = {"dangers": [], "sources": [], "population": [], "events": []}
        for n in range(30):
            home = make.pick(tuple(homes))
            where = {name: home[name] for name in home if name == "geom" or name.endswith("_code")}
            subject = {"source_code": make.pick(sources)} if n % 2 else {"enterprise_code": make.pick(firms)}
            more["dangers"].append(make.danger(f"NEW{n}", subject, **OVERDUE))
            more["sources"].append(make.source(f"NEW{n}") | where)
            more["population"].append(home | {"people": home["people"] + 1})
            more["events"].append(make.event(f"NEW{n}", make.pick(sources)) | {"time": NOON, "until": None})
        for layer in more if soak else ("sources", "population"):
            fuller = with_rows(inputs, layer, *more[layer])
            assert lowered(before, table(assess_records(fuller, code))) == {}, (seed, layer)


def apart(inputs: Inputs, before: Table, sites: dict[str, Any], seed: int) -> list[str]:
    """Sources at points of their own, in random order, of which no two can be felt at one place."""
    rows = inputs.sources[shapely.get_type_id(inputs.sources["geom"]) == 0]
    codes = sorted(code for code in rows["code"] if shapely.get_type_id(sites[code]) == 0)
    chosen: list[str] = []
    for code in random.Random(seed).sample(codes, len(codes)):
        far = [
            shapely.distance(sites[code], sites[other]) > reach_m(before, code) + reach_m(before, other) + 2
            for other in chosen
        ]
        if all(far):
            chosen.append(code)
    return chosen


def test_a_step_of_a_metre_is_a_small_step(
    inputs: Inputs, before: Table, sites: dict[str, Any], code: str, *, soak: bool
) -> None:
    """Sources that share no place move at once; an area moves no more than the place that moves most."""
    steps = 0
    for seed in range(40 if soak else 2):
        chosen, dice = apart(inputs, before, sites, seed), np.random.default_rng(seed)
        rows = rows_of(inputs.sources[inputs.sources["code"].isin(chosen)])
        for row in rows:
            turn = dice.uniform(0, 2 * np.pi)
            x, y = shapely.get_coordinates(row["geom"])[0]
            row["geom"] = shapely.Point(round(x + np.cos(turn), 3), round(y + np.sin(turn), 3))
        after = table(assess_records(with_rows(inputs, "sources", *rows), code))
        if not graded_alike(before, after):
            continue
        steps += len(rows)
        assert largest_move(before, after, ("source",)) < MICRO
        assert largest_move(before, after, ("place", *AREAS)) < 0.2 * MICRO
    assert steps > 20


def test_a_change_reaches_what_lies_within_its_reach(
    inputs: Inputs, before: Table, sites: dict[str, Any], code: str
) -> None:
    chosen = apart(inputs, before, sites, 1)
    rows = [
        Maker(n).danger(f"NEW{n}", {"source_code": one}, **OVERDUE | {"grade": "major"})
        for n, one in enumerate(chosen)
    ]
    after = table(assess_records(with_rows(inputs, "dangers", *rows), code))
    reached = within_reach(after, chosen, sites, inputs)
    changed = {name for _, name in moved(before, after, ("place",))}
    assert changed
    assert changed <= reached
    owners = {before.at[("source", one), "enterprise_code"] for one in chosen}
    assert moved(before, after, ("source",)) == {("source", one) for one in chosen}
    assert moved(before, after, ("enterprise",)) <= {("enterprise", one) for one in owners}
    homes = before.loc["place"].loc[sorted(reached)]
    for level in ("grid", "village", "township"):
        assert {name for _, name in moved(before, after, (level,))} <= set(homes[f"{level}_code"]), level


# --- 5: a danger at any enterprise ---------------------------------------------------------------------------


@pytest.fixture(scope="module")
def enterprises(inputs: Inputs) -> list[str]:
    """A hundred at random, a third of them with registered sources."""
    dice = random.Random(5)
    every = sorted(inputs.enterprises["code"])
    known = set(inputs.sources["enterprise_code"])
    with_sources, bare = ([one for one in every if (one in known) == has] for has in (True, False))
    return [*dice.sample(with_sources, ENTERPRISES // 3), *dice.sample(bare, ENTERPRISES - ENTERPRISES // 3)]


@pytest.fixture(scope="module")
def opened(demo_owner: Engine, enterprises: list[str], tmp_path_factory: pytest.TempPathFactory) -> Engine:
    """The demo with an overdue danger at each of them, assessed."""
    rows = [
        f"LAW{n},{one},general,灭火器失效,self,2026-05-01,2026-05-10" for n, one in enumerate(enterprises)
    ]
    header = "code,enterprise_code,grade,title,found_by,found_on,due_on"
    load(
        demo_owner,
        tmp_path_factory.mktemp("dangers"),
        "dangers",
        header,
        *rows,
        at=datetime(2026, 6, 1, 20, tzinfo=CLOCK),
    )
    assess(demo_owner, actor="test", at=NOON)
    return demo_owner


def test_an_overdue_danger_at_any_enterprise_moves_a_place_and_is_named(
    opened: Engine,
    demo_reader: Engine,
    before: Table,
    inputs: Inputs,
    enterprises: list[str],
    sites: dict[str, Any],
    code: str,
) -> None:
    """Law 5. The premises reach 150 to 300 m; where nobody lives that near, those who work there stand there by day."""
    with snapshot(opened) as connection:
        after = table(assess_records(read_inputs(connection, NOON), code))
    risen = {name for _, name in moved(before, after, ("place",))}
    for n, one in enumerate(enterprises):
        premises = f"{one}-P"
        assert after.at[("source", premises), "score"] > before.at[("source", premises), "score"], one
        around = within_reach(after, [premises], sites, inputs)
        assert around, one
        assert around <= risen
        lines = assert_explained(opened, demo_reader, "source", premises)
        assert any(line["record"] == f"danger/LAW{n}" and line["value"] > 0 for line in lines), one


def test_every_enterprise_has_a_place_of_people_in_reach(
    inputs: Inputs, before: Table, sites: dict[str, Any]
) -> None:
    """So law 5 holds at all of them, not only at a hundred."""
    homes = shapely.STRtree(shapely.point_on_surface(inputs.population["geom"].to_numpy(object)))
    firms = [f"{one}-P" for one in inputs.enterprises["code"]]
    reach = [reach_m(before, one) for one in firms]
    found = homes.query([sites[one] for one in firms], predicate="dwithin", distance=reach)[0]
    assert len(set(found)) == len(firms)

"""The laws of the risk account as checks of whole results: what any city must obey, whatever its records are."""

import json
from collections import defaultdict
from dataclasses import replace
from typing import Any, Literal

import numpy as np
import pandas as pd
import pytest
import shapely
from sqlalchemy import Engine

from jobs.assessment import assess_records
from jobs.explain import explain
from jobs.results import Assessment
from layers.database import CITY
from layers.dynamic import no_dynamic
from layers.risk import Inputs

MICRO = 1_000_000
PARENT = {"grid": "village_code", "village": "township_code"}
AREAS = ("grid", "village", "township", "overlay", "city")
FRAMES = ("enterprises", "sources", "inventory", "population", "targets", "areas")
RECORDS = ("dangers", "events", "sensors")
COLOURS = ("level", "base_level", "rise_level")
EDGES = {"ordinary": (20, 40, 60), "city": (40, 60, 80), "rise": (2, 6, 12)}
"""yellow, orange and red of RISK-MODEL.md"""

Table = Any
"""a frame by kind and code; the stubs of pandas cannot follow one"""


def table(result: Assessment) -> Table:
    """A run's scores by kind and code, whole micro-points."""
    scores = result.scores.set_index(["kind", "code"]).sort_index()
    return scores.astype(dict.fromkeys(("score", "base", *COLOURS), "Int64"))


def lowered(before: Table, after: Table) -> dict[Any, Any]:
    """What is in both and has a lower score in the second, now or in the baseline."""
    both = _side_by_side(before, after, "inner")
    falls = (both["score_after"] < both["score"]) | (both["base_after"] < both["base"])
    fallen: dict[Any, Any] = both.loc[falls].to_dict("index")
    return fallen


def _side_by_side(before: Table, after: Table, how: Literal["inner", "outer"]) -> Table:
    names = ["score", "base"]
    return before[names].join(after[names].add_suffix("_after"), how=how)


def moved(before: Table, after: Table, kinds: tuple[str, ...] = ()) -> set[tuple[str, str]]:
    """What has another score in the second, or is in one of the two only; of some kinds or all."""
    both = _side_by_side(before, after, "outer")
    one = both[["score", "base"]].fillna(-1).to_numpy(np.int64)
    other = both[["score_after", "base_after"]].fillna(-1).to_numpy(np.int64)
    changed = both.index[(one != other).any(axis=1)]
    return {key for key in changed if not kinds or key[0] in kinds}


def largest_move(before: Table, after: Table, kinds: tuple[str, ...]) -> int:
    """The largest change of a score or baseline among things of some kinds that are in both, in micro-points."""
    both = _side_by_side(before, after, "inner")
    both = both[both.index.get_level_values(0).isin(kinds)]
    change = [(both[f"{name}_after"] - both[name]).abs().max() for name in ("score", "base")]
    return int(max([one for one in change if not pd.isna(one)], default=0))


def graded_alike(before: Table, after: Table) -> bool:
    """Whether every source has the same grade and the same α in both."""

    def told(results: Table) -> dict[str, Any]:
        sources = results.loc[["source"]]
        alphas = [json.loads(facts)["alpha"] for facts in sources["facts"]]
        return dict(zip(sources.index, zip(sources["grade"], alphas, strict=True), strict=True))

    return told(before) == told(after)


def assert_accounts_sum(result: Assessment) -> None:
    """Law 1: the lines of every source and enterprise sum to its score; all of it whole numbers."""
    lines = result.contributions
    assert all(isinstance(value, int) for value in lines["value"])
    sums = lines.groupby(["kind", "code"])["value"].sum()
    assert sums.dtype in {np.dtype(object), np.dtype(np.int64)}
    scores = table(result)
    explained = scores[scores.index.get_level_values(0).isin(("source", "enterprise"))]
    assert set(sums.index) == set(explained.index), "none without a line"
    assert {key: int(value) for key, value in sums.items()} == explained["score"].to_dict()


def assert_parts_add_up(results: Table) -> None:
    """Burdens, people and counts of a whole equal the sum of its parts, people in no township among the city's."""
    facts = {key: json.loads(cell) for key, cell in results["facts"].items() if key[0] in AREAS}
    there = set(results.index.get_level_values(0))
    for part, parent in PARENT.items():
        if part not in there:
            continue
        sums: defaultdict[Any, defaultdict[str, float]] = defaultdict(lambda: defaultdict(float))
        for code, owner in results.loc[part, parent].items():
            for name, value in _counts(facts[part, code]).items():
                sums[parent.removesuffix("_code"), owner][name] += value
        for key, expected in sums.items():
            assert _rounded(_counts(facts[key])) == _rounded(expected), key
    city = next(key for key in facts if key[0] == "city")
    places = results.loc["place"]
    outside = places[places["township_code"].isna()]
    milli = [round(json.loads(cell)["people"] * 1000) for cell in outside["facts"]]
    in_none = {
        "burden": sum(n * int(score) for n, score in zip(milli, outside["score"], strict=True)),
        "base_burden": sum(n * int(base) for n, base in zip(milli, outside["base"], strict=True)),
        "residents_and_day": sum(milli) / 1000,
    }
    for name, value in in_none.items():
        whole = value + sum(told[name] for key, told in facts.items() if key[0] == "township")
        assert round(whole, 3) == round(facts[city][name], 3), name


def _counts(facts: dict[str, Any]) -> dict[str, float]:
    names = ("burden", "base_burden", "residents_and_day", "sources", "enterprises")
    by_level: dict[str, float] = facts["sources_by_level"]
    return {name: float(facts[name]) for name in names} | by_level


def _rounded(values: dict[str, float]) -> dict[str, float]:
    return {name: round(value, 3) for name, value in values.items()}


def colour(points: int, edges: str = "ordinary") -> int:
    """The colour of micro-points by the edges of the model: 4 blue … 1 red; an edge belongs to the worse."""
    return 4 - sum(points >= edge * MICRO for edge in EDGES[edges])


def assert_colours_follow_the_edges(results: Table) -> None:
    """Law 4: every colour is that of its score by its own edges; a floor or a rule may only make it worse."""
    by_township = "township" in results.index.get_level_values(0)
    for key, row in results.dropna(subset=["score"]).iterrows():
        kind = key[0]
        edges = "city" if kind == "city" and by_township else "ordinary"
        colours = colour(row.score, edges), colour(row.base, edges), colour(row.score - row.base, "rise")
        told = row.level, row.base_level, row.rise_level
        assert all(one <= other for one, other in zip(told, colours, strict=True)), key
        if kind in ("place", "overlay"):
            assert told == colours, key
        if kind in ("source", "enterprise"):
            assert told[2] == colours[2], key


def reach_m(results: Table, code: str) -> float:
    """How far a source is felt now."""
    return float(json.loads(results.at[("source", code), "facts"])["reach_now_m"])


def within_reach(result: Table, codes: list[str], sites: dict[str, Any], inputs: Inputs) -> set[str]:
    """The places that lie within the reach of some sources; `sites` their shapes."""
    found: set[str] = set()
    homes = inputs.population["geom"].to_numpy(object)
    for code in codes:
        near = shapely.distance(shapely.point_on_surface(homes), sites[code]) < reach_m(result, code)
        found |= set(inputs.population["code"][near])
    return found


def shuffled(inputs: Inputs, seed: int) -> Inputs:
    """The same records in another order."""
    dice = np.random.default_rng(seed)

    def mixed(holder: Any, names: tuple[str, ...]) -> dict[str, Table]:
        frames = {name: getattr(holder, name) for name in names}
        return {n: f.iloc[dice.permutation(len(f))].reset_index(drop=True) for n, f in frames.items()}

    other = replace(inputs, **mixed(inputs, FRAMES))
    return replace(other, records=replace(inputs.records, **mixed(inputs.records, RECORDS)))


def assert_no_bit_depends_on_order_or_threads(
    inputs: Inputs, city_code: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Law 1: shuffled records and 1, 2 or 4 threads come to the same results."""
    expected = assess_records(inputs, city_code).result_hash()
    assert assess_records(shuffled(inputs, 1), city_code).result_hash() == expected
    for threads in (1, 2, 4):
        monkeypatch.setattr("riskmap.compiled.os.cpu_count", lambda threads=threads: threads)
        assert assess_records(inputs, city_code).result_hash() == expected, threads


def assert_calm_is_the_baseline(inputs: Inputs, city_code: str) -> None:
    """Law 2: every dynamic record ended is the baseline, exactly."""
    before = table(assess_records(inputs, city_code))
    after = table(assess_records(replace(inputs, records=no_dynamic()), city_code))
    assert after["score"].equals(before["base"])
    assert after["base"].equals(before["base"])
    assert after["level"].equals(before["base_level"])
    assert after["base_level"].equals(before["base_level"])
    assert set(after["rise_level"].dropna()) == {4}


def assert_explained(owner: Engine, reader: Engine, kind: str, code: str) -> list[dict[str, Any]]:
    """Law 1 for one thing as a page shows it; returns its lines."""
    answer = explain(owner, reader, CITY, kind, code)
    lines: list[dict[str, Any]] = answer["contributions"]
    assert sum(round(line["value"] * MICRO) for line in lines) == round(answer["score"] * MICRO), (kind, code)
    assert all(line["label"] and line["reason"] for line in lines)
    return lines

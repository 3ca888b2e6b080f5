"""Conditions that make a source red: none by default; an edition that has some says so, line by line."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from jobs.assessment import assess_records
from jobs.counterfactual import lowering
from jobs.levels import Outline
from jobs.results import Assessment
from layers.risk import Inputs
from riskmap.directly_red import Known, conditions_met, reddened
from riskmap.errors import BadInput
from riskmap.risk import ORANGE, RED, YELLOW
from riskmap.weights import RedCondition, RiskWeights
from riskmap.wording import words
from tests.laws import Table, assert_accounts_sum, table
from tests.random_city import CITY, random_city
from tests.riskmap.standard import edited, edition

Row = dict[str, str]
FERRIES = {"condition": "ferries", "kind": "ferry", "grade": "", "field": "", "least": ""}
MAJOR = {"condition": "major", "kind": "", "grade": "3", "field": "", "least": ""}
LARGE = {"condition": "large", "kind": "", "grade": "", "field": "s", "least": "1"}
CROWDED = {"condition": "crowded", "kind": "dust_workshop", "grade": "", "field": "workers", "least": "10"}


def with_conditions(*rows: Row) -> Callable[[Any], None]:
    texts = {
        "name_zh": "粉尘作业十人以上",
        "name_en": "ten or more",
        "clause": "某文件第三条",
        "clause_en": "clause 3",
    }

    def change(content: Any) -> None:
        content["directly_red"] = [row | texts for row in rows]

    return change


def conditions(*rows: Row) -> tuple[RedCondition, ...]:
    return RiskWeights.from_table(edited("risk", with_conditions(*rows)).table("risk")).directly_red


def met(row: Row, kind: str = "other", grade: int | None = None, **figures: Any) -> bool:
    return bool(conditions_met(conditions(row), Known(kind, grade, figures)))


def test_there_are_none_by_default() -> None:
    assert RiskWeights.from_table(edition().table("risk")).directly_red == ()


def test_both_sides_of_every_condition() -> None:
    assert met(FERRIES, "ferry")
    assert not met(FERRIES, "bridge")
    assert [met(MAJOR, grade=grade) for grade in (1, 2, 3, 4, None)] == [True, True, True, False, False]
    assert [met(LARGE, s=s) for s in (1, 0.999999, None)] == [True, False, False]
    assert [met(CROWDED, "dust_workshop", workers=n) for n in (9, 10, None)] == [False, True, False]
    assert not met(CROWDED, "mine", workers=10)


def test_each_condition_is_a_line_of_0_with_its_clause() -> None:
    level, lines = reddened(YELLOW, {"source/S1": conditions(FERRIES, LARGE), "source/S2": ()})
    assert (level, [(line.record, line.value) for line in lines]) == (RED, [("source/S1", 0)] * 2)
    assert words("directly_red", lines[0].args) == (
        "直接判定为重大风险（红）",
        "粉尘作业十人以上：某文件第三条",
    )
    assert "clause 3" in words("directly_red", lines[0].args, "en")[1]
    assert reddened(ORANGE, {}) == (ORANGE, [])


@pytest.mark.parametrize(
    ("change", "told"),
    [
        ({"kind": ""}, "没有条件"),
        ({"kind": "castle"}, "castle"),
        ({"field": "luck"}, "luck"),
        ({"grade": "5"}, "grade"),
    ],
)
def test_a_wrong_condition_says_where(change: Row, told: str) -> None:
    with pytest.raises(BadInput, match=told) as refused:
        conditions(FERRIES | change)
    assert "directly_red.csv" in refused.value.detail


def made_red(seed: int) -> tuple[Inputs, Inputs]:
    """A random city under the shipped edition, and under one that makes three kinds of source red."""
    inputs = random_city(seed)
    kinds = sorted(set(inputs.sources["kind"]))[:3]
    rows = [FERRIES | {"condition": kind, "kind": kind} for kind in kinds] + [MAJOR]
    return inputs, replace(inputs, edition=edited("risk", with_conditions(*rows)))


def levels_of(result: Assessment, kind: str) -> Table:
    return table(result).loc[kind][["level", "base_level"]]


@pytest.mark.parametrize("seed", [1, 2])
def test_a_red_source_is_red_on_every_way_to_its_colour(seed: int) -> None:
    before, inputs = made_red(seed)
    plain, result = assess_records(before, CITY), assess_records(inputs, CITY)
    assert_accounts_sum(result)
    assert (table(plain)[["score", "base"]] == table(result)[["score", "base"]]).all(axis=None)
    lines = result.contributions[result.contributions["item"] == "directly_red"]
    codes = lines.loc[lines["kind"] == "source", "code"].unique()
    assert len(codes) >= 3
    assert (levels_of(result, "source").loc[codes] == RED).all(axis=None)
    firms = lines.loc[lines["kind"] == "enterprise", "code"].unique()
    assert (levels_of(result, "enterprise").loc[firms] == RED).all(axis=None)
    others = levels_of(result, "source").drop(codes)
    assert others.equals(levels_of(plain, "source").loc[others.index])
    villages = table(result).loc["source"].loc[codes, "village_code"].dropna().unique()
    assert (levels_of(result, "village").loc[villages] <= ORANGE).all(axis=None)
    quick = Outline(inputs, CITY)
    for kind, told in quick.own().levels.items():
        expected = levels_of(result, kind)["level"].loc[quick.codes[kind]]
        assert np.array_equal(told, expected), kind


def test_what_lifts_no_condition_is_no_remedy() -> None:
    inputs = made_red(1)[1]
    result = assess_records(inputs, CITY)
    lines = result.contributions
    held = set(inputs.inventory["source_code"])
    code = next(
        code
        for code in lines.loc[(lines["item"] == "directly_red") & (lines["kind"] == "source"), "code"]
        if code not in held
    )
    assert not lowering(inputs, "source", code).reached

"""Credits: what is in date takes points away, never more than the edition's bounds, and never turns a law round."""

from datetime import date, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from riskmap.credits import Earned, credit_lines, earned
from riskmap.errors import BadInput
from riskmap.risk import total
from riskmap.vocabulary import CREDITS
from riskmap.weights import RiskWeights
from riskmap.wording import group_of, words
from tests.riskmap.standard import edited, edition

MICRO = 1_000_000
WEIGHTS = RiskWeights.from_table(edition().table("risk"))
DAY = date(2026, 7, 4)
EVERY = [
    Earned(name, DAY, "enterprise/E1") for name in ("standard_1", "sis", "fire_brigade", "safety_engineer")
]


def test_a_certificate_counts_to_its_last_day_and_without_a_date_never() -> None:
    said: dict[str, Any] = {
        "standard_level": "2",
        "standard_until": DAY,
        "fire_brigade_until": DAY + timedelta(1),
    }
    assert [one.credit for one in earned(said, DAY, "enterprise/E1")] == ["standard_2", "fire_brigade"]
    assert [one.credit for one in earned(said, DAY + timedelta(1), "enterprise/E1")] == ["fire_brigade"]
    assert earned(said, DAY + timedelta(2), "enterprise/E1") == []
    assert earned({"standard_level": "1", "standard_until": None}, DAY, "enterprise/E1") == []
    assert earned({"standard_level": None, "standard_until": DAY}, DAY, "enterprise/E1") == []
    assert [one.credit for one in earned({"sis_until": DAY}, DAY, "source/S1")] == ["sis"]


def test_each_credit_is_a_line_and_the_cap_is_one_of_its_own() -> None:
    lines = credit_lines(WEIGHTS, 60 * MICRO, EVERY, "source/S1")
    assert [(line.kind, line.value // MICRO) for line in lines] == [
        ("credit", -5), ("credit", -4), ("credit", -2), ("credit", -2),
    ]  # fmt: skip
    capped = credit_lines(WEIGHTS, 9 * MICRO + 1, EVERY, "source/S1")
    assert [(line.kind, line.record, line.value) for line in capped[4:]] == [
        ("credit_cap", "source/S1", 13 * MICRO - 4_500_000)
    ]
    assert credit_lines(WEIGHTS, 60 * MICRO, [], "source/S1") == []
    label, reason = words("credit", lines[0].args)
    assert label == "减分：安全生产标准化一级"
    assert "2026-07-04" in reason
    assert "合计最多减 4.5 分" in words("credit_cap", capped[4].args)[1]
    assert "4.5" in words("credit_cap", capped[4].args, "en")[1]
    assert {group_of(line.kind, line.args) for line in capped} == {"items"}


def test_the_bound_of_all_together_is_the_edition_s() -> None:
    def lower(table: Any) -> None:
        table["credit"]["most"] = 6

    weights = RiskWeights.from_table(edited("risk", lower).table("risk"))
    assert total(credit_lines(weights, 60 * MICRO, EVERY, "source/S1")) == -6 * MICRO


@given(
    st.lists(st.sampled_from(CREDITS), unique=True), st.integers(0, 100 * MICRO), st.integers(0, 30 * MICRO)
)
def test_more_hazard_never_scores_lower_and_credits_leave_at_least_half(
    names: list[str], items: int, more: int
) -> None:
    own = [Earned(name, DAY, "enterprise/E1") for name in names]
    left = items + total(credit_lines(WEIGHTS, items, own, "source/S1"))
    assert 2 * left >= items
    assert items - left <= 13 * MICRO
    assert items + more + total(credit_lines(WEIGHTS, items + more, own, "source/S1")) >= left


def test_an_edition_of_before_takes_nothing_away() -> None:
    def of_before(table: Any) -> None:
        del table["credits"], table["credit"]

    weights = RiskWeights.from_table(edited("risk", of_before).table("risk"))
    assert credit_lines(weights, 60 * MICRO, EVERY, "source/S1") == []


@pytest.mark.parametrize(
    ("part", "field", "value"), [("credit", "share_permille", 501), ("credit", "most", -1)]
)
def test_more_than_half_is_refused(part: str, field: str, value: int) -> None:
    def wrong(table: Any) -> None:
        table[part][field] = value

    with pytest.raises(BadInput, match=field):
        RiskWeights.from_table(edited("risk", wrong).table("risk"))

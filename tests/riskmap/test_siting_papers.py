"""Opinion papers: numbers, ends, the hash of the data part, what follows from an outcome and what would turn it."""

import json
from datetime import date
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from riskmap.editions import shipped_table
from riskmap.errors import BadInput
from riskmap.siting_paper_rules import PaperRules
from riskmap.siting_papers import (
    NUMBER,
    at_limit,
    canonical,
    conditions_of,
    digest,
    number_of,
    split_asked,
    turning_of,
)

RULES = PaperRules.from_table(shipped_table("siting_paper_2026_1"))
ROW: dict[str, Any] = {
    "rule": "distance.1",
    "outcome": "veto",
    "outcome_text": "否决",
    "why": "不满足",
    "clause": "某条",
    "unit": "m",
    "object": None,
    "object_zh": "公路",
    "measured": 90.0,
    "limit": 100.0,
    "inclusive": False,
    "margin": -10.0,
}


def test_a_paper_holds_to_the_same_day_of_a_later_month() -> None:
    assert RULES.valid_until(date(2026, 3, 1)) == date(2027, 3, 1)
    assert RULES.valid_until(date(2028, 2, 29)) == date(2029, 2, 28)


def test_numbers_tell_city_year_and_serial() -> None:
    assert number_of("430981", 2026, 7) == "430981-2026-0007"
    assert NUMBER.fullmatch(number_of("430981", 2026, 12345))
    assert not NUMBER.fullmatch("430981-26-1")


@given(
    st.recursive(
        st.none()
        | st.booleans()
        | st.integers()
        | st.floats(allow_nan=False, allow_infinity=False)
        | st.text(),
        lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
        max_leaves=8,
    )
)
def test_a_data_part_read_and_written_again_is_the_same_text(content: Any) -> None:
    """What a program makes of it and sends back has the same hash."""
    text = canonical({"data": content})
    assert canonical(json.loads(text)) == text
    assert digest(text) == digest(canonical(json.loads(text)))


def test_what_would_turn_a_rule_is_told_by_what_is_lacking() -> None:
    exactly = ROW | {"measured": 100.0, "margin": 0.0}
    unknown = ROW | {"outcome": "not_on_file", "limit": None, "margin": None}
    fine = ROW | {"outcome": "admissible", "margin": 5.0}
    gap = ROW | {"outcome": "no_data", "measured": None, "margin": None}
    told = turning_of([ROW, exactly, unknown, fine, gap])
    assert [one["lacking"] for one in told] == [10.0, 0.0, None]
    assert "超过 10 米" in told[0]["turns"]["zh"]
    assert "至少 10 米" in turning_of([ROW | {"inclusive": True}])[0]["turns"]["zh"]
    assert "登记" in told[2]["turns"]["zh"]
    kind = ROW | {"rule": "access", "limit": None, "margin": None}
    vetoed, excepted = turning_of([kind | {"outcome": "veto"}, kind | {"outcome": "not_in_principle"}])
    assert "例外批准" in excepted["turns"]["zh"]
    assert "批准都不能改变" in vetoed["turns"]["zh"]
    assert [at_limit(one) for one in (ROW, exactly, unknown, gap)] == [False, True, False, False]


def test_conditions_follow_from_outcomes_and_effects() -> None:
    calm = {"zones": [], "people_exposed": 0}
    fine = {"verdict": "admissible", "rules": [ROW | {"outcome": "admissible"}]}
    assert [one["on"] for one in conditions_of(RULES, fine, calm)] == ["always"]
    mixed = {
        "verdict": "veto",
        "rules": [ROW, ROW | {"outcome": "not_on_file"}, ROW | {"outcome": "no_data"}],
    }
    told = conditions_of(RULES, mixed, {"zones": [{"joined": [{}], "left": []}], "people_exposed": 3.0})
    assert [one["on"] for one in told] == ["always", "veto", "not_on_file", "no_data", "zones", "people"]
    assert all(one["checked_by"]["zh"] and one["due"]["en"] for one in told)
    recoloured = {"zones": [{"joined": [], "left": []}], "people_exposed": 0}
    assert conditions_of(RULES, fine, recoloured) == conditions_of(RULES, fine, calm)


@pytest.mark.parametrize(
    ("part", "change"),
    [
        ("paper", {"valid_months": "0"}),
        ("paper", {"surplus": "1"}),
        ("conditions", [{"on": "never"}]),
        ("departments", []),
    ],
)
def test_a_wrong_table_is_refused(part: str, change: Any) -> None:
    table = dict(shipped_table("siting_paper_2026_1"))
    table[part] = {**table[part], **change} if isinstance(change, dict) else change
    with pytest.raises(BadInput):
        PaperRules.from_table(table)


def test_the_part_about_the_paper_is_taken_out_of_a_proposal() -> None:
    proposal, asked = split_asked({"kind": "school", "paper": {"applicant": " 甲 "}})
    assert (proposal, asked.applicant, asked.replaces) == ({"kind": "school"}, "甲", "")
    assert split_asked([1])[0] == [1]

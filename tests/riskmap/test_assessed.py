"""Assessments by LEC, the LS matrix and the diagnosis of 100: the standard's colour on both sides of every edge."""

from decimal import Decimal
from fractions import Fraction
from itertools import product
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from riskmap.assessed import assessed_by, assessment_lines
from riskmap.errors import BadInput
from riskmap.methods import published_points
from riskmap.risk import BLUE, ORANGE, RED, YELLOW, level_of
from riskmap.vocabulary import LEC_C, LEC_E, LEC_L
from riskmap.weights import RiskWeights
from riskmap.wording import words
from tests.riskmap.standard import edited, edition

MICRO = 1_000_000
WEIGHTS = RiskWeights.from_table(edition().table("risk"))
COLOURS = {"红": RED, "橙": ORANGE, "黄": YELLOW, "蓝": BLUE}


def points(method: str, value: str | Fraction) -> int:
    return published_points(WEIGHTS.methods[method], Fraction(value))


def colour(method: str, value: str | Fraction) -> int:
    return level_of(WEIGHTS, points(method, value))


@pytest.mark.parametrize(
    ("method", "value", "expected"),
    [
        ("lec", "69.9999999999", BLUE),
        ("lec", "70", YELLOW),
        ("lec", "159.9999999999", YELLOW),
        ("lec", "160", ORANGE),
        ("lec", "319.9999999999", ORANGE),
        ("lec", "320", RED),
        ("ls", "8", BLUE),
        ("ls", "9", YELLOW),
        ("ls", "12", YELLOW),
        ("ls", "15", ORANGE),
        ("ls", "16", ORANGE),
        ("ls", "20", RED),
        ("diagnosis", "90", BLUE),
        ("diagnosis", "89.9999999999", YELLOW),
        ("diagnosis", "75", YELLOW),
        ("diagnosis", "74.9999999999", ORANGE),
        ("diagnosis", "60", ORANGE),
        ("diagnosis", "59.9999999999", RED),
    ],
)
def test_both_sides_of_every_edge_have_the_colour_of_the_method(
    method: str, value: str, expected: int
) -> None:
    assert colour(method, value) == expected


@pytest.mark.parametrize(
    ("method", "value", "expected"),
    [
        ("lec", "0", "0"), ("lec", "35", "10"), ("lec", "115", "30"), ("lec", "240", "50"), ("lec", "5160", "80"),
        ("lec", "10000", "100"), ("ls", "4.5", "10"), ("ls", "12", "30"), ("ls", "25", "100"), ("diagnosis", "100", "0"),
        ("diagnosis", "95", "10"), ("diagnosis", "82.5", "30"), ("diagnosis", "67.5", "50"), ("diagnosis", "30", "80"),
        ("diagnosis", "0", "100"), ("lec", "70", "20"), ("lec", "160", "40"), ("lec", "320", "60"),
        ("diagnosis", "90", "19.999999"), ("diagnosis", "75", "39.999999"), ("diagnosis", "60", "59.999999"),
    ],
)  # fmt: skip
def test_between_the_edges_points_go_by_straight_lines(method: str, value: str, expected: str) -> None:
    assert points(method, value) == Decimal(expected) * MICRO


@given(st.sampled_from(["lec", "ls", "diagnosis"]), st.fractions(0, 10_000), st.fractions(0, 10_000))
def test_points_are_monotone(method: str, one: Fraction, other: Fraction) -> None:
    low, high = sorted((one, other))
    if method == "diagnosis":
        low, high = 100 - high / 100, 100 - low / 100
        assert points(method, low) >= points(method, high)
    else:
        assert points(method, low) <= points(method, high)


def test_every_product_of_the_published_values_has_the_colour_of_its_d() -> None:
    for one in product(LEC_L, LEC_E, LEC_C):
        d = Fraction(one[0]) * Fraction(one[1]) * Fraction(one[2])
        expected = RED if d >= 320 else ORANGE if d >= 160 else YELLOW if d >= 70 else BLUE
        found = assessed_by(WEIGHTS.methods, dict(zip(("lec_l", "lec_e", "lec_c"), one, strict=True)))
        assert [(a.method.method, a.value, a.level) for a in found] == [("lec", d, expected)]
        assert level_of(WEIGHTS, found[0].points) == expected


def test_the_matrix_has_the_bands_of_its_document() -> None:
    bands = {"红": (20, 25), "橙": (15, 16), "黄": (9, 12), "蓝": (1, 8)}
    for one, other in product(range(1, 6), repeat=2):
        found = assessed_by(WEIGHTS.methods, {"ls_l": one, "ls_s": other})[0]
        (word,) = (word for word, (low, high) in bands.items() if low <= one * other <= high)
        assert found.level == COLOURS[word]


def test_the_assessment_that_counts_most_is_the_line_and_says_its_method() -> None:
    said: dict[str, Any] = {"lec_l": "3", "lec_e": "6", "lec_c": "15", "ls_l": 2, "ls_s": 2}
    found = assessed_by(WEIGHTS.methods, said | {"diagnosis_score": Decimal("88.5")})
    assert [one.method.method for one in found] == ["lec", "ls", "diagnosis"]
    (line,) = assessment_lines(found, "source/S1")
    assert (line.kind, line.record, line.value) == ("assessment", "source/S1", 53_750_000)
    label, reason = words("assessment", line.args)
    assert label == "作业条件危险性评价（LEC）：D = 270"
    assert "L = 3，E = 6，C = 15" in reason
    assert "160 – 320" in reason
    assert "较大风险（橙）" in reason
    assert "D = 270" in words("assessment", line.args, "en")[0]
    (line,) = assessment_lines(found[2:], "source/S1")
    assert words("assessment", line.args)[0] == "安全风险评估诊断（百分制）：88.5"
    assert "应急〔2018〕19号" in words("assessment", line.args)[1]
    assert assessment_lines([], "source/S1") == []


def test_half_an_assessment_is_none_and_an_edition_without_methods_counts_none() -> None:
    assert assessed_by(WEIGHTS.methods, {"lec_l": "3", "lec_c": "15", "ls_l": 5}) == []

    def of_before(table: Any) -> None:
        del table["methods"]

    before = RiskWeights.from_table(edited("risk", of_before).table("risk"))
    assert before.methods == {}
    assert assessed_by(before.methods, {"diagnosis_score": 10}) == []


@pytest.mark.parametrize(
    ("field", "value", "told"),
    [
        ("points_20", "200", "依次"),
        ("edge", "both", "edge"),
        ("method", "mes", "method"),
        ("method", "ls", "重复"),
    ],
)
def test_a_wrong_row_of_methods_says_where(field: str, value: str, told: str) -> None:
    def wrong(table: Any) -> None:
        table["methods"][0][field] = value

    with pytest.raises(BadInput, match=told) as refused:
        RiskWeights.from_table(edited("risk", wrong).table("risk"))
    assert "methods.csv" in refused.value.detail


@pytest.mark.parametrize("part", ["methods", "credits", "kinds", "industries"])
def test_a_row_twice_is_refused_with_its_file_and_line(part: str) -> None:
    def twice(table: Any) -> None:
        table[part].append(table[part][0])

    rows = len(edition().table("risk")[part])
    with pytest.raises(BadInput, match="重复") as refused:
        RiskWeights.from_table(edited("risk", twice).table("risk"))
    assert f"{part}.csv" in refused.value.detail
    assert str(rows + 2) in refused.value.detail

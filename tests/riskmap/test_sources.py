"""S, R, α, grade, shares, cuts and points of GB 18218-2018: vectors, both sides of every edge, and laws."""

import json
import math
from collections import Counter
from decimal import Decimal
from fractions import Fraction
from pathlib import Path

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from riskmap.cuts import inventory_cuts, uniform_cut
from riskmap.errors import BadInput
from riskmap.methods import gb18218_contributions, gb18218_points
from riskmap.sources import Grading, Item, exact_quantity, grade_source, shown
from tests.riskmap.standard import catalogue, inventory, item, rules, vectors

POINT = 1_000_000
MILLI = Decimal("0.001")
NAMES = ("氨", "氯", "液化石油气", "汽油", "光气", "甲醇", "硝酸钾", "异氰酸甲酯", "W5.4", "J1", "W1.1")


def grade(contents: str, people: int | None) -> Grading:
    return grade_source(inventory(contents), people, rules())


def rank(grading: Grading) -> int:
    """4 for 一级 … 1 for 四级, 0 for no major hazard source."""
    return 5 - grading.grade if grading.grade else 0


@st.composite
def inventories(draw: st.DrawFn, most: int = 5) -> list[Item]:
    tonnes = st.decimals(0, 3000, places=3, allow_nan=False)
    parts = draw(st.lists(st.tuples(st.sampled_from(NAMES), tonnes), min_size=1, max_size=most))
    return [item(f"i{n}", name, quantity) for n, (name, quantity) in enumerate(parts)]


PEOPLE = st.one_of(st.integers(0, 120), st.just(10**6))


# --- vectors ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize("row", vectors("grading"), ids=lambda row: row["id"])
def test_vectors(row: dict[str, str]) -> None:
    grading = grade(row["contents_t"], int(row["people"]))
    assert (grading.s, grading.r) == (Fraction(row["s"]), Fraction(row["r"]))
    assert grading.grade == (int(row["grade"]) if row["grade"] else None)
    assert not grading.partial


def test_published_examples(shared: Path) -> None:
    """The cases beside the clone, read by their own names and compared in floating point as they are printed."""
    cases = json.loads((shared / "standards" / "gb18218_examples.json").read_text("utf-8"))
    assert len(cases) == 11
    for case in cases:
        named = [
            Item(str(n), part["q_t"], catalogue().match(name=part["name"]))
            if part["name"] != "柴油"
            else Item(str(n), part["q_t"], catalogue().match(name="柴油", hazard_class="W5.4"))
            for n, part in enumerate(case["items"])
        ]
        grading, expected = grade_source(named, case["people_500m"], rules()), case["expected"]
        assert [share.critical_t for share in grading.shares] == [
            Fraction(str(p["Q_t"])) for p in case["items"]
        ]
        assert [share.beta for share in grading.shares] == [Fraction(str(p["beta"])) for p in case["items"]]
        assert grading.r is not None
        assert grading.alpha == expected["alpha"]
        assert float(grading.s) == pytest.approx(expected["S"], rel=1e-12)
        assert float(grading.r) == pytest.approx(expected["R"], rel=1e-12)
        assert (grading.s >= 1) == expected["major"]
        assert grading.grade == (" 一二三四".index(expected["grade"][0]) if expected["grade"] else None)


@pytest.mark.parametrize("row", vectors("alpha"), ids=lambda row: row["people"])
def test_alpha_on_both_sides_of_every_step(row: dict[str, str]) -> None:
    assert rules().alpha(int(row["people"])) == Fraction(row["alpha"])
    assert grade("氨 10", int(row["people"])).r == Fraction(row["alpha"]) * 2


@pytest.mark.parametrize("row", vectors("edges"), ids=lambda row: row["id"])
def test_both_sides_of_every_edge(row: dict[str, str]) -> None:
    grading = grade(row["contents_t"], int(row["people"]))
    assert grading.grade == (int(row["grade"]) if row["grade"] else None)
    assert gb18218_points(grading) == int(Decimal(row["points"]) * POINT)


def test_49_inventories_that_lie_on_a_threshold() -> None:
    """Exact where floating point is not: 0.001 t less of any record falls to the other side."""
    rows = vectors("on_a_threshold")
    assert Counter(row["on"] for row in rows) == {"S=1": 13, "R=10": 12, "R=50": 12, "R=100": 12}
    in_floats = 0
    for row in rows:
        items, people = inventory(row["contents_t"]), int(row["people"])
        grading = grade_source(items, people, rules())
        assert (grading.s, grading.r) == (Fraction(row["s"]), Fraction(row["r"])), row["id"]
        assert grading.grade == int(row["grade"]), row["id"]
        assert str({"S": grading.s, "R": grading.r}[row["on"][0]]) == row["on"][2:]
        for one in items:
            quantity = Decimal(str(one.quantity_t)) - MILLI
            less = [Item(i.code, quantity if i is one else i.quantity_t, i.match) for i in items]
            assert rank(grade_source(less, people, rules())) < rank(grading), row["id"]
        in_floats += float_grade(grading) == grading.grade
    assert in_floats <= len(rows) - 16


def float_grade(grading: Grading) -> int | None:
    """The same formulas in floating point, as a program that does not care would do it."""
    s = sum(float(one.quantity_t) / float(one.critical_t) for one in grading.shares)
    weighted = sum(
        float(one.beta or 0) * float(one.quantity_t) / float(one.critical_t) for one in grading.shares
    )
    r = float(grading.alpha or 0) * weighted
    return None if s < 1 else 1 if r >= 100 else 2 if r >= 50 else 3 if r >= 10 else 4


# --- what is unknown -------------------------------------------------------------------------------------


def test_unknown_people_leave_alpha_r_and_grade_open() -> None:
    grading = grade("氯 30", None)
    assert [grading.s, grading.weighted] == [6, 24]
    assert (grading.alpha, grading.r, grading.grade) == (None, None, None)
    assert gb18218_points(grading) == gb18218_points(grade("氯 30", 0))
    assert inventory_cuts(inventory("氯 30"), None, rules()) == ()
    assert uniform_cut(inventory("氯 30"), None, rules()) is None


def test_what_matches_nothing_is_kept_and_makes_the_rest_a_lower_bound() -> None:
    granite = Item("z", 5, catalogue().match(name="花岗岩"), "花岗岩")
    grading = grade_source([*inventory("氯 30"), granite], 100, rules(), unit_type="storage")
    assert [grading.partial, grading.unmatched, grading.s, grading.grade] == [True, (granite,), 6, 3]
    shown_json = json.loads(json.dumps(grading.to_json()))
    assert shown_json["unmatched"][0]["reason"] == "unknown"
    assert (shown_json["s"], shown_json["r"], shown_json["alpha"], shown_json["partial"]) == (6, 48, 2, True)
    assert (shown_json["edition"], shown_json["standard"]) == ("2026-1", "GB 18218-2018")
    assert "防火堤" in shown_json["unit_rule"]
    assert shown_json["shares"][0]["clause"] == "GB 18218-2018 表1 第12项"
    assert sum(gb18218_contributions(grading).values()) == gb18218_points(grading)


def test_a_record_without_beta_counts_in_s_only() -> None:
    sulphur_trioxide = Item("a", 75, catalogue().match(name="三氧化硫"))
    grading = grade_source([sulphur_trioxide], 100, rules())
    assert [grading.s, grading.r, grading.grade, grading.partial] == [1, 0, 4, True]
    assert gb18218_contributions(grading) == {"a": 20 * POINT}
    both = grade_source([sulphur_trioxide, *[item("b", "氨", Decimal(50))]], 0, rules())
    assert [both.s, both.r, both.shares[0].r_term, both.shares[0].r_share] == [6, 5, None, 0]


def test_nothing_stored() -> None:
    for empty in (grade_source([], 100, rules()), grade("氨 0", 100)):
        assert [empty.s, empty.r, empty.grade, gb18218_points(empty)] == [0, 0, None, 0]
        assert set(gb18218_contributions(empty).values()) <= {0}


@pytest.mark.parametrize(
    "wrong", [-1, Decimal("-0.001"), math.nan, math.inf, Decimal("NaN"), Decimal("Infinity")]
)
def test_quantities_that_are_none(wrong: Decimal | float) -> None:
    with pytest.raises(BadInput, match="R-7"):
        grade_source([Item("R-7", wrong, catalogue().match(name="氨"))], 0, rules())


def test_doubled_codes_and_negative_people_are_refused() -> None:
    with pytest.raises(BadInput, match="重复"):
        grade_source(inventory("氨 1") * 2, 0, rules())
    with pytest.raises(BadInput, match="负"):
        grade("氨 1", -1)


def test_floats_count_as_the_decimals_they_are_written_as() -> None:
    match = catalogue().match(name="氨")
    assert exact_quantity(Item("a", 0.1, match)) == Fraction(1, 10)
    assert grade_source([Item(str(n), 0.1, match) for n in range(100)], 0, rules()).s == 1


def test_shown_numbers_never_reach_an_edge_from_below() -> None:
    assert [shown(Fraction(n)) for n in ("0.13779", "4.2075", "6", "1/2")] == [0.13779, 4.2075, 6, 0.5]
    assert shown(Fraction(2, 3)) == 0.666666666666
    assert shown(10 - Fraction(1, 10**20)) == 9.99999999999
    assert shown(None) is None


# --- cuts ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("contents", "people", "cuts"),
    [
        ("氯 31.25", 100, {"a": ("0", "0.001", 3)}),  # on R = 50: any cut
        ("氯 30", 100, {"a": ("23.75", "23.751", 4)}),  # 48 → 10 takes 38 / (2·4/5)
        ("氨 12", 0, {"a": ("2", "2.001", None)}),  # S from 1.2 to 1
        ("氨 500; 氯 10", 100, {"a": ("290", "290.001", 2)}),  # 216 → 100; chlorine gives but 16 of it
        ("光气 0.3", 100, {"a": ("0", "0.001", None)}),  # R = 40, but S falls below 1 first
        ("氯 0.0004; 氨 9.9992", 100, {"a": ("0", "0.0004", None), "b": ("0", "0.001", None)}),
        ("氨 9", 100, {}),  # no grade, nothing to lower
    ],
)
def test_cuts_by_hand(contents: str, people: int, cuts: dict[str, tuple[str, str, int | None]]) -> None:
    found = {cut.code: cut for cut in inventory_cuts(inventory(contents), people, rules())}
    assert {code: (cut.bound_t, cut.cut_t, cut.grade_after) for code, cut in found.items()} == {
        code: (Fraction(bound), Fraction(cut), after) for code, (bound, cut, after) in cuts.items()
    }


def with_less(items: list[Item], code: str, less_t: Fraction) -> list[Item]:
    return [Item(i.code, exact_quantity(i) - (less_t if i.code == code else 0), i.match) for i in items]


@given(inventories(), PEOPLE)
def test_a_cut_lowers_the_grade_and_a_kilogram_less_does_not(items: list[Item], people: int) -> None:
    before = rank(grade_source(items, people, rules()))
    cuts = {cut.code: cut for cut in inventory_cuts(items, people, rules())}
    for one in items:
        cut = cuts.get(one.code)
        if cut is None:
            emptied = with_less(items, one.code, exact_quantity(one))
            assert rank(grade_source(emptied, people, rules())) == before
            continue
        after = grade_source(with_less(items, one.code, cut.cut_t), people, rules())
        assert (after.grade, rank(after) < before) == (cut.grade_after, True)
        nearly = max(cut.cut_t - Fraction(1, 1000), Fraction(0))
        assert rank(grade_source(with_less(items, one.code, nearly), people, rules())) == before
        assert rank(grade_source(with_less(items, one.code, cut.bound_t), people, rules())) == before


@given(inventories(), PEOPLE)
def test_a_uniform_cut_lowers_the_grade_and_a_little_less_does_not(items: list[Item], people: int) -> None:
    before, cut = grade_source(items, people, rules()), uniform_cut(items, people, rules())
    assert (cut is None) == (before.grade is None)
    if cut:
        ranks = [
            rank(
                grade_source(
                    [Item(i.code, exact_quantity(i) * kept, i.match) for i in items], people, rules()
                )
            )
            for kept in (1 - cut.cut_percent / 100, 1 - cut.bound_percent / 100)
        ]
        assert ranks[0] < rank(before) == ranks[1]
        assert 0 <= cut.cut_percent - cut.bound_percent <= Fraction(1, 1000)


# --- laws ------------------------------------------------------------------------------------------------


@given(inventories(), PEOPLE, st.data())
def test_order_does_not_matter(items: list[Item], people: int, data: st.DataObject) -> None:
    shuffled = data.draw(st.permutations(items))
    assert grade_source(shuffled, people, rules()) == grade_source(items, people, rules())


@given(inventories(), PEOPLE)
def test_shares_and_contributions_sum_exactly(items: list[Item], people: int) -> None:
    grading = grade_source(items, people, rules())
    assume(grading.s)
    assert sum(share.s_share for share in grading.shares) == 1
    assert sum(share.r_share for share in grading.shares) == 1
    contributions = gb18218_contributions(grading)
    assert sum(contributions.values()) == gb18218_points(grading)
    assert min(contributions.values()) >= 0
    assert list(contributions) == [share.code for share in grading.shares]


@given(inventories(), inventories(2), PEOPLE, st.integers(0, 60))
def test_more_of_anything_lowers_nothing(
    items: list[Item], more: list[Item], people: int, crowd: int
) -> None:
    added = [*items, *(Item(f"more {one.code}", one.quantity_t, one.match) for one in more)]
    before = grade_source(items, people, rules())
    for after in (grade_source(added, people, rules()), grade_source(items, people + crowd, rules())):
        assert before.r is not None
        assert after.r is not None
        assert (after.s >= before.s, after.r >= before.r) == (True, True)
        assert rank(after) >= rank(before)
        assert gb18218_points(after) >= gb18218_points(before)


@given(inventories(), PEOPLE)
def test_points_say_the_same_as_the_grade(items: list[Item], people: int) -> None:
    grading = grade_source(items, people, rules())
    points = gb18218_points(grading)
    assert grading.r is not None
    assert (points >= 20 * POINT) == (grading.grade is not None)
    if grading.grade:
        assert (points >= 40 * POINT) == (grading.grade <= 3)
        assert (points >= 60 * POINT) == (grading.grade == 1)
        assert points / POINT == pytest.approx(min(100, max(20, 20 + 20 * math.log10(grading.r))), abs=2e-6)


@pytest.mark.parametrize(("edge", "points"), [(1, 20), (10, 40), (100, 60)])
def test_rounding_crosses_no_edge(edge: int, points: int) -> None:
    """A millionth of a gram below the edge is below it in points, too."""
    beta_and_alpha = 1 if edge == 1 else 8  # chlorine: β = 4, α = 2
    tonnes = Fraction(5 * edge, beta_and_alpha)
    match = catalogue().match(name="氯")
    below = grade_source([Item("a", tonnes - Fraction(1, 10**12), match)], 100, rules())
    exact = grade_source([Item("a", tonnes, match)], 100, rules())
    assert gb18218_points(below) == points * POINT - 1
    assert gb18218_points(exact) == (points * POINT if edge > 1 else round((20 + 20 * math.log10(8)) * POINT))

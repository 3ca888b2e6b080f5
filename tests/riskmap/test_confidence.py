"""Confidence: letters by what a level rests on, figures from a dated table, check digits, points that many share."""

from dataclasses import replace
from datetime import date, timedelta

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from riskmap.confidence import LETTERS, Figures, confidence, wrong_check_digits
from riskmap.editions import load_edition, shipped_editions
from riskmap.errors import BadInput

DAY = date(2026, 6, 1)


def test_the_worst_cause_gives_the_letter() -> None:
    assert confidence([]) == "A"
    assert confidence(["outside_areas", "no_legal_representative"]) == "B"
    assert confidence(["outside_areas", "stale_inventory"]) == "C"
    assert confidence(LETTERS) == "D"
    with pytest.raises(KeyError):
        confidence(["made_up"])


def test_the_shipped_figures_are_ours_and_touch_no_hash_of_results() -> None:
    edition = load_edition(shipped_editions()["2026-1"])
    assert "quality" not in edition.tables
    assert Figures.of(edition) == Figures.of() == Figures(730, 3, 50.0)


def test_an_edition_may_say_otherwise_and_must_say_it_whole() -> None:
    edition = load_edition(shipped_editions()["2026-1"])
    head = {"edition": "ours"}
    table = {
        "table": head,
        "confidence": {"stale_after_days": 30, "shared_by_others": 9},
        "duplicates": {"near_m": "12.5"},
    }
    changed = replace(edition, tables={**edition.tables, "quality": table})
    assert Figures.of(changed) == Figures(30, 9, 12.5)
    with pytest.raises(BadInput, match="stale_after_days"):
        Figures.from_table(table | {"confidence": {"stale_after_days": 0, "shared_by_others": 9}})
    with pytest.raises(BadInput, match="near_m"):
        Figures.from_table(table | {"duplicates": {}})


@pytest.mark.parametrize(("days", "stale"), [(0, False), (730, False), (731, True)])
def test_an_inventory_is_as_old_as_the_day_it_speaks_of(days: int, stale: bool) -> None:
    figures = Figures.of()
    then = DAY - timedelta(days=days)
    assert figures.is_stale(then, date(2000, 1, 1), DAY) is stale, "what it speaks of counts"
    assert figures.is_stale(None, then, DAY) is stale, "else since when it holds"


# The first is printed in GB 32100-2015 as its worked example; the others are the same with one sign changed.
@pytest.mark.parametrize(
    ("code", "wrong"),
    [
        ("91350100M000100Y43", False),
        ("91350100M000100Y44", True),
        ("91350101M000100Y43", True),
        ("E1", False),
        ("91350100M000100Y4", False),
        ("91350100I000100Y43", False),
    ],
)
def test_check_digits(code: str, wrong: bool) -> None:
    assert wrong_check_digits([code, "E1"]).tolist() == [wrong, False]


@given(
    st.lists(st.tuples(st.integers(0, 2), st.integers(0, 2), st.sampled_from("甲乙丙丁")), max_size=25),
    st.integers(1, 3),
)
def test_shared_points_are_those_of_enough_other_names(rows: list[tuple[int, int, str]], least: int) -> None:
    found = replace(Figures.of(), shared_by_others=least).shared(
        np.array([row[:2] for row in rows]).reshape(-1, 2), [row[2] for row in rows]
    )
    expected = [
        len({name for x, y, name in rows if (x, y) == row[:2] and name != row[2]}) >= least for row in rows
    ]
    assert list(found) == expected

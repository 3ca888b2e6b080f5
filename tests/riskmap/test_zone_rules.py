"""What the edition's table of zones says, and that a wrong one is refused with file, row and field."""

import copy
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from riskmap.edition_checks import check_edition
from riskmap.editions import shipped_table
from riskmap.errors import BadInput
from riskmap.zone_rules import Bounds, ZoneRules, group_of
from tests.riskmap.standard import edition
from tests.zone_cities import RULES


def test_the_longest_code_counts_and_letters_do_not() -> None:
    assert RULES.nearby("C2614").adjacent_mm == 150_000
    assert RULES.nearby("2672").similar_mm == 1_000_000
    assert RULES.nearby(None) == RULES.nearby("99") == RULES.unknown
    assert [group_of(code) for code in ("C2614", "2619", "26", "", None)] == [261, 261, -1, -1, -1]


def test_more_workers_reach_farther() -> None:
    sizes = RULES.size_mm(np.array([-1, 19, 20, 299, 300, 5000]))
    assert sizes.tolist() == [0, 0, 10_000, 10_000, 30_000, 50_000]


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("下店上宅", "shop_dwelling"),
        ("城区沿街门店", "shop_dwelling"),
        ("农贸市场", "market"),
        ("冷库", "warehouse"),
        ("dock", "dock"),
        ("River WHARF", "dock"),
        ("化工生产", None),
        ("", None),
        (None, None),
    ],
)
def test_a_business_format_is_told_by_its_words(text: str | None, code: str | None) -> None:
    found = RULES.format_of(text)
    assert (RULES.formats[found].code if found >= 0 else None) == code


def test_the_shipped_table_is_part_of_what_is_checked() -> None:
    check_edition(edition())
    assert RULES.bounds == Bounds(2_000_000, 60, 2_200_000, 80)
    assert {len(one.words) > 0 for one in RULES.formats} == {True}


@pytest.mark.parametrize(
    ("change", "named"),
    [
        (lambda t: t["bounds"].update(leave_span_m=1999), "leave_span_m"),
        (lambda t: t["bounds"].update(members=1), "members"),
        (lambda t: t["bounds"].pop("members"), "members"),
        (lambda t: t["leave"].update(permille=-1), "permille"),
        (lambda t: t["leave"].update(metres=3), "metres"),
        (lambda t: t["domino"].update(equipment="pressurised"), "equipment"),
        (lambda t: t["evidence"].update(listed=0), "listed"),
        (lambda t: t["industries"][3].update(code="06"), "industries.csv 第 5 行字段 code"),
        (lambda t: t["industries"][0].update(code="6"), "code"),
        (lambda t: t["industries"][0].update(similar_m="0"), "similar_m"),
        (lambda t: t["industries"][0].update(adjacent_m="80.5"), "adjacent_m"),
        (lambda t: t["sizes"].reverse(), "sizes.csv"),
        (lambda t: t["formats"][1].update(format="shop_dwelling"), "format"),
        (lambda t: t["formats"][1].update(words="市场;"), "words"),
        (lambda t: t.pop("formats"), "formats.csv"),
    ],
)
def test_a_wrong_table_is_refused(change: Callable[[Any], Any], named: str) -> None:
    table = copy.deepcopy(dict(shipped_table("zones_2026_1")))
    change(table)
    with pytest.raises(BadInput, match="zones_2026_1") as refused:
        ZoneRules.from_table(table)
    assert named in str(refused.value)
    assert refused.value.remedy

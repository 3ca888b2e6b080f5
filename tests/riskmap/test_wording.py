"""The words of an account: every kind of line has them in both languages, and a neighbour's tell nothing more."""

from typing import Any

import pytest

from riskmap.wording import bearing_word, number, words

AMMONIA = {
    "label": "液氨", "name": "氨", "name_en": "Ammonia", "quantity_t": 12, "critical_t": 10, "beta": 2,
    "s_term": 1.2, "clause": "GB 18218-2018 表1 第1项", "beta_clause": "GB 18218-2018 表3",
}  # fmt: skip
KIND = {"kind": "ferry", "kind_zh": "渡口渡船", "kind_en": "Ferry", "level": 2, "hazards": ["drowning"]}
LINES: dict[str, dict[str, Any]] = {
    "inventory": AMMONIA,
    "kind_points": {"name_zh": "渡口渡船", "name_en": "Ferry", "workers": None},
    "premises": {"industry": "26", "name_zh": "化学", "name_en": "Chemicals", "workers": 30},
    "exposure_grid": {"name": "第1组", "people": 142.0},
    "exposure_target": {"name": "某学校"},
    "exposure_nobody": {},
    "lead_source": {"name": "某站", "score": 12_500_000, "leads": True},
    "source": KIND | {"name": "某渡口", "distance_m": 156.2, "people": 50.0, "bearing": 10.0},
    "neighbour": KIND | {"name": "某渡口", "distance_m": 156.2, "bearing": 225.0},
    "hidden": {},
    "floor": {"level": 3, "grade": 4, "clause": "条款", "clause_en": "clause"},
    "raise_rule": {"level": 2, "clause": "条款", "clause_en": "clause"},
}


@pytest.mark.parametrize("lang", ["zh", "en"])
@pytest.mark.parametrize("item", LINES)
def test_every_line_has_words(item: str, lang: str) -> None:
    label, reason = words(item, LINES[item], lang)
    assert label
    assert reason or item == "hidden"
    if lang == "en" and item not in (
        "source",
        "neighbour",
        "lead_source",
        "exposure_grid",
        "exposure_target",
        "inventory",
    ):
        assert (label + reason).isascii(), (label, reason)


def test_a_substance_is_told_with_its_clause() -> None:
    label, reason = words("inventory", AMMONIA)
    assert label == "液氨"
    assert (
        reason == "存量 12 吨，临界量 10 吨（GB 18218-2018 表1 第1项），q/Q = 1.2，β = 2（GB 18218-2018 表3）"
    )


def test_a_neighbour_is_kind_level_distance_bearing_and_name() -> None:
    label, reason = words("neighbour", LINES["neighbour"])
    assert label == "邻区：某渡口（渡口渡船）"
    assert reason == "固有风险：较大风险（橙），位于西南方向 156 米"


@pytest.mark.parametrize(
    ("degrees", "word"),
    [(0, "北"), (22, "北"), (23, "东北"), (90, "东"), (180, "南"), (270, "西"), (337, "西北"), (338, "北")],
)
def test_eight_directions(degrees: float, word: str) -> None:
    assert bearing_word(degrees) == word


def test_numbers_without_needless_zeros() -> None:
    assert [number(x) for x in (None, 10.0, 100, 0.5, 1234.5678)] == ["—", "10", "100", "0.5", "1,234.568"]
    assert number(1234.6, 0) == "1,235"

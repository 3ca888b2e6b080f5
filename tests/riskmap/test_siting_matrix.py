"""The matrix engine against the HSE's table: its twelve cells, the edges of its development types, its rules of cases."""

import tomllib
from dataclasses import replace
from decimal import Decimal
from functools import cache

import pytest
from hypothesis import given
from hypothesis import strategies as st

from riskmap.errors import BadInput
from riskmap.sections import Sections
from riskmap.siting_matrix import Matrix, Use, read_matrix
from riskmap.siting_rules import SitingRules
from tests.riskmap.standard import TABLES, edition

KEYS = {
    "matrix": (
        *("zones", "straddle_permille", "extension_permille", "temporary_years"),
        *("against_screening", "against_study"),
    )
}
AA, DAA = True, False
"""advise against, do not advise against"""


@cache
def hse() -> Matrix:
    table = tomllib.loads((TABLES / "hse_land_use.toml").read_text("utf-8"))
    return read_matrix(Sections(table, KEYS))


def use(kind: str, **measures: float) -> Use:
    return Use(kind, {name: Decimal(str(value)) for name, value in measures.items()})


def level(one: Use, matrix: Matrix | None = None) -> int:
    found = (matrix or hse()).sensitivity(one)
    assert found is not None
    return found.level


def advice(uses: list[Use], *hazards: dict[str, float], existing: tuple[Use, ...] = ()) -> bool:
    return any(cell.against for cell in hse().cells(hse().sensitivities(uses, existing), hazards))


@pytest.mark.parametrize(
    ("zone", "expected"),
    [
        ("inner", (DAA, AA, AA, AA)),
        ("middle", (DAA, DAA, AA, AA)),
        ("outer", (DAA, DAA, DAA, AA)),
        (None, (DAA, DAA, DAA, DAA)),
    ],
)
def test_the_decision_matrix_of_the_hse(zone: str | None, expected: tuple[bool, ...]) -> None:
    assert tuple(hse().is_against(zone, number) for number in (1, 2, 3, 4)) == expected


@pytest.mark.parametrize(
    ("one", "expected"),
    [
        (use("workplace", people=99), 1),
        (use("workplace", people=100), 2),
        (use("workplace", people=20, storeys=2), 1),
        (use("workplace", people=20, storeys=3), 2),
        (use("dwelling", dwellings=1), 1),
        (use("dwelling", dwellings=2), 1),
        (use("dwelling", dwellings=3), 2),
        (use("dwelling", dwellings=30), 2),
        (use("dwelling", dwellings=31), 3),
        (use("dwelling", dwellings=12, density_per_ha=40), 2),
        (use("dwelling", dwellings=12, density_per_ha=40.1), 3),
        (use("hotel", beds=9), 1),
        (use("hotel", beds=10), 2),
        (use("hotel", beds=100), 2),
        (use("hotel", beds=101), 3),
        (use("market", floor_area_m2=249), 1),
        (use("market", floor_area_m2=250), 2),
        (use("market", floor_area_m2=5000), 2),
        (use("market", floor_area_m2=5001), 3),
        (use("open_air", people=100), 2),
        (use("open_air", people=101), 3),
        (use("open_air", people=1000), 3),
        (use("open_air", people=1001), 4),
        (use("care_home", area_m2=2500), 3),
        (use("care_home", area_m2=2501), 4),
        (use("school", area_m2=14000), 3),
        (use("school", area_m2=14001), 4),
    ],
)
def test_both_sides_of_every_edge_of_the_development_types(one: Use, expected: int) -> None:
    assert level(one) == expected


def test_what_nobody_told_counts_as_the_most_sensitive_of_its_kind() -> None:
    unknown = hse().sensitivity(use("dwelling"))
    assert unknown is not None
    assert (unknown.level, unknown.assumed) == (3, True)
    assert hse().sensitivity(use("road")) is None


@pytest.mark.parametrize(
    ("shares", "zone"),
    [
        ({"inner": 0.099, "middle": 1.0, "outer": 1.0}, "middle"),
        ({"inner": 0.1, "middle": 1.0, "outer": 1.0}, "inner"),
        ({"inner": 0.05, "middle": 0.09, "outer": 0.5}, "outer"),
        ({"outer": 0.0999}, None),
        ({"outer": 0.1}, "outer"),
        ({}, None),
    ],
)
def test_a_site_across_a_border_is_in_the_innermost_zone_that_holds_a_tenth_of_it(
    shares: dict[str, float], zone: str | None
) -> None:
    assert hse().zone_of(shares) == zone


def test_the_straddling_rule_turns_the_advice() -> None:
    homes = [use("dwelling", dwellings=20)]
    assert advice(homes, {"inner": 0.1, "middle": 1.0, "outer": 1.0}) is AA
    assert advice(homes, {"inner": 0.0999, "middle": 1.0, "outer": 1.0}) is DAA


def test_of_several_hazards_the_worst_advice_counts() -> None:
    homes = [use("dwelling", dwellings=31)]
    assert advice(homes, {"outer": 1.0}) is DAA
    assert advice(homes, {"outer": 1.0}, {"middle": 1.0, "outer": 1.0}) is AA


def test_of_mixed_uses_each_is_judged_and_the_worst_counts() -> None:
    middle = {"middle": 1.0, "outer": 1.0}
    shops, homes = use("market", floor_area_m2=900), use("dwelling", dwellings=20)
    assert advice([shops, homes], middle) is DAA
    assert advice([shops, homes, use("school", area_m2=900)], middle) is AA


def test_uses_of_one_kind_count_together() -> None:
    middle = {"middle": 1.0, "outer": 1.0}
    assert advice([use("dwelling", dwellings=16)], middle) is DAA
    assert advice([use("dwelling", dwellings=16), use("dwelling", dwellings=15)], middle) is AA


@pytest.mark.parametrize(("added", "expected"), [(10, DAA), (11, AA)])
def test_a_small_extension_is_judged_alone_a_larger_one_with_what_stands_there(
    added: int, expected: bool
) -> None:
    standing = (use("hotel", beds=100),)
    assert advice([use("hotel", beds=added)], {"middle": 1.0, "outer": 1.0}, existing=standing) is expected


def test_a_temporary_use_is_permanent_unless_the_edition_says_otherwise() -> None:
    homes = [use("dwelling", dwellings=20)]
    assert hse().sensitivities(homes, years=2)[0].level == 2
    lenient = replace(hse(), temporary_years=5)
    assert lenient.sensitivities(homes, years=5)[0].level == 1
    assert lenient.sensitivities(homes, years=6)[0].level == 2


def test_the_chinese_cells_are_the_limits_of_gb36894() -> None:
    """Limits for new projects: third class 1e-5, second 3e-6, all others 3e-7 a year; a zone is what exceeds its border."""
    limits = {1: 1e-5, 2: 3e-6, 3: 3e-7, 4: 3e-7}
    least_inside = {"inner": 1e-5, "middle": 3e-6, "outer": 3e-7}
    matrix = SitingRules.from_edition(edition()).matrix
    for zone, risk in least_inside.items():
        for number, limit in limits.items():
            assert matrix.is_against(zone, number) == (risk >= limit), (zone, number)


@pytest.mark.parametrize(
    ("one", "word"),
    [
        (use("dwelling", dwellings=9), "general_3"),
        (use("dwelling", dwellings=10), "general_2"),
        (use("dwelling", dwellings=30), "general_1"),
        (use("dwelling", dwellings=9, people=30), "general_2"),
        (use("dwelling", dwellings=9, people=100), "general_1"),
        (use("hotel", beds=99), "general_2"),
        (use("hotel", beds=100), "general_1"),
        (use("market", floor_area_m2=1499), "general_3"),
        (use("market", floor_area_m2=1500), "general_2"),
        (use("market", floor_area_m2=5000), "general_1"),
        (use("workplace", people=99), "general_3"),
        (use("workplace", people=100), "general_2"),
        (use("school", people=1), "high_sensitive"),
    ],
)
def test_the_classes_of_gb36894(one: Use, word: str) -> None:
    found = SitingRules.from_edition(edition()).matrix.sensitivity(one)
    assert found is not None
    assert found.word == word


@given(
    st.integers(0, 2000),
    st.integers(0, 300),
    st.sampled_from(["dwelling", "hotel", "workplace", "open_air"]),
)
def test_more_of_the_same_is_never_less_sensitive(people: int, more: int, kind: str) -> None:
    names = ("people", "dwellings", "beds")
    small, large = (use(kind, **dict.fromkeys(names, value)) for value in (people, people + more))
    for matrix in (hse(), SitingRules.from_edition(edition()).matrix):
        assert level(small, matrix) <= level(large, matrix)


@given(st.lists(st.floats(0, 1), min_size=3, max_size=3), st.integers(1, 4))
def test_nearer_is_never_better(parts: list[float], number: int) -> None:
    inner, middle, outer = sorted(parts)
    shares = {"inner": inner, "middle": middle, "outer": outer}
    nearer = {name: min(1.0, share * 1.5) for name, share in shares.items()}
    assert hse().is_against(hse().zone_of(nearer), number) >= hse().is_against(hse().zone_of(shares), number)


def test_a_matrix_that_is_milder_inside_is_refused() -> None:
    table = tomllib.loads((TABLES / "hse_land_use.toml").read_text("utf-8"))
    table["cells"][0]["level_4"] = "ok"
    with pytest.raises(BadInput, match="内区比外区宽松"):
        read_matrix(Sections(table, KEYS))

"""Quantities of an inventory: volumes by a density, exactly, and never two units for one."""

from decimal import Decimal

import pytest

from layers.fields import LAYERS
from layers.mapping import name_columns
from riskmap.errors import BadInput
from tests.checked_rows import checked, table, texts


def test_a_volume_becomes_tonnes_by_the_rows_density_or_not_at_all() -> None:
    found = checked(
        "inventory",
        source_code=["S"] * 6,
        substance=["柴油"] * 6,
        quantity=["10", "2000", "10", "10", "10", "1"],
        unit=["m³", "升", "立方米", "m3", "立方", "标方"],
        density_t_m3=["0.84", "0.835", None, "0", "-1", "0.8"],
    )
    assert [Decimal(text) for text in texts(found)["quantity_t"][:2]] == [Decimal("8.4"), Decimal("1.67")]
    assert {i: (f.field, f.reason) for i, f in found.faults.items()} == {
        2: ("unit", "没有该物质的密度，体积不能换算为吨"),
        3: ("density_t_m3", "密度须大于 0"),
        4: ("density_t_m3", "不能为负"),
        5: ("unit", "未知的单位"),
    }
    assert "density_t_m3" in found.faults[2].remedy


def test_volumes_are_exact() -> None:
    found = checked(
        "inventory",
        source_code=["S"],
        substance=["x"],
        quantity=["123456.789012345678901234567"],
        unit=["L"],
        density_t_m3=["0.12345678901234567890123"],
    )
    expected = 123456789012345678901234567 * 12345678901234567890123
    (text,) = texts(found)["quantity_t"]
    assert Decimal(text).as_tuple().digits == tuple(int(digit) for digit in str(expected))


def test_two_units_for_one_quantity_are_refused() -> None:
    columns: dict[str, list[str | None]] = {
        "source_code": ["S"],
        "cas": ["x"],
        "数量(kg)": ["1"],
        "单位": ["t"],
    }
    with pytest.raises(BadInput, match="单位"):
        name_columns(table(columns), LAYERS["inventory"])

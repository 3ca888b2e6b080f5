"""Quantities of an inventory in tonnes: from `quantity` with its unit, a volume by a density; exact decimals.

The density of a row is its own (`density_t_m3`), else the one on file for its substance. A volume without a density is
its row's fault: what a tank holds is never guessed.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace
from decimal import Decimal, localcontext
from typing import TypeAlias

import pyarrow as pa

from layers.columns import type_of
from layers.fields import Field
from layers.mapping import Named
from layers.parsing import Unreadable, check_range, read_decimal
from layers.units import CUBIC_METRES, EXACT_DIGITS, TONNES, known_unit, tonnes

DensityOf: TypeAlias = Callable[[str | None, str | None, str | None], Decimal | None]
"""CAS, name and class of a row, as written → its density on file in t/m³"""

_DENSITY = Field("density_t_m3", "密度(吨/立方米)", "Density (t/m3)", "decimal", low=0, high=25)
_COLUMNS = ("quantity", "unit", "density_t_m3")
_SUBSTANCE = ("cas", "substance", "hazard_class")


@dataclass(frozen=True, slots=True)
class Wrong:
    """Why a row has no quantity: the field and its value as written."""

    field: str
    value: str | None
    why: Unreadable


class _At(Exception):
    """A fault of one of the columns that a quantity is made of."""

    def __init__(self, field: str, value: str | None, why: Unreadable) -> None:
        super().__init__(why.reason)
        self.wrong = Wrong(field, value, why)


_Row: TypeAlias = tuple[str | None, ...]
"""quantity, unit and density of a row; for a volume without its own density also its substance"""


def read_quantities(
    field: Field, named: Named, density_of: DensityOf | None
) -> tuple[pa.Array, dict[int, Wrong]]:
    """The column `quantity_t` of a file that has `quantity`, and by row index what is wrong; each different row once.

    A row without an amount is wrong where the field is required.
    """
    rows = _different(named)
    found: dict[_Row, str] = {}
    wrong: dict[_Row, Wrong] = {}
    for row in set(rows):
        if not field.required and not (row[0] or "").strip():
            continue
        try:
            found[row] = str(_tonnes(field, row, density_of))
        except _At as fault:
            wrong[row] = fault.wrong
    faults = {index: wrong[row] for index, row in enumerate(rows) if row in wrong} if wrong else {}
    return pa.array([found.get(row) for row in rows], type_of(field)), faults


def _different(named: Named) -> list[_Row]:
    count = len(named.cells["quantity"])
    nothing: list[str | None] = [None] * count
    amounts, units, densities = (
        named.cells[name].to_pylist() if name in named.cells else nothing for name in _COLUMNS
    )
    if not any(known_unit(unit) in CUBIC_METRES for unit in {unit for unit in units if unit}):
        return list(zip(amounts, units, nothing, strict=True))
    substances = [named.cells[n].to_pylist() if n in named.cells else nothing for n in _SUBSTANCE]
    return list(zip(amounts, units, densities, *substances, strict=True))


def _tonnes(field: Field, row: _Row, density_of: DensityOf | None) -> Decimal:
    """The quantity of one row, exactly; without a unit it is tonnes already."""
    amount, unit, *more = row
    name = known_unit(unit) if unit and not unit.isspace() else "t"
    if name is None:
        raise _At("unit", unit, Unreadable("未知的单位", f"可用：{' '.join([*TONNES, 'm³', 'L'])}"))
    if amount is None or amount.isspace():
        raise _At("quantity", amount, Unreadable("必填", f"请填写{field.zh}"))
    try:
        number = read_decimal(amount, field if name == "t" else replace(field, high=None))
        if name in TONNES:
            quantity_t = tonnes(number, name)
        else:
            with localcontext(prec=EXACT_DIGITS):
                quantity_t = number * CUBIC_METRES[name] * _density(unit, more, density_of)
        check_range(quantity_t, field)
    except Unreadable as why:
        raise _At("quantity", amount, why) from None
    return quantity_t


def _density(unit: str | None, more: list[str | None], density_of: DensityOf | None) -> Decimal:
    own, *substance = more
    if own is not None and not own.isspace():
        try:
            density = read_decimal(own, _DENSITY)
            if not density:
                raise Unreadable("密度须大于 0", "请填写密度（吨/立方米），不知道则改填质量")
        except Unreadable as why:
            raise _At("density_t_m3", own, why) from None
        return density
    known = density_of(*substance) if density_of else None
    if known is None:
        raise _At(
            "unit",
            unit,
            Unreadable(
                "没有该物质的密度，体积不能换算为吨",
                "请改填质量（吨），或在 density_t_m3 列填写密度（吨/立方米）",
            ),
        )
    return known

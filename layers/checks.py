"""From cells to typed columns, each fault with its row, field, value, reason and remedy.

A row has at most one fault: its first field that is wrong, in the layer's order; then its position; then a code
that an earlier row has already; then a reference to a record that does not exist.
"""

from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from layers.columns import read_column, type_of
from layers.fields import Field, Layer
from layers.mapping import Named
from layers.parsing import Unreadable, check_range, read_decimal
from layers.sheets import Cells, Table
from layers.units import TONNES, known_unit, tonnes

_DEFAULTS: dict[tuple[str, str], Any] = {("enterprise", "status"): "active", ("source", "status"): "active"}
ONE_OF = {
    "inventory": ("cas", "substance", "hazard_class"),
    "danger": ("source_code", "enterprise_code", "place"),
}
"""fields of which a row must have at least one"""


@dataclass(frozen=True, slots=True)
class Fault:
    """Why one row is not taken: row of the sheet, canonical field, the value as written, reason, remedy."""

    row: int
    field: str
    value: str | None
    reason: str
    remedy: str = ""

    def to_json(self) -> dict[str, Any]:
        """The fault as the report lists it."""
        return {
            "row": self.row,
            "field": self.field,
            "value": self.value,
            "reason": self.reason,
            "remedy": self.remedy,
        }


@dataclass(slots=True)
class Checked:
    """Typed columns by canonical name (null: not given), over all rows; a row with a fault is not to be used."""

    layer: Layer
    rows: NDArray[np.int32]
    columns: dict[str, pa.Array]
    faults: dict[int, Fault] = field(default_factory=dict)
    """by index"""

    def blame(self, index: int, name: str, value: object, reason: str, remedy: str = "") -> None:
        """Note a fault, unless the row has one already."""
        shown = None if value is None else tidy_value(str(value))
        self.faults.setdefault(index, Fault(int(self.rows[index]), name, shown, reason, remedy))

    def good(self) -> NDArray[np.int64]:
        """Indexes of the rows without a fault, in order."""
        fine = np.ones(len(self.rows), dtype=np.bool_)
        fine[list(self.faults)] = False
        return np.flatnonzero(fine)


def tidy_value(text: str) -> str:
    """A value fit to be shown: at most 80 characters, none of them control characters."""
    return "".join(sign if sign.isprintable() else "�" for sign in text[:80])


def check_table(layer: Layer, table: Table, named: Named) -> Checked:
    """Read every column of the layer that the file has."""
    checked = Checked(layer, table.rows, {})
    for index, extra in table.overfull.items():
        checked.blame(index, "", extra, "单元格多于表头", "请检查该行是否多了分隔符")
    for one in layer.fields:
        if one.name == "quantity_t" and "quantity" in named.cells:
            checked.columns[one.name] = _quantities(checked, one, named)
        elif one.name in named.cells:
            checked.columns[one.name] = _checked_column(checked, one, named.cells[one.name])
    if layer.table in ONE_OF:
        _need_one_of(checked, ONE_OF[layer.table])
    return checked


def _checked_column(checked: Checked, one: Field, cells: Cells) -> pa.Array:
    default = False if one.name == "synthetic" else _DEFAULTS.get((checked.layer.table, one.name))
    values, wrong = read_column(cells, one, default)
    for index, fault in wrong.items():
        checked.blame(index, one.name, cells[index].as_py(), fault.reason, fault.remedy)
    return values


def _quantities(checked: Checked, one: Field, named: Named) -> pa.Array:
    """Tonnes from `quantity` and `unit`, exactly; without a unit they are tonnes already."""
    amounts = named.cells["quantity"].to_pylist()
    units = named.cells["unit"].to_pylist() if "unit" in named.cells else [None] * len(amounts)
    pairs = list(zip(amounts, units, strict=True))
    found: dict[tuple[str | None, str | None], str] = {}
    wrong: dict[tuple[str | None, str | None], tuple[str, str | None, Unreadable]] = {}
    for pair in set(pairs):
        try:
            found[pair] = _tonnes(one, *pair)
        except _UnknownUnit as fault:
            wrong[pair] = "unit", pair[1], fault
        except Unreadable as fault:
            wrong[pair] = "quantity", pair[0], fault
    if wrong:
        for index, pair in enumerate(pairs):
            if pair in wrong:
                name, value, why = wrong[pair]
                checked.blame(index, name, value, why.reason, why.remedy)
    return pa.array([found.get(pair) for pair in pairs], type_of(one))


class _UnknownUnit(Unreadable):
    """A unit that is none of ours."""


def _tonnes(one: Field, amount: str | None, unit: str | None) -> str:
    name = known_unit(unit) if unit else "t"
    if name is None:
        raise _UnknownUnit("未知的单位", f"可用：{' '.join(TONNES)}")
    if amount is None or amount.isspace():
        raise Unreadable("必填", f"请填写{one.zh}")
    number = read_decimal(amount, one if name == "t" else replace(one, high=None))
    quantity_t = tonnes(number, name)
    check_range(quantity_t, one)
    return str(quantity_t)


def _need_one_of(checked: Checked, names: tuple[str, ...]) -> None:
    given = np.zeros(len(checked.rows), dtype=np.bool_)
    for name in names:
        if name in checked.columns:
            given |= np.asarray(checked.columns[name].is_valid())
    for index in np.flatnonzero(~given):
        checked.blame(int(index), names[0], None, f"{'、'.join(names)} 至少填一项", "请填写其中一项")

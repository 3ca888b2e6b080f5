"""From cells to typed columns, each fault with its row, field, value, reason and remedy.

A row has at most one fault, the first of these that it has:

1. a cell beyond the last header;
2. being no record: the foot of a list (合计, 填表人, 备注), told as such and never dropped unsaid;
3. its first field that is wrong, in the layer's order: of one field a formula without a usable result before a value
   that cannot be read, and of a quantity its unit, its amount, its density;
4. none of the names given of which one is needed (an inventory's substance, where a danger is), or not all of those
   that only together say something (the factors of an assessment);
5. its position: a formula without a usable result, a missing one, what is no number, what is no place;
6. a code that an earlier row has already;
7. a reference to a record that does not exist.
"""

from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from layers.columns import read_column
from layers.fields import Field, Layer
from layers.foot import foot_rows
from layers.headers import NUMBERS, POSITION, QUANTITY
from layers.mapping import Named
from layers.quantities import DensityOf, read_quantities
from layers.sheets import Cells, Table

_DEFAULTS: dict[tuple[str, str], Any] = {("enterprise", "status"): "active", ("source", "status"): "active"}
ONE_OF = {
    "inventory": ("cas", "substance", "hazard_class"),
    "danger": ("source_code", "enterprise_code", "place"),
}
"""fields of which a row must have at least one"""
_TOGETHER = {"source": (("lec_l", "lec_e", "lec_c"), ("ls_l", "ls_s"))}
"""fields that say something only together: a row has all of them or none"""


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

    def without_fault(self, indexes: NDArray[np.int64]) -> NDArray[np.int64]:
        """Those of some rows that have no fault."""
        return indexes[[index not in self.faults for index in indexes.tolist()]] if self.faults else indexes


def tidy_value(text: str) -> str:
    """A value fit to be shown: at most 80 characters, none of them control characters."""
    return "".join(sign if sign.isprintable() else "�" for sign in text[:80])


def check_table(layer: Layer, table: Table, named: Named, density_of: DensityOf | None = None) -> Checked:
    """Read every column of the layer that the file has."""
    checked = Checked(layer, table.rows, {})
    for index, extra in table.overfull.items():
        checked.blame(index, "", extra, "单元格多于表头", "请检查该行是否多了分隔符")
    one_of = ONE_OF.get(layer.table, ())
    for index, text in foot_rows(layer, table, named, one_of).items():
        checked.blame(index, "", text, "不是记录，像是表尾（合计、填表人、备注）", "请从表中删去该行")
    for one in layer.fields:
        if one.name == "quantity_t" and "quantity" in named.cells:
            _blame_broken(checked, table, named, *QUANTITY)
            checked.columns[one.name], wrong = read_quantities(one, named, density_of)
            for index, fault in wrong.items():
                checked.blame(index, fault.field, fault.value, fault.why.reason, fault.why.remedy)
        elif one.name in named.cells:
            _blame_broken(checked, table, named, one.name)
            checked.columns[one.name] = _checked_column(checked, one, named.cells[one.name])
    if one_of:
        _need_one_of(checked, one_of)
    for names in _TOGETHER.get(layer.table, ()):
        _need_all_or_none(checked, names)
    _blame_broken(checked, table, named, *POSITION)
    return checked


def _blame_broken(checked: Checked, table: Table, named: Named, *names: str) -> None:
    """Cells of these columns that have no value to use; a number merged over several rows is none for each of them."""
    numbers = {"quantity", *(one.name for one in checked.layer.fields if one.kind in NUMBERS)}
    for name in names:
        header = named.headers.get(name, "")
        for index in table.spread.get(header, ()) if name in numbers else ():
            shown = table.columns[header][index].as_py()
            checked.blame(index, name, shown, "数字跨行合并，不知各行是多少", "请取消合并单元格，逐行填写")
        for index, fault in table.broken.get(header, {}).items():
            checked.blame(index, name, table.columns[header][index].as_py(), fault.reason, fault.remedy)


def _checked_column(checked: Checked, one: Field, cells: Cells) -> pa.Array:
    default = False if one.name == "synthetic" else _DEFAULTS.get((checked.layer.table, one.name))
    values, wrong = read_column(cells, one, default)
    for index, fault in wrong.items():
        checked.blame(index, one.name, cells[index].as_py(), fault.reason, fault.remedy)
    return values


def _need_one_of(checked: Checked, names: tuple[str, ...]) -> None:
    given = np.zeros(len(checked.rows), dtype=np.bool_)
    for name in names:
        if name in checked.columns:
            given |= np.asarray(checked.columns[name].is_valid())
    for index in np.flatnonzero(~given):
        checked.blame(int(index), names[0], None, f"{'、'.join(names)} 至少填一项", "请填写其中一项")


def _need_all_or_none(checked: Checked, names: tuple[str, ...]) -> None:
    nothing = np.zeros(len(checked.rows), dtype=np.bool_)
    given = np.array(
        [
            np.asarray(checked.columns[name].is_valid()) if name in checked.columns else nothing
            for name in names
        ]
    )
    for index in np.flatnonzero(given.any(axis=0) & ~given.all(axis=0)):
        name = names[int(np.argmin(given[:, index]))]
        checked.blame(int(index), name, None, f"{'、'.join(names)} 须一并填写", "请补齐各项，或全部留空")

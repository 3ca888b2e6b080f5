"""From cells to typed columns, each fault with its row, field, value, reason and remedy.

A row has at most one fault: its first field that is wrong, in the layer's order; then its position; then a code
that an earlier row has already; then a reference to a record that does not exist. Each different text of a column
is read once, so a million rows cost what their different values cost.
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any

from layers.fields import Field, Layer
from layers.mapping import Named
from layers.parsing import Unreadable, check_range, read_decimal, reader_of
from layers.sheets import Cells, Table
from layers.units import TONNES, known_unit, tonnes

_DEFAULTS: dict[tuple[str, str], Any] = {("enterprise", "status"): "active", ("source", "status"): "active"}
_ONE_OF = {
    "inventory": ("cas", "substance", "hazard_class"),
    "danger": ("source_code", "enterprise_code", "place"),
}


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
    """Typed columns by canonical name (None: not given), over all rows; a row with a fault is not to be used."""

    layer: Layer
    rows: list[int]
    columns: dict[str, list[Any]]
    faults: dict[int, Fault] = field(default_factory=dict)
    """by index"""

    def blame(self, index: int, name: str, value: object, reason: str, remedy: str = "") -> None:
        """Note a fault, unless the row has one already."""
        shown = None if value is None else tidy_value(str(value))
        self.faults.setdefault(index, Fault(self.rows[index], name, shown, reason, remedy))


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
            checked.columns[one.name] = _read_column(checked, one, named.cells[one.name])
    if layer.table in _ONE_OF:
        _need_one_of(checked, _ONE_OF[layer.table])
    return checked


def _read_column(checked: Checked, one: Field, cells: Cells) -> list[Any]:
    """The column's values; the default where a cell is empty."""
    read = reader_of(one)
    default = False if one.name == "synthetic" else _DEFAULTS.get((checked.layer.table, one.name))
    values: dict[str | None, Any] = {}
    wrong: dict[str | None, Unreadable] = {}
    for text in set(cells):
        try:
            values[text] = _read_cell(read, text, one, default)
        except Unreadable as fault:
            values[text], wrong[text] = None, fault
    if wrong:
        for index, text in enumerate(cells):
            if text in wrong:
                checked.blame(index, one.name, text, wrong[text].reason, wrong[text].remedy)
    return [values[text] for text in cells]


def _read_cell(read: Callable[[str, Field], Any], text: str | None, one: Field, default: Any) -> Any:
    value = None if text is None or text.isspace() else read(text, one)
    if value is None or value in ("", []):
        if one.required:
            raise Unreadable("必填", f"请填写{one.zh}")
        return default
    return value


def _quantities(checked: Checked, one: Field, named: Named) -> list[Decimal | None]:
    """Tonnes from `quantity` and `unit`, exactly; without a unit they are tonnes already."""
    amounts = named.cells["quantity"]
    units = named.cells.get("unit") or [None] * len(amounts)
    anything = Field(one.name, one.zh, one.en, "decimal", low=one.low)
    found: dict[tuple[str | None, str | None], Decimal | None] = {}
    wrong: dict[tuple[str | None, str | None], tuple[str, str | None, Unreadable]] = {}
    for amount, unit in set(zip(amounts, units, strict=True)):
        pair = amount, unit
        found[pair] = None
        name = known_unit(unit) if unit else "t"
        if name is None:
            wrong[pair] = "unit", unit, Unreadable("未知的单位", f"可用：{' '.join(TONNES)}")
            continue
        try:
            number = (
                _read_cell(read_decimal, amount, one if name == "t" else anything, None) if amount else None
            )
            if number is None:
                raise Unreadable("必填", f"请填写{one.zh}")
            found[pair] = tonnes(number, name)
            check_range(tonnes(number, name), one)
        except Unreadable as fault:
            wrong[pair] = "quantity", amount, fault
    for index, pair in enumerate(zip(amounts, units, strict=True)):
        if pair in wrong:
            name, value, why = wrong[pair]
            checked.blame(index, name, value, why.reason, why.remedy)
    return [found[pair] for pair in zip(amounts, units, strict=True)]


def _need_one_of(checked: Checked, names: tuple[str, ...]) -> None:
    columns = [checked.columns.get(name, []) for name in names]
    given = [any(values) for values in zip(*(c or [None] * len(checked.rows) for c in columns), strict=True)]
    for index, has in enumerate(given):
        if not has:
            checked.blame(index, names[0], None, f"{'、'.join(names)} 至少填一项", "请填写其中一项")

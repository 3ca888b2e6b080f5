"""Rows in memory, checked and located, for the tests of checks."""

from typing import Any

import numpy as np

from layers.checks import Checked, check_table
from layers.crs import declared_crs, metric_system
from layers.fields import LAYERS, Field
from layers.mapping import Mapping, name_columns
from layers.parsing import reader_of
from layers.positions import Positions, locate
from layers.sheets import Table

METRIC = metric_system(4547)


def table(columns: dict[str, list[str | None]], shapes: list[Any] | None = None) -> Table:
    count = max([len(column) for column in columns.values()] + [len(shapes or [])])
    array = None
    if shapes is not None:
        array = np.full(count, None, dtype=np.object_)
        array[:] = shapes
    return Table("a.csv", columns, list(range(2, count + 2)), array)


def checked(layer: str, mapping: Mapping | None = None, **columns: list[str | None]) -> Checked:
    raw = table(columns)
    return check_table(LAYERS[layer], raw, name_columns(raw, LAYERS[layer], mapping))


def located(
    layer: str, crs: str | None = None, shapes: list[Any] | None = None, **columns: list[str | None]
) -> tuple[Checked, Positions]:
    raw = table(columns, shapes)
    named = name_columns(raw, LAYERS[layer])
    found = check_table(LAYERS[layer], raw, named)
    return found, locate(found, raw, named, declared_crs(crs), METRIC)


def only_fault(found: Checked) -> tuple[str, str, str | None]:
    (fault,) = found.faults.values()
    return fault.field, fault.reason, fault.value


def read(kind: Any, text: str, **limits: Any) -> Any:
    field = Field("x", "某列", "X", kind, **limits)
    return reader_of(field)(text, field)


FIRM: dict[str, Any] = {"code": ["E1"], "name": ["甲"]}


BOW_TIE = "POLYGON ((112 28, 112.01 28.01, 112.01 28, 112 28.01, 112 28))"

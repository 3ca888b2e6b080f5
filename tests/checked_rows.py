"""Rows in memory, checked and located, for the tests of checks."""

from typing import Any

import numpy as np
import pyarrow as pa
import shapely

from layers.checks import Checked, check_table
from layers.crs import declared_crs, metric_system
from layers.fields import LAYERS, Field
from layers.keys import Groups
from layers.mapping import Mapping, Named, name_columns
from layers.parsing import reader_of
from layers.positions import Positions, locate
from layers.sheets import Table, cells_of

METRIC = metric_system(4547)


def table(columns: dict[str, list[str | None]], shapes: list[Any] | None = None) -> Table:
    count = max([len(column) for column in columns.values()] + [len(shapes or [])])
    wkb = (
        None if shapes is None else pa.array(shapely.to_wkb(np.array(shapes, dtype=np.object_)), pa.binary())
    )
    cells = {header: cells_of(column) for header, column in columns.items()}
    return Table("a.csv", cells, np.arange(2, count + 2, dtype=np.int32), wkb)


def texts(found: Table | Named | Checked) -> dict[str, list[Any]]:
    """Columns as plain lists."""
    columns = found.cells if isinstance(found, Named) else found.columns
    return {name: column.to_pylist() for name, column in columns.items()}


def shapes_of(positions: Positions) -> tuple[list[Any], list[Any]]:
    """All positions in degrees and in metres, as shapes."""
    rows = np.arange(len(positions.metres))
    degrees, metres = (shapely.from_wkb(found.to_pylist()) for found in positions.ewkb(rows))
    return list(degrees), list(metres)


def grouped(groups: Groups) -> list[list[int]]:
    """The rows of each record."""
    return [part.tolist() for part in np.split(groups.members, groups.starts[1:-1])]


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

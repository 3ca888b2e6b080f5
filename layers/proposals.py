"""A file of proposals 拟建项目: the columns of its rows, read as a layer's are, and the proposals that they make.

Rows with one `code` are one proposal that holds several substances: everything else is its first row's. Nothing of it
is stored; it is no layer of the city's records.
"""

import json
from collections.abc import Iterator
from typing import Any, NamedTuple

import numpy as np
import shapely

from layers.checks import Checked, Fault, check_table
from layers.crs import metric_system
from layers.intake import Rules, crs_note, system_of
from layers.mapping import Mapping, name_columns
from layers.positions import Positions, locate
from layers.proposal_fields import MADE_OF, PAPER, PROPOSALS, STOCK
from layers.sheets import Table

Row = dict[str, Any]
_EXCEPTION = "exception_"


class Given(NamedTuple):
    """One proposal of a file: the row it begins in, and the JSON object that a program would send."""

    row: int
    content: Row


class ProposalFile(NamedTuple):
    """What a file proposes, the rows that cannot be read, and what is worth saying of how it was read."""

    rows_read: int
    proposals: list[Given]
    faults: list[Fault]
    notes: list[str]


def proposals_of(
    table: Table, rules: Rules, *, crs: str | None = None, mapping: Mapping | None = None
) -> ProposalFile:
    """The proposals of a table. BadInput where a column is missing, as for an import."""
    named = name_columns(table, PROPOSALS, mapping)
    checked = check_table(PROPOSALS, table, named, rules.density_of())
    positions = locate(checked, table, named, system_of(table, crs), metric_system(rules.city.metric_srid))
    faults = sorted(checked.faults.values(), key=lambda fault: fault.row)
    notes = [*named.notes, *crs_note(table, crs)]
    return ProposalFile(len(table.rows), list(_gathered(checked, positions)), faults, notes)


def _gathered(checked: Checked, positions: Positions) -> Iterator[Given]:
    """Rows of one code together, in the order of their first rows; a row without a code stands alone."""
    good = checked.good()
    columns = {name: values.to_pylist() for name, values in checked.columns.items()}
    shapes = shapely.from_wkb(np.array(positions.ewkb(good)[0].to_pylist(), object))
    groups: dict[str, Given] = {}
    for index, shape in zip(good.tolist(), shapes, strict=True):
        cells = {name: values[index] for name, values in columns.items() if values[index] is not None}
        row, code = int(checked.rows[index]), cells.pop("code", None)
        stock = {name: cells.pop(name) for name in STOCK if name in cells}
        key = f"code {code}" if code else f"row {row}"
        if key not in groups:
            groups[key] = Given(row, _content(cells, code, shape))
        if stock:
            groups[key].content.setdefault("inventory", []).append(stock)
    yield from groups.values()


def _content(cells: Row, code: str | None, shape: shapely.Geometry) -> Row:
    exception = {
        name.removeprefix(_EXCEPTION): str(cells.pop(name))
        for name in list(cells)
        if name.startswith(_EXCEPTION)
    }
    paper = {name: cells.pop(name) for name in PAPER if name in cells}
    content: Row = {name: cells[name] for name in MADE_OF if name in cells}
    content["geometry"] = json.loads(shapely.to_geojson(shape))
    if exception:
        content["exception"] = exception
    return content | ({"paper": paper | ({"project_code": code} if code else {})} if paper or code else {})

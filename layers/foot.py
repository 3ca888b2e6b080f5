"""The foot of a list: rows with a total, who filled it in or a remark, which are no records."""

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from layers.fields import Layer
from layers.mapping import Named
from layers.sheets import Table

_WORDS = (
    r"^\s*(合\s*计|总\s*计|小\s*计|共\s*计|total|sum|填\s*表\s*人|填\s*报\s*人|制\s*表\s*人|审\s*核\s*人|填报单位|填报日期|制表日期"
    r"|填表日期|单位负责人|负责人签[字名]|联系人|备\s*注|注|说\s*明|填表说明)\s*([:：]|$)"
)


def foot_rows(layer: Layer, table: Table, named: Named, one_of: tuple[str, ...]) -> dict[int, str]:
    """By row index the word by which a row is known as no record: it lacks what every record has, and begins with one.

    What every record has: the required fields, one of `one_of`, a position where the layer needs one.
    """
    candidates = pa.array(_lacking(layer, table, named, one_of))
    found: dict[int, str] = {}
    if not len(candidates):
        return found
    for cells in table.columns.values():
        texts = cells.take(candidates)
        for place in np.flatnonzero(
            np.asarray(pc.match_substring_regex(texts, _WORDS, ignore_case=True).fill_null(False))
        ):
            found.setdefault(candidates[int(place)].as_py(), texts[int(place)].as_py())
    return found


def _lacking(layer: Layer, table: Table, named: Named, one_of: tuple[str, ...]) -> np.ndarray:
    """Indexes of the rows in which something is empty that every record has."""
    lacking = np.zeros(len(table.rows), dtype=np.bool_)
    for field in layer.fields:
        if field.required and field.name in named.cells and named.cells[field.name].null_count:
            lacking |= np.asarray(named.cells[field.name].is_null())
    either = [one_of]
    if layer.position == "required" and table.wkb is None:
        either.append(("lon", "wkt"))
    for names in either:
        empty = [np.asarray(named.cells[name].is_null()) for name in names if name in named.cells]
        if empty:
            lacking |= np.logical_and.reduce(empty)
    return np.flatnonzero(lacking)

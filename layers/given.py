"""What a file gives for positions: shapes of its own, text as WKT or two numbers, still in the system it declares."""

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import shapely
from numpy.typing import NDArray

from layers.checks import Checked
from layers.crs import Floats
from layers.geometries import shapes_of_wkb, shapes_of_wkt
from layers.mapping import Named
from layers.parsing import Unreadable, half_width
from layers.sheets import Cells, Shapes, Table

Indexes = NDArray[np.int64]

_NUMBER = r"[+-]?([0-9]+(\.[0-9]*)?|\.[0-9]+)([eE][+-]?[0-9]{1,3})?"
_PLAIN_NUMBER = f"^{_NUMBER}$"
_PLAIN_WKT = r"^[A-Za-z][ -~]*[A-Za-z)]$"
"""RE2: a text that `half_width` gives back as it is"""
_BLOCK = 20_000
"""texts that are read one by one at once"""


class Given:
    """Positions in the declared system: points as coordinates, or the geometries of a file; and their field's name."""

    def __init__(self, checked: Checked, table: Table, named: Named) -> None:
        self.points: Floats | None = None
        self._wkb: pa.Array | None = None
        self._texts: pa.Array | None = None
        self._places: Floats | None = None
        if table.wkb is not None:
            for index, reason in table.shape_faults.items():
                checked.blame(index, "geometry", None, reason, "请核对该要素的几何")
            self.field, self._wkb = "geometry", table.wkb
            self.has = np.asarray(table.wkb.is_valid()).copy()
        elif "wkt" in named.cells:
            self.field, self._texts = "wkt", named.cells["wkt"]
            self.has = np.asarray(self._texts.is_valid()).copy()
            if {"lon", "lat"} <= set(named.cells):  # our exports: points by degrees, other shapes as text
                self._places = _from_lonlat(checked, named.cells["lon"], named.cells["lat"])
                self.has |= ~np.isnan(self._places[:, 0])
        elif {"lon", "lat"} <= set(named.cells):
            self.field = "lon"
            self.points = _from_lonlat(checked, named.cells["lon"], named.cells["lat"])
            self.has = ~np.isnan(self.points[:, 0])
        else:
            self.field, self.has = "lon", np.zeros(len(checked.rows), dtype=np.bool_)

    def shapes(self, checked: Checked, rows: Indexes) -> Shapes:
        """The geometries of some rows that gave one; None where there is none, which is its row's fault unless it may be."""
        if self._wkb is not None:
            texts = self._wkb.take(pa.array(rows)).to_pylist()
            shapes = shapes_of_wkb(texts)
            reason, remedy = "几何无法读取", "请核对该要素的几何"
        else:
            assert self._texts is not None
            cells = self._texts.take(pa.array(rows))
            texts = _plain_cells(checked, "wkt", cells, _PLAIN_WKT, rows).to_pylist()
            shapes = shapes_of_wkt(texts)
            if self._places is not None:
                bare = np.array([text is None for text in texts], dtype=np.bool_)
                bare &= ~np.isnan(self._places[rows, 0])
                shapes[bare] = shapely.points(self._places[rows[bare]])
            reason, remedy = "不是有效的 WKT", "请写成 POINT (112.36 28.85) 这样的文本"
        empty = shapely.is_empty(shapes)
        for place in np.flatnonzero(shapely.is_missing(shapes)).tolist():
            if texts[place] is None:  # nothing but blanks, or told already
                empty[place] = True
            else:
                told = texts[place] if self._wkb is None else None
                checked.blame(int(rows[place]), self.field, told, reason, remedy)
        if empty.any():
            shapes[empty] = None
            if checked.layer.position == "required":
                for index in rows[empty].tolist():
                    checked.blame(index, self.field, None, "没有位置", "请填写经纬度或几何")
        return shapes


def _plain_cells(checked: Checked, name: str, cells: Cells, plain: str, rows: Indexes) -> Cells:
    """The cells of these rows in half width; null where they cannot be, which is the row's fault, and where nothing is left.

    `plain` is the pattern of those texts that are so already: only the others are looked at one by one.
    """
    odd = np.flatnonzero(np.asarray(pc.invert(pc.match_substring_regex(cells, plain)).fill_null(False)))
    if not len(odd):
        return cells
    parts = []
    for start in range(0, len(odd), _BLOCK):
        block = odd[start : start + _BLOCK]
        texts: list[str | None] = []
        for index, text in zip(block.tolist(), cells.take(pa.array(block)).to_pylist(), strict=True):
            try:
                texts.append(half_width(text) or None)
            except Unreadable as why:
                texts.append(None)
                checked.blame(int(rows[index]), name, text, why.reason, why.remedy)
        parts.append(pa.array(texts, pa.string()))
    where = np.zeros(len(cells), dtype=np.bool_)
    where[odd] = True
    return pc.replace_with_mask(cells, pa.array(where), pa.concat_arrays(parts))


def _from_lonlat(checked: Checked, lon: Cells, lat: Cells) -> Floats:
    xy = np.column_stack([_numbers(checked, "lon", lon), _numbers(checked, "lat", lat)])
    for index in np.flatnonzero(np.isnan(xy[:, 0]) != np.isnan(xy[:, 1])):
        name, cells = ("lon", lon) if np.isnan(xy[index, 0]) else ("lat", lat)
        checked.blame(int(index), name, cells[int(index)].as_py(), "经度和纬度缺一个", "请补全两个坐标")
    xy[np.isnan(xy).any(axis=1)] = np.nan
    return xy


def _numbers(checked: Checked, name: str, cells: Cells) -> Floats:
    """The column as floats, NaN where empty; one that is no number is its row's fault."""
    given, cells = cells, _plain_cells(checked, name, cells, _PLAIN_NUMBER, np.arange(len(cells)))
    if cells is not given:
        fine = pc.match_substring_regex(cells, _PLAIN_NUMBER)
        for index in np.flatnonzero(np.asarray(pc.invert(fine).fill_null(False))).tolist():
            checked.blame(index, name, given[index].as_py(), "坐标不是数字", "请写成十进制数，如 112.3612")
        cells = pc.if_else(fine, cells, pa.scalar(None, pa.string()))
    values = np.array(cells.cast(pa.float64()).fill_null(np.nan))
    for index in np.flatnonzero(np.isinf(values)).tolist():
        checked.blame(index, name, cells[index].as_py(), "不是有限的数", "请核对坐标")
        values[index] = np.nan
    return values

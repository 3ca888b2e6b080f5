"""Positions of rows: from `geometry`, `wkt` or `lon` and `lat` to valid shapes in degrees and in metres.

A position is refused only where it is no number, off the globe, or where the metric system's scale is outside
0.98–1.02; a shape also where the layer has no such shapes, it has too many vertices or it is not valid.
"""

import re
from typing import Any

import numpy as np
import shapely
from numpy.typing import NDArray

from layers.checks import Checked
from layers.crs import Declared, Metric, rounded_lonlat, whole_millimetres
from layers.mapping import Named
from layers.parsing import Unreadable, half_width
from layers.sheets import LIMITS, Cells, Shapes, Table

_FAMILIES = {0: "point", 1: "line", 3: "polygon", 4: "point", 5: "line", 6: "polygon"}
"""by Shapely's type number; collections and rings have none"""
_WORDS = {"point": "点", "line": "线", "polygon": "面"}
_NUMBER = re.compile(r"[+-]?(\d+(\.\d*)?|\.\d+)([eE][+-]?\d{1,3})?", re.ASCII)
_PLACE = re.compile(r"\[(\S+) (\S+)\]")
_REASONS = {
    "Self-intersection": "边界自相交",
    "Ring Self-intersection": "边界自相交",
    "Too few points in geometry component": "顶点太少",
    "Hole lies outside shell": "内环在外环之外",
    "Holes are nested": "内环相互嵌套",
    "Interior is disconnected": "内部不连通",
    "Nested shells": "外环相互嵌套",
    "Duplicate Rings": "有重复的环",
}
_BLOCK = 20_000
"""shapes that are worked on at once"""


class Positions:
    """Shapes by row: `degrees` (CGCS2000) and `metres` (city's metric system, whole millimetres); None: no position."""

    def __init__(self, count: int) -> None:
        self.degrees: Shapes = np.full(count, None, dtype=np.object_)
        self.metres: Shapes = np.full(count, None, dtype=np.object_)


def locate(checked: Checked, table: Table, named: Named, declared: Declared, metric: Metric) -> Positions:
    """The positions of all rows without a fault; what cannot be placed becomes a fault of its row."""
    count = len(checked.rows)
    layer = checked.layer
    positions = Positions(count)
    if layer.position == "none":
        return positions
    given, field = _given(checked, table, named)
    has = np.array([shape is not None for shape in given], dtype=np.bool_)
    if layer.position == "required":
        for index in np.flatnonzero(~has):
            checked.blame(int(index), field, None, "没有位置", "请填写经纬度或几何")
    todo = np.array([i for i in np.flatnonzero(has) if i not in checked.faults], dtype=np.int64)
    todo = _of_allowed_kind(checked, given, field, todo)
    for start in range(0, len(todo), _BLOCK):
        block = todo[start : start + _BLOCK]
        _convert(checked, positions, given, field, block, declared, metric)
    return positions


# --- what the file gives ---------------------------------------------------------------------------------


def _given(checked: Checked, table: Table, named: Named) -> tuple[Shapes, str]:
    """Shapes in the declared system, and the name of the field they come from."""
    if table.shapes is not None:
        for index, reason in table.shape_faults.items():
            checked.blame(index, "geometry", None, reason, "请核对该要素的几何")
        return _not_empty(table.shapes), "geometry"
    if "wkt" in named.cells:
        return _from_wkt(checked, named.cells["wkt"]), "wkt"
    if {"lon", "lat"} <= set(named.cells):
        return _from_lonlat(checked, named.cells["lon"], named.cells["lat"]), "lon"
    return np.full(len(checked.rows), None, dtype=np.object_), "lon"


def _not_empty(shapes: Shapes) -> Shapes:
    shapes = shapes.copy()
    shapes[shapely.is_empty(shapes)] = None
    return shapes


def _from_wkt(checked: Checked, cells: Cells) -> Shapes:
    texts = np.full(len(cells), None, dtype=np.object_)
    for index, text in enumerate(cells):
        if text is not None:
            texts[index] = _plain(checked, index, "wkt", text) or None
    with np.errstate(all="ignore"):  # what overflows is not on the globe, and is told so below
        shapes = shapely.from_wkt(texts, on_invalid="ignore")
    for index, (text, shape) in enumerate(zip(texts, shapes, strict=True)):
        if text is not None and shape is None:
            checked.blame(index, "wkt", text, "不是有效的 WKT", "请写成 POINT (112.36 28.85) 这样的文本")
    return _not_empty(shapes)


def _plain(checked: Checked, index: int, name: str, text: str) -> str:
    """The cell in half width; empty where it cannot be, which is its row's fault."""
    try:
        return half_width(text)
    except Unreadable as fault:
        checked.blame(index, name, text, fault.reason, fault.remedy)
        return ""


def _from_lonlat(checked: Checked, lon: Cells, lat: Cells) -> Shapes:
    xs, ys = _numbers(checked, "lon", lon), _numbers(checked, "lat", lat)
    shapes = np.full(len(lon), None, dtype=np.object_)
    for index in np.flatnonzero(np.isnan(xs) != np.isnan(ys)):
        name, cells = ("lon", lon) if np.isnan(xs[index]) else ("lat", lat)
        checked.blame(int(index), name, cells[index], "经度和纬度缺一个", "请补全两个坐标")
    both = ~np.isnan(xs) & ~np.isnan(ys)
    shapes[both] = shapely.points(xs[both], ys[both])
    return shapes


def _numbers(checked: Checked, name: str, cells: Cells) -> NDArray[np.float64]:
    """The column as floats, NaN where empty; one that is no number is its row's fault."""
    if None not in cells and all(map(_NUMBER.fullmatch, cells)):  # type: ignore[arg-type]
        values = np.fromiter(map(float, cells), np.float64, len(cells))  # type: ignore[arg-type]
    else:
        values = _each_number(checked, name, cells)
    for index in np.flatnonzero(np.isinf(values)).tolist():
        checked.blame(index, name, cells[index], "不是有限的数", "请核对坐标")
        values[index] = np.nan
    return values


def _each_number(checked: Checked, name: str, cells: Cells) -> NDArray[np.float64]:
    values = np.full(len(cells), np.nan)
    for index, text in enumerate(cells):
        if text is None:
            continue
        if _NUMBER.fullmatch(text):
            values[index] = float(text)
        else:
            values[index] = _untidy_number(checked, index, name, text)
    return values


def _untidy_number(checked: Checked, index: int, name: str, text: str) -> float:
    plain = _plain(checked, index, name, text)
    if _NUMBER.fullmatch(plain):
        return float(plain)
    if plain:
        checked.blame(index, name, text, "坐标不是数字", "请写成十进制数，如 112.3612")
    return np.nan


# --- what is allowed -------------------------------------------------------------------------------------


def _of_allowed_kind(
    checked: Checked, given: Shapes, field: str, todo: NDArray[np.int64]
) -> NDArray[np.int64]:
    """The rows whose shape is of a family the layer takes, with a bearable number of vertices."""
    kinds = shapely.get_type_id(given[todo])
    vertices = shapely.get_num_coordinates(given[todo])
    parts = shapely.get_num_geometries(given[todo])
    good: list[int] = []
    allowed = checked.layer.geometries
    words = "、".join(_WORDS[family] for family in allowed)
    for index, kind, number, count in zip(todo.tolist(), kinds, vertices, parts, strict=True):
        family = _FAMILIES.get(int(kind))
        if family not in allowed:
            checked.blame(
                index,
                field,
                given[index].geom_type,
                f"{checked.layer.zh}的位置只能是{words}",
                "请改用这种几何",
            )
        elif number > LIMITS.vertices:
            checked.blame(
                index,
                field,
                f"{number:,} 个顶点",
                f"超过 {LIMITS.vertices:,} 个顶点",
                "请简化几何或分成几条记录",
            )
        elif family == "point" and count > 1:
            checked.blame(index, field, given[index].geom_type, "一条记录只能有一个点", "请分成几行")
        else:
            good.append(index)
    return np.array(good, dtype=np.int64)


# --- conversion ------------------------------------------------------------------------------------------


def _convert(
    checked: Checked,
    positions: Positions,
    given: Shapes,
    field: str,
    block: NDArray[np.int64],
    declared: Declared,
    metric: Metric,
) -> None:
    """One block of rows through the declared system to degrees and metres."""
    flat = shapely.force_2d(given[block])
    flat[shapely.get_type_id(flat) == 4] = shapely.get_geometry(flat[shapely.get_type_id(flat) == 4], 0)
    coordinates, owner = shapely.get_coordinates(flat, return_index=True)
    with np.errstate(invalid="ignore", over="ignore"):
        lon, lat = rounded_lonlat(*declared.to_lonlat(coordinates[:, 0], coordinates[:, 1]))
        on_globe = np.isfinite(lon) & np.isfinite(lat) & (np.abs(lon) <= 180.0) & (np.abs(lat) <= 90.0)
    lon, lat = np.where(on_globe, lon, 0.0), np.where(on_globe, lat, 0.0)
    usable = metric.usable(lon, lat)
    for reason, fine in (
        ("不在地球上", on_globe),
        (f"离本市太远：EPSG:{metric.srid} 在此处的长度比超出 0.98–1.02", usable | ~on_globe),
    ):
        wrong = np.flatnonzero(~fine)
        places, firsts = np.unique(owner[wrong], return_index=True)
        for place, (x, y) in zip(places, coordinates[wrong[firsts]], strict=True):
            checked.blame(
                int(block[place]), field, f"{x:.10g} {y:.10g}", reason, "请核对经纬度的次序、正负号和 --crs"
            )
    exact = np.column_stack(metric.exact_metres(lon, lat))
    good = np.setdiff1d(np.arange(len(block)), np.unique(owner[~(on_globe & usable)]))
    keep = np.isin(owner, good)
    degrees, unrounded, metres = (
        shapely.set_coordinates(flat[good], coordinates[keep])
        for coordinates in (np.column_stack([lon, lat]), exact, whole_millimetres(exact))
    )
    bent = shapely.is_valid(unrounded) & ~shapely.is_valid(metres)
    metres[bent] = shapely.set_precision(
        unrounded[bent], 0.001
    )  # the nearest valid shape on the millimetre grid
    _validate(checked, positions, field, block[good], degrees, metres)


def _validate(
    checked: Checked,
    positions: Positions,
    field: str,
    rows: NDArray[np.int64],
    degrees: Shapes,
    metres: Shapes,
) -> None:
    valid = shapely.is_valid(degrees) & shapely.is_valid(metres) & ~shapely.is_empty(metres)
    positions.degrees[rows[valid]] = degrees[valid]
    positions.metres[rows[valid]] = metres[valid]
    for index, shape in zip(rows[~valid], degrees[~valid], strict=True):
        checked.blame(int(index), field, shape.geom_type, invalid_reason(shape), "请在制图软件中修正几何")


def invalid_reason(shape: Any) -> str:
    """Why a shape is not valid, in words, and where."""
    told = shapely.is_valid_reason(shape)
    place = _PLACE.search(told)
    words = _REASONS.get(told.partition("[")[0], "几何无效")
    return f"{words}，在 ({place[1]}, {place[2]}) 附近" if place else words


def metre_text(shape: Any) -> str:
    """A shape's position as WKT in whole millimetres: what an unnamed place is known by."""
    scaled = shapely.transform(shape, lambda xy: np.round(xy * 1000.0))
    return str(shapely.to_wkt(scaled, rounding_precision=0, trim=True))

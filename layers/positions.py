"""Positions of rows: from `geometry`, `wkt` or `lon` and `lat` to valid shapes in degrees and in metres.

A position is refused only where it is no number, off the globe, or where the metric system's scale is outside
0.98–1.02; a shape also where the layer has no such shapes, it has too many vertices or it is not valid. Points are
kept as plain coordinates and shapes as the bytes that the database reads, so that a million of them are a few arrays
and not a million objects.
"""

import re
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import shapely
from numpy.typing import NDArray

from layers.checks import Checked
from layers.containment import standing_points
from layers.crs import Declared, Floats, Metric, rounded_lonlat, whole_millimetres
from layers.ewkb import of_points, of_shapes
from layers.geometries import shapes_of_wkb
from layers.given import Given, Indexes
from layers.mapping import Named
from layers.schema import GEOGRAPHIC_SRID
from layers.sheets import LIMITS, Shapes, Table

_POINT, _MULTIPOINT = 0, 4
_FAMILIES = {0: "point", 1: "line", 3: "polygon", 4: "point", 5: "line", 6: "polygon"}
"""by Shapely's type number; collections and rings have none"""
_WORDS = {"point": "点", "line": "线", "polygon": "面"}
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
    """Positions by row in degrees (CGCS2000) and in the city's metric system, whole millimetres.

    Points are the rows of `lonlat` and `metres` (n × 2, NaN where a row has no position or a shape). `given` are the
    two numbers of every position as the file has it, of a shape the middle of its box; also where it is refused.
    """

    def __init__(self, count: int, metric_srid: int) -> None:
        self.lonlat: Floats = np.full((count, 2), np.nan)
        self.metres: Floats = np.full((count, 2), np.nan)
        self.given: Floats = np.full((count, 2), np.nan)
        self._metric_srid = metric_srid
        self._shapes: list[_Block] = []
        self._places = np.full(count, -1, dtype=np.int32)

    @property
    def has_shapes(self) -> bool:
        """Whether any position is not a point."""
        return bool(self._shapes)

    def add_shapes(self, rows: Indexes, degrees: Shapes, metres: Shapes) -> None:
        """Keep the shapes of some rows that have none yet."""
        if len(rows):
            first = sum(len(block.standing) for block in self._shapes)
            self._places[rows] = np.arange(first, first + len(rows), dtype=np.int32)
            both = of_shapes(degrees, GEOGRAPHIC_SRID), of_shapes(metres, self._metric_srid)
            self._shapes.append(_Block(first, *both, standing_points(metres)))

    def ewkb(self, rows: Indexes) -> tuple[pa.Array, pa.Array]:
        """The positions of some rows as extended WKB, in degrees and in metres; null where there is none."""
        degrees = of_points(self.lonlat[rows], GEOGRAPHIC_SRID)
        metres = of_points(self.metres[rows], self._metric_srid)
        for block, places, here in self._shapes_of(rows):
            chosen = pa.array(places, mask=~here)
            degrees = pc.coalesce(degrees, block.degrees.take(chosen))
            metres = pc.coalesce(metres, block.metres.take(chosen))
        return degrees, metres

    def standing(self, rows: Indexes) -> Floats:
        """The one point in metres that stands for each of some rows; NaN where there is no position."""
        points = self.metres[rows]
        for block, places, here in self._shapes_of(rows):
            points[here] = block.standing[places[here]]
        return points

    def _shapes_of(self, rows: Indexes) -> Iterator[tuple["_Block", Indexes, NDArray[np.bool_]]]:
        """The blocks that hold shapes of these rows, by row the place in the block, and which rows have one there."""
        for block in self._shapes:
            places = self._places[rows].astype(np.int64) - block.first
            here = (places >= 0) & (places < len(block.standing))
            if here.any():
                yield block, places, here

    def text(self, index: int) -> str | None:
        """The position of one row in degrees as WKT."""
        shape = shapely.from_wkb(self.ewkb(np.array([index]))[0][0].as_py())
        return None if shape is None else str(shapely.to_wkt(shape, rounding_precision=-1))

    def metre_texts(self, rows: Indexes) -> Iterator[str]:
        """Positions as WKT in whole millimetres: what an unnamed place is known by."""
        for start in range(0, len(rows), _BLOCK):
            _, metres = self.ewkb(rows[start : start + _BLOCK])
            scaled = shapely.transform(shapes_of_wkb(metres.to_pylist()), lambda xy: np.round(xy * 1000.0))
            yield from shapely.to_wkt(scaled, rounding_precision=0, trim=True).tolist()


@dataclass(frozen=True, slots=True)
class _Block:
    """Shapes as extended WKB in degrees and in metres, the point in metres that stands for each; the first's number."""

    first: int
    degrees: pa.Array
    metres: pa.Array
    standing: Floats


def locate(checked: Checked, table: Table, named: Named, declared: Declared, metric: Metric) -> Positions:
    """The positions of all rows without a fault; what cannot be placed becomes a fault of its row."""
    positions = Positions(len(checked.rows), metric.srid)
    if checked.layer.position == "none":
        return positions
    given = Given(checked, table, named)
    if given.points is not None:
        positions.given = given.points
    if checked.layer.position == "required":
        for index in np.flatnonzero(~given.has):
            checked.blame(int(index), given.field, None, "没有位置", "请填写经纬度或几何")
    todo = np.flatnonzero(given.has)
    for start in range(0, len(todo), _BLOCK):
        _convert(checked, positions, given, todo[start : start + _BLOCK], declared, metric)
        table.put_down()  # a million shapes as text take more memory than all that is made of them
    return positions


# --- what is allowed -------------------------------------------------------------------------------------


def _allowed(checked: Checked, shapes: Shapes, field: str, rows: Indexes) -> NDArray[np.bool_]:
    """Which rows' shapes are of a family the layer takes, with a bearable number of vertices."""
    kinds = shapely.get_type_id(shapes)
    vertices = shapely.get_num_coordinates(shapes)
    parts = shapely.get_num_geometries(shapes)
    good = np.zeros(len(rows), dtype=np.bool_)
    allowed = checked.layer.geometries
    words = "、".join(_WORDS[family] for family in allowed)
    if "point" in allowed:
        good |= kinds == _POINT
    for place in np.flatnonzero(~good & (kinds >= 0)).tolist():
        index, family = int(rows[place]), _FAMILIES.get(int(kinds[place]))
        told = shapes[place].geom_type
        if family not in allowed:
            checked.blame(index, field, told, f"{checked.layer.zh}的位置只能是{words}", "请改用这种几何")
        elif vertices[place] > LIMITS.vertices:
            reason = f"超过 {LIMITS.vertices:,} 个顶点"
            checked.blame(index, field, f"{vertices[place]:,} 个顶点", reason, "请简化几何或分成几条记录")
        elif family == "point" and parts[place] > 1:
            checked.blame(index, field, told, "一条记录只能有一个点", "请分成几行")
        else:
            good[place] = True
    return good


# --- conversion ------------------------------------------------------------------------------------------


def _convert(
    checked: Checked, positions: Positions, given: Given, rows: Indexes, declared: Declared, metric: Metric
) -> None:
    """One block of rows through the declared system to degrees and metres, as far as they have no fault."""
    if given.points is not None:
        rows = checked.without_fault(rows)
        _convert_points(checked, positions, given.field, rows, given.points[rows], declared, metric)
        return
    shapes = given.shapes(checked, rows)
    positions.given[rows] = _middles(shapes)
    sound = np.isin(rows, checked.without_fault(rows))
    rows, shapes = rows[sound], shapes[sound]
    good = _allowed(checked, shapes, given.field, rows)
    coordinates, owner = shapely.get_coordinates(shapes, return_index=True)
    for place in np.unique(owner[~np.isfinite(coordinates).all(axis=1)]):
        if good[place]:
            good[place] = False
            checked.blame(int(rows[place]), given.field, None, "坐标不是有限的数", "请核对该要素的几何")
    rows = rows[good]
    shapes = shapely.orient_polygons(shapely.force_2d(shapes[good]))  # RFC 7946: outer rings anticlockwise
    several = shapely.get_type_id(shapes) == _MULTIPOINT
    shapes[several] = shapely.get_geometry(shapes[several], 0)
    point = shapely.get_type_id(shapes) == _POINT
    _convert_points(
        checked, positions, given.field, rows[point], shapely.get_coordinates(shapes[point]), declared, metric
    )
    _convert_shapes(checked, positions, given.field, rows[~point], shapes[~point], declared, metric)


def _convert_points(
    checked: Checked,
    positions: Positions,
    field: str,
    rows: Indexes,
    xy: Floats,
    declared: Declared,
    metric: Metric,
) -> None:
    if not len(rows):
        return
    lonlat, fine = _degrees(checked, field, rows, np.arange(len(rows)), xy, declared, metric)
    positions.lonlat[rows[fine]] = lonlat[fine]
    positions.metres[rows[fine]] = np.column_stack(metric.to_metres(lonlat[fine, 0], lonlat[fine, 1]))


def _convert_shapes(
    checked: Checked,
    positions: Positions,
    field: str,
    rows: Indexes,
    shapes: Shapes,
    declared: Declared,
    metric: Metric,
) -> None:
    if not len(rows):
        return
    coordinates, owner = shapely.get_coordinates(shapes, return_index=True)
    lonlat, fine = _degrees(checked, field, rows, owner, coordinates, declared, metric)
    exact = np.column_stack(metric.exact_metres(lonlat[:, 0], lonlat[:, 1]))
    good = np.setdiff1d(np.arange(len(rows)), owner[~fine])
    keep = np.isin(owner, good)
    degrees, unrounded, metres = (
        shapely.set_coordinates(shapes[good].copy(), numbers[keep])
        for numbers in (lonlat, exact, whole_millimetres(exact))
    )
    bent = shapely.is_valid(unrounded) & ~shapely.is_valid(metres)
    for place in np.flatnonzero(bent):
        with suppress(shapely.GEOSException):  # some have none; they stay invalid and are told
            metres[place] = shapely.set_precision(unrounded[place], 0.001)  # the nearest valid on the grid
    valid = shapely.is_valid(degrees) & shapely.is_valid(metres) & ~shapely.is_empty(metres)
    positions.add_shapes(rows[good][valid], degrees[valid], metres[valid])
    for index, shape in zip(rows[good][~valid].tolist(), degrees[~valid], strict=True):
        checked.blame(index, field, shape.geom_type, invalid_reason(shape), "请在制图软件中修正几何")


def _degrees(
    checked: Checked,
    field: str,
    rows: Indexes,
    owner: Indexes,
    xy: Floats,
    declared: Declared,
    metric: Metric,
) -> tuple[Floats, NDArray[np.bool_]]:
    """Coordinates in CGCS2000 degrees, and which are usable; one that is not is its owner's fault."""
    with np.errstate(invalid="ignore", over="ignore"):
        lon, lat = rounded_lonlat(*declared.to_lonlat(xy[:, 0], xy[:, 1]))
        on_globe = np.isfinite(lon) & np.isfinite(lat) & (np.abs(lon) <= 180.0) & (np.abs(lat) <= 90.0)
    lon, lat = np.where(on_globe, lon, 0.0), np.where(on_globe, lat, 0.0)
    usable = metric.usable(lon, lat)
    for reason, fine in (
        ("不在地球上", on_globe),
        (f"离本市太远：EPSG:{metric.srid} 在此处的长度比超出 0.98–1.02", usable | ~on_globe),
    ):
        wrong = np.flatnonzero(~fine)
        places, firsts = np.unique(owner[wrong], return_index=True)
        for place, (x, y) in zip(places, xy[wrong[firsts]], strict=True):
            checked.blame(
                int(rows[place]), field, f"{x:.10g} {y:.10g}", reason, "请核对经纬度的次序、正负号和 --crs"
            )
    return np.column_stack([lon, lat]), on_globe & usable


def _middles(shapes: Shapes) -> Floats:
    """The middle of each shape's box: found of any shape, also of one that is not valid."""
    west, south, east, north = shapely.bounds(shapes).T
    return np.column_stack([(west + east) / 2.0, (south + north) / 2.0])


def invalid_reason(shape: Any) -> str:
    """Why a shape is not valid, in words, and where."""
    told = shapely.is_valid_reason(shape)
    place = _PLACE.search(told)
    words = _REASONS.get(told.partition("[")[0], "几何无效")
    return f"{words}，在 ({place[1]}, {place[2]}) 附近" if place else words

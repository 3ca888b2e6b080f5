"""Which grid unit, village and township hold a point, for many points at once.

The finest level that has a polygon there answers; a point on a shared edge goes to the lower code, so the answer never
depends on the order of rows. `place_of` (layers/sql/20_place.sql) answers the same for one place in the database.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa
import shapely
from numpy.typing import NDArray
from sqlalchemy import Connection, text

Floats = NDArray[np.float64]

PLACES = ("township_code", "village_code", "grid_code")
_LEVELS = ("grid", "village", "township")
_FEW = 500
"""for so few points only the polygons around them are read"""
_BLOCK = 100_000
"""points that are looked up at once"""


@dataclass(frozen=True, slots=True)
class _Level:
    """The areas of one level in order of code: polygons and their tree."""

    polygons: NDArray[np.object_]
    tree: shapely.STRtree


@dataclass(frozen=True, slots=True)
class _Known:
    """Levels from the finest, and `PLACES` of all their areas, one level after the other."""

    levels: list[_Level]
    places: dict[str, pa.Array]


class Areas:
    """The areas of a table (`area`, or `area_now`: as they will be) as one transaction sees them, read when first asked."""

    def __init__(self, connection: Connection, table: str) -> None:
        self._connection = connection
        self._table = table
        self._all: _Known | None = None
        self._complete: bool | None = None

    @property
    def complete(self) -> bool:
        """Whether every area has a polygon: then what a position says needs no declared township."""
        if self._complete is None:
            query = (
                f"SELECT NOT EXISTS (SELECT FROM {self._table} WHERE geom_m IS NULL AND level = ANY(:levels))"
            )
            answer = self._connection.execute(text(query), {"levels": list(_LEVELS)})
            self._complete = bool(answer.scalar_one())
        return self._complete

    def at(self, points: Floats) -> dict[str, pa.Array]:
        """Township, village and grid unit (`PLACES`) of points in metres (n × 2); null where there is none, and for NaN."""
        if len(points) <= _FEW and self._all is None:
            known = self._read(points)
        else:
            known = self._all = self._all if self._all is not None else self._read(None)
        found = np.full(len(points), -1, dtype=np.int64)
        missing = np.isnan(points).any(axis=1)
        before = 0
        for level in known.levels:
            todo = np.flatnonzero((found < 0) & ~missing)
            for start in range(0, len(todo), _BLOCK):
                block = todo[start : start + _BLOCK]
                inside = _first_inside(level, points[block])
                found[block] = np.where(inside < 0, -1, inside + before)
            before += len(level.polygons)
        chosen = pa.array(found, mask=found < 0)
        return {name: codes.take(chosen) for name, codes in known.places.items()}

    def _read(self, around: Floats | None) -> _Known:
        """All levels; with `around` only the polygons whose box holds one of these points."""
        near = ""
        values: dict[str, Any] = {"levels": list(_LEVELS)}
        if around is not None:
            near = (
                " AND EXISTS (SELECT FROM unnest(CAST(:x AS float8[]), CAST(:y AS float8[])) AS p(x, y)"
                " WHERE a.geom_m && ST_SetSRID(ST_MakePoint(p.x, p.y), ST_SRID(a.geom_m)))"
            )
            known = around[~np.isnan(around).any(axis=1)]
            values |= {"x": known[:, 0].tolist(), "y": known[:, 1].tolist()}
        rows = self._connection.execute(
            text(
                f"SELECT level, ST_AsBinary(geom_m) AS shape, {', '.join(PLACES)} FROM {self._table} a"
                f" WHERE geom_m IS NOT NULL AND level = ANY(:levels){near} ORDER BY code"
            ),
            values,
        ).all()
        levels, ordered = [], []
        for name in _LEVELS:
            own = [row for row in rows if row.level == name]
            polygons = shapely.from_wkb(np.array([bytes(row.shape) for row in own], dtype=np.object_))
            shapely.prepare(polygons)
            levels.append(_Level(polygons, shapely.STRtree(polygons)))
            ordered += own
        places = {name: pa.array([getattr(row, name) for row in ordered], pa.string()) for name in PLACES}
        return _Known(levels, places)


def _first_inside(level: _Level, points: Floats) -> NDArray[np.int64]:
    """By point the first polygon in order that holds it, its edge included; -1 where none does."""
    first = np.full(len(points), len(level.polygons), dtype=np.int64)
    point, polygon = level.tree.query(shapely.points(points))
    inside = shapely.intersects_xy(level.polygons[polygon], points[point, 0], points[point, 1])
    np.minimum.at(first, point[inside], polygon[inside])
    return np.where(first == len(level.polygons), -1, first)


def standing_points(shapes: Sequence[Any] | NDArray[np.object_]) -> Floats:
    """The one point that stands for each shape, as `place_point` in the database: its first point, the middle of its
    first line, a point inside its polygon. NaN for None.
    """
    given = np.array(shapes, dtype=np.object_)
    points = np.full((len(given), 2), np.nan)
    dimension = shapely.get_dimensions(given)
    point, line, polygon = dimension == 0, dimension == 1, dimension == 2
    points[point] = shapely.get_coordinates(shapely.get_geometry(given[point], 0))
    first = shapely.get_geometry(given[line], 0)
    points[line] = shapely.get_coordinates(shapely.line_interpolate_point(first, 0.5, normalized=True))
    points[polygon] = shapely.get_coordinates(shapely.point_on_surface(given[polygon]))
    return points

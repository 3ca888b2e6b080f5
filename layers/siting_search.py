"""What a search over the whole city reads: the city's ground, and every record of each object, once."""

from collections.abc import Iterable, Mapping
from typing import Any, NamedTuple

import numpy as np
import shapely
from pyproj import Transformer
from sqlalchemy import Connection, Text, and_, cast, func, or_, select
from sqlalchemy.dialects.postgresql import JSONB

from layers.exposure import Geometries, place_points, shapes_from
from layers.schema import GEOGRAPHIC_SRID, city, metadata, score
from layers.siting import Row, is_one, no_neighbour
from riskmap.errors import BadInput, TooLarge
from riskmap.exposure import people_within
from riskmap.sections import MILLI
from riskmap.shapes import Floats, Ints, Shapes
from riskmap.siting_rules import SitingObject
from riskmap.siting_search import Grid

_MOST_CELLS = 2_000_000
_DEGREE_DIGITS = 9


class Ground(NamedTuple):
    """The cells of the city, and the number of its metric system."""

    grid: Grid
    srid: int

    def lonlat(self, cells: Iterable[int]) -> Floats:
        """Degrees of the middles of some cells, (n, 2), fine enough to come back to their mm."""
        index = np.fromiter(cells, np.int64)
        return self._degrees(self.grid.x[index], self.grid.y[index])

    def corners(self, columns: Iterable[int], rows: Iterable[int]) -> Floats:
        """Degrees of the south west corners of the cells where some columns and rows meet, row by row, (n, 2)."""
        step = self.grid.step_mm
        column, row = np.meshgrid(np.fromiter(columns, np.float64), np.fromiter(rows, np.float64))
        return self._degrees(
            self.grid.x0 + (column.ravel() - 0.5) * step, self.grid.y0 + (row.ravel() - 0.5) * step
        )

    def _degrees(self, x_mm: Floats, y_mm: Floats) -> Floats:
        way = Transformer.from_crs(self.srid, GEOGRAPHIC_SRID, always_xy=True)
        lon, lat = way.transform(x_mm / MILLI, y_mm / MILLI)
        return np.round(np.column_stack([lon, lat]), _DEGREE_DIGITS)


def ground_of(connection: Connection, cell_m: int) -> Ground:
    """The grid of the city: cells whose middle lies in it. BadInput where its outline is not on file."""
    area = metadata.tables["area"]
    srid = int(connection.execute(select(city.c.metric_srid)).scalar_one())
    query = select(func.ST_AsBinary(area.c.geom_m)).where(area.c.level == "city", area.c.geom_m.is_not(None))
    outlines = [shapely.from_wkb(bytes(one)) for one in connection.execute(query).scalars()]
    if not outlines:
        raise BadInput("全市范围不在册，不能全域搜索", remedy="请导入 level 为 city 的行政区域边界")
    outline = shapely.union_all(outlines)
    west, south, east, north = (float(v) for v in shapely.bounds(outline))
    west, south = (float(np.floor(v / cell_m)) * cell_m + cell_m / 2 for v in (west, south))
    columns, rows = (max(1, int((high - low) // cell_m) + 1) for low, high in ((west, east), (south, north)))
    if columns * rows > _MOST_CELLS:
        raise TooLarge(f"网格过密：{columns * rows:,} 个单元", remedy="请加大 cell_m")
    shapely.prepare(outline)
    x, y = np.meshgrid(west + np.arange(columns) * cell_m, south + np.arange(rows) * cell_m)
    keep = shapely.intersects_xy(outline, x, y)
    return Ground(Grid.of(west * MILLI, south * MILLI, cell_m * MILLI, keep), srid)


def records_of(
    connection: Connection,
    objects: Iterable[SitingObject],
    own: str | None,
    more: Mapping[str, list[shapely.Geometry]],
) -> dict[str, Shapes]:
    """By object the shapes of all its open records, and those given besides; each layer is read once."""
    wanted: dict[str, list[tuple[str, Any]]] = {}
    for one in objects:
        for place in one.found_in:
            wanted.setdefault(place.layer, []).append((one.code, and_(*is_one(_table(place.layer), place))))
    parts: dict[str, list[Any]] = {one.code: [np.array(more[one.code], object)] for one in objects}
    for layer, conditions in wanted.items():
        table = _table(layer)
        told = [condition.label(f"is_{n}") for n, (_, condition) in enumerate(conditions)]
        query = select(func.ST_AsBinary(table.c.geom_m), *told).where(
            or_(*(condition for _, condition in conditions)), *no_neighbour(own, table)
        )
        rows = connection.execute(query.order_by(table.c.code)).all()
        shapes = shapely.from_wkb([bytes(row[0]) for row in rows])
        marks = np.array([row[1:] for row in rows], dtype=object).reshape(len(rows), len(conditions)) == True  # noqa: E712
        for n, (code, _) in enumerate(conditions):
            parts[code].append(np.asarray(shapes, object)[marks[:, n]])
    empty = np.zeros(0, object)
    return {code: shapes_from(np.concatenate([empty, *found])) for code, found in parts.items()}


def all_sources(connection: Connection, own: str | None, more: Iterable[Row]) -> tuple[list[Row], Shapes]:
    """Every open source with the accounts of its consequences as the last run has them, those given besides, their shapes."""
    table, result = _table("source"), score.alias("result")
    query = (
        select(
            *(table.c[name] for name in ("code", "name", "kind", "status")),
            cast(result.c.facts["consequences"], JSONB).label("consequences"),
            func.ST_AsBinary(table.c.geom_m).label("shape"),
        )
        .outerjoin(result, and_(result.c.kind == "source", result.c.code == table.c.code))
        .where(table.c.status.is_distinct_from("closed"), *no_neighbour(own, table))
        .where(or_(result.c.facts.is_(None), cast(result.c.facts["consequences"], Text) != "[]"))
        .order_by(table.c.code)
    )
    rows = [dict(row) for row in connection.execute(query).mappings()]
    shapes = [shapely.from_wkb(bytes(row.pop("shape"))) for row in rows]
    besides = [dict(row) for row in more]
    shapes += [row.pop("shape") for row in besides]
    return [*rows, *besides], shapes_from(np.array(shapes, object))


def all_studies(connection: Connection) -> tuple[list[Row], Shapes]:
    """Every zone of an approved study, and their shapes."""
    table = _table("zone_external")
    names = ("code", "name", "kind", "threshold", "study", "source_code")
    query = select(*(table.c[name] for name in names), func.ST_AsBinary(table.c.geom_m).label("shape"))
    rows = [dict(row) for row in connection.execute(query.order_by(table.c.code)).mappings()]
    return rows, shapes_from(shapely.from_wkb(np.array([bytes(row.pop("shape")) for row in rows], object)))


class NamedAreas(NamedTuple):
    """Areas that places are called by: village (None: townships are the finest on file) and township, shapes in metres."""

    villages: list[str | None]
    townships: list[str | None]
    shapes: Geometries

    def nearest(self, x_m: Floats, y_m: Floats) -> Ints:
        """Of each place the area that it lies in, else the nearest one."""
        found: Ints = shapely.STRtree(self.shapes).nearest(shapely.points(x_m, y_m))
        return found

    def middles(self) -> Floats:
        """A point inside each area, in metres, (n, 2)."""
        middles: Floats = shapely.get_coordinates(shapely.point_on_surface(self.shapes))
        return middles


def named_areas(connection: Connection) -> NamedAreas | None:
    """Villages with an outline, without any the townships; None without these either."""
    area = _table("area")
    township = area.alias("township")
    for level in ("village", "township"):
        query = (
            select(
                area.c.name, township.c.name.label("township"), func.ST_AsBinary(area.c.geom_m).label("shape")
            )
            .outerjoin(
                township, and_(township.c.code == area.c.township_code, township.c.level == "township")
            )
            .where(area.c.level == level, area.c.geom_m.is_not(None))
            .order_by(area.c.code)
        )
        rows = connection.execute(query).all()
        if rows:
            villages = [row.name if level == "village" else None for row in rows]
            townships = [row.township or (row.name if level == "township" else None) for row in rows]
            shapes = shapely.from_wkb(np.array([bytes(row.shape) for row in rows], object))
            return NamedAreas(villages, townships, shapes)
    return None


def people_near(connection: Connection, grid: Grid, radius_m: float) -> Floats | None:
    """Residents within a distance of each cell's middle; None where nobody is on file."""
    table = _table("population")
    rows = connection.execute(select(func.ST_AsBinary(table.c.geom_m), table.c.people)).all()
    if not rows:
        return None
    places = shapely.from_wkb(np.array([bytes(row[0]) for row in rows], object))
    people = np.array([float(row[1]) for row in rows])
    spread = shapely.get_dimensions(places) == 2
    return people_within(
        Shapes.points(np.column_stack([grid.x, grid.y]) / MILLI),
        radius_m,
        place_points(places[~spread]),
        people[~spread],
        shapes_from(places[spread]),
        people[spread],
    )


def _table(layer: str) -> Any:
    return metadata.tables[layer]

"""From stored geometries to the arrays of the exposure kernels: sites, places, flattened shapes."""

from typing import Any

import numpy as np
import shapely
from numpy.typing import ArrayLike, NDArray

from riskmap import exposure
from riskmap.errors import BadInput
from riskmap.shapes import HOLE, LINE, POINT, SHELL, Floats, Shapes

Geometries = NDArray[Any]
"""an object array of shapely geometries in the city's metric system; None where there is no position"""

_POINT, _LINE, _RING, _POLYGON = 0, 1, 2, 3
"""shapely's numbers of the single types"""


def sites_of(sources: Geometries, enterprises: Geometries) -> Geometries:
    """The site of each source: its enterprise's polygon united with it, else the source's own position.

    `enterprises` holds, in the same order, the position of each source's enterprise, None without one. An
    enterprise that is only a point adds nothing to a source that has a position.
    """
    owners = np.asarray(enterprises, object)
    sites = np.where(shapely.is_missing(sources), owners, sources)
    with_area = shapely.get_dimensions(owners) == 2
    sites[with_area] = shapely.union(sites[with_area], owners[with_area])
    return sites


def place_points(geometries: Geometries) -> Floats:
    """Where the people of each record are taken to be, (n, 2) metres: a point itself, else its point on surface.

    Raises BadInput where a record has no position.
    """
    points = np.array(geometries, object)
    spread = shapely.get_type_id(points) != _POINT
    points[spread] = shapely.point_on_surface(points[spread])
    xy = np.column_stack([shapely.get_x(points), shapely.get_y(points)])
    if not np.isfinite(xy).all():
        raise BadInput("有记录没有位置", remedy="请补上坐标后重新导入")
    return xy


def shapes_from(geometries: Geometries) -> Shapes:
    """Shapely geometries as flat arrays; None and empty ones become empty shapes. Polygons are a shape's last parts.

    Raises BadInput where a coordinate is no finite number.
    """
    singles, owner = _singles(np.asarray(geometries, object))
    kinds = shapely.get_type_id(singles)
    polygon = kinds == _POLYGON
    rings, ring_of = shapely.get_rings(singles[polygon], return_index=True)
    outer = np.append(True, ring_of[1:] != ring_of[:-1])[: len(rings)]
    parts = np.concatenate([singles[~polygon], rings])
    part_owner = np.concatenate([owner[~polygon], owner[polygon][ring_of]])
    part_kind = np.concatenate(
        [np.where(kinds[~polygon] == _POINT, POINT, LINE), np.where(outer, SHELL, HOLE)]
    )
    order = np.argsort(part_owner, kind="stable")
    xy = shapely.get_coordinates(parts[order])
    if not np.isfinite(xy).all():
        raise BadInput("坐标不是有效数值", remedy="请检查几何数据后重新导入")
    return Shapes.from_parts(
        xy,
        _offsets(shapely.get_num_coordinates(parts[order])),
        part_kind[order],
        _offsets(np.bincount(part_owner, minlength=len(geometries))),
    )


def people_within(
    sites: Geometries, radius_m: float, places: Geometries, people: ArrayLike, *, threads: int = 0
) -> Floats:
    """People outside each site and within `radius_m` of it, float64 (number of sites), in one call for the city.

    `places` are the positions of `people`: points count whole, polygons by their share of area, a line at its point
    on surface. See `riskmap.exposure.people_within`.
    """
    places = np.asarray(places, object)
    counts = np.asarray(people, np.float64)
    spread = shapely.get_dimensions(places) == 2
    return exposure.people_within(
        shapes_from(sites),
        radius_m,
        place_points(places[~spread]),
        counts[~spread],
        shapes_from(places[spread]),
        counts[spread],
        threads=threads,
    )


def _singles(geometries: Geometries) -> tuple[Geometries, NDArray[np.int64]]:
    """Points, lines and polygons out of whatever holds them, empty ones left out, and whose they are."""
    parts, owner = shapely.get_parts(geometries, return_index=True)
    while (shapely.get_type_id(parts) > _POLYGON).any():
        parts, inner = shapely.get_parts(parts, return_index=True)
        owner = owner[inner]
    filled = ~shapely.is_empty(parts)
    return parts[filled], owner[filled]


def _offsets(lengths: NDArray[np.int64]) -> NDArray[np.int64]:
    return np.concatenate([[0], np.cumsum(lengths)]).astype(np.int64)

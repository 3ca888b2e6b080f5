"""Fixed sample points of grid units: where the people of a unit are taken to be while no population layer says it."""

from typing import Any

import numpy as np
import pandas as pd
import shapely

STEP_M = 300.0
MOST_POINTS = 25


def sample_places(units: pd.DataFrame) -> pd.DataFrame:
    """Places for grid units with people: `code` (unit#001 …), `people` shared evenly, `geom`, the unit's scope.

    A lattice of the metric system's whole steps inside the polygon, at most 25 points in its order; a unit that
    holds none gets its point on surface. The points depend on the polygon alone: people never move them.
    """
    scopes = [name for name in units.columns if name.endswith("_code") or name == "committee"]
    parts = [_places_of(row, scopes) for row in units.itertuples(index=False)]
    if not parts:
        return pd.DataFrame(
            columns=["code", "people", "people_day", "vulnerable", "rescue_min", "geom", *scopes]
        )
    return pd.concat(parts, ignore_index=True)


def _places_of(unit: Any, scopes: list[str]) -> pd.DataFrame:
    points = _lattice(unit.geom)
    n = len(points)
    scope = {name: getattr(unit, name) for name in scopes}
    return pd.DataFrame(
        {
            "code": [f"{unit.code}#{k + 1:03d}" for k in range(n)],
            "people": np.full(n, float(unit.people) / n),
            "people_day": None,
            "vulnerable": False,
            "rescue_min": None,
            "geom": points,
            **scope,
        }
    )


def _lattice(polygon: Any) -> np.ndarray[Any, np.dtype[Any]]:
    west, south, east, north = shapely.bounds(polygon)
    step = STEP_M
    while (east - west) * (north - south) > 4 * MOST_POINTS * step * step:
        step *= 2
    x = np.arange(np.ceil(west / step), np.floor(east / step) + 1) * step
    y = np.arange(np.ceil(south / step), np.floor(north / step) + 1) * step
    grid_x, grid_y = np.meshgrid(x, y)
    inside = shapely.contains_xy(polygon, grid_x.ravel(), grid_y.ravel())
    points = shapely.points(grid_x.ravel()[inside], grid_y.ravel()[inside])
    if not len(points):
        return np.array([shapely.point_on_surface(polygon)], object)
    kept: np.ndarray[Any, np.dtype[Any]] = points[
        np.linspace(0, len(points) - 1, min(len(points), MOST_POINTS)).astype(int)
    ]
    return kept

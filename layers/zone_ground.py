"""What a zone is told with besides its members: the names of places, and where people live."""

import json
from typing import Any, NamedTuple

import numpy as np
import shapely
from sqlalchemy import ARRAY, Connection, LargeBinary, bindparam, false, func, select

from layers.exposure import Geometries
from layers.history import rows_of
from layers.risk import frame_of
from layers.schema import GEOGRAPHIC_SRID, city, metadata


class Ground(NamedTuple):
    """Where people live, and the number of the metric reference system.

    `people` None: nobody is on file anywhere in the city.
    """

    places: Geometries
    people: Geometries | None
    srid: int


def read_ground(connection: Connection, *, peopled: bool) -> Ground:
    """All of it; people by the population layer, else the grid units' own, as a run of risks takes them.

    Not `peopled`: nobody is asked for people, who are left out.
    """
    only = None if peopled else lambda _: false()
    people = frame_of(connection, rows_of("population"), ("people", "geom_m"), only=only)
    if peopled and not len(people):
        units = rows_of("area")
        known = (units.c.level == "grid") & units.c.people.is_not(None) & units.c.geom_m.is_not(None)
        people = frame_of(connection, units, ("people", "geom_m"), only=lambda _: known)
    return Ground(
        people["geom"].to_numpy(object),
        people["people"].to_numpy(np.float64) if len(people) else None,
        int(connection.execute(select(city.c.metric_srid)).scalar_one()),
    )


def place_names(connection: Connection) -> dict[str, str]:
    """The names of townships and villages by code."""
    area = metadata.tables["area"]
    named = select(area.c.code, area.c.name).where(area.c.level.in_(("township", "village")))
    return {row.code: row.name for row in connection.execute(named)}


def geojson_of(connection: Connection, shapes: Geometries) -> list[dict[str, Any]]:
    """Shapes of the city's metric system as GeoJSON in CGCS2000."""
    given = bindparam("shapes", list(shapely.to_wkb(shapes)), type_=ARRAY(LargeBinary))
    asked = func.unnest(given).table_valued("shape", with_ordinality="n", name="asked").render_derived()
    placed = func.ST_SetSRID(func.ST_GeomFromWKB(asked.c.shape), select(city.c.metric_srid).scalar_subquery())
    told = func.ST_AsGeoJSON(func.ST_Transform(placed, GEOGRAPHIC_SRID), 7, 0)
    return [json.loads(row) for row in connection.execute(select(told).order_by(asked.c.n)).scalars()]

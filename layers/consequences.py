"""The zones of real studies around a source, as they are on file."""

from typing import Any

from sqlalchemy import Connection, func, select, type_coerce
from sqlalchemy.dialects.postgresql import JSON

from layers.history import Moment, rows_of
from layers.records import iso


def study_zones(connection: Connection, source_code: str, then: Moment | None = None) -> list[dict[str, Any]]:
    """Zones of studies for a source in order of code: kind, threshold, study, approved_on, geometry as GeoJSON."""
    rows = rows_of("zone_external", then)
    shape = type_coerce(func.ST_AsGeoJSON(rows.c.geom, 6).cast(JSON), JSON)
    columns = [rows.c[name] for name in ("kind", "threshold", "study", "approved_on")]
    query = select(*columns, shape.label("geometry")).where(rows.c.source_code == source_code)
    found = connection.execute(query.order_by(rows.c.code)).mappings()
    return [{**row, "approved_on": iso(row["approved_on"]) if row["approved_on"] else None} for row in found]

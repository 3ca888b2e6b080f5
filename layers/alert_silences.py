"""Silences on file: read as the pipeline takes them, written by `jobs.warnings`."""

import json
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

import numpy as np
import shapely
from sqlalchemy import BigInteger, ColumnElement, Connection, case, func, literal, select

from layers.alert_tables import silence
from layers.crs import metric_system
from layers.history import Moment
from layers.records import iso
from layers.schema import GEOGRAPHIC_SRID
from riskmap.errors import BadInput
from riskmap.silences import Ring, Silence

_MILLI = 1000
_LATER = datetime(9999, 1, 1, tzinfo=UTC)
_NAMES = ("code", "author", "reason", "from_at", "until_at", "matchers")
_AREAS = ("Polygon", "MultiPolygon")


def read_silences(connection: Connection, since: datetime, then: Moment | None = None) -> list[Silence]:
    """The silences that have not ended by an instant, in order of their codes: as on file now, or at a moment.

    Of one that was cut later than the moment only this is known of its end then: it was later still.
    """
    shape = func.ST_AsBinary(silence.c.geom_m).label("shape")
    until: ColumnElement[Any] = silence.c.until_at
    query = select(*(silence.c[name] for name in _NAMES if name != "until_at"), shape)
    if then is not None:
        begun = func.substr(silence.c.code, 2).cast(BigInteger)  # it is named by the revision that began it
        until = case((silence.c.rev > then.rev, literal(_LATER)), else_=until)
        query = query.where(begun <= then.rev)
    query = query.add_columns(until.label("until_at")).where(until > since)
    return [_silence(row) for row in connection.execute(query.order_by(silence.c.code)).mappings()]


def geometry_alone(outline: dict[str, Any]) -> dict[str, Any]:
    """Type and coordinates of a GeoJSON geometry; what else was sent with it is neither kept nor read."""
    return {name: outline.get(name) for name in ("type", "coordinates")}


def metric_rings(outline: dict[str, Any], srid: int) -> tuple[Ring, ...]:
    """The rings of a GeoJSON polygon (degrees, CGCS2000) in mm of a metric system; BadInput for anything else."""
    try:
        shape = shapely.from_geojson(json.dumps(outline))
    except shapely.errors.GEOSException:
        shape = None
    if shape is None or shape.geom_type not in _AREAS or shape.is_empty or not shape.is_valid:
        raise BadInput(
            "范围不是有效的多边形", remedy="请给出 GeoJSON 的 Polygon 或 MultiPolygon", field="polygon"
        )
    metric = shapely.transform(shape, metric_system(srid).to_metres, interleaved=False)
    if not np.isfinite(shapely.get_coordinates(metric)).all():
        raise BadInput("范围超出可用的坐标", remedy="请按经度、纬度的次序给出度数", field="polygon")
    return _rings(metric)


def keep_silence(
    connection: Connection, one: Silence, outline: dict[str, Any] | None, srid: int, rev: int
) -> None:
    """Keep a new silence; `outline` is the GeoJSON of its rings, None: everywhere."""
    connection.execute(
        silence.insert().values(
            code=one.code,
            author=one.author,
            reason=one.reason,
            from_at=datetime.fromtimestamp(one.from_s, UTC),
            until_at=datetime.fromtimestamp(one.until_s, UTC),
            matchers={field: list(values) for field, values in one.matchers.items()},
            geom=None if outline is None else _geographic(outline),
            geom_m=None if outline is None else _of_rings(one.rings, srid),
            rev=rev,
        )
    )


def newest_silence_rev(connection: Connection) -> int:
    """The revision of the last silence that was set; 0 where there is none."""
    return int(connection.execute(select(func.coalesce(func.max(silence.c.rev), 0))).scalar_one())


def cut_silence(connection: Connection, code: str, at: datetime, rev: int) -> bool:
    """End a silence at an instant before its end; whether there was one to end."""
    lasting = (silence.c.code == code) & (silence.c.until_at > at)
    done = connection.execute(silence.update().where(lasting).values(until_at=at, rev=rev))
    return done.rowcount > 0


def silences_told(connection: Connection, since: datetime) -> list[dict[str, Any]]:
    """The silences that have not ended by an instant, as the interface tells them."""
    outline = func.ST_AsGeoJSON(silence.c.geom).label("polygon")
    query = select(*(silence.c[name] for name in _NAMES), outline).where(silence.c.until_at > since)
    return [
        {
            **row,
            "from_at": iso(row["from_at"]),
            "until_at": iso(row["until_at"]),
            "polygon": row["polygon"] and json.loads(row["polygon"]),
        }
        for row in connection.execute(query.order_by(silence.c.code)).mappings()
    ]


def _geographic(outline: dict[str, Any]) -> ColumnElement[Any]:
    return func.ST_SetSRID(func.ST_GeomFromGeoJSON(json.dumps(outline)), GEOGRAPHIC_SRID)


def _of_rings(rings: Sequence[Ring], srid: int) -> ColumnElement[Any]:
    """The even-odd area of rings in mm as the database keeps it."""
    area = shapely.from_wkt("POLYGON EMPTY")
    for ring in rings:
        area = shapely.symmetric_difference(area, shapely.polygons(np.array(ring) / _MILLI))
    return func.ST_SetSRID(func.ST_GeomFromWKB(shapely.to_wkb(area)), srid)


def _silence(row: Any) -> Silence:
    rings = () if row["shape"] is None else _rings(shapely.from_wkb(bytes(row["shape"])))
    matchers = {field: tuple(values) for field, values in row["matchers"].items()}
    until_s, from_s = (int(row[name].timestamp()) for name in ("until_at", "from_at"))
    return Silence(row["code"], row["author"], row["reason"], from_s, until_s, matchers, rings)


def _rings(shape: Any) -> tuple[Ring, ...]:
    polygons: Sequence[Any] = list(getattr(shape, "geoms", [shape]))
    lines = [ring for polygon in polygons for ring in (polygon.exterior, *polygon.interiors)]
    return tuple(tuple((round(x * _MILLI), round(y * _MILLI)) for x, y in ring.coords) for ring in lines)

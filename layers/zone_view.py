"""What pages and sheets show beside a joint-control zone: where sites lie and how they are called, and what is around."""

from collections.abc import Iterable
from typing import Any, NamedTuple

from sqlalchemy import Connection, func, literal, select, type_coerce, union_all
from sqlalchemy.dialects.postgresql import JSON

from layers.history import Moment, as_known, rows_of
from layers.reading import among
from layers.schema import GEOGRAPHIC_SRID, metadata

Row = dict[str, Any]
_MOST = 400


class Site(NamedTuple):
    """A site as the caller may see it: its layer, name and the one point that stands for it."""

    layer: str
    name: str
    lon: float
    lat: float


def sites_of(connection: Connection, codes: Iterable[str], then: Moment | None = None) -> dict[str, Site]:
    """Enterprises, and sources by their own code, now or as of a moment."""
    wanted = sorted(set(codes))
    parts = []
    for layer in ("source", "enterprise"):
        rows = rows_of(layer, then).alias(layer)
        point = func.ST_PointOnSurface(rows.c.geom)
        columns = (
            rows.c.code,
            literal(layer).label("layer"),
            rows.c.name,
            func.ST_X(point),
            func.ST_Y(point),
        )
        parts.append(select(*columns).where(rows.c.code == among(wanted)))
    return {code: Site(*told) for part in parts for code, *told in connection.execute(part)}


class Counts(NamedTuple):
    """The zones the caller may see: their codes, how many cross a border, how many are at major or high inherent risk."""

    codes: list[str]
    across: int
    severe: int


def count_zones(connection: Connection, then: Moment | None = None) -> Counts:
    """How many zones of which sort there are, now or as of a moment."""
    zone = metadata.tables["zone"] if then is None else as_known("zone", then.rev)
    query = select(zone.c.code, func.cardinality(zone.c.townships).label("n"), zone.c.base_level)
    found = connection.execute(query.order_by(zone.c.code)).all()
    return Counts(
        [row.code for row in found],
        sum(row.n > 1 for row in found),
        sum(row.base_level in (1, 2) for row in found),
    )


def ground_around(connection: Connection, box: tuple[float, float, float, float]) -> list[Row]:
    """Lines of the base map and townships' borders within a box of degrees, cut at it: `{"kind", "geometry"}`.

    Water first, then borders, then roads by rank, the important ones last; everyone signed in may see them.
    """
    line, area = metadata.tables["line"], metadata.tables["area"]
    frame = func.ST_MakeEnvelope(*box, GEOGRAPHIC_SRID)

    def cut(geom: Any) -> Any:
        return func.ST_ClipByBox2D(geom, func.Box2D(frame))

    border = func.ST_Boundary(area.c.geom)
    parts = union_all(
        select(
            line.c.kind,
            func.coalesce(line.c.rank, 1).label("rank"),
            line.c.code,
            cut(line.c.geom).label("geom"),
        ).where(line.c.geom.op("&&")(frame)),
        select(literal("border"), literal(99), area.c.code, cut(border)).where(
            area.c.geom.op("&&")(frame), area.c.level == "township"
        ),
    ).subquery("parts")
    geometry = type_coerce(func.ST_AsGeoJSON(parts.c.geom, 6).cast(JSON), JSON).label("geometry")
    query = (
        select(parts.c.kind, geometry)
        .where(parts.c.geom.is_not(None), ~func.ST_IsEmpty(parts.c.geom))
        .order_by(func.ST_Dimension(parts.c.geom).desc(), parts.c.rank.desc(), parts.c.code)
        .limit(_MOST)
    )
    return [dict(row) for row in connection.execute(query).mappings()]

"""What warnings ask of sources: their levels, where they stand, and whose people they are near to."""

from collections.abc import Collection
from typing import Any

from sqlalchemy import (
    ARRAY,
    ColumnElement,
    Connection,
    Double,
    FromClause,
    Numeric,
    Text,
    and_,
    any_,
    func,
    literal,
    null,
    or_,
    select,
    true,
    union_all,
)
from sqlalchemy.dialects.postgresql import aggregate_order_by

from layers.history import Moment, results_of, rows_of
from layers.schema import SCOPE

_PEOPLE = ("population", "target")
_MILLI = 1000
Row = dict[str, Any]


def sources_to_tell(
    connection: Connection,
    level: int,
    rise_level: int,
    codes: Collection[str] = (),
    then: Moment | None = None,
) -> list[Row]:
    """Sources at least that bad (0: whatever their level), those at their threshold quantities, and some by code.

    `{"code", "name", "kind", "level", "rise_level", "s", "people", "industry", "x_mm", "y_mm", "village", "township"}`
    with scope; in order of code. `s` is S × 1000, whole; names of village and township are None where they are unknown.
    """
    source, enterprise = rows_of("source", then), rows_of("enterprise", then)
    village, township = (rows_of("area", then).alias(name) for name in ("village", "township"))
    score = results_of("score", then)
    at = func.ST_PointOnSurface(func.coalesce(source.c.geom_m, enterprise.c.geom_m))
    s = func.floor(score.c.facts["s"].astext.cast(Numeric) * _MILLI)
    named = score.c.code == any_(literal(sorted(codes), ARRAY(Text())))
    asked = or_(score.c.level <= level, and_(score.c.rise_level <= rise_level, score.c.score > score.c.base))
    query = (
        select(
            score.c.code,
            func.coalesce(source.c.name, enterprise.c.name).label("name"),
            func.coalesce(source.c.kind, literal("premises")).label("kind"),
            *(score.c[name] for name in ("level", "rise_level", *SCOPE)),
            s.label("s"),
            score.c.facts["people_500m"].astext.cast(Double).label("people"),
            enterprise.c.industry,
            *((axis(at) * _MILLI).label(name) for axis, name in ((func.ST_X, "x_mm"), (func.ST_Y, "y_mm"))),
            village.c.name.label("village"),
            township.c.name.label("township"),
        )
        .select_from(score)
        .outerjoin(source, source.c.code == score.c.code)
        .outerjoin(enterprise, enterprise.c.code == score.c.enterprise_code)
        .outerjoin(village, village.c.code == score.c.village_code)
        .outerjoin(township, township.c.code == score.c.township_code)
        .where(score.c.kind == "source", or_(asked, s >= _MILLI, named))
        .order_by(score.c.code)
    )
    return [dict(row) for row in connection.execute(query).mappings()]


def near_to_people(
    connection: Connection, level: int, within_mm: int, then: Moment | None = None
) -> list[Row]:
    """Sources at least that bad whose reach, and at most so many mm, comes to places of people or protected targets.

    By source and township of those places: `{"code", "township_code", "township", "distance_mm", "target", "people",
    "degrees"}`: the nearest place, the residents reached, and the direction in which the source lies from there.
    """
    source, area, score = rows_of("source", then), rows_of("area", then), results_of("score", then)
    reach = func.least(within_mm / _MILLI, score.c.facts["distances_m"]["reach"].astext.cast(Double))
    places = union_all(*(_places(rows_of(name, then), name) for name in _PEOPLE)).subquery("places")
    gap = func.ST_Distance(source.c.geom_m, places.c.geom_m)
    reached = (
        select(
            places.c.township_code,
            func.min(gap).label("gap"),
            func.sum(places.c.people).label("people"),
            _nearest(places.c.name, gap, Text()).label("target"),
            _nearest(_degrees(source, places.c.geom_m), gap, Double()).label("degrees"),
        )
        .where(func.ST_DWithin(source.c.geom_m, places.c.geom_m, reach))
        .group_by(places.c.township_code)
        .lateral("reached")
    )
    query = (
        select(
            source.c.code,
            reached.c.township_code,
            area.c.name.label("township"),
            func.round(reached.c.gap * _MILLI).label("distance_mm"),
            *(reached.c[name] for name in ("target", "people", "degrees")),
        )
        .join_from(source, score, and_(score.c.kind == "source", score.c.code == source.c.code))
        .join(reached, true())
        .outerjoin(area, area.c.code == reached.c.township_code)
        .where(
            score.c.level <= level,
            source.c.status.is_distinct_from("closed"),
            reached.c.township_code.is_not(None),
        )
        .order_by(source.c.code, reached.c.township_code)
    )
    return [dict(row) for row in connection.execute(query).mappings()]


def _places(table: FromClause, name: str) -> Any:
    is_target = name == "target"
    people = literal(0.0) if is_target else table.c.people
    place = table.c.name if is_target else null()
    return select(
        table.c.township_code,
        table.c.geom_m,
        people.cast(Double).label("people"),
        place.cast(Text).label("name"),
    )


def _nearest(column: ColumnElement[Any], gap: ColumnElement[Any], kind: Any) -> ColumnElement[Any]:
    """The value at the nearest place; of two as near the one that comes first."""
    first: ColumnElement[Any] = func.array_agg(aggregate_order_by(column, gap, column), type_=ARRAY(kind))[1]
    return first


def _degrees(source: FromClause, place: ColumnElement[Any]) -> ColumnElement[Any]:
    """Clockwise from north as seen from a place, null where the source is right there."""
    middle = func.ST_PointOnSurface(place)
    return func.degrees(func.ST_Azimuth(middle, func.ST_ClosestPoint(source.c.geom_m, middle)))

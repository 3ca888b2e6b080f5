"""Who answers for what: persons of areas by township, and where a person is missing."""

from collections.abc import Mapping, Sequence
from datetime import date
from typing import Any

from sqlalchemy import (
    ARRAY,
    ColumnElement,
    Connection,
    FromClause,
    Select,
    Text,
    and_,
    any_,
    case,
    false,
    func,
    literal,
    null,
    or_,
    select,
    union_all,
)
from sqlalchemy.dialects.postgresql import array

from layers.schema import metadata
from layers.zone_tables import zone

SLOTS = ("industry", "special", "general")
"""the three persons of 四.4 that an enterprise has: 行业, 专业, 综合"""
COUNTED = ("village", "grid")
"""areas that must have someone"""
Row = dict[str, Any]

_AREA, _DUTY, _ENTERPRISE = (metadata.tables[name] for name in ("area", "duty", "enterprise"))
_TODAY = func.date(func.timezone("Asia/Shanghai", func.now()))
"""the city's own day"""


def coverage(connection: Connection, township: str | None = None) -> list[Row]:
    """By township: its leaders, and of its villages, grid units and enterprises how many there are and have someone.

    `{"code", "name", "leaders": […], "village": (n, held), "grid": (n, held), "enterprise": (n, held)}`. Counts only
    what the caller may see: a caller limited to one township asks for that one.
    """
    of_township = _AREA.c.level == "township"
    if township is not None:
        of_township = and_(of_township, _AREA.c.code == township)
    query = select(_AREA.c.code, _AREA.c.name).where(of_township).order_by(_AREA.c.code)
    found = {code: _empty(code, name) for code, name in connection.execute(query)}
    leaders = select(_DUTY.c.object_code, _DUTY.c.person).where(_holds("area"), _DUTY.c.role == "leader")
    for code, person in connection.execute(leaders.order_by(_DUTY.c.code)):
        if code in found:
            found[code]["leaders"].append(person)
    for code, kind, n, held in connection.execute(union_all(_areas_held(), _enterprises_held())):
        if code in found:
            found[code][kind] = (n, held)
    return list(found.values())


def roster(connection: Connection, township: str | None) -> list[Row]:
    """Today's persons of the areas in a township (None: of every area the caller sees), from the township down.

    `{"area_code", "area_name", "level", "role", "person", "phone", "from_on", "absent", "absent_to", "deputy"}`
    """
    deputy = _DUTY.alias("deputy")
    query = (
        select(
            _AREA.c.code.label("area_code"),
            _AREA.c.name.label("area_name"),
            _AREA.c.level,
            _DUTY.c.role,
            _DUTY.c.person,
            _DUTY.c.phone,
            _DUTY.c.from_on,
            is_absent(_TODAY).label("absent"),
            _DUTY.c.absent_to,
            deputy.c.person.label("deputy"),
        )
        .join_from(_DUTY, _AREA, _AREA.c.code == _DUTY.c.object_code)
        .outerjoin(deputy, deputy.c.code == _DUTY.c.deputy_code)
        .where(_holds("area"))
        .order_by(func.length(_AREA.c.code), _AREA.c.code, _DUTY.c.code)
    )
    if township is not None:
        query = query.where(_AREA.c.township_code == township)
    return [dict(row) for row in connection.execute(query).mappings()]


def gaps(connection: Connection, township: str, limit: int = 200) -> tuple[list[Row], int]:
    """Where someone is missing in a township: at most `limit` of these places, and how many there are in all.

    `{"kind", "code", "name", "missing": […]}`: kind village, grid or enterprise; `missing` names slots of enterprises.
    """
    areas = select(
        _AREA.c.level.label("kind"), _AREA.c.code, _AREA.c.name, literal([], ARRAY(Text())).label("missing")
    ).where(_AREA.c.level.in_(COUNTED), _AREA.c.township_code == township, ~_someone())
    lacking = array([case((_lacks(slot), slot)) for slot in SLOTS])
    enterprises = select(
        literal("enterprise"), _ENTERPRISE.c.code, _ENTERPRISE.c.name, func.array_remove(lacking, null())
    ).where(_open(), _ENTERPRISE.c.township_code == township, or_(*(_lacks(slot) for slot in SLOTS)))
    places = union_all(areas, enterprises).subquery("places")
    total = int(connection.execute(select(func.count()).select_from(places)).scalar_one())
    order = (func.array_position(array(["village", "grid", "enterprise"]), places.c.kind), places.c.code)
    found = connection.execute(select(places).order_by(*order).limit(limit)).mappings()
    return [dict(row) for row in found], total


def on_call(connection: Connection, objects: Mapping[str, Sequence[str]], day: date) -> list[Row]:
    """Who answers on a day for some objects, codes by layer, with the phone where the reader may see the person.

    `{"object_layer", "object_code", "object_name", "level", "role", "person", "phone", "deputy", "deputy_phone"}`
    """
    deputy, source = _DUTY.alias("deputy"), metadata.tables["source"]
    # one array a layer: thousands of grid units are too many for a list of values
    named = [
        and_(_DUTY.c.object_layer == layer, _DUTY.c.object_code == any_(literal(list(codes), ARRAY(Text()))))
        for layer, codes in objects.items()
    ]
    query = (
        select(
            _DUTY.c.object_layer,
            _DUTY.c.object_code,
            func.coalesce(_AREA.c.name, _ENTERPRISE.c.name, source.c.name, zone.c.name).label("object_name"),
            _AREA.c.level,
            *(_DUTY.c[name] for name in ("role", "person", "phone")),
            deputy.c.person.label("deputy"),
            deputy.c.phone.label("deputy_phone"),
        )
        .outerjoin(deputy, deputy.c.code == _DUTY.c.deputy_code)
        .outerjoin(_AREA, and_(_DUTY.c.object_layer == "area", _AREA.c.code == _DUTY.c.object_code))
        .outerjoin(
            _ENTERPRISE,
            and_(_DUTY.c.object_layer == "enterprise", _ENTERPRISE.c.code == _DUTY.c.object_code),
        )
        .outerjoin(source, and_(_DUTY.c.object_layer == "source", source.c.code == _DUTY.c.object_code))
        .outerjoin(zone, and_(_DUTY.c.object_layer == "zone", zone.c.code == _DUTY.c.object_code))
        .where(or_(false(), *named), in_force(day))
        .order_by(_DUTY.c.code)
    )
    return [dict(row) for row in connection.execute(query).mappings()]


def _empty(code: str, name: str) -> Row:
    return {"code": code, "name": name, "leaders": [], **dict.fromkeys((*COUNTED, "enterprise"), (0, 0))}


def _areas_held() -> Select[Any]:
    """Townships by level of area: how many areas, how many with someone today."""
    held = func.count().filter(_someone())
    return (
        select(_AREA.c.township_code, _AREA.c.level, func.count(), held)
        .where(_AREA.c.level.in_(COUNTED))
        .group_by(_AREA.c.township_code, _AREA.c.level)
    )


def _enterprises_held() -> Select[Any]:
    """Townships: how many open enterprises, how many with all three persons."""
    held = func.count().filter(and_(*(~_lacks(slot) for slot in SLOTS)))
    return (
        select(_ENTERPRISE.c.township_code, literal("enterprise"), func.count(), held)
        .where(_open())
        .group_by(_ENTERPRISE.c.township_code)
    )


def _holds(layer: str) -> ColumnElement[bool]:
    """Duty rows of a layer that hold today."""
    return and_(_DUTY.c.object_layer == layer, in_force(_TODAY))


def in_force(day: Any, duty: FromClause = _DUTY) -> ColumnElement[bool]:
    """Duty rows that hold on a day; the last day counts."""
    begun = or_(duty.c.from_on.is_(None), duty.c.from_on <= day)
    return and_(begun, or_(duty.c.to_on.is_(None), duty.c.to_on >= day))


def is_absent(day: Any, duty: FromClause = _DUTY) -> ColumnElement[bool]:
    """Whether a duty row's person is absent on a day; a period without an end lasts."""
    start, end = duty.c.absent_from, duty.c.absent_to
    given = or_(start.is_not(None), end.is_not(None))
    return and_(given, or_(start.is_(None), start <= day), or_(end.is_(None), end >= day))


def _someone() -> ColumnElement[bool]:
    """Whether an area has someone today."""
    return _AREA.c.code.in_(select(_DUTY.c.object_code).where(_holds("area")))


def _open() -> ColumnElement[bool]:
    return _ENTERPRISE.c.status.is_distinct_from("closed")


def _lacks(slot: str) -> ColumnElement[bool]:
    """Whether an enterprise has no person for one of its three slots."""
    return func.coalesce(_ENTERPRISE.c[f"person_{slot}"], "") == ""

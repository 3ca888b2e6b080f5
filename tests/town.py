"""A city of two townships, alike to the last record: what is told of one is told by its code, `ours` or `theirs`."""

from datetime import date
from typing import Any

from sqlalchemy import Engine, text

from layers.database import owner_engine, writing
from layers.history import open_revision
from layers.schema import metadata

OURS, THEIRS = "430981006", "430981114"
CITY_CODE = "430981"
DAY = date(2026, 1, 1)
_CORNER = {OURS: (112.30, 28.80), THEIRS: (112.50, 28.80)}
_WORD = {OURS: "ours", THEIRS: "theirs"}


def build(dsn: str) -> None:
    """Fill a prepared database with the two townships."""
    owner = owner_engine(dsn)
    _area(owner, CITY_CODE, "city", None, (112.2, 28.7, 0.6))
    for township in (OURS, THEIRS):
        _township(owner, township)
    owner.dispose()


def scope(township: str) -> dict[str, str]:
    """The scope of a record in a township's only grid unit."""
    village = f"{township}001"
    return {
        "township_code": township,
        "village_code": village,
        "grid_code": f"{village}001",
        "enterprise_code": f"{_WORD[township]}-firm",
        "committee": "hazchem" if township == OURS else "general",
    }


def put(owner: Engine, layer: str, code: str, township: str, **values: Any) -> int:
    """Write one new record of a township's grid unit as a revision of its own, and return its number."""
    lon, lat = _CORNER[township]
    table = metadata.tables[layer]
    row = scope(township) | {"declared_township_code": township, "code": code, "valid_from": DAY} | values
    row |= _positions(f"ST_SetSRID(ST_MakePoint({lon + 0.01}, {lat + 0.01}), 4490)")
    with writing(owner) as connection:
        rev = open_revision(connection, "test", "town", None)
        row["rev"] = rev
        connection.execute(
            table.insert().values({name: value for name, value in row.items() if name in table.c})
        )
    return rev


def _township(owner: Engine, township: str) -> None:
    word, where = _WORD[township], scope(township)
    lon, lat = _CORNER[township]
    village, grid = where["village_code"], where["grid_code"]
    codes = {"township_code": township, "village_code": village, "grid_code": grid}
    _area(owner, township, "township", CITY_CODE, (lon, lat, 0.1), township_code=township)
    _area(owner, village, "village", township, (lon, lat, 0.05), township_code=township, village_code=village)
    _area(owner, grid, "grid", village, (lon, lat, 0.02), **codes)
    put(owner, "enterprise", f"{word}-firm", township, name=f"{word} firm", person_industry="x")
    put(owner, "source", f"{word}-tank", township, name=f"{word} tank", kind="lpg_store")
    about = {"title": f"{word} danger", "grade": "major", "found_on": DAY, "due_on": date(2026, 1, 9)}
    put(owner, "danger", f"{word}-danger", township, source_code=f"{word}-tank", **about)
    put(owner, "target", f"{word}-school", township, name=f"{word} school", target_class="important")
    held = {"person": f"{word} officer", "role": "grid_officer", "object_layer": "area", "object_code": grid}
    put(owner, "duty", f"{word}-duty", township, **held)


def _area(
    owner: Engine, code: str, level: str, parent: str | None, square: tuple[float, float, float], **where: str
) -> None:
    lon, lat, side = square
    values = {"code": code, "name": f"area {code}", "level": level, "parent_code": parent, "valid_from": DAY}
    positions = _positions(f"ST_MakeEnvelope({lon}, {lat}, {lon + side}, {lat + side}, 4490)")
    with writing(owner) as connection:
        rev = open_revision(connection, "test", "town", None)
        connection.execute(metadata.tables["area"].insert().values(**values, **where, **positions, rev=rev))


def _positions(geometry: str) -> dict[str, Any]:
    return {"geom": text(geometry), "geom_m": text(f"ST_Transform({geometry}, 4547)")}

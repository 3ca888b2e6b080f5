"""A small flat city laid out in metres, where every distance is known: a road, a river, a school, homes, shops, tanks.

Positions are metres east and north of its middle. Nothing has been computed: consequences of sources are those that a
run would give only after `jobs.risk.assess`.
"""

from collections.abc import Iterator, Mapping
from datetime import date
from decimal import Decimal
from typing import Any

import pytest
import shapely
from pyproj import Transformer
from sqlalchemy import Engine, func

from jobs.risk import assess
from jobs.setup import prepare_database
from layers.database import owner_engine, reader_engine, writing
from layers.history import open_revision
from layers.schema import metadata
from riskmap.settings import load_city
from tests.database import LONG_AGO, Databases

CITY_CODE = "430981"
DAY = date(2026, 1, 1)
MIDDLE = (440_000.0, 3_190_000.0)
HALF_M = 4000.0
_LONLAT = Transformer.from_crs(4547, 4490, always_xy=True)
Geometry = dict[str, Any]
SCOPE = {"township": "430981100", "village": "430981100200", "grid": "430981100200001"}
"""the city's only township, village and grid unit: all of it"""


def lonlat(east: float, north: float) -> list[float]:
    """Degrees of a place, fine enough to come back to its mm."""
    lon, lat = _LONLAT.transform(MIDDLE[0] + east, MIDDLE[1] + north)
    return [round(lon, 10), round(lat, 10)]


def point(east: float, north: float) -> Geometry:
    """A place as GeoJSON."""
    return {"type": "Point", "coordinates": lonlat(east, north)}


def box(west: float, south: float, east: float, north: float) -> Geometry:
    """A rectangle as GeoJSON."""
    corners = [(west, south), (east, south), (east, north), (west, north), (west, south)]
    return {"type": "Polygon", "coordinates": [[lonlat(*corner) for corner in corners]]}


def _ready(dsn: str) -> None:
    prepare_database(dsn, load_city(), LONG_AGO)
    build(dsn)
    owner = owner_engine(dsn)
    assess(owner, actor="test")
    owner.dispose()


def template_of(databases: Databases) -> str:
    """The template of the city of metres, computed once a run."""
    return databases.template("riskmap_siting_city", _ready)


@pytest.fixture(scope="module")
def metre_city(databases: Databases) -> Iterator[Engine]:
    """The owner's engine of the city of metres, computed once."""
    with databases.fresh(template_of(databases)) as dsn:
        engine = owner_engine(dsn)
        yield engine
        engine.dispose()


@pytest.fixture(scope="module")
def metre_reader(metre_city: Engine) -> Iterator[Engine]:
    """The engine of pages on the same city."""
    engine = reader_engine(metre_city.url.render_as_string(hide_password=False).replace("+psycopg", ""))
    yield engine
    engine.dispose()


def build(dsn: str) -> None:
    """Fill a prepared database with the city."""
    owner = owner_engine(dsn)
    square = f"POLYGON(({-HALF_M} {-HALF_M}, {HALF_M} {-HALF_M}, {HALF_M} {HALF_M}, {-HALF_M} {HALF_M}, {-HALF_M} {-HALF_M}))"
    put(owner, "area", CITY_CODE, square, name="平地市", level="city")
    for level, code in SCOPE.items():
        scope = {name: one for name, one in _scope().items() if len(one) <= len(code)}
        put(owner, "area", code, square, name=f"平地{level}", level=level, **scope)
    put(owner, "line", "L-road", "LINESTRING(-4000 0, 4000 0)", name="示例路", kind="road")
    put(owner, "line", "L-river", "LINESTRING(-4000 3500, 4000 3500)", name="示例河", kind="river")
    put(
        owner,
        "target",
        "T-school",
        "POINT(-2000 -2000)",
        name="示例小学",
        kind="小学",
        target_class="high_sensitive",
    )
    put(
        owner,
        "target",
        "T-plan",
        "POINT(2500 2500)",
        name="在批小区",
        kind="住宅小区",
        target_class="general_1",
        status="planned",
    )
    put(
        owner,
        "target",
        "T-gone",
        "POINT(3000 -3000)",
        name="旧校",
        kind="小学",
        target_class="high_sensitive",
        status="closed",
    )
    put(owner, "population", "P-homes", "POINT(-1000 1500)", people=Decimal(60))
    put(owner, "source", "S-shop", "POINT(1000 -1000)", name="示例零售点", kind="fireworks_retail")
    put(
        owner,
        "source",
        "S-station",
        "POINT(2000 -2000)",
        name="示例加油站",
        kind="filling_station",
        enterprise_code="E-station",
    )
    put(owner, "source", "S-tank", "POINT(-3000 3000)", name="示例储罐", kind="lpg_store")
    put(
        owner,
        "inventory",
        "I-tank",
        None,
        source_code="S-tank",
        substance="丙烷",
        quantity_t=Decimal("9.0718"),
    )
    owner.dispose()


def put(owner: Engine, layer: str, code: str, wkt: str | None, **values: Any) -> None:
    """Write one record as a revision of its own; its position in metres from the middle."""
    table = metadata.tables[layer]
    row: dict[str, Any] = {"code": code, "valid_from": DAY, **values, **(_positions(wkt) if wkt else {})}
    if layer != "area":
        row |= {name: code for name, code in _scope().items() if name in table.c}
    with writing(owner) as connection:
        row["rev"] = open_revision(connection, "test", "siting city", None)
        connection.execute(table.insert().values(row))


def _scope() -> dict[str, str]:
    return {f"{level}_code": code for level, code in SCOPE.items()}


def _positions(wkt: str) -> Mapping[str, Any]:
    shape = shapely.transform(shapely.from_wkt(wkt), lambda xy: xy + MIDDLE)
    metres = func.ST_GeomFromText(shapely.to_wkt(shape, rounding_precision=3), 4547)
    return {"geom": func.ST_Transform(metres, 4490), "geom_m": metres}

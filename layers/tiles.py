"""Vector tiles of the map under the reader's rights, and the tag that changes when they may have changed.

A tile is drawn 512 pixels wide, so tile zoom z is what a person sees as map zoom z + 1.
"""

import hashlib
import json
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, func, select

from layers.database import Identity
from layers.history import Moment, head_rev
from layers.schema import city, metadata
from riskmap import __version__
from riskmap.errors import BadInput, NotFound

TILE_PX = 512
"""How wide a tile is drawn."""
LAYERS = ("base", "area", "overlay", "zone", "source", "enterprise", "target", "resource")
"""The layers that have a function `tile_<layer>`."""
DEEPEST = 22

AGGREGATE_BELOW = 13
"""Below this tile zoom records are counted by squares."""
CELLS = {"source": 16}
"""Squares along a tile, so that what is drawn for one leaves room for its neighbours."""
_CELLS_ELSE = 8
AREA_LEVELS = ((13, "grid"), (11, "village"), (0, "township"))
"""From which tile zoom on which areas are coloured; a coarser level stands in where there is no finer polygon."""
LINE_RANKS = ((14, 9), (12, 5), (10, 4), (0, 3))
"""From which tile zoom on lines up to which rank are drawn."""
PLACES = ((12, ("township", "village")), (8, ("township",)), (0, ("city",)))
"""From which tile zoom on which areas are named on the base map."""


@dataclass(frozen=True, slots=True)
class Tile:
    """One tile's address, checked: BadInput outside the world, NotFound for a layer there is none of."""

    layer: str
    z: int
    x: int
    y: int
    codes: tuple[str, ...] | None = None
    """the records drawn, of sources or enterprises; None: all"""
    then: Moment | None = None
    """the moment of the past that records are drawn as of; None: now"""

    def __post_init__(self) -> None:
        if self.layer not in LAYERS:
            raise NotFound(f"没有图层“{self.layer}”", remedy="可用：" + "、".join(LAYERS))
        if not (0 <= self.z <= DEEPEST and 0 <= self.x < 2**self.z and 0 <= self.y < 2**self.z):
            raise BadInput(
                f"瓦片 {self.z}/{self.x}/{self.y} 不存在", remedy=f"级别 0–{DEEPEST}，行列号小于 2^z"
            )

    @property
    def query(self) -> dict[str, Any]:
        """What the tile function is told about this zoom."""
        if self.layer == "base":
            return {"rank": _at(LINE_RANKS, self.z), "places": _at(PLACES, self.z)}
        if self.layer == "area":
            return {"levels": [level for lowest, level in AREA_LEVELS if self.z >= lowest]}
        if self.layer in ("overlay", "zone"):
            return {}
        squares = {"aggregate_below": AGGREGATE_BELOW, "cells": cells_of(self.layer)}
        return squares | past_query(self.then) | ({} if self.codes is None else {"codes": self.codes})


def past_query(then: Moment | None) -> dict[str, Any]:
    """What a function of the map is told of a moment of the past whose levels are computed; nothing of now."""
    if then is None or then.day is None:
        return {}
    return {"day": then.day.isoformat(), "rev": then.rev, "computed": then.computed}


def cells_of(layer: str) -> int:
    """Squares along a tile in which a layer's records are counted."""
    return CELLS.get(layer, _CELLS_ELSE)


def _at(steps: tuple[tuple[int, Any], ...], z: int) -> Any:
    return next(value for lowest, value in steps if z >= lowest)


def read_tile(connection: Connection, tile: Tile) -> bytes:
    """The tile as a Mapbox vector tile, uncompressed, with the rows this transaction may see; empty where none are."""
    make = getattr(func, f"tile_{tile.layer}")
    query = json.dumps(tile.query, sort_keys=True)
    return bytes(connection.execute(select(make(tile.z, tile.x, tile.y, func.json(query)))).scalar_one())


def tile_tag(connection: Connection, identity: Identity, tile: Tile) -> str:
    """A tag equal only for the same tile of the same data, rights and release."""
    asked = (__version__, head_rev(connection), identity.database_role, identity.scope, str(tile), tile.query)
    return hashlib.sha256(json.dumps(asked).encode()).hexdigest()[:24]


def extent(connection: Connection, area_code: str | None) -> tuple[float, float, float, float] | None:
    """West, south, east, north of what a reader's map opens on: the reader's area, else the city, else all areas,
    else the sources. None where nothing has a position yet."""
    area, source = metadata.tables["area"], metadata.tables["source"]
    own_city = select(city.c.code).scalar_subquery()
    for rows, where in (
        (area, area.c.code == area_code),
        (area, area.c.code == own_city),
        (area, area.c.geom.is_not(None)),
        (source, source.c.geom.is_not(None)),
    ):
        box = func.ST_Extent(rows.c.geom)
        bounds = [func.ST_XMin(box), func.ST_YMin(box), func.ST_XMax(box), func.ST_YMax(box)]
        west, south, east, north = connection.execute(select(*bounds).where(where)).one()
        if west is not None:
            return float(west), float(south), float(east), float(north)
    return None


def holds_anything(connection: Connection) -> bool:
    """Whether the reader sees one record or one area's polygon: else the map says how to fill it."""
    tables = (metadata.tables[name] for name in ("area", "source", "enterprise", "target"))
    seen = [select(1).select_from(table).where(table.c.geom.is_not(None)).limit(1) for table in tables]
    return any(connection.execute(query).first() is not None for query in seen)

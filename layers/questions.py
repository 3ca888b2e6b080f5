"""What undeclared coordinates make one ask: lie the rows outside the city only because they are in another system?

A question counts the rows that lie outside the city and would lie inside it after conversion; nothing is converted.
"Inside" is within the polygons of the townships and the city. What this cannot tell: GCJ-02 moves a point by about
640 m here, so of a file in GCJ-02 most points lie inside as they are, and only those near the border give it away.
The question therefore says, too, which share of the whole file lies inside before and after; it is not asked where
the conversion would put more rows out than in, as of a good file with a few neighbours from across the border.
Exchanged longitude and latitude and metres of the city's own system are told for certain: they lie nowhere near.
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import shapely
from numpy.typing import NDArray
from sqlalchemy import Connection, func, select

from layers.crs import Floats, Pair, declared_crs
from layers.schema import metadata

_SAMPLE = 20_000
"""rows at most on which the share after a conversion is estimated"""
_SHOWN = 500
"""places at most that a map of the question shows"""
_OFFSET = ("gcj02", "bd09")
_FARTHEST_OFFSET = 0.03
"""degrees: GCJ-02 moves a point by less than 0.012 anywhere, BD-09 by another 0.013"""
_WORDS = {"gcj02": "GCJ-02（高德、腾讯地图）", "bd09": "BD-09（百度地图）"}


@dataclass(frozen=True, slots=True)
class Question:
    """Rows outside the city that would lie inside if read otherwise; `crs` says how, where one option does it."""

    kind: str
    rows: int
    share: float
    inside_before: float
    inside_after: float
    example: dict[str, Any]
    text: str
    remedy: str
    crs: str | None = None
    places: list[tuple[int, float, float, float, float]] = field(default_factory=list)
    """row, longitude and latitude before and after: for the map of a preview"""

    def to_json(self) -> dict[str, Any]:
        """The question as the report lists it."""
        names = ("kind", "rows", "share", "inside_before", "inside_after", "example", "text", "remedy", "crs")
        return {name: getattr(self, name) for name in names}


def city_shape(connection: Connection) -> Any:
    """The townships' and the city's polygons united, prepared for many points; None where no area has one."""
    area = metadata.tables["area"]
    found = connection.execute(
        select(func.ST_AsBinary(area.c.geom)).where(
            area.c.level.in_(("city", "township")), area.c.geom.is_not(None)
        )
    ).scalars()
    polygons = shapely.from_wkb([bytes(one) for one in found])
    if not len(polygons):
        return None
    city = shapely.union_all(polygons)
    shapely.prepare(city)
    return city


def ask(rows: NDArray[np.int32], given: Floats, city: Any, metric_srid: int) -> list[Question]:
    """What is to be asked of a file that declares no system, the most rows first.

    `rows` are its row numbers, `given` the positions as it has them (`layers.positions`), `city` is of `city_shape`.
    """
    x, y = given.T
    there = np.isfinite(x) & np.isfinite(y)
    if city is None or not there.any():
        return []
    inside = np.zeros(len(x), dtype=np.bool_)
    inside[there] = shapely.contains_xy(city, x[there], y[there])
    outside = np.flatnonzero(there & ~inside)
    if not len(outside):
        return []
    near = shapely.buffer(city, _FARTHEST_OFFSET)
    shapely.prepare(near)
    asked = []
    for kind, convert in _readings(metric_srid).items():
        maybe = outside[_may_be(kind, x[outside], y[outside], near)]
        lon, lat = _converted(convert, x[maybe], y[maybe])
        hit = shapely.contains_xy(city, lon, lat)
        if not hit.any():
            continue
        found = maybe[hit]
        before = float(inside.sum() / there.sum())
        after = _share_after(convert, city, x[there], y[there])
        if kind in _OFFSET and after <= before:
            continue
        moved = np.column_stack([x[found], y[found], lon[hit], lat[hit]])
        asked.append(_question(kind, rows[found], moved, before, after, int(there.sum()), metric_srid))
    return sorted(asked, key=lambda one: (-one.rows, one.kind == "bd09"))


def _readings(metric_srid: int) -> dict[str, Callable[[Floats, Floats], Pair]]:
    """By kind: how the two numbers would be read instead."""
    metres = declared_crs(f"EPSG:{metric_srid}").to_lonlat
    return {
        "gcj02": declared_crs("gcj02").to_lonlat,
        "bd09": declared_crs("bd09").to_lonlat,
        "swapped": lambda x, y: (y, x),
        "metric": metres,
        "metric_swapped": lambda x, y: metres(y, x),
    }


def _may_be(kind: str, x: Floats, y: Floats, near: Any) -> NDArray[np.bool_]:
    """Which rows are worth converting: conversion costs more than all the rest."""
    if kind in _OFFSET:
        return np.asarray(shapely.contains_xy(near, x, y), dtype=np.bool_)
    degrees = (np.abs(x) <= 180.0) & (np.abs(y) <= 180.0)
    return np.asarray(degrees if kind == "swapped" else ~degrees, dtype=np.bool_)


def _converted(convert: Callable[[Floats, Floats], Pair], x: Floats, y: Floats) -> Pair:
    with np.errstate(all="ignore"):
        return convert(x, y)


def _share_after(convert: Callable[[Floats, Floats], Pair], city: Any, x: Floats, y: Floats) -> float:
    """The share of the file that lies inside after conversion; of a long file a spread sample is asked."""
    step = -(-len(x) // _SAMPLE)
    lon, lat = _converted(convert, x[::step], y[::step])
    return float(shapely.contains_xy(city, lon, lat).mean())


def _question(
    kind: str,
    rows: NDArray[np.int32],
    moved: NDArray[np.float64],
    before: float,
    after: float,
    placed: int,
    metric_srid: int,
) -> Question:
    places = [
        (row, *(round(float(one), 7) for one in place))
        for row, place in zip(rows[:_SHOWN].tolist(), moved[:_SHOWN], strict=True)
    ]
    row, *first = places[0]
    text, remedy, crs = _words(kind, len(rows), before, after, metric_srid)
    return Question(
        kind=kind,
        rows=len(rows),
        share=len(rows) / placed,
        inside_before=before,
        inside_after=after,
        example={"row": row, "before": first[:2], "after": first[2:]},
        text=text,
        remedy=remedy,
        crs=crs,
        places=places,
    )


def _words(kind: str, rows: int, before: float, after: float, srid: int) -> tuple[str, str, str | None]:
    """What is asked, what to do if the answer is yes, and the `--crs` that does it."""
    shares = f"市内占比 {before:.1%} → {after:.1%}"
    if kind in _OFFSET:
        text = f"未声明坐标系：有 {rows} 行在市界外，按 {_WORDS[kind]} 转换后在市内（{shares}）。是 {_WORDS[kind]} 吗？"
        return text, f"--crs {kind}", kind
    if kind == "metric":
        crs = f"EPSG:{srid}"
        return (
            f"未声明坐标系：有 {rows} 行的坐标像是米制坐标 {crs}，转换后在市内（{shares}）。是吗？",
            f"--crs {crs}",
            crs,
        )
    what = "经度和纬度" if kind == "swapped" else "米制坐标的东、北两个值"
    remedy = "请对调这两列，或用 --mapping 指明对应的列" + (
        "" if kind == "swapped" else f"，并加 --crs EPSG:{srid}"
    )
    return f"有 {rows} 行在市界外，{what}对调后在市内（{shares}）。是填反了吗？", remedy, None

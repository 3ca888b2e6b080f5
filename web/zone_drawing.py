"""A zone's map as a drawing for paper: outline, members by number, links, roads and water around, a bar of scale.

A drawing prints sharp and needs no script. Positions are degrees, taken as a plane around the zone's middle, which is
exact enough for a few kilometres.
"""

from collections.abc import Iterable, Sequence
from math import cos, radians
from typing import Any

Row = dict[str, Any]
WIDTH, HEIGHT = 720.0, 400.0
_MARGIN = 34.0
_M_PER_DEGREE = 111_320.0
_BARS_M = (10, 20, 50, 100, 200, 500, 1000, 2000, 5000)
_LONGEST_BAR = 160.0


class Plane:
    """Degrees to the drawing's own units, north up, the zone's extent with room around it."""

    def __init__(self, box: tuple[float, float, float, float]) -> None:
        west, south, east, north = box
        self.lon, self.lat = (west + east) / 2, (south + north) / 2
        self.squeeze = cos(radians(self.lat))
        wide_m = max((east - west) * self.squeeze * _M_PER_DEGREE, 50.0)
        high_m = max((north - south) * _M_PER_DEGREE, 50.0)
        self.per_m = min((WIDTH - 2 * _MARGIN) / wide_m, (HEIGHT - 2 * _MARGIN) / high_m)

    def at(self, lon: float, lat: float) -> tuple[float, float]:
        """A position on the drawing."""
        x = WIDTH / 2 + (lon - self.lon) * self.squeeze * _M_PER_DEGREE * self.per_m
        y = HEIGHT / 2 - (lat - self.lat) * _M_PER_DEGREE * self.per_m
        return round(x, 1), round(y, 1)

    @property
    def box(self) -> tuple[float, float, float, float]:
        """West, south, east, north of the whole drawing."""
        half_lon = WIDTH / 2 / self.per_m / _M_PER_DEGREE / self.squeeze
        half_lat = HEIGHT / 2 / self.per_m / _M_PER_DEGREE
        return self.lon - half_lon, self.lat - half_lat, self.lon + half_lon, self.lat + half_lat

    def path(self, geometry: Row) -> str:
        """The path of a line or polygon (GeoJSON), of several ones together."""
        return "".join(self._line(line, closed=closed) for line, closed in _lines(geometry))

    def _line(self, points: Sequence[Sequence[float]], *, closed: bool) -> str:
        told = " L".join("{} {}".format(*self.at(*point[:2])) for point in points)
        return f"M{told}{'Z' if closed else ''}" if told else ""


def drawing_of(zone: Row, ground: Iterable[Row]) -> Row:
    """What the sheet's template draws of a zone; `ground` are lines and areas around it."""
    plane = plane_of(zone)
    at = {
        one["code"]: plane.at(one["lon"], one["lat"])
        for one in zone["member_records"]
        if one["lon"] is not None
    }
    links = [
        {"from": at[link["a"]], "to": at[link["b"]], "cut": bool(link["cut"])}
        for link in zone["links"]
        if link["a"] in at and link["b"] in at
    ]
    return {
        **ground_of(plane, ground),
        "outline": plane.path(zone["geometry"]),
        "members": [
            {"n": n, "at": at[one["code"]]}
            for n, one in enumerate(zone["member_records"], 1)
            if one["code"] in at
        ],
        "links": links,
    }


def ground_of(plane: Plane, ground: Iterable[Row]) -> Row:
    """The sheet of a drawing: its size, lines and areas around as paths, and a bar of scale."""
    bar_m = next((m for m in reversed(_BARS_M) if m * plane.per_m <= _LONGEST_BAR), _BARS_M[0])
    return {
        "width": WIDTH,
        "height": HEIGHT,
        "ground": [
            {
                "kind": one["kind"],
                "closed": "Polygon" in one["geometry"]["type"],
                "path": plane.path(one["geometry"]),
            }
            for one in ground
        ],
        "bar_m": bar_m,
        "bar": round(bar_m * plane.per_m, 1),
    }


def plane_of(zone: Row) -> Plane:
    """The plane that shows a zone's outline whole."""
    points = [point for line, _ in _lines(zone["geometry"]) for point in line]
    lons, lats = [point[0] for point in points], [point[1] for point in points]
    return Plane((min(lons), min(lats), max(lons), max(lats)))


def _lines(geometry: Row) -> list[tuple[Any, bool]]:
    """The lines of a GeoJSON geometry, and whether each is closed; points have none."""
    kind, parts = geometry["type"], geometry.get("coordinates", [])
    if kind == "LineString":
        return [(parts, False)]
    if kind == "MultiLineString":
        return [(line, False) for line in parts]
    if kind == "Polygon":
        return [(line, True) for line in parts]
    if kind == "MultiPolygon":
        return [(line, True) for polygon in parts for line in polygon]
    if kind == "GeometryCollection":
        return [line for one in geometry["geometries"] for line in _lines(one)]
    return []

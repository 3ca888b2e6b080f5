"""What the demo city is made from: the real names, codes and boundary of data/geo, and the tables drawn for it.

Positions are in metres of the city's metric reference system as soon as they are read; `Projection` leads
back to longitude and latitude when the files are written.
"""

import csv
import json
import tomllib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import shapely
from numpy.typing import NDArray
from pyproj import Transformer

from riskmap.errors import BadInput
from riskmap.settings import City, geo_folder, load_city

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
Geometries = NDArray[np.object_]

LONLAT_DECIMALS = 7
BOUNDARY_STEP_DEGREES = 0.004
"""edges of the boundary are straight in degrees; pieces of 400 m stay within a millimetre in metres"""


class Projection:
    """Longitude and latitude (CGCS2000) to metres of the city's reference system and back."""

    def __init__(self, metric_crs: str) -> None:
        self._forward = Transformer.from_crs("EPSG:4490", metric_crs, always_xy=True)

    def to_metres(self, geometry: Any) -> Any:
        """Geometry or array of geometries in degrees → in metres."""
        return shapely.transform(geometry, self.metres)

    def to_degrees(self, geometry: Any) -> Any:
        """Geometry or array of geometries in metres → in degrees, rounded as the files are."""
        return shapely.transform(geometry, self.degrees)

    def metres(self, lonlat: Floats) -> Floats:
        """Longitude, latitude (n, 2) → points (n, 2) in metres."""
        return np.column_stack(self._forward.transform(lonlat[:, 0], lonlat[:, 1]))

    def degrees(self, xy: Floats) -> Floats:
        """Points (n, 2) in metres → longitude, latitude (n, 2), rounded to 7 decimals (about 1 cm)."""
        lonlat = self._forward.transform(xy[:, 0], xy[:, 1], direction="INVERSE")
        return np.round(np.column_stack(lonlat), LONLAT_DECIMALS)


@dataclass(frozen=True, slots=True)
class Township:
    """A street, town or centre: real code and name; seat, people and urban people as in townships.csv."""

    code: str
    name: str
    seat: tuple[float, float]
    people: int
    urban_people: int

    @property
    def short_name(self) -> str:
        """The name without its kind, as used in the names of made-up firms."""
        return self.name.removesuffix("湿地保护与发展事务中心").removesuffix("街道").removesuffix("镇")


@dataclass(frozen=True, slots=True)
class Village:
    """A village or community: real code and name, and the code of its township."""

    code: str
    name: str
    township_code: str

    @property
    def urban(self) -> bool:
        """Communities (社区) are counted as urban."""
        return self.name.endswith("社区")


@dataclass(frozen=True, slots=True)
class Drawn:
    """One feature of sketch.geojson: what it is, its properties, its geometry in metres."""

    kind: str
    name: str
    rank: int
    facts: dict[str, Any]
    shape: shapely.Geometry


@dataclass(frozen=True, slots=True)
class Inputs:
    """Everything of data/geo the generator reads."""

    city: City
    projection: Projection
    boundary: shapely.Geometry
    townships: list[Township]
    villages: list[Village]
    places: list[tuple[str, float, float]]
    """real places: township code, x, y"""
    sketch: list[Drawn]
    enterprise_kinds: list[dict[str, str]]
    source_kinds: list[dict[str, Any]]
    target_kinds: list[dict[str, str]]
    danger_titles: list[dict[str, str]]

    def drawn(self, *kinds: str) -> Iterator[Drawn]:
        """The features of these kinds, in the order of the file."""
        return (one for one in self.sketch if one.kind in kinds)


def read_inputs(folder: Path | None = None) -> Inputs:
    """Read data/geo (or a folder of the same files). Raises BadInput naming a file that is missing."""
    folder = folder or geo_folder()
    try:
        city = load_city(folder / "city.toml")
        projection = Projection(city.metric_crs)
        return Inputs(
            city=city,
            projection=projection,
            boundary=_boundary(folder / "county.geojson", projection),
            townships=_townships(folder / "townships.csv", projection),
            villages=[Village(**row) for row in _rows(folder / "villages.csv")],
            places=_places(folder / "places.geojson", projection),
            sketch=_sketch(folder / "sketch.geojson", projection),
            enterprise_kinds=_rows(folder / "enterprise_kinds.csv"),
            source_kinds=tomllib.loads((folder / "source_kinds.toml").read_text("utf-8"))["source"],
            target_kinds=_rows(folder / "target_kinds.csv"),
            danger_titles=_rows(folder / "danger_titles.csv"),
        )
    except FileNotFoundError as error:
        raise BadInput(f"演示城市缺少文件 {error.filename}", remedy="请恢复 data/geo 中的该文件") from None


def _rows(path: Path) -> list[dict[str, str]]:
    with path.open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def _features(path: Path) -> list[dict[str, Any]]:
    features: list[dict[str, Any]] = json.loads(path.read_text("utf-8"))["features"]
    return features


def _boundary(path: Path, projection: Projection) -> shapely.Geometry:
    degrees = shapely.from_geojson(json.dumps(_features(path)[0]["geometry"]))
    return projection.to_metres(shapely.segmentize(degrees, BOUNDARY_STEP_DEGREES))


def _townships(path: Path, projection: Projection) -> list[Township]:
    rows = _rows(path)
    seats = projection.metres(np.array([[float(r["seat_lon"]), float(r["seat_lat"])] for r in rows]))
    return [
        Township(row["code"], row["name"], (float(x), float(y)), int(row["people"]), int(row["urban_people"]))
        for row, (x, y) in zip(rows, seats, strict=True)
    ]


def _places(path: Path, projection: Projection) -> list[tuple[str, float, float]]:
    features = _features(path)
    xy = projection.metres(np.array([f["geometry"]["coordinates"] for f in features], dtype=np.float64))
    return [
        (f["properties"]["township_code"], float(x), float(y)) for f, (x, y) in zip(features, xy, strict=True)
    ]


def _sketch(path: Path, projection: Projection) -> list[Drawn]:
    features = _features(path)
    shapes = shapely.from_geojson([json.dumps(f["geometry"]) for f in features])
    shapes = projection.to_metres(shapes)
    return [
        Drawn(
            f["properties"]["kind"], f["properties"]["name"], f["properties"]["rank"], f["properties"], shape
        )
        for f, shape in zip(features, shapes, strict=True)
    ]

"""Coordinates: what a file declares → CGCS2000 longitude and latitude → metres of the city's metric system.

WGS84, CGCS2000, GCJ-02, BD-09 and any EPSG system are declared, never guessed. GCJ-02 and BD-09 are the two
offset systems of Chinese web maps (about 640 m off in 沅江); they have no EPSG number and no datum, only the
forward formula that map makers apply, so the way back is found by fixed-point iteration. All functions take and
return arrays of equal shape, longitude first, in degrees (float64).
"""

from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray
from pyproj import CRS, Proj, Transformer
from pyproj.exceptions import CRSError

from layers.schema import GEOGRAPHIC_SRID
from riskmap.errors import BadInput

Floats = NDArray[np.float64]
Pair = tuple[Floats, Floats]

SCALE_LOW, SCALE_HIGH = 0.98, 1.02
"""a position is refused where a metre of the metric system is not a metre on the ground within these"""

_LONLAT_DECIMALS = 9
"""0.1 mm: so that the stored degrees, read back, give the stored millimetres"""
_METRE_DECIMALS = 3

# GCJ-02: Krasovsky 1940 as its formula uses it, and the box outside which map makers apply no offset.
_GCJ_A = 6_378_245.0
_GCJ_EE = 0.00669342162296594323
_GCJ_BOX = (72.004, 137.8347, 0.8293, 55.8271)
# BD-09: the constants of Baidu's formula.
_BD_ANGLE = np.pi * 3000.0 / 180.0
_BD_DLON, _BD_DLAT = 0.0065, 0.006
_STEPS = 12
"""a step of the iteration leaves about 1 % of the error, in practice it stands still after six"""

_SAME_AS_OURS = {GEOGRAPHIC_SRID, 4326, 4490}


@dataclass(frozen=True, slots=True)
class Declared:
    """A coordinate system that a file was said to be in, the way from it to CGCS2000 degrees and the way back."""

    name: str
    to_lonlat: Callable[[Floats, Floats], Pair]
    from_lonlat: Callable[[Floats, Floats], Pair]
    epsg: int | None = None
    """its number; None for the two that have none"""
    geographic: bool = True


def declared_crs(text: str | None) -> Declared:
    """The system named by `--crs`: wgs84, cgcs2000, gcj02, bd09 or EPSG:n; none is cgcs2000.

    WGS84 is taken as CGCS2000 (they differ by less than a metre). BadInput for an unknown name or a system
    without horizontal coordinates.
    """
    name = (text or "cgcs2000").strip()
    simple = {
        "wgs84": Declared("wgs84", _unchanged, _unchanged, 4326),
        "cgcs2000": Declared("cgcs2000", _unchanged, _unchanged, GEOGRAPHIC_SRID),
        "gcj02": Declared("gcj02", gcj02_to_wgs84, wgs84_to_gcj02),
        "bd09": Declared("bd09", bd09_to_wgs84, wgs84_to_bd09),
    }
    key = name.lower().replace("-", "")
    if key in simple:
        return simple[key]
    if not key.startswith("epsg:") or not key.removeprefix("epsg:").isdigit():
        raise BadInput(
            f"未知的坐标系 {name[:40]}", remedy="请写 wgs84、cgcs2000、gcj02、bd09 或 EPSG:4547 这样的编号"
        )
    number = int(key.removeprefix("epsg:")[:9])
    if number in _SAME_AS_OURS:
        return Declared(f"EPSG:{number}", _unchanged, _unchanged, number)
    return _numbered(number)


@lru_cache(maxsize=16)
def _numbered(number: int) -> Declared:
    try:
        system = CRS.from_epsg(number)
    except CRSError:
        raise BadInput(f"没有坐标系 EPSG:{number}", remedy="请核对编号，可在 epsg.io 查询") from None
    if not (system.is_geographic or system.is_projected) or len(system.axis_info) != 2:
        raise BadInput(
            f"EPSG:{number}（{system.name}）不是平面或经纬度坐标系", remedy="请改用二维的投影或地理坐标系"
        )
    transformer = Transformer.from_crs(system, GEOGRAPHIC_SRID, always_xy=True)
    return Declared(
        f"EPSG:{number}",
        lambda x, y: _pair(transformer.transform(x, y)),
        lambda lon, lat: _pair(transformer.transform(lon, lat, direction="INVERSE")),
        number,
        geographic=system.is_geographic,
    )


def _unchanged(lon: Floats, lat: Floats) -> Pair:
    return lon, lat


def _pair(values: tuple[Floats, ...]) -> Pair:
    return np.asarray(values[0], dtype=np.float64), np.asarray(values[1], dtype=np.float64)


def rounded_lonlat(lon: Floats, lat: Floats) -> Pair:
    """Degrees as they are stored: to 1e-9 degree (0.1 mm)."""
    return np.round(lon, _LONLAT_DECIMALS) + 0.0, np.round(lat, _LONLAT_DECIMALS) + 0.0


def whole_millimetres(metres: Floats) -> Floats:
    """Metres as they are stored and computed with: to 1 mm."""
    return np.round(metres, _METRE_DECIMALS) + 0.0


class Metric:
    """The city's metric system: from CGCS2000 degrees to metres rounded to 1 mm, and its scale at a place."""

    def __init__(self, srid: int) -> None:
        system = CRS.from_epsg(srid)
        area = system.area_of_use
        if not system.is_projected or area is None:
            raise BadInput(
                f"EPSG:{srid} 不是米制投影坐标系", remedy="请在 city.toml 的 metric_crs 中写投影坐标系"
            )
        self.srid = srid
        self._to_metres = Transformer.from_crs(GEOGRAPHIC_SRID, system, always_xy=True)
        self._projection = Proj(system)
        width = (area.east - area.west) % 360.0
        self._middle_lon = area.west + width / 2.0

    def exact_metres(self, lon: Floats, lat: Floats) -> Pair:
        """Metres of the metric system; infinite where it has none."""
        return _pair(self._to_metres.transform(lon, lat))

    def to_metres(self, lon: Floats, lat: Floats) -> Pair:
        """Metres of the metric system, rounded to 1 mm."""
        x, y = self.exact_metres(lon, lat)
        return whole_millimetres(x), whole_millimetres(y)

    def usable(self, lon: Floats, lat: Floats) -> NDArray[np.bool_]:
        """Whether the scale at each place, along the meridian and the parallel, is within 0.98–1.02.

        Beyond a right angle from the middle meridian there is no scale: a transverse projection comes back
        there with a scale near 1, over the pole, and would call the far side of the globe a good place.
        """
        factors = self._projection.get_factors(lon, lat)
        scales = np.stack([np.atleast_1d(factors.meridional_scale), np.atleast_1d(factors.parallel_scale)])
        within = ((scales >= SCALE_LOW) & (scales <= SCALE_HIGH)).all(axis=0)
        away = np.abs((np.atleast_1d(lon) - self._middle_lon + 180.0) % 360.0 - 180.0)
        return np.asarray(within & (away < 90.0), dtype=np.bool_)


@lru_cache(maxsize=8)
def metric_system(srid: int) -> Metric:
    """The metric system of that EPSG number; made once, as making it reads PROJ's database."""
    return Metric(srid)


def wgs84_to_gcj02(lon: Floats, lat: Floats) -> Pair:
    """The offset that Chinese web maps apply (the forward formula); nothing outside its box."""
    dlon, dlat = _gcj_offset(lon, lat)
    west, east, south, north = _GCJ_BOX
    inside = (lon >= west) & (lon <= east) & (lat >= south) & (lat <= north)
    return np.where(inside, lon + dlon, lon), np.where(inside, lat + dlat, lat)


def _gcj_offset(lon: Floats, lat: Floats) -> Pair:
    """The two polynomials with sines of the formula, in metres, turned into degrees."""
    x, y = lon - 105.0, lat - 35.0
    root = np.sqrt(np.abs(x))
    common = 20.0 * np.sin(6.0 * np.pi * x) + 20.0 * np.sin(2.0 * np.pi * x)
    north = -100.0 + 2.0 * x + 3.0 * y + 0.2 * y * y + 0.1 * x * y + 0.2 * root
    north += (common + 20.0 * np.sin(np.pi * y) + 40.0 * np.sin(np.pi / 3.0 * y)) * 2.0 / 3.0
    north += (160.0 * np.sin(np.pi / 12.0 * y) + 320.0 * np.sin(np.pi / 30.0 * y)) * 2.0 / 3.0
    east = 300.0 + x + 2.0 * y + 0.1 * x * x + 0.1 * x * y + 0.1 * root
    east += (common + 20.0 * np.sin(np.pi * x) + 40.0 * np.sin(np.pi / 3.0 * x)) * 2.0 / 3.0
    east += (150.0 * np.sin(np.pi / 12.0 * x) + 300.0 * np.sin(np.pi / 30.0 * x)) * 2.0 / 3.0
    phi = np.radians(lat)
    w2 = 1.0 - _GCJ_EE * np.sin(phi) ** 2
    dlat = np.degrees(north / (_GCJ_A * (1.0 - _GCJ_EE) / (w2 * np.sqrt(w2))))
    dlon = np.degrees(east / (_GCJ_A / np.sqrt(w2) * np.cos(phi)))
    return dlon, dlat


def gcj02_to_wgs84(lon: Floats, lat: Floats) -> Pair:
    """The position whose offset is this GCJ-02 position."""
    return _inverted(wgs84_to_gcj02, lon, lat)


def gcj02_to_bd09(lon: Floats, lat: Floats) -> Pair:
    """The further offset of Baidu's maps (the forward formula)."""
    radius = np.hypot(lon, lat) + 0.00002 * np.sin(lat * _BD_ANGLE)
    angle = np.arctan2(lat, lon) + 0.000003 * np.cos(lon * _BD_ANGLE)
    return radius * np.cos(angle) + _BD_DLON, radius * np.sin(angle) + _BD_DLAT


def wgs84_to_bd09(lon: Floats, lat: Floats) -> Pair:
    """Both offsets, one after the other."""
    return gcj02_to_bd09(*wgs84_to_gcj02(lon, lat))


def bd09_to_wgs84(lon: Floats, lat: Floats) -> Pair:
    """The position whose offset, twice, is this BD-09 position."""
    return gcj02_to_wgs84(*_inverted(gcj02_to_bd09, lon, lat))


def _inverted(forward: Callable[[Floats, Floats], Pair], lon: Floats, lat: Floats) -> Pair:
    """The argument at which `forward` gives (lon, lat): it moves little, so what it moved is taken back, again
    and again."""
    lon, lat = np.asarray(lon, dtype=np.float64), np.asarray(lat, dtype=np.float64)
    found_lon, found_lat = lon.copy(), lat.copy()
    for _ in range(_STEPS):
        there_lon, there_lat = forward(found_lon, found_lat)
        found_lon -= there_lon - lon
        found_lat -= there_lat - lat
    return found_lon, found_lat

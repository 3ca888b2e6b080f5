"""Coordinate systems against eviltransform, prcoords and the geodesics of pyproj."""

from collections.abc import Callable

import eviltransform
import numpy as np
import prcoords
import pytest
from pyproj import Geod, Transformer

from layers.crs import (
    Floats,
    Pair,
    bd09_to_wgs84,
    declared_crs,
    gcj02_to_bd09,
    gcj02_to_wgs84,
    metric_system,
    rounded_lonlat,
    wgs84_to_gcj02,
)
from riskmap.errors import BadInput

GEOD = Geod(ellps="GRS80")
Inverse = Callable[[Floats, Floats], Pair]
Peer = Callable[[float, float], tuple[float, float]]


def over_the_city(count: int = 400) -> Pair:
    rng = np.random.default_rng(7)
    return rng.uniform(112.2, 112.95, count), rng.uniform(28.6, 29.25, count)


def metres_between(one: Pair, other: Pair) -> Floats:
    length: Floats = np.abs(np.asarray(GEOD.inv(one[0], one[1], other[0], other[1])[2]))
    return length


def theirs(function: Peer, lon: Floats, lat: Floats) -> Pair:
    """A peer's function, point by point, latitude first."""
    pairs = np.array([function(float(y), float(x)) for x, y in zip(lon, lat, strict=True)])
    return pairs[:, 1], pairs[:, 0]


def test_forward_formulas_are_those_of_the_peers() -> None:
    # eviltransform takes 6,378,137 m for the radius where the formula has 6,378,245 m: 1 cm here
    lon, lat = over_the_city()
    assert metres_between(wgs84_to_gcj02(lon, lat), theirs(eviltransform.wgs2gcj, lon, lat)).max() < 0.02
    assert metres_between(gcj02_to_bd09(lon, lat), theirs(eviltransform.gcj2bd, lon, lat)).max() < 1e-3
    assert (
        metres_between(
            wgs84_to_gcj02(lon, lat), theirs(lambda y, x: prcoords.wgs_gcj((y, x)), lon, lat)
        ).max()
        < 1e-3
    )


@pytest.mark.parametrize(
    ("back", "forth"),
    [
        (gcj02_to_wgs84, eviltransform.wgs2gcj),
        (bd09_to_wgs84, eviltransform.wgs2bd),
        (gcj02_to_wgs84, lambda y, x: prcoords.wgs_gcj((y, x))),
        (bd09_to_wgs84, lambda y, x: prcoords.wgs_bd((y, x))),
    ],
)
def test_offset_positions_come_back_to_where_a_peer_started(back: Inverse, forth: Peer) -> None:
    lon, lat = over_the_city()
    assert metres_between(back(*theirs(forth, lon, lat)), (lon, lat)).max() < 0.1


def test_inverses_are_exact() -> None:
    lon, lat = over_the_city()
    assert metres_between(gcj02_to_wgs84(*wgs84_to_gcj02(lon, lat)), (lon, lat)).max() < 1e-6
    assert metres_between(bd09_to_wgs84(*gcj02_to_bd09(*wgs84_to_gcj02(lon, lat))), (lon, lat)).max() < 1e-6


def test_inverses_agree_with_prcoords() -> None:
    lon, lat = over_the_city()
    gcj = theirs(lambda y, x: prcoords.gcj_wgs_bored((y, x)), lon, lat)
    assert metres_between(gcj02_to_wgs84(lon, lat), gcj).max() < 0.1
    bd = theirs(lambda y, x: prcoords.bd_wgs_bored((y, x)), lon, lat)
    assert metres_between(bd09_to_wgs84(lon, lat), bd).max() < 0.1


def test_gcj02_is_far_off_here_and_nothing_abroad() -> None:
    here = wgs84_to_gcj02(np.array([112.36]), np.array([28.85]))
    assert 500 < metres_between(here, (np.array([112.36]), np.array([28.85])))[0] < 700
    lon, lat = np.array([-91.2, 151.2]), np.array([30.4, -33.9])
    assert np.array_equal(np.array(gcj02_to_wgs84(lon, lat)), np.array([lon, lat]))


@pytest.mark.parametrize("srid", [4547, 26915])
def test_metres_agree_with_the_geodesic_within_three_degrees(srid: int) -> None:
    rng = np.random.default_rng(3)
    middle = {4547: 114.0, 26915: -93.0}[srid]
    lon, lat = middle + rng.uniform(-2.8, 2.8, 500), rng.uniform(28, 35, 500)
    azimuth, length = rng.uniform(0, 360, 500), rng.uniform(50, 5000, 500)
    far_lon, far_lat, _ = GEOD.fwd(lon, lat, azimuth, length)
    metric = metric_system(srid)
    x0, y0 = metric.to_metres(lon, lat)
    x1, y1 = metric.to_metres(far_lon, far_lat)
    assert np.abs(np.hypot(x1 - x0, y1 - y0) / length - 1).max() < 1e-3
    assert metric.usable(lon, lat).all()


def test_metres_are_whole_millimetres_and_survive_the_way_through_degrees() -> None:
    metric = metric_system(4547)
    x = np.array([371234.567, 400000.001, 500000.0])
    y = np.array([3194321.123, 3200000.999, 3210000.0])
    lon, lat = declared_crs("EPSG:4547").to_lonlat(x, y)
    back = metric.to_metres(*rounded_lonlat(lon, lat))
    assert np.array_equal(np.array(back), np.array([x, y]))


def test_scale_decides_what_is_too_far() -> None:
    metric = metric_system(26915)
    # scale of a transverse projection: 0.9996·cosh(x/R); 1.02 is 1,285 km off the meridian, 13.4° at 30° N
    lon = np.array([-93.0, -93 - 12.5, -93 - 14.5, 91.19, 112.4])
    lat = np.array([30.0, 30.0, 30.0, 30.4525, 28.8])
    assert metric.usable(lon, lat).tolist() == [True, True, False, False, False]


def test_declared_systems() -> None:
    lon, lat = np.array([112.36]), np.array([28.85])
    for same in (None, "wgs84", "CGCS2000", "EPSG:4326", "epsg:4490"):
        assert declared_crs(same).to_lonlat(lon, lat) == (lon, lat)
    x, y = Transformer.from_crs(4490, 32649, always_xy=True).transform(lon, lat)
    assert metres_between(declared_crs("EPSG:32649").to_lonlat(x, y), (lon, lat))[0] < 1e-3
    assert declared_crs("GCJ-02").name == "gcj02"


@pytest.mark.parametrize(
    "wrong", ["mars", "EPSG:", "EPSG:12x", "EPSG:999999", "EPSG:4978", "EPSG:5773", "EPSG:4979"]
)
def test_unknown_systems_are_refused_with_a_remedy(wrong: str) -> None:
    with pytest.raises(BadInput) as caught:
        declared_crs(wrong)
    assert caught.value.remedy

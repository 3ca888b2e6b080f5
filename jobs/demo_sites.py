"""Where things can stand in the demo city: a pool of dry points, most of them along roads, streets and dykes.

Every dwelling, firm and school takes its position from this pool, so none stands in a lake and each knows
its village group without asking the map again.
"""

from dataclasses import dataclass

import numpy as np
import shapely

from jobs.demo_areas import Areas
from jobs.demo_inputs import Floats, Ints
from jobs.demo_mosaic import Mosaic
from jobs.demo_terrain import Terrain, Way, in_water

POINTS_PER_CELL = 5
PULL_REACH_M = 900.0
"""how far a road, dyke or canal draws houses to itself"""
SETBACK_M = (18.0, 75.0)

Mask = np.ndarray[tuple[int], np.dtype[np.bool_]]


@dataclass(slots=True)
class Sites:
    """n points: position, the cell and group they lie in, and what is near; `free` until taken."""

    xy: Floats
    cell: Ints
    group: Ints
    village: Ints
    township: Ints
    urban: Floats
    """(n,) 0–1"""
    heading: Floats
    """(n,) direction of the nearest road or dyke, radians"""
    way_m: Floats
    """(n,) distance to it"""
    main_road_m: Floats
    """(n,) distance of the cell to a main road"""
    shore_m: Floats
    """(n,) distance of the cell to a river or large lake"""
    park: Ints
    """(n,) index of the park, −1 outside"""
    free: Mask

    def take(self, rng: np.random.Generator, weight: Floats, count: int) -> Ints:
        """`count` free points drawn by weight (n,) without repetition; they are no longer free."""
        weight = np.where(self.free, weight, 0.0)
        chosen = rng.choice(len(weight), count, replace=False, p=weight / weight.sum())
        self.free[chosen] = False
        return np.asarray(chosen, dtype=np.int64)


def make_sites(
    terrain: Terrain, mosaic: Mosaic, areas: Areas, ways: list[Way], rng: np.random.Generator
) -> Sites:
    """The pool, by cell; `ways` are the roads, streets, dykes and canals that draw houses."""
    cell = np.repeat(np.flatnonzero(mosaic.land), POINTS_PER_CELL)
    xy = _strewn(mosaic, cell, rng)
    lines = _Lines([way.shape for way in ways])
    distance, foot, heading = lines.nearest(xy)
    pulled = _pulled(xy, distance, foot, rng)
    moves = (distance < PULL_REACH_M) & (rng.random(len(xy)) < 0.85)
    moves[moves] = shapely.contains_xy(mosaic.metres[cell[moves]], pulled[moves, 0], pulled[moves, 1])
    xy[moves] = pulled[moves]
    good = shapely.contains_xy(mosaic.metres[cell], xy[:, 0], xy[:, 1]) & ~in_water(terrain, xy)
    xy, cell, heading, foot = xy[good], cell[good], heading[good], foot[good]
    main_road_m = _Lines([road.shape for road in terrain.roads]).nearest(mosaic.xy)[0]
    shores = [shapely.boundary(way.shape) for way in terrain.waters if way.rank <= 2]
    shore_m = _Lines(shores).nearest(mosaic.xy)[0]
    park = np.full(len(xy), -1)
    for number, one in enumerate(terrain.parks):
        park[shapely.contains_xy(one.shape, xy[:, 0], xy[:, 1])] = number
    return Sites(
        xy=xy,
        cell=cell,
        group=areas.group[cell],
        village=areas.village[cell],
        township=areas.township[cell],
        urban=mosaic.urban[cell],
        heading=heading,
        way_m=np.hypot(*(xy - foot).T),
        main_road_m=main_road_m[cell],
        shore_m=shore_m[cell],
        park=park,
        free=np.ones(len(xy), dtype=np.bool_),
    )


def share_out(totals: Ints, owner: Ints, weight: Floats) -> Ints:
    """Whole parts (n,) of each owner's total (k,) by weight: sums are exact, largest remainders first."""
    fair = weight * totals[owner] / np.bincount(owner, weight, len(totals))[owner]
    whole = np.floor(fair).astype(np.int64)
    missing = totals - np.bincount(owner, whole, len(totals)).astype(np.int64)
    order = np.lexsort((whole - fair, owner))
    rank = np.arange(len(order)) - np.searchsorted(owner[order], owner[order])
    whole[order] += rank < missing[owner[order]]
    return whole


def first_of_each(owner: Ints, number: Ints, key: Floats) -> Ints:
    """Of the items of each owner the `number[owner]` with the smallest key; sorted by owner, then key."""
    order = np.lexsort((key, owner))
    rank = np.arange(len(order)) - np.searchsorted(owner[order], owner[order])
    return np.asarray(order[rank < number[owner[order]]], dtype=np.int64)


class _Lines:
    """Straight pieces of many lines, and the nearest of them to a point."""

    def __init__(self, shapes: list[shapely.Geometry]) -> None:
        xy, line = shapely.get_coordinates(_parts(shapes), return_index=True)
        joined = line[:-1] == line[1:]
        self.start, self.end = xy[:-1][joined], xy[1:][joined]
        self.tree = shapely.STRtree(shapely.linestrings(np.stack([self.start, self.end], axis=1)))

    def nearest(self, xy: Floats) -> tuple[Floats, Floats, Floats]:
        """For points (n, 2): distance, nearest point (n, 2), direction of the piece in radians."""
        piece = self.tree.nearest(shapely.points(xy))
        start, leap = self.start[piece], self.end[piece] - self.start[piece]
        along = np.sum((xy - start) * leap, axis=1) / np.maximum(np.sum(leap * leap, axis=1), 1e-9)
        foot = start + np.clip(along, 0, 1)[:, None] * leap
        return np.hypot(*(xy - foot).T), foot, np.arctan2(leap[:, 1], leap[:, 0])


def _parts(shapes: list[shapely.Geometry]) -> np.ndarray[tuple[int], np.dtype[np.object_]]:
    parts = shapely.get_parts(np.array(shapes, dtype=np.object_))
    rings = shapely.get_rings(parts[shapely.get_type_id(parts) == shapely.GeometryType.POLYGON])
    return np.concatenate([parts[shapely.get_type_id(parts) != shapely.GeometryType.POLYGON], rings])


def _strewn(mosaic: Mosaic, cell: Ints, rng: np.random.Generator) -> Floats:
    """A random point of each cell named: from the cell's own point part of the way to its rim."""
    rims = shapely.get_exterior_ring(shapely.get_geometry(mosaic.metres[cell], 0))
    rim = shapely.get_coordinates(
        shapely.line_interpolate_point(rims, rng.random(len(cell)), normalized=True)
    )
    strewn: Floats = (
        mosaic.xy[cell] + (rim - mosaic.xy[cell]) * (0.92 * np.sqrt(rng.random(len(cell))))[:, None]
    )
    return strewn


def _pulled(xy: Floats, distance: Floats, foot: Floats, rng: np.random.Generator) -> Floats:
    """The points drawn to a house's setback from their line, on the side where they were."""
    setback = rng.uniform(*SETBACK_M, len(xy))
    return foot + (xy - foot) * (setback / np.maximum(distance, 1.0))[:, None]

"""The finest cells of the demo city: a mosaic that follows shores, dense in towns, sparse in fields and lakes.

Points stand in pairs on both sides of every shore, so that the Voronoi edge between a pair is the shore
itself; the rest are strewn by density. Cells are clipped by the boundary and their corners rounded once, as
the files are: neighbours share their corners bit for bit, so any union of cells tiles without gap or overlap.
"""

from dataclasses import dataclass

import numpy as np
import shapely

from jobs.demo_inputs import Floats, Geometries, Inputs, Ints
from jobs.demo_terrain import Terrain, in_water

PEOPLE_PER_URBAN_KM2 = 6_000.0
CELLS_PER_KM2_RURAL = 5.0
CELLS_PER_KM2_TOWN = 42.0
CELLS_PER_KM2_PARK = 24.0
CELLS_PER_KM2_WATER = 0.8
SHORE_STEP_M = 240.0
SHORE_OFFSET_M = 45.0
SHORE_KEPT_FREE_M = 150.0


@dataclass(frozen=True, slots=True)
class Mosaic:
    """n cells: polygons in degrees (rounded) and metres, where they are, which are land, who touches whom."""

    degrees: Geometries
    metres: Geometries
    xy: Floats
    """(n, 2) the point of each cell, m"""
    land: np.ndarray[tuple[int], np.dtype[np.bool_]]
    urban: Floats
    """(n,) density of the towns at the cell, 0–1"""
    span_m: Floats
    """(n,) side of a square of the cell's area"""
    pairs: Ints
    """(m, 2) cells that share an edge, first < second"""


def town_radius_m(urban_people: int) -> float:
    """Radius of a round town of so many people at the urban density."""
    return float(np.sqrt(urban_people / PEOPLE_PER_URBAN_KM2 / np.pi)) * 1_000.0


def town_density(inputs: Inputs, xy: Floats) -> Floats:
    """0–1 at points (n, 2): near 1 inside a town, falling off over its rim."""
    density = np.zeros(len(xy))
    for township in inputs.townships:
        distance = np.hypot(*(xy - township.seat).T)
        density = np.maximum(density, np.exp(-((distance / town_radius_m(township.urban_people)) ** 4)))
    return density


def make_mosaic(inputs: Inputs, terrain: Terrain, rng: np.random.Generator) -> Mosaic:
    """Cells of the whole city, in a fixed order (west to east, then south to north)."""
    shore = _shore_points(inputs, terrain, rng)
    filler = _filler_points(inputs, terrain, shore, rng)
    filler = _relaxed(shore, filler, inputs.boundary)
    xy = np.vstack([shore, filler])
    xy = xy[np.lexsort((xy[:, 1], np.floor(xy[:, 0] / 1000)))]
    metres = _clipped(_voronoi(xy, inputs.boundary), inputs.boundary)
    degrees = inputs.projection.to_degrees(metres)
    return Mosaic(
        degrees=degrees,
        metres=metres,
        xy=xy,
        land=~in_water(terrain, xy),
        urban=town_density(inputs, xy),
        span_m=np.sqrt(shapely.area(metres)),
        pairs=_neighbours(degrees),
    )


def _shore_points(inputs: Inputs, terrain: Terrain, rng: np.random.Generator) -> Floats:
    """Pairs of points at both sides of the shores, away from the boundary and from other shores."""
    inner = shapely.buffer(inputs.boundary, -SHORE_OFFSET_M)
    shores = shapely.get_parts(shapely.intersection(shapely.boundary(terrain.water), inner))
    shores = shapely.get_parts(shapely.line_merge(shapely.multilinestrings(list(shores))))
    line = np.repeat(
        np.arange(len(shores)), np.maximum(1, shapely.length(shores) // SHORE_STEP_M).astype(int)
    )
    order = np.arange(len(line)) - np.searchsorted(line, line)
    along = (order + rng.uniform(0.35, 0.65, len(line))) * SHORE_STEP_M
    before = shapely.get_coordinates(shapely.line_interpolate_point(shores[line], np.maximum(along - 40, 0)))
    after = shapely.get_coordinates(shapely.line_interpolate_point(shores[line], along + 40))
    leap = after - before
    length = np.hypot(*leap.T)
    good = length > 40
    middle, leap, length = ((after + before) / 2)[good], leap[good], length[good]
    normal = np.column_stack([-leap[:, 1], leap[:, 0]]) / length[:, None] * SHORE_OFFSET_M
    left, right = middle + normal, middle - normal
    split = in_water(terrain, left) != in_water(terrain, right)
    apart = split & _first_of_close(middle, 2.4 * SHORE_OFFSET_M)
    return np.vstack([left[apart], right[apart]])


def _filler_points(inputs: Inputs, terrain: Terrain, shore: Floats, rng: np.random.Generator) -> Floats:
    """Points strewn by density over land and water, not close to a shore."""
    left, bottom, right, top = shapely.bounds(inputs.boundary)
    peak = CELLS_PER_KM2_TOWN
    count = int((right - left) * (top - bottom) / 1e6 * peak)
    xy = np.column_stack([rng.uniform(left, right, count), rng.uniform(bottom, top, count)])
    chance = rng.uniform(0, peak, count)
    density = CELLS_PER_KM2_RURAL + (peak - CELLS_PER_KM2_RURAL) * town_density(inputs, xy)
    for park in terrain.parks:
        inside = shapely.contains_xy(park.shape, xy[:, 0], xy[:, 1])
        density[inside] = np.maximum(density[inside], CELLS_PER_KM2_PARK)
    xy, chance = xy[chance < density], chance[chance < density]
    wet = in_water(terrain, xy)
    xy = xy[~wet | (chance < CELLS_PER_KM2_WATER)]
    shapely.prepare(inputs.boundary)
    xy = xy[shapely.contains_xy(inputs.boundary, xy[:, 0], xy[:, 1])]
    near = shapely.STRtree(shapely.points(shore)).query(
        shapely.points(xy), predicate="dwithin", distance=SHORE_KEPT_FREE_M
    )[0]
    keep = np.ones(len(xy), dtype=np.bool_)
    keep[near] = False
    xy = xy[keep]
    kept: Floats = xy[_first_of_close(xy, 60.0)]
    return kept


def _first_of_close(xy: Floats, distance_m: float) -> np.ndarray[tuple[int], np.dtype[np.bool_]]:
    """Leave out every point that has an earlier one within the distance."""
    points = shapely.points(xy)
    one, other = shapely.STRtree(points).query(points, predicate="dwithin", distance=distance_m)
    keep = np.ones(len(xy), dtype=np.bool_)
    keep[one[other < one]] = False
    return keep


def _relaxed(shore: Floats, filler: Floats, boundary: shapely.Geometry) -> Floats:
    """Move each strewn point half-way to the middle of its cell: fewer slivers, still irregular."""
    cells = _voronoi(np.vstack([shore, filler]), boundary)[len(shore) :]
    middle = shapely.get_coordinates(shapely.centroid(cells))
    moved = (filler + middle) / 2
    inside = shapely.contains_xy(boundary, moved[:, 0], moved[:, 1])
    return np.where(inside[:, None], moved, filler)


def _voronoi(xy: Floats, boundary: shapely.Geometry) -> Geometries:
    cells = shapely.voronoi_polygons(shapely.MultiPoint(xy), extend_to=boundary, ordered=True)
    return np.asarray(shapely.get_parts(cells), dtype=np.object_)


def _clipped(cells: Geometries, boundary: shapely.Geometry) -> Geometries:
    shapely.prepare(boundary)
    crossing = ~shapely.contains_properly(boundary, cells)
    cells[crossing] = shapely.intersection(cells[crossing], boundary)
    return cells


def _neighbours(cells: Geometries) -> Ints:
    """Pairs of cells with an edge in common, found by the edge's two corners."""
    rings = shapely.get_rings(shapely.get_parts(cells))
    _, part_of = shapely.get_parts(cells, return_index=True)
    _, ring_part = shapely.get_rings(shapely.get_parts(cells), return_index=True)
    xy, ring_of = shapely.get_coordinates(rings, return_index=True)
    corner = np.unique(xy[:, 0] + 1j * xy[:, 1], return_inverse=True)[1]
    same_ring = ring_of[:-1] == ring_of[1:]
    start, end = corner[:-1][same_ring], corner[1:][same_ring]
    owner = part_of[ring_part[ring_of[:-1][same_ring]]]
    edge = np.minimum(start, end) * (corner.max() + 1) + np.maximum(start, end)
    order = np.lexsort((owner, edge))
    edge, owner = edge[order], owner[order]
    twice = (edge[:-1] == edge[1:]) & (owner[:-1] != owner[1:])
    pairs = np.unique(np.column_stack([owner[:-1][twice], owner[1:][twice]]), axis=0)
    return np.asarray(pairs, dtype=np.int64)

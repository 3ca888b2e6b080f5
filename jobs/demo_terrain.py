"""Water, dykes and roads of the demo city, from the hand-drawn sketch to lines with a natural look.

The sketch has a vertex every few kilometres. Rivers and shores get the meanders and coves a lake county has,
roads are only rounded, dykes follow the shores of the large waters, village roads are a shortest tree.
"""

import math
from dataclasses import dataclass

import numpy as np
import shapely

from jobs.demo_inputs import Drawn, Floats, Geometries, Inputs, Ints

DYKE_SETBACK_M = 45.0
DYKE_WATER_M2 = 4e6
"""smaller waters have no dyke"""
STREET_STEP_M = 420.0
ROAD_RANK_VILLAGE = 5
ROAD_RANK_STREET = 6


@dataclass(frozen=True, slots=True)
class Way:
    """One water, dyke, road or ferry route as layer `lines` keeps it; shape in metres."""

    kind: str
    name: str
    rank: int
    shape: shapely.Geometry


@dataclass(frozen=True, slots=True)
class Terrain:
    """The drawn land: waters (polygons and canals), dykes, main roads, ferry routes, islands and parks."""

    waters: list[Way]
    dykes: list[Way]
    roads: list[Way]
    ferries: list[Way]
    islands: list[Drawn]
    parks: list[Drawn]
    water: shapely.Geometry
    """union of the water polygons"""
    water_tree: shapely.STRtree
    dry_land: shapely.Geometry
    """the city without its waters"""


def draw_terrain(inputs: Inputs, rng: np.random.Generator) -> Terrain:
    """Waters, dykes, roads and ferries within the boundary; shapes in metres."""
    islands = [_reshaped(one, rng, wander=0.22) for one in inputs.drawn("island")]
    parks = list(inputs.drawn("park"))
    land_in_lakes = shapely.union_all([one.shape for one in islands])
    lakes = [
        Way(
            "lake", one.name, one.rank,
            shapely.intersection(shapely.difference(one.shape, land_in_lakes), inputs.boundary),
        )
        for one in (_reshaped(lake, rng, wander=0.2) for lake in inputs.drawn("lake"))
    ]  # fmt: skip
    lake = shapely.union_all([way.shape for way in lakes])
    rivers = _rivers(inputs, lake, rng)
    water = shapely.union_all([way.shape for way in (*lakes, *rivers) if way.shape.area > 0])
    pieces = np.array(shapely.get_parts(water))
    return Terrain(
        waters=[*lakes, *rivers],
        dykes=_dykes(water, inputs.boundary),
        roads=[_clipped(one, inputs.boundary, rng) for one in inputs.drawn("road")],
        ferries=[_clipped(one, inputs.boundary, rng) for one in inputs.drawn("ferry_route")],
        islands=islands,
        parks=parks,
        water=water,
        water_tree=shapely.STRtree(_tiles(pieces)),
        dry_land=shapely.difference(inputs.boundary, water),
    )


def in_water(terrain: Terrain, xy: Floats) -> np.ndarray[tuple[int], np.dtype[np.bool_]]:
    """Which of the points (n, 2) lie in a water polygon."""
    wet = np.zeros(len(xy), dtype=np.bool_)
    wet[terrain.water_tree.query(shapely.points(xy), predicate="intersects")[0]] = True
    return wet


def village_roads(terrain: Terrain, seats: Floats, townships: Ints, names: list[str]) -> list[Way]:
    """Roads that join the village seats (n, 2) of each township by a shortest tree, and bend a little.

    A stretch over water costs eight times its length, so the tree keeps to its own side of a river; what
    still crosses is left out (there the ferry goes).
    """
    roads = []
    for township in np.unique(townships):
        members = np.flatnonzero(townships == township)
        for start, end in _shortest_tree(seats[members], terrain):
            a, b = members[start], members[end]
            middle = (seats[a] + seats[b]) / 2 + 0.09 * np.array([[0, -1], [1, 0]]) @ (seats[b] - seats[a])
            line = shapely.linestrings(_rounded(np.array([seats[a], middle, seats[b]]), closed=False))
            if shapely.contains(terrain.dry_land, line):
                roads.append(Way("road", f"{names[a]}—{names[b]}村道", ROAD_RANK_VILLAGE, line))
    return roads


def streets(
    terrain: Terrain, seat: tuple[float, float], radius_m: float, name: str, rng: np.random.Generator
) -> list[Way]:
    """A town's streets: two families of nearly parallel lines within the radius, dry parts only."""
    turn = rng.uniform(0, math.pi / 2)
    disc = shapely.difference(shapely.Point(seat).buffer(radius_m), shapely.buffer(terrain.water, 30))
    steps = np.arange(-radius_m + STREET_STEP_M / 2, radius_m, STREET_STEP_M)
    ways = []
    for family, angle in enumerate((turn, turn + math.pi / 2)):
        across = np.array([-math.sin(angle), math.cos(angle)])
        for number, step in enumerate(steps, start=1):
            lean = angle + rng.normal(0, 0.06)
            along = np.array([math.cos(lean), math.sin(lean)])
            reach = radius_m * rng.uniform(0.35, 1.0, 2) * [-1, 1]
            ends = np.array(seat) + np.outer(reach, along) + (step + rng.normal(0, 60)) * across
            dry = shapely.intersection(shapely.linestrings(ends), disc)
            street = f"{name}{'纵横'[family]}{number}路"
            parts = [part for part in shapely.get_parts(dry) if part.length > STREET_STEP_M]
            ways += [Way("road", street, ROAD_RANK_STREET, part) for part in parts]
    return ways


def _rivers(inputs: Inputs, lake: shapely.Geometry, rng: np.random.Generator) -> list[Way]:
    rivers = []
    for one in inputs.drawn("river"):
        course = shapely.linestrings(
            _wander(_rounded(_vertices(one.shape), closed=False), rng, 0.1, closed=False)
        )
        width_m = float(one.facts["width_m"])
        shape = shapely.buffer(course, width_m / 2, quad_segs=3) if width_m else course
        shape = shapely.intersection(shapely.difference(shape, lake), inputs.boundary)
        parts = shapely.get_parts(shape)
        kept = parts[(shapely.area(parts) > 2e4) | (shapely.length(parts) > 800) & (shapely.area(parts) == 0)]
        rivers.append(Way("river", one.name, one.rank, shapely.union_all(kept)))
        lake = shapely.union(lake, rivers[-1].shape) if width_m else lake
    return rivers


def _dykes(water: shapely.Geometry, boundary: shapely.Geometry) -> list[Way]:
    """Lines a short way inland of the large waters' shores, within the city."""
    large = [part for part in shapely.get_parts(water) if part.area > DYKE_WATER_M2]
    shore = shapely.boundary(shapely.buffer(shapely.union_all(large), DYKE_SETBACK_M, quad_segs=2))
    inside = shapely.intersection(shapely.simplify(shore, 8), shapely.buffer(boundary, -2 * DYKE_SETBACK_M))
    parts = [part for part in shapely.get_parts(shapely.line_merge(inside)) if part.length > 600]
    parts.sort(key=lambda part: (-part.length, part.bounds))
    return [Way("dyke", f"示例堤段{number:02d}", 3, part) for number, part in enumerate(parts, start=1)]


def _clipped(one: Drawn, boundary: shapely.Geometry, rng: np.random.Generator) -> Way:
    points = _wander(_rounded(_vertices(one.shape), closed=False), rng, 0.03, closed=False)
    return Way(one.kind, one.name, one.rank, shapely.intersection(shapely.linestrings(points), boundary))


def _reshaped(one: Drawn, rng: np.random.Generator, wander: float) -> Drawn:
    ring = _wander(_rounded(_vertices(one.shape), closed=True), rng, wander, closed=True)
    shape = shapely.make_valid(shapely.polygons(ring))
    parts = shapely.get_parts(shape)
    return Drawn(one.kind, one.name, one.rank, one.facts, parts[np.argmax(shapely.area(parts))])


def _vertices(shape: shapely.Geometry) -> Floats:
    return np.asarray(shapely.get_coordinates(shape), dtype=np.float64)


def _rounded(points: Floats, closed: bool) -> Floats:
    """One round of corner cutting at a quarter; a closed line keeps its first point equal to its last."""
    start, end = points[:-1], points[1:]
    cut = np.stack([0.75 * start + 0.25 * end, 0.25 * start + 0.75 * end], axis=1).reshape(-1, 2)
    return np.vstack([cut, cut[:1]]) if closed else np.vstack([points[:1], cut, points[-1:]])


def _wander(points: Floats, rng: np.random.Generator, share: float, closed: bool) -> Floats:
    """Midpoint displacement until no stretch is over 260 m: each middle moves by a share of the stretch."""
    while True:
        leap = np.diff(points, axis=0)
        long = np.flatnonzero(np.hypot(*leap.T) > 260)
        if len(long) == 0:
            return np.vstack([points[:-1], points[:1]]) if closed else points
        leap = leap[long]
        push = rng.normal(0, share, len(long)).clip(-2 * share, 2 * share)
        middle = points[long] + leap / 2 + push[:, None] * np.column_stack([-leap[:, 1], leap[:, 0]])
        points = np.insert(points, long + 1, middle, axis=0)


def _shortest_tree(seats: Floats, terrain: Terrain) -> list[tuple[int, int]]:
    """Prim's tree over all pairs of seats."""
    count = len(seats)
    first, second = np.triu_indices(count, 1)
    lines = shapely.linestrings(np.stack([seats[first], seats[second]], axis=1))
    share = np.linspace(0.04, 0.96, 24)[None, :, None]
    along = seats[first][:, None, :] * (1 - share) + seats[second][:, None, :] * share
    wet = in_water(terrain, along.reshape(-1, 2)).reshape(len(lines), -1).mean(axis=1)
    cost = np.full((count, count), np.inf)
    cost[first, second] = cost[second, first] = shapely.length(lines) * (1 + 7 * wet)
    joined, pairs = [0], []
    while len(joined) < count:
        open_cost = cost[joined].copy()
        open_cost[:, joined] = np.inf
        row, column = np.unravel_index(int(np.argmin(open_cost)), open_cost.shape)
        pairs.append((joined[int(row)], int(column)))
        joined.append(int(column))
    return pairs


def _tiles(pieces: Geometries) -> Geometries:
    """Large polygons cut into 4 km tiles: point-in-water tests then look at short rings only."""
    left, bottom, right, top = shapely.total_bounds(pieces)
    x, y = np.meshgrid(np.arange(left, right, 4000.0), np.arange(bottom, top, 4000.0))
    boxes = shapely.box(x.ravel(), y.ravel(), x.ravel() + 4000, y.ravel() + 4000)
    tree = shapely.STRtree(boxes)
    piece, box = tree.query(pieces, predicate="intersects")
    cut = shapely.intersection(pieces[piece], boxes[box])
    return np.asarray(cut[~shapely.is_empty(cut)], dtype=np.object_)

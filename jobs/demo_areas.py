"""Townships, villages and village groups of the demo city, grown over the mosaic, and layer `areas`.

Codes and names are real down to the village; where the lines between them run is made up. Water belongs to
the unit it is nearest to, so that the units of every level tile the city.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np
import shapely

from jobs.demo_growth import Neighbours, grow, neighbours, recentred
from jobs.demo_inputs import Floats, Geometries, Inputs, Ints, Village
from jobs.demo_mosaic import Mosaic
from jobs.demo_terrain import Terrain

GROUPS = 3_000
FEWEST_GROUPS = 4
VILLAGE_HANDICAP = 2.0
"""cells by which a community is ahead of a village: the town belongs to it"""
FERRY_COST_M = 2_600.0
"""what crossing a shore costs when townships grow: rivers and lakes part them"""


@dataclass(frozen=True, slots=True)
class Areas:
    """Whose each cell is, and every group's place in the order of their codes."""

    inputs: Inputs
    township: Ints
    """(cells,) index into inputs.townships"""
    village: Ints
    """(cells,) index into inputs.villages"""
    group: Ints
    """(cells,) index of the group"""
    group_codes: list[str]
    group_names: list[str]
    group_village: Ints
    """(groups,) index into inputs.villages"""
    village_township: Ints
    """(villages,) index into inputs.townships"""
    village_seat: Ints
    """(villages,) cell at the village's middle"""

    def township_code(self, cell: int) -> str:
        """Code of the township a cell lies in."""
        return self.inputs.townships[int(self.township[cell])].code


def divide(inputs: Inputs, terrain: Terrain, mosaic: Mosaic, rng: np.random.Generator) -> Areas:
    """Grow 14 townships, in them 195 villages, in them 3,000 groups."""
    index = {one.code: number for number, one in enumerate(inputs.townships)}
    village_township = np.array([index[one.township_code] for one in inputs.villages])
    township = _townships(inputs, terrain, mosaic, index)
    village, seats = _villages(inputs, terrain, mosaic, township, village_township, rng)
    group, group_village = _groups(inputs, mosaic, village, village_township, rng)
    codes, names = _numbered(inputs.villages, group_village)
    return Areas(inputs, township, village, group, codes, names, group_village, village_township, seats)


def area_rows(
    inputs: Inputs, mosaic: Mosaic, areas: Areas, terrain: Terrain, people: Ints
) -> list[dict[str, Any]]:
    """Rows of layer `areas`: city, townships, villages, groups, parks. people (groups,) residents of each group."""
    groups = _unions(mosaic.degrees, areas.group, len(areas.group_codes))
    villages = _unions(groups, areas.group_village, len(inputs.villages))
    townships = _unions(villages, areas.village_township, len(inputs.townships))
    city = shapely.coverage_union_all(townships)
    by_village = np.bincount(areas.group_village, people, len(inputs.villages)).astype(np.int64)
    by_township = np.bincount(areas.village_township, by_village, len(inputs.townships)).astype(np.int64)
    code = inputs.city.code
    rows = [_row(code, inputs.city.name, "city", "", int(people.sum()), city) | {"synthetic": False}]
    for township, total, shape in zip(inputs.townships, by_township, townships, strict=True):
        rows.append(_row(township.code, township.name, "township", code, int(total), shape))
    for village, total, shape in zip(inputs.villages, by_village, villages, strict=True):
        rows.append(_row(village.code, village.name, "village", village.township_code, int(total), shape))
    for number, shape in enumerate(groups):
        parent = inputs.villages[int(areas.group_village[number])].code
        rows.append(
            _row(
                areas.group_codes[number],
                areas.group_names[number],
                "grid",
                parent,
                int(people[number]),
                shape,
            )
        )
    return rows + _parks(inputs, mosaic, areas, terrain, people)


def _row(
    code: str, name: str, level: str, parent: str, people: int, shape: shapely.Geometry
) -> dict[str, Any]:
    return {
        "code": code, "name": name, "level": level, "parent_code": parent, "people": people,
        "members": "", "synthetic": True, "geometry": shape,
    }  # fmt: skip


def _unions(parts: Geometries, owner: Ints, count: int) -> Geometries:
    """Union of the parts of each owner 0 … count − 1, by dropping the edges they share."""
    order = np.argsort(owner, kind="stable")
    ends = np.searchsorted(owner[order], np.arange(count + 1))
    unions = np.empty(count, dtype=np.object_)
    for number in range(count):
        unions[number] = shapely.coverage_union_all(parts[order[ends[number] : ends[number + 1]]])
    return np.asarray(_plain(unions), dtype=np.object_)


def _plain(shapes: Geometries) -> Geometries:
    """A multi-polygon of one part becomes that part; rings turn as RFC 7946 asks; the start is the same each time."""
    single = shapely.get_num_geometries(shapes) == 1
    shapes[single] = shapely.get_geometry(shapes[single], 0)
    return np.asarray(shapely.orient_polygons(shapely.normalize(shapes)), dtype=np.object_)


def _townships(inputs: Inputs, terrain: Terrain, mosaic: Mosaic, index: dict[str, int]) -> Ints:
    """Grown from the seats, the real places, the drawn outposts and the islands."""
    seeds = [(index[one.code], *one.seat) for one in inputs.townships]
    seeds += [(index[code], x, y) for code, x, y in inputs.places]
    seeds += [
        (index[one.facts["township_code"]], one.shape.x, one.shape.y) for one in inputs.drawn("outpost")
    ]
    for island in terrain.islands:
        middle = shapely.point_on_surface(island.shape)
        seeds.append((index[island.facts["township_code"]], middle.x, middle.y))
    cells = _nearest_land(mosaic, np.array([seed[1:] for seed in seeds]))
    first, second = mosaic.pairs.T
    cost = np.hypot(*(mosaic.xy[first] - mosaic.xy[second]).T)
    cost += FERRY_COST_M * (mosaic.land[first] != mosaic.land[second])
    near = neighbours(mosaic.pairs, cost, len(mosaic.xy))
    return grow(near, cells, np.array([seed[0] for seed in seeds]))


def _within(mosaic: Mosaic, owner: Ints) -> Neighbours:
    """Neighbours of the same owner; a step costs the cells it passes, so small cells make small regions."""
    inside = owner[mosaic.pairs[:, 0]] == owner[mosaic.pairs[:, 1]]
    first, second = mosaic.pairs[inside].T
    step = np.hypot(*(mosaic.xy[first] - mosaic.xy[second]).T)
    cost = step / np.sqrt(mosaic.span_m[first] * mosaic.span_m[second])
    cost += 2.5 * (mosaic.land[first] != mosaic.land[second])
    return neighbours(mosaic.pairs[inside], cost, len(mosaic.xy))


def _villages(
    inputs: Inputs,
    terrain: Terrain,
    mosaic: Mosaic,
    township: Ints,
    village_township: Ints,
    rng: np.random.Generator,
) -> tuple[Ints, Ints]:
    """Village of each cell and the cell of each village's seat."""
    near = _within(mosaic, township)
    seeds = np.empty(len(inputs.villages), dtype=np.int64)
    fixed = np.zeros(len(seeds), dtype=np.bool_)
    for number, named in enumerate(inputs.villages):
        for island in terrain.islands:
            if named.name.startswith(island.name.removesuffix("洲")):
                middle = shapely.point_on_surface(island.shape)
                seeds[number] = _nearest_land(mosaic, np.array([[middle.x, middle.y]]))[0]
                fixed[number] = True
    for number in range(len(inputs.townships)):
        free = np.flatnonzero((village_township == number) & ~fixed)
        land = np.setdiff1d(np.flatnonzero((township == number) & mosaic.land), seeds[fixed])
        seeds[free] = rng.choice(land, len(free), replace=False)
    for _ in range(4):
        village = grow(near, seeds, np.arange(len(seeds)))
        middles = recentred(village, mosaic.xy, mosaic.land, len(seeds))
        seeds = np.where(fixed, seeds, middles)
    seeds = _towns_to_communities(inputs, mosaic, seeds, fixed, village_township)
    handicap = np.where([one.urban for one in inputs.villages], 0.0, VILLAGE_HANDICAP)
    return grow(near, seeds, np.arange(len(seeds)), handicap), seeds


def _towns_to_communities(
    inputs: Inputs, mosaic: Mosaic, seeds: Ints, fixed: np.ndarray[Any, Any], village_township: Ints
) -> Ints:
    """Within each township give the most urban seats to the communities."""
    urban = np.array([one.urban for one in inputs.villages])
    seeds = seeds.copy()
    for number, township in enumerate(inputs.townships):
        free = np.flatnonzero((village_township == number) & ~fixed)
        distance = np.hypot(*(mosaic.xy[seeds[free]] - township.seat).T)
        ranked = seeds[free][np.argsort(distance, kind="stable")]
        seeds[free[np.argsort(~urban[free], kind="stable")]] = ranked
    return seeds


def _groups(
    inputs: Inputs, mosaic: Mosaic, village: Ints, village_township: Ints, rng: np.random.Generator
) -> tuple[Ints, Ints]:
    """Group of each cell and village of each group; groups numbered by village, then north to south.

    Their number goes with the root of land cells times people, told apart by township and by town or country.
    """
    land_of = np.bincount(village[mosaic.land])
    urban = np.array([one.urban for one in inputs.villages])
    kind = 2 * village_township + urban
    people = np.array([(one.people - one.urban_people, one.urban_people) for one in inputs.townships]).ravel()
    wish = land_of * np.sqrt(people[kind] / np.bincount(kind, land_of)[kind])
    wish *= GROUPS / wish.sum()
    number = np.minimum(np.maximum(np.floor(wish).astype(np.int64), FEWEST_GROUPS), land_of)
    order = np.argsort(-(wish - number), kind="stable")
    number[order[: GROUPS - number.sum()]] += 1
    owner = np.repeat(np.arange(len(number)), number)
    seeds = np.concatenate(
        [
            rng.choice(np.flatnonzero((village == one) & mosaic.land), size, replace=False)
            for one, size in enumerate(number)
        ]
    )
    near = _within(mosaic, village)
    for _ in range(2):
        group = grow(near, seeds, np.arange(len(seeds)))
        seeds = recentred(group, mosaic.xy, mosaic.land, len(seeds))
    rank = np.lexsort((-mosaic.xy[seeds, 1], owner))
    return grow(near, seeds[rank], np.arange(len(seeds))), owner[rank]


def _numbered(villages: list[Village], group_village: Ints) -> tuple[list[str], list[str]]:
    codes, names = [], []
    within = np.arange(len(group_village)) - np.searchsorted(group_village, group_village) + 1
    for number, owner in zip(within.tolist(), group_village.tolist(), strict=True):
        village = villages[owner]
        codes.append(f"{village.code}{number:03d}")
        names.append(f"{village.name}第{number}{'居民小组' if village.urban else '村民小组'}")
    return codes, names


def _parks(
    inputs: Inputs, mosaic: Mosaic, areas: Areas, terrain: Terrain, people: Ints
) -> list[dict[str, Any]]:
    """Parks as overlays: their polygon, and as members the groups with a cell in it."""
    rows = []
    for park in terrain.parks:
        inside = shapely.contains_xy(park.shape, mosaic.xy[:, 0], mosaic.xy[:, 1]) & mosaic.land
        members = np.unique(areas.group[inside])
        shape = inputs.projection.to_degrees(park.shape)
        row = _row(
            park.facts["code"], park.name, "overlay", inputs.city.code, int(people[members].sum()), shape
        )
        rows.append(row | {"members": ";".join(areas.group_codes[one] for one in members)})
    return rows


def _nearest_land(mosaic: Mosaic, xy: Floats) -> Ints:
    """The land cell nearest to each point (n, 2)."""
    land = np.flatnonzero(mosaic.land)
    nearest = shapely.STRtree(shapely.points(mosaic.xy[land])).nearest(shapely.points(xy))
    return np.asarray(land[nearest], dtype=np.int64)

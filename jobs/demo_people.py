"""Who lives and gathers where in the demo city: dwelling places, protected targets, rescue resources.

Residents are shared out so that every township has its number, the communities the urban one, the city 567,159.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np
import shapely

from jobs.demo_areas import Areas
from jobs.demo_inputs import Floats, Inputs, Ints
from jobs.demo_mosaic import Mosaic, town_radius_m
from jobs.demo_sites import Sites, first_of_each, share_out
from jobs.demo_terrain import Terrain
from riskmap.errors import BadInput

MOST_PLACES = 6
PEOPLE_PER_PLACE = (42, 130)
"""rural, urban"""
ENGINE_KM_PER_H = 38.0
ENGINE_DETOUR = 1.35
TURN_OUT_MIN = 4.0
BOAT_MIN = 28.0
REMOTE_ROAD_M = 3_000.0
"""a store of explosives lies far from homes, yet on the mainland by a road"""

RESOURCE_KINDS = (
    # kind, name, count, place, capacity
    ("rescue_team", "应急救援分队", 14, "seat", "队员{n}人"),
    ("rescue_team", "危化品救援队", 1, "park", "队员{n}人"),
    ("material_store", "防汛物资库", 16, "seat", "编织袋{n}千条"),
    ("shelter", "应急避难场所", 64, "any", "可容纳{n}百人"),
    ("water_source", "消防取水码头", 40, "shore", "储水{n}百立方米"),
)


@dataclass(frozen=True, slots=True)
class Dwellings:
    """n dwelling places: point of the pool, residents by night and people by day."""

    site: Ints
    people: Ints
    people_day: Ints
    group_people: Ints
    """(groups,) residents of each village group"""


def settle(inputs: Inputs, mosaic: Mosaic, areas: Areas, sites: Sites, rng: np.random.Generator) -> Dwellings:
    """Share the people over townships, groups and 1–6 places in each group."""
    groups = len(areas.group_codes)
    urban = np.array([one.urban for one in inputs.villages])[areas.group_village]
    part = 2 * areas.village_township[areas.group_village] + urban
    totals = np.array([(one.people - one.urban_people, one.urban_people) for one in inputs.townships]).ravel()
    land = np.bincount(areas.group[mosaic.land], minlength=groups)
    group_people = share_out(totals, part, land * rng.lognormal(0, 0.35, groups))
    per_place = np.where(urban, PEOPLE_PER_PLACE[1], PEOPLE_PER_PLACE[0])
    on_hand = np.bincount(sites.group, minlength=groups)
    number = np.clip(np.round(group_people / per_place).astype(np.int64), 1, np.minimum(MOST_PLACES, on_hand))
    liking = 0.012 + np.exp(-sites.way_m / 80.0)
    site = first_of_each(sites.group, number, -np.log(rng.random(len(liking))) / liking)
    sites.free[site] = False
    people = share_out(group_people, sites.group[site], rng.lognormal(0, 0.45, len(site)))
    stay = rng.uniform(0.68, 0.95, len(site)) + rng.uniform(0.0, 0.45, len(site)) * sites.urban[site]
    return Dwellings(site, people, np.round(people * stay).astype(np.int64), group_people)


def population_rows(
    inputs: Inputs, terrain: Terrain, areas: Areas, sites: Sites, homes: Dwellings, rng: np.random.Generator
) -> list[dict[str, Any]]:
    """Layer `population`: one row a dwelling place, coded by its group and a number."""
    group = sites.group[homes.site]
    within = np.arange(len(group)) - np.searchsorted(group, group) + 1
    crowded = homes.people > np.where(sites.urban[homes.site] > 0.5, 210, 120)
    vulnerable = crowded | (rng.random(len(group)) < 0.05)
    minutes = rescue_minutes(inputs, terrain, sites.xy[homes.site])
    known = rng.random(len(group)) > 0.03
    lonlat = inputs.projection.degrees(sites.xy[homes.site])
    return [
        {
            "code": f"{areas.group_codes[group[n]]}-{within[n]}",
            "people": int(homes.people[n]),
            "people_day": int(homes.people_day[n]),
            "vulnerable": bool(vulnerable[n]),
            "rescue_min": int(minutes[n]) if known[n] else "",
            "township_code": areas.township_code(int(sites.cell[homes.site[n]])),
            "synthetic": True,
            "lonlat": lonlat[n],
        }
        for n in range(len(group))
    ]


def fire_stations(inputs: Inputs) -> list[tuple[str, float, float]]:
    """One station at each town's seat, two more in the city: name, x, y."""
    stations = [(f"{one.short_name}消防救援站", *one.seat) for one in inputs.townships]
    city = inputs.townships[0]
    reach = town_radius_m(city.urban_people)
    return [
        *stations,
        ("城南消防救援站", city.seat[0] + 0.2 * reach, city.seat[1] - 0.8 * reach),
        ("城北消防救援站", city.seat[0] - 0.1 * reach, city.seat[1] + 0.7 * reach),
    ]


def rescue_minutes(inputs: Inputs, terrain: Terrain, xy: Floats) -> Ints:
    """Minutes until a fire engine arrives at points (n, 2), by boat for the last part to an island."""
    stations = np.array([station[1:] for station in fire_stations(inputs)])
    distance_km = np.min(np.hypot(*(xy[:, None, :] - stations[None, :, :]).transpose(2, 0, 1)), axis=1) / 1000
    minutes = TURN_OUT_MIN + distance_km * ENGINE_DETOUR / ENGINE_KM_PER_H * 60
    for island in terrain.islands:
        minutes[shapely.contains_xy(island.shape, xy[:, 0], xy[:, 1])] += BOAT_MIN
    rounded: Ints = np.round(minutes).astype(np.int64)
    return rounded


def place_weight(sites: Sites, homes: Dwellings, place: str) -> Floats:
    """How well each point of the pool suits a kind of place (a word of the tables in data/geo)."""
    settled = homes.group_people[sites.group] / np.bincount(sites.group)[sites.group]
    near_road = np.exp(-sites.way_m / 80.0)
    match place:
        case "town" | "seat":
            weight = near_road * settled * (sites.urban**2 + 1e-4)
        case "rural":
            weight = near_road * settled * (1.02 - sites.urban) * (sites.park < 0)
        case "any":
            weight = near_road * settled
        case "road":
            weight = np.exp(-sites.main_road_m / 250.0) * (0.15 + sites.urban) * near_road
        case "main_park":
            weight = (sites.park == 0) * near_road
        case "park":
            weight = near_road * np.where(
                sites.park == 0, 1.0, np.where(sites.park == 1, 0.4, 0.004 * settled)
            )
        case "shore":
            weight = np.exp(-sites.shore_m / 300.0) * near_road * (settled + 0.1)
        case "wharf":
            weight = np.exp(-sites.shore_m / 120.0) * np.where(sites.park == 2, 40.0, 0.05 + sites.urban)
        case "remote":
            weight = np.where(sites.main_road_m < REMOTE_ROAD_M, _home_distance(sites, homes) ** 8, 0.0)
        case _:
            raise BadInput(f"不认识的场所词 {place}", remedy="请改正 data/geo 表格中的 place 列")
    return np.asarray(weight, dtype=np.float64)


def _home_distance(sites: Sites, homes: Dwellings) -> Floats:
    """(n,) distance in metres from each point of the pool to the nearest dwelling place."""
    dwellings = sites.xy[homes.site]
    nearest = shapely.STRtree(shapely.points(dwellings)).nearest(shapely.points(sites.xy))
    distance: Floats = np.hypot(*(sites.xy - dwellings[nearest]).T)
    return distance


def take_places(
    inputs: Inputs, sites: Sites, homes: Dwellings, place: str, count: int, rng: np.random.Generator
) -> Ints:
    """`count` points of the pool for a kind of place; `seat`: one in each township in turn.

    `town@430981114` keeps to that township.
    """
    word, _, township = place.partition("@")
    weight = place_weight(sites, homes, word)
    if township:
        weight *= sites.township == [one.code for one in inputs.townships].index(township)
    if word != "seat":
        return sites.take(rng, weight, count)
    seats = np.array([one.seat for one in inputs.townships])
    away = np.hypot(*(sites.xy - seats[sites.township]).T)
    chosen = [
        int(sites.take(rng, np.exp(-away / 350.0) * (sites.township == number % len(seats)), 1)[0])
        for number in range(count)
    ]
    return np.array(chosen, dtype=np.int64)


def target_rows(
    inputs: Inputs, sites: Sites, homes: Dwellings, rng: np.random.Generator
) -> list[dict[str, Any]]:
    """Layer `targets`: schools, hospitals, markets … by the classes of GB 36894-2018."""
    rows: list[dict[str, Any]] = []
    for kind in inputs.target_kinds:
        count = int(kind["count"])
        site = take_places(inputs, sites, homes, kind["place"], count, rng)
        day = rng.integers(int(kind["day_low"]), int(kind["day_high"]), count, endpoint=True)
        night = rng.integers(int(kind["night_low"]), int(kind["night_high"]), count, endpoint=True)
        lonlat = inputs.projection.degrees(sites.xy[site])
        for n in range(count):
            village = inputs.villages[int(sites.village[site[n]])]
            rows.append(
                {
                    "code": f"T{len(rows) + 1:04d}",
                    "name": f"{village.name}示例{kind['kind']}{n + 1:02d}",
                    "target_class": kind["target_class"],
                    "kind": kind["kind"],
                    "people_day": int(day[n]),
                    "people_night": int(night[n]),
                    "status": "planned" if n == 7 and kind["kind"] == "住宅小区" else "active",
                    "township_code": village.township_code,
                    "synthetic": True,
                    "lonlat": lonlat[n],
                }
            )
    return rows


def resource_rows(
    inputs: Inputs,
    areas: Areas,
    sites: Sites,
    homes: Dwellings,
    targets: list[dict[str, Any]],
    rng: np.random.Generator,
) -> list[dict[str, Any]]:
    """Layer `resources`: fire stations, teams, hospitals (those of the targets), stores, water, shelters."""
    found: list[tuple[str, str, str, str, Any]] = []
    stations = fire_stations(inputs)
    lonlat = inputs.projection.degrees(np.array([station[1:] for station in stations]))
    for number, (name, _, _) in enumerate(stations):
        owner = inputs.townships[number if number < len(inputs.townships) else 0].code
        found.append(("fire_station", name, f"消防车{int(rng.integers(1, 5))}台", owner, lonlat[number]))
    for target in targets:
        if target["kind"] in ("综合医院", "乡镇卫生院"):
            beds = f"床位{target['people_night']}张"
            found.append(("hospital", target["name"], beds, target["township_code"], target["lonlat"]))
    for kind, name, count, place, capacity in RESOURCE_KINDS:
        site = take_places(inputs, sites, homes, place, count, rng)
        for number, lonlat_one in enumerate(inputs.projection.degrees(sites.xy[site])):
            text = capacity.format(n=int(rng.integers(6, 40)))
            code = areas.township_code(int(sites.cell[site[number]]))
            found.append((kind, f"示例{name}{number + 1:02d}", text, code, lonlat_one))
    return [
        {
            "code": f"R{number:04d}", "name": name, "kind": kind, "capacity": capacity,
            "phone": f"000{number:08d}", "township_code": township, "synthetic": True, "lonlat": position,
        }
        for number, (kind, name, capacity, township, position) in enumerate(found, start=1)
    ]  # fmt: skip

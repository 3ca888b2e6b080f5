"""What an opinion paper shows of the ground about a site: rescue, flood and water protection, and its map."""

import json
from typing import Any

import numpy as np
import shapely
from sqlalchemy import Connection

from jobs.siting import Judged
from layers.incident import place_at, resources_near
from layers.siting import Row, Site, nearest, on_file
from layers.siting_papers import marked_about, overlays_at
from layers.zone_ground import geojson_of
from layers.zone_view import ground_around
from riskmap.sections import MILLI
from riskmap.siting_paper_rules import PaperRules
from riskmap.siting_rules import Found, SitingObject

_WATER = (
    SitingObject("dyke", "堤防", "dykes", "tell", (Found("line", "kind", ("dyke",)),)),
    SitingObject(
        "banks", "河流、湖泊岸线", "rivers and lakes", "tell", (Found("line", "kind", ("river", "lake")),)
    ),
)
_PROTECTED = ("drinking_water", "water_zone_1", "water_zone_2", "water_zone_3", "fault_or_flood")
"""objects of the edition that speak of flood and of water to be protected"""
_FARTHEST_M = 2000.0
_FEW = 6
_WIDE, _HIGH = 2.2, 1.3
"""the map's ground reaches so many times as far east and north as what it shows"""
_GROUND_DIGITS = 5


def ground_of_paper(connection: Connection, judged: Judged, site: Site, rules: PaperRules) -> Row:
    """The parts `rescue`, `water` and `map` of a paper."""
    place = place_at(connection, site.lon, site.lat)
    found = resources_near(connection, place, None, each=rules.rescue_each, max_m=float(rules.rescue_m))
    names = ("code", "name", "kind", "distance_m")
    return {
        "rescue": {
            "within_m": rules.rescue_m,
            "items": [{name: one[name] for name in names} for one in found],
        },
        "water": _water(connection, judged, site, rules),
        "map": _map(connection, site, rules),
    }


def _water(connection: Connection, judged: Judged, site: Site, rules: PaperRules) -> Row:
    """Of each object of flood and water protection the nearest one, or whether any is on file at all."""
    known = judged.rules.objects
    objects = [*_WATER, *(known[code] for code in _PROTECTED if code in known)]
    asked = [one for one in objects if one.found_in]
    near = nearest(connection, site, dict.fromkeys(asked, rules.water_m * MILLI))
    there = on_file(connection, [one for one in asked if one.code not in near])
    items = []
    for one in objects:
        record = near.get(one.code)
        items.append(
            {
                "object": one.code,
                "name": {"zh": one.name_zh, "en": one.name_en},
                "on_file": record is not None or there.get(one.code, False),
                "nearest": (record.name or record.code) if record else None,
                "distance_m": record.distance_mm / MILLI if record else None,
            }
        )
    return {"within_m": rules.water_m, "items": items, "overlays": overlays_at(connection, site)}


def _map(connection: Connection, site: Site, rules: PaperRules) -> Row:
    """The site's outline, records marked about it, and the ground, all in degrees: a map that stays as it was."""
    about = marked_about(connection, site, _FARTHEST_M, rules.map_most)
    few = about[:_FEW]
    reach = min(max(float(rules.map_m), *(one["distance_m"] * 1.2 for one in few), 0.0), _FARTHEST_M)
    west, south, east, north = (float(v) for v in shapely.bounds(site.shape))
    shown = shapely.box(west - reach, south - reach, east + reach, north + reach)
    half_x, half_y = (east - west) / 2 + reach, (north - south) / 2 + reach
    x, y, half = (west + east) / 2, (south + north) / 2, max(half_x, half_y)
    wide = shapely.box(x - half * _WIDE, y - half * _HIGH, x + half * _WIDE, y + half * _HIGH)
    outline, box, ground_box = geojson_of(connection, np.array([site.shape, shown, wide], object))
    west, south, east, north = _degrees(ground_box)
    inside = shapely.box(*_degrees(box))
    return {
        "box": _degrees(box),
        "site": outline,
        "ground": [_rounded(one) for one in ground_around(connection, (west, south, east, north))],
        "marked": [one for one in about if shapely.contains_xy(inside, one["lon"], one["lat"])],
    }


def _degrees(geometry: Row) -> tuple[float, float, float, float]:
    west, south, east, north = shapely.bounds(shapely.from_geojson(json.dumps(geometry)))
    return round(float(west), 6), round(float(south), 6), round(float(east), 6), round(float(north), 6)


def _rounded(one: Row) -> Row:
    return {"kind": one["kind"], "geometry": _fewer_digits(one["geometry"])}


def _fewer_digits(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _fewer_digits(part) for key, part in value.items()}
    if isinstance(value, list):
        return [_fewer_digits(part) for part in value]
    return round(value, _GROUND_DIGITS) if isinstance(value, float) else value

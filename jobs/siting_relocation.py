"""The relocation list (六.4 安全搬迁): hazardous chemicals among many people, ranked by the risk that would leave with them.

Inherent risk counts: what goes on at a source today is no reason to move it. Writes nothing.
"""

import time
from collections.abc import Mapping
from datetime import datetime
from typing import Any

import numpy as np
import pandas as pd
import shapely
from sqlalchemy import Engine

from jobs.accounts import source_accounts
from jobs.areas import PART_OF, PlaceScores, Standing, Sums, area_rows, city_row, score_places, sums_of
from jobs.assessment import as_standing
from jobs.city import City, Ground, arrange
from jobs.frames import Array
from jobs.grading import open_targets
from layers.city import stored_city
from layers.database import Identity, snapshot
from layers.exposure import people_within
from layers.history import CLOCK, head_rev
from layers.records import iso, points
from layers.risk import Inputs, read_inputs
from layers.siting import Row
from riskmap.errors import Forbidden
from riskmap.siting_relocation import RelocationRules, Without, removed_burden, without_each
from riskmap.vocabulary import LEVELS

_PER_POINT = 1000 * 1_000_000
"""milli-persons times micro-points in a person's point"""
_LEVELS = ("grid", "village", "township")


def relocations(owner: Engine, identity: Identity, *, at: datetime | None = None) -> Row:
    """Sources in densely peopled areas, those first whose leaving takes most risk away, with what is around them.

    Each with the people, homes and protected targets within the edition's radius, and inherent score and colour of
    its grid unit, village, township and of the city if it were gone. Forbidden for those who do not see the whole city.
    """
    started = time.perf_counter()
    if not identity.sees_city:
        raise Forbidden("搬迁建议清单须能看到全市数据", remedy="请由市级或规划用户查询")
    now = at or datetime.now(CLOCK).replace(microsecond=0)
    with snapshot(owner) as connection:
        inputs, rev = read_inputs(connection, now), head_rev(connection)
        city_code = stored_city(connection).code
    rules = RelocationRules.from_edition(inputs.edition)
    looked, items = _ranked(inputs, rules, city_code)
    return {
        "items": items,
        "looked_at": looked,
        "radius_m": rules.radius_m,
        "dense_per_km2": rules.dense_per_km2,
        "kinds": list(rules.kinds),
        "basis": rules.basis,
        "editions": {"edition": inputs.edition.name, "relocation": rules.edition},
        "data": {"rev": rev, "time": iso(now)},
        "duration_s": round(time.perf_counter() - started, 3),
    }


def _ranked(inputs: Inputs, rules: RelocationRules, city_code: str) -> tuple[int, list[Row]]:
    """How many sources were looked at, and the rows of those that stand among many people."""
    city = arrange(inputs)
    ground, sources = city.ground, city.graded.sources
    kinds = np.flatnonzero(sources["kind"].isin(rules.kinds).to_numpy(bool))
    rings = _rings(city.graded.sites[kinds], rules.radius_m)
    people = np.zeros(len(kinds))
    if ground.peopled:
        where, residents = (ground.people[name].to_numpy(object) for name in ("geom", "people"))
        people = people_within(city.graded.sites[kinds], rules.radius_m, where, residents.astype(float))
    dense = np.array([rules.is_dense(*one) for one in zip(people, rings, strict=True)], bool)
    chosen = kinds[dense]
    if not len(chosen):
        return len(kinds), []
    scores = score_places(ground)
    gone = without_each(ground.places, ground.base, chosen, ground.weights.share_permille)
    taken = [removed_burden(ground.places, scores.base, one) for one in gone]
    order = sorted(range(len(chosen)), key=lambda k: (-taken[k], sources["code"].iloc[chosen[k]]))
    standing = as_standing(city, source_accounts(inputs, city))
    before = _areas(inputs, city, Standing.of(standing), scores, city_code)
    targets = open_targets(inputs)
    names = dict(zip(inputs.areas["code"], inputs.areas["name"], strict=True))
    found = []
    for rank, k in enumerate(order[: rules.listed], start=1):
        n = int(chosen[k])
        after = _areas(
            inputs, city, Standing.of(standing.drop(index=n)), _changed(scores, gone[k]), city_code
        )
        found.append(
            {
                "rank": rank,
                **_about(city, n),
                "risk_removed": round(taken[k] / _PER_POINT, 3),
                "people": round(float(people[dense][k]), 3),
                "density_per_km2": round(rules.density(people[dense][k], rings[dense][k])),
                **_around(targets, city, n, rules),
                "areas": _own_areas(names, sources.iloc[n], city_code, before, after),
                "recoloured": int((before["base_level"] != after["base_level"]).sum()),
            }
        )
    return len(kinds), found


def _rings(sites: Array, radius_m: int) -> Array:
    """The area around each site and within the radius, m²; of a point a whole circle."""
    round_: Array = shapely.area(shapely.buffer(sites, radius_m, quad_segs=64)) - shapely.area(sites)
    return round_


def _changed(scores: PlaceScores, gone: Without) -> PlaceScores:
    base = scores.base.copy()
    base[gone.place] = gone.score
    return PlaceScores(base, base)


def _areas(
    inputs: Inputs, city: City, standing: Standing, scores: PlaceScores, city_code: str
) -> pd.DataFrame:
    """Inherent score and colour of every area, by level and code."""
    ground, calm = city.ground, PlaceScores(scores.base, scores.base)
    parts = [area_rows(inputs.areas, ground, standing, calm, level, {}) for level in PART_OF]
    townships = parts[-1]["base"].to_numpy()
    parts.append(city_row(ground, (townships, townships), _whole(ground, calm), [], city_code))
    told = [part.select(["kind", "code", "base", "base_level"]).to_pandas() for part in parts]
    found: pd.DataFrame = pd.concat(told, ignore_index=True).set_index(["kind", "code"])
    return found


def _whole(ground: Ground, scores: PlaceScores) -> Sums:
    return sums_of(ground, scores, np.zeros(len(ground.people), np.int64), 1, "city")


def _about(city: City, n: int) -> Row:
    row, grading = city.graded.sources.iloc[n], city.graded.gradings[n]
    return {
        **{name: row[name] or None for name in ("code", "name", "kind", "enterprise_code", "township_code")},
        "grade": grading.grade if grading else None,
        "hazard": points(int(city.ground.base.points[n])),
        "reach_m": int(city.ground.base.reach[n]) / 1000,
    }


def _around(targets: pd.DataFrame, city: City, n: int, rules: RelocationRules) -> Row:
    """Homes (records of population) and protected targets within the radius, the nearest targets by name."""
    site = city.graded.sites[n]
    away = shapely.distance(targets["geom"].to_numpy(object), site)
    near = np.flatnonzero(away <= rules.radius_m)
    near = near[np.lexsort((targets["code"].to_numpy(str)[near], away[near]))]
    homes = shapely.distance(city.ground.people["geom"].to_numpy(object), site) <= rules.radius_m
    return {
        "homes": int((homes & (city.ground.people["people"].to_numpy(float) > 0)).sum()),
        "targets": len(near),
        "nearest_targets": [
            {
                "code": targets["code"].iloc[k],
                "name": targets["name"].iloc[k],
                "target_class": targets["target_class"].iloc[k],
                "distance_m": round(float(away[k]), 1),
            }
            for k in near[: rules.targets].tolist()
        ],
    }


def _own_areas(
    names: Mapping[str, Any], source: Any, city_code: str, before: pd.DataFrame, after: pd.DataFrame
) -> list[Row]:
    """The areas that the source stands in, and the city, as they are and as they would be."""
    keys = [(level, source[PART_OF[level]]) for level in _LEVELS] + [("city", city_code)]
    told = []
    for key in keys:
        if key not in before.index:
            continue
        was, would = before.loc[key], after.loc[key]
        told.append(
            {
                "kind": key[0],
                "code": key[1],
                "name": names.get(key[1]),
                "score": points(int(was["base"])),
                "score_after": points(int(would["base"])),
                "level": LEVELS.get(was["base_level"]),
                "level_after": LEVELS.get(would["base_level"]),
            }
        )
    return told

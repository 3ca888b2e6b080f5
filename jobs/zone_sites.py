"""The sites of a city as joint-control zones take them: where each stands, what it is, how far its accidents carry on."""

from collections.abc import Mapping

import numpy as np
import pandas as pd
import shapely

from jobs.frames import Array, as_objects, grouped, index_of
from jobs.grading import items_held
from layers.duty import SLOTS
from layers.exposure import shapes_from
from layers.records import PREMISES_SUFFIX
from layers.schema import SCOPE
from layers.zone_sites import SiteRecords
from riskmap.consequence_tables import ROLE, ConsequenceRules
from riskmap.consequences import Held
from riskmap.domino import domino_distances_m, domino_reach_mm
from riskmap.editions import Edition
from riskmap.weights import RiskWeights
from riskmap.zone_links import ZoneSites
from riskmap.zone_rules import ZoneRules

TOLD = (
    *("layer", "name", "kind", *SCOPE),
    *("industry", "business_format", "workers", "hazards", "departments"),
)
"""what is known of a site beside its code and its shape"""
Reaches = dict[str, dict[str, float]]
"""by site and accident how far it carries on, in metres"""


def standing(records: SiteRecords, weights: RiskWeights) -> pd.DataFrame:
    """Every site that has a position, in order of code: `code`, the columns of `TOLD`, `geom` in metres.

    A site is an enterprise, or a source without one that is open. The site of an enterprise is that of all its sources
    together, its premises among them, as a run of risks takes them: its own position and theirs.
    """
    firms, sources = records.enterprises, records.sources
    owner = index_of(_owners(records), firms["code"].to_numpy(object))
    lone = sources[owner < 0]
    kinds = sources["kind"].to_numpy(object)
    own = tuple(sorted(weights.kinds["premises"].hazards))
    hazards = as_objects([own] * len(firms))
    geoms = firms["geom"].to_numpy(object).copy()
    theirs = sources["geom"].to_numpy(object)
    order, start = grouped(owner, len(firms))
    for n in np.flatnonzero(np.diff(start)).tolist():
        these = order[start[n] : start[n + 1]]
        parts = [shape for shape in (geoms[n], *theirs[these]) if shape is not None]
        geoms[n] = shapely.union_all(parts) if len(parts) > 1 else next(iter(parts), None)
        hazards[n] = tuple(sorted({*own, *(h for kind in kinds[these] for h in weights.kinds[kind].hazards)}))
    of_firms = {
        "code": firms["code"],
        **_repeated(len(firms), layer="enterprise", kind="premises"),
        **{name: firms[name] for name in ("name", *SCOPE, "industry", "business_format", "workers")},
        "hazards": hazards,
        "departments": _departments(firms),
        "geom": geoms,
    }
    of_sources = {
        "code": lone["code"],
        **_repeated(len(lone), layer="source", industry=None, business_format=None, workers=None),
        **{name: lone[name] for name in ("kind", "name", *SCOPE)},
        "hazards": as_objects(tuple(sorted(weights.kinds[kind].hazards)) for kind in lone["kind"]),
        "departments": as_objects([()] * len(lone)),
        "geom": lone["geom"],
    }
    names = ("code", *TOLD, "geom")
    both = pd.DataFrame(
        {
            name: np.concatenate([np.asarray(one[name], object) for one in (of_firms, of_sources)])
            for name in names
        },
        dtype=object,
    )
    there = both[both["geom"].notna()]
    return there.iloc[np.argsort(there["code"].to_numpy(object), kind="stable")].reset_index(drop=True)


def reaches_of(records: SiteRecords, edition: Edition, rules: ZoneRules) -> Reaches:
    """How far accidents at sites carry on, where they do; rounded to the millimetre."""
    if ROLE not in edition.tables:
        return {}
    consequences = ConsequenceRules.from_edition(edition)
    vessels = dict(zip(records.inventory["code"], records.inventory["unit_code"], strict=True))
    kinds = dict(zip(records.sources["code"], records.sources["kind"], strict=True))
    owners = dict(zip(records.sources["code"], _owners(records), strict=True))
    for code in records.enterprises["code"]:
        kinds[code + PREMISES_SUFFIX], owners[code + PREMISES_SUFFIX] = "premises", code
    found: Reaches = {}
    for code, items in items_held(records.inventory, edition).items():
        if code not in kinds:
            continue
        held = [Held(item, vessels[item.code] or "") for item in items]
        near = domino_distances_m(kinds[code], held, consequences, rules.domino_equipment)
        for name, distance in near.items():
            own = found.setdefault(owners[code], {})
            own[name] = max(own.get(name, 0.0), round(distance, 3))
    return {code: near for code, near in found.items() if domino_reach_mm(near)}


def zone_sites(frame: pd.DataFrame, reaches: Reaches, scores: Array | None = None) -> ZoneSites:
    """Such sites as arrays; `scores` in micro-points, all 0 where none are told."""
    codes = frame["code"].tolist()
    return ZoneSites(
        codes,
        shapes_from(frame["geom"].to_numpy(object)),
        frame["industry"].tolist(),
        frame["business_format"].tolist(),
        frame["workers"].fillna(-1).to_numpy(np.int64),
        _by_code(codes, {code: domino_reach_mm(near) for code, near in reaches.items()}),
        np.zeros(len(codes), np.int64) if scores is None else scores,
    )


def _owners(records: SiteRecords) -> list[str]:
    """Whose site each source is part of: its open enterprise's, else its own."""
    known = set(records.enterprises["code"])
    pairs = zip(records.sources["code"], records.sources["enterprise_code"], strict=True)
    return [firm if firm in known else code for code, firm in pairs]


def _departments(firms: pd.DataFrame) -> Array:
    """The departments that each enterprise names, of industry, special and general supervision, each once."""
    named = firms[[f"dept_{slot}" for slot in SLOTS]].itertuples(index=False, name=None)
    return as_objects([tuple(sorted({one for one in row if one})) for row in named])


def _repeated(count: int, **values: str | None) -> dict[str, Array]:
    return {name: np.full(count, value, object) for name, value in values.items()}


def _by_code(codes: list[str], values: Mapping[str, int]) -> Array:
    return np.fromiter((values.get(code, 0) for code in codes), np.int64, len(codes))

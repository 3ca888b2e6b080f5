"""What a zone is: its account, its outline, and what its members come to, as the rows that are kept of it."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
import pyarrow as pa
import shapely

from jobs.frames import Array, as_objects, each
from jobs.zone_outlines import outlines_of, people_inside, zone_hash
from jobs.zone_rows import kinds_of
from layers.ewkb import of_shapes
from layers.schema import SCOPE
from layers.zone_ground import Ground
from layers.zone_state import json_text
from riskmap.forest import join_all, shortest_first
from riskmap.risk import Contribution, levels_of, total
from riskmap.weights import MILLI, RiskWeights
from riskmap.zone_cuts import CUT_BY_MEMBERS, CUT_BY_SPAN
from riskmap.zone_risk import zone_account
from riskmap.zone_rules import ZoneRules
from riskmap.zones import Zones

_LISTS = ("townships", "villages", "kinds", "industries", "formats", "hazards", "departments")
_TYPES: dict[str, pa.DataType] = {
    **{name: pa.list_(pa.string()) for name in _LISTS},
    **{name: pa.int32() for name in ("member_count", "people")},
    **{name: pa.int64() for name in ("born_run", "score", "base")},
    **{name: pa.int16() for name in ("level", "base_level", "rise_level")},
    **{name: pa.binary() for name in ("hash", "geom_m")},
}
_LINE: dict[str, pa.DataType] = {
    "zone_code": pa.string(),
    "n": pa.int32(),
    **dict.fromkeys(SCOPE, pa.string()),
    "item": pa.string(),
    "record": pa.string(),
    "value": pa.int64(),
    "args": pa.string(),
}


class Told(NamedTuple):
    """What is known of a zone from its lineage."""

    agreement: str
    born_run: int


def zone_tables(
    zones: Zones,
    members: pd.DataFrame,
    chosen: set[str],
    rules: ZoneRules,
    weights: RiskWeights,
    ground: Ground,
    lineage: Mapping[str, Told],
) -> tuple[pa.Table, pa.Table]:
    """Rows of `zone` and of `zone_line` for the chosen zones; `members` are those of all, in order of zone and code."""
    ids = [code for code in zones.ids if code in chosen]
    number = {code: n for n, code in enumerate(ids)}
    members = members[members["zone_code"].isin(number)]
    owner = members["zone_code"].map(number).to_numpy(np.int64)
    shapes = outlines(zones, members, number, rules)
    inside = None if ground.people is None else people_inside(shapes, ground.places, ground.people)
    kinds = dict(zip(zones.ids, kinds_of(zones), strict=True))
    facts = _facts(zones)
    rows: list[dict[str, Any]] = []
    lines: list[dict[str, Any]] = []
    start = np.searchsorted(owner, np.arange(len(ids) + 1)).tolist()
    told = list(each(members.drop(columns="geom")))
    for n, code in enumerate(ids):
        own = told[start[n] : start[n + 1]]
        account, base = _accounts(own, rules, weights)
        rows.append(
            {
                "code": code,
                **_of_members(own, rules, ground.names),
                "kinds": kinds[code],
                "people": None if inside is None else int(inside[n]),
                **lineage[code]._asdict(),
                "score": None if account is None else total(account),
                "base": base,
                "facts": json_text(facts[code]),
                "hash": zone_hash(code, [one.code for one in own], shapes[n]),
            }
        )
        lines += _line_rows(code, own, account or [])
    return _zone_table(rows, weights, of_shapes(shapes, ground.srid)), _table(lines, _LINE)


def outlines(zones: Zones, members: pd.DataFrame, number: Mapping[str, int], rules: ZoneRules) -> Array:
    """The outlines of the zones that are numbered from 0; `members` are theirs.

    Members' sites first, then the shortest links that hold them together (all of them would cost a crowded zone ten
    times as much and show the same), from site to site by the shortest way.
    """
    owner = members["zone_code"].map(number).to_numpy(np.int64)
    edges = zones.edges
    at = np.full(len(zones.ids) + 1, -1, np.int64)
    at[:-1] = [number.get(code, -1) for code in zones.ids]
    of = at[zones.zone]
    one = of[edges.links.a]
    within = np.flatnonzero((edges.cut == 0) & (one >= 0) & (one == of[edges.links.b]))
    sites = np.full(len(zones.codes), None, object)
    where = {code: n for n, code in enumerate(zones.codes)}
    sites[[where[code] for code in members["code"]]] = members["geom"].to_numpy(object)
    links = edges.links.take(within)
    links = shortest_first(links)
    links = links.take(join_all(np.arange(len(zones.codes)), links.a, links.b))
    ways = shapely.shortest_line(sites[links.a], sites[links.b])
    parts = np.concatenate([members["geom"].to_numpy(object), ways])
    return outlines_of(parts, np.concatenate([owner, of[links.a]]), len(number), rules.buffer_mm / MILLI)


def _accounts(
    own: Sequence[Any], rules: ZoneRules, weights: RiskWeights
) -> tuple[list[Contribution] | None, int | None]:
    """The account of a zone and its base score; None before the first run. Who has no score yet has none to add."""
    if all(one.score is None for one in own):
        return None, None
    records = [f"{one.layer}/{one.code}" for one in own]
    carries = [one.carries for one in own]
    now, base = (
        zone_account(weights, rules, records, [getattr(one, name) or 0 for one in own], carries)
        for name in ("score", "base")
    )
    return now, total(base)


def _of_members(own: Sequence[Any], rules: ZoneRules, names: Mapping[str, str]) -> dict[str, Any]:
    townships = _each(own, "township_code")
    within = len(townships) == 1 and all(one.township_code for one in own)
    formats = {rules.format_of(one.business_format) for one in own} - {-1}
    return {
        "name": _name(own, names),
        "township_code": townships[0] if within else None,
        "townships": townships,
        "villages": _each(own, "village_code"),
        "industries": _each(own, "industry"),
        "formats": sorted(rules.formats[one].code for one in formats),
        "hazards": sorted({hazard for one in own for hazard in one.hazards}),
        "departments": sorted({department for one in own for department in one.departments}),
        "member_count": len(own),
        "lead_name": next((one.name for one in own if one.leads), None),
        "responsible": "township" if within else "city",
    }


def _each(own: Sequence[Any], name: str) -> list[str]:
    """What members say, each once."""
    return sorted({value for one in own if (value := getattr(one, name))})


def _name(own: Sequence[Any], names: Mapping[str, str]) -> str:
    """A zone is called by the village that most of its members stand in, of equal ones the first by code."""
    counts: dict[tuple[str, str], int] = {}
    for one in own:
        place = one.township_code or "", one.village_code or ""
        counts[place] = counts.get(place, 0) + 1
    place = min(counts, key=lambda one: (-counts[one], one))
    told = "".join(names.get(code, "") for code in place)
    return f"{told}片区" if told else f"{own[0].name}片区"


def _facts(zones: Zones) -> dict[str, dict[str, int]]:
    """How many links hold a zone together, and how many that touch it were cut, and why."""
    edges = zones.edges
    ends = zones.zone[edges.links.a], zones.zone[edges.links.b]
    found = {}
    for name, cut in (("links", 0), ("cut_by_span", CUT_BY_SPAN), ("cut_by_members", CUT_BY_MEMBERS)):
        chosen = edges.cut == cut
        counts = np.bincount(ends[0][chosen & (ends[0] >= 0)], minlength=len(zones.ids))
        other = chosen & (ends[1] >= 0) & (ends[1] != ends[0])
        found[name] = (counts + np.bincount(ends[1][other], minlength=len(zones.ids))).tolist()
    return {code: {name: counts[n] for name, counts in found.items()} for n, code in enumerate(zones.ids)}


def _line_rows(code: str, own: Sequence[Any], account: Sequence[Contribution]) -> Iterator[dict[str, Any]]:
    scopes = {f"{one.layer}/{one.code}": {name: getattr(one, name) for name in SCOPE} for one in own}
    for n, line in enumerate(account):
        yield {
            "zone_code": code,
            "n": n,
            **(scopes[line.record] if line.record else dict.fromkeys(SCOPE)),
            "item": line.kind,
            "record": line.record,
            "value": line.value,
            "args": json_text(dict(line.args)),
        }


def _zone_table(rows: list[dict[str, Any]], weights: RiskWeights, geom_m: pa.Array) -> pa.Table:
    score, base = (np.array([row[name] or 0 for row in rows], np.int64) for name in ("score", "base"))
    levels = {
        "level": levels_of(weights, score),
        "base_level": levels_of(weights, base),
        "rise_level": levels_of(weights, score - base, "rise"),
    }
    for n, row in enumerate(rows):
        row |= {name: None if row["score"] is None else int(of[n]) for name, of in levels.items()}
    names = (
        *("code", "name", "township_code", *_LISTS, "member_count", "people", "lead_name", "responsible"),
        *("agreement", "born_run", "score", "base", *levels, "facts", "hash"),
    )
    return _table(rows, {name: _TYPES.get(name, pa.string()) for name in names}).append_column(
        "geom_m", geom_m
    )


def _table(rows: Sequence[Mapping[str, Any]], types: Mapping[str, pa.DataType]) -> pa.Table:
    return pa.table(
        {name: pa.array(as_objects(row[name] for row in rows), kind) for name, kind in types.items()}
    )

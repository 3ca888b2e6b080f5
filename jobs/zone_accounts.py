"""What zones are: their accounts, their outlines, and what their members come to, as the rows that are kept of them.

Column by column, never member by member: a first run tells a hundred thousand members.
"""

from collections.abc import Collection, Mapping
from itertools import chain
from typing import NamedTuple

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc
import shapely

from jobs.frames import Array, values_at
from jobs.zone_outlines import outlines_of, people_inside, zone_hash
from jobs.zone_rows import kinds_of
from layers.ewkb import of_shapes
from layers.schema import SCOPE
from layers.zone_ground import Ground
from layers.zone_state import json_text
from riskmap.forest import join_all, shortest_first
from riskmap.risk import levels_of
from riskmap.shapes import Ints
from riskmap.weights import MILLI, RiskWeights
from riskmap.zone_cuts import CUT_BY_MEMBERS, CUT_BY_SPAN
from riskmap.zone_risk import ITEMS, ZoneLines, zone_accounts
from riskmap.zone_rules import ZoneRules
from riskmap.zones import Zones

_FEW, _MANY, _CODE = pa.int16(), pa.int64(), pa.string()


class Told(NamedTuple):
    """What is known of a zone from its lineage."""

    agreement: str
    born_run: int


def zone_tables(
    zones: Zones,
    members: pd.DataFrame,
    names: Mapping[str, str],
    chosen: Collection[str],
    rules: ZoneRules,
    weights: RiskWeights,
    ground: Ground,
    lineage: Mapping[str, Told],
) -> tuple[pa.Table, pa.Table]:
    """Rows of `zone` and of `zone_line` for the chosen zones; `members` are those of all, in order of zone and code."""
    ids = [code for code in zones.ids if code in chosen]
    number = {code: n for n, code in enumerate(ids)}
    members = members[members["zone_code"].isin(number)]
    owner: Ints = np.asarray(members["zone_code"].map(number), np.int64)
    start = np.searchsorted(owner, np.arange(len(ids) + 1)).astype(np.int64)
    shapes = outlines(zones, members, number, rules)
    people = None if ground.people is None else people_inside(shapes, ground.places, ground.people)
    kinds = dict(zip(zones.ids, kinds_of(zones), strict=True))
    facts = _facts(zones)
    lines, score, base, assessed = accounts_of(members, start, rules, weights)
    codes = members["code"].tolist()
    owners = range(len(ids))
    columns = {
        "code": pa.array(ids, _CODE),
        "name": pa.array([names[code] for code in ids], _CODE),
        **_of_members(members, owner, len(ids), rules),
        "kinds": pa.array([kinds[code] for code in ids], pa.list_(pa.string())),
        "people": pa.nulls(len(ids), pa.int32()) if people is None else pa.array(people, pa.int32()),
        "agreement": pa.array([lineage[code].agreement for code in ids], _CODE),
        "born_run": pa.array([lineage[code].born_run for code in ids], _MANY),
        "score": pa.array(score, _MANY, mask=~assessed),
        "base": pa.array(base, _MANY, mask=~assessed),
        "level": pa.array(levels_of(weights, score), _FEW, mask=~assessed),
        "base_level": pa.array(levels_of(weights, base), _FEW, mask=~assessed),
        "rise_level": pa.array(levels_of(weights, score - base, "rise"), _FEW, mask=~assessed),
        "facts": pa.array([json_text(facts[code]) for code in ids], _CODE),
        "hash": pa.array(
            [zone_hash(ids[n], codes[start[n] : start[n + 1]], shapes[n]) for n in owners], pa.binary()
        ),
        "geom_m": of_shapes(shapes, ground.srid),
    }
    return pa.table(columns), _line_table(lines, ids, members, assessed, rules)


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


def accounts_of(
    members: pd.DataFrame, start: Ints, rules: ZoneRules, weights: RiskWeights
) -> tuple[ZoneLines, Ints, Ints, Array]:
    """The accounts of zones, their scores with and without what has risen, and whether anything was assessed yet.

    Who has no score yet has none to add.
    """
    known = members["score"].notna().to_numpy(bool)
    carries = members["carries"].to_numpy(bool)
    score, base = (members[name].fillna(0).to_numpy(np.int64) for name in ("score", "base"))
    count = len(start) - 1
    lines = zone_accounts(weights, rules, start, score, carries)
    at_base = zone_accounts(weights, rules, start, base, carries)
    assessed = np.logical_or.reduceat(known, start[:-1]) if count else known
    return lines, lines.totals(count), at_base.totals(count), assessed


def _of_members(members: pd.DataFrame, owner: Ints, count: int, rules: ZoneRules) -> dict[str, pa.Array]:
    townships = _each(owner, members["township_code"], count)
    placed = np.zeros(count, np.int64)
    np.add.at(placed, owner, members["township_code"].fillna("").to_numpy(object) != "")
    size = np.bincount(owner, minlength=count).astype(np.int64)
    within = (pc.list_value_length(townships).to_numpy() == 1) & (placed == size)
    first = pc.list_flatten(townships).take(townships.offsets[:-1].to_numpy()[within])
    township = np.full(count, None, object)
    township[within] = first.to_numpy(zero_copy_only=False)
    lead_name = np.full(count, None, object)
    leads = members["leads"].to_numpy(bool)
    lead_name[owner[leads]] = members["name"].to_numpy(object)[leads]
    return {
        "township_code": pa.array(township, _CODE),
        "townships": townships,
        "villages": _each(owner, members["village_code"], count),
        "industries": _each(owner, members["industry"], count),
        "formats": _each(owner, formats_of(members, rules), count),
        "hazards": _each_of(owner, members["hazards"], count),
        "departments": _each_of(owner, members["departments"], count),
        "member_count": pa.array(size, pa.int32()),
        "lead_name": pa.array(lead_name, _CODE),
        "responsible": pa.array(np.where(within, "township", "city"), _CODE),
    }


def formats_of(members: pd.DataFrame, rules: ZoneRules) -> Array:
    """The code of each member's business format 业态, None where the edition knows none."""
    at, words = pd.factorize(members["business_format"])
    known = [rules.format_of(word) for word in words]
    return values_at((rules.formats[one].code if one >= 0 else None for one in known), at)


def _each(owner: Ints, values: "pd.Series | Array", count: int) -> pa.ListArray:
    """By owner, a number below `count`, what members say, each once and in order; nothing said is left out."""
    at, known = pd.factorize(np.asarray(values, object), sort=True)
    said = (at >= 0) & np.append(known != "", False)[at]
    pairs = np.unique(owner[said] * np.int64(len(known)) + at[said])
    offsets = np.searchsorted(pairs, np.arange(count + 1) * np.int64(max(len(known), 1)))
    told = np.asarray(known, object)[pairs % max(len(known), 1)]
    return pa.ListArray.from_arrays(pa.array(offsets, pa.int32()), pa.array(told, pa.string()))


def _each_of(owner: Ints, lists: pd.Series, count: int) -> pa.ListArray:
    """`_each` where every member says several things."""
    sizes = np.fromiter(map(len, lists), np.int64, len(lists))
    values = np.array(list(chain.from_iterable(lists)), object)
    return _each(np.repeat(owner, sizes), values, count)


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


def _line_table(
    lines: ZoneLines, ids: list[str], members: pd.DataFrame, assessed: Array, rules: ZoneRules
) -> pa.Table:
    """The lines of the zones that were assessed, each with the scope of the member it tells of."""
    told = np.flatnonzero(assessed[lines.zone]) if len(lines.zone) else lines.zone
    zone, item, member = lines.zone[told], lines.item[told], lines.member[told]
    of_one = pa.array(member, pa.int64(), mask=member < 0)
    record = pa.array(members["layer"] + "/" + members["code"], _CODE)
    score = pa.array(members["score"].fillna(0).to_numpy(np.int64), _MANY).take(of_one)
    begins = np.flatnonzero(np.diff(zone, prepend=-1))
    nth = np.arange(len(zone)) - np.repeat(begins, np.diff(np.append(begins, len(zone))))
    return pa.table(
        {
            "zone_code": pa.array(ids, _CODE).take(pa.array(zone)),
            "n": pa.array(nth, pa.int32()),
            **{name: pa.array(members[name], _CODE).take(of_one) for name in SCOPE},
            "item": pa.array(ITEMS, _CODE).take(pa.array(item)),
            "record": record.take(of_one),
            "value": pa.array(lines.value[told], _MANY),
            "args": _args(lines, told, score, rules),
        }
    )


def _args(lines: ZoneLines, told: Ints, score: pa.Array, rules: ZoneRules) -> pa.Array:
    """What the words of each line need, as JSON."""
    score = pc.cast(score, pa.string())
    leads = pc.if_else(pa.array(lines.leads[told]), "true", "false")
    texts = {
        "lead_member": ('{"leads": ', leads, ', "score": ', score, "}"),
        "domino": ('{"score": ', score, f', "share_permille": {rules.domino_permille}}}'),
    }
    of_members = [pc.binary_join_element_wise(*texts[item], "") for item in ITEMS[:2]]
    cap = pa.repeat(json_text({"most": rules.domino_most}), len(told))
    return pc.choose(pa.array(lines.item[told], pa.int8()), *of_members, cap)

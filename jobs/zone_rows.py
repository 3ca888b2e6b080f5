"""What a zone run came to, as rows: members, links and what has to be looked at anew, each in order of codes."""

from collections.abc import Collection
from typing import NamedTuple

import numpy as np
import pandas as pd
import pyarrow as pa

from jobs.frames import Array, as_objects, index_of
from jobs.zone_sites import TOLD
from layers.schema import SCOPE
from layers.zone_state import State
from riskmap.zone_links import KINDS, ZoneSites
from riskmap.zone_risk import carriers
from riskmap.zones import Zones

_MEMBER = ("zone_code", "code", *TOLD, "score", "base", "level", "domino_mm", "carries", "leads")
_TYPES: dict[str, pa.DataType] = {
    **{name: pa.list_(pa.string()) for name in ("hazards", "departments")},
    **{name: pa.int64() for name in ("score", "base", "domino_mm")},
    "workers": pa.int32(),
    "level": pa.int16(),
    "carries": pa.bool_(),
    "leads": pa.bool_(),
}


class EdgeRows(NamedTuple):
    """Links to write, those of the tables that they stand in for, and the zones that either belong to."""

    staged: pa.Table
    looked_at: pa.Table
    zones: set[str]


def member_rows(frame: pd.DataFrame, sites: ZoneSites, zones: Zones, scores: pd.DataFrame) -> pd.DataFrame:
    """The members of all zones in order of zone and code, as they are stored; `scores`: score, base, level by site.

    The proposed lead unit 牵头单位 of a zone is the enterprise with the highest score: who carries most of the risk has
    most to lose and most to teach. Of equal ones it is that with most workers, who can spare the people; then the first
    by code, so that rows' order decides nothing. A source without an enterprise has nobody who could lead.
    """
    inside = np.flatnonzero(zones.zone >= 0)
    inside = inside[np.argsort(zones.zone[inside], kind="stable")]
    members = frame.iloc[inside].reset_index(drop=True)
    values: dict[str, Array] = {
        "zone_code": np.array([*zones.ids, None], object)[zones.zone[inside]],
        **{name: scores[name].to_numpy(object)[inside] for name in ("score", "base", "level")},
        "domino_mm": sites.domino[inside].astype(object),
        "carries": carriers(zones.edges, sites.domino)[inside].astype(object),
    }
    members = members.assign(**values)
    members["leads"] = _leading(members, zones.zone[inside])
    return members


def _leading(members: pd.DataFrame, zone: Array) -> Array:
    """Which members are the lead unit of their zone."""
    is_source = (members["layer"] != "enterprise").to_numpy(bool)
    score, workers = (members[name].fillna(-1).to_numpy(np.int64) for name in ("score", "workers"))
    order = np.lexsort((np.arange(len(zone)), -workers, -score, is_source, zone))
    first = order[np.diff(zone[order], prepend=-1) != 0]
    leads = np.zeros(len(zone), bool)
    leads[first[~is_source[first]]] = True
    return leads.astype(object)


def differing_zones(members: pd.DataFrame, state: State) -> set[str]:
    """Zones of now or before with a member that is not told as it was."""
    columns = list(_MEMBER)
    both = pd.concat([_plain(members[columns]), _plain(state.members[columns])], ignore_index=True)
    return set(both["zone_code"][~both.duplicated(keep=False)])


def _plain(members: pd.DataFrame) -> pd.DataFrame:
    """Rows that can be compared: lists as tuples."""
    told = {name: as_objects(map(tuple, members[name])) for name in ("hazards", "departments")}
    return members.assign(**told)


def edge_rows(frame: pd.DataFrame, zones: Zones, state: State, edited: Collection[str] | None) -> EdgeRows:
    """The links that are not as they were, or whose ends were edited (None: all of them)."""
    codes = np.array(zones.codes, object)
    before = state.zones
    old = before.edges
    at = index_of(before.codes, codes)
    a, b = at[old.links.a], at[old.links.b]
    new_key = _keyed(zones.edges.kind, zones.edges.links.a, zones.edges.links.b, len(codes))
    old_key = np.where((a >= 0) & (b >= 0), _keyed(old.kind, a, b, len(codes)), -1)
    same_as = np.full(len(new_key), -1, np.int64)
    if len(new_key):
        found = np.minimum(np.searchsorted(new_key, old_key), len(new_key) - 1)
        there = np.flatnonzero(new_key[found] == old_key)
        same_as[found[there]] = there
    links = zones.edges.links
    touched = np.ones(len(codes), bool) if edited is None else pd.Index(codes).isin(list(edited))
    alike = (same_as >= 0) & ~touched[links.a] & ~touched[links.b]
    for now, was in ((links.distance, old.links.distance), (zones.edges.cut, old.cut)):
        alike[alike] = now[alike] == was[same_as[alike]]
    kept = np.zeros(len(old_key), bool)
    kept[same_as[alike]] = True
    fresh = np.flatnonzero(~alike)
    ends = links.take(fresh)
    names = np.array(before.codes, object)
    gone = np.flatnonzero(~kept)
    scopes = {name: frame[name].to_numpy(object) for name in SCOPE}
    own = {
        "kind": pa.array(zones.edges.kind[fresh], pa.int16()),
        "a": pa.array(codes[ends.a], pa.string()),
        "b": pa.array(codes[ends.b], pa.string()),
    }
    theirs = {
        "kind": pa.array(old.kind[gone], pa.int16()),
        "a": pa.array(names[old.links.a[gone]], pa.string()),
        "b": pa.array(names[old.links.b[gone]], pa.string()),
    }
    staged = {
        **own,
        "distance_mm": pa.array(ends.distance, pa.int64()),
        "cut": pa.array(zones.edges.cut[fresh], pa.int16()),
        **{name: pa.array(_common(of[ends.a], of[ends.b]), pa.string()) for name, of in scopes.items()},
    }
    looked_at = pa.concat_tables([pa.table(own), pa.table(theirs)])
    looked_at = looked_at.group_by(["kind", "a", "b"]).aggregate([])
    return EdgeRows(
        pa.table(staged),
        looked_at,
        _borne(zones, [ends.a, ends.b]) | _borne(before, [old.links.a[gone], old.links.b[gone]]),
    )


def _keyed(kind: Array, a: Array, b: Array, n: int) -> Array:
    low, high = np.minimum(a, b), np.maximum(a, b)
    key: Array = (kind.astype(np.int64) * n + low) * n + high
    return key


def _borne(zones: Zones, ends: list[Array]) -> set[str]:
    """The ids of the zones at these positions."""
    found = np.unique(zones.zone[np.concatenate(ends)]) if len(ends[0]) else np.zeros(0, np.int64)
    return {zones.ids[n] for n in found.tolist() if n >= 0}


def _common(one: Array, other: Array) -> Array:
    """What two records say alike; None where they do not."""
    found = one.copy()
    found[one != other] = None
    return found


def member_table(members: pd.DataFrame) -> pa.Table:
    """Members as they are staged."""
    return pa.table({name: pa.array(members[name], _TYPES.get(name, pa.string())) for name in _MEMBER})


def kinds_of(zones: Zones) -> list[list[str]]:
    """By zone the kinds of link that hold it together."""
    edges = zones.edges
    a = zones.zone[edges.links.a]
    inside = np.flatnonzero((edges.cut == 0) & (a >= 0) & (a == zones.zone[edges.links.b]))
    found: list[set[str]] = [set() for _ in zones.ids]
    pairs = (
        np.unique(np.stack([a[inside], edges.kind[inside]]), axis=1) if len(inside) else np.zeros((2, 0), int)
    )
    for n, kind in pairs.T.tolist():
        found[n].add(KINDS[kind])
    return [sorted(kinds) for kinds in found]

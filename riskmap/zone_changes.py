"""From one day's zones to the next: what changed, and the zones computed only where it matters.

Only a changed site can make or end a link, so whatever it hung together with before, and whatever it comes near to
now, is computed again, whole; the rest stays as it was. The result is that of a full run from the same state.
"""

from collections.abc import Collection, Mapping

import numpy as np

from riskmap.forest import join_all, roots
from riskmap.nearness import Family, joined, links_within
from riskmap.shapes import Ints, Marks, Shapes
from riskmap.zone_links import Edges, Kinship, ZoneSites, kinships
from riskmap.zone_rules import ZoneRules
from riskmap.zones import Zones, positions, zones_from


def changes_between(old: ZoneSites, new: ZoneSites) -> dict[str, tuple[str, ...]]:
    """What happened to each site that is not as it was: `opened closed moved industry format size domino`."""
    at = positions(old.codes, new.codes)
    changes: dict[str, tuple[str, ...]] = {old.codes[i]: ("closed",) for i in np.flatnonzero(at < 0).tolist()}
    opened = np.ones(len(new.codes), np.bool_)
    opened[at[at >= 0]] = False
    changes.update({new.codes[i]: ("opened",) for i in np.flatnonzero(opened).tolist()})
    stayed = np.flatnonzero(at >= 0)
    moved = _moved(old.shapes.take(stayed), new.shapes.take(at[stayed]))
    for k, (i, j) in enumerate(zip(stayed.tolist(), at[stayed].tolist(), strict=True)):
        words = (
            ("moved", moved[k]),
            ("industry", old.industry[i] != new.industry[j]),
            ("format", old.business_format[i] != new.business_format[j]),
            ("size", old.workers[i] != new.workers[j]),
            ("domino", old.domino[i] != new.domino[j]),
        )
        what = tuple(word for word, is_so in words if is_so)
        if what:
            changes[new.codes[j]] = what
    return changes


def zones_after(
    sites: ZoneSites,
    rules: ZoneRules,
    previous: Zones,
    changes: Mapping[str, Collection[str]],
    *,
    threads: int = 0,
) -> Zones:
    """What `riskmap.zones.zones_of` gives, computed where the changes matter.

    `changes` must name every site that is new, gone or otherwise than when `previous` was made.
    """
    kin = kinships(sites, rules)
    at = positions(previous.codes, sites.codes)
    touched = np.array([code in changes for code in sites.codes], np.bool_)
    touched = _near(sites.shapes, kin, touched)
    inside = np.array([code in changes for code in previous.codes], np.bool_)
    there = np.flatnonzero(at >= 0)
    inside[there] |= touched[at[there]]
    parent = np.arange(len(previous.codes))
    join_all(parent, previous.edges.links.a, previous.edges.links.b)
    component = roots(parent)
    again = np.zeros(len(previous.codes), np.bool_)
    again[component[inside]] = True
    inside = again[component]
    touched[at[there][inside[there]]] = True
    index = np.flatnonzero(touched)
    part, rest_ids = _part(previous, inside)
    made = zones_from(
        sites.take(index),
        [Kinship(one.kind, one.key[index], one.join[index], one.leave[index]) for one in kin],
        *(rules.listed, rules.bounds, part, changes, rest_ids, threads),
    )
    return _whole(sites, made, index, previous, inside, at)


def _moved(old: Shapes, new: Shapes) -> Marks:
    """Which of the shapes are not the same to the mm."""
    out: Marks = (old.arrays.box != new.arrays.box).any(axis=1)
    for i in np.flatnonzero(~out & ~(old.is_single_point & new.is_single_point)):
        one, other = old.take([i]).arrays, new.take([i]).arrays
        out[i] = not np.array_equal(one.xy, other.xy) or not np.array_equal(one.part_kind, other.part_kind)
    return out


def _near(shapes: Shapes, kin: list[Kinship], changed: Marks) -> Marks:
    """The changed sites and all that they may be linked with where they are now."""
    near = changed.copy()
    for one in kin:
        index = np.flatnonzero(one.key >= 0)
        far = int(one.join[index].max(initial=0))
        reach = np.where(changed[index], far, 0)
        if reach.any():
            links = links_within(Family(shapes.take(index), one.key[index], reach))
            near[index[links.a]] = near[index[links.b]] = True
    return near


def _part(previous: Zones, inside: Marks) -> tuple[Zones, set[str]]:
    """What was, of the sites marked (whole components of it), and the ids borne by the others."""
    index = np.flatnonzero(inside)
    new_position = np.cumsum(inside) - 1
    links = previous.edges.links
    edges = previous.edges.take(np.flatnonzero(inside[links.a]))
    edges = Edges(edges.kind, edges.links.renumbered(new_position), edges.cut)
    zone = previous.zone[index]
    borne = np.unique(zone[zone >= 0])
    number = np.full(len(previous.ids) + 1, -1, np.int64)
    number[borne] = np.arange(len(borne))
    ids = [previous.ids[z] for z in borne.tolist()]
    part = Zones([previous.codes[i] for i in index.tolist()], edges, number[zone], ids, previous.ended)
    return part, set(previous.ids) - set(ids)


def _whole(sites: ZoneSites, made: Zones, index: Ints, previous: Zones, inside: Marks, at: Ints) -> Zones:
    """The part made again put into what stays."""
    links = previous.edges.links
    stays = previous.edges.take(np.flatnonzero(~inside[links.a]))
    edges = Edges(
        np.concatenate([made.edges.kind, stays.kind]),
        joined([made.edges.links.renumbered(index), stays.links.renumbered(at)]),
        np.concatenate([made.edges.cut, stays.cut]),
    )
    old = np.flatnonzero(~inside & (previous.zone >= 0))
    ids = sorted({*made.ids, *(previous.ids[z] for z in np.unique(previous.zone[old]).tolist())})
    number = {name: k for k, name in enumerate(ids)}
    zone = np.full(len(sites.codes), -1, np.int64)
    for positions_now, zones, names in (
        (index, made.zone, made.ids),
        (at[old], previous.zone[old], previous.ids),
    ):
        new_number = np.array([*(number.get(name, -1) for name in names), -1], np.int64)
        zone[positions_now] = new_number[zones]
    return Zones(sites.codes, edges.by_kind(len(sites.codes)), zone, ids, made.ended, made.events)

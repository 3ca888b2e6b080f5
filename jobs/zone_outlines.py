"""The outlines of zones, and the people who live inside them."""

import hashlib
import os
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import shapely

from jobs.frames import Array
from riskmap.exposure import people_count

_ARCS = 4
"""corners of a quarter circle"""
_MM = 0.001


def outlines_of(parts: Array, owner: Array, count: int, buffer_m: float) -> Array:
    """The outline of each zone: all that lies within so many metres of its parts, without holes, to the mm.

    `parts` are its members' sites and the links that hold them together as lines, in an order that its members and
    links decide; so alike zones have the same outline to the byte. It is a concave hull that contains every site. A
    member at one point is left out: it is the end of a link. Around every part first, then together: that is faster
    than around all of them at once.
    """
    parts, owner = _fewer(parts, owner)
    around = shapely.buffer(parts, buffer_m, quad_segs=_ARCS)
    start = np.searchsorted(owner, np.arange(count + 1)).tolist()
    with ThreadPoolExecutor(os.cpu_count()) as pool:  # GEOS works without the interpreter's lock
        joined = pool.map(lambda n: shapely.union_all(around[start[n] : start[n + 1]]), range(count))
        whole = np.fromiter(joined, object, count)
    shells, of = shapely.get_parts(shapely.set_precision(whole, _MM), return_index=True)
    filled = shapely.polygons(shapely.get_exterior_ring(shells))
    outlines = np.empty(count, object)
    single = np.bincount(of, minlength=count) == 1
    outlines[of[single[of]]] = filled[single[of]]
    for n in np.flatnonzero(~single).tolist():
        outlines[n] = shapely.union_all(filled[of == n])
    return outlines


def _fewer(parts: Array, owner: Array) -> tuple[Array, Array]:
    """The parts without points, by owner; links that follow each other as one line: that halves the work of joining."""
    kept = np.flatnonzero(shapely.get_type_id(parts) != shapely.GeometryType.POINT)
    kept = kept[np.argsort(owner[kept], kind="stable")]
    parts, owner = parts[kept], owner[kept]
    is_line = (shapely.get_type_id(parts) == shapely.GeometryType.LINESTRING) & (shapely.length(parts) > 0)
    if not is_line.any():
        return parts, owner
    known, number = np.unique(owner[is_line], return_inverse=True)
    lines = shapely.line_merge(shapely.multilinestrings(parts[is_line], indices=number))
    lines, of = shapely.get_parts(lines, return_index=True)
    parts, owner = np.concatenate([parts[~is_line], lines]), np.concatenate([owner[~is_line], known[of]])
    order = np.argsort(owner, kind="stable")
    return parts[order], owner[order]


def zone_hash(code: str, members: Sequence[str], outline: shapely.Geometry) -> bytes:
    """SHA-256 of a zone: its id, its members and its outline."""
    told = f"{code}\n{','.join(members)}\n".encode()
    return hashlib.sha256(told + shapely.to_wkb(outline)).digest()


def people_inside(outlines: Array, places: Array, people: Array) -> Array:
    """How many people live inside each outline: points whole, polygons by their share of area; rounded up."""
    exact = np.zeros(len(outlines))
    if len(outlines) and len(places):
        tree = shapely.STRtree(outlines)
        which, where = tree.query(places, predicate="intersects")
        order = np.lexsort((which, where))
        which, where = which[order], where[order]
        share = np.ones(len(which))
        wide = shapely.get_dimensions(places[which]) == 2
        inside = shapely.area(shapely.intersection(places[which[wide]], outlines[where[wide]]))
        share[wide] = inside / shapely.area(places[which[wide]])
        np.add.at(exact, where, people[which] * share)
    found: Array = people_count(exact)
    return found

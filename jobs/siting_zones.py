"""Which joint-control zones a facility would form or enlarge, and to which sites an accident would carry on or from."""

from datetime import datetime
from typing import Any

import numpy as np
import pandas as pd
from sqlalchemy import Connection

from jobs.frames import with_rows
from jobs.zone_reading import Found
from jobs.zone_sites import reaches_of, standing, zone_sites
from layers.zone_sites import SiteRecords, read_site_records
from riskmap.weights import MILLI
from riskmap.zone_links import KINDS
from riskmap.zones import Zones, zones_of

Row = dict[str, Any]


def zones_with(
    connection: Connection, at: datetime, own: Row, held: list[Row], score: int | None
) -> list[Row]:
    """The zones that are new or have other members once the source `own` stands there, its own first.

    Both states are computed from the zones of the last run, so that ids stay what they are. `links` are those of the
    proposal: kind, the other site, metres.
    """
    found = Found.read(connection, at, full=True)
    records = read_site_records(connection, found.at.date())
    grown = SiteRecords(
        records.enterprises, with_rows(records.sources, [own]), with_rows(records.inventory, held)
    )
    frame = standing(grown, found.weights)
    standing_codes = set(frame["code"])
    reaches = reaches_of(grown, found.edition, found.rules)
    reaches = {code: near for code, near in reaches.items() if code in standing_codes}
    scores = {code: one for code, (one, _, _) in found.scores.items()} | {own["code"]: score or 0}
    before = zones_of(found.sites, found.rules, found.state.zones, found.changes)
    after = zones_of(zone_sites(frame, reaches, scores), found.rules, found.state.zones, found.changes)
    return _differing(before, after, own["enterprise_code"] or own["code"], frame)


def _differing(before: Zones, after: Zones, code: str, frame: pd.DataFrame) -> list[Row]:
    was = dict(zip(before.ids, map(set, before.members), strict=True))
    names = dict(zip(frame["code"], frame["name"], strict=True))
    rows = []
    for zone, members in zip(after.ids, after.members, strict=True):
        more, fewer = set(members) - was.get(zone, set()), was.get(zone, set()) - set(members)
        if more or fewer or zone not in was:
            rows.append(
                {
                    "id": zone,
                    "formed": zone not in was,
                    "own": code in members,
                    "members": len(members),
                    "joined": [{"code": one, "name": names.get(one)} for one in sorted(more)],
                    "left": [{"code": one, "name": names.get(one)} for one in sorted(fewer)],
                    "links": _links(after, code, names) if code in members else [],
                }
            )
    return sorted(rows, key=lambda row: (not row["own"], row["id"]))


def _links(zones: Zones, code: str, names: dict[str, Any]) -> list[Row]:
    """What joins a site to others, cut links left out, the nearest first."""
    at = list(zones.codes).index(code)
    edges = zones.edges.take((zones.edges.links.a == at) | (zones.edges.links.b == at))
    rows = []
    for n in np.flatnonzero(edges.cut == 0).tolist():
        a, b = int(edges.links.a[n]), int(edges.links.b[n])
        other = zones.codes[b if a == at else a]
        distance_m = int(edges.links.distance[n]) / MILLI
        kind = KINDS[int(edges.kind[n])]
        rows.append({"kind": kind, "code": other, "name": names.get(other), "distance_m": distance_m})
    return sorted(rows, key=lambda row: (row["distance_m"], row["code"], row["kind"]))

"""Which joint-control zones a proposal would form, enlarge, end or turn, and to which sites accidents would carry on.

What is, is computed from the zones of the last run, and what would be from that, so that ids stay what they are; the scores
are those of two computed states of the city, and a zone's account is the one that a zone run would keep.
"""

from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc
import shapely
from sqlalchemy import Connection

from jobs.frames import as_objects, with_rows
from jobs.results import Assessment
from jobs.zone_accounts import Told, zone_tables
from jobs.zone_names import zone_names
from jobs.zone_reading import Found, risk_of, scores_of
from jobs.zone_rows import member_rows
from jobs.zone_sites import reaches_of, standing, zone_sites
from layers.alert_zones import members_mark
from layers.records import points
from layers.zone_ground import place_names, read_ground
from layers.zone_sites import SiteRecords, read_site_records
from riskmap.sections import MILLI
from riskmap.vocabulary import LEVELS
from riskmap.zone_links import KINDS, ZoneSites
from riskmap.zones import Zones, zones_of

Row = dict[str, Any]
_COLOURS = ("level", "base_level", "rise_level")
_UNBORN = Told("", 0)
_ACCOUNT = ["zone_code", "code", "score", "base", "carries"]
"""what a zone's score comes from, by its members"""


@dataclass(frozen=True, slots=True)
class ZoneState:
    """The zones of one state of the city; of those that differ between two, the row that a zone run would keep."""

    zones: Zones
    members: pd.DataFrame
    rows: dict[str, Row]

    def zone_of(self) -> dict[str, str]:
        """The zone of every member."""
        return dict(zip(self.members["code"], self.members["zone_code"], strict=True))

    def to_tell(self, level: int, townships: dict[str, str]) -> list[Row]:
        """Those zones that are at least that bad, once for each township they have ground in, as `zones_to_tell` has them."""
        told = []
        for code, row in self.rows.items():
            if row["level"] is None or row["level"] > level:
                continue
            at = shapely.point_on_surface(shapely.from_wkb(row["geom_m"]))
            own = self.members["code"][self.members["zone_code"] == code]
            about = {name: row[name] for name in ("code", "name", "level", "people")}
            about |= {"members": members_mark(sorted(own)), "x_mm": at.x * MILLI, "y_mm": at.y * MILLI}
            told += [
                about | {"township_code": one, "township": townships.get(one)} for one in row["townships"]
            ]
        return told


@dataclass(frozen=True, slots=True)
class ZonesCompared:
    """The zones as they are and as they would be, and what a reader is told of those that differ."""

    before: ZoneState
    after: ZoneState
    told: list[Row]


def zones_compared(
    connection: Connection,
    at: datetime,
    scored: tuple[Assessment, Assessment],
    own: Row | None = None,
    held: list[Row] | None = None,
) -> ZonesCompared:
    """The zones without and with a proposal: `scored` is what the city comes to in both states, `own` the source that
    would stand there, if it is one, with what it holds.

    Told are zones that are new, that end, that have other members or another colour; those with the proposal first.
    `links` are those of the proposal: kind, the other site, metres.
    """
    found = Found.read(connection, at, full=True)
    scores = [_scores_of(one, found.frame) for one in scored]
    frame, sites = found.frame, _scored_sites(found.sites, scores[0])
    grown, grown_sites = frame, _scored_sites(found.sites, scores[1])
    if own is not None:
        records = read_site_records(connection, found.at.date())
        more = SiteRecords(
            records.enterprises,
            with_rows(records.sources, [own]),
            with_rows(records.inventory, held or []),
        )
        grown = standing(more, found.weights)
        scores[1] = _scores_of(scored[1], grown)
        codes = set(grown["code"])
        reaches = reaches_of(more, found.edition, found.rules)
        grown_sites = zone_sites(
            grown,
            {code: near for code, near in reaches.items() if code in codes},
            risk_of(scores[1]),
        )
    now = zones_of(sites, found.rules, found.state.zones, found.changes)
    made = [now, zones_of(grown_sites, found.rules, now)]
    members = [
        member_rows(*one) for one in zip((frame, grown), (sites, grown_sites), made, scores, strict=True)
    ]
    chosen = _differing(*members)
    ground, places = read_ground(connection, peopled=bool(chosen)), place_names(connection)
    called: dict[str, str] = {}
    for zones, of in zip(made, members, strict=True):
        called = zone_names(connection, zones, of, found.rules, places, found.state) | called
    before, after = (
        ZoneState(zones, of, _rows(zones, of, called, chosen, found, ground))
        for zones, of in zip(made, members, strict=True)
    )
    site = (own["enterprise_code"] or own["code"]) if own else None
    names = dict(zip(grown["code"], grown["name"], strict=True))
    return ZonesCompared(before, after, _told(before, after, site, names))


def _scored_sites(sites: ZoneSites, scores: pd.DataFrame) -> ZoneSites:
    return replace(sites, score=risk_of(scores))


def _scores_of(state: Assessment, frame: pd.DataFrame) -> pd.DataFrame:
    """Score, base and level of each site in a computed state."""
    scores = state.results.scores
    here = scores.filter(pc.is_in(scores["code"], pa.array(frame["code"], pa.string())))
    names = ("kind", "code", "score", "base", "level")
    return scores_of(pd.DataFrame({name: as_objects(here[name].to_pylist()) for name in names}), frame)


def _differing(before: pd.DataFrame, after: pd.DataFrame) -> set[str]:
    """Zones of either state whose members, or what their score comes from, are not the same in both."""
    both = pd.concat([before[_ACCOUNT], after[_ACCOUNT]], ignore_index=True)
    return set(both["zone_code"][~both.duplicated(keep=False)])


def _rows(
    zones: Zones,
    members: pd.DataFrame,
    called: dict[str, str],
    chosen: set[str],
    found: Found,
    ground: Any,
) -> dict[str, Row]:
    """The rows that a zone run would keep of the chosen zones."""
    lineage = dict.fromkeys(zones.ids, _UNBORN)
    table, _ = zone_tables(zones, members, called, chosen, found.rules, found.weights, ground, lineage)
    return {row["code"]: row for row in table.to_pylist()}


def _told(before: ZoneState, after: ZoneState, site: str | None, names: dict[str, Any]) -> list[Row]:
    was, would = (_members(one) for one in (before, after))
    rows = []
    for zone in sorted(before.rows.keys() | after.rows.keys()):
        old, new = before.rows.get(zone), after.rows.get(zone)
        theirs, mine = was.get(zone, set()), would.get(zone, set())
        turned = old is not None and new is not None and any(old[name] != new[name] for name in _COLOURS)
        if theirs == mine and not turned:
            continue
        here = site is not None and site in mine
        rows.append(
            {
                "id": zone,
                "name": (new or old or {})["name"],
                "formed": old is None,
                "ended": new is None,
                "own": here,
                "members": len(mine),
                "joined": [{"code": one, "name": names.get(one)} for one in sorted(mine - theirs)],
                "left": [{"code": one, "name": names.get(one)} for one in sorted(theirs - mine)],
                "recoloured": turned,
                **_scores(old, ""),
                **_scores(new, "_after"),
                "links": _links(after.zones, site, names) if here and site else [],
            }
        )
    return sorted(rows, key=lambda row: (not row["own"], row["id"]))


def _members(state: ZoneState) -> dict[str, set[str]]:
    return {str(code): set(own["code"]) for code, own in state.members.groupby("zone_code")}


def _scores(row: Row | None, when: str) -> Row:
    """Score and colours of a zone; None where it is none then, or nobody has scored it."""
    told: Row = {f"score{when}": None if row is None else points(row["score"])}
    return told | {f"{name}{when}": LEVELS.get(row[name]) if row else None for name in _COLOURS}


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

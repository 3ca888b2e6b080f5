"""The zones job: read one state of the city, make its joint-control zones 联防联控区 from what they were, keep what changed."""

import time
from datetime import UTC, datetime, timedelta
from typing import Any

import pandas as pd
import pyarrow as pa
from sqlalchemy import Connection, Engine

from jobs.progress import unwatched
from jobs.zone_accounts import zone_tables
from jobs.zone_events import event_tables, reach_table, returned, scopes_of, told_of
from jobs.zone_names import zone_names
from jobs.zone_reading import Found
from jobs.zone_rows import differing_zones, edge_rows, member_rows, member_table
from layers.audit import changed_since
from layers.database import snapshot, writing
from layers.editions import head_on
from layers.history import CLOCK, open_revision
from layers.records import iso
from layers.risk import last_run
from layers.zone_ground import place_names, read_ground
from layers.zone_state import (
    births_of,
    last_zone_run,
    record_zone_run,
    waiting_since,
    write_events,
    write_zones,
)
from riskmap import __version__
from riskmap.zone_changes import zones_after
from riskmap.zones import Zones, zones_of

_TRIES = 3
_LATE = timedelta(minutes=10)


class _Overtaken(Exception):
    """Another run was noted while this one computed from the zones of the one before."""


def renew(
    owner: Engine, *, actor: str, at: datetime | None = None, full: bool = False, progress: Any = None
) -> dict[str, Any]:
    """Bring the zones up to date, as one revision, and return the run.

    Only what changed since the last run is looked at anew, and all of it where the rules did or `full` asks for it;
    both come to the same. `at` is for loading history: the records as they are, looked at and recorded as then.
    """
    for _ in range(_TRIES - 1):
        try:
            return _renewed(owner, actor, at, progress or unwatched, full=full)
        except _Overtaken:
            continue
    return _renewed(owner, actor, at, progress or unwatched, full=full)


def is_stale(owner: Engine) -> bool:
    """Whether a new run may come to other zones than the last: other scores, records or rules."""
    with snapshot(owner) as connection:
        last, scored = last_zone_run(connection), last_run(connection)
        if last is None or last["of_run"] != (scored["run_id"] if scored else None):
            return True
        known = last["known_rev"]
        return (
            changed_since(connection, known, events=False)
            or head_on(connection, datetime.now(CLOCK).date()).rev > known
        )


def zones_late(connection: Connection, now: datetime) -> bool:
    """Whether the zones have not followed a run of risks for longer than any zone run takes."""
    since = waiting_since(connection)
    return since is not None and now - since > _LATE


def _renewed(owner: Engine, actor: str, then: datetime | None, tell: Any, *, full: bool) -> dict[str, Any]:
    started, at = time.monotonic(), then or datetime.now(UTC)
    tell("读取记录", 0.1)
    with snapshot(owner) as connection:
        found = Found.read(connection, at, full=full)
        tell("划定片区", 0.3)
        zones = _made(found)
        members = member_rows(found.frame, found.sites, zones, found.scores)
        edges = edge_rows(found.frame, zones, found.state, None if found.whole else found.edited.sites)
        names = zone_names(connection, zones, members, found.rules, place_names(connection), found.state)
        chosen = _chosen(found, zones, members, edges.zones, names)
        births = births_of(connection, returned(zones))
        ground = read_ground(connection, peopled=bool(chosen))
    tell("说明片区", 0.6)
    run_id = (found.state.run["run_id"] if found.state.run else 0) + 1
    lineage = told_of(zones, found.state, run_id, births)
    zone, line = zone_tables(zones, members, names, chosen, found.rules, found.weights, ground, lineage)
    scopes = scopes_of(found.frame, found.state.members, found.before)
    staged = {
        "zone": zone,
        "zone_member": member_table(members[members["zone_code"].isin(chosen)]),
        "zone_line": line,
        "zone_edge": edges.staged,
        "zone_reach": reach_table(found.reaches, scopes),
    }
    looked_at = {"zone": pa.table({"code": pa.array(sorted(chosen), pa.string())}), "edge": edges.looked_at}
    tell("写入结果", 0.8)
    zones_hash = zones.zones_hash(found.edition.hash)
    with writing(owner) as connection:
        rev = open_revision(connection, actor, "zones", None, then)
        newest = last_zone_run(connection)
        if (newest["run_id"] if newest else 0) != run_id - 1:
            raise _Overtaken
        changed = write_zones(connection, rev, staged, looked_at)
        write_events(connection, rev, event_tables(zones, run_id, scopes))
        run = {
            "run_id": run_id,
            "rev": rev,
            "known_rev": found.known_rev,
            "of_run": found.of_run,
            "data_time": at,
            "edition": found.edition.name,
            "code_version": __version__,
            "edition_hash": bytes.fromhex(found.edition.hash),
            "full_run": found.whole,
            "duration_s": round(time.monotonic() - started, 3),
            "counts": _counts(zones) | {"changed": changed},
            "zones_hash": bytes.fromhex(zones_hash),
        }
        record_zone_run(connection, run)
    return run | {
        "data_time": iso(at),
        "edition_hash": found.edition.hash,
        "zones_hash": zones_hash,
    }


def _made(found: Found) -> Zones:
    previous = found.state.zones
    if found.whole:
        return zones_of(found.sites, found.rules, previous, found.changes)
    return zones_after(found.sites, found.rules, previous, found.changes)


def _chosen(
    found: Found, zones: Zones, members: pd.DataFrame, linked_anew: set[str], names: dict[str, str]
) -> set[str]:
    """The zones, of now and before, that may not be told as they were."""
    if found.whole or found.edited.people or found.edited.sites is None:
        return {*zones.ids, *found.state.zones.ids}
    edited = {
        *members["zone_code"][members["code"].isin(found.edited.sites)],
        *found.state.members["zone_code"][found.state.members["code"].isin(found.edited.sites)],
    }
    told_of_now = {event.zone for event in zones.events}
    rows = found.state.rows
    renamed = {code for code, name in zip(rows["code"], rows["name"], strict=True) if names.get(code) != name}
    return differing_zones(members, found.state) | linked_anew | edited | told_of_now | renamed


def _counts(zones: Zones) -> dict[str, Any]:
    events: dict[str, int] = {}
    for event in zones.events:
        events[event.kind] = events.get(event.kind, 0) + 1
    return {
        "zones": len(zones.ids),
        "members": int((zones.zone >= 0).sum()),
        "links": int((zones.edges.cut == 0).sum()),
        "cut": int((zones.edges.cut != 0).sum()),
        "events": events,
    }

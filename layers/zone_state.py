"""The zones that the last run left, as the next one needs them, and how a run's zones are kept."""

import json
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
from sqlalchemy import ColumnElement, Connection, Integer, func, literal_column, select, text
from sqlalchemy.dialects.postgresql import distinct_on

from layers.copying import copy_arrays, numbered
from layers.reading import among, read_frame, read_table
from layers.schema import run, views
from layers.zone_tables import (
    KEYS,
    zone,
    zone_edge,
    zone_event,
    zone_event_site,
    zone_member,
    zone_reach,
    zone_run,
)
from riskmap.nearness import Links
from riskmap.zone_lineage import ENDINGS
from riskmap.zone_links import Edges
from riskmap.zones import Zones

_JSON = {"zone": ("facts",), "zone_line": ("args",), "zone_reach": ("distances_m",)}


@dataclass(frozen=True, slots=True)
class State:
    """What the last run left: the zones, their rows, their members' rows, and how far accidents carry on by site."""

    run: dict[str, Any] | None
    zones: Zones
    rows: pd.DataFrame
    members: pd.DataFrame
    reaches: dict[str, dict[str, float]]


def last_zone_run(connection: Connection) -> dict[str, Any] | None:
    """The newest run of the zones job; None before the first."""
    row = connection.execute(select(zone_run).order_by(zone_run.c.run_id.desc()).limit(1)).mappings().first()
    return dict(row) if row else None


def waiting_since(connection: Connection) -> datetime | None:
    """The data time of the first run of risks that the zones do not follow yet; None: they follow the last one."""
    followed = select(func.coalesce(func.max(zone_run.c.of_run), 0)).scalar_subquery()
    query = select(func.min(run.c.data_time)).where(run.c.current, run.c.run_id > followed)
    first: datetime | None = connection.execute(query).scalar_one()
    return first


def read_state(connection: Connection) -> State:
    """All of it, in order of codes."""
    members = read_frame(connection, select(zone_member).order_by(zone_member.c.code))
    rows = read_frame(connection, select(*_known_of_zones()).order_by(zone.c.code))
    reaches = {
        row.code: row.distances_m
        for row in connection.execute(select(zone_reach.c.code, zone_reach.c.distances_m))
    }
    zones = _zones(rows["code"].tolist(), members, _edges(connection), _ended(connection))
    return State(last_zone_run(connection), zones, rows, members, reaches)


def _known_of_zones() -> list[ColumnElement[Any]]:
    """What the next run takes over; `placed`: of how many of township and village members' codes were known."""
    placed = [(func.cardinality(places) > 0).cast(Integer) for places in (zone.c.townships, zone.c.villages)]
    names = (zone.c.code, zone.c.name, zone.c.agreement, zone.c.born_run, zone.c.member_count)
    return [*names, (placed[0] + placed[1]).label("placed")]


def _edges(connection: Connection) -> pa.Table:
    names = (zone_edge.c.kind, zone_edge.c.a, zone_edge.c.b, zone_edge.c.distance_mm, zone_edge.c.cut)
    return read_table(connection, select(*names))


def _zones(
    ids: list[str], members: pd.DataFrame, edges: pa.Table, ended: dict[str, tuple[str, ...]]
) -> Zones:
    ends = [edges[name].to_numpy(zero_copy_only=False) for name in ("a", "b")]
    codes = sorted({*members["code"], *ends[0], *ends[1]})
    known = pd.Index(codes, dtype=object)
    a, b = (known.get_indexer(pd.Index(one, dtype=object)).astype(np.int64) for one in ends)
    kind, distance, cut = (edges[name].to_numpy() for name in ("kind", "distance_mm", "cut"))
    zone_of = np.full(len(codes), -1, np.int64)
    of, numbers = (pd.Index(members[name], dtype=object) for name in ("code", "zone_code"))
    zone_of[known.get_indexer(of)] = pd.Index(ids, dtype=object).get_indexer(numbers)
    kept = Edges(kind.astype(np.int8), Links.of(a, b, distance), cut.astype(np.int8))
    return Zones(codes, kept.by_kind(len(codes)), zone_of, ids, ended)


def _ended(connection: Connection) -> dict[str, tuple[str, ...]]:
    """The last members of the ids that no zone bears."""
    newest = (
        select(zone_event.c.zone_code, zone_event.c.run_id, zone_event.c.n, zone_event.c.kind)
        .order_by(zone_event.c.zone_code, zone_event.c.run_id.desc(), zone_event.c.n.desc())
        .ext(distinct_on(zone_event.c.zone_code))
        .subquery()
    )
    site = zone_event_site
    query = (
        select(site.c.zone_code, site.c.code)
        .join(newest, (newest.c.run_id == site.c.run_id) & (newest.c.n == site.c.n))
        .where(newest.c.kind.in_(ENDINGS), site.c.role == "left")
    )
    found: dict[str, list[str]] = {}
    for row in connection.execute(query.order_by(site.c.zone_code, site.c.code)):
        found.setdefault(row.zone_code, []).append(row.code)
    return {name: tuple(codes) for name, codes in found.items()}


def write_zones(
    connection: Connection, rev: int, staged: Mapping[str, pa.Table], looked_at: Mapping[str, pa.Table]
) -> dict[str, int]:
    """Keep what a run came to under revision `rev`; returns how many rows changed, by table.

    `staged` are rows of the tables of `KEYS` without `rev` (a zone's `geom_m` alone is its place); `looked_at` says of
    which `zone`s (code) and `edge`s (kind, a, b) they tell all there is.
    """
    for name in KEYS:
        connection.execute(text(f"CREATE TEMP TABLE new_{name} (LIKE {name}) ON COMMIT DROP"))
        connection.execute(text(f"ALTER TABLE new_{name} ALTER COLUMN rev DROP NOT NULL"))
    connection.execute(text("ALTER TABLE new_zone ALTER COLUMN geom DROP NOT NULL"))
    connection.execute(text('CREATE TEMP TABLE looked_at_zone (code text COLLATE "C") ON COMMIT DROP'))
    connection.execute(
        text(
            'CREATE TEMP TABLE looked_at_edge (kind smallint, a text COLLATE "C", b text COLLATE "C")'
            " ON COMMIT DROP"
        )
    )
    for name, table in looked_at.items():
        copy_arrays(connection, f"looked_at_{name}", table.to_batches())
    for name, table in staged.items():
        copy_arrays(connection, f"new_{name}", table.to_batches(), json=_JSON.get(name, ()))
    connection.execute(text("; ".join(f"ANALYZE new_{name}" for name in KEYS)))
    connection.execute(text("ANALYZE looked_at_zone; ANALYZE looked_at_edge"))
    changed = connection.execute(select(func.keep_zones(rev).table_valued("changed_table", "n")))
    return {row.changed_table: row.n for row in changed}


def births_of(connection: Connection, codes: Collection[str]) -> dict[str, int]:
    """The first runs of some ids."""
    first = func.min(zone_event.c.run_id).label("run_id")
    query = select(zone_event.c.zone_code, first).where(zone_event.c.zone_code == among(codes))
    return {row.zone_code: row.run_id for row in connection.execute(query.group_by(zone_event.c.zone_code))}


def names_borne(connection: Connection) -> list[tuple[str, str]]:
    """Every name that a zone ever bore, living or ended, as (zone, name); each zone's last name is its last one here."""
    rows = views["zone"]
    query = select(rows.c.code, rows.c.name, func.max(rows.c.rev).label("rev")).group_by(
        rows.c.code, rows.c.name
    )
    found = connection.execute(query.order_by(literal_column("rev"), rows.c.name))
    return [(row.code, row.name) for row in found]


def write_events(connection: Connection, rev: int, tables: Mapping[str, pa.Table]) -> None:
    """Add lineage: rows of `zone_event` and `zone_event_site` without `rev`."""
    for name, table in tables.items():
        copy_arrays(connection, name, numbered(table.to_batches(), "rev", rev))


def record_zone_run(connection: Connection, values: dict[str, Any]) -> None:
    """Add a run to the ledger."""
    connection.execute(zone_run.insert().values(values))


def json_text(value: Any) -> str:
    """JSON as it is staged."""
    return json.dumps(value, ensure_ascii=False, sort_keys=True)

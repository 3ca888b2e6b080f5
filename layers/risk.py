"""What a risk run reads, and how its results are kept: changed rows only, the old ones to the past."""

from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import date, datetime, time
from typing import Any

import pandas as pd
import pyarrow as pa
from sqlalchemy import ColumnElement, Connection, FromClause, and_, func, or_, select, text

from layers.copying import copy_arrays, copy_in, numbered
from layers.duty import SLOTS
from layers.dynamic import Records, no_dynamic, read_dynamic, read_incidents
from layers.editions import edition_on
from layers.history import CLOCK, Moment, results_of, rows_of
from layers.reading import position, read_frame, shapes
from layers.schema import SCOPE, run, score
from riskmap.assessed import DAY, FIELDS
from riskmap.credits import OF_ENTERPRISES, OF_SOURCES
from riskmap.dynamic import DynamicWeights
from riskmap.editions import Edition
from riskmap.errors import NotFound
from riskmap.vocabulary import AREA_KINDS

Only = Callable[[FromClause], ColumnElement[bool]]
"""which rows of a layer are read, said of the layer as it is or was"""


@dataclass(frozen=True, slots=True)
class Inputs:
    """The records one run computes from, each in order of code; `site` and `geom` are shapely, metres in mm steps."""

    enterprises: pd.DataFrame
    sources: pd.DataFrame
    inventory: pd.DataFrame
    population: pd.DataFrame
    targets: pd.DataFrame
    zones: pd.DataFrame
    areas: pd.DataFrame
    edition: Edition
    at: datetime
    """the instant the records are looked at: what is in force and what is stale is told by it"""
    records: Records
    """what raises hazards at that instant"""

    @property
    def day(self) -> date:
        """The day of the instant in the city's own clock."""
        return self.at.astimezone(CLOCK).date()


def read_inputs(
    connection: Connection,
    at: datetime,
    then: Moment | None = None,
    limits: Mapping[str, Only] | None = None,
    used: Edition | None = None,
) -> Inputs:
    """Everything a run at an instant needs, now or as of a moment, in the caller's snapshot.

    Under the edition in force then, or the one given. Closed records count nowhere from their closing day, nor do
    those that open later. `limits` say by table which records are read, where not all are.
    """
    limits = limits or {}
    day = at.astimezone(CLOCK).date()
    used = used or edition_on(connection, day, then)
    frames = {
        name: _frame_of_table(connection, name, then, day, limits.get(table))
        for name, (table, _) in _FRAMES.items()
    }
    records = read_dynamic(connection, at, DynamicWeights.from_edition(used), then)
    return Inputs(**frames, edition=used, at=at, records=records)


def read_changed(
    connection: Connection,
    inputs: Inputs,
    changed: Collection[str],
    at: datetime,
    then: Moment,
    used: Edition,
) -> Inputs:
    """The inputs of another moment, of whose tables only these differ; its dynamic records are left as they were.

    What opens and closes by its day is read whatever has changed.
    """
    day = at.astimezone(CLOCK).date()
    frames: dict[str, Any] = {
        name: _frame_of_table(connection, name, then, day)
        for name, (table, _) in _FRAMES.items()
        if table in changed or table in _OPENING
    }
    return replace(inputs, **frames, edition=used, at=at)


def _frame_of_table(
    connection: Connection, name: str, then: Moment | None, day: date, only: Only | None = None
) -> pd.DataFrame:
    table, columns = _FRAMES[name]
    open_on = day if table in _OPENING else None
    return frame_of(connection, rows_of(table, then), columns, open_on=open_on, only=only)


def read_part(
    connection: Connection, inputs: Inputs, people: Only, areas: Only, then: Moment | None = None
) -> Inputs:
    """The same records with other places and areas, those of some conditions, now or as of a moment."""
    return replace(
        inputs,
        population=frame_of(connection, rows_of("population", then), _POPULATION, only=people),
        areas=frame_of(connection, rows_of("area", then), _AREA, only=areas),
    )


def read_known(connection: Connection, known: Moment, used: Edition, at: datetime) -> Inputs:
    """The records of places and areas and the incidents at an instant as known at a moment, under an edition.

    Sources and what else raises them are left out.
    """
    nothing = pd.DataFrame()
    return Inputs(
        enterprises=nothing,
        sources=nothing,
        inventory=nothing,
        population=frame_of(connection, rows_of("population", known), _POPULATION),
        targets=nothing,
        zones=nothing,
        areas=frame_of(connection, rows_of("area", known), _AREA),
        edition=used,
        at=at,
        records=read_incidents(connection, at, known),
    )


def no_records(content: Edition) -> Inputs:
    """A city without a record: what kernels are warmed up with."""

    def nothing(names: tuple[str, ...]) -> pd.DataFrame:
        return pd.DataFrame(columns=["code", *("geom" if n == "geom_m" else n for n in names)], dtype=object)

    return Inputs(
        enterprises=nothing(_ENTERPRISE),
        sources=nothing(_SOURCE),
        inventory=nothing(_INVENTORY),
        population=nothing(_POPULATION),
        targets=nothing(_TARGET),
        zones=nothing(_ZONE),
        areas=nothing(_AREA),
        edition=content,
        at=datetime.combine(content.effective_from, time(), CLOCK),
        records=no_dynamic(),
    )


_SCOPES = (*SCOPE, "declared_township_code")
_ANSWERABLE = tuple(f"{what}_{slot}" for slot in SLOTS for what in ("dept", "person"))
_ENTERPRISE = (
    *("name", "industry", "workers", "legal_representative"),
    *(*OF_ENTERPRISES, *_ANSWERABLE, *_SCOPES, "geom_m"),
)
_SOURCE = ("name", "kind", "unit_type", DAY, *FIELDS, *OF_SOURCES, *_SCOPES, "geom_m")
_INVENTORY = (
    "source_code",
    "cas",
    "substance",
    "hazard_class",
    "quantity_t",
    "unit_code",
    "as_of",
    "valid_from",
)
_POPULATION = ("people", "people_day", "vulnerable", "rescue_min", *SCOPE, "geom_m")
_TARGET = ("name", "target_class", "people_day", "people_night", "status", *SCOPE, "geom_m")
_ZONE = ("source_code", "kind", "geom_m")
_AREA = ("name", "level", "parent_code", "people", "members", *SCOPE, "geom_m")
_FRAMES = {
    "enterprises": ("enterprise", _ENTERPRISE),
    "sources": ("source", _SOURCE),
    "inventory": ("inventory", _INVENTORY),
    "population": ("population", _POPULATION),
    "targets": ("target", _TARGET),
    "zones": ("zone_external", _ZONE),
    "areas": ("area", _AREA),
}
"""of each frame its table and columns"""
_OPENING = ("enterprise", "source")
"""tables whose records open and close by a day of their own"""


def frame_of(
    connection: Connection,
    rows: FromClause,
    names: tuple[str, ...],
    *,
    open_on: date | None = None,
    only: Only | None = None,
) -> pd.DataFrame:
    """The named columns of a layer in order of code; positions as shapely geometries under `geom`."""
    columns = [rows.c.code, *(rows.c[n] for n in names if n != "geom_m" and n in rows.c)]
    with_position = "geom_m" in names
    if with_position:
        columns.append(position(rows.c.geom_m, "geom"))
    query = select(*columns).order_by(rows.c.code)
    if open_on is not None:
        still = or_(func.coalesce(rows.c.status, "active") != "closed", rows.c.closed_on > open_on)
        query = query.where(and_(still, or_(rows.c.opened_on.is_(None), rows.c.opened_on <= open_on)))
    if only is not None:
        query = query.where(only(rows))
    frame = read_frame(connection, query)
    if with_position:
        frame["geom"] = shapes(frame["geom"])
    return frame


def write_results(
    connection: Connection,
    rev: int,
    scores: Iterable[pa.RecordBatch],
    contributions: Iterable[pa.RecordBatch],
    scope: pd.DataFrame | None = None,
) -> dict[str, int]:
    """Keep a run's results under revision `rev`; returns how many scores changed, by kind.

    `scores` are blocks of the columns of `score` but rev, `contributions` of those of `contribution` but rev; jsonb as
    text.
    `scope` (kind, code) says what was looked at, None: everything. What of it is gone from the results is gone from
    the tables; the past keeps it.
    """
    connection.execute(text("CREATE TEMP TABLE new_score (LIKE score) ON COMMIT DROP"))
    connection.execute(text("CREATE TEMP TABLE new_contribution (LIKE contribution) ON COMMIT DROP"))
    copy_arrays(connection, "new_score", numbered(scores, "rev", rev), json=("facts",))
    copy_arrays(connection, "new_contribution", numbered(contributions, "rev", rev), json=("args",))
    connection.execute(text("ANALYZE new_score; ANALYZE new_contribution"))
    if scope is not None:
        connection.execute(
            text('CREATE TEMP TABLE new_scope (kind text, code text COLLATE "C") ON COMMIT DROP')
        )
        copy_in(connection, "new_scope", scope)
        connection.execute(text("ANALYZE new_scope"))
    changed = connection.execute(
        select(func.keep_results(rev, list(AREA_KINDS), scope is not None).table_valued("changed_kind", "n"))
    )
    counts = {row.changed_kind: row.n for row in changed}
    if (
        scope is None and sum(counts.values()) > _staged(connection) / 2
    ):  # until then the planner takes the results to be few
        connection.execute(text("ANALYZE score; ANALYZE contribution"))
    return counts


def _staged(connection: Connection) -> float:
    """About how many scores were staged."""
    query = "SELECT reltuples FROM pg_class WHERE oid = CAST('new_score' AS regclass)"
    return float(connection.execute(text(query)).scalar_one())


def result_hash(connection: Connection, edition_hash: str) -> bytes:
    """SHA-256 over all current results, after the edition's hash."""
    return bytes(connection.execute(select(func.result_hash(edition_hash))).scalar_one())


def record_run(connection: Connection, values: dict[str, Any]) -> int:
    """Add a run to the ledger and return its number."""
    run_id = connection.execute(select(func.coalesce(func.max(run.c.run_id), 0) + 1)).scalar_one()
    connection.execute(run.insert().values(run_id=run_id, **values))
    return int(run_id)


def last_run(connection: Connection, then: Moment | None = None) -> dict[str, Any] | None:
    """The newest run that set the current levels, now or by a moment."""
    query = select(run).where(run.c.current).order_by(run.c.rev.desc()).limit(1)
    if then is not None:
        query = query.where(run.c.rev <= then.rev)
    row = connection.execute(query).mappings().first()
    return dict(row) if row else None


def run_numbered(connection: Connection, run_id: int) -> dict[str, Any]:
    """One run of the ledger. NotFound where there is none of that number."""
    row = connection.execute(select(run).where(run.c.run_id == run_id)).mappings().first()
    if row is None:
        raise NotFound(f"没有第 {run_id} 次计算", remedy="可用的编号见 GET /api/v1/runs")
    return dict(row)


def results_at(connection: Connection, rev: int) -> list[dict[str, Any]]:
    """What a hash covers of every result as it stood after a revision: kind, code, score, level, grade."""
    rows = results_of("score", Moment(None, rev))
    query = select(*(rows.c[name] for name in ("kind", "code", "score", "level", "grade")))
    return [dict(row) for row in connection.execute(query).mappings()]


def runs(connection: Connection, limit: int = 50, offset: int = 0) -> list[dict[str, Any]]:
    """The run ledger, newest first."""
    return [
        dict(r)
        for r in connection.execute(
            select(run).order_by(run.c.run_id.desc()).limit(limit).offset(offset)
        ).mappings()
    ]


def account_of(
    connection: Connection, kind: str, code: str, then: Moment | None = None
) -> list[dict[str, Any]]:
    """The stored lines of one account in their order: item, record, value (micro-points), args."""
    rows = results_of("contribution", then)
    query = select(rows.c.item, rows.c.record, rows.c.value, rows.c.args)
    query = query.where(rows.c.kind == kind, rows.c.code == code).order_by(rows.c.n)
    return [dict(row) for row in connection.execute(query).mappings()]


def level_counts(connection: Connection, name: str = "level") -> dict[str, dict[int | None, int]]:
    """How many things of each kind have each level now, by `level`, `base_level` or `rise_level`."""
    level = score.c[name]
    query = select(score.c.kind, level, func.count()).group_by(score.c.kind, level)
    found: dict[str, dict[int | None, int]] = {}
    for kind, number, n in connection.execute(query):
        found.setdefault(kind, {})[number] = n
    return found

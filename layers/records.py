"""Records as people read them: one thing or a list, now or as of a moment, with its level beside it.

Every query runs in the caller's transaction, so row rights are the caller's. Keys are always present, absent is None,
colours are words, points are numbers with up to six decimals.
"""

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from sqlalchemy import (
    ColumnElement,
    Connection,
    Double,
    FromClause,
    Select,
    and_,
    cast,
    func,
    literal,
    or_,
    select,
    type_coerce,
)
from sqlalchemy.dialects.postgresql import JSON

from layers.computed import shades, told_by
from layers.held import add_held
from layers.history import CLOCK, Moment, results_of, rows_of
from layers.levels import LEVEL_NAMES, level_number, worst_first
from layers.schema import GEOGRAPHIC_SRID, city
from riskmap.assessed import FIELDS
from riskmap.credits import OF_SOURCES
from riskmap.errors import BadInput
from riskmap.vocabulary import AREA_KINDS, LEVELS

KINDS = ("source", "enterprise", *AREA_KINDS, "target", "danger")
"""The kinds of `show` and of the lists of the API."""
PREMISES_SUFFIX = "-P"
"""Ends the code of the implicit source that every open enterprise is."""
Row = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Page:
    """Some items of a list, and how many there are in all."""

    items: list[Row]
    total: int


@dataclass(frozen=True, slots=True)
class Filters:
    """What a list is limited to: a township, levels, a box (west, south, east, north in degrees), a text, a kind.

    `level` is the current one, `base_level` inherent, `rise_level` what dynamic records add.
    """

    township: str | None = None
    level: str | None = None
    base_level: str | None = None
    rise_level: str | None = None
    bbox: tuple[float, float, float, float] | None = None
    text: str | None = None
    kind: str | None = None


@dataclass(frozen=True, slots=True)
class _Listing:
    """The parts of one kind's query: what is read, from where, and which columns filters speak of."""

    columns: list[ColumnElement[Any]]
    origin: FromClause
    code: ColumnElement[Any]
    name: ColumnElement[Any]
    township: ColumnElement[Any]
    geom: ColumnElement[Any] | None
    kind: ColumnElement[Any] | None = None
    where: ColumnElement[bool] | None = None


def fetch(
    connection: Connection,
    kind: str,
    code: str | None = None,
    *,
    then: Moment | None = None,
    filters: Filters | None = None,
    limit: int | None = None,
    offset: int = 0,
    geometry: bool = False,
    worst: str | None = None,
) -> Page:
    """Records of a kind in order of code, with levels, now or as of a moment.

    `worst` puts the worst first: by inherent risk (`base`) or by what has risen (`rise`). `geometry` adds GeoJSON in
    CGCS2000 under `geometry`. BadInput for a kind or a level that does not exist.
    """
    if kind not in KINDS:
        raise BadInput(f"没有“{kind}”这一类记录", remedy="可用：" + "、".join(KINDS))
    listing = _listing(kind, then, code)
    columns = list(listing.columns)
    if geometry and listing.geom is not None:
        columns.append(type_coerce(func.ST_AsGeoJSON(listing.geom, 7).cast(JSON), JSON).label("geometry"))
    query = _limited(select(*columns).select_from(listing.origin), listing, filters or Filters())
    if code is not None:
        query = query.where(listing.code == code)
    about = told_by(connection, then)
    order = worst_first(query, worst) if worst else []
    page = query.order_by(*order, listing.code).limit(limit).offset(offset)
    rows = [dict(row) for row in connection.execute(page).mappings()]
    add_held(connection, kind, rows, then, about["data_time"])
    items = [_finish(row, about) for row in rows]
    if limit is None and offset == 0:
        return Page(items, len(items))
    total = connection.execute(select(func.count()).select_from(query.order_by(None).subquery())).scalar_one()
    return Page(items, int(total))


def visible_codes(connection: Connection, records: Iterable[str], then: Moment | None = None) -> set[str]:
    """Which of some records (`layer/code`) the caller's rights show; areas are shown by their own score."""
    by_layer: dict[str, set[str]] = {}
    for name in records:
        layer, _, code = name.partition("/")
        by_layer.setdefault(layer, set()).add(code)
    seen = set()
    for layer, codes in by_layer.items():
        rows = results_of("score", then) if layer in ("area", "source") else rows_of(layer, then)
        query = select(rows.c.code).where(rows.c.code.in_(codes))
        if layer in ("area", "source"):
            query = query.where(rows.c.kind.in_(AREA_KINDS if layer == "area" else ("source",)))
        seen |= {f"{layer}/{code}" for code in connection.execute(query).scalars()}
    return seen


def points(micro: int | None) -> float | None:
    """Points of a number of micro-points, up to six decimals."""
    return None if micro is None else micro / 1_000_000


def iso(value: datetime | date) -> str:
    """ISO 8601; instants in the city's own clock."""
    return value.astimezone(CLOCK).isoformat() if isinstance(value, datetime) else value.isoformat()


def _limited(query: Select[Any], listing: _Listing, filters: Filters) -> Select[Any]:
    if listing.where is not None:
        query = query.where(listing.where)
    if filters.township:
        query = query.where(listing.township == filters.township)
    for name in LEVEL_NAMES:
        wanted, column = getattr(filters, name), query.selected_columns.get(name)
        if wanted and column is not None:
            query = query.where(column == level_number(wanted))
    if filters.bbox and listing.geom is not None:
        query = query.where(listing.geom.op("&&")(func.ST_MakeEnvelope(*filters.bbox, GEOGRAPHIC_SRID)))
    if filters.text:
        pattern = filters.text.replace("\\", "\\\\").replace("%", "\\%").replace("_", "\\_")
        query = query.where(or_(listing.name.ilike(f"%{pattern}%"), listing.code.ilike(f"%{pattern}%")))
    if filters.kind and listing.kind is not None:
        query = query.where(listing.kind == filters.kind)
    return query


def _finish(row: Row, about: Row) -> Row:
    """Numbers and words of a row; the facts of its result are laid open beside them."""
    own = row.pop("facts", None)
    facts = own or {}
    if "score" in row:
        score, base = row["score"], row["base_score"]
        row |= {"score": points(score), "base_score": points(base)}
        row["rise"] = points(score - base) if score is not None and base is not None else None
        row |= about
        row["facts_visible"] = own is not None
    for name in (*LEVEL_NAMES, "level_held"):
        if name in row and not isinstance(row[name], str):
            row[name] = LEVELS.get(row[name])
    for name, value in row.items():
        if isinstance(value, date):
            row[name] = iso(value)
    known = _NO_FACTS["source" if "unit_type" in row else row.get("kind", "")] | facts
    return row | {name: value for name, value in known.items() if row.get(name) is None}


_NO_AREA_FACTS: Row = dict.fromkeys(("burden", "residents_and_day", "sources", "enterprises"))
_NO_FACTS: defaultdict[str, Row] = defaultdict(
    dict,
    dict.fromkeys(AREA_KINDS, _NO_AREA_FACTS),
    source={
        **dict.fromkeys(("people_500m", "people_500m_exact", "exposed_500m", "alpha", "s", "r", "hazard")),
        "partial": False,
        "unmatched": [],
        "substances": [],
        "assessments": [],
        "distances_m": {},
        "consequences": [],
        "confidence_causes": [],
    },
)
"""What stands in a record's JSON while no run has looked at it: keys are always present."""


def _listing(kind: str, then: Moment | None, code: str | None) -> _Listing:
    if kind == "source":
        return _premises(then) if code is not None and code.endswith(PREMISES_SUFFIX) else _sources(then)
    if kind == "enterprise":
        return _enterprises(then)
    if kind in ("target", "danger"):
        return _plain(kind, then)
    return _city(then) if kind == "city" else _areas(kind, then)


def _result(
    kind: str, code: ColumnElement[Any], then: Moment | None
) -> tuple[FromClause, ColumnElement[bool]]:
    result = results_of("score", then).alias("result")
    return result, and_(result.c.kind == kind, result.c.code == code)


def _result_columns(result: FromClause) -> list[ColumnElement[Any]]:
    levels = [result.c[name] for name in LEVEL_NAMES]
    return [result.c.score, result.c.base.label("base_score"), *levels, result.c.confidence]


def _shown_levels(result: FromClause, shade: FromClause) -> list[ColumnElement[Any]]:
    """As `_result_columns`, with the levels of areas that everyone signed in may read."""
    levels = [shade.c[name] for name in LEVEL_NAMES]
    return [result.c.score, result.c.base.label("base_score"), *levels, result.c.confidence]


def _middle(rows: FromClause) -> list[ColumnElement[Any]]:
    """Longitude and latitude of the one point that stands for a record."""
    point = func.ST_PointOnSurface(rows.c.geom)
    return [func.ST_X(point).label("lon"), func.ST_Y(point).label("lat")]


def _scope(rows: FromClause) -> list[ColumnElement[Any]]:
    declared = [rows.c.declared_township_code] if "declared_township_code" in rows.c else []
    return [rows.c.township_code, rows.c.village_code, rows.c.grid_code, *declared, rows.c.synthetic]


_OF_SOURCES = ("unit_type", "assessed_on", "filed_on", "cancelled_on", *FIELDS, *OF_SOURCES)
"""what premises have none of"""


def _sources(then: Moment | None) -> _Listing:
    rows = rows_of("source", then).alias("record")
    owner = rows_of("enterprise", then).alias("owner")
    result, same = _result("source", rows.c.code, then)
    names = (
        *("code", "name", "kind", "status", "opened_on", "closed_on", "enterprise_code", "unit_type"),
        *("assessed_on", "filed_on", "cancelled_on", *OF_SOURCES),
    )
    factors = [cast(rows.c[name], Double).label(name) for name in FIELDS]
    return _Listing(
        columns=[
            *(rows.c[name] for name in names),
            *factors,
            owner.c.name.label("enterprise_name"),
            *_scope(rows),
            *_middle(rows),
            *_result_columns(result),
            result.c.grade,
            result.c.facts,
        ],
        origin=rows.outerjoin(result, same).outerjoin(owner, owner.c.code == rows.c.enterprise_code),
        code=rows.c.code,
        name=rows.c.name,
        township=rows.c.township_code,
        geom=rows.c.geom,
        kind=rows.c.kind,
    )


def _premises(then: Moment | None) -> _Listing:
    """The implicit source of an enterprise: nowhere on file, asked for by its own code only."""
    rows = rows_of("enterprise", then).alias("record")
    code = rows.c.code + PREMISES_SUFFIX
    result, same = _result("source", code, then)
    return _Listing(
        columns=[
            code.label("code"),
            rows.c.name,
            literal("premises").label("kind"),
            *(rows.c[name] for name in ("status", "opened_on", "closed_on")),
            rows.c.code.label("enterprise_code"),
            *(literal(None).label(name) for name in _OF_SOURCES),
            rows.c.name.label("enterprise_name"),
            *_scope(rows),
            *_middle(rows),
            *_result_columns(result),
            result.c.grade,
            result.c.facts,
        ],
        origin=rows.outerjoin(result, same),
        code=code,
        name=rows.c.name,
        township=rows.c.township_code,
        geom=rows.c.geom,
    )


def _enterprises(then: Moment | None) -> _Listing:
    rows = rows_of("enterprise", then).alias("record")
    result, same = _result("enterprise", rows.c.code, then)
    left_out = {"geom", "geom_m", "rev", "rev_to", "valid_to", "gone", "enterprise_code"}
    return _Listing(
        columns=[
            *(c for c in rows.c if c.name not in left_out),
            *_middle(rows),
            *_result_columns(result),
            result.c.facts,
        ],
        origin=rows.outerjoin(result, same),
        code=rows.c.code,
        name=rows.c.name,
        township=rows.c.township_code,
        geom=rows.c.geom,
        kind=rows.c.industry,
    )


def _plain(kind: str, then: Moment | None) -> _Listing:
    """Records without a level of their own."""
    rows = rows_of(kind, then).alias("record")
    left_out = {"geom", "geom_m", "rev", "rev_to", "valid_to", "gone"}
    return _Listing(
        columns=[*(c for c in rows.c if c.name not in left_out), *_middle(rows)],
        origin=rows,
        code=rows.c.code,
        name=rows.c.title if kind == "danger" else rows.c.name,
        township=rows.c.township_code,
        geom=rows.c.geom,
        kind=rows.c.target_class if kind == "target" else rows.c.grade,
    )


def _areas(kind: str, then: Moment | None) -> _Listing:
    """Areas: names and levels are everyone's, scores and burdens only of one's own."""
    rows = rows_of("area", then).alias("record")
    result, same = _result(kind, rows.c.code, then)
    shade = shades(then)
    origin = rows.outerjoin(result, same)
    origin = origin.outerjoin(shade, and_(shade.c.kind == kind, shade.c.code == rows.c.code))
    return _Listing(
        columns=[
            *(rows.c[name] for name in ("code", "name", "parent_code", "people", "members")),
            rows.c.level.label("kind"),
            *_scope(rows),
            *_middle(rows),
            *_shown_levels(result, shade),
            result.c.facts,
        ],
        origin=origin,
        code=rows.c.code,
        name=rows.c.name,
        township=rows.c.township_code,
        geom=rows.c.geom,
        where=rows.c.level == kind,
    )


def _city(then: Moment | None) -> _Listing:
    """The city itself: on file since `init`, with or without a polygon."""
    area = rows_of("area", then).alias("record")
    result, same = _result("city", city.c.code, then)
    shade = shades(then)
    return _Listing(
        columns=[
            city.c.code,
            city.c.name,
            area.c.people,
            literal("city").label("kind"),
            area.c.synthetic,
            *_middle(area),
            *_shown_levels(result, shade),
            result.c.facts,
        ],
        origin=city.outerjoin(area, area.c.code == city.c.code)
        .outerjoin(result, same)
        .outerjoin(shade, and_(shade.c.kind == "city", shade.c.code == city.c.code)),
        code=city.c.code,
        name=city.c.name,
        township=city.c.code,
        geom=area.c.geom,
    )

"""Joint-control zones as people read them: lists, one zone with all that holds it together, its lineage, its account.

Every query runs in the caller's transaction: members, links and causes are told as far as the caller's rights go,
other members by their projection, and how many there are is everyone's who has one.
"""

from collections.abc import Collection
from dataclasses import dataclass
from typing import Any

from sqlalchemy import (
    ColumnElement,
    Connection,
    FromClause,
    Select,
    any_,
    func,
    literal,
    or_,
    select,
    type_coerce,
    union_all,
)
from sqlalchemy.dialects.postgresql import JSON

from layers.history import Moment, as_known, head_rev
from layers.levels import LEVEL_NAMES, level_number
from layers.reading import among
from layers.records import Page, iso, points
from layers.schema import GEOGRAPHIC_SRID, metadata
from layers.zone_tables import zone_event, zone_event_site, zone_run
from riskmap.vocabulary import LEVELS
from riskmap.zone_cuts import CUT_BY_MEMBERS, CUT_BY_SPAN
from riskmap.zone_links import KINDS, SIMILAR_FORMAT, SIMILAR_INDUSTRY

Row = dict[str, Any]
CUTS = {CUT_BY_SPAN: "span", CUT_BY_MEMBERS: "members"}
"""why a link was cut: the zone would be too wide, or have too many members"""
_ALIKE = {SIMILAR_INDUSTRY: "industry", SIMILAR_FORMAT: "format"}
_NOT_TOLD = {"geom", "geom_m", "rev", "rev_to", "hash", "code", "base", "facts"}


@dataclass(frozen=True, slots=True)
class ZoneFilters:
    """What a list of zones is limited to; `township`: it has a member there; `kind`: adjacent, domino or similar."""

    township: str | None = None
    level: str | None = None
    base_level: str | None = None
    rise_level: str | None = None
    kind: str | None = None
    agreement: str | None = None
    bbox: tuple[float, float, float, float] | None = None
    text: str | None = None


def zone_list(
    connection: Connection,
    *,
    then: Moment | None = None,
    filters: ZoneFilters | None = None,
    limit: int | None = None,
    offset: int = 0,
    geometry: bool = False,
    worst: bool = False,
) -> Page:
    """Zones in order of id, or the `worst` first, each with the members and the lineage that the caller may see.

    `geometry` adds GeoJSON in CGCS2000. BadInput for a level that does not exist.
    """
    rows = zone_rows("zone", then)
    query = _limited(select(*_columns(rows, geometry=geometry)), rows, filters or ZoneFilters())
    order: list[Any] = [rows.c.level.nulls_last(), rows.c.score.desc().nulls_last()] if worst else []
    page = query.order_by(*order, rows.c.code).limit(limit).offset(offset)
    found = [dict(row) for row in connection.execute(page).mappings()]
    codes = [row["code"] for row in found]
    members = _members(connection, codes, then)
    history = lineage(connection, codes, then)
    about = told_by(connection, then)
    items = [
        _finished(row, members.get(row["code"], []), history.get(row["code"], []), about) for row in found
    ]
    if limit is None and offset == 0:
        return Page(items, len(items))
    total = connection.execute(select(func.count()).select_from(query.subquery())).scalar_one()
    return Page(items, int(total))


def zone_detail(
    connection: Connection, code: str, *, then: Moment | None = None, geometry: bool = False
) -> Row | None:
    """One zone with everything: `member_records`, `neighbours`, `links`, `links_across`. None: none such.

    `neighbours` are the members that are not the caller's, by the projection; to who sees the city there are none.
    """
    rows = zone_rows("zone", then)
    query = select(*_columns(rows, geometry=geometry)).where(rows.c.code == code)
    row = connection.execute(query).mappings().first()
    if row is None:
        return None
    members = _members(connection, [code], then).get(code, [])
    history = lineage(connection, [code], then).get(code, [])
    known = then.rev if then else head_rev(connection)
    return _finished(dict(row), members, history, told_by(connection, then)) | {
        "member_records": [_member(one) for one in members],
        "neighbours": neighbours(connection, code, known),
        "links": _links(connection, [one["code"] for one in members], then),
        "links_across": _across(connection, code, known),
    }


def zones_in(connection: Connection, township: str) -> dict[str, str]:
    """The names of the zones that have a member in a township, by code."""
    zone = metadata.tables["zone"]
    query = select(zone.c.code, zone.c.name).where(literal(township) == any_(zone.c.townships))
    return {row.code: row.name for row in connection.execute(query.order_by(zone.c.code))}


def neighbours(connection: Connection, code: str, known: int) -> list[Row]:
    """The members of a zone that are not the caller's: kind, level, hazard, distance_m, bearing, name."""
    names = ("kind", "level", "hazard", "distance_m", "bearing", "name")
    if _sees_all(connection):
        return []
    found = connection.execute(select(func.zone_neighbour(code, known).table_valued(*names))).mappings()
    return [dict(row) | {"level": LEVELS.get(row["level"])} for row in found]


def lineage(
    connection: Connection, codes: Collection[str], then: Moment | None = None
) -> dict[str, list[Row]]:
    """What happened to zones, the newest first, with the sites that the caller may know; `joined`, `left` count all."""
    event, site = zone_event, zone_event_site
    query = select(event, zone_run.c.data_time).join(zone_run, zone_run.c.run_id == event.c.run_id)
    sites = select(site).where(site.c.zone_code == among(codes))
    if then is not None:
        query, sites = query.where(event.c.rev <= then.rev), sites.where(site.c.rev <= then.rev)
    told: dict[tuple[int, int], dict[str, list[Any]]] = {}
    for row in connection.execute(sites.order_by(site.c.code, site.c.what)):
        own = told.setdefault((row.run_id, row.n), {"joined": [], "left": [], "cause": []})
        own[row.role].append({"code": row.code, "what": row.what} if row.role == "cause" else row.code)
    found: dict[str, list[Row]] = {}
    query = query.where(event.c.zone_code == among(codes)).order_by(event.c.run_id.desc(), event.c.n)
    for row in connection.execute(query):
        own = told.get((row.run_id, row.n), {})
        found.setdefault(row.zone_code, []).append(
            {
                "run_id": row.run_id,
                "at": iso(row.data_time),
                "kind": row.kind,
                "other": row.other,
                "agreement": row.agreement,
                "joined": row.joined,
                "left": row.left_,
                "joined_members": own.get("joined", []),
                "left_members": own.get("left", []),
                "causes": own.get("cause", []),
            }
        )
    return found


def account_of_zone(connection: Connection, code: str, then: Moment | None = None) -> list[Row]:
    """The lines of a zone's account that the caller may see, in their order: n, item, record, value, args."""
    rows = zone_rows("zone_line", then)
    query = select(*(rows.c[name] for name in ("n", "item", "record", "value", "args")))
    query = query.where(rows.c.zone_code == code).order_by(rows.c.n)
    return [dict(row) for row in connection.execute(query).mappings()]


def members_of(connection: Connection, code: str, then: Moment | None = None) -> list[Row]:
    """The members of a zone that the caller may see, in order of code, as `zone_detail` tells them."""
    return [_member(one) for one in _members(connection, [code], then).get(code, [])]


def members_beyond(connection: Connection, code: str, known: int, level: str, mine: str) -> dict[str, Row]:
    """For jobs: the projection of the members of a zone that are not of some ground, by code."""
    names = ("code", "kind", "level", "hazard", "distance_m", "bearing", "name")
    found = func.zone_members_beyond(code, known, level, mine).table_valued(*names)
    return {row["code"]: dict(row) for row in connection.execute(select(found)).mappings()}


def told_by(connection: Connection, then: Moment | None = None) -> Row:
    """The zone run that what is shown comes from: run_id, of_run (of risks), edition, data_time."""
    query = select(zone_run.c.run_id, zone_run.c.of_run, zone_run.c.edition, zone_run.c.data_time)
    if then is not None:
        query = query.where(zone_run.c.rev <= then.rev)
    row = connection.execute(query.order_by(zone_run.c.run_id.desc()).limit(1)).mappings().first()
    if row is None:
        return dict.fromkeys(("run_id", "of_run", "edition", "data_time"))
    return dict(row) | {"data_time": iso(row["data_time"])}


def zone_rows(table: str, then: Moment | None) -> FromClause:
    """A table of zones now, or as the last run recorded by a moment left it."""
    return metadata.tables[table] if then is None else as_known(table, then.rev)


def _columns(rows: FromClause, *, geometry: bool) -> list[ColumnElement[Any]]:
    point = func.ST_PointOnSurface(rows.c.geom)
    columns: list[ColumnElement[Any]] = [rows.c.code, *(c for c in rows.c if c.name not in _NOT_TOLD)]
    columns += [rows.c.base.label("base_score"), rows.c.facts, func.encode(rows.c.hash, "hex").label("hash")]
    columns += [func.ST_X(point).label("lon"), func.ST_Y(point).label("lat")]
    if geometry:
        columns.append(type_coerce(func.ST_AsGeoJSON(rows.c.geom, 7, 0).cast(JSON), JSON).label("geometry"))
    return columns


def _limited(query: Select[Any], rows: FromClause, filters: ZoneFilters) -> Select[Any]:
    if filters.township:
        query = query.where(literal(filters.township) == any_(rows.c.townships))
    for name in LEVEL_NAMES:
        if wanted := getattr(filters, name):
            query = query.where(rows.c[name] == level_number(wanted))
    if filters.kind:
        query = query.where(literal(filters.kind) == any_(rows.c.kinds))
    if filters.agreement:
        query = query.where(rows.c.agreement == filters.agreement)
    if filters.bbox:
        query = query.where(rows.c.geom.op("&&")(func.ST_MakeEnvelope(*filters.bbox, GEOGRAPHIC_SRID)))
    if filters.text:
        pattern = filters.text.replace("\\", "\\\\").replace("%", "\\%").replace("_", "\\_")
        told = (rows.c.name, rows.c.code, rows.c.lead_name)
        query = query.where(or_(*(column.ilike(f"%{pattern}%") for column in told)))
    return query


def _members(
    connection: Connection, codes: Collection[str], then: Moment | None
) -> dict[str, list[dict[str, Any]]]:
    rows = zone_rows("zone_member", then)
    query = select(rows).where(rows.c.zone_code == among(codes)).order_by(rows.c.zone_code, rows.c.code)
    found: dict[str, list[dict[str, Any]]] = {}
    for row in connection.execute(query).mappings():
        found.setdefault(row["zone_code"], []).append(dict(row))
    return found


def _member(row: Row) -> Row:
    left_out = {"rev", "rev_to", "base", "domino_mm", "grid_code", "enterprise_code"}
    told = {name: value for name, value in row.items() if name not in left_out}
    return told | {
        "score": points(row["score"]),
        "base_score": points(row["base"]),
        "level": LEVELS.get(row["level"]),
        "domino_m": row["domino_mm"] / 1000,
    }


def _finished(row: Row, members: list[Row], history: list[Row], about: Row) -> Row:
    """A zone as CONTRACT tells it, and more; numbers and words of it as everywhere."""
    score, base = row["score"], row["base_score"]
    lead = next((one["code"] for one in members if one["leads"]), None)
    return (
        {"id": row["code"], **row, "kind": "zone"}
        | {name: LEVELS.get(row[name]) for name in LEVEL_NAMES}
        | {"score": points(score), "base_score": points(base)}
        | {"rise": None if score is None else points(score - base), "lead_code": lead}
        | {"members": [one["code"] for one in members], "lineage": history, **about}
    )


def _links(connection: Connection, codes: Collection[str], then: Moment | None) -> list[Row]:
    """Links of these sites, kept and cut, of which the caller may know both ends: the strongest first."""
    edge = zone_rows("zone_edge", then)
    names = union_all(
        *(
            select(rows.c.code, rows.c.name)
            for rows in (metadata.tables["enterprise"], metadata.tables["source"])
        )
    ).subquery()
    query = select(edge).where(or_(edge.c.a == among(codes), edge.c.b == among(codes)))
    found = [
        _link(row, row["a"], row["b"])
        for row in connection.execute(
            query.order_by(edge.c.kind, edge.c.distance_mm, edge.c.a, edge.c.b)
        ).mappings()
    ]
    ends = {one[end] for one in found for end in ("a", "b")}
    known: dict[str, str] = {}
    for row in connection.execute(select(names).where(names.c.code == among(ends))):
        known.setdefault(row.code, row.name)
    return [one | {"a_name": known.get(one["a"]), "b_name": known.get(one["b"])} for one in found]


def _link(row: Any, a: str | None, b: str | None) -> Row:
    return {
        "kind": KINDS[row["kind"]],
        "by": _ALIKE.get(row["kind"]),
        "distance_m": row["distance_mm"] / 1000,
        "cut": CUTS.get(row["cut"]),
        "a": a,
        "b": b,
    }


def _across(connection: Connection, code: str, known: int) -> list[Row]:
    """Links of the caller's members of a zone with others', which are told by their name."""
    if _sees_all(connection):
        return []
    names = ("code", "kind", "distance_mm", "cut", "name")
    found = connection.execute(select(func.zone_links_across(code, known).table_valued(*names))).mappings()
    return [_link(row, row["code"], None) | {"b_name": row["name"]} for row in found]


def _sees_all(connection: Connection) -> bool:
    """Whether the caller is the city or a job: nothing is anybody else's."""
    role = connection.execute(select(func.current_setting("role"))).scalar_one()
    return role in ("riskmap_city", "none")

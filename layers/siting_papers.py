"""Opinion papers as they are kept: filed once, found by number, listed; and what filed proposals are to later ones."""

from datetime import date
from typing import Any

import shapely
from sqlalchemy import Connection, RowMapping, Select, Text, column, func, literal, select
from sqlalchemy.dialects.postgresql import ARRAY, insert

from layers.schema import metadata
from layers.siting import Row, Site
from layers.siting_paper_tables import siting_notice, siting_paper
from riskmap.errors import NotFound
from riskmap.siting_papers import PLANNED

_QUEUE = (4309, 66)
"""pg_advisory_xact_lock of those who file: one number after the other"""
_PLANNED = literal(list(PLANNED), ARRAY(Text()))
_LISTED = (
    *("number", "replaces", "version", "applicant", "project_code", "name", "kind", "stage", "verdict"),
    *("made_at", "made_by", "valid_until", "edition", "sha256"),
)


def next_serial(connection: Connection, year: int) -> int:
    """The serial of the year's next paper; others who file wait until this transaction ends."""
    connection.execute(select(func.pg_advisory_xact_lock(*_QUEUE)))
    query = select(func.coalesce(func.max(siting_paper.c.serial), 0) + 1)
    return int(connection.execute(query.where(siting_paper.c.year == year)).scalar_one())


def keep_paper(connection: Connection, paper: Row, site: Site, notice: Row) -> None:
    """File a paper and what is public of it."""
    connection.execute(insert(siting_paper).values(**paper, geom_m=site.sql()))
    connection.execute(insert(siting_notice).values(**notice))


def paper_named(connection: Connection, number: str) -> Row:
    """A paper with its data part as it was filed, and `replaced_by`. NotFound where this reader has none of that number."""
    newer = siting_paper.alias("newer")
    query = (
        select(*(siting_paper.c[name] for name in (*_LISTED, "data")), newer.c.number.label("replaced_by"))
        .outerjoin(newer, newer.c.replaces == siting_paper.c.number)
        .where(siting_paper.c.number == number)
    )
    row = connection.execute(query).mappings().first()
    if row is None:
        raise NotFound(f"没有编号为 {number} 的意见书", remedy="请核对编号")
    return _told(row)


def papers(connection: Connection, *, limit: int, offset: int = 0) -> tuple[list[Row], int]:
    """Papers without their data part, the newest first, and how many there are."""
    newer = siting_paper.alias("newer")
    query = (
        select(*(siting_paper.c[name] for name in _LISTED), newer.c.number.label("replaced_by"))
        .outerjoin(newer, newer.c.replaces == siting_paper.c.number)
        .order_by(siting_paper.c.year.desc(), siting_paper.c.serial.desc())
    )
    return _page(connection, query, limit, offset)


def notices(connection: Connection, *, limit: int, offset: int = 0) -> tuple[list[Row], int]:
    """What is public of papers, the newest first, and how many there are: none where this reader may not know."""
    newer = siting_notice.alias("newer")
    columns = [column for column in siting_notice.c if column.name != "rev"]
    query = (
        select(*columns, newer.c.number.label("replaced_by"))
        .outerjoin(newer, newer.c.replaces == siting_notice.c.number)
        .order_by(siting_notice.c.filed_on.desc(), siting_notice.c.rev.desc())
    )
    return _page(connection, query, limit, offset)


def list_is_public(connection: Connection) -> bool:
    """Whether the city lets everybody read the public list."""
    return bool(connection.execute(select(func.siting_list_is_public())).scalar_one())


def latest_of_project(connection: Connection, project_code: str) -> str | None:
    """The number of a project's newest paper; None without one."""
    query = select(siting_paper.c.number).where(siting_paper.c.project_code == project_code)
    query = query.order_by(siting_paper.c.year.desc(), siting_paper.c.serial.desc()).limit(1)
    return connection.execute(query).scalar_one_or_none() if project_code else None


def planned_on(connection: Connection, day: date, *, own: str | None, leave_out: str | None) -> list[Row]:
    """Filed proposals that a later one has to reckon with: not refused, not expired, not replaced by a newer paper.

    Left out are those of the enterprise `own` and the paper that is itself being replaced.
    """
    found = func.planned_paper(day, _PLANNED, own, leave_out or None)
    return _planned(connection, found, "number")


def planned_about(
    connection: Connection,
    day: date,
    *,
    own: str | None,
    leave_out: str | None,
    project_code: str,
    within_m: float,
) -> list[Row]:
    """The same in and about the reader's own area, as far as it may know of them: neither numbers nor inventories.

    `number` only tells one from the other. Left out is also the newest paper of a project.
    """
    found = func.planned_neighbour(day, _PLANNED, own, leave_out or None, project_code, within_m)
    return [{**row, "number": str(n)} for n, row in enumerate(_planned(connection, found))]


def _planned(connection: Connection, found: Any, *more: str) -> list[Row]:
    names = (*more, "name", "kind", "uses", "consequences", "geom_m")
    known = found.table_valued(*(column(name, siting_paper.c[name].type) for name in names), name="planned")
    query = select(*(known.c[name] for name in names[:-1]), func.ST_AsBinary(known.c.geom_m).label("shape"))
    return [
        {**row, "shape": shapely.from_wkb(bytes(row["shape"]))}
        for row in connection.execute(query).mappings()
    ]


def overlays_at(connection: Connection, site: Site) -> list[Row]:
    """Overlay areas (parks, flood storage, reserves) that touch a site."""
    area = metadata.tables["area"]
    query = select(area.c.code, area.c.name).where(
        area.c.level == "overlay",
        area.c.geom_m.op("&&")(site.sql()),
        func.ST_Intersects(area.c.geom_m, site.sql()),
    )
    return [dict(row) for row in connection.execute(query.order_by(area.c.code)).mappings()]


def marked_about(connection: Connection, site: Site, reach_m: float, most: int) -> list[Row]:
    """Open targets and sources about a site, the nearest first: what its map marks."""
    here = site.sql()
    rows: list[Row] = []
    for layer in ("target", "source"):
        table = metadata.tables[layer]
        apart = func.ST_Distance(table.c.geom_m, here)
        point = func.place_point(table.c.geom)
        query = (
            select(
                table.c.code,
                table.c.name,
                (table.c.kind if layer == "source" else table.c.target_class).label("kind"),
                func.ST_X(point).label("lon"),
                func.ST_Y(point).label("lat"),
                apart.label("distance_m"),
            )
            .where(
                table.c.geom_m.op("&&")(func.ST_Expand(here, reach_m)),
                func.ST_DWithin(table.c.geom_m, here, reach_m),
                table.c.status.is_distinct_from("closed"),
            )
            .order_by(apart, table.c.code)
            .limit(most)
        )
        rows += [{"layer": layer, **row} for row in connection.execute(query).mappings()]
    found = sorted(rows, key=lambda row: (row["distance_m"], row["layer"], row["code"]))[:most]
    for row in found:
        row |= {
            "distance_m": round(row["distance_m"], 1),
            "lon": round(row["lon"], 7),
            "lat": round(row["lat"], 7),
        }
    return found


def _page(connection: Connection, query: Select[Any], limit: int, offset: int) -> tuple[list[Row], int]:
    total = connection.execute(select(func.count()).select_from(query.order_by(None).subquery())).scalar_one()
    rows = connection.execute(query.limit(limit).offset(offset)).mappings()
    return [_told(row) for row in rows], int(total)


def _told(row: RowMapping) -> Row:
    return {**row, "sha256": bytes(row["sha256"]).hex()}

"""What a change can reach: which sources, enterprises, places and areas a run must look at anew since the last one.

Every look-up takes the records as they are and as the last run knew them, so that what moved, left or closed is found
where it was, too.
"""

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from typing import Any

import pandas as pd
import shapely
from sqlalchemy import (
    Boolean,
    ColumnElement,
    Connection,
    Double,
    FromClause,
    Select,
    and_,
    cast,
    exists,
    func,
    literal_column,
    or_,
    select,
    text,
    union,
    union_all,
)

from layers.copying import copy_in
from layers.dynamic import counting
from layers.history import Moment, as_known, rows_of
from layers.reading import among, read_frame
from layers.records import PREMISES_SUFFIX
from layers.risk import Only
from layers.schema import SCOPE, change, metadata, score

MOST_RECORDS = 2_000
"""changed records that are always gone through one by one"""
_MOST_OF = 20
"""in a large city that part of its sources, too; from there on a whole run is no slower"""
_MANY = "*"
"""the one entry among the changes for a write of many records"""
_PEOPLE_RADIUS_M = 500.0
"""people are counted so far around a registered source, whatever its reach"""
_SLACK_M = 0.01


@dataclass(slots=True)
class Touched:
    """Codes to look at anew: sources (premises among them), enterprises, places."""

    sources: set[str] = field(default_factory=set)
    enterprises: set[str] = field(default_factory=set)
    places: set[str] = field(default_factory=set)

    def __bool__(self) -> bool:
        return bool(self.sources or self.enterprises or self.places)


def changed_records(connection: Connection, rev: int) -> dict[str, set[str]] | None:
    """By table the codes written after a revision, events left out; None where there are too many to go one by one."""
    sources = select(func.count()).where(score.c.kind == "source")
    most = max(MOST_RECORDS, connection.execute(sources).scalar_one() // _MOST_OF)
    query = select(change.c.layer, change.c.code).where(
        change.c.rev > rev, change.c.layer != literal_column("'event'")
    )
    found: dict[str, set[str]] = {}
    for row in connection.execute(query.distinct().limit(most + 1)):
        found.setdefault(row.layer, set()).add(row.code)
    for layer in [layer for layer, codes in found.items() if _MANY in codes]:
        found[layer] = found[layer] - {_MANY} | _written(connection, layer, rev, most)
    return found if sum(map(len, found.values())) <= most else None


def _written(connection: Connection, layer: str, rev: int, most: int) -> set[str]:
    """Codes of the records of a layer that were written after a revision, no more than one too many of them."""
    now, past = metadata.tables[layer], metadata.tables[f"{layer}_past"]
    overtaken = or_(past.c.rev > rev, and_(past.c.rev_to > rev, ~past.c.gone))
    either = select(now.c.code).where(now.c.rev > rev).union(select(past.c.code).where(overtaken))
    return set(connection.execute(either.limit(most + 1)).scalars())


def values_of(connection: Connection, table: str, codes: Collection[str], rev: int, name: str) -> set[str]:
    """What a column says, and said at a revision, on some records."""
    if not codes:
        return set()
    queries = [
        select(rows.c[name]).where(rows.c.code == among(codes), rows.c[name].is_not(None))
        for rows in _now_and_known(table, rev)
    ]
    return set(connection.execute(union_all(*queries)).scalars())


def sources_of(connection: Connection, enterprises: Collection[str], rev: int) -> set[str]:
    """All sources that enterprises have or had, their premises among them."""
    if not enterprises:
        return set()
    queries = [
        select(rows.c.code).where(rows.c.enterprise_code == among(enterprises))
        for rows in _now_and_known("source", rev)
    ]
    return set(connection.execute(union_all(*queries)).scalars()) | {
        f"{code}{PREMISES_SUFFIX}" for code in enterprises
    }


def sources_around(
    connection: Connection, table: str, codes: Collection[str], rev: int, far_m: float
) -> set[str]:
    """Sources that reach the positions which places or targets have or had, or count people there."""
    if not codes:
        return set()
    query = f"""
      WITH moved AS (
        SELECT geom_m FROM {table} WHERE code = ANY(:codes)
        UNION ALL SELECT geom_m FROM {table}_all WHERE code = ANY(:codes) AND rev <= :rev AND rev_to > :rev)
      SELECT DISTINCT near.code FROM moved m CROSS JOIN LATERAL (
        SELECT s.code, s.geom_m FROM source s WHERE ST_DWithin(s.geom_m, m.geom_m, :far)
        UNION ALL
        SELECT e.code || :suffix, e.geom_m FROM enterprise e WHERE ST_DWithin(e.geom_m, m.geom_m, :far)
        UNION ALL
        SELECT s.code, e.geom_m FROM enterprise e JOIN source s ON s.enterprise_code = e.code
          WHERE ST_DWithin(e.geom_m, m.geom_m, :far)) near
      JOIN score r ON r.kind = 'source' AND r.code = near.code
      WHERE ST_DWithin(near.geom_m, m.geom_m,
        greatest(:radius, (r.facts -> 'distances_m' ->> 'reach')::float8) + :slack)"""
    values = {
        "codes": list(codes),
        "rev": rev,
        "far": far_m,
        "suffix": PREMISES_SUFFIX,
        "radius": _PEOPLE_RADIUS_M,
        "slack": _SLACK_M,
    }
    return set(connection.execute(text(query), values).scalars())


def at_one_point(connection: Connection, enterprises: Collection[str], rev: int) -> set[str]:
    """Enterprises that stand where some stand or stood: how many share a point is told of each of them."""
    if not enterprises:
        return set()
    query = """
      WITH there AS (
        SELECT geom_m FROM enterprise WHERE code = ANY(:codes)
        UNION ALL SELECT geom_m FROM enterprise_all WHERE code = ANY(:codes) AND rev <= :rev AND rev_to > :rev)
      SELECT DISTINCT e.code FROM there t JOIN enterprise e ON ST_DWithin(e.geom_m, t.geom_m, :slack)"""
    values = {"codes": list(enterprises), "rev": rev, "slack": _SLACK_M}
    return set(connection.execute(text(query), values).scalars())


def event_rows(connection: Connection, rev: int) -> list[Mapping[str, Any]]:
    """Events that count and came in, or were taken back, after a revision: kind, whose, and where."""
    queries = []
    for rows, since in (
        (metadata.tables["event"], metadata.tables["event"].c.rev),
        (metadata.tables["event_past"], metadata.tables["event_past"].c.rev_to),
    ):
        names = (rows.c[name] for name in ("code", "kind", "source_code", "sensor_code", *SCOPE))
        queries.append(select(*names).where(since > rev, counting(rows)))
    return [dict(row) for row in connection.execute(union_all(*queries).limit(MOST_RECORDS + 1)).mappings()]


def limits(
    sources: Collection[str],
    enterprises: Collection[str],
    then: Moment | None = None,
    places: Collection[str] = (),
) -> dict[str, Only]:
    """What is read for the accounts of some sources and enterprises, now or as of a moment: their records, and people and
    targets around them.

    The table `touched_site` says where the sources stand. `places` are read besides, and one place of the city in any
    case: where people are on file, some are nowhere near, and that is known.
    """
    first = rows_of("population", then).alias("first")

    def around(rows: FromClause) -> ColumnElement[bool]:
        a_place = select(func.min(first.c.code)).scalar_subquery()
        return or_(
            rows.c.code.in_(_near("population", then)), rows.c.code == among(places), rows.c.code == a_place
        )

    def with_people(rows: FromClause) -> ColumnElement[bool]:
        people = rows_of("population", then).alias("people")
        grids = select(people.c.grid_code).where(people.c.code.in_(_near("population", then)))
        return rows.c.code.in_(grids)

    return {
        "enterprise": lambda rows: rows.c.code == among(enterprises),
        "source": lambda rows: rows.c.code == among(sources),
        "inventory": lambda rows: rows.c.source_code == among(sources),
        "zone_external": lambda rows: rows.c.source_code == among(sources),
        "population": around,
        "target": lambda rows: rows.c.code.in_(_near("target", then)),
        "area": with_people,
    }


def _near(table: str, then: Moment | None) -> Select[Any]:
    """Codes of the records of a table within the sites' radii, by the index of their positions."""
    rows = rows_of(table, then).alias("near")
    within = func.ST_DWithin(
        rows.c.geom_m, literal_column("touched_site.geom_m"), literal_column("touched_site.r_m")
    )
    return select(rows.c.code).select_from(text("touched_site")).where(within)


def naming(connection: Connection, tables: Collection[str], sources: Collection[str], rev: int) -> set[str]:
    """Which of some sources are named, or were at a revision, by a record of some tables."""
    queries = [
        select(rows.c.source_code).where(rows.c.source_code == among(sources))
        for table in tables
        for rows in _now_and_known(table, rev)
    ]
    return set(connection.execute(union_all(*queries)).scalars())


def mark_sites(connection: Connection, around: Mapping[float, Collection[str]], rev: int) -> None:
    """Fill `touched_site` anew: where sources and their enterprises stand and stood, by radius in metres."""
    _make_sites(connection)
    for radius_m, sources in around.items():
        _mark_sites(connection, sources, rev, radius_m)
    connection.execute(text("ANALYZE touched_site"))


def _mark_sites(connection: Connection, sources: Collection[str], rev: int, radius_m: float) -> None:
    query = """
      INSERT INTO touched_site
      SELECT s.geom_m, CAST(:r AS float8) FROM source_all s
        WHERE s.code = ANY(:codes) AND s.geom_m IS NOT NULL AND (s.rev_to > :rev)
      UNION
      SELECT e.geom_m, CAST(:r AS float8) FROM enterprise_all e
        WHERE e.geom_m IS NOT NULL AND e.rev_to > :rev AND e.code IN (
          SELECT s.enterprise_code FROM source_all s WHERE s.code = ANY(:codes) AND s.rev_to > :rev
          UNION SELECT left(c, :cut) FROM unnest(CAST(:codes AS text[])) c WHERE right(c, :length) = :suffix)"""
    length = len(PREMISES_SUFFIX)
    values = {
        "codes": list(sources),
        "rev": rev,
        "r": radius_m,
        "cut": -length,
        "length": length,
        "suffix": PREMISES_SUFFIX,
    }
    connection.execute(text(query), values)


def mark_reaches(connection: Connection, sites: pd.DataFrame) -> None:
    """Fill `touched_site` anew with sites (shapely, metres) and the radius of each."""
    _make_sites(connection)
    srid = connection.execute(select(metadata.tables["city"].c.metric_srid)).scalar_one()
    given = sites[sites["site"].notna()]
    shapes = shapely.set_srid(given["site"].to_numpy(object), srid)
    hexes = shapely.to_wkb(shapes, hex=True, include_srid=True)
    copy_in(connection, "touched_site", pd.DataFrame({"geom_m": hexes, "r_m": given["r_m"].to_numpy()}))
    connection.execute(text("ANALYZE touched_site"))


def _make_sites(connection: Connection) -> None:
    connection.execute(text("DROP TABLE IF EXISTS touched_site"))
    connection.execute(text("CREATE TEMP TABLE touched_site (geom_m geometry, r_m float8) ON COMMIT DROP"))


def sources_at_marks(connection: Connection) -> set[str]:
    """Codes of the sources whose position, or their enterprise's, meets the box of a marked site."""
    query = """
      SELECT s.code FROM touched_site m JOIN source s ON s.geom_m && m.geom_m
      UNION ALL
      SELECT s.code FROM touched_site m JOIN enterprise e ON e.geom_m && m.geom_m JOIN source s ON s.enterprise_code = e.code
      UNION ALL
      SELECT e.code || :suffix FROM touched_site m JOIN enterprise e ON e.geom_m && m.geom_m"""
    return set(connection.execute(text(query), {"suffix": PREMISES_SUFFIX}).scalars())


def uncommon_sources(connection: Connection) -> set[str]:
    """Codes of all sources but the plain premises: those at one point that hold nothing, have no study, and where
    nothing is going on, so that they reach no farther than their kind.
    """
    firm = metadata.tables["enterprise"]
    named = [metadata.tables[table].c.source_code for table in ("inventory", "zone_external")]
    holding = [select(code).where(code.endswith(PREMISES_SUFFIX)) for code in named]
    risen = select(score.c.code).where(score.c.kind == "source", score.c.score != score.c.base)
    spread = select(firm.c.code + PREMISES_SUFFIX).where(func.GeometryType(firm.c.geom_m) != "POINT")
    codes = union(select(metadata.tables["source"].c.code), *holding, risen, spread)
    return set(connection.execute(codes).scalars())


def standing_counts(connection: Connection, areas: Collection[str]) -> pd.DataFrame:
    """How many sources of the current results are alike in level, base_level, being registered, and where they stand.

    `areas` are the columns that say where.
    """
    registered = cast(~score.c.code.endswith(PREMISES_SUFFIX), Boolean).label("registered")
    columns = [*(score.c[name] for name in areas), score.c.level, score.c.base_level, registered]
    query = select(*columns, func.count().label("count")).where(score.c.kind == "source")
    return read_frame(connection, query.group_by(*columns))


def reached_places(connection: Connection, changed: Collection[str], rev: int) -> pd.DataFrame:
    """Code and scope of every place within the marked reaches, and of changed ones as they are and were."""
    people = metadata.tables["population"]
    queries = [
        select(rows.c.code, *(rows.c[name] for name in SCOPE)).where(rows.c.code == among(changed))
        for rows in _now_and_known("population", rev)
    ]
    within = select(people.c.code, *(people.c[name] for name in SCOPE)).where(
        people.c.code.in_(_near("population", None))
    )
    rows = connection.execute(union_all(within, *queries)).all()
    return pd.DataFrame(rows, columns=["code", *SCOPE], dtype=object)


def scores_of(
    connection: Connection, kind: str, codes: Collection[str] | None = None
) -> list[Mapping[str, Any]]:
    """Current results of a kind, of all or some codes: code, score, base, facts."""
    query = select(score.c.code, score.c.score, score.c.base, score.c.facts).where(score.c.kind == kind)
    if codes is not None:
        query = query.where(score.c.code == among(codes))
    return [dict(row) for row in connection.execute(query).mappings()]


def places_now(connection: Connection, codes: Collection[str]) -> pd.DataFrame:
    """Current results of some places: code, score, base and people."""
    people = cast(score.c.facts["people"].as_float(), Double).label("people")
    query = select(score.c.code, score.c.score, score.c.base, people)
    return read_frame(connection, query.where(score.c.kind == "place", score.c.code == among(codes)))


def has_places(connection: Connection, then: Moment | None = None) -> bool:
    """Whether people are on file where they are; else they are taken to be spread over the grid units."""
    people = rows_of("population", then)
    return bool(connection.execute(select(exists(select(people.c.code)))).scalar_one())


def conditions(codes: Mapping[str, Collection[str]], places: Collection[str]) -> tuple[Only, Only]:
    """Which places, and which areas, are read for areas to be computed anew: their own, and those of every overlay.

    `codes` are the areas by the column that says where a record stands; `places` are read wherever they are.
    """
    overlay = metadata.tables["area"].alias("overlay")
    named = {code for found in codes.values() for code in found}

    def of_people(rows: FromClause) -> ColumnElement[bool]:
        members = select(func.unnest(overlay.c.members)).where(overlay.c.level == "overlay").scalar_subquery()
        standing = [rows.c.code == among(places)]
        standing += [rows.c[name] == among(found) for name, found in codes.items() if found]
        standing += [rows.c[name].in_(members) for name in codes]
        inside = rows.alias("inside")  # joined by the index of positions: asked row by row it takes seconds
        within = overlay.join(inside, func.ST_Intersects(overlay.c.geom_m, inside.c.geom_m))
        by_polygon = and_(overlay.c.level == "overlay", overlay.c.members.is_(None))
        standing.append(rows.c.code.in_(select(inside.c.code).select_from(within).where(by_polygon)))
        return or_(*standing)

    return of_people, lambda rows: or_(rows.c.level == "overlay", rows.c.code == among(named))


def _now_and_known(table: str, rev: int) -> tuple[FromClause, FromClause]:
    """The records of a table as they are, and as they were known at a revision."""
    return metadata.tables[table], as_known(table, rev)

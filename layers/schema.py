"""Every table, once. Layers are built from `layers.fields`; history, rights and results follow one counter, `rev`.

A layer has two tables: `<table>` holds what is said now, `<table>_past` what was said before. Triggers, the view
`<table>_all` and the row policies hang on them by name; `layers/sql/` re-applies those at every migration.
Each row carries its scope (township, village, grid unit, enterprise, committee), so that a policy is one equality.
"""

from typing import Any

from geoalchemy2 import Geometry
from sqlalchemy import (
    ARRAY,
    BigInteger,
    Boolean,
    CheckConstraint,
    Column,
    Date,
    DateTime,
    Double,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    Numeric,
    PrimaryKeyConstraint,
    SmallInteger,
    Table,
    Text,
    and_,
    or_,
    text,
)
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.types import TypeEngine

from layers.fields import TABLES, Field, Layer

GEOGRAPHIC_SRID = 4490
"""CGCS2000, longitude and latitude."""
METRIC_SRID = 4547
"""The metric system these definitions name; a city with another one has its own number in the database."""

SCOPE = ("township_code", "village_code", "grid_code", "enterprise_code", "committee")
"""Where a row belongs: the columns that row policies compare. Null: city roles only."""

metadata = MetaData()

CODE = Text(collation="C")
_TYPES: dict[str, TypeEngine[Any]] = {
    "text": Text(),
    "choice": Text(),
    "int": Integer(),
    "number": Double(),
    "decimal": Numeric(),
    "bool": Boolean(),
    "date": Date(),
    "time": DateTime(timezone=True),
    "codes": ARRAY(CODE),
}


def _type_of(field: Field, name: str) -> TypeEngine[Any]:
    return CODE if name == "code" or name.endswith("_code") else _TYPES[field.kind]


def scope_columns() -> list[Column[Any]]:
    """New columns of `SCOPE`."""
    return [Column(name, CODE) for name in SCOPE]


def _layer_columns(layer: Layer) -> list[Column[Any]]:
    """Code, fields, scope, position, valid_from, rev: the same order in `<table>` and `<table>_past`."""
    columns: dict[str, Column[Any]] = {"code": Column("code", CODE, nullable=False)}
    for field, name in zip(layer.fields, layer.columns, strict=True):
        columns.setdefault(name, Column(name, _type_of(field, name), nullable=not field.required))
    for name in SCOPE:
        columns.setdefault(name, Column(name, CODE))
    if layer.position != "none":
        for name, srid in (("geom", GEOGRAPHIC_SRID), ("geom_m", METRIC_SRID)):
            kind = Geometry("GEOMETRY", srid=srid, spatial_index=False)
            columns[name] = Column(name, kind, nullable=layer.position == "optional")
    columns["valid_from"] = Column("valid_from", Date, nullable=False)
    columns["rev"] = Column("rev", BigInteger, nullable=False)
    return list(columns.values())


def _index_scope(table: Table) -> None:
    for name in ("township_code", "source_code", "enterprise_code"):
        if name in table.c:
            Index(f"{table.name}_{name}", table.c[name])


def _index_stream(table: Table) -> None:
    """What comes in without end is asked for by its time (the newest of all, of a place, a source or a sensor), or by revision."""
    Index(f"{table.name}_time", table.c.time)
    Index(f"{table.name}_rev", table.c.rev)
    for name in ("township_code", "enterprise_code", "source_code", "sensor_code"):
        Index(f"{table.name}_{name}", table.c[name], table.c.time)
    for name in ("rev", "until"):
        Index(f"{table.name}_counting_{name}", table.c[name], postgresql_where=table.c.kind != "reading")


def _index_position(table: Table, *, few: bool = False) -> None:
    """`few`: most rows have none, and are not worth an entry."""
    for name in ("geom", "geom_m"):
        if name in table.c:
            where = table.c[name].is_not(None) if few else None
            Index(f"{table.name}_{name}", table.c[name], postgresql_using="gist", postgresql_where=where)


def _add_layer(layer: Layer) -> None:
    now = Table(layer.table, metadata, *_layer_columns(layer))
    now.append_constraint(PrimaryKeyConstraint(now.c.code, name=f"{layer.table}_pkey"))
    for name in ("geom", "geom_m"):
        if name in now.c:
            now.append_constraint(CheckConstraint(f"ST_IsValid({name})", name=f"{layer.table}_{name}_valid"))
    if layer.immutable:
        _index_stream(now)
    else:
        _index_scope(now)
    _index_position(now, few=layer.immutable)
    past = Table(
        f"{layer.table}_past",
        metadata,
        *_layer_columns(layer),
        Column("rev_to", BigInteger, nullable=False),
        Column("valid_to", Date, nullable=False),
        Column("gone", Boolean, nullable=False, server_default=text("false")),
    )
    Index(f"{past.name}_code_rev", past.c.code, past.c.rev)
    if layer.immutable:
        where = past.c.kind != "reading"
        Index(f"{past.name}_counting_rev_to", past.c.rev_to, postgresql_where=where)
    _index_position(past, few=layer.immutable)


for _layer in TABLES.values():
    _add_layer(_layer)
Index("duty_object", metadata.tables["duty"].c.object_layer, metadata.tables["duty"].c.object_code)
"""Whom to call is asked by what they answer for."""

head = Table(
    "head",
    metadata,
    Column("one", Boolean, primary_key=True, server_default=text("true")),
    Column("rev", BigInteger, nullable=False),
    Column("hash", LargeBinary, nullable=False),
    CheckConstraint("one", name="head_one"),
)

revision = Table(
    "revision",
    metadata,
    Column("rev", BigInteger, primary_key=True, autoincrement=False),
    Column("at", DateTime(timezone=True), nullable=False),
    Column("actor", Text, nullable=False),
    Column("job", Text, nullable=False),
    Column("reason", Text),
    Column("detail", JSONB, nullable=False, server_default=text("'[]'")),
    Column("prev", LargeBinary, nullable=False),
    Column("hash", LargeBinary, nullable=False, server_default=text("''")),
    Index("revision_at", "at"),
)

change = Table(
    "change",
    metadata,
    Column("rev", BigInteger, primary_key=True, autoincrement=False),
    Column("layer", Text, primary_key=True),
    Column("code", CODE, primary_key=True),
    Column("op", Text, nullable=False),
    *scope_columns(),
)
Index("change_of_records", change.c.rev, postgresql_where=change.c.layer != "event")
"""What a run may have to hear of, found among any number of events."""


def _score_columns() -> list[Column[Any]]:
    """Results of one thing: micro-points, levels 1 (red) to 4 (blue), facts; scope as on the layers."""
    return [
        Column("kind", Text, nullable=False),
        Column("code", CODE, nullable=False),
        *scope_columns(),
        Column("score", BigInteger),
        Column("base", BigInteger),
        Column("level", SmallInteger),
        Column("base_level", SmallInteger),
        Column("rise_level", SmallInteger),
        Column("grade", SmallInteger),
        Column("confidence", Text),
        Column("facts", JSONB, nullable=False, server_default=text("'{}'")),
        Column("rev", BigInteger, nullable=False),
    ]


score = Table("score", metadata, *_score_columns(), postgresql_partition_by="LIST (kind)")
score.append_constraint(PrimaryKeyConstraint(score.c.kind, score.c.code, name="score_pkey"))
Index("score_by_township", score.c.township_code)
Index(
    "score_doubtful",
    score.c.confidence.desc(),
    score.c.score.desc().nulls_last(),
    score.c.code,
    postgresql_where=and_(
        score.c.confidence > "A", or_(score.c.kind == "enterprise", score.c.enterprise_code.is_(None))
    ),
)
Index("score_risen", score.c.kind, score.c.township_code, postgresql_where=score.c.score > score.c.base)

score_past = Table("score_past", metadata, *_score_columns(), Column("rev_to", BigInteger, nullable=False))
Index("score_past_code", score_past.c.kind, score_past.c.code, score_past.c.rev_to)

colour = Table(
    "colour",
    metadata,
    Column("kind", Text, primary_key=True),
    Column("code", CODE, primary_key=True),
    Column("level", SmallInteger),
    Column("base_level", SmallInteger),
    Column("rise_level", SmallInteger),
    Column("rev", BigInteger, nullable=False),
)


def _contribution_columns() -> list[Column[Any]]:
    """One line of an account: which record put how many micro-points on whose score, and the facts for its words."""
    return [
        Column("kind", Text, nullable=False),
        Column("code", CODE, nullable=False),
        Column("n", Integer, nullable=False),
        *scope_columns(),
        Column("item", Text, nullable=False),
        Column("record", CODE),
        Column("value", BigInteger, nullable=False),
        Column("args", JSONB, nullable=False, server_default=text("'{}'")),
        Column("rev", BigInteger, nullable=False),
    ]


contribution = Table("contribution", metadata, *_contribution_columns())
contribution.append_constraint(
    PrimaryKeyConstraint(contribution.c.kind, contribution.c.code, contribution.c.n, name="contribution_pkey")
)
contribution_past = Table(
    "contribution_past", metadata, *_contribution_columns(), Column("rev_to", BigInteger, nullable=False)
)
Index(
    "contribution_past_code", contribution_past.c.kind, contribution_past.c.code, contribution_past.c.rev_to
)

run = Table(
    "run",
    metadata,
    Column("run_id", BigInteger, primary_key=True, autoincrement=False),
    Column("rev", BigInteger, nullable=False),
    Column("known_rev", BigInteger, nullable=False),
    Column("data_time", DateTime(timezone=True), nullable=False),
    Column("edition", Text, nullable=False),
    Column("code_version", Text, nullable=False),
    Column("full_run", Boolean, nullable=False),
    Column("current", Boolean, nullable=False),
    Column("duration_s", Double),
    Column("counts", JSONB, nullable=False),
    Column("result_hash", LargeBinary, nullable=False),
)


def _edition_columns(*, past: bool) -> list[Column[Any]]:
    """`shipped`: it came with the program; `comparison`: what its approval changed, as it was told then."""
    return [
        Column("name", Text, primary_key=True),
        Column("effective_from", Date, nullable=False),
        Column("approved_by", Text),
        Column("approved_on", Date),
        Column("content", JSONB, nullable=False),
        Column("hash", LargeBinary, nullable=False),
        Column("rev", BigInteger, nullable=False, primary_key=past, autoincrement=False),
        Column("shipped", Boolean, nullable=False, server_default=text("false")),
        Column("reason", Text),
        Column("comparison", JSONB),
    ]


edition = Table("edition", metadata, *_edition_columns(past=False))
edition_past = Table(
    "edition_past", metadata, *_edition_columns(past=True), Column("rev_to", BigInteger, nullable=False)
)

computed = Table(
    "computed",
    metadata,
    Column("computed_id", BigInteger, primary_key=True, autoincrement=False),
    Column("known_rev", BigInteger, nullable=False),
    Column("data_time", DateTime(timezone=True), nullable=False),
    Column("edition_hash", LargeBinary, nullable=False),
    *(Column(name, Text, nullable=False) for name in ("edition", "code_version")),
    prefixes=["UNLOGGED"],
)
"""Moments of the past whose results were computed when somebody asked: kept to be asked again, never missed."""


def _as_computed(name: str, columns: list[Column[Any]], key: tuple[str, ...]) -> Table:
    """The results of such moments: what `columns` are, by moment and without a revision of their own."""
    own = [column for column in columns if column.name != "rev"]
    table = Table(name, metadata, Column("computed_id", BigInteger), *own, prefixes=["UNLOGGED"])
    table.append_constraint(PrimaryKeyConstraint("computed_id", *key, name=f"{name}_pkey"))
    return table


computed_score = _as_computed("computed_score", _score_columns(), ("kind", "code"))
computed_contribution = _as_computed("computed_contribution", _contribution_columns(), ("kind", "code", "n"))

stability = Table(
    "stability",
    metadata,
    Column("rev", BigInteger, primary_key=True, autoincrement=False),
    Column("at", DateTime(timezone=True), nullable=False),
    Column("run_id", BigInteger, nullable=False),
    Column("edition", Text, nullable=False),
    Column("edition_hash", LargeBinary, nullable=False),
    Column("weights", Integer, nullable=False),
    Column("duration_s", Double),
    Column("counts", JSONB, nullable=False),
)
"""The checks of how stable the colours are, each of one run."""

flip = Table(
    "flip",
    metadata,
    Column("kind", Text, primary_key=True),
    Column("code", CODE, primary_key=True),
    *scope_columns(),
    Column("flips", JSONB, nullable=False),
    Column("rev", BigInteger, nullable=False),
)
"""Whose colour a weight turns, by the newest check; all others of its run are stable."""

city = Table(
    "city",
    metadata,
    Column("one", Boolean, primary_key=True, server_default=text("true")),
    Column("code", Text, nullable=False),
    Column("name", Text, nullable=False),
    Column("metric_srid", Integer, nullable=False),
    Column("content", JSONB, nullable=False),
    Column("rev", BigInteger, nullable=False),
    CheckConstraint("one", name="city_one"),
)

account = Table(
    "account",
    metadata,
    Column("name", Text, primary_key=True),
    Column("role", Text, nullable=False),
    Column("area_code", CODE),
    Column("enterprise_code", CODE),
    Column("committee", Text),
    Column("password_hash", Text, nullable=False),
    Column("enabled", Boolean, nullable=False, server_default=text("true")),
    Column("rev", BigInteger, nullable=False),
)

guess = Table(
    "guess",
    metadata,
    Column("subject", LargeBinary, primary_key=True),
    Column("failures", Integer, nullable=False),
    Column("last_at", DateTime(timezone=True), nullable=False),
    Column("locked_until", DateTime(timezone=True)),
    Index("guess_last_at", "last_at"),
)
"""Failed sign-ins by SHA-256 of a name or an address: names that exist and names that do not are counted alike."""

session = Table(
    "session",
    metadata,
    Column("token_hash", LargeBinary, primary_key=True),
    Column("name", Text, nullable=False),
    Column("csrf", Text, nullable=False),
    Column("kind", Text, nullable=False),
    Column("created_at", DateTime(timezone=True), nullable=False),
    Column("expires_at", DateTime(timezone=True), nullable=False),
    Index("session_name", "name"),
)

views: dict[str, Table] = {}
"""Now and past of one table together (`<table>_all`), by the table's name; read through `layers.history` alone."""


def add_view(table: Table) -> None:
    """Tell of the view over a table and its past."""
    dated: tuple[Column[Any], ...] = (Column("valid_to", Date), Column("gone", Boolean))
    past = [Column("rev_to", BigInteger), *(dated if "valid_from" in table.c else ())]
    columns = [Column(c.name, c.type) for c in table.columns]
    views[table.name] = Table(f"{table.name}_all", MetaData(), *columns, *past)


for _table in (*(metadata.tables[name] for name in TABLES), score, contribution):
    add_view(_table)

"""The tables of warnings to the public: each version with its past, and each step with its person."""

from typing import Any

from sqlalchemy import (
    ARRAY,
    BigInteger,
    Boolean,
    Column,
    Date,
    DateTime,
    Index,
    Integer,
    PrimaryKeyConstraint,
    SmallInteger,
    Table,
    Text,
    UniqueConstraint,
    text,
)
from sqlalchemy.dialects.postgresql import JSONB

from layers.schema import CODE, add_view, metadata, scope_columns


def _version() -> list[Column[Any]]:
    """`said` by language; `townships`, `villages`, `grids` are the areas it covers; `outline` GeoJSON where one was drawn."""
    codes = ARRAY(CODE)
    return [
        Column("code", CODE, nullable=False),
        Column("series", CODE, nullable=False),
        Column("version", Integer, nullable=False),
        Column("replaces", CODE),
        Column("warning_id", BigInteger),
        Column("state", Text, nullable=False),
        Column("kind", Text, nullable=False),
        Column("level", SmallInteger, nullable=False),
        Column("said", JSONB, nullable=False),
        Column("signatures", SmallInteger, nullable=False),
        *(Column(name, codes, nullable=False) for name in ("townships", "villages", "grids")),
        Column("outline", JSONB),
        Column("until_at", DateTime(timezone=True), nullable=False),
        Column("number", Text),
        Column("signatory", Text),
        Column("approved_at", DateTime(timezone=True)),
        Column("ended_at", DateTime(timezone=True)),
        *scope_columns(),
        Column("valid_from", Date, nullable=False),
        Column("rev", BigInteger, nullable=False),
    ]


public_warning = Table("public_warning", metadata, *_version())
public_warning.append_constraint(PrimaryKeyConstraint(public_warning.c.code, name="public_warning_pkey"))
public_warning.append_constraint(UniqueConstraint("number", name="public_warning_number"))
Index(
    "public_warning_replaced_once",
    public_warning.c.replaces,
    unique=True,
    postgresql_where=public_warning.c.approved_at.is_not(None),
)
"""What was drafted, and what became of it. `township_code` is whose draft it is; what was approved is everybody's."""

public_warning_past = Table(
    "public_warning_past",
    metadata,
    *_version(),
    Column("rev_to", BigInteger, nullable=False),
    Column("valid_to", Date, nullable=False),
    Column("gone", Boolean, nullable=False, server_default=text("false")),
)
Index("public_warning_past_code_rev", public_warning_past.c.code, public_warning_past.c.rev)
add_view(public_warning)

public_step = Table(
    "public_step",
    metadata,
    Column("code", CODE, primary_key=True),
    Column("n", Integer, primary_key=True),
    *scope_columns(),
    Column("action", Text, nullable=False),
    Column("state", Text, nullable=False),
    Column("account", Text, nullable=False),
    Column("person", Text, nullable=False),
    Column("at", DateTime(timezone=True), nullable=False),
    Column("note", Text, nullable=False),
    Column("rev", BigInteger, nullable=False),
)
"""Each step of a public warning: who (account and name) did what when, and why. Never changed."""

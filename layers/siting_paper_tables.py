"""The tables of opinion papers: each paper as it was filed, and of each what anyone may read."""

from geoalchemy2 import Geometry
from sqlalchemy import (
    BigInteger,
    Column,
    Date,
    DateTime,
    Double,
    Index,
    Integer,
    LargeBinary,
    Table,
    Text,
    UniqueConstraint,
)
from sqlalchemy.dialects.postgresql import JSONB

from layers.schema import CODE, METRIC_SRID, metadata

siting_paper = Table(
    "siting_paper",
    metadata,
    Column("number", CODE, primary_key=True),
    Column("year", Integer, nullable=False),
    Column("serial", Integer, nullable=False),
    Column("version", Integer, nullable=False),
    Column("replaces", CODE),
    Column("applicant", Text, nullable=False),
    Column("project_code", Text, nullable=False),
    Column("name", Text, nullable=False),
    Column("kind", Text, nullable=False),
    Column("stage", Text, nullable=False),
    Column("verdict", Text, nullable=False),
    Column("made_at", DateTime(timezone=True), nullable=False),
    Column("made_by", Text, nullable=False),
    Column("valid_until", Date, nullable=False),
    Column("edition", Text, nullable=False),
    Column("enterprise_code", CODE),
    Column("uses", JSONB, nullable=False),
    Column("consequences", JSONB, nullable=False),
    Column("geom_m", Geometry("GEOMETRY", srid=METRIC_SRID, spatial_index=False), nullable=False),
    Column("data", Text, nullable=False),
    Column("sha256", LargeBinary, nullable=False),
    Column("rev", BigInteger, nullable=False),
    UniqueConstraint("year", "serial", name="siting_paper_serial"),
    UniqueConstraint("replaces", name="siting_paper_replaced_once"),
)
"""A paper as it was filed; the database takes back none. `uses` (kind, class) and `consequences` are what the proposal
would be to later ones, `data` the text that `sha256` is of."""
Index("siting_paper_project", siting_paper.c.project_code, siting_paper.c.made_at)

siting_notice = Table(
    "siting_notice",
    metadata,
    Column("number", CODE, primary_key=True),
    Column("replaces", CODE),
    Column("name", Text, nullable=False),
    Column("kind", Text, nullable=False),
    Column("stage", Text, nullable=False),
    Column("township", Text),
    Column("area_m2", Double, nullable=False),
    Column("verdict", Text, nullable=False),
    Column("clause", Text),
    Column("filed_on", Date, nullable=False),
    Column("valid_until", Date, nullable=False),
    Column("edition", Text, nullable=False),
    Column("sha256", LargeBinary, nullable=False),
    Column("rev", BigInteger, nullable=False),
)
"""What is told of a paper in public: no applicant, no person, no position finer than the township."""

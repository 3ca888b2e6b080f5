"""The tables of joint-control zones: what the last zone run left, its past, and the lineage that is never rewritten.

They are results, not layers: a full run of risks does not touch them. What tells of one member carries that member's
scope, so that a policy shows it to whom it belongs; what tells of a zone as a whole is for everyone who has a member
in it, and names no other's code.
"""

from typing import Any

from geoalchemy2 import Geometry
from sqlalchemy import (
    ARRAY,
    BigInteger,
    Boolean,
    Column,
    DateTime,
    Double,
    Index,
    Integer,
    LargeBinary,
    PrimaryKeyConstraint,
    SmallInteger,
    Table,
    Text,
    text,
)
from sqlalchemy.dialects.postgresql import JSONB

from layers.schema import CODE, GEOGRAPHIC_SRID, METRIC_SRID, add_view, metadata, scope_columns

KEYS = {
    "zone": ("code",),
    "zone_member": ("zone_code", "code"),
    "zone_line": ("zone_code", "n"),
    "zone_edge": ("kind", "a", "b"),
    "zone_reach": ("code",),
}
"""what names a row of the tables that have a past"""


def _rev() -> Column[Any]:
    return Column("rev", BigInteger, nullable=False)


def _needed(kind: Any, *names: str) -> list[Column[Any]]:
    return [Column(name, kind, nullable=False) for name in names]


def _zone() -> list[Column[Any]]:
    """`township_code` null: it crosses a border. Scores null: nothing was assessed yet. `facts`: span, cuts, counts."""
    codes = ARRAY(CODE)
    return [
        *_needed(CODE, "code"),
        *_needed(Text, "name"),
        Column("township_code", CODE),
        *_needed(codes, "townships", "villages"),
        *_needed(ARRAY(Text), "kinds", "industries", "formats", "hazards", "departments"),
        *_needed(Integer, "member_count"),
        Column("people", Integer),
        Column("lead_name", Text),
        *_needed(Text, "responsible", "agreement"),
        *_needed(BigInteger, "born_run"),
        *(Column(name, BigInteger) for name in ("score", "base")),
        *(Column(name, SmallInteger) for name in ("level", "base_level", "rise_level")),
        Column("facts", JSONB, nullable=False, server_default=text("'{}'")),
        *_needed(LargeBinary, "hash"),
        *(
            Column(name, Geometry("GEOMETRY", srid=srid, spatial_index=False), nullable=False)
            for name, srid in (("geom", GEOGRAPHIC_SRID), ("geom_m", METRIC_SRID))
        ),
        _rev(),
    ]


def _member() -> list[Column[Any]]:
    """A site of a zone as the run took it; `domino_mm`: how far its domino zone reaches; `leads`: proposed lead unit."""
    return [
        *_needed(CODE, "zone_code", "code"),
        *_needed(Text, "layer", "name", "kind"),
        *scope_columns(),
        *(Column(name, Text) for name in ("industry", "business_format")),
        Column("workers", Integer),
        *_needed(ARRAY(Text), "hazards", "departments"),
        *(Column(name, BigInteger) for name in ("score", "base")),
        Column("level", SmallInteger),
        *_needed(BigInteger, "domino_mm"),
        *_needed(Boolean, "carries", "leads"),
        _rev(),
    ]


def _line() -> list[Column[Any]]:
    """A line of a zone's account, with the scope of the member it tells of."""
    return [
        *_needed(CODE, "zone_code"),
        *_needed(Integer, "n"),
        *scope_columns(),
        *_needed(Text, "item"),
        Column("record", CODE),
        *_needed(BigInteger, "value"),
        Column("args", JSONB, nullable=False, server_default=text("'{}'")),
        _rev(),
    ]


def _edge() -> list[Column[Any]]:
    """A link as the next run needs it; its scope is what both ends have in common."""
    return [
        *_needed(SmallInteger, "kind"),
        *_needed(CODE, "a", "b"),
        *_needed(BigInteger, "distance_mm"),
        *_needed(SmallInteger, "cut"),
        *scope_columns(),
        _rev(),
    ]


def _reach() -> list[Column[Any]]:
    """How far an accident at a site carries on, where it does: by the accident, in metres."""
    return [
        *_needed(CODE, "code"),
        *scope_columns(),
        *_needed(BigInteger, "reach_mm"),
        Column("distances_m", JSONB, nullable=False),
        _rev(),
    ]


_COLUMNS = {
    "zone": _zone,
    "zone_member": _member,
    "zone_line": _line,
    "zone_edge": _edge,
    "zone_reach": _reach,
}
for _name, _columns in _COLUMNS.items():
    _now = Table(_name, metadata, *_columns())
    _now.append_constraint(PrimaryKeyConstraint(*KEYS[_name], name=f"{_name}_pkey"))
    _past = Table(f"{_name}_past", metadata, *_columns(), Column("rev_to", BigInteger, nullable=False))
    Index(f"{_name}_past_key", *(_past.c[key] for key in KEYS[_name]), _past.c.rev_to)
    add_view(_now)

zone, zone_member, zone_line, zone_edge, zone_reach = (metadata.tables[name] for name in KEYS)
Index("zone_geom", zone.c.geom, postgresql_using="gist")
Index("zone_member_code", zone_member.c.code, unique=True)
Index("zone_member_township_code", zone_member.c.township_code)
Index("zone_edge_b", zone_edge.c.b)
Index("zone_edge_a", zone_edge.c.a)

zone_event = Table(
    "zone_event",
    metadata,
    *_needed(BigInteger, "run_id"),
    *_needed(Integer, "n"),
    *_needed(CODE, "zone_code"),
    *_needed(Text, "kind"),
    Column("other", CODE),
    *_needed(Integer, "joined", "left_"),
    *_needed(Text, "agreement"),
    _rev(),
    PrimaryKeyConstraint("run_id", "n", name="zone_event_pkey"),
)
"""Lineage: what happened to a zone, in which run; `joined`, `left_`: how many members; `other`: from or into which."""
Index("zone_event_zone", zone_event.c.zone_code, zone_event.c.run_id)
Index("zone_event_rev", zone_event.c.rev)

zone_event_site = Table(
    "zone_event_site",
    metadata,
    *_needed(BigInteger, "run_id"),
    *_needed(Integer, "n"),
    *_needed(CODE, "zone_code"),
    *_needed(Text, "role"),
    *_needed(CODE, "code"),
    *_needed(Text, "what"),
    *scope_columns(),
    _rev(),
    PrimaryKeyConstraint("run_id", "n", "role", "code", "what", name="zone_event_site_pkey"),
)
"""The sites of an event: `joined`, `left`, or `cause` with what happened to it (`opened closed moved …`)."""
Index("zone_event_site_zone", zone_event_site.c.zone_code, zone_event_site.c.run_id)

zone_run = Table(
    "zone_run",
    metadata,
    Column("run_id", BigInteger, primary_key=True, autoincrement=False),
    *_needed(BigInteger, "rev", "known_rev"),
    Column("of_run", BigInteger),
    Column("data_time", DateTime(timezone=True), nullable=False),
    *_needed(Text, "edition", "code_version"),
    *_needed(LargeBinary, "edition_hash"),
    *_needed(Boolean, "full_run"),
    Column("duration_s", Double),
    Column("counts", JSONB, nullable=False),
    *_needed(LargeBinary, "zones_hash"),
)
"""The runs of the zones job; `of_run` is the run of risks whose scores it took, null before the first."""

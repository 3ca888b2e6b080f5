"""The tables of warnings: what is watched, what was warned of, each step of its life, messages and silences."""

from typing import Any

from geoalchemy2 import Geometry
from sqlalchemy import (
    ARRAY,
    BigInteger,
    Boolean,
    Column,
    Date,
    DateTime,
    Double,
    Index,
    Integer,
    LargeBinary,
    SmallInteger,
    Table,
    Text,
    UniqueConstraint,
    text,
)
from sqlalchemy.dialects.postgresql import JSONB

from layers.schema import CODE, GEOGRAPHIC_SRID, METRIC_SRID, metadata, scope_columns


def _rev() -> Column[Any]:
    return Column("rev", BigInteger, nullable=False)


watch = Table(
    "watch",
    metadata,
    Column("fingerprint", CODE, primary_key=True),
    Column("warning_id", BigInteger),
    Column("content", JSONB, nullable=False),
    _rev(),
)
"""What is known of every cause between passes (`riskmap.alert_state`): the program's own, nobody else's rows."""

alert_group = Table(
    "alert_group",
    metadata,
    Column("township", CODE, primary_key=True),
    Column("zone", CODE, primary_key=True),
    Column("opened_s", BigInteger, nullable=False),
    Column("told_s", BigInteger),
    _rev(),
)
"""Groups that have open warnings; the program's own."""

alert_run = Table(
    "alert_run",
    metadata,
    Column("rev", BigInteger, primary_key=True, autoincrement=False),
    Column("at", DateTime(timezone=True), nullable=False),
    Column("known_rev", BigInteger, nullable=False),
    Column("edition", Text, nullable=False),
    Column("edition_hash", LargeBinary, nullable=False),
    Column("next_at", DateTime(timezone=True)),
    Column("duration_s", Double),
    Column("counts", JSONB, nullable=False),
)
"""The passes that changed anything, each of one instant, with the rules it decided by."""

warning = Table(
    "warning",
    metadata,
    Column("warning_id", BigInteger, primary_key=True, autoincrement=False),
    Column("fingerprint", CODE, nullable=False),
    Column("kind", Text, nullable=False),
    Column("layer", Text, nullable=False),
    Column("record_code", CODE),
    Column("source_code", CODE),
    Column("part", Text, nullable=False),
    Column("side", Text, nullable=False),
    *scope_columns(),
    Column("zone_code", CODE),
    Column("rule", Text, nullable=False),
    Column("form", Text, nullable=False),
    Column("warn", SmallInteger, nullable=False),
    Column("state", Text, nullable=False),
    Column("reason", Text, nullable=False),
    Column("signed_by", ARRAY(Text()), nullable=False, server_default=text("'{}'")),
    Column("opened_at", DateTime(timezone=True), nullable=False),
    Column("fired_at", DateTime(timezone=True), nullable=False),
    Column("told_at", DateTime(timezone=True)),
    Column("ended_at", DateTime(timezone=True)),
    Column("suppressed_by", BigInteger),
    Column("silenced_by", ARRAY(Text()), nullable=False, server_default=text("'{}'")),
    Column("said", JSONB, nullable=False),
    Column("edition", Text, nullable=False),
    Column("drill", Boolean, nullable=False, server_default=text("false")),
    _rev(),
)
"""What was warned of. Of a neighbour's record there is neither code nor enterprise, and `said` is the projection only."""
Index("warning_rev", warning.c.rev)
Index("warning_township_code", warning.c.township_code, warning.c.fired_at)
Index("warning_open", warning.c.warn, warning.c.fired_at, postgresql_where=warning.c.ended_at.is_(None))

warning_step = Table(
    "warning_step",
    metadata,
    Column("warning_id", BigInteger, primary_key=True),
    Column("n", Integer, primary_key=True),
    *scope_columns(),
    Column("action", Text, nullable=False),
    Column("state", Text, nullable=False),
    Column("person", Text, nullable=False),
    Column("at", DateTime(timezone=True), nullable=False),
    Column("note", Text, nullable=False),
    _rev(),
)
"""Each step of a warning's life: who did what when, and the state that followed."""

call = Table(
    "call",
    metadata,
    Column("warning_id", BigInteger, primary_key=True),
    Column("n", Integer, primary_key=True),
    *scope_columns(),
    Column("duty_code", CODE, nullable=False),
    Column("rank", Text, nullable=False),
    Column("person", Text, nullable=False),
    Column("phone", Text, nullable=False),
    Column("channel", Text, nullable=False),
    Column("due_at", DateTime(timezone=True), nullable=False),
    Column("made_at", DateTime(timezone=True)),
    Column("result", Text),
    Column("answered_by", Text, nullable=False, server_default=""),
    Column("repeated", Text, nullable=False, server_default=""),
    Column("noted_by", Text, nullable=False, server_default=""),
    _rev(),
)
"""叫应: who is to be called about a warning, as what and since when; without a result the call is still to be made."""
Index("call_listed", call.c.due_at, postgresql_where=call.c.result.is_(None))

delivery = Table(
    "delivery",
    metadata,
    Column("delivery_id", BigInteger, primary_key=True, autoincrement=False),
    Column("warning_id", BigInteger, nullable=False),
    Column("person", Text, nullable=False),
    Column("channel", Text, nullable=False),
    Column("reason", Text, nullable=False),
    Column("n", Integer, nullable=False),
    *scope_columns(),
    Column("audience", Text, nullable=False),
    Column("address", Text, nullable=False),
    Column("text", Text, nullable=False),
    Column("also", ARRAY(BigInteger), nullable=False),
    Column("state", Text, nullable=False),
    Column("made_at", DateTime(timezone=True), nullable=False),
    Column("next_at", DateTime(timezone=True)),
    Column("done_at", DateTime(timezone=True)),
    Column("attempts", Integer, nullable=False, server_default=text("0")),
    _rev(),
    Column("warn", SmallInteger, nullable=False, server_default=text("2")),
    Column("further", JSONB, nullable=False, server_default=text("'[]'")),
    UniqueConstraint("warning_id", "person", "channel", "reason", "n", name="delivery_key"),
)
"""The outbox: one message to one person by one channel; `also` are the other warnings that it tells of as news.

`state` is waiting, delivered or failed; `further` are the ways, [channel, address], to be taken should this one fail.
"""
Index(
    "delivery_waiting",
    *(delivery.c[name] for name in ("channel", "warn", "next_at")),
    postgresql_where=delivery.c.state == "waiting",
)
Index("delivery_address", delivery.c.address, delivery.c.made_at)

Index("delivery_also", delivery.c.also, postgresql_using="gin")
"""What tells of a warning beside its lead is asked for with every card."""

attempt = Table(
    "attempt",
    metadata,
    Column("delivery_id", BigInteger, primary_key=True),
    Column("n", Integer, primary_key=True),
    *scope_columns(),
    Column("at", DateTime(timezone=True), nullable=False),
    Column("outcome", Text, nullable=False),
    Column("detail", Text, nullable=False),
    Column("channel", Text, nullable=False, server_default=text("''")),
    Column("took_s", Double, nullable=False, server_default=text("0")),
)
"""Every try of a channel, whatever came of it."""
Index("attempt_channel", attempt.c.channel, attempt.c.at)

silence = Table(
    "silence",
    metadata,
    Column("code", CODE, primary_key=True),
    Column("author", Text, nullable=False),
    Column("reason", Text, nullable=False),
    Column("from_at", DateTime(timezone=True), nullable=False),
    Column("until_at", DateTime(timezone=True), nullable=False),
    Column("matchers", JSONB, nullable=False),
    Column("geom", Geometry("GEOMETRY", srid=GEOGRAPHIC_SRID, spatial_index=False)),
    Column("geom_m", Geometry("GEOMETRY", srid=METRIC_SRID, spatial_index=False)),
    _rev(),
)
"""Who wants which warnings quiet, where and until when; ended early by an earlier end."""

backtest = Table(
    "backtest",
    metadata,
    Column("rules_hash", LargeBinary, primary_key=True),
    Column("rev", BigInteger, primary_key=True, autoincrement=False),
    Column("at", DateTime(timezone=True), nullable=False),
    Column("actor", Text, nullable=False),
    Column("from_on", Date, nullable=False),
    Column("to_on", Date, nullable=False),
    Column("code_version", Text, nullable=False),
    Column("content", JSONB, nullable=False),
)
"""Back-tests that were kept (`jobs.backtests`), by the digest of exactly these rules."""

"""The tables beside the outbox: links that sign for a person, replies that came in, warnings as CAP messages."""

from sqlalchemy import (
    BigInteger,
    CheckConstraint,
    Column,
    DateTime,
    Index,
    Integer,
    LargeBinary,
    Table,
    Text,
    UniqueConstraint,
)

from layers.schema import CODE, metadata, scope_columns

sign_link = Table(
    "sign_link",
    metadata,
    Column("token_hash", LargeBinary, primary_key=True),
    Column("delivery_id", BigInteger, nullable=False),
    Column("warning_id", BigInteger, nullable=False),
    Column("person", Text, nullable=False),
    Column("until_at", DateTime(timezone=True), nullable=False),
    Column("used_at", DateTime(timezone=True)),
)
"""A link for one warning and one person, kept as the hash of its token: nobody's rows but the program's."""
Index("sign_link_warning", sign_link.c.warning_id, sign_link.c.person)

reply = Table(
    "reply",
    metadata,
    Column("reply_id", CODE, primary_key=True),
    Column("channel", Text, nullable=False),
    Column("address", Text, nullable=False),
    Column("text", Text, nullable=False),
    Column("at", DateTime(timezone=True), nullable=False),
    Column("person", Text),
    Column("warning_id", BigInteger),
    Column("outcome", Text, nullable=False),
    Column("rev", BigInteger, nullable=False),
)
"""What people answered by short message, and what came of it; a reply that is told twice is kept once."""
Index("reply_at", reply.c.at)

cap_message = Table(
    "cap_message",
    metadata,
    Column("identifier", CODE, primary_key=True),
    Column("warning_id", BigInteger),
    Column("n", Integer, nullable=False),
    *scope_columns(),
    Column("sender", Text, nullable=False),
    Column("sent", DateTime(timezone=True), nullable=False),
    Column("msg_type", Text, nullable=False),
    Column("scope", Text, nullable=False),
    Column("title", Text, nullable=False),
    Column("summary", Text, nullable=False),
    Column("content", LargeBinary, nullable=False),
    Column("rev", BigInteger, nullable=False),
    Column("public_code", CODE),
    UniqueConstraint("warning_id", "n", name="cap_message_n"),
    UniqueConstraint("public_code", "n", name="cap_message_public_n"),
    CheckConstraint("num_nonnulls(warning_id, public_code) = 1", name="cap_message_about"),
)
"""Warnings as they were sent in CAP 1.2, byte for byte: never changed. `rev` is the revision that they tell of.

Each is about a warning to officials, or about one to the public (by its series)."""
Index("cap_message_sent", cap_message.c.sent)
Index("cap_message_rev", cap_message.c.rev)

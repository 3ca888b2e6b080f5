"""What was merged into what: reports keep the code they came under, and whoever asks finds them under the new one."""

from collections.abc import Mapping
from typing import Any

from sqlalchemy import (
    BigInteger,
    Column,
    ColumnElement,
    Connection,
    FromClause,
    Index,
    Table,
    Text,
    and_,
    func,
    select,
    text,
)

from layers.history import Moment
from layers.schema import CODE, SCOPE, metadata, scope_columns

merged = Table(
    "merged",
    metadata,
    Column("layer", Text, primary_key=True),
    Column("code", CODE, primary_key=True),
    Column("rev", BigInteger, primary_key=True, autoincrement=False),
    Column("before", BigInteger, primary_key=True, autoincrement=False),
    Column("into_code", CODE, nullable=False),
    *scope_columns(),
)
"""From `rev` on what was reported of `code` under revisions before `before` belongs to `into_code`. Scope: who may know.

A code that was used anew after a merge may be merged again: what is said belongs to the first `before` after it.
"""
Index("merged_into", merged.c.layer, merged.c.into_code)


def keep_merge(
    connection: Connection, layer: str, keep: Mapping[str, Any], drop: Mapping[str, Any], rev: int
) -> None:
    """Note that `drop` goes into `keep`, and with it all that went into `drop` before."""
    scope = {name: drop.get(name) for name in SCOPE} | {"enterprise_code": keep.get("enterprise_code")}
    names = ", ".join(scope)
    connection.execute(
        text(
            f"INSERT INTO merged (layer, code, rev, before, into_code, {names})"
            f" SELECT :layer, code, :rev, before, :keep, {', '.join(f':{name}' for name in scope)} FROM ("
            "   SELECT :drop AS code, CAST(:rev AS bigint) AS before"
            "   UNION SELECT code, before FROM merged m WHERE layer = :layer AND into_code = :drop AND NOT EXISTS ("
            "     SELECT FROM merged later WHERE later.layer = m.layer AND later.code = m.code"
            "     AND later.before = m.before AND later.rev > m.rev)) one"
        ),
        {"layer": layer, "keep": keep["code"], "drop": drop["code"], "rev": rev, **scope},
    )
    if layer == "enterprise":
        theirs = merged.update().where(merged.c.enterprise_code == drop["code"])
        connection.execute(theirs.values(enterprise_code=keep["code"]))


def source_now(event: FromClause, then: Moment | None = None) -> ColumnElement[str]:
    """The source that an event names, under the code by which it was known at a moment; as `called_at` of 42_merged.sql.

    Not by that function: a run asks of thousands of events, and mostly nothing was merged.
    """
    one = merged.alias("merged_source")
    into = select(one.c.into_code).where(
        one.c.layer == "source", one.c.code == event.c.source_code, one.c.before > event.c.rev
    )
    if then is not None:
        into = into.where(one.c.rev <= then.rev)
    newest = into.order_by(one.c.before, one.c.rev.desc()).limit(1)
    return func.coalesce(newest.scalar_subquery(), event.c.source_code)


def events_of_source(event: FromClause, code: str) -> ColumnElement[bool]:
    """Events that name a source, or one that was merged into it since."""
    return and_(event.c.source_code == func.any(func.names_of("source", code)), source_now(event) == code)


def merged_since(connection: Connection, layer: str, rev: int) -> set[str]:
    """The codes that others went into after a revision."""
    query = select(merged.c.into_code).where(merged.c.layer == layer, merged.c.rev > rev)
    return set(connection.execute(query).scalars())

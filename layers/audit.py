"""The audit chain: every write sealed onto the one before, its rows countable and comparable ever after."""

from typing import Any

from sqlalchemy import Connection, func, literal_column, select, text

from layers.schema import change, head, revision

_FAULTS = {"seal": "记录被改动（封印不符）", "link": "与上一条记录的链接断开", "head": "最新版本号与封印不符"}


def verify(connection: Connection) -> list[str]:
    """What is wrong with the chain, a sentence each; empty where every seal, link and row is as it was written.

    Reads every row ever written: minutes for a database of many millions of changes.
    """
    faults = connection.execute(text("SELECT rev, fault FROM broken_revisions()")).all()
    return [
        f"修订 {rev}：{_FAULTS.get(fault, fault.replace('rows of', '图层记录与写入时不一致：'))}"
        for rev, fault in faults
    ]


def head_hash(connection: Connection) -> tuple[int, str]:
    """The newest revision and its seal, to be kept outside the database: the proof against its owner."""
    row = connection.execute(select(head.c.rev, head.c.hash)).one()
    return int(row.rev), bytes(row.hash).hex()


def revisions(connection: Connection, limit: int = 100, before: int | None = None) -> list[dict[str, Any]]:
    """The newest revisions first: number, time, actor, job, reason and rows per layer."""
    query = select(revision).order_by(revision.c.rev.desc()).limit(limit)
    if before is not None:
        query = query.where(revision.c.rev < before)
    keep = ("rev", "at", "actor", "job", "reason", "detail")
    return [{name: row[name] for name in keep} for row in connection.execute(query).mappings()]


def reasons(connection: Connection, job: str) -> list[str]:
    """The reasons given by one job's revisions, oldest first."""
    query = select(revision.c.reason).where(revision.c.job == job, revision.c.reason.is_not(None))
    return list(connection.execute(query.order_by(revision.c.rev)).scalars())


def changed_since(connection: Connection, rev: int, *, events: bool = True) -> bool:
    """Whether any layer was written after a revision; without `events`, any other than they."""
    newest = newest_change(connection, events=events)
    return newest is not None and newest > rev


def newest_change(connection: Connection, *, events: bool = True) -> int | None:
    """The last revision that wrote a layer; without `events`, any other than they."""
    query = select(func.max(change.c.rev))  # the last entry of an index, however many lie between
    if not events:
        query = query.where(change.c.layer != literal_column("'event'"))  # as that index says it
    newest: int | None = connection.execute(query).scalar_one()
    return newest

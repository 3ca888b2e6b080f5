"""The editions of the rules on file: which one is in force, what each one says, and what it said before."""

import json
from dataclasses import dataclass
from datetime import date
from typing import Any

from sqlalchemy import ColumnElement, Connection, Date, Select, cast, literal, select

from layers.history import Moment
from layers.schema import edition, edition_past
from riskmap.editions import Edition
from riskmap.errors import NotFound, Unavailable
from riskmap.in_force import Head, choose, state_of

_FOREVER = 2**63 - 1


@dataclass(frozen=True, slots=True)
class Filed:
    """One edition on file without its tables; `head` decides whether it is in force."""

    head: Head
    title: str
    basis: str
    approved_by: str | None
    approved_on: date | None
    reason: str | None
    comparison: dict[str, Any] | None
    hash: str
    rev: int

    @property
    def name(self) -> str:
        """Its name."""
        return self.head.name

    def told(self, among: list[Head], day: date) -> dict[str, Any]:
        """As lists show it, with its state on a day."""
        return {
            "name": self.name,
            "title": self.title,
            "basis": self.basis,
            "state": state_of(self.head, among, day),
            "approved": self.head.approved,
            "shipped": self.head.shipped,
            "effective_from": self.head.effective_from,
            "effective_to": self.head.effective_to,
            "approved_by": self.approved_by,
            "approved_on": self.approved_on,
            "reason": self.reason,
            "comparison": self.comparison,
            "hash": self.hash,
            "rev": self.rev,
        }


def filed(connection: Connection, then: Moment | None = None) -> list[Filed]:
    """Every edition on file, now or as it was on file at a moment, by the day it begins and by name."""
    rows = connection.execute(_known("head", then))
    found = [
        Filed(
            head=Head(
                row.name, row.effective_from, row.effective_to, row.approved_by is not None, row.shipped
            ),
            title=row.title,
            basis=row.basis,
            approved_by=row.approved_by,
            approved_on=row.approved_on,
            reason=row.reason,
            comparison=row.comparison,
            hash=bytes(row.hash).hex(),
            rev=row.rev,
        )
        for row in rows
    ]
    return sorted(found, key=lambda one: (one.head.effective_from, one.name))


def edition_named(connection: Connection, name: str, rev: int | None = None) -> Edition:
    """An edition as it stands, or as it stood after a revision. NotFound where there is none of that name."""
    query = _known("content", None if rev is None else Moment(None, rev), name)
    content = connection.execute(query).scalar_one_or_none()
    if content is None:
        raise NotFound(f"没有规则版本 {name}", remedy="用 riskmap editions list 查看全部版本")
    return Edition.from_json(content)


def edition_table(connection: Connection, name: str, role: str) -> dict[str, Any]:
    """One table of an edition on file, as JSON. NotFound for an edition or a table that is not there."""
    found = connection.execute(
        select(edition.c.content["tables"][role]).where(edition.c.name == name)
    ).scalar_one_or_none()
    if found is None:
        raise NotFound(f"规则版本 {name} 没有表 {role}", remedy="请运行 riskmap migrate")
    table: dict[str, Any] = found
    return table


def head_on(connection: Connection, day: date, then: Moment | None = None) -> Filed:
    """The edition that a day is computed with, by what was on file at a moment; before the first one, the first."""
    for moment in (then, None):
        known = filed(connection, moment)
        chosen = choose([one.head for one in known], day)
        if chosen is not None:
            return next(one for one in known if one.head == chosen)
    raise Unavailable("数据库里没有可用的规则版本", remedy="请运行 riskmap migrate")


def edition_on(connection: Connection, day: date, then: Moment | None = None) -> Edition:
    """The edition in force on a day, as approved by a moment.

    The program's example has no approval to keep to: it is taken as this release has it, for that moment too.
    """
    head = head_on(connection, day, then)
    return edition_named(connection, head.name, head.rev if head.head.approved else None)


def keep_edition(
    connection: Connection,
    content: Edition,
    rev: int,
    *,
    shipped: bool,
    reason: str | None = None,
    comparison: dict[str, Any] | None = None,
) -> None:
    """File an edition under its name; what stood there goes to the past."""
    drop_edition(connection, content.name, rev)
    connection.execute(
        edition.insert().values(
            name=content.name,
            effective_from=content.effective_from,
            approved_by=content.approved_by,
            approved_on=content.approved_on,
            content=json.loads(content.to_json()),
            hash=bytes.fromhex(content.hash),
            rev=rev,
            shipped=shipped,
            reason=reason,
            comparison=comparison,
        )
    )


def drop_edition(connection: Connection, name: str, rev: int) -> None:
    """Take an edition off the file; the past keeps it."""
    names = [column.name for column in edition.columns]
    stood = select(*(edition.c[n] for n in names), literal(rev)).where(edition.c.name == name)
    connection.execute(edition_past.insert().from_select([*names, "rev_to"], stood))
    connection.execute(edition.delete().where(edition.c.name == name))


def _known(what: str, then: Moment | None, name: str | None = None) -> Select[Any]:
    """Heads (with the content's title, basis and end) or contents, of the editions on file at a moment."""
    now = select(*_columns(edition, what), literal(_FOREVER).label("rev_to"))
    if then is None:
        return now if name is None else now.where(edition.c.name == name)
    past = select(*_columns(edition_past, what), edition_past.c.rev_to)
    known = now.union_all(past).subquery()
    query = select(known).where(known.c.rev <= then.rev, known.c.rev_to > then.rev)
    return query if name is None else query.where(known.c.name == name)


def _columns(table: Any, what: str) -> list[ColumnElement[Any]]:
    if what == "content":
        return [table.c.content, table.c.name, table.c.rev]
    content = table.c.content
    return [
        *(table.c[column.name] for column in edition.columns if column.name != "content"),
        content["title"].astext.label("title"),
        content["basis"].astext.label("basis"),
        cast(content["effective_to"].astext, Date).label("effective_to"),
    ]

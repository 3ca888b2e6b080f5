"""Who holds a post, with deputies, superiors and absences, as chains of calls need them; and whose an account is."""

from collections.abc import Collection, Iterable
from datetime import date
from typing import Any

from sqlalchemy import Connection, select, tuple_

from layers.duty import in_force, is_absent
from layers.history import Moment, rows_of
from layers.reading import among
from layers.schema import metadata
from riskmap.calling import Officer

Post = tuple[str, str, str]
"""layer of the object, its code, the role"""

_DUTY = metadata.tables["duty"]
_OFFICER = ("code", "person", "phone", "email", "deputy_code", "superior_code")
_MOST_STEPS = 10
"""so far a chain of deputies and superiors is followed"""


def officers_on(
    connection: Connection, posts: Collection[Post], day: date, then: Moment | None = None
) -> tuple[dict[Post, list[str]], dict[str, Officer]]:
    """Who holds some posts on a day, by code in order, absent or not; and by code these officers and all they name.

    By the roster as it is, or as it was at a moment.
    """
    holders: dict[Post, list[str]] = {}
    officers: dict[str, Officer] = {}
    if not posts:
        return holders, officers
    duty = rows_of("duty", then)
    columns = (*(duty.c[name] for name in _OFFICER), is_absent(day, duty).label("absent"))
    key = (duty.c.object_layer, duty.c.object_code, duty.c.role)
    held = select(*columns, *key).where(tuple_(*key).in_(sorted(posts)), in_force(day, duty))
    for row in connection.execute(held.order_by(duty.c.code)):
        officers[row.code] = _officer(row)
        holders.setdefault((row.object_layer, row.object_code, row.role), []).append(row.code)
    for _ in range(_MOST_STEPS):
        wanted = _named(officers.values()) - officers.keys()
        if not wanted:
            break
        named = select(*columns).where(duty.c.code == among(wanted), in_force(day, duty))
        new = {row.code: _officer(row) for row in connection.execute(named)}
        if not new:
            break
        officers |= new
    return holders, officers


def person_of(connection: Connection, account: str, day: date) -> str:
    """The name in which whoever signed in acts: that of the duty which names the account on a day, else the account's."""
    query = select(_DUTY.c.person).where(_DUTY.c.account == account, in_force(day)).order_by(_DUTY.c.code)
    return str(connection.execute(query.limit(1)).scalar_one_or_none() or account)


def addresses_of(connection: Connection, persons: Collection[str], day: date) -> dict[str, tuple[str, str]]:
    """Telephone number and e-mail address of persons on duty, by name; of several duties the first one's."""
    columns = (_DUTY.c.person, _DUTY.c.phone, _DUTY.c.email)
    query = select(*columns).where(_DUTY.c.person == among(persons), in_force(day)).order_by(_DUTY.c.code)
    found: dict[str, tuple[str, str]] = {}
    for person, phone, email in connection.execute(query):
        found.setdefault(person, (phone or "", email or ""))
    return found


def _named(officers: Iterable[Officer]) -> set[str]:
    return {code for one in officers for code in (one.deputy, one.superior) if code}


def _officer(row: Any) -> Officer:
    return Officer(
        row.code,
        row.person,
        row.phone or "",
        email=row.email or "",
        deputy=row.deputy_code or "",
        superior=row.superior_code or "",
        absent=row.absent,
    )

"""Accounts, sessions and failed sign-ins: the rows that no reader role may see, written by `jobs.users` alone."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Engine, func, select, true
from sqlalchemy.dialects.postgresql import insert

from layers.database import Identity, nameless
from layers.schema import account, guess, metadata, session


@dataclass(frozen=True, slots=True)
class Account:
    """One person's account; `password_hash` is Argon2id in its own text form."""

    name: str
    role: str
    area_code: str | None
    enterprise_code: str | None
    committee: str | None
    password_hash: str
    enabled: bool

    @property
    def identity(self) -> Identity:
        """Who this account is for the database."""
        return Identity(self.name, self.role, self.area_code, self.enterprise_code, self.committee)


@dataclass(frozen=True, slots=True)
class Session:
    """A session that lasts: whose, its form token, and whether a browser or a program holds it."""

    identity: Identity
    csrf: str
    kind: str
    token_hash: bytes


@dataclass(frozen=True, slots=True)
class Guesses:
    """Failed sign-ins of one name or address since they were last forgotten."""

    failures: int
    last_at: datetime
    locked_until: datetime | None


def session_of(engine: Engine, token_hash: bytes) -> Session | None:
    """Whose session a token is, asked as the nameless reader; None where it ended, expired or the account is off."""
    with nameless(engine) as connection:
        who = func.who_is(token_hash).table_valued(
            "name", "role", "area_code", "enterprise_code", "committee", "csrf", "kind"
        )
        row = connection.execute(select(who)).first()
    if row is None:
        return None
    identity = Identity(row.name, row.role, row.area_code, row.enterprise_code, row.committee)
    return Session(identity, row.csrf, row.kind, token_hash)


def account_named(connection: Connection, name: str) -> Account | None:
    """The account of that name, enabled or not."""
    columns = [account.c[field] for field in Account.__dataclass_fields__]
    row = connection.execute(select(*columns).where(account.c.name == name)).first()
    return None if row is None else Account(*row)


def accounts(connection: Connection) -> list[Account]:
    """Every account by name."""
    columns = [account.c[field] for field in Account.__dataclass_fields__]
    return [Account(*row) for row in connection.execute(select(*columns).order_by(account.c.name))]


def save_account(connection: Connection, values: Account, rev: int) -> None:
    """Keep an account as given, new or not."""
    columns = {field: getattr(values, field) for field in Account.__dataclass_fields__} | {"rev": rev}
    connection.execute(
        insert(account).values(columns).on_conflict_do_update(index_elements=[account.c.name], set_=columns)
    )


def renew_hash(connection: Connection, name: str, password_hash: str) -> None:
    """The same password under newer parameters; no statement about the account, so no revision."""
    connection.execute(account.update().where(account.c.name == name).values(password_hash=password_hash))


def start_session(connection: Connection, values: dict[str, Any]) -> None:
    """Keep a session."""
    connection.execute(session.insert().values(values))


def end_session(connection: Connection, token_hash: bytes) -> None:
    """End one session; one that is not there has ended already."""
    connection.execute(session.delete().where(session.c.token_hash == token_hash))


def end_sessions(connection: Connection, name: str, but: bytes | None = None) -> None:
    """End every session of an account, `but` one."""
    others = session.c.token_hash != but if but is not None else true()
    connection.execute(session.delete().where(session.c.name == name, others))


def forget_sessions(connection: Connection, now: datetime) -> None:
    """Drop the sessions that have expired."""
    connection.execute(session.delete().where(session.c.expires_at <= now))


def guesses_locked(connection: Connection, subject: bytes, now: datetime) -> Guesses:
    """The failed sign-ins of a subject, its row locked until the transaction ends; none yet is zero."""
    row = connection.execute(
        insert(guess)
        .values(subject=subject, failures=0, last_at=now)
        .on_conflict_do_update(index_elements=[guess.c.subject], set_={"failures": guess.c.failures})
        .returning(guess.c.failures, guess.c.last_at, guess.c.locked_until)
    ).one()
    return Guesses(*row)


def save_guesses(connection: Connection, subject: bytes, counted: Guesses) -> None:
    """Keep the count of a subject whose row is locked."""
    connection.execute(
        guess.update()
        .where(guess.c.subject == subject)
        .values(failures=counted.failures, last_at=counted.last_at, locked_until=counted.locked_until)
    )


def forget_guesses(connection: Connection, before: datetime) -> None:
    """Drop the counts that nobody has added to since `before`."""
    connection.execute(guess.delete().where(guess.c.last_at < before))


def level_of_area(connection: Connection, code: str) -> str | None:
    """The level (city, township, village, grid, overlay) of an area; None where there is no such area."""
    area = metadata.tables["area"]
    return connection.execute(select(area.c.level).where(area.c.code == code)).scalar_one_or_none()


def has_enterprise(connection: Connection, code: str) -> bool:
    """Whether an enterprise of that code is on file."""
    enterprise = metadata.tables["enterprise"]
    return connection.execute(select(enterprise.c.code).where(enterprise.c.code == code)).first() is not None


def first_places(connection: Connection, township: str) -> dict[str, str]:
    """Codes for the limited roles (township, village, grid, enterprise) that belong together: those of one source.

    The first source by code of the township, else of any; without one the first township there is. Roles that
    nothing fits are left out.
    """
    area, source = metadata.tables["area"], metadata.tables["source"]
    whole = source.c.grid_code.is_not(None) & source.c.enterprise_code.is_not(None)
    found = connection.execute(
        select(
            source.c.township_code.label("township"),
            source.c.village_code.label("village"),
            source.c.grid_code.label("grid"),
            source.c.enterprise_code.label("enterprise"),
        )
        .where(whole)
        .order_by((source.c.township_code == township).desc(), source.c.code)
        .limit(1)
    ).mappings()
    places: dict[str, str | None] = dict(found.first() or {})
    if not places:
        places["township"] = connection.execute(
            select(func.min(area.c.code)).where(area.c.level == "township")
        ).scalar_one()
    return {role: code for role, code in places.items() if code is not None}

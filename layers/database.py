"""Engines and transactions: readers take an identity for one transaction, writers are jobs and own the tables."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from psycopg.errors import QueryCanceled
from sqlalchemy import Connection, Engine, create_engine, event, make_url, text
from sqlalchemy.exc import DBAPIError, OperationalError
from sqlalchemy.exc import TimeoutError as PoolTimeout

from riskmap.errors import Busy, Forbidden, NotSignedIn, Unavailable

RUNNER_LOCK = (4309, 1)
"""pg_advisory_lock of the one job runner; (4309, 0) is a migration's."""
WEB_ROLE = "riskmap_web"
_LOCK_NOT_AVAILABLE = "55P03"
_QUERY_CANCELED = "57014"

_CITY_ROLES = {"admin", "city", "planner", "auditor"}
_AREA_ROLES = {"township", "village", "grid"}


@dataclass(frozen=True, slots=True)
class Identity:
    """Who asks: a role, and the area, enterprise or committee its rows are limited to."""

    name: str
    role: str
    area_code: str | None = None
    enterprise_code: str | None = None
    committee: str | None = None

    @property
    def sees_city(self) -> bool:
        """Whether every row of the city is this identity's to read."""
        return self.role in _CITY_ROLES and not self.committee

    @property
    def knows_neighbours(self) -> bool:
        """Whether it may know the projection of what stands beyond its area: a township, village or grid unit does."""
        return self.role in _AREA_ROLES

    @property
    def database_role(self) -> str:
        """The database role whose policies hold for this identity. Forbidden where the role has none."""
        if self.role in _CITY_ROLES:
            return "riskmap_committee" if self.committee else "riskmap_city"
        if self.role in _AREA_ROLES or self.role == "enterprise":
            return f"riskmap_{self.role}"
        raise Forbidden(f"角色 {self.role} 没有数据权限", remedy="请联系管理员调整角色")

    @property
    def scope(self) -> tuple[str, str]:
        """The setting (`riskmap.<scope>`) that names this identity's rows, and its value; never null."""
        if self.role in _AREA_ROLES:
            return f"riskmap.{self.role}", self.area_code or ""
        if self.role == "enterprise":
            return "riskmap.enterprise", self.enterprise_code or ""
        return "riskmap.committee", self.committee or ""


CITY = Identity("system", "city")
"""The program itself, reading as the city does: for the command line, whose caller owns the home."""


def _url(dsn: str) -> str:
    return dsn.replace("postgresql://", "postgresql+psycopg://", 1).replace(
        "postgres://", "postgresql+psycopg://", 1
    )


def owner_engine(dsn: str) -> Engine:
    """The engine of jobs: owns the tables, passes every policy. Never handed to a page."""
    engine = create_engine(_url(dsn), pool_size=4, max_overflow=4, pool_timeout=5, pool_pre_ping=True)
    event.listen(engine, "connect", _settle)
    return engine


def reader_engine(dsn: str, *, private: bool = False) -> Engine:
    """The engine of pages: every connection is `riskmap_web`, which sees no row before it takes an identity.

    On a private cluster it signs in as that plain account; elsewhere it becomes it by SET ROLE.
    """
    url = make_url(_url(dsn))
    engine = create_engine(
        url.set(username=WEB_ROLE) if private else url,
        pool_size=8,
        max_overflow=8,
        pool_timeout=5,
        pool_pre_ping=True,
    )
    event.listen(engine, "connect", _settle)
    event.listen(engine, "connect", _become_reader)
    return engine


def _settle(connection: object, _record: object) -> None:
    """Session settings that digests and plans rely on."""
    _run(
        connection,
        "SET timezone = 'UTC'; SET datestyle = 'ISO, MDY'; SET extra_float_digits = 1; SET jit = off;"
        " SET lock_timeout = '5s'; SET temp_buffers = '256MB'",
    )


def _become_reader(connection: object, _record: object) -> None:
    _run(
        connection,
        "SET ROLE riskmap_web; SET statement_timeout = '30s'; SET plan_cache_mode = force_custom_plan",
    )


def _run(connection: object, statements: str) -> None:
    cursor = connection.cursor()  # type: ignore[attr-defined]
    cursor.execute(statements)
    cursor.close()
    connection.commit()  # type: ignore[attr-defined]


@contextmanager
def reading(engine: Engine, identity: Identity | None) -> Iterator[Connection]:
    """One read-only transaction with an identity's rights. NotSignedIn without one; Unavailable, Busy as they are.

    REPEATABLE READ, so that all queries of one answer see one revision.
    """
    if identity is None:
        raise NotSignedIn("没有登录身份，不能读取数据", remedy="请先登录")
    with _answers(), engine.connect() as plain:
        connection = plain.execution_options(isolation_level="REPEATABLE READ", postgresql_readonly=True)
        with connection.begin():
            setting, value = identity.scope
            connection.execute(
                text("SELECT set_config(:setting, :value, true)"), {"setting": setting, "value": value}
            )
            connection.execute(text(f"SET LOCAL ROLE {identity.database_role}"))
            yield connection


@contextmanager
def nameless(engine: Engine) -> Iterator[Connection]:
    """One transaction of a reader that has no identity yet: it sees no row and may only ask who a token is."""
    with _answers(), engine.begin() as connection:
        yield connection


@contextmanager
def writing(engine: Engine) -> Iterator[Connection]:
    """One transaction of a job, as owner, READ COMMITTED: all of it is written or none."""
    with _answers(), engine.begin() as connection:
        yield connection


@contextmanager
def snapshot(
    engine: Engine, *, scratch: bool = False, statement_s: float | None = None
) -> Iterator[Connection]:
    """One read-only REPEATABLE READ transaction as owner: what a run computes from.

    With `scratch` it may make temporary tables, which a read-only transaction may not. `statement_s` is how long one
    statement may take; Busy after that.
    """
    with _answers(), engine.connect() as plain:
        connection = plain.execution_options(
            isolation_level="REPEATABLE READ", postgresql_readonly=not scratch
        )
        with connection.begin():
            if statement_s is not None:
                most_ms = str(round(statement_s * 1000))
                connection.execute(
                    text("SELECT set_config('statement_timeout', :most_ms, true)"), {"most_ms": most_ms}
                )
            yield connection


@contextmanager
def _answers() -> Iterator[None]:
    """Turns the database's absence and its queues into errors a person can act on."""
    try:
        yield
    except PoolTimeout:
        raise Busy("数据库连接已用完", remedy="请稍后重试") from None
    except OperationalError as error:
        state = getattr(error.orig, "sqlstate", None)
        if state == _LOCK_NOT_AVAILABLE:
            raise Busy("另一个任务正在写入，5 秒内没有轮到", remedy="没有写入任何数据，请稍后重试") from error
        if state == _QUERY_CANCELED:
            raise _timed_out() from error
        raise Unavailable("数据库无法连接", remedy="请运行 riskmap doctor 查看原因") from error
    except QueryCanceled as error:  # of a COPY, which the driver answers itself
        raise _timed_out() from error
    except DBAPIError as error:
        if error.connection_invalidated:
            raise Unavailable("数据库连接中断", remedy="请稍后重试，或运行 riskmap doctor") from error
        raise


def _timed_out() -> Busy:
    return Busy("查询超时，已取消", remedy="请缩小范围后重试")


def runner_alive(connection: Connection) -> bool:
    """Whether some process holds the job runner's lock on this database now."""
    held = text(
        "SELECT EXISTS (SELECT FROM pg_locks WHERE locktype = 'advisory' AND granted AND classid = :a AND objid = :b"
        " AND database = (SELECT oid FROM pg_database WHERE datname = current_database()))"
    )
    return bool(connection.execute(held, {"a": RUNNER_LOCK[0], "b": RUNNER_LOCK[1]}).scalar_one())


def host_of(dsn: str) -> str:
    """The DSN without its password, fit to be shown."""
    return make_url(dsn).render_as_string(hide_password=True)

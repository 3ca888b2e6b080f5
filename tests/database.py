"""One private PostGIS for a whole test run, shared by its worker processes, and a fresh database for each test.

`database` is a migrated, empty RiskMap database for one test, `module_database` one for a file's tests together,
`bare_database` one without anything. Fuller ones (the demo city, say) are built once a run with
`databases.template(name, build)` and copied with `databases.fresh(template)`.
"""

import fcntl
import os
import shutil
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from uuid import uuid4

import psycopg
import pytest
from psycopg import sql
from sqlalchemy import Engine

from layers.cluster import Cluster
from layers.cluster_host import open_lock
from layers.database import owner_engine, reader_engine

pytest_plugins = ["tests.clusters"]

# Lost at a power cut, which no test outlives. What tests crashes has a cluster of its own, without these.
FAST = {"fsync": "off", "synchronous_commit": "off", "full_page_writes": "off", "shared_buffers": "256MB"}

LONG_AGO = datetime(2020, 1, 1, tzinfo=UTC)
"""The first revision of a prepared database: tests may load history after it."""

_HOME = pytest.StashKey[Path]()


_IN_MEMORY = Path("/dev/shm")
_ROOM_BYTES = 4 * 2**30
"""with less than this free they go to the disk"""


def _servers_place() -> Path | None:
    """Where servers keep their data: in memory where there is room, or a copied database waits for its disk.

    The soak waits for the disk, as a city does.
    """
    if os.environ.get("RISKMAP_SOAK") or not os.access(_IN_MEMORY, os.W_OK | os.X_OK):
        return None
    return _IN_MEMORY if shutil.disk_usage(_IN_MEMORY).free >= _ROOM_BYTES else None


def traversable_folder(prefix: str = "riskmap-test-") -> Path:
    """A new temporary folder that the server's account can pass, as pytest's own (0700) are not."""
    folder = Path(tempfile.mkdtemp(prefix=prefix, dir=_servers_place()))
    folder.chmod(0o755)
    return folder


@pytest.hookimpl(optionalhook=True)
def pytest_configure_node(node: object) -> None:
    """In the process that starts the workers: the same home for each of them."""
    stash = node.config.stash  # type: ignore[attr-defined]
    if _HOME not in stash:
        stash[_HOME] = traversable_folder()
    node.workerinput["riskmap_home"] = str(stash[_HOME])  # type: ignore[attr-defined]


def pytest_unconfigure(config: pytest.Config) -> None:
    """After the last worker: nothing stays behind."""
    if _HOME in config.stash:
        shutil.rmtree(config.stash[_HOME])


class Databases:
    """The databases of one test run, on one cluster."""

    def __init__(self, cluster: Cluster) -> None:
        self.cluster = cluster

    def template(self, name: str, build: Callable[[str], object], base: str = "template1") -> str:
        """The template `name`, made with `build(dsn)` from `base` by whichever worker asks first."""
        lock = open_lock(self.cluster.server.folder.parent / f"{name}.lock")
        try:
            fcntl.flock(lock, fcntl.LOCK_EX)
            with self._maintenance() as connection:
                known = {row[0] for row in connection.execute("SELECT datname FROM pg_database")}
                if name in known:
                    return name
                draft = f"{name}_draft"
                self._drop(connection, draft)
                self._copy(connection, draft, base)
                build(self.cluster.dsn(database=draft))
                names = sql.Identifier(draft), sql.Identifier(name)
                connection.execute(sql.SQL("ALTER DATABASE {} RENAME TO {}").format(*names))
            return name
        finally:
            os.close(lock)

    @contextmanager
    def fresh(self, template: str = "template1") -> Iterator[str]:
        """The URL of a new database, copied from a template and dropped afterwards."""
        name = f"test_{uuid4().hex}"
        with self._maintenance() as connection:
            self._copy(connection, name, template)
        try:
            yield self.cluster.dsn(database=name)
        finally:
            with self._maintenance() as connection:
                self._drop(connection, name)

    @contextmanager
    def _maintenance(self) -> Iterator[psycopg.Connection]:
        with psycopg.connect(self.cluster.dsn(database="postgres"), autocommit=True) as connection:
            yield connection

    @staticmethod
    def _copy(connection: psycopg.Connection, name: str, template: str) -> None:
        names = sql.Identifier(name), sql.Identifier(template)
        connection.execute(sql.SQL("CREATE DATABASE {} TEMPLATE {} STRATEGY file_copy").format(*names))

    @staticmethod
    def _drop(connection: psycopg.Connection, name: str) -> None:
        connection.execute(sql.SQL("DROP DATABASE IF EXISTS {} WITH (FORCE)").format(sql.Identifier(name)))


@pytest.fixture(scope="session")
def databases(request: pytest.FixtureRequest) -> Iterator[Databases]:
    """The run's databases: the first worker starts the server, the last one stops it."""
    given = getattr(request.config, "workerinput", {}).get("riskmap_home")
    home = Path(given) if given else traversable_folder()
    cluster = Cluster(home, FAST)
    with cluster.using():
        yield Databases(cluster)
    if not given:
        shutil.rmtree(home)


@pytest.fixture(scope="session")
def prepared(databases: Databases) -> str:
    """The template with the schema and the demo city's settings, and no data."""
    from jobs.setup import prepare_database  # noqa: PLC0415 - tests of the cluster alone do not need it
    from riskmap.settings import load_city  # noqa: PLC0415

    return databases.template("riskmap_prepared", lambda dsn: prepare_database(dsn, load_city(), LONG_AGO))


@pytest.fixture
def database(databases: Databases, prepared: str) -> Iterator[str]:
    """The URL of a prepared database for one test."""
    with databases.fresh(prepared) as dsn:
        yield dsn


@pytest.fixture(scope="module")
def module_database(databases: Databases, prepared: str) -> Iterator[str]:
    """The URL of a prepared database that the tests of one file share."""
    with databases.fresh(prepared) as dsn:
        yield dsn


@pytest.fixture
def bare_database(databases: Databases) -> Iterator[str]:
    """The URL of a database with nothing in it, no PostGIS either."""
    with databases.fresh() as dsn:
        yield dsn


@pytest.fixture
def owner(database: str) -> Iterator[Engine]:
    """The engine of jobs on a prepared database for one test."""
    engine = owner_engine(database)
    yield engine
    engine.dispose()


@pytest.fixture
def reader(database: str) -> Iterator[Engine]:
    """The engine of pages on the same database as `owner`."""
    engine = reader_engine(database)
    yield engine
    engine.dispose()

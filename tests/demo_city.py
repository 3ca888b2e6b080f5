"""The demo city in a database, built once for a whole test run and copied for each test that wants it."""

from collections.abc import Iterator
from datetime import date
from pathlib import Path

import pytest
from sqlalchemy import Engine

from jobs.demo import load_demo, start_of_demo
from jobs.risk import assess
from jobs.setup import prepare_database
from jobs.stability import check_stability
from layers.database import owner_engine, reader_engine
from riskmap.settings import load_city
from tests.database import Databases

UNTIL = date(2026, 6, 1)
SEED = 1


def _build(folder: Path, dsn: str, seed: int) -> None:
    prepare_database(dsn, load_city(), start_of_demo(UNTIL))
    engine = owner_engine(dsn)
    load_demo(engine, folder, seed=seed, until=UNTIL, progress=lambda _label, _share: None)
    assess(engine, actor="test")
    engine.dispose()


def demo_history(databases: Databases, folder: Path, seed: int) -> str:
    """The template database that holds the demo city of a seed with its year, assessed once."""
    name = "riskmap_demo" if seed == SEED else f"riskmap_demo_{seed}"
    return databases.template(name, lambda dsn: _build(folder, dsn, seed))


@pytest.fixture(scope="session")
def demo_template(databases: Databases, tmp_path_factory: pytest.TempPathFactory) -> str:
    """The template database that holds the demo city of seed 1, assessed once."""
    return demo_history(databases, tmp_path_factory.mktemp("demo"), SEED)


def _check(dsn: str) -> None:
    engine = owner_engine(dsn)
    assess(engine, actor="test")
    check_stability(engine, actor="test")
    engine.dispose()


@pytest.fixture(scope="module")
def checked_demo(databases: Databases, demo_template: str) -> Iterator[str]:
    """The URL of a copy of the demo city whose colours' stability is checked; the check is made once a run."""
    with databases.fresh(databases.template("riskmap_demo_checked", _check, demo_template)) as dsn:
        yield dsn


@pytest.fixture(scope="module")
def demo_database(databases: Databases, demo_template: str) -> Iterator[str]:
    """The URL of a copy of the demo city that the tests of one file share."""
    with databases.fresh(demo_template) as dsn:
        yield dsn


@pytest.fixture(scope="module")
def demo_owner(demo_database: str) -> Iterator[Engine]:
    """The engine of jobs on the file's demo city."""
    engine = owner_engine(demo_database)
    yield engine
    engine.dispose()


@pytest.fixture(scope="module")
def demo_reader(demo_database: str) -> Iterator[Engine]:
    """The engine of pages on the file's demo city."""
    engine = reader_engine(demo_database)
    yield engine
    engine.dispose()

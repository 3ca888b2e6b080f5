"""What tests of layers start from: the crowded city, built once a run, and the one with awkward values."""

from collections.abc import Iterator

import pytest
from sqlalchemy import Engine

from jobs.setup import prepare_database
from layers.database import reader_engine
from riskmap.settings import load_city
from tests import crowd, nasty_city
from tests.database import LONG_AGO, Databases
from tests.exported import City


def _crowd(dsn: str) -> None:
    prepare_database(dsn, load_city(), LONG_AGO)
    crowd.build(dsn)


@pytest.fixture(scope="module")
def crowd_dsn(databases: Databases) -> Iterator[str]:
    """The URL of a copy of the crowded city for the tests of one file."""
    with databases.fresh(databases.template("riskmap_crowd", _crowd)) as dsn:
        yield dsn


@pytest.fixture(scope="module")
def crowd_reader(crowd_dsn: str) -> Iterator[Engine]:
    """The readers' engine on that copy."""
    engine = reader_engine(crowd_dsn)
    yield engine
    engine.dispose()


@pytest.fixture(scope="module")
def city(module_database: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[City]:
    """The city with every layer filled, for the tests of one file."""
    found = City(module_database)
    nasty_city.build(found.owner, tmp_path_factory.mktemp("nasty"))
    yield found
    found.close()

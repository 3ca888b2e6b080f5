"""What the tests of the web start from: the small town or the demo city, served, with a person of every role."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from playwright.sync_api import Browser
from sqlalchemy import select

from jobs.setup import prepare_database
from layers.database import owner_engine, snapshot
from layers.schema import metadata
from riskmap.settings import load_city
from tests import siting_city, town, zone_town
from tests.browser import DESK, Looking, launched, looking
from tests.database import LONG_AGO, Databases
from tests.served import Served, add_people, quick_hashing, served


@pytest.fixture(scope="module", autouse=True)
def _quick() -> Iterator[None]:
    with quick_hashing():
        yield


@pytest.fixture(scope="module")
def chromium() -> Iterator[Browser]:
    """The browser of one file's tests."""
    with launched() as browser:
        yield browser


def _town(dsn: str) -> None:
    prepare_database(dsn, load_city(), LONG_AGO)
    town.build(dsn)
    ours = town.scope(town.OURS)
    add_people(dsn, town.OURS, ours["village_code"], ours["grid_code"], ours["enterprise_code"])


@pytest.fixture(scope="session")
def town_template(databases: Databases) -> str:
    """The template of the town with its people."""
    return databases.template("riskmap_town", _town)


@pytest.fixture(scope="module")
def site(
    databases: Databases, town_template: str, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Served]:
    """The town, served to the tests of one file."""
    with databases.fresh(town_template) as dsn, served(dsn, tmp_path_factory.mktemp("home")) as running:
        yield running


@pytest.fixture
def own_site(databases: Databases, town_template: str, tmp_path: Path) -> Iterator[Served]:
    """The town, served to one test that breaks things."""
    with databases.fresh(town_template) as dsn, served(dsn, tmp_path) as running:
        yield running


@contextmanager
def served_demo(dsn: str, home: Path) -> Iterator[Served]:
    """Serve a copy of the demo city; its people belong to a place with a source."""
    owner = owner_engine(dsn)
    source = metadata.tables["source"]
    columns = (source.c.village_code, source.c.grid_code, source.c.enterprise_code)
    with snapshot(owner) as connection:
        village, grid, enterprise = connection.execute(
            select(*columns)
            .where(source.c.township_code == town.OURS, source.c.enterprise_code.is_not(None))
            .order_by(source.c.code)
            .limit(1)
        ).one()
    owner.dispose()
    add_people(dsn, town.OURS, village, grid, enterprise)
    with served(dsn, home) as running:
        yield running


@pytest.fixture(scope="module")
def demo_site(demo_database: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    """The demo city, served to the tests of one file."""
    with served_demo(demo_database, tmp_path_factory.mktemp("home")) as running:
        yield running


@pytest.fixture(scope="module")
def city_desk(chromium: Browser, demo_site: Served) -> Iterator[Looking]:
    """Somebody of the city at a desk before the demo, signed in: the tests of one file take turns."""
    with looking(chromium, demo_site, "city", DESK, first="/account") as person:
        yield person


@pytest.fixture(scope="module")
def checked_site(checked_demo: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    """The demo city with its colours' stability checked, served to the tests of one file."""
    with served_demo(checked_demo, tmp_path_factory.mktemp("home")) as running:
        yield running


@pytest.fixture(scope="session")
def zone_template(databases: Databases) -> str:
    """The template of the town with joint-control zones."""
    return databases.template("riskmap_zone_town", zone_town.build_whole)


@pytest.fixture(scope="module")
def zone_site(
    databases: Databases, zone_template: str, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Served]:
    """The town with zones, served to the tests of one file that write nothing another would see."""
    with databases.fresh(zone_template) as dsn, served(dsn, tmp_path_factory.mktemp("home")) as running:
        yield running


@pytest.fixture
def own_zone_site(databases: Databases, zone_template: str, tmp_path: Path) -> Iterator[Served]:
    """The town with zones, served to one test that writes."""
    with databases.fresh(zone_template) as dsn, served(dsn, tmp_path) as running:
        yield running


@pytest.fixture(scope="module")
def zone_codes(zone_site: Served) -> tuple[str, str]:
    """The zone across the border, and the one of ours alone."""
    return zone_town.zone_codes(zone_site.dsn)


def _peopled_metres(dsn: str) -> None:
    owner = owner_engine(dsn)
    siting_city.put(owner, "enterprise", "E-station", "POINT(2000 -2000)", name="示例加油站")
    owner.dispose()
    add_people(
        dsn,
        siting_city.SCOPE["township"],
        siting_city.SCOPE["village"],
        siting_city.SCOPE["grid"],
        "E-station",
    )


@pytest.fixture(scope="module")
def metre_site(databases: Databases, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    """The city of metres with a person of every role, served to the tests of one file."""
    city = siting_city.template_of(databases)
    template = databases.template("riskmap_siting_people", _peopled_metres, city)
    with databases.fresh(template) as dsn, served(dsn, tmp_path_factory.mktemp("home")) as running:
        yield running

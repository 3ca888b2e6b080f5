"""Opening the city for one command: its database, checked to be set up and up to date, and its two engines."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Annotated

import typer
from sqlalchemy import Engine

from layers.city import stored_city
from layers.cluster import database
from layers.database import owner_engine, reader_engine, snapshot
from layers.versions import database_version, newest_version
from riskmap.errors import Unavailable
from riskmap.settings import City, Settings

Json = Annotated[bool, typer.Option("--json", help="只输出一个 JSON 文档")]
"""The switch that every command with an answer has."""


def settings_of(context: typer.Context) -> Settings:
    """The settings that the program was started with."""
    settings = context.find_root().obj
    assert isinstance(settings, Settings)
    return settings


@dataclass(frozen=True, slots=True)
class Opened:
    """A city open for work: engines of jobs (`owner`) and of pages (`reader`)."""

    settings: Settings
    city: City
    dsn: str
    owner: Engine
    reader: Engine


@contextmanager
def opened(settings: Settings, *, migrated: bool = True) -> Iterator[Opened]:
    """The city of these settings while it is used. Unavailable where it was never set up or is out of date."""
    with database(settings) as dsn:
        owner, reader = owner_engine(dsn), reader_engine(dsn, private=settings.database_url is None)
        try:
            with snapshot(owner) as connection:
                version = database_version(connection)
                if version is None:
                    raise Unavailable("数据库还没有初始化", remedy="请先运行 riskmap init（或 riskmap demo）")
                if migrated and version != newest_version():
                    raise Unavailable("数据库结构不是当前版本", remedy="请先运行 riskmap migrate")
                city = stored_city(connection)
            yield Opened(settings, city, dsn, owner, reader)
        finally:
            owner.dispose()
            reader.dispose()

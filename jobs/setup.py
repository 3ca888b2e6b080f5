"""Setting up: extension, schema, the city and the shipped editions, in one transaction; safe to run again."""

import logging
from datetime import datetime

from sqlalchemy import Connection
from sqlalchemy.exc import DBAPIError

from layers.city import record_city, stored_city
from layers.database import owner_engine, writing
from layers.editions import filed, keep_edition
from layers.history import open_revision
from layers.migrate import enable_postgis, migrate
from layers.versions import database_version, newest_version
from riskmap.editions import Edition, load_edition, shipped_editions
from riskmap.errors import Unavailable
from riskmap.settings import City

_LOG = logging.getLogger("riskmap.setup")


def prepare_database(dsn: str, city: City, at: datetime | None = None) -> bool:
    """Make a database ready for `city`: create or update everything; True where something changed.

    `at` dates the first revision for those who load history after it (the demo, tests).

    Refused where it belongs to another city, Unavailable where PostGIS cannot be had.
    """
    engine = owner_engine(dsn)
    try:
        with writing(engine) as connection:
            _extension(connection)
            before = database_version(connection)
            migrate(connection, city.metric_srid)
            changed = before != newest_version()
            return _record(connection, city, at, first=before is None) or changed
    finally:
        engine.dispose()


def _extension(connection: Connection) -> None:
    try:
        enable_postgis(connection)
    except DBAPIError as error:
        raise Unavailable(
            "数据库服务器上没有 PostGIS，或当前用户无权启用它",
            remedy="请安装 postgresql-postgis，或请数据库管理员执行 CREATE EXTENSION postgis",
        ) from error


def _record(connection: Connection, city: City, at: datetime | None, *, first: bool) -> bool:
    """The city and the editions that this release brings, as one revision; False where there is nothing new."""
    new, told = _new_editions(connection)
    if not first and not new and stored_city(connection) == city:
        return False
    reason = "建立数据库" if first else "；".join(["更新城市设置或规则版本", *told])
    rev = open_revision(connection, "system", "init", reason, at)
    record_city(connection, city, rev)
    for item in new:
        keep_edition(connection, item, rev, shipped=True)
    return True


def _new_editions(connection: Connection) -> tuple[list[Edition], list[str]]:
    """The shipped editions that are to be filed, and in words which of them replace what an older release brought.

    Only the program's own examples are replaced, never one that the city approved or drafted: it stays as it is.
    """
    known = {one.name: one for one in filed(connection)}
    new, told = [], []
    for name, path in shipped_editions().items():
        item, old = load_edition(path), known.get(name)
        if old is None:
            new.append(item)
        elif old.hash != item.hash and old.head.shipped and not old.head.approved:
            new.append(item)
            told.append(f"未批准的示范版本 {name} 已更新为本程序所带内容")
        elif not old.head.shipped:
            told.append(f"本程序所带版本 {name} 与已有草案同名，未收入")
    for line in told:
        _LOG.warning("%s", line)
    return new, told

"""Setting up: extension, schema, the city and the shipped editions, in one transaction; safe to run again."""

import json
from datetime import datetime

from sqlalchemy import Connection
from sqlalchemy.exc import DBAPIError

from layers.city import edition_names, record_city, record_edition, stored_city
from layers.database import owner_engine, writing
from layers.history import open_revision
from layers.migrate import enable_postgis, migrate
from layers.versions import database_version, newest_version
from riskmap.editions import load_edition, shipped_editions
from riskmap.errors import Unavailable
from riskmap.settings import City


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
    """The city and the editions that are not on file yet, as one revision; False where all were."""
    known = edition_names(connection)
    new = [load_edition(path) for name, path in shipped_editions().items() if name not in known]
    if not first and not new and stored_city(connection) == city:
        return False
    rev = open_revision(connection, "system", "init", "建立数据库" if first else "更新城市设置或规则版本", at)
    record_city(connection, city, rev)
    for item in new:
        record_edition(
            connection,
            {
                "name": item.name,
                "effective_from": item.effective_from,
                "approved_by": item.approved_by,
                "approved_on": item.approved_on,
                "content": json.loads(item.to_json()),
                "hash": bytes.fromhex(item.hash),
                "rev": rev,
            },
        )
    return True

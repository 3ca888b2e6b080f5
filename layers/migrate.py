"""The schema brought up to date: Alembic's steps for tables, then the numbered SQL files for what hangs on them."""

from pathlib import Path

from alembic import command
from alembic.config import Config
from sqlalchemy import Connection, text

_HERE = Path(__file__).resolve().parent


def _config() -> Config:
    config = Config()
    config.set_main_option("script_location", str(_HERE / "migrations"))
    return config


def sql_files() -> list[Path]:
    """The idempotent SQL files in the order they are applied."""
    return sorted((_HERE / "sql").glob("[0-9][0-9]_*.sql"))


def enable_postgis(connection: Connection) -> None:
    """Make PostGIS part of the database; raises DBAPIError where it is not installed or not ours to enable."""
    connection.execute(text("CREATE EXTENSION IF NOT EXISTS postgis"))


def migrate(connection: Connection, metric_srid: int) -> None:
    """Bring tables, functions, triggers, roles and policies up to date, within the caller's transaction.

    `metric_srid` is used by the first step only; it is fixed once the tables stand. One migration at a time:
    an advisory lock queues the second caller. Alembic's own output stays off standard output.
    """
    connection.execute(text("SELECT pg_advisory_xact_lock(4309, 0)"))
    config = _config()
    config.attributes["connection"] = connection
    config.attributes["metric_srid"] = metric_srid
    command.upgrade(config, "head")
    # without parameters the driver sends a file as it is: several statements, and % means %
    plain = connection.execution_options(no_parameters=True)
    for path in sql_files():
        plain.exec_driver_sql(path.read_text("utf-8"))

"""Which version of the schema a database has, and which one the program speaks: asked by every command at its start."""

from pathlib import Path

from sqlalchemy import Connection, text

_MIGRATIONS = Path(__file__).resolve().parent / "migrations" / "versions"


def newest_version() -> str:
    """The version the program's own migrations end at: the number of the last file."""
    return max(path.name.partition("_")[0] for path in _MIGRATIONS.glob("[0-9]*_*.py"))


def database_version(connection: Connection) -> str | None:
    """The version a database is at; None where it has no schema yet."""
    if connection.execute(text("SELECT to_regclass('alembic_version')")).scalar_one() is None:
        return None
    return connection.execute(text("SELECT version_num FROM alembic_version")).scalar_one_or_none()

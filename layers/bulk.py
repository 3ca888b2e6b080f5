"""Writing so many rows that building indexes anew is cheaper than growing them: a spatial index grows twenty times
slower than it is built.
"""

from collections.abc import Iterator
from contextlib import contextmanager

from sqlalchemy import Connection, text

_BULK = 100_000
"""rows"""


@contextmanager
def indexes_rebuilt(connection: Connection, table: str, rows: int) -> Iterator[None]:
    """Around a write that adds `rows`: where they are many, and more than the table holds, its indexes are taken away
    and built again after it, in the same transaction.

    Readers wait meanwhile; a table that was nearly empty has none to speak of.
    """
    if rows < _BULK or rows < _rows_in(connection, table):
        yield
        return
    connection.exec_driver_sql("SET LOCAL work_mem = '192MB'; SET LOCAL maintenance_work_mem = '384MB'")
    key = connection.execute(_KEY, {"table": table}).one_or_none()  # a past has none
    others = connection.execute(_INDEXES, {"table": table}).all()
    if key is not None:
        connection.exec_driver_sql(f"ALTER TABLE {table} DROP CONSTRAINT {key.name}")
    for index in others:
        connection.exec_driver_sql(f"DROP INDEX {index.name}")
    yield
    if key is not None:
        connection.exec_driver_sql(f"ALTER TABLE {table} ADD CONSTRAINT {key.name} {key.definition}")
    for index in others:
        connection.exec_driver_sql(index.definition)
    connection.exec_driver_sql(f"ANALYZE {table} (code, township_code)")


_KEY = text(
    "SELECT quote_ident(conname) AS name, pg_get_constraintdef(oid) AS definition FROM pg_constraint"
    " WHERE conrelid = CAST(:table AS regclass) AND contype = 'p'"
)
_INDEXES = text(
    "SELECT indexrelid::regclass::text AS name, pg_get_indexdef(indexrelid) AS definition FROM pg_index"
    " WHERE indrelid = CAST(:table AS regclass) AND NOT indisprimary ORDER BY 1"
)


def _rows_in(connection: Connection, table: str) -> int:
    return int(connection.exec_driver_sql(f"SELECT count(*) FROM {table}").scalar_one())

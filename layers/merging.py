"""Two records that are one: what names the one that goes is staged to name the one that stays.

Works on stages like an import (`layers.staging`), so that placing, comparing and writing are the same code and every
layer is written by one statement. Events are never changed: they keep the code they were reported by, and `layers.merged`
finds them under the new one.
"""

from typing import Any

from sqlalchemy import Connection, select, text

from layers.fields import TABLES
from layers.schema import account, metadata
from layers.staging import columns_of, describe, drop_stages, make_stage, said_columns

_NEVER_FILLED = {"code", "closed_on", "synthetic", "geom", "geom_m"}
"""not empty places of the record that stays: its key, its position, its end, and who wrote it"""
_RENAMED_CODE = (
    "CASE WHEN starts_with(t.code, CAST(:drop AS text) || '/')"
    " THEN CAST(:keep AS text) || substr(t.code, length(CAST(:drop AS text)) + 1) ELSE t.code END"
)
"""SQL: the code of an inventory record `t` once its source has another code"""
Row = dict[str, Any]


def record_of(connection: Connection, table: str, code: str) -> Row | None:
    """The columns of a stored record."""
    rows = metadata.tables[table]
    found = connection.execute(select(rows).where(rows.c.code == code)).mappings().first()
    return dict(found) if found else None


def filled_from(keep: Row, drop: Row, table: str) -> list[str]:
    """The columns that are empty on the record that stays and known on the other."""
    names = [name for name in said_columns(TABLES[table]) if name not in _NEVER_FILLED]
    return [name for name in names if keep[name] in (None, "") and drop[name] not in (None, "")]


def stage_kept(connection: Connection, table: str, keep: str, drop: str, filled: list[str]) -> None:
    """Stage the record that stays, its empty columns filled from the other."""
    make_stage(connection, table)
    names = columns_of(table)
    values = ", ".join(f"d.{name}" if name in filled else f"k.{name}" for name in names)
    connection.execute(
        text(
            f"INSERT INTO staged_{table} (file_rows, op, moved, placed, {', '.join(names)})"
            f" SELECT '{{}}', 'U', false, false, {values} FROM {table} k, {table} d"
            " WHERE k.code = :keep AND d.code = :drop"
        ),
        {"keep": keep, "drop": drop},
    )


def stage_named(connection: Connection, table: str, owner: str, keep: str, drop: str) -> int:
    """Stage the records of a layer that name `drop` of the layer `owner`, to name `keep`; how many there are.

    An inventory's code begins with its source's, so it becomes a new record under the new code. Where the source that
    stays holds the same substance in the same unit already, its own figure counts: the two are one tank.
    """
    layer = TABLES[table]
    naming = [one.name for one in layer.fields if one.layer and _table_of(one.layer) == owner]
    where = {name: f"t.{name} = :drop" for name in naming}
    if table == "duty":
        where = {"object_code": f"t.object_code = :drop AND t.object_layer = '{owner}'"}
    if layer.immutable or not where:
        return 0
    names = columns_of(table)
    values = {name: f"t.{name}" for name in names}
    values |= {
        name: f"CASE WHEN {named} THEN CAST(:keep AS text) ELSE t.{name} END" for name, named in where.items()
    }
    op, aside = "'U'", ""
    if table == "inventory":
        values["code"] = _RENAMED_CODE
        op = f"CASE WHEN {_RENAMED_CODE} = t.code THEN 'U' ELSE 'I' END"
        aside = (
            f" AND NOT EXISTS (SELECT FROM inventory n WHERE n.code = {_RENAMED_CODE} AND n.code <> t.code)"
        )
    make_stage(connection, table)
    staged = connection.execute(
        text(
            f"INSERT INTO staged_{table} (file_rows, op, moved, placed, {', '.join(names)})"
            f" SELECT '{{}}', {op}, false, false, {', '.join(values[name] for name in names)} FROM {table} t"
            f" WHERE ({' OR '.join(where.values())}){aside}"
        ),
        {"keep": keep, "drop": drop},
    ).rowcount
    if staged:
        describe(connection, table, staged)
    else:
        drop_stages(connection, [table])
    return staged


def end_record(connection: Connection, table: str, code: str) -> None:
    """End a record; the past keeps it."""
    rows = metadata.tables[table]
    connection.execute(rows.delete().where(rows.c.code == code))


def end_inventory(connection: Connection, source: str) -> None:
    """End what is still on file under a source that goes."""
    rows = metadata.tables["inventory"]
    connection.execute(rows.delete().where(rows.c.source_code == source))


def count_doubled(connection: Connection, keep: str, drop: str) -> int:
    """How many inventory records two sources both have: the same substance in a unit of the same number."""
    counted = text(
        f"SELECT count(*) FROM inventory t WHERE t.source_code = :drop AND EXISTS"
        f" (SELECT FROM inventory n WHERE n.code = {_RENAMED_CODE} AND n.code <> t.code)"
    )
    return int(connection.execute(counted, {"keep": keep, "drop": drop}).scalar_one())


def move_accounts(connection: Connection, keep: str, drop: str, rev: int) -> int:
    """Let those who sign in for an enterprise that goes sign in for the one that stays; how many they are."""
    mine = account.update().where(account.c.enterprise_code == drop)
    return connection.execute(mine.values(enterprise_code=keep, rev=rev)).rowcount


def _table_of(layer: str) -> str:
    return next(one.table for one in TABLES.values() if one.name == layer)

"""Taking one revision back by sets: what its records were before it, and what stands in the way.

`undone_<table>` holds the records that the revision wrote: `op` says what takes it back (`D` it began them, they end;
`U` it changed them, they get their old values; `I` it ended them, they come back), `later` the revision that changed
one since. Nothing is written into the past: taking back is a new revision.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, and_, func, select, text

from layers.bulk import indexes_rebuilt
from layers.containment import PLACES
from layers.fields import LAYERS, TABLES
from layers.history import end_on
from layers.schema import SCOPE, revision
from layers.staging import columns_of

UNDO = "undo"
UNDOABLE = ("import", UNDO)
"""jobs whose revisions can be taken back: an undo too, which is a redo"""
MOST_CONFLICTS = 200
_REASON = "撤销修订 "
_TAKES_BACK = and_(revision.c.job.in_(UNDOABLE), revision.c.detail != text("'[]'::jsonb"))


@dataclass(frozen=True, slots=True)
class Undone:
    """What taking back does to one layer: records that end, get their old values, come back."""

    table: str
    ended: int
    restored: int
    returned: int

    def to_json(self) -> dict[str, Any]:
        """The counts as JSON values."""
        return {
            "layer": TABLES[self.table].name,
            "ended": self.ended,
            "restored": self.restored,
            "returned": self.returned,
        }


def reason_of_undo(rev: int, reason: str | None) -> str:
    """The reason of an undo: it names the revision that is taken back, and `imports` finds it by that name."""
    return f"{_REASON}{rev}：{reason or ''}".rstrip("：")


def imports(
    connection: Connection, limit: int = 20, offset: int = 0, *, rev: int | None = None
) -> list[dict[str, Any]]:
    """The latest revisions that can be taken back, newest first, or one of them, each with the undo that holds.

    `undone_by` is None again where that undo was itself undone. A revision without rows is none of them.
    """
    undone_by: dict[int, int] = {}
    for undo, target in sorted(_undos(connection).items(), reverse=True):
        if undo not in undone_by:
            undone_by.setdefault(target, undo)
    query = select(revision).where(_TAKES_BACK).order_by(revision.c.rev.desc()).limit(limit).offset(offset)
    if rev is not None:
        query = query.where(revision.c.rev == rev)
    return [
        {
            "rev": row.rev,
            "at": row.at,
            "actor": row.actor,
            "job": row.job,
            "reason": row.reason,
            "layers": [
                {"layer": TABLES[one["layer"]].name, "op": one["op"].lower(), "rows": one["rows"]}
                for one in row.detail
            ],
            "undone_by": undone_by.get(row.rev),
        }
        for row in connection.execute(query)
    ]


def count_imports(connection: Connection) -> int:
    """How many revisions `imports` lists in all."""
    return int(connection.execute(select(func.count()).select_from(revision).where(_TAKES_BACK)).scalar_one())


def _undos(connection: Connection) -> dict[int, int]:
    """Every undo and the revision it took back."""
    told = connection.execute(select(revision.c.rev, revision.c.reason).where(revision.c.job == UNDO))
    return {row.rev: int(str(row.reason).removeprefix(_REASON).partition("：")[0]) for row in told}


# --- what a revision wrote -------------------------------------------------------------------------------


def stage_undo(connection: Connection, rev: int, tables: list[str]) -> list[Undone]:
    """Make `undone_<table>` for every layer that the revision wrote; how many records each holds by what is done."""
    for table in tables:
        connection.exec_driver_sql(
            f"""
            DROP TABLE IF EXISTS undone_{table};
            CREATE TEMP TABLE undone_{table} ON COMMIT DROP AS
            SELECT u.code, nullif(greatest(n.rev, g.rev), {rev:d}) AS later,
              CASE WHEN n.code IS NULL THEN 'I' WHEN b.code IS NULL THEN 'D' ELSE 'U' END AS op
            FROM ({_written(connection, rev, table)}) u
              LEFT JOIN {table} n ON n.code = u.code
              LEFT JOIN {_before(table, rev)} b ON b.code = u.code
              LEFT JOIN (SELECT code, max(rev) AS rev FROM {table}_past WHERE gone AND rev >= {rev:d} GROUP BY code) g
                ON g.code = u.code;
            CREATE UNIQUE INDEX ON undone_{table} (code);
            ANALYZE undone_{table}
            """
        )
        _look_through(connection, f"undone_{table}", "later", table)
        connection.exec_driver_sql(f"UPDATE undone_{table} SET later = NULL WHERE later = {rev:d}")
    return [_counted(connection, table) for table in tables]


def _look_through(connection: Connection, rows: str, column: str, table: str, where: str = "true") -> None:
    """Where `column` names an undo, name the revision whose statement it brought back: the record stands as that said.

    So imports can be taken back one after the other, the newest first.
    """
    undos = _undos(connection)
    if not undos:
        return
    pairs = ", ".join(f"({undo:d}, {target:d})" for undo, target in undos.items())
    before = (
        f"SELECT b.rev FROM {table}_past b WHERE b.code = x.code AND b.rev_to = v.target AND b.rev < v.target"
    )
    gone = f"SELECT max(g.rev) FROM {table}_past g WHERE g.code = x.code AND g.gone AND g.rev < v.target"
    looked = (
        f"UPDATE {rows} x SET {column} = coalesce(({before} AND NOT b.gone), ({gone}), 0)"
        f" FROM (VALUES {pairs}) v(undo, target) WHERE x.{column} = v.undo AND {where}"
    )
    while connection.exec_driver_sql(looked).rowcount:
        pass


def _written(connection: Connection, rev: int, table: str) -> str:
    """SQL: the codes that a revision wrote, as `change` lists them; where it does not, the layer itself is read."""
    whole = text("SELECT EXISTS (SELECT FROM change WHERE rev = :rev AND layer = :layer AND code = '*')")
    if connection.execute(whole, {"rev": rev, "layer": table}).scalar_one():
        return (
            f"SELECT code FROM {table} WHERE rev = {rev:d}"
            f" UNION SELECT code FROM {table}_past WHERE rev = {rev:d} AND rev_to > {rev:d}"
        )
    return f"SELECT code FROM change WHERE rev = {rev:d} AND layer = '{table}'"


def _before(table: str, rev: int) -> str:
    """SQL: the rows that a revision replaced or ended, as they were."""
    return f"(SELECT * FROM {table}_past WHERE rev_to = {rev:d} AND rev < {rev:d} AND NOT gone)"


def _counted(connection: Connection, table: str) -> Undone:
    found = connection.exec_driver_sql(f"SELECT op, count(*) FROM undone_{table} GROUP BY op")
    by_op = {row[0]: int(row[1]) for row in found}
    return Undone(table, by_op.get("D", 0), by_op.get("U", 0), by_op.get("I", 0))


# --- what stands in the way ------------------------------------------------------------------------------


def conflicts(connection: Connection, rev: int, plan: list[Undone]) -> tuple[int, list[dict[str, Any]]]:
    """How many records forbid taking the revision back, and the first of them, each with why and since when.

    `changed`: a later revision changed the record itself. `names`: it names a record that would end. `missing`: it
    would come back and name a record that has ended since. `placed`: it was written later and stands where it does
    by a record that would be another again.
    """
    parts = [part for one in plan for part in _in_the_way(one, rev, {other.table for other in plan})]
    if not parts:
        return 0, []
    every = (
        f"SELECT DISTINCT ON (layer, code) * FROM ({' UNION ALL '.join(parts)}) x ORDER BY layer, code, why"
    )
    connection.exec_driver_sql(f"CREATE TEMP TABLE in_the_way ON COMMIT DROP AS {every}")
    for (table,) in connection.exec_driver_sql(
        "SELECT DISTINCT layer FROM in_the_way WHERE why <> 'changed'"
    ).all():
        _look_through(connection, "in_the_way", "rev", table, f"x.layer = '{table}' AND x.why <> 'changed'")
    connection.exec_driver_sql(f"DELETE FROM in_the_way WHERE rev < {rev:d}")
    total = connection.exec_driver_sql("SELECT count(*) FROM in_the_way").scalar_one()
    listed = connection.exec_driver_sql(
        "SELECT w.layer, w.code, w.why, w.rev, v.at, v.actor, v.reason FROM in_the_way w"
        f" LEFT JOIN revision v USING (rev) ORDER BY w.rev, w.layer, w.code LIMIT {MOST_CONFLICTS}"
    )
    found = [{**row, "layer": TABLES[row["layer"]].name} for row in listed.mappings()]
    connection.exec_driver_sql("DROP TABLE in_the_way")
    return int(total), found


def _in_the_way(one: Undone, rev: int, undone: set[str]) -> Iterator[str]:
    """SELECTs of (layer, code, why, rev)."""
    table = one.table
    yield f"SELECT '{table}' AS layer, code, 'changed' AS why, later AS rev FROM undone_{table} WHERE later IS NOT NULL"
    if one.ended:
        ended = f"(SELECT code FROM undone_{table} WHERE op = 'D')"
        yield from _naming(table, ended, "names", rev, undone)
    if one.restored or (one.returned and table == "area"):
        moved = f"({_moved(table, rev)})"
        yield from _naming(table, moved, "placed", rev, undone)
        if table == "area":
            yield from _lying_in(moved, rev, undone)
    if one.restored or one.returned:
        yield from _left_without(table, rev, undone)


def _naming(table: str, codes: str, why: str, rev: int, undone: set[str]) -> Iterator[str]:
    """Records written after the revision, and not by it, that name one of these records of a layer."""
    for other, named in _named_in(table):
        yield (
            f"SELECT '{other}', r.code, '{why}', r.rev FROM {other} r"
            f" CROSS JOIN LATERAL unnest({named}) AS one(code) JOIN {codes} q ON q.code = one.code"
            f" WHERE r.rev > {rev:d}{_not_undone(other, undone)}"
        )


def _named_in(table: str) -> Iterator[tuple[str, str]]:
    """Layers whose records `r` name records of a layer, and the array of the codes they name. Events hinder nothing."""
    for other, layer in TABLES.items():
        if layer.immutable:
            continue
        names = [f"r.{one.name}" for one in layer.fields if one.layer and LAYERS[one.layer].table == table]
        if other == "duty":
            names.append(f"CASE r.object_layer WHEN '{table}' THEN r.object_code END")
        if table == "area":
            names += [f"r.{name}" for name in PLACES]
            if other == "area":
                names = [f"nullif(r.{name}, r.code)" for name in PLACES] + ["r.parent_code"]
        if names:
            array = f"ARRAY[{', '.join(names)}]"
            yield other, f"{array} || r.members" if other == table == "area" else array


def _not_undone(table: str, undone: set[str]) -> str:
    """SQL: the record is not one of those that are taken back."""
    return f" AND NOT EXISTS (SELECT FROM undone_{table} x WHERE x.code = r.code)" if table in undone else ""


def _moved(table: str, rev: int) -> str:
    """SQL: records whose scope or, of an area, shape will be another; an area that comes back is one of them."""
    names = [*SCOPE, *(["geom_m", "level"] if table == "area" else [])]
    now, then = (", ".join(f"{alias}.{name}" for name in names) for alias in ("n", "b"))
    return (
        f"SELECT u.code FROM undone_{table} u JOIN {_before(table, rev)} b USING (code) LEFT JOIN {table} n USING (code)"
        f" WHERE (u.op = 'U' AND ({now}) IS DISTINCT FROM ({then})) OR (u.op = 'I' AND '{table}' = 'area')"
    )


def _lying_in(moved: str, rev: int, undone: set[str]) -> Iterator[str]:
    """Records written after the revision that lie in an area's shape as it is or as it will be."""
    shapes = (
        f"(SELECT geom_m FROM area WHERE code IN {moved}"
        f" UNION ALL SELECT geom_m FROM {_before('area', rev)} b WHERE code IN {moved})"
    )
    for other, layer in TABLES.items():
        if layer.position != "none" and not layer.immutable and other != "area":
            yield (
                f"SELECT '{other}', r.code, 'placed', r.rev FROM {other} r WHERE r.rev > {rev:d} AND EXISTS"
                f" (SELECT FROM {shapes} q WHERE q.geom_m && r.geom_m AND ST_Intersects(q.geom_m, r.geom_m))"
                f"{_not_undone(other, undone)}"
            )


def _left_without(table: str, rev: int, undone: set[str]) -> Iterator[str]:
    """Records that would come back as they were and name one that has ended since."""
    for one in TABLES[table].fields:
        if not one.layer:
            continue
        other = LAYERS[one.layer].table
        here = f"SELECT FROM {other} o WHERE o.code = b.{one.name}"
        back = ""
        if other in undone:
            here += f" AND NOT EXISTS (SELECT FROM undone_{other} x WHERE x.code = o.code AND x.op = 'D')"
            back = (
                f" AND NOT EXISTS (SELECT FROM undone_{other} x WHERE x.code = b.{one.name} AND x.op = 'I')"
            )
        yield (
            f"SELECT '{table}', b.code, 'missing', NULL::bigint FROM undone_{table} u JOIN {_before(table, rev)} b"
            f" USING (code) WHERE u.op <> 'D' AND b.{one.name} IS NOT NULL AND NOT EXISTS ({here}){back}"
        )


# --- writing ---------------------------------------------------------------------------------------------


def write_undo(connection: Connection, one: Undone, undone: int, rev: int, *, redo: bool) -> None:
    """Take one layer back under an open revision: one DELETE, one UPDATE, one INSERT.

    A record that the undone revision began ends on the day it began, so that on no day it holds any more; one that
    comes back holds from when it held. Old values hold from when they held; where an import reached back further
    than what it replaced, from there, so that no day is left to what was taken back.
    """
    with (
        indexes_rebuilt(connection, one.table, one.returned),
        indexes_rebuilt(connection, f"{one.table}_past", 2 * one.ended + one.restored),
    ):
        _take_back(connection, one, undone, rev, redo=redo)


def _take_back(connection: Connection, one: Undone, undone: int, rev: int, *, redo: bool) -> None:
    table = one.table
    plain = [name for name in columns_of(table) if name not in {"valid_from", "rev"}]
    if one.ended:
        began = f"SELECT min(n.valid_from) FROM {table} n JOIN undone_{table} u USING (code) WHERE u.op = 'D'"
        end_on(connection, connection.exec_driver_sql(began).scalar_one())
        connection.exec_driver_sql(
            f"DELETE FROM {table} n USING undone_{table} u WHERE u.code = n.code AND u.op = 'D'"
        )
    old = f"undone_{table} u JOIN {_before(table, undone)} b USING (code)"
    if one.restored:
        sets = ", ".join(f"{name} = b.{name}" for name in plain if name != "code")
        since = "b.valid_from" if redo else "least(b.valid_from, n.valid_from)"
        connection.exec_driver_sql(
            f"UPDATE {table} n SET {sets}, valid_from = {since}, rev = {rev:d} FROM {old}"
            " WHERE u.op = 'U' AND n.code = b.code"
        )
    if one.returned:
        listed = ", ".join(plain)
        connection.exec_driver_sql(
            f"INSERT INTO {table} ({listed}, valid_from, rev)"
            f" SELECT {', '.join(f'b.{name}' for name in plain)}, b.valid_from, {rev:d} FROM {old} WHERE u.op = 'I'"
        )

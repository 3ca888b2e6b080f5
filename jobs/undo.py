"""Taking a whole import back as one act: its records become what they were before it, in a revision of its own."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Engine

from layers.audit import changed_since
from layers.database import writing
from layers.fields import LAYERS
from layers.history import head_rev, open_revision
from layers.records import iso
from layers.undoing import (
    MOST_CONFLICTS,
    UNDO,
    Undone,
    conflicts,
    imports,
    reason_of_undo,
    stage_undo,
    write_undo,
)
from riskmap.errors import NotFound, Refused

_WHY = {
    "changed": "之后又被修改",
    "names": "引用了将被撤销的记录",
    "placed": "之后写入，归属取决于将被还原的记录",
    "missing": "还原后引用的记录已不存在",
}


@dataclass(frozen=True, slots=True)
class UndoReport:
    """What an undo did, or would do: the revision taken back, the counts by layer, and its own revision (or None)."""

    undone: int
    reason: str | None
    layers: list[Undone]
    dry_run: bool
    rev: int | None = None

    def to_json(self) -> dict[str, Any]:
        """The report as JSON values."""
        return {
            "undone": self.undone,
            "reason": self.reason,
            "layers": [one.to_json() for one in self.layers],
            "dry_run": self.dry_run,
            "rev": self.rev,
        }


def undo(
    owner_engine: Engine, rev: int, *, actor: str = "cli", dry_run: bool = False, at: datetime | None = None
) -> UndoReport:
    """Take the import of revision `rev` back, all of it or nothing; an undo is taken back likewise.

    NotFound where there is no such revision; Refused where it is no import, is undone already, or records stand in
    the way: these are the error's fact `conflicts` (`layer`, `code`, `why`, `rev`, `at`, `actor`).
    """
    with writing(owner_engine) as connection:
        found = _undoable(connection, rev)
        tables = list(dict.fromkeys(LAYERS[one["layer"]].table for one in found["layers"]))
        seen = head_rev(connection)
        plan = _planned(connection, rev, tables)
        report = UndoReport(rev, found["reason"], plan, dry_run)
        if dry_run:
            return report
        own = open_revision(connection, actor, UNDO, reason_of_undo(rev, found["reason"]), at)
        if own > seen + 1 and changed_since(connection, seen):
            _undoable(connection, rev)
            plan = _planned(connection, rev, tables)
        for one in plan:
            write_undo(connection, one, rev, own, redo=found["job"] == UNDO)
    return UndoReport(rev, found["reason"], plan, dry_run, own)


def _undoable(connection: Connection, rev: int) -> dict[str, Any]:
    if not 0 < rev <= head_rev(connection):
        raise NotFound(f"没有修订 {rev}", remedy="用 riskmap imports 查看可以撤销的导入")
    found = imports(connection, 1, rev=rev)
    if not found:
        raise Refused(f"修订 {rev} 不是数据导入，不能撤销", remedy="用 riskmap imports 查看可以撤销的导入")
    if found[0]["undone_by"] is not None:
        by = found[0]["undone_by"]
        raise Refused(f"修订 {rev} 已由修订 {by} 撤销", remedy=f"如需恢复，请撤销修订 {by}")
    return found[0]


def _planned(connection: Connection, rev: int, tables: list[str]) -> list[Undone]:
    """What is to be done by layer. Refused, with the records, where something stands in the way."""
    plan = stage_undo(connection, rev, tables)
    total, listed = conflicts(connection, rev, plan)
    if not total:
        return plan
    first = listed[0]
    later = f"（修订 {first['rev']}）" if first["rev"] else ""
    raise Refused(
        f"修订 {rev} 不能撤销：有 {total} 条记录，如{LAYERS[first['layer']].zh} {first['code']}"
        f" {_WHY[first['why']]}{later}",
        remedy="请先撤销列出的后来的修订，或逐条改正"
        + ("；此处只列出一部分" if total > MOST_CONFLICTS else ""),
        conflicts=[{**one, "at": one["at"] and iso(one["at"])} for one in listed],
        total=total,
    )

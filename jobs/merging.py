"""Merging two records of one layer when a person asks for it: one revision, and the past keeps both."""

from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Engine

from layers.containment import Areas
from layers.database import writing
from layers.duplicates import table_of
from layers.fields import LAYERS
from layers.history import CLOCK, end_on, open_revision
from layers.merged import keep_merge
from layers.merging import (
    count_doubled,
    end_inventory,
    end_record,
    filled_from,
    move_accounts,
    record_of,
    stage_kept,
    stage_named,
)
from layers.placement import settle
from layers.staging import Comparison, write
from riskmap.errors import NotFound, Refused


def merge(
    owner: Engine, layer: str, keep: str, drop: str, *, actor: str, at: datetime | None = None
) -> dict[str, Any]:
    """Make two records of a layer (import name) one: `keep` stays, `drop` ends.

    Records that name `drop` name `keep` afterwards and lie in its scope, empty columns of `keep` are filled from
    `drop`, none is overwritten. `{"layer", "keep", "drop", "rev", "filled": [column…], "renamed": {layer: n},
    "inventory_ended": n}`, the last of them records of `drop` that `keep` had itself. BadInput for a layer whose
    records cannot be merged, NotFound for a code that is not on file, Refused where the two cannot be one.
    """
    table = table_of(layer)
    word = LAYERS[layer].zh
    if keep == drop:
        raise Refused("两个编码相同，不是两条记录", remedy="请选择编码不同的两条记录")
    day = (at or datetime.now(CLOCK)).astimezone(CLOCK).date()
    with writing(owner) as connection:
        stays, goes = _found(connection, table, keep, word), _found(connection, table, drop, word)
        _check(stays, goes)
        reason = f"{word}合并：{goes['name']}（{drop}）并入{stays['name']}（{keep}）"
        rev = open_revision(connection, actor, "merge", reason, at)
        # the revision is ours from here on: nobody else writes, so what was found is asked for again
        stays, goes = _found(connection, table, keep, word), _found(connection, table, drop, word)
        filled = filled_from(stays, goes, table)
        doubled = count_doubled(connection, keep, drop) if table == "source" else 0
        plan, renamed = _stage(connection, table, keep, drop, filled)
        for name, found in plan.items():
            write(connection, name, found, rev, day)
        end_on(connection, day)
        if table == "source":
            end_inventory(connection, drop)
        end_record(connection, table, drop)
        keep_merge(connection, table, stays, goes, rev)
        if table == "enterprise":
            move_accounts(connection, keep, drop, rev)
    return {
        "layer": layer,
        "keep": keep,
        "drop": drop,
        "rev": rev,
        "filled": filled,
        "renamed": renamed,
        "inventory_ended": doubled,
    }


def _stage(
    connection: Connection, table: str, keep: str, drop: str, filled: list[str]
) -> tuple[dict[str, Comparison], dict[str, int]]:
    """Stage, place and compare everything that changes; what is to be written, and how many records were renamed."""
    renamed: dict[str, int] = {}

    def bring(name: str, _staged: set[str]) -> bool:
        if name == table:
            stage_kept(connection, table, keep, drop, filled)
        elif n := stage_named(connection, name, table, keep, drop):
            renamed[name] = n
        return name == table or name in renamed

    plan = settle(connection, Areas(connection, "area"), bring)
    return plan, renamed


def _found(connection: Connection, table: str, code: str, word: str) -> dict[str, Any]:
    record = record_of(connection, table, code)
    if record is None:
        raise NotFound(f"{word}中没有编码为 {code} 的记录", remedy="它可能已被合并，请刷新页面后核对")
    return record


def _check(stays: dict[str, Any], goes: dict[str, Any]) -> None:
    """Refused where the record that stays has ended and the other has not."""
    if stays.get("status") == "closed" and goes.get("status") != "closed":
        raise Refused(
            f"{stays['code']} 已关闭而 {goes['code']} 没有，合并后在营的记录会消失",
            remedy="请保留没有关闭的一条",
        )

"""Editions of the rules are drafted, compared on the real city, approved by name and date, or withdrawn."""

from dataclasses import replace
from datetime import date, datetime
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, Engine

from jobs.backtests import check_tried
from jobs.comparison import compare, summary
from layers.database import writing
from layers.editions import Filed, drop_edition, edition_named, filed, head_on, keep_edition
from layers.history import CLOCK, open_revision
from riskmap.edition_checks import check_edition
from riskmap.edition_files import read_edition
from riskmap.editions import TABLE_NAME
from riskmap.errors import BadInput, NotFound, Refused

_LONGEST = 200


def draft(owner: Engine, path: Path, *, actor: str, name: str | None = None) -> dict[str, Any]:
    """File an edition from a folder or JSON file as a draft, under its own or another name; a draft replaces a draft.

    Whatever approval the file names is left out: an edition is approved by `approve` alone. BadInput where a table is
    missing or wrong; Refused where the name belongs to an approved edition or to one of the program's own.
    """
    given = read_edition(path)
    content = replace(given, name=name or given.name, approved_by=None, approved_on=None)
    if not TABLE_NAME.fullmatch(content.name):
        raise BadInput(f"“{content.name}”不能作版本名", remedy="只用字母、数字、点、横线和下划线")
    check_edition(content)
    with writing(owner) as connection:
        rev = open_revision(connection, actor, "edition", f"收入规则版本草案 {content.name}")
        known = _find(connection, content.name)
        if known and (known.head.approved or known.head.shipped):
            raise Refused(
                f"版本 {content.name} "
                + ("已经批准，不能改动" if known.head.approved else "是随程序提供的示范版本"),
                remedy="请用 --name 另起名称",
            )
        keep_edition(connection, content, rev, shipped=False)
    return {"name": content.name, "hash": content.hash, "rev": rev, "replaced": known is not None}


def approve(
    owner: Engine,
    name: str,
    *,
    by: str,
    effective_from: date,
    actor: str,
    reason: str | None = None,
    progress: Any = None,
) -> dict[str, Any]:
    """Approve a draft or the program's example: in force from a day on, never changed again.

    Before that it is compared on the real city with the edition it takes over from; the counts stay with it, and so
    does the back-test of its rules of warnings. Refused where it is approved already or was changed meanwhile, or
    where rules of warnings that are not those in force were not tried on the last days.
    """
    by, reason = by.strip(), (reason or "").strip() or None
    if not by or len(by) > _LONGEST or len(reason or "") > _LONGEST:
        raise BadInput(
            f"批准机关为空，或批准机关、理由超过 {_LONGEST} 字", remedy="请写明批准机关，如 市安全生产委员会"
        )
    today = datetime.now(CLOCK).date()
    with writing(owner) as connection:
        known = _approvable(connection, name)
        old = head_on(connection, effective_from).name
        content = edition_named(connection, name)
        if content.effective_to and content.effective_to < effective_from:
            raise BadInput(f"施行日期晚于该版本的截止日期 {content.effective_to}", remedy="请改正日期")
        tried = check_tried(connection, edition_named(connection, old), content, today)
    check_edition(content)
    compared = summary(compare(owner, old, name, progress=progress)) | {"backtest": tried}
    approved = replace(content, effective_from=effective_from, approved_by=by, approved_on=today)
    turned = sum(one["changed"] for one in compared["kinds"].values())
    told = f"批准规则版本 {name}：{by}，自 {effective_from} 起施行；与 {old} 比较 {turned} 个变色"
    with writing(owner) as connection:
        rev = open_revision(connection, actor, "edition", told + (f"；{reason}" if reason else ""))
        if _approvable(connection, name).hash != known.hash:
            raise Refused(f"版本 {name} 刚刚被改动", remedy="请重新比较后再批准")
        keep_edition(
            connection, approved, rev, shipped=known.head.shipped, reason=reason, comparison=compared
        )
    return {
        "name": name,
        "hash": approved.hash,
        "approved_by": by,
        "approved_on": today,
        "effective_from": effective_from,
        "rev": rev,
        "comparison": compared,
    }


def withdraw(owner: Engine, name: str, *, actor: str, reason: str | None = None) -> dict[str, Any]:
    """Take a draft off the file; the past keeps it. Refused for an approved edition and for the program's own."""
    with writing(owner) as connection:
        told = f"撤回规则版本草案 {name}" + (f"：{reason}" if reason else "")
        rev = open_revision(connection, actor, "edition", told)
        known = _find(connection, name)
        if known is None:
            raise NotFound(f"没有规则版本 {name}", remedy="用 riskmap editions list 查看全部版本")
        if known.head.approved or known.head.shipped:
            raise Refused(
                f"版本 {name} "
                + ("已经批准，不能撤回" if known.head.approved else "是随程序提供的示范版本，不能撤回"),
                remedy="可以批准另一个版本来代替它",
            )
        drop_edition(connection, name, rev)
    return {"name": name, "rev": rev}


def _find(connection: Connection, name: str) -> Filed | None:
    return next((one for one in filed(connection) if one.name == name), None)


def _approvable(connection: Connection, name: str) -> Filed:
    known = _find(connection, name)
    if known is None:
        raise NotFound(f"没有规则版本 {name}", remedy="用 riskmap editions list 查看全部版本")
    if known.head.approved:
        raise Refused(f"版本 {name} 已于 {known.approved_on} 批准，不能改动", remedy="请起草新的版本")
    return known

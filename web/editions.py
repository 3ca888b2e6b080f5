"""Editions of the rules on a page and for programs: which is in force, what a new one would change, its approval."""

from datetime import date, datetime
from typing import Annotated, Any

from fastapi import APIRouter, Form, Query
from fastapi.responses import HTMLResponse, RedirectResponse, Response
from sqlalchemy import Connection

from jobs.editions import approve
from layers.database import Identity
from layers.editions import edition_named, filed, head_on
from layers.history import CLOCK
from layers.stability import check_told, last_check
from riskmap.errors import BadInput, Forbidden, NotFound
from riskmap.vocabulary import LEVELS
from riskmap.weight_words import weight_label
from web.api import Listed
from web.deps import Comparing, Lang, Owner, Rows, SignedIn
from web.render import SignedPage

router = APIRouter()

COLOURS = (*LEVELS.values(), "none")
_SHOWN = 200
_MOVED = 15
Named = Annotated[str, Query(max_length=100)]
Record = dict[str, Any]


@router.get("/editions", include_in_schema=False)
def editions(
    page: SignedPage, comparing: Comparing, owner: Owner, old: Named = "", new: Named = ""
) -> HTMLResponse:
    """Every edition with its approval, how stable the colours are, and two editions compared where they are named."""
    known = _listed(page.connection)
    compared = None
    if old and new:
        _see_city(page.session.identity)
        compared = comparing.of(owner, old, new, page.lang)
    check = last_check(page.connection)
    return page.show(
        "editions.html",
        editions=known,
        approved=any(one["state"] == "in_force" for one in known),
        old=old or head_on(page.connection, _today()).name,
        new=new or next((one["name"] for one in known if one["state"] == "draft"), ""),
        compared=compared,
        matrices=_matrices(compared) if compared else [],
        colours=COLOURS,
        most_shown=_SHOWN,
        check=check_told(check) if check else None,
        moved=[(weight_label(one, page.lang), one) for one in check["counts"]["moved"][:_MOVED]]
        if check
        else [],
        may_compare=page.session.identity.sees_city,
        may_approve=_may_approve(page.session.identity),
        today=_today(),
    )


@router.post("/editions/{name}/approve", include_in_schema=False)
def approve_edition(
    page: SignedPage,
    owner: Owner,
    name: str,
    by: Annotated[str, Form(max_length=200)],
    effective_from: Annotated[str, Form(max_length=10)],
    reason: Annotated[str, Form(max_length=200)] = "",
    confirmed: Annotated[str, Form(max_length=5)] = "",
) -> Response:
    """Approve an edition by name and date, once the box is ticked; for the roles admin and city."""
    identity = page.session.identity
    if not _may_approve(identity):
        raise Forbidden("只有管理员和市级用户可以登记版本的批准", remedy="请联系市级用户")
    if confirmed != "yes":
        raise BadInput("没有勾选确认", remedy="请核对比较结果后勾选确认")
    try:
        day = date.fromisoformat(effective_from)
    except ValueError:
        raise BadInput(f"“{effective_from}”不是日期", remedy="请写成 2026-07-01 的形式") from None
    made = approve(owner, name, by=by, effective_from=day, actor=identity.name, reason=reason)
    return RedirectResponse(f"/editions?old={made['comparison']['old']['name']}&new={name}", 303)


@router.get("/api/v1/editions", tags=["editions"])
def list_editions(rows: Rows) -> Listed:
    """Every edition with its state today, its approval and what that changed."""
    items = _listed(rows)
    return Listed(items=items, total=len(items), next=None)


@router.get("/api/v1/editions/{name}", tags=["editions"])
def edition(rows: Rows, name: str) -> Record:
    """One edition with all its tables; numbers with a fraction are text, as they were written."""
    found = next((one for one in _listed(rows) if one["name"] == name), None)
    if found is None:
        raise NotFound(f"没有规则版本 {name}", remedy="用 /api/v1/editions 查看全部版本")
    return found | {"tables": edition_named(rows, name).tables}


@router.get("/api/v1/editions/{name}/compare", tags=["editions"])
def compare_edition(
    rows: Rows,
    identity: SignedIn,
    owner: Owner,
    comparing: Comparing,
    lang: Lang,
    name: str,
    old: Annotated[str | None, Query(description="比较的版本；不写为现行版本", max_length=100)] = None,
) -> Record:
    """What changes colour when this edition is in force instead of another, on the city as it is; writes nothing.

    For those who see the whole city. The rows and columns of a matrix are red, orange, yellow, blue, none.
    """
    _see_city(identity)
    return comparing.of(owner, old or head_on(rows, _today()).name, name, lang)


@router.get("/api/v1/stability", tags=["editions"])
def stability(rows: Rows, lang: Lang) -> Record:
    """The newest check of the colours: how many keep theirs under ±20 % of every weight, and which weights turn most."""
    check = last_check(rows)
    if check is None:
        raise NotFound("还没有检查过颜色的稳定性", remedy="请运行 riskmap editions stability，或等待后台检查")
    told = check_told(check)
    return told | {"moved": [{"label": weight_label(one, lang), **one} for one in told["moved"]]}


def _listed(connection: Connection) -> list[Record]:
    known = filed(connection)
    heads = [one.head for one in known]
    return [one.told(heads, _today()) for one in known]


def _matrices(compared: Record) -> list[Record]:
    """By kind that is on file the matrix of old and new colours, each cell with its share of the fullest changed one."""
    found = []
    for kind, counted in compared["kinds"].items():
        cells = [[(n, a != b) for b, n in enumerate(row)] for a, row in enumerate(counted["matrix"])]
        most = max((n for row in cells for n, apart in row if apart), default=0)
        if counted["total"]:
            found.append({"kind": kind, **counted, "cells": cells, "most": most})
    return found


def _see_city(identity: Identity) -> None:
    if not identity.sees_city:
        raise Forbidden("比较涉及全市记录，只有市级角色可以查看", remedy="请联系市级用户")


def _may_approve(identity: Identity) -> bool:
    return identity.role in ("admin", "city") and not identity.committee


def _today() -> date:
    return datetime.now(CLOCK).date()

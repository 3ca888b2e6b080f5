"""The daily digest: what changed in a township since yesterday's hour and why; of a neighbour only what may be told."""

from dataclasses import asdict
from datetime import UTC, datetime
from typing import Annotated

from fastapi import APIRouter, Query
from fastapi.responses import HTMLResponse

from jobs.daily import day_of, digest_of, why_of
from layers.digest import EXPLAINED, explain
from layers.status import township_names
from riskmap.daily import Counted
from riskmap.errors import Forbidden
from web.render import Page, SignedPage
from web.warning_cards import title_of

router = APIRouter(include_in_schema=False)
_FIRST = 10
"""warnings in sight, the most urgent first; the rest is a tap away"""


@router.get("/digest")
def digest(page: SignedPage, township: Annotated[str, Query(max_length=64)] = "") -> HTMLResponse:
    """A township's day for its leader; whoever sees the city chooses a township."""
    identity, now = page.session.identity, datetime.now(UTC)
    townships = township_names(page.connection)
    if identity.role == "township":
        township = identity.area_code or ""
    elif not identity.sees_city:
        raise Forbidden("每日变化按乡镇汇总，供乡镇负责人和市级用户查看", remedy="请联系所在乡镇")
    chosen = township if township in townships else min(townships, default="")
    day = day_of(page.connection, now)
    found = digest_of(page.connection, chosen, day) if chosen else None
    if found:
        explain(page.connection, found.changes.colours[:EXPLAINED], day.then)
    return page.show(
        "digest.html",
        townships=townships if identity.sees_city else {},
        chosen=chosen,
        name=townships.get(chosen, ""),
        most=EXPLAINED,
        first=_FIRST,
        found=found,
        line=line_of(page, found.counted) if found else "",
        hour=day.since,
        whys={(one["kind"], one["code"]): why_of(one, page.lang) for one in found.changes.colours}
        if found
        else {},
        titles={
            one["warning_id"]: title_of(page, one | {"drill": False})
            for one in (*found.changes.begun, *found.changes.ended)
        }
        if found
        else {},
    )


def line_of(page: Page, counted: Counted) -> str:
    """What changed, counted, in one line."""
    told = [
        page.text(f"digest.n.{name}", n=n) for name, n in asdict(counted).items() if name != "reason" and n
    ]
    return page.text("digest.join").join(told)

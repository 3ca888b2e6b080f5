"""The joint-control sheet 联防联控表 of a zone: one A4 document with map, members, phones, plan, resources and dates."""

from datetime import datetime
from typing import Any

from fastapi import APIRouter
from fastapi.responses import HTMLResponse

from layers.history import CLOCK
from layers.search import nearest
from layers.status import township_names
from layers.zone_persons import heads_of
from layers.zone_view import ground_around
from riskmap import __version__
from riskmap.errors import NotFound
from web.render import Page, SignedPage
from web.zone_drawing import drawing_of, plane_of
from web.zone_words import due_told
from web.zones import known_zone, phone_list

router = APIRouter(include_in_schema=False)

Row = dict[str, Any]
_NEAR_M = 10_000
_RESOURCES = 8


@router.get("/zones/{code}/sheet")
def sheet(page: SignedPage, code: str) -> HTMLResponse:
    """The sheet as the reader may have it: of other townships' members only the projection."""
    known = known_zone(page.connection, code, None)
    if known.ended:
        raise NotFound(
            f"片区 {known.zone['name']} 已于 {known.ended.day} 终止，不再有联防联控表",
            remedy="请打开片区页面查看终止时的成员、台账和去向",
        )
    zone, ledger = known.zone, known.ledger(page.connection)
    of_kind: dict[str, list[Row]] = {}
    for one in ledger.records:
        of_kind.setdefault(one["kind"], []).append(one)
    return page.show(
        "zone_sheet.html",
        zone=zone,
        drawing=drawing_of(zone, ground_around(page.connection, plane_of(zone).box)),
        ledger=ledger,
        dues=[due_told(page.lang, one) for one in ledger.dues],
        plan=next(iter(of_kind.get("plan", [])), None),
        shared=of_kind.get("resource", []),
        nearby=_nearby(page, zone),
        persons=phone_list(page.connection, zone, ledger),
        heads=heads_of(page.connection, zone),
        townships=township_names(page.connection),
        printed=datetime.now(CLOCK),
        styles=[f"/static/zone_sheet.css?v={__version__}"],
        scripts=[f"/static/zone_sheet.js?v={__version__}"],
    )


def _nearby(page: Page, zone: Row) -> list[Row]:
    return nearest(page.connection, "resource", zone["lon"], zone["lat"], max_m=_NEAR_M, limit=_RESOURCES)

"""Opinion papers on proposed sites: the list, one paper as page and PDF, and the same for programs."""

import json
from datetime import datetime
from functools import partial
from threading import BoundedSemaphore
from typing import Annotated, Any
from urllib.parse import quote

from fastapi import APIRouter, Query, Request, Response
from fastapi.responses import HTMLResponse

from layers.history import CLOCK
from layers.siting_papers import paper_named, papers
from riskmap import __version__
from riskmap.errors import Forbidden
from web.api import ERRORS, Listed, Record, next_address
from web.deps import Lang, Rows, SignedIn
from web.pages import PER_PAGE, Number, Shown
from web.render import SignedPage
from web.siting_sheet import STYLES, document_of, kind_word, pdf_of, sheet_of
from web.turns import turn

router = APIRouter()
_pages = APIRouter(prefix="/siting/papers", include_in_schema=False)
_api = APIRouter(prefix="/api/v1/siting/papers", tags=["siting"], responses=ERRORS)
_AT_ONCE = BoundedSemaphore(1)
"""one paper is set in type at a time: it takes a processor for seconds"""
_PATIENCE_S = 20.0


@_pages.get("")
def listed(page: SignedPage, number: Annotated[Number, Query(alias="page")] = 1) -> HTMLResponse:
    """The papers filed so far, the newest first."""
    _check(page.session.identity)
    rows, total = papers(page.connection, limit=PER_PAGE, offset=(number - 1) * PER_PAGE)
    return page.show(
        "siting_papers.html",
        shown=Shown(rows, total, number),
        today=_now().date(),
        kind_of=partial(kind_word, page.lang),
    )


@_pages.get("/{number}.pdf", response_class=Response)
def pdf(rows: Rows, identity: SignedIn, lang: Lang, number: str) -> Response:
    """A paper as PDF."""
    _check(identity)
    paper = paper_named(rows, number)
    with turn(_AT_ONCE, _PATIENCE_S, "正在生成 PDF 的人较多"):
        made = pdf_of(document(paper, lang))
    name = quote(f"选址安全审查意见书 {number}.pdf", safe="")
    headers = {"content-disposition": f"inline; filename=\"{number}.pdf\"; filename*=UTF-8''{name}"}
    return Response(made, media_type="application/pdf", headers=headers)


@_pages.get("/{number}")
def paper(page: SignedPage, number: str) -> HTMLResponse:
    """A paper as it was filed, to read and to print."""
    _check(page.session.identity)
    told = paper_named(page.connection, number)
    return page.show(
        "siting_paper.html",
        **sheet_of(told, page.lang, _now().date()),
        styles=[f"/static/{name}?v={__version__}" for name in STYLES],
        scripts=[f"/static/zone_sheet.js?v={__version__}"],
    )


@_api.get("")
def papers_listed(
    request: Request,
    rows: Rows,
    identity: SignedIn,
    limit: Annotated[int, Query(ge=1, le=1000)] = 100,
    offset: Annotated[int, Query(ge=0, le=10**9)] = 0,
) -> Listed:
    """The papers filed so far, the newest first, without their data parts."""
    _check(identity)
    found, total = papers(rows, limit=limit, offset=offset)
    return Listed(items=found, total=total, next=next_address(request, limit, offset, total))


@_api.get("/{number}")
def paper_of_number(rows: Rows, identity: SignedIn, number: str) -> Record:
    """A paper: its data part, the SHA-256 of it, and the number of the paper that replaced it, if one did."""
    _check(identity)
    told = paper_named(rows, number)
    return {**told, "data": json.loads(told["data"])}


@_api.get("/{number}/data", response_class=Response)
def data_part(rows: Rows, identity: SignedIn, number: str) -> Response:
    """The data part byte for byte as it was filed: the SHA-256 of this answer is the paper's."""
    _check(identity)
    return Response(paper_named(rows, number)["data"].encode(), media_type="application/json")


def document(paper: Record, lang: str) -> str:
    """A paper as one HTML file of its own."""
    return document_of(paper, lang, _now().date())


def _now() -> datetime:
    return datetime.now(CLOCK)


def _check(identity: Any) -> None:
    """Papers name records of the whole city: whoever does not see it reads the public list."""
    if not identity.sees_city:
        raise Forbidden("意见书只对能看到全市数据的用户开放", remedy="请查看公开清单 /siting/public")


for _part in (_pages, _api):
    router.include_router(_part)

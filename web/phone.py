"""The phone page: one's own warnings with the next step under the thumb, then one's area as it stands."""

from datetime import UTC, datetime
from typing import Annotated, Any

from fastapi import APIRouter, Form, Query
from fastapi.responses import HTMLResponse, Response

from jobs.daily import day_of, digest_of
from jobs.warning_proofs import note_read
from layers import dangers, duty
from layers.records import fetch
from web.deps import Owner, Reader, SignedIn
from web.digest import line_of
from web.pages import only, worst_of
from web.render import Page, SignedPage
from web.risen import Scale
from web.warning_cards import to_do, view_of
from web.warning_desk import About, Action, Done, Note, Number, back_to, stepped

router = APIRouter(include_in_schema=False)

_MOST_CARDS = 12
_FIRST_CARDS = 3
"""in sight; the rest is a tap away"""
_MOST_ROWS = 12
_Ids = Annotated[str, Form(pattern=r"^\d{1,18}(,\d{1,18}){0,99}$")]


@router.get("/phone")
def phone(
    page: SignedPage, scale: Annotated[Scale, Query(alias="map")] = "rise", done: Done = "", about: About = 0
) -> HTMLResponse:
    """One's own warnings; one's area or enterprise: both risks, worst sources, open dangers, whom to call."""
    return _phone(page, scale, done=done, about=about)


@router.post("/phone/read")
def read(owner: Owner, reader: Reader, identity: SignedIn, ids: _Ids) -> Response:
    """Note that a person had these warnings before their eyes."""
    note_read(owner, reader, identity, [int(one) for one in ids.split(",")])
    return Response(status_code=204)


@router.post("/phone/{warning_id}/{action}")
def step(
    page: SignedPage, owner: Owner, reader: Reader, warning_id: Number, action: Action, note: Note = ""
) -> Response:
    """Take a step with one tap; what is refused is told at the card."""
    refused = stepped(page, owner, reader, warning_id, action, note)
    return _phone(page, refused=refused) if refused else back_to("/phone", action, warning_id)


def _phone(
    page: Page,
    scale: Scale = "rise",
    *,
    done: str = "",
    about: int = 0,
    refused: dict[str, Any] | None = None,
) -> HTMLResponse:
    rows, identity, now = page.connection, page.session.identity, datetime.now(UTC)
    kind = "city" if identity.sees_city or identity.committee else identity.role
    mine = fetch(rows, kind, identity.enterprise_code if kind == "enterprise" else identity.area_code)
    cards, total = to_do(page, view_of(page, now, calls=False), limit=_MOST_CARDS)
    leads = identity.area_code if kind == "township" else None
    today = digest_of(rows, leads, day_of(rows, now)) if leads else None
    return page.show(
        "phone.html",
        digest=today,
        digest_line=line_of(page, today.counted) if today else "",
        status_code=refused["error"].status if refused else 200,
        now=now,
        cards=cards,
        cards_total=total,
        first_cards=_FIRST_CARDS,
        done=done,
        about=about,
        refused=refused,
        kind=kind,
        mine=only(mine.items),
        counts=dangers.counts(rows),
        scale=scale,
        worst=worst_of(page, scale, _MOST_ROWS),
        found=dangers.ledger(rows, dangers.Wanted(state="open"), _MOST_ROWS).items,
        persons=duty.roster(rows, None)[:_MOST_ROWS] if identity.area_code else [],
    )

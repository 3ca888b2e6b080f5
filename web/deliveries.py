"""Channels and what went out by them: `/channels`, one message with every try, and sending it once more."""

from datetime import UTC, datetime, timedelta
from typing import Annotated, Any

from fastapi import APIRouter, Path
from fastapi.responses import HTMLResponse, RedirectResponse, Response

from jobs.resending import resend
from jobs.warning_proofs import may_call
from layers.channel_view import channel_states, delivery_told, troubled
from layers.city import stored_city
from layers.signing import replies_since
from riskmap.errors import Forbidden, RiskMapError
from riskmap.sending import IN_APP, kinds_of
from web.api import ERRORS, Record
from web.deps import Owner, Reader, Rows, SignedIn
from web.render import Page, SignedPage

router = APIRouter(responses=ERRORS)
_MOST = 50
_LATELY = timedelta(days=1)
_Number = Annotated[int, Path(ge=1, le=2**63 - 1)]
Row = dict[str, Any]


@router.get("/channels", include_in_schema=False)
def channels(page: SignedPage) -> HTMLResponse:
    """How each channel fares, which messages have trouble, what people replied; for those who see the city."""
    if not page.session.identity.sees_city:
        raise Forbidden("通知渠道由市级值班室查看", remedy="请联系市级值班室")
    rows, now = page.connection, datetime.now(UTC)
    kinds = kinds_of(stored_city(rows).channels)
    return page.show(
        "channels.html",
        now=now,
        kinds=kinds,
        channels=channel_states(rows, list(kinds), now),
        troubled=troubled(rows, now - _LATELY, _MOST),
        replies=replies_since(rows, now - _LATELY, _MOST),
        may_resend=may_call(page.session.identity),
    )


@router.get("/channels/messages/{delivery_id}", include_in_schema=False)
def message(page: SignedPage, delivery_id: _Number) -> HTMLResponse:
    """One message with every try."""
    return _message(page, delivery_id)


@router.post("/channels/messages/{delivery_id}/resend", include_in_schema=False)
def resend_here(page: SignedPage, owner: Owner, reader: Reader, delivery_id: _Number) -> Response:
    """Send a message once more, from its page."""
    try:
        again = resend(owner, reader, page.session.identity, delivery_id)
    except RiskMapError as error:
        if error.status != 409:
            raise
        return _message(page, delivery_id, error)
    return RedirectResponse(f"/channels/messages/{again['id']}?done=1", 303)


@router.get("/api/v1/deliveries/{delivery_id}", tags=["alerts"])
def delivery(rows: Rows, delivery_id: _Number) -> Record:
    """One message and every try to deliver it."""
    return delivery_told(rows, delivery_id)


@router.post("/api/v1/deliveries/{delivery_id}/resend", tags=["alerts"])
def resend_delivery(owner: Owner, reader: Reader, identity: SignedIn, delivery_id: _Number) -> Record:
    """Send a message once more: one that waits goes at once, any other anew; the message that now goes out."""
    return resend(owner, reader, identity, delivery_id)


def _message(page: Page, delivery_id: int, error: RiskMapError | None = None) -> HTMLResponse:
    told = delivery_told(page.connection, delivery_id)
    return page.show(
        "message.html",
        status_code=error.status if error else 200,
        now=datetime.now(UTC),
        told=told,
        error=error,
        done="done" in page.request.query_params,
        may_resend=may_call(page.session.identity) and told["channel"] != IN_APP,
    )

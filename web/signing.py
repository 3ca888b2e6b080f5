"""`/s/<token>`: signing for one warning with no account, on the smallest phone; the page says what the message said."""

from typing import Annotated

from fastapi import APIRouter, Path, Request
from fastapi.responses import HTMLResponse

from jobs.signing import LINK, look_at_link, sign_by_link
from riskmap.errors import LockedOut, RiskMapError
from web.deps import Owner, client_address
from web.render import render

router = APIRouter(include_in_schema=False)
_Token = Annotated[str, Path(min_length=20, max_length=100, pattern=r"^[A-Za-z0-9_-]+$")]


@router.get(LINK + "{token}")
def look(request: Request, owner: Owner, token: _Token) -> HTMLResponse:
    """What the message said, and one button."""
    return _page(request, owner, token, signs=False)


@router.post(LINK + "{token}")
def sign(request: Request, owner: Owner, token: _Token) -> HTMLResponse:
    """Sign. The token is all that is needed, and no cookie is read: another site that sends this knows it already."""
    return _page(request, owner, token, signs=True)


def _page(request: Request, owner: Owner, token: str, *, signs: bool) -> HTMLResponse:
    act = sign_by_link if signs else look_at_link
    try:
        mine, error = act(owner, token, address=client_address(request)), None
    except RiskMapError as wrong:
        if wrong.status >= 500:
            raise
        mine, error = None, wrong
    answer = render(
        request,
        "sign.html",
        status_code=error.status if error else 200,
        mine=mine,
        error=error,
        signed=signs and error is None,
        token=token,
    )
    answer.headers["referrer-policy"] = "no-referrer"
    if isinstance(error, LockedOut):
        answer.headers["retry-after"] = str(error.facts["retry_after_s"])
    return answer

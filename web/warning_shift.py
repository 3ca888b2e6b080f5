"""What a shift hands over: what is open, who was told, what is promised by when; on the desk, and as a list to print."""

from datetime import UTC, datetime, timedelta
from typing import Any

from fastapi import APIRouter
from fastapi.responses import HTMLResponse

from jobs.alert_messages import desk_post
from layers.alert_desk import came_and_went, done_since
from layers.alert_ledger import warning_page
from layers.alert_silences import silences_told
from layers.history import CLOCK
from layers.outbox import on_posts
from web.render import Page, SignedPage
from web.warning_cards import Card, number_of, title_of, to_do, view_of

router = APIRouter(include_in_schema=False)

_SHIFT = timedelta(hours=12)
_MOST_DONE = 40
_MOST_OPEN = 200
_PROMISING = ("answer", "handle", "report")
"""steps whose note says what somebody is going to do, or how far it is"""
Row = dict[str, Any]


@router.get("/alerts/shift")
def hand_over(page: SignedPage) -> HTMLResponse:
    """The hand-over list, to be printed and signed by both."""
    now = datetime.now(UTC)
    cards, total = to_do(page, view_of(page, now, calls=True), limit=_MOST_OPEN)
    quiet = warning_page(page.connection, open_only=True, quiet=True, limit=1)
    return page.show(
        "shift.html",
        now=now,
        shift=shift_of(page, now),
        quiet_total=quiet.total,
        items=[(card, _promised(card)) for card in cards],
        total=total,
    )


def shift_of(page: Page, now: datetime) -> Row:
    """What was done since the last shift began, what is quiet and until when, who is on duty."""
    rows, since = page.connection, now - _SHIFT
    came, went = came_and_went(rows, since)
    done = [
        {**one, "number": number_of(one), "title": title_of(page, one)}
        for one in done_since(rows, since, _MOST_DONE)
    ]
    post = desk_post(page.status.city_code)
    city = page.session.identity.sees_city
    on_duty = on_posts(rows, {post}, now.astimezone(CLOCK).date()).get(post, []) if city else []
    silences = silences_told(rows, now) if city else []
    return {"hours": _SHIFT // timedelta(hours=1), "came": came, "went": went, "done": done} | {
        "on_duty": on_duty,
        "silences": silences,
    }


def _promised(card: Card) -> Row | None:
    """The last step in which somebody said what they would do or had done."""
    return next((one for one in reversed(card.steps) if one["action"] in _PROMISING and one["note"]), None)

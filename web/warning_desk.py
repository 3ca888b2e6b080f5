"""The desk of warnings: what is to be done now, what is quiet and by what, and what a shift hands over."""

from datetime import UTC, datetime
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Form, Path, Query
from fastapi.responses import HTMLResponse, RedirectResponse, Response
from sqlalchemy import Engine

from jobs.demo_feed import feeds
from jobs.public_warnings import may_draft
from jobs.warning_proofs import note_call
from jobs.warning_steps import may_silence, take_step
from layers.alert_desk import last_pass_at
from layers.alert_ledger import warning_page
from layers.channel_view import ChannelState, city_channel_states
from layers.public_warnings import drafts_waiting, public_page
from layers.status import township_names
from riskmap.errors import AlreadySigned, BadInput, Forbidden, RiskMapError
from web.deps import NO_NUL, Owner, Reader
from web.render import Page, SignedPage
from web.warning_cards import cards_of, to_do, view_of
from web.warning_shift import shift_of

router = APIRouter(include_in_schema=False)

MOST_CARDS = 60
_FIRST_CARDS = 8
"""those that are worst and wait longest stand open, the others behind a line"""
_MOST_QUIET = 40
_MOST_OVER = 20
_MOST_PUBLIC = 5

Action = Literal["sign", "handle", "report", "lift", "archive"]
Number = Annotated[int, Path(ge=1, le=2**63 - 1)]
Note = Annotated[str, Form(max_length=1000, pattern=NO_NUL)]
_Name = Annotated[str, Form(max_length=100, pattern=NO_NUL)]
Done = Annotated[str, Query(pattern="^(sign|handle|report|lift|archive|call|answer)?$")]
About = Annotated[int, Query(ge=0, le=2**63 - 1)]
Row = dict[str, Any]


@router.get("/alerts")
def desk(
    page: SignedPage,
    township: Annotated[str, Query(max_length=64)] = "",
    done: Done = "",
    about: About = 0,
) -> HTMLResponse:
    """What whoever looks has to do now, one card for each thing; what a step just came to."""
    return _desk(page, township=township, done=done, about=about)


@router.post("/alerts/{warning_id}/call")
def call(
    page: SignedPage,
    owner: Owner,
    reader: Reader,
    warning_id: Number,
    result: Annotated[str, Form(max_length=20)] = "",
    n: Annotated[int | None, Form(ge=1, le=2**31 - 1)] = None,
    person: _Name = "",
    answered_by: _Name = "",
    repeated: Note = "",
    others: Annotated[bool, Form()] = False,
) -> Response:
    """Note what came of a call."""
    given = {"result": result, "person": person, "answered_by": answered_by, "repeated": repeated}
    try:
        note_call(
            owner,
            reader,
            page.session.identity,
            warning_id,
            result=result,
            n=n,
            person=person,
            answered_by=answered_by,
            repeated=repeated,
            others=others,
        )
    except RiskMapError as error:
        return _desk(page, refused=_refused(page, error, warning_id, "call", given))
    return back_to("/alerts", "call" if result == "no_answer" else "answer", warning_id)


@router.post("/alerts/{warning_id}/{action}")
def step(
    page: SignedPage, owner: Owner, reader: Reader, warning_id: Number, action: Action, note: Note = ""
) -> Response:
    """Take a step at the desk; what is refused is told at the card."""
    refused = stepped(page, owner, reader, warning_id, action, note)
    return _desk(page, refused=refused) if refused else back_to("/alerts", action, warning_id)


def stepped(
    page: Page, owner: Engine, reader: Engine, warning_id: int, action: Action, note: str
) -> Row | None:
    """Take a step in the name of whoever is signed in; what was refused, to be told where they look, or None."""
    try:
        take_step(owner, reader, page.session.identity, warning_id, action, note)
    except RiskMapError as error:
        return _refused(page, error, warning_id, action, {"note": note})
    return None


def _desk(
    page: Page, *, township: str = "", done: str = "", about: int = 0, refused: Row | None = None
) -> HTMLResponse:
    rows, now = page.connection, datetime.now(UTC)
    view = view_of(page, now, calls=True)
    cards, total = to_do(page, view, township=township or None, limit=MOST_CARDS)
    quiet = warning_page(rows, township=township or None, open_only=True, quiet=True, limit=_MOST_QUIET)
    over = warning_page(rows, township=township or None, state="lifted", limit=_MOST_OVER)
    # one reading of steps, messages and calls for both lists
    told = {card.id: card for card in cards_of(page, [*quiet.items, *over.items], view)}
    mine = [one for one in cards if one.action]
    channels = _channels(page, now)
    return page.show(
        "alerts.html",
        status_code=refused["error"].status if refused else 200,
        now=now,
        cards=mine,
        first_cards=_FIRST_CARDS,
        awaited=[one for one in cards if not one.action],
        total=total,
        most=MOST_CARDS,
        quiet=[told[one["id"]] for one in quiet.items],
        quiet_total=quiet.total,
        over=[told[one["id"]] for one in over.items],
        over_total=over.total,
        refused=refused,
        done=done,
        about=about,
        townships=township_names(rows),
        chosen=township,
        may_silence=may_silence(page.session.identity),
        may_draft=may_draft(page.session.identity),
        public_open=public_page(rows, now, state="open", limit=_MOST_PUBLIC).items,
        public_drafts=drafts_waiting(rows, now),
        pass_at=last_pass_at(rows),
        flow=_flow(page, now),
        channels=channels,
        failing=[one for one in channels if one.failing],
        shift=shift_of(page, now),
    )


def _flow(page: Page, now: datetime) -> Any:
    """How the sensors report; from a few of them nobody can tell whether the whole feed goes on."""
    if not page.session.identity.sees_city:
        return None
    return feeds(page.connection, now, wanted=page.request.app.state.settings.demo_feed)


def _channels(page: Page, now: datetime) -> list[ChannelState]:
    """How the ways fare by which people are told; for the city's desk."""
    if not page.session.identity.sees_city:
        return []
    return city_channel_states(page.connection, now)


def back_to(address: str, done: str, about: int) -> Response:
    """Back to a page, which says what was done about which warning."""
    return RedirectResponse(f"{address}?done={done}&about={about}", 303)


def _refused(page: Page, error: RiskMapError, warning_id: int, action: str, given: dict[str, str]) -> Row:
    """What was refused, told in the reader's words where the person is looking, with what they had written."""
    if error.status >= 500:
        raise error
    if isinstance(error, Forbidden):
        said = page.text("alerts.refused.right", action=page.text(f"alerts.do.{action}"))
    elif isinstance(error, BadInput):
        said = page.text("alerts.refused.call" if action == "call" else "alerts.refused.note")
    elif isinstance(error, AlreadySigned):
        said = page.text("alerts.second_signature", n=error.facts["missing"])
    elif error.status == 404:
        said = page.text("alerts.refused.gone")
    else:
        said = page.text("alerts.refused.state", action=page.text(f"alerts.do.{action}"))
    return {"error": error, "said": said, "id": warning_id, "action": action, "given": given}

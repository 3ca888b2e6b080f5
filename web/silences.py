"""Silences: which warnings are quiet where, until when and why; a new one drawn on the map; one ended before its time."""

from datetime import UTC, datetime
from typing import Annotated, Any

from fastapi import APIRouter, Form, Path
from fastapi.responses import HTMLResponse, RedirectResponse, Response

from jobs.warning_steps import add_silence, end_silence, may_silence
from layers.alert_silences import silences_told
from layers.status import township_names
from riskmap.alert_facts import KINDS
from riskmap.errors import BadInput, Forbidden, RiskMapError
from riskmap.vocabulary import LEVELS
from web.deps import Owner
from web.outlines import MOST_OUTLINE, drawn_outline, outline_config, outline_files
from web.render import Page, SignedPage
from web.warning_cards import rules_now

router = APIRouter(include_in_schema=False)

HOURS = (1, 2, 4, 8, 12, 24, 48, 72, 168)
_FIELDS = ("reason", "until", "matchers", "polygon")
_Picked = Annotated[list[str], Form(default_factory=list, max_length=20)]


@router.get("/alerts/silences")
def silences(page: SignedPage) -> HTMLResponse:
    """The silences that last, on a list and on the map; for those who see the city."""
    return _page(page)


@router.post("/alerts/silences")
def begin(
    page: SignedPage,
    owner: Owner,
    kind: _Picked,
    warn: _Picked,
    reason: Annotated[str, Form(max_length=400)] = "",
    hours: Annotated[float, Form(gt=0, le=24 * 366, allow_inf_nan=False)] = 2,
    township: Annotated[str, Form(max_length=64)] = "",
    polygon: Annotated[str, Form(max_length=MOST_OUTLINE)] = "",
) -> Response:
    """Begin a silence; what is wrong is told at the form, and nothing that was written is lost."""
    given = {"reason": reason, "hours": hours, "kind": kind, "warn": warn} | {
        "township": township,
        "polygon": polygon,
    }
    picked = {"kind": kind, "warn": warn, "township": [township] if township else []}
    matchers = {field: values for field, values in picked.items() if values}
    try:
        outline = drawn_outline(polygon)
        add_silence(
            owner, page.session.identity, reason=reason, hours=hours, matchers=matchers, polygon=outline
        )
    except BadInput as error:
        return _page(page, given=given, error=error)
    return RedirectResponse("/alerts/silences?done=begun", 303)


@router.post("/alerts/silences/{code}/end")
def end(page: SignedPage, owner: Owner, code: Annotated[str, Path(max_length=64)]) -> Response:
    """End a silence now."""
    try:
        end_silence(owner, page.session.identity, code)
    except RiskMapError as error:
        if error.status != 404:
            raise
        return _page(page, error=error)
    return RedirectResponse("/alerts/silences?done=ended", 303)


def _page(
    page: Page, *, given: dict[str, Any] | None = None, error: RiskMapError | None = None
) -> HTMLResponse:
    identity, now = page.session.identity, datetime.now(UTC)
    if not identity.sees_city:
        raise Forbidden("静默由市级值班室设置和查看", remedy="请联系市级值班室")
    found = silences_told(page.connection, now)
    config = outline_config(page, found)
    longest_h = rules_now(page, now).longest_silence_s // 3600
    return page.show(
        "silences.html",
        status_code=error.status if error else 200,
        now=now,
        silences=found,
        may_silence=may_silence(identity),
        given=given or {"reason": "", "hours": 2, "kind": [], "warn": [], "township": "", "polygon": ""},
        error=error,
        wrong=_wrong(page, error) if error else "",
        done=page.request.query_params.get("done", ""),
        kinds=tuple(KINDS),
        levels=tuple(LEVELS.values()),
        hours=[one for one in HOURS if one <= longest_h],
        townships=township_names(page.connection),
        config=config,
        **outline_files(),
    )


def _wrong(page: Page, error: RiskMapError) -> str:
    """What was wrong with the form, in the reader's words."""
    if error.status == 404:
        return page.text("silences.wrong_gone")
    field = error.facts.get("field")
    return page.text(f"silences.wrong_{field if field in _FIELDS else 'other'}")

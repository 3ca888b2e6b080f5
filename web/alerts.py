"""Warnings for programs: `/api/v1/alerts`, the steps that people take, and silences."""

from collections.abc import Callable
from datetime import datetime
from typing import Annotated, Any

from fastapi import APIRouter, Path, Query, Request
from pydantic import BaseModel, ConfigDict, Field

from jobs.warning_steps import add_silence, take_step
from layers.alert_ledger import warning_page, warning_told
from layers.alert_silences import silences_told
from layers.history import CLOCK
from riskmap.errors import Forbidden
from web.api import ERRORS, Listed, Record, next_address
from web.deps import NO_NUL, Owner, Reader, Rows, SignedIn

router = APIRouter(prefix="/api/v1", tags=["alerts"], responses=ERRORS)
_LONGEST_LIST = 1000
_HIGHEST_ID = 2**63 - 1
_STEPS = {
    "sign": "Sign for a warning",
    "handle": "Begin to deal with it",
    "report": "Report what was done",
    "lift": "Lift it",
    "archive": "Archive it",
}
_Number = Annotated[int, Path(ge=1, le=_HIGHEST_ID)]
_Word = Annotated[str, Field(max_length=64, pattern=NO_NUL)]


class Noted(BaseModel):
    """A step: what was done and how it stands; needed to report and to lift."""

    model_config = ConfigDict(extra="forbid")
    note: str = Field("", max_length=1000, pattern=NO_NUL)


class SilenceGiven(BaseModel):
    """What is to be quiet: all matchers and the polygon must fit."""

    model_config = ConfigDict(extra="forbid")
    reason: str = Field(max_length=400, pattern=NO_NUL)
    hours: float = Field(gt=0, le=24 * 366, allow_inf_nan=False)
    matchers: dict[_Word, list[_Word]] = Field({}, max_length=20)
    polygon: dict[str, Any] | None = Field(
        None, description="GeoJSON Polygon 或 MultiPolygon（度，CGCS2000）"
    )


@router.get("/alerts")
def alerts(
    request: Request,
    rows: Rows,
    township: Annotated[str | None, Query(max_length=64)] = None,
    level: Annotated[str | None, Query(description="预警级别：red orange yellow blue", max_length=10)] = None,
    state: Annotated[str | None, Query(max_length=20)] = None,
    kind: Annotated[str | None, Query(max_length=20)] = None,
    open_only: Annotated[bool, Query(alias="open", description="只列未解除的")] = False,
    limit: Annotated[int, Query(ge=1, le=_LONGEST_LIST)] = 100,
    offset: Annotated[int, Query(ge=0, le=10**9)] = 0,
) -> Listed:
    """Warnings, the open ones first, then by level and time."""
    page = warning_page(
        rows,
        township=township,
        warn=level,
        state=state,
        kind=kind,
        open_only=open_only,
        limit=limit,
        offset=offset,
    )
    return Listed(items=page.items, total=page.total, next=next_address(request, limit, offset, page.total))


@router.get("/alerts/{warning_id}")
def alert(rows: Rows, warning_id: _Number) -> Record:
    """One warning with the steps of its life and the messages about it."""
    return warning_told(rows, warning_id)


def _stepper(action: str) -> Callable[..., Record]:
    def step(
        owner: Owner, reader: Reader, identity: SignedIn, warning_id: _Number, noted: Noted | None = None
    ) -> Record:
        return take_step(owner, reader, identity, warning_id, action, noted.note if noted else "")

    return step


for _action, _summary in _STEPS.items():
    router.post(f"/alerts/{{warning_id}}/{_action}", name=f"{_action}_alert", summary=_summary)(
        _stepper(_action)
    )


@router.post("/silences")
def silences(owner: Owner, identity: SignedIn, given: SilenceGiven) -> Record:
    """Begin a silence now; for the roles admin and city."""
    return add_silence(
        owner,
        identity,
        reason=given.reason,
        hours=given.hours,
        matchers=given.matchers,
        polygon=given.polygon,
    )


@router.get("/silences")
def silences_now(rows: Rows, identity: SignedIn) -> Listed:
    """The silences that have not ended; for the city's roles."""
    if not identity.sees_city:
        raise Forbidden("静默只对市级用户开放", remedy="请联系市级值班室")
    items = silences_told(rows, datetime.now(CLOCK))
    return Listed(items=items, total=len(items), next=None)

"""`POST /api/v1/events`: what sensors and other programs report, answered once it is written."""

import asyncio
from typing import Annotated, Any

from fastapi import APIRouter, Query, Request
from sqlalchemy import Engine
from starlette.concurrency import run_in_threadpool

from jobs.cap import cap_events
from jobs.events import EventDesk, Posting
from jobs.imports import ImportReport
from layers.checks import Fault
from layers.database import Identity, reading
from layers.events import visible
from layers.fields import EVENTS, Field
from layers.posted import POST, read_events
from layers.sheets import cell_text
from riskmap.errors import Forbidden, Refused
from web.api import ERRORS, Record
from web.deps import Owner, Reader, SignedIn

router = APIRouter(prefix="/api/v1", responses=ERRORS)
_CAP_TYPES = {"application/cap+xml", "application/xml", "text/xml"}
_SENDERS = ("admin", "city", "enterprise")
_JSON_TYPES: dict[str, dict[str, Any]] = {
    "number": {"type": "number"},
    "time": {"type": "string", "format": "date-time"},
    "bool": {"type": "boolean"},
}


def _described(one: Field) -> dict[str, Any]:
    kind = _JSON_TYPES.get(one.kind, {"type": "string", "maxLength": one.length})
    return {**kind, "description": f"{one.zh} {one.en}"}


_EVENT = {
    "type": "object",
    "required": [one.name for one in EVENTS.fields if one.required],
    "additionalProperties": False,
    "properties": {
        **{one.name: _described(one) for one in EVENTS.fields},
        "lon": {"type": "number", "description": "经度 longitude, CGCS2000 or WGS 84"},
        "lat": {"type": "number", "description": "纬度 latitude"},
        "geometry": {"type": "object", "description": "GeoJSON (RFC 7946), instead of lon and lat"},
    },
}
_EXAMPLE = [
    {
        "event_id": "gw7-20260301-081500-N1",
        "kind": "reading",
        "source_code": "S1",
        "sensor_code": "N1",
        "value": 3.2,
        "unit": "m",
        "time": "2026-03-01T08:15:00+08:00",
    },
    {
        "event_id": "rain-20260301-1",
        "kind": "weather",
        "severity": "orange",
        "value": 110,
        "unit": "mm",
        "time": "2026-03-01T09:00:00+08:00",
        "until": "2026-03-01T21:00:00+08:00",
        "lon": 112.36,
        "lat": 28.85,
    },
]
_BODY = {
    "required": True,
    "content": {
        "application/json": {
            "schema": {"oneOf": [_EVENT, {"type": "array", "items": _EVENT, "maxItems": POST.rows}]},
            "example": _EXAMPLE,
        },
        "application/cap+xml": {"schema": {"type": "string", "description": "CAP 1.2"}},
    },
}


@router.post("/events", tags=["events"], openapi_extra={"requestBody": _BODY})
async def post_events(
    request: Request,
    identity: SignedIn,
    reader: Reader,
    owner: Owner,
    partial: Annotated[bool, Query(description="有误的事件跳过，其余照收 leave faulty events out")] = False,
) -> Record:
    """Add one event or a list of up to 20,000 (4 MiB); the answer is the report of an import, sent after the commit.

    All or nothing unless `partial`; a faulty event is named by its number in the list (from 1), field and reason.
    The same event sent again is `unchanged`; another event under an id that is taken is refused: events never
    change. Order and division do not matter. For the roles admin and city, and for an enterprise's own sources and
    sensors. A weather warning may also come as CAP 1.2 (`application/cap+xml`, up to 1 MB): its area, colour and times
    become an event, its updates and cancellations end it. 503 with `Retry-After`: nothing was written, send the same again.
    """
    if identity.role not in _SENDERS or identity.committee:
        raise Forbidden("只有管理员、市级用户和企业用户可以报送事件", remedy="请联系管理员调整角色")
    desk: EventDesk = request.app.state.events
    desk.refuse_if_full()
    content = await request.body()
    if request.headers.get("content-type", "").partition(";")[0].strip().lower() in _CAP_TYPES:
        posting, note = await run_in_threadpool(_cap_posting, owner, identity, content)
    else:
        posting, note = await run_in_threadpool(_posting, reader, identity, content, partial), ""
    if not posting.events:
        return ImportReport(EVENTS.name, 1, notes=[note]).to_json()
    try:
        report = await asyncio.wrap_future(desk.post(posting))
    except Refused as error:
        raise Refused(error.detail, remedy=error.remedy, **error.facts["report"]) from None
    report.notes += [note] if note else []
    return report.to_json()


def _cap_posting(owner: Engine, identity: Identity, content: bytes) -> tuple[Posting, str]:
    """The events of a weather warning in CAP, and what is to be said of it."""
    if identity.role == "enterprise":
        raise Forbidden("企业用户不能报送气象预警", remedy="请由市级用户报送")
    events, note = cap_events(owner, "请求", content)
    return Posting(identity.name, events), note


def _posting(reader: Engine, identity: Identity, content: bytes, partial: bool) -> Posting:
    """The request's events, with the faults of those that its sender may not report."""
    posting = Posting(identity.name, read_events("请求", content), partial)
    if identity.role == "enterprise":
        posting.enterprise_code = identity.enterprise_code or ""
        posting.faults = _not_own(reader, identity, posting.events)
    return posting


def _not_own(reader: Engine, identity: Identity, events: list[Any]) -> dict[int, Fault]:
    """The events that do not name the sender's own source or sensor, whether what they name exists or not."""
    named = {
        name: [cell_text(event.get(name)).strip() if isinstance(event, dict) else "" for event in events]
        for name in ("source_code", "sensor_code")
    }
    with reading(reader, identity) as rows:
        own = {name: visible(rows, name.removesuffix("_code"), {*codes, ""}) for name, codes in named.items()}
    faults: dict[int, Fault] = {}
    for index in range(len(events)):
        codes = {name: named[name][index] for name in named if named[name][index]}
        foreign = [name for name, code in codes.items() if code not in own[name]]
        if foreign or not codes:
            remedy = "请填写本企业的危险源或监测点编码"
            field = foreign[0] if foreign else "source_code"
            faults[index] = Fault(index + 1, field, codes.get(field), "不是本企业的危险源或监测点", remedy)
    return faults

"""Joint-control zones for programs: lists, one zone with its ledger, reminders, records, and what-if."""

from threading import Lock
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Query, Request
from pydantic import BaseModel, ConfigDict, Field

from jobs.zone_explain import explain_zone
from jobs.zone_ledger import Note, confirm, ledgers, record
from jobs.zone_what_if import what_if
from layers.zone_ledger import site_codes
from layers.zones import ZoneFilters, zone_list
from riskmap.errors import Busy
from web.api import ERRORS, Listed, Wanted, next_address, wanted_of
from web.deps import AsOf, Lang, Owner, Reader, Rows, SignedIn
from web.zone_words import due_told, ledger_told
from web.zones import KINDS, MOST_WHAT_IF_M, ZonesThen, known_zone

router = APIRouter(prefix="/api/v1/zones", tags=["zones"], responses=ERRORS)

Record = dict[str, Any]
_computing = Lock()
_DRAWN = 300
"""outlines of a what-if that are sent, the largest zones first"""
_LISTED = 1000
"""members of each that are sent; `member_count` counts all"""
_MAY_TAKE_S = 120.0


class NoteGiven(BaseModel):
    """One record of a zone's ledger; `code` names one that is there, to change it."""

    model_config = ConfigDict(extra="forbid")
    kind: str = Field(max_length=40, description="agreement lead contact plan drill resource minutes")
    title: str = Field("", max_length=200)
    done_on: str = Field("", max_length=10, description="2026-01-31")
    due_on: str = Field("", max_length=10)
    unit_code: str = Field("", max_length=64)
    unit_name: str = Field("", max_length=200)
    phone: str = Field("", max_length=40)
    note: str = Field("", max_length=4000)
    code: str = Field("", max_length=64)


class Confirmed(BaseModel):
    """The zone run whose members are confirmed (`ledger.waiting_run` of the zone)."""

    model_config = ConfigDict(extra="forbid")
    run_id: int = Field(ge=0)
    note: str = Field("", max_length=4000)


@router.get("", summary="List zones")
def zones(
    request: Request, then: ZonesThen, rows: Rows, wanted: Annotated[Wanted, Depends(wanted_of)]
) -> Listed:
    """The zones with a member that the reader may see; `kind` is a kind of link: adjacent domino similar."""
    found = zone_list(
        rows,
        then=then,
        filters=ZoneFilters(**wanted.filters),
        limit=wanted.limit,
        offset=wanted.offset,
        geometry=wanted.geometry,
    )
    states = ledgers(rows, [one["code"] for one in found.items], then=then)
    return Listed(
        items=[{**one, "ledger_state": states[one["code"]].state} for one in found.items],
        total=found.total,
        next=next_address(request, wanted.limit, wanted.offset, found.total),
    )


@router.get("/due", summary="Reminders of all ledgers")
def due(
    request: Request,
    rows: Rows,
    lang: Lang,
    township: Annotated[str | None, Query(max_length=64)] = None,
    limit: Annotated[int, Query(ge=1, le=1000)] = 100,
    offset: Annotated[int, Query(ge=0, le=10**9)] = 0,
) -> Listed:
    """What is due or overdue today in the ledgers of the zones one may see, the longest overdue first."""
    listed = zone_list(rows, filters=ZoneFilters(township=township)).items
    names = {one["code"]: one["name"] for one in listed}
    told = [
        {"zone": code, "zone_name": names[code], **due_told(lang, one)}
        for code, ledger in ledgers(rows, list(names)).items()
        for one in ledger.dues
        if one.state != "ok"
    ]
    told.sort(key=lambda one: (one["due_on"], one["zone"], one["item"]))
    return Listed(
        items=told[offset : offset + limit],
        total=len(told),
        next=next_address(request, limit, offset, len(told)),
    )


@router.get("/what-if", summary="Zones by another distance")
def imagined(
    owner: Owner,
    rows: Rows,
    identity: SignedIn,
    distance: Annotated[float, Query(gt=0, le=MOST_WHAT_IF_M, allow_inf_nan=False, description="米")],
    kinds: Annotated[str, Query(max_length=60, description="adjacent,domino,similar")] = ",".join(KINDS),
    unbounded: Annotated[bool, Query(description="不限制片区大小")] = False,
) -> Record:
    """What a first run would join within one distance; writes nothing. One at a time, others are told to try again.

    `items`: the largest zones with `geometry` (`hull` true: only the convex hull of a very large one) and their first
    members; `total` and `members` count all of them. Who does not see the city is told only of zones with a site of its
    own, and of their members only how many there are (`complete` false). What takes longer than two minutes is given up
    (503, `takes-too-long`).
    """
    if not _computing.acquire(blocking=False):
        raise Busy("另一个试算正在进行", remedy="请几秒后重试")
    try:
        made = what_if(
            owner,
            distance,
            [one for one in kinds.split(",") if one],
            unbounded=unbounded,
            drawn=_DRAWN,
            holding=None if identity.sees_city else site_codes(rows),
            within_s=_MAY_TAKE_S,
        )
    finally:
        _computing.release()
    found = [{"member_count": len(one["members"]), **one} for one in made]
    found.sort(key=lambda one: -one["member_count"])
    listed = [
        one | {"members": one["members"][:_LISTED] if identity.sees_city else []} for one in found[:_DRAWN]
    ]
    return {
        "items": listed,
        "total": len(found),
        "members": sum(one["member_count"] for one in found),
        "complete": identity.sees_city,
    }


@router.get("/{code}", summary="One zone")
def zone(then: ZonesThen, rows: Rows, lang: Lang, code: str) -> Record:
    """A zone with its members, links, lineage and ledger; of other townships' members only the projection.

    `ended` is null, or says when, how and why the zone ended; all else is then as it was just before.
    """
    known = known_zone(rows, code, then)
    return known.zone | {"ledger": ledger_told(lang, known.ledger(rows))}


@router.get("/{code}/explain", summary="Explain a zone")
def explained(
    owner: Owner, reader: Reader, identity: SignedIn, lang: Lang, code: str, as_of: AsOf = None
) -> Record:
    """Why a zone has its score: contributions that sum to it; of one that has ended, just before its end."""
    return explain_zone(owner, reader, identity, code, as_of=as_of, lang=lang)


@router.post("/{code}/records", summary="Write a record of the ledger")
def add_record(owner: Owner, reader: Reader, identity: SignedIn, code: str, given: NoteGiven) -> Record:
    """One record, new or changed, as one revision: `{"code","rev"}`; for the city and the township of the zone."""
    return record(owner, reader, identity, code, Note(**given.model_dump()))


@router.post("/{code}/confirm", summary="Confirm the members")
def confirm_members(owner: Owner, reader: Reader, identity: SignedIn, code: str, given: Confirmed) -> Record:
    """Confirm the members after a change; for the lead unit and whoever keeps the ledger."""
    return confirm(owner, reader, identity, code, given.run_id, note=given.note)

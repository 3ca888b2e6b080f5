"""Warnings to the public for programs: `/api/v1/public-warnings`, drafted, approved, withdrawn and lifted."""

from datetime import UTC, datetime
from typing import Annotated, Any

from fastapi import APIRouter, Path, Query, Request
from pydantic import AwareDatetime, BaseModel, ConfigDict, Field

from jobs.public_warnings import approve_warning, draft_warning, lift_warning, withdraw_draft
from layers.public_warnings import public_page, public_told
from riskmap.errors import NotFound
from riskmap.public_warnings import PublicWarning, Said
from riskmap.vocabulary import LEVELS
from web.api import ERRORS, Listed, Record, next_address
from web.deps import NO_NUL, Owner, Reader, Rows, SignedIn

router = APIRouter(prefix="/api/v1/public-warnings", tags=["public-warnings"], responses=ERRORS)
Code = Annotated[str, Path(max_length=20)]
TownshipCode = Annotated[str, Field(max_length=64, pattern=NO_NUL)]
_Text = Annotated[str, Field(max_length=600, pattern=NO_NUL)]
_MOST_LISTED = 1000


class Wording(BaseModel):
    """What is said in one language; the area may be left out for townships."""

    model_config = ConfigDict(extra="forbid")
    area: _Text = ""
    text: _Text
    advice: _Text


class Drafted(BaseModel):
    """A draft: for townships, or inside a polygon."""

    model_config = ConfigDict(extra="forbid")
    kind: str = Field(max_length=20)
    level: str = Field(description="预警级别：red orange yellow blue", max_length=10)
    zh: Wording
    en: Wording
    until: AwareDatetime
    townships: list[TownshipCode] = Field([], max_length=100)
    polygon: dict[str, Any] | None = Field(
        None, description="GeoJSON Polygon 或 MultiPolygon（度，CGCS2000）"
    )
    replaces: str | None = Field(None, max_length=20, pattern=NO_NUL, description="要更新的生效中的公开预警")
    warning_id: int | None = Field(None, ge=1, le=2**63 - 1, description="据以起草的预警提示")


class Approved(BaseModel):
    """An approval: under which number, signed by whom."""

    model_config = ConfigDict(extra="forbid")
    number: str = Field(max_length=100, pattern=NO_NUL, description="发布文号")
    signatory: str = Field(max_length=100, pattern=NO_NUL, description="签发人")
    note: str = Field("", max_length=400, pattern=NO_NUL)


class Reason(BaseModel):
    """Why."""

    model_config = ConfigDict(extra="forbid")
    note: str = Field(max_length=400, pattern=NO_NUL)


@router.get("")
def public_warnings(
    request: Request,
    rows: Rows,
    state: Annotated[
        str | None, Query(max_length=20, description="draft open expired replaced lifted withdrawn")
    ] = None,
    limit: Annotated[int, Query(ge=1, le=_MOST_LISTED)] = 100,
    offset: Annotated[int, Query(ge=0, le=10**9)] = 0,
) -> Listed:
    """Those in force first, then drafts that you may see, then what is over."""
    page = public_page(rows, datetime.now(UTC), state=state, limit=limit, offset=offset)
    return Listed(items=page.items, total=page.total, next=next_address(request, limit, offset, page.total))


@router.get("/{code}")
def public_warning(rows: Rows, code: Code) -> Record:
    """One, with the steps that you may see."""
    return told_or_not_found(public_told(rows, code, datetime.now(UTC)), code)


@router.post("")
def draft(owner: Owner, reader: Reader, identity: SignedIn, given: Drafted) -> Record:
    """Draft one, or an update of one that is in force (`replaces`); nothing is sent."""
    return draft_warning(
        owner,
        reader,
        identity,
        PublicWarning(
            given.kind,
            level_of(given.level),
            {lang: Said(**getattr(given, lang).model_dump()) for lang in ("zh", "en")},
            given.until,
        ),
        townships=given.townships,
        outline=given.polygon,
        replaces=given.replaces,
        warning_id=given.warning_id,
    )


@router.post("/{code}/approve")
def approve(owner: Owner, reader: Reader, identity: SignedIn, code: Code, given: Approved) -> Record:
    """Approve a draft; for the roles admin and city. Where two must sign, not for who drafted it."""
    return approve_warning(
        owner, reader, identity, code, number=given.number, signatory=given.signatory, note=given.note
    )


@router.post("/{code}/withdraw")
def withdraw(owner: Owner, reader: Reader, identity: SignedIn, code: Code, given: Reason) -> Record:
    """Take a draft back."""
    return withdraw_draft(owner, reader, identity, code, given.note)


@router.post("/{code}/lift")
def lift(owner: Owner, reader: Reader, identity: SignedIn, code: Code, given: Reason) -> Record:
    """Lift one that is in force; for the roles admin and city."""
    return lift_warning(owner, reader, identity, code, given.note)


def told_or_not_found(told: Record | None, code: str) -> Record:
    """What was found; NotFound where nothing was that the reader may see."""
    if told is None:
        raise NotFound(f"没有编号为 {code} 的公开预警，或无权查看", remedy="请核对编号")
    return told


def level_of(word: str) -> int:
    """The number of a level by its word; 0 for none."""
    return {name: level for level, name in LEVELS.items()}.get(word, 0)

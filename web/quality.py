"""Data quality: what is doubtful and what to fill in, a workbook to do it, and near-duplicates to be merged."""

from datetime import date, datetime
from typing import Annotated, Any

from fastapi import APIRouter, Form, Query, Request
from fastapi.responses import HTMLResponse, RedirectResponse, Response
from sqlalchemy import Connection

from jobs.merging import merge
from layers.database import Identity
from layers.duplicates import LAYERS, stored_duplicates
from layers.editions import edition_on
from layers.fields import LAYERS as FILES
from layers.history import CLOCK
from layers.quality import OUTSIDE, Wanted, counts, listing
from layers.quality_workbook import Words, quality_workbook
from layers.status import township_names
from layers.unpeopled import unpeopled
from riskmap.confidence import LETTERS, Figures
from riskmap.errors import BadInput, Forbidden
from web.api import Listed, next_address
from web.deps import Lang, Owner, Rows, SignedIn
from web.pages import Number, Shown, Text
from web.render import Page, SignedPage
from web.texts import translate

router = APIRouter()

PER_PAGE = 50
_MERGERS = ("admin", "city")
_XLSX = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"
_CAUSE = f"^({'|'.join(LETTERS)})?$"
_DUPLICABLE = f"^({'|'.join(LAYERS)})$"

Cause = Annotated[str, Query(pattern=_CAUSE)]
Code = Annotated[str, Form(min_length=1, max_length=64)]


@router.get("/quality", include_in_schema=False)
def quality(
    page: SignedPage,
    township: Text = "",
    cause: Cause = "",
    text: Text = "",
    number: Annotated[Number, Query(alias="page")] = 1,
) -> HTMLResponse:
    """Doubtful enterprises, what matters most for the map first; how many by cause and by township."""
    wanted = Wanted(township or None, cause or None, text.strip() or None)
    counted = counts(page.connection, wanted)
    total = None if wanted.text else counted.total
    found = listing(page.connection, wanted, PER_PAGE, (number - 1) * PER_PAGE, total=total)
    return page.show(
        "quality.html",
        wanted=wanted,
        causes=LETTERS,
        counted=counted,
        figures=_figures(page.connection),
        townships=_places(page),
        may_merge=_may_merge(page.session.identity),
        shown=Shown(found.items, found.total, number, PER_PAGE),
    )


@router.get("/quality/workbook", include_in_schema=False)
def workbook(page: SignedPage, township: Text = "") -> Response:
    """The doubtful records of a township as a workbook to fill in; all that the reader sees where none is named."""
    figures = _figures(page.connection)
    content = quality_workbook(page.connection, township or None, _today(), figures, _words(page.lang))
    name = f"quality-{township}.xlsx" if township.isalnum() and township.isascii() else "quality.xlsx"
    return Response(
        content, media_type=_XLSX, headers={"content-disposition": f'attachment; filename="{name}"'}
    )


@router.get("/quality/duplicates", include_in_schema=False)
def duplicates(
    page: SignedPage,
    layer: Annotated[str, Query(pattern=_DUPLICABLE)] = "enterprises",
    merged: Annotated[str, Query(max_length=64)] = "",
    number: Annotated[Number, Query(alias="page")] = 1,
) -> HTMLResponse:
    """Pairs of records that may be one, side by side; merged only when somebody says so."""
    near_m = _figures(page.connection).near_m
    found = stored_duplicates(page.connection, layer, PER_PAGE, (number - 1) * PER_PAGE, near_m)
    return page.show(
        "duplicates.html",
        layer=layer,
        layers=LAYERS,
        merged=merged,
        near_m=near_m,
        pairs=[(pair, _side_by_side(page, layer, pair), _sketch(pair, near_m)) for pair in found.items],
        may_merge=_may_merge(page.session.identity),
        shown=Shown(found.items, found.total, number, PER_PAGE),
    )


@router.get("/quality/unpeopled", include_in_schema=False)
def without_people(
    page: SignedPage, township: Text = "", number: Annotated[Number, Query(alias="page")] = 1
) -> HTMLResponse:
    """Sources and enterprises that reach nobody on file, the highest inherent score first."""
    found = unpeopled(page.connection, township or None, PER_PAGE, (number - 1) * PER_PAGE)
    return page.show(
        "unpeopled.html",
        township=township,
        townships=_places(page),
        shown=Shown(found.items, found.total, number, PER_PAGE),
    )


@router.post("/quality/merge", include_in_schema=False)
def merge_pair(
    page: SignedPage,
    owner: Owner,
    layer: Annotated[str, Form(max_length=40)],
    keep: Code,
    one: Code,
    other: Code,
) -> Response:
    """Merge two records as asked: `keep` is one of the two, the other one ends. For the roles admin and city."""
    if not _may_merge(page.session.identity):
        raise Forbidden("只有管理员和市级用户可以合并记录", remedy="请联系市级用户")
    if keep not in (one, other):
        raise BadInput("保留的记录不是这两条之一", remedy="请从疑似重复页面提交")
    drop = other if keep == one else one
    merge(owner, layer, keep, drop, actor=page.session.identity.name)
    return RedirectResponse(f"/quality/duplicates?layer={layer}&merged={keep}", 303)


@router.get("/api/v1/quality", tags=["quality"])
def doubtful(
    request: Request,
    rows: Rows,
    lang: Lang,
    township: Annotated[
        str | None, Query(description="镇街代码；outside：不在任何镇街内", max_length=64)
    ] = None,
    cause: Annotated[str | None, Query(description=" ".join(LETTERS), pattern=_CAUSE)] = None,
    text: Annotated[str | None, Query(description="名称或编码的一部分", max_length=100)] = None,
    limit: Annotated[int, Query(ge=1, le=1000)] = 100,
    offset: Annotated[int, Query(ge=0, le=10**9)] = 0,
) -> Listed:
    """Enterprises whose confidence is less than A with its causes, what matters most for the map first."""
    page = listing(rows, Wanted(township or None, cause or None, text or None), limit, offset)
    for item in page.items:
        for one in item["causes"]:
            one["label"] = translate(lang, f"quality.cause.{one['cause']}")
            one["remedy"] = translate(lang, f"quality.remedy.{one['cause']}")
    return Listed(items=page.items, total=page.total, next=next_address(request, limit, offset, page.total))


@router.get("/api/v1/duplicates", tags=["quality"])
def doubled(
    request: Request,
    rows: Rows,
    _identity: SignedIn,
    layer: Annotated[str, Query(description=" ".join(LAYERS), pattern=_DUPLICABLE)] = "enterprises",
    limit: Annotated[int, Query(ge=1, le=1000)] = 100,
    offset: Annotated[int, Query(ge=0, le=10**9)] = 0,
) -> Listed:
    """Pairs of records of one layer that may be one: the same name, some metres apart, different codes."""
    page = stored_duplicates(rows, layer, limit, offset, _figures(rows).near_m)
    for item in page.items:
        del item["about"], item["other_about"]
    return Listed(items=page.items, total=page.total, next=next_address(request, limit, offset, page.total))


def _today() -> date:
    return datetime.now(CLOCK).date()


def _figures(connection: Connection) -> Figures:
    """The figures in force today."""
    return Figures.of(edition_on(connection, _today()))


def _may_merge(identity: Identity) -> bool:
    return identity.role in _MERGERS and not identity.committee


def _places(page: Page) -> dict[str, str]:
    """Townships by code, and the place of what lies in none."""
    return township_names(page.connection) | {OUTSIDE: page.text("quality.outside")}


def _words(lang: str) -> Words:
    reasons = {
        cause: f"{translate(lang, f'quality.cause.{cause}')}：{translate(lang, f'quality.remedy.{cause}')}"
        for cause in (*LETTERS, "unmatched_old")
    }
    return Words(
        lang=lang,
        reasons=reasons,
        header=translate(lang, "quality.workbook.reason"),
        notes=translate(lang, "quality.workbook.notes"),
        lines=tuple(translate(lang, f"quality.workbook.line_{n}") for n in range(1, 7)),
    )


def _side_by_side(page: Page, layer: str, pair: dict[str, Any]) -> list[tuple[str, str, str, bool]]:
    """What the two records say, field by field: header, both values, and whether they differ."""
    told = []
    for one, name in zip(FILES[layer].fields, FILES[layer].columns, strict=True):
        mine, theirs = (
            _said(page, layer, one.name, about[name]) for about in (pair["about"], pair["other_about"])
        )
        if (mine or theirs) and one.name != "synthetic":
            told.append((one.zh if page.lang == "zh" else one.en, mine, theirs, mine != theirs))
    return told


def _said(page: Page, layer: str, name: str, value: Any) -> str:
    groups = {"status": "status", "committee": "committee", "target_class": "target_class"}
    groups["kind"] = "resource_kind" if layer == "resources" else "source_kind"
    if value is None:
        return ""
    return page.word(groups[name], value) if name in groups and isinstance(value, str) else str(value)


def _sketch(pair: dict[str, Any], near_m: float) -> tuple[float, float]:
    """Where the other record stands in a square of 100 around the one: the square's half is twice the distance asked."""
    scale = 50 / (2 * near_m)
    east, north = (max(-46.0, min(46.0, pair[name] * scale)) for name in ("east_m", "north_m"))
    return round(50 + east, 1), round(50 - north, 1)

"""The interface for programs, `/api/v1`: lists, single records with their account, runs, and imports."""

import shutil
from collections.abc import Callable
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Query, Request
from pydantic import BaseModel
from sqlalchemy import Engine
from starlette.concurrency import run_in_threadpool
from starlette.datastructures import FormData, UploadFile

from jobs.explain import explain
from jobs.imports import import_file
from layers.database import Identity
from layers.fields import LAYERS
from layers.history import Moment
from layers.kinds import ACCEPTED
from layers.records import Filters, fetch, iso
from layers.risk import runs as run_ledger
from layers.status import count_runs
from riskmap.errors import BadInput, NotFound, Refused, TooLarge
from web.deps import AsOf, Importer, Lang, Owner, Past, Reader, Rows, SignedIn, Themed, past_for

_PROBLEM = {
    "type": "object",
    "required": ["type", "title", "status", "detail", "remedy"],
    "properties": {
        **{name: {"type": "string"} for name in ("type", "title", "detail", "remedy")},
        "status": {"type": "integer"},
    },
}
_ERROR: dict[str, Any] = {
    "description": "any error, with how to mend it",
    "content": {"application/problem+json": {"schema": _PROBLEM}},
}
ERRORS: dict[int | str, dict[str, Any]] = {422: _ERROR, "default": _ERROR}
"""What every address of the interface may answer besides."""
router = APIRouter(prefix="/api/v1", responses=ERRORS)

KINDS = {
    "sources": "source",
    "enterprises": "enterprise",
    "grids": "grid",
    "villages": "village",
    "townships": "township",
    "cities": "city",
    "overlays": "overlay",
    "targets": "target",
    "dangers": "danger",
}
"""The last part of an address, and the kind of record it stands for."""
EXPLAINED = ("source", "enterprise", "grid", "village", "township", "city", "overlay")
_FLAGS = {"true": True, "1": True, "on": True, "false": False, "0": False, "": False}
_LONGEST_LIST = 1000

Record = dict[str, Any]


class Listed(BaseModel):
    """A part of a list: its items, how many there are in all, and the address of the next part."""

    items: list[Record]
    total: int
    next: str | None


class Wanted(BaseModel):
    """What a list is limited to."""

    limit: int = 100
    offset: int = 0
    geometry: bool = False
    filters: dict[str, Any] = {}


def wanted_of(
    limit: Annotated[int, Query(ge=1, le=_LONGEST_LIST)] = 100,
    offset: Annotated[int, Query(ge=0, le=10**9)] = 0,
    bbox: Annotated[str | None, Query(description="西,南,东,北（度，CGCS2000）", max_length=120)] = None,
    township: Annotated[str | None, Query(description="镇街代码", max_length=64)] = None,
    level: Annotated[str | None, Query(description="当前风险：red orange yellow blue", max_length=10)] = None,
    base_level: Annotated[str | None, Query(description="固有风险", max_length=10)] = None,
    rise_level: Annotated[str | None, Query(description="动态上升", max_length=10)] = None,
    text: Annotated[str | None, Query(description="名称或编码的一部分", max_length=100)] = None,
    kind: Annotated[str | None, Query(description="类别", max_length=60)] = None,
    geometry: Annotated[bool, Query(description="是否附 GeoJSON 几何")] = True,
) -> Wanted:
    """What the query of a list's address asks for."""
    box = _box(bbox) if bbox else None
    filters = {"township": township, "bbox": box, "text": text, "kind": kind}
    filters |= {"level": level, "base_level": base_level, "rise_level": rise_level}
    return Wanted(limit=limit, offset=offset, geometry=geometry, filters=filters)


def _lister(kind: str) -> Callable[..., Listed]:
    def records(
        request: Request,
        then: Annotated[Moment | None, Depends(past_for(levels=kind in EXPLAINED))],
        rows: Rows,
        wanted: Annotated[Wanted, Depends(wanted_of)],
    ) -> Listed:
        page = fetch(
            rows,
            kind,
            then=then,
            filters=Filters(**wanted.filters),
            limit=wanted.limit,
            offset=wanted.offset,
            geometry=wanted.geometry,
        )
        return Listed(
            items=page.items,
            total=page.total,
            next=next_address(request, wanted.limit, wanted.offset, page.total),
        )

    return records


def _getter(kind: str) -> Callable[..., Record]:
    def record(
        then: Annotated[Moment | None, Depends(past_for(levels=kind in EXPLAINED))], rows: Rows, code: str
    ) -> Record:
        found = fetch(rows, kind, code, then=then, geometry=True).items
        if not found:
            raise NotFound(f"没有编码为 {code} 的记录，或无权查看", remedy="请核对编码")
        return found[0]

    return record


def _explainer(kind: str) -> Callable[..., Record]:
    def explained(
        owner: Owner,
        reader: Reader,
        identity: SignedIn,
        lang: Lang,
        theme: Themed,
        code: str,
        as_of: AsOf = None,
    ) -> Record:
        return explain(owner, reader, identity, kind, code, as_of=as_of, theme=theme, lang=lang)

    return explained


for _plural, _kind in KINDS.items():
    router.get(f"/{_plural}", name=f"list_{_plural}", tags=[_plural], summary=f"List {_plural}")(
        _lister(_kind)
    )
    if _kind in EXPLAINED:
        router.get(
            f"/{_plural}/{{code}}/explain",
            name=f"explain_{_kind}",
            tags=[_plural],
            summary=f"Explain a {_kind}",
        )(_explainer(_kind))
    router.get(f"/{_plural}/{{code}}", name=f"get_{_kind}", tags=[_plural], summary=f"One {_kind}")(
        _getter(_kind)
    )


@router.get("/areas/{code}", tags=["areas"])
def area(then: Past, rows: Rows, code: str) -> Record:
    """An area of whatever level, with its level and polygon."""
    for kind in ("township", "village", "grid", "city", "overlay"):
        found = fetch(rows, kind, code, then=then, geometry=True).items
        if found:
            return found[0]
    raise NotFound(f"没有编码为 {code} 的区域", remedy="请核对区划代码")


@router.get("/runs", tags=["runs"])
def runs(
    request: Request,
    rows: Rows,
    limit: Annotated[int, Query(ge=1, le=_LONGEST_LIST)] = 50,
    offset: Annotated[int, Query(ge=0, le=10**9)] = 0,
) -> Listed:
    """The runs, the newest first: when, from which data and edition, by which version, with which result."""
    total = count_runs(rows)
    items = [_run_told(one) for one in run_ledger(rows, limit, offset)]
    return Listed(items=items, total=total, next=next_address(request, limit, offset, total))


def _run_told(one: Record) -> Record:
    return {**one, "data_time": iso(one["data_time"]), "result_hash": bytes(one["result_hash"]).hex()}


_IMPORT_FORM = {
    "type": "object",
    "required": ["layer", "file"],
    "properties": {
        "layer": {"type": "string", "enum": list(LAYERS)},
        "file": {"type": "string", "format": "binary"},
        "crs": {"type": "string", "description": "wgs84 cgcs2000 gcj02 bd09 EPSG:n"},
        "dry_run": {"type": "boolean", "default": False},
        "partial": {"type": "boolean", "default": False},
    },
}


@router.post(
    "/imports",
    tags=["imports"],
    openapi_extra={
        "requestBody": {"required": True, "content": {"multipart/form-data": {"schema": _IMPORT_FORM}}}
    },
)
async def imports(request: Request, identity: Importer, owner: Owner) -> Record:
    """Import one file into one layer, all or nothing unless `partial`; for the roles admin and city.

    Nothing of the body is read before identity and page token are checked. A file over 1 MiB goes to disk as it comes.
    """
    async with request.form(max_files=1, max_fields=10) as form:
        return await run_in_threadpool(_import, owner, identity, form)


def _import(owner: Engine, identity: Identity, form: FormData) -> Record:
    upload, name = uploaded(form)
    layer = str(form.get("layer", ""))
    if layer not in LAYERS:
        raise BadInput(f"没有“{layer}”这个图层", remedy="可用：" + "、".join(LAYERS))
    with TemporaryDirectory(prefix="riskmap-import-") as folder:
        path = Path(folder) / name
        with path.open("wb") as file:
            shutil.copyfileobj(upload.file, file)
        try:
            report = import_file(
                owner,
                layer,
                path,
                crs=str(form["crs"]) if form.get("crs") else None,
                dry_run=_flag(form, "dry_run"),
                partial=_flag(form, "partial"),
                actor=identity.name,
            )
        except Refused as error:
            raise Refused(error.detail, remedy=error.remedy, **error.facts.get("report", {})) from None
    return report.to_json()


def uploaded(form: FormData) -> tuple[UploadFile, str]:
    """The file of a form and a name for it that is fit for this disk. BadInput without one."""
    upload = form.get("file")
    if not isinstance(upload, UploadFile) or not upload.filename:
        raise BadInput("没有收到文件", remedy=f"请在字段 file 中上传 {ACCEPTED} 文件")
    return upload, _safe_name(upload.filename)


def _flag(form: FormData, name: str) -> bool:
    value = str(form.get(name, "")).lower()
    if value not in _FLAGS:
        raise BadInput(f"字段 {name} 只能是 true 或 false", remedy="请改正该字段")
    return _FLAGS[value]


def _safe_name(name: str) -> str:
    """The last part of an uploaded file's name, fit for this disk: messages name the file as the sender knows it."""
    last = name.replace("\\", "/").rsplit("/", 1)[-1].lstrip(".")
    kept = "".join(c for c in last if c.isalnum() or c in "._-（）() ")
    if len(kept.encode()) > 200:
        raise TooLarge("文件名过长", remedy="请缩短文件名")
    return kept or "upload"


def _box(text: str) -> tuple[float, float, float, float]:
    """West, south, east, north in degrees."""
    try:
        west, south, east, north = (float(part) for part in text.split(","))
    except ValueError:
        raise BadInput(
            f"bbox “{text}”不是四个数", remedy="请写成 西,南,东,北，例如 112.2,28.7,112.9,29.2"
        ) from None
    if not (-180 <= west <= east <= 180 and -90 <= south <= north <= 90):
        raise BadInput("bbox 超出范围或次序不对", remedy="请写成 西,南,东,北，西不大于东，南不大于北")
    return west, south, east, north


def next_address(request: Request, limit: int, offset: int, total: int) -> str | None:
    """The address of the list's next part; None at its end."""
    if offset + limit >= total:
        return None
    url = request.url.include_query_params(limit=limit, offset=offset + limit)
    return f"{url.path}?{url.query}"

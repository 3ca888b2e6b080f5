"""Bringing in a file with a look at it first: the page, and the interface that the page and programs use."""

from typing import Annotated, Any

from fastapi import APIRouter, Query, Request
from fastapi.responses import FileResponse, HTMLResponse
from pydantic import BaseModel, Field
from starlette.concurrency import run_in_threadpool
from starlette.datastructures import FormData

from jobs.previews import Options, Preview, Previews
from jobs.undo import undo
from layers.fields import LAYERS
from layers.headers import names_of
from layers.records import iso
from layers.tiles import extent
from layers.undoing import count_imports, imports
from riskmap import __version__
from riskmap.errors import NotFound
from web import assets
from web.api import ERRORS, Listed, next_address, uploaded
from web.deps import Importer, Owner, Rows
from web.map import ANYWHERE
from web.render import SignedPage
from web.texts import texts

router = APIRouter()
_api = APIRouter(prefix="/api/v1/imports", tags=["imports"], responses=ERRORS)

_LONGEST_WAIT_S = 10.0
_XLSX = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"
_RECENT = 15
_SCRIPTS = ("symbols", "rules", "dom", "ground", "imports_map", "imports_report", "imports")
_WORD_GROUPS = ("imports.", "import_progress.", "level_short.", "error.")
_Text = Annotated[str | None, Field(max_length=100)]

Record = dict[str, Any]


class Reading(BaseModel):
    """How a file is to be read; what is left out is for the program to decide."""

    layer: _Text = None
    crs: _Text = None
    sheet: _Text = None
    encoding: _Text = None
    columns: dict[str, str] = Field(
        default={}, description="header → our column; empty: ignored", max_length=400
    )

    def options(self) -> Options:
        """The same as the job takes it; an empty choice is none."""
        chosen = {name: getattr(self, name) or None for name in ("layer", "crs", "sheet", "encoding")}
        return Options(**chosen, columns=self.columns)


class Confirmation(BaseModel):
    """What is confirmed: the preview as it was shown, `partial` where rows with faults are to be left out."""

    partial: bool = False


def _previews(request: Request) -> Previews:
    kept: Previews = request.app.state.previews
    return kept


def _own(request: Request, identity: Importer, token: str) -> Preview:
    return _previews(request).find(token, identity.name)


_FORM = {
    "type": "object",
    "required": ["file"],
    "properties": {
        "file": {"type": "string", "format": "binary"},
        **{name: {"type": "string"} for name in ("layer", "crs", "sheet", "encoding")},
    },
}


@_api.post(
    "/preview",
    status_code=202,
    openapi_extra={"requestBody": {"required": True, "content": {"multipart/form-data": {"schema": _FORM}}}},
)
async def preview(request: Request, identity: Importer, owner: Owner) -> Record:
    """Upload one file and have it looked through: nothing is written. Ask for the outcome by the answer's `token`."""
    async with request.form(max_files=1, max_fields=10) as form:
        return await run_in_threadpool(_receive, request, identity, owner, form)


def _receive(request: Request, identity: Importer, owner: Owner, form: FormData) -> Record:
    upload, name = uploaded(form)
    told = {name: str(form[name]) for name in ("layer", "crs", "sheet", "encoding") if form.get(name)}
    options = Reading(**told).options()
    return _previews(request).receive(owner, identity.name, name, upload.file, options).to_json()


@_api.get("/preview/{token}")
def previewed(
    request: Request, identity: Importer, token: str, after: Annotated[int, Query(ge=-1, le=10**9)] = -1
) -> Record:
    """What is known of a file: `state` checking, ready, importing, done or failed. With `after` (the last `step`
    seen) the answer waits some seconds for news.
    """
    found = _own(request, identity, token)
    return _previews(request).wait(found, after, _LONGEST_WAIT_S)


@_api.post("/preview/{token}", status_code=202)
def preview_again(request: Request, identity: Importer, owner: Owner, token: str, reading: Reading) -> Record:
    """Look through the same file with other options."""
    found = _own(request, identity, token)
    _previews(request).again(owner, found, reading.options())
    return found.to_json()


@_api.post("/preview/{token}/confirm", status_code=202)
def confirm(
    request: Request, identity: Importer, owner: Owner, token: str, confirmation: Confirmation
) -> Record:
    """Import the file as it was shown; refused where the data changed so that it would come to something else."""
    found = _own(request, identity, token)
    _previews(request).confirm(owner, found, partial=confirmation.partial)
    return found.to_json()


@_api.get("/preview/{token}/rejected.xlsx", response_class=FileResponse)
def rejected(request: Request, identity: Importer, token: str) -> FileResponse:
    """The rows that would be rejected, with the reason beside each: to be corrected and sent back."""
    path = _own(request, identity, token).rejected_path
    if not path.is_file():
        raise NotFound("没有被拒绝的行", remedy="请先预览文件")
    return FileResponse(path, media_type=_XLSX, filename=path.name)


@_api.get("")
def recent(
    request: Request,
    _identity: Importer,
    rows: Rows,
    limit: Annotated[int, Query(ge=1, le=1000)] = _RECENT,
    offset: Annotated[int, Query(ge=0, le=10**9)] = 0,
) -> Listed:
    """The latest imports and undos, each with the undo that took it back."""
    total = count_imports(rows)
    found = [{**one, "at": iso(one["at"])} for one in imports(rows, limit, offset)]
    return Listed(items=found, total=total, next=next_address(request, limit, offset, total))


@_api.post("/{rev}/undo")
def take_back(
    identity: Importer, owner: Owner, rev: int, dry_run: Annotated[bool, Query()] = False
) -> Record:
    """Take a whole import back, or an undo; 409 with the records that stand in the way (`conflicts`)."""
    return undo(owner, rev, actor=identity.name, dry_run=dry_run).to_json()


@router.get("/imports", include_in_schema=False)
def imports_page(page: SignedPage, _identity: Importer) -> HTMLResponse:
    """Drop a file, see what it would do, confirm; recent imports with the way back."""
    west, south, east, north = extent(page.connection, None) or ANYWHERE
    lang = page.lang
    config = {
        "lang": lang,
        "bounds": [[south, west], [north, east]],
        "texts": {key: text for key, text in texts(lang).items() if key.startswith(_WORD_GROUPS)},
        "layers": {name: layer.zh if lang == "zh" else layer.en for name, layer in LAYERS.items()},
        "fields": {name: _fields(name, lang) for name in LAYERS},
        "required": {
            name: [one.name for one in layer.fields if one.required] for name, layer in LAYERS.items()
        },
    }
    return page.show(
        "imports.html",
        config=config,
        layers=config["layers"],
        styles=[assets.address("leaflet_css"), assets.address("awesome_markers_font_css")],
        scripts=[
            *(assets.address(name) for name in ("leaflet", "protomaps")),
            *(f"/static/{name}.js?v={__version__}" for name in _SCRIPTS),
        ],
    )


def _fields(layer: str, lang: str) -> dict[str, str]:
    """Every column that a file of the layer may have, as the reader calls it."""
    return {ours: names[0 if lang == "zh" else 1] for ours, names in names_of(LAYERS[layer]).items()}


router.include_router(_api)

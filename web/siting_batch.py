"""Many proposals at once: a page that takes a file, tells how far it is, and hands over the workbook of the verdicts."""

import json
import shutil
from base64 import b64encode
from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from fastapi import APIRouter, Request
from fastapi.responses import HTMLResponse, StreamingResponse
from sqlalchemy import Engine
from starlette.concurrency import run_in_threadpool
from starlette.datastructures import FormData

from jobs.siting_batch import Batch
from layers.database import Identity
from layers.proposal_fields import PROPOSALS
from riskmap import __version__
from riskmap.errors import RiskMapError
from web.api import ERRORS, Record, uploaded
from web.deps import Lang, Reader, SignedIn
from web.render import SignedPage
from web.said import said
from web.texts import texts

router = APIRouter()
_MOST = 500
"""proposals of one upload; more go by the command"""
_OPTIONS = ("crs", "sheet", "encoding")
_FORM = {
    "type": "object",
    "required": ["file"],
    "properties": {
        "file": {"type": "string", "format": "binary"},
        **{name: {"type": "string"} for name in _OPTIONS},
    },
}
_BODY: dict[str, Any] = {
    "requestBody": {"required": True, "content": {"multipart/form-data": {"schema": _FORM}}}
}


@router.get("/siting/batch", include_in_schema=False)
def page(page: SignedPage) -> HTMLResponse:
    """The page: a file, its progress, the verdicts."""
    return page.show(
        "siting_batch.html",
        fields=[(one.zh if page.lang == "zh" else one.en, one.name) for one in PROPOSALS.fields],
        most=_MOST,
        scripts=[f"/static/{name}?v={__version__}" for name in ("dom.js", "siting_batch.js")],
    )


@router.post("/api/v1/siting/batch", tags=["siting"], responses=ERRORS, openapi_extra=_BODY)
async def batch(request: Request, reader: Reader, identity: SignedIn, lang: Lang) -> StreamingResponse:
    """Judge a file of proposals. Writes nothing.

    The answer is a document a line (NDJSON): `{"done": share}` while it lasts, at the end `{"report": …, "workbook": …}`
    with the verdicts by row, the rows that were not judged with field, reason and remedy, and the workbook of it all as
    base64; or `{"problem": …}` where the file cannot be used.
    """
    async with request.form(max_files=1, max_fields=10) as form:
        folder = TemporaryDirectory(prefix="riskmap-siting-")
        path = await run_in_threadpool(_kept, form, Path(folder.name))
        options = {name: str(form[name]) for name in _OPTIONS if form.get(name)}
    lines = _lines(folder, path, reader, identity, options, lang)
    # as it is: compressed, the lines would wait for each other
    headers = {"content-encoding": "identity"}
    return StreamingResponse(lines, media_type="application/x-ndjson", headers=headers)


def _kept(form: FormData, folder: Path) -> Path:
    upload, name = uploaded(form)
    path = folder / name
    with path.open("wb") as file:
        shutil.copyfileobj(upload.file, file)
    return path


def _lines(
    folder: "TemporaryDirectory[str]",
    path: Path,
    reader: Engine,
    identity: Identity,
    options: dict[str, str],
    lang: str,
) -> Iterator[str]:
    with folder:
        judging = Batch(reader, identity, lang=lang)
        try:
            for share in judging.judge(path, most=_MOST, **options):  # type: ignore[arg-type]
                yield _line({"done": round(share, 4)})
            out = path.with_name("verdicts.xlsx")
            judging.write(out)
        except RiskMapError as error:
            yield _line({"problem": _problem(error, lang)})
            return
        yield _line({"report": judging.report(), "workbook": b64encode(out.read_bytes()).decode()})


def _line(document: Record) -> str:
    return json.dumps(document, ensure_ascii=False, allow_nan=False) + "\n"


def _problem(error: RiskMapError, lang: str) -> Record:
    title = texts(lang).get(f"error.{error.code}", error.title)
    return {
        "title": title,
        "status": error.status,
        "detail": said(lang, error.detail),
        "remedy": said(lang, error.remedy),
    }

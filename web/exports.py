"""Downloads: a layer's records as far as the caller may see them, and the workbooks to fill in.

An export is a GET, so that a plain link carries a page's filters and a browser saves what comes; that it leaves a
line in the audit is no change to the data, and asking twice is harmless.
"""

from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory
from threading import BoundedSemaphore
from typing import Annotated, Any, BinaryIO
from urllib.parse import quote

from fastapi import APIRouter, Depends, Query, Request
from fastapi.responses import StreamingResponse

from jobs.exports import export_layer, export_template, file_name
from layers.dangers import STATES
from layers.exports import Wanted
from layers.intake import layer_named
from riskmap.errors import Forbidden
from web.deps import AsOf, Lang, Owner, Reader, SignedIn
from web.turns import turn

_MEDIA = {
    "xlsx": "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
    "csv": "text/csv; charset=utf-8",
    "geojson": "application/geo+json",
    "gpkg": "application/geopackage+sqlite3",
}
_MOST_ROWS = 1_000_000
_AT_ONCE = BoundedSemaphore(2)
"""exports that are made at one time: each holds a connection and a processor"""
_PATIENCE_S = 20.0
_PIECE_B = 256 * 1024

Code = Annotated[str | None, Query(max_length=64)]


def _same_site(request: Request) -> None:
    """Forbidden where another site's page makes a browser ask: it would fill the audit in its user's name."""
    if request.headers.get("sec-fetch-site", "none") not in {"none", "same-origin", "same-site"}:
        raise Forbidden("请从本系统的页面导出", remedy="请打开本系统后重试")


router = APIRouter(prefix="/api/v1", tags=["exports"], dependencies=[Depends(_same_site)])


def _file_answers(*kinds: str) -> dict[int | str, dict[str, Any]]:
    """What the OpenAPI document says of a download."""
    content = {
        _MEDIA[kind].partition(";")[0]: {"schema": {"type": "string", "format": "binary"}} for kind in kinds
    }
    return {200: {"description": "the file", "content": content}}


def _wanted(
    as_of: AsOf = None,
    township: Annotated[Code, Query(description="镇街代码（9 位）")] = None,
    industry: Annotated[Code, Query(description="行业代码的开头")] = None,
    level: Annotated[Code, Query(description="当前风险：red orange yellow blue")] = None,
    base_level: Annotated[Code, Query(description="固有风险：red orange yellow blue")] = None,
    rise_level: Annotated[Code, Query(description="动态上升：red orange yellow blue")] = None,
    kind: Annotated[Code, Query(description="类别")] = None,
    text: Annotated[str | None, Query(description="名称或编码的一部分", max_length=100)] = None,
    state: Annotated[Code, Query(description=f"隐患：{' '.join(STATES)}")] = None,
    grade: Annotated[Code, Query(description="隐患：major general")] = None,
) -> Wanted:
    given = (as_of, township, industry, level, base_level, rise_level, kind, text, state, grade)
    return Wanted(*((value or "").strip() or None for value in given))


@router.get("/exports/{layer}", responses=_file_answers(*_MEDIA), response_class=StreamingResponse)
def exports(
    owner: Owner,
    reader: Reader,
    identity: SignedIn,
    lang: Lang,
    layer: str,
    wanted: Annotated[Wanted, Depends(_wanted)],
    kind: Annotated[str, Query(alias="format", pattern="^(xlsx|csv|geojson|gpkg)$")] = "xlsx",
    crs: Annotated[str | None, Query(description="wgs84 cgcs2000 gcj02 bd09 EPSG:n", max_length=20)] = None,
) -> StreamingResponse:
    """One layer, now or as of a moment, as a file; importing it again changes nothing. Each export is recorded."""
    layer = layer_named(layer).name
    with (
        turn(_AT_ONCE, _PATIENCE_S, "正在导出的人较多"),
        TemporaryDirectory(prefix="riskmap-export-") as folder,
    ):
        path = Path(folder) / f"export.{kind}"
        export_layer(owner, reader, identity, layer, path, wanted, crs=crs, lang=lang, most_rows=_MOST_ROWS)
        return _download(path, kind, file_name(layer, kind, lang, wanted.as_of))


@router.get("/templates/{layer}", responses=_file_answers("xlsx"), response_class=StreamingResponse)
def templates(_identity: SignedIn, lang: Lang, layer: str) -> StreamingResponse:
    """The workbook of a layer to fill in: headers, drop-downs, an example row, explanations."""
    found = layer_named(layer)
    with TemporaryDirectory(prefix="riskmap-export-") as folder:
        path = Path(folder) / "template.xlsx"
        export_template(found.name, path, lang)
        name = f"{found.zh} 模板.xlsx" if lang == "zh" else f"{found.en} template.xlsx"
        return _download(path, "xlsx", name)


def _download(path: Path, kind: str, name: str) -> StreamingResponse:
    """The file as an attachment. It is opened here and its folder goes away at once: nothing is left to clean up."""
    file = path.open("rb")
    headers = {
        "content-length": str(path.stat().st_size),
        "content-disposition": f"attachment; filename=\"{path.name}\"; filename*=UTF-8''{quote(name, safe='')}",
    }
    return StreamingResponse(_pieces(file), headers=headers, media_type=_MEDIA[kind])


def _pieces(file: BinaryIO) -> Iterator[bytes]:
    with file:
        while piece := file.read(_PIECE_B):
            yield piece

"""May it stand here, and where else: `POST /api/v1/siting`, its `/papers` and its `/search`."""

import json
from typing import Annotated, Any

from fastapi import APIRouter, Query, Request
from starlette.concurrency import run_in_threadpool

from jobs.siting import verdict_on
from jobs.siting_effects import effects_of
from jobs.siting_papers import file_paper
from jobs.siting_picture import as_picture
from jobs.siting_search import search
from riskmap.errors import BadInput
from web.api import ERRORS, Record
from web.deps import Lang, Owner, Reader, SignedIn

router = APIRouter()
_api = APIRouter(prefix="/api/v1/siting", tags=["siting"], responses=ERRORS)

_PROPOSAL: dict[str, Any] = {
    "kind": {"type": "string", "description": "危险源类别或开发项目"},
    "stage": {"enum": ["new", "extension", "temporary"], "default": "new"},
    "name": {"type": "string", "maxLength": 200},
    "inventory": {"type": "array", "items": {"type": "object"}},
    "paper": {"type": "object", "description": "意见书信息：applicant、project_code、replaces、note"},
    "exception": {"type": "object", "description": "登记的例外批准：authority、text、date"},
    **{name: {"type": "number"} for name in ("dwellings", "people", "density_per_ha")},
}
_HOMES = {"kind": "dwelling", "stage": "new", "dwellings": 20}


def _body(required: list[str], more: dict[str, Any], example: dict[str, Any]) -> dict[str, Any]:
    schema = {"type": "object", "required": required, "properties": _PROPOSAL | more, "example": example}
    return {"requestBody": {"required": True, "content": {"application/json": {"schema": schema}}}}


_JUDGED = _body(
    ["kind", "geometry"],
    {"geometry": {"type": "object", "description": "GeoJSON，CGCS2000 经纬度"}},
    {**_HOMES, "geometry": {"type": "Point", "coordinates": [112.36, 28.85]}},
)
_SEARCH = _body(
    ["kind"],
    {"cell_m": {"type": "integer", "default": 100, "description": "单元边长（米）"}},
    {**_HOMES, "cell_m": 100},
)


@_api.post("", openapi_extra=_JUDGED)
async def judged(
    request: Request,
    reader: Reader,
    owner: Owner,
    identity: SignedIn,
    lang: Lang,
    effects: Annotated[bool, Query(description="同时给出建成前后的对比（需能看到全市数据）")] = False,
    file: Annotated[bool, Query(description="出具意见书：归档并取得编号")] = False,
) -> Record:
    """The verdict on a proposal: every rule with clause, measured distance, limit and margin, failures first.

    Writes nothing, unless `file` asks for an opinion paper: then `archive_number` is its number, `paper` tells its hash
    and how long it holds, and the answer is Chinese, as it is filed. What the paper says besides stands in the part `paper` of
    the body: `applicant`, `project_code`, `replaces` (the number of the paper that this design replaces), `note`.

    `verdict` is the worst outcome of all rules. An unknown limit is `not_on_file` and asks for a study at least; what
    nobody has data of is `no_data` and stands in `gaps`. `effects`: who is newly exposed and what changes colour.
    """
    given = document(await request.body())
    if file:
        return await run_in_threadpool(file_paper, owner, identity, given)
    answer = await run_in_threadpool(verdict_on, reader, identity, given, lang=lang)
    if effects:
        answer["effects"] = await run_in_threadpool(effects_of, owner, identity, given, lang=lang)
    return answer


@_api.post("/papers", status_code=201, openapi_extra=_JUDGED)
async def filed(request: Request, owner: Owner, identity: SignedIn) -> Record:
    """File an opinion paper on a proposal; the same as `POST /api/v1/siting?file=true`."""
    return await run_in_threadpool(file_paper, owner, identity, document(await request.body()))


@_api.post("/search", openapi_extra=_SEARCH)
async def searched(
    request: Request,
    reader: Reader,
    identity: SignedIn,
    lang: Lang,
    most: Annotated[int, Query(ge=1, le=1000, description="每个列表最多几个单元")] = 200,
    apart_m: Annotated[int, Query(ge=0, le=20_000, description="列出的单元彼此至少相隔（米）")] = 0,
    picture: Annotated[bool, Query(description="同时给出每个单元的结论，供地图着色")] = False,
) -> Record:
    """Every cell of the city judged as this proposal, best first; of those refused how many by which rule. Writes nothing.

    `refused` counts cells that are vetoed or in principle not, under the rule that decides. What binds every cell alike
    stands in `everywhere`, and the other rules rank the cells: `verdict` of a cell is that of all rules. `picture` tells
    of every cell what the ranking rules say, as runs along the grid's rows, and how the grid lies on a map.
    """
    given = document(await request.body())
    more = as_picture if picture else None
    return await run_in_threadpool(
        search, reader, identity, given, lang=lang, most=most, apart_m=apart_m, more=more
    )


def document(content: bytes) -> Any:
    """The JSON of a body or a file; BadInput where it is none. Numbers that are none (NaN) are refused by the proposal."""
    try:
        return json.loads(content)
    except RecursionError:
        raise BadInput("JSON 嵌套过深", remedy="请按接口说明书写") from None
    except ValueError as error:
        raise BadInput(f"不是有效的 JSON：{error}", remedy="请按接口说明书写") from None


router.include_router(_api)

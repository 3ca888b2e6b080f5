"""May it stand here: `POST /api/v1/siting`."""

import json
from typing import Any

from fastapi import APIRouter, Request
from starlette.concurrency import run_in_threadpool

from jobs.siting import verdict_on
from riskmap.errors import BadInput
from web.api import ERRORS, Record
from web.deps import Lang, Reader, SignedIn

router = APIRouter()
_api = APIRouter(prefix="/api/v1/siting", tags=["siting"], responses=ERRORS)

_SCHEMA: dict[str, Any] = {
    "requestBody": {
        "required": True,
        "content": {
            "application/json": {
                "schema": {
                    "type": "object",
                    "required": ["kind", "geometry"],
                    "properties": {
                        "kind": {"type": "string"},
                        "stage": {"enum": ["new", "extension", "temporary"], "default": "new"},
                        "name": {"type": "string", "maxLength": 200},
                        "geometry": {"type": "object", "description": "GeoJSON，CGCS2000 经纬度"},
                        "inventory": {"type": "array", "items": {"type": "object"}},
                        "exception": {"type": "object"},
                        **{name: {"type": "number"} for name in ("dwellings", "people", "density_per_ha")},
                    },
                    "example": {
                        "kind": "dwelling",
                        "stage": "new",
                        "dwellings": 20,
                        "geometry": {"type": "Point", "coordinates": [112.36, 28.85]},
                    },
                }
            }
        },
    }
}


@_api.post("", openapi_extra=_SCHEMA)
async def judged(request: Request, reader: Reader, identity: SignedIn, lang: Lang) -> Record:
    """The verdict on a proposal: every rule with clause, measured distance, limit and margin, failures first. Writes nothing.

    `verdict` is the worst outcome of all rules. An unknown limit is `not_on_file` and asks for a study at least; what
    nobody has data of is `no_data` and stands in `gaps`.
    """
    given = document(await request.body())
    return await run_in_threadpool(verdict_on, reader, identity, given, lang=lang)


def document(content: bytes) -> Any:
    """The JSON of a body or a file; BadInput where it is none. Numbers that are none (NaN) are refused by the proposal."""
    try:
        return json.loads(content)
    except RecursionError:
        raise BadInput("JSON 嵌套过深", remedy="请按接口说明书写") from None
    except ValueError as error:
        raise BadInput(f"不是有效的 JSON：{error}", remedy="请按接口说明书写") from None


router.include_router(_api)

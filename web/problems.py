"""Every error becomes an answer here: problem+json for programs, a page for browsers, never a trace or a secret."""

import logging
from typing import Any
from urllib.parse import quote
from uuid import uuid4

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse, RedirectResponse
from starlette.exceptions import HTTPException
from starlette.responses import Response

from riskmap.errors import BadInput, Forbidden, NotFound, NotSignedIn, RiskMapError, TakesTooLong, TooLarge
from web.headers import secure
from web.render import render
from web.said import lang_of_answer, said
from web.texts import lang_of, texts

_LOG = logging.getLogger("riskmap.web")
_PROGRAM_PATHS = (
    "/api/",
    "/cap/",
    "/tiles/",
    "/identify",
    "/nearest",
    "/search",
    "/stream",
    "/status",
    "/health",
    "/metrics",
)
_OF_STATUS: dict[int, type[RiskMapError]] = {403: Forbidden, 404: NotFound, 413: TooLarge}


def refuse_nul(request: Request) -> None:
    """BadInput for an address with a NUL: no text of the database can hold one."""
    if "\0" in request.url.path or b"%00" in request.scope["query_string"]:
        raise BadInput("地址中含有不可用的字符", remedy="请改正后重试")


class NotAllowed(RiskMapError):
    """The address exists and does not answer to this method."""

    status = 405
    code = "method-not-allowed"
    title = "不支持该操作"


def answer_errors(app: FastAPI) -> None:
    """Hang the handlers on the application."""
    app.add_exception_handler(RiskMapError, _known)
    app.add_exception_handler(RequestValidationError, _invalid)
    app.add_exception_handler(HTTPException, _http)
    app.add_exception_handler(Exception, _unknown)


def problem(request: Request, error: RiskMapError) -> Response:
    """The answer to an error, in the form that whoever asks can read."""
    headers, lang = _headers(error), lang_of_answer(request)
    if for_program(request):
        document = {
            "type": f"urn:riskmap:error:{error.code}",
            "title": texts(lang).get(f"error.{error.code}", error.title),
            "status": error.status,
            "detail": said(lang, error.detail),
            "remedy": said(lang, error.remedy),
        }
        return JSONResponse(
            {**error.facts, **document}, error.status, headers, media_type="application/problem+json"
        )
    if isinstance(error, NotSignedIn) and request.method == "GET":
        target = request.url.path + (f"?{request.url.query}" if request.url.query else "")
        return RedirectResponse(f"/login?next={quote(target, safe='')}" if target != "/" else "/login", 303)
    page = render(
        request,
        "error.html",
        status_code=error.status,
        error=error,
        title=texts(lang_of(request)).get(f"error.{error.code}", error.title),
        away=error.status == 503,
    )
    page.headers.update(headers)
    return page


def for_program(request: Request) -> bool:
    """Whether the asker is a program: by address, else by what it accepts."""
    return request.url.path.startswith(_PROGRAM_PATHS) or "text/html" not in request.headers.get("accept", "")


def _headers(error: RiskMapError) -> dict[str, str]:
    if isinstance(error, NotSignedIn):
        return {"www-authenticate": 'Bearer realm="riskmap"'}
    if "retry_after_s" in error.facts:
        return {"retry-after": str(error.facts["retry_after_s"])}
    if error.status != 503 or isinstance(error, TakesTooLong):  # the same question would take as long again
        return {}
    return {"retry-after": "5"}


async def _known(request: Request, error: Exception) -> Response:
    assert isinstance(error, RiskMapError)
    if error.status >= 500:
        _LOG.warning("%s %s: %s", request.method, request.url.path, error.detail)
    return problem(request, error)


async def _invalid(request: Request, error: Exception) -> Response:
    """A parameter that is missing or of the wrong kind: named, with the reason, without its value."""
    assert isinstance(error, RequestValidationError)
    first: dict[str, Any] = error.errors()[0]
    field = ".".join(str(part) for part in first["loc"][1:]) or str(first["loc"][0])
    return problem(
        request, BadInput(f"参数 {field}：{first['msg']}", remedy="请按接口说明（/docs）改正该参数")
    )


async def _http(request: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)
    if isinstance(error.__cause__, RiskMapError):
        return problem(request, error.__cause__)
    if error.status_code == 405:
        return problem(
            request, NotAllowed(f"该地址不接受 {request.method}", remedy="请查看接口说明（/docs）")
        )
    kind = _OF_STATUS.get(error.status_code, BadInput)
    if kind is NotFound:
        return problem(request, NotFound("没有这个地址", remedy="请从首页或菜单进入"))
    return problem(request, kind("请求不能识别", remedy="请查看接口说明（/docs）"))


async def _unknown(request: Request, error: Exception) -> Response:
    """A fault of ours: the trace goes to the log under a number, and the number to the reader."""
    number = uuid4().hex[:8]
    _LOG.error("fault %s at %s %s", number, request.method, request.url.path, exc_info=error)
    fault = RiskMapError("程序内部错误", remedy=f"请重试；仍然出错请把编号 {number} 告诉维护人员")
    answer = problem(request, fault)
    secure(answer.headers, request.scope)  # this answer passes none of the middleware
    return answer

"""What every answer carries and no request may exceed: security headers, a script nonce, a bound on the body."""

import secrets

from starlette.datastructures import Headers, MutableHeaders
from starlette.requests import Request
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from layers.posted import POST
from riskmap.errors import TooLarge

LONGEST_BODY_B = 256 * 1024
LONGEST_IMPORT_B = 512 * 1024 * 1024
IMPORT_PATH = "/api/v1/imports"
PREVIEW_PATH = "/api/v1/imports/preview"
EVENTS_PATH = "/api/v1/events"
SITING_PATH = "/api/v1/siting"
SITING_BATCH_PATH = f"{SITING_PATH}/batch"
_FILE = LONGEST_IMPORT_B, "请缩小文件，或在服务器上用 riskmap import 导入"
_BOUNDS = {
    IMPORT_PATH: _FILE,
    PREVIEW_PATH: _FILE,
    SITING_BATCH_PATH: (16 * 1024 * 1024, "请分成几个文件，或用 riskmap siting batch"),
    SITING_PATH: (2 * 1024 * 1024, "请简化拟建用地的边界"),
    EVENTS_PATH: (POST.json_bytes, "请分成几次发送，或把文件放入投递目录 drop/in"),
}
"""what a body may have and what to do with a larger one, where that is not the usual"""

_FIXED = {
    "x-content-type-options": "nosniff",
    "x-frame-options": "DENY",
    "referrer-policy": "same-origin",
    "cross-origin-opener-policy": "same-origin",
    "cross-origin-resource-policy": "same-origin",
    "permissions-policy": "camera=(), microphone=(), geolocation=(self), payment=(), usb=()",
}


def nonce_of(request: Request) -> str:
    """The nonce of this request's page: a script or style element that carries it is ours and may run."""
    nonce: str = request.scope["state"]["nonce"]
    return nonce


def policy(nonce: str) -> str:
    """The content policy of a page: nothing from anywhere else, inline code only with this page's nonce.

    Leaflet and protomaps set styles through the object model, draw into blob images and may start blob workers.
    """
    return "; ".join(
        (
            "default-src 'none'",
            f"script-src 'self' 'nonce-{nonce}'",
            f"style-src 'self' 'nonce-{nonce}'",
            "img-src 'self' data: blob:",
            "font-src 'self'",
            "connect-src 'self'",
            "worker-src 'self' blob:",
            "manifest-src 'self'",
            "form-action 'self'",
            "frame-ancestors 'none'",
            "base-uri 'none'",
        )
    )


def secure(headers: MutableHeaders, scope: Scope) -> None:
    """Add the security headers to an answer; what a route set itself stays."""
    for name, value in _FIXED.items():
        headers.setdefault(name, value)
    headers.setdefault("content-security-policy", policy(scope["state"]["nonce"]))
    headers.setdefault("cache-control", "no-cache" if scope["path"].startswith("/static/") else "no-store")
    if scope["scheme"] == "https":
        headers.setdefault("strict-transport-security", "max-age=31536000")


class SecureHeaders:
    """Gives every request a nonce and every answer the security headers."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request with a fresh nonce."""
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        scope.setdefault("state", {})["nonce"] = secrets.token_urlsafe(16)

        async def send_secured(message: Message) -> None:
            if message["type"] == "http.response.start":
                secure(MutableHeaders(scope=message), scope)
            await send(message)

        await self.app(scope, receive, send_secured)


class BodyLimit:
    """Refuses bodies over the bound while they arrive: 256 KiB, for events 4 MiB, for an import 512 MiB."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request, counting what it sends."""
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        bound, remedy = _BOUNDS.get(scope["path"], (LONGEST_BODY_B, "请缩小后重试"))
        stated = Headers(scope=scope).get("content-length", "")
        too_large = TooLarge(f"请求超过 {bound // 1024} KiB 的上限", remedy=remedy)
        received = 0

        async def receive_counted() -> Message:
            nonlocal received
            if stated.isdigit() and int(stated) > bound:
                raise too_large
            message = await receive()
            received += len(message.get("body", b""))
            if received > bound:
                raise too_large
            return message

        await self.app(scope, receive_counted, send)

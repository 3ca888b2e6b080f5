"""One exchange with one machine by HTTP, bounded in time and size, and what its answer means for a message.

Nothing is followed: not a redirect, not a proxy of the environment. A slow machine is cut off at the end of the whole
exchange, not only between two of its bytes. Reasons say what happened in our words: an address may hold a secret, and
what another machine says may repeat it.
"""

import json
import socket
import ssl
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from http.client import HTTPConnection, HTTPException, HTTPSConnection
from typing import Any
from urllib.parse import quote, quote_plus, urlsplit

from layers.checks import tidy_value
from riskmap.channels import Delivered, Delivery, Never, TryAgain
from riskmap.errors import Unavailable

MOST_BYTES = 256 * 1024
"""of an answer; the rest is not read"""
LONGEST_ASKED_S = 3600.0
_LATER = {408, 409, 425, 429}
"""409: the same key is being taken in at this moment"""


@dataclass(frozen=True, slots=True)
class Answer:
    """What came back: `body` None where it was longer than may be read, `after_s` what it asked us to wait."""

    status: int
    body: bytes | None
    after_s: float | None = None

    def document(self) -> Any:
        """The body as JSON; None where it is none."""
        try:
            return json.loads(self.body or b"")
        except (ValueError, RecursionError):
            return None


class Wire:
    """The way to one address of the settings."""

    def __init__(self, url: str, timeout_s: float, ca_file: str | None, now: Callable[[], datetime]) -> None:
        self._parts = urlsplit(url)
        self._timeout_s = timeout_s
        self._now = now
        self._context = trusted(ca_file) if self._parts.scheme == "https" else None

    def exchange(
        self, method: str, body: bytes | None, headers: Mapping[str, str], query: str = ""
    ) -> Answer | Delivery:
        """The answer, or what its absence means. `query` is added to the address and is nowhere told."""
        host, port = self._parts.hostname or "", self._parts.port
        connection: HTTPConnection = (
            HTTPSConnection(host, port, timeout=self._timeout_s, context=self._context)
            if self._context
            else HTTPConnection(host, port, timeout=self._timeout_s)
        )
        target = f"{self._parts.path or '/'}?{'&'.join(one for one in (self._parts.query, query) if one)}"
        try:
            with cut_off(self._timeout_s, lambda: connection.sock):
                connection.connect()
            wire = connection.sock  # an answer without a length takes it away from the connection
            with cut_off(self._timeout_s, lambda: wire):
                connection.request(method, target.rstrip("?"), body, {"user-agent": "riskmap", **headers})
                response = connection.getresponse()
                content = response.read(MOST_BYTES + 1)
        except (OSError, HTTPException) as error:
            return no_answer(error)
        finally:
            connection.close()
        asked = retry_after(response.headers.get("retry-after"), self._now())
        return Answer(response.status, content if len(content) <= MOST_BYTES else None, asked)


def trusted(ca_file: str | None) -> ssl.SSLContext:
    """The authorities of this machine, or only the city's own. Unavailable where its file cannot be read."""
    try:
        return ssl.create_default_context(cafile=ca_file)
    except (OSError, ssl.SSLError):
        raise Unavailable(f"证书文件 {ca_file} 不能读取", remedy="请核对 ca_file") from None


@contextmanager
def cut_off(after_s: float, wire: Callable[[], socket.socket | None]) -> Iterator[None]:
    """End what is said over a wire after so many seconds, however busily it drips."""

    def end() -> None:
        there = wire()
        with suppress(OSError):
            if there is not None:
                there.shutdown(socket.SHUT_RDWR)

    timer = threading.Timer(after_s, end)
    timer.daemon = True
    timer.start()
    try:
        yield
    finally:
        timer.cancel()


def no_answer(error: Exception) -> Delivery:
    """What a failed exchange means: a certificate does not mend itself, everything else may."""
    if isinstance(error, ssl.SSLCertVerificationError):
        return Never("对方的证书不受信任")
    words: dict[type[Exception], str] = {
        TimeoutError: "超时没有答复",
        ConnectionRefusedError: "连接被拒绝",
        socket.gaierror: "找不到主机",
        ssl.SSLError: "加密连接失败",
        ConnectionError: "连接中断",
        HTTPException: "答复不合 HTTP，或中途断开",
    }
    return TryAgain(next((word for kind, word in words.items() if isinstance(error, kind)), "连接失败"))


def retry_after(value: str | None, now: datetime) -> float | None:
    """Seconds that a `Retry-After` asks for, within an hour; None where it says nothing usable."""
    if value is None:
        return None
    try:
        seconds = float(value) if value.strip().isdigit() else _until(value, now)
    except (ValueError, OverflowError):
        return None
    return min(max(seconds, 0.0), LONGEST_ASKED_S)


def _until(value: str, now: datetime) -> float:
    moment = parsedate_to_datetime(value)
    return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp() - now.timestamp()


def by_status(answer: Answer) -> Delivery:
    """What the status alone says."""
    if 200 <= answer.status < 300:
        return Delivered()
    if answer.status in _LATER or answer.status >= 500:
        return TryAgain(f"对方答复 HTTP {answer.status}", answer.after_s)
    if 300 <= answer.status < 400:
        return Never(f"对方要求转到别处（HTTP {answer.status}），不予跟随")
    return Never(f"对方拒绝，HTTP {answer.status}")


def said(value: object, secrets: tuple[str, ...] = ()) -> str:
    """What another machine says, short, on one line, and without a secret of ours."""
    text = str(value)
    for secret in secrets:
        for form in (secret, quote(secret, safe=""), quote_plus(secret)):
            text = text.replace(form, "…")
    return tidy_value(text)

"""The event stream: one listener for the whole server, and for each reader the news it may see, under its own rights."""

import asyncio
import json
import logging
import threading
from collections.abc import AsyncIterator, Callable

from fastapi import APIRouter, Request
from fastapi.responses import StreamingResponse
from sqlalchemy import Engine
from starlette.concurrency import run_in_threadpool

from layers.database import reading
from layers.feed import News, changes_since, listen
from layers.users import Session, session_of
from riskmap.errors import RiskMapError
from web.deps import Reader, SignedSession

router = APIRouter()
_LOG = logging.getLogger("riskmap.web")
HEARTBEAT_S = 15.0
"""A line at least this often: proxies keep the connection, and a session that ended is noticed."""
_RETRY_MS = 3000


class Feed:
    """Listens for revisions in one thread and wakes every open stream."""

    def __init__(self, dsn: str) -> None:
        self._dsn = dsn
        self._stop = threading.Event()
        self._thread: threading.Thread | None = None
        self._wakers: set[Callable[[], None]] = set()
        self._lock = threading.Lock()

    @property
    def stopping(self) -> bool:
        """Whether streams are to end."""
        return self._stop.is_set()

    def start(self) -> None:
        """Begin to listen."""
        self._thread = threading.Thread(target=self._run, name="feed", daemon=True)
        self._thread.start()

    def stop(self) -> None:
        """End every stream and the listener; may be called from any thread, and again."""
        self._stop.set()
        self._wake()

    def join(self) -> None:
        """Wait until the listener has ended and its connection is closed."""
        if self._thread is not None:
            self._thread.join()

    def add(self, waker: Callable[[], None]) -> None:
        """Call `waker` (from the listening thread) at every news."""
        with self._lock:
            self._wakers.add(waker)

    def remove(self, waker: Callable[[], None]) -> None:
        """Stop calling `waker`."""
        with self._lock:
            self._wakers.discard(waker)

    def _run(self) -> None:
        for rev in listen(self._dsn, self._stop):
            if rev is None:
                _LOG.warning("the stream lost the database; it reconnects by itself")
            self._wake()

    def _wake(self) -> None:
        with self._lock:
            for waker in self._wakers:
                waker()


@router.get("/stream", tags=["stream"])
async def stream(request: Request, session: SignedSession, reader: Reader) -> StreamingResponse:
    """Server-sent events: `change` with `{"rev", "changes": [{"layer", "code"}], "more", "events"}` at each new revision.

    `changes` names the records that the reader may see; any new `rev` may also have taken a record away from it,
    unless `events` says that nothing but events came in.
    A stream that reconnects with `Last-Event-ID` goes on where it stopped. `signed-out` ends a session's stream.
    """
    last = request.headers.get("last-event-id", "")
    start = int(last) if last.isdecimal() and len(last) < 19 else None
    feed: Feed = request.app.state.feed
    return StreamingResponse(
        _events(feed, reader, session, start),
        media_type="text/event-stream",
        headers={"cache-control": "no-store", "x-accel-buffering": "no"},
    )


async def _events(feed: Feed, reader: Engine, session: Session, last: int | None) -> AsyncIterator[str]:
    loop, woken = asyncio.get_running_loop(), asyncio.Event()

    def wake() -> None:
        loop.call_soon_threadsafe(woken.set)

    feed.add(wake)
    try:
        yield f"retry: {_RETRY_MS}\n\n"
        woken.set()
        while not feed.stopping:
            woken.clear()
            try:
                news = await run_in_threadpool(_news, reader, session, last)
            except RiskMapError as error:
                yield _event("away", {"title": error.title, "detail": error.detail})
            else:
                if news is None:
                    yield _event("signed-out", {})
                    return
                if news.rev != last:
                    yield _event("change" if last is not None else "hello", _told(news), news.rev)
                    last = news.rev
                else:
                    yield ": \n\n"
            await _either(woken, HEARTBEAT_S)
    finally:
        feed.remove(wake)


def _news(reader: Engine, session: Session, last: int | None) -> News | None:
    """What is new since `last` for whom the session belongs to now; None where the session has ended.

    A stream without a position starts at the newest revision, with nothing to tell.
    """
    now = session_of(reader, session.token_hash)
    if now is None:
        return None
    with reading(reader, now.identity) as connection:
        return changes_since(connection, last)


def _told(news: News) -> dict[str, object]:
    changes = [{"layer": layer, "code": code} for layer, code in news.changes]
    return {"rev": news.rev, "changes": changes, "more": news.more, "events": news.events}


def _event(name: str, data: dict[str, object], number: int | None = None) -> str:
    position = f"id: {number}\n" if number is not None else ""
    return f"event: {name}\n{position}data: {json.dumps(data, ensure_ascii=False)}\n\n"


async def _either(woken: asyncio.Event, seconds: float) -> None:
    """Wait for news, at most so many seconds."""
    try:
        await asyncio.wait_for(woken.wait(), seconds)
    except TimeoutError:
        return

"""Whether the program is well: `/health` and `/metrics` for the machine it runs on, `/status` for open pages."""

import ipaddress
import time
from collections import defaultdict
from datetime import UTC, datetime
from typing import Any

from fastapi import APIRouter, Request
from fastapi.responses import JSONResponse, PlainTextResponse
from sqlalchemy import Engine
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from jobs.demo_feed import Feeds, feeds
from jobs.drop import Drop
from jobs.zones import zones_late
from layers.channel_view import ChannelState, city_channel_states
from layers.database import CITY, reading
from layers.records import iso
from layers.status import Status, status_of
from riskmap import __version__
from riskmap.errors import NotFound, RiskMapError
from web.deps import Reader, Rows, client_address
from web.render import troubles_of
from web.texts import lang_of

router = APIRouter()
_FORWARDED = ("forwarded", "x-forwarded-for", "x-real-ip")


class Measures:
    """Counts requests and the time they take, by method, route and status, since the server started."""

    def __init__(self) -> None:
        self.started = time.time()
        self.requests: dict[tuple[str, str, int], int] = defaultdict(int)
        self.seconds: dict[tuple[str, str], float] = defaultdict(float)

    def add(self, method: str, route: str, status: int, seconds: float) -> None:
        """Count one request."""
        self.requests[method, route, status] += 1
        self.seconds[method, route] += seconds


class Measured:
    """Notes every request in the application's measures, under its route's pattern, never its address."""

    def __init__(self, app: ASGIApp, measures: Measures) -> None:
        self.app = app
        self.measures = measures

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve and count one request."""
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        begin, status = time.perf_counter(), 500

        async def send_noted(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
            await send(message)

        try:
            await self.app(scope, receive, send_noted)
        finally:
            route = getattr(scope.get("route"), "path", "other")
            self.measures.add(scope["method"], route, status, time.perf_counter() - begin)


@router.get("/health", tags=["operation"])
def health(request: Request, reader: Reader) -> JSONResponse:
    """`ok`, `degraded` (no worker: levels stand still; or the demo feed or the zones do; or a channel fails) or `down`
    (503, no database).

    `sensors` are those that say how often they report: all, how many are in time, the last sign of any; `demo_feed` is
    `live`, `stopped`, `off`, null where there is none. Answers this machine only.
    """
    _only_here(request)
    state, flow, trouble, late, channels = _state(request, reader)
    content: dict[str, Any] = {"status": "down", "version": __version__, "database": state is not None}
    drop = Drop.of(request.app.state.settings.home)
    content["drop"] = {"waiting": len(drop.waiting()), "bad": len(drop.bad())}
    if state is not None and flow is not None:
        failing = [one.name for one in channels if one.failing]
        well = state.worker and flow.demo != "stopped" and not late and not failing
        waiting = sum(one.queue.waiting for one in channels)
        content["channels"] = {"failing": failing, "waiting": waiting}
        content |= {"status": "ok" if well else "degraded", **told_of(state), **flow.to_json()}
        content["troubles"] = sorted(request.app.state.watchdog.shown)
        content["zones_late"] = late
    if trouble:
        content["detail"] = trouble
    return JSONResponse(content, 200 if state is not None else 503)


@router.get("/metrics", tags=["operation"])
def metrics(request: Request, reader: Reader) -> PlainTextResponse:
    """Prometheus text. Answers this machine only."""
    _only_here(request)
    state, flow, _, late, channels = _state(request, reader)
    measures: Measures = request.app.state.measures
    lines = [
        *_gauge("riskmap_info", 1, "the running version", f'{{version="{__version__}"}}'),
        *_gauge("riskmap_start_time_seconds", round(measures.started, 3), "when the server started"),
        *_gauge(
            "riskmap_drop_bad",
            len(Drop.of(request.app.state.settings.home).bad()),
            "files in the drop that were refused",
        ),
        *_gauge("riskmap_events_waiting", request.app.state.events.waiting, "events that wait to be written"),
        *_gauge("riskmap_database_up", int(state is not None), "whether the database answers"),
    ]
    if state is not None:
        lines += _gauge("riskmap_worker_up", int(state.worker), "whether a worker holds the runner's lock")
        lines += _gauge("riskmap_revision", state.rev, "number of the last committed revision")
        if state.data_time is not None:
            age_s = (datetime.now(UTC) - state.data_time).total_seconds()
            lines += _gauge(
                "riskmap_levels_age_seconds", round(age_s, 3), "age of the data time of the current levels"
            )
        lines += _gauge("riskmap_zones_late", int(late), "whether the zones do not follow the levels")
    lines += _of_channels(channels)
    if flow is not None:
        lines += _gauge("riskmap_sensors", flow.pulse.sensors, "sensors that say how often they report")
        lines += _gauge("riskmap_sensors_live", flow.pulse.live, "those that report in time")
        lines += _gauge(
            "riskmap_demo_feed_stopped", int(flow.demo == "stopped"), "whether the demo feed stands still"
        )
    return PlainTextResponse(
        "\n".join([*lines, *_requests(measures), ""]), media_type="text/plain; version=0.0.4"
    )


@router.get("/status", tags=["operation"])
def status(request: Request, rows: Rows) -> dict[str, Any]:
    """What the strip of an open page says, for whoever is signed in."""
    troubles = troubles_of(request, lang_of(request))
    return {"version": __version__, **told_of(status_of(rows)), "troubles": troubles}


def told_of(state: Status) -> dict[str, Any]:
    """The state of the data as open pages are told it."""
    return {
        "worker": state.worker,
        "rev": state.rev,
        "run_id": state.run_id,
        "edition": state.edition,
        "approved_by": state.approved_by,
        "approved_on": iso(state.approved_on) if state.approved_on else None,
        "risen": state.risen,
        "data_time": iso(state.data_time) if state.data_time else None,
    }


_State = tuple[Status | None, Feeds | None, str, bool, list[ChannelState]]


def _state(request: Request, reader: Engine) -> _State:
    wanted, now = request.app.state.settings.demo_feed, datetime.now(UTC)
    try:
        with reading(reader, CITY) as connection:
            late = zones_late(connection, now)
            channels = city_channel_states(connection, now)
            return status_of(connection), feeds(connection, now, wanted=wanted), "", late, channels
    except RiskMapError as error:
        return None, None, error.detail, False, []


def _of_channels(channels: list[ChannelState]) -> list[str]:
    """How the channels fare, a line for each."""
    measured = (
        ("riskmap_channel_failing", "whether a channel fails", [int(one.failing) for one in channels]),
        ("riskmap_channel_waiting", "messages that wait for it", [one.queue.waiting for one in channels]),
        ("riskmap_channel_failures", "tries that failed within an hour", [one.failures for one in channels]),
    )
    lines = []
    for name, about, values in measured if channels else ():
        lines += [f"# HELP {name} {about}", f"# TYPE {name} gauge"]
        lines += [
            f'{name}{{channel="{one.name}"}} {value}' for one, value in zip(channels, values, strict=True)
        ]
    return lines


def _only_here(request: Request) -> None:
    """NotFound for anyone but this machine itself; what a proxy passes on does not come from here."""
    try:
        here = ipaddress.ip_address(client_address(request)).is_loopback
    except ValueError:
        here = False
    if not here or any(name in request.headers for name in _FORWARDED):
        raise NotFound("没有这个地址", remedy="该地址只在服务器本机可用")


def _gauge(name: str, value: float, about: str, labels: str = "") -> list[str]:
    return [f"# HELP {name} {about}", f"# TYPE {name} gauge", f"{name}{labels} {value}"]


def _requests(measures: Measures) -> list[str]:
    lines = ["# HELP riskmap_requests_total requests answered", "# TYPE riskmap_requests_total counter"]
    for (method, route, code), count in sorted(measures.requests.items()):
        lines.append(f'riskmap_requests_total{{method="{method}",route="{route}",status="{code}"}} {count}')
    lines += [
        "# HELP riskmap_request_seconds_total time spent on them",
        "# TYPE riskmap_request_seconds_total counter",
    ]
    for (method, route), seconds in sorted(measures.seconds.items()):
        lines.append(f'riskmap_request_seconds_total{{method="{method}",route="{route}"}} {seconds:.6f}')
    return lines

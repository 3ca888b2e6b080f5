"""The web program's table of contents: what is served, in which order a request passes, and what lives as long."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from fastapi import Depends, FastAPI
from starlette.middleware.gzip import GZipMiddleware
from starlette.staticfiles import StaticFiles

from jobs.comparison import Comparisons
from jobs.events import EventDesk
from jobs.previews import Previews
from jobs.splits import Splits
from layers.cap_store import CapMessages
from layers.database import owner_engine, reader_engine
from riskmap import __version__
from riskmap.settings import Settings
from web import (
    alert_rules,
    alerts,
    api,
    auth,
    cap,
    deliveries,
    digest,
    docs,
    drills,
    editions,
    events,
    exports,
    grades,
    health,
    imports,
    incident,
    pages,
    phone,
    public_pages,
    public_warnings,
    quality,
    remedies,
    signing,
    silences,
    siting,
    siting_batch,
    siting_page,
    siting_papers,
    siting_public,
    siting_relocation,
    stream,
    themes,
    tiles,
    warning_desk,
    warning_shift,
    zone_api,
    zone_sheet,
    zones,
)
from web import map as map_page
from web.forms import FormTokens
from web.headers import BodyLimit, SecureHeaders
from web.health import Measured, Measures
from web.problems import answer_errors, refuse_nul
from web.render import make_environment
from web.watchdog import Watchdog

_STATIC = Path(__file__).resolve().parent / "static"


def create_app(settings: Settings, dsn: str | None, *, assets: Path | None = None) -> FastAPI:
    """The web program for one database. Nothing is opened before it starts; without a `dsn` it only describes itself.

    `assets` is the folder of the installed front-end packages (`node_modules`).
    """
    app = FastAPI(
        title="RiskMap",
        version=__version__,
        lifespan=_life,
        dependencies=[Depends(refuse_nul)],
        docs_url=None,
        redoc_url=None,
        openapi_url="/api/v1/openapi.json",
    )
    app.state.settings = settings
    app.state.assets = assets
    app.state.forms = FormTokens(settings)
    app.state.templates = make_environment()
    app.state.measures = Measures()
    app.state.comparisons = Comparisons()
    app.state.splits = Splits()
    app.state.previews = Previews(settings.home)
    app.state.cap = CapMessages()
    if dsn is not None:
        app.state.owner = owner_engine(dsn)
        app.state.reader = reader_engine(dsn, private=settings.database_url is None)
        app.state.feed = stream.Feed(dsn)
        app.state.events = EventDesk(app.state.owner)
        app.state.watchdog = Watchdog(app.state.reader, settings.home)

    parts = (
        map_page,
        tiles,
        pages,
        phone,
        digest,
        grades,
        remedies,
        siting,
        siting_batch,
        siting_page,
        siting_papers,
        siting_public,
        siting_relocation,
        themes,
        quality,
        editions,
        incident,
        alerts,
        alert_rules,
        warning_desk,
        warning_shift,
        silences,
        public_pages,
        public_warnings,
        deliveries,
        signing,
        drills,
        zone_sheet,
        zones,
        zone_api,
        imports,
        auth,
        stream,
        api,
        events,
        cap,
        exports,
        docs,
        health,
    )
    for part in parts:
        app.include_router(part.router)
    app.mount("/static", StaticFiles(directory=_STATIC), name="static")

    answer_errors(app)
    app.add_middleware(BodyLimit)
    app.add_middleware(GZipMiddleware, minimum_size=1024, compresslevel=5)
    app.add_middleware(SecureHeaders)
    app.add_middleware(Measured, measures=app.state.measures)
    return app


@asynccontextmanager
async def _life(app: FastAPI) -> AsyncIterator[None]:
    """From start to end of serving: the listener runs, the engines are given back."""
    app.state.feed.start()
    app.state.events.start()
    app.state.watchdog.start()
    yield
    app.state.watchdog.stop()
    app.state.events.stop()
    app.state.feed.stop()
    app.state.feed.join()
    app.state.owner.dispose()
    app.state.reader.dispose()

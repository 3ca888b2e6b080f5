"""Pages from templates: one environment, the words of the reader's language, and the strip every page shows."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from pathlib import Path
from typing import Annotated, Any
from urllib.parse import urlencode

from fastapi import Depends, Request
from fastapi.responses import HTMLResponse
from jinja2 import Environment, FileSystemLoader, StrictUndefined
from sqlalchemy import Connection

from layers.history import CLOCK
from layers.ledger import filled
from layers.status import Status, status_of
from layers.users import Session
from riskmap import __version__
from riskmap.clause_words import clause_words, demand_words
from web.deps import Rows, SignedSession, may_import
from web.headers import nonce_of
from web.said import said
from web.texts import LANGUAGE_COOKIE, LANGUAGES, lang_of, translate, word
from web.watchdog import lines_of

PAGES = {
    "risk": "",
    "sources": "",
    "dangers": "",
    "duty": "",
    "zones": "zone",
    "siting": "",
    "targets": "target",
    "alerts": "",
    "events": "event",
    "incident": "",
    "quality": "",
}
"""The pages of the words in the order of the menu; one that lists a layer is linked while that layer has a row."""
_YEAR_S = 365 * 24 * 3600


def make_environment() -> Environment:
    """The templates: everything is escaped, a missing value is an error and not an empty place."""
    templates = Environment(
        loader=FileSystemLoader(Path(__file__).resolve().parent / "templates"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    templates.filters["clause"] = clause_words
    templates.filters["demand"] = demand_words
    templates.filters["clock"] = as_clock
    templates.filters["number"] = as_number
    templates.filters["risen"] = as_risen
    return templates


def render(
    request: Request,
    template: str,
    *,
    session: Session | None = None,
    status: Status | None = None,
    menu: Sequence[str] = (),
    status_code: int = 200,
    **values: Any,
) -> HTMLResponse:
    """A page in the reader's language. `session` makes it a signed-in page, `status` fills the strip."""
    lang = lang_of(request)
    templates: Environment = request.app.state.templates
    content = templates.get_template(template).render(
        lang=lang,
        languages=LANGUAGES,
        other_lang=LANGUAGES[1 - LANGUAGES.index(lang)],
        t=partial(translate, lang),
        word=partial(word, lang),
        said=partial(said, lang),
        nonce=nonce_of(request),
        version=__version__,
        menu=menu,
        path=request.url.path,
        query=request.query_params,
        link=partial(_link, request),
        dated=partial(_dated, request),
        session=session,
        status=status,
        troubles=troubles_of(request, lang) if session else "",
        **values,
    )
    response = HTMLResponse(content, status_code)
    if request.query_params.get("lang") in LANGUAGES:
        response.set_cookie(
            LANGUAGE_COOKIE, lang, max_age=_YEAR_S, samesite="lax", secure=request.url.scheme == "https"
        )
    return response


def troubles_of(request: Request, lang: str) -> str:
    """What the watch over the program has found, for the strip of a page; empty where all is well."""
    say = partial(translate, lang)
    return say("watch.join").join(lines_of(request.app.state.watchdog.shown, say))


@dataclass(frozen=True, slots=True)
class Page:
    """A signed-in page being made: its request, its rows and what the strip says."""

    request: Request
    session: Session
    connection: Connection
    status: Status
    menu: Sequence[str]

    @property
    def lang(self) -> str:
        """The language the reader wants."""
        return lang_of(self.request)

    def show(self, template: str, **values: Any) -> HTMLResponse:
        """The page from a template."""
        return render(
            self.request, template, session=self.session, status=self.status, menu=self.menu, **values
        )

    def text(self, key: str, **values: Any) -> str:
        """A text in the reader's language."""
        return translate(self.lang, key, **values)

    def word(self, group: str, code: str | None) -> str:
        """The word for a code of the data in the reader's language."""
        return word(self.lang, group, code)


def page_of(request: Request, session: SignedSession, rows: Rows) -> Page:
    """A page of whoever is signed in, with their rows."""
    there = filled(rows, tuple(layer for layer in PAGES.values() if layer))
    menu = [name for name, layer in PAGES.items() if not layer or layer in there]
    menu += ["editions"] if session.identity.sees_city else []
    menu += ["imports"] if may_import(session.identity) else []
    return Page(request, session, rows, status_of(rows), menu)


SignedPage = Annotated[Page, Depends(page_of)]
"""A page of whoever is signed in; others are sent to the sign-in."""


def _link(request: Request, **changes: str | int | None) -> str:
    """This page's address with some query parameters changed; None drops one."""
    return str(request.url.remove_query_params([k for k, v in changes.items() if v is None]).include_query_params(
        **{k: v for k, v in changes.items() if v is not None}
    )).removeprefix(str(request.base_url).rstrip("/"))  # fmt: skip


def _dated(request: Request, address: str) -> str:
    """An address (without a query) that tells the same day of the past as this page, if this page tells one."""
    as_of = request.query_params.get("as_of")
    return f"{address}?{urlencode({'as_of': as_of})}" if as_of else address


def as_clock(value: datetime | str | None) -> str:
    """An instant as the city's clock shows it, to the minute."""
    if value is None:
        return "—"
    instant = datetime.fromisoformat(value) if isinstance(value, str) else value
    return instant.astimezone(CLOCK).strftime("%Y-%m-%d %H:%M")


def as_number(value: float | None, digits: int = 0) -> str:
    """A number as it is read: thousands apart, so many decimals; absent is a dash."""
    return "—" if value is None else f"{value:,.{digits}f}"


def as_risen(points: float) -> str:
    """Points that something has risen by; a rise too small for a decimal does not read as none."""
    return "+<0.1" if 0 < points < 0.05 else f"+{as_number(points, 1)}"

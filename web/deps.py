"""What every route may ask for: the engines, the language, the session behind a request, and its rows."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from secrets import compare_digest
from typing import Annotated

from fastapi import Depends, Query, Request
from fastapi.security import OAuth2PasswordBearer
from sqlalchemy import Connection, Engine

from jobs.comparison import Comparisons
from jobs.past import past_of
from jobs.sign_in import hash_token
from jobs.splits import Splits
from layers.database import Identity, nameless, reading
from layers.history import Moment
from layers.users import Session, session_of
from riskmap.errors import Forbidden, NotSignedIn
from riskmap.themes import Theme
from web.texts import lang_of

SESSION_COOKIE = "riskmap_session"
CSRF_HEADER = "x-csrf-token"
CSRF_FIELD = "csrf"
_SAFE_METHODS = {"GET", "HEAD", "OPTIONS"}


def _owner(request: Request) -> Engine:
    engine: Engine = request.app.state.owner
    return engine


def _reader(request: Request) -> Engine:
    engine: Engine = request.app.state.reader
    return engine


Owner = Annotated[Engine, Depends(_owner)]
"""The engine of jobs; a route passes it on and reads nothing with it."""
Reader = Annotated[Engine, Depends(_reader)]
"""The engine of pages; only `layers.database.reading` makes rows of it."""


def _comparing(request: Request) -> Comparisons:
    known: Comparisons = request.app.state.comparisons
    return known


Comparing = Annotated[Comparisons, Depends(_comparing)]
"""The comparisons of editions made lately."""
Lang = Annotated[str, Depends(lang_of)]
"""`zh` or `en`."""


_bearer = OAuth2PasswordBearer(tokenUrl="/api/v1/token", auto_error=False)
"""Names the scheme in the OpenAPI document; which token counts is decided below."""


def _session(
    request: Request, reader: Reader, _scheme: Annotated[str | None, Depends(_bearer)]
) -> Session | None:
    """The session of the bearer token, else of the cookie. A token given in the other's place is none."""
    scheme, _, bearer = request.headers.get("authorization", "").partition(" ")
    kind = "program" if scheme else "browser"
    token = (
        bearer.strip()
        if scheme.lower() == "bearer"
        else ""
        if scheme
        else request.cookies.get(SESSION_COOKIE, "")
    )
    if not token:
        return None
    found = session_of(reader, hash_token(token))
    return found if found is not None and found.kind == kind else None


UncheckedSession = Annotated[Session | None, Depends(_session)]
"""The session behind a request whose form has a token of its own: the sign-in."""


async def _checked_session(request: Request, session: UncheckedSession) -> Session | None:
    """The session, once a write that a browser sends by itself is shown to come from a page of ours.

    Forbidden where the form token is missing or wrong, or where the browser says that another site sent it.
    """
    if session is None or session.kind != "browser" or request.method in _SAFE_METHODS:
        return session
    sent = request.headers.get(CSRF_HEADER, "") or await _form_token(request)
    same_site = request.headers.get("sec-fetch-site", "same-origin") in ("same-origin", "none")
    if not same_site or not compare_digest(sent.encode(), session.csrf.encode()):
        raise Forbidden("请求缺少有效的页面令牌，未予执行", remedy="请刷新页面后重新提交")
    return session


async def _form_token(request: Request) -> str:
    """The token field of a plain form; uploads send the header instead, so that no file is read before the check."""
    if not request.headers.get("content-type", "").startswith("application/x-www-form-urlencoded"):
        return ""
    sent = (await request.form()).get(CSRF_FIELD, "")
    return sent if isinstance(sent, str) else ""


CurrentSession = Annotated[Session | None, Depends(_checked_session)]
"""The session behind a request, or None."""


def _current_identity(session: CurrentSession) -> Identity | None:
    return session.identity if session else None


def _signed_session(session: CurrentSession) -> Session:
    if session is None:
        raise NotSignedIn("没有登录或登录已过期", remedy="请登录后重试")
    return session


SignedSession = Annotated[Session, Depends(_signed_session)]
"""The session behind a request; NotSignedIn (401, a page goes to the sign-in) without one."""


def _signed_in(session: SignedSession) -> Identity:
    return session.identity


CurrentIdentity = Annotated[Identity | None, Depends(_current_identity)]
"""Who asks, or None."""
SignedIn = Annotated[Identity, Depends(_signed_in)]
"""Who asks; NotSignedIn without an identity."""


def may_import(identity: Identity) -> bool:
    """Whether somebody may bring in whole files: an administrator or the city, not a committee of it."""
    return identity.role in ("admin", "city") and not identity.committee


def _importer(identity: SignedIn) -> Identity:
    if not may_import(identity):
        raise Forbidden("只有管理员和市级用户可以导入数据", remedy="请联系市级用户导入")
    return identity


Importer = Annotated[Identity, Depends(_importer)]
"""Who asks, and may import; Forbidden else."""


def _rows(reader: Reader, identity: SignedIn) -> Iterator[Connection]:
    with reading(reader, identity) as connection:
        yield connection


Rows = Annotated[Connection, Depends(_rows, scope="function")]
"""One read-only transaction with the rights of whoever asks; over before the answer is sent."""


@contextmanager
def everybodys_rows(
    reader: Engine, session: Session | None, is_open: Callable[[Connection], bool]
) -> Iterator[Connection]:
    """The rows of whoever is signed in, else those that are everybody's; NotSignedIn where `is_open` says that none are."""
    if session is not None:
        with reading(reader, session.identity) as connection:
            yield connection
        return
    with nameless(reader) as connection:
        if not is_open(connection):
            raise NotSignedIn("本市的公开清单目前只对登录用户开放", remedy="请登录后查看")
        yield connection


NO_NUL = r"^[^\x00]*$"
"""no text of the database can hold one"""
AsOf = Annotated[str | None, Query(description="截至某日（2026-01-31，当日终了）或某一时刻", max_length=40)]


def past_for(*, levels: bool) -> Callable[..., Moment | None]:
    """What finds the moment that `as_of` names, with or without the levels of then; None: now.

    Stands before `Rows` and `SignedPage` among a route's parameters: these begin the transaction that must see what
    was computed.
    """

    def past(owner: Owner, _identity: SignedIn, as_of: AsOf = None) -> Moment | None:
        return past_of(owner, as_of, levels=levels) if as_of else None

    return past


Past = Annotated[Moment | None, Depends(past_for(levels=True))]
"""The moment of the past that is asked for by `as_of`, with its levels."""


def _theme(
    committee: Annotated[str | None, Query(description="专业委员会", max_length=40)] = None,
    industry: Annotated[
        str | None, Query(description="GB/T 4754 行业代码的开头，如 26", max_length=10)
    ] = None,
    hazard: Annotated[
        str | None, Query(description="致险类型：fire explosion toxic …", max_length=40)
    ] = None,
    kind: Annotated[str | None, Query(description="危险源类别", max_length=40)] = None,
    period: Annotated[
        str | None,
        Query(description="时段：base 固有，dynamic 动态，或一个特殊时期的事件编号", max_length=64),
    ] = None,
) -> Theme:
    return Theme(committee or None, industry or None, hazard or None, kind or None, period or None)


Themed = Annotated[Theme, Depends(_theme)]
"""The theme that is asked for; nothing given: everything."""


def _splits(request: Request) -> Splits:
    known: Splits = request.app.state.splits
    return known


Splitting = Annotated[Splits, Depends(_splits)]
"""The contributions of the runs asked for lately, split for themes."""


def client_address(request: Request) -> str:
    """The address a request comes from, as the server knows it."""
    return request.client.host if request.client else "unknown"

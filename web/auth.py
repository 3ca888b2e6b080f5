"""Signing in and out: browsers by a form and a cookie, programs by a bearer token; one's own account."""

import secrets
from typing import Annotated

from fastapi import APIRouter, Depends, Form, Request
from fastapi.responses import RedirectResponse
from fastapi.security import OAuth2PasswordRequestForm
from pydantic import BaseModel
from starlette.responses import Response

from jobs import sign_in as jobs
from jobs.users import change_own_password
from riskmap.errors import Forbidden, LockedOut, NotSignedIn, RiskMapError
from web.deps import SESSION_COOKIE, CurrentSession, Owner, SignedSession, UncheckedSession, client_address
from web.forms import FORM_COOKIE, LASTS_S, FormTokens
from web.render import SignedPage, render

router = APIRouter()

Name = Annotated[str, Form(max_length=200)]
Password = Annotated[str, Form(max_length=1000)]


class Token(BaseModel):
    """A bearer token: send it as `Authorization: Bearer <access_token>`."""

    access_token: str
    token_type: str = "bearer"  # noqa: S105 - the name OAuth2 gives to the kind
    expires_in: int


@router.get("/login", include_in_schema=False)
def login_page(request: Request, session: CurrentSession, next: str = "/") -> Response:  # noqa: A002 - in the address
    """The sign-in form; whoever is signed in goes on."""
    return RedirectResponse(_local(next), 303) if session else _form(request, next)


@router.post("/login", include_in_schema=False)
def login(
    request: Request,
    session: UncheckedSession,
    owner: Owner,
    name: Name = "",
    password: Password = "",
    form: Annotated[str, Form(max_length=200)] = "",
    next: Annotated[str, Form(max_length=2000)] = "/",  # noqa: A002
) -> Response:
    """Start a session under a new token: one that the browser brought along is ended, never taken over."""
    forms: FormTokens = request.app.state.forms
    from_elsewhere = request.headers.get("sec-fetch-site", "same-origin") not in ("same-origin", "none")
    if from_elsewhere or not forms.holds(request.cookies.get(FORM_COOKIE, ""), form):
        return _form(request, next, Forbidden("登录页面已过期", remedy="请重新填写并提交"))
    try:
        ticket = jobs.sign_in(owner, name, password, address=client_address(request))
    except (NotSignedIn, LockedOut) as error:
        return _form(request, next, error, name)
    if session is not None:
        jobs.sign_out(owner, session.token_hash)
    response = RedirectResponse(_local(next), 303)
    secure = request.url.scheme == "https"
    lasts_s = int(jobs.LASTS["browser"].total_seconds())
    response.set_cookie(
        SESSION_COOKIE, ticket.token, max_age=lasts_s, httponly=True, samesite="lax", secure=secure
    )
    response.delete_cookie(FORM_COOKIE, httponly=True, samesite="strict", secure=secure)
    return response


@router.post("/logout", include_in_schema=False)
def logout(request: Request, session: SignedSession, owner: Owner) -> Response:
    """End the session here and in the database."""
    jobs.sign_out(owner, session.token_hash)
    response = RedirectResponse("/login", 303)
    response.delete_cookie(
        SESSION_COOKIE, httponly=True, samesite="lax", secure=request.url.scheme == "https"
    )
    response.headers["clear-site-data"] = '"cache"'
    return response


@router.get("/account", include_in_schema=False)
def account(page: SignedPage) -> Response:
    """Who I am, what I may see, and a new password."""
    return page.show("account.html", error=None, done=False)


@router.post("/account", include_in_schema=False)
def change_password(
    request: Request,
    page: SignedPage,
    owner: Owner,
    old: Password = "",
    new: Password = "",
    again: Password = "",
) -> Response:
    """Change one's own password; sessions elsewhere end."""
    identity, token_hash = page.session.identity, page.session.token_hash
    try:
        if new != again:
            raise Forbidden("两次输入的新密码不一致", remedy="请重新输入")
        change_own_password(owner, identity, old, new, address=client_address(request), session=token_hash)
    except RiskMapError as error:
        answer = page.show("account.html", error=error, done=False)
        answer.status_code = 403 if isinstance(error, NotSignedIn) else error.status
        return answer
    return page.show("account.html", error=None, done=True)


@router.post("/api/v1/token", tags=["sign-in"])
def token(request: Request, owner: Owner, form: Annotated[OAuth2PasswordRequestForm, Depends()]) -> Token:
    """A bearer token for a program, by the OAuth2 password form (`username`, `password`)."""
    ticket = jobs.sign_in(
        owner, form.username, form.password, address=client_address(request), kind="program"
    )
    return Token(access_token=ticket.token, expires_in=int(jobs.LASTS["program"].total_seconds()))


def _form(request: Request, target: str, error: RiskMapError | None = None, name: str = "") -> Response:
    """The sign-in page with a fresh form token, bound to this browser by a cookie."""
    forms: FormTokens = request.app.state.forms
    nonce = request.cookies.get(FORM_COOKIE) or secrets.token_urlsafe(24)
    page = render(
        request,
        "login.html",
        status_code=error.status if error else 200,
        form=forms.issue(nonce),
        next=_local(target),
        error=error,
        name=name,
    )
    secure = request.url.scheme == "https"
    page.set_cookie(FORM_COOKIE, nonce, max_age=LASTS_S, httponly=True, samesite="strict", secure=secure)
    if isinstance(error, LockedOut):
        page.headers["retry-after"] = str(error.facts["retry_after_s"])
    return page


def _local(target: str) -> str:
    """Where to go on: an address of ours, whatever was asked for."""
    inside = target.startswith("/") and not target.startswith(("//", "/\\")) and target.isprintable()
    return target if inside and not target.startswith(("/login", "/logout")) else "/"

"""`/cap/feed.atom` and `/cap/{identifier}.xml`: our warnings for other systems, for who signed in or holds a signed link.

A signed link stands for one account: it shows what that account may see at the moment, ends on its day, and with the
account's password.
"""

import hashlib
import time
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from hmac import compare_digest
from typing import Annotated, Protocol
from urllib.parse import quote, urlencode

from fastapi import APIRouter, Depends, Query, Request
from fastapi.responses import Response
from sqlalchemy import Connection

from jobs.sign_in import standing
from layers.cap_feed import CapEntry, atom_feed
from layers.city import stored_city
from layers.database import Identity, reading
from layers.records import iso
from layers.users import Account
from riskmap.errors import NotFound, NotSignedIn
from web.api import ERRORS, Record
from web.deps import CurrentIdentity, Owner, Reader, SignedIn
from web.forms import FormTokens

router = APIRouter(responses=ERRORS)
FEED = "/cap/feed.atom"
LINK_LASTS_S = 90 * 86_400
MOST_ENTRIES = 200
_PURPOSE = "cap"


class CapStore(Protocol):
    """Where messages are kept; what it reads is bound by the rights of the connection it is given."""

    def newest(self, rows: Connection, limit: int) -> Sequence[CapEntry]:
        """The messages that may be seen, newest first."""

    def document(self, rows: Connection, identifier: str) -> bytes | None:
        """A message as it was sent; None where there is none that may be seen."""


class Link:
    """A signed link as it stands in an address: whose, until when, and the seal."""

    def __init__(
        self,
        name: Annotated[str | None, Query(max_length=100, description="链接所属的用户")] = None,
        until: Annotated[int | None, Query(description="有效期（Unix 秒）")] = None,
        seal: Annotated[str | None, Query(max_length=64, description="签名")] = None,
    ) -> None:
        self.name = name
        self.until = until
        self.seal = seal

    @property
    def query(self) -> str:
        """As it goes on to the addresses that the feed names; '' without one."""
        if self.name is None or self.until is None or self.seal is None:
            return ""
        return "?" + urlencode({"name": self.name, "until": self.until, "seal": self.seal})


Linked = Annotated[Link, Depends()]


def _seal(forms: FormTokens, account: Account, until: int) -> str:
    """It holds as long as the password does, without saying anything of it."""
    password = hashlib.sha256(account.password_hash.encode()).hexdigest()
    return forms.seal(_PURPOSE, account.name, str(until), password)


def _who(request: Request, owner: Owner, identity: CurrentIdentity, link: Linked) -> Identity:
    """Who asks: by session or token, else by a signed link that still holds."""
    if identity is not None:
        return identity
    if link.name is not None and link.until is not None and link.seal and link.until > time.time():
        account = standing(owner, link.name)
        if account and compare_digest(
            link.seal.encode(), _seal(request.app.state.forms, account, link.until).encode()
        ):
            return account.identity
    raise NotSignedIn("没有登录，链接也不再有效", remedy="请登录，或向管理员索取新的链接")


def _rows(reader: Reader, who: Annotated[Identity, Depends(_who)]) -> Iterator[Connection]:
    with reading(reader, who) as connection:
        yield connection


LinkedRows = Annotated[Connection, Depends(_rows, scope="function")]


@router.get(FEED, tags=["cap"], response_class=Response)
def feed(
    request: Request, rows: LinkedRows, link: Linked, limit: Annotated[int, Query(ge=1, le=MOST_ENTRIES)] = 50
) -> Response:
    """The newest CAP messages that whoever asks may see, as Atom; each entry links to its message."""
    store: CapStore = request.app.state.cap
    entries = store.newest(rows, limit)
    city = stored_city(rows)
    updated = max((one.sent for one in entries), default=datetime.fromtimestamp(0, UTC))
    content = atom_feed(
        f"urn:riskmap:{city.code}:cap",
        f"{city.name}安全风险预警",
        entries,
        updated,
        lambda identifier: (f"/cap/{quote(identifier)}.xml" if identifier else FEED) + link.query,
    )
    return Response(content, media_type="application/atom+xml; charset=utf-8")


@router.get("/cap/{identifier}.xml", tags=["cap"], response_class=Response)
def message(request: Request, rows: LinkedRows, identifier: str) -> Response:
    """One CAP 1.2 message, as it was sent."""
    store: CapStore = request.app.state.cap
    content = store.document(rows, identifier)
    if content is None:
        raise NotFound("没有这条预警", remedy="请从 /cap/feed.atom 选择")
    return Response(content, media_type="application/cap+xml; charset=utf-8")


@router.post("/api/v1/cap/link", tags=["cap"])
def link(request: Request, owner: Owner, identity: SignedIn) -> Record:
    """A link to the feed for a program that cannot sign in: it shows what you may see, for 90 days.

    It ends early with your account or your password. `{"feed", "until"}`.
    """
    account = standing(owner, identity.name)
    if account is None:
        raise NotFound("没有这个用户", remedy="请重新登录")
    until = int(time.time()) + LINK_LASTS_S
    signed = urlencode(
        {"name": account.name, "until": until, "seal": _seal(request.app.state.forms, account, until)}
    )
    return {"feed": f"{FEED}?{signed}", "until": iso(datetime.fromtimestamp(until, UTC))}

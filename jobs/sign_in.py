"""Signing in and out: a password becomes a session token, and guessing becomes slower with every failure.

An attempt is counted before its password is looked at, so attempts sent side by side gain nothing. Names that exist and
names that do not are counted, delayed and answered alike, down to the time a password check takes. Delays are ours.
"""

import hashlib
import ipaddress
import secrets
import threading
import unicodedata
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from functools import cache

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError
from sqlalchemy import Connection, Engine

from layers import users
from layers.database import Identity, snapshot, writing
from layers.history import open_revision
from riskmap.errors import Busy, LockedOut, NotSignedIn

FREE_FAILURES = {"name": 4, "address": 19}
"""wrong passwords before the first delay; an office behind one address has many hands"""
FIRST_DELAY_S = 30
LONGEST_DELAY_S = 900
FORGOTTEN_AFTER = timedelta(days=1)
LASTS = {"browser": timedelta(hours=12), "program": timedelta(hours=8)}
"""how long a session lasts from sign-in, whatever happens in it"""
LONGEST_PASSWORD = 256

HASHER = PasswordHasher()
"""Argon2id with the second recommended parameters of RFC 9106 (3 passes, 64 MiB, 4 lanes)"""
_AT_ONCE = threading.BoundedSemaphore(4)
"""Password checks at a time: each takes 64 MiB, and a crowd of guesses must not take the memory of the map."""
_PATIENCE_S = 10.0


@dataclass(frozen=True, slots=True)
class Ticket:
    """A session just started: the token is told once and kept only as its SHA-256."""

    token: str
    csrf: str
    identity: Identity
    expires_at: datetime


def hash_token(token: str) -> bytes:
    """What is kept of a token."""
    return hashlib.sha256(token.encode()).digest()


def tidy_name(name: str) -> str:
    """A name as accounts are kept: without surrounding blanks, full-width letters as half-width."""
    return unicodedata.normalize("NFKC", name).replace("\0", "").strip()


def delay_s(failures: int, free: int) -> int:
    """Seconds that a name or address waits after so many failures: none, then 30 s, doubled by each up to 15 min."""
    over = failures - free
    return 0 if over <= 0 else int(min(FIRST_DELAY_S * 2 ** min(over - 1, 20), LONGEST_DELAY_S))


def sign_in(
    owner: Engine,
    name: str,
    password: str,
    *,
    address: str,
    kind: str = "browser",
    now: datetime | None = None,
) -> Ticket:
    """Start a session (`browser` or `program`) for whoever knows the password of `name`.

    LockedOut while the name or the address waits, NotSignedIn for a wrong name, a wrong password or a disabled
    account alike. `now` is the clock's unless a test says otherwise.
    """
    now = now or datetime.now(UTC)
    name = tidy_name(name)
    found = verified(owner, name, password, address=address, now=now)
    token, csrf = secrets.token_urlsafe(32), secrets.token_urlsafe(32)
    expires_at = now + LASTS[kind]
    with writing(owner) as connection:
        if HASHER.check_needs_rehash(found.password_hash):
            users.renew_hash(connection, name, HASHER.hash(password))
        users.start_session(
            connection,
            {
                "token_hash": hash_token(token),
                "name": name,
                "csrf": csrf,
                "kind": kind,
                "created_at": now,
                "expires_at": expires_at,
            },
        )
        open_revision(
            connection, name, "sign-in", f"{'浏览器' if kind == 'browser' else '程序'}登录，来自 {address}"
        )
    return Ticket(token, csrf, found.identity, expires_at)


def sign_out(owner: Engine, token_hash: bytes) -> None:
    """End a session."""
    with writing(owner) as connection:
        users.end_session(connection, token_hash)


def standing(owner: Engine, name: str) -> users.Account | None:
    """The account of that name as it is now; None where it is none or switched off."""
    with snapshot(owner) as connection:
        found = users.account_named(connection, name)
    return found if found is not None and found.enabled else None


def verified(owner: Engine, name: str, password: str, *, address: str, now: datetime) -> users.Account:
    """The enabled account whose password this is; every call counts as a guess until it proves right."""
    decoy = _decoy()
    subjects = sorted(
        {_subject("name", name): "name", _subject("address", _network(address)): "address"}.items()
    )
    with writing(owner) as connection:
        delays = [
            _count(connection, subject, FREE_FAILURES[kind], now, "密码多次输错，暂时不能登录")
            for subject, kind in subjects
        ]
        found = users.account_named(connection, name)
    right = _matches(found.password_hash if found else decoy, password)
    if found is None or not found.enabled or not right:
        if any(delays):
            _record_lock(owner, found, address, max(delays))
        raise NotSignedIn("用户名或密码不正确", remedy="请核对后重试；忘记密码请联系管理员重设")
    with writing(owner) as connection:
        for subject, kind in subjects:
            counted = users.guesses_locked(connection, subject, now)
            left = 0 if kind == "name" else max(counted.failures - 1, 0)
            users.save_guesses(connection, subject, replace(counted, failures=left, locked_until=None))
    return found


def count_attempt(
    connection: Connection, what: str, address: str, free: int, now: datetime, detail: str
) -> None:
    """Count one attempt of something else than a password from an address. LockedOut while an earlier delay lasts."""
    _count(connection, _subject(what, _network(address)), free, now, detail)


def forgive_attempt(connection: Connection, what: str, address: str, now: datetime) -> None:
    """The attempt that was counted last proved right."""
    subject = _subject(what, _network(address))
    counted = users.guesses_locked(connection, subject, now)
    left = max(counted.failures - 1, 0)
    users.save_guesses(connection, subject, replace(counted, failures=left, locked_until=None))


def _count(connection: Connection, subject: bytes, free: int, now: datetime, detail: str) -> int:
    """Count one attempt; the delay in seconds that starts should it fail. LockedOut while an earlier one lasts."""
    counted = users.guesses_locked(connection, subject, now)
    if counted.locked_until is not None and counted.locked_until > now:
        left = max(int((counted.locked_until - now).total_seconds() + 0.999), 1)
        raise LockedOut(
            detail,
            remedy=f"请在 {left} 秒后再试，或联系管理员",
            retry_after_s=left,
        )
    failures = 1 if counted.last_at < now - FORGOTTEN_AFTER else counted.failures + 1
    seconds = delay_s(failures, free)
    until = now + timedelta(seconds=seconds) if seconds else None
    users.save_guesses(connection, subject, users.Guesses(failures, now, until))
    return seconds


def _record_lock(owner: Engine, found: users.Account | None, address: str, seconds: int) -> None:
    """A lock-out is audited; a name that is nobody's may be a mistyped password and is not written down."""
    with writing(owner) as connection:
        actor = found.name if found else "未知用户"
        open_revision(connection, actor, "lock-out", f"密码多次输错，来自 {address}，{seconds} 秒内不能登录")


def _matches(password_hash: str, password: str) -> bool:
    """Whether a password is the one of a hash, one of a few checks at a time."""
    if len(password) > LONGEST_PASSWORD:
        password = password[:LONGEST_PASSWORD] + "…"
    if not _AT_ONCE.acquire(timeout=_PATIENCE_S):
        raise Busy("登录人数过多", remedy="请稍后重试")
    try:
        return HASHER.verify(password_hash, password)
    except (VerificationError, InvalidHashError):
        return False
    finally:
        _AT_ONCE.release()


@cache
def _decoy() -> str:
    """The hash that a password is checked against where there is no account: the same work, never right."""
    return HASHER.hash(secrets.token_urlsafe(32))


def _subject(kind: str, value: str) -> bytes:
    return hashlib.sha256(f"{kind}:{value}".encode()).digest()


def _network(address: str) -> str:
    """What counts as one address: an IPv4 host, an IPv6 /64 (one line has 2^64 of them)."""
    try:
        ip = ipaddress.ip_address(address)
    except ValueError:
        return address
    return str(ip) if ip.version == 4 else str(ipaddress.ip_network((ip, 64), strict=False))

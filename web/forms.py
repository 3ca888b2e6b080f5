"""The token of the sign-in form, which has no session yet: signed, short-lived, bound to a cookie of the browser."""

import contextlib
import hashlib
import hmac
import os
import secrets
import time
from functools import cached_property

from riskmap.settings import Settings

FORM_COOKIE = "riskmap_form"
LASTS_S = 2 * 3600


class FormTokens:
    """Makes and checks form tokens with RISKMAP_SECRET, or with a secret made once and kept in the home."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings

    def issue(self, nonce: str) -> str:
        """A token for the browser that holds `nonce` in its cookie."""
        until = str(int(time.time()) + LASTS_S)
        return f"{until}.{self.seal('sign-in', nonce, until)}"

    def holds(self, nonce: str, token: str) -> bool:
        """Whether a token was issued to the holder of `nonce` and still lasts."""
        until, _, seal = token.partition(".")
        expected = self.seal("sign-in", nonce, until)
        right = hmac.compare_digest(seal.encode(), expected.encode())
        return bool(nonce) and right and int(until) >= time.time()

    def seal(self, purpose: str, *parts: str) -> str:
        """What only this program can write under some words, for one purpose."""
        return hmac.new(self._key, "|".join((purpose, *parts)).encode(), hashlib.sha256).hexdigest()

    @cached_property
    def _key(self) -> bytes:
        if self._settings.secret:
            return self._settings.secret.encode()
        path = self._settings.home / "secret"
        path.parent.mkdir(parents=True, exist_ok=True)
        if not path.exists():
            draft = path.with_name(f".secret-{secrets.token_hex(8)}")
            with os.fdopen(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
                file.write(secrets.token_urlsafe(32))
            with contextlib.suppress(FileExistsError):  # another process was first: its secret holds
                path.hardlink_to(draft)
            draft.unlink()
        return path.read_bytes()

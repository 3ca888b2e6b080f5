"""A signed POST to a program of the city's own, by the rules of Standard Webhooks (standardwebhooks.com).

`webhook-id` and `Idempotency-Key` are the message's key; `webhook-signature` is `v1,` and the base64 of the HMAC-SHA256
of `id.timestamp.body`. Who receives checks the signature, refuses old timestamps and remembers keys.
"""

import base64
import binascii
import hashlib
import hmac
import json
from collections.abc import Callable
from datetime import datetime

from riskmap.channel_settings import WebhookChannel
from riskmap.channels import Delivery, Message
from riskmap.errors import Unavailable
from web.channel_http import Answer, Wire, by_status

_ENCODED = "whsec_"


class Webhook:
    """The channel of one address."""

    def __init__(self, name: str, settings: WebhookChannel, secret: str, now: Callable[[], datetime]) -> None:
        self.name = name
        self._wire = Wire(settings.url, settings.timeout_s, settings.ca_file, now)
        self._secret = _bytes_of(secret)
        self._now = now

    def send(self, message: Message) -> Delivery:
        """Delivered by any 2xx, whatever the answer says beside it."""
        body = json.dumps(document_of(message), ensure_ascii=False).encode()
        stamp = str(int(self._now().timestamp()))
        headers = {
            "content-type": "application/json; charset=utf-8",
            "idempotency-key": message.key,
            "webhook-id": message.key,
            "webhook-timestamp": stamp,
            "webhook-signature": signature(self._secret, message.key, stamp, body),
        }
        answer = self._wire.exchange("POST", body, headers)
        return by_status(answer) if isinstance(answer, Answer) else answer


def document_of(message: Message) -> dict[str, str | bool | None]:
    """A message as programs get it, by webhook and by file."""
    return {
        "key": message.key,
        "address": message.address,
        "kind": message.kind,
        "level": message.level,
        "drill": message.drill,
        "subject": message.marked_subject,
        "text": message.marked_text,
        "cap": message.cap_xml,
    }


def signature(secret: bytes, key: str, stamp: str, body: bytes) -> str:
    """What a receiver computes again to know that the message is ours and whole."""
    digest = hmac.new(secret, f"{key}.{stamp}.".encode() + body, hashlib.sha256).digest()
    return f"v1,{base64.b64encode(digest).decode()}"


def _bytes_of(secret: str) -> bytes:
    if not secret.startswith(_ENCODED):
        return secret.encode()
    try:
        return base64.b64decode(secret.removeprefix(_ENCODED), validate=True)
    except binascii.Error:
        raise Unavailable("webhook 密钥以 whsec_ 开头而不是 base64", remedy="请核对密钥文件") from None

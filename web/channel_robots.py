"""The robots of 企业微信 and 钉钉: they answer 200 to everything and tell in `errcode` what became of it.

Each takes 20 messages a minute and shuts for some minutes where it gets more, so it is never told more. They know no
key: what was taken in while its answer got lost is told twice.
"""

import base64
import hashlib
import hmac
import json
from collections.abc import Callable
from datetime import datetime
from typing import Any
from urllib.parse import urlencode

from riskmap.channel_settings import DingtalkChannel, WecomChannel
from riskmap.channels import Delivered, Delivery, Message, Never, Pace, TryAgain
from web.channel_http import Answer, Wire, by_status, said

MINUTE_S = 60.0
_BUSY = -1
_WECOM_TOO_FAST = 45009
_DINGTALK_TOO_FAST = {130101, 410100}
_DINGTALK_SHUT_S = 600.0
_WECOM_MOST_BYTES = 2048


class Wecom:
    """A robot of 企业微信; `address` of a message, if it has one, is the telephone of who is to be called by name."""

    def __init__(
        self,
        name: str,
        settings: WecomChannel,
        key: str,
        now: Callable[[], datetime],
        monotonic: Callable[[], float],
    ) -> None:
        self.name = name
        self._robot = _Robot(Wire(settings.url, settings.timeout_s, settings.ca_file, now), (key,))
        self._key = key
        self._pace = Pace(settings.per_minute, MINUTE_S, monotonic)

    def send(self, message: Message) -> Delivery:
        """Delivered by `errcode` 0 only."""
        wait_s = self._pace.take()
        if wait_s:
            return _too_soon(wait_s)
        text: dict[str, Any] = {"content": shortened(message.marked_text, _WECOM_MOST_BYTES)}
        if message.address:
            text["mentioned_mobile_list"] = [message.address]
        document = {"msgtype": "text", "text": text}
        return self._robot.tell(document, urlencode({"key": self._key}), {_WECOM_TOO_FAST: MINUTE_S})


class Dingtalk:
    """A robot of 钉钉, signed (加签) where it has a secret."""

    def __init__(
        self,
        name: str,
        settings: DingtalkChannel,
        token: str,
        secret: str | None,
        now: Callable[[], datetime],
        monotonic: Callable[[], float],
    ) -> None:
        self.name = name
        secrets = (token, secret) if secret else (token,)
        self._robot = _Robot(Wire(settings.url, settings.timeout_s, settings.ca_file, now), secrets)
        self._token = token
        self._secret = secret
        self._now = now
        self._pace = Pace(settings.per_minute, MINUTE_S, monotonic)

    def send(self, message: Message) -> Delivery:
        """Delivered by `errcode` 0 only."""
        wait_s = self._pace.take()
        if wait_s:
            return _too_soon(wait_s)
        document: dict[str, Any] = {"msgtype": "text", "text": {"content": message.marked_text}}
        if message.address:
            document["at"] = {"atMobiles": [message.address], "isAtAll": False}
        query = {"access_token": self._token}
        if self._secret:
            stamp = str(int(self._now().timestamp() * 1000))
            query |= {"timestamp": stamp, "sign": dingtalk_sign(self._secret, stamp)}
        return self._robot.tell(
            document, urlencode(query), dict.fromkeys(_DINGTALK_TOO_FAST, _DINGTALK_SHUT_S)
        )


def dingtalk_sign(secret: str, stamp: str) -> str:
    """The signature of 加签: of the timestamp in milliseconds, a line feed and the secret, with the secret as key."""
    digest = hmac.new(secret.encode(), f"{stamp}\n{secret}".encode(), hashlib.sha256).digest()
    return base64.b64encode(digest).decode()


def shortened(text: str, most_bytes: int) -> str:
    """The text, cut between characters with a sign of it where it is longer than may be."""
    content = text.encode()
    if len(content) <= most_bytes:
        return text
    return content[: most_bytes - len("…".encode())].decode("utf-8", "ignore") + "…"


def _too_soon(wait_s: float) -> TryAgain:
    return TryAgain("机器人每分钟只收 20 条，稍后再发", wait_s, attempted=False)


class _Robot:
    """What both have in common: a JSON document there, an `errcode` back."""

    def __init__(self, wire: Wire, secrets: tuple[str, ...]) -> None:
        self._wire = wire
        self._secrets = secrets

    def tell(self, document: dict[str, Any], query: str, too_fast: dict[int, float]) -> Delivery:
        """`too_fast`: the codes that mean so, with the pause that each wants."""
        body = json.dumps(document, ensure_ascii=False).encode()
        answer = self._wire.exchange("POST", body, {"content-type": "application/json; charset=utf-8"}, query)
        if not isinstance(answer, Answer):
            return answer
        by_http = by_status(answer)
        if not isinstance(by_http, Delivered):
            return by_http
        told = answer.document()
        code = told.get("errcode") if isinstance(told, dict) else None
        if type(code) is not int:
            return TryAgain("答复中没有 errcode，不知是否收到")
        if code == 0:
            return Delivered()
        if code in too_fast:
            return TryAgain(f"发送过快（errcode {code}）", too_fast[code])
        reason = f"errcode {code}：{said(told.get('errmsg', ''), self._secrets)}"
        return TryAgain(reason) if code == _BUSY else Never(reason)

"""Gateways for short messages and for calls: each maker's own field names, given in the settings, and what comes back.

    [channels.sms]
    kind = "sms"
    url = "https://sms.example.gov/send"
    token = { file = "sms.token" }
    address_field = "phone"             # our address is its `phone`
    answer_field = "result.code"        # and this says whether it was taken in
    answer_ok = "0"
    replies_url = "https://sms.example.gov/replies"

`replies_url` and `outcomes_url` answer a GET with a JSON list (or `{"items": […]}`) of what came in, by the same field
names and `id`, or `state` and `digit`; they may repeat themselves: a reply's id and a call's key make each one thing.
"""

import json
from collections.abc import Callable, Iterator
from datetime import datetime
from typing import Any, get_args
from urllib.parse import urlencode

from riskmap.channel_settings import SmsChannel, VoiceChannel
from riskmap.channels import CallOutcome, CallState, Delivered, Delivery, Message, Never, Reply, TryAgain
from riskmap.errors import Unavailable
from web.channel_http import Answer, Wire, by_status, said

MOST_ITEMS = 1000
_MOST_REPLY = 200
_CALL_STATES: dict[str, CallState] = {state: state for state in get_args(CallState)}


class _Gateway:
    """Sending, for both kinds."""

    def __init__(
        self,
        name: str,
        settings: SmsChannel | VoiceChannel,
        token: str | None,
        now: Callable[[], datetime],
    ) -> None:
        self.name = name
        self._settings = settings
        self._secrets = (token,) if token else ()
        self._now = now
        self._signed = {"authorization": f"Bearer {token}"} if token else {}
        self._wire = self._to(settings.url)

    def _to(self, url: str) -> Wire:
        return Wire(url, self._settings.timeout_s, self._settings.ca_file, self._now)

    def send(self, message: Message) -> Delivery:
        """Delivered where the gateway has taken it over; who reads or answers comes back later."""
        if not message.address:
            return Never("此人没有登记号码")
        mine = self._settings
        fields = {
            **mine.constants,
            mine.address_field: message.address,
            mine.text_field: message.marked_text,
            mine.key_field: message.key,
        }
        if mine.body == "json":
            body, kind = json.dumps(fields, ensure_ascii=False).encode(), "application/json"
        else:
            body, kind = urlencode(fields).encode(), "application/x-www-form-urlencoded"
        headers = {"content-type": f"{kind}; charset=utf-8", "idempotency-key": message.key, **self._signed}
        answer = self._wire.exchange("POST", body, headers)
        return self._judged(answer) if isinstance(answer, Answer) else answer

    def _judged(self, answer: Answer) -> Delivery:
        by_http = by_status(answer)
        mine = self._settings
        if not isinstance(by_http, Delivered):
            return by_http
        told = answer.document()
        receipt = _at(told, mine.receipt_field) if mine.receipt_field else None
        taken = Delivered("" if receipt is None else said(receipt, self._secrets))
        if mine.answer_field is None:
            return taken
        value = _at(told, mine.answer_field)
        if value is None:
            return TryAgain(f"答复中没有 {mine.answer_field}，不知是否收到")
        if _text(value) == mine.answer_ok:
            return taken
        reason = f"网关答复 {mine.answer_field} = {said(value, self._secrets)}"
        return TryAgain(reason) if _text(value) in mine.answer_busy else Never(reason)

    def _asked(self, url: str | None) -> Iterator[dict[str, Any]]:
        """What waits at one of the gateway's addresses. Unavailable where it cannot be had."""
        if url is None:
            return
        answer = self._to(url).exchange("GET", None, self._signed)
        taken = by_status(answer) if isinstance(answer, Answer) else answer
        if not isinstance(answer, Answer) or not isinstance(taken, Delivered):
            reason = "" if isinstance(taken, Delivered) else taken.reason
            raise Unavailable(f"渠道 {self.name} 的回执取不到：{reason}", remedy="会自动再试")
        told = answer.document()
        items = told.get("items") if isinstance(told, dict) else told
        if not isinstance(items, list):
            raise Unavailable(f"渠道 {self.name} 的回执不是一列 JSON", remedy="请核对网关的接口")
        yield from (item for item in items[:MOST_ITEMS] if isinstance(item, dict))


class Sms(_Gateway):
    """Short messages."""

    def __init__(
        self, name: str, settings: SmsChannel, token: str | None, now: Callable[[], datetime]
    ) -> None:
        super().__init__(name, settings, token, now)
        self._replies_url = settings.replies_url

    def replies(self) -> list[Reply]:
        """Replies that came in; some perhaps told before. Unavailable where they cannot be had."""
        mine = self._settings
        return [
            Reply(f"{self.name}:{_text(item['id'])}", _text(item[mine.address_field]), text[:_MOST_REPLY])
            for item in self._asked(self._replies_url)
            if {"id", mine.address_field, mine.text_field} <= item.keys()
            and (text := _text(item[mine.text_field]).strip())
        ]


class Voice(_Gateway):
    """Calls that a machine dials: the text is read aloud, a pressed key confirms."""

    def __init__(
        self, name: str, settings: VoiceChannel, token: str | None, now: Callable[[], datetime]
    ) -> None:
        super().__init__(name, settings, token, now)
        self._outcomes_url = settings.outcomes_url

    def outcomes(self) -> list[CallOutcome]:
        """How calls ended; some perhaps told before. Unavailable where it cannot be had."""
        return [
            CallOutcome(_text(key), state, _text(item.get("digit", ""))[:1])
            for item in self._asked(self._outcomes_url)
            if (key := item.get(self._settings.key_field))
            and (state := _CALL_STATES.get(str(item.get("state"))))
        ]


def _at(document: Any, path: str) -> Any:
    """The value at a dotted path; None where there is none."""
    for name in path.split("."):
        if not isinstance(document, dict):
            return None
        document = document.get(name)
    return document


def _text(value: object) -> str:
    """A value of JSON as the settings write it."""
    return {True: "true", False: "false"}[value] if isinstance(value, bool) else str(value)

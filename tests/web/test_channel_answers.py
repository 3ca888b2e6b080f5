"""What the answer of another machine means for a message: every status, errcode, silence, rubbish."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from riskmap.channels import Delivered, Never, TryAgain
from tests.channel_servers import (
    HttpServer,
    Reply,
    closed_port,
    dripping_server,
    http_server,
)
from tests.opened_channels import MESSAGE, SECTIONS, WORKS, addressed, over_http


@pytest.fixture
def server() -> Iterator[HttpServer]:
    with http_server() as server:
        yield server


# --- what an answer means --------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", list(SECTIONS))
@pytest.mark.parametrize(
    ("status", "headers", "meaning"),
    [
        (200, {}, Delivered()),
        (204, {}, Delivered()),
        (301, {"location": "http://127.0.0.1:9/"}, Never),
        (400, {}, Never),
        (401, {}, Never),
        (404, {}, Never),
        (409, {}, TryAgain),
        (429, {}, TryAgain),
        (500, {}, TryAgain),
        (503, {}, TryAgain),
    ],
)
def test_statuses(
    tmp_path: Path, server: HttpServer, kind: str, status: int, headers: dict[str, str], meaning: Any
) -> None:
    body = WORKS.get(kind, b"") if status != 204 else b""
    server.reply = Reply(status, body, headers)
    found = over_http(tmp_path, kind, server.url).send(addressed(kind))
    assert len(server.got) == 1
    if status == 204 and kind in WORKS:
        assert isinstance(found, TryAgain), "nothing tells that it was taken in"
    elif isinstance(meaning, Delivered):
        assert found == meaning
    else:
        assert isinstance(found, meaning)
        assert str(status) in found.reason


@pytest.mark.parametrize(
    ("header", "asked_s"),
    [
        ("120", 120.0),
        ("Sun, 01 Mar 2026 03:01:30 GMT", 90.0),
        ("Sun, 01 Mar 2026 02:00:00 GMT", 0.0),
        ("999999999", 3600.0),
        ("soon", None),
        ("-5", None),
    ],
)
def test_who_is_asked_to_wait_waits(tmp_path: Path, server: HttpServer, header: str, asked_s: float) -> None:
    server.reply = Reply(429, b"", {"retry-after": header})
    found = over_http(tmp_path, "webhook", server.url).send(MESSAGE)
    assert isinstance(found, TryAgain)
    assert found.after_s == asked_s


@pytest.mark.parametrize(
    ("kind", "body", "meaning", "word"),
    [
        ("wecom", b'{"errcode": 45009, "errmsg": "api freq out of limit"}', TryAgain, "45009"),
        ("wecom", b'{"errcode": 93000, "errmsg": "invalid webhook url"}', Never, "invalid webhook"),
        ("wecom", b'{"errcode": -1, "errmsg": "system busy"}', TryAgain, "busy"),
        ("dingtalk", b'{"errcode": 130101, "errmsg": "send too fast"}', TryAgain, "130101"),
        ("dingtalk", b'{"errcode": 310000, "errmsg": "sign not match"}', Never, "sign not match"),
        ("dingtalk", b'{"errcode": "0"}', TryAgain, "errcode"),
        ("sms", b'{"code": "9"}', TryAgain, "9"),
        ("sms", b'{"code": 7}', Never, "7"),
        ("sms", b'{"other": 0}', TryAgain, "code"),
        *((kind, body, TryAgain, "") for kind in WORKS for body in (
            b"", b"<html>ok</html>", b"[]", b"null", b"[" * 100_000, b"\xff\xfe", b'{"errcode": true, "code": null}',
        )),
    ],
)  # fmt: skip
def test_answers_that_are_200_and_yet_not_yes(
    tmp_path: Path, server: HttpServer, kind: str, body: bytes, meaning: type[Never | TryAgain], word: str
) -> None:
    server.reply = Reply(200, body)
    found = over_http(tmp_path, kind, server.url).send(addressed(kind))
    assert isinstance(found, meaning)
    assert word in found.reason


def test_the_pause_a_robot_wants_is_told(tmp_path: Path, server: HttpServer) -> None:
    server.reply = Reply(200, b'{"errcode": 410100}')
    found = over_http(tmp_path, "dingtalk", server.url).send(MESSAGE)
    assert found == TryAgain("发送过快（errcode 410100）", 600.0)


@pytest.mark.parametrize(
    "raw",
    [b"", b"ICY 200 OK\r\n\r\n", b"HTTP/1.1 200 OK\r\ncontent-length: 100\r\n\r\nshort", b"\x00" * 70_000],
)
def test_what_is_no_http_or_breaks_off_is_tried_again(tmp_path: Path, server: HttpServer, raw: bytes) -> None:
    server.reply = Reply(raw=raw)
    assert isinstance(over_http(tmp_path, "wecom", server.url).send(MESSAGE), TryAgain)


def test_an_answer_without_end_is_not_read_to_it(tmp_path: Path, server: HttpServer) -> None:
    huge = b"{" + b" " * (4 << 20) + b'"errcode": 0}'
    server.reply = Reply(200, huge)
    assert over_http(tmp_path, "webhook", server.url).send(MESSAGE) == Delivered(), "its status is enough"
    assert isinstance(over_http(tmp_path, "wecom", server.url).send(MESSAGE), TryAgain)


def test_nobody_there_and_nobody_of_that_name(tmp_path: Path) -> None:
    nobody = over_http(tmp_path, "webhook", f"http://127.0.0.1:{closed_port()}/").send(MESSAGE)
    assert nobody == TryAgain("连接被拒绝")
    nameless = over_http(tmp_path, "webhook", "http://nowhere.invalid/").send(MESSAGE)
    assert isinstance(nameless, TryAgain)


@pytest.mark.parametrize("first", [b"", b"HTTP/1.1 200 OK\r\nx-long: ", b"HTTP/1.1 200 OK\r\n\r\n"])
def test_who_drips_is_cut_off(tmp_path: Path, first: bytes) -> None:
    with dripping_server(first) as port:
        channel = over_http(tmp_path, "webhook", f"http://127.0.0.1:{port}/", timeout_s=0.3)
        found = channel.send(MESSAGE)
    assert isinstance(found, Delivered if b"200" in first else TryAgain), "its status is enough"


def test_a_redirect_leads_nowhere(tmp_path: Path, server: HttpServer) -> None:
    with http_server() as elsewhere:
        server.reply = Reply(307, b"", {"location": elsewhere.url})
        for kind in SECTIONS:
            assert isinstance(over_http(tmp_path, kind, server.url).send(addressed(kind)), Never)
        assert elsewhere.got == []

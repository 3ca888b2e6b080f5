"""Channels against real servers on this machine: what travels, how often, exactly once, and what is never told."""

import base64
import hashlib
import hmac
import json
import logging
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest

from jobs.channels import Surroundings
from riskmap.channels import Delivered, Delivery, Message, Never, TryAgain
from riskmap.errors import Unavailable
from riskmap.settings import City
from tests.channel_servers import (
    NOW,
    HttpServer,
    Reply,
    http_server,
)
from tests.opened_channels import (
    ADDRESS,
    KEY,
    MESSAGE,
    SECRET,
    SECRETLY,
    SECTIONS,
    Moment,
    addressed,
    opened,
    over_http,
)
from web.channel_gateways import Sms, Voice
from web.channels import open_channels


@pytest.fixture
def server() -> Iterator[HttpServer]:
    with http_server() as server:
        yield server


# --- what travels ----------------------------------------------------------------------------------------


def test_a_webhook_is_signed_and_bears_its_key(tmp_path: Path, server: HttpServer) -> None:
    drill = Message(KEY, "p-3", "提示", "请核实", "orange", drill=True, cap_xml="<alert/>")
    assert over_http(tmp_path, "webhook", server.url).send(drill) == Delivered()
    (got,) = server.got
    assert got.headers["idempotency-key"] == got.headers["webhook-id"] == KEY
    signed = f"{KEY}.{int(NOW.timestamp())}.".encode() + got.body
    digest = hmac.new(SECRET.encode(), signed, hashlib.sha256).digest()
    assert got.headers["webhook-signature"] == f"v1,{base64.b64encode(digest).decode()}"
    document = json.loads(got.body)
    assert document == {
        "key": KEY,
        "address": "p-3",
        "kind": "risk_notice",
        "level": "orange",
        "drill": True,
        "subject": "【演练】提示",
        "text": "【演练】请核实",
        "cap": "<alert/>",
    }


def test_robots_get_text_and_signature(tmp_path: Path, server: HttpServer) -> None:
    server.reply = Reply(200, b'{"errcode": 0}')
    called = Message(KEY, ADDRESS, "", "请核实" * 2000)
    for kind in ("wecom", "dingtalk"):
        assert over_http(tmp_path, kind, server.url).send(called) == Delivered()
    wecom, dingtalk = (json.loads(one.body) for one in server.got)
    assert wecom["text"]["mentioned_mobile_list"] == dingtalk["at"]["atMobiles"] == [ADDRESS]
    assert len(wecom["text"]["content"].encode()) <= 2048
    assert wecom["text"]["content"].endswith("…")
    assert dingtalk["text"]["content"] == called.text
    assert parse_qs(urlsplit(server.got[0].path).query) == {"key": [SECRET]}
    query = parse_qs(urlsplit(server.got[1].path).query)
    stamp = query["timestamp"][0]
    assert stamp == str(int(NOW.timestamp() * 1000))
    wanted = hmac.new(SECRET.encode(), f"{stamp}\n{SECRET}".encode(), hashlib.sha256).digest()
    assert query["access_token"] == [SECRET]
    assert base64.b64decode(query["sign"][0]) == wanted


@pytest.mark.parametrize("body", ["json", "form"])
def test_a_gateway_gets_its_own_field_names(tmp_path: Path, server: HttpServer, body: str) -> None:
    server.reply = Reply(200, b'{"result": {"code": "OK", "id": 77}}')
    section: dict[str, Any] = {
        "body": body, "address_field": "phone", "text_field": "msg", "key_field": "ref", "constants": {"sign": "应急"},
        "answer_field": "result.code", "answer_ok": "OK", "receipt_field": "result.id", "token": SECRETLY,
    }  # fmt: skip
    channel = opened(tmp_path, kind="sms", url=server.url, **section)
    assert channel.send(addressed("sms")) == Delivered("77")
    (got,) = server.got
    fields = (
        json.loads(got.body) if body == "json" else {k: v[0] for k, v in parse_qs(got.body.decode()).items()}
    )
    assert fields == {"sign": "应急", "phone": ADDRESS, "msg": MESSAGE.text, "ref": KEY}
    assert got.headers["idempotency-key"] == KEY
    assert got.headers["authorization"] == f"Bearer {SECRET}"
    assert isinstance(channel.send(MESSAGE), Never), "nobody's number"


def test_replies_and_calls_come_back(tmp_path: Path, server: HttpServer) -> None:
    sms = opened(tmp_path, kind="sms", url=server.url, replies_url=server.url)
    voice = opened(tmp_path, kind="voice", url=server.url, outcomes_url=server.url)
    assert isinstance(sms, Sms)
    assert isinstance(voice, Voice)
    items = [
        {"id": 5, "mobile": ADDRESS, "content": " 1 "},
        {"id": 6},
        7,
        {"id": 8, "mobile": "1", "content": " "},
    ]
    server.reply = Reply(200, json.dumps(items).encode())
    (reply,) = sms.replies()
    assert (reply.reply_id, reply.address, reply.text) == ("out:5", ADDRESS, "1")
    calls = [
        {"message_id": KEY, "state": "confirmed", "digit": "12"},
        {"message_id": KEY, "state": "abducted"},
    ]
    server.reply = Reply(200, json.dumps({"items": calls}).encode())
    (call,) = voice.outcomes()
    assert (call.key, call.state, call.digit) == (KEY, "confirmed", "1")
    for reply_ in (Reply(500), Reply(200, b"{}"), Reply(200, b"<html>")):
        server.reply = reply_
        with pytest.raises(Unavailable, match="out"):
            sms.replies()
    assert opened(tmp_path, kind="sms", url=server.url).replies() == []  # type: ignore[attr-defined]


@pytest.mark.filterwarnings("ignore:'imghdr' is deprecated:DeprecationWarning")
def test_apprise_for_what_has_no_sender_of_ours(tmp_path: Path, server: HttpServer) -> None:
    (tmp_path / "secrets").mkdir()
    place = tmp_path / "secrets" / "service"
    place.write_text(server.url.replace("http:", "json:") + "\n")
    channel = opened(tmp_path, kind="apprise", url={"file": "service"})
    assert channel.send(MESSAGE) == Delivered()
    assert json.loads(server.got[0].body)["message"] == MESSAGE.text
    with http_server() as elsewhere:
        server.reply = Reply(307, b"", {"location": elsewhere.url})
        assert isinstance(channel.send(MESSAGE), TryAgain)
        assert elsewhere.got == []
    for refused in ("file:///etc", "syslog://", "dbus://", "nonsense", "json://a json://b"):
        place.write_text(refused)
        assert isinstance(opened(tmp_path, kind="apprise", url={"file": "service"}).send(MESSAGE), Never)


# --- pace ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", ["wecom", "dingtalk"])
def test_a_robot_is_told_twenty_times_a_minute(tmp_path: Path, server: HttpServer, kind: str) -> None:
    moment = Moment()
    server.reply = Reply(200, b'{"errcode": 0}')
    channel = opened(tmp_path, moment, kind=kind, url=server.url, **SECTIONS[kind])
    found: list[Delivery] = []
    for second in range(90):
        moment.s = second
        found.append(channel.send(MESSAGE))
    told = [second for second, one in enumerate(found) if one == Delivered()]
    assert told == [*range(20), *range(60, 80)]
    paced = found[20]
    assert isinstance(paced, TryAgain)
    assert paced.after_s == pytest.approx(40, abs=0.01)
    assert not paced.attempted
    assert len(server.got) == 40


# --- files and the log -----------------------------------------------------------------------------------


def test_a_file_appears_whole_and_once(tmp_path: Path) -> None:
    channel = opened(tmp_path, kind="file", folder="out")
    assert channel.send(MESSAGE) == Delivered()
    lying = [path for path in (tmp_path / "out").iterdir() if not path.name.startswith(".")]
    assert [path.name for path in lying] == [f"{KEY}.json"]
    assert json.loads(lying[0].read_text("utf-8"))["text"] == MESSAGE.text
    lying[0].unlink()  # fetched
    assert opened(tmp_path, kind="file", folder="out").send(MESSAGE) == Delivered()
    assert not lying[0].exists(), "who fetched it does not get it twice"


@pytest.mark.parametrize("step", range(1, 12))
def test_killed_at_any_step_a_file_appears_exactly_once(
    tmp_path: Path, step: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Every call that changes the disk may be the last one; who fetches empties the folder in between."""
    steps = iter(range(1, 100))

    class Killed(BaseException):
        pass

    def mortal(real: Any) -> Any:
        def may_die(*args: Any, **options: Any) -> Any:
            if next(steps) == step:
                raise Killed
            return real(*args, **options)

        return may_die

    def fetch() -> int:
        out = tmp_path / "out"
        files = list(out.glob("[!.]*.json")) if out.exists() else []
        for file in files:
            assert json.loads(file.read_text("utf-8"))["key"] == KEY
            file.unlink()
        return len(files)

    with monkeypatch.context() as patched:
        for name in ("mkdir", "open", "touch", "rename"):
            patched.setattr(Path, name, mortal(getattr(Path, name)))
        with suppress(Killed):
            opened(tmp_path, kind="file", folder="out").send(MESSAGE)
    seen = fetch()
    assert opened(tmp_path, kind="file", folder="out").send(MESSAGE) == Delivered()
    assert seen + fetch() == 1


def test_a_folder_that_cannot_be_written_is_tried_again(tmp_path: Path) -> None:
    (tmp_path / "out").write_text("a file where the folder should be")
    found = opened(tmp_path, kind="file", folder="out").send(MESSAGE)
    assert isinstance(found, TryAgain)


def test_the_log_says_what_not_to_whom(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)
    text = "请签收 https://risk.invalid/s/0nce-Only 谢谢"
    assert opened(tmp_path, kind="log").send(Message(KEY, ADDRESS, "", text)) == Delivered()
    assert KEY in caplog.text
    assert "请签收 [链接] 谢谢" in caplog.text
    assert ADDRESS not in caplog.text


# --- secrets and faults ----------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", list(SECTIONS))
def test_secrets_stay_out_of_reasons_and_logs(
    tmp_path: Path, server: HttpServer, kind: str, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    echoes = [f"x{'y' * 75}{SECRET}", SECRET, "s3cr3t-Value%2F%2B"]
    for echo in echoes:
        for status in (200, 400, 500):
            told = {"errcode": 7, "errmsg": f"bad key {echo}", "code": echo}
            server.reply = Reply(status, json.dumps(told).encode(), {"x-echo": echo})
            channel = over_http(tmp_path, kind, server.url)
            found = channel.send(addressed(kind))
            shown = f"{found} {channel!r} {caplog.text}"
            assert "s3cr3t" not in shown
    assert "s3cr3t" not in repr(Surroundings(tmp_path, {"THE_SECRET": SECRET}))


def test_one_channel_that_cannot_be_opened_does_not_stop_the_others(tmp_path: Path) -> None:
    sections = {
        "robot": {"kind": "wecom", "key": {"file": "absent"}},
        "typo": {"kind": "wecon"},
        "pages": {"kind": "in_app"},
        "desk": {"kind": "call_list"},
        "log": {"kind": "log"},
    }
    city = City(code="430981", name="沅江市", channels=sections)
    channels = open_channels(city, Surroundings(tmp_path, {}))
    found = {name: channel.send(MESSAGE) for name, channel in channels.items()}
    assert list(found) == ["robot", "typo", "log"], "pages and the call list send nothing"
    assert {name for name, one in found.items() if isinstance(one, Never)} == {"robot", "typo"}

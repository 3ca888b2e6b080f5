"""E-mail against a real mail server on this machine: what travels, and what each answer means."""

import ssl
from email import message_from_bytes, policy
from pathlib import Path
from typing import Any

import pytest
from aiosmtpd.smtp import AuthResult

from riskmap.channels import Channel, Delivered, Message, Never, TryAgain
from tests.channel_servers import (
    MailServer,
    closed_port,
    dripping_server,
    mail_server,
    make_certificate,
)
from tests.opened_channels import KEY, MESSAGE, SECRETLY, opened

# --- mail ------------------------------------------------------------------------------------------------

LETTER = Message(
    KEY, "officer@city.invalid", "风险提示\r\nBcc: x@y.invalid", MESSAGE.text, "red", cap_xml="<警/>"
)


def by_mail(home: Path, server: MailServer, **more: Any) -> Channel:
    section = {
        "kind": "mail",
        "host": "127.0.0.1",
        "port": server.port,
        "tls": "none",
        "sender": "risk@city.invalid",
    }
    return opened(home, **{**section, "sender_name": "沅江市应急管理局", **more})


def test_a_letter_bears_its_key_and_reads_in_chinese(tmp_path: Path) -> None:
    with mail_server() as server:
        assert by_mail(tmp_path, server).send(LETTER) == Delivered()
    assert server.receivers == ["officer@city.invalid"]
    letter = message_from_bytes(server.letters[0], policy=policy.default)
    assert letter["Message-ID"] == f"<{KEY}@city.invalid>"
    assert letter["Subject"] == "风险提示 Bcc: x@y.invalid"
    assert letter["From"].addresses[0].display_name == "沅江市应急管理局"
    assert letter["Bcc"] is None
    text, warning = letter.iter_parts()
    assert text.get_content().strip() == MESSAGE.text
    assert warning.get_content_type() == "application/cap+xml"
    assert warning.get_content().decode() == "<警/>"


@pytest.mark.parametrize(
    ("receiver", "letter", "meaning"),
    [
        ("250 OK", "250 OK", Delivered),
        ("450 later", "250 OK", TryAgain),
        ("550 nobody of that name", "250 OK", Never),
        ("421 shutting down", "250 OK", TryAgain),
        ("250 OK", "451 disk full", TryAgain),
        ("250 OK", "554 refused", Never),
    ],
)
def test_what_a_mail_server_answers(tmp_path: Path, receiver: str, letter: str, meaning: type) -> None:
    with mail_server() as server:
        server.to_receiver, server.to_letter = receiver, letter
        assert isinstance(by_mail(tmp_path, server).send(LETTER), meaning)


@pytest.mark.parametrize(
    "address", ["", "nobody", "a@b@c", "a@b\r\nRCPT TO:<x@y>", "x, y@z", "人@city.invalid"]
)
def test_what_is_no_address_is_never_tried(tmp_path: Path, address: str) -> None:
    with mail_server() as server:
        assert isinstance(by_mail(tmp_path, server).send(Message(KEY, address, "", "")), Never)
        assert server.letters == []


def test_a_mail_server_that_is_away_drips_or_cannot_encrypt(tmp_path: Path) -> None:
    gone = MailServer(closed_port())
    assert by_mail(tmp_path, gone).send(LETTER) == TryAgain("连接被拒绝")
    for first in (b"", b"220 here\r\n", b"HTTP/1.1 400 Bad\r\n"):
        with dripping_server(first) as port:
            assert isinstance(by_mail(tmp_path, MailServer(port), timeout_s=0.3).send(LETTER), TryAgain)
    with mail_server() as server:
        assert isinstance(by_mail(tmp_path, server, tls="starttls").send(LETTER), Never)
        assert server.letters == []


def test_a_wrong_password_is_never_taken(tmp_path: Path) -> None:
    certificate, key = make_certificate(tmp_path)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate, key)
    nobody = AuthResult(success=False, handled=False)
    with mail_server(tls_context=context, authenticator=lambda *_: nobody) as server:
        signed_in = {"tls": "starttls", "user": "risk", "password": SECRETLY, "ca_file": str(certificate)}
        found = by_mail(tmp_path, server, **signed_in).send(LETTER)
    assert found == Never("邮件服务器拒绝登录（535）")


def test_a_stranger_s_certificate_is_refused_and_the_city_s_own_is_not(tmp_path: Path) -> None:
    certificate, key = make_certificate(tmp_path)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate, key)
    with mail_server(ssl_context=context) as server:
        address: dict[str, Any] = {
            "kind": "mail",
            "host": "127.0.0.1",
            "port": server.port,
            "tls": "tls",
            "sender": "a@city.invalid",
        }
        letter = Message(KEY, "b@city.invalid", "", "")
        assert opened(tmp_path, **address).send(letter) == Never("对方的证书不受信任")
        assert opened(tmp_path, **address, ca_file=str(certificate)).send(letter) == Delivered()
        assert len(server.letters) == 1

"""E-mail: one letter, one receiver, the message's key as its Message-ID, and what each answer of the server means."""

import re
import smtplib
import ssl
from collections.abc import Callable
from datetime import datetime
from email.headerregistry import Address
from email.message import EmailMessage
from email.policy import SMTP
from email.utils import format_datetime
from typing import Literal

from riskmap.channel_settings import MAIL_ADDRESS, MailChannel
from riskmap.channels import Delivered, Delivery, Level, Message, Never, TryAgain
from web.channel_http import cut_off, no_answer, trusted

_PORTS: dict[Literal["starttls", "tls", "none"], int] = {"starttls": 587, "tls": 465, "none": 25}
_ADDRESS = re.compile(MAIL_ADDRESS)
_LONGEST_ADDRESS = 254
_URGENT: tuple[Level, ...] = ("red", "orange")


class Mail:
    """The channel of one server."""

    def __init__(
        self,
        name: str,
        settings: MailChannel,
        password: str | None,
        now: Callable[[], datetime],
    ) -> None:
        self.name = name
        self._settings = settings
        self._password = password
        self._now = now
        self._context = trusted(settings.ca_file) if settings.tls != "none" else None

    def send(self, message: Message) -> Delivery:
        """Delivered once the server has taken the letter over."""
        if len(message.address) > _LONGEST_ADDRESS or not _ADDRESS.fullmatch(message.address):
            return Never("电子邮箱地址无效")
        try:
            return self._hand_over(self._letter(message), message.address)
        except smtplib.SMTPException as error:
            return _refused(error)
        except OSError as error:
            return no_answer(error)

    def _letter(self, message: Message) -> EmailMessage:
        sender, domain = self._settings.sender.rsplit("@", 1)
        letter = EmailMessage(policy=SMTP)
        letter["To"] = message.address
        letter["From"] = Address(self._settings.sender_name, sender, domain)
        letter["Subject"] = message.marked_subject
        letter["Date"] = format_datetime(self._now())
        letter["Message-ID"] = message_id(message.key, domain)
        letter["Auto-Submitted"] = "auto-generated"
        if message.level in _URGENT:
            letter["Importance"] = "high"
        letter.set_content(message.marked_text, charset="utf-8", cte="base64")
        if message.cap_xml is not None:
            content = message.cap_xml.encode()
            letter.add_attachment(content, maintype="application", subtype="cap+xml", filename="warning.xml")
        return letter

    def _hand_over(self, letter: EmailMessage, address: str) -> Delivery:
        mine = self._settings
        server = self._opened()
        try:
            with cut_off(mine.timeout_s, lambda: server.sock):
                if mine.tls == "starttls":
                    server.starttls(context=self._context)
                if mine.user is not None and self._password is not None:
                    server.login(mine.user, self._password)
                server.send_message(letter, mine.sender, [address])
                return Delivered()
        finally:
            server.close()

    def _opened(self) -> smtplib.SMTP:
        mine = self._settings
        whom = (mine.host, mine.port or _PORTS[mine.tls], mine.sender.rsplit("@", 1)[1], mine.timeout_s)
        return _Encrypted(*whom, self._context) if mine.tls == "tls" else _Plain(*whom)


class _Plain(smtplib.SMTP):
    """A server whose greeting is cut off too."""

    def __init__(self, host: str, port: int, domain: str, timeout_s: float) -> None:
        with cut_off(timeout_s, lambda: self.sock):
            super().__init__(host, port, domain, timeout_s)


class _Encrypted(smtplib.SMTP_SSL):
    """The same, encrypted from the first byte."""

    def __init__(
        self, host: str, port: int, domain: str, timeout_s: float, context: ssl.SSLContext | None
    ) -> None:
        with cut_off(timeout_s, lambda: self.sock):
            super().__init__(host, port, domain, timeout=timeout_s, context=context)


def message_id(key: str, domain: str) -> str:
    """The Message-ID of a letter: its key, at the sender's domain."""
    return f"<{key}@{domain}>"


def _refused(error: smtplib.SMTPException) -> Delivery:
    """What a server's refusal means: 4xx is for now, 5xx for good."""
    if isinstance(error, smtplib.SMTPServerDisconnected):
        return TryAgain("邮件服务器断开了连接")
    if isinstance(error, smtplib.SMTPNotSupportedError):
        return Never("邮件服务器不支持所配置的加密或登录方式")
    if isinstance(error, smtplib.SMTPRecipientsRefused):
        return _by_code(next(iter(error.recipients.values()))[0])
    if isinstance(error, smtplib.SMTPResponseException):
        return _by_code(error.smtp_code)
    return TryAgain("邮件服务器的答复不能识别")


def _by_code(code: int) -> Delivery:
    if code == 535:
        return Never("邮件服务器拒绝登录（535）")
    if 500 <= code < 600:
        return Never(f"邮件服务器拒绝（{code}）")
    return TryAgain(f"邮件服务器暂时不收（{code}）")

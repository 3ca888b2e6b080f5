"""A channel opened as the program opens it, in a city whose only secret is one of the environment."""

from pathlib import Path
from typing import Any

from jobs.channels import Surroundings
from riskmap.channels import Channel, Message, message_key
from riskmap.settings import City
from tests.channel_servers import (
    NOW,
)
from web.channels import open_channels

KEY = message_key("W17", "p-3", "out", "first", 1)
MESSAGE = Message(KEY, "", "风险提示：示例罐区", "【内部】示例罐区升为红色，请 30 分钟内核实。", "red")
SECRET = "s3cr3t-Value/+"
ADDRESS = "000-0000-0001"


class Moment:
    """A clock that goes when it is told to."""

    def __init__(self) -> None:
        self.s = 0.0

    def __call__(self) -> float:
        return self.s


def opened(home: Path, moment: Moment | None = None, **section: Any) -> Channel:
    city = City(code="430981", name="沅江市", channels={"out": section})
    around = Surroundings(home, {"THE_SECRET": SECRET})
    return open_channels(city, around, now=lambda: NOW, monotonic=moment or Moment())["out"]


SECRETLY = {"env": "THE_SECRET"}
SECTIONS: dict[str, dict[str, Any]] = {
    "webhook": {"secret": SECRETLY},
    "wecom": {"key": SECRETLY},
    "dingtalk": {"token": SECRETLY, "secret": SECRETLY},
    "sms": {"token": SECRETLY, "answer_field": "code", "answer_busy": ["9"]},
    "voice": {"token": SECRETLY},
}
WORKS = {"wecom": b'{"errcode": 0, "errmsg": "ok"}', "dingtalk": b'{"errcode": 0}', "sms": b'{"code": 0}'}


def over_http(home: Path, kind: str, url: str, **more: Any) -> Channel:
    return opened(home, kind=kind, url=url, **SECTIONS[kind], **more)


def addressed(kind: str) -> Message:
    return Message(KEY, ADDRESS if kind in {"sms", "voice"} else "", MESSAGE.subject, MESSAGE.text, "red")

"""`[channels.*]`: what may stand there, and what is told of what may not."""

from typing import Any

import pytest

from riskmap.channel_settings import KINDS, MailChannel, WecomChannel, channel_settings
from riskmap.errors import BadInput

KEY = {"file": "robot.key"}
MAIL = {"kind": "mail", "host": "mail.city.invalid", "sender": "risk@city.invalid"}
HOOK = {"kind": "webhook", "url": "https://hook.city.invalid/in", "secret": {"env": "HOOK"}}


def test_a_city_with_every_kind() -> None:
    sections: dict[str, dict[str, Any]] = {
        "log": {"kind": "log"},
        "pages": {"kind": "in_app"},
        "desk": {"kind": "call_list"},
        "drop": {"kind": "file"},
        "mail": {**MAIL, "user": "risk", "password": {"file": "mail.key"}, "port": 2525},
        "hook": HOOK,
        "robot": {"kind": "wecom", "key": KEY},
        "group": {"kind": "dingtalk", "token": KEY, "secret": KEY},
        "sms": {"kind": "sms", "url": "https://sms.city.invalid/", "constants": {"sign": "应急"}},
        "voice": {"kind": "voice", "url": "https://voice.city.invalid/"},
        "other": {"kind": "apprise", "url": {"env": "SERVICE"}},
    }
    found = channel_settings(sections)
    assert list(found) == list(sections)
    assert {one.kind for one in found.values()} == set(KINDS)
    mail, robot = found["mail"], found["robot"]
    assert isinstance(mail, MailChannel)
    assert (mail.tls, mail.port) == ("starttls", 2525)
    assert isinstance(robot, WecomChannel)
    assert (robot.per_minute, robot.timeout_s) == (20, 10)


@pytest.mark.parametrize(
    ("section", "place", "word"),
    [
        ({"kind": "mai"}, "kind", "不认识"),
        ({}, "kind", "缺少"),
        ({"kind": ["log"]}, "kind", "不认识"),
        ({"kind": "mail", "host": "h"}, "sender", "缺少"),
        ({"kind": "log", "colour": "red"}, "colour", "没有这个字段"),
        ({**MAIL, "password": "S3CRET"}, "password", "不能写在"),
        ({**MAIL, "user": "a"}, "", "同时"),
        ({**MAIL, "user": "a", "password": KEY, "tls": "none"}, "", "明文"),
        ({**MAIL, "host": "h/../x"}, "host", ""),
        ({**HOOK, "secret": {"file": "a", "env": "B"}}, "secret", "只写一个"),
        ({**HOOK, "secret": {}}, "secret", "只写一个"),
        ({**HOOK, "url": "https://user:S3CRET@hook.invalid/"}, "url", "密码"),
        ({**HOOK, "url": "https://hook.invalid/?access_token=S3CRET"}, "url", "密钥"),
        ({**HOOK, "url": "https://hook.invalid/?KEY=S3CRET"}, "url", "密钥"),
        ({**HOOK, "url": "ftp://hook.invalid/"}, "url", "http"),
        ({**HOOK, "url": "/hook"}, "url", "http"),
        ({**HOOK, "url": "https://hook.invalid:99999/"}, "url", ""),
        ({**HOOK, "url": 7}, "url", ""),
        ({**HOOK, "timeout_s": 0}, "timeout_s", ""),
        ({"kind": "wecom", "key": KEY, "per_minute": 21}, "per_minute", ""),
        ({"kind": "apprise", "url": "json://S3CRET@host"}, "url", "不能写在"),
    ],
)
def test_what_is_wrong_is_named(section: dict[str, Any], place: str, word: str) -> None:
    with pytest.raises(BadInput) as caught:
        channel_settings({"one": {"kind": "log"}, "two": section}, "our.toml")
    told = f"{caught.value.detail} {caught.value.remedy}"
    assert "our.toml 的 [channels.two]" in told
    assert place in told
    assert word in told
    assert caught.value.remedy
    assert "S3CRET" not in told


@pytest.mark.parametrize("name", ["", "预警", "a b", "a/b", "x" * 41])
def test_names_are_plain(name: str) -> None:
    with pytest.raises(BadInput, match="渠道名"):
        channel_settings({name: {"kind": "log"}})

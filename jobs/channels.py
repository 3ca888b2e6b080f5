"""The city's channels as this machine finds them: their settings, their secrets, and what `doctor` says of each."""

import os
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from pydantic import BaseModel

from riskmap.channel_settings import ChannelSettings, FileChannel, SecretPlace, channel_settings
from riskmap.errors import RiskMapError, Unavailable
from riskmap.settings import City

SECRETS = "secrets"
_LONGEST_SECRET = 4096
_LONGER = _LONGEST_SECRET + 1


@dataclass(frozen=True)
class Surroundings:
    """Where a channel's files and secrets lie: the home, and the environment of the process."""

    home: Path
    environment: Mapping[str, str] = field(default_factory=lambda: os.environ, repr=False)

    def secret(self, place: SecretPlace) -> str:
        """A secret, one line. Unavailable, naming the place and never the content, where it cannot be had."""
        if place.env is not None:
            content = self.environment.get(place.env, "").strip()
            if not content:
                raise Unavailable(f"环境变量 {place.env} 没有设置", remedy="请设置后重新启动")
            return _one_line(content, f"环境变量 {place.env}")
        path = self.secret_path(place)
        try:
            with path.open("rb") as file:
                content = file.read(_LONGER).decode("utf-8").strip()
        except FileNotFoundError:
            raise Unavailable(f"找不到密钥文件 {path}", remedy="请放好该文件（权限 600）") from None
        except (OSError, UnicodeDecodeError):
            raise Unavailable(f"密钥文件 {path} 不能读取", remedy="请核对其权限和内容") from None
        return _one_line(content, f"密钥文件 {path}")

    def secret_path(self, place: SecretPlace) -> Path:
        """The file of a secret that lies in one."""
        assert place.file is not None
        return self.home / SECRETS / place.file

    def folder(self, settings: FileChannel) -> Path:
        """The folder of a file drop to the outside."""
        return self.home / settings.folder


def _one_line(content: str, where: str) -> str:
    if not content or len(content) > _LONGEST_SECRET or not content.isprintable():
        raise Unavailable(f"{where} 的内容不是一行密钥", remedy="请只写密钥本身，一行")
    return content


# --- what doctor says ------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class ChannelCheck:
    """One channel as doctor finds it, without sending anything: `fault` empty where it can be used."""

    name: str
    kind: str
    fault: str = ""
    remedy: str = ""
    loss: str = ""
    """what is not as it should be and yet works"""


def check_settings(city: City, around: Surroundings) -> list[ChannelCheck]:
    """Every channel of a city: whether its section can be read, its secrets are there and are nobody else's."""
    checks = []
    for name, section in city.channels.items():
        kind = str(section.get("kind", ""))
        try:
            settings = channel_settings({name: section})[name]
            for place in _secrets(settings):
                around.secret(place)
        except RiskMapError as error:
            checks.append(ChannelCheck(name, kind, error.detail, error.remedy))
        else:
            checks.append(ChannelCheck(name, kind, loss=_loss(settings, around)))
    return checks


def _secrets(settings: BaseModel) -> Iterator[SecretPlace]:
    """All the places that a channel's settings name."""
    for name in type(settings).model_fields:
        value = getattr(settings, name)
        if isinstance(value, SecretPlace):
            yield value


def _loss(settings: ChannelSettings, around: Surroundings) -> str:
    for place in _secrets(settings):
        if place.file is not None and around.secret_path(place).stat().st_mode & 0o077:
            return f"密钥文件 {around.secret_path(place).name} 别的账户也能读（应为 600）"
    url = getattr(settings, "url", None)
    if isinstance(url, str) and url.startswith("http:"):
        return "地址不是 https，内容以明文传送"
    return ""

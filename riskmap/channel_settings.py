"""`[channels.<name>]` of a city.toml: by which ways people are told, each with a kind of its own and checked whole.

    [channels.robot]
    kind = "wecom"
    key = { file = "robot.key" }        # in the folder `secrets` of RISKMAP_HOME; or { env = "ROBOT_KEY" }

city.toml is copied into the database and its history, so it never holds a secret: a field that is one names a file or
an environment variable. Addresses of machines stand here and nowhere else; a message cannot bring another.
"""

from collections.abc import Mapping
from typing import Annotated, Any, Literal
from urllib.parse import parse_qsl, urlsplit

from pydantic import (
    AfterValidator,
    BaseModel,
    ConfigDict,
    Field,
    TypeAdapter,
    ValidationError,
    model_validator,
)

from riskmap.errors import BadInput

_TELLTALE = ("key", "token", "secret", "sign", "password", "pwd")
_HOW = '写成 { file = "文件名" }（放在 RISKMAP_HOME 的 secrets 目录）或 { env = "环境变量" }'

MAIL_ADDRESS = r"^[A-Za-z0-9.!#$%&'*+/=?^_`{|}~-]{1,64}@[A-Za-z0-9-]+(\.[A-Za-z0-9-]+)*$"


def _plain_url(url: str) -> str:
    """An address without a secret in it."""
    parts = urlsplit(url)
    if parts.scheme not in {"http", "https"} or not parts.hostname or parts.fragment:
        raise ValueError("须是 http:// 或 https:// 开头的完整地址")
    if parts.username or parts.password:
        raise ValueError("地址中不能写用户名和密码")
    if any(name.lower().endswith(_TELLTALE) for name, _ in parse_qsl(parts.query, keep_blank_values=True)):
        raise ValueError(f"地址中不能写密钥；{_HOW}")
    _ = parts.port  # raises ValueError where it is no number
    return url


Url = Annotated[str, Field(max_length=500), AfterValidator(_plain_url)]
FieldName = Annotated[str, Field(pattern=r"^[A-Za-z0-9_.-]{1,64}$")]


class SecretPlace(BaseModel):
    """Where a secret lies: a file of the secrets folder (or an absolute path), or an environment variable."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    file: str | None = Field(None, min_length=1, max_length=300)
    env: str | None = Field(None, pattern=r"^[A-Za-z_][A-Za-z0-9_]{0,99}$")

    @model_validator(mode="after")
    def _one_of_two(self) -> "SecretPlace":
        if (self.file is None) == (self.env is None):
            raise ValueError("file 和 env 须写一个，且只写一个")
        return self


class _Channel(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class _Wired(_Channel):
    """One that speaks to another machine."""

    timeout_s: float = Field(10.0, gt=0, le=60)
    ca_file: str | None = Field(None, description="the authority that signed the other side's certificate")


class LogChannel(_Channel):
    """Into the program's own log: for trying out, and where nothing else exists."""

    kind: Literal["log"]


class InAppChannel(_Channel):
    """On the pages of the person who signs in."""

    kind: Literal["in_app"]


class CallListChannel(_Channel):
    """On the desk's list of people to call, where no machine dials."""

    kind: Literal["call_list"]


class FileChannel(_Channel):
    """A file for each message in a folder that another program empties."""

    kind: Literal["file"]
    folder: str = Field(
        "outbox", min_length=1, max_length=300, description="absolute, or within RISKMAP_HOME"
    )


class MailChannel(_Wired):
    """E-mail through one server."""

    kind: Literal["mail"]
    host: str = Field(pattern=r"^[A-Za-z0-9.:-]{1,253}$")
    port: int | None = Field(None, ge=1, le=65535)
    tls: Literal["starttls", "tls", "none"] = "starttls"
    sender: str = Field(pattern=MAIL_ADDRESS)
    sender_name: str = Field("", max_length=60)
    user: str | None = Field(None, min_length=1, max_length=200)
    password: SecretPlace | None = None

    @model_validator(mode="after")
    def _both_or_none(self) -> "MailChannel":
        if (self.user is None) != (self.password is None):
            raise ValueError("user 和 password 须同时写或都不写")
        if self.user is not None and self.tls == "none":
            raise ValueError('有密码时 tls 不能是 "none"：密码会以明文传送')
        return self


class WebhookChannel(_Wired):
    """A signed POST to a program of the city's own."""

    kind: Literal["webhook"]
    url: Url
    secret: SecretPlace


class _Robot(_Wired):
    per_minute: int = Field(20, ge=1, le=20, description="more is answered by shutting the robot for minutes")


class WecomChannel(_Robot):
    """A robot in a group of 企业微信."""

    kind: Literal["wecom"]
    url: Url = "https://qyapi.weixin.qq.com/cgi-bin/webhook/send"
    key: SecretPlace


class DingtalkChannel(_Robot):
    """A robot in a group of 钉钉; `secret` is its 加签 key."""

    kind: Literal["dingtalk"]
    url: Url = "https://oapi.dingtalk.com/robot/send"
    token: SecretPlace
    secret: SecretPlace | None = None


class _Gateway(_Wired):
    """A gateway of some maker: its own names for our fields, and which answer means yes."""

    url: Url
    token: SecretPlace | None = Field(None, description="sent as Authorization: Bearer")
    body: Literal["json", "form"] = "json"
    address_field: FieldName = "mobile"
    text_field: FieldName = "content"
    key_field: FieldName = "message_id"
    constants: dict[FieldName, str] = Field({}, description="further fields, the same in each request")
    answer_field: FieldName | None = Field(
        None, description="the answer's field that tells; none: its status"
    )
    answer_ok: str = "0"
    answer_busy: tuple[str, ...] = Field((), description="values that mean: later")
    receipt_field: FieldName | None = None


class SmsChannel(_Gateway):
    """Short messages, and the replies to them."""

    kind: Literal["sms"]
    replies_url: Url | None = Field(None, description="asked for replies that came in")


class VoiceChannel(_Gateway):
    """Calls that a gateway dials and reads aloud, and what became of them."""

    kind: Literal["voice"]
    address_field: FieldName = "number"
    outcomes_url: Url | None = Field(None, description="asked for how calls ended")


class AppriseChannel(_Channel):
    """Any further service by its address in the words of apprise; the whole address is a secret."""

    kind: Literal["apprise"]
    url: SecretPlace


WiredSettings = MailChannel | WebhookChannel | WecomChannel | DingtalkChannel | SmsChannel | VoiceChannel
ChannelSettings = Annotated[
    LogChannel | InAppChannel | CallListChannel | FileChannel | AppriseChannel | WiredSettings,
    Field(discriminator="kind"),
]
_ADAPTER: TypeAdapter[ChannelSettings] = TypeAdapter(ChannelSettings)
_NAMES: TypeAdapter[str] = TypeAdapter(Annotated[str, Field(pattern=r"^[A-Za-z0-9_-]{1,40}$")])
KINDS = (
    *("log", "in_app", "call_list", "file", "mail", "webhook"),
    *("wecom", "dingtalk", "sms", "voice", "apprise"),
)


def channel_settings(
    sections: Mapping[str, Mapping[str, Any]], where: str = "city.toml"
) -> dict[str, ChannelSettings]:
    """The channels of a city by name, in the order of the file.

    BadInput, naming file, section and field, for whatever is wrong with the first of them that is.
    """
    found: dict[str, ChannelSettings] = {}
    for name, section in sections.items():
        try:
            _NAMES.validate_python(name)
            found[name] = _ADAPTER.validate_python(section)
        except ValidationError as error:
            field, what, remedy = _told(error, section)
            place = f"{where} 的 [channels.{name}]" + (f" 字段 {field}" if field else "")
            raise BadInput(f"{place}：{what}", remedy=remedy) from None
    return found


def _told(error: ValidationError, section: Mapping[str, Any]) -> tuple[str, str, str]:
    """Field, fault and remedy of the first thing that is wrong; the value itself is never told."""
    first = error.errors(include_url=False, include_input=False)[0]
    kind, place = first["type"], [str(part) for part in first["loc"]]
    field = ".".join(place[1:] if place and place[0] == section.get("kind") else place)
    if kind.startswith("union_tag"):
        return "kind", "缺少或不认识的渠道种类", f"可用：{' '.join(KINDS)}"
    if kind == "missing":
        return field, "缺少这个字段", "请补上"
    if kind == "extra_forbidden":
        return field, "没有这个字段", "请核对拼写；密钥类字段" + _HOW
    if kind == "model_type":
        return field, "密钥不能写在 city.toml 中", _HOW
    if kind == "value_error":
        return field, str(first["ctx"]["error"]), "请改正后重试"
    if not place:
        return "", "渠道名只能用字母、数字、下划线和连字符，最长 40 个字符", "请改名"
    return field, first["msg"], "请改正后重试"

"""The city's channels, opened: each section of `[channels.*]` becomes something that sends.

What is kept by the city itself (the pages, the call list) is handed in by whoever keeps it. A channel that cannot be
opened (no secret, a faulty section) stands in the list all the same and answers never, with the reason: the next one
is taken, and the others work.
"""

import logging
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime

from jobs.channels import Surroundings
from riskmap.channel_settings import (
    AppriseChannel,
    CallListChannel,
    ChannelSettings,
    DingtalkChannel,
    FileChannel,
    InAppChannel,
    LogChannel,
    MailChannel,
    SecretPlace,
    SmsChannel,
    VoiceChannel,
    WebhookChannel,
    WecomChannel,
    WiredSettings,
    channel_settings,
)
from riskmap.channels import Channel, Delivered, Delivery, Message, Never, TryAgain
from riskmap.errors import RiskMapError
from riskmap.settings import City
from web import channel_files
from web.channel_apprise import Apprise
from web.channel_gateways import Sms, Voice
from web.channel_mail import Mail
from web.channel_robots import Dingtalk, Wecom
from web.channel_webhook import Webhook

_LOG = logging.getLogger("riskmap.channels")
Keep = Callable[[Message], None]
"""takes a message into the city's own records, the same key once; may raise a RiskMapError"""


@dataclass(frozen=True, slots=True)
class Kept:
    """A channel that ends in the city's own records: the pages of who signs in, the desk's call list."""

    name: str
    keep: Keep

    def send(self, message: Message) -> Delivery:
        """Delivered once it is kept."""
        try:
            self.keep(message)
        except RiskMapError as error:
            return TryAgain(error.detail) if error.status == 503 else Never(error.detail)
        return Delivered()


@dataclass(frozen=True, slots=True)
class Unusable:
    """A channel that could not be opened."""

    name: str
    reason: str

    def send(self, message: Message) -> Delivery:  # noqa: ARG002 - no message gets through it
        """Never, and why."""
        return Never(self.reason)


def open_channels(
    city: City,
    around: Surroundings,
    kept: Mapping[str, Keep],
    *,
    now: Callable[[], datetime] = lambda: datetime.now(UTC),
    monotonic: Callable[[], float] = time.monotonic,
) -> dict[str, Channel]:
    """The channels of a city by name; `kept` has for `in_app` and `call_list` who keeps their messages."""
    return {
        name: _opened(name, section, _Opening(around, kept, now, monotonic))
        for name, section in city.channels.items()
    }


@dataclass(frozen=True, slots=True)
class _Opening:
    around: Surroundings
    kept: Mapping[str, Keep]
    now: Callable[[], datetime]
    monotonic: Callable[[], float]

    def secret(self, place: SecretPlace | None) -> str | None:
        return None if place is None else self.around.secret(place)


def _opened(name: str, section: Mapping[str, object], opening: _Opening) -> Channel:
    try:
        return _channel(name, channel_settings({name: section})[name], opening)
    except RiskMapError as error:
        _LOG.warning("channel %s cannot be used: %s", name, error.detail)
        return Unusable(name, error.detail)


def _channel(name: str, settings: ChannelSettings, opening: _Opening) -> Channel:
    match settings:
        case LogChannel():
            return channel_files.LogChannel(name)
        case FileChannel():
            return channel_files.FileDrop(name, opening.around.folder(settings), opening.now)
        case AppriseChannel():
            return Apprise(name, opening.around.secret(settings.url))
        case InAppChannel() | CallListChannel():
            keep = opening.kept.get(settings.kind)
            return Kept(name, keep) if keep else Unusable(name, "本进程不保存此类消息")
        case _:
            return _wired(name, settings, opening)


def _wired(name: str, settings: WiredSettings, opening: _Opening) -> Channel:
    around, now, monotonic = opening.around, opening.now, opening.monotonic
    match settings:
        case MailChannel():
            return Mail(name, settings, opening.secret(settings.password), now)
        case WebhookChannel():
            return Webhook(name, settings, around.secret(settings.secret), now)
        case WecomChannel():
            return Wecom(name, settings, around.secret(settings.key), now, monotonic)
        case DingtalkChannel():
            token, secret = around.secret(settings.token), opening.secret(settings.secret)
            return Dingtalk(name, settings, token, secret, now, monotonic)
        case SmsChannel():
            return Sms(name, settings, opening.secret(settings.token), now)
        case VoiceChannel():
            return Voice(name, settings, opening.secret(settings.token), now)

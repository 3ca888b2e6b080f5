"""The city's channels, opened: each section of `[channels.*]` becomes something that sends.

The pages and the call list send nothing: what stands there is there with the transaction that wrote it. A channel that
cannot be opened (no secret, a faulty section) stands in the list all the same and answers never, with the reason: the
next one is taken, and the others work.
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
from riskmap.channels import Channel, Delivery, Message, Never
from riskmap.errors import RiskMapError
from riskmap.settings import City
from web import channel_files
from web.channel_apprise import Apprise
from web.channel_gateways import Sms, Voice
from web.channel_mail import Mail
from web.channel_robots import Dingtalk, Wecom
from web.channel_webhook import Webhook

_LOG = logging.getLogger("riskmap.channels")


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
    *,
    now: Callable[[], datetime] = lambda: datetime.now(UTC),
    monotonic: Callable[[], float] = time.monotonic,
) -> dict[str, Channel]:
    """The channels of a city that send, by name."""
    opening = _Opening(around, now, monotonic)
    opened = {name: _opened(name, section, opening) for name, section in city.channels.items()}
    return {name: channel for name, channel in opened.items() if channel is not None}


@dataclass(frozen=True, slots=True)
class _Opening:
    around: Surroundings
    now: Callable[[], datetime]
    monotonic: Callable[[], float]

    def secret(self, place: SecretPlace | None) -> str | None:
        return None if place is None else self.around.secret(place)


def _opened(name: str, section: Mapping[str, object], opening: _Opening) -> Channel | None:
    try:
        return _channel(name, channel_settings({name: section})[name], opening)
    except RiskMapError as error:
        _LOG.warning("channel %s cannot be used: %s", name, error.detail)
        return Unusable(name, error.detail)


def _channel(name: str, settings: ChannelSettings, opening: _Opening) -> Channel | None:
    match settings:
        case LogChannel():
            return channel_files.LogChannel(name)
        case FileChannel():
            return channel_files.FileDrop(name, opening.around.folder(settings), opening.now)
        case AppriseChannel():
            return Apprise(name, opening.around.secret(settings.url))
        case InAppChannel() | CallListChannel():
            return None
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

"""A channel that fails is told to the duty desk by another one, once for each time that it goes down."""

from datetime import UTC, datetime
from functools import partial

from sqlalchemy import Engine

from jobs.alert_messages import at_desk
from jobs.own_messages import NO_WARNING, own_messages
from layers.channel_view import ChannelState, channel_states
from layers.city import stored_city
from layers.database import snapshot, writing
from layers.editions import edition_on
from layers.history import CLOCK, open_revision
from layers.outbox import has_message, put_messages
from riskmap.alert_rules import AlertRules
from riskmap.sending import kinds_of

_URGENCY = 2
_MOST_REASON = 40


def watch_channels(owner: Engine, *, now: datetime | None = None) -> list[str]:
    """Tell the desk of channels that fail, which were not told yet; their names."""
    now = now or datetime.now(UTC)
    with snapshot(owner) as connection:
        city = stored_city(connection)
        channels = kinds_of(city.channels)
        failing = [one for one in channel_states(connection, list(channels), now) if one.failing]
        new = [one for one in failing if not has_message(connection, NO_WARNING, *_episode(one))]
        if not new:
            return []
        day = now.astimezone(CLOCK).date()
        rules = AlertRules.from_edition(edition_on(connection, day))
        people = at_desk(connection, city.code, day)
    down = {one.name for one in failing}
    works = {name: kind for name, kind in channels.items() if name not in down}
    tell = partial(own_messages, people, at=now, warn=_URGENCY, sending=rules.sending, channels=works)
    rows = [row for one in new for row in tell(*_episode(one), _text(one))]
    with writing(owner) as connection:
        names = "、".join(one.name for one in new)
        put_messages(
            connection, rows, open_revision(connection, "scheduler", "channels", f"渠道不通：{names}")
        )
    return [one.name for one in new]


def _episode(one: ChannelState) -> tuple[str, int]:
    """Reason and number of the message: one for each time that a channel goes down."""
    last = one.health.last_delivered
    return f"channel {one.name}", int(last.timestamp()) if last else 0


def _text(one: ChannelState) -> str:
    return (
        f"【系统自检·内部】通知渠道“{one.name}”不通：连续失败{one.health.failures}次，{one.health.reason[:_MOST_REASON]}，"
        f"有{one.queue.waiting}条消息在等待。请检查该渠道；紧急提示请电话告知。"
    )

"""An operator sends a message once more: one that waits goes at once, any other goes anew under a key of its own."""

from datetime import UTC, datetime
from typing import Any

from sqlalchemy import Engine

from jobs.warning_proofs import may_call
from jobs.warning_steps import note_step
from layers.channel_view import delivery_told
from layers.database import Identity, reading, writing
from layers.deliveries import hasten, put_again
from layers.history import CLOCK, open_revision
from layers.officers import person_of
from riskmap.errors import Forbidden, Refused
from riskmap.sending import IN_APP

Row = dict[str, Any]


def resend(owner: Engine, reader: Engine, identity: Identity, delivery_id: int) -> Row:
    """Send a message again in somebody's name, as a row of its warning's life; the message that now goes out.

    NotFound where they may not see it, Forbidden by role, Refused for what only stands on pages.
    """
    if not may_call(identity):
        raise Forbidden(f"角色 {identity.role} 不能重发消息", remedy="请联系值班室")
    with reading(reader, identity) as connection:
        told = delivery_told(connection, delivery_id)
    if told["channel"] == IN_APP:
        raise Refused("页面消息写入即送达，不能重发", remedy="请选择经其他渠道发出的消息")
    at = datetime.now(UTC)
    with writing(owner) as connection:
        rev = open_revision(connection, identity.name, "resend", f"重发消息 {delivery_id}")
        again = hasten(connection, delivery_id, at) or put_again(connection, delivery_id, at, rev)
        person = person_of(connection, identity.name, at.astimezone(CLOCK).date())
        note = f"{told['person']}，渠道 {told['channel']}"
        note_step(connection, told["warning_id"], "resend", person, note, at, rev)
    with reading(reader, identity) as connection:
        return delivery_told(connection, again)

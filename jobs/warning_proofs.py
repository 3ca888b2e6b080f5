"""What is proven of people beside the steps they take: who read a warning, and who answered a call and repeated it."""

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import Connection, Engine

from jobs.warning_steps import LOOK_ON, MAY_END
from layers.alert_desk import unread_by
from layers.alert_ledger import add_steps, warning_to_write, warning_told
from layers.database import Identity, reading, writing
from layers.history import open_revision
from riskmap.alert_desk import ANSWER, CALL
from riskmap.alert_life import OPEN
from riskmap.calling import Call, check_call, is_answered
from riskmap.errors import Forbidden, NotFound, Refused

Row = dict[str, Any]


def may_call(identity: Identity) -> bool:
    """Whether somebody works the call list: the desk of the city or of a township."""
    return identity.role in MAY_END and not identity.committee


def note_call(
    owner: Engine,
    reader: Engine,
    identity: Identity,
    warning_id: int,
    *,
    person: str,
    result: str,
    answered_by: str = "",
    repeated: str = "",
) -> Row:
    """Note one call about an open warning, as a row of its life: an answer counts with who answered and what was repeated.

    NotFound where the caller may not see it, Forbidden by role, BadInput for half an answer, Refused once it is over.
    """
    if not may_call(identity):
        raise Forbidden(f"角色 {identity.role} 不能登记叫应结果", remedy="请联系值班室")
    at = datetime.now(UTC)
    call = Call(person, "named", int(at.timestamp()), result, answered_by.strip(), repeated.strip())
    check_call(call)
    answered = is_answered(call)
    note = f"{identity.name} → {person.strip() or '—'}" + (f"：{call.repeated}" if answered else "")
    with reading(reader, identity) as connection:
        warning_told(connection, warning_id)
    with writing(owner) as connection:
        rev = open_revision(connection, identity.name, "call", f"预警提示 {warning_id}：叫应")
        row = _open_warning(connection, warning_id)
        action = ANSWER if answered else CALL
        who = (call.answered_by or person).strip() if answered else person.strip() or "—"
        told = {"warning_id": warning_id, "action": action, "state": row["state"]}
        add_steps(connection, [{**told, "person": who, "at": at, "note": note}], {warning_id: row}, rev)
    with reading(reader, identity) as connection:
        return warning_told(connection, warning_id)


def note_read(owner: Engine, reader: Engine, identity: Identity, ids: Sequence[int]) -> list[int]:
    """Note that somebody had these warnings before their eyes; which of them were new to them. Who only looks on, none."""
    if identity.role in LOOK_ON:
        return []
    with reading(reader, identity) as connection:
        unread = unread_by(connection, ids, identity.name)
    if not unread:
        return []
    at = datetime.now(UTC)
    with writing(owner) as connection:
        rev = open_revision(connection, identity.name, "read", None)
        rows = {number: _open_warning(connection, number) for number in unread}
        steps = [
            {"warning_id": number, "action": "read", "state": row["state"], "person": identity.name}
            for number, row in rows.items()
        ]
        add_steps(connection, [{**step, "at": at, "note": ""} for step in steps], rows, rev)
    return unread


def _open_warning(connection: Connection, warning_id: int) -> Row:
    """A warning that is not over, locked; Refused once it is."""
    row = warning_to_write(connection, warning_id)
    if row is None:
        raise NotFound(f"没有编号为 {warning_id} 的预警提示", remedy="请核对编号")
    if row["state"] not in OPEN:
        raise Refused(f"编号 {warning_id} 已解除，不再登记", remedy="请刷新页面")
    return row

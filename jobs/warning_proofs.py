"""What is proven of people beside the steps they take: who read a warning, and who answered a call and repeated it."""

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import Connection, Engine

from jobs.calling import CALL_LIST, as_call
from jobs.warning_steps import LOOK_ON, MAY_END
from layers.alert_desk import unread_by
from layers.alert_ledger import add_steps, warning_to_write, warning_told
from layers.calls import (
    BY_VOICE,
    call_to_write,
    called_by_machine,
    keep_call,
    list_calls,
    listed_with,
    ringing,
)
from layers.database import Identity, reading, snapshot, writing
from layers.history import CLOCK, open_revision
from layers.officers import person_of
from riskmap.alert_desk import ANSWER, CALL
from riskmap.alert_life import OPEN
from riskmap.calling import BY_KEY, KNOCK, NAMED, NO_ANSWER, Call, check_call, is_answered
from riskmap.channels import CallOutcome, CallState, message_key
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
    result: str,
    n: int | None = None,
    person: str = "",
    answered_by: str = "",
    repeated: str = "",
    others: bool = False,
    at: datetime | None = None,
) -> Row:
    """Note what came of a call about an open warning: an answer counts with a key pressed, or with who answered and what was repeated.

    `n` is the call on the list; without it `person` was called beside the list. `others`: it was also about everything
    else for which the same person is on the list. NotFound where the caller may not see
    it, Forbidden by role, BadInput for half an answer, Refused once the warning is over or the call was noted already.
    """
    if not may_call(identity):
        raise Forbidden(f"角色 {identity.role} 不能登记叫应结果", remedy="请联系值班室")
    at = at or datetime.now(UTC)
    check_call(Call("", NAMED, int(at.timestamp()), result, answered_by.strip(), repeated.strip()))
    with reading(reader, identity) as connection:
        warning_told(connection, warning_id)
        more = listed_with(connection, warning_id, n) if others and n is not None else []
    with writing(owner) as connection:
        rev = open_revision(connection, identity.name, "call", f"预警提示 {warning_id}：叫应")
        warning = _open_warning(connection, warning_id)
        caller = person_of(connection, identity.name, at.astimezone(CLOCK).date())
        one = (
            _beside_the_list(connection, warning, person.strip(), at, rev)
            if n is None
            else _on_list(connection, warning_id, n)
        )
        came = {"result": result, "answered_by": answered_by.strip(), "repeated": repeated.strip()}
        _note(connection, warning, one, came, caller, at, rev)
        for other, of_other in more:
            also = call_to_write(connection, other, of_other)
            about = warning_to_write(connection, other)
            if also and also["result"] is None and about and about["state"] in OPEN:
                _note(connection, about, also, came, caller, at, rev)
    with reading(reader, identity) as connection:
        return warning_told(connection, warning_id)


def note_outcome(
    owner: Engine, *, delivery_id: int, state: CallState, digit: str = "", at: datetime | None = None
) -> bool:
    """Note how a call ended that a channel of voice made (`delivery_id`: its message); whether that is news.

    Told twice, of a warning that is over, or of another message it changes nothing. Only a pressed key counts as an
    answer; a call that the gateway could not make is handed to the desk.
    """
    at = at or datetime.now(UTC)
    with writing(owner) as connection:
        found = called_by_machine(connection, delivery_id)
        one = call_to_write(connection, *found) if found else None
        if one is None or one["result"] is not None or one["channel"] == CALL_LIST:
            return False
        row = warning_to_write(connection, one["warning_id"])
        if row is None or row["state"] not in OPEN:
            return False
        rev = open_revision(connection, one["channel"], "call", f"预警提示 {one['warning_id']}：语音外呼")
        if state == "failed":
            keep_call(connection, one["warning_id"], one["n"], rev, channel=CALL_LIST)
            return True
        result = BY_KEY if state == "confirmed" else NO_ANSWER
        came = {"result": result, "answered_by": "", "repeated": digit if result == BY_KEY else ""}
        _note(connection, row, one, came, one["channel"], at, rev)
    return True


def take_outcomes(
    owner: Engine, channel: str, outcomes: Sequence[CallOutcome], at: datetime | None = None
) -> int:
    """Note how calls ended, as a channel of voice tells it by the keys of their messages; how many were news."""
    if not outcomes:
        return 0
    with snapshot(owner) as connection:
        calls = ringing(connection, channel)
    found = {
        message_key(str(warning), person, channel, BY_VOICE, n): number
        for number, warning, person, n in calls
    }
    known = [(found[one.key], one) for one in outcomes if one.key in found]
    return sum(
        note_outcome(owner, delivery_id=number, state=one.state, digit=one.digit, at=at)
        for number, one in known
    )


def _beside_the_list(connection: Connection, warning: Row, person: str, at: datetime, rev: int) -> Row:
    """A call that was not on the list, as a row of its own."""
    made = {"warning_id": warning["warning_id"], "duty_code": "", "rank": NAMED, "person": person or "—"}
    made |= {"phone": "", "channel": CALL_LIST, "due_at": at}
    (row,) = list_calls(connection, [made], {warning["warning_id"]: warning}, rev)
    return row


def _on_list(connection: Connection, warning_id: int, n: int) -> Row:
    """A call of which nothing was noted yet, locked; NotFound, Refused."""
    one = call_to_write(connection, warning_id, n)
    if one is None:
        raise NotFound(f"编号 {warning_id} 没有第 {n} 次叫应", remedy="请刷新页面")
    if one["result"] is not None:
        raise Refused("这次叫应已经登记过，或不再需要", remedy="请刷新页面")
    return one


def _note(
    connection: Connection, warning: Row, one: Row, came: Row, caller: str, at: datetime, rev: int
) -> None:
    """What came of a call, in its row and as a step of the warning's life."""
    warning_id = warning["warning_id"]
    keep_call(connection, warning_id, one["n"], rev, **came, made_at=at, noted_by=caller)
    call = as_call(one | came | {"made_at": at})
    answered = is_answered(call)
    way = "上门" if one["rank"] == KNOCK else "按键确认" if call.result == BY_KEY else ""
    said = "，".join(part for part in (way, call.repeated) if part)
    step = {
        "warning_id": warning_id,
        "action": ANSWER if answered else CALL,
        "state": warning["state"],
        "person": call.answered_by or one["person"] if answered else one["person"],
        "at": at,
        "note": f"{caller} → {one['person']}" + (f"：{said}" if said else ""),
    }
    add_steps(connection, [step], {warning_id: warning}, rev)


def note_read(
    owner: Engine, reader: Engine, identity: Identity, ids: Sequence[int], *, at: datetime | None = None
) -> list[int]:
    """Note that somebody had these warnings before their eyes; which of them were new to them. Who only looks on, none."""
    if identity.role in LOOK_ON:
        return []
    at = at or datetime.now(UTC)
    with reading(reader, identity) as connection:
        person = person_of(connection, identity.name, at.astimezone(CLOCK).date())
        unread = unread_by(connection, ids, person)
    if not unread:
        return []
    with writing(owner) as connection:
        rev = open_revision(connection, identity.name, "read", None)
        rows = {number: _open_warning(connection, number) for number in unread}
        steps = [
            {"warning_id": number, "action": "read", "state": row["state"], "person": person}
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

"""What people do with warnings: sign, handle, report, lift, archive; and silences, by name and with a reason."""

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

from sqlalchemy import Connection, Engine

from layers.alert_ledger import add_steps, keep_warnings, warning_to_write, warning_told
from layers.alert_silences import cut_silence, geometry_alone, keep_silence, metric_rings
from layers.city import stored_city
from layers.database import Identity, reading, writing
from layers.editions import edition_on
from layers.history import CLOCK, open_revision
from layers.officers import person_of
from riskmap.alert_life import BY_PROGRAM, OPEN, TRANSITIONS, Life, Step, after
from riskmap.alert_rules import AlertRules
from riskmap.errors import BadInput, Forbidden, NotFound
from riskmap.silences import Silence, check_silence

ACTIONS = tuple(action for action in TRANSITIONS if action not in BY_PROGRAM)
LOOK_ON = ("planner", "auditor")
"""roles that take no step and of whom nothing is proven"""
_ENDING = ("lift", "archive")
MAY_END = ("admin", "city", "township")
"""roles that say a warning is over, and that work its call list"""
_MAY_SILENCE = ("admin", "city")
Row = dict[str, Any]


def take_step(
    owner: Engine,
    reader: Engine,
    identity: Identity,
    warning_id: int,
    action: str,
    note: str = "",
    *,
    at: datetime | None = None,
) -> Row:
    """Do one step of a warning's life in somebody's name (that of the duty their account has); the warning as it then is.

    NotFound where they may not see it, Forbidden where their role may not do it, Refused where its state does not
    allow it or they have signed for it already, BadInput without a note where one is needed.
    """
    _check_role(identity, action)
    with reading(reader, identity) as connection:
        warning_told(connection, warning_id)
    at = at or datetime.now(UTC)
    with writing(owner) as connection:
        rev = open_revision(connection, identity.name, "warning", f"预警提示 {warning_id}：{action}")
        person = person_of(connection, identity.name, at.astimezone(CLOCK).date())
        step_by_name(connection, warning_id, action, person, note.strip(), at, rev)
    with reading(reader, identity) as connection:
        return warning_told(connection, warning_id)


def step_by_name(
    connection: Connection, warning_id: int, action: str, person: str, note: str, at: datetime, rev: int
) -> None:
    """Write one step of a warning's life in the revision that is open; errors as `take_step` but for the rights."""
    rules = AlertRules.from_edition(edition_on(connection, at.astimezone(CLOCK).date()))
    row = warning_to_write(connection, warning_id)
    if row is None:
        raise NotFound(f"没有编号为 {warning_id} 的预警提示", remedy="请核对编号")
    step = Step(action, person, int(at.timestamp()), note)
    life = after(Life(row["state"], tuple(row["signed_by"])), step, rules.signatures.of(row["warn"]))
    row |= {"state": life.state, "signed_by": list(life.signed_by), "rev": rev}
    if life.state not in OPEN:
        row["ended_at"] = row["ended_at"] or at
    keep_warnings(connection, [row])
    told = {"warning_id": warning_id, "action": action, "state": life.state}
    add_steps(connection, [{**told, "person": person, "at": at, "note": note}], {warning_id: row}, rev)


def note_step(
    connection: Connection, warning_id: int, action: str, person: str, note: str, at: datetime, rev: int
) -> None:
    """Write a row of a warning's life that leaves its state as it is, in the revision that is open; nothing where there is
    no such warning.
    """
    row = warning_to_write(connection, warning_id)
    if row is not None:
        step = {"warning_id": warning_id, "action": action, "state": row["state"], "person": person}
        add_steps(connection, [{**step, "at": at, "note": note}], {warning_id: row}, rev)


def add_silence(
    owner: Engine,
    identity: Identity,
    *,
    reason: str,
    hours: float,
    matchers: Mapping[str, Sequence[str]],
    polygon: dict[str, Any] | None = None,
) -> Row:
    """Begin a silence now, in somebody's name; Forbidden for other roles than the city's, BadInput as it is checked."""
    if not may_silence(identity):
        raise Forbidden("只有管理员和市级用户可以设置静默", remedy="请联系市级值班室")
    at = datetime.now(UTC).replace(microsecond=0)
    until = at + timedelta(hours=hours)
    with writing(owner) as connection:
        rules = AlertRules.from_edition(edition_on(connection, at.astimezone(CLOCK).date()))
        srid = stored_city(connection).metric_srid
        outline = None if polygon is None else geometry_alone(polygon)
        rings = metric_rings(outline, srid) if outline else ()
        fields = {field: tuple(values) for field, values in matchers.items()}
        times = int(at.timestamp()), int(until.timestamp())
        silence = Silence("", identity.name, reason, *times, fields, rings)
        check_silence(silence, rules.longest_silence_s)
        rev = open_revision(connection, identity.name, "silence", reason)
        silence = silence._replace(code=f"S{rev:08d}")
        keep_silence(connection, silence, outline, srid, rev)
    return {"code": silence.code, "author": silence.author, "reason": reason, "until": until}


def end_silence(owner: Engine, identity: Identity, code: str) -> None:
    """End a silence now, before its time; what still holds is told again. NotFound where none of that code lasts."""
    if not may_silence(identity):
        raise Forbidden("只有管理员和市级用户可以结束静默", remedy="请联系市级值班室")
    at = datetime.now(UTC).replace(microsecond=0)
    with writing(owner) as connection:
        rev = open_revision(connection, identity.name, "silence", f"提前结束静默 {code}")
        if not cut_silence(connection, code, at, rev):
            raise NotFound(f"没有正在进行的静默 {code}", remedy="请刷新页面")


def may_take(identity: Identity, action: str) -> bool:
    """Whether somebody's role may take a step."""
    return identity.role not in LOOK_ON and (action not in _ENDING or identity.role in MAY_END)


def may_silence(identity: Identity) -> bool:
    """Whether somebody may begin and end silences."""
    return identity.role in _MAY_SILENCE and not identity.committee


def _check_role(identity: Identity, action: str) -> None:
    if action not in ACTIONS:
        raise BadInput(f"未知的步骤 {action}", remedy=f"可用：{'、'.join(ACTIONS)}")
    if not may_take(identity, action):
        raise Forbidden(f"角色 {identity.role} 不能对预警提示执行 {action}", remedy="请由有权的人员处理")

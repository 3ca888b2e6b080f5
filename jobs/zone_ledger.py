"""Writing into the ledger of a joint-control zone, and what falls due in it today. One record is one revision."""

from dataclasses import dataclass, fields
from datetime import date, datetime
from secrets import token_hex
from typing import Any

import numpy as np
from sqlalchemy import Connection, Engine

from jobs.imports import Order, import_table
from layers.database import Identity, reading, snapshot
from layers.editions import edition_on
from layers.fields import LAYERS
from layers.history import CLOCK, Moment, head_rev
from layers.records import visible_codes
from layers.sheets import Table, cells_of
from layers.zone_ledger import entry_of, lead_of, ledger_of, pasts_of, record_of
from layers.zones import zone_detail, zones_in
from riskmap.errors import BadInput, Forbidden, NotFound, Refused
from riskmap.vocabulary import ZONE_RECORD_KINDS, words
from riskmap.zone_ledger import Due, LedgerRules, Past, dues, open_changes, worst

Row = dict[str, Any]
_LAYER = "zone_records"


@dataclass(frozen=True, slots=True)
class Note:
    """What is to be written of a zone, as text; `code` names a record that is there to change it."""

    kind: str
    title: str = ""
    done_on: str = ""
    due_on: str = ""
    unit_code: str = ""
    unit_name: str = ""
    phone: str = ""
    note: str = ""
    code: str = ""


@dataclass(frozen=True, slots=True)
class Ledger:
    """A zone's ledger: its records, how each item stands on `day`, the changes nobody has confirmed, the set lead unit."""

    records: list[Row]
    dues: list[Due]
    waiting: list[Past]
    lead: Row | None
    day: date

    @property
    def state(self) -> str:
        """The worst state of its items."""
        return worst(self.dues)


def ledgers(
    connection: Connection, zones: list[str], *, then: Moment | None = None, today: date | None = None
) -> dict[str, Ledger]:
    """The ledgers of some zones as the caller may know them, judged today or on the day of a moment."""
    day = today or (then.day if then and then.day else datetime.now(CLOCK).date())
    rules = LedgerRules.from_edition(edition_on(connection, day))
    pasts = pasts_of(connection, zones, then)
    records: dict[str, list[Row]] = {zone: [] for zone in zones}
    for row in ledger_of(connection, zones, then):
        records[row["zone_code"]].append(row)
    found = {}
    for zone, rows in records.items():
        entries, past = [entry_of(row) for row in rows], pasts.get(zone, [])
        found[zone] = Ledger(
            rows, dues(rules, past, entries, day), open_changes(past, entries), lead_of(rows), day
        )
    return found


def fallen_overdue(
    connection: Connection, township: str, since: date, today: date, *, as_job: bool = False
) -> list[Row]:
    """What fell overdue from a day on in the ledgers of a township's zones: zone_code, name, item, due_on.

    `as_job`: the connection is the owner's, who reads the records themselves.
    """
    names = zones_in(connection, township)
    then = Moment(None, head_rev(connection)) if as_job else None
    return [
        {"zone_code": code, "name": names[code], "item": one.item, "due_on": one.due_on}
        for code, ledger in ledgers(connection, list(names), then=then, today=today).items()
        for one in ledger.dues
        if one.due_on and since <= one.due_on < today
    ]


def may_record(identity: Identity, zone: Row) -> bool:
    """Whether somebody keeps the ledger of a zone: the city, or the township that answers for it alone."""
    if identity.role in ("admin", "city"):
        return not identity.committee
    own = zone["responsible"] == "township" and zone["township_code"] == identity.area_code
    return identity.role == "township" and own


def may_confirm(identity: Identity, zone: Row, ledger: Ledger) -> bool:
    """Whether somebody may confirm a zone's members: its lead unit itself, and whoever keeps the ledger."""
    lead = ledger.lead["unit_code"] if ledger.lead else None
    is_lead = identity.role == "enterprise" and lead is not None and identity.enterprise_code == lead
    return is_lead or may_record(identity, zone)


def record(
    owner: Engine, reader: Engine, identity: Identity, zone: str, note: Note, *, at: datetime | None = None
) -> Row:
    """Write one record of a zone's ledger, new or changed, as one revision; `{"code", "rev"}`, rev None where nothing changed.

    NotFound for a zone the caller may not see, Forbidden for who does not keep its ledger, BadInput for what cannot be
    read, Refused where the code belongs to another record.
    """
    if note.kind not in ZONE_RECORD_KINDS or note.kind == "confirm":
        allowed = "、".join(kind for kind in ZONE_RECORD_KINDS if kind != "confirm")
        raise BadInput(f"没有“{note.kind[:20]}”这种事项", remedy=f"可用：{allowed}；确认成员请用确认")
    with reading(reader, identity) as connection:
        found = _zone(connection, zone)
        if not may_record(identity, found):
            raise Forbidden("只有市级和片区所在镇街可以登记片区台账", remedy="请联系市级用户登记")
        if note.unit_code and not visible_codes(connection, [f"enterprise/{note.unit_code}"]):
            raise BadInput("单位代码：没有这个企业", remedy="请核对统一社会信用代码；或只填单位名称")
    _own_code(owner, zone, note)
    return _write(owner, identity, zone, note, None, at)


def confirm(
    owner: Engine,
    reader: Engine,
    identity: Identity,
    zone: str,
    run_id: int,
    *,
    note: str = "",
    at: datetime | None = None,
) -> Row:
    """Confirm a zone's members as they were after a run (the newest one shown to who confirms); as `record`.

    Refused where nothing waits, or where the members have changed since that run.
    """
    with reading(reader, identity) as connection:
        found = _zone(connection, zone)
        ledger = ledgers(connection, [zone])[zone]
        if not may_confirm(identity, found, ledger):
            raise Forbidden("只有牵头单位、所在镇街和市级可以确认片区成员", remedy="请联系牵头单位确认")
        if not ledger.waiting:
            raise Refused("没有待确认的成员变化", remedy="请刷新页面；可能已有人确认")
        newest = max(one.run_id for one in ledger.waiting)
    if run_id != newest:
        raise Refused("片区成员与页面所示不同，未予确认", remedy="请刷新页面，核对成员后再确认")
    day = (at or datetime.now(CLOCK)).astimezone(CLOCK).date()
    title = words("zh")["zone_record_kind"]["confirm"]
    told = Note(
        "confirm", title, done_on=day.isoformat(), unit_code=identity.enterprise_code or "", note=note
    )
    return _write(owner, identity, zone, told, run_id, at)


def _zone(connection: Connection, code: str) -> Row:
    found = zone_detail(connection, code)
    if found is None:
        raise NotFound(f"没有编号为 {code[:64]} 的片区，或无权查看", remedy="请从片区列表进入")
    return found


def _own_code(owner: Engine, zone: str, note: Note) -> None:
    """Refused where a code is taken by a record of another zone or kind, whoever may see it."""
    if not note.code:
        return
    with snapshot(owner) as connection:
        known = record_of(connection, note.code)
    if known is not None and (known["zone_code"], known["kind"]) != (zone, note.kind):
        raise Refused(f"编号 {note.code[:64]} 已属于另一条台账", remedy="请去掉编号，由系统编号")


def _write(
    owner: Engine, identity: Identity, zone: str, note: Note, run_id: int | None, at: datetime | None
) -> Row:
    """The record through the import, so that it is checked, placed and compared like any other."""
    code = note.code or f"{zone}-{token_hex(5)}"
    told = {one.name: getattr(note, one.name) for one in fields(Note)} | {"code": code, "zone_code": zone}
    told["run_id"] = "" if run_id is None else str(run_id)
    kind = words("zh")["zone_record_kind"][note.kind]
    told["title"] = note.title.strip() or kind
    table = Table(
        "片区台账", {name: cells_of([text]) for name, text in told.items()}, np.array([1], np.int32)
    )
    order = Order(identity.name, "zone_ledger", f"片区台账：{zone} {kind} {told['title']}"[:200], at)
    try:
        report = import_table(owner, _LAYER, table, order)
    except Refused as refused:
        raise _told(refused) from None
    return {"code": code, "rev": report.rev}


def _told(refused: Refused) -> BadInput | Refused:
    """A row that is not taken, told as a field of a form."""
    rejected = refused.facts.get("report", {}).get("rejected")
    if not rejected:
        return refused
    first = rejected[0]
    field = next((one.zh for one in LAYERS[_LAYER].fields if one.name == first["field"]), first["field"])
    return BadInput(f"{field}：{first['reason']}", remedy=first.get("remedy") or "请改正后重新提交")

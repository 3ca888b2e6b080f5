"""Warnings to the public: drafted by who may, approved by who has the authority, withdrawn, replaced and lifted.

A draft sends nothing. What is approved is told to other systems in the same revision, and a red one raises the areas
that it covers until it ends (`layers.dynamic`). Rights and signatures are demanded by the database once more.
"""

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import Connection, Engine

from jobs.public_cap import city_names, tell_public
from layers.alert_ledger import warning_told
from layers.alert_silences import geometry_alone, metric_rings
from layers.city import stored_city
from layers.database import Identity, reading, writing
from layers.editions import edition_on
from layers.history import CLOCK, open_revision
from layers.officers import person_of
from layers.public_warnings import (
    COVERED,
    Covered,
    add_public_step,
    change_versions,
    covered,
    drafter_of,
    keep_draft,
    number_taken,
    public_told,
    version_to_write,
)
from layers.schema import SCOPE
from riskmap.alert_rules import AlertRules
from riskmap.errors import BadInput, Forbidden, NotFound, Refused
from riskmap.public_warnings import (
    APPROVERS,
    DRAFTERS,
    PublicWarning,
    Said,
    after,
    check_approval,
    check_draft,
    check_end,
    check_second_person,
    headline,
    said_of,
    standing,
)

Row = dict[str, Any]


def may_draft(identity: Identity) -> bool:
    """Whether somebody may draft a warning to the public."""
    return identity.role in DRAFTERS and not identity.committee


def may_approve(identity: Identity) -> bool:
    """Whether somebody has the authority to approve one and to lift it."""
    return identity.role in APPROVERS and not identity.committee


def draft_warning(
    owner: Engine,
    reader: Engine,
    identity: Identity,
    one: PublicWarning,
    *,
    townships: Sequence[str] = (),
    outline: Row | None = None,
    replaces: str | None = None,
    warning_id: int | None = None,
    at: datetime | None = None,
) -> Row:
    """File a draft, for townships or inside an outline; nothing is sent.

    Forbidden where the role may not, or a township warns, or updates what warns, beyond its own ground; BadInput for what cannot be approved as it
    stands; with `replaces` it is an update of one that is in force, Refused where that is over.
    """
    if not may_draft(identity):
        raise Forbidden("您的角色不能起草公开预警", remedy="请由市级用户或属地镇街起草")
    at = at or datetime.now(UTC)
    check_end(one.until, at)  # first: an end at the end of time is beyond any other clock
    outline = outline and geometry_alone(outline)
    if warning_id is not None:
        with reading(reader, identity) as connection:
            warning_told(connection, warning_id)
    one = one._replace(until=one.until.astimezone(CLOCK))
    with writing(owner) as connection:
        city, day = stored_city(connection), at.astimezone(CLOCK).date()
        rules = AlertRules.from_edition(edition_on(connection, day))
        areas = _areas(connection, identity, townships, outline, city.metric_srid)
        names = city_names(city)
        one = one._replace(said=_with_areas(one, areas, names))
        check_draft(one, names)
        before = _replaced(connection, replaces, at) if replaces else None
        if before and identity.role == "township" and before["townships"] != [identity.area_code]:
            # the whole of it is replaced: elsewhere nothing would be in force any more
            raise Forbidden("镇街只能更新仅涉及本辖区的公开预警", remedy="涉及其他镇街的预警请由市级用户更新")
        rev = open_revision(connection, identity.name, "public_warning", "起草公开预警")
        code = f"P{rev:08d}"
        row = {
            "code": code,
            "series": before["series"] if before else code,
            "version": before["version"] + 1 if before else 1,
            "replaces": replaces,
            "warning_id": warning_id,
            "state": "draft",
            "kind": one.kind,
            "level": one.level,
            "said": {lang: said._asdict() for lang, said in one.said.items()},
            "signatures": rules.signatures.of(one.level),
            **{name: getattr(areas, name) for name in COVERED.values()},
            "outline": outline,
            "until_at": one.until,
            **dict.fromkeys(SCOPE),
            "township_code": identity.area_code if identity.role == "township" else None,
            "valid_from": day,
            "rev": rev,
        }
        keep_draft(connection, row)
        _step(connection, identity, row, "draft", "draft", "", at, rev)
    return _told(reader, identity, code, at)


def approve_warning(
    owner: Engine,
    reader: Engine,
    identity: Identity,
    code: str,
    *,
    number: str,
    signatory: str,
    note: str = "",
    at: datetime | None = None,
) -> Row:
    """Approve a draft under a document number: it is in force from now on, and what it updates is replaced.

    Forbidden for a role without the authority; Refused where it is no draft any more, its time is over, the number is
    taken, what it updates is over, or two must sign and the drafter asks; BadInput without number or signatory.
    """
    _check_authority(identity)
    number, signatory, at = number.strip(), signatory.strip(), at or datetime.now(UTC)
    check_approval(number, signatory)
    _told(reader, identity, code, at)
    with writing(owner) as connection:
        row = _to_write(connection, code)
        state = after("approve", row["state"], note)
        check_end(row["until_at"], at)
        check_second_person(drafter_of(connection, code), identity.name, row["signatures"])
        if number_taken(connection, number):
            raise Refused(f"发布文号 {number} 已经用过", remedy="请核对文号", field="number")
        before = _replaced(connection, row["replaces"], at) if row["replaces"] else None
        rev = open_revision(connection, identity.name, "public_warning", f"批准公开预警 {number}")
        _step(connection, identity, row, "approve", state, note, at, rev)
        new = {"number": number, "signatory": signatory, "approved_at": at}
        written = {"valid_from": at.astimezone(CLOCK).date(), "rev": rev}
        changes = {code: {"state": state, **new, **written}}
        if before:
            over = after("replace", before["state"])
            changes[before["code"]] = {"state": over, "ended_at": at, **written}
            _step(connection, identity, before, "replace", over, code, at, rev)
        change_versions(connection, changes)
        row |= new
        tell_public(connection, row, _warning_of(row), at, rev)
    return _told(reader, identity, code, at)


def withdraw_draft(
    owner: Engine, reader: Engine, identity: Identity, code: str, note: str, *, at: datetime | None = None
) -> Row:
    """Take a draft back, one's own or as who would have to approve it; nothing was ever sent of it."""
    at = at or datetime.now(UTC)
    _told(reader, identity, code, at)
    with writing(owner) as connection:
        row = _to_write(connection, code)
        own = may_draft(identity) and drafter_of(connection, code) == identity.name
        if not own and not may_approve(identity):
            raise Forbidden("只有起草人和有审批权的人员可以撤回草稿", remedy="请联系起草人或市级用户")
        state = after("withdraw", row["state"], note)
        rev = open_revision(connection, identity.name, "public_warning", f"撤回公开预警草稿 {code}")
        _step(connection, identity, row, "withdraw", state, note, at, rev)
        change_versions(
            connection, {code: {"state": state, "valid_from": at.astimezone(CLOCK).date(), "rev": rev}}
        )
    return _told(reader, identity, code, at)


def lift_warning(
    owner: Engine, reader: Engine, identity: Identity, code: str, note: str, *, at: datetime | None = None
) -> Row:
    """Lift a warning that is in force: a cancellation goes out. Forbidden, Refused and BadInput as for its approval."""
    _check_authority(identity)
    at = at or datetime.now(UTC)
    _told(reader, identity, code, at)
    with writing(owner) as connection:
        row = _to_write(connection, code)
        state = after("lift", standing(row["state"], row["until_at"], at), note)
        rev = open_revision(connection, identity.name, "public_warning", f"解除公开预警 {row['number']}")
        _step(connection, identity, row, "lift", state, note, at, rev)
        end = {"state": state, "ended_at": at, "valid_from": at.astimezone(CLOCK).date(), "rev": rev}
        change_versions(connection, {code: end})
        tell_public(connection, row, _warning_of(row), at, rev, over=note.strip())
    return _told(reader, identity, code, at)


def _areas(
    connection: Connection, identity: Identity, townships: Sequence[str], outline: Row | None, srid: int
) -> Covered:
    """What a draft covers. BadInput for nothing, or an outline that is none; Forbidden beyond one's own ground."""
    if bool(townships) == (outline is not None):
        raise BadInput("请选择镇街，或在地图上画出范围", remedy="两者选一", field="area")
    if outline is not None:
        metric_rings(outline, srid)
    areas = covered(connection, townships, outline)
    if set(townships) - set(areas.townships) or not any(areas[:3]):
        raise BadInput("范围内没有本市的镇街、村组", remedy="请核对镇街，或重新画出范围", field="area")
    if identity.role == "township" and set(areas.townships) != {identity.area_code}:
        raise Forbidden("镇街只能为本辖区起草公开预警", remedy="跨镇街的预警请由市级用户起草")
    return areas


def _with_areas(one: PublicWarning, areas: Covered, names: Mapping[str, str]) -> dict[str, Said]:
    """The wording with what the warning is called, and the townships' names where nothing else is said of the area."""
    return {
        lang: said._replace(
            area=said.area.strip() or ("、" if lang == "zh" else ", ").join(areas.names),
            title=headline(names[lang], one.kind, one.level, lang),
        )
        for lang, said in one.said.items()
    }


def _replaced(connection: Connection, code: str, at: datetime) -> Row:
    """What an update replaces; Refused where it is not in force."""
    row = _to_write(connection, code)
    if row["state"] != "open" or row["until_at"] <= at:
        raise Refused("要更新的公开预警已不在生效中", remedy="请重新起草一条")
    return row


def _to_write(connection: Connection, code: str) -> Row:
    row = version_to_write(connection, code)
    if row is None:
        raise NotFound(f"没有编号为 {code} 的公开预警", remedy="请核对编号")
    return row


def _warning_of(row: Row) -> PublicWarning:
    """A kept version as the rules take it."""
    until = row["until_at"].astimezone(CLOCK)
    said = said_of(row["said"])
    return PublicWarning(row["kind"], row["level"], said, until, row["number"] or "", row["signatory"] or "")


def _step(
    connection: Connection,
    identity: Identity,
    row: Row,
    action: str,
    state: str,
    note: str,
    at: datetime,
    rev: int,
) -> None:
    person = person_of(connection, identity.name, at.astimezone(CLOCK).date())
    step = {"action": action, "state": state, "account": identity.name, "person": person, "at": at}
    add_public_step(connection, row, {**step, "note": note.strip()}, rev)


def _check_authority(identity: Identity) -> None:
    if not may_approve(identity):
        raise Forbidden("您没有批准和解除公开预警的权限", remedy="请由市级有审批权的人员处理")


def _told(reader: Engine, identity: Identity, code: str, at: datetime) -> Row:
    """A version as somebody may see it; NotFound where they may not."""
    with reading(reader, identity) as connection:
        told = public_told(connection, code, at)
    if told is None:
        raise NotFound(f"没有编号为 {code} 的公开预警，或无权查看", remedy="请核对编号")
    return told

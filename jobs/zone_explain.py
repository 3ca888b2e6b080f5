"""Why a zone's score is what it is, in words, masked by rights."""

from typing import Any

from sqlalchemy import Engine

from layers.database import Identity, reading, snapshot
from layers.history import head_rev, moment
from layers.records import points
from layers.zone_ended import zone_or_last
from layers.zones import account_of_zone, members_beyond, members_of
from riskmap.errors import NotFound, RiskMapError
from riskmap.vocabulary import words
from riskmap.zone_words import zone_words

_GROUPS = {
    "lead_member": "members",
    "member_elsewhere": "members",
    "domino": "domino",
    "domino_cap": "domino",
}
Row = dict[str, Any]


def explain_zone(
    owner: Engine,
    reader: Engine,
    identity: Identity,
    code: str,
    *,
    as_of: str | None = None,
    lang: str = "zh",
) -> Row:
    """The account of a zone, complete; the values sum to its score. With `as_of` that of a day of the past; of a zone
    that has ended by then, that of just before its end.

    NotFound where there is no such zone or none of its members is this identity's to see. Others' members appear by
    the projection: kind, level, hazard, distance, bearing, name.
    """
    with reading(reader, identity) as connection:
        then = moment(connection, as_of) if as_of else None
        told = zone_or_last(connection, code, then)
        known = head_rev(connection)
    if told is None:
        raise NotFound(f"没有片区 {code}", remedy="请核对编号；没有本单位或本辖区成员的片区不在您的权限内")
    zone, then = told.zone, told.then
    known = then.rev if then else known
    with snapshot(owner) as connection:
        lines = account_of_zone(connection, code, then)
        names = {one["code"]: one["name"] for one in members_of(connection, code, then)}
        level, mine = identity.scope
        others = (
            {}
            if identity.sees_city
            else members_beyond(connection, code, known, level.removeprefix("riskmap."), mine)
        )
    if sum(line["value"] for line in lines) != round((zone["score"] or 0) * 1_000_000):
        raise RiskMapError(
            "构成之和与分值不符，说明不予显示", remedy="请重新划定片区；仍然不符时请告知维护人员"
        )
    facts = ("code", "name", "score", "level", "base_score", "base_level", "rise", "rise_level")
    about = ("run_id", "of_run", "edition", "data_time")
    return {
        **{name: zone[name] for name in facts},
        "kind": "zone",
        **{name: zone[name] for name in about},
        "lead_name": zone["lead_name"],
        "contributions": [_in_words(line, lang) for line in _masked(lines, names, others)],
    }


def _masked(lines: list[Row], names: dict[str, str], others: dict[str, Row]) -> list[Row]:
    """Lines with their members' names; all that another's member adds is one line, so that the sum stays."""
    told: list[Row] = []
    elsewhere: dict[str, Row] = {}
    for line in lines:
        code = (line["record"] or "").partition("/")[2]
        if code not in others:
            args = line["args"] | ({"name": names[code]} if code else {})
            told.append(line | {"args": args})
        elif code in elsewhere:
            elsewhere[code]["value"] += line["value"]
        else:
            kinds = {name: words(name[-2:])["source_kind"] for name in ("kind_zh", "kind_en")}
            kind = {name: of.get(others[code]["kind"], others[code]["kind"]) for name, of in kinds.items()}
            args = {name: value for name, value in others[code].items() if name != "code"} | kind
            elsewhere[code] = {
                "item": "member_elsewhere",
                "record": None,
                "value": line["value"],
                "args": args,
            }
            told.append(elsewhere[code])
    return told


def _in_words(line: Row, lang: str) -> Row:
    label, reason = zone_words(line["item"], line["args"], lang)
    return {
        "kind": line["item"],
        "record": line["record"],
        "label": label,
        "value": points(line["value"]),
        "reason": reason,
        "group": _GROUPS[line["item"]],
    }

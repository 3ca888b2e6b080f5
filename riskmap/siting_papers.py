"""Opinion papers 选址安全审查意见书: their numbers, what is asked besides the proposal, their data part and its hash.

The data part is canonical JSON, kept as the text that was hashed. A paper of a number is that text for ever; a changed
design is a paper of a new number that cites the old one.
"""

import hashlib
import json
import re
from collections.abc import Iterable, Mapping
from typing import Any, NamedTuple

from riskmap.errors import BadInput
from riskmap.siting_findings import verdict_of
from riskmap.siting_paper_rules import ALWAYS, PEOPLE, ZONES, Both, Condition, PaperRules

FORMAT = 1
"""of the data part; a later one is read beside it"""
NUMBER = re.compile(r"[0-9A-Za-z]{2,12}-[0-9]{4}-[0-9]{4,7}")
PLANNED = ("admissible", "study_required")
"""verdicts whose proposals stand for what is planned, while their papers hold"""
ASKED = ("applicant", "project_code", "replaces", "note")
_LONGEST = {"applicant": 100, "project_code": 64, "replaces": 30, "note": 2000}
_UNITS = {"m": "米", "m2": "平方米"}

Row = dict[str, Any]


class PaperAsked(NamedTuple):
    """What a paper tells besides the proposal: who proposes, its project code, the number it replaces, what is built."""

    applicant: str = ""
    project_code: str = ""
    replaces: str = ""
    note: str = ""


def split_asked(given: Any) -> tuple[Any, PaperAsked]:
    """The proposal of a JSON object without its part `paper`, and that part. BadInput naming the field for a wrong one."""
    if not isinstance(given, Mapping) or "paper" not in given:
        return given, PaperAsked()
    proposal = {key: value for key, value in given.items() if key != "paper"}
    asked = given["paper"]
    if asked is None:
        return proposal, PaperAsked()
    if not isinstance(asked, Mapping) or set(asked) - set(ASKED):
        raise _wrong("paper", "不是意见书信息", f"可用字段：{'、'.join(ASKED)}")
    return proposal, PaperAsked(**{name: _text(asked, name) for name in ASKED})


def number_of(city_code: str, year: int, serial: int) -> str:
    """The number of a paper: city, year, serial of that year."""
    return f"{city_code}-{year:04d}-{serial:04d}"


def canonical(data: Mapping[str, Any]) -> str:
    """The data part as it is kept: sorted keys, no blanks, every text as it is. Equal data, equal bytes."""
    return json.dumps(data, ensure_ascii=False, sort_keys=True, separators=(",", ":"), allow_nan=False)


def digest(content: str) -> str:
    """SHA-256 of a data part, in hex."""
    return hashlib.sha256(content.encode()).hexdigest()


def conditions_of(rules: PaperRules, verdict: Row, effects: Row) -> list[Row]:
    """The conditions that follow from a verdict and its effects, each with who checks it and when."""
    there = {ALWAYS, verdict["verdict"], *(one["outcome"] for one in verdict["rules"])}
    joins = any(one["joined"] or one["left"] for one in effects["zones"])
    there |= {ZONES} if joins else set()
    there |= {PEOPLE} if effects["people_exposed"] else set()
    return [_condition(one) for one in rules.conditions if one.on in there]


def turning_of(rows: Iterable[Row]) -> list[Row]:
    """What would have to change for each rule that speaks against the proposal: by how many metres, or what is missing."""
    found = []
    for row in rows:
        if verdict_of(row["outcome"]) == "admissible":
            continue
        lacking = abs(row["margin"]) if row["margin"] is not None and row["margin"] <= 0 else None
        found.append(
            {
                **{name: row[name] for name in ("rule", "outcome", "outcome_text", "why", "clause", "unit")},
                "object": (row["object"] or {}).get("name") or row.get("object_zh"),
                "lacking": round(lacking, 3) if lacking is not None else None,
                "turns": turn_of(row, lacking)._asdict(),
            }
        )
    return found


def at_limit(row: Row) -> bool:
    """Whether what was measured is exactly the limit, so that the text's own words decide."""
    return bool(row["margin"] == 0)  # None where either is not known


def turn_of(row: Row, lacking: float | None) -> Both:
    """What would turn a rule's outcome: its `rule`, `outcome`, `unit` and `inclusive`, and how much is lacking, where known."""
    if row["outcome"] == "not_on_file":
        return Both("核实并登记限值或存量后重新审查", "looked up and recorded, it is judged again")
    if lacking is not None:
        unit = _UNITS.get(row["unit"], row["unit"])
        least = "至少" if row["inclusive"] else "超过"
        return Both(
            f"须再远离{least} {lacking:,.12g} {unit}，或证明该条不适用",
            f"{'at least' if row['inclusive'] else 'more than'} {lacking:,.12g} {row['unit']} farther, or proof"
            " that the row does not bind",
        )
    if row["rule"] == "access" and row["outcome"] == "veto":
        return Both(
            "该类别一律否决，换址或批准都不能改变；须改为其他类别",
            "the kind is vetoed wherever it stands, and no approval lifts that; it has to be another kind",
        )
    if row["rule"] == "access":
        return Both(
            "取得有权机关的书面例外批准并登记", "a written exception of the competent authority on record"
        )
    return Both("专项安全评估论证给出结论后重新审查", "judged again with the outcome of a study")


def _condition(one: Condition) -> Row:
    return {"on": one.on, **{name: getattr(one, name)._asdict() for name in ("text", "checked_by", "due")}}


def _text(asked: Mapping[str, Any], name: str) -> str:
    value = asked.get(name)
    if value is None:
        return ""
    most = _LONGEST[name]
    if not isinstance(value, str) or len(value) > most or not value.replace("\n", " ").isprintable():
        raise _wrong(f"paper.{name}", f"不是至多 {most} 字的文字", "请改正")
    if name == "replaces" and value.strip() and not NUMBER.fullmatch(value.strip()):
        raise _wrong("paper.replaces", "不是意见书编号", "写成 430981-2026-0001 的形式")
    return value.strip()


def _wrong(name: str, reason: str, remedy: str) -> BadInput:
    return BadInput(f"字段 {name}：{reason}", remedy=remedy, field=name)

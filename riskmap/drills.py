"""Drills 演练: a made-up alarm at a real source that goes the whole way of warnings, and who was reached how fast.

Everything that comes of one is marked: its facts are of the layer `drills`, its messages begin with 【演练】, its CAP
messages are Exercises. It is in a group of its own, so no real warning is told together with it.
"""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, NamedTuple

from riskmap.alert_life import PROOFS
from riskmap.errors import BadInput
from riskmap.vocabulary import LEVELS, words

_FIELDS = ("name", "source", "level", "why", "minutes")
_MOST_MINUTES = 24 * 60
_MOST_NAME = 60
_LEVELS = {word: level for level, word in LEVELS.items()}
Row = dict[str, Any]


class Scenario(NamedTuple):
    """What is made believe: an alarm of a level at a source (None: the city's worst), why, and for how long."""

    name: str = "报警处置演练"
    source: str | None = None
    level: int = 1
    why: str = "alarm"
    minutes: int = 60


def scenario_of(given: Mapping[str, Any]) -> Scenario:
    """A scenario as people write it: `{"name", "source", "level", "why", "minutes"}`, each may be left out.

    Raises BadInput for an unknown field or value.
    """
    unknown = sorted(set(given) - set(_FIELDS))
    if unknown:
        raise _wrong(unknown[0], "未知字段", f"可用：{'、'.join(_FIELDS)}")
    usual = Scenario()
    name, source = given.get("name", usual.name), given.get("source")
    if not isinstance(name, str) or not 0 < len(name.strip()) <= _MOST_NAME:
        raise _wrong("name", "为空或过长", f"请用 {_MOST_NAME} 字以内的名称")
    if source is not None and (not isinstance(source, str) or not source.strip()):
        raise _wrong("source", "不是编码", "请填写危险源编码，或留空")
    level = given.get("level", LEVELS[usual.level])
    if level not in _LEVELS:
        raise _wrong("level", "未知级别", f"可用：{'、'.join(_LEVELS)}")
    why, reasons = given.get("why", usual.why), words("zh")["alert_why"]
    if why not in reasons:
        raise _wrong("why", "未知原因", f"可用：{'、'.join(reasons)}")
    minutes = given.get("minutes", usual.minutes)
    if not isinstance(minutes, int) or isinstance(minutes, bool) or not 1 <= minutes <= _MOST_MINUTES:
        raise _wrong("minutes", f"须为 1 至 {_MOST_MINUTES} 的整数", "请改正")
    return Scenario(name.strip(), source, _LEVELS[level], why, minutes)


class Reached(NamedTuple):
    """One person of a drill: seconds from the beginning to each proof, None where it is not proven."""

    person: str
    audience: str
    took_s: Mapping[str, int | None]


def reached(begun: datetime, warnings: Sequence[Row]) -> list[Reached]:
    """Everyone whom a drill was to reach or who did something, from its warnings as the ledger tells them."""
    found: dict[str, dict[str, datetime]] = {}
    audiences: dict[str, str] = {}
    for row in warnings:
        for message in row["messages"]:
            audiences.setdefault(message["person"], message["audience"])
        for person, proofs in row["proofs"].items():
            own = found.setdefault(person, {})
            for proof, at in proofs.items():
                own[proof] = min(own.get(proof, at), at)
    return [
        Reached(
            person, audiences.get(person, ""), {proof: _seconds(begun, own.get(proof)) for proof in PROOFS}
        )
        for person, own in found.items()
    ]


def _seconds(begun: datetime, at: Any) -> int | None:
    if at is None:
        return None
    moment = at if isinstance(at, datetime) else datetime.fromisoformat(at)
    return max(int((moment - begun).total_seconds()), 0)


def _wrong(field: str, reason: str, remedy: str) -> BadInput:
    return BadInput(f"演练方案字段 {field}：{reason}", remedy=remedy, field=field)

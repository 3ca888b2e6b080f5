"""CAP 1.2 (Common Alerting Protocol): a warning as every system of the world reads it, and what it must keep to.

The schema says which elements there are; here stands what the standard says in words, and what we demand besides: a
ring is closed and has 4 to 100 points, times have an offset, what is not public names who may see it. Positions are
(longitude, latitude) as everywhere in the program; only the XML has them the other way round.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Literal, get_args

Status = Literal["Actual", "Exercise", "System", "Test", "Draft"]
MsgType = Literal["Alert", "Update", "Cancel", "Ack", "Error"]
Scope = Literal["Public", "Restricted", "Private"]
Urgency = Literal["Immediate", "Expected", "Future", "Past", "Unknown"]
Severity = Literal["Extreme", "Severe", "Moderate", "Minor", "Unknown"]
Certainty = Literal["Observed", "Likely", "Possible", "Unlikely", "Unknown"]

STATUSES: dict[str, Status] = {one: one for one in get_args(Status)}
MSG_TYPES: dict[str, MsgType] = {one: one for one in get_args(MsgType)}
SCOPES: dict[str, Scope] = {one: one for one in get_args(Scope)}
URGENCIES: dict[str, Urgency] = {one: one for one in get_args(Urgency)}
SEVERITIES: dict[str, Severity] = {one: one for one in get_args(Severity)}
CERTAINTIES: dict[str, Certainty] = {one: one for one in get_args(Certainty)}

SEVERITY_OF: dict[str, Severity] = {
    "red": "Extreme",
    "orange": "Severe",
    "yellow": "Moderate",
    "blue": "Minor",
}
"""预警级别 as CAP says it"""
LEVEL_OF: dict[str, str] = {severity: level for level, severity in SEVERITY_OF.items()}

FEWEST_POINTS = 4
MOST_POINTS = 100
"""of a ring, its first point told twice"""
FARTHEST_KM = 20_040.0
_WORD = re.compile(r"[^\s,<&]+")

Point = tuple[float, float]
Ring = tuple[Point, ...]


@dataclass(frozen=True, slots=True)
class CapArea:
    """Where it holds: rings and circles (longitude, latitude, km) together, and codes of areas."""

    description: str
    rings: tuple[Ring, ...] = ()
    circles: tuple[tuple[float, float, float], ...] = ()
    geocodes: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True, slots=True)
class CapInfo:
    """What is told, in one language."""

    language: str
    categories: tuple[str, ...]
    event: str
    urgency: Urgency
    severity: Severity
    certainty: Certainty
    responses: tuple[str, ...] = ()
    event_codes: tuple[tuple[str, str], ...] = ()
    effective: datetime | None = None
    onset: datetime | None = None
    expires: datetime | None = None
    sender_name: str = ""
    headline: str = ""
    description: str = ""
    instruction: str = ""
    web: str = ""
    contact: str = ""
    parameters: tuple[tuple[str, str], ...] = ()
    areas: tuple[CapArea, ...] = ()


@dataclass(frozen=True, slots=True)
class Reference:
    """An earlier message that this one updates or cancels."""

    sender: str
    identifier: str
    sent: datetime


@dataclass(frozen=True, slots=True)
class CapAlert:
    """One message. Who it is for: `scope`, and `restriction` in words where it is not the public."""

    identifier: str
    sender: str
    sent: datetime
    status: Status
    msg_type: MsgType
    scope: Scope
    infos: tuple[CapInfo, ...] = ()
    source: str = ""
    restriction: str = ""
    addresses: str = ""
    codes: tuple[str, ...] = ()
    note: str = ""
    references: tuple[Reference, ...] = ()
    incidents: str = ""


@dataclass(frozen=True, slots=True)
class CapProblem:
    """What is wrong with a message: which element, why, and what to do."""

    element: str
    reason: str
    remedy: str


def problems(alert: CapAlert, most_points: int | None = MOST_POINTS) -> list[CapProblem]:
    """What the schema does not see. `most_points` None: a ring may have any number (what others send)."""
    return [*_of_the_head(alert), *(one for info in alert.infos for one in _of_info(info, most_points))]


def _of_the_head(alert: CapAlert) -> Iterator[CapProblem]:
    for name, value in (("identifier", alert.identifier), ("sender", alert.sender)):
        if not _WORD.fullmatch(value):
            yield CapProblem(name, "为空，或含有空白、逗号、< 或 &", "请改用字母、数字、点和连字符")
    if alert.scope == "Restricted" and not alert.restriction.strip():
        yield CapProblem("restriction", "scope 为 Restricted 时必须说明限制", "请写明可以接收的范围")
    if alert.scope == "Private" and not alert.addresses.strip():
        yield CapProblem("addresses", "scope 为 Private 时必须写明收件人", "请写明收件人")
    if alert.msg_type in {"Update", "Cancel", "Ack", "Error"} and not alert.references:
        yield CapProblem("references", f"{alert.msg_type} 没有指明针对哪一条", "请写 发送方,编号,时间")
    if alert.msg_type in {"Alert", "Update"} and not alert.infos:
        yield CapProblem("info", "没有内容", "请至少写一个 info")
    languages = [info.language.lower() for info in alert.infos]
    if alert.msg_type in {"Alert", "Update"} and len({info.event for info in alert.infos}) > len(
        set(languages)
    ):
        yield CapProblem("info", "同一语言的 info 说的不是同一件事", "不同的事请分成几条")
    if any(one.tzinfo is None for one in _times(alert)):
        yield CapProblem("sent", "时间没有时区", "请写成 2026-03-01T08:00:00+08:00")


def _times(alert: CapAlert) -> Iterator[datetime]:
    yield alert.sent
    yield from (one.sent for one in alert.references)
    for info in alert.infos:
        yield from (one for one in (info.effective, info.onset, info.expires) if one is not None)


def _of_info(info: CapInfo, most_points: int | None) -> Iterator[CapProblem]:
    begins = info.onset or info.effective
    if info.expires is not None and begins is not None and info.expires < begins:
        yield CapProblem("expires", "结束早于开始", "请核对 onset、effective 和 expires")
    for area in info.areas:
        for ring in area.rings:
            yield from _of_ring(ring, most_points)
        for lon, lat, km in area.circles:
            if not _on_earth((lon, lat)) or not 0 <= km <= FARTHEST_KM:
                yield CapProblem("circle", "圆心不在地球上，或半径不对", "请写成 纬度,经度 半径（公里）")


def _of_ring(ring: Ring, most_points: int | None) -> Iterator[CapProblem]:
    if len(ring) < FEWEST_POINTS or len(set(ring)) < FEWEST_POINTS - 1:
        yield CapProblem("polygon", f"少于 {FEWEST_POINTS} 个点", "请至少写三个不同的点，并重复第一个点")
    elif ring[0] != ring[-1]:
        yield CapProblem("polygon", "首尾两点不同", "请把第一个点重复在最后")
    if most_points is not None and len(ring) > most_points:
        yield CapProblem("polygon", f"超过 {most_points} 个点", "请简化轮廓")
    if not all(_on_earth(point) for point in ring):
        yield CapProblem("polygon", "有的点不在地球上", "请写成 纬度,经度，注意先后次序")


def _on_earth(point: Point) -> bool:
    lon, lat = point
    return -180 <= lon <= 180 and -90 <= lat <= 90

"""A CAP message of somebody else, read into our types: `read_cap` refuses with every reason, or all of it is there."""

import math
from collections.abc import Callable, Iterator, Mapping
from datetime import datetime
from typing import TypeVar

from lxml import etree

from layers.cap_text import NAMESPACE, cap_tree, refuse
from riskmap.cap import (
    CERTAINTIES,
    MSG_TYPES,
    SCOPES,
    SEVERITIES,
    STATUSES,
    URGENCIES,
    CapAlert,
    CapArea,
    CapInfo,
    CapProblem,
    Point,
    Reference,
    Ring,
    problems,
)

_IN = f"{{{NAMESPACE}}}"
_DEFAULT_LANGUAGE = "en-US"
_How = Callable[[str], object]
Word = TypeVar("Word")


class _Unreadable(Exception):
    """A value that the schema lets through and that says nothing."""

    def __init__(self, element: str, reason: str, remedy: str) -> None:
        super().__init__(reason)
        self.problem = CapProblem(element, reason, remedy)


def read_cap(name: str, content: bytes) -> CapAlert:
    """The message of some bytes; `name` is what they are called in what is told of them.

    TooLarge or BadInput where it cannot be taken, with the fact `problems` where its elements are at fault.
    """
    root = cap_tree(name, content)
    try:
        alert = _alert(root)
        faults = problems(alert, most_points=None)
    except _Unreadable as error:
        faults = [error.problem]
    if faults:
        refuse(name, faults)
    return alert


def _alert(root: etree._Element) -> CapAlert:
    return CapAlert(
        identifier=_text(root, "identifier"),
        sender=_text(root, "sender"),
        sent=_moment("sent", _text(root, "sent")),
        status=STATUSES[_text(root, "status")],
        msg_type=MSG_TYPES[_text(root, "msgType")],
        scope=SCOPES[_text(root, "scope")],
        infos=tuple(_info(one) for one in root.iterfind(f"{_IN}info")),
        source=_text(root, "source"),
        restriction=_text(root, "restriction"),
        addresses=_text(root, "addresses"),
        codes=_texts(root, "code"),
        note=_text(root, "note"),
        references=tuple(_reference(one) for one in _text(root, "references").split()),
        incidents=_text(root, "incidents"),
    )


def _info(info: etree._Element) -> CapInfo:
    return CapInfo(
        language=_text(info, "language") or _DEFAULT_LANGUAGE,
        categories=_texts(info, "category"),
        event=_text(info, "event"),
        urgency=_word(URGENCIES, info, "urgency"),
        severity=_word(SEVERITIES, info, "severity"),
        certainty=_word(CERTAINTIES, info, "certainty"),
        responses=_texts(info, "responseType"),
        event_codes=_pairs(info, "eventCode"),
        effective=_moment_or_none(info, "effective"),
        onset=_moment_or_none(info, "onset"),
        expires=_moment_or_none(info, "expires"),
        sender_name=_text(info, "senderName"),
        headline=_text(info, "headline"),
        description=_text(info, "description"),
        instruction=_text(info, "instruction"),
        web=_text(info, "web"),
        contact=_text(info, "contact"),
        parameters=_pairs(info, "parameter"),
        areas=tuple(_area(one) for one in info.iterfind(f"{_IN}area")),
    )


def _area(area: etree._Element) -> CapArea:
    return CapArea(
        description=_text(area, "areaDesc"),
        rings=tuple(_ring(text) for text in _texts(area, "polygon") if text),
        circles=tuple(_circle(text) for text in _texts(area, "circle") if text),
        geocodes=_pairs(area, "geocode"),
    )


# --- values ----------------------------------------------------------------------------------------------


def _texts(parent: etree._Element, name: str) -> tuple[str, ...]:
    return tuple("".join(map(str, one.itertext())).strip() for one in parent.iterfind(f"{_IN}{name}"))


def _text(parent: etree._Element, name: str) -> str:
    return next(iter(_texts(parent, name)), "")


def _pairs(parent: etree._Element, name: str) -> tuple[tuple[str, str], ...]:
    found = parent.iterfind(f"{_IN}{name}")
    return tuple((_text(one, "valueName"), _text(one, "value")) for one in found)


def _word(words: Mapping[str, Word], parent: etree._Element, name: str) -> Word:
    return words[_text(parent, name)]


def _moment_or_none(parent: etree._Element, name: str) -> datetime | None:
    text = _text(parent, name)
    return _moment(name, text) if text else None


def _moment(element: str, text: str) -> datetime:
    try:
        moment = datetime.fromisoformat(text)
        if moment.tzinfo is None:
            raise ValueError(text)
        moment.timestamp()
    except (ValueError, OverflowError):
        raise _Unreadable(element, "时间不能读取", "请写成 2026-03-01T08:00:00+08:00") from None
    return moment


def _reference(text: str) -> Reference:
    parts = text.split(",")
    if len(parts) != 3 or not all(parts):
        raise _Unreadable("references", "不是 发送方,编号,时间", "各条之间用空格隔开，条内不能有空格")
    return Reference(parts[0], parts[1], _moment("references", parts[2]))


def _point(element: str, text: str) -> Point:
    """`lat,lon` as (longitude, latitude)."""
    lat, lon = _numbers(element, text.split(","), 2)
    return lon, lat


def _ring(text: str) -> Ring:
    return tuple(_point("polygon", part) for part in text.split())


def _circle(text: str) -> tuple[float, float, float]:
    parts = text.split()
    if len(parts) != 2:
        raise _Unreadable("circle", "不是 圆心 半径", "请写成 纬度,经度 半径（公里）")
    lon, lat = _point("circle", parts[0])
    (km,) = _numbers("circle", [parts[1]], 1)
    return lon, lat, km


def _numbers(element: str, texts: list[str], count: int) -> Iterator[float]:
    try:
        numbers = [float(text) for text in texts]
    except ValueError:
        numbers = []
    if len(numbers) != count or not all(math.isfinite(one) for one in numbers):
        raise _Unreadable(element, "坐标不是数字", "请写成 纬度,经度，各点用空格隔开")
    return iter(numbers)

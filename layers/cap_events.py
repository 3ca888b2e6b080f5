"""A weather warning in CAP as events of ours: where it holds, from when until when, and what it ends.

Each info in one language (Chinese, where there is any) is an event `cap-<hash of sender and identifier>`, with `.2`,
`.3` … for further ones. A message that updates or cancels others ends each of them by an event
`<its id>#<hash of ours>`. Ids come from the messages alone and nothing is ever changed, so that messages that come
twice or in another order end in the same records.
"""

import hashlib
import math
from collections.abc import Iterable
from datetime import datetime, timedelta
from typing import Any

import shapely
from geoalchemy2 import Geometry
from shapely.geometry.base import BaseGeometry
from sqlalchemy import Connection, func, select

from layers.cap_writing import stamp
from layers.city import stored_city
from layers.schema import metadata
from riskmap.cap import LEVEL_OF, CapAlert, CapArea, CapInfo
from riskmap.dynamic import WEATHER, WEATHER_CLEARED
from riskmap.errors import BadInput

LASTS = timedelta(hours=24)
"""how long a warning holds that does not say so"""
_COLOURS = {"红色": "red", "橙色": "orange", "黄色": "yellow", "蓝色": "blue"}
MOST_INFOS = 20
MOST_REFERENCES = 200
MOST_UNITED = 400
"""points of several shapes that are united exactly: two combs of 500 each have a quarter of a million crossings"""
_ROUND = 64
_LON_M, _LAT_M = 111_320.0, 110_574.0
_AROUND = 0.5
"""degrees"""


def weather_events(connection: Connection, name: str, alert: CapAlert) -> tuple[list[dict[str, Any]], str]:
    """The events of a message as programs send them, and what is to be said of it; none where it does not concern us.

    BadInput where it is no weather warning, or says no area that can be found.
    """
    if alert.status != "Actual":
        return [], f"{alert.status}：演练、测试或系统报文，不计入动态风险"
    if alert.msg_type in {"Ack", "Error"}:
        return [], f"{alert.msg_type}：回执，不含预警"
    if len(alert.infos) > MOST_INFOS or len(alert.references) > MOST_REFERENCES:
        raise BadInput(
            f"{name} 的 info 或 references 太多",
            remedy=f"至多 {MOST_INFOS} 和 {MOST_REFERENCES} 个；请分成几条",
        )
    ended = [_ending(alert, one.sender, one.identifier) for one in alert.references]
    if alert.msg_type == "Cancel":
        return ended, ""
    infos = [info for info in _in_one_language(alert.infos) if not _is_over(info)]
    if any("Met" not in info.categories for info in infos):
        raise BadInput(f"{name} 不是气象预警", remedy="这里只接收类别为 Met 的 CAP；其他事件请按 /docs 报送")
    events = [_event(connection, name, alert, info) for info in infos]
    ours = [event for event in events if event is not None]
    for number, event in enumerate(ours, 1):
        event["event_id"] = code_of(alert.sender, alert.identifier) + (f".{number}" if number > 1 else "")
    return [*ours, *ended], "" if ours or not infos else "不涉及本市"


def code_of(sender: str, identifier: str) -> str:
    """The id of a message's first event."""
    return f"cap-{_hash(sender, identifier)[:24]}"


def _hash(*parts: str) -> str:
    return hashlib.sha256("\n".join(parts).encode()).hexdigest()


def _ending(alert: CapAlert, sender: str, identifier: str) -> dict[str, Any]:
    return {
        "event_id": f"{code_of(sender, identifier)}#{_hash(alert.sender, alert.identifier)[:12]}",
        "kind": WEATHER_CLEARED,
        "time": stamp(alert.sent),
    }


def _in_one_language(infos: tuple[CapInfo, ...]) -> list[CapInfo]:
    """The infos in Chinese, else in the language of the first: the others say the same again."""
    chinese = [info for info in infos if info.language.lower().startswith("zh")]
    return chinese or [info for info in infos if info.language == infos[0].language]


def _is_over(info: CapInfo) -> bool:
    return info.urgency == "Past" or "AllClear" in info.responses


def _event(connection: Connection, name: str, alert: CapAlert, info: CapInfo) -> dict[str, Any] | None:
    """The event of an info but for its id; None where it is not about this city."""
    begins, ends = _lasts(alert, info)
    here, shape = _where(connection, name, info)
    if not here:
        return None
    event: dict[str, Any] = {"kind": WEATHER, "time": stamp(begins), "until": stamp(ends)}
    level = _level(info)
    if level is not None:
        event["severity"] = level
    if shape is not None:
        event["geometry"] = shapely.geometry.mapping(shape)
    return event


def _lasts(alert: CapAlert, info: CapInfo) -> tuple[datetime, datetime]:
    """From when until when; an update does not count before it was sent: until then the earlier message did."""
    begins = info.onset or info.effective or alert.sent
    if alert.references:
        begins = max(begins, alert.sent)
    return begins, max(begins, info.expires or begins + LASTS)


def _level(info: CapInfo) -> str | None:
    """The colour in the words of the warning, for Chinese ones tell it there; else by its severity."""
    for text in (info.headline, info.event):
        named = {level for word, level in _COLOURS.items() if word in text}
        if len(named) == 1:
            return named.pop()
    return LEVEL_OF.get(info.severity)


# --- where -----------------------------------------------------------------------------------------------


def _where(connection: Connection, name: str, info: CapInfo) -> tuple[bool, BaseGeometry | None]:
    """Whether it is about this city, and where; without a shape in all of it. Shapes go before codes."""
    shapes = [shape for area in info.areas for shape in _shapes(area)]
    if shapes:
        near = _near(connection, shapes)
        return bool(near), _united(near) if near else None
    codes = {_plain(value) for area in info.areas for _, value in area.geocodes if value.isdigit()}
    city = stored_city(connection)
    if any(city.code.startswith(code) for code in codes):
        return True, None
    ours = {code for code in codes if code.startswith(city.code)}
    if ours:
        found = _areas(connection, ours)
        return True, _united(found) if len(found) == len(ours) else None
    if codes:
        return False, None
    if any(city.name in area.description for area in info.areas):
        return True, None
    raise BadInput(
        f"{name} 没有可用的区域",
        remedy="请写 polygon、circle 或行政区划代码（geocode），或在 areaDesc 中写明本市",
    )


def _near(connection: Connection, shapes: list[BaseGeometry]) -> list[BaseGeometry]:
    """The parts of shapes around the city: what is told of half the country is no matter here, and has no metres."""
    area = metadata.tables["area"]
    extent = connection.execute(
        select(func.ST_AsBinary(func.ST_Extent(area.c.geom).cast(Geometry)))
    ).scalar_one()
    if extent is None:
        return shapes
    left, bottom, right, top = shapely.from_wkb(bytes(extent)).bounds
    around = shapely.box(left - _AROUND, bottom - _AROUND, right + _AROUND, top + _AROUND)
    clipped = [one if around.covers(one) else one.intersection(around) for one in shapes]
    return [one for one in clipped if not one.is_empty]


def _shapes(area: CapArea) -> Iterable[BaseGeometry]:
    """Rings and circles; of a ring that crosses itself the hull (to take it apart may take hours)."""
    for ring in area.rings:
        shape = shapely.Polygon(ring)
        yield shape if shape.is_valid else shape.convex_hull
    for lon, lat, km in area.circles:
        yield _circle(lon, lat, km)


def _circle(lon: float, lat: float, km: float) -> BaseGeometry:
    """A polygon around a circle, so that nothing of it is lost; a point where it has no radius."""
    if km == 0:
        return shapely.Point(lon, lat)
    radius_m = km * 1000 / math.cos(math.pi / _ROUND)
    turns = [2 * math.pi * n / _ROUND for n in range(_ROUND)]
    wide_m = _LON_M * math.cos(math.radians(min(abs(lat), 89.0)))
    return shapely.Polygon(
        [(lon + radius_m * math.cos(t) / wide_m, lat + radius_m * math.sin(t) / _LAT_M) for t in turns]
    )


def _united(shapes: list[BaseGeometry]) -> BaseGeometry:
    """One valid shape of them all; of the hulls where there are many points, whose crossings nobody can foresee."""
    if len(shapes) == 1:
        return shapes[0]
    if sum(map(shapely.get_num_coordinates, shapes)) > MOST_UNITED:
        shapes = [one.convex_hull for one in shapes]
    whole = shapely.union_all(shapes)
    parts = [one for one in shapely.get_parts(whole).tolist() if one.area > 0]
    return shapely.union_all(parts) if parts else whole


def _plain(code: str) -> str:
    """A code of statistics without the zeros that fill it up: 430981000000 is 430981, 430900 is 4309, 000000 is ''."""
    for width in (12, 9, 6, 4, 2):
        if len(code) > width and not code[width:].strip("0"):
            code = code[:width]
    return code if code.strip("0") else ""


def _areas(connection: Connection, codes: set[str]) -> list[BaseGeometry]:
    """The shapes on file of some areas of the city; of codes that are on no file none."""
    area = metadata.tables["area"]
    query = select(func.ST_AsBinary(area.c.geom)).where(area.c.geom.is_not(None), area.c.code.in_(codes))
    return [shapely.from_wkb(bytes(shape)) for shape in connection.execute(query).scalars()]

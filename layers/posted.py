"""Events as programs send them: one JSON object or a list of them, by the names of the contract.

Read whole or not at all as JSON; after that each event stands for itself, and what is wrong with one is a fault of
its own, by its number in the list (from 1).
"""

import json
import math
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import pyarrow as pa
import shapely

from layers.checks import Fault, tidy_value
from layers.fields import EVENTS
from layers.sheets import Cells, Limits, Shapes, Table, cell_text, cells_of
from riskmap.errors import BadInput, TooLarge

POST = Limits(json_bytes=4 * 2**20, rows=20_000)
"""what one request may hold"""
FILE = Limits(json_bytes=16 * 2**20, rows=200_000)
"""what a file of such events may hold: they take some twenty times as much in memory"""
_KINDS = {field.name: field.kind for field in EVENTS.fields}
_POSITION = ("lon", "lat", "geometry")
NAMES = (*_KINDS, *_POSITION)
"""the fields of an event in JSON"""
_REQUIRED = tuple(field.name for field in EVENTS.fields if field.required)
_NUMBER_DIGITS = 40
_GEOMETRY_DEPTH = 6
"""a multi-polygon has five levels"""
_PLAIN = (str, int, float, type(None))


def read_events(name: str, content: bytes, limits: Limits = POST) -> list[Any]:
    """The events of a JSON document; what they say is not looked at yet.

    BadInput where it is no JSON, has no event or names a field twice; TooLarge beyond the limits.
    """
    if len(content) > limits.json_bytes:
        raise TooLarge(f"{name} 超过 {limits.json_bytes // 2**20} MiB", remedy="请分成几份")
    try:
        document = json.loads(content.decode("utf-8-sig"), parse_int=_whole, object_pairs_hook=_object)
    except UnicodeDecodeError:
        raise BadInput(f"{name} 不是 UTF-8 文本", remedy="JSON 只能是 UTF-8 编码") from None
    except RecursionError:
        raise BadInput(f"{name} 嵌套过深", remedy="请只发送一个事件或一列事件") from None
    except ValueError as error:
        raise BadInput(f"{name} 不是有效的 JSON：{error}", remedy="请核对引号、逗号和括号") from None
    events = document if isinstance(document, list) else [document]
    if not events or (not isinstance(document, list) and not isinstance(document, dict)):
        raise BadInput(f"{name} 没有事件", remedy="请发送一个事件（对象）或一列事件（数组）")
    if len(events) > limits.rows:
        raise TooLarge(f"{name} 超过 {limits.rows:,} 条事件", remedy="请分成几份")
    return events


def _whole(text: str) -> int | str:
    """A whole number; one that no field can hold stays text, as reading it would take for ever."""
    return int(text) if len(text) <= _NUMBER_DIGITS else text


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    fields = dict(pairs)
    if len(fields) < len(pairs):
        names = [name for name, _ in pairs]
        doubled = next(name for name in names if names.count(name) > 1)
        raise ValueError(f"同一对象中字段 {tidy_value(doubled)} 写了两次")
    return fields


def table_of_events(name: str, events: Sequence[Any]) -> tuple[Table, dict[int, Fault]]:
    """The events as a table, and by index the faults of those that are not what an event may be."""
    faults: dict[int, Fault] = {}
    plain = [event if _is_event(event, index, faults) else {} for index, event in enumerate(events)]
    shapes = _shapes(plain, faults)
    for index in faults:
        plain[index] = {}
    columns: dict[str, Cells] = {}
    for field in _KINDS:
        values = [event.get(field) for event in plain]
        if field in _REQUIRED or any(value is not None for value in values):
            columns[field] = cells_of(value if type(value) is str else cell_text(value) for value in values)
    rows = np.arange(1, len(events) + 1, dtype=np.int32)
    return Table(name, columns, rows, wkb=shapes), faults


def _is_event(event: Any, index: int, faults: dict[int, Fault]) -> bool:
    """Whether this is an object of known fields with plain values; else its fault is noted."""
    fault = _fault(event, index + 1)
    if fault is not None:
        faults[index] = fault
    return fault is None


def _fault(event: Any, number: int) -> Fault | None:
    if not isinstance(event, dict):
        return Fault(number, "", tidy_value(str(event)), "不是对象", "每条事件须是一个 JSON 对象")
    for field, value in event.items():
        if field not in NAMES:
            remedy = f"可用：{' '.join(NAMES)}"
            return Fault(number, tidy_value(field), None, "没有这个字段", remedy)
        if field == "geometry":
            if value is not None and not isinstance(value, dict):
                return Fault(
                    number, field, None, "不是 GeoJSON 几何", "请写成 {type, coordinates}，或用 lon 和 lat"
                )
            if _deeper(value, _GEOMETRY_DEPTH):
                return Fault(number, field, None, "嵌套过深", "请按 RFC 7946 写 GeoJSON 几何")
        elif not (type(value) in _PLAIN or (type(value) is bool and _KINDS.get(field) == "bool")):
            return Fault(number, field, tidy_value(str(value)), "类型不对", "请写成文本或数字")
    if event.get("geometry") is not None and (event.get("lon") is not None or event.get("lat") is not None):
        return Fault(number, "geometry", None, "位置写了两种", "geometry 和 lon、lat 只写一种")
    return None


def _deeper(value: Any, levels: int) -> bool:
    """Whether lists and objects are nested deeper than so many levels."""
    if not isinstance(value, list | dict):
        return False
    parts = value.values() if isinstance(value, dict) else value
    return levels == 0 or any(_deeper(part, levels - 1) for part in parts)


def as_sent(fault: Fault, event: Any) -> Fault:
    """The fault with the field that the sender wrote, where a position was given as lon and lat."""
    by_number = fault.field == "geometry" and isinstance(event, dict) and event.get("lon") is not None
    return replace(fault, field="lon") if by_number else fault


# --- positions -------------------------------------------------------------------------------------------


def _shapes(events: list[dict[str, Any]], faults: dict[int, Fault]) -> pa.Array | None:
    """The events' shapes as WKB, whichever way each is given; None where none has a position."""
    shapes: Shapes = np.full(len(events), None, dtype=np.object_)
    drawn = [index for index, event in enumerate(events) if event.get("geometry") is not None]
    points: dict[int, tuple[float, float]] = {}
    for index, event in enumerate(events):
        if event.get("lon") is not None or event.get("lat") is not None:
            point = _point(event, index, faults)
            if point is not None:
                points[index] = point
    if drawn:
        texts = np.array([json.dumps(events[index]["geometry"]) for index in drawn], dtype=np.object_)
        with np.errstate(all="ignore"):
            shapes[drawn] = shapely.from_geojson(texts, on_invalid="ignore")
        for index in drawn:
            if shapes[index] is None:
                faults[index] = Fault(
                    index + 1, "geometry", None, "几何无法读取", "请按 RFC 7946 写 GeoJSON 几何"
                )
    if points:
        shapes[list(points)] = shapely.points(np.array(list(points.values()), dtype=np.float64))
    return pa.array(shapely.to_wkb(shapes), pa.binary()) if drawn or points else None


def _point(event: dict[str, Any], index: int, faults: dict[int, Fault]) -> tuple[float, float] | None:
    """Longitude and latitude as finite numbers; else the event's fault is noted."""
    numbers = []
    for name in ("lon", "lat"):
        value = event.get(name)
        if value is None:
            faults[index] = Fault(index + 1, name, None, "经度和纬度缺一个", "请补全两个坐标")
            return None
        try:
            number = float(value)
        except (ValueError, OverflowError):
            number = math.nan
        if not math.isfinite(number):
            shown = tidy_value(str(value))
            faults[index] = Fault(index + 1, name, shown, "坐标不是有限的数", "请写成十进制数，如 112.3612")
            return None
        numbers.append(number)
    return numbers[0], numbers[1]

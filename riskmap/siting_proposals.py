"""A proposal (拟建项目): what is to be built where, typed and checked. What is wrong with it is said field by field.

The geometry is looked at as numbers here (kinds, finite, so many vertices, rings closed); whether it crosses itself and
stands in the city is asked where shapes are known.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date
from decimal import Decimal, InvalidOperation
from typing import Any, NamedTuple

from riskmap.errors import BadInput, TooLarge
from riskmap.siting_matrix import MEASURES, Use
from riskmap.siting_rules import PROPOSAL_KINDS, STAGES

GEOMETRIES = ("Point", "LineString", "Polygon", "MultiPolygon")
_DEPTHS = {"Point": 0, "LineString": 1, "Polygon": 2, "MultiPolygon": 3}
_MOST = Decimal(10_000_000)
_MOST_ROWS = 500
_LONGEST = 200
_FIGURES = ("volume_m3", "largest_m3")
_KEYS = {
    *("kind", "stage", "name", "geometry", "inventory", "exception", "uses", "existing", "years"),
    "enterprise_code",
    *("station_class", *MEASURES, *_FIGURES),
}
_STOCK = ("cas", "substance", "hazard_class", "quantity_t")


class Stock(NamedTuple):
    """A substance that is to be kept, as it was named, with its tonnes."""

    cas: str
    substance: str
    hazard_class: str
    quantity_t: Decimal

    @property
    def label(self) -> str:
        """What it was called."""
        return self.substance or self.cas or self.hazard_class


class Exemption(NamedTuple):
    """A recorded exception: who granted it, by which text, when."""

    authority: str
    text: str
    date: date


@dataclass(frozen=True)
class Proposal:
    """What is to be built: kind, stage, shape in degrees (GeoJSON), what it holds, who comes there."""

    kind: str
    stage: str
    name: str
    geometry: Mapping[str, Any]
    inventory: tuple[Stock, ...] = ()
    uses: tuple[Use, ...] = ()
    existing: tuple[Use, ...] = ()
    years: int | None = None
    station_class: int | None = None
    volume_m3: Decimal | None = None
    largest_m3: Decimal | None = None
    exception: Exemption | None = None
    enterprise_code: str | None = None
    """whose proposal it is: its own sources and sites are no neighbours"""
    given: Mapping[str, Any] = field(default_factory=dict)
    """what was asked, as it was asked"""

    @property
    def judged_uses(self) -> tuple[Use, ...]:
        """Its uses as they are classed. Of an extension that does not tell what stands there nobody knows whether it is
        small: its figures alone say nothing, and it counts as the most sensitive of its kind.
        """
        if self.stage == "extension" and not self.existing:
            return tuple(Use(use.kind, {}) for use in self.uses)
        return self.uses


def read_proposal(given: Any, *, vertices: int, today: date, shape_needed: bool = True) -> Proposal:
    """The proposal of a JSON object.

    Raises BadInput naming the field for what is missing, unknown or no figure, TooLarge for too many vertices. An
    exception of a later day than `today` is none.
    """
    if not isinstance(given, Mapping):
        raise _wrong("拟建项目", "不是 JSON 对象", '写成 {"kind": …, "geometry": …}')
    for key in given:
        if key not in _KEYS:
            raise _wrong(str(key)[:40], "未知字段", f"可用字段：{'、'.join(sorted(_KEYS))}")
    kind = _choice(given, "kind", PROPOSAL_KINDS, None)
    stage = _choice(given, "stage", STAGES, "new")
    geometry = given.get("geometry")
    if geometry is not None or shape_needed:
        geometry = checked_geometry(geometry, vertices)
    own = Use(kind, _measures(given, ""))
    uses = tuple(_uses(given, "uses"))
    station = given.get("station_class")
    if station is not None and station not in (1, 2, 3):
        raise _wrong("station_class", "不是 1、2、3", "填加油站的级别")
    years = given.get("years")
    if years is not None and (not isinstance(years, int) or isinstance(years, bool) or not 0 < years <= 100):
        raise _wrong("years", "不是 1 至 100 的整数", "填临时用途的年限")
    return Proposal(
        kind=kind,
        stage=stage,
        name=_text(given, "name"),
        geometry=geometry or {},
        inventory=tuple(_inventory(given)),
        uses=(own, *uses),
        existing=tuple(_uses(given, "existing")),
        years=years if stage == "temporary" else None,
        station_class=station,
        volume_m3=_figure(given, "volume_m3"),
        largest_m3=_figure(given, "largest_m3"),
        exception=_exception(given.get("exception"), today),
        enterprise_code=_text(given, "enterprise_code") or None,
        given=dict(given),
    )


def checked_geometry(geometry: Any, vertices: int) -> dict[str, Any]:
    """A GeoJSON geometry of a usable kind with finite degrees, closed rings and few enough vertices.

    BadInput for anything else, TooLarge for more vertices, counted before anything is done with them.
    """
    if not isinstance(geometry, Mapping) or geometry.get("type") not in GEOMETRIES:
        raise _wrong("geometry", "不是可用的 GeoJSON 几何", f"须为 {'、'.join(GEOMETRIES)}")
    kind, coordinates = str(geometry["type"]), geometry.get("coordinates")
    rings: list[list[Any]] = []
    _collect(coordinates, _DEPTHS[kind], rings)
    if sum(map(len, rings)) > vertices:
        raise TooLarge(f"geometry 超过 {vertices:,} 个顶点", remedy="请简化边界后再提交")
    if not rings or not all(rings):
        raise _wrong("geometry", "没有坐标", "请重新绘制")
    for position in (position for ring in rings for position in ring):
        _check_position(position)
    if kind.endswith("Polygon"):
        for ring in rings:
            if len(ring) < 4 or list(ring[0][:2]) != list(ring[-1][:2]):
                raise _wrong("geometry", "有未闭合或不足四点的环", "首尾两点须相同，至少四点")
    if kind == "LineString" and len(rings[0]) < 2:
        raise _wrong("geometry", "线不足两点", "请重新绘制")
    return {"type": kind, "coordinates": coordinates}


def _collect(coordinates: Any, depth: int, rings: list[list[Any]]) -> None:
    """The lists of positions of a geometry whose positions lie `depth` lists deep."""
    if depth == 0:
        rings.append([coordinates])
        return
    if not isinstance(coordinates, list) or not coordinates:
        raise _wrong("geometry", "坐标的层次不对", "请按 GeoJSON（RFC 7946）书写")
    if depth == 1:
        rings.append(coordinates)
        return
    for part in coordinates:
        _collect(part, depth - 1, rings)


def _check_position(position: Any) -> None:
    if not isinstance(position, list) or not 2 <= len(position) <= 3:
        raise _wrong("geometry", "有不是 [经度, 纬度] 的坐标", "请按 GeoJSON（RFC 7946）书写")
    for number, bound in zip(position, (180.0, 90.0), strict=False):
        usual = isinstance(number, int | float) and not isinstance(number, bool)
        if not usual or not abs(number) <= bound:  # NaN is no number of degrees either
            raise _wrong(
                "geometry", "有不是经纬度的坐标", "经度 −180 至 180、纬度 −90 至 90，经度在前（CGCS2000）"
            )


def _uses(given: Mapping[str, Any], name: str) -> list[Use]:
    rows = given.get(name) or []
    if isinstance(rows, Mapping):
        rows = [rows]
    if not isinstance(rows, list) or len(rows) > _MOST_ROWS:
        raise _wrong(name, f"不是至多 {_MOST_ROWS} 项的列表", "每项写明 kind 和规模")
    found = []
    for number, row in enumerate(rows, start=1):
        where = f"{name} 第 {number} 项 "
        if not isinstance(row, Mapping) or set(row) - {"kind", *MEASURES}:
            raise _wrong(where.strip(), "有未知字段", f"可用字段：kind、{'、'.join(MEASURES)}")
        kind = _choice(row, "kind", PROPOSAL_KINDS, str(given.get("kind")), where)
        found.append(Use(kind, _measures(row, where)))
    return found


def _measures(given: Mapping[str, Any], where: str) -> dict[str, Decimal]:
    found = {name: _figure(given, name, where) for name in MEASURES}
    return {name: value for name, value in found.items() if value is not None}


def _inventory(given: Mapping[str, Any]) -> list[Stock]:
    rows = given.get("inventory") or []
    if not isinstance(rows, list) or len(rows) > _MOST_ROWS:
        raise _wrong("inventory", f"不是至多 {_MOST_ROWS} 项的列表", "每项写明物质和 quantity_t")
    found = []
    for number, row in enumerate(rows, start=1):
        where = f"inventory 第 {number} 项 "
        if not isinstance(row, Mapping) or set(row) - set(_STOCK):
            raise _wrong(where.strip(), "有未知字段", f"可用字段：{'、'.join(_STOCK)}")
        quantity = _figure(row, "quantity_t", where)
        texts = [_text(row, name, where) for name in _STOCK[:3]]
        if not any(texts):
            raise _wrong(where.strip(), "没有写明物质", "填写 cas、substance 或 hazard_class 之一")
        if not quantity:
            raise _wrong(f"{where}quantity_t", "为空或为 0", "填写设计最大量（吨）")
        found.append(Stock(texts[0], texts[1], texts[2], quantity))
    return found


def _exception(given: Any, today: date) -> Exemption | None:
    if given is None:
        return None
    if not isinstance(given, Mapping) or set(given) - {"authority", "text", "date"}:
        raise _wrong("exception", "不是批准记录", "写明 authority、text、date")
    texts = [_text(given, name, "exception.") for name in ("authority", "text", "date")]
    if not all(texts):
        raise _wrong("exception", "批准机关、文号文本、日期须齐全", "缺一项则视为没有例外，请补全或删去")
    try:
        day = date.fromisoformat(texts[2])
    except ValueError:
        raise _wrong("exception.date", "不是日期", "写成 2026-01-31 的形式") from None
    if day > today:
        raise _wrong("exception.date", "晚于今天", "尚未作出的批准不能作为例外")
    return Exemption(texts[0], texts[1], day)


def _figure(given: Mapping[str, Any], name: str, where: str = "") -> Decimal | None:
    value = given.get(name)
    if value is None or value == "":
        return None
    usual = isinstance(value, int | float | str | Decimal) and not isinstance(value, bool)
    try:
        number = Decimal(str(value)) if usual else Decimal("nan")
    except InvalidOperation:
        number = Decimal("nan")
    if not number.is_finite() or not 0 <= number <= _MOST:
        raise _wrong(f"{where}{name}", "不是 0 至 10,000,000 的数", "填写十进制数")
    return number


def _text(given: Mapping[str, Any], name: str, where: str = "") -> str:
    value = given.get(name)
    if value is None:
        return ""
    if not isinstance(value, str) or len(value) > _LONGEST or not _is_plain(value):
        raise _wrong(f"{where}{name}", f"不是至多 {_LONGEST} 字的文字", "请改正")
    return value.strip()


def _is_plain(value: str) -> bool:
    """Whether a text can be stored and sent: no NUL, no half of a character."""
    return "\0" not in value and not any("\ud800" <= c <= "\udfff" for c in value)


def _choice(
    given: Mapping[str, Any], name: str, allowed: tuple[str, ...], default: str | None, where: str = ""
) -> str:
    value = given.get(name, default)
    if not isinstance(value, str) or value not in allowed:
        told = "为空" if value is None else f"不能是 {str(value)[:40]}"
        raise _wrong(f"{where}{name}", told, f"可用：{'、'.join(allowed)}")
    return value


def _wrong(name: str, reason: str, remedy: str) -> BadInput:
    return BadInput(f"拟建项目字段 {name}：{reason}", remedy=remedy, field=name)

"""What is imagined, made definite: the moment, the place, the source and the substances that take part."""

from dataclasses import dataclass, replace
from datetime import datetime
from decimal import Decimal
from typing import Any

from sqlalchemy import Connection

from layers.history import CLOCK
from layers.incident import Place, inventory_of, place_at
from layers.records import fetch
from riskmap.consequences import Held
from riskmap.editions import Edition
from riskmap.errors import BadInput, NotFound
from riskmap.names import cas_number
from riskmap.sources import Item
from riskmap.substances import Catalogue, Match

Row = dict[str, Any]
_MOST_T = 1_000_000


@dataclass(frozen=True, slots=True)
class Asked:
    """What is imagined: a place or a source, a substance with its amount or what the source holds, an event, a wind.

    `time` is an ISO instant, taken as the city's clock without an offset; now without one.
    """

    lon: float | None = None
    lat: float | None = None
    source: str | None = None
    substance: str | None = None
    cas: str | None = None
    hazard_class: str | None = None
    quantity_t: Decimal | None = None
    event: str | None = None
    wind_from: float | str | None = None
    wind_m_s: float | None = None
    stability: str | None = None
    sky: str | None = None
    terrain: str | None = None
    time: str | None = None


def instant_of(text: str | None) -> datetime:
    """The moment of an ISO text in the city's clock; now without one. BadInput for what is no time."""
    if not text:
        return datetime.now(CLOCK)
    try:
        given = datetime.fromisoformat(text)
    except ValueError:
        raise BadInput(f"时间“{text}”无法识别", remedy="请写成 2026-03-01T14:30 或带时区的形式") from None
    return given.astimezone(CLOCK) if given.tzinfo else given.replace(tzinfo=CLOCK)


def one_of(what: str, given: str | None, allowed: tuple[str, ...]) -> str | None:
    """The word given, None for none; BadInput for one that is not among the allowed."""
    if given and given not in allowed:
        raise BadInput(f"没有{what} {given}", remedy="可用：" + "、".join(allowed))
    return given or None


def source_of(connection: Connection, code: str | None) -> Row | None:
    """The source asked for as the reader sees it; NotFound where it is not there to see."""
    if not code:
        return None
    found = fetch(connection, "source", code).items
    if not found:
        raise NotFound(f"没有编码为 {code} 的危险源，或无权查看", remedy="请核对编码，或改为填写坐标")
    return found[0]


def place_of(connection: Connection, asked: Asked, source: Row | None) -> Place:
    """The position asked for, else the source's own. BadInput without either."""
    if asked.lon is not None and asked.lat is not None:
        return place_at(connection, asked.lon, asked.lat)
    if asked.lon is not None or asked.lat is not None:
        raise BadInput("经度和纬度须同时填写", remedy="请补上另一项")
    if source is None:
        raise BadInput("没有说明事故地点", remedy="请选择危险源，或填写经度和纬度")
    return place_at(connection, source["lon"], source["lat"])


def held_by(
    connection: Connection, asked: Asked, source: Row | None, edition: Edition
) -> tuple[list[Held], list[str]]:
    """What takes part: the substance asked for, in the amount asked for or on file, else all that the source holds.

    That may be nothing: then there are no rings, and still people to call. Beside it the names on file that mean no known substance.
    """
    quantity = asked.quantity_t
    if quantity is not None and not 0 < quantity <= _MOST_T:
        raise BadInput(f"数量 {quantity} 吨不可用", remedy=f"请填写大于 0、不超过 {_MOST_T} 的吨数")
    catalogue = Catalogue.from_edition(edition)
    named = asked.substance or asked.cas or asked.hazard_class
    wanted = _match(catalogue, asked) if named else None
    if wanted is not None and quantity is not None:
        return [Held(Item("asked", quantity, wanted, asked.substance or asked.cas or ""))], []
    if source is None:
        if wanted is None:
            raise BadInput("没有说明物质", remedy="请填写物质名称或 CAS 号和数量，或选择危险源")
        raise BadInput("没有说明数量", remedy="请填写数量（吨）")
    stock = _stock(connection, source["code"], catalogue)
    unmatched = sorted({one.item.label for one in stock if one.item.match.substance is None})
    stock = [one for one in stock if one.item.match.substance is not None]
    if wanted is not None:
        stock = [one for one in stock if one.item.match.key == wanted.key]
    if not stock and wanted is None and quantity is None:
        return [], unmatched
    if not stock:
        what = asked.substance or asked.cas or "可识别的危险物质"
        raise BadInput(f"{source['name']}没有登记{what}的存量", remedy="请填写物质和数量（吨）")
    if quantity is not None:
        if len({one.item.match.key for one in stock}) > 1:
            raise BadInput("该危险源有几种物质，只填了数量", remedy="请同时写明物质")
        first = stock[0]
        return [first._replace(item=replace(first.item, quantity_t=quantity))], unmatched
    return stock, unmatched


def _match(catalogue: Catalogue, asked: Asked) -> Match:
    """The substance asked for; a CAS number may stand in the place of the name."""
    name, cas = asked.substance, asked.cas
    if name and not cas and cas_number(name):
        name, cas = None, name
    found = catalogue.match(cas=cas, name=name, hazard_class=asked.hazard_class)
    if found.substance is None:
        near = "、".join(one.name for one in found.suggestions)
        raise BadInput(
            f"{asked.substance or asked.cas or asked.hazard_class}：{found.reason_text}",
            remedy=found.remedy + (f"；相近的：{near}" if near else ""),
        )
    return found


def _stock(connection: Connection, source_code: str, catalogue: Catalogue) -> list[Held]:
    held = []
    for row in inventory_of(connection, source_code):
        match = catalogue.match(cas=row["cas"], name=row["substance"], hazard_class=row["hazard_class"])
        label = row["substance"] or row["cas"] or row["hazard_class"] or ""
        if row["quantity_t"]:
            held.append(Held(Item(row["code"], row["quantity_t"], match, label), row["unit_code"] or ""))
    return held

"""Our warnings as CAP 1.2: elements in the order of the standard, closed rings as `lat,lon`, times with their offset."""

from datetime import datetime
from typing import Any

from lxml import etree

from layers.cap_text import NAMESPACE, refuse
from layers.history import CLOCK
from riskmap.cap import CapAlert, CapArea, CapInfo, Reference, problems

_PLAIN: Any = {None: NAMESPACE}
_DECIMALS = 9
"""as positions are stored"""


def write_cap(alert: CapAlert) -> bytes:
    """The message as UTF-8 XML. BadInput, with every reason, where it does not keep to our own checks."""
    faults = problems(alert)
    if faults:
        refuse(alert.identifier or "CAP", faults)
    root = etree.Element(f"{{{NAMESPACE}}}alert", nsmap=_PLAIN)
    _add(root, "identifier", alert.identifier)
    _add(root, "sender", alert.sender)
    _add(root, "sent", stamp(alert.sent))
    _add(root, "status", alert.status)
    _add(root, "msgType", alert.msg_type)
    _add(root, "source", alert.source)
    _add(root, "scope", alert.scope)
    _add(root, "restriction", alert.restriction)
    _add(root, "addresses", alert.addresses)
    for code in alert.codes:
        _add(root, "code", code)
    _add(root, "note", alert.note)
    _add(root, "references", " ".join(reference_text(one) for one in alert.references))
    _add(root, "incidents", alert.incidents)
    for info in alert.infos:
        _add_info(etree.SubElement(root, f"{{{NAMESPACE}}}info"), info)
    return etree.tostring(root, encoding="UTF-8", xml_declaration=True, pretty_print=True)


def reference_text(reference: Reference) -> str:
    """An earlier message as `references` names it."""
    return f"{reference.sender},{reference.identifier},{stamp(reference.sent)}"


def plain(text: str) -> str:
    """A text without the signs that XML cannot hold."""
    return "".join(sign for sign in text if sign.isprintable() or sign in "\n\t")


def stamp(moment: datetime) -> str:
    """A time as CAP wants it: whole seconds with an offset, the city's."""
    return moment.astimezone(CLOCK).isoformat(timespec="seconds")


def _add_info(element: etree._Element, info: CapInfo) -> None:
    _add(element, "language", info.language)
    for category in info.categories:
        _add(element, "category", category)
    _add(element, "event", info.event)
    for response in info.responses:
        _add(element, "responseType", response)
    _add(element, "urgency", info.urgency)
    _add(element, "severity", info.severity)
    _add(element, "certainty", info.certainty)
    _add_pairs(element, "eventCode", info.event_codes)
    for name, moment in (("effective", info.effective), ("onset", info.onset), ("expires", info.expires)):
        _add(element, name, stamp(moment) if moment else "")
    _add(element, "senderName", info.sender_name)
    _add(element, "headline", info.headline)
    _add(element, "description", info.description)
    _add(element, "instruction", info.instruction)
    _add(element, "web", info.web)
    _add(element, "contact", info.contact)
    _add_pairs(element, "parameter", info.parameters)
    for area in info.areas:
        _add_area(etree.SubElement(element, f"{{{NAMESPACE}}}area"), area)


def _add_area(element: etree._Element, area: CapArea) -> None:
    _add(element, "areaDesc", area.description, needed=True)
    for ring in area.rings:
        _add(element, "polygon", " ".join(f"{_degrees(lat)},{_degrees(lon)}" for lon, lat in ring))
    for lon, lat, km in area.circles:
        _add(element, "circle", f"{_degrees(lat)},{_degrees(lon)} {_degrees(km)}")
    _add_pairs(element, "geocode", area.geocodes)


def _add_pairs(element: etree._Element, name: str, pairs: tuple[tuple[str, str], ...]) -> None:
    for value_name, value in pairs:
        pair = etree.SubElement(element, f"{{{NAMESPACE}}}{name}")
        _add(pair, "valueName", value_name, needed=True)
        _add(pair, "value", value, needed=True)


def _add(parent: etree._Element, name: str, text: str, *, needed: bool = False) -> None:
    """An element with text; none without text, unless the standard needs it. What XML cannot hold is left out."""
    if text or needed:
        element = etree.SubElement(parent, f"{{{NAMESPACE}}}{name}")
        element.text = plain(text)


def _degrees(value: float) -> str:
    """A number without an exponent and without needless zeros."""
    return f"{value:.{_DECIMALS}f}".rstrip("0").rstrip(".")

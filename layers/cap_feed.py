"""The list of CAP messages as an Atom feed (RFC 4287), each entry with the address of its message."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from lxml import etree

from layers.cap_writing import plain, stamp

ATOM = "http://www.w3.org/2005/Atom"
_PLAIN: Any = {None: ATOM}


@dataclass(frozen=True, slots=True)
class CapEntry:
    """What the feed says of a message; `scope` as in CAP, `title` in the first language."""

    identifier: str
    sender: str
    sent: datetime
    title: str
    summary: str
    scope: str


def atom_feed(
    feed_id: str, title: str, entries: Sequence[CapEntry], updated: datetime, address: Callable[[str], str]
) -> bytes:
    """The feed; `address` gives the one of a message, or of the feed itself for ''. Newest first as given."""
    feed = etree.Element(f"{{{ATOM}}}feed", nsmap=_PLAIN)
    _add(feed, "id", feed_id)
    _add(feed, "title", title)
    _add(feed, "updated", stamp(updated))
    _add(feed, "link", rel="self", type="application/atom+xml", href=address(""))
    for one in entries:
        entry = etree.SubElement(feed, f"{{{ATOM}}}entry")
        _add(entry, "id", f"{feed_id}:{one.identifier}")
        _add(entry, "title", one.title)
        _add(entry, "updated", stamp(one.sent))
        _add(etree.SubElement(entry, f"{{{ATOM}}}author"), "name", one.sender)
        _add(entry, "link", rel="alternate", type="application/cap+xml", href=address(one.identifier))
        _add(entry, "category", term=one.scope)
        _add(entry, "summary", one.summary)
    return etree.tostring(feed, encoding="UTF-8", xml_declaration=True, pretty_print=True)


def _add(parent: etree._Element, name: str, text: str | None = None, **attributes: str) -> None:
    element = etree.SubElement(
        parent, f"{{{ATOM}}}{name}", {key: plain(one) for key, one in attributes.items()}
    )
    element.text = None if text is None else plain(text)

"""What lists and fact sheets say of a record: which columns, under which words, and how a value is written."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from urllib.parse import quote

from web.render import Page, as_clock, as_number

Row = dict[str, Any]
Cell = Callable[[Page, Row, dict[str, str]], str]


@dataclass(frozen=True, slots=True)
class Column:
    """A column: its header's key, how its cell is written, and whether it is a number."""

    label: str
    cell: Cell
    numeric: bool = False


def _plain(name: str) -> Cell:
    def cell(_page: Page, row: Row, _names: dict[str, str]) -> str:
        value = row.get(name)
        return (
            as_clock(value) if isinstance(value, datetime) else str(value) if value not in (None, "") else "—"
        )

    return cell


def _number(name: str, digits: int = 0) -> Cell:
    return lambda _page, row, _names: as_number(row.get(name), digits)


def _word(name: str, group: str) -> Cell:
    return lambda page, row, _names: page.word(group, row.get(name)) or "—"


def _township(_page: Page, row: Row, names: dict[str, str]) -> str:
    code: str | None = row.get("township_code")
    return names.get(code, code) if code else "—"


def _source(_page: Page, row: Row, _names: dict[str, str]) -> str:
    return str(row["source_name"] or row["source_code"] or "—")


def _value(_page: Page, row: Row, _names: dict[str, str]) -> str:
    return (
        f"{as_number(row['value'], 2)} {row['unit'] or ''}".strip() if row.get("value") is not None else "—"
    )


def _named(page: Page, row: Row, _names: dict[str, str]) -> str:
    """The name; a made-up record says so where the strip does not say it of them all."""
    made_up = row["synthetic"] and not page.status.synthetic
    return f"{row['name']}（{page.text('app.synthetic')}）" if made_up else str(row["name"])


def _confidence(page: Page, row: Row, _names: dict[str, str]) -> str:
    """The letter with its causes: a letter alone helps nobody to mend it."""
    causes = "；".join(page.text(f"quality.cause.{cause}") for cause in row.get("confidence_causes") or [])
    return "：".join(part for part in (row.get("confidence") or "—", causes) if part)


COLUMNS: dict[str, tuple[Column, ...]] = {
    "target": (
        Column("list.name", _named),
        Column("targets.class", _word("target_class", "target_class")),
        Column("list.kind", _word("kind", "target_kind")),
        Column("list.township", _township),
        Column("targets.people_day", _number("people_day"), numeric=True),
        Column("targets.people_night", _number("people_night"), numeric=True),
        Column("list.status", _word("status", "status")),
    ),
    "zone_external": (
        Column("list.name", _named),
        Column("zones_external.source", _source),
        Column("zones_external.hazard", _word("kind", "hazard")),
        Column("zones_external.threshold", _plain("threshold")),
        Column("zones_external.study", _plain("study")),
        Column("zones_external.approved_on", _plain("approved_on")),
        Column("list.township", _township),
    ),
    "event": (
        Column("events.time", _plain("time")),
        Column("list.kind", _word("kind", "event_kind")),
        Column("events.severity", _word("severity", "severity")),
        Column("events.source", _source),
        Column("events.value", _value, numeric=True),
        Column("events.until", _plain("until")),
        Column("list.township", _township),
    ),
}
"""The lists of layers that have no page of their own kind."""

_FACTS: dict[str, tuple[Column, ...]] = {
    "source": (
        Column("explain.enterprise_of", _plain("enterprise_name")),
        Column("list.township", _township),
        Column("list.status", _word("status", "status")),
        Column("sources.s", _number("s", 3)),
        Column("sources.r", _number("r", 3)),
        Column("sources.people_500m", _number("people_500m")),
        Column("explain.exposed", _number("exposed_500m")),
        Column("list.confidence", _confidence),
    ),
    "enterprise": (
        Column("list.township", _township),
        Column("list.status", _word("status", "status")),
        Column("sources.committee", _word("committee", "committee")),
        Column("sources.industry", _plain("industry")),
        Column("sources.workers", _number("workers")),
        Column("duty.industry", _plain("person_industry")),
        Column("duty.special", _plain("person_special")),
        Column("duty.general", _plain("person_general")),
        Column("list.confidence", _confidence),
    ),
    "area": (
        Column("list.people", _number("people")),
        Column("list.township", _township),
        Column("list.confidence", _plain("confidence")),
    ),
}


_ADDRESSES = {
    "source": "/explain/source/{}",
    "enterprise": "/explain/enterprise/{}",
    "danger": "/dangers?state=all&text={}",
    "event": "/events?code={}",
    "sensor": "/events?sensor={}",
    "public_warning": "/alerts/public/{}",
}
"""layer: the page that shows one of its records"""


def record_address(record: str | None) -> str:
    """The page of a record (`layer/code`); empty where there is none."""
    layer, _, code = (record or "").partition("/")
    return _ADDRESSES.get(layer, "").format(quote(code, safe=""))


def facts_of(page: Page, kind: str, record: Row, names: dict[str, str]) -> list[tuple[str, str]]:
    """The labelled facts of a record for its sheet; what is not on file is left out."""
    facts = [
        (page.text(one.label), one.cell(page, record, names)) for one in _FACTS.get(kind, _FACTS["area"])
    ]
    return [(label, value) for label, value in facts if value != "—"]

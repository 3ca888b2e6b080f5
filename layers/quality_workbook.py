"""A workbook of the doubtful records of a township, to be filled in and imported as it is: a sheet for each layer.

A sheet has the headers that the import reads, one row for each record, what to fill in marked yellow and the reasons
in a column of their own, which the import passes over. Every column of the layer is there with its present value, so
an import changes nothing but what was filled in. All texts are written as texts: none becomes a formula.
"""

import io
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import date
from typing import Any

from openpyxl import Workbook
from openpyxl.cell import WriteOnlyCell
from openpyxl.styles import Alignment, Font, PatternFill
from openpyxl.utils import get_column_letter
from sqlalchemy import ColumnElement, Connection, case, func, select

from layers.fields import LAYERS, Layer
from layers.headers import POSITION
from layers.quality import FIELDS, OWN, faulty_scores
from layers.records import PREMISES_SUFFIX
from layers.schema import metadata
from riskmap.confidence import Figures
from riskmap.errors import NotFound

MOST_ROWS = 5000
"""doubtful scores that one workbook tells of, the worst first"""
_YELLOW = PatternFill("solid", start_color="FFF2CC")
_HEAD = PatternFill("solid", start_color="E6EEF6")
_WIDE = 24
_RENAMED = {"township_code": "declared_township_code"}
Row = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Words:
    """What the workbook says in the reader's language: reasons by cause, the header of their column, the notes."""

    lang: str
    reasons: dict[str, str]
    header: str
    notes: str
    lines: tuple[str, ...]


@dataclass(slots=True)
class Faulty:
    """One row of a sheet: its values by field, the fields to fill in, and why."""

    values: Row
    fields: set[str] = field(default_factory=set)
    causes: list[str] = field(default_factory=list)

    def add(self, cause: str, fields: Iterable[str]) -> None:
        """One more reason, with what it asks for."""
        self.causes.append(cause)
        self.fields.update(fields)


def quality_workbook(
    connection: Connection, township: str | None, day: date, figures: Figures, words: Words
) -> bytes:
    """The workbook of a township, of what lies in none (OUTSIDE), or (None) of all that the caller may see.

    NotFound where nothing there can be mended by filling in a table.
    """
    found = faulty_scores(connection, township, MOST_ROWS)
    sheets = {
        LAYERS["enterprises"]: _enterprises(connection, found),
        LAYERS["sources"]: _sources(connection, found),
        LAYERS["inventory"]: _inventory(connection, found, day, figures),
    }
    sheets = {layer: rows for layer, rows in sheets.items() if rows}
    if not sheets:
        raise NotFound("这里没有可以填表补正的记录", remedy="请换一个镇街，或在数据质量页查看原因")
    book = Workbook(write_only=True)
    for layer, rows in sheets.items():
        _write(book, layer, rows, words)
    notes = book.create_sheet(words.notes)
    notes.column_dimensions["A"].width = 100
    for line in words.lines:
        notes.append([_cell(notes, line)])
    content = io.BytesIO()
    book.save(content)
    return content.getvalue()


# --- which records, and what is asked for ----------------------------------------------------------------


def _enterprises(connection: Connection, found: list[Row]) -> list[Faulty]:
    """Enterprises with a cause of their own, or at a doubtful position (which their premises tell)."""
    causes: dict[str, list[str]] = {}
    for one in found:
        if one["kind"] == "enterprise":
            causes.setdefault(one["code"], []).extend(cause for cause in one["causes"] if cause in OWN)
        elif one["code"].endswith(PREMISES_SUFFIX):
            causes.setdefault(one["code"].removesuffix(PREMISES_SUFFIX), []).extend(one["causes"])
    return _asked(connection, LAYERS["enterprises"], causes)


def _sources(connection: Connection, found: list[Row]) -> list[Faulty]:
    """Registered sources at a doubtful position."""
    causes = {
        one["code"]: [cause for cause in one["causes"] if not FIELDS[cause][0]]
        for one in found
        if one["kind"] == "source"
    }
    return _asked(connection, LAYERS["sources"], causes)


def _asked(connection: Connection, layer: Layer, causes: dict[str, list[str]]) -> list[Faulty]:
    wanted = {code: why for code, why in causes.items() if why}
    rows = []
    for record in _records(connection, layer, "code", list(wanted)):
        one = Faulty(record)
        for cause in wanted[record["code"]]:
            fields = FIELDS[cause][1]
            empty = [name for name in fields if record.get(name) in (None, "")]
            one.add(cause, empty if cause in OWN - {"wrong_code"} else fields)
        rows.append(one)
    place = {code: n for n, code in enumerate(wanted)}
    return sorted(rows, key=lambda one: place[one.values["code"]])


def _inventory(connection: Connection, found: list[Row], day: date, figures: Figures) -> list[Faulty]:
    """Missing, unmatched and stale inventories.

    A substance is part of its record's key. So where a name meant nothing the old row is to be set to 0 t, and a
    second row, beside it, takes the name as it should be.
    """
    rows: list[Faulty] = []
    found = [one for one in found if one["kind"] == "source"]
    for one in found:
        if "no_inventory" in one["causes"]:
            rows.append(Faulty({"source_code": one["code"]}))
            rows[-1].add("no_inventory", FIELDS["no_inventory"][1])
    unmatched = {item["code"] for one in found for item in one["unmatched"] or []}
    doubtful = [
        one["code"] for one in found if {"unmatched_substance", "stale_inventory"} & set(one["causes"])
    ]
    for record in _records(connection, LAYERS["inventory"], "source_code", doubtful):
        since = record.pop("valid_from")
        if record["code"] in unmatched:
            rows.append(Faulty(record))
            rows[-1].add("unmatched_old", ("quantity_t",))
            kept = ("source_code", "quantity_t", "unit_code", "as_of")
            rows.append(Faulty({name: record[name] for name in kept}))
            rows[-1].add("unmatched_substance", FIELDS["unmatched_substance"][1])
        elif record["quantity_t"] and figures.is_stale(record["as_of"], since, day):
            rows.append(Faulty(record))
            rows[-1].add("stale_inventory", FIELDS["stale_inventory"][1])
    return rows


def _records(connection: Connection, layer: Layer, key: str, values: list[str]) -> list[Row]:
    """Stored records by their import fields, with `lon` and `lat` of a point, else `wkt`."""
    table = metadata.tables[layer.table]
    columns: list[ColumnElement[Any]] = [
        table.c[_RENAMED.get(one.name, one.name)].label(one.name) for one in layer.fields
    ]
    if layer.position != "none":
        at = case((func.ST_GeometryType(table.c.geom) == "ST_Point", table.c.geom))
        columns += [
            func.ST_X(at).label("lon"),
            func.ST_Y(at).label("lat"),
            func.ST_AsText(table.c.geom).label("wkt"),
        ]
    if layer.table == "inventory":
        columns.append(table.c.valid_from)
    query = select(*columns).where(table.c[key].in_(values)).order_by(table.c.code)
    return [dict(row) for row in connection.execute(query).mappings()]


# --- writing ----------------------------------------------------------------------------------------------


def _write(book: Any, layer: Layer, rows: list[Faulty], words: Words) -> None:
    """One sheet. Points are asked for by longitude and latitude; where one record is no point, all by WKT."""
    names = [one.name for one in layer.fields]
    headers = [one.zh if words.lang == "zh" else one.en for one in layer.fields]
    if layer.position != "none":
        places = ["lon", "lat"] if all(one.values["lon"] is not None for one in rows) else ["wkt"]
        names += places
        headers += [POSITION[name][words.lang != "zh"] for name in places]
    sheet = book.create_sheet(layer.zh if words.lang == "zh" else layer.en)
    sheet.freeze_panes = "B2"
    sheet.column_dimensions["A"].width = 2 * _WIDE
    for n in range(len(names)):
        sheet.column_dimensions[get_column_letter(n + 2)].width = _WIDE
    sheet.append([_cell(sheet, text, fill=_HEAD, bold=True) for text in (words.header, *headers)])
    for one in rows:
        reason = "；".join(words.reasons[cause] for cause in dict.fromkeys(one.causes))
        cells = [_cell(sheet, reason)]
        cells += [
            _cell(sheet, one.values.get(name), fill=_YELLOW if name in one.fields else None) for name in names
        ]
        sheet.append(cells)


def _cell(sheet: Any, value: Any, *, fill: Any = None, bold: bool = False) -> Any:
    """A cell whose text stays text, whatever sign it begins with."""
    plain = value.isoformat() if isinstance(value, date) else value
    cell = WriteOnlyCell(sheet, plain if not isinstance(plain, bool) else str(plain).lower())
    if isinstance(cell.value, str):
        cell.data_type = "s"
        cell.alignment = Alignment(wrap_text=True, vertical="top")
    if fill is not None:
        cell.fill = fill
    if bold:
        cell.font = Font(bold=True)
    return cell

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

import xlsxwriter
from sqlalchemy import ColumnElement, Connection, case, func, select

from layers.fields import LAYERS, Layer
from layers.headers import NUMBERS, POSITION
from layers.quality import FIELDS, OWN, faulty_scores
from layers.records import PREMISES_SUFFIX
from layers.schema import metadata
from layers.sheets import cell_text
from layers.writing import PLAIN_WORKBOOK, write_header
from riskmap.confidence import Figures
from riskmap.errors import NotFound

MOST_ROWS = 5000
"""doubtful scores that one workbook tells of, the worst first"""
_YELLOW = "#FFF2CC"
_REASON_WIDTH, _NOTE_WIDTH = 48, 100
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
    content = io.BytesIO()
    with xlsxwriter.Workbook(
        content, {**PLAIN_WORKBOOK, "constant_memory": False, "in_memory": True}
    ) as book:
        for layer, rows in sheets.items():
            _write(book, layer, rows, words)
        notes = book.add_worksheet(words.notes)
        notes.set_column(0, 0, _NOTE_WIDTH, book.add_format({"text_wrap": True, "valign": "top"}))
        for number, line in enumerate(words.lines):
            notes.write_string(number, 0, line)
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
        table.c[column].label(one.name) for one, column in zip(layer.fields, layer.columns, strict=True)
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
    texts = {"wkt", *(one.name for one in layer.fields if one.kind not in NUMBERS)}
    if layer.position != "none":
        places = ["lon", "lat"] if all(one.values["lon"] is not None for one in rows) else ["wkt"]
        names += places
        headers += [POSITION[name][words.lang != "zh"] for name in places]
    sheet = book.add_worksheet(layer.zh if words.lang == "zh" else layer.en)
    write_header(book, sheet, [words.header, *headers])
    sheet.set_column(0, 0, _REASON_WIDTH)
    sheet.freeze_panes(1, 1)
    plain, marked = _looks(book), _looks(book, bg_color=_YELLOW)
    for row, one in enumerate(rows, start=1):
        reasons = "；".join(words.reasons[cause] for cause in dict.fromkeys(one.causes))
        sheet.write_string(row, 0, reasons, plain["text"])
        for column, name in enumerate(names, start=1):
            look = (marked if name in one.fields else plain)["text" if name in texts else "number"]
            value = one.values.get(name)
            if value is None:
                sheet.write_blank(row, column, None, look)
            elif name in texts:
                sheet.write_string(row, column, cell_text(value), look)
            else:
                sheet.write_number(row, column, value, look)


def _looks(book: Any, **more: str) -> dict[str, Any]:
    """How cells look: texts stay texts, also what is filled in."""
    text = {"num_format": "@", "text_wrap": True, "valign": "top"}
    return {"text": book.add_format(text | more), "number": book.add_format({"valign": "top"} | more)}

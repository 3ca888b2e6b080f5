"""An empty workbook of a layer to fill in: headers, drop-downs, one example row, and a sheet that explains each column.

The example's first cell begins with 示例： or Example:, which the import passes over.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import xlsxwriter

from layers.checks import ONE_OF
from layers.choices import choice_words, yes_no
from layers.fields import LAYERS, Field, Layer
from layers.headers import POSITION
from layers.outgoing import place_columns
from layers.parsing import is_code
from layers.writing import PLAIN_WORKBOOK, write_header
from riskmap.vocabulary import words

_LEFT_OUT = {("inventory", "code")}
"""found by the program itself"""
_LAST_ROW = 1_048_575
_NUMERIC = {"int": "integer", "number": "decimal", "decimal": "decimal"}
"""kinds whose cells are numbers, and their check in a workbook"""
_UNITS = {
    "quantity_t": "t",
    "interval_s": "s",
    "rescue_min": "min",
    **dict.fromkeys(("people", "people_day", "people_night", "workers"), "people"),
    **dict.fromkeys(("lon", "lat"), "degree"),
}
_SAMPLES: dict[str, str | tuple[str, str]] = {
    "areas.code": "430981901",
    "areas.name": ("某某镇", "Some township"),
    "areas.level": "township",
    "areas.parent_code": "430981",
    "areas.members": "",
    "enterprises.code": "91430900MA00000000",
    "enterprises.name": ("某某化工有限公司", "Some Chemicals Ltd"),
    "sources.code": "S-001",
    "sources.name": ("液氨储罐区", "Ammonia tank yard"),
    "sources.kind": "hazchem_store",
    "targets.code": "T-001",
    "targets.name": ("某某小学", "Some primary school"),
    "targets.kind": "school",
    "population.code": "P-001",
    "sensors.code": "N-001",
    "sensors.kind": "level",
    "sensors.unit": "m",
    "dangers.code": "D-001",
    "dangers.status": "registered",
    "dangers.enterprise_code": "",
    "dangers.place": "",
    "events.kind": "alarm",
    "events.unit": "m",
    "resources.code": "R-001",
    "resources.name": ("某某消防站", "Some fire station"),
    "resources.kind": "fire_station",
    "duty.code": "Z-001",
    "duty.object_layer": "source",
    "zones_external.code": "X-001",
    "zones_external.name": ("液氨泄漏影响范围", "Ammonia release"),
    "zones_external.kind": "toxic",
    "zone_records.code": "J-001",
    "zone_records.kind": "agreement",
    "zone_records.title": ("联防联控协议", "Joint-control agreement"),
    "zone_records.unit_code": "91430900MA00000000",
    "lines.code": "L-001",
    "lines.name": ("某某路", "Some road"),
    "lines.kind": "road",
    "absent_from": "2026-10-01",
    "absent_to": "2026-10-07",
    "account": "zhangmou",
    "actual_controller": ("张某", "A. Person"),
    "as_of": "2026-01-31",
    "assessed_on": "2026-01-31",
    "approved_on": "2026-01-31",
    "business_format": ("化工生产", "chemicals"),
    "capacity": ("泡沫车 2 辆", "two foam tenders"),
    "cas": "7664-41-7",
    "committee": "hazchem",
    "dept_general": ("市应急管理局", "emergency management bureau"),
    "dept_industry": ("市工信局", "industry bureau"),
    "dept_special": ("市应急管理局", "emergency management bureau"),
    "diagnosis_score": "82.5",
    "done_on": "2026-01-31",
    "due_on": "2026-03-31",
    "enterprise_code": "91430900MA00000000",
    "event_id": "E-001",
    "filed_on": "2026-02-15",
    "fire_brigade_until": "2028-12-31",
    "found_by": "other",
    "found_on": "2026-01-31",
    "from_on": "2026-01-01",
    "grade": "general",
    "high": "8.5",
    "industry": "2614",
    "interval_s": "60",
    "lat": "28.85",
    "lec_c": "15",
    "lec_e": "6",
    "lec_l": "1",
    "legal_representative": ("张某", "A. Person"),
    "lon": "112.36",
    "low": "0",
    "ls_l": "2",
    "ls_s": "4",
    "note": ("各方互通报警、共用消防车", "shared alarms and fire engines"),
    "object_code": "S-001",
    "opened_on": "2015-06-01",
    "origin": ("日常检查", "inspection"),
    "people": "120",
    "people_day": "300",
    "people_night": "20",
    "person": ("张某", "A. Person"),
    "person_general": ("王某", "C. Person"),
    "person_industry": ("李某", "B. Person"),
    "person_special": ("赵某", "D. Person"),
    "phone": "0000-0000000",
    "quantity_t": "12.5",
    "rank": "3",
    "rescue_min": "15",
    "role": "principal",
    "run_id": "",
    "safety_engineer_until": "2028-06-30",
    "sensor_code": "N-001",
    "severity": "high",
    "sis_until": "2027-12-31",
    "source_code": "S-001",
    "standard_level": "3",
    "standard_until": "2028-12-31",
    "status": "active",
    "study": ("某某定量风险评估报告", "Some risk study"),
    "substance": ("氨", "ammonia"),
    "target_class": "high_sensitive",
    "threshold": "ERPG-2",
    "time": "2026-01-31 08:30",
    "title": ("安全阀未按期校验", "safety valve not tested in time"),
    "township_code": "430981901",
    "unit_code": "TK-1",
    "unit_name": ("某某化工有限公司", "Some Chemicals Ltd"),
    "unit_type": "storage",
    "value": "9.1",
    "vulnerable": "yes",
    "zone_code": "Z0123456789",
    "workers": "85",
}
"""what the example row says, by layer.field or by field: a code, or a text in both languages"""
_SHAPES = {
    "polygon": "POLYGON ((112.36 28.85, 112.37 28.85, 112.37 28.86, 112.36 28.86, 112.36 28.85))",
    "line": "LINESTRING (112.36 28.85, 112.38 28.86)",
}


@dataclass(frozen=True, slots=True)
class _Column:
    """A column of the template: its header, its field (None: a part of the position) and its example."""

    name: str
    header: str
    need: str
    sample: str
    field: Field | None = None


def write_template(path: Path, layer: Layer, lang: str = "zh") -> None:
    """Write the workbook of a layer in a language."""
    say = words(lang)["template"]
    columns = list(_columns(layer, lang))
    headers = [column.header + ("*" if column.need == say["must"] else "") for column in columns]
    with xlsxwriter.Workbook(str(path), {**PLAIN_WORKBOOK, "constant_memory": False}) as workbook:
        data = workbook.add_worksheet(layer.zh if lang == "zh" else layer.en)
        notes = workbook.add_worksheet(say["notes"])
        options = workbook.add_worksheet(say["options"])
        options.hide()
        write_header(workbook, data, headers)
        _write_example(workbook, data, columns, say["example"])
        for number, column in enumerate(columns):
            _guide(workbook, data, options, number, column, lang)
        _write_notes(workbook, notes, columns, headers, lang)


def _columns(layer: Layer, lang: str) -> Iterator[_Column]:
    say = words(lang)["template"]
    either = ONE_OF.get(layer.table, ())
    for field in layer.fields:
        if field.name == "synthetic" or (layer.name, field.name) in _LEFT_OUT:
            continue
        need = "must" if field.required else "one_of" if field.name in either else "may"
        header = field.zh if lang == "zh" else field.en
        yield _Column(field.name, header, say[need], _sample(layer, field, lang), field)
    places = place_columns(layer)
    need = "place_optional" if layer.position == "optional" else "must" if len(places) < 3 else "place"
    for name in places:
        header = POSITION[name][0] if lang == "zh" else POSITION[name][-1]
        yield _Column(name, header, say[need], _place_sample(layer, name))


def _sample(layer: Layer, field: Field, lang: str) -> str:
    found = _SAMPLES.get(f"{layer.name}.{field.name}", _SAMPLES.get(field.name, ""))
    text = found if isinstance(found, str) else found[lang != "zh"]
    if field.kind == "bool" and text:
        return yes_no(lang)[text != "yes"]
    return choice_words(field, lang).get(text, text)


def _place_sample(layer: Layer, name: str) -> str:
    """A point by degrees where the layer has points, else a shape."""
    if name != "wkt":
        return str(_SAMPLES[name])
    return "" if "point" in layer.geometries else _SHAPES[layer.geometries[0]]


def _write_example(workbook: Any, sheet: Any, columns: list[_Column], mark: str) -> None:
    shade = {"italic": True, "font_color": "#595959", "bg_color": "#F2F2F2"}
    text, number = workbook.add_format({**shade, "num_format": "@"}), workbook.add_format(shade)
    for place, column in enumerate(columns):
        if place == 0:
            sheet.write_string(1, place, mark + column.sample, text)
        elif (
            column.sample and (column.field is None or column.field.kind in _NUMERIC) and column.name != "wkt"
        ):
            sheet.write_number(1, place, float(column.sample), number)
        else:
            sheet.write_string(1, place, column.sample, text)


def _guide(workbook: Any, data: Any, options: Any, number: int, column: _Column, lang: str) -> None:
    """What a workbook can check itself: a list to choose from, limits of a number. Cells of numbers are no text."""
    field = column.field
    if field is None or field.kind in _NUMERIC:
        data.set_column(number, number, 14, workbook.add_format({}))
    if field is None:
        return
    allowed = _allowed(field, lang)
    rule: dict[str, Any]
    if allowed:
        for row, word in enumerate(allowed):
            options.write_string(row, number, word)
        letter = xlsxwriter.utility.xl_col_to_name(number, col_abs=True)
        rule = {"validate": "list", "source": f"='{options.name}'!{letter}$1:{letter}${len(allowed)}"}
    elif field.kind in _NUMERIC and field.low is not None:
        limits = {"criteria": "between", "minimum": field.low, "maximum": field.high}
        rule = {"validate": _NUMERIC[field.kind], **limits, "error_message": _limits(field, lang)}
    else:
        return
    data.data_validation(1, number, _LAST_ROW, number, {"error_title": column.header[:32], **rule})


def _allowed(field: Field, lang: str) -> list[str]:
    return list(yes_no(lang)) if field.kind == "bool" else list(choice_words(field, lang).values())


def _limits(field: Field, lang: str) -> str:
    say = words(lang)["template"]
    if field.low is not None and field.high is not None:
        return f"{field.low:,g} – {field.high:,.0f}"
    if field.layer:
        other = LAYERS[field.layer]
        return say["refers"].format(layer=other.zh if lang == "zh" else other.en)
    return say["length"].format(n=field.length) if field.kind == "text" else ""


def _write_notes(workbook: Any, sheet: Any, columns: list[_Column], headers: list[str], lang: str) -> None:
    """One line for each column, below a few lines on the whole."""
    say = words(lang)["template"]
    bold = workbook.add_format({"bold": True, "bottom": 1})
    wrapped = workbook.add_format({"text_wrap": True, "valign": "top", "num_format": "@"})
    told = [say[name] for name in ("note_rows", "note_header", "note_place", "note_text")]
    for row, line in enumerate(told):
        sheet.write_string(row, 0, line)
    titles = ("header", "column", "need", "kind", "allowed", "unit", "limits", "sample")
    for place, (title, width) in enumerate(zip(titles, (26, 22, 24, 26, 44, 8, 26, 36), strict=True)):
        sheet.set_column(place, place, width)
        sheet.write_string(len(told) + 1, place, say[title], bold)
    for row, (header, column) in enumerate(zip(headers, columns, strict=True), start=len(told) + 2):
        for place, text in enumerate((header, column.name, column.need, *_told(column, lang), column.sample)):
            sheet.write_string(row, place, text, wrapped)


def _told(column: _Column, lang: str) -> tuple[str, str, str, str]:
    """Kind, allowed values, unit and limits of a column in words."""
    say, field = words(lang)["template"], column.field
    unit = words(lang)["unit"].get(_UNITS.get(column.name, ""), "")
    if field is None:
        return say["kind_text" if column.name == "wkt" else "kind_number"], "", unit, ""
    kind = "code" if is_code(field) else field.kind
    comma = "、" if lang == "zh" else ", "
    return say[f"kind_{kind}"], comma.join(_allowed(field, lang)), unit, _limits(field, lang)

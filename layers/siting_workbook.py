"""The workbook of many verdicts: the verdicts, the rules that speak against them, rows not judged, and by what they were."""

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import xlsxwriter

from layers.writing import PLAIN_WORKBOOK, whole_file, write_header
from riskmap.vocabulary import words

Row = Mapping[str, Any]
Columns = Sequence[tuple[str, str, str]]
_VERDICTS: Columns = (
    ("row", "行号", "Row"),
    ("project_code", "项目代码", "Project code"),
    ("name", "项目名称", "Project"),
    ("kind", "类别", "Kind"),
    ("stage", "阶段", "Stage"),
    ("township", "镇街", "Township"),
    ("lon", "经度", "Longitude"),
    ("lat", "纬度", "Latitude"),
    ("area_m2", "用地面积(平方米)", "Area (m2)"),
    ("verdict_text", "结论", "Verdict"),
    ("clause", "决定性依据", "Deciding clause"),
    ("why", "原因", "Why"),
    ("object", "最近对象", "Nearest object"),
    ("measured", "实测", "Measured"),
    ("limit", "限值", "Limit"),
    ("margin", "余量", "Margin"),
    ("rules_total", "规则数", "Rules"),
    ("gaps", "数据缺口", "Gaps"),
)
_RULES: Columns = (
    ("row", "行号", "Row"),
    ("name", "项目名称", "Project"),
    ("outcome_text", "结论", "Outcome"),
    ("why", "原因", "Why"),
    ("clause_text", "依据", "Clause"),
    ("basis_text", "要求", "Demand"),
    ("from", "自", "From"),
    ("to", "至", "To"),
    ("object", "最近对象", "Nearest object"),
    ("measured", "实测", "Measured"),
    ("limit", "限值", "Limit"),
    ("margin", "余量", "Margin"),
    ("rule", "规则", "Rule"),
)
_FAULTS: Columns = (
    ("row", "行号", "Row"),
    ("field", "字段", "Field"),
    ("value", "值", "Value"),
    ("reason", "原因", "Reason"),
    ("remedy", "改法", "Remedy"),
)
_ABOUT: Columns = (("what", "项目", "What"), ("value", "内容", "Value"))
_SHEETS = (
    ("结论", "Verdicts"),
    ("不利规则", "Rules against"),
    ("未审查的行", "Rows not judged"),
    ("说明", "About"),
)


def write_verdicts(
    path: Path,
    lines: Iterable[Row],
    rules: Iterable[Row],
    faults: Iterable[Row],
    about: Row | None,
    lang: str,
) -> None:
    """Write the workbook whole or not at all; every text stays a text. `about` is any of the verdicts."""
    kinds = {**words(lang)["source_kind"], **words(lang)["development_kind"]}
    stages = words(lang)["siting_stage"]
    told = [
        {**one, "kind": kinds.get(one["kind"], one["kind"]), "stage": stages.get(one["stage"], one["stage"])}
        for one in lines
    ]
    against = [{**one, "object": _name(one)} for one in rules]
    parts: tuple[tuple[Columns, list[Any]], ...] = (
        (_VERDICTS, told),
        (_RULES, against),
        (_FAULTS, list(faults)),
        (_ABOUT, _about(about, lang)),
    )
    with whole_file(path) as draft, xlsxwriter.Workbook(str(draft), dict(PLAIN_WORKBOOK)) as book:
        for titles, (columns, rows) in zip(_SHEETS, parts, strict=True):
            sheet = book.add_worksheet(titles[lang == "en"])
            write_header(book, sheet, [column[1 + (lang == "en")] for column in columns])
            for number, row in enumerate(rows, start=1):
                for place, (name, *_) in enumerate(columns):
                    _write(sheet, number, place, row.get(name))


def _write(sheet: Any, row: int, column: int, value: Any) -> None:
    if isinstance(value, int | float) and not isinstance(value, bool):
        sheet.write_number(row, column, value)
    elif value is not None:
        sheet.write_string(row, column, str(value))


def _name(rule: Row) -> str | None:
    near = rule["object"] or {}
    return near.get("name") or rule.get("object_zh")


def _about(answer: Row | None, lang: str) -> list[Row]:
    if answer is None:
        return []
    names = ("数据时间", "修订号", "规则版本", "规则版本 SHA-256", "说明")
    if lang == "en":
        names = ("Data of", "Revision", "Edition", "SHA-256 of the edition", "Note")
    editions, data = answer["editions"], answer["data"]
    values = (data["time"], str(data["rev"]), editions["edition"], editions["edition_hash"], answer["note"])
    return [{"what": name, "value": value} for name, value in zip(names, values, strict=True)]

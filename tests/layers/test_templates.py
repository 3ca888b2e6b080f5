"""Templates: what people fill in goes in, the example does not, in both languages."""

from pathlib import Path
from typing import Any

import openpyxl
import pytest
from sqlalchemy import Engine

from jobs.exports import export_template
from jobs.imports import import_file
from layers.choices import LANGUAGES, choice_words
from layers.fields import LAYERS
from layers.parsing import is_example, read_choice
from riskmap.errors import BadInput
from tests import nasty_city
from tests.import_files import evening, load


def template(tmp_path: Path, layer: str, lang: str) -> tuple[Path, Any]:
    path = tmp_path / f"{layer}-{lang}.xlsx"
    export_template(layer, path, lang)
    return path, openpyxl.load_workbook(path)


def test_every_choice_has_words_that_are_read_as_its_code() -> None:
    for layer in LAYERS.values():
        for field in layer.fields:
            for lang in LANGUAGES:
                found = choice_words(field, lang)
                assert tuple(found) == field.choices
                assert len(set(found.values())) == len(found), field
                for code, word in found.items():
                    assert read_choice(f" {word.upper()}", field) == code
                    assert lang == "en" or word != code, field


@pytest.mark.parametrize("lang", LANGUAGES)
@pytest.mark.parametrize("layer", LAYERS)
def test_a_template_opens_with_headers_choices_and_explanations(
    tmp_path: Path, layer: str, lang: str
) -> None:
    _, book = template(tmp_path, layer, lang)
    data, notes, options = book.worksheets
    headers = [cell.value for cell in data[1]]
    fields = [
        f for f in LAYERS[layer].fields if f.name != "synthetic" and (layer, f.name) != ("inventory", "code")
    ]
    for field, header in zip(fields, headers, strict=False):
        assert header == (field.zh if lang == "zh" else field.en) + ("*" if field.required else "")
    assert data.freeze_panes == "A2"
    lists = {
        next(iter(one.sqref.ranges)).min_col: one.formula1
        for one in data.data_validations.dataValidation
        if one.type == "list"
    }
    for number, field in enumerate(fields, start=1):
        column = [cell.value for cell in options[data.cell(1, number).column_letter] if cell.value]
        if field.choices:
            assert column == list(choice_words(field, lang).values())
        elif field.kind == "bool":
            assert column == (["是", "否"] if lang == "zh" else ["yes", "no"])
        assert (number in lists) == bool(column)
    told = {row[1].value: row for row in notes.iter_rows(min_row=7)}
    assert list(told)[: len(fields)] == [f.name for f in fields]
    assert [row[0].value for row in told.values()] == headers
    assert options.sheet_state == "hidden"
    assert {cell.data_type for row in data for cell in row} <= {"s", "n"}


def test_days_and_codes_are_text_before_anything_is_typed(tmp_path: Path) -> None:
    _, book = template(tmp_path, "sources", "zh")
    data = book.worksheets[0]
    formats = {
        data.cell(1, number).value: one.number_format
        for one in data.column_dimensions.values()
        for number in range(one.min, one.max + 1)
    }
    assert {formats[name] for name in ("危险源编码*", "开办日期", "所属企业代码")} == {"@"}
    assert formats["经度"] == "General"


@pytest.mark.parametrize("lang", LANGUAGES)
def test_the_example_is_passed_over_and_the_rows_below_go_in(
    owner: Engine, tmp_path: Path, lang: str
) -> None:
    """Every layer: the example alone is no data; freed of its mark it is a good record, and so a model for others."""
    load(owner, tmp_path, "areas", "code,name,level", "430981102,乙镇,township")
    for layer in nasty_city.CITY:
        path, book = template(tmp_path, layer, lang)
        with pytest.raises(BadInput, match="没有数据行"):
            import_file(owner, layer, path)
        data = book.worksheets[0]
        example = [cell.value for cell in data[2]]
        assert is_example(example[0])
        data.append([example[0].split("：" if lang == "zh" else ": ")[1], *example[1:]])
        book.save(path)
        report = import_file(owner, layer, path, at=evening())
        assert (report.rows_read, report.inserted, report.ignored) == (1, 1, []), (layer, report.to_json())


def test_a_template_is_a_workbook(tmp_path: Path) -> None:
    with pytest.raises(BadInput, match=r"\.xlsx"):
        export_template("sources", tmp_path / "a.csv")
    with pytest.raises(BadInput, match="没有图层"):
        export_template("castles", tmp_path / "a.xlsx")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("cell", ["示例：S1", "示例: S1", " example：S1", "Example: S1"])
def test_a_marked_row_is_an_example(cell: str) -> None:
    assert is_example(cell)


@pytest.mark.parametrize("cell", ["示例", "Example-1", "示例厂：一", "", "S1"])
def test_a_record_that_is_only_called_so_is_none(cell: str) -> None:
    assert not is_example(cell)

"""Reading a workbook of enterprises: the whole of `read_table`, safety and text included, beside openpyxl."""

import datetime as dt
from collections.abc import Callable
from pathlib import Path
from typing import Any

import openpyxl
import pytest

from layers.files import read_table
from layers.sheets import cell_text
from tests.benchmarks.ratios import Size, seconds

pytestmark = pytest.mark.bench

ROWS = {"S": 10_000, "M": 100_000, "L": 300_000}


def row(number: int) -> list[Any]:
    """Twelve cells: codes, names, words, positions, counts, areas, days, times and gaps."""
    return [
        f"91430981MA{number:08d}",
        f"沅江市第{number}号企业有限公司",
        ("化工", "烟花", "船舶", "食品")[number % 4],
        "active",
        112.3 + number * 37 % 200_003 / 1e6,
        28.8 + number * 53 % 100_003 / 1e6,
        number * 7 % 499 + 1,
        number * 31 % 1_000_003 / 100,
        dt.date(2010, 1, 1) + dt.timedelta(days=number % 4000),
        dt.datetime(2026, 1, 1, 8) + dt.timedelta(minutes=number),  # noqa: DTZ001 - a sheet's times have no zone
        f"张{number % 977}",
        None if number % 3 else f"第{number}条",
    ]


def test_a_workbook_of_twelve_columns(
    size: Size, tmp_path: Path, compare: Callable[[str, Size, float, str, float, float], None]
) -> None:
    path = tmp_path / "a.xlsx"
    book = openpyxl.Workbook(write_only=True)
    sheet = book.create_sheet("企业")
    sheet.append([f"列{number}" for number in range(12)])
    for number in range(ROWS[size.name]):
        sheet.append(row(number))
    book.save(path)

    def theirs() -> list[list[Any]]:
        found = openpyxl.load_workbook(path, read_only=True)
        rows = [[*cells, None][:12] for cells in found.worksheets[0].iter_rows(values_only=True)]
        found.close()
        return rows

    expected = theirs()[1:]
    table = read_table(path)
    assert len(table.rows) == len(expected) == ROWS[size.name]
    for column, cells in zip(table.columns.values(), zip(*expected[::997], strict=True), strict=True):
        assert column.to_pylist()[::997] == [cell_text(cell) or None for cell in cells]

    promised = {"M": 7.0, "L": 7.0}.get(size.name, 0.0)
    compare("workbook", size, seconds(lambda: read_table(path), 5), "openpyxl", seconds(theirs, 2), promised)

"""Texts and numbers through every kind of file and back, whatever they hold."""

import tempfile
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from layers.checks import check_table
from layers.crs import declared_crs
from layers.exports import Block
from layers.fields import LAYERS
from layers.files import read_table
from layers.mapping import name_columns
from layers.outgoing import Sheet
from layers.parsing import Unreadable, read_text
from layers.writing import FORMS, write_file

KINDS = ("csv", "xlsx", "geojson")
SENSOR = LAYERS["sensors"]
INVENTORY = LAYERS["inventory"]
# what spreadsheets, zips of XML, CSV and our own marks trip over, beside any text
PIECES = st.sampled_from(
    (
        *(
            "=",
            "+",
            "-",
            "@",
            "＝",
            "＠",
            "'",
            "’",
            '"',
            ",",
            ";",
            "\t",
            "\r",
            "\n",
            "_x0041_",
            "_x",
            "&lt;",
            "]]>",
        ),
        *(
            "示例：",
            "#REF!",
            "1e5",
            "007",
            "2026-01-01",
            "true",
            "\ufeff",
            "\u200b",
            "\x0b",
            "\ufffe",
            "𠮷",
            " ",
        ),
    )
)
TEXTS = st.lists(PIECES | st.text(max_size=5), max_size=6).map("".join)


def as_stored(text: str) -> str | None:
    """What an import makes of a text; None where it is no name."""
    try:
        return read_text(text, SENSOR.field("kind"))[:60].strip() or None
    except Unreadable:
        return None


def through(kind: str, layer: str, columns: dict[str, tuple[Any, ...]]) -> dict[str, list[Any]]:
    """Columns written to a file and read as an import reads them."""
    found = LAYERS[layer]
    count = len(next(iter(columns.values())))
    whole = {field.name: columns.get(field.name, (None,) * count) for field in found.fields}
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / f"a.{kind}"
        sheet = Sheet(found, FORMS[kind], declared=declared_crs(None))
        write_file(path, kind, sheet, iter([Block(whole, (None,) * count, None)]), count)
        table = read_table(path)
    checked = check_table(found, table, name_columns(table, found))
    assert checked.faults == {}
    return {name: values.to_pylist() for name, values in checked.columns.items()}


@pytest.mark.parametrize("kind", KINDS)
@given(texts=st.lists(TEXTS.map(as_stored).filter(bool), min_size=1, max_size=20))
def test_a_text_comes_back_as_it_is_on_file(kind: str, texts: list[str]) -> None:
    numbers = tuple(str(n) for n in range(len(texts)))
    columns = {"code": numbers, "source_code": numbers, "kind": tuple(texts), "unit": numbers}
    assert through(kind, "sensors", columns)["kind"] == texts


DECIMALS = st.decimals(
    min_value=0, max_value=Decimal(10**8), allow_nan=False, allow_infinity=False, places=21
) | st.floats(min_value=0, max_value=1e8).map(lambda n: Decimal(f"{n:.21f}"))


MEASURED = st.floats(-1e12, 1e12).map(lambda n: round(n, 12) + 0.0)
"""an import takes no number of more than 30 digits"""


@pytest.mark.parametrize("kind", KINDS)
@given(
    amounts=st.lists(DECIMALS, min_size=1, max_size=20),
    measured=st.lists(MEASURED, min_size=20, max_size=20),
)
def test_a_number_comes_back_to_its_last_digit(
    kind: str, amounts: list[Decimal], measured: list[float]
) -> None:
    numbers = tuple(str(n) for n in range(20))
    columns = {
        "source_code": numbers[: len(amounts)],
        "cas": numbers[: len(amounts)],
        "quantity_t": tuple(amounts),
    }
    assert [Decimal(digits) for digits in through(kind, "inventory", columns)["quantity_t"]] == amounts
    columns = {
        "code": numbers,
        "source_code": numbers,
        "kind": numbers,
        "unit": numbers,
        "low": tuple(measured),
    }
    assert through(kind, "sensors", columns)["low"] == measured

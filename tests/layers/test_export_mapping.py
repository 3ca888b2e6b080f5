"""A mapping file read backwards: an import with the same file reads what was exported."""

from decimal import Decimal
from pathlib import Path

import pytest

from jobs.imports import import_file
from riskmap.errors import BadInput, Refused
from tests.exported import City, cells

FORMATS = ("csv", "xlsx", "geojson", "gpkg")


def test_a_mapping_file_is_read_backwards(city: City, tmp_path: Path) -> None:
    mapping = tmp_path / "m.toml"
    mapping.write_text(
        '[columns]\ncode = "唯一码"\nname = "单位"\nlon = "X"\n'
        '[values.status]\n"营业" = "active"\n"停" = "suspended"\n[values.committee]\n"" = "hazchem"\n'
        '[values.synthetic]\n"S" = "true"\n',
        encoding="utf-8",
    )
    with pytest.raises(Refused, match="committee"):
        city.out("enterprises", tmp_path / "a.csv", mapping=mapping)
    mapping.write_text(mapping.read_text("utf-8").replace('"" =', '"危" ='), encoding="utf-8")
    for kind in FORMATS:
        path = tmp_path / f"a.{kind}"
        city.out("enterprises", path, mapping=mapping)
        if kind == "geojson":
            mapping.write_text(mapping.read_text("utf-8").replace('lon = "X"\n', ""), encoding="utf-8")
        assert import_file(city.owner, "enterprises", path, mapping=mapping, dry_run=True).unchanged == 3
    first = cells(tmp_path / "a.csv")[0]
    assert (first["唯一码"], first["状态"], first["X"], first["合成数据"]) == ("007", "营业", "112.31", "S")


@pytest.mark.parametrize(
    ("unit", "text", "most"),
    [("lb", "S3/", "220.462262184877580722973801345"), ("kg", "", "1e12"), ("g", "", "1e15")],
)
def test_quantities_go_out_in_the_units_of_the_mapping(
    city: City, tmp_path: Path, unit: str, text: str, most: str
) -> None:
    mapping = tmp_path / "m.toml"
    mapping.write_text(f'[columns]\nquantity = "Amount"\n[units]\nquantity = "{unit}"\n', encoding="utf-8")
    for kind in FORMATS:
        path = tmp_path / f"a.{kind}"
        count = city.out("inventory", path, mapping=mapping, text=text).rows
        assert import_file(city.owner, "inventory", path, mapping=mapping, dry_run=True).unchanged == count
    assert max(Decimal(row["Amount"]) for row in cells(tmp_path / "a.csv")) == Decimal(most)


def test_a_quantity_that_a_unit_cannot_say_is_refused(city: City, tmp_path: Path) -> None:
    mapping = tmp_path / "m.toml"
    mapping.write_text('[units]\nquantity = "lb"\n', encoding="utf-8")
    with pytest.raises(Refused, match="lb"):
        city.out("inventory", tmp_path / "a.csv", mapping=mapping)


def test_a_constant_of_the_mapping_must_hold_for_all(city: City, tmp_path: Path) -> None:
    mapping = tmp_path / "m.toml"
    mapping.write_text('[constants]\nkind = "渡口"\n', encoding="utf-8")
    with pytest.raises(Refused, match="kind"):
        city.out("sources", tmp_path / "a.csv", mapping=mapping)
    city.out("sources", tmp_path / "a.csv", mapping=mapping, kind="ferry")
    assert "类别" not in cells(tmp_path / "a.csv")[0]
    assert (
        import_file(city.owner, "sources", tmp_path / "a.csv", mapping=mapping, dry_run=True).unchanged == 1
    )
    mapping.write_text('[columns]\nname = "状态"\n', encoding="utf-8")
    with pytest.raises(BadInput, match="状态"):
        city.out("sources", tmp_path / "a.csv", mapping=mapping)

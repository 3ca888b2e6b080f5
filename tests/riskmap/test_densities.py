"""Densities on file: of pure liquids only, each with its source; what is not known is empty."""

import shutil
from decimal import Decimal
from pathlib import Path

import pytest

from riskmap.densities import ROLE, Densities
from riskmap.editions import Edition, load_edition, shipped_editions
from riskmap.errors import BadInput
from riskmap.substances import Catalogue
from tests.riskmap.standard import edition


def densities(of: Edition) -> Densities:
    return Densities.from_edition(of, Catalogue.from_edition(of))


def test_a_substance_is_found_by_cas_and_by_name() -> None:
    known = densities(edition())
    for cas, name in (("71-43-2", None), (None, "苯"), ("71-43-2", "Benzene")):
        assert known.of(cas=cas, name=name, hazard_class=None) == Decimal("0.878")


@pytest.mark.parametrize(
    ("cas", "name", "hazard_class"),
    [
        ("67-56-1", None, None),
        ("71-43-2", "苯溶液", None),
        (None, "30%丙酮水溶液", "W5.3"),
        (None, "汽油", None),
        (None, None, "W5.3"),
        ("71-43-3", None, None),
    ],
    ids=["empty", "solution", "mixture", "no pure liquid", "class", "wrong cas"],
)
def test_what_is_no_pure_liquid_on_file_has_none(
    cas: str | None, name: str | None, hazard_class: str | None
) -> None:
    assert densities(edition()).of(cas=cas, name=name, hazard_class=hazard_class) is None


def test_an_edition_without_the_table_has_no_densities() -> None:
    whole = edition()
    tables = {role: table for role, table in whole.tables.items() if role != ROLE}
    bare = Edition.from_json(
        {**{name: getattr(whole, name) for name in ("name", "title", "basis")}, "tables": tables}
        | {"effective_from": "2025-01-01", "effective_to": None, "approved_by": None, "approved_on": None}
    )
    assert densities(bare).by_key == {}


@pytest.mark.parametrize(
    ("old", "new", "field"),
    [
        ("71-43-2", "71-43-3", "cas"),
        ("67-56-1", "71-43-2", "cas"),
        ("甲醇,,,,,", "甲醇,0.79,20,,2026-01-01,medium", "source"),
        ("甲醇,,,,,", "甲醇,0.79,20,某手册,,medium", "taken_on"),
        ("甲醇,,,,,", "甲醇,0.79,20,某手册,2026-01-01,low", "confidence"),
        ("甲醇,,,,,", "甲醇,-1,20,某手册,2026-01-01,high", "density_t_m3"),
    ],
)
def test_a_citys_own_table_is_checked(tmp_path: Path, old: str, new: str, field: str) -> None:
    shipped = shipped_editions()["2026-1"]
    shutil.copytree(shipped, tmp_path / "own")
    shutil.copytree(shipped.parent / "densities_2026_1", tmp_path / "own" / "densities_2026_1")
    file = tmp_path / "own" / "densities_2026_1" / "densities.csv"
    text = file.read_text("utf-8")
    assert old in text
    file.write_text(text.replace(old, new, 1), "utf-8")
    with pytest.raises(BadInput, match=rf"densities\.csv 第 \d 行字段 {field}"):
        densities(load_edition(tmp_path / "own"))

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


VDI_KG_M3 = {
    "71-43-2": 877.4,
    "67-64-1": 791.2,
    "67-56-1": 792.0,
    "64-17-5": 790.2,
    "108-88-3": 867.3,
    "75-15-0": 1263.5,
    "60-29-7": 714.2,
    "141-78-6": 900.0,
    "110-82-7": 778.8,
    "110-54-3": 659.6,
    "100-42-5": 905.6,
}
"""VDI Heat Atlas, 2nd ed., D3.1 at 293.15 K: another source than the table's own"""


def test_densities_agree_with_a_second_source() -> None:
    known = densities(edition())
    assert len(known.by_key) == len(VDI_KG_M3)
    for cas, kg_m3 in VDI_KG_M3.items():
        found = known.of(cas=cas, name=None, hazard_class=None)
        assert found is not None
        assert float(found) * 1000 == pytest.approx(kg_m3, rel=0.004)


@pytest.mark.parametrize(
    ("cas", "name", "hazard_class"),
    [
        ("107-13-1", None, None),
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
        ("丙烯腈,,,,,", "丙烯腈,0.79,20,,2026-01-01,medium", "source"),
        ("丙烯腈,,,,,", "丙烯腈,0.79,20,某手册,,medium", "taken_on"),
        ("丙烯腈,,,,,", "丙烯腈,0.79,20,某手册,2026-01-01,low", "confidence"),
        ("丙烯腈,,,,,", "丙烯腈,-1,20,某手册,2026-01-01,high", "density_t_m3"),
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
    with pytest.raises(BadInput, match=rf"densities\.csv 第 \d+ 行字段 {field}"):
        densities(load_edition(tmp_path / "own"))

"""Editions: the exact round trip, and a clear word for every mistake a city can write into its copy."""

import json
import shutil
from collections.abc import Callable
from datetime import date
from pathlib import Path

import pytest

from riskmap.edition_files import edition_files, write_edition
from riskmap.editions import Edition, load_edition, shipped_editions
from riskmap.errors import BadInput
from riskmap.sources import Gb18218
from riskmap.substances import Catalogue
from tests.riskmap.standard import edition


@pytest.fixture
def own(tmp_path: Path) -> Path:
    """A city's own copy of the edition and of the standard's tables."""
    shipped = shipped_editions()["2026-1"]
    shutil.copytree(shipped, tmp_path / "own")
    shutil.copytree(shipped.parent / "gb18218_2018", tmp_path / "own" / "gb18218_2018")
    return tmp_path / "own"


def change(file: Path, old: str, new: str) -> None:
    text = file.read_text("utf-8")
    assert old in text
    file.write_text(text.replace(old, new, 1), "utf-8")


def test_shipped_edition() -> None:
    shipped = edition()
    assert (shipped.name, shipped.approved_by, shipped.approved_on, shipped.effective_to) == (
        "2026-1",
        *[None] * 3,
    )
    assert set(shipped.tables) >= {"gb18218", "risk"}
    assert shipped.table("gb18218")["table"]["effective_from"] == "2019-03-01"
    assert shipped.in_force(date(2026, 5, 1))
    assert not shipped.in_force(date(2024, 12, 31))


def test_json_and_back_is_exact() -> None:
    text = edition().to_json()
    assert Edition.from_json(text) == edition()
    assert Edition.from_json(json.loads(text)).to_json() == text
    assert Edition.from_json(text).hash == edition().hash
    assert len(edition().hash) == 64
    assert '"critical_t":"0.75"' in text
    again = Catalogue.from_edition(Edition.from_json(text))
    assert again.substances == Catalogue.from_edition(edition()).substances


def test_a_citys_own_copy_counts_before_the_shipped_one(own: Path) -> None:
    assert load_edition(own).hash == edition().hash
    change(own / "edition.toml", 'approved_by = ""', 'approved_by = "市人民政府"')
    change(own / "edition.toml", 'approved_on = ""', "approved_on = 2026-06-30\neffective_to = 2027-12-31")
    change(own / "gb18218_2018" / "table5.csv", "100,2.0", "100,2.5")
    loaded = load_edition(own)
    assert (loaded.approved_by, loaded.approved_on) == ("市人民政府", date(2026, 6, 30))
    assert loaded.in_force(date(2027, 12, 31))
    assert not loaded.in_force(date(2028, 1, 1))
    assert loaded.hash != edition().hash
    assert Gb18218.from_edition(loaded).alpha(100) == 2.5


def test_a_city_decides_which_marks_it_computes_with(own: Path) -> None:
    change(own / "gb18218_2018" / "table.toml", '["high", "medium"]', '["high", "medium", "low"]')
    peracetic = Catalogue.from_edition(load_edition(own)).match(name="过乙酸").substance
    assert peracetic is not None
    assert peracetic.beta == 1


MISTAKES = [
    ("edition.toml", "effective_from = 2025-01-01", "", "effective_from"),
    ("edition.toml", "effective_from = 2025-01-01", 'effective_from = "2025-13-01"', "effective_from"),
    ("edition.toml", 'approved_by = ""', 'aproved_by = ""', "aproved_by"),
    ("edition.toml", 'approved_by = ""', "effective_to = 2024-01-01", "effective_to"),
    ("edition.toml", '"gb18218_2018"', '"gb18218_2019"', "tables.gb18218"),
    ("edition.toml", '"gb18218_2018"', '"../gb18218_2018"', "tables.gb18218"),
    ("edition.toml", "[tables]", "[table]", "[tables]"),
    ("edition.toml", 'name = "2026-1"', "name = ", "TOML"),
    ("gb18218_2018/table.toml", 'edition = "gb18218_2018"', 'edition = "mine"', "edition"),
    ("gb18218_2018/table.toml", 'confidence = ["high", "medium"]', 'confidence = ["certain"]', "confidence"),
    ("gb18218_2018/table.toml", "alpha_people", "people_for_alpha", "people_for_alpha"),
    ("gb18218_2018/table.toml", '"people_500m"', '"people_1km"', "alpha_people"),
    ("gb18218_2018/table.toml", "production =", "produktion =", "produktion"),
    (
        "gb18218_2018/table1.csv",
        "1,氨,Ammonia,7664-41-7,1005,10,",
        "1,氨,Ammonia,7664-41-7,1005,0,",
        "critical_t",
    ),
    (
        "gb18218_2018/table1.csv",
        "1,氨,Ammonia,7664-41-7,1005,10,",
        "1,氨,Ammonia,7664-41-7,1005,-10,",
        "critical_t",
    ),
    (
        "gb18218_2018/table1.csv",
        "1,氨,Ammonia,7664-41-7,1005,10,",
        "1,氨,Ammonia,7664-41-7,1005,ten,",
        "critical_t",
    ),
    (
        "gb18218_2018/table1.csv",
        "1,氨,Ammonia,7664-41-7,1005,10,",
        "1,氨,Ammonia,7664-41-7,1005,inf,",
        "critical_t",
    ),
    ("gb18218_2018/table1.csv", "1,氨,Ammonia,7664-41-7", "1,氨,Ammonia,7664-41-8", "cas"),
    ("gb18218_2018/table1.csv", "1,氨,Ammonia,7664-41-7", "1,氨,Ammonia,7782-50-5", "cas"),
    ("gb18218_2018/table1.csv", "\n2,二氟化氧", "\n1,二氟化氧", "no"),
    ("gb18218_2018/table1.csv", "\n2,二氟化氧", "\n2,氨", "name_zh"),
    ("gb18218_2018/table1.csv", "\n2,二氟化氧,Oxygen difluoride", "\n2,,Oxygen difluoride", "name_zh"),
    ("gb18218_2018/table1.csv", "1,J1,4,table4", "1,J9,4,table4", "classes"),
    ("gb18218_2018/table1.csv", "1,J1,4,table4", "1,J1,3,table4", "beta"),
    ("gb18218_2018/table1.csv", "10,,2,table3", "10,,3,table3", "beta"),
    ("gb18218_2018/table1.csv", "1,J1,4,table4", "1,J1,4,table3", "beta_basis"),
    ("gb18218_2018/table1.csv", "10,,2,table3,,high,high", "10,,2,table3,,low,high", "confidence_critical"),
    ("gb18218_2018/table1.csv", "10,,2,table3,,high,high", "10,,2,table3,,high,sure", "confidence_beta"),
    ("gb18218_2018/table1.csv", "critical_t", "critical_kg", "critical_kg"),
    ("gb18218_2018/table1.csv", "no,name_zh,", "name_zh,name_zh,", "重复列"),
    ("gb18218_2018/table1.csv", "1,氨,", "1,氨,NH3,", "第 2 行"),
    ("gb18218_2018/table2.csv", "\nJ2,", "\nJ1,", "symbol"),
    (
        "gb18218_2018/table3.csv",
        "7664-41-7,2",
        "7664-41-7,2.5",
        "table1.csv 第 2 行字段 beta：与表3的 2.5 不符",
    ),
    ("gb18218_2018/table3.csv", "7664-41-7,2", "67-66-3,2", "cas"),
    ("gb18218_2018/table5.csv", "0,0.5", "1,0.5", "people_min"),
    ("gb18218_2018/table5.csv", "50,1.5", "25,1.5", "people_min"),
    ("gb18218_2018/table5.csv", "50,1.5", "50,1.1", "alpha"),
    ("gb18218_2018/table6.csv", "2,50", "2,150", "r_min"),
    ("gb18218_2018/table6.csv", "4,0", "4,1", "r_min"),
    ("gb18218_2018/table6.csv", "3,10", "4,10", "grade"),
    ("gb18218_2018/table6.csv", "3,10\n4,0\n", "3,10\n", "grade"),
    ("gb18218_2018/aliases.csv", "1,name,液氨", "1,name,液氯", "text"),
    ("gb18218_2018/aliases.csv", "1,name,液氨", "99,name,液氨", "no"),
    ("gb18218_2018/aliases.csv", "1,name,液氨", "1,nickname,液氨", "kind"),
    ("gb18218_2018/hints.csv", "柴油,W5.4", "柴油,W5.5", "symbol"),
    ("gb18218_2018/words.csv", "neutral,无水", "nothing,无水", "kind"),
]


@pytest.mark.parametrize(("file", "old", "new", "named"), MISTAKES)
def test_a_mistake_is_named_with_file_and_remedy(
    own: Path, file: str, old: str, new: str, named: str
) -> None:
    change(own / file, old, new)
    with pytest.raises(BadInput) as mistake:
        build(own)
    assert file.split("/", maxsplit=1)[0] in mistake.value.detail
    assert named in mistake.value.detail
    assert mistake.value.remedy
    if file.endswith(".csv") and named not in {"critical_kg", "重复列"}:
        assert "第 " in mistake.value.detail


def build(folder: Path) -> None:
    loaded = load_edition(folder)
    Catalogue.from_edition(loaded)
    Gb18218.from_edition(loaded)


@pytest.mark.parametrize(
    "spoil",
    [
        lambda folder: (folder / "edition.toml").unlink(),
        lambda folder: (folder / "gb18218_2018" / "table5.csv").unlink(),
        lambda folder: (folder / "gb18218_2018" / "table5.csv").write_text("people_min,alpha\n"),
        lambda folder: (folder / "gb18218_2018" / "table5.csv").write_bytes(b"people_min,alpha\n0,\xff\n"),
        lambda folder: (folder / "gb18218_2018" / "table.toml").write_text("[table]\nedition = 1.5\n"),
        lambda folder: (folder / "gb18218_2018" / "table.toml").write_text("[table]\nx = nan\n"),
    ],
)
def test_missing_and_broken_files(own: Path, spoil: Callable[[Path], object]) -> None:
    spoil(own)
    with pytest.raises(BadInput) as mistake:
        build(own)
    assert mistake.value.remedy
    assert str(own) not in mistake.value.detail


def test_an_edition_read_back_from_the_database_is_written_as_it_was(tmp_path: Path) -> None:
    """A database keeps no order of keys: files come out with the columns of the shipped ones, to the last byte."""
    shuffled = json.loads(edition().to_json())
    written = edition_files(Edition.from_json(shuffled))
    for part in ("kinds", "industries", "workers"):
        text = (shipped_editions()["2026-1"].parent / "risk_2026_1" / f"{part}.csv").read_text("utf-8")
        assert written[f"risk_2026_1/{part}.csv"] == text
    write_edition(Edition.from_json(shuffled), tmp_path / "again")
    assert load_edition(tmp_path / "again").hash == edition().hash

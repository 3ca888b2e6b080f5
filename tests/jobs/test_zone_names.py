"""Names of zones on file: unlike within a village, kept for life, and given anew only for a cause."""

from pathlib import Path

from sqlalchemy import Engine, text

from jobs.zones import renew
from tests.import_files import at, load, load_areas
from tests.zone_records import asked

HEADER = "code,name,business_format,lon,lat"


def names(owner: Engine) -> dict[str, str]:
    """The name of each zone by its first member."""
    query = "SELECT min(m.code) AS first, z.name FROM zone z JOIN zone_member m ON m.zone_code = z.code GROUP BY z.code"
    return {row.first: row.name for row in asked(owner, query)}


def test_zones_of_one_village_are_told_apart(owner: Engine, tmp_path: Path) -> None:
    """Named before its place is known a zone is named again by it; of one village each has a name of its own."""
    firms = [
        f"{zone}{n},{zone}{n}厂,,{at(x + n * 0.02, 1.0)}"
        for zone, x, k in (("A", 1.2, 2), ("B", 1.5, 3))
        for n in range(k)
    ]
    load(owner, tmp_path, "enterprises", HEADER, *firms)
    renew(owner, actor="test")
    assert names(owner) == {"A0": "A0厂片区", "B0": "B0厂片区"}
    load_areas(owner, tmp_path)
    load(owner, tmp_path, "enterprises", HEADER, *(f"{line},".rstrip(",") for line in firms))
    renew(owner, actor="test", full=True)
    assert names(owner) == {"A0": "甲镇2号片区", "B0": "甲镇片区"}  # the larger one has the plain name
    market = [f"M{n},M{n}店,五金市场,{at(1.8 + n * 0.02, 1.0)}" for n in range(2)]
    load(
        owner,
        tmp_path,
        "enterprises",
        HEADER,
        *market,
        *(f"C{n},C{n}厂,,{at(0.8 + n * 0.02, 1.0)}" for n in range(2)),
    )
    renew(owner, actor="test")
    known = {"A0": "甲镇2号片区", "B0": "甲镇片区", "C0": "甲镇甲村片区", "M0": "甲镇市场片区"}
    assert names(owner) == known
    with owner.begin() as connection:  # as it was before names were unlike
        connection.execute(text("UPDATE zone SET name = '甲镇片区'"))
    renew(owner, actor="test")
    again = names(owner)
    assert again["B0"] == "甲镇片区"
    assert len(set(again.values())) == 4
    renew(owner, actor="test", full=True)
    assert names(owner) == again

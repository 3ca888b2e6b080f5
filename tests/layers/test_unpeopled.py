"""Sources that reach nobody on file: listed with what to do, told in the explanation, gone once people are entered."""

from pathlib import Path

from sqlalchemy import Engine

from jobs.explain import explain
from jobs.risk import assess
from layers.database import CITY, Identity, reading
from layers.unpeopled import unpeopled
from tests.import_files import SOURCE_HEADER, at, load, load_areas

TOWNSHIP, OTHER = "430981101", "430981102"
PEOPLE = "code,people,people_day,lon,lat"


def listed(reader: Engine, identity: Identity = CITY, township: str | None = None) -> list[tuple[str, str]]:
    with reading(reader, identity) as connection:
        page = unpeopled(connection, township, 10)
        assert page.total == len(page.items)
        return [(one["kind"], one["code"]) for one in page.items]


def nobody_told(owner: Engine, reader: Engine, kind: str, code: str) -> list[str]:
    lines = explain(owner, reader, CITY, kind, code)["contributions"]
    return [line["label"] + "：" + line["reason"] for line in lines if line["kind"] == "exposure_nobody"]


def test_who_reaches_nobody_is_listed_and_told_until_people_are_entered(
    owner: Engine, reader: Engine, tmp_path: Path
) -> None:
    load_areas(owner, tmp_path)
    load(
        owner, tmp_path, "enterprises", "code,name,lon,lat", f"NEAR,近,{at(0.2, 0.2)}", f"FAR,远,{at(3, 0.2)}"
    )
    load(owner, tmp_path, "sources", SOURCE_HEADER, f"S1,渡口,ferry,,{at(0.9, 0.9)}")
    load(owner, tmp_path, "population", PEOPLE, f"P1,40,,{at(0.21, 0.2)}")
    assess(owner, actor="test")
    assert listed(reader) == [("source", "S1"), ("enterprise", "FAR")], "the highest inherent score first"
    assert listed(reader, Identity("town", "township", OTHER)) == [("enterprise", "FAR")]
    assert listed(reader, township=TOWNSHIP) == [("source", "S1")]
    words = ["影响范围内没有登记人口：请补录白天人口"]
    assert nobody_told(owner, reader, "source", "FAR-P") == words
    assert nobody_told(owner, reader, "enterprise", "FAR") == words
    assert nobody_told(owner, reader, "source", "S1") == words
    assert nobody_told(owner, reader, "enterprise", "NEAR") == []

    load(owner, tmp_path, "population", PEOPLE, f"P2,0,12,{at(3, 0.2)}", f"P3,0,3,{at(0.9, 0.9)}")
    assess(owner, actor="test")
    assert listed(reader) == []
    assert nobody_told(owner, reader, "enterprise", "FAR") == []

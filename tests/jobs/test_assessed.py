"""Assessments of sources from a file to the explanation, and back into a file."""

from pathlib import Path

from sqlalchemy import Engine

from jobs.explain import explain
from jobs.exports import export_layer
from jobs.imports import import_file
from jobs.risk import assess
from layers.database import CITY, reading
from layers.records import fetch
from tests.import_files import counts, evening, load

HEADER = "危险源编码,危险源名称,类别,经度,纬度,LEC法可能性,LEC暴露频率E,LEC后果C,风险矩阵可能性,LS后果S,诊断得分,安全评估日期"
ROWS = (
    "S1,一号车间,有限空间,112.36,28.85,3,6.0,15 非常严重，一人死亡,,,,2026-03-01",
    "S2,二号仓库,hazchem_store,112.40,28.85,,,,2,4,95,",
    "S3,三号渡口,ferry,112.50,28.90,,,,,,,",
)


def test_assessments_are_imported_counted_explained_and_exported(
    owner: Engine, reader: Engine, tmp_path: Path
) -> None:
    report = load(owner, tmp_path, "sources", HEADER, *ROWS)
    assert counts(report) == (3, 0, 0, 0), report.to_json()
    assess(owner, actor="test")
    with reading(reader, CITY) as connection:
        one, two, three = fetch(connection, "source").items
    assert (one["lec_l"], one["lec_e"], one["lec_c"], one["base_level"]) == (3, 6, 15, "orange")
    assert one["assessments"] == [{"method": "lec", "value": 270, "points": 53.75, "level": 2}]
    assert [told["method"] for told in two["assessments"]] == ["ls", "diagnosis"]
    assert (two["score"], three["score"]) == (17.777778, 13)
    assert (three["assessments"], three["lec_l"], three["diagnosis_score"]) == ([], None, None)
    line, nobody = explain(owner, reader, CITY, "source", "S1")["contributions"]
    assert (line["kind"], line["value"], line["group"]) == ("assessment", 53.75, "items")
    assert "评估日期 2026-03-01" in line["reason"]
    assert (nobody["kind"], nobody["value"]) == ("exposure_nobody", 0)
    line, _ = explain(owner, reader, CITY, "source", "S2")["contributions"]
    assert (line["label"], line["value"]) == ("风险矩阵（LS）：R = 8", 17.777778)
    for suffix in ("csv", "xlsx", "geojson", "gpkg"):
        path = tmp_path / f"out.{suffix}"
        export_layer(owner, reader, CITY, "sources", path)
        again = import_file(owner, "sources", path, at=evening())
        assert (again.unchanged, again.rows_read) == (3, 3), (suffix, again.to_json())


def test_what_no_method_has_is_refused_by_its_row(owner: Engine, tmp_path: Path) -> None:
    rows = (
        "S1,甲,有限空间,112.36,28.85,4,6,15,,,,",
        "S2,乙,有限空间,112.36,28.85,3,6,,,,,",
        "S3,丙,有限空间,112.36,28.85,,,,6,1,,",
        "S4,丁,有限空间,112.36,28.85,,,,,,100.5,",
        "S5,戊,有限空间,112.36,28.85,,,,,3,,",
        "S6,己,有限空间,112.36,28.85,0.50,0.5,1,5,5,100,",
    )
    report = load(owner, tmp_path, "sources", HEADER, *rows, partial=True)
    told = {(fault.row, fault.field): fault for fault in report.rejected}
    assert set(told) == {(2, "lec_l"), (3, "lec_c"), (4, "ls_l"), (5, "diagnosis_score"), (6, "ls_l")}
    assert "3 可能，但不经常(3)" in told[2, "lec_l"].remedy
    assert "须一并填写" in told[3, "lec_c"].reason
    assert report.inserted == 1

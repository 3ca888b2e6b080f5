"""A grade follows inventory, people and rules by itself; old grade, new grade and cause are on record."""

from datetime import date
from pathlib import Path
from typing import Any

from sqlalchemy import Engine

from jobs.imports import import_file
from jobs.risk import assess
from layers.database import CITY, reading
from layers.regrading import grade_changes, reassessments

SOURCES = "code,name,kind,lon,lat,assessed_on,filed_on\nS1,氨站,ammonia_cold_store,112.36,28.85,2020-01-02,2020-02-01\n"


def put(owner: Engine, folder: Path, layer: str, content: str) -> None:
    path = folder / f"{layer}.csv"
    path.write_text(content, encoding="utf-8")
    import_file(owner, layer, path)
    assess(owner, actor="test")


def inventory(tonnes: str) -> str:
    return f"source_code,substance,quantity_t\nS1,液氨,{tonnes}\n"


def test_every_change_of_a_grade_is_told_with_its_cause(
    owner: Engine, reader: Engine, tmp_path: Path
) -> None:
    put(owner, tmp_path, "population", "code,people,lon,lat\nP1,20,112.362,28.85\n")
    put(owner, tmp_path, "sources", SOURCES)
    put(owner, tmp_path, "inventory", inventory("49"))
    put(owner, tmp_path, "inventory", inventory("60"))
    put(owner, tmp_path, "population", "code,people,lon,lat\nP1,20,112.362,28.85\nP2,900,112.363,28.85\n")
    put(owner, tmp_path, "inventory", inventory("9"))
    with reading(reader, CITY) as connection:
        changes = grade_changes(connection)
        tasks = reassessments(connection, date(2026, 6, 1))
    told = [(c["from"], c["to"], c["causes"]) for c in reversed(changes)]
    assert told == [
        (None, 4, ["inventory"]),
        (4, 3, ["inventory"]),
        (3, None, ["inventory"]),
    ], told
    assert [(t["task"], t["overdue"]) for t in tasks] == [("cancel", True)]


def test_people_moving_in_raise_a_grade(owner: Engine, reader: Engine, tmp_path: Path) -> None:
    put(owner, tmp_path, "population", "code,people,lon,lat\nP1,20,112.362,28.85\n")
    put(owner, tmp_path, "sources", SOURCES)
    put(owner, tmp_path, "inventory", inventory("49"))
    put(owner, tmp_path, "population", "code,people,lon,lat\nP1,20,112.362,28.85\nP2,900,112.363,28.85\n")
    with reading(reader, CITY) as connection:
        newest: dict[str, Any] = grade_changes(connection, "S1")[0]
        tasks = {t["task"]: t for t in reassessments(connection, date(2026, 6, 1))}
    assert (newest["from"], newest["to"], newest["causes"]) == (4, 3, ["people"])
    assert tasks["reassess"]["due_on"] == "2023-01-02"
    assert set(tasks) == {"reassess", "regraded"}

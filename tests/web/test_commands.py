"""The command line's contract: one JSON document, its keys, exit codes, and errors that say what to do."""

import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner, Result

from riskmap.settings import Settings
from tests.conftest import ROOT
from web.commands import app

SOURCE_KEYS = {
    *("code", "name", "kind", "township_code", "people_500m", "alpha", "s", "r", "grade", "level", "score"),
    *("distances_m", "people_500m_exact", "exposed_500m", "partial", "unmatched", "confidence", "base_score"),
    *("base_level", "rise", "rise_level", "edition", "data_time", "run_id"),
}
FILES = {
    "population": "code,people,lon,lat\nP1,120,112.361,28.85\n",
    "sources": "code,name,kind,lon,lat\nS1,氯站,water_works,112.36,28.85\nS2,不明,hazchem_store,112.4,28.85\n",
    "inventory": "source_code,substance,quantity_t\nS1,液氯,30\nS2,某某混合物,5\n",
}

Run = Callable[..., Result]


@pytest.fixture
def run(database: str, tmp_path: Path) -> Run:
    settings = Settings(database_url=database, home=tmp_path)
    return lambda *words: CliRunner().invoke(app, list(words), obj=settings)


@pytest.fixture
def loaded(run: Run, tmp_path: Path) -> Run:
    for layer, content in FILES.items():
        (tmp_path / f"{layer}.csv").write_text(content, encoding="utf-8")
        assert run("import", layer, str(tmp_path / f"{layer}.csv")).exit_code == 0
    assert run("assess").exit_code == 0
    return run


def document(result: Result) -> Any:
    assert result.exit_code == 0, result.output
    return json.loads(result.stdout)


def test_sources_are_shown_graded_and_explained(loaded: Run) -> None:
    source = document(loaded("show", "source", "S1", "--json"))
    assert source.keys() >= SOURCE_KEYS
    assert (source["s"], source["r"], source["grade"], source["people_500m"]) == (6, 48, 3, 120)
    everything = document(loaded("show", "source", "--json"))
    assert [row["code"] for row in everything] == ["S1", "S2"]
    unknown = everything[1]
    assert unknown["partial"]
    assert unknown["unmatched"][0]["label"] == "某某混合物"
    assert unknown["confidence"] == "D"
    account = document(loaded("explain", "source", "S1", "--json"))
    assert sum(round(line["value"] * 1e6) for line in account["contributions"]) == round(
        account["score"] * 1e6
    )
    assert {"kind", "record", "label", "value", "reason"} <= account["contributions"][0].keys()


def test_a_run_tells_what_it_did(loaded: Run) -> None:
    run = document(loaded("assess", "--json"))
    keys = {"run_id", "edition", "result_hash", "data_time", "duration_s", "changed", "levels"}
    assert run.keys() >= keys
    assert run["changed"]["sources"] == 0
    assert set(run["levels"]["grid"]) == {"red", "orange", "yellow", "blue"}
    assert run["data_time"].endswith("+08:00")


def test_an_import_is_told_row_by_row(run: Run, tmp_path: Path) -> None:
    path = tmp_path / "s.csv"
    path.write_text(
        "code,name,kind,lon,lat\nS1,甲,ferry,112.4,28.8\nS2,乙,rocket,112.4,28.8\n", encoding="utf-8"
    )
    refused = run("import", "sources", str(path), "--json")
    assert refused.exit_code == 1
    report = json.loads(refused.stdout)
    assert (report["rows_read"], report["inserted"], len(report["rejected"])) == (2, 0, 1)
    assert {"row": 3, "field": "kind", "value": "rocket"}.items() <= report["rejected"][0].items()
    assert "改正" in refused.stderr
    assert document(run("show", "source", "--json")) == []
    trial = document(run("import", "sources", str(path), "--partial", "--dry-run", "--json"))
    assert (trial["inserted"], document(run("show", "source", "--json"))) == (1, [])
    for inserted, unchanged in ((1, 0), (0, 1)):
        report = document(run("import", "sources", str(path), "--partial", "--json"))
        assert (report["inserted"], report["unchanged"], len(report["rejected"])) == (inserted, unchanged, 1)


def test_a_user_is_made_with_a_password_shown_once(run: Run) -> None:
    made = document(run("user", "add", "city1", "--role", "city", "--json"))
    assert made.keys() >= {"name", "role", "area", "password"}
    assert len(made["password"]) > 12
    again = run("user", "add", "city1", "--role", "city", "--json")
    assert again.exception is not None
    assert made["password"] not in again.output


def test_the_interface_describes_itself(run: Run) -> None:
    described = document(run("openapi"))
    assert described["openapi"].startswith("3.")
    assert {"/api/v1/sources/{code}/explain", "/api/v1/token", "/api/v1/imports"} <= described["paths"].keys()


def test_a_small_command_does_not_wait_for_the_large_ones() -> None:
    """Numba reads where compiled kernels are kept when it is first imported: not before `main` has said where."""
    loaded = """
import sys, web.cli
print("numba" in sys.modules)
import web.commands
print([name for name in ("fastapi", "folium", "openpyxl", "jobs.imports", "jobs.demo") if name in sys.modules])
"""
    words = [sys.executable, "-c", loaded]
    told = subprocess.run(words, cwd=ROOT, capture_output=True, text=True, check=True).stdout
    assert told.splitlines() == ["False", "[]"]


def test_wrong_words_are_wrong_usage(run: Run) -> None:
    assert run("frobnicate").exit_code == 2
    assert run("show").exit_code == 2
    assert run("import", "sources").exit_code == 2


def test_errors_end_with_one_and_one_document(database: str, tmp_path: Path) -> None:
    environment = {**os.environ, "RISKMAP_HOME": str(tmp_path), "RISKMAP_DATABASE_URL": database}
    command = [sys.executable, "-m", "web", "show", "source", "nowhere", "--json"]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 1
    assert json.loads(done.stdout)["status"] == 404
    assert done.stderr.startswith("错误：")
    assert "处理：" in done.stderr


def test_another_city_is_refused(database: str, tmp_path: Path) -> None:
    other = tmp_path / "city.toml"
    other.write_text('[city]\ncode = "430900"\nname = "别处"\nmetric_crs = "EPSG:4547"\n', encoding="utf-8")
    settings = Settings(database_url=database, home=tmp_path, city=other)
    result = CliRunner().invoke(app, ["init"], obj=settings)
    assert result.exit_code == 1
    assert "430981" in str(result.exception)


def test_an_import_is_listed_undone_and_its_rejects_kept(run: Run, tmp_path: Path) -> None:
    path, out = tmp_path / "s.csv", tmp_path / "rejected.xlsx"
    path.write_text(
        "code,name,kind,lon,lat\nS1,甲,ferry,112.4,28.8\nS2,乙,rocket,112.4,28.8\n", encoding="utf-8"
    )
    report = document(run("import", "sources", str(path), "--partial", "--rejected", str(out), "--json"))
    assert (report["inserted"], report["questions"], report["columns"]["kind"]) == (1, [], "kind")
    assert out.is_file()
    (listed,) = document(run("imports", "--json"))
    assert listed.keys() == {"rev", "at", "actor", "job", "reason", "layers", "undone_by"}
    assert (listed["rev"], listed["actor"], listed["undone_by"]) == (report["rev"], "cli", None)
    assert listed["at"].endswith("+08:00")
    told = document(run("undo", str(report["rev"]), "--dry-run", "--json"))
    assert told["layers"] == [{"layer": "sources", "ended": 1, "restored": 0, "returned": 0}]
    back = document(run("undo", str(report["rev"]), "--json"))
    assert document(run("show", "source", "--json")) == []
    assert run("undo", str(back["rev"])).exit_code == 0
    assert [row["code"] for row in document(run("show", "source", "--json"))] == ["S1"]
    assert "撤销" in run("imports").stdout
    refused = run("undo", str(back["rev"]))
    assert refused.exit_code == 1

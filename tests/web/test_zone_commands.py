"""`riskmap zones`, `show zone`, `explain zone`: the contract's keys, what-if, and words for who asks wrongly."""

import json
from pathlib import Path
from typing import Any

from typer.testing import CliRunner

from riskmap.settings import Settings
from tests.import_files import at
from web.commands import app

FIRMS = (
    f"code,name,industry,lon,lat\nE1,甲厂,2614,{at(0, 0)}\nE2,乙厂,2614,{at(0.05, 0)}\nE3,远厂,,{at(2, 0)}\n"
)
KEYS = {"id", "members", "townships", "kinds", "level", "born_run", "lineage"}


def test_zones_on_the_command_line(database: str, tmp_path: Path) -> None:
    settings = Settings(database_url=database, home=tmp_path)

    def run(*words: str) -> Any:
        return CliRunner().invoke(app, list(words), obj=settings)

    def document(*words: str) -> Any:
        answer = run(*words, "--json")
        assert answer.exit_code == 0, answer.output
        return json.loads(answer.stdout)

    (tmp_path / "enterprises.csv").write_text(FIRMS, encoding="utf-8")
    assert document("import", "enterprises", str(tmp_path / "enterprises.csv"))["inserted"] == 3
    (zone,) = document("zones")
    assert set(zone) == KEYS
    assert (zone["members"], zone["level"], zone["born_run"]) == (["E1", "E2"], None, 1)
    assert "zone" not in document("assess")["levels"]
    shown = document("show", "zone", zone["id"])
    assert shown["of_run"] == 1  # a run of risks renews the zones
    assert shown["level"] == "blue"
    assert [one["id"] for one in document("show", "zone")] == [zone["id"]]
    account = document("explain", "zone", zone["id"])
    assert sum(round(line["value"] * 1e6) for line in account["contributions"]) == round(shown["score"] * 1e6)
    assert {line["label"] for line in account["contributions"]} == {"成员：甲厂", "成员：乙厂"}
    (imagined,) = document("zones", "--what-if", "--distance", "110", "--kinds", "adjacent,similar")
    assert set(imagined) == KEYS
    assert (imagined["id"], imagined["level"], imagined["lineage"]) == ("W1", "blue", [])
    assert document("zones", "--what-if", "--distance", "90", "--unbounded") == []
    for wrong in (("zones", "--distance", "90"), ("zones", "--what-if")):
        assert run(*wrong).exit_code == 2
    assert "甲厂" in run("explain", "zone", zone["id"]).stdout
    assert zone["id"][:6] in run("zones").stdout
    assert run("show", "zone", "Z0").exception is not None

"""The commands about editions: a folder goes out, is edited, comes back as a draft, is compared and approved."""

from pathlib import Path
from typing import Any

import pytest

from riskmap.errors import BadInput, NotFound, Refused
from tests.web.test_commands import Run, document, loaded, run

__all__ = ["loaded", "run"]


def edited(run: Run, folder: Path) -> Path:
    """The shipped edition as a folder, renamed, the stores of hazardous chemicals raised from its file."""
    made = document(run("editions", "export", "2026-1", str(folder / "ours"), "--json"))
    assert str(folder / "ours" / "edition.toml") in made["files"]
    head = folder / "ours" / "edition.toml"
    head.write_text(head.read_text("utf-8").replace('name = "2026-1"', 'name = "2027-1"'), "utf-8")
    kinds = folder / "ours" / "risk_2026_1" / "kinds.csv"
    rows = kinds.read_text("utf-8").splitlines()
    at = next(n for n, row in enumerate(rows) if row.startswith("hazchem_store,"))
    cells = rows[at].split(",")
    cells[3] = "70"
    rows[at] = ",".join(cells)
    kinds.write_text("\n".join(rows) + "\n", "utf-8")
    return folder / "ours"


def states(run: Run) -> dict[str, str]:
    return {one["name"]: one["state"] for one in document(run("editions", "list", "--json"))}


def test_an_edition_goes_from_export_to_approval(loaded: Run, tmp_path: Path) -> None:
    assert "目前没有已批准的版本" in loaded("editions", "list").stdout
    folder = edited(loaded, tmp_path)
    made = document(loaded("editions", "draft", str(folder), "--json"))
    assert (made["name"], made["replaced"]) == ("2027-1", False)
    assert states(loaded) == {"2026-1": "stand_in", "2027-1": "draft"}
    found = document(loaded("editions", "compare", "2026-1", "2027-1", "--json"))
    assert [one["code"] for one in found["changed"] if one["kind"] == "source"] == ["S2"]
    assert [(one["row"], one["field"], one["new"]) for one in found["differences"]] == [
        ("hazchem_store", "points", "70")
    ]
    told = loaded("editions", "compare", "2026-1", "2027-1").stdout
    assert "危险源 2：变色 1" in told
    approved: dict[str, Any] = document(
        loaded("editions", "approve", "2027-1", "--by", "市安委会", "--from", "2026-01-01", "--json")
    )
    assert approved["comparison"]["kinds"]["source"]["changed"] == 1
    assert states(loaded) == {"2026-1": "example", "2027-1": "in_force"}
    assert document(loaded("assess", "--json"))["edition"] == "2027-1"
    assert document(loaded("show", "source", "S2", "--json"))["level"] == "red"
    checked = document(loaded("editions", "stability", "--json"))
    assert checked["edition"] == "2027-1"
    assert document(loaded("explain", "source", "S1", "--json"))["stability"]["level"] is not None
    shown = document(loaded("editions", "show", "2027-1", "--json"))
    assert shown["approved_by"] == "市安委会"
    assert set(shown["tables"]) >= {"risk", "dynamic", "gb18218"}
    assert "市安委会" in loaded("editions", "show", "2027-1").stdout


def test_what_cannot_be_done_is_refused(run: Run, tmp_path: Path) -> None:
    folder = edited(run, tmp_path)
    for words, error in (
        (("export", "2026-1", str(folder)), BadInput),
        (("export", "gone", str(tmp_path / "x.json")), NotFound),
        (("show", "gone"), NotFound),
        (("draft", str(tmp_path / "no-such")), BadInput),
        (("withdraw", "2026-1"), Refused),
        (("withdraw", "gone"), NotFound),
        (("approve", "2026-1", "--by", "市政府", "--from", "tomorrow"), BadInput),
        (("stability",), Refused),
    ):
        result = run("editions", *words)
        assert isinstance(result.exception, error), (words, result.exception)
    assert document(run("editions", "draft", str(folder), "--name", "trial", "--json"))["name"] == "trial"
    assert document(run("editions", "withdraw", "trial", "--json"))["name"] == "trial"
    assert states(run) == {"2026-1": "stand_in"}


@pytest.mark.parametrize("suffix", ["", ".json"])
def test_the_round_trip_is_exact(run: Run, tmp_path: Path, suffix: str) -> None:
    document(run("editions", "export", "2026-1", str(tmp_path / f"out{suffix}"), "--json"))
    made = document(run("editions", "draft", str(tmp_path / f"out{suffix}"), "--name", "copy", "--json"))
    assert made["name"] == "copy"
    same = document(run("editions", "compare", "2026-1", "copy", "--json"))
    assert same["differences"] == same["changed"] == []

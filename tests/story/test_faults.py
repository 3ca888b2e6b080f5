"""A broken roster: every planted fault is listed and nothing else, the corrected one goes in, the second time nothing changes."""

from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Engine

from jobs.imports import import_file
from riskmap.errors import Refused
from tests.broken_workbook import FAULTS, KIND, KINDS, ROWS, Planted, build, correct
from tests.import_files import counts, evening, rows


def refused(owner: Engine, path: Path) -> list[dict[str, Any]]:
    """The rows that an import of the file is refused for; nothing was written."""
    before = rows(owner, "SELECT count(*), (SELECT count(*) FROM enterprise_all) FROM revision")
    with pytest.raises(Refused) as caught:
        import_file(owner, "enterprises", path, at=evening())
    assert rows(owner, "SELECT count(*), (SELECT count(*) FROM enterprise_all) FROM revision") == before
    report = caught.value.facts["report"]
    assert report["rows_read"] == ROWS
    rejected: list[dict[str, Any]] = report["rejected"]
    return rejected


def compare(rejected: list[dict[str, Any]], planted: dict[int, str]) -> None:
    """One line for each planted row, of the field and in the words of its kind, with what to do."""
    assert [(line["row"], line["field"]) for line in rejected] == [
        (row, KIND[kind][0]) for row, kind in sorted(planted.items())
    ]
    for line in rejected:
        assert KIND[planted[line["row"]]][1] in line["reason"], line
        assert line["remedy"], line


def told(rejected: list[dict[str, Any]]) -> list[tuple[int, str]]:
    return [(line["row"], line["field"]) for line in rejected]


@pytest.mark.parametrize("seed", [20261127, 1, 2, 3])
def test_all_planted_faults_are_listed_and_the_corrected_roster_goes_in(
    owner: Engine, tmp_path: Path, seed: int
) -> None:
    path = tmp_path / "名录.xlsx"
    planted: Planted = build(path, seed)
    assert (len(planted.told), len(set(planted.told.values()))) == (FAULTS, KINDS)
    assert planted.behind
    first = refused(owner, path)
    compare(first, planted.told)
    correct(path, planted, told(first))
    second = refused(owner, path)
    compare(second, planted.behind)
    correct(path, planted, told(second))
    done = import_file(owner, "enterprises", path, at=evening())
    assert counts(done) == (ROWS, 0, 0, 0)
    stored = rows(owner, "SELECT code, name, workers FROM enterprise ORDER BY code")
    assert [(code, name) for code, name, _ in stored] == [(r["code"], r["name"]) for r in planted.right]
    again = import_file(owner, "enterprises", path, at=evening(1))
    assert (counts(again), again.rev) == ((0, 0, ROWS, 0), None)

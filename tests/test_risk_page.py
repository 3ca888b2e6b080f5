"""docs/risk-model.md says what the code does: every figure is the edition's, every function named is there."""

import importlib
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from riskmap.weights import LONGEST_REACH_M
from tests.laws import EDGES
from tests.riskmap.standard import edition

PAGE = Path(__file__).resolve().parents[1] / "docs" / "risk-model.md"
NUMBER = re.compile(r"\d+(?:\.\d+)?")
IN_WORDS = {"table", "basis", "clause", "clause_en"}
"""fields of a table that are no figures"""


def tables() -> dict[str, list[list[str]]]:
    """The page's tables by the first word of their head: rows of cells, without backticks."""
    found: dict[str, list[list[str]]] = {}
    head = ""
    for line in PAGE.read_text("utf-8").splitlines():
        cells = [cell.strip().strip("`") for cell in line.strip().strip("|").split("|")]
        if not line.startswith("|"):
            head = ""
        elif not head:
            head = cells[0]
            found.setdefault(head, [])
        elif set("".join(cells)) - set("-"):
            found[head].append(cells)
    return found


def figures(role: str) -> dict[str, Any]:
    """Every figure of the sections of an edition's table, by its path."""
    sections = {name: part for name, part in edition().table(role).items() if isinstance(part, Mapping)}
    return {
        f"{role}.{name}.{key}": value
        for name, part in sections.items()
        if name not in IN_WORDS
        for key, value in part.items()
        if key not in IN_WORDS
    }


def numbers(value: Any) -> list[float]:
    """The numbers of a cell or a figure in their order."""
    if isinstance(value, list):
        return [one for part in value for one in numbers(part)]
    if isinstance(value, Mapping):
        return [one for part in value.values() for one in numbers(part)]
    return [float(one) for one in NUMBER.findall(str(value))]


def test_every_figure_of_the_edition_is_on_the_page_and_the_same() -> None:
    told = {row[0]: row[1] for row in tables()["figure"]}
    assert numbers(told.pop("riskmap.weights.LONGEST_REACH_M")) == [LONGEST_REACH_M]
    assert numbers(told.pop("risk.workers")) == numbers(edition().table("risk")["workers"])
    expected = figures("risk") | figures("dynamic")
    assert told.keys() == expected.keys()
    for name, value in expected.items():
        if numbers(value):
            assert numbers(told[name]) == numbers(value), name
        else:
            assert told[name] == value, name


def test_the_edges_on_the_page_are_those_that_the_laws_are_tried_with() -> None:
    told = {row[0]: row[1] for row in tables()["figure"]}
    for name, edges in EDGES.items():
        assert numbers(told[f"risk.edges.{name}"]) == list(edges)


def test_every_kind_of_source_of_method_and_of_event_is_on_the_page() -> None:
    kinds = [
        [
            row[name] or "–"
            for name in ("kind", "name_zh", "points", "reach_m", "workers_from", "workers_points")
        ]
        for row in edition().table("risk")["kinds"]
    ]
    assert tables()["kind"] == kinds
    credited = [
        [row[name] for name in ("credit", "name_zh", "points")] for row in edition().table("risk")["credits"]
    ]
    assert tables()["credit"] == credited
    columns = ("method", "name_zh", *(f"points_{n}" for n in (0, 20, 40, 60, 100)), "edge")
    assert tables()["method"] == [
        [row[name] for name in columns] for row in edition().table("risk")["methods"]
    ]
    events = [
        [row["kind"], row["severity"] or "–", row["points"], row["name_zh"]]
        for row in edition().table("dynamic")["events"]
    ]
    assert tables()["event"] == events
    weather = PAGE.read_text("utf-8").split("Weather works on", 1)[1].split("only", 1)[0]
    assert re.findall(r"`(\w+)`", weather) == [row["kind"] for row in edition().table("dynamic")["weather"]]


def test_every_function_and_file_on_the_page_is_there() -> None:
    text = PAGE.read_text("utf-8")
    names = set(re.findall(r"\b((?:riskmap|layers|jobs)(?:\.\w+){2})\b", text))
    assert len(names) > 30
    for name in names:
        module, _, function = name.rpartition(".")
        assert hasattr(importlib.import_module(module), function), name
    for path in re.findall(r"`((?:riskmap|tests)/[\w/.]+)`", text) + re.findall(r"\]\((\w+\.md)\)", text):
        assert (PAGE.parents[1] / path).exists() or (PAGE.parent / path).exists(), path

"""GB 18218-2018 as the tests reach it: the shipped edition, and inventories written as text."""

import copy
import csv
from collections.abc import Callable
from dataclasses import replace
from decimal import Decimal
from functools import cache
from pathlib import Path
from typing import Any

from riskmap.consequence_tables import ConsequenceRules
from riskmap.editions import Edition, load_edition, shipped_editions
from riskmap.sources import Gb18218, Item
from riskmap.substances import Catalogue

TABLES = Path(__file__).parent / "tables"


@cache
def edition() -> Edition:
    return load_edition(shipped_editions()["2026-1"])


@cache
def catalogue() -> Catalogue:
    return Catalogue.from_edition(edition())


@cache
def rules() -> Gb18218:
    return Gb18218.from_edition(edition())


@cache
def consequence_rules() -> ConsequenceRules:
    return ConsequenceRules.from_edition(edition())


def edited(role: str, change: Callable[[Any], None]) -> Edition:
    """The shipped edition with one of its tables changed in place."""
    tables = copy.deepcopy(dict(edition().tables))
    change(tables[role])
    return replace(edition(), tables=tables)


def vectors(name: str) -> list[dict[str, str]]:
    with (TABLES / f"{name}.csv").open(encoding="utf-8", newline="") as lines:
        return list(csv.DictReader(lines))


def item(code: str, substance: str, quantity_t: Decimal) -> Item:
    """A record of a substance by name, or of a class where the text is a symbol."""
    by_class = catalogue().match(hazard_class=substance)
    match = by_class if by_class.substance else catalogue().match(name=substance)
    assert match.substance, (substance, match)
    return Item(code, quantity_t, match, substance)


def inventory(contents: str) -> list[Item]:
    """`氨 12; W5.4 3000` as records `a`, `b`, …"""
    parts = [part.split() for part in contents.split(";")]
    return [item(chr(97 + n), substance, Decimal(tonnes)) for n, (substance, tonnes) in enumerate(parts)]

"""The three colours of a record, as words and numbers, and the order from the worst by either map."""

from typing import Any

from sqlalchemy import ColumnElement, Select

from riskmap.errors import BadInput
from riskmap.vocabulary import LEVELS

LEVEL_NUMBERS = {word: number for number, word in LEVELS.items()}
LEVEL_NAMES = ("level", "base_level", "rise_level")
"""The three colours of a record: current, inherent, and what dynamic records add."""


def level_number(word: str) -> int:
    """The number of a colour. BadInput for a word that is none."""
    if word not in LEVEL_NUMBERS:
        raise BadInput(f"没有“{word[:20]}”这一级", remedy="可用：red orange yellow blue")
    return LEVEL_NUMBERS[word]


def worst_first(query: Select[Any], scale: str) -> list[ColumnElement[Any]]:
    """By the colour of one scale, then its points; what has risen alike goes by inherent risk."""
    shown = query.selected_columns
    if "score" not in shown:
        return []
    base: list[ColumnElement[Any]] = [
        shown["base_level"].asc().nulls_last(),
        shown["base_score"].desc().nulls_last(),
    ]
    if scale == "base":
        return base
    rise = shown["score"] - shown["base_score"]
    return [shown["rise_level"].asc().nulls_last(), rise.desc().nulls_last(), *base]

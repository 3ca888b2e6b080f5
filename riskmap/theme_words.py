"""What the values of a theme's dimensions are called, in Chinese or English."""

from collections.abc import Mapping
from typing import Any

from riskmap.themes import NONE
from riskmap.vocabulary import words
from riskmap.weights import MICRO, RiskWeights


def label_of(weights: RiskWeights | None, name: str, value: str, lang: str) -> str:
    """The word for a value of a dimension; industries are named as the edition names them."""
    spoken = words(lang)
    general = spoken["theme_value"].get(value)
    if general is not None:
        return general
    if name == "industry" and value != NONE:
        known = weights.industry(value) if weights else None
        return f"{value} {known.name_en if lang == 'en' else known.name_zh}".strip() if known else value
    return spoken[{"kind": "source_kind"}.get(name, name)].get(value, value)


def ranked(
    sums: Mapping[str, int], weights: RiskWeights | None, name: str, lang: str
) -> list[dict[str, Any]]:
    """Parts by the values of a dimension (micro-points) as they are told: value, label, part; the largest first."""
    order = sorted(sums.items(), key=lambda item: (-item[1], item[0]))
    return [
        {"value": value, "label": label_of(weights, name, value, lang), "part": part / MICRO}
        for value, part in order
    ]

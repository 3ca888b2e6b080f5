"""Data confidence A to D, shown beside a level and never part of it: what is missing or doubtful in its records.

The causes and their letters are ours, of no standard: D says that a figure is unknown and the level a lower bound,
C that a record the level rests on is missing or doubtful, B that a record around it is.
"""

from collections.abc import Iterable

LETTERS = {
    "unmatched_substance": "D",
    "people_unknown": "D",
    "no_inventory": "C",
    "misplaced": "C",
    "outside_areas": "B",
    "no_responsible_person": "B",
}
"""cause: letter"""

GRADED_KINDS = frozenset(
    {
        "hazchem_production",
        "hazchem_store",
        "lpg_filling",
        "lpg_store",
        "filling_station",
        "ammonia_cold_store",
        "water_works",
    }
)
"""kinds of source that hold substances of GB 18218: without an inventory their level is incomplete"""


def confidence(causes: Iterable[str]) -> str:
    """The letter of a record with these causes: the worst one, A without any."""
    return max((LETTERS[cause] for cause in causes), default="A")

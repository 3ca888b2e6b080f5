"""Why the confidence of a source or an enterprise is less than A: causes of `riskmap.confidence`, found in a run.

Causes are found here, over the whole city by arrays and sets, and kept as codes in the facts of the results: a page
then reads some hundred rows by an index and computes nothing. Which record a cause stands on follows from where it
is kept: on an enterprise's own score, on its premises (its position) or on one of its sources. What is only for
reading (names, the fields to fill) is asked for when a page is opened, for the rows it shows (`layers.quality`).
"""

from dataclasses import dataclass
from typing import Any, Self

import numpy as np
import shapely

from layers.duty import SLOTS
from layers.risk import Inputs
from riskmap.confidence import GRADED_KINDS, Figures, wrong_check_digit
from riskmap.shapes import to_mm


@dataclass(frozen=True, slots=True)
class Doubts:
    """What is doubtful across records: sources whose inventory is stale, enterprises at a point of many."""

    stale_sources: frozenset[str]
    shared_enterprises: frozenset[str]

    @classmethod
    def of(cls, inputs: Inputs) -> Self:
        """Look through the records of a run once."""
        figures = Figures.of(inputs.edition)
        held = inputs.inventory
        stale = {
            source
            for source, quantity, as_of, since in zip(
                held["source_code"], held["quantity_t"], held["as_of"], held["valid_from"], strict=True
            )
            if quantity and figures.is_stale(as_of, since, inputs.day)
        }
        return cls(frozenset(stale), frozenset(_shared(inputs, figures)))

    def source_causes(self, row: Any, facts: dict[str, Any]) -> list[str]:
        """The causes of one source, the premises of an enterprise among them, with the facts of its grading."""
        found = {
            "unmatched_substance": facts["partial"],
            "people_unknown": row.kind in GRADED_KINDS and facts["people_500m"] is None,
            "no_inventory": row.kind in GRADED_KINDS and facts["s"] is None,
            "stale_inventory": row.code in self.stale_sources,
            "misplaced": _misplaced(row),
            "outside_areas": not row.township_code,
            "shared_position": row.kind == "premises" and row.enterprise_code in self.shared_enterprises,
        }
        return [cause for cause, holds in found.items() if holds]


def enterprise_causes(row: Any) -> list[str]:
    """The causes that stand on an enterprise's own record, its position apart."""
    answerable = (getattr(row, f"{what}_{slot}") for slot in SLOTS for what in ("dept", "person"))
    found = {
        "no_legal_representative": not row.legal_representative,
        "no_responsible_person": not all(answerable),
        "no_industry": not row.industry,
        "wrong_code": wrong_check_digit(row.code),
    }
    return [cause for cause, holds in found.items() if holds]


def _misplaced(row: Any) -> bool:
    """Whether a record lies in a township, and neither it nor anything in it is what was declared."""
    places = (row.township_code, row.village_code, row.grid_code)
    return bool(row.declared_township_code and row.township_code) and row.declared_township_code not in places


def _shared(inputs: Inputs, figures: Figures) -> set[str]:
    """Enterprises whose point is exactly that of several others."""
    firms = inputs.enterprises
    shapes = firms["geom"].to_numpy(object)
    points = np.flatnonzero(shapely.get_type_id(shapes) == 0) if len(firms) else np.zeros(0, np.int64)
    places = to_mm(shapely.get_coordinates(shapes[points])) if len(points) else np.zeros((0, 2), np.int64)
    doubtful = points[figures.shared(places, firms["name"].iloc[points].tolist())]
    return set(firms["code"].to_numpy(object)[doubtful])

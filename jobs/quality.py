"""Why the confidence of a source or an enterprise is less than A: causes of `riskmap.confidence`, found in a run.

Causes are found here, over the whole city by arrays of bits, and kept as codes in the facts of the results: a page
then reads some hundred rows by an index and computes nothing. Which record a cause stands on follows from where it
is kept: on an enterprise's own score, on its premises (its position) or on one of its sources. What is only for
reading (names, the fields to fill) is asked for when a page is opened, for the rows it shows (`layers.quality`).
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Self

import numpy as np
import pandas as pd
import pyarrow as pa
import shapely

from jobs.frames import Array
from jobs.grading import Graded
from jobs.json_columns import texts
from layers.duty import SLOTS
from layers.risk import Inputs
from riskmap.confidence import GRADED_KINDS, Figures, confidence, wrong_check_digits
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

    def of_sources(self, graded: Graded) -> Array:
        """The causes of every source, the premises of enterprises among them, as bits."""
        sources = graded.sources
        premises = (sources["kind"] == "premises").to_numpy(bool)
        shared = sources["enterprise_code"].isin(self.shared_enterprises).to_numpy(bool)
        of_kind = sources["kind"].isin(GRADED_KINDS).to_numpy(bool)  # never premises
        return _bits(
            {
                "unmatched_substance": _told(graded, lambda facts: facts["partial"]),
                "people_unknown": of_kind & _told(graded, lambda facts: facts["people_500m"] is None),
                "no_inventory": of_kind & _told(graded, lambda facts: facts["s"] is None),
                "stale_inventory": sources["code"].isin(self.stale_sources).to_numpy(bool),
                "misplaced": _misplaced(sources),
                "outside_areas": ~_filled(sources["township_code"]),
                "shared_position": premises & shared,
            }
        )


def of_enterprises(firms: pd.DataFrame) -> Array:
    """The causes that stand on every enterprise's own record, its position apart, as bits."""
    answerable = np.ones(len(firms), bool)
    for slot in SLOTS:
        answerable &= _filled(firms[f"dept_{slot}"]) & _filled(firms[f"person_{slot}"])
    return _bits(
        {
            "no_legal_representative": ~_filled(firms["legal_representative"]),
            "no_responsible_person": ~answerable,
            "no_industry": ~_filled(firms["industry"]),
            "wrong_code": wrong_check_digits(firms["code"].tolist()),
        }
    )


def causes_of(bits: int) -> list[str]:
    """The codes of one record's causes."""
    return [cause for k, cause in enumerate(_CAUSES) if bits >> k & 1]


def in_words(bits: Array, *, ordered: bool = False) -> tuple[pa.Array, pa.Array]:
    """Causes as lists of their codes (JSON; `ordered`: by the alphabet) and the letters of confidence they make."""
    different, which = np.unique(bits, return_inverse=True)
    causes = [causes_of(mask) for mask in different.tolist()]
    index = pa.array(which.reshape(-1))
    told = texts(sorted(one) if ordered else one for one in causes)
    return told.take(index), pa.array([confidence(one) for one in causes], pa.string()).take(index)


_CAUSES = (
    *("unmatched_substance", "people_unknown", "no_inventory", "stale_inventory", "misplaced"),
    *("outside_areas", "shared_position"),
    *("no_legal_representative", "no_responsible_person", "no_industry", "wrong_code"),
)
"""in the order of their bits, and told in it"""


def _bits(found: dict[str, Array]) -> Array:
    bits = [holds.astype(np.int64) << _CAUSES.index(cause) for cause, holds in found.items()]
    joined: Array = np.bitwise_or.reduce(bits)
    return joined


def _among(positions: Array, count: int) -> Array:
    found = np.zeros(count, bool)
    found[positions] = True
    return found


def _told(graded: Graded, holds: Callable[[dict[str, Any]], bool]) -> Array:
    """Of which sources the facts of their grading say something."""
    found = np.array([n for n, facts in graded.facts.items() if holds(facts)], np.int64)
    return _among(found, len(graded.sources))


def _filled(column: pd.Series) -> Array:
    return column.to_numpy(object).astype(bool)


def _misplaced(records: pd.DataFrame) -> Array:
    """Which records lie in a township, while neither it nor anything in it is what was declared."""
    declared = records["declared_township_code"]
    apart = _filled(declared) & _filled(records["township_code"])
    for name in ("township_code", "village_code", "grid_code"):
        apart &= (declared != records[name]).to_numpy(bool)
    return apart


def _shared(inputs: Inputs, figures: Figures) -> set[str]:
    """Enterprises whose point is exactly that of several others."""
    firms = inputs.enterprises
    shapes = firms["geom"].to_numpy(object)
    points = np.flatnonzero(shapely.get_type_id(shapes) == 0) if len(firms) else np.zeros(0, np.int64)
    places = to_mm(shapely.get_coordinates(shapes[points])) if len(points) else np.zeros((0, 2), np.int64)
    doubtful = points[figures.shared(places, firms["name"].iloc[points].tolist())]
    return set(firms["code"].to_numpy(object)[doubtful])

"""Which sources should leave (六.4 安全搬迁): those among many people, and how much risk would go with each.

What a source's leaving takes from a place is found by computing the place again without it, never by its share: where
the heaviest source leaves, the next one leads.

Editions without a table `relocation` use the shipped one.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, NamedTuple

import numpy as np

from riskmap.editions import EDITIONS_KEPT, Edition, table_or_shipped
from riskmap.sections import Sections
from riskmap.shapes import Ints
from riskmap.superposition import Hazards, Places, place_scores, reached_places
from riskmap.vocabulary import SOURCE_KINDS

ROLE = "relocation"
_SHIPPED = "relocation_2026_1"
_SECTIONS = {"relocation": ("radius_m", "dense_per_km2", "listed", "targets")}
_M2_PER_KM2 = 1_000_000.0


@dataclass(frozen=True)
class RelocationRules:
    """Kinds that are looked at, how far people count, and from how many on a ring is densely peopled."""

    edition: str
    basis: str
    kinds: tuple[str, ...]
    radius_m: int
    dense_per_km2: int
    listed: int
    targets: int

    @classmethod
    @lru_cache(maxsize=EDITIONS_KEPT)
    def from_edition(cls, edition: Edition) -> "RelocationRules":
        """The edition's table, else the one that comes with the program. BadInput for what is wrong in it."""
        return cls.from_table(table_or_shipped(edition, ROLE, _SHIPPED))

    @classmethod
    def from_table(cls, table: Mapping[str, Any]) -> "RelocationRules":
        """Build from the content of a table; see `from_edition`."""
        part = Sections(table, _SECTIONS)
        figures = part.section("relocation")
        rows = part.rows("kinds", ("kind", "note"), key="kind")
        return cls(
            edition=part.name,
            basis=str(table["table"]["basis"]),
            kinds=tuple(cells.row.choice("kind", SOURCE_KINDS) for cells in rows),
            radius_m=figures.whole("radius_m", 10_000, least=50),
            dense_per_km2=figures.whole("dense_per_km2", 1_000_000, least=1),
            listed=figures.whole("listed", 1000, least=1),
            targets=figures.whole("targets", 50),
        )

    def density(self, residents: float, ring_m2: float) -> float:
        """Residents to the square kilometre of a site's ring."""
        return residents / ring_m2 * _M2_PER_KM2

    def is_dense(self, residents: float, ring_m2: float) -> bool:
        """Whether so many on a ring are many: exactly the threshold is."""
        return self.density(residents, ring_m2) >= self.dense_per_km2


class Without(NamedTuple):
    """The places that a source reaches (positions), and their scores without it in micro-points."""

    place: Ints
    score: Ints


def without_each(places: Places, hazards: Hazards, sources: Ints, share_permille: int) -> list[Without]:
    """What places would score if one of some sources were not there, for each of them.

    Only places in a source's reach, and sources that reach them, are looked at: all else stays as it is.
    """
    reached = reached_places(places, hazards)
    place = np.repeat(np.arange(len(places.people)), np.diff(reached.start))
    order = np.argsort(reached.source, kind="stable")
    by_source = reached.source[order]
    found = []
    for n in sources.tolist():
        first, end = np.searchsorted(by_source, [n, n + 1])
        near = place[order[first:end]]
        at = np.concatenate([np.zeros(0, np.int64), *(_entries(reached.start, p) for p in near.tolist())])
        others = np.unique(reached.source[at])
        others = others[others != n]
        scores = place_scores(places.take(near), hazards.take(others), share_permille)
        found.append(Without(near, scores))
    return found


def _entries(start: Ints, place: int) -> Ints:
    return np.arange(start[place], start[place + 1])


def removed_burden(places: Places, scores: Ints, without: Without) -> int:
    """Risk that leaves with a source: milli-persons times micro-points, summed over the places that it reaches."""
    less = scores[without.place] - without.score
    return sum(
        people * points
        for people, points in zip(places.people[without.place].tolist(), less.tolist(), strict=True)
    )

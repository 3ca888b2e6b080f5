"""Where else could it stand: every cell of the city judged as one proposal is, ranked by what is said. Writes nothing."""

import time
from collections import Counter
from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any, NamedTuple

import numpy as np
from sqlalchemy import Connection, Engine

from jobs.siting import Judged, judge
from jobs.siting_places import places_called
from jobs.siting_planned import by_object, sources_among
from layers.database import Identity, reading
from layers.history import CLOCK
from layers.siting import Row
from layers.siting_search import Ground, all_sources, all_studies, ground_of, people_near, records_of
from riskmap.errors import BadInput
from riskmap.sections import MILLI
from riskmap.shapes import Bytes, Floats, Ints, Shapes
from riskmap.siting_distances import NOWHERE, Bound, looked_mm
from riskmap.siting_findings import VERDICTS, Finding, verdict_of
from riskmap.siting_papers import turn_of
from riskmap.siting_rules import OUTCOMES
from riskmap.siting_search import Painted, Worst, nearest_mm, paint
from riskmap.siting_words import told
from riskmap.siting_zones import Radius, edges_mm, of_source, of_study, reached

CELL_M = (50, 5000)
_LISTED = 1000
NEAR_M = 500.0
_VERDICT_AT = np.array([VERDICTS.index(verdict_of(outcome)) for outcome in OUTCOMES], np.int8)


class Listed(NamedTuple):
    """How many cells a list has at most, and how far apart they stand."""

    most: int
    apart_mm: int


class Searched(NamedTuple):
    """Every cell with its verdict (position in `VERDICTS`), the rule that decides it, and by how much (mm)."""

    ground: Ground
    rules: tuple[str, ...]
    worst: Worst
    everywhere: tuple[str, ...]
    """rules that bind every cell alike"""
    other: Worst
    """the worst of the other rules: what ranks the cells"""
    spare: Floats
    """mm left to the tightest distance rule, as far as was looked"""

    @property
    def verdicts(self) -> Any:
        """Of each cell the verdict of all rules."""
        return _VERDICT_AT[self.worst.severity]

    @property
    def ranked(self) -> Any:
        """Of each cell the verdict of the other rules: by these the cells are ranked."""
        return _VERDICT_AT[self.other.severity]


def search(
    reader: Engine,
    identity: Identity,
    given: Any,
    *,
    lang: str = "zh",
    most: int = 200,
    apart_m: int = 0,
    more: Callable[[Searched, Judged], Row] | None = None,
) -> Row:
    """The cells of the city where the proposal may stand, ranked; of those that are refused how many by which rule.

    `given` is a proposal, its geometry left out, and `cell_m` (100 by default). A cell is judged as the proposal would be,
    drawn as the cell's middle. `apart_m`: of cells nearer to each other only the best is listed, by its rank among all.
    `more` tells what else is made of it (jobs.siting_picture).
    """
    started = time.perf_counter()
    proposal, cell_m = _asked(given)
    today = datetime.now(CLOCK).date()
    with reading(reader, identity) as connection:
        judged = judge(connection, proposal, today, shape_needed=False, identity=identity)
        found = searched(connection, judged, cell_m)
        people = people_near(connection, found.ground.grid, NEAR_M)
        listed = Listed(min(most, _LISTED), apart_m * MILLI)
        answer = _answer(connection, judged, found, people, listed, lang)
    return {
        "cell_m": cell_m,
        "cells": len(found.worst.severity),
        **answer,
        **(more(found, judged) if more else {}),
        "editions": {"edition": judged.edition.name, "siting": judged.rules.edition},
        "complete": identity.sees_city,
        "note": told("decides", lang),
        "screening": True,
        "duration_s": round(time.perf_counter() - started, 3),
    }


def searched(
    connection: Connection,
    judged: Judged,
    cell_m: int,
    without: frozenset[str] = frozenset(),
) -> Searched:
    """Every cell under every rule but those left out."""
    ground = ground_of(connection, cell_m)
    own = judged.proposal.enterprise_code
    cuts = looked_mm(judged.rules, judged.bounds)
    filed = {code: [one.shape for one in some] for code, some in by_object(judged.planned, cuts).items()}
    records = records_of(connection, cuts, own, filed)
    distances = {one.code: nearest_mm(ground.grid, records[one.code], cut) for one, cut in cuts.items()}
    rings = _rings(connection, judged, own)
    names = tuple(
        sorted({one.rule for one in judged.fixed} | {one.rule for one in judged.bounds} | set(rings))
    )
    everyone = _Speakers(ground, names)
    for n, name in enumerate(names):
        if name in without:
            continue
        for finding in (one for one in judged.fixed if one.rule == name):
            everyone.say_everywhere(n, finding)
        for bound in (one for one in judged.bounds if one.rule == name):
            at = distances[bound.object.code]
            everyone.keep(bound, at, cuts[bound.object])
            said = bound.severities(at, on_file=len(records[bound.object.code]) > 0)
            everyone.say(n, said, _margins(bound, at))
        for shapes, painted in rings.get(name, ()):
            everyone.say(n, *paint(ground.grid, shapes, painted))
    return Searched(ground, names, everyone.worst, tuple(everyone.everywhere), everyone.other, everyone.spare)


class _Speakers:
    """What has been said of every cell: by all rules, and by those that do not say the same of every cell."""

    def __init__(self, ground: Ground, names: tuple[str, ...]) -> None:
        n = len(ground.grid.x)
        self.names = names
        self.worst, self.other = Worst(n), Worst(n)
        self.everywhere: list[str] = []
        self.spare = np.full(n, np.inf)

    def say(self, rule: int, severity: Bytes, margin: Floats) -> None:
        self.worst.say(rule, severity, margin)
        alike = len(severity) > 0 and bool((severity == severity[0]).all())
        if alike and verdict_of(OUTCOMES[int(severity[0])]) != "admissible":
            self.everywhere.append(self.names[rule])
        else:
            self.other.say(rule, severity, margin)

    def say_everywhere(self, rule: int, finding: Finding) -> None:
        n = len(self.spare)
        self.say(rule, np.full(n, finding.severity, np.int8), np.full(n, -np.inf))

    def keep(self, bound: Bound, at: Ints, cut: int) -> None:
        """The room that a distance rule leaves."""
        if bound.limit_mm is not None:
            self.spare = np.minimum(self.spare, np.where(at == NOWHERE, cut, at) - float(bound.limit_mm))


def _margins(bound: Bound, at: Ints) -> Floats:
    if bound.limit_mm is None:
        return np.full(len(at), -np.inf)
    return np.where(at == NOWHERE, -np.inf, (at - bound.limit_mm).astype(np.float64))


def _rings(
    connection: Connection, judged: Judged, own: str | None
) -> dict[str, list[tuple[Shapes, list[Painted]]]]:
    """By rule the rings about existing sources, and the zones of studies, that speak against the uses proposed."""
    if not judged.sensitive:
        return {}
    rules = judged.rules
    found: dict[str, dict[str, list[Painted]]] = {"sources": {}, "studies": {}}
    rows, shapes = all_sources(connection, own, sources_among(judged.planned))
    for n, row in enumerate(rows):
        edges = edges_mm(rules, row)
        for low, high in zip(edges, [*edges[1:], rules.zones_mm + 1], strict=True):

            def share(radius: Radius, low: int = low) -> float:
                return float(low < radius.mm)

            around = of_source(rules, row, low, share)
            for finding in reached(rules, around, judged.sensitive):
                if finding.severity:
                    limit = -1 if finding.limit is None else round(finding.limit * MILLI)
                    ring = Painted(n, low, min(high, rules.zones_mm + 1), finding.severity, limit)
                    found["sources"].setdefault(finding.rule, []).append(ring)
    studies, zones = all_studies(connection)
    for n, row in enumerate(studies):
        for finding in reached(rules, [of_study(rules, row, 1.0)], judged.sensitive):
            if finding.severity:
                found["studies"].setdefault(finding.rule, []).append(Painted(n, 0, 1, finding.severity, -1))
    rings: dict[str, list[tuple[Shapes, list[Painted]]]] = {}
    for what, drawn in (("sources", shapes), ("studies", zones)):
        for rule, painted in found[what].items():
            rings.setdefault(rule, []).append((drawn, painted))
    return rings


def _asked(given: Any) -> tuple[Any, int]:
    """The proposal without its place, and the size of a cell."""
    if not isinstance(given, Mapping):
        return given, 100
    cell_m = given.get("cell_m", 100)
    usual = isinstance(cell_m, int) and not isinstance(cell_m, bool) and CELL_M[0] <= cell_m <= CELL_M[1]
    if not usual:
        raise BadInput(
            f"cell_m 须为 {CELL_M[0]} 至 {CELL_M[1]} 的整数（米）", remedy="不写则为 100", field="cell_m"
        )
    return {key: value for key, value in given.items() if key not in {"cell_m", "geometry"}}, cell_m


def _answer(
    connection: Connection, judged: Judged, found: Searched, people: Floats | None, listed: Listed, lang: str
) -> Row:
    verdicts, ranked = found.verdicts, found.ranked
    refused = verdicts >= VERDICTS.index("not_in_principle")
    by_rule = Counter(found.rules[n] for n in found.worst.rule[refused].tolist())
    order = order_of(found, people)
    lists = {
        word: _chosen(found, order[ranked[order] == VERDICTS.index(word)], listed)
        for word in ("admissible", "study_required")
    }
    least = _least(found) if len(order) and refused.all() else None
    told_of = [n for cells in lists.values() for n, _ in cells] + ([] if least is None else [least])
    places = places_called(connection, found.ground, told_of, lang)
    return {
        **counts_of(found),
        "admissible": _cells(found, lists["admissible"], people, places, rules=False),
        "study_required": _cells(found, lists["study_required"], people, places, rules=True),
        "refused": dict(by_rule.most_common()),
        "everywhere": list(found.everywhere),
        "criteria": [{"name": name, "text": told(name, lang)} for name in ("people_500m", "spare_m")],
        "least": None if least is None else _told_least(judged, found, least, places[least], lang),
    }


def apart(found: Searched, cells: Ints, most: int, apart_mm: float) -> list[int]:
    """The first of some cells, then each next one that stands so far apart from those before it."""
    grid, left = found.ground.grid, cells
    chosen: list[int] = []
    while len(left) and len(chosen) < most:
        n = int(left[0])
        chosen.append(n)
        left = left[np.hypot(grid.x[left] - grid.x[n], grid.y[left] - grid.y[n]) >= apart_mm]
    return chosen


def counts_of(found: Searched) -> Row:
    """How many cells have which verdict, by all rules and by those that rank them."""
    return {
        name: {word: int((cells == n).sum()) for n, word in enumerate(VERDICTS)}
        for name, cells in (("counts", found.verdicts), ("ranked_counts", found.ranked))
    }


def order_of(found: Searched, people: Floats | None) -> Ints:
    """The cells, best first: few people near, then much room to the tightest rule, then west to east from the south."""
    number = np.zeros(len(found.spare)) if people is None else np.round(people, 6)
    return np.lexsort((np.arange(len(found.spare)), -found.spare, number))


def _cells(
    found: Searched,
    ranked: list[tuple[int, int]],
    people: Floats | None,
    places: Mapping[int, Row | None],
    *,
    rules: bool,
) -> list[Row]:
    rows = []
    positions = found.ground.lonlat(n for n, _ in ranked).tolist()
    for (n, rank), (lon, lat) in zip(ranked, positions, strict=True):
        near = None if people is None else round(float(people[n]), 3)
        spare = float(found.spare[n])
        criteria = {"people_500m": near, "spare_m": round(spare / MILLI, 3) if np.isfinite(spare) else None}
        row = {"lon": lon, "lat": lat, "place": places[n], "rank": rank, "criteria": criteria}
        row["verdict"] = VERDICTS[int(found.verdicts[n])]
        rows.append({**row, "rules": [found.rules[found.other.rule[n]]]} if rules else row)
    return rows


def _chosen(found: Searched, cells: Ints, listed: Listed) -> list[tuple[int, int]]:
    """The cells of a list, each with its rank; `cells` are all of them, best first."""
    if not listed.apart_mm:
        return [(n, rank) for rank, n in enumerate(cells[: listed.most].tolist(), start=1)]
    chosen = apart(found, cells, listed.most, listed.apart_mm)
    ranks = np.flatnonzero(np.isin(cells, chosen)) + 1
    return list(zip(chosen, ranks.tolist(), strict=True))


def _least(found: Searched) -> int:
    """Where the least would have to change: the cell whose worst rule is the mildest and lacks the least, of the rules
    that do not bind every cell alike.
    """
    other = found.other
    short = np.where(np.isfinite(other.margin), other.margin, -np.inf)
    return int(np.lexsort((-short, other.severity))[0])


def _told_least(judged: Judged, found: Searched, n: int, place: Row | None, lang: str) -> Row:
    """The least cell with the rule that decides it, by how much, and what would have to change."""
    lon, lat = found.ground.lonlat([n])[0].tolist()
    rule, margin = found.rules[found.worst.rule[n]], float(found.worst.margin[n])
    lacking = -margin / MILLI if np.isfinite(margin) else None
    bound = next((one for one in judged.bounds if one.rule == rule), None)
    outcome = OUTCOMES[int(found.worst.severity[n])]
    row = {"rule": rule, "outcome": outcome, "unit": "m", "inclusive": bound is None or bound.inclusive}
    turns = turn_of(row, lacking if lacking is not None and lacking >= 0 else None)
    return {
        "lon": lon,
        "lat": lat,
        "place": place,
        "rule": rule,
        "verdict": verdict_of(outcome),
        "lacking_m": lacking,
        "turns": turns.en if lang == "en" else turns.zh,
    }

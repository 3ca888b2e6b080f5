"""The first half of a run: every source with its site, its people, its grade by GB 18218 and the points of its items."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from fractions import Fraction
from typing import Any

import numpy as np
import pandas as pd

from jobs.frames import Array, index_of
from layers.exposure import people_within, sites_of
from layers.records import PREMISES_SUFFIX
from layers.risk import Inputs
from layers.schema import SCOPE
from riskmap.assessed import DAY, FIELDS, Assessed, assessed_by, told
from riskmap.credits import OF_ENTERPRISES, OF_SOURCES, Earned, earned
from riskmap.cuts import inventory_cuts
from riskmap.directly_red import Known, conditions_met
from riskmap.editions import Edition
from riskmap.exposure import people_count
from riskmap.sources import Gb18218, Grading, Item, grade_source, shown
from riskmap.substances import Catalogue
from riskmap.weights import MICRO, RedCondition, RiskWeights

RADIUS_M = 500.0
"""GB 18218-2018 clause 4.3.2: people within 500 m of the site's boundary"""


@dataclass(frozen=True, slots=True)
class Graded:
    """Sources in order of code, implicit premises among them: one row, one site, maybe one grading each.

    Premises that hold nothing and have no study are alike in their thousands: they have no facts of their own.
    """

    sources: pd.DataFrame
    sites: Array
    gradings: list[Grading | None]
    facts: dict[int, dict[str, Any]]
    """by position, in order: of the sources that are looked at one by one"""
    held: dict[str, list[Item]]
    """what each source holds, matched"""
    assessed: dict[int, list[Assessed]] = field(default_factory=dict)
    """by position the assessments of sources that have any, by other methods than GB 18218"""
    earned: dict[int, list[Earned]] = field(default_factory=dict)
    """by position what good practice earns a source, its own and its enterprise's"""
    red: dict[int, tuple[RedCondition, ...]] = field(default_factory=dict)
    """by position the conditions of the edition that make a source red"""

    @property
    def single(self) -> Array:
        """The positions of the sources that are looked at one by one, in order."""
        return np.fromiter(self.facts, np.int64, len(self.facts))


_NOBODY: dict[str, Any] = {"people_500m": None, "people_500m_exact": None, "exposed_500m": None}
UNGRADED: dict[str, Any] = _NOBODY | {
    "s": None,
    "r": None,
    "alpha": None,
    "partial": False,
    "unmatched": [],
    "substances": [],
}
"""the facts of a source that is not graded, and around which nobody is counted"""
_PLACED = (*SCOPE, "declared_township_code", "geom")
_OF_PREMISES = {"kind": "premises", "unit_type": None}


def grade_sources(inputs: Inputs) -> Graded:
    """Grade every open source of the city; positions and people over the whole city in one call."""
    sources = _with_premises(inputs)
    sites = sites_of(sources["geom"].to_numpy(object), sources.pop("owner_geom").to_numpy(object))
    registered = sources["kind"].to_numpy(object) != "premises"
    people = _people(inputs, sites, registered)
    rules = Gb18218.from_edition(inputs.edition)
    items = items_held(inputs.inventory, inputs.edition)
    counted = people[rules.alpha_people]
    columns = [sources[name].to_numpy(object) for name in ("code", "kind", "unit_type")]
    gradings: list[Grading | None] = [None] * len(sources)
    facts: dict[int, dict[str, Any]] = {}
    single = registered | sources["code"].isin({*items, *inputs.zones["source_code"]}).to_numpy(bool)
    for n in np.flatnonzero(single).tolist():
        code, kind, unit_type = columns[0][n], columns[1][n], columns[2][n]
        held = items.get(code)
        number = None if kind == "premises" or counted is None else int(counted[n])
        grading = grade_source(held, number, rules, unit_type=unit_type or None) if held else None
        gradings[n] = grading
        facts[n] = _people_facts(people, n, kind) | _grading_facts(grading, held or [], number, rules)
    weights = RiskWeights.from_edition(inputs.edition)
    assessed = _assessed(inputs, sources, weights)
    for n, found in assessed.items():
        facts[n]["assessments"] = told(found)
    graded = Graded(sources, sites, gradings, facts, items, assessed, _earned(inputs, sources))
    for n in range(len(sources)) if weights.directly_red else ():
        if met := red_of(weights, graded, n, gradings[n]):
            graded.red[n] = met
    return graded


def red_of(weights: RiskWeights, graded: Graded, n: int, grading: Grading | None) -> tuple[RedCondition, ...]:
    """The conditions of the edition that make a source red when it is graded so."""
    row = graded.sources.iloc[n]
    points = [Fraction(one.points, MICRO) for one in graded.assessed.get(n, ())]
    figures = {
        "s": grading.s if grading else None,
        "r": grading.r if grading else None,
        "people_500m": graded.facts.get(n, UNGRADED)["people_500m"],
        "workers": row["workers"],
        "assessed": max(points, default=None),
    }
    return conditions_met(
        weights.directly_red, Known(row["kind"], grading.grade if grading else None, figures)
    )


def _earned(inputs: Inputs, sources: pd.DataFrame) -> dict[int, list[Earned]]:
    """The credits on file that are in date, by the position of the source."""
    own: dict[str, dict[str, list[Earned]]] = {"enterprise": {}, "source": {}}
    for layer, frame, fields in (
        ("enterprise", inputs.enterprises, OF_ENTERPRISES),
        ("source", inputs.sources, OF_SOURCES),
    ):
        some = frame[list(fields)].notna().any(axis=1)
        for code, *row in frame.loc[some, ["code", *fields]].itertuples(index=False, name=None):
            own[layer][code] = earned(dict(zip(fields, row, strict=True)), inputs.day, f"{layer}/{code}")
    owned = sources["code"].isin(own["source"]) | sources["enterprise_code"].isin(own["enterprise"])
    codes, owners = (sources.loc[owned, name].tolist() for name in ("code", "enterprise_code"))
    found = {
        int(n): [*own["enterprise"].get(owner, ()), *own["source"].get(code, ())]
        for n, code, owner in zip(np.flatnonzero(owned), codes, owners, strict=True)
    }
    return {n: both for n, both in found.items() if both}


def _assessed(inputs: Inputs, sources: pd.DataFrame, weights: RiskWeights) -> dict[int, list[Assessed]]:
    """The assessments on file, by the position of their source."""
    names = ("code", DAY, *FIELDS)
    some = inputs.sources[list(FIELDS)].notna().any(axis=1)
    found = {}
    for row in inputs.sources.loc[some, list(names)].itertuples(index=False, name=None):
        said = dict(zip(names, row, strict=True))
        if own := assessed_by(weights.methods, said):
            found[said["code"]] = own
    return {n: found[code] for n, code in enumerate(sources["code"]) if code in found} if found else {}


def _with_premises(inputs: Inputs) -> pd.DataFrame:
    """Registered sources and one of kind `premises` for every open enterprise, in order of code."""
    firms = inputs.enterprises
    sources = inputs.sources.drop(columns=[DAY, *FIELDS, *OF_SOURCES])
    premises = {name: firms[name].to_numpy(object) for name in ("name", *_PLACED)}
    premises |= {"code": (firms["code"] + PREMISES_SUFFIX).to_numpy(object)}
    premises |= {"enterprise_code": firms["code"].to_numpy(object)}
    premises |= {name: np.full(len(firms), value, object) for name, value in _OF_PREMISES.items()}
    both = {
        name: np.concatenate([sources[name].to_numpy(object), premises[name]]) for name in sources.columns
    }
    order = np.argsort(both["code"], kind="stable")  # of two runs that are in order, nearly: cheap
    owner = index_of(both["enterprise_code"], firms["code"].to_numpy(object))[order]
    joined = {name: column[order] for name, column in both.items()}
    joined |= {name: _of_owner(firms[name], owner) for name in ("industry", "workers")}
    joined["owner_geom"] = _of_owner(firms["geom"], owner)
    return pd.DataFrame(joined, dtype=object)


def _of_owner(column: pd.Series, owner: Array) -> Array:
    """What the enterprise of each source says; None without one."""
    told: Array = np.concatenate([column.to_numpy(object), np.array([None], object)])
    found: Array = told[owner]
    return found


def _people(inputs: Inputs, sites: Array, registered: Array) -> dict[str, Any]:
    """Residents, and people of protected targets, outside each registered site within 500 m; None: nobody on file."""
    geoms, residents = _residents(inputs)
    if residents is None:
        return {"people_500m": None, "exposed_500m": None, "exact": None}
    exact = np.zeros(len(sites))
    exact[registered] = people_within(sites[registered], RADIUS_M, geoms, residents)
    targets = open_targets(inputs)
    by_hour = []
    for hour in ("people_day", "people_night"):
        number = np.zeros(len(sites))
        there = targets[hour].fillna(0).to_numpy(np.float64)
        number[registered] = people_within(
            sites[registered], RADIUS_M, targets["geom"].to_numpy(object), there
        )
        by_hour.append(number)
    return {
        "exact": exact,
        "people_500m": people_count(exact),
        "exposed_500m": people_count(exact + np.maximum(*by_hour)),
    }


def open_targets(inputs: Inputs) -> pd.DataFrame:
    """Protected targets that count: standing, planned and approved ones, not the closed."""
    return inputs.targets[inputs.targets["status"] != "closed"]


def _residents(
    inputs: Inputs,
) -> tuple[Array, Array | None]:
    """Geometries with residents: the population layer, else the grid units' own people, else none known."""
    if len(inputs.population):
        return inputs.population["geom"].to_numpy(object), inputs.population["people"].to_numpy(np.float64)
    units = inputs.areas[
        (inputs.areas["level"] == "grid") & inputs.areas["people"].notna() & inputs.areas["geom"].notna()
    ]
    people = units["people"].to_numpy(np.float64) if len(units) else None
    return units["geom"].to_numpy(object), people


def items_held(inventory: pd.DataFrame, edition: Edition) -> dict[str, list[Item]]:
    """The inventory of each source, matched against the edition's substances."""
    catalogue = Catalogue.from_edition(edition)
    held: dict[str, list[Item]] = {}
    columns = ("code", "source_code", "cas", "substance", "hazard_class", "quantity_t")
    for code, source, cas, name, symbol, quantity in _rows(inventory, columns):
        match = catalogue.match(cas=cas, name=name, hazard_class=symbol)
        if not quantity and not match.substance:
            continue  # no longer held: how a name that meant nothing is put right by an import
        held.setdefault(source, []).append(Item(code, quantity, match, name or cas or symbol or ""))
    return held


def _rows(frame: pd.DataFrame, columns: Iterable[str]) -> Iterable[tuple[Any, ...]]:
    return zip(*(frame[name] for name in columns), strict=True)


def _people_facts(people: dict[str, Any], n: int, kind: str) -> dict[str, Any]:
    if kind == "premises" or people["exact"] is None:
        return _NOBODY
    return {
        "people_500m": int(people["people_500m"][n]),
        "people_500m_exact": round(float(people["exact"][n]), 9),
        "exposed_500m": int(people["exposed_500m"][n]),
    }


def _grading_facts(
    grading: Grading | None, items: list[Item], people: int | None, rules: Gb18218
) -> dict[str, Any]:
    if grading is None:
        empty = {name: value for name, value in UNGRADED.items() if name not in _NOBODY}
        return empty if people is None else empty | {"alpha": shown(rules.alpha(people))}
    document = grading.to_json()
    cuts = {cut.code: cut for cut in inventory_cuts(items, people, rules)}
    for share in document["shares"]:
        cut = cuts.get(share["code"])
        share["cut_t"] = None if cut is None else float(cut.cut_t)
        share["grade_after_cut"] = None if cut is None else cut.grade_after
    return {
        "s": document["s"],
        "r": document["r"],
        "alpha": document["alpha"],
        "partial": document["partial"],
        "unmatched": document["unmatched"],
        "substances": document["shares"],
        "unit_rule": document["unit_rule"],
        "standard": document["standard"],
    }

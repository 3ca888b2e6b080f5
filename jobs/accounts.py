"""The accounts of sources and enterprises: their scores and every line of what they consist of."""

from collections.abc import Mapping, Sequence
from typing import NamedTuple

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

from jobs.city import City, Ground, added_by
from jobs.consequences import NOTHING
from jobs.frames import Array, grouped, index_of
from jobs.grading import UNGRADED, open_targets
from jobs.json_columns import booleans, integers, json_of, objects, strings, texts, thousandths
from jobs.quality import Doubts, causes_of, in_words, of_enterprises
from jobs.results import Results, Scored, line_rows, named, score_rows, spread, told_lines
from layers.exposure import place_points
from layers.risk import Inputs
from riskmap.directly_red import reddened
from riskmap.risk import Contribution, Exposure, exposures, floored, leads, levels_of
from riskmap.shapes import to_mm
from riskmap.weights import MILLI, RedCondition, RiskWeights

Grades = Mapping[int, Mapping[str, int | None]]
"""by position the legal grades of source records"""
Red = Mapping[int, Mapping[str, Sequence[RedCondition]]]
"""by position the conditions that source records meet"""


class Accounts(NamedTuple):
    """Scores with their lines, and beside each row the scores, the causes of its confidence (bits) and its legal grade
    (0: none).
    """

    results: Results
    scored: Scored
    causes: Array
    grade: Array


class Lasting(NamedTuple):
    """What no record that comes and goes changes of sources: whom they are felt by, and what is doubtful (bits)."""

    felt: "_Felt"
    causes: Array

    @classmethod
    def of(cls, inputs: Inputs, city: City) -> "Lasting":
        """Of every source."""
        return cls(_Felt.of(inputs, city.ground), Doubts.of(inputs).of_sources(city.graded))


def source_accounts(inputs: Inputs, city: City) -> Accounts:
    """Every source: its hazard's items, what is going on there, and the people it is felt by."""
    sources, lasting = city.graded.sources, Lasting.of(inputs, city)
    scored, held = source_scores(city, lasting)
    rows = source_rows(city, lasting, scored)
    lines = [city.premises.lines(sources)]
    count = np.zeros(len(sources), np.int64)  # of the lines so far
    count[city.premises.at] = 1
    for accounts in (city.items, city.credits, city.dynamic):
        lines.append(told_lines(accounts, count))
        count += _lengths(accounts, len(count))
    lines.append(lasting.felt.lines(count))
    lines.append(told_lines(held, count + np.diff(lasting.felt.exposure.start)))
    return Accounts(Results(rows, pa.concat_tables(lines)), scored, lasting.causes, _grades(city))


def source_scores(city: City, lasting: Lasting) -> tuple[Scored, dict[int, list[Contribution]]]:
    """The scores of every source with their colours, and the lines of the rules that hold some of these."""
    now, codes, grade = city.ground.now, city.graded.sources["code"].to_numpy(object), _grades(city)
    score = now.points + lasting.felt.exposure.points
    base = score - added_by(city.dynamic, len(codes))
    grades = {n: {f"source/{codes[n]}": int(grade[n])} for n in np.flatnonzero(grade).tolist()}
    red = {n: {f"source/{codes[n]}": met} for n, met in city.graded.red.items()}
    return _with_floors(city.ground.weights, score, base, grades, red)


def source_rows(city: City, lasting: Lasting, scored: Scored, chosen: Array | None = None) -> pa.Table:
    """The scores of every source as rows, or those of the chosen positions, in order."""
    chosen = np.arange(len(city.graded.sources)) if chosen is None else chosen
    grade, causes = _grades(city)[chosen], lasting.causes[chosen]
    return score_rows(
        "source",
        city.graded.sources.iloc[chosen],
        Scored(*(column[chosen] for column in scored)),
        _facts(city, causes, chosen),
        pa.array(grade, pa.int16(), mask=grade == 0),
        in_words(causes)[1],
    )


def _grades(city: City) -> Array:
    """The legal grade of every source (0: none)."""
    return np.array([(one.grade if one else None) or 0 for one in city.graded.gradings], np.int64)


def _lengths(accounts: Mapping[int, Sequence[Contribution]], count: int) -> Array:
    lengths = np.zeros(count, np.int64)
    lengths[np.fromiter(accounts, np.int64, len(accounts))] = [len(lines) for lines in accounts.values()]
    return lengths


def _facts(city: City, causes: Array, chosen: Array) -> pa.Array:
    """What is kept beside the scores of the sources of the chosen positions; `causes` are theirs."""
    kinds, base, now = city.ground.weights.kinds, city.ground.base, city.ground.now
    codes = city.graded.sources["kind"].to_numpy(object)
    alike = {
        **{name: json_of(value) for name, value in UNGRADED.items()},
        "hazard": integers(now.points[chosen]),
        "hazard_base": integers(base.points[chosen]),
        "reach_now_m": thousandths(now.reach[chosen]),
        "distances_m": objects({"reach": thousandths(base.reach[chosen])}, len(chosen)),
        "consequences": "[]",
        "confidence_causes": in_words(causes)[0],
        "kind": json_of("premises"),
        "hazards": json_of(kinds["premises"].hazards),
    }
    is_single = np.isin(chosen, city.graded.single)
    told = []
    for n, cause in zip(chosen[is_single].tolist(), causes[is_single].tolist(), strict=True):
        reaching = city.consequences.get(n, NOTHING)
        more = {
            "hazard": int(now.points[n]),
            "hazard_base": int(base.points[n]),
            "reach_now_m": int(now.reach[n]) / MILLI,
            "distances_m": {"reach": int(base.reach[n]) / MILLI, **reaching.distances_m},
            "consequences": reaching.computed,
            "confidence_causes": causes_of(cause),
            "kind": codes[n],
            "hazards": kinds[codes[n]].hazards,
        }
        told.append(city.graded.facts[n] | more)
    return pc.replace_with_mask(objects(alike, len(chosen)), is_single, texts(told))


def _with_floors(
    weights: RiskWeights, score: Array, base: Array, grades: Grades, red: Red
) -> tuple[Scored, dict[int, list[Contribution]]]:
    """Colours of sources or enterprises; legal grades and conditions hold both, the lines say of the current one."""
    level, base_level = levels_of(weights, score), levels_of(weights, base)
    held = {}
    for n in sorted(grades.keys() | red.keys()):
        own, met = grades.get(n, {}), red.get(n, {})
        floor, by_grade = floored(weights, int(level[n]), own)
        level[n], by_condition = reddened(floor, met)
        held[n] = [*by_grade, *by_condition]
        base_level[n], _ = reddened(floored(weights, int(base_level[n]), own)[0], met)
    return Scored(score, base, level, base_level, levels_of(weights, score - base, "rise")), held


def enterprise_accounts(inputs: Inputs, city: City, sources: Accounts) -> Accounts:
    """Each open enterprise: the lead over its sources, among them always its own premises."""
    firms, weights = inputs.enterprises, city.ground.weights
    owner = index_of(city.graded.sources["enterprise_code"], firms["code"].to_numpy(object))
    own, start = grouped(owner, len(firms))
    shares, leading = leads(sources.scored.score[own], start, weights.share_permille)
    base_shares, _ = leads(sources.scored.base[own], start, weights.share_permille)
    score, base = (np.add.reduceat(one, start[:-1]) if len(one) else one for one in (shares, base_shares))
    codes = city.graded.sources["code"].to_numpy(object)[own]
    grades: dict[int, dict[str, int | None]] = {}
    for k in np.flatnonzero(sources.grade[own]).tolist():
        grades.setdefault(int(owner[own[k]]), {})[f"source/{codes[k]}"] = int(sources.grade[own[k]])
    red: dict[int, dict[str, Sequence[RedCondition]]] = {}
    for k in np.flatnonzero(np.isin(own, list(city.graded.red))).tolist():
        red.setdefault(int(owner[own[k]]), {})[f"source/{codes[k]}"] = city.graded.red[int(own[k])]
    scored, held = _with_floors(weights, score, base, grades, red)
    causes = of_enterprises(firms)
    if len(own):
        causes |= np.bitwise_or.reduceat(sources.causes[own], start[:-1])
    told, letters = in_words(causes, ordered=True)
    counts = np.diff(start)
    facts = objects({"sources": integers(counts - 1), "confidence_causes": told}, len(firms))
    rows = score_rows("enterprise", firms, scored, facts, None, letters)
    args = {
        "score": integers(sources.scored.score[own]),
        "leads": booleans(leading),
        "name": strings(city.graded.sources["name"].to_numpy(object)[own]),
        "rise": integers((sources.scored.score - sources.scored.base)[own]),
    }
    lines = line_rows(
        owner[own],
        spread(counts),
        named(["lead_source"], np.zeros(len(own), np.int64)),
        named("source/" + codes if len(own) else []),
        shares,
        objects(args, len(own)),
    )
    return Accounts(
        Results(rows, pa.concat_tables([lines, told_lines(held, counts)])),
        scored,
        causes,
        np.zeros(len(firms)),
    )


class _Felt(NamedTuple):
    """Whom the sources are felt by: the codes and names of grid units, and of high-sensitive targets."""

    exposure: Exposure
    units: Array
    unit_names: Array
    targets: pd.DataFrame

    @classmethod
    def of(cls, inputs: Inputs, ground: Ground) -> "_Felt":
        """The exposure of every source."""
        units = np.array(sorted({code for code in ground.people["grid_code"] if code}), object)
        unit = index_of(ground.people["grid_code"], units)
        targets = open_targets(inputs)
        targets = targets[targets["target_class"] == "high_sensitive"]
        points = place_points(targets["geom"].to_numpy(object)) if len(targets) else np.zeros((0, 2))
        exposure = exposures(
            ground.weights, ground.base.sites, ground.base.reach, ground.places, unit, to_mm(points)
        )
        names = dict(zip(inputs.areas["code"], inputs.areas["name"], strict=True))
        return cls(exposure, units, np.array([names.get(code) for code in units], object), targets)

    def lines(self, first: Array) -> pa.Table:
        """A line for every grid unit and every target in reach of a source, after the lines that it has."""
        start, which, people = self.exposure.start, self.exposure.which, self.exposure.people
        of = np.arange(len(start) - 1).repeat(np.diff(start))
        at = np.where(self.exposure.is_target, which + len(self.units), which)  # −1: in no grid unit
        records = [f"area/{code}" for code in self.units] + [
            f"target/{code}" for code in self.targets["code"]
        ]
        names = strings([*self.unit_names, *self.targets["name"], None]).take(
            pa.array(at % (len(records) + 1))
        )
        of_unit = objects({"people": thousandths(people), "name": names}, len(of))
        of_target = objects({"name": names}, len(of))
        return line_rows(
            of,
            first[of] + np.arange(len(of)) - start[of],
            named(["exposure_grid", "exposure_target"], self.exposure.is_target.astype(np.int64)),
            named(records, at),
            self.exposure.value,
            pc.if_else(pa.array(self.exposure.is_target), of_target, of_unit),
        )

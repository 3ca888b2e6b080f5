"""The premises of enterprises by the column: most sources of a city are nothing but that, and alike in their thousands."""

from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa

from jobs.frames import Array
from jobs.grading import Graded
from jobs.json_columns import integers, objects, texts
from jobs.results import line_rows, named
from riskmap.risk import premises_points, reach_of_points
from riskmap.weights import Industry, RiskWeights


def widest_premises_mm(weights: RiskWeights) -> int:
    """How far any premises are felt by what they are, without anything held or studied there."""
    reaches = [one.reach_mm for one in (*weights.industries.values(), weights.unknown_industry)]
    of_points = reach_of_points(weights, weights.premises_most)
    return max(weights.kinds["premises"].reach_mm, of_points, *reaches)


@dataclass(frozen=True, slots=True)
class Premises:
    """All premises: where they stand among the sources, their industry, workers (object, None: unknown) and points."""

    at: Array
    industries: list[Industry]
    industry: Array
    workers: Array
    points: Array

    @classmethod
    def of(cls, weights: RiskWeights, graded: Graded) -> "Premises":
        """By industry and size, as `riskmap.risk.premises_items` tells one."""
        sources = graded.sources
        at = np.flatnonzero((sources["kind"] == "premises").to_numpy(bool))
        told, given = pd.factorize(sources["industry"].to_numpy(object)[at])
        industries = [*(weights.industry(code) for code in given), weights.unknown_industry]  # −1: the last
        own = np.array([one.points for one in industries], np.int64)[told]
        workers = sources["workers"].to_numpy(object)[at]
        size, sizes = pd.factorize(workers)
        pairs, which = np.unique(np.stack([own, size]), axis=1, return_inverse=True)
        points = [premises_points(weights, base, None if k < 0 else sizes[k]) for base, k in pairs.T.tolist()]
        return cls(
            at, industries, told % len(industries), workers, np.array(points, np.int64)[which.reshape(-1)]
        )

    def reach(self, weights: RiskWeights) -> Array:
        """How far each is felt by what it is, as `riskmap.risk.reach_mm` tells one without consequence distances."""
        of_kind = weights.kinds["premises"].reach_mm
        of_industry = np.array([one.reach_mm for one in self.industries], np.int64)[self.industry]
        return np.maximum(np.maximum(of_industry, of_kind), reach_of_points(weights, self.points))

    def lines(self, sources: pd.DataFrame) -> pa.Table:
        """The one item of each."""
        owners: Any = sources["enterprise_code"].to_numpy(object)[self.at]
        count = len(self.at)
        args = {
            name: texts(getattr(one, field) for one in self.industries).take(pa.array(self.industry))
            for name, field in (("industry", "code"), ("name_zh", "name_zh"), ("name_en", "name_en"))
        }
        return line_rows(
            self.at,
            np.zeros(count, np.int32),
            named(["premises"], np.zeros(count, np.int64)),
            named("enterprise/" + owners if count else []),
            self.points,
            objects(args | {"workers": integers(self.workers)}, count),
        )

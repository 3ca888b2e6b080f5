"""The part of a city that a few sources are computed from: their records, and the people and targets that they reach."""

from collections.abc import Collection
from dataclasses import replace
from typing import Any

import numpy as np
import pandas as pd
import shapely

from jobs.frames import Array
from jobs.grading import RADIUS_M
from layers.records import PREMISES_SUFFIX
from layers.risk import Inputs
from riskmap.weights import MILLI

_MARGIN_M = 1.0


def inputs_near(inputs: Inputs, hazards: pd.DataFrame, inside: Array, areas: pd.DataFrame) -> Inputs:
    """The records that the sources of `hazards` (code, site, reach_mm, base_reach_mm) are computed from.

    Besides the people whom they reach, the places at the positions `inside` stay, and only these `areas`.
    """
    codes = set(hazards["code"])
    firms = {code.removesuffix(PREMISES_SUFFIX) for code in codes if code.endswith(PREMISES_SUFFIX)}
    sources = _among(inputs.sources, "code", codes)
    enterprises = _among(inputs.enterprises, "code", firms | set(sources["enterprise_code"].dropna()))
    reach_m = hazards[["reach_mm", "base_reach_mm"]].max(axis=1).to_numpy(np.float64) / MILLI
    around = np.maximum(reach_m, RADIUS_M) + _MARGIN_M
    sites = hazards["site"].to_numpy(object)
    people = _reached(inputs.population, sites, around)
    if len(people):
        people |= inside
        people[0] |= not people.any()  # a city with people stays one
    return replace(
        inputs,
        enterprises=enterprises.reset_index(drop=True),
        sources=sources.reset_index(drop=True),
        inventory=_among(inputs.inventory, "source_code", codes).reset_index(drop=True),
        zones=_among(inputs.zones, "source_code", codes).reset_index(drop=True),
        population=inputs.population[people].reset_index(drop=True),
        targets=inputs.targets[_reached(inputs.targets, sites, around)].reset_index(drop=True),
        areas=areas.reset_index(drop=True),
    )


def _among(frame: pd.DataFrame, column: str, codes: Collection[str]) -> pd.DataFrame:
    return frame[frame[column].isin(codes)]


def _reached(frame: pd.DataFrame, sites: Any, around: Array) -> Array:
    """Which records have a position so near to one of some sites."""
    found = np.zeros(len(frame), bool)
    if len(frame) and len(sites):
        tree = shapely.STRtree(frame["geom"].to_numpy(object))
        found[tree.query(sites, predicate="dwithin", distance=around)[1]] = True
    return found

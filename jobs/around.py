"""What a run of changes reads around them: the areas they touch, whole, and the sources that places there may feel."""

from dataclasses import dataclass

import numpy as np
import pandas as pd
import shapely
from sqlalchemy import Connection

from jobs.areas import PART_OF, Standing
from jobs.city import Ground, places_of
from jobs.frames import Array
from jobs.premises import widest_premises_mm
from layers.hazards import hazards_of, read_hazards, read_plain_premises
from layers.records import PREMISES_SUFFIX
from layers.risk import Inputs, read_part
from layers.touched import (
    conditions,
    mark_reaches,
    places_now,
    sources_at_marks,
    standing_counts,
    uncommon_sources,
)
from riskmap.superposition import Hazards
from riskmap.weights import MILLI, RiskWeights

_FEW = 100
"""where fewer than one place of so many is computed anew, only the premises near by are read"""


@dataclass(frozen=True, slots=True)
class Around:
    """The areas to compute anew with all that is in them: records of areas and places, and every source."""

    inputs: Inputs
    ground: Ground
    """all places, and the sources that may reach those to compute anew"""
    anew: Array
    """which places are computed anew"""
    before: pd.DataFrame
    """code, score, base and people of all places as they were; places that were not are left out"""
    standing: Standing
    """for areas that know their sources by code"""
    placed: Standing
    """for those that know them by where they are"""


def read_around(
    connection: Connection,
    inputs: Inputs,
    known: pd.DataFrame,
    new: pd.DataFrame,
    reached: set[str],
    areas: dict[str, set[str]],
) -> Around:
    """Read them for the areas (by the column that says where a record stands) and places that are reached.

    `known` and `new` are the touched sources as they were and as they are.
    """
    part = read_part(connection, inputs, *conditions(areas, reached))
    weights = RiskWeights.from_edition(inputs.edition)
    people, places = places_of(part, weights)
    before = places_now(connection, {*people["code"], *reached})
    anew = (people["code"].isin(reached) | ~people["code"].isin(before["code"])).to_numpy(bool)
    base, now = _felt(connection, known, new, places.xy[anew] / MILLI, len(places.xy), weights)
    ground = Ground(weights, people, places, base, now, peopled=True)
    return Around(part, ground, anew, before, *_standing(connection, part, known, new))


def _felt(
    connection: Connection,
    known: pd.DataFrame,
    new: pd.DataFrame,
    xy_m: Array,
    count: int,
    weights: RiskWeights,
) -> tuple[Hazards, Hazards]:
    """The new sources, and the others that may reach some of so many places, without and with dynamic records.

    They are in no order of codes: scores do not depend on it, accounts would.
    """
    touched = {*known["code"], *new["code"]}
    uncommon = uncommon_sources(connection)
    others = read_hazards(connection, None, codes=uncommon - touched, named=False)
    near = None
    if len(xy_m) * _FEW < count:
        mark_reaches(connection, _boxes(xy_m, widest_premises_mm(weights) / MILLI))
        near = sources_at_marks(connection)
    plain = read_plain_premises(connection, near, uncommon | touched)
    base, now = hazards_of(pd.concat([others, new], ignore_index=True))
    return base.joined(plain), now.joined(plain)


def _boxes(xy_m: Array, far_m: float) -> pd.DataFrame:
    """Squares of a side of `far_m` that hold all that is so near to some points."""
    steps = np.arange(-1, 2)
    beside = np.stack(np.meshgrid(steps, steps), -1).reshape(-1, 2)
    cells = np.unique(np.floor(xy_m / far_m), axis=0)
    low = np.unique((cells[:, None] + beside).reshape(-1, 2), axis=0) * far_m
    return pd.DataFrame({"site": shapely.box(*low.T, *(low + far_m).T), "r_m": 0.0})


def _standing(
    connection: Connection, part: Inputs, known: pd.DataFrame, new: pd.DataFrame
) -> tuple[Standing, Standing]:
    """Where all sources stand: as counts, the touched ones taken out as they were and in as they are; and one by one
    about the overlays that are polygons.
    """
    columns = [*PART_OF.values(), "level", "base_level", "registered", "count"]
    changes = [
        frame.assign(registered=~frame["code"].str.endswith(PREMISES_SUFFIX).astype(bool), count=count)
        for frame, count in ((known, -1), (new, 1))
    ]
    counts = [frame[columns] for frame in (standing_counts(connection, PART_OF.values()), *changes)]
    overlays = polygons(part.areas)
    mark_reaches(connection, overlays[["geom"]].rename(columns={"geom": "site"}).assign(r_m=0.0))
    placed = new
    if len(overlays):
        there = sources_at_marks(connection) - {*known["code"], *new["code"]}
        others = read_hazards(connection, None, codes=there, named=False)
        placed = pd.concat([others, new], ignore_index=True)
    return Standing.counted(pd.concat(counts, ignore_index=True)), Standing.of(placed)


def polygons(areas: pd.DataFrame) -> pd.DataFrame:
    """The overlays that are no list of members."""
    return areas[(areas["level"] == "overlay") & ~areas["members"].map(bool).astype(bool)]

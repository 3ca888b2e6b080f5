"""The part of a city that one thing's colour is computed from: its sources' records, and the people and targets they reach."""

from collections.abc import Collection
from datetime import datetime
from typing import Any

import numpy as np
import pandas as pd
from sqlalchemy import ColumnElement, Connection, FromClause, false, func, or_, select, true

from jobs.areas import PART_OF, places_within
from jobs.city import places_of
from jobs.frames import each
from jobs.grading import RADIUS_M
from layers.hazards import Basis, box_around, read_hazards, widest_reach_mm
from layers.history import Moment, rows_of
from layers.reading import among
from layers.records import PREMISES_SUFFIX
from layers.risk import Inputs, Only, no_records, read_inputs, read_part
from layers.touched import has_places, limits, mark_reaches
from riskmap.editions import Edition
from riskmap.vocabulary import AREA_KINDS
from riskmap.weights import MILLI, RiskWeights

_MARGIN_M = 1.0


def inputs_of(
    connection: Connection, basis: Basis, at: datetime, used: Edition, kind: str, code: str
) -> Inputs:
    """The records that a thing's colour is computed from, at an instant under an edition, as its results stand on them.

    Of an area its places, every source in reach of one of them or standing in it, and whom these reach; of a source or
    an enterprise its own; of the city all. The connection may make temporary tables.
    """
    then = basis.records
    peopled = has_places(connection, then)
    if kind == "city":
        return read_inputs(connection, at, then, {"area": _of_city(peopled=peopled)}, used)
    if kind in AREA_KINDS:
        hazards, inside = _of_area(connection, basis, used, kind, code, peopled=peopled)
    else:
        hazards, inside = read_hazards(connection, basis, codes=_owned(connection, then, kind, code)), []
    reach_m = hazards[["reach_mm", "base_reach_mm"]].max(axis=1).to_numpy(np.float64) / MILLI
    mark_reaches(connection, hazards[["site"]].assign(r_m=np.maximum(reach_m, RADIUS_M) + _MARGIN_M))
    firms = set(hazards["enterprise_code"].dropna())
    chosen = limits(set(hazards["code"]), firms, then, inside)
    area = _coded(code if kind in AREA_KINDS else None) if peopled else _every
    return read_inputs(connection, at, then, chosen | {"area": area}, used)


def _coded(code: str | None) -> Only:
    """The one record of a code; none at all for None."""
    return lambda rows: false() if code is None else rows.c.code == code


def _every(_rows: FromClause) -> ColumnElement[bool]:
    """Where no people are on file, those of all grid units are spread over their ground."""
    return true()


def _of_area(
    connection: Connection, basis: Basis, used: Edition, kind: str, code: str, *, peopled: bool
) -> tuple[pd.DataFrame, list[str]]:
    """The sources that an area's score or colour stands on, and its places, as far as people are on file."""
    part = places_known(connection, basis.records, used, kind, code)
    row = next(one for one in each(part.areas) if one.code == code)
    people, places = places_of(part, RiskWeights.from_edition(used))
    inside = places_within(row, people, places.xy)
    box = box_around(places.xy[inside] / MILLI, widest_reach_mm(connection, basis) / MILLI)
    standing_in = {PART_OF[kind]: [code]} if kind in PART_OF else None
    hazards = read_hazards(connection, basis, box, standing_in=standing_in)
    return hazards, people["code"][inside].tolist() if peopled else []


def places_known(connection: Connection, then: Moment | None, used: Edition, kind: str, code: str) -> Inputs:
    """The records of what an area, or the city, consists of: places and the areas that tell of them; no sources."""
    nothing, peopled = no_records(used), has_places(connection, then)
    if kind == "city":
        people = _every if peopled else _coded(None)
        return read_part(connection, nothing, people, _of_city(peopled=peopled), then)
    if not peopled:
        return read_part(connection, nothing, _coded(None), _every, then)
    row = next(each(read_part(connection, nothing, _coded(None), _coded(code), then).areas))
    return read_part(connection, nothing, _people_of(row, then), _coded(code), then)


def _of_city(*, peopled: bool) -> Only:
    """The areas that tell the city's score: its townships, and where no places are on file its grid units."""
    levels = ("township",) if peopled else ("township", "grid")
    return lambda rows: rows.c.level.in_(levels)


def _people_of(area: Any, then: Moment | None) -> Only:
    """The places of an area, or a few more: what it consists of is `places_within`."""
    if area.level in PART_OF:
        return lambda rows: rows.c[PART_OF[area.level]] == area.code
    if area.members:
        return lambda rows: or_(*(rows.c[column] == among(area.members) for column in PART_OF.values()))
    areas = rows_of("area", then).alias("asked")
    polygon = select(areas.c.geom_m).where(areas.c.code == area.code).scalar_subquery()
    return lambda rows: func.ST_Intersects(rows.c.geom_m, polygon)


def _owned(connection: Connection, then: Moment | None, kind: str, code: str) -> Collection[str]:
    """One source, or all sources of an enterprise, its premises among them."""
    if kind == "source":
        return [code]
    rows = rows_of("source", then)
    held = connection.execute(select(rows.c.code).where(rows.c.enterprise_code == code)).scalars()
    return [*held, code + PREMISES_SUFFIX]

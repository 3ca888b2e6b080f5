"""Which dynamic records are in force at which source: the factors of a run, by the source's position in order of code."""

from collections import defaultdict
from collections.abc import Iterable
from datetime import datetime, time
from typing import Any

import numpy as np
import pandas as pd
import shapely

from jobs.frames import Array, each
from layers.dynamic import Records
from layers.history import CLOCK
from layers.records import PREMISES_SUFFIX
from riskmap.dynamic import (
    CLEARED,
    WEATHER,
    WEATHER_CLEARED,
    Danger,
    DynamicWeights,
    Event,
    Factor,
    Sensor,
    danger_factor,
    event_factor,
    next_step,
    silent_factor,
    warned_of,
)


def factors_of(
    weights: DynamicWeights, records: Records, sources: pd.DataFrame, sites: Array, at: datetime
) -> dict[int, list[Factor]]:
    """The records in force at each source that has any; `sources` (code, kind) in order, `sites` their shapes.

    A danger that names only an enterprise counts at its premises. An event that names no source counts at every
    source that its area reaches, without an area at all of them; weather at those that it can harm.
    """
    at = at.astimezone(CLOCK)
    index = {code: n for n, code in enumerate(sources["code"])}
    found: dict[int, list[Factor]] = defaultdict(list)

    def add(where: Iterable[int], factor: Factor | None) -> None:
        if factor is not None:
            for n in where:
                found[n].append(factor)

    for row in each(records.dangers):
        code = row.source_code or (f"{row.enterprise_code}{PREMISES_SUFFIX}" if row.enterprise_code else None)
        if code in index:
            add([index[code]], danger_factor(weights, _danger(row), at))
    for row, event in zip(each(records.events), events_of(records.events), strict=True):
        factor = event_factor(weights, event, at)
        if factor is not None:
            add(_where(weights, row, index, sources, sites), factor)
    for row in each(records.sensors):
        if row.source_code in index:
            add([index[row.source_code]], silent_factor(weights, _sensor(row), at))
    return dict(found)


def step_after(weights: DynamicWeights, records: Records, at: datetime) -> datetime:
    """When a value may next change by itself, in the city's clock."""
    return next_step(weights, events_of(records.events), at.astimezone(CLOCK))


def events_of(events: pd.DataFrame) -> list[Event]:
    """Events with their ends: their own, when the sensor was reported normal again, or when the warning was cancelled.

    Whichever came first counts; a warning may be cancelled before it begins.
    """
    cleared: dict[str, list[datetime]] = defaultdict(list)
    for row in each(events):
        if row.kind == CLEARED and row.sensor_code:
            cleared[row.sensor_code].append(row.time)
        elif row.kind == WEATHER_CLEARED:
            cleared[row.code.partition("#")[0]].append(row.time)
    return [_event(row, cleared) for row in each(events)]


def _event(row: Any, cleared: dict[str, list[datetime]]) -> Event:
    ends = [row.until] if row.until is not None else []
    if row.kind == "alarm":
        ends += [end for end in cleared.get(row.sensor_code or "", []) if end >= row.time]
    elif row.kind == WEATHER:
        ends += [end for name in warned_of(row.code) for end in cleared.get(name, [])]
    return Event(row.code, row.kind, row.severity, row.time, min(ends, default=None))


def _danger(row: Any) -> Danger:
    days = {
        name: getattr(row, name) for name in ("found_on", "due_on", "extended_to", "listed_on", "closed_on")
    }
    return Danger(row.code, row.grade, row.found_by, row.title, **days)


def _sensor(row: Any) -> Sensor:
    """One that never reported counts from the day it came into use."""
    last = row.last if row.last is not None else datetime.combine(row.valid_from, time(), CLOCK)
    return Sensor(row.code, row.kind, last.astimezone(CLOCK), int(row.interval_s))


def _where(
    weights: DynamicWeights,
    row: Any,
    index: dict[str, int],
    sources: pd.DataFrame,
    sites: Array,
) -> list[int]:
    """The positions of the sources that an event works on."""
    if row.source_code or row.sensor_code:
        return [index[row.source_code]] if row.source_code in index else []
    reached = np.ones(len(sources), np.bool_)
    if row.geom is not None:
        reached &= shapely.intersects(sites, row.geom)
    if row.kind == WEATHER:
        reached &= sources["kind"].isin(weights.weather_kinds).to_numpy(np.bool_)
    return [int(n) for n in np.flatnonzero(reached)]

"""The lineage of a zone run as rows: an event a line, and a line for each site that it tells of."""

from collections.abc import Iterator, Mapping
from typing import Any

import pandas as pd
import pyarrow as pa

from jobs.frames import each
from jobs.zone_accounts import Told
from jobs.zone_sites import Reaches
from layers.schema import SCOPE
from layers.zone_state import State, json_text
from riskmap.domino import domino_reach_mm
from riskmap.zones import Zones

_NOT_TOLD = "continue"
"""what leaves an agreement as it is"""


def told_of(zones: Zones, state: State, run_id: int, births: Mapping[str, int]) -> dict[str, Told]:
    """By zone since which run it is there, and what its last event that mattered did to its agreement.

    `births` are the first runs of the zones that returned.
    """
    known = {row.code: Told(row.agreement, row.born_run) for row in each(state.rows)}
    for event in zones.events:
        if event.kind == _NOT_TOLD:
            continue
        before = known.get(event.zone)
        born = before.born_run if before else births.get(event.zone, run_id)
        known[event.zone] = Told(event.agreement, born)
    return {code: known[code] for code in zones.ids}


def returned(zones: Zones) -> list[str]:
    """The ids that zones bear again."""
    return [event.zone for event in zones.events if event.kind == "return"]


def event_tables(zones: Zones, run_id: int, scopes: Mapping[str, tuple[Any, ...]]) -> dict[str, pa.Table]:
    """Rows of `zone_event` and `zone_event_site` without `rev`; `scopes` by the code of a site."""
    events = [
        (run_id, n, one.zone, one.kind, one.other, len(one.joined), len(one.left), one.agreement)
        for n, one in enumerate(zones.events)
    ]
    names = ("run_id", "n", "zone_code", "kind", "other", "joined", "left_", "agreement")
    types = {"run_id": pa.int64(), **dict.fromkeys(("n", "joined", "left_"), pa.int32())}
    sites = [
        (run_id, n, one.zone, role, code, what, *scopes.get(code, (None,) * len(SCOPE)))
        for n, one in enumerate(zones.events)
        for role, code, what in _sites(one)
    ]
    site_names = ("run_id", "n", "zone_code", "role", "code", "what", *SCOPE)
    return {
        "zone_event": _table(events, names, types),
        "zone_event_site": _table(sites, site_names, types),
    }


def _sites(event: Any) -> Iterator[tuple[str, str, str]]:
    yield from (("joined", code, "") for code in event.joined)
    yield from (("left", code, "") for code in event.left)
    yield from (("cause", code, what) for code, what in event.causes)


def scopes_of(*frames: pd.DataFrame) -> dict[str, tuple[Any, ...]]:
    """Whose each site is; what an earlier frame says holds."""
    found: dict[str, tuple[Any, ...]] = {}
    for frame in reversed(frames):
        columns = [frame[name] for name in SCOPE]
        found.update(zip(frame["code"], zip(*columns, strict=True), strict=True))
    return found


def reach_table(reaches: Reaches, scopes: Mapping[str, tuple[Any, ...]]) -> pa.Table:
    """Rows of `zone_reach`."""
    rows = [
        (code, *scopes[code], domino_reach_mm(near), json_text(near))
        for code, near in sorted(reaches.items())
    ]
    return _table(rows, ("code", *SCOPE, "reach_mm", "distances_m"), {"reach_mm": pa.int64()})


def _table(rows: list[tuple[Any, ...]], names: tuple[str, ...], types: Mapping[str, pa.DataType]) -> pa.Table:
    columns = list(zip(*rows, strict=True)) or [()] * len(names)
    return pa.table(
        {
            name: pa.array(column, types.get(name, pa.string()))
            for name, column in zip(names, columns, strict=True)
        }
    )

"""The lineage of a zone run as rows: an event a line, and a line for each site that it tells of."""

from collections.abc import Iterable, Mapping, Sequence

import pandas as pd
import pyarrow as pa

from jobs.frames import each, index_of, values_at
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


def event_tables(zones: Zones, run_id: int, scopes: pd.DataFrame) -> dict[str, pa.Table]:
    """Rows of `zone_event` and `zone_event_site` without `rev`; `scopes` as `scopes_of` tells them."""
    events = zones.events
    whole, short = pa.int64(), pa.int32()
    event = {
        "run_id": pa.repeat(pa.scalar(run_id, whole), len(events)),
        "n": pa.array(range(len(events)), short),
        "zone_code": _texts(one.zone for one in events),
        "kind": _texts(one.kind for one in events),
        "other": _texts(one.other for one in events),
        "joined": pa.array([len(one.joined) for one in events], short),
        "left_": pa.array([len(one.left) for one in events], short),
        "agreement": _texts(one.agreement for one in events),
    }
    n: list[int] = []
    role: list[str] = []
    codes: list[str] = []
    what: list[str] = []
    for k, one in enumerate(events):
        sizes = len(one.joined), len(one.left), len(one.causes)
        n += [k] * sum(sizes)
        role += ["joined"] * sizes[0] + ["left"] * sizes[1] + ["cause"] * sizes[2]
        codes += (*one.joined, *one.left, *(code for code, _ in one.causes))
        what += [""] * (sizes[0] + sizes[1]) + [happened for _, happened in one.causes]
    site = {
        "run_id": pa.repeat(pa.scalar(run_id, whole), len(n)),
        "n": pa.array(n, short),
        "zone_code": event["zone_code"].take(pa.array(n, short)),
        "role": _texts(role),
        "code": _texts(codes),
        "what": _texts(what),
        **_scoped(codes, scopes),
    }
    return {"zone_event": pa.table(event), "zone_event_site": pa.table(site)}


def scopes_of(*frames: pd.DataFrame) -> pd.DataFrame:
    """Whose each site is, by `code`; what an earlier frame says holds."""
    names = ["code", *SCOPE]
    return pd.concat([frame[names] for frame in frames], ignore_index=True).drop_duplicates("code")


def reach_table(reaches: Reaches, scopes: pd.DataFrame) -> pa.Table:
    """Rows of `zone_reach`."""
    codes = sorted(reaches)
    return pa.table(
        {
            "code": _texts(codes),
            **_scoped(codes, scopes),
            "reach_mm": pa.array([domino_reach_mm(reaches[code]) for code in codes], pa.int64()),
            "distances_m": _texts(json_text(reaches[code]) for code in codes),
        }
    )


def _scoped(codes: Sequence[str], scopes: pd.DataFrame) -> dict[str, pa.Array]:
    """The scope of each of some sites, null where it is not known."""
    at = index_of(codes, scopes["code"].to_numpy(object))
    return {name: _texts(values_at(scopes[name], at)) for name in SCOPE}


def _texts(values: Iterable[str | None]) -> pa.Array:
    return pa.array(list(values), pa.string())

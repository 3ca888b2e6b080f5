"""What zones there would be with other distances: computed as a first run would, and written nowhere."""

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

import numpy as np
import pandas as pd
from sqlalchemy import Engine

from jobs.zone_accounts import accounts_of, outlines
from jobs.zone_reading import Found
from jobs.zone_rows import kinds_of, member_rows
from layers.database import snapshot
from layers.zone_ground import geojson_of
from riskmap.errors import BadInput
from riskmap.risk import levels_of
from riskmap.vocabulary import LEVELS
from riskmap.weights import MILLI
from riskmap.zone_links import KINDS
from riskmap.zones import zones_what_if

_FARTHEST_M = 5000


def what_if(
    owner: Engine,
    distance_m: float,
    kinds: Sequence[str],
    *,
    unbounded: bool = False,
    geometry: bool = False,
    at: datetime | None = None,
) -> list[dict[str, Any]]:
    """The zones of a first run with one distance for the named kinds, as CONTRACT tells them; writes nothing.

    `geometry` adds the outline in CGCS2000.

    BadInput for a kind that is none or a distance out of bounds.
    """
    if unknown := sorted(set(kinds) - set(KINDS)):
        raise BadInput(f"没有“{'、'.join(unknown)}”这种联系", remedy="可用：" + "、".join(sorted(set(KINDS))))
    if not kinds or not 0 < distance_m <= _FARTHEST_M:
        raise BadInput(
            "距离或联系种类不对", remedy=f"距离为大于 0、不超过 {_FARTHEST_M} 米的数，种类至少一种"
        )
    with snapshot(owner) as connection:
        found = Found.read(connection, at or datetime.now(UTC), full=True)
        made = zones_what_if(found.sites, found.rules, round(distance_m * MILLI), kinds, unbounded=unbounded)
        members = member_rows(found.frame, found.sites, made, found.scores)
        number = {code: n for n, code in enumerate(made.ids)}
        shapes = geojson_of(connection, outlines(made, members, number, found.rules)) if geometry else []
    of_zone = dict(tuple(members.groupby("zone_code", sort=False)))
    levels = _levels(members, len(made.ids), found)
    return [
        {
            "id": code,
            "members": of_zone[code]["code"].tolist(),
            "townships": sorted({one for one in of_zone[code]["township_code"] if one}),
            "kinds": held,
            "level": levels[n],
            "born_run": None,
            "lineage": [],
        }
        | ({"geometry": shapes[n]} if geometry else {})
        for n, (code, held) in enumerate(zip(made.ids, kinds_of(made), strict=True))
    ]


def _levels(members: pd.DataFrame, count: int, found: Found) -> list[str | None]:
    """The level of each zone by the scores of its members; None where nothing was assessed."""
    number = {f"W{n + 1}": n for n in range(count)}
    owner = members["zone_code"].map(number).to_numpy(np.int64)
    start = np.searchsorted(owner, np.arange(count + 1)).astype(np.int64)
    _, score, _, assessed = accounts_of(members, start, found.rules, found.weights)
    levels = levels_of(found.weights, score).tolist()
    return [LEVELS[level] if known else None for level, known in zip(levels, assessed.tolist(), strict=True)]

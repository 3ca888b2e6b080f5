"""What zones there would be with other distances: computed as a first run would, and written nowhere.

Who asks waits, so it is bounded: in time, looked at between its steps and by the database within them, and in what is
drawn. The kernels themselves never list all pairs; a million enterprises take them seconds, at any distance.
"""

import time
from collections.abc import Collection, Sequence
from datetime import UTC, datetime
from typing import Any

import numpy as np
import pandas as pd
import shapely
from sqlalchemy import Engine

from jobs.frames import Array
from jobs.progress import Progress, unwatched
from jobs.zone_accounts import accounts_of, outlines
from jobs.zone_reading import Found
from jobs.zone_rows import kinds_of, member_rows
from layers.database import snapshot
from layers.zone_ground import geojson_of
from riskmap.errors import BadInput, TakesTooLong
from riskmap.risk import levels_of
from riskmap.vocabulary import LEVELS
from riskmap.weights import MILLI
from riskmap.zone_links import KINDS
from riskmap.zone_rules import ZoneRules
from riskmap.zones import Zones, zones_what_if

_FARTHEST_M = 5000
_FOLLOWED = 300
"""a zone of more members is drawn by the convex hull of them: nobody sees more, and the links of a town take minutes"""


class _Deadline:
    """Tells how far the work is, and ends it where it has taken longer than it may."""

    def __init__(self, within_s: float | None, tell: Progress) -> None:
        self.within_s, self._tell, self._started = within_s, tell, time.monotonic()

    def step(self, label: str, share: float) -> None:
        self._tell(label, share)
        if self.within_s is not None and time.monotonic() - self._started > self.within_s:
            raise TakesTooLong(
                f"试算超过 {self.within_s:g} 秒，已停止（进行到：{label}）",
                remedy="请缩短距离、少选联系种类或限制片区大小；也可用命令 riskmap zones --what-if 计算",
            )


def what_if(
    owner: Engine,
    distance_m: float,
    kinds: Sequence[str],
    *,
    unbounded: bool = False,
    drawn: int = 0,
    holding: Collection[str] | None = None,
    at: datetime | None = None,
    within_s: float | None = None,
    progress: Progress = unwatched,
) -> list[dict[str, Any]]:
    """The zones of a first run with one distance for the named kinds, as CONTRACT tells them; writes nothing.

    `holding`: only zones with one of these sites. The `drawn` largest of them have their outline in CGCS2000 under
    `geometry`, and `hull` true where it is only the convex hull.

    BadInput for a kind that is none or a distance out of bounds, TakesTooLong where it is not done `within_s` seconds.
    """
    if unknown := sorted(set(kinds) - set(KINDS)):
        raise BadInput(f"没有“{'、'.join(unknown)}”这种联系", remedy="可用：" + "、".join(sorted(set(KINDS))))
    if not kinds or not 0 < distance_m <= _FARTHEST_M:
        raise BadInput(
            "距离或联系种类不对", remedy=f"距离为大于 0、不超过 {_FARTHEST_M} 米的数，种类至少一种"
        )
    deadline = _Deadline(within_s, progress)
    deadline.step("读取记录", 0.1)
    with snapshot(owner, statement_s=within_s) as connection:
        found = Found.read(connection, at or datetime.now(UTC), full=True)
        deadline.step("试算片区", 0.4)
        made = zones_what_if(found.sites, found.rules, round(distance_m * MILLI), kinds, unbounded=unbounded)
        deadline.step("说明片区", 0.7)
        members = member_rows(found.frame, found.sites, made, found.scores)
        told = _told(made, members, found, holding)
        told_largest = sorted(told, key=lambda one: -len(one["members"]))[:drawn]
        deadline.step("画出轮廓", 0.8)
        shapes, is_hull = _outlines(made, members, [one["id"] for one in told_largest], found.rules)
        deadline.step("画出轮廓", 0.95)
        for one, geometry, hull in zip(told_largest, geojson_of(connection, shapes), is_hull, strict=True):
            one |= {"geometry": geometry, "hull": hull}
    return told


def _told(
    made: Zones, members: pd.DataFrame, found: Found, holding: Collection[str] | None
) -> list[dict[str, Any]]:
    levels = _levels(members, len(made.ids), found)
    townships = dict(tuple(members.groupby("zone_code", sort=False)["township_code"]))
    wanted = None if holding is None else frozenset(holding)
    return [
        {
            "id": code,
            "members": own,
            "townships": sorted({one for one in townships[code].unique() if one}),
            "kinds": held,
            "level": level,
            "born_run": None,
            "lineage": [],
        }
        for code, own, held, level in zip(made.ids, made.members, kinds_of(made), levels, strict=True)
        if wanted is None or not wanted.isdisjoint(own)
    ]


def _levels(members: pd.DataFrame, count: int, found: Found) -> list[str | None]:
    """The level of each zone by the scores of its members; None where nothing was assessed."""
    number = {f"W{n + 1}": n for n in range(count)}
    owner = members["zone_code"].map(number).to_numpy(np.int64)
    start = np.searchsorted(owner, np.arange(count + 1)).astype(np.int64)
    _, score, _, assessed = accounts_of(members, start, found.rules, found.weights)
    levels = levels_of(found.weights, score).tolist()
    return [LEVELS[level] if known else None for level, known in zip(levels, assessed.tolist(), strict=True)]


def _outlines(
    made: Zones, members: pd.DataFrame, wanted: Sequence[str], rules: ZoneRules
) -> tuple[Array, list[bool]]:
    """The outline of each of some zones, and whether it is the convex hull."""
    members = members[members["zone_code"].isin(wanted)]
    sizes = members["zone_code"].value_counts()
    is_hull = [bool(sizes[code] > _FOLLOWED) for code in wanted]
    shapes = np.full(len(wanted), None, object)
    followed = [n for n, hull in enumerate(is_hull) if not hull]
    number = {wanted[n]: k for k, n in enumerate(followed)}
    shapes[followed] = outlines(made, members[members["zone_code"].isin(number)], number, rules)
    of_zone = dict(tuple(members.groupby("zone_code", sort=False)["geom"]))
    for n in np.flatnonzero(is_hull).tolist():
        whole = shapely.geometrycollections(of_zone[wanted[n]].to_numpy(object))
        shapes[n] = shapely.buffer(shapely.convex_hull(whole), rules.buffer_mm / MILLI, quad_segs=4)
    return shapes, is_hull

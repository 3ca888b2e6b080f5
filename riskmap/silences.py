"""Silences: who wants which warnings quiet, where, until when and why; what still holds is sent when they end."""

from collections.abc import Iterable, Mapping
from itertools import pairwise
from typing import Any, NamedTuple

import numpy as np

from riskmap.alert_decisions import Watch
from riskmap.alert_facts import KINDS, SIDES
from riskmap.errors import BadInput
from riskmap.shapes import Floats, Marks
from riskmap.vocabulary import LEVELS

EXACT = ("kind", "layer", "code", "township", "side", "enterprise", "zone", "warn")
BEGINNING = ("area", "industry")
"""matched by the beginning of the code, as the rules' scopes are"""
_MOST_TEXT = 400
_MOST_CORNERS = 1000
Ring = tuple[tuple[int, int], ...]


class Silence(NamedTuple):
    """One silence: all matchers *and* the polygon must fit; without rings it holds everywhere.

    `matchers` maps a field of the fact, or `warn`, to the values that fit. Rings are in mm, closed, even-odd.
    """

    code: str
    author: str
    reason: str
    from_s: int
    until_s: int
    matchers: Mapping[str, tuple[str, ...]]
    rings: tuple[Ring, ...] = ()

    def holds(self, at_s: int) -> bool:
        """From its start on, its end excluded."""
        return self.from_s <= at_s < self.until_s


def check_silence(silence: Silence, longest_s: int) -> None:
    """Raises BadInput for a silence without author, reason, end, matcher or polygon, or one that would last too long."""
    for field in ("author", "reason"):
        if not 0 < len(getattr(silence, field).strip()) <= _MOST_TEXT:
            raise _wrong(field, "为空或过长", "请写明是谁、为什么")
    if not 0 < silence.until_s - silence.from_s <= longest_s:
        raise _wrong("until", f"须晚于开始，且最长 {longest_s // 3600} 小时", "请改正，到期可再次设置")
    if not silence.matchers and not silence.rings:
        raise _wrong("matchers", "没有条件也没有范围", "请写明哪一类、哪一处")
    for field, values in silence.matchers.items():
        if field not in (*EXACT, *BEGINNING):
            raise _wrong(field, "未知条件", f"可用：{'、'.join((*EXACT, *BEGINNING))}")
        allowed = {"kind": tuple(KINDS), "side": SIDES, "warn": tuple(LEVELS.values())}.get(field, values)
        if not values or not all(value and value in allowed for value in values):
            raise _wrong(field, "为空或不可用的值", f"可用：{'、'.join(allowed)}")
    for ring in silence.rings:
        if not 4 <= len(ring) <= _MOST_CORNERS or ring[0] != ring[-1]:
            raise _wrong("polygon", f"每个环须闭合，有 4 至 {_MOST_CORNERS} 个点", "请重新画出范围")


def silenced(
    watches: Mapping[str, Watch], silences: Iterable[Silence], at_s: int
) -> dict[str, tuple[str, ...]]:
    """Open warnings that are quiet now, by fingerprint, with the codes of their silences."""
    found: dict[str, tuple[str, ...]] = {}
    for silence in sorted((one for one in silences if one.holds(at_s)), key=lambda one: one.code):
        fits = [print_ for print_, watch in watches.items() if watch.is_open and _matches(silence, watch)]
        if silence.rings and fits:
            fits = _inside(fits, watches, silence.rings)
        for print_ in fits:
            found[print_] = (*found.get(print_, ()), silence.code)
    return found


def _wrong(field: str, reason: str, remedy: str) -> BadInput:
    return BadInput(f"静默字段 {field}：{reason}", remedy=remedy, field=field)


def _matches(silence: Silence, watch: Watch) -> bool:
    return all(
        value.startswith(values) if field in BEGINNING else value in values
        for field, values in silence.matchers.items()
        for value in [LEVELS[watch.warn] if field == "warn" else _text(watch, field)]
    )


def _text(watch: Watch, field: str) -> str:
    value: Any = getattr(watch.fact, field)
    return str(value)


def _inside(fits: list[str], watches: Mapping[str, Watch], rings: tuple[Ring, ...]) -> list[str]:
    """Those that lie in the polygon; what has no position lies nowhere and stays loud."""
    at = [(one, watches[one].fact) for one in fits]
    placed = [
        (one, fact.x_mm, fact.y_mm) for one, fact in at if fact.x_mm is not None and fact.y_mm is not None
    ]
    if not placed:
        return []
    xy = np.array([(x, y) for _, x, y in placed], np.float64)
    inside = _even_odd(xy, rings)
    return [one for (one, _, _), is_in in zip(placed, inside, strict=True) if is_in]


def _even_odd(xy: Floats, rings: tuple[Ring, ...]) -> Marks:
    """Whether points lie in rings, by how many sides a ray to the east crosses; all rings count, so holes do."""
    x, y = xy[:, 0], xy[:, 1]
    inside = np.zeros(len(xy), np.bool_)
    for ring in rings:
        for (x0, y0), (x1, y1) in pairwise(ring):
            spans = (y0 > y) != (y1 > y)
            if spans.any():
                inside ^= spans & (x < (x1 - x0) * (y - y0) / ((y1 - y0) or 1) + x0)
    return inside

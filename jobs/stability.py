"""How stable every colour is: each weight of the edition in force, alone, a fifth more and a fifth less.

The city of the last run is laid out once and scored under every set of weights; nothing but whose colour turns, with
which weight and to what, is kept. It stands beside the colour and never changes it.
"""

import json
import time
from collections import Counter, defaultdict
from datetime import UTC, datetime
from itertools import product
from typing import Any

import numpy as np
import pandas as pd
from sqlalchemy import Connection, Engine

from jobs.levels import Outline, Scored
from jobs.progress import unwatched
from layers.city import stored_city
from layers.database import snapshot, writing
from layers.editions import edition_named, filed
from layers.history import CLOCK, Moment, open_revision
from layers.risk import last_run, read_inputs
from layers.stability import SCALES, check_told, last_check, levels_of_kind, write_check
from riskmap.errors import Refused, RiskMapError
from riskmap.shifts import SHIFT_PERMILLE, Weight, shifted, weights_of
from riskmap.vocabulary import LEVELS

CHECKED = ("city", "township", "village", "grid", "overlay", "enterprise", "source")
_MOST_TOLD = 40
"""flips kept of one colour, in the order of the tables: one at an edge turns with almost every weight"""

Flips = dict[tuple[str, str, int], list[dict[str, Any]]]
"""by scale, kind and position"""


def check_stability(owner: Engine, *, actor: str, progress: Any = None) -> dict[str, Any]:
    """Check the colours of the last run and keep what was found. Refused where there was no run.

    RiskMapError where the run's own colours do not come out again: a check of another city than the map's is none.
    """
    started, tell = time.monotonic(), progress or unwatched
    tell("读取记录", 0.02)
    with snapshot(owner) as connection:
        run = last_run(connection)
        if run is None:
            raise Refused("还没有风险计算", remedy="请先运行 riskmap assess")
        edition = edition_named(connection, run["edition"], run["known_rev"])
        inputs = read_inputs(connection, run["data_time"], Moment(None, run["known_rev"]), used=edition)
        outline = Outline(inputs, stored_city(connection).code)
        own = {scale: outline.own(calm=scale == "base_level") for scale in SCALES}
        _same_as_stored(connection, run, outline, own)
    weights = weights_of(outline.both)
    flips, moved = _flips(outline, own, weights, tell)
    tell("写入结果", 0.98)
    with writing(owner) as connection:
        values = {
            "rev": open_revision(connection, actor, "stability", f"第 {run['run_id']} 次计算的颜色稳定性"),
            "at": datetime.now(UTC),
            "run_id": run["run_id"],
            "edition": edition.name,
            "edition_hash": bytes.fromhex(edition.hash),
            "weights": len(weights),
            "duration_s": round(time.monotonic() - started, 3),
            "counts": {"kinds": _counts(own, flips), "moved": moved},
        }
        write_check(connection, values, _frame(outline, flips))
    return check_told(values | {"data_time": run["data_time"]})


def stability_due(owner: Engine) -> bool:
    """Whether the colours are to be checked: not yet today, or not under the content of the edition in force."""
    with snapshot(owner) as connection:
        run, check = last_run(connection), last_check(connection)
        if run is None or check is None:
            return run is not None
        used = next((one.hash for one in filed(connection) if one.name == run["edition"]), None)
        today = check["at"].astimezone(CLOCK).date() == datetime.now(CLOCK).date()
        return not today or used != bytes(check["edition_hash"]).hex()


def _same_as_stored(
    connection: Connection, run: dict[str, Any], outline: Outline, own: dict[str, Scored]
) -> None:
    for scale, kind in product(SCALES, CHECKED):
        stored = levels_of_kind(connection, kind, run["rev"], scale)
        if stored != dict(zip(outline.codes[kind].tolist(), own[scale].levels[kind].tolist(), strict=True)):
            raise RiskMapError(
                f"第 {run['run_id']} 次计算的颜色（{kind}）未能复算出来，不检查其稳定性",
                remedy="请重新计算风险后再试",
            )


def _flips(
    outline: Outline, own: dict[str, Scored], weights: list[Weight], tell: Any
) -> tuple[Flips, list[dict[str, Any]]]:
    """By scale, kind and position the flips of each colour; and how many colours each weight turns, the most first."""
    flips: Flips = defaultdict(list)
    moved: dict[str, Counter[str]] = {scale: Counter() for scale in SCALES}
    for n, weight in enumerate(weights):
        tell(f"权重 {weight.key}", 0.05 + 0.92 * n / len(weights))
        for permille, scale in product((SHIFT_PERMILLE, -SHIFT_PERMILLE), SCALES):
            scored = outline.scored(shifted(outline.both, weight, permille), calm=scale == "base_level")
            if scored is None:
                continue
            for kind in CHECKED:
                turned = np.flatnonzero(scored.levels[kind] != own[scale].levels[kind])
                moved[scale][weight.key] += len(turned)
                for at in turned.tolist():
                    flips[scale, kind, at].append(_told(weight, permille, int(scored.levels[kind][at])))
    return dict(flips), _most_first(weights, moved)


def _most_first(weights: list[Weight], moved: dict[str, Counter[str]]) -> list[dict[str, Any]]:
    told = [
        {**_named(weight), **{scale: moved[scale][weight.key] for scale in SCALES}}
        for weight in weights
        if any(moved[scale][weight.key] for scale in SCALES)
    ]
    return sorted(told, key=lambda one: -max(one[scale] for scale in SCALES))


def _told(weight: Weight, permille: int, level: int) -> dict[str, Any]:
    return {**_named(weight), "percent": permille // 10, "to": LEVELS[level]}


def _named(weight: Weight) -> dict[str, Any]:
    return {
        "weight": weight.key,
        "table": weight.table,
        "part": weight.part,
        "field": weight.field,
        "name_zh": weight.name_zh,
        "name_en": weight.name_en,
        "value": weight.value / weight.unit,
    }


def _counts(own: dict[str, Scored], flips: Flips) -> dict[str, dict[str, int]]:
    """By kind how many have a colour, and how many of these keep it whatever weight moves, by scale."""
    turned = Counter((scale, kind) for scale, kind, _ in flips)
    coloured = {kind: int((own["level"].levels[kind] > 0).sum()) for kind in CHECKED}
    return {
        kind: {"total": n, **{scale: n - turned[scale, kind] for scale in SCALES}}
        for kind, n in coloured.items()
    }


def _frame(outline: Outline, flips: Flips) -> pd.DataFrame:
    found: dict[tuple[str, int], dict[str, Any]] = defaultdict(dict)
    for (scale, kind, at), told in flips.items():
        found[kind, at][scale] = told[:_MOST_TOLD]
    rows = [
        (kind, outline.codes[kind][at], json.dumps(told, ensure_ascii=False))
        for (kind, at), told in found.items()
    ]
    return pd.DataFrame(rows, columns=["kind", "code", "flips"])

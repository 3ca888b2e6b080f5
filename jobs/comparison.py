"""Two editions of the rules on the real city: both are computed on one snapshot, and nothing is written."""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from threading import Lock
from typing import Any

import numpy as np
import pandas as pd
from sqlalchemy import Engine

from jobs.areas import places_within
from jobs.assessment import assess_records
from jobs.city import City, arrange
from jobs.frames import each
from jobs.progress import unwatched
from jobs.results import Assessment
from layers.audit import newest_change
from layers.city import stored_city
from layers.database import snapshot
from layers.editions import edition_named
from layers.history import head_rev
from layers.records import iso, points
from layers.risk import Inputs, read_inputs
from riskmap.edition_diff import differences
from riskmap.editions import Edition
from riskmap.rollup import area_account
from riskmap.vocabulary import LEVELS
from riskmap.wording import words

COMPARED = ("city", "township", "village", "grid", "overlay", "enterprise", "source")
"""what is compared, in the order it is listed"""
_LEVELS: tuple[int | None, ...] = (*LEVELS, None)
_KEPT = 4
_AREAS = ("township", "village", "grid", "overlay")

Line = dict[str, Any]
Key = tuple[str, str | None]


@dataclass(frozen=True, slots=True)
class Sides:
    """What one snapshot of the city is under each of two editions."""

    inputs: tuple[Inputs, Inputs]
    results: tuple[Assessment, Assessment]
    rev: int

    @property
    def old(self) -> Edition:
        """The one."""
        return self.inputs[0].edition

    @property
    def new(self) -> Edition:
        """The other."""
        return self.inputs[1].edition


def compare(
    owner: Engine, old: str, new: str, *, at: datetime | None = None, lang: str = "zh", progress: Any = None
) -> dict[str, Any]:
    """What changes colour when the edition `new` is in force instead of `old`, and which figures of theirs differ.

    `at` is the instant that records are looked at, now where none is given. NotFound for an unknown edition.
    """
    sides = _compute(owner, old, new, at or datetime.now(UTC), progress or unwatched)
    both = _side_by_side(sides)
    pairs = zip(both["old_level"], both["new_level"], strict=True)  # in a frame None differs from None
    turned = both[[old != new for old, new in pairs]]
    return {
        "old": _named(sides.old),
        "new": _named(sides.new),
        "rev": sides.rev,
        "data_time": iso(sides.inputs[0].at),
        "kinds": {kind: _counted(both[both["kind"] == kind]) for kind in COMPARED},
        "changed": _told(sides, turned, lang),
        "differences": [difference._asdict() for difference in differences(sides.old, sides.new)],
    }


class Comparisons:
    """The latest comparisons: whoever turns a page does not wait for the city to be computed twice again.

    One is computed at a time. Kept while neither a record nor an edition changes, until the next full hour at most:
    that long may events and what goes on by itself stand still; the page tells the instant.
    """

    def __init__(self) -> None:
        self._turn = Lock()
        self._known: dict[tuple[Any, ...], dict[str, Any]] = {}

    def of(self, owner: Engine, old: str, new: str, lang: str) -> dict[str, Any]:
        """The comparison of two editions now."""
        at = datetime.now(UTC)
        with snapshot(owner) as connection:
            hashes = tuple(edition_named(connection, name).hash for name in (old, new))
            hour = at.replace(minute=0, second=0, microsecond=0)
            key = (newest_change(connection, events=False), hashes, lang, hour)
        with self._turn:
            if key not in self._known:
                found = compare(owner, old, new, at=at, lang=lang)
                self._known = dict([*self._known.items(), (key, found)][-_KEPT:])
            return self._known[key]


def summary(comparison: dict[str, Any]) -> dict[str, Any]:
    """What is kept of a comparison with an approval: the editions, the state of the data, and the counts."""
    return {name: comparison[name] for name in ("old", "new", "rev", "data_time", "kinds")} | {
        "differences": len(comparison["differences"])
    }


def _compute(owner: Engine, old: str, new: str, at: datetime, tell: Any) -> Sides:
    tell("读取记录", 0.1)
    with snapshot(owner) as connection:
        rev, code = head_rev(connection), stored_city(connection).code
        before, after = (
            read_inputs(connection, at, used=edition_named(connection, name)) for name in (old, new)
        )
    tell(f"按版本 {old} 计算", 0.3)
    first = assess_records(before, code)
    tell(f"按版本 {new} 计算", 0.6)
    second = assess_records(after, code)
    tell("比较", 0.9)
    return Sides((before, after), (first, second), rev)


def _named(edition: Edition) -> dict[str, Any]:
    return {"name": edition.name, "title": edition.title, "hash": edition.hash}


def _side_by_side(sides: Sides) -> pd.DataFrame:
    """Kind, code, both scores and both levels (object: None where there is none) of all that is compared."""
    one, other = (result.scores[["kind", "code", "score", "level"]] for result in sides.results)
    both = one.merge(other, on=["kind", "code"], how="outer", suffixes=("_old", "_new"))
    both = both[both["kind"].isin(COMPARED)].astype(object)
    both = both.where(both.notna(), None)
    return both.rename(
        columns={f"{n}_{side}": f"{side}_{n}" for n in ("score", "level") for side in ("old", "new")}
    )


def _counted(rows: pd.DataFrame) -> dict[str, Any]:
    """How many there are, how many change, and from which colour (rows) to which (columns); last: without one."""
    pairs = list(zip(rows["old_level"], rows["new_level"], strict=True))
    matrix = [[pairs.count((a, b)) for b in _LEVELS] for a in _LEVELS]
    return {"total": len(pairs), "changed": sum(a != b for a, b in pairs), "matrix": matrix}


def _told(sides: Sides, turned: pd.DataFrame, lang: str) -> list[Line]:
    """Every record and area that changes colour, with the contribution that differs most."""
    if not len(turned):
        return []
    names = _names(sides)
    largest = dict(_of_accounts(sides, turned, lang)) | dict(_of_areas(sides, turned))
    order = {kind: n for n, kind in enumerate(COMPARED)}
    rows = sorted(each(turned), key=lambda row: (order[row.kind], row.code))
    return [
        {
            "kind": row.kind,
            "code": row.code,
            "name": names.get((row.kind, row.code)),
            "old_score": points(row.old_score),
            "new_score": points(row.new_score),
            "old_level": LEVELS.get(row.old_level),
            "new_level": LEVELS.get(row.new_level),
            "largest": largest.get((row.kind, row.code)),
        }
        for row in rows
    ]


def _names(sides: Sides) -> dict[Key, str]:
    inputs = sides.inputs[0]
    frames = {"enterprise": inputs.enterprises, "source": inputs.sources}
    found = {
        (kind, code): name
        for kind, f in frames.items()
        for code, name in zip(f["code"], f["name"], strict=True)
    }
    areas = inputs.areas
    found |= {
        (level, code): name
        for level, code, name in zip(areas["level"], areas["code"], areas["name"], strict=True)
    }
    premises = {
        ("source", row.code): name
        for row in each(sides.results[0].scores)
        if row.kind == "source" and (name := found.get(("enterprise", row.enterprise_code)))
    }
    return premises | found


def _of_accounts(sides: Sides, turned: pd.DataFrame, lang: str) -> Iterator[tuple[Key, Line | None]]:
    """For sources and enterprises: the line of the account whose value differs most, or that only one side has."""
    codes = turned[turned["kind"].isin(("source", "enterprise"))]
    wanted = set(zip(codes["kind"], codes["code"], strict=True))
    lines: dict[Key, dict[Key, list[Any]]] = {key: {} for key in wanted}
    for side, result in enumerate(sides.results):
        frame = result.contributions
        chosen = frame[pd.MultiIndex.from_frame(frame[["kind", "code"]]).isin(wanted)]
        for row in each(chosen):
            entry = lines[row.kind, row.code].setdefault((row.item, row.record), [None, None, None])
            entry[side] = (entry[side] or 0) + row.value
            entry[2] = row.args
    for key, entries in lines.items():
        differing = {one: entry for one, entry in entries.items() if entry[0] != entry[1]}
        if differing:
            (item, record), (old, new, args) = max(
                differing.items(), key=lambda one: (abs((one[1][1] or 0) - (one[1][0] or 0)), str(one[0]))
            )
            label = words(item, json.loads(args), lang)[0]
            yield (
                key,
                {"item": item, "record": record, "label": label, "old": points(old), "new": points(new)},
            )


def _of_areas(sides: Sides, turned: pd.DataFrame) -> Iterator[tuple[Key, Line | None]]:
    """For areas: the source, for the city: the township, whose part differs most."""
    scores = [
        result.scores[result.scores["kind"] == "township"].set_index("code")["score"]
        for result in sides.results
    ]
    names = _names(sides)
    if (turned["kind"] == "city").any() and len(scores[0]):
        apart = (scores[1] - scores[0]).abs()
        code = str(apart.astype("int64").idxmax())
        pair = {"old": points(scores[0][code]), "new": points(scores[1][code])}
        city = turned[turned["kind"] == "city"].iloc[0]["code"]
        yield (
            ("city", city),
            {"item": "township", "record": f"area/{code}", "label": names["township", code], **pair},
        )
    wanted = turned[turned["kind"].isin(_AREAS)]
    if not len(wanted):
        return
    cities = [arrange(inputs) for inputs in sides.inputs]
    areas = sides.inputs[0].areas.set_index("code", drop=False)
    codes = cities[0].graded.sources["code"].to_numpy(object)
    for kind, code in zip(wanted["kind"], wanted["code"], strict=True):
        old, new = (_parts(city, areas.loc[code], len(codes)) for city in cities)
        at = int(np.argmax(np.abs(new - old)))
        if old[at] != new[at]:
            line = {
                "item": "source",
                "record": f"source/{codes[at]}",
                "label": names.get(("source", codes[at])),
            }
            yield (kind, code), line | {"old": points(int(old[at])), "new": points(int(new[at]))}


def _parts(city: City, area: Any, n: int) -> np.ndarray[Any, np.dtype[np.int64]]:
    """What every source adds to an area's score, in micro-points."""
    ground = city.ground
    inside = np.flatnonzero(places_within(area, ground.people, ground.places.xy))
    limit = ground.weights.worst_placed[area.level]
    parts = area_account(ground.places.take(inside), ground.now, limit, ground.weights.share_permille)[1]
    values = np.zeros(n, np.int64)
    for part in parts:
        values[part.source] = part.value
    return values

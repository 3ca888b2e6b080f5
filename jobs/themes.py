"""专题图层: what a theme adds to the scores of a whole level at once, from the contributions of the run shown.

The contributions of a run (or of a moment of the past) are split once by thing, source and dynamic record, with the
roundings of `jobs.explain`; every theme is then a sum over them. Whoever asks is told parts of what his rights show
him the score of, and of records of others no more than `explain` tells.
"""

from typing import Any

import numpy as np
import pandas as pd
from sqlalchemy import Connection, Engine

from jobs.frames import Array, index_of
from jobs.past import past_of
from jobs.splits import Lines, Split, Splits
from layers.computed import told_by
from layers.database import Identity, reading
from layers.history import Moment
from layers.records import iso, points
from layers.themes import is_event, scores_seen, sources_seen, special_periods
from riskmap.errors import BadInput, NotFound, RiskMapError
from riskmap.theme_parts import totals
from riskmap.theme_words import label_of, ranked
from riskmap.themes import (
    ADDITIVE,
    BASE,
    DYNAMIC,
    HIDDEN,
    NEIGHBOUR,
    NONE,
    OVERLAPPING,
    SourceClass,
    Theme,
)
from riskmap.vocabulary import AREA_KINDS, COMMITTEES, SOURCE_KINDS, words
from riskmap.weights import HAZARDS

LEVELS = (*AREA_KINDS, "source", "enterprise")
"""What has parts."""
Row = dict[str, Any]


def themes(
    owner: Engine,
    reader: Engine,
    identity: Identity,
    splits: Splits,
    level: str,
    theme: Theme,
    *,
    code: str | None = None,
    as_of: str | None = None,
    lang: str = "zh",
    limit: int | None = None,
    offset: int = 0,
    progress: Any = None,
) -> Row:
    """The parts of a theme in the scores of a level (or of one `code` of it), the largest first.

    Areas whose score is not this reader's to see are named with part null. `breakdown` parts one thing's part (`of`:
    the code, else the city, else the reader's own area) by each dimension whose values add up; `overlapping` tells
    those that do not. BadInput for a level or a value that there is not, NotFound for an unknown code.
    """
    _check(level, theme)
    then = past_of(owner, as_of, progress=progress) if as_of else None
    with reading(reader, identity) as connection:
        about = told_by(connection, then)
        things = scores_seen(connection, level, then, None if code is None else [code])
        if code is not None and not len(things):
            raise NotFound(f"没有 {level} {code}", remedy="请核对编码；其他镇街的记录不在您的权限内")
        seen = None if identity.sees_city else sources_seen(connection, then)
        if theme.period not in (None, BASE, DYNAMIC, NEIGHBOUR) and not is_event(
            connection, theme.period or "", then
        ):
            raise BadInput(f"没有时段“{theme.period}”", remedy=f"可用：{BASE} {DYNAMIC}，或一个事件的编号")
        of_level, of_things = (level, things) if code is not None else _subject(connection, identity, then)
    split = splits.of(owner, about, then) if about["data_time"] is not None else None
    asking = _Asking(split, theme, seen)
    rows = asking.rows(level, things)
    rows.sort(key=lambda row: (row["part"] is None, -(row["part"] or 0), row["code"]))
    of = next(iter(asking.rows(of_level, of_things)), None)
    told = rows[offset:] if limit is None else rows[offset : offset + limit]
    return {
        "level": level,
        "theme": theme._asdict(),
        "items": told,
        "total": len(rows),
        "of": of and {"kind": of_level, **of},
        "breakdown": {name: asking.breakdown(of_level, of, name, lang) for name in ADDITIVE},
        "overlapping": {name: asking.breakdown(of_level, of, name, lang) for name in OVERLAPPING},
        **about,
        "data_time": iso(about["data_time"]) if about["data_time"] is not None else None,
    }


def choices(
    owner: Engine,
    reader: Engine,
    identity: Identity,
    splits: Splits,
    *,
    as_of: str | None = None,
    lang: str = "zh",
) -> dict[str, list[Row]]:
    """The values of each dimension with their words; of industries and periods those that this reader meets."""
    then = past_of(owner, as_of) if as_of else None
    with reading(reader, identity) as connection:
        about = told_by(connection, then)
        seen = None if identity.sees_city else sources_seen(connection, then)
        events = special_periods(connection, about["data_time"], then) if about["data_time"] else []
    split = splits.of(owner, about, then) if about["data_time"] is not None else None
    found = {one.division for one in split.classes_among(seen)} if split else set()
    values: dict[str, tuple[str, ...]] = {
        "committee": COMMITTEES,
        "industry": (*sorted(found - {NONE}), *sorted(found & {NONE})),
        "hazard": HAZARDS,
        "kind": SOURCE_KINDS,
        "period": (BASE, DYNAMIC),
    }
    rules = split.rules if split else None
    told = {
        name: [{"value": value, "label": label_of(rules, name, value, lang)} for value in known]
        for name, known in values.items()
    }
    spoken = words(lang)["theme_value"]["special_period"]
    for event in events:
        days = f"{iso(event['time'])[:10]} – {iso(event['until'])[:10] if event['until'] else ''}"
        told["period"].append({"value": event["code"], "label": f"{spoken} {days}"})
    return told


def _check(level: str, theme: Theme) -> None:
    if level not in LEVELS:
        raise BadInput(f"没有“{level}”这一级", remedy="可用：" + "、".join(LEVELS))
    known = {"committee": COMMITTEES, "hazard": HAZARDS, "kind": SOURCE_KINDS}
    for name, values in known.items():
        value = getattr(theme, name)
        if value not in (None, NEIGHBOUR, *values):
            raise BadInput(f"{name} 不能是“{value}”", remedy="可用：" + "、".join(values))
    industry = theme.industry
    if industry not in (None, NONE, NEIGHBOUR) and not (
        industry.isascii() and industry.isdigit() and len(industry) <= 4
    ):
        raise BadInput(f"industry 不能是“{industry}”", remedy="GB/T 4754 代码的开头，一至四位数字，如 26")


def _subject(connection: Connection, identity: Identity, then: Moment | None) -> tuple[str, pd.DataFrame]:
    """Whose breakdown is told where no code is asked for: the city's, else that of the reader's own area."""
    if identity.area_code is None:
        return "city", scores_seen(connection, "city", then)
    return identity.role, scores_seen(connection, identity.role, then, [identity.area_code])


class _Asking:
    """One theme asked of one split by somebody who may know some sources (None: all)."""

    def __init__(self, split: Split | None, theme: Theme, seen: set[str] | None) -> None:
        self.split, self.theme = split, theme
        unseen = np.zeros(0, np.bool_)
        if split is not None:
            unseen = np.zeros(len(split.codes), np.bool_)
            if seen is not None:
                unseen = ~np.isin(split.codes.astype(str), np.array(sorted(seen), str))
        self.foreign = unseen

    def rows(self, level: str, things: pd.DataFrame) -> list[Row]:
        """Part, score and share of some things; null where the score is not to be seen or there is none."""
        n = len(things)
        whole, part = np.zeros(n, np.int64), np.zeros(n, np.int64)
        if self.split is not None and n:
            lines = self.split.lines(level)
            at = index_of(things["code"], lines.codes)
            found = at >= 0
            for sums, kept in ((whole, np.ones(len(lines.value), np.bool_)), (part, self.kept(level, lines))):
                every = totals(lines.thing[kept], lines.value[kept], len(lines.codes))
                sums[found] = every[at[found]]
        rows = []
        for n, (code, name, score) in enumerate(things.itertuples(index=False)):
            if score is not None and int(whole[n]) != score:
                raise RiskMapError(
                    "构成之和与分值不符，专题不予显示", remedy="请重新计算风险；仍然不符时请告知维护人员"
                )
            own = None if score is None else int(part[n])
            share = round(own / score, 6) if own is not None and score else None
            rows.append(
                {"code": code, "name": name, "part": points(own), "score": points(score), "share": share}
            )
        return rows

    def breakdown(self, level: str, of: Row | None, name: str, lang: str) -> list[Row]:
        """The part of one thing by the values of a dimension, the largest first."""
        if self.split is None or of is None or of["part"] is None:
            return []
        lines = self.split.lines(level)
        position = int(index_of([of["code"]], lines.codes)[0])
        own = np.flatnonzero(self.kept(level, lines) & (lines.thing == position))
        found: dict[str, int] = {}
        for n in own:
            for value in self._values(level, lines, int(n), name):
                found[value] = found.get(value, 0) + int(lines.value[n])
        return ranked(found, self.split.rules, name, lang)

    def _values(self, level: str, lines: Lines, n: int, name: str) -> tuple[str, ...]:
        assert self.split is not None
        source = int(lines.source[n])
        foreign = bool(self.foreign[source])
        if name == "period":
            return (NEIGHBOUR if foreign else DYNAMIC if lines.record[n] else BASE,)
        told = self.split.class_of(source)
        return (_foreign(level, told) if foreign else told).values(name)

    def kept(self, level: str, lines: Lines) -> Array:
        """Which lines belong to the theme, as far as the reader may know."""
        assert self.split is not None
        theme, split = self.theme, self.split
        own = np.array([theme.admits(one) for one in split.classes], np.bool_)
        other = np.array([theme.admits(_foreign(level, one)) for one in split.classes], np.bool_)
        admitted = np.where(self.foreign, other[split.which_class], own[split.which_class])
        in_force = [theme.in_period(DYNAMIC, record) for record in split.records[1:]]
        of_record = np.array([theme.in_period(BASE, None), *in_force], np.bool_)
        timely = np.where(
            self.foreign[lines.source], theme.in_period(NEIGHBOUR, None), of_record[lines.record]
        )
        kept: Array = admitted[lines.source] & timely
        return kept


def _foreign(level: str, one: SourceClass) -> SourceClass:
    """A source of another as this level's explanation tells it: an enterprise's tells nothing."""
    return HIDDEN if level == "enterprise" else one.foreign


def matching_codes(
    owner: Engine,
    connection: Connection,
    splits: Splits,
    level: str,
    theme: Theme,
    then: Moment | None = None,
) -> tuple[str, ...]:
    """The codes of all sources or enterprises that a theme has a part of, in order: what its map leaves on, now or then.

    Codes of others' records stand among them: they limit what the reader's own rights show and are told to nobody.
    """
    about = told_by(connection, then)
    if about["data_time"] is None:
        return ()
    split = splits.of(owner, about, then)
    return split.matching(level, theme, lambda lines: _Asking(split, theme, None).kept(level, lines))

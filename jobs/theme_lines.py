"""The lines of one account that belong to a theme: what `explain` tells where it is asked for a part only."""

from collections.abc import Collection
from typing import Any

import pandas as pd
from sqlalchemy import Connection

from jobs.frames import each
from layers.hazards import Basis, lines_of_sources, read_hazards
from riskmap.dynamic import DynamicWeights
from riskmap.editions import Edition
from riskmap.rollup import shared
from riskmap.themes import BASE, DYNAMIC, HIDDEN, NEIGHBOUR, SourceClass, Theme, industry_digits
from riskmap.weights import RiskWeights
from riskmap.wording import is_dynamic

Line = dict[str, Any]


def classes_of(weights: RiskWeights, frame: pd.DataFrame) -> list[SourceClass]:
    """The classes of sources, as `layers.hazards.read_hazards` tells them.

    A source that no enterprise's committee answers for belongs to the one that the edition names for its kind.
    """
    return [
        SourceClass(
            row.committee or weights.kinds[row.kind].committee,
            industry_digits(row.industry),
            tuple(row.hazards),
            row.kind,
        )
        for row in each(frame)
    ]


def lines_of_theme(
    connection: Connection,
    basis: Basis,
    edition: Edition,
    kind: str,
    code: str,
    lines: list[Line],
    theme: Theme,
    seen: Collection[str] | None,
) -> list[Line]:
    """The lines of an account whose source and period belong to a theme; rules of 0 points belong to none.

    An enterprise's lines are parted by period like an area's, where the theme asks for one. `seen`: the codes of the
    sources that the reader may know, of others a theme knows as much as `explain` tells; None: all.
    """
    owners = [_source_of(kind, code, line) for line in lines]
    codes = {owner for owner in owners if owner}
    frame = read_hazards(connection, basis, codes=codes)
    known = dict(
        zip(frame["code"], classes_of(RiskWeights.from_table(edition.table("risk")), frame), strict=True)
    )
    if kind == "enterprise" and theme.period is not None:
        items = DynamicWeights.from_edition(edition).items
        going_on = lines_of_sources(connection, basis, codes, items)
        parted = [
            (owner, one)
            for owner, line in zip(owners, lines, strict=True)
            if owner
            for one in _by_period(line, owner, going_on.get(owner, []))
        ]
    else:
        parted = [(owner, line) for owner, line in zip(owners, lines, strict=True) if owner]
    return [
        line
        for owner, line in parted
        if _belongs(theme, known[owner], line, kind, foreign=seen is not None and owner not in seen)
    ]


def _source_of(kind: str, code: str, line: Line) -> str | None:
    """The code of the source that a line stands for; None for a rule of the whole."""
    if line["item"] in ("floor", "raise_rule"):
        return None
    if kind == "source":
        return code
    return line["args"].get("source") or str(line["record"]).partition("/")[2]


def _by_period(line: Line, source: str, going_on: list[Line]) -> list[Line]:
    """A source's line in an enterprise's account: what it has without dynamic records, and what each of them adds."""
    values = [one["value"] for one in going_on]
    own, *shares = shared(line["value"], [line["args"]["score"] - sum(values), *values])
    args = {"source": source, "source_name": line["args"].get("name")}
    return [
        line | {"value": own},
        *(
            {**one, "value": share, "args": {**one["args"], **args}}
            for one, share in zip(going_on, shares, strict=True)
            if share
        ),
    ]


def _belongs(theme: Theme, own: SourceClass, line: Line, kind: str, *, foreign: bool) -> bool:
    if foreign:
        told = HIDDEN if kind == "enterprise" else own.foreign
        return theme.admits(told) and theme.in_period(NEIGHBOUR, None)
    period = DYNAMIC if is_dynamic(line["args"]) else BASE
    return theme.admits(own) and theme.in_period(period, line["record"])

"""Two scales that are never mixed: inherent risk and what has risen above it; what it is that rose, for lists and pages."""

from typing import Annotated, Any

from fastapi import Query

from layers.history import Moment
from layers.records import fetch
from layers.risen import heaviest_dynamic, most_risen_source
from riskmap.wording import words
from web.render import Page

Row = dict[str, Any]

Scale = Annotated[str, Query(pattern="^(rise|base)$")]
"""Which of the two maps a page follows: `rise` 动态态势图, `base` 固有风险四色图."""
Level = Annotated[str, Query(pattern="^(red|orange|yellow|blue)?$")]


def with_causes(page: Page, areas: list[Row], then: Moment | None = None) -> list[Row]:
    """Townships or villages with `cause`: the source in each that has risen most and its heaviest record, or None."""
    if not areas:
        return []
    codes = most_risen_source(page.connection, areas[0]["kind"], [one["code"] for one in areas], then)
    causes = _causes(page, list(codes.values()), then)
    return [one | {"cause": causes.get(codes.get(one["code"], ""))} for one in areas]


def risen_most(page: Page, limit: int) -> list[Row]:
    """The sources and enterprises that have risen most, each with its heaviest record as `cause`.

    An enterprise stands beside its own sources only where something else of it has risen: its premises.
    """
    sources = _above(fetch(page.connection, "source", limit=limit, worst="rise").items)
    owners = {one["enterprise_code"] for one in sources}
    firms = _above(fetch(page.connection, "enterprise", limit=limit, worst="rise").items)
    rows = [one | {"what": "source", "by": one["code"]} for one in sources]
    rows += [
        one | {"what": "enterprise", "by": f"{one['code']}-P"} for one in firms if one["code"] not in owners
    ]
    rows.sort(key=lambda one: (-(one["rise"] or 0), one["code"]))
    causes = _causes(page, [one["by"] for one in rows[:limit]])
    return [one | {"cause": causes.get(one["by"])} for one in rows[:limit]]


def _above(rows: list[Row]) -> list[Row]:
    return [one for one in rows if one["rise"]]


def _causes(page: Page, codes: list[str], then: Moment | None = None) -> dict[str, Row]:
    """By source: `{"code", "name", "record", "label"}`."""
    if not codes:
        return {}
    found = {}
    for code, line in heaviest_dynamic(page.connection, codes, then).items():
        label, reason = words(line["item"], line["args"], page.lang)
        found[code] = {"code": code, "record": line["record"], "label": label, "reason": reason}
    return found

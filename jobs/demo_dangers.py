"""The demo year's hidden dangers: found, given a date, extended, listed, put right, some of them late."""

from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any

import numpy as np

from jobs.demo_areas import Areas
from jobs.demo_enterprises import Firm
from jobs.demo_inputs import Inputs, Ints
from jobs.demo_sources import Source

DAYS = 365
LEAD_IN_DAYS = 75
"""dangers are drawn from before the first day too, so that the year begins with some open"""
FOUND_PER_DAY = 4.6
SHARE_OF_SOURCES = 0.34
SHARE_OF_PLACES = 0.03
SHARE_MAJOR = 0.022
SHARE_SELF = 0.62
SHARE_EXTENDED = 0.06
SHARE_LATE = 0.09
SHARE_LISTED = 0.6
ORIGINS_SELF = ("企业自查", "班组日常检查", "岗位报告")
ORIGINS_OTHER = ("部门执法检查", "网格员巡查", "专项整治", "群众举报")

Change = tuple[date, dict[str, Any]]


@dataclass(frozen=True, slots=True)
class _Subject:
    """What a danger can be found at: the columns that name it and the titles that fit."""

    columns: dict[str, str]
    titles: dict[str, list[str]]
    weight: float


def danger_changes(
    inputs: Inputs,
    areas: Areas,
    firms: list[Firm],
    sources: list[Source],
    first_day: date,
    rng: np.random.Generator,
) -> list[Change]:
    """Every state of every danger as (day it was recorded, row), by day; rows repeat the code when they change.

    Only what happens before the end of the year is told. Firms and sources given here stay open all year.
    """
    subjects = _subjects(inputs, areas, firms, sources, rng)
    weight = np.array([one.weight for one in subjects])
    count = int(FOUND_PER_DAY * (DAYS + LEAD_IN_DAYS))
    found = np.sort(rng.integers(-LEAD_IN_DAYS, DAYS, count))
    chosen = rng.choice(len(subjects), count, p=weight / weight.sum())
    changes: list[Change] = []
    for number in range(count):
        found_on = first_day + timedelta(days=int(found[number]))
        changes += _life(f"D{number + 1:05d}", subjects[int(chosen[number])], found_on, rng)
    last_day = first_day + timedelta(days=DAYS - 1)
    told = [change for change in changes if change[0] <= last_day]
    return sorted(told, key=lambda change: change[0])


def _subjects(
    inputs: Inputs, areas: Areas, firms: list[Firm], sources: list[Source], rng: np.random.Generator
) -> list[_Subject]:
    """Sources, firms and places, some of them much more careless than others."""
    titles: dict[str, dict[str, list[str]]] = {}
    for row in inputs.danger_titles:
        titles.setdefault(row["subject"], {}).setdefault(row["grade"], []).append(row["title"])
    known = [source for source in sources if source.kind in titles]
    groups: Ints = rng.choice(len(areas.group_codes), 60, replace=False)
    care = rng.lognormal(0, 1.0, len(known) + len(firms) + len(groups))
    share = np.concatenate(
        [
            np.full(len(known), SHARE_OF_SOURCES / len(known)),
            np.full(len(firms), (1 - SHARE_OF_SOURCES - SHARE_OF_PLACES) / len(firms)),
            np.full(len(groups), SHARE_OF_PLACES / len(groups)),
        ]
    )
    columns = [
        {"source_code": one.code, "enterprise_code": one.host.code if one.host else "", "place": "",
         "township_code": one.row["township_code"]} for one in known
    ]  # fmt: skip
    columns += [
        {
            "source_code": "",
            "enterprise_code": one.code,
            "place": "",
            "township_code": one.row["township_code"],
        }
        for one in firms
    ]
    columns += [
        {"source_code": "", "enterprise_code": "", "place": areas.group_codes[one],
         "township_code": areas.group_codes[one][:9]} for one in groups.tolist()
    ]  # fmt: skip
    kinds = [one.kind for one in known]
    kinds += ["pipeline_firm" if f.row["committee"] == "pipeline" else f.row["committee"] for f in firms]
    kinds += ["place"] * len(groups)
    weight = share * care
    return [_Subject(columns[n], titles[kinds[n]], float(weight[n])) for n in range(len(kinds))]


def _life(code: str, subject: _Subject, found_on: date, rng: np.random.Generator) -> list[Change]:
    """The rows of one danger from the day it is found to the day it is closed."""
    major = "major" in subject.titles and rng.random() < SHARE_MAJOR * 3
    own = not major and rng.random() < SHARE_SELF
    grade = "major" if major else "general"
    days = int(rng.integers(40, 90)) if major else int(rng.integers(3, 15) if own else rng.integers(10, 30))
    due_on = found_on + timedelta(days=days)
    origins = ORIGINS_SELF if own else ORIGINS_OTHER
    row: dict[str, Any] = {"code": code} | subject.columns
    row |= {
        "found_by": "self" if own else "other",
        "grade": grade,
        "title": subject.titles[grade][int(rng.integers(len(subject.titles[grade])))],
        "origin": origins[int(rng.integers(len(origins)))],
        "found_on": found_on.isoformat(),
        "due_on": due_on.isoformat(),
        "extended_to": "",
        "listed_on": "",
        "status": "assigned",
        "closed_on": "",
        "synthetic": True,
    }
    changes = [(found_on, row)]
    if major and rng.random() < SHARE_LISTED:
        listed_on = found_on + timedelta(days=int(rng.integers(3, 12)))
        row = row | {"listed_on": listed_on.isoformat(), "status": "rectifying"}
        changes.append((listed_on, row))
    fate = rng.random()
    closed_on = found_on + timedelta(days=int(rng.integers(1, days)))
    if fate < SHARE_EXTENDED and days > 4:
        extended_to = due_on + timedelta(days=int(rng.integers(10, 25)))
        row = row | {"extended_to": extended_to.isoformat(), "status": "rectifying"}
        changes.append((due_on - timedelta(days=2), row))
        closed_on = extended_to - timedelta(days=int(rng.integers(0, 8)))
    elif fate > 1 - SHARE_LATE:
        closed_on = due_on + timedelta(days=1 + int(rng.exponential(12)))
    last_told = changes[-1][0]
    if not own and closed_on > last_told + timedelta(days=2):
        row = row | {"status": "reported_done"}
        changes.append((closed_on - timedelta(days=1), row))
    closed_on = max(closed_on, last_told)
    changes.append((closed_on, row | {"status": "closed", "closed_on": closed_on.isoformat()}))
    return changes

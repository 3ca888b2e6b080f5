"""When a major hazard source is to be assessed again, filed (备案) or taken off the file (核销).

危险化学品重大危险源监督管理暂行规定 (2011 年国家安监总局令第 40 号, 2015 年第 79 号令修正): article 11 (identified, assessed
and graded anew after three years and when its conditions change), article 23 (filed after assessment), article 27
(taken off the file once it is no major hazard source). Article numbers from general knowledge, to be checked against
the text before a city relies on them.
"""

from datetime import date
from enum import StrEnum
from typing import NamedTuple

YEARS_BETWEEN_ASSESSMENTS = 3
RULE = "危险化学品重大危险源监督管理暂行规定（40号令）"


class Task(StrEnum):
    """What is to be done, in the order of the law's procedure."""

    ASSESS = "assess"
    REASSESS = "reassess"
    REGRADED = "regraded"
    FILE = "file"
    CANCEL = "cancel"


class Due(NamedTuple):
    """One thing to do and the day from which it is overdue (None: at once)."""

    task: Task
    due_on: date | None
    clause: str


def due_tasks(
    grade: int | None,
    *,
    assessed_on: date | None,
    filed_on: date | None,
    cancelled_on: date | None,
    regraded_on: date | None,
) -> list[Due]:
    """What a source of this grade (None: no major hazard source) owes its file.

    `regraded_on` is the day its grade last changed; an assessment older than that has to be repeated.
    """
    on_file = filed_on is not None and (cancelled_on is None or cancelled_on < filed_on)
    if grade is None:
        return [Due(Task.CANCEL, None, f"{RULE} 第二十七条")] if on_file else []
    tasks = []
    if assessed_on is None:
        tasks.append(Due(Task.ASSESS, None, f"{RULE} 第八条"))
    else:
        tasks.append(
            Due(Task.REASSESS, _years_later(assessed_on, YEARS_BETWEEN_ASSESSMENTS), f"{RULE} 第十一条")
        )
        if regraded_on is not None and regraded_on > assessed_on:
            tasks.append(Due(Task.REGRADED, None, f"{RULE} 第十一条"))
    if not on_file:
        tasks.append(Due(Task.FILE, None, f"{RULE} 第二十三条"))
    return tasks


def _years_later(day: date, years: int) -> date:
    """The same day some years on; 29 February becomes 1 March where there is none."""
    try:
        return day.replace(year=day.year + years)
    except ValueError:
        return date(day.year + years, 3, 1)

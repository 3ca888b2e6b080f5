"""What a source owes its file, on both sides of every day that matters."""

from datetime import date

import pytest

from riskmap.reassessment import Task, due_tasks

DAY = date(2024, 5, 6)


def tasks(grade: int | None, **dates: date | None) -> dict[Task, date | None]:
    known = {"assessed_on": None, "filed_on": None, "cancelled_on": None, "regraded_on": None} | dates
    return {due.task: due.due_on for due in due_tasks(grade, **known)}


def test_a_new_major_source_is_assessed_and_filed() -> None:
    assert tasks(4) == {Task.ASSESS: None, Task.FILE: None}


def test_an_assessment_lasts_three_years() -> None:
    assert tasks(3, assessed_on=DAY, filed_on=DAY) == {Task.REASSESS: date(2027, 5, 6)}
    assert tasks(3, assessed_on=date(2024, 2, 29), filed_on=DAY) == {Task.REASSESS: date(2027, 3, 1)}


@pytest.mark.parametrize(
    ("regraded", "again"), [(date(2024, 5, 5), False), (DAY, False), (date(2024, 5, 7), True)]
)
def test_a_changed_grade_asks_for_a_new_assessment(regraded: date, again: bool) -> None:
    found = tasks(2, assessed_on=DAY, filed_on=DAY, regraded_on=regraded)
    assert (Task.REGRADED in found) is again


def test_what_is_no_longer_major_is_taken_off_the_file() -> None:
    assert tasks(None) == {}
    assert tasks(None, filed_on=DAY) == {Task.CANCEL: None}
    assert tasks(None, filed_on=DAY, cancelled_on=date(2025, 1, 1)) == {}
    assert tasks(None, filed_on=date(2025, 6, 1), cancelled_on=date(2025, 1, 1)) == {Task.CANCEL: None}


def test_a_source_that_became_major_again_is_filed_again() -> None:
    found = tasks(4, assessed_on=DAY, filed_on=DAY, cancelled_on=date(2025, 1, 1))
    assert Task.FILE in found

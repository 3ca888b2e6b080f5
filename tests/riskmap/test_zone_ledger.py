"""What a zone's ledger owes, on both sides of every day: figures written out here, not computed."""

import copy
from datetime import date, timedelta

import pytest

from riskmap.edition_checks import check_edition
from riskmap.editions import shipped_table
from riskmap.errors import BadInput
from riskmap.zone_ledger import (
    ITEMS,
    Due,
    Entry,
    LedgerRules,
    Past,
    dues,
    months_after,
    open_changes,
    worst,
)
from tests.riskmap.standard import edited

TABLE = {
    "table": {"edition": "test"},
    "agreement": {"sign_days": "30", "holds_months": "24"},
    "confirm": {"days": "10"},
    "lead": {"set_days": "15"},
    "plan": {"first_days": "60", "every_months": "12"},
    "drill": {"first_days": "180", "every_months": "6"},
    "minutes": {"first_days": "90", "every_months": "3"},
    "remind": {"ahead_days": "20"},
}
RULES = LedgerRules.from_table(TABLE)
BORN = Past(3, date(2026, 1, 31), "new", "needed")
DAY = timedelta(1)


def entry(kind: str, done: date | None = None, due: date | None = None, run: int | None = None) -> Entry:
    return Entry(f"{kind}-{done}", kind, done, due, run)


def due(item: str, today: date, past: list[Past] | None = None, *entries: Entry) -> Due:
    found = dues(RULES, [BORN] if past is None else past, entries, today)
    assert [one.item for one in found] == list(ITEMS)
    return next(one for one in found if one.item == item)


def states_around(item: str, last: date, past: list[Past] | None = None, *entries: Entry) -> list[str]:
    """On the day before the reminder begins, on its first day, on the last day, and on the day after."""
    days = (last - 21 * DAY, last - 20 * DAY, last, last + DAY)
    return [due(item, day, past, *entries).state for day in days]


@pytest.mark.parametrize(
    ("item", "last", "entries"),
    [
        ("agreement", date(2026, 3, 2), ()),
        ("agreement", date(2028, 2, 29), (entry("agreement", date(2026, 2, 28), date(2028, 2, 29)),)),
        ("agreement", date(2028, 2, 10), (entry("agreement", date(2026, 2, 10)),)),
        ("plan", date(2026, 4, 1), ()),
        ("plan", date(2027, 2, 28), (entry("plan", date(2026, 2, 28)),)),
        ("drill", date(2026, 7, 30), ()),
        ("drill", date(2026, 9, 30), (entry("drill", date(2026, 3, 31)),)),
        ("minutes", date(2026, 5, 1), ()),
        ("minutes", date(2026, 5, 28), (entry("minutes", date(2026, 2, 28)),)),
    ],
)
def test_due_before_the_day_overdue_after_it(item: str, last: date, entries: tuple[Entry, ...]) -> None:
    assert due(item, last, None, *entries).due_on == last
    assert states_around(item, last, None, *entries) == ["ok", "due", "due", "overdue"]


def test_a_short_term_is_a_reminder_from_the_first_day() -> None:
    assert due("lead", date(2026, 1, 31)) == Due(
        "lead", "due", "missing", date(2026, 2, 15), 15, date(2026, 1, 31), None
    )
    assert due("lead", date(2026, 2, 15)).state == "due"
    assert due("lead", date(2026, 2, 16)).state == "overdue"
    assert due("lead", date(2026, 2, 16), None, entry("lead")).state == "ok"


def test_the_newest_of_a_kind_counts_whatever_the_order() -> None:
    old, new = entry("drill", date(2026, 2, 1)), entry("drill", date(2026, 8, 1))
    for order in ((old, new), (new, old)):
        assert due("drill", date(2026, 8, 2), None, *order).record == new.code
    assert due("drill", date(2026, 7, 31), None, old, new).record == old.code  # what is ahead is not done


def test_a_planned_date_stands_for_the_first_interval() -> None:
    planned = entry("drill", None, date(2026, 4, 1))
    assert due("drill", date(2026, 4, 1), None, planned).state == "due"
    assert due("drill", date(2026, 4, 2), None, planned).state == "overdue"


def test_an_agreement_without_a_date_is_not_signed() -> None:
    assert due("agreement", date(2026, 4, 1), None, entry("agreement")).reason == "missing"


def test_a_split_off_part_is_told_why_it_needs_an_agreement() -> None:
    found = due("agreement", date(2026, 2, 1), [Past(4, date(2026, 1, 31), "split", "needed")])
    assert (found.reason, found.due_on) == ("split", date(2026, 3, 2))


GROWN = Past(7, date(2026, 6, 1), "grow", "confirm")


def test_a_change_of_members_is_to_be_confirmed() -> None:
    assert states_around("confirm", date(2026, 6, 11), [BORN, GROWN])[1:] == ["due", "due", "overdue"]
    assert due("confirm", date(2026, 6, 1), [BORN]).state == "ok"


def test_a_confirmation_speaks_of_its_run_and_of_no_later_one() -> None:
    again = Past(8, date(2026, 6, 3), "shrink", "confirm")
    assert open_changes([BORN, GROWN, again], [entry("confirm", date(2026, 6, 3), run=7)]) == [again]
    assert open_changes([BORN, GROWN, again], [entry("confirm", date(2026, 6, 3), run=8)]) == []
    assert open_changes([BORN, GROWN], [entry("confirm", date(2026, 6, 1), run=6)]) == [GROWN]


def test_without_a_run_the_day_decides_and_a_new_agreement_confirms_too() -> None:
    assert open_changes([GROWN], [entry("confirm", date(2026, 5, 31))]) == [GROWN]
    assert open_changes([GROWN], [entry("confirm", date(2026, 6, 1))]) == []
    assert open_changes([GROWN], [entry("agreement", date(2026, 6, 1))]) == []
    assert open_changes([GROWN], [entry("minutes", date(2026, 6, 2))]) == [GROWN]


def test_the_oldest_open_change_sets_the_day() -> None:
    later = Past(9, date(2026, 6, 9), "shrink", "confirm")
    assert due("confirm", date(2026, 6, 10), [BORN, GROWN, later]).due_on == date(2026, 6, 11)


def test_without_lineage_everything_counts_from_today() -> None:
    found = dues(RULES, [], [], date(2026, 5, 1))
    assert [one.due_on for one in found if one.item == "plan"] == [date(2026, 6, 30)]


def test_the_worst_state_stands_for_the_whole() -> None:
    assert worst(dues(RULES, [BORN], [], date(2026, 2, 1))) == "due"
    assert worst(dues(RULES, [BORN], [], date(2026, 3, 3))) == "overdue"
    assert worst([]) == "ok"


@pytest.mark.parametrize(
    ("day", "months", "expected"),
    [
        (date(2026, 1, 31), 1, date(2026, 2, 28)),
        (date(2027, 11, 30), 3, date(2028, 2, 29)),
        (date(2026, 12, 15), 12, date(2027, 12, 15)),
        (date(2026, 10, 31), 2, date(2026, 12, 31)),
    ],
)
def test_months_end_with_the_shorter_month(day: date, months: int, expected: date) -> None:
    assert months_after(day, months) == expected


def test_the_shipped_intervals_are_ours_and_checked_with_the_edition() -> None:
    table = copy.deepcopy(dict(shipped_table("zone_ledger_2026_1")))
    assert "建议值" in table["table"]["basis"]
    table["drill"] = {"first_days": "180", "every_months": "0"}
    edition = edited("risk", lambda _table: None)
    edition.tables["zone_ledger"] = table  # type: ignore[index]
    with pytest.raises(BadInput, match="every_months"):
        check_edition(edition)

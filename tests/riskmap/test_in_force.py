"""Which edition counts: approved ones by their days, else the program's example, never a draft."""

from datetime import date

from riskmap.in_force import Head, choose, state_of

DAY = date(2026, 6, 1)


def head(
    name: str, begins: str, ends: str | None = None, *, approved: bool = True, shipped: bool = False
) -> Head:
    return Head(
        name, date.fromisoformat(begins), date.fromisoformat(ends) if ends else None, approved, shipped
    )


EXAMPLE = head("example", "2025-01-01", approved=False, shipped=True)
DRAFT = head("draft", "2026-01-01", approved=False)
FIRST, SECOND = head("first", "2026-01-01"), head("second", "2026-06-01")


def test_the_newest_approved_one_that_has_begun_counts() -> None:
    known = [SECOND, DRAFT, EXAMPLE, FIRST]
    assert choose(known, date(2026, 5, 31)) == FIRST
    assert choose(known, DAY) == SECOND
    assert choose(known, date(2025, 12, 31)) == EXAMPLE, "before the first approved one the example stands in"
    assert choose(known, date(2020, 1, 1)) == EXAMPLE, "before everything the earliest"


def test_one_that_is_over_counts_no_more() -> None:
    over = head("over", "2026-01-01", "2026-05-31")
    assert choose([EXAMPLE, over], date(2026, 5, 31)) == over
    assert choose([EXAMPLE, over], DAY) == EXAMPLE
    assert choose([over], DAY) == over, "better an old approval than no rules"


def test_a_draft_never_counts() -> None:
    assert choose([DRAFT], DAY) is None
    assert choose([], DAY) is None


def test_each_state_has_its_name() -> None:
    later = head("later", "2026-07-01")
    known = [EXAMPLE, DRAFT, FIRST, SECOND, later]
    assert [state_of(one, known, DAY) for one in known] == [
        "example",
        "draft",
        "superseded",
        "in_force",
        "upcoming",
    ]
    assert state_of(EXAMPLE, [EXAMPLE, DRAFT, later], DAY) == "stand_in"

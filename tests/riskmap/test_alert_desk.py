"""What is to be done next about a warning, until when, and what comes first: small timelines, minute by minute."""

import pytest

from riskmap.alert_desk import Seen, Todo, is_life, next_thing, urgency
from riskmap.alert_life import Step
from riskmap.alert_rules import AlertRules
from tests.riskmap.standard import edition

RED, ORANGE, YELLOW, BLUE = 1, 2, 3, 4
RULES = AlertRules.from_edition(edition())
MIN = 60


def todo(warn: int, state: str, *steps: tuple[str, int], calls: bool = True, fired: int = 0) -> Todo:
    taken = [Step(action, "甲", minute * MIN) for action, minute in steps]
    return next_thing(Seen(warn, "event", state, fired * MIN, taken), RULES, calls=calls)


@pytest.mark.parametrize(
    ("warn", "state", "steps", "action", "since", "until"),
    [
        (RED, "sent", (), "call", 0, 3),
        (RED, "sent", (("call", 2),), "call", 2, 5),
        (RED, "sent", (("call", 2), ("answer", 4)), "sign", 0, 5),
        (ORANGE, "fired", (), "call", 0, 3),
        (YELLOW, "sent", (), "sign", 0, 240),
        (RED, "signed", (("sign", 2), ("sign", 3)), "handle", 3, 33),
        (ORANGE, "handling", (("sign", 1), ("handle", 7)), "report", 7, 67),
        (BLUE, "reported", (("report", 9),), "lift", 9, 9 + 4320),
        (BLUE, "lifted", (("lift", 9),), "archive", 9, None),
    ],
)
def test_one_next_thing_with_its_clock(
    warn: int, state: str, steps: tuple[tuple[str, int], ...], action: str, since: int, until: int | None
) -> None:
    assert todo(warn, state, *steps) == Todo(action, since * MIN, None if until is None else until * MIN)


def test_whoever_does_not_call_signs_and_what_became_worse_is_called_anew() -> None:
    assert todo(RED, "sent", calls=False).action == "sign"
    assert todo(RED, "sent", ("answer", 4), fired=10) == Todo("call", 10 * MIN, 13 * MIN)


def test_a_call_on_the_list_has_its_own_clock_and_the_next_turn_is_waited_for() -> None:
    called = Seen(RED, "event", "sent", 0, [Step("call", "甲", 3 * MIN)], turn_s=4 * MIN)
    assert next_thing(called, RULES, calls=True) == Todo("call", 3 * MIN, 4 * MIN)
    assert next_thing(called._replace(listed_s=4 * MIN), RULES, calls=True) == Todo("call", 4 * MIN, 7 * MIN)


def test_life_comes_first_then_the_clock_that_ends_first() -> None:
    assert [
        is_life(warn, kind) for warn, kind in ((RED, "zone"), (ORANGE, "event"), (ORANGE, "overdue"))
    ] == [
        True,
        True,
        False,
    ]
    things = [
        ("soon, no life", Todo("sign", 0, 1), YELLOW, "due"),
        ("whenever", Todo("archive", 0, None), RED, "level"),
        ("later", Todo("sign", 0, 90), RED, "level"),
        ("going on", Todo("sign", 0, 50), ORANGE, "event"),
    ]
    ordered = sorted(things, key=lambda one: urgency(*one[1:]))
    assert [name for name, *_ in ordered] == ["going on", "later", "whenever", "soon, no life"]

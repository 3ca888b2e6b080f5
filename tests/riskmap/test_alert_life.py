"""From fired to archived, each step by a name; calling until somebody answers; reminders for what stands still."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from riskmap.alert_life import (
    BY_PROGRAM,
    PROGRAM,
    STATES,
    TRANSITIONS,
    Life,
    Reminder,
    Standing,
    Step,
    after,
    lived,
    proofs,
    reminders,
)
from riskmap.alert_rules import AlertRules, Calling
from riskmap.calling import Call, Officer, chain_of, check_call, next_call
from riskmap.errors import BadInput, Refused
from tests.warning_times import MINUTE, TABLE

RULES = AlertRules.from_table(TABLE)
RED, BLUE = 1, 4


def steps(*told: str) -> list[Step]:
    """`action by` rows, a minute apart."""
    return [
        Step(action, person, n * MINUTE, "已到场" if action in {"report", "lift"} else "")
        for n, (action, person) in enumerate(entry.split() for entry in told)
    ]


def test_a_warning_lives_from_fired_to_archived() -> None:
    told = [
        "send riskmap",
        "sign 甲",
        "handle 甲",
        "report 甲",
        "handle 乙",
        "report 乙",
        "lift 丙",
        "archive 丙",
    ]
    states = [lived(steps(*told[: n + 1]), 1).state for n in range(len(told))]
    assert states == ["sent", "signed", "handling", "reported", "handling", "reported", "lifted", "archived"]


def test_red_wants_two_signatures_of_different_people() -> None:
    assert lived(steps("send riskmap", "sign 甲"), 2) == Life("sent", ("甲",))
    with pytest.raises(Refused, match="甲 已经签收") as again:
        lived(steps("send riskmap", "sign 甲", "sign 甲"), 2)
    assert again.value.remedy == "还需另外 1 人签收"
    assert lived(steps("send riskmap", "sign 甲", "sign 乙", "sign 丙"), 2) == Life(
        "signed", ("甲", "乙", "丙")
    )


def test_what_became_worse_is_signed_for_anew() -> None:
    life = lived(steps("send riskmap", "sign 甲", "handle 甲", "renew riskmap"), 1)
    assert life == Life("fired", ())


def test_what_is_over_is_lifted_wherever_it_stands_but_people_lift_only_what_was_reported() -> None:
    for state in STATES[:5]:
        assert after(Life(state), Step("clear", PROGRAM, 0), 1).state == "lifted"
    for state in ("fired", "sent", "signed", "handling", "lifted", "archived"):
        with pytest.raises(Refused) as refused:
            after(Life(state), Step("lift", "甲", 0, "已排除"), 1)
        assert refused.value.remedy


@pytest.mark.parametrize(
    "step",
    [
        Step("lift", "甲", 0),
        Step("sign", " ", 0),
        Step("jump", "甲", 0),
        Step("report", "甲", 0, "长" * 1001),
    ],
)
def test_a_step_names_its_person_and_says_what_was_done(step: Step) -> None:
    with pytest.raises(BadInput) as refused:
        after(Life("reported"), step, 1)
    assert refused.value.remedy


@given(st.lists(st.tuples(st.sampled_from(sorted(TRANSITIONS)), st.sampled_from("甲乙丙")), max_size=30))
def test_a_life_never_goes_back_once_lifted_and_only_the_program_renews(told: list[tuple[str, str]]) -> None:
    life, order = Life(), STATES.index
    for action, person in told:
        before = life
        try:
            life = after(life, Step(action, person, 0, "说明"), 1)
        except Refused:
            assert life == before
            continue
        if action not in BY_PROGRAM and (before.state, action) != ("reported", "handle"):
            assert order(life.state) >= order(before.state)
        if order(before.state) >= order("lifted"):
            assert order(life.state) >= order(before.state)


def test_sent_delivered_read_signed_answered_acted_are_six_times_with_names() -> None:
    told = steps(
        "send 甲", "send 乙", "deliver 甲", "read 甲", "read 甲", "sign 甲", "answer 乙", "handle 甲"
    )
    assert proofs(told[::-1]) == {
        "甲": {"sent": 0, "delivered": 120, "read": 180, "signed": 300, "acted": 420},
        "乙": {"sent": 60, "answered": 360},
    }


def test_unsigned_goes_up_the_chain_by_the_colour_s_own_time() -> None:
    red = Standing("W1", RED, "sent", 0)
    assert reminders([red], RULES, 5 * MINUTE - 1) == []
    assert reminders([red], RULES, 10 * MINUTE) == [
        Reminder("W1", "unsigned", 1, "grid_officer@grid"),
        Reminder("W1", "unsigned", 2, "leader@township"),
    ]
    assert len(reminders([red], RULES, 10_000 * MINUTE)) == len(RULES.chain)
    assert reminders([red._replace(warn=BLUE)], RULES, 1439 * MINUTE) == []


def test_signed_but_forgotten_is_reminded_until_it_is_reported() -> None:
    signed = Standing("W1", RED, "signed", 0, signed_s=0)
    assert reminders([signed], RULES, 29 * MINUTE) == []
    assert reminders([signed], RULES, 65 * MINUTE) == [Reminder("W1", "forgotten", 2, "signatories")]
    assert reminders([signed._replace(state="handling", acted_s=60 * MINUTE)], RULES, 65 * MINUTE) == []
    assert reminders([signed._replace(state="reported")], RULES, 10**6) == []


# --- 叫应 --------------------------------------------------------------------------------------------------------

CALLING = Calling((1, 2), 3 * MINUTE, 3, 5 * MINUTE)
OFFICERS = {
    "a": Officer("a", "甲", deputy="b", superior="c"),
    "b": Officer("b", "乙"),
    "c": Officer("c", "丙", deputy="d"),
    "d": Officer("d", "丁"),
}


def called(
    officers: dict[str, Officer], until_min: int, answers: dict[tuple[str, int], str] | None = None
) -> list[Any]:
    """Who is asked for at which minute, where nobody answers but as told."""
    calls: list[Call] = []
    seen = []
    for minute in range(until_min):
        asked = next_call(chain_of("a", officers), calls, CALLING, minute * MINUTE)
        if asked.action in {"call", "knock"} and asked.callee:
            code, rank = asked.callee.officer.code, asked.callee.rank
            seen.append((minute, code, rank))
            result = (answers or {}).get((code, minute), "no_answer")
            calls.append(Call(code, rank, minute * MINUTE, result))
    return seen


def test_nobody_answers_again_deputy_superior_and_a_knock() -> None:
    assert called(OFFICERS, 60) == [
        *((minute, "a", "named") for minute in (0, 3, 4)),
        *((minute, "b", "deputy") for minute in (5, 8, 9)),
        *((minute, "c", "superior") for minute in (10, 13, 14)),
        *((minute, "d", "deputy") for minute in (15, 18, 19)),
        (20, "a", "knock"),
    ]


def test_an_answer_ends_the_calling() -> None:
    assert called(OFFICERS, 60, {("a", 3): "key"}) == [(0, "a", "named"), (3, "a", "named")]
    calls = [Call("a", "named", 0, "noted", "甲", "已知晓，立即到场")]
    assert next_call(chain_of("a", OFFICERS), calls, CALLING, 10**6).action == "done"
    heard_only = [Call("a", "named", 0, "noted", "甲", "")]
    assert next_call(chain_of("a", OFFICERS), heard_only, CALLING, MINUTE).action == "wait"
    with pytest.raises(BadInput, match="复述"):
        check_call(heard_only[0])


def test_who_is_absent_is_passed_over_and_nobody_on_duty_is_for_the_desk() -> None:
    away = {code: officer._replace(absent=code in "ac") for code, officer in OFFICERS.items()}
    assert [(callee.officer.code, callee.rank) for callee in chain_of("a", away)] == [
        ("b", "deputy"),
        ("d", "deputy"),
    ]
    nobody = {code: officer._replace(absent=True) for code, officer in OFFICERS.items()}
    assert next_call(chain_of("a", nobody), [], CALLING, 0).action == "desk"
    circle = {
        "a": Officer("a", "甲", deputy="b", superior="b"),
        "b": Officer("b", "乙", deputy="a", superior="a"),
    }
    assert [callee.officer.code for callee in chain_of("a", circle)] == ["a", "b"]


def test_a_late_call_is_waited_for_just_as_long() -> None:
    calls = [Call("a", "named", 0), Call("a", "named", 20 * MINUTE)]
    assert next_call(chain_of("a", OFFICERS), calls, CALLING, 20 * MINUTE).until_s == 21 * MINUTE
    assert next_call(chain_of("a", OFFICERS), calls, CALLING, 21 * MINUTE).action == "call"

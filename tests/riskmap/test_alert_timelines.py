"""Warnings over time: what is pushed at t is told between t1 and t2, once, and nothing that matters is lost."""

import json
import random
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from riskmap.alert_decisions import Watch
from riskmap.alert_facts import Fact
from riskmap.alert_pipeline import NOTHING, State, one_pass
from riskmap.alert_state import is_other, packed, unpacked
from riskmap.silences import Silence
from tests.warning_times import DAY, HOUR, MINUTE, START, Timeline, fact, rule, rules_of

RED, ORANGE, YELLOW, BLUE = 1, 2, 3, 4
EVENT = fact("event", "S1", level=ORANGE)


def silence(code: str, since: int, until: int, **rest: Any) -> Silence:
    usual = {"matchers": {"kind": ("event",)}} | rest
    return Silence(code, "值班员", "检修", START + since, START + until, **usual)


# --- one cause, one message --------------------------------------------------------------------------------------


def test_one_cause_is_told_once_over_any_number_of_runs() -> None:
    line = Timeline(rules_of(rule("e", "event")))
    assert line.at(0, EVENT) == [("first", "S1")]
    assert [line.at(n * MINUTE, EVENT, EVENT._replace(amount=n)) for n in range(1, 50)] == [[]] * 49
    assert line.at(HOUR) == [("cleared", "S1")]
    assert line.at(HOUR + 1) == []
    assert line.at(HOUR + 2, EVENT) == [("first", "S1")]


def test_what_was_so_before_the_first_pass_is_no_change() -> None:
    line = Timeline(rules_of(rule("l", "level", level="orange", on="change")))
    old, new = fact("level", "S1", level=ORANGE), fact("level", "S2", level=ORANGE)
    assert line.at(0, old) == []
    assert line.reasons() == {"S1": "known_before"}
    assert line.at(60, old, new) == [("first", "S2")]
    assert line.at(120, old._replace(level=RED), new) == [("first", "S1")]
    assert line.at(180, old._replace(level=RED), new._replace(level=RED)) == [("worse", "S2")]


def test_nearer_counts_by_steps_and_farther_is_not_told() -> None:
    line = Timeline(rules_of(rule("n", "near", limit="500", step="50")))
    near = fact("near", "S1", amount=480_000)
    assert line.at(0, near._replace(amount=501_000)) == []
    assert line.at(1, near) == [("first", "S1")]
    assert line.at(2, near._replace(amount=431_000)) == []
    assert line.at(3, near._replace(amount=430_000)) == [("nearer", "S1")]
    assert line.at(4, near) == []
    assert line.at(5, near._replace(amount=501_000)) == [("cleared", "S1")]


def test_a_zone_that_changes_its_members_is_told_again() -> None:
    line = Timeline(rules_of(rule("z", "zone")))
    zone = fact("zone", "Z1", level=ORANGE, mark="a,b")
    assert line.at(0, zone) == [("first", "Z1")]
    assert line.at(1, zone._replace(mark="a,b,c")) == [("changed", "Z1")]
    assert line.at(2, zone._replace(mark="a,b,c")) == []


def test_a_source_moved_across_a_border_keeps_both_townships_informed() -> None:
    line = Timeline(rules_of(rule("l", "level"), rule("n", "near")))
    here = fact("level", "S1", level=RED), fact("near", "S1", township="T2", side="neighbour", amount=1)
    there = fact("level", "S1", level=RED, township="T2"), fact("near", "S1", side="neighbour", amount=1)
    line.at(0, *here)
    assert line.at(60, *there) == [("cleared", "S1"), ("cleared", "S1"), ("first", "S1"), ("first", "S1")]
    assert line.last is not None
    assert {notice.key.township for notice in line.last.notices} == {"T1", "T2"}


# --- hold-down, repeat, windows ----------------------------------------------------------------------------------


def test_what_passes_within_the_raise_hold_is_never_told() -> None:
    line = Timeline(rules_of(rule("e", "event", raise_min=5, clear_min=10)))
    assert line.at(0, EVENT) == line.at(4 * MINUTE) == line.at(5 * MINUTE, EVENT) == []
    assert line.reasons() == {"S1": "not_yet"}
    assert line.last is not None
    assert line.last.next_s == START + 10 * MINUTE
    assert line.at(9 * MINUTE + 59, EVENT) == []
    assert line.at(10 * MINUTE, EVENT) == [("first", "S1")]


def test_flapping_within_the_clear_hold_is_told_once() -> None:
    line = Timeline(rules_of(rule("e", "event", clear_min=10)))
    assert line.at(0, EVENT) == [("first", "S1")]
    assert [line.at(n * MINUTE, *([EVENT] if n % 9 == 0 else [])) for n in range(1, 40)] == [[]] * 39
    assert line.at(46 * MINUTE) == []
    assert line.at(47 * MINUTE) == [("cleared", "S1")]


def test_less_bad_is_believed_after_the_hold_and_rising_again_is_news() -> None:
    line = Timeline(rules_of(rule("e", "event", clear_min=10)))
    low = EVENT._replace(level=YELLOW)
    assert line.at(0, EVENT) == [("first", "S1")]
    assert line.at(MINUTE, low) == line.at(2 * MINUTE, EVENT) == line.at(3 * MINUTE, low) == []
    assert line.at(13 * MINUTE, low) == []
    assert line.reasons() == {"S1": "eased"}
    assert line.at(14 * MINUTE, EVENT) == [("worse", "S1")]


def test_a_warning_is_repeated_until_somebody_deals_with_it() -> None:
    line = Timeline(rules_of(rule("e", "event", repeat_h=4)))
    told = [(hour, *line.at(hour * HOUR, EVENT)) for hour in range(10)]
    assert [entry for entry in told if len(entry) > 1] == [
        (0, ("first", "S1")),
        (4, ("repeat", "S1")),
        (8, ("repeat", "S1")),
    ]
    watches = {one: watch._replace(in_hand=True) for one, watch in line.state.watches.items()}
    line.state = line.state._replace(watches=watches)
    assert line.at(20 * HOUR, EVENT) == []
    assert line.reasons() == {"S1": "in_hand"}


def test_a_rule_of_the_night_warns_when_its_time_comes() -> None:
    line = Timeline(rules_of(rule("l", "level", on="change", hours="22:00/06:00")))
    line.at(7 * HOUR)
    risen = fact("level", "S1", level=RED)
    assert line.at(8 * HOUR, risen) == []
    assert line.reasons() == {"S1": "outside_window"}
    assert line.at(22 * HOUR - 1, risen) == []
    assert line.at(22 * HOUR, risen) == [("first", "S1")]
    assert line.at(30 * HOUR, risen) == []
    assert line.at(30 * HOUR + 1) == [("cleared", "S1")]


# --- groups ------------------------------------------------------------------------------------------------------


def calm(table: Any) -> None:
    table["grouping"] = {"wait_s": [0, 0, 60, 60], "interval_s": [0, 0, 300, 300]}


def test_a_group_waits_for_more_and_is_told_again_of_a_new_member() -> None:
    line = Timeline(rules_of(rule("e", "event"), change=calm))
    one, two, three = (fact("event", f"S{n}", level=YELLOW) for n in (1, 2, 3))
    assert line.at(0, one) == line.at(30, one, two) == []
    assert line.at(60, one, two) == [("first", "S1"), ("first", "S2")]
    assert line.messages == [(["S1", "S2"], [])]
    assert line.at(120, one, two, three) == line.at(359, one, two, three) == []
    assert line.at(360, one, two, three) == [("first", "S3")]
    assert line.messages == [(["S1", "S2", "S3"], [])]


def test_what_is_over_is_said_at_once_and_does_not_carry_what_waits() -> None:
    line = Timeline(rules_of(rule("e", "event"), change=calm))
    one, two = (fact("event", f"S{n}", level=YELLOW) for n in (1, 2))
    line.at(0, one)
    assert line.at(60, one) == [("first", "S1")]
    assert line.at(70, two) == [("cleared", "S1")]
    assert line.messages == [([], ["S1"])]
    assert line.at(360, two) == [("first", "S2")]


def test_red_does_not_wait_for_a_calm_group() -> None:
    rules = rules_of(rule("e", "event"), rule("r", "event", level="red", warn="red"), change=calm)
    line = Timeline(rules)
    one, two = fact("event", "S1", level=YELLOW), fact("event", "S2", level=RED)
    assert line.at(0, one) == []
    assert line.at(1, one, two) == [("first", "S1"), ("first", "S2")]


def test_zones_and_townships_are_groups_of_their_own() -> None:
    line = Timeline(rules_of(rule("e", "event")))
    facts = [
        fact("event", "S1", level=YELLOW, zone="Z1"),
        fact("event", "S2", level=YELLOW, zone="Z1"),
        fact("event", "S3", level=YELLOW),
        fact("event", "S4", level=YELLOW, township="T2"),
    ]
    line.at(0, *facts)
    assert sorted(line.messages) == [(["S1", "S2"], []), (["S3"], []), (["S4"], [])]


# --- inhibition --------------------------------------------------------------------------------------------------


def zone_rules() -> Any:
    return rules_of(
        rule("z", "zone", level="red", warn="red"),
        rule("l", "level", warn="orange"),
        rule("d", "overdue", warn="orange"),
    )


def test_the_red_of_a_zone_suppresses_lower_warnings_of_its_members_on_the_same_topic() -> None:
    line = Timeline(zone_rules())
    zone = fact("zone", "Z1", level=RED)
    member = fact("level", "S1", level=ORANGE, zone="Z1")
    danger = fact("overdue", "D1", zone="Z1")
    abroad = member._replace(township="T2")
    other = fact("level", "S2", level=ORANGE, zone="Z2")
    news = line.at(0, zone, member, danger, abroad, other)
    assert news == [("first", "D1"), ("first", "S1"), ("first", "S2"), ("first", "Z1")]
    assert line.last is not None
    assert line.last.suppressed == {member.fingerprint: zone.fingerprint}
    assert line.state.watches[member.fingerprint].is_open
    assert line.at(1, member, danger, abroad, other) == [("cleared", "Z1"), ("first", "S1")]


def test_a_suppressed_warning_that_was_told_before_is_still_told_to_be_over() -> None:
    line = Timeline(zone_rules())
    member = fact("level", "S1", level=ORANGE, zone="Z1")
    assert line.at(0, member) == [("first", "S1")]
    assert line.at(1, member, fact("zone", "Z1", level=RED)) == [("first", "Z1")]
    assert line.at(2, fact("zone", "Z1", level=RED)) == [("cleared", "S1")]


# --- silences ----------------------------------------------------------------------------------------------------

SQUARE = (((0, 0), (1000, 0), (1000, 1000), (0, 1000), (0, 0)),)


def test_a_silence_needs_its_matchers_and_its_polygon() -> None:
    line = Timeline(rules_of(rule("e", "event"), rule("i", "inventory")))
    line.silences = [silence("1", 0, HOUR, rings=SQUARE)]
    inside, outside, nowhere = (
        fact("event", code, x_mm=x, y_mm=x) for code, x in (("S1", 500), ("S2", 1500), ("S3", None))
    )
    stock = fact("inventory", "S1", x_mm=500, y_mm=500)
    assert line.at(0, inside, outside, nowhere, stock) == [("first", "S1"), ("first", "S2"), ("first", "S3")]
    assert line.last is not None
    assert line.last.silenced == {inside.fingerprint: ("1",)}
    assert line.at(HOUR, inside, outside, nowhere, stock) == [("first", "S1")]


def test_what_still_holds_is_told_when_the_silence_ends() -> None:
    line = Timeline(rules_of(rule("e", "event")))
    assert line.at(0, EVENT) == [("first", "S1")]
    line.silences = [silence("1", 60, HOUR)]
    assert line.at(60, EVENT) == line.at(120, EVENT._replace(level=RED)) == []
    assert line.last is not None
    assert line.last.next_s == START + HOUR
    assert line.at(HOUR - 1, EVENT._replace(level=RED)) == []
    assert line.at(HOUR, EVENT._replace(level=RED)) == [("worse", "S1")]
    line.silences = [silence("2", HOUR + 60, 2 * HOUR), silence("3", HOUR + 90, 3 * HOUR)]
    assert line.at(HOUR + 60, EVENT) == line.at(2 * HOUR, EVENT) == []
    assert line.at(3 * HOUR, EVENT) == [("silence_ended", "S1")]
    assert line.at(3 * HOUR + 1, EVENT) == []


def test_what_ends_within_a_silence_is_told_to_be_over_only_to_those_who_knew() -> None:
    line = Timeline(rules_of(rule("e", "event")))
    line.silences = [silence("1", 60, HOUR)]
    assert line.at(0, EVENT) == [("first", "S1")]
    assert line.at(61, fact("event", "S2")) == line.at(62) == line.at(HOUR - 1) == []
    assert line.at(HOUR) == [("cleared", "S1")]
    assert line.state.watches == {}


# --- properties --------------------------------------------------------------------------------------------------

RULES = rules_of(
    rule("e", "event", raise_min=1, clear_min=2, repeat_h=1),
    rule("r", "event", level="red", warn="red"),
    rule("l", "level", level="orange", on="change", warn="orange"),
    rule("z", "zone", level="red", warn="red"),
    change=calm,
)
FACTS = st.builds(
    lambda kind, code, level, township, zone: fact(
        kind,
        code if kind != "zone" else zone,
        level=level,
        township=township,
        zone="" if kind == "zone" else zone,
    ),
    st.sampled_from(["event", "level", "zone"]),
    st.sampled_from(["S1", "S2", "S3"]),
    st.integers(1, 4),
    st.sampled_from(["T1", "T2"]),
    st.sampled_from(["Z1", "Z2"]),
)
STEPS = st.lists(st.tuples(st.integers(1, 400), st.lists(FACTS, max_size=6)), min_size=1, max_size=12)
SILENCES = st.lists(
    st.builds(
        lambda n, since, length, kind: silence(str(n), since, since + length, matchers={"kind": (kind,)}),
        st.integers(0, 9),
        st.integers(0, 2000),
        st.integers(1, 1000),
        st.sampled_from(["event", "level", "zone"]),
    ),
    max_size=2,
)


def replayed(
    steps: list[tuple[int, list[Fact]]], silences: list[Silence], shuffle: random.Random
) -> list[Any]:
    state, at_s, passes = NOTHING, START, []
    for after_s, facts in steps:
        at_s += after_s
        rows, quiet = list(facts), list(silences)
        shuffle.shuffle(rows)
        shuffle.shuffle(quiet)
        passes.append(one_pass(state, rows, RULES, quiet, at_s))
        state = passes[-1].state
    return passes


@given(STEPS, SILENCES, st.randoms(use_true_random=False))
def test_order_of_rows_does_not_matter(
    steps: list[tuple[int, list[Fact]]], silences: list[Silence], shuffle: random.Random
) -> None:
    assert replayed(steps, silences, random.Random(0)) == replayed(steps, silences, shuffle)


@given(STEPS, SILENCES)
def test_each_telling_is_told_once_and_in_turn(
    steps: list[tuple[int, list[Fact]]], silences: list[Silence]
) -> None:
    """Of one life of a warning: `first` to begin with, `cleared` to end with, each number of telling once."""
    on: dict[str, int] = {}
    for passed in replayed(steps, silences, random.Random(0)):
        for notice in passed.notices:
            assert not set(notice.firing) & set(notice.cleared)
            for one, reason in notice.news:
                watch: Watch | None = passed.state.watches.get(one)
                if reason == "cleared":
                    assert one in notice.cleared
                    del on[one]
                    continue
                assert watch is not None
                assert watch.told_n > on.get(one, 0)
                assert one in notice.firing
                assert one not in passed.silenced
                assert one not in passed.suppressed
                on[one] = watch.told_n
    assert set(on) <= set(passed.state.watches)


@given(STEPS, SILENCES, st.lists(FACTS, min_size=1, max_size=6))
def test_nothing_that_matters_is_lost(
    steps: list[tuple[int, list[Fact]]], silences: list[Silence], last: list[Fact]
) -> None:
    """Whatever came before: what an ordinary rule asks for and goes on is told, or suppressed by what is told."""
    passes = replayed([*steps, *[(400, last)] * 4, (4000, last), (400, last)], silences, random.Random(0))
    final: State = passes[-1].state
    asked = {f.fingerprint for f in last if f.kind == "event" or (f.kind == "zone" and f.level == RED)}
    for one in asked:
        watch = final.watches[one]
        assert watch.is_open
        assert watch.told_n == watch.fired_n or one in passes[-1].suppressed
    for one, red in passes[-1].suppressed.items():
        assert final.watches[red].told_n, one
    gone = replayed([*steps, (400, last), (4000, []), (4000, []), (400, [])], silences, random.Random(0))[
        -1
    ].state
    assert gone == State({}, {}, begun=True)


@given(STEPS, SILENCES)
def test_what_is_kept_as_json_goes_on_as_if_it_had_stayed_in_memory(
    steps: list[tuple[int, list[Fact]]], silences: list[Silence]
) -> None:
    """So a replay from what is on file decides as the live run did."""
    kept, at_s = NOTHING, START
    for (after_s, facts), live in zip(steps, replayed(steps, silences, random.Random(0)), strict=True):
        at_s += after_s
        assert one_pass(kept, facts, RULES, silences, at_s) == live
        content = json.loads(json.dumps({one: packed(watch) for one, watch in live.state.watches.items()}))
        watches = {one: unpacked(watch) for one, watch in content.items()}
        assert not any(is_other(watches[one], watch) for one, watch in live.state.watches.items())
        kept = State(watches, live.state.groups, begun=True)


def test_a_pass_that_comes_late_tells_the_same_as_many_in_time() -> None:
    often, rarely = (Timeline(rules_of(rule("e", "event"))) for _ in range(2))
    assert often.at(0, EVENT) == rarely.at(0, EVENT)
    for minute in range(1, 100):
        often.at(minute * MINUTE, EVENT)
    assert often.at(DAY) == rarely.at(DAY) == [("cleared", "S1")]

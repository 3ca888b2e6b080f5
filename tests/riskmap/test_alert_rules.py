"""What the edition's table of warnings says, and that a wrong one is refused with file, row and field."""

import copy
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from riskmap.alert_facts import Fact, gathered
from riskmap.alert_rules import AlertRules
from riskmap.edition_checks import check_edition
from riskmap.errors import BadInput
from riskmap.silences import Silence, check_silence
from tests.riskmap.standard import edition
from tests.warning_times import HOUR, TABLE, fact, rule, rules_of

TEXT = st.text(max_size=8)


def at(text: str) -> int:
    """Seconds of a moment in the city."""
    return int(datetime.fromisoformat(f"{text}+08:00").astimezone(UTC).timestamp())


def test_the_shipped_table_is_checked_and_has_a_rule_for_every_kind() -> None:
    check_edition(edition())
    rules = AlertRules.from_edition(edition())
    assert {one.kind for one in rules.rules} == {
        *("level", "rise", "near", "zone", "overdue", "listed", "inventory", "event", "silent", "due")
    }
    assert {(one.kind, one.side) for one in rules.rules if one.kind == "near"} == {
        ("near", "own"),
        ("near", "neighbour"),
        ("near", "outside"),
    }
    assert rules.signatures.red == 2


@given(st.lists(st.tuples(TEXT, TEXT, TEXT), min_size=2, max_size=2, unique=True))
def test_different_causes_have_different_fingerprints(causes: list[tuple[str, str, str]]) -> None:
    one, other = (Fact("level", "sources", code, part, town).fingerprint for code, part, town in causes)
    assert one != other


def test_a_fingerprint_knows_neither_level_nor_amount_nor_words() -> None:
    plain = fact("near", "S1", level=3, amount=1)
    again = plain._replace(level=1, amount=2, mark="m", side="neighbour", zone="Z", said={"name": "n"})
    assert plain.fingerprint == again.fingerprint


def test_of_several_rows_about_one_cause_the_worst_counts() -> None:
    rows = [fact("near", "S1", level=level, amount=mm) for level, mm in ((3, 5), (2, 900), (2, 700), (4, 1))]
    assert list(gathered(rows).values()) == list(gathered(rows[::-1]).values()) == [rows[2]]
    with pytest.raises(BadInput, match="area_colour"):
        gathered([fact("area_colour", "430981101")])


@pytest.mark.parametrize(
    ("told", "code"),
    [
        ({}, "all"),
        ({"industry": "2614"}, "chemicals"),
        ({"area": "430981101201"}, "town"),
        ({"area": "430981101201", "industry": "26"}, "town"),
        ({"area": "430981101201", "enterprise": "E1"}, "plant"),
        ({"level": 4}, None),
        ({"level": 4, "enterprise": "E1"}, "plant"),
        ({"level": 1, "area": "9"}, "worst"),
    ],
)
def test_the_narrowest_rule_counts_then_the_most_urgent(told: dict[str, Any], code: str | None) -> None:
    rules = rules_of(
        rule("all", "level", level="yellow"),
        rule("worst", "level", level="red", warn="red"),
        rule("chemicals", "level", level="yellow", industry="26"),
        rule("town", "level", level="yellow", area="430981101"),
        rule("plant", "level", enterprise="E1", warn="none"),
    )
    found = rules.find(fact("level", "S1", **{"level": 2, "area": "430981102"} | told), 0).rule
    assert (found and found.code) == code


@pytest.mark.parametrize(
    ("cells", "inside", "outside"),
    [
        ({"season": "06-01/09-30"}, "2026-06-01T00:00 2026-09-30T23:59", "2026-05-31T23:59 2026-10-01T00:00"),
        ({"season": "12-20/02-10"}, "2026-12-20T00:00 2026-02-10T23:59", "2026-02-11T00:00 2026-12-19T23:59"),
        ({"hours": "22:00/06:00"}, "2026-03-01T22:00 2026-03-01T05:59", "2026-03-01T06:00 2026-03-01T21:59"),
        ({"hours": "08:00/24:00"}, "2026-03-01T08:00 2026-03-01T23:59", "2026-03-01T07:59 2026-03-01T00:00"),
        (
            {"dates": "2026-02-15/2026-02-23;2026-10-01/2026-10-07", "hours": "08:00/20:00"},
            "2026-02-15T08:00 2026-10-07T19:59",
            "2026-02-14T12:00 2026-02-15T20:00 2026-10-08T08:00",
        ),
    ],
)
def test_a_window_is_in_the_city_s_own_time(cells: dict[str, str], inside: str, outside: str) -> None:
    rules = rules_of(rule("l", "level", **cells))
    found = [rules.find(fact("level", "S1"), at(text)).rule is not None for text in inside.split()]
    missed = [rules.find(fact("level", "S1"), at(text)) for text in outside.split()]
    assert all(found)
    assert {(one.rule, one.later) for one in missed} == {(None, True)}


@pytest.mark.parametrize(
    ("change", "named"),
    [
        (lambda t: t.pop("rules"), "rules.csv"),
        (lambda t: t["rules"][2].update(rule="level_red"), "rules.csv 第 4 行字段 rule"),
        (lambda t: t["rules"][0].update(kind="colour"), "rules.csv 第 2 行字段 kind"),
        (lambda t: t["rules"][0].update(limit="5"), "limit"),
        (lambda t: t["rules"][0].update(warn="purple"), "warn"),
        (lambda t: t["rules"][0].update(on="always"), "on"),
        (lambda t: t["rules"][0].update(side="far"), "side"),
        (lambda t: t["rules"][0].update(audience="leader"), "audience"),
        (lambda t: t["rules"][0].update(audience="leader@township;leader@township"), "audience"),
        (lambda t: t["rules"][0].update(raise_min="-1"), "raise_min"),
        (lambda t: t["rules"][0].update(season="02-30/03-01"), "season"),
        (lambda t: t["rules"][0].update(hours="22:00"), "hours"),
        (lambda t: t["rules"][0].update(hours="22:00/25:00"), "hours"),
        (lambda t: t["rules"][0].update(hours="06:00/06:00"), "hours"),
        (lambda t: t["rules"][0].update(dates="2026-02-23/2026-02-15"), "dates"),
        (lambda t: t["rules"][0].pop("warn"), "warn"),
        (lambda t: t["rules"][0].update(colour="red"), "colour"),
        (lambda t: t["events"].append(t["events"][0]), "events.csv 第 5 行字段 severity"),
        (lambda t: t["signing"].update(sign_min=[5, 10, 240]), "sign_min"),
        (lambda t: t["signing"].update(signatures=[0, 1, 1, 1]), "signatures"),
        (lambda t: t["calling"].update(within_min=3), "within_min"),
        (lambda t: t["calling"].update(levels=["purple"]), "levels"),
        (lambda t: t["calling"].pop("times"), "times"),
        (lambda t: t["escalation"].update(chain=[]), "chain"),
        (lambda t: t["texts"].pop("near"), "near"),
        (lambda t: t["texts"]["near"].pop("en"), "texts.near] 字段 en"),
        (lambda t: t["texts"]["near"].update(zh=t["texts"]["near"]["zh"] + "多" * 9), "上限 200 字"),
        (lambda t: t["texts"]["near"].update(zh="{place}{name}{confirmed}{by}{todo}"), "otherwise"),
        (lambda t: t["texts"]["near"].update(zh=t["texts"]["near"]["zh"] + "可能爆炸"), "可能爆炸"),
        (lambda t: t["texts"]["near"].update(zh=t["texts"]["near"]["zh"] + "28.8453"), "坐标"),
        (lambda t: t["texts"]["near"].update(zh="{place.__class__}"), "place.__class__"),
        (lambda t: t["texts"]["near"].update(zh="{place!r}"), "花括号"),
        (lambda t: t["texts"]["near"].update(zh="{place"), "花括号"),
        (lambda t: t["texts"]["cross_border"].update(zh=t["texts"]["level"]["zh"]), "{why}"),
    ],
)
def test_a_wrong_table_is_refused(change: Callable[[Any], Any], named: str) -> None:
    table = copy.deepcopy(dict(TABLE))
    change(table)
    with pytest.raises(BadInput, match="alerts_2026_1") as refused:
        AlertRules.from_table(table)
    assert named in str(refused.value)
    assert refused.value.remedy


@pytest.mark.parametrize(
    ("changed", "named"),
    [
        ({"author": " "}, "author"),
        ({"reason": ""}, "reason"),
        ({"until_s": 0}, "until"),
        ({"until_s": 25 * HOUR}, "until"),
        ({"matchers": {}}, "matchers"),
        ({"matchers": {"colour": ("red",)}}, "colour"),
        ({"matchers": {"kind": ("colour",)}}, "kind"),
        ({"matchers": {"warn": ()}}, "warn"),
        ({"rings": (((0, 0), (1, 0), (1, 1), (0, 1)),)}, "polygon"),
        ({"rings": (((0, 0), (1, 0), (0, 0)),)}, "polygon"),
    ],
)
def test_a_silence_names_who_why_until_when_and_what(changed: dict[str, Any], named: str) -> None:
    good = Silence("1", "值班员", "检修", 0, HOUR, {"kind": ("event",), "warn": ("blue", "yellow")})
    check_silence(good, 24 * HOUR)
    with pytest.raises(BadInput) as refused:
        check_silence(good._replace(**changed), 24 * HOUR)
    assert refused.value.facts["field"] == named
    assert refused.value.remedy

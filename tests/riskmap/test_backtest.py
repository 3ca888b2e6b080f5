"""The figures of a back-test counted by hand, its picture, and rules as files and in words."""

import xml.etree.ElementTree as ET
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from riskmap.alert_rules import AlertRules
from riskmap.backtest import Incident, Message, Warned, difference, figures, silence_instants
from riskmap.backtest_picture import picture
from riskmap.edition_files import write_edition
from riskmap.editions import load_edition, shipped_editions
from riskmap.errors import BadInput
from riskmap.rule_files import read_rules, rules_file, rules_hash, rules_table
from riskmap.rule_words import audience_words, rule_words
from tests.warning_times import TABLE, rule, rules_of

DAYS = [date(2026, 3, n) for n in (1, 2, 3, 4)]
NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)
LEADER, DESK = "leader@township", "duty_officer@city"


def hour(n: float) -> datetime:
    return NOON + timedelta(hours=n)


def warned(kind: str, told: float | None, over: float | None = None, **more: Any) -> Warned:
    """An orange warning of S1 of enterprise E1, opened when it was told (at noon where it never was)."""
    usual: dict[str, Any] = {
        "rule": "r1",
        "form": "risk_notice",
        "warn": 2,
        "source": "S1",
        "enterprise": "E1",
    }
    times = {
        "opened_at": hour(told or 0),
        "told_at": None if told is None else hour(told),
        "ended_at": None if over is None else hour(over),
    }
    return Warned(**{"kind": kind, "cause": "", **usual, **times, **more})


def told(
    warnings: list[Warned], incidents: list[Incident], messages: list[Message] | None = None
) -> dict[str, Any]:
    return figures(DAYS, warnings, messages or [], incidents, lambda at: at.date())


def test_an_incident_is_foreseen_by_what_was_told_of_the_place_before_it_and_not_over() -> None:
    incident = Incident(hour(10), "S1", "E1")
    itself = warned("event", 10.5, cause="incident", warn=1)
    assert told([warned("rise", 4), warned("level", 6), itself], [incident])["lead_time_h"] == 6
    for missed in (
        [itself],
        [warned("event", 5, cause="incident", warn=1)],
        [warned("rise", None)],
        [warned("rise", 4, over=9)],
        [warned("rise", 11)],
        [warned("rise", 4, source="S2", enterprise="E2")],
        [warned("zone", 4, source="", enterprise="")],
    ):
        found = told(missed, [incident])
        assert (found["lead_time_h"], found["missed"]) == (None, 1)
    both = told([warned("rise", 4)], [incident, Incident(hour(11), "S9", "")])
    assert [(one["source"], one["lead_h"]) for one in both["leads"]] == [("S1", 6), ("S9", None)]
    assert both["leads"][0]["time"] == "2026-03-01T22:00:00+00:00"
    other_source = told([warned("rise", 4, source="S2")], [incident])
    assert (other_source["lead_time_h"], other_source["missed"]) == (6, 0)


def test_a_false_warning_is_urgent_foretells_and_nothing_followed() -> None:
    def false(one: Warned, *at: float) -> int:
        return int(told([one], [Incident(hour(n), "S1", "E1") for n in at])["false"])

    assert false(warned("rise", 1)) == 1
    assert false(warned("rise", 1), 30) == 0
    assert false(warned("rise", 1, over=2), 74) == 0
    assert false(warned("rise", 1, over=2), 75) == 1
    assert false(warned("rise", 5), 4) == 1
    assert false(warned("rise", None)) == 0
    assert false(warned("rise", 1, warn=3)) == 0
    assert false(warned("overdue", 1, form="urge")) == 0
    assert false(warned("event", 1, cause="incident")) == 0


def test_load_is_counted_by_day_person_and_rule_and_two_sets_are_told_apart() -> None:
    messages = [
        *(Message(DAYS[0], "甲", LEADER, "r1") for _ in range(3)),
        Message(DAYS[1], "甲", LEADER, "r2"),
        Message(DAYS[2], "甲", DESK, "r2"),
        Message(DAYS[1], "乙", DESK, "r2"),
    ]
    found = told(
        [warned("rise", 1), warned("rise", 20), warned("level", 40, rule="r2", warn=1)], [], messages
    )
    assert (found["days"], found["warnings"], found["warnings_per_day"]) == (4, 3, 0.75)
    assert (found["messages"], found["messages_per_day"]) == (6, 1.5)
    first, second = found["per_person"]
    assert first == {
        "person": "甲",
        "audience": LEADER,
        "messages": 5,
        "per_day": 1.25,
        "median": 1,
        "most": 3,
    }
    assert (second["person"], second["median"], second["most"]) == ("乙", 0, 1)
    assert [(one["warnings"], one["messages"], one["leader"]) for one in found["by_day"]] == [
        (1, 3, 3),
        (1, 2, 1),
        (1, 1, 0),
        (0, 0, 0),
    ]
    assert found["leader"] == {"median": 0.5, "most": 3}
    assert found["by_level"] == {"red": 1, "orange": 2, "yellow": 0, "blue": 0}
    assert found["by_rule"]["r1"]["days"] == {"2026-03-01": 1, "2026-03-02": 1}
    assert (found["by_rule"]["r2"]["messages"], found["by_rule"]["r2"]["last"]) == (
        3,
        "2026-03-03T04:00:00+00:00",
    )
    fewer = difference(told([], [], messages[3:]), found)
    assert fewer["messages"] == -3
    assert fewer["days"] == [{"day": "2026-03-01", "messages": 0, "live": 3}]
    assert fewer["people"] == [{"person": "甲", "messages": 2, "live": 5}]


def test_a_silence_is_looked_at_when_it_has_lasted_so_long_and_when_it_ends() -> None:
    last, end = hour(0), hour(24)
    heard = [hour(1), hour(5), hour(6)]
    assert silence_instants(last, heard, 3600, [60, 90], end) == [
        hour(3),
        hour(3.5),
        hour(5),
        hour(8),
        hour(8.5),
        end,
    ]
    assert silence_instants(last, [hour(n) for n in range(1, 24)], 3600, [1], end) == []


@pytest.mark.parametrize("days", [4, 200])
def test_the_picture_is_svg_that_fetches_nothing_and_escapes_names(days: int) -> None:
    span = [date(2026, 1, 1) + timedelta(days=n) for n in range(days)]
    messages = [Message(span[n % days], "<甲>&", LEADER, "r1") for n in range(7)]
    one = figures(span, [], messages, [], lambda at: at.date())
    content = {**one, "from": span[0].isoformat(), "to": span[-1].isoformat(), "live": one}
    content |= {"rules_hash": "a", "live_hash": "b"}
    content["leads"] = [
        {"time": f"{span[n]}T10:30:00+08:00", "source": "<S>", "enterprise": "", "lead_h": lead}
        for n, lead in ((1, 4.5), (2, None), (3, 2.0))
    ]
    for lang, said in (("zh", "所测规则"), ("en", "rules tried")):
        text = picture(content, lang)
        root = ET.fromstring(text)
        words = "".join(root.itertext())
        assert said in words
        assert "<甲>&" in words
        assert "7 / 7" in words
        assert "href" not in text
    marks = [
        one.get("fill") for one in ET.fromstring(picture(content)).iter("{http://www.w3.org/2000/svg}polygon")
    ]
    assert len(marks) == 3
    assert marks[0] == marks[2] != marks[1]
    for incidents, lead, said in (
        (0, None, "没有事故可比"),
        (2, None, "均未预先提示"),
        (2, 4.5, "提前 4.5 小时"),
    ):
        assert said in picture(content | {"live": one | {"incidents": incidents, "lead_time_h": lead}})
    bars = list(ET.fromstring(picture(content)).iter("{http://www.w3.org/2000/svg}rect"))
    alone = picture(content | {"live_hash": "a"})
    assert "所测规则" not in alone
    assert len(list(ET.fromstring(alone).iter("{http://www.w3.org/2000/svg}rect"))) < len(bars)


def test_rules_are_known_again_as_file_folder_and_edition_and_other_rules_are_others(tmp_path: Path) -> None:
    edition = load_edition(shipped_editions()["2026-1"])
    table = rules_table(edition)
    file = tmp_path / "rules.toml"
    file.write_text(rules_file(table), "utf-8")
    write_edition(edition, tmp_path / "edition")
    write_edition(edition, tmp_path / "edition.json")
    folder = tmp_path / "edition" / "alerts_2026_1"
    places = [file, tmp_path / "edition", tmp_path / "edition" / "edition.toml", tmp_path / "edition.json"]
    places += [folder] if folder.exists() else []
    assert {rules_hash(read_rules(one)) for one in places} == {rules_hash(table)}
    assert AlertRules.from_table(read_rules(file)).rules == AlertRules.from_table(table).rules
    file.write_text(rules_file(table).replace('repeat_h = "24"', 'repeat_h = "25"', 1), "utf-8")
    assert rules_hash(read_rules(file)) != rules_hash(table)
    for content in ("[[rules]\n", "x = 1\n"):
        file.write_text(content, "utf-8")
        with pytest.raises(BadInput):
            read_rules(file)
    with pytest.raises(BadInput, match="找不到"):
        read_rules(tmp_path / "nowhere.toml")


def test_every_shipped_rule_reads_aloud_in_both_languages() -> None:
    rules = AlertRules.from_table(TABLE)
    for lang in ("zh", "en"):
        told_words = [rule_words(one, lang) for one in rules.rules]
        assert len({(one["what"], one["when"], one["to"]) for one in told_words}) == len(told_words)
        for one in told_words:
            assert all(one.values())
            assert "{" not in str(list(one.values()))
    said = {one.code: rule_words(one) for one in rules.rules}
    assert (
        said["near_own"]["what"]
        == "本辖区有橙或红的危险源，距居民点或防护目标不超过 500 米，新出现或近了 50 米以上"
    )
    assert said["inventory_over"]["when"] == "立即提示，再多 50% 时再次提示，无人处置时每 3 天再提示一次"
    assert said["overdue_major"] == {
        "name": "重大隐患逾期",
        "what": "重大隐患逾期满 1 天仍未整改",
        "where": "全市",
        "when": "立即提示，无人处置时每 24 小时再提示一次",
        "to": "镇街联点领导、企业综合监管、市值班人员",
    }
    quiet = rules_of(
        rule(
            "q", "event", warn="none", audience="", season="06-01/09-30", hours="22:00/06:00", enterprise="E1"
        )
    ).rules[0]
    assert rule_words(quiet, "en")["where"] == "enterprise E1"
    assert rule_words(quiet, "en")["when"].startswith(
        "06-01 to 09-30 every year; 22:00 to 06:00 every day; told at once"
    )
    assert rule_words(quiet)["to"] == "不提示"
    assert audience_words("leader@township", "en") == "leader of the township"

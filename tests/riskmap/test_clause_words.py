"""Clauses on English pages: every clause that is shipped is named in English."""

import re

import pytest

from riskmap.clause_words import clause_words, demand_words
from riskmap.editions import load_edition, shipped_editions
from riskmap.gb18218 import SubstanceTables
from riskmap.reassessment import due_tasks
from riskmap.siting_rules import SitingRules

HAN = re.compile(r"[\u4e00-\u9fff、；（）]")


@pytest.mark.parametrize(
    ("clause", "said"),
    [
        (
            "危险化学品安全管理条例 第十九条(3)",
            "Regulations on the Safety Management of Hazardous Chemicals, art. 19(3)",
        ),
        ("铁路安全管理条例 第二十七条", "Regulations on Railway Safety Management, art. 27"),
        ("安全生产法 第四十二条", "Work Safety Law, art. 42"),
        (
            "石油天然气管道保护法 第30/32/33/35条",
            "Oil and Natural Gas Pipeline Protection Law, art. 30/32/33/35",
        ),
        ("水污染防治法 第65-67条", "Water Pollution Prevention and Control Law, art. 65-67"),
        ("长江保护法 第26条(2021起)", "Yangtze River Protection Law, art. 26 (since 2021)"),
        ("GB 18218-2018 表1 第5项", "GB 18218-2018, table 1, no. 5"),
        ("GB 18218-2018 表4 W5.1、J2", "GB 18218-2018, table 4 W5.1, J2"),
        ("GB 50016-2014 表4.4.1 / GB 51142", "GB 50016-2014, table 4.4.1 / GB 51142"),
        ("GB 6722 13.3.3", "GB 6722 13.3.3"),
        ("沅江市方案（2019）五.2", "Plan of Yuanjiang City (2019), section 5.2"),
        ("地方规定 第三条", "地方规定, art. 3"),
    ],
)
def test_a_clause_in_english_says_which_it_is(clause: str, said: str) -> None:
    assert clause_words(clause, "en") == said
    assert clause_words(clause, "zh") == clause


def test_every_shipped_clause_has_its_english() -> None:
    edition = load_edition(shipped_editions()["2026-1"])
    siting, substances = SitingRules.from_edition(edition), SubstanceTables.from_edition(edition)
    known = [*substances.classes.values(), *(one for found in substances.by_cas.values() for one in found)]
    clauses = {one.clause for one in siting.access.values()} | {one.clause for one in siting.distances}
    clauses |= (
        {one.clause for one in known}
        | {one.beta_clause for one in known}
        | {one.basis for one in siting.matrix.steps}
    )
    tasks = due_tasks(3, assessed_on=None, filed_on=None, cancelled_on=None, regraded_on=None)
    clauses |= {one.clause for one in tasks}
    assert len(clauses) > 100
    assert {one for one in clauses if HAN.search(clause_words(one, "en"))} == set()


def test_what_every_shipped_rule_asks_has_its_english() -> None:
    siting = SitingRules.from_edition(load_edition(shipped_editions()["2026-1"]))
    asked = {one.text_zh for one in siting.access.values()} | {one.text_zh for one in siting.distances}
    asked |= {end for one in siting.distances for end in (one.measured_from, one.measured_to)}
    assert len(asked) > 100
    assert {one for one in asked if HAN.search(demand_words(one, "en"))} == set()
    assert (
        demand_words("甲类仓库；同上；地方规定", "en") == "store of class A fire hazard; as above; 地方规定"
    )
    assert demand_words("甲类仓库", "zh") == "甲类仓库"

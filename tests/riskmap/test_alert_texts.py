"""Messages: what a leader reads at night, and what no message ever tells."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from riskmap.alert_facts import KINDS, SIDES, Fact
from riskmap.alert_rules import AlertRules
from riskmap.alert_texts import FIELDS, MOST_CHARS, NEIGHBOUR, Frame
from tests.warning_times import TABLE

TEMPLATES = AlertRules.from_table(TABLE).templates
FRAME = Frame("沅江市应急管理局", "risk_notice", 3, "值班室", "12350", "2026-0012")
SAID = {
    "place": "南嘴镇三码头村",
    "kind": "液化气站",
    "name": "某液化气站",
    "target": "中心小学",
    "metres": 310,
    "people": 1240,
    "bearing": "东北",
    "level": "重大风险",
    "why": "新增储罐，距离更近",
    "by": "27日18时",
    "todo": "核实并通知学校",
    "substance": "液化石油气",
}
NEAR = Fact("near", "sources", "S1", township="T1", level=1, said=SAID)


def test_a_message_says_who_what_where_why_what_to_do_and_whom_to_call() -> None:
    assert TEMPLATES.message(NEAR, FRAME, "zh") == (
        "【风险提示·内部】沅江市应急管理局，预警级别黄色：南嘴镇三码头村：液化气站“某液化气站”距中心小学约310米，影响约1240人"
        "（未确认）。原因：新增储罐，距离更近。请于27日18时前核实并通知学校，否则将报市级督办。联系值班室12350。编号2026-0012"
    )
    english = TEMPLATES.message(NEAR._replace(confirmed=True), FRAME._replace(drill=True), "en")
    assert english.startswith("[DRILL] [risk notice, internal]")
    assert "(confirmed)" in english


def test_a_number_to_call_is_whole_or_left_out() -> None:
    long_name = FRAME._replace(call="某某应急管理局总值班室", phone="0737-1234567")
    assert "联系某某应急管理…0737-1234567。" in TEMPLATES.message(NEAR, long_name, "zh")
    assert "联系值班室。" in TEMPLATES.message(NEAR, FRAME._replace(phone="0737-1234567转8001"), "zh")


def test_of_a_neighbour_only_the_projection_is_told() -> None:
    abroad = NEAR._replace(side="neighbour", said={**SAID, "why": "液氯 12 吨", "substance": "液氯"})
    for kind in KINDS:
        for cleared in (False, True):
            text = TEMPLATES.message(abroad._replace(kind=kind), FRAME, "zh", cleared=cleared)
            assert "液氯" not in text
            assert "某液化气站" in text
    assert {"substance", "why", "grade", "days", "percent", "sensor", "task"}.isdisjoint(NEIGHBOUR)


def test_a_code_word_of_panic_a_coordinate_and_a_brace_never_get_through() -> None:
    said = {**SAID, "name": "可能爆炸{by}", "why": "位于112.36512,28.84531\n处"}
    text = TEMPLATES.message(NEAR._replace(said=said), FRAME, "zh")
    for word in ("可能爆炸", "112.36", "28.84", "{", "\n"):
        assert word not in text
    assert "有险情" in text


ANY = st.text(max_size=60) | st.integers(-(10**9), 10**9) | st.none()


@given(
    st.sampled_from(sorted(KINDS)),
    st.sampled_from(SIDES),
    st.dictionaries(st.sampled_from(sorted(FIELDS)), ANY),
    st.builds(
        Frame,
        ANY.map(str),
        st.just("monitor"),
        st.integers(1, 4),
        ANY.map(str),
        ANY.map(str),
        ANY.map(str),
        st.integers(0, 10**6),
        st.booleans(),
    ),
    st.booleans(),
)
def test_whatever_is_known_a_message_is_whole_and_short(
    kind: str, side: str, said: dict[str, object], frame: Frame, cleared: bool
) -> None:
    for lang, most in MOST_CHARS.items():
        text = TEMPLATES.message(
            Fact(kind, "sources", "S1", side=side, said=said), frame, lang, cleared=cleared
        )
        assert len(text) <= most
        assert "None" not in text or "None" in str([*said.values(), *frame])
        assert "内部" in text or "internal" in text


@pytest.mark.parametrize("kind", ["near", "level", "overdue"])
def test_what_is_not_known_is_said_so_and_the_end_is_told_calmly(kind: str) -> None:
    bare = Fact(kind, "sources", "S1")
    assert "未确认" in TEMPLATES.message(bare, FRAME, "zh")
    over = TEMPLATES.message(
        NEAR._replace(kind=kind, said={**SAID, "what": "距离提示"}), FRAME, "zh", cleared=True
    )
    assert "“某液化气站”的距离提示已解除" in over

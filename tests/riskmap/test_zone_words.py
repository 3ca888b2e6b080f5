"""The words of a zone's account, in both languages; of another's member nothing but the projection."""

from typing import Any

import pytest

from riskmap.zone_words import zone_words

ELSEWHERE = {
    "kind_zh": "企业",
    "kind_en": "premises",
    "name": "某厂",
    "level": 2,
    "distance_m": 1234,
    "bearing": 45,
}
LINES: dict[str, dict[str, Any]] = {
    "lead_member": {"name": "某厂", "score": 12_500_000, "leads": True},
    "domino": {"name": "某厂", "score": 60_000_000, "share_permille": 150},
    "domino_cap": {"most": 20_000_000},
    "member_elsewhere": ELSEWHERE,
}


@pytest.mark.parametrize("lang", ["zh", "en"])
@pytest.mark.parametrize("item", LINES)
def test_every_line_has_words(item: str, lang: str) -> None:
    label, reason = zone_words(item, LINES[item], lang)
    assert label
    assert reason
    if lang == "en":
        assert (label + reason).replace("某厂", "").isascii()


def test_what_is_said() -> None:
    assert zone_words("lead_member", LINES["lead_member"]) == ("成员：某厂", "自身 12.5 分，最高的一家算全分")
    assert zone_words("domino", LINES["domino"])[1] == "事故可波及相邻单位，按自身 60 分的 15% 计"
    assert zone_words("domino_cap", LINES["domino_cap"])[1] == "合计不超过 20 分"
    assert zone_words("member_elsewhere", ELSEWHERE) == (
        "邻区成员：某厂（企业）",
        "当前风险：较大风险（橙），位于东北方向 1,234 米",
    )
    assert zone_words("member_elsewhere", ELSEWHERE | {"level": None, "distance_m": None})[1] == "当前风险：—"

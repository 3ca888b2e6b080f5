"""What a weight of an edition is called: for lists of differences and for what a colour's stability depends on."""

from collections.abc import Mapping
from typing import Any

_PARTS = {
    "zh": {
        "risk.lead": "主次项合并",
        "risk.worst_placed": "计分人数",
        "risk.place": "易损性",
        "risk.exposure": "暴露人口",
        "risk.reach": "影响半径",
        "risk.premises": "企业场所",
        "risk.kinds": "危险源类别",
        "risk.industries": "行业",
        "risk.workers": "从业人数",
        "risk.credit": "减分合计",
        "risk.credits": "减分",
        "dynamic.dangers": "隐患",
        "dynamic.alarms": "监测报警",
        "dynamic.silence": "监测中断",
        "dynamic.events": "动态事件",
    },
    "en": {
        "risk.lead": "leading item",
        "risk.worst_placed": "people counted",
        "risk.place": "vulnerability",
        "risk.exposure": "people exposed",
        "risk.reach": "reach",
        "risk.premises": "premises",
        "risk.kinds": "kind of source",
        "risk.industries": "industry",
        "risk.workers": "workers",
        "risk.credit": "credits together",
        "risk.credits": "credit",
        "dynamic.dangers": "hidden danger",
        "dynamic.alarms": "sensor alarm",
        "dynamic.silence": "silent sensor",
        "dynamic.events": "event",
    },
}
_FIELDS = {
    "zh": {
        "share_permille": "其余各项计入比例（‰）",
        "grid": "网格（人）",
        "village": "村、社区（人）",
        "overlay": "功能区（人）",
        "township": "镇街（人）",
        "city": "全市（人）",
        "vulnerable_permille": "密集或行动不便加成（‰）",
        "slow_rescue_permille": "救援较慢加成（‰）",
        "most": "最高分",
        "scale_people": "人口尺度（人）",
        "high_sensitive_people": "高敏感目标折算（人）",
        "metres_per_point": "每分影响半径（米）",
        "unknown_points": "行业不明分值",
        "unknown_reach_m": "行业不明影响半径（米）",
        "least": "最低分",
        "points": "分值",
        "reach_m": "影响半径（米）",
        "workers_points": "人数较多时分值",
        "self": "自查且在期限内分值",
        "other": "他查且在期限内分值",
        "overdue": "逾期分值",
        "major": "重大隐患分值",
        "major_listed": "挂牌督办重大隐患分值",
        "major_overdue": "逾期重大隐患分值",
        "decay_h": "递减小时数",
        "per_day": "每日分值",
    },
    "en": {
        "share_permille": "share of the other items (‰)",
        "grid": "grid unit",
        "village": "village",
        "overlay": "functional area",
        "township": "township",
        "city": "city",
        "vulnerable_permille": "dense or hard to move (‰)",
        "slow_rescue_permille": "slow rescue (‰)",
        "most": "most points",
        "scale_people": "scale (people)",
        "high_sensitive_people": "people of a highly sensitive target",
        "metres_per_point": "metres a point",
        "unknown_points": "points, industry unknown",
        "unknown_reach_m": "reach, industry unknown (m)",
        "least": "least points",
        "points": "points",
        "reach_m": "reach (m)",
        "workers_points": "points with many workers",
        "self": "found by the unit, inside its date",
        "other": "found by others, inside its date",
        "overdue": "overdue",
        "major": "major",
        "major_listed": "major, listed",
        "major_overdue": "major, overdue",
        "decay_h": "hours of decay",
        "per_day": "points a day",
    },
}


def weight_label(weight: Mapping[str, Any], lang: str = "zh") -> str:
    """The words of a weight given by `table`, `part`, `field` and its row's `name_zh`, `name_en` (empty: no row)."""
    spoken = "en" if lang == "en" else "zh"
    part = _PARTS[spoken].get(f"{weight['table']}.{weight['part']}", weight["part"])
    field = _FIELDS[spoken].get(weight["field"], weight["field"])
    name = weight[f"name_{spoken}"]
    if spoken == "en":
        return f"{part}{f' {name}' if name else ''}: {field}"
    return f"{part}{f'“{name}”' if name else ''}：{field}"


def stability_in_words(stability: dict[str, Any] | None, lang: str = "zh") -> dict[str, Any] | None:
    """What is told beside a level: each weight that turns it with its label."""
    if stability is None:
        return None

    def labelled(found: dict[str, Any] | None) -> dict[str, Any] | None:
        if found is None:
            return None
        return found | {
            "flips_with": [{"label": weight_label(one, lang), **one} for one in found["flips_with"]]
        }

    return stability | {scale: labelled(stability[scale]) for scale in ("level", "base_level")}

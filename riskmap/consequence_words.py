"""The words of consequence distances: names, reasons for having none, notes; Chinese or English."""

from collections.abc import Iterable, Mapping
from typing import Any

from riskmap.vocabulary import words

STUDY = "study_"
"""begins the name of a distance that a real study gives, before its kind of hazard"""

_NAMES = {
    "vce_1psi": ("蒸气云爆炸 1 psi 距离", "Vapour cloud explosion, 1 psi"),
    "fireball": ("火球热剂量距离", "Fireball, thermal dose"),
    "pool_fire": ("池火热辐射距离", "Pool fire, radiation"),
    "overpressure": ("爆炸冲击波距离", "Explosion, overpressure"),
    "toxic_endpoint": ("毒性终点距离", "Toxic endpoint"),
}
_REASONS = {
    "below_range": ("低于方法适用范围（{validity}）", "below the method's range ({validity})"),
    "above_range": (
        "超出方法适用范围（{validity}），至少 {at_least} 米",
        "above the method's range ({validity}), at least {at_least} m",
    ),
    "heat_unknown": ("燃烧热未入表或未经核实", "heat of combustion not on file or not checked"),
    "burning_unknown": ("燃烧速率所需的物性未入表", "properties for the burning rate not on file"),
    "density_unknown": ("密度未入表，且未填防火堤面积", "neither density nor bunded area on file"),
    "tnt_unknown": ("TNT 当量系数未入表", "TNT equivalent not on file"),
    "endpoint_unknown": ("毒性终点浓度未入表", "toxic endpoint not on file"),
    "evaporation_unknown": (
        "常温下为液体，蒸发速率未入表",
        "liquid at ambient temperature, rate of evaporation not on file",
    ),
}
_NOTES = {
    "dense_gas": (
        "重气：泄漏初期比空气重，高斯烟羽在近处偏不安全，仅供筛查",
        "dense gas: a Gaussian plume is not conservative near the source, screening only",
    ),
    "density_of_gas_unknown": ("气体密度未入表，按中性气体计", "gas density not on file, taken as neutral"),
    "no_bund": ("未填防火堤面积，按 1 厘米厚油池计", "no bunded area on file, a pool 1 cm deep is assumed"),
    "other_code": (
        "GB/T 37243-2019 不适用于本类危险源，外部距离按相应标准",
        "GB/T 37243-2019 leaves this kind out: external distances by its own codes",
    ),
    "unchecked": (
        "公式或物性数据取自二手资料，尚未与原文核对（可信度：中）",
        "formula or figures of the substance from secondary sources, not checked against the original (confidence: medium)",
    ),
    "whole_as_gas": (
        "按最大容器内全部物质 10 分钟内以气体放出计",
        "whole contents of the largest vessel released as gas in 10 minutes",
    ),
}


def distance_name(name: str, lang: str = "zh") -> str:
    """What a distance is called."""
    if name.startswith(STUDY):
        hazard = words(lang)["hazard"][name.removeprefix(STUDY)]
        return f"Zone of a study: {hazard}" if lang == "en" else f"评估报告的影响区域：{hazard}"
    return _NAMES[name][lang == "en"]


def why_none(one: Mapping[str, Any], lang: str = "zh") -> str:
    """Why there is no distance in an account of one (as JSON); empty where there is one."""
    if not one["reason"]:
        return ""
    at_least = "" if one["at_least_m"] is None else f"{one['at_least_m']:,.0f}"
    return _REASONS[one["reason"]][lang == "en"].format(
        validity=_of(one, "validity", lang), at_least=at_least
    )


def distance_notes(one: Mapping[str, Any], lang: str = "zh") -> list[str]:
    """What a reader of the distance should know."""
    return [_NOTES[note][lang == "en"] for note in one["notes"]]


def told_distances(
    record: Mapping[str, Any], zones: Iterable[Mapping[str, Any]], lang: str = "zh"
) -> list[dict[str, Any]]:
    """How far accidents at a source reach, in words: zones of a study first, then what was computed for screening.

    `record` has the run's `distances_m` and `consequences`, `zones` are the study's, each of a `kind` of hazard.
    """
    of_kind: dict[str, list[Mapping[str, Any]]] = {}
    for zone in zones:
        of_kind.setdefault(f"{STUDY}{zone['kind']}", []).append(zone)
    studied = [name for name in record["distances_m"] if name.startswith(STUDY)]
    found = [_of_study(name, record["distances_m"][name], of_kind.get(name, []), lang) for name in studied]
    return [*found, *(_computed(one, lang) for one in record["consequences"])]


def _of_study(name: str, distance_m: float, zones: list[Mapping[str, Any]], lang: str) -> dict[str, Any]:
    reports = [f"{zone['study'] or '—'} {zone['approved_on'] or ''}".strip() for zone in zones]
    return {
        "name": name,
        "label": distance_name(name, lang),
        "distance_m": distance_m,
        "at_least_m": None,
        "why": "",
        "notes": [],
        "substance": None,
        "quantity_t": None,
        "rings": [],
        "screening": False,
        "method": "；".join(reports),
        "reference": None,
        "validity": None,
        "zones": [zone["geometry"] for zone in zones],
    }


def _computed(one: Mapping[str, Any], lang: str) -> dict[str, Any]:
    same = ("name", "distance_m", "at_least_m", "quantity_t", "reference", "rings", "screening")
    return {
        **{name: one[name] for name in same},
        "label": distance_name(one["name"], lang),
        "why": why_none(one, lang),
        "notes": distance_notes(one, lang),
        "validity": _of(one, "validity", lang),
        "zones": [],
        **{name: one[f"{name}_{'en' if lang == 'en' else 'zh'}"] for name in ("substance", "method")},
    }


def _of(one: Mapping[str, Any], name: str, lang: str) -> str:
    return str(one[f"{name}_en" if lang == "en" else name])

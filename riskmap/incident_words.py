"""The words of an imagined accident: levels of harm, what they do, why one has no radius, notes; Chinese or English."""

from typing import Any

from riskmap.consequence_words import distance_notes, why_none
from riskmap.incident import Figures, Zone

_EVENTS = {
    "vce": ("蒸气云爆炸", "vapour cloud explosion"),
    "fireball": ("火球", "fireball"),
    "pool_fire": ("池火", "pool fire"),
    "explosives": ("凝聚相爆炸", "explosion of explosives"),
    "toxic": ("有毒气体泄漏", "toxic release"),
    "study": ("正式评估区域", "zone of an approved study"),
}
_LABELS = {
    "vce": ("蒸气云爆炸超压 6.9 kPa（1 psi）", "Vapour cloud explosion, 6.9 kPa (1 psi)"),
    "fireball": ("火球热辐射 {level}", "Fireball, radiation {level}"),
    "pool_fire": ("池火热辐射 {level}", "Pool fire, radiation {level}"),
    "explosives": ("爆炸超压 {level}", "Explosion, overpressure {level}"),
    "toxic": ("毒性终点浓度 {level}", "Toxic endpoint {level}"),
}
_DOSE = (
    ("火球二度烧伤热剂量", "Fireball, thermal dose of second-degree burns"),
    ("40 秒 5 kW/m² 的热剂量，二度烧伤", "dose of 40 s at 5 kW/m², second-degree burns"),
)
_NO_ENDPOINT = ("毒性终点浓度", "Toxic endpoint")
_TOXIC_HARM = (
    "多数人暴露 1 小时不致不可逆或严重的健康损害（40 CFR 68 终点）",
    "most people can bear it for an hour without lasting harm (endpoint of 40 CFR 68)",
)
_NOTES = {
    "no_wind": (
        "未填风向：云团可能朝任何方向，按整圆、最不利气象（稳定度 F，风速 1.5 米/秒）计",
        "no wind given: the cloud may go anywhere, taken as a full circle in the worst weather (stability F, 1.5 m/s)",
    ),
    "calm": (
        "静风：烟羽不成立，按整圆、最不利气象（稳定度 F，风速 1.5 米/秒）计",
        "calm: no plume can stand, taken as a full circle in the worst weather (stability F, 1.5 m/s)",
    ),
    "study_first": (
        "该危险源有正式评估区域，以其为准",
        "an approved study of this source is on file and goes before this",
    ),
}
_PLUME = {
    "above_range": (
        "10 公里处仍超过该浓度，实际范围更远，方法不能给出数值",
        "still passed at 10 km: it reaches farther, and the method gives no figure",
    ),
    "below_range": (
        "不足 100 米，低于方法适用范围，不给出数值",
        "under 100 m, below the method's range: no figure",
    ),
}
_PLUME_BASIS = (
    "所给风向风速下的高斯烟羽，Briggs 系数（Briggs 1973；终点 40 CFR 68）",
    "Gaussian plume in the wind given, Briggs coefficients (Briggs 1973; endpoint of 40 CFR 68)",
)
_FIREBALL_BASIS = (
    "火球点源热辐射 x = √(f·M·Hc/(4π·t·q))，持续时间 t（CCPS）",
    "point-source radiation of the fireball, x = √(f·M·Hc/(4π·t·q)), duration t (CCPS)",
)
_OUTSIDE = (
    "该强度的范围超出方法适用范围（在火焰内或过近），不给出数值",
    "this level lies outside the method's range (within the flame or too near): no figure",
)


def event_name(event: str, lang: str = "zh") -> str:
    """What an event is called."""
    return _EVENTS[event][lang == "en"]


def zone_label(zone: Zone, lang: str = "zh") -> str:
    """What a level of harm is called, with its threshold."""
    english = lang == "en"
    if zone.event == "fireball" and zone.threshold is None:
        return _DOSE[0][english]
    if zone.event == "toxic" and zone.threshold is None:
        return _NO_ENDPOINT[english]
    level = f"{zone.threshold:g} {zone.unit}"
    return _LABELS[zone.event][english].format(level=level)


def zone_harm(zone: Zone, figures: Figures, lang: str = "zh") -> str:
    """What a level does to people and buildings; empty where the edition does not say."""
    english = lang == "en"
    if zone.event == "toxic":
        return _TOXIC_HARM[english]
    if zone.threshold is None:
        return _DOSE[1][english]
    return figures.harms.get((zone.unit, zone.threshold), ("", ""))[english]


def zone_why(zone: Zone, lang: str = "zh") -> str:
    """Why there is no radius; empty where there is one."""
    if not zone.reason:
        return ""
    if zone.reason == "outside_range":
        return _OUTSIDE[lang == "en"]
    if zone.event == "toxic" and zone.reason in _PLUME and (zone.footprint or zone.at_least_m is None):
        return _PLUME[zone.reason][lang == "en"]
    return why_none(zone.about.to_json(), lang)


def zone_notes(zone: Zone, lang: str = "zh") -> list[str]:
    """What a reader of the zone should know."""
    own = [_NOTES[note][lang == "en"] for note in zone.notes if note in _NOTES]
    return distance_notes(zone.about.to_json(), lang) + own


def zone_basis(zone: Zone, lang: str = "zh") -> str:
    """The method with its reference."""
    if zone.footprint is not None:
        return _PLUME_BASIS[lang == "en"]
    if zone.event == "fireball" and zone.threshold is not None:
        return _FIREBALL_BASIS[lang == "en"]
    method = zone.about.method
    return (
        f"{method.name_en} ({method.reference})"
        if lang == "en"
        else f"{method.name_zh}（{method.reference}）"
    )


def zone_json(zone: Zone, figures: Figures, lang: str = "zh") -> dict[str, Any]:
    """A zone as JSON: what it is, how far, by which method within which validity; marked screening."""
    about = zone.about
    return {
        "name": zone.name,
        "label": zone_label(zone, lang),
        "event": zone.event,
        "event_label": event_name(zone.event, lang),
        "radius_m": zone.radius_m,
        "at_least_m": zone.at_least_m,
        "half_width_m": zone.footprint.half_width_m if zone.footprint else None,
        "shape": "none" if zone.drawn_m is None else "footprint" if zone.footprint else "circle",
        "threshold": zone.threshold,
        "unit": zone.unit,
        "harm": zone_harm(zone, figures, lang),
        "reason": zone.reason,
        "why": zone_why(zone, lang),
        "notes": zone_notes(zone, lang),
        "basis": zone_basis(zone, lang),
        "equation": about.method.equation,
        "validity": about.method.validity(lang),
        "substance": about.name_en if lang == "en" else about.name_zh,
        "quantity_t": about.quantity_t,
        "facts": dict(about.facts),
        "screening": True,
    }


_TOLD = {
    "screening": (
        "筛查结果，不能代替现场监测和指挥判断",
        "A screening, no substitute for measurement and command on the spot",
    ),
    "straight_line": ("直线距离，不是行车距离", "straight-line distance, not by road"),
    "zones": (
        "所在联防联控片区的成员；辖区以外的成员只列可告知的内容",
        "members of the joint-control zones of this place; of those beyond your area only what may be told",
    ),
    "no_zone": ("此处不在任何联防联控片区内", "this place is in no joint-control zone"),
    "own_rows": (
        "人数、目标、资源和责任人只含您有权查看的辖区，范围伸出辖区的部分没有计入",
        "People, targets, resources and persons are those of your own area only; what lies beyond is not counted",
    ),
    "by_day": (
        "按日间人口计（{day_from}:00–{day_to}:00），没有日间人口的按常住人口",
        "people by day ({day_from}:00 to {day_to}:00), residents where that is not on file",
    ),
    "by_night": (
        "按常住人口计（夜间，{day_to}:00–{day_from}:00）",
        "residents (night, {day_to}:00 to {day_from}:00)",
    ),
    "by_grid": (
        "没有人口点，按网格常住人口的面积比例计",
        "no population layer: residents of grid units by share of area",
    ),
    "nobody": ("没有人口数据，人数未知", "no population on file: people unknown"),
    "weather_hour": (
        "未填稳定度和天空状况：按时段取“{sky}”，稳定度 {stability}",
        "neither stability nor sky given: by the hour taken as “{sky}”, stability {stability}",
    ),
    "unmatched": ("未识别、未计入的物质：{names}", "substances not recognised and left out: {names}"),
    "no_method": (
        "没有可计算的危险物质或方法：不画范围，只列周边情况，请按现场处置方案确定范围",
        "no substance or method to compute with: nothing is drawn, only the surroundings are listed",
    ),
    "release": (
        "按全部数量在 {minutes:g} 分钟内以气体放出、地形 {terrain} 计",
        "the whole amount released as gas in {minutes:g} minutes, terrain {terrain}",
    ),
}
_SKIES = {
    "day_strong": ("白天强日照", "day, strong sun"),
    "day_moderate": ("白天中等日照", "day, moderate sun"),
    "day_slight": ("白天弱日照", "day, slight sun"),
    "night_overcast": ("夜间多云", "night, overcast"),
    "night_clear": ("夜间少云", "night, clear"),
}
_TERRAINS = {"rural": ("乡村", "rural"), "urban": ("城镇", "urban")}


def sky_name(sky: str, lang: str = "zh") -> str:
    """What a sky is called."""
    return _SKIES[sky][lang == "en"]


def terrain_name(terrain: str, lang: str = "zh") -> str:
    """What a terrain is called."""
    return _TERRAINS[terrain][lang == "en"]


def told(key: str, lang: str = "zh", **values: Any) -> str:
    """A remark on the whole answer."""
    return _TOLD[key][lang == "en"].format(**values)


def study_json(study: dict[str, Any], lang: str = "zh") -> dict[str, Any]:
    """A zone of an approved study in the shape of `zone_json`: it goes before what is computed, and is no screening."""
    event = event_name("study", lang)
    return {
        "name": f"study_{study['code']}",
        "label": study["name"],
        "event": "study",
        "event_label": event,
        **dict.fromkeys(
            ("radius_m", "at_least_m", "half_width_m", "validity", "equation", "substance", "quantity_t")
        ),
        "shape": "study",
        "threshold": None,
        "unit": "",
        "harm": study["threshold"] or "",
        "reason": "",
        "why": "",
        "notes": [],
        "basis": study["study"] or event,
        "facts": {},
        "screening": False,
    }

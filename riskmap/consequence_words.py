"""The words of consequence distances: names, reasons for having none, notes; Chinese or English."""

from riskmap.consequences import ConsequenceDistance

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
    "whole_as_gas": (
        "按最大容器内全部物质 10 分钟内以气体放出计",
        "whole contents of the largest vessel released as gas in 10 minutes",
    ),
}


def distance_name(name: str, lang: str = "zh") -> str:
    """What a distance is called."""
    return _NAMES[name][lang == "en"]


def why_none(one: ConsequenceDistance, lang: str = "zh") -> str:
    """Why there is no distance; empty where there is one."""
    if not one.reason:
        return ""
    at_least = "" if one.at_least_m is None else f"{one.at_least_m:,.0f}"
    return _REASONS[one.reason][lang == "en"].format(validity=one.method.validity(lang), at_least=at_least)


def distance_notes(one: ConsequenceDistance, lang: str = "zh") -> list[str]:
    """What a reader of the distance should know."""
    return [_NOTES[note][lang == "en"] for note in one.notes]

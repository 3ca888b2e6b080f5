"""The words of a verdict: why a rule says what it says, what was assumed, who decides; Chinese or English."""

from riskmap.consequence_words import why_none
from riskmap.siting_findings import Finding
from riskmap.wording import bearing_word, number

_WHY = {
    "named": ("方案列明的禁止或限制类别", "named by the city's plan"),
    "named_extension": (
        "方案限制新办；扩建须专项论证",
        "the plan speaks of new ones; an extension needs a study",
    ),
    "not_named": ("不在禁止或限制类别之内", "not named by the city's plan"),
    "exception": ("有登记的例外批准", "an exception is on record"),
    "kept": ("满足", "kept"),
    "broken": ("不满足", "broken"),
    "none_near": ("查找范围内没有该类对象", "nothing of the kind within the distance looked at"),
    "beyond_look": (
        "限值不在册，但该类危险源均在查找范围之外",
        "the limit is not on file, no such source is near",
    ),
    "condition_unknown": (
        "距离不足，但该行的适用条件（等级、规模等）不在册，须核实",
        "too near if the row's condition holds, which is not on file",
    ),
    "limit_unknown": ("限值不在册，不能判为满足", "the limit is not on file, so it cannot pass"),
    "size_unknown": ("规模未填写", "the size was not told"),
    "no_data": ("全市没有该类对象的数据，须核实", "nothing of the kind is on file in the city"),
    "in_zone": ("处于后果影响区，该敏感等级不宜设置", "in a consequence zone against this sensitivity"),
    "may_stand": ("处于影响区外围，该敏感等级可以设置", "in a zone where this sensitivity may stand"),
    "not_classed": ("该用途不属于 GB 36894 的防护目标", "no protected target of GB 36894"),
    "outside": ("不在影响区内", "outside the zones"),
    "straddles": ("进入影响区的面积不足规定份额", "less than the stated share of the site is inside"),
    "at_least": ("影响范围只知下限，不能判为满足", "the zone reaches at least so far, and may reach farther"),
    "not_assessed": ("该危险源尚未计算", "this source has not been computed yet"),
    "no_inventory": (
        "未填写危险物质存量，后果距离无法计算",
        "no inventory was told, so consequences are unknown",
    ),
    "unmatched": ("有不能识别的物质，后果距离不完整", "some substances are not recognised"),
    "no_consequence_rules": ("规则版本没有后果计算表", "the edition has no consequence table"),
    "own_rows": (
        "只核对了本人权限内的记录和辖区内外已出具意见书的在批在建项目；邻区的企业、住户、学校等没有核对，请由市级或规划用户复核",
        "looked at: one's own records, and filed opinions in and about one's area; not records beyond: ask a city user",
    ),
    "own_rows_alone": (
        "只核对了本人权限内的记录；权限外的企业、住户、学校等，以及已出具意见书的在批在建项目，都没有核对，请由市级或规划用户复核",
        "looked at: one's own records; neither records beyond nor filed opinions: ask a city user or planner",
    ),
    "above_range": ("超出方法适用范围", "above the method's range"),
}
_IN_METRES_M, _HERE_M = 995.0, 50.0
"""a place is told in metres up to so many, and as the middle itself within so many"""
_NO_RANGE = {"at_least_m": None, "validity": "", "validity_en": ""}
_TOLD = {
    "effects": (
        "风险引擎在副本上计算，未写入",
        "computed by the risk engine on a copy, nothing written",
    ),
    "people_500m": ("500 米内常住人口，少者在前", "residents within 500 m, few first"),
    "spare_m": (
        "距最紧的距离规则的余量（米），大者在前",
        "metres left to the tightest distance rule, many first",
    ),
    "decides": (
        "供会审使用，不替代安全条件审查、用地预审与选址意见书、规划许可和环评；是否准入由有权机关决定",
        "for the joint review; it replaces no safety review, land, planning or environmental permit: the authorities decide",
    ),
}


def why(one: Finding, lang: str) -> str:
    """Why a rule says what it says."""
    return why_of(one.reason, lang)


def why_of(reason: str, lang: str) -> str:
    """What a reason's word means."""
    if reason in _WHY:
        return _WHY[reason][lang == "en"]
    return why_none({**_NO_RANGE, "reason": reason}, lang)


def place_words(
    village: str | None, township: str | None, distance_m: float, degrees: float, lang: str
) -> str:
    """What a place is called: its village and township, how far from its middle and where."""
    if distance_m < _IN_METRES_M:
        far = f"{round(distance_m, -1):.0f} " + ("m" if lang == "en" else "米")
    else:
        far = f"{number(distance_m / 1000, 1)} " + ("km" if lang == "en" else "公里")
    here, way = distance_m < _HERE_M, bearing_word(degrees, lang)
    if lang == "en":
        name = ", ".join(one for one in (village, township) if one)
        return f"the middle of {name}" if here else f"{far} {way} of the middle of {name}"
    name = "".join(one for one in (township, village) if one)
    return f"{name}中心" if here else f"{name}中心{way}约 {far}"


def told(code: str, lang: str) -> str:
    """A sentence of the verdict by its code."""
    return _TOLD[code][lang == "en"]

"""Units in files: of quantity with their exact size, and the words by which a header says a field's unit."""

import unicodedata
from decimal import Decimal, localcontext

TONNES = {
    "t": Decimal(1),
    "kg": Decimal("0.001"),
    "g": Decimal("0.000001"),
    "lb": Decimal("0.00045359237"),  # the international pound of 1959, exact by definition
}
CUBIC_METRES = {"m3": Decimal(1), "l": Decimal("0.001")}
"""volumes become tonnes by a density and never without one"""
EXACT_DIGITS = 120
"""more than the product of the longest numbers that are read has"""
_POUND_DIGITS = 28
_WORDS = {
    "吨": "t",
    "tonne": "t",
    "tonnes": "t",
    "千克": "kg",
    "公斤": "kg",
    "克": "g",
    "磅": "lb",
    "lbs": "lb",
    "pound": "lb",
    "pounds": "lb",
    "立方米": "m3",
    "立方": "m3",
    "方": "m3",
    "m^3": "m3",
    "cbm": "m3",
    "升": "l",
    "公升": "l",
    "litre": "l",
    "litres": "l",
    "liter": "l",
    "liters": "l",
}

UNIT_WORDS: dict[str, frozenset[str]] = {
    "人": frozenset(("人", "person", "persons", "people")),
    "分钟": frozenset(("分钟", "分", "min", "minute", "minutes")),
    "秒": frozenset(("秒", "秒钟", "s", "sec", "second", "seconds")),
    "吨/立方米": frozenset(("吨/立方米", "t/m3", "g/cm3", "克/立方厘米", "kg/l", "千克/升", "g/ml")),
    "度": frozenset(
        (
            *("度", "°", "deg", "degree", "degrees", "十进制", "十进制度", "e", "n", "东经", "北纬"),
            *("wgs84", "wgs-84", "cgcs2000", "国家2000", "2000坐标系", "epsg:4326", "epsg:4490"),
        )
    ),
}
"""units other than of quantity: all ways to write each, in half width and lower case"""
UNIT_OF_FIELD = {
    "people": "人",
    "people_day": "人",
    "people_night": "人",
    "workers": "人",
    "rescue_min": "分钟",
    "interval_s": "秒",
    "density_t_m3": "吨/立方米",
    "lon": "度",
    "lat": "度",
}
"""the unit in which a field of numbers is given; fields not named here have none"""


def plain_unit(text: str) -> str:
    """A unit as written, in half width, lower case and without blanks: `ｍ³` and `M3` are one."""
    return "".join(unicodedata.normalize("NFKC", text).casefold().split())


def known_unit(text: str) -> str | None:
    """The unit of quantity that a text names (`lb`, `磅`, `ＫＧ`, `m³`); None where it names none of ours."""
    plain = plain_unit(text)
    plain = _WORDS.get(plain, plain)
    return plain if plain in TONNES or plain in CUBIC_METRES else None


def tonnes(amount: Decimal, unit: str) -> Decimal:
    """An amount in a known unit of mass as tonnes, exactly; of pounds with more than 20 digits to 28 significant ones.

    So 0.1 t, which no finite number of pounds is, comes back from the 30 digits it is written out with.
    """
    with localcontext(prec=_POUND_DIGITS if unit == "lb" else EXACT_DIGITS):
        return amount * TONNES[unit]

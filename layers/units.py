"""Units of quantity in files and their exact size in tonnes."""

import unicodedata
from decimal import Decimal

TONNES = {
    "t": Decimal(1),
    "kg": Decimal("0.001"),
    "g": Decimal("0.000001"),
    "lb": Decimal("0.00045359237"),  # the international pound of 1959, exact by definition
}
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
}


def known_unit(text: str) -> str | None:
    """The unit that a text names (`lb`, `磅`, `ＫＧ`); None where it names none of ours."""
    plain = unicodedata.normalize("NFKC", text).strip().casefold()
    plain = _WORDS.get(plain, plain)
    return plain if plain in TONNES else None


def tonnes(amount: Decimal, unit: str) -> Decimal:
    """An amount in a known unit as tonnes, exactly."""
    return amount * TONNES[unit]

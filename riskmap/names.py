"""How people write substances: names with brackets and every kind of width, dash and blank; CAS numbers."""

import re
import unicodedata
from collections.abc import Iterable
from dataclasses import dataclass

_BLANK = {"", "-", "--", "/", "无", "未知", "不详", "不适用", "n/a", "na", "none", "null"}
_DASHES = re.compile(r"\s*[-‐‑‒–—―−－]\s*")
_LIST = re.compile(r"[;,、|/+\s]+")
_CAS_LABEL = re.compile(r"cas(?:rn)?\s*(?:no\.?|号码?)?\s*:?\s*")
_CAS = re.compile(r"0*(\d{2,7})-?(\d{2})-?0?(\d)")
_OPENING, _CLOSING = "([{〔【〖「", ")]}〕】〗」"
_NOT_IN_KEY = re.compile(r"[^\w%<>≤≥]|_")
_SPELLINGS = (("sulph", "sulf"), ("aluminium", "aluminum"), ("<=", "≤"), (">=", "≥"), ("≦", "≤"), ("≧", "≥"))


def tidy(text: str | None) -> str:
    """The text in half width and lower case with single blanks; empty where it only says that nothing is known."""
    plain = " ".join(unicodedata.normalize("NFKC", text or "").casefold().split())
    return "" if plain in _BLANK else plain


def name_key(text: str) -> str:
    """What two spellings of one name have in common: letters, digits, characters, and the signs of a limit.

    `１，3－丁二烯` and `1,3-丁二烯` have one key, so have `Sulphur dioxide` and `SULFUR DIOXIDE`.
    """
    key = tidy(text)
    for theirs, ours in _SPELLINGS:
        key = key.replace(theirs, ours)
    return _NOT_IN_KEY.sub("", key)


def cas_number(text: str) -> str | None:
    """One CAS number in its usual form, or None where form or check digit is wrong.

    Leading zeros and missing dashes are mended. The last digit must be the sum of the others, each multiplied
    by its place counted from the right, modulo 10.
    """
    parts = _CAS.fullmatch(_DASHES.sub("-", tidy(text)))
    if parts is None:
        return None
    first, second, check = parts.groups()
    total = sum(place * int(digit) for place, digit in enumerate(reversed(first + second), start=1))
    if total % 10 != int(check) or int(first) < 10:
        return None
    return f"{int(first)}-{second}-{check}"


def cas_numbers(text: str | None) -> tuple[str | None, ...]:
    """The CAS numbers of a cell, None for each that is wrong; empty where the cell says nothing."""
    plain = _CAS_LABEL.sub("", _DASHES.sub("-", tidy(text))).strip()
    return tuple(cas_number(part) for part in _LIST.split(plain) if part)


def class_symbols(text: str | None) -> tuple[str, ...]:
    """The hazard class symbols of a cell, upper case and each once: `w5.4、J5` gives (`W5.4`, `J5`)."""
    plain = re.sub(r"(?<=[JW])\s+(?=\d)", "", tidy(text).upper())
    return tuple(dict.fromkeys(part for part in _LIST.split(plain) if part))


def split_brackets(text: str) -> tuple[str, tuple[tuple[str, bool], ...]]:
    """The text outside all brackets, and what stands in each outermost pair, with whether the pair is square.

    `Methyl ether [Methane, oxybis-]` gives (`Methyl ether`, ((`Methane, oxybis-`, True),)).
    """
    outside: list[str] = []
    inside: list[tuple[str, bool]] = []
    opened: list[int] = []
    for place, sign in enumerate(text):
        if sign in _OPENING:
            opened.append(place)
        elif sign in _CLOSING and opened:
            start = opened.pop()
            if not opened:
                inside.append((text[start + 1 : place].strip(), text[start] in "[【〔"))
        elif not opened:
            outside.append(sign)
    if opened:  # never closed: what follows belongs to the name
        inside.append((text[opened[0] + 1 :].strip(), False))
    return "".join(outside).strip(), tuple(inside)


def is_latin(text: str) -> bool:
    """Whether the text has no letter beyond Latin ones."""
    return text.isascii()


@dataclass(frozen=True)
class Words:
    """A list of words to be found in tidy text: Latin ones as whole words, Chinese ones anywhere."""

    anywhere: re.Pattern[str]
    at_an_end: re.Pattern[str]
    keys: frozenset[str]

    @classmethod
    def of(cls, words: Iterable[str]) -> "Words":
        """The list of these words; the longest of two that begin alike wins."""
        ordered = sorted({tidy(word) for word in words}, key=lambda word: (-len(word), word))
        latin = "|".join(re.escape(word) for word in ordered if word.isascii() and word[0].isalpha())
        other = "|".join(re.escape(word) for word in ordered if not (word.isascii() and word[0].isalpha()))
        never = "(?!)"
        return cls(
            anywhere=re.compile(rf"\b(?:{latin or never})\b|{other or never}", re.ASCII),
            at_an_end=re.compile(
                rf"^(?:{latin or never})\b[\s,]*|[\s,]+(?:{latin or never})$|^(?:{other or never})|(?:{other or never})$",
                re.ASCII,
            ),
            keys=frozenset(name_key(word) for word in ordered),
        )

    def within(self, text: str) -> bool:
        """Whether one of the words stands in the tidy text."""
        return self.anywhere.search(text) is not None

    def taken_off(self, text: str) -> str:
        """The tidy text without one of the words at its beginning or end; unchanged where there is none."""
        return self.at_an_end.sub("", text, count=1).strip(" ,;-")

"""One cell's text → one typed value, by the kind of its field; what cannot be read says why and what to write.

Numbers are exact decimals until they are known to be whole or to fit. Full-width digits, blanks of every kind,
invisible characters and the apostrophe that marks text (Excel puts it before numbers kept as text, our exports
before what a spreadsheet would compute) are taken off.
"""

import re
import unicodedata
from collections.abc import Callable
from datetime import date, datetime, time
from decimal import Decimal, InvalidOperation
from functools import cache
from typing import Any

from layers.choices import LANGUAGES, choice_words
from layers.fields import Field
from layers.history import CLOCK

YEARS = range(1900, 2201)
MOST_DIGITS = 30
"""most digits of a number: more is a mistake, not precision"""

CLEAN_CODE = r"^[A-Z0-9_./:-][A-Z0-9_./:#-]*$"
"""RE2: a code that `read_code` gives back as it is"""
CLEAN_TEXT = r"^[A-Za-z0-9\p{Han}_.()（）·，。、-]+( [A-Za-z0-9\p{Han}_.()（）·，。、-]+)*$"
"""RE2: a text that `read_text` gives back as it is"""

_FORMULA_SIGNS = "=+@＝＋－＠-"
"""with one of these a spreadsheet takes a cell for a formula; `-` last, so that it is no span in a pattern"""
_APOSTROPHES = frozenset("'‘’＇`")
_APOSTROPHE = re.compile(rf"['‘’＇`](?=['‘’＇`]*\s*[\w{_FORMULA_SIGNS}])")
_EXAMPLE = re.compile(r"\s*(示例|example)\s*[:：]", re.IGNORECASE)
_SCIENTIFIC = re.compile(r"\d(\.\d+)?[eE]\+\d+", re.ASCII)
_CREDIT_CODE = re.compile(r"[0-9A-Y]{2}\d{6}[0-9a-zA-Z]{10}", re.ASCII)
_NUMBER = re.compile(r"[+-]?(\d+(\.\d*)?|\.\d+)([eE][+-]?\d{1,3})?", re.ASCII)
_THOUSANDS = re.compile(r"[+-]?\d{1,3}(,\d{3})+(\.\d+)?", re.ASCII)
_NOT_FINITE = re.compile(r"[+-]?(nan|inf|infinity)", re.IGNORECASE)
_ERRORS = frozenset(("#REF!", "#N/A", "#VALUE!", "#DIV/0!", "#NAME?", "#NUM!", "#NULL!"))
"""what a spreadsheet writes where a formula has no result"""
_DATE = re.compile(
    r"(\d{4})(?:[-/.](\d{1,2})[-/.](\d{1,2})|年(\d{1,2})月(\d{1,2})日|(\d{2})(\d{2}))", re.ASCII
)
_TIME = re.compile(
    r"[T\s]*(\d{1,2}):(\d{2})(?::(\d{2})(?:\.(\d{1,6})\d*)?)?\s*(Z|z|[+-]\d{2}:?\d{2})?", re.ASCII
)
_LIST = re.compile(r"[;,；，、|\s]+")
_TRUE = {"true", "1", "yes", "y", "是", "有", "√"}
_FALSE = {"false", "0", "no", "n", "否", "无", "×"}


class Unreadable(ValueError):
    """A cell that cannot be what its field holds: the reason, and what to write instead."""

    def __init__(self, reason: str, remedy: str = "") -> None:
        super().__init__(reason)
        self.reason = reason
        self.remedy = remedy


def is_formula(text: str) -> bool:
    """Whether a spreadsheet may take a text for a formula."""
    return (text.lstrip()[:1] or "x") in _FORMULA_SIGNS


def tidy(text: str) -> str:
    """The text without invisible characters, outer blanks and the apostrophe that marks text; Unreadable with
    control characters, and where it is the error of a formula."""
    plain = text
    if not text.isprintable():
        plain = "".join(
            " " if sign in "\t\r\n" else sign for sign in text if unicodedata.category(sign) != "Cf"
        )
        if any(map(breaks_files, plain)):
            raise Unreadable("含有控制字符", "请删去该单元格中不可见的字符")
    plain = plain.strip()
    if plain[:1] == "#" and plain.upper() in _ERRORS:
        raise Unreadable("公式的结果是错误值", "请改正公式，或直接填写数值")
    return plain[1:].strip() if has_mark(plain) else plain


def breaks_files(sign: str) -> bool:
    """Whether a character is no part of a text: control characters, halves of pairs, what XML cannot hold."""
    return unicodedata.category(sign) in {"Cc", "Cs"} or sign in "\ufffe\uffff"


def has_mark(text: str) -> bool:
    """Whether a text begins with the apostrophe that `tidy` takes off: one, before a word, a number or a formula."""
    return text[:1] in _APOSTROPHES and _APOSTROPHE.match(text) is not None


def is_example(first_cell: str) -> bool:
    """Whether a row is a template's example, by its first cell: it begins with 示例： or Example:."""
    return first_cell[:1] in "示Ee \t" and _EXAMPLE.match(first_cell) is not None


def half_width(text: str) -> str:
    """Tidy text in half width."""
    return unicodedata.normalize("NFKC", tidy(text)).strip()


def _single_blanks(text: str) -> str:
    """The text with one space for each run of blanks; itself where it is one word, as most are."""
    words = text.split()
    return text if len(words) == 1 else " ".join(words)


def read_text(text: str, field: Field) -> str:
    """Free text: its own characters, within the field's length."""
    plain = _single_blanks(tidy(text))
    if len(plain) > field.length:
        raise Unreadable(f"超过 {field.length} 个字", "请缩短")
    return plain


def read_code(text: str, field: Field) -> str:
    """A code: half width; a unified social credit code in capitals."""
    plain = _single_blanks(half_width(text))
    if _SCIENTIFIC.fullmatch(plain):
        raise Unreadable("编码已被表格软件改成科学计数", "请把该列设为文本格式后重新填写")
    if len(plain) > field.length:
        raise Unreadable(f"超过 {field.length} 个字符", "请核对编码")
    return plain.upper() if _CREDIT_CODE.fullmatch(plain) else plain


def read_decimal(text: str, field: Field) -> Decimal:
    """An exact number within the field's limits."""
    plain = half_width(text)
    if _NOT_FINITE.fullmatch(plain):
        raise Unreadable("不是有限的数", "请填写数字，不知道则留空")
    if _THOUSANDS.fullmatch(plain):
        plain = plain.replace(",", "")
    if not _NUMBER.fullmatch(plain):
        raise Unreadable("不是数字", "只填数字，不带单位")
    try:
        number = Decimal(plain)
    except InvalidOperation:
        raise Unreadable("不是数字", "只填数字，不带单位") from None
    check_range(number, field)
    exponent = number.as_tuple().exponent
    if (
        len(number.as_tuple().digits) > MOST_DIGITS
        or not isinstance(exponent, int)
        or exponent < -MOST_DIGITS
    ):
        raise Unreadable(f"超过 {MOST_DIGITS} 位数字", "请四舍五入到合理的位数")
    return number


def check_range(number: Decimal, field: Field) -> None:
    """Unreadable where the number is outside the field's limits."""
    if field.low is not None and number < Decimal(field.low):
        raise Unreadable("不能为负" if field.low == 0 else f"小于下限 {field.low:g}", "请核对数值")
    if field.high is not None and number > Decimal(field.high):
        raise Unreadable(f"大于上限 {field.high:g}", "请核对数值和单位")


def read_number(text: str, field: Field) -> float:
    """A measured number."""
    return float(read_decimal(text, field))


def read_int(text: str, field: Field) -> int:
    """A whole number, also where it is written with a point and zeros."""
    number = read_decimal(text, field)
    if number != number.to_integral_value():
        raise Unreadable("须为整数", "请改为整数")
    return int(number)


def read_bool(text: str, _field: Field) -> bool:
    """Yes or no, in figures or words."""
    plain = half_width(text).casefold()
    if plain in _TRUE | _FALSE:
        return plain in _TRUE
    raise Unreadable("不是“是”或“否”", "请填写 是 或 否")


def read_choice(text: str, field: Field) -> str:
    """One of the field's codes, also by its Chinese or English word."""
    plain = _single_blanks(half_width(text)).casefold()
    if _NUMBER.fullmatch(plain):
        plain = f"{Decimal(plain).normalize():f}"
    if plain in field.choices:
        return plain
    found = _codes_by_word(field).get(plain)
    if found is None:
        possible = " ".join(f"{word}({code})" for code, word in choice_words(field, "zh").items())
        raise Unreadable("不在可选值内", f"可选：{possible}")
    return found


@cache
def _codes_by_word(field: Field) -> dict[str, str]:
    return {
        half_width(word).casefold(): code
        for lang in LANGUAGES
        for code, word in choice_words(field, lang).items()
    }


def read_codes(text: str, field: Field) -> list[str]:
    """A list of codes, each once, in order."""
    parts = (
        read_code(part, field) for part in _LIST.split(half_width(text).strip("[]")) if part.strip("\"'")
    )
    return list(dict.fromkeys(part.strip("\"'") for part in parts))


def read_date(text: str, _field: Field) -> date:
    """A day: 2026-01-31, 2026/1/31, 2026.1.31, 2026年1月31日 or 20260131; a time of day behind it is dropped."""
    return _day_and_rest(text)[0]


def read_time(text: str, _field: Field) -> datetime:
    """An instant: a day, a time of day (none: midnight) and an offset (none: Asia/Shanghai)."""
    day, rest = _day_and_rest(text)
    match = _TIME.fullmatch(rest) if rest.strip() else None
    if match is None:
        return datetime.combine(day, time(), CLOCK)
    hour, minute, second, fraction, offset = match.groups()
    clock = f"{int(hour):02}:{minute}:{second or '00'}.{(fraction or '0').ljust(6, '0')}"
    try:
        instant = datetime.fromisoformat(f"{day.isoformat()}T{clock}{(offset or '').upper()}")
    except ValueError:
        raise Unreadable("不是有效的时间", "请写成 2026-01-31 08:30") from None
    return instant if instant.tzinfo else instant.replace(tzinfo=CLOCK)


def _day_and_rest(text: str) -> tuple[date, str]:
    plain = half_width(text)
    match = _DATE.match(plain)
    rest = plain[match.end() :] if match else ""
    if match is None or not (rest == "" or _TIME.fullmatch(rest)):
        raise Unreadable("不是日期", "请写成 2026-01-31")
    year, *parts = (int(part) for part in match.groups() if part is not None)
    try:
        day = date(year, *parts)
    except ValueError:
        raise Unreadable("没有这一天", "请核对日期") from None
    if year not in YEARS:
        raise Unreadable(f"年份不在 {YEARS.start}–{YEARS.stop - 1} 之间", "请核对日期")
    return day, rest


_CODES = {"code", "event_id", "cas", "industry"}


def is_code(field: Field) -> bool:
    """Whether a field holds a code, kept in half width, and not words."""
    return field.kind == "text" and (field.name in _CODES or field.name.endswith("_code"))


def reader_of(field: Field) -> Callable[[str, Field], Any]:
    """The function that reads this field's cells."""
    if field.kind == "text":
        return read_code if is_code(field) else read_text
    readers: dict[str, Callable[[str, Field], Any]] = {
        "int": read_int,
        "decimal": read_decimal,
        "number": read_number,
        "bool": read_bool,
        "choice": read_choice,
        "codes": read_codes,
        "date": read_date,
        "time": read_time,
    }
    return readers[field.kind]

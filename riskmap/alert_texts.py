"""The words of messages: templates of an edition, filled so that none grows too long or tells what it must not.

A message says who sends it and that it is internal, what is where in words of the village, with metres and people,
whether that is confirmed, why, what to do by when and what happens otherwise, whom to call, and its number. Each value
has a longest length, so a template that is accepted is never over the limit. Of a neighbour's record only what the
projection `neighbour` gives is told, whatever a fact holds.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from string import Formatter
from typing import Any, NamedTuple

from riskmap.alert_facts import KINDS, Fact
from riskmap.editions import Row
from riskmap.errors import BadInput
from riskmap.vocabulary import LEVELS, words
from riskmap.wording import bearing_word

MOST_CHARS = {"zh": 200, "en": 620}
CROSS_BORDER, CLEARED = "cross_border", "cleared"
TEXTS = (*KINDS, CROSS_BORDER, CLEARED)
PANIC, _CALM = "可能爆炸", "有险情"
FORBIDDEN = (PANIC, "危险区")
"""what no template may say: it causes panic, or is not our word (高风险区域)"""
_COORDINATES = re.compile(r"\d{2,3}\.\d{3,}")
_CONTROL = re.compile(r"[\x00-\x1f\x7f{}]+")


class Field(NamedTuple):
    """A value of a message: its longest length in Chinese and English, and what stands where it is not known."""

    most_zh: int
    most_en: int
    zh: str
    en: str


FIELDS: Mapping[str, Field] = {
    "place": Field(12, 40, "本辖区", "your area"),
    "kind": Field(8, 30, "危险源", "source"),
    "name": Field(12, 40, "未命名", "unnamed"),
    "target": Field(6, 30, "居民点", "homes"),
    "metres": Field(6, 6, "若干", "some"),
    "people": Field(6, 8, "若干", "some"),
    "bearing": Field(2, 10, "附近", "side"),
    "level": Field(7, 30, "等级见系统", "see the system for its level"),
    "confirmed": Field(3, 13, "未确认", "not confirmed"),
    "why": Field(13, 60, "见系统说明", "see the system"),
    "by": Field(9, 16, "今日18时", "18:00 today"),
    "todo": Field(10, 50, "到现场核实并反馈", "check on the spot and report"),
    "otherwise": Field(8, 40, "将报市级督办", "the city is told"),
    "grade": Field(4, 14, "", ""),
    "days": Field(5, 5, "数", "some"),
    "substance": Field(10, 30, "危险物质", "its substance"),
    "percent": Field(5, 5, "超量", "over 100"),
    "sensor": Field(8, 30, "监测点", "a sensor"),
    "minutes": Field(6, 6, "数", "some"),
    "task": Field(8, 30, "法定事项", "what the law asks"),
    "what": Field(8, 30, "提示事项", "what was told"),
}
NEIGHBOUR = (
    "place",
    "kind",
    "name",
    "metres",
    "bearing",
    "level",
    "people",
    "confirmed",
    "by",
    "todo",
    "otherwise",
)
"""what may be told of a record of another township: the projection `neighbour`, and words about one's own ground"""
_WORDED = {"kind": "source_kind", "level": "level", "grade": "danger_grade"} | {
    "task": "due_task",
    "what": "fact_kind",
    "why": "alert_why",
}
"""values that a fact holds as codes, and the words for them; other text stays as it is"""
_NEEDED = ("place", "name", "confirmed", "todo")
_NEEDED_WHILE_ON = ("by", "otherwise")


class Frame(NamedTuple):
    """What stands around the text: who sends it, in which form and warning level, whom to call, under which number.

    `more`: how many others of its group are new with it.
    """

    signature: str
    form: str
    warn: int
    call: str
    phone: str
    number: str
    more: int = 0
    drill: bool = False


_FRAME = {
    "zh": "{drill}【{form}·内部】{signature}，预警级别{warn}：{body}{more}联系{call}{phone}。编号{number}",
    "en": "{drill}[{form}, internal] {signature}, warning level {warn}: {body} {more}Call {call} {phone}. No. {number}",
}
_FRAME_MOST = {
    "signature": {"zh": 10, "en": 40},
    "call": {"zh": 7, "en": 30},
    "phone": {"zh": 14, "en": 14},
    "number": {"zh": 11, "en": 11},
}
_WHOLE = ("phone", "number")
"""of no use where a part is cut off: then they are left out"""
_MORE = {"zh": "另有{}项。", "en": "{} more. "}
_MOST_MORE = 999
_DRILL = {"zh": "【演练】", "en": "[DRILL] "}
_FORMS, _WARNS = "alert_form", "warning_level"


@dataclass(frozen=True)
class Templates:
    """The texts of an edition by kind of message and language."""

    texts: Mapping[str, Mapping[str, str]]

    @classmethod
    def from_table(cls, table: Mapping[str, Any]) -> "Templates":
        """Build from the sections `texts` of a table.

        Raises BadInput, naming file, section and language, for a missing text, an unknown value in braces, words that
        no message may have, or a text that may grow over the limit.
        """
        file = f"{table.get('table', {}).get('edition', 'alerts')} [texts"
        texts = table.get("texts")
        if not isinstance(texts, dict):
            raise BadInput(f"{file}] 不存在", remedy="请补上各类提示的 zh 与 en 文字")
        Row(f"{file}]", None, texts).expect(TEXTS)
        for name, text in texts.items():
            row = Row(f"{file}.{name}]", None, text if isinstance(text, dict) else {})
            row.expect(("zh", "en"))
            for lang in MOST_CHARS:
                _check(row, name, lang)
        return cls(texts)

    def message(self, fact: Fact, frame: Frame, lang: str, *, cleared: bool = False) -> str:
        """The message about a fact, for one reader's language."""
        own = fact.side == "own"
        name = CLEARED if cleared else fact.kind if own else CROSS_BORDER
        confirmed = words(lang)["alert_confirmed"]["yes" if fact.confirmed else "no"]
        told = {field: value for field, value in fact.said.items() if own or field in NEIGHBOUR}
        told |= {"confirmed": confirmed}
        values = {field: _value(field, told.get(field), lang) for field in FIELDS}
        return _FRAME[lang].format(
            drill=_DRILL[lang] if frame.drill else "",
            form=words(lang)[_FORMS][frame.form],
            warn=words(lang)[_WARNS][LEVELS[frame.warn]],
            more=_MORE[lang].format(min(frame.more, _MOST_MORE)) if frame.more else "",
            body=self.texts[name][lang].format_map(values),
            **{field: _around(frame, field, most[lang]) for field, most in _FRAME_MOST.items()},
        )


def _around(frame: Frame, field: str, most: int) -> str:
    text = str(getattr(frame, field))
    return "" if field in _WHOLE and len(text) > most else _cut(text, most)


def _value(field: str, value: Any, lang: str) -> str:
    unknown = FIELDS[field].zh if lang == "zh" else FIELDS[field].en
    if field == "bearing" and isinstance(value, int):
        value = bearing_word(value, lang)
    if field in _WORDED and value:
        value = words(lang)[_WORDED[field]].get(str(value), value)
    return unknown if value is None or value == "" else _cut(str(value), _most(field, lang))


def _cut(text: str, most: int) -> str:
    """Without control characters, coordinates and words that cause panic, cut to its length."""
    clean = _CONTROL.sub(" ", _COORDINATES.sub("…", text)).strip().replace(PANIC, _CALM)
    return clean if len(clean) <= most else clean[: most - 1] + "…"


def _most(field: str, lang: str) -> int:
    return FIELDS[field].most_zh if lang == "zh" else FIELDS[field].most_en


def _check(row: Row, name: str, lang: str) -> None:
    text = row.text(lang)
    used = _placeholders(row, lang, text)
    allowed = NEIGHBOUR if name == CROSS_BORDER else tuple(FIELDS)
    for field in used:
        if field not in allowed:
            raise row.wrong(lang, f"不能用 {{{field}}}", f"可用：{'、'.join(allowed)}")
    for field in _NEEDED if name == CLEARED else (*_NEEDED, *_NEEDED_WHILE_ON):
        if field not in used:
            raise row.wrong(lang, f"缺少 {{{field}}}", "请补上，收信人需要知道")
    for phrase in FORBIDDEN:
        if phrase in text:
            raise row.wrong(lang, f"不得写 {phrase}", "请改用平实的说法")
    if _COORDINATES.search(text):
        raise row.wrong(lang, "不得写坐标", "请用村组的地名")
    longest, most = _longest(text, used, lang), MOST_CHARS[lang]
    if longest > most:
        raise row.wrong(lang, f"最长可达 {longest} 字，上限 {most} 字", "请缩短文字")


def _placeholders(row: Row, lang: str, text: str) -> list[str]:
    try:
        parts = [part for part in Formatter().parse(text) if part[1] is not None]
    except ValueError:
        raise row.wrong(lang, "花括号不成对", "值写成 {place} 的形式") from None
    if any(spec or conversion for _, _, spec, conversion in parts):
        raise row.wrong(lang, "花括号内只能是值的名称", "值写成 {place} 的形式")
    return [str(field) for _, field, _, _ in parts]


def _longest(text: str, used: list[str], lang: str) -> int:
    values = {field: "字" * _most(field, lang) for field in used}
    around = {field: "字" * most[lang] for field, most in _FRAME_MOST.items()}
    forms, warns = (max(words(lang)[group].values(), key=len) for group in (_FORMS, _WARNS))
    body = text.format_map(values)
    around |= {"drill": _DRILL[lang], "more": _MORE[lang].format(_MOST_MORE)}
    return len(_FRAME[lang].format(form=forms, warn=warns, body=body, **around))

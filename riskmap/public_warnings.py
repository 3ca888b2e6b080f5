"""Warnings to the public (公开预警): a draft until a person with the authority approves it, with number and signatory.

Issued by government (突发事件应对法 63–64): the program drafts, asks for the approval, and tells other systems and the
model what was approved. Each step is somebody's: drafted, approved, withdrawn, replaced by a later one, lifted.
"""

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any, NamedTuple

from riskmap.cap import SEVERITY_OF
from riskmap.errors import BadInput, Refused
from riskmap.vocabulary import LEVELS, words

LAYER = "public_warning"
KINDS: Mapping[str, str] = {
    "hazchem": "CBRNE",
    "fire": "Fire",
    "gas": "Infra",
    "fireworks": "Safety",
    "mine": "Safety",
    "collapse": "Safety",
    "transport": "Transport",
    "natural": "Geo",
    "work_safety": "Safety",
}
"""what is warned of, and the category that CAP has for it"""
STATES = ("draft", "open", "withdrawn", "replaced", "lifted")
EXPIRED = "expired"
"""how an open one reads after its time: nobody's step"""
TRANSITIONS: Mapping[str, Mapping[str, str]] = {
    "approve": {"draft": "open"},
    "withdraw": {"draft": "withdrawn"},
    "replace": {"open": "replaced"},
    "lift": {"open": "lifted"},
}
"""by action and state the state that follows; `replace` is done by the approval of the one that replaces it"""
NOTED = ("withdraw", "lift")
"""actions that need a note: why"""
DRAFTERS = ("admin", "city", "township")
"""roles that may draft; a township for its own ground alone"""
APPROVERS = ("admin", "city")
"""roles with the authority to approve and to lift, as the database demands it, too"""
MOST_CHARS = {"zh": 200, "en": 620}
"""of the message that goes out by channels of short texts"""
LONGEST = timedelta(days=30)
"""a warning that lasts longer is a slip of the pen"""
_TWO = 2
_NO_NUMBER, _NO_NAME = "政办〔0000〕00号", "某某某"
"""what the short message of a draft keeps free for"""
_MOST_NUMBER, _MOST_NAME, _MOST_NOTE = 40, 20, 400


class Said(NamedTuple):
    """A public warning in one language: where, what is coming, what to do, and what it is called (by the program)."""

    area: str
    text: str
    advice: str
    title: str = ""


WRITTEN = ("area", "text", "advice")
"""what a person writes of it"""


class PublicWarning(NamedTuple):
    """What is warned of, how urgently, in words, until when; `number` and `signatory` are '' before the approval."""

    kind: str
    level: int
    said: Mapping[str, Said]
    until: datetime
    number: str = ""
    signatory: str = ""


def check_draft(one: PublicWarning, names: Mapping[str, str]) -> None:
    """BadInput naming the field for an unknown kind or level, or a text that is missing or too long.

    `names` are the city's by language.
    """
    if one.kind not in KINDS:
        raise BadInput(f"未知的预警类别 {one.kind}", remedy=f"可用：{'、'.join(KINDS)}", field="kind")
    if one.level not in LEVELS:
        raise BadInput("未知的预警级别", remedy=f"可用：{'、'.join(SEVERITY_OF)}", field="level")
    for lang, said in one.said.items():
        for name in WRITTEN:
            if not getattr(said, name).strip():
                raise BadInput("中英文的范围、内容和防范措施都要写", remedy="请补充", field=f"{name}_{lang}")
        length = len(short_message(names[lang], one._replace(number=_NO_NUMBER, signatory=_NO_NAME), lang))
        if length > MOST_CHARS[lang]:
            raise BadInput(
                f"短信文本有 {length} 字，超过 {MOST_CHARS[lang]} 字",
                remedy="请精简内容和防范措施",
                field=f"text_{lang}",
                length=length,
            )


def check_end(until: datetime, now: datetime) -> None:
    """BadInput for an end that is past, or farther away than any warning lasts."""
    if not now < until <= now + LONGEST:
        raise BadInput("有效期须在现在之后，且不超过 30 天", remedy="请改正有效期", field="until")


def check_approval(number: str, signatory: str) -> None:
    """BadInput for an approval without number or signatory."""
    for field, value, most in (("number", number, _MOST_NUMBER), ("signatory", signatory, _MOST_NAME)):
        if not value.strip() or len(value) > most:
            raise BadInput("审批须写明发布文号和签发人", remedy=f"请填写，不超过 {most} 字", field=field)


def after(action: str, state: str, note: str = "") -> str:
    """The state that follows a step. BadInput without a note where one is needed, Refused where the state forbids it."""
    if (action in NOTED and not note.strip()) or len(note) > _MOST_NOTE:
        raise BadInput("请写明原因", remedy=f"请填写原因，不超过 {_MOST_NOTE} 字", field="note")
    follows = TRANSITIONS[action].get(state)
    if follows is None:
        raise Refused("这条公开预警的状态不允许这一步", remedy="请刷新页面查看最新状态")
    return follows


def check_second_person(drafter: str, approver: str, signatures: int) -> None:
    """Refused where the rules ask two signatures for this level and both would be one person's."""
    if signatures >= _TWO and drafter == approver:
        raise Refused(
            "这一级别的预警须由两人签署：起草人不能自己审批",
            remedy="请由另一位有权的人员审批",
            field="drafter",
        )


def standing(state: str, until: datetime, now: datetime) -> str:
    """The state as it reads at an instant: an open one is over after its time."""
    return EXPIRED if state == "open" and until <= now else state


def headline(city: str, kind: str, level: int, lang: str) -> str:
    """What it is called: city, kind, level with its scale."""
    say = words(lang)
    return _text(lang, "headline").format(
        city=city,
        kind=say["public_kind"].get(kind, kind),
        level=say["warning_level"].get(LEVELS.get(level, ""), ""),
    )


def issuer(city: str, lang: str) -> str:
    """Who issues: the government of the city."""
    return _text(lang, "issuer").format(city=city)


def short_message(city: str, one: PublicWarning, lang: str) -> str:
    """The text for channels of short messages, number and signatory in it."""
    said = one.said[lang]
    return _text(lang, "short").format(
        issuer=issuer(city, lang),
        headline=said.title,
        until=one.until.strftime("%m-%d %H:%M"),
        number=one.number,
        signatory=one.signatory,
        area=said.area,
        text=said.text,
        advice=said.advice,
    )


def over_text(one: PublicWarning, note: str, lang: str) -> Said:
    """What is said when it is over; the reason stands in the language it was written in."""
    said, reason = one.said[lang], note if lang == "zh" else ""
    text = _text(lang, "over").format(headline=said.title, number=one.number, reason=reason).strip()
    return said._replace(text=text, advice=_text(lang, "over_advice"))


def said_of(row: Mapping[str, Mapping[str, Any]]) -> dict[str, Said]:
    """The wording as it is kept, by language."""
    return {lang: Said(**said) for lang, said in row.items()}


def _text(lang: str, name: str) -> str:
    return words(lang)["public_text"][name]

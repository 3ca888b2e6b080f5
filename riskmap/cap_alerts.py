"""A warning of ours as a CAP message: who may see it, what it replaces, both languages.

Only what a person with the authority has approved is Public, with number and signatory; everything else is Restricted
and says so. A drill is an Exercise and never Public. A cancellation says that it is over.
"""

from dataclasses import dataclass
from datetime import datetime
from typing import Literal

from riskmap.cap import (
    SEVERITY_OF,
    CapAlert,
    CapArea,
    CapInfo,
    Certainty,
    MsgType,
    Reference,
    Ring,
    Urgency,
)

RESTRICTION = "内部：仅限经授权的政务人员 Internal: authorised officials only"
DRILL_NOTE = "演练，并非真实预警 Exercise, not a real warning"
LANGUAGES = {"zh": "zh-CN", "en": "en-US"}
_COLOUR = {
    "red": ("红色", "red"),
    "orange": ("橙色", "orange"),
    "yellow": ("黄色", "yellow"),
    "blue": ("蓝色", "blue"),
}
_SAFE = frozenset("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789.-_")

Level = Literal["red", "orange", "yellow", "blue"]


@dataclass(frozen=True, slots=True)
class Approval:
    """Who released a public warning under which number."""

    number: str
    signatory: str
    at: datetime


@dataclass(frozen=True, slots=True)
class Wording:
    """A warning in one language. No neighbour's records, no names of persons."""

    event: str
    headline: str
    description: str
    instruction: str
    area: str
    sender_name: str


@dataclass(frozen=True, slots=True)
class Outgoing:
    """What a message is made of: the `n`-th (from 1) about warning `code`; `earlier` are all that it replaces.

    `code` is made of letters, digits, dots and dashes, as it stands in an address.
    """

    code: str
    n: int
    sender: str
    sent: datetime
    msg_type: MsgType
    level: Level
    wording: dict[str, Wording]
    onset: datetime
    expires: datetime
    category: str = "Safety"
    urgency: Urgency = "Immediate"
    certainty: Certainty = "Observed"
    responses: tuple[str, ...] = ("Prepare",)
    rings: tuple[Ring, ...] = ()
    geocodes: tuple[tuple[str, str], ...] = ()
    contact: str = ""
    approval: Approval | None = None
    drill: bool = False
    earlier: tuple[Reference, ...] = ()


def compose(out: Outgoing) -> CapAlert:
    """The message, Chinese first. ValueError for a code that no address can hold."""
    if not out.code or not set(out.code) <= _SAFE:
        raise ValueError(f"not a code for CAP: {out.code!r}")
    public = out.approval is not None and not out.drill
    return CapAlert(
        identifier=f"{out.code}.{out.n}",
        sender=out.sender,
        sent=out.sent,
        status="Exercise" if out.drill else "Actual",
        msg_type=out.msg_type,
        scope="Public" if public else "Restricted",
        restriction="" if public else RESTRICTION,
        note=DRILL_NOTE if out.drill else "",
        references=out.earlier,
        infos=tuple(_info(out, lang, out.wording[lang]) for lang in LANGUAGES if lang in out.wording),
    )


def _info(out: Outgoing, lang: str, said: Wording) -> CapInfo:
    over = out.msg_type == "Cancel"
    return CapInfo(
        language=LANGUAGES[lang],
        categories=(out.category,),
        event=said.event,
        responses=("AllClear",) if over else out.responses,
        urgency="Past" if over else out.urgency,
        severity=SEVERITY_OF[out.level],
        certainty=out.certainty,
        effective=out.sent,
        onset=out.onset,
        expires=max(out.expires, out.onset),
        sender_name=said.sender_name,
        headline=said.headline,
        description=said.description,
        instruction=said.instruction,
        contact=out.contact,
        parameters=_parameters(out, lang),
        areas=(CapArea(said.area, out.rings, (), out.geocodes),),
    )


def _parameters(out: Outgoing, lang: str) -> tuple[tuple[str, str], ...]:
    """The colour with its scale; of a public warning its number and who signed it."""
    zh = lang == "zh"
    colour = _COLOUR[out.level][0 if zh else 1]
    approved = (
        ()
        if out.approval is None
        else (
            ("文号" if zh else "number", out.approval.number),
            ("签发人" if zh else "signatory", out.approval.signatory),
        )
    )
    return (("预警级别" if zh else "warning level", colour), *approved)

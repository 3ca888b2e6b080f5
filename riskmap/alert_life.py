"""The life of a warning: 发布 → 送达 → 签收 → 处置 → 反馈 → 解除 → 归档, one table, and who is reminded when it stands still."""

from collections.abc import Iterable, Mapping
from typing import NamedTuple

from riskmap.alert_rules import AlertRules
from riskmap.errors import AlreadySigned, BadInput, Refused

STATES = ("fired", "sent", "signed", "handling", "reported", "lifted", "archived")
OPEN = STATES[: STATES.index("lifted")]
PROGRAM = "riskmap"
"""who acts where no person does"""
TRANSITIONS: Mapping[str, Mapping[str, str]] = {
    "send": {"fired": "sent"},
    "sign": {"fired": "signed", "sent": "signed"},
    "handle": {"signed": "handling", "reported": "handling"},
    "report": {"handling": "reported", "reported": "reported"},
    "lift": {"reported": "lifted"},
    "archive": {"lifted": "archived"},
    "renew": {"sent": "fired", "signed": "fired", "handling": "fired", "reported": "fired"},
    "clear": dict.fromkeys(OPEN, "lifted"),
}
"""by action and state the state that follows; `renew` (it became worse: signed for anew) and `clear` (its facts are
over) are the program's own"""
_SIGNED = ("signed", "handling", "reported")
"""who signs now joins those who did"""
_CALLED = "call"
"""a call that nobody answered: a row of its life that proves nothing"""
BY_PROGRAM = ("send", "renew", "clear")
PROOFS = ("sent", "delivered", "read", "signed", "answered", "acted")
"""what is proven of each person, each with its own time: none of them stands for another"""
_PROOF_OF = {
    "send": "sent",
    "deliver": "delivered",
    "read": "read",
    "sign": "signed",
    "answer": "answered",
    "handle": "acted",
}
UNSIGNED = ("fired", "sent")
"""states in which a warning waits for its signatures"""
NOTED = ("report", "lift")
"""actions that need a note: what was done, why it is over"""
_MOST_NOTE = 1000


class Step(NamedTuple):
    """One row of a warning's life: who did what when, and what they noted."""

    action: str
    person: str
    at_s: int
    note: str = ""


class Life(NamedTuple):
    """Where a warning stands, and who signed since it was last fired."""

    state: str = "fired"
    signed_by: tuple[str, ...] = ()


def after(life: Life, step: Step, signatures: int) -> Life:
    """The life after a step; so many different people must sign before it counts as signed.

    Proofs (`deliver`, `read`, `answer`) leave it as it is. Raises Refused where the state does not allow the step or
    the same person signs again while signatures are missing, and BadInput for an unknown action, a missing person or a
    missing note.
    """
    _check(step)
    if step.action not in TRANSITIONS:
        return life
    if step.action == "sign" and life.state in _SIGNED:
        return life._replace(signed_by=_with(life.signed_by, step.person))
    state = TRANSITIONS[step.action].get(life.state)
    if state is None:
        allowed = (
            "、".join(sorted(name for name, steps in TRANSITIONS.items() if life.state in steps)) or "无"
        )
        raise Refused(f"状态 {life.state} 不能 {step.action}", remedy=f"当前可用：{allowed}")
    if step.action == "sign":
        missing = signatures - len(life.signed_by)
        if step.person in life.signed_by and missing > 0:
            told = f"{step.person} 已经签收，不能再签一次"
            raise AlreadySigned(told, remedy=f"还需另外 {missing} 人签收", missing=missing)
        signed = _with(life.signed_by, step.person)
        return Life(state if len(signed) >= signatures else life.state, signed)
    return Life(state) if state == "fired" else life._replace(state=state)


def lived(steps: Iterable[Step], signatures: int) -> Life:
    """The life that follows from all steps, in their order."""
    life = Life()
    for step in steps:
        life = after(life, step, signatures)
    return life


def proofs(steps: Iterable[Step]) -> dict[str, dict[str, int]]:
    """By person what is proven and when for the first time; the program proves nothing of itself."""
    found: dict[str, dict[str, int]] = {}
    for step in sorted(steps, key=lambda step: step.at_s):
        proof = _PROOF_OF.get(step.action)
        if proof and step.person != PROGRAM:
            found.setdefault(step.person, {}).setdefault(proof, step.at_s)
    return found


class Standing(NamedTuple):
    """What reminders ask of a warning: `fired_s` when last fired, `signed_s` when signed, `acted_s` the last handling."""

    warning: str
    warn: int
    state: str
    fired_s: int
    signed_s: int | None = None
    acted_s: int | None = None


class Reminder(NamedTuple):
    """Somebody must be told that a warning stands still: `unsigned` goes up the chain, `forgotten` to who signed.

    `n` counts within the reason: one (warning, reason, n) is one message, however often it is asked for.
    """

    warning: str
    reason: str
    n: int
    audience: str


SIGNATORIES = "signatories"


def reminders(standing: Iterable[Standing], rules: AlertRules, at_s: int) -> list[Reminder]:
    """What is to be reminded of by now, in order; every earlier round is named again, the outbox knows what it has."""
    found = []
    for one in standing:
        if one.state in UNSIGNED:
            rounds = (at_s - one.fired_s) // rules.sign_s.of(one.warn)
            found += [
                Reminder(one.warning, "unsigned", n, audience)
                for n, audience in enumerate(rules.chain[: max(rounds, 0)], 1)
            ]
        elif one.state in ("signed", "handling") and one.signed_s is not None:
            since_s = max(one.signed_s, one.acted_s or one.signed_s)
            n = (at_s - since_s) // rules.forgotten_s.of(one.warn)
            if n > 0:
                found.append(Reminder(one.warning, "forgotten", n, SIGNATORIES))
    return sorted(found)


def _with(signed_by: tuple[str, ...], person: str) -> tuple[str, ...]:
    return tuple(dict.fromkeys((*signed_by, person)))


def _check(step: Step) -> None:
    if step.action not in {*TRANSITIONS, *_PROOF_OF, _CALLED}:
        known = "、".join(sorted({*TRANSITIONS, *_PROOF_OF, _CALLED}))
        raise BadInput(f"未知的步骤 {step.action}", remedy=f"可用：{known}")
    if not step.person.strip():
        raise BadInput("步骤没有责任人", remedy="请写明姓名")
    if step.action in NOTED and not step.note.strip():
        raise BadInput(f"{step.action} 没有说明", remedy="请写明做了什么、结果如何")
    if len(step.note) > _MOST_NOTE:
        raise BadInput("说明过长", remedy=f"请缩短到 {_MOST_NOTE} 字以内")

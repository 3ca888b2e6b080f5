"""叫应: called by voice until the named person, a deputy or a superior confirms, else a knock on the door; each a row.

A call counts only when the person called confirms by key, or the caller notes who answered and what was repeated.
"""

from collections.abc import Iterable, Mapping, Sequence
from typing import NamedTuple

from riskmap.alert_rules import Calling
from riskmap.errors import BadInput

NAMED, DEPUTY, SUPERIOR, KNOCK = "named", "deputy", "superior", "knock"
BY_KEY, NOTED, NO_ANSWER = "key", "noted", "no_answer"
RESULTS = (BY_KEY, NOTED, NO_ANSWER)
DROPPED = "dropped"
"""what becomes of a call on the list that is no longer needed: somebody signed, or it is over"""
CALL, WAIT, DONE, DESK = "call", "wait", "done", "desk"
_LONGEST_CHAIN = 10


class Officer(NamedTuple):
    """Who may be called: deputy and superior by code, absent while somebody else has the duty."""

    code: str
    person: str
    phone: str = ""
    deputy: str = ""
    superior: str = ""
    absent: bool = False
    email: str = ""


class Callee(NamedTuple):
    """One in the chain, and as what."""

    officer: Officer
    rank: str


class Call(NamedTuple):
    """One attempt: of whom (code, rank), when, and what came of it; `answered_by` and `repeated` where it was noted."""

    code: str
    rank: str
    at_s: int
    result: str = NO_ANSWER
    answered_by: str = ""
    repeated: str = ""


class Next(NamedTuple):
    """What to do now: `call` or `knock` somebody, `wait` until, `done`, or tell the `desk` that nobody is on duty."""

    action: str
    callee: Callee | None = None
    until_s: int | None = None


def check_call(call: Call) -> None:
    """Raises BadInput for an unknown result, or an answer noted without who answered and what was repeated."""
    if call.result not in RESULTS:
        raise BadInput(f"未知的呼叫结果 {call.result}", remedy=f"可用：{'、'.join(RESULTS)}")
    if call.result == NOTED and not (call.answered_by.strip() and call.repeated.strip()):
        raise BadInput("叫应缺少接听人或复述内容", remedy="请写明谁接听、复述了什么，否则不算叫应")


def is_answered(call: Call) -> bool:
    """Whether the call counts: confirmed by key, or noted with who and what."""
    return call.result == BY_KEY or bool(
        call.result == NOTED and call.answered_by.strip() and call.repeated.strip()
    )


def chain_of(named: str, officers: Mapping[str, Officer]) -> tuple[Callee, ...]:
    """Who is called one after the other: the named person, deputies, superiors; whoever is absent is passed over."""
    found: list[Callee] = []
    seen: set[str] = set()

    def add(code: str, rank: str) -> None:
        while code in officers and code not in seen and len(seen) < _LONGEST_CHAIN:
            seen.add(code)
            officer = officers[code]
            if not officer.absent:
                found.append(Callee(officer, rank))
            code, rank = officer.deputy, DEPUTY

    add(named, NAMED)
    code = named
    passed: set[str] = set()
    while code in officers and code not in passed:
        passed.add(code)
        code = officers[code].superior
        add(code, SUPERIOR)
    return tuple(found)


def next_call(chain: Sequence[Callee], calls: Iterable[Call], calling: Calling, at_s: int) -> Next:
    """What to do now, from the chain and the calls made so far, in any order.

    The first call of each is at once, the second after `again_s`, the rest evenly until `within_s`; then the next one's
    turn comes. A call that was late is waited for just as long.
    """
    made = sorted((call for call in calls if call.at_s <= at_s), key=lambda call: call.at_s)
    if any(is_answered(call) for call in made):
        return Next(DONE)
    if not chain:
        return Next(DESK)
    offsets = _offsets(calling)
    for callee in chain:
        times = [call.at_s for call in made if (call.code, call.rank) == (callee.officer.code, callee.rank)]
        due_s = _due_s(times, offsets, calling)
        if due_s is None or due_s > at_s:
            return Next(CALL if due_s is None else WAIT, callee, due_s)
        if len(times) < calling.times:
            return Next(CALL, callee)
    knock = Callee(chain[0].officer, KNOCK)
    return Next(WAIT, knock) if any(call.rank == KNOCK for call in made) else Next(KNOCK, knock)


def turn_s(calls: Iterable[Call], calling: Calling) -> int | None:
    """When whoever was called last is to be called again, or the next one's turn comes; None before the first call."""
    made = sorted(calls, key=lambda call: call.at_s)
    if not made:
        return None
    last = made[-1]
    times = [call.at_s for call in made if (call.code, call.rank) == (last.code, last.rank)]
    return _due_s(times, _offsets(calling), calling)


def _offsets(calling: Calling) -> list[int]:
    rest = calling.times - 1
    return [
        0,
        *(calling.again_s + k * (calling.within_s - calling.again_s) // rest for k in range(rest)),
        calling.within_s,
    ]


def _due_s(times: Sequence[int], offsets: Sequence[int], calling: Calling) -> int | None:
    """When the next call is due, or after the last one the next callee's turn; None: never called, so at once."""
    if not times:
        return None
    n = min(len(times), calling.times)
    return times[n - 1] + offsets[n] - offsets[n - 1]

"""What is to be done about a warning next and until when: one thing at a time, life first, then the nearest clock."""

from collections.abc import Sequence
from typing import NamedTuple

from riskmap.alert_life import Step
from riskmap.alert_rules import AlertRules

CALL = "call"
ANSWER = "answer"
_RED, _ORANGE = 1, 2


class Seen(NamedTuple):
    """What decides it: warning level and kind, where it stands, when it was last fired, and its steps in order."""

    warn: int
    kind: str
    state: str
    fired_s: int
    steps: Sequence[Step]


class Todo(NamedTuple):
    """One thing to do: `since_s` its clock runs, by `by_s` it must be done; None: whenever there is time."""

    action: str
    since_s: int
    by_s: int | None


def next_thing(seen: Seen, rules: AlertRules, *, calls: bool) -> Todo:
    """The one next thing; whoever `calls` sees to it first that a red or orange warning is answered by voice."""
    if seen.state in ("fired", "sent"):
        if calls and seen.warn in rules.calling.levels and _last(seen, ANSWER) is None:
            called_s = _last(seen, CALL)
            return _within(CALL, seen.fired_s if called_s is None else called_s, rules.calling.again_s)
        return _within("sign", seen.fired_s, rules.sign_s.of(seen.warn))
    action, after = {"signed": ("handle", "sign"), "handling": ("report", "handle")}.get(
        seen.state, ("lift", "report") if seen.state == "reported" else ("archive", "lift")
    )
    since_s = _last(seen, after) or seen.fired_s
    if action == "archive":
        return Todo(action, since_s, None)
    return _within(action, since_s, rules.forgotten_s.of(seen.warn))


def is_life(warn: int, kind: str) -> bool:
    """Whether people may come to harm now: a red warning, or something that is going on and at least orange."""
    return warn == _RED or (kind == "event" and warn <= _ORANGE)


def urgency(todo: Todo, warn: int, kind: str) -> tuple[bool, float, int]:
    """What comes first, as a key for sorting: life, then the clock that ends first, then the level."""
    return not is_life(warn, kind), float("inf") if todo.by_s is None else todo.by_s, warn


def _within(action: str, since_s: int, seconds: int) -> Todo:
    return Todo(action, since_s, since_s + seconds)


def _last(seen: Seen, action: str) -> int | None:
    """When a step was last taken since the warning was last fired."""
    return max(
        (step.at_s for step in seen.steps if step.action == action and step.at_s >= seen.fired_s),
        default=None,
    )

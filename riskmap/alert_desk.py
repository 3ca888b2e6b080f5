"""What is to be done about a warning next and until when: one thing at a time, life first, then the nearest clock."""

from collections.abc import Sequence
from typing import NamedTuple

from riskmap.alert_life import UNSIGNED, Step
from riskmap.alert_rules import AlertRules

CALL = "call"
ANSWER = "answer"
_RED, _ORANGE = 1, 2


class Seen(NamedTuple):
    """What decides it: warning level and kind, where it stands, when it was last fired, and its steps in order.

    `listed_s` is since when a call is on the list, `turn_s` when the next one's turn comes.
    """

    warn: int
    kind: str
    state: str
    fired_s: int
    steps: Sequence[Step]
    listed_s: int | None = None
    turn_s: int | None = None


class Todo(NamedTuple):
    """One thing to do: `since_s` its clock runs, by `by_s` it must be done; None: whenever there is time."""

    action: str
    since_s: int
    by_s: int | None


def next_thing(seen: Seen, rules: AlertRules, *, calls: bool) -> Todo:
    """The one next thing; whoever `calls` sees to it first that a red or orange warning is answered by voice."""
    if seen.state in UNSIGNED:
        if calls and seen.warn in rules.calling.levels and _last(seen, ANSWER) is None:
            return _call(seen, rules.calling.again_s)
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


def _call(seen: Seen, again_s: int) -> Todo:
    """A call on the list has its own clock; without one the next turn is waited for, and the first call is due at once."""
    if seen.listed_s is not None:
        return _within(CALL, seen.listed_s, again_s)
    called_s = _last(seen, CALL)
    if called_s is None:
        return _within(CALL, seen.fired_s, again_s)
    return Todo(CALL, called_s, called_s + again_s if seen.turn_s is None else seen.turn_s)


def _within(action: str, since_s: int, seconds: int) -> Todo:
    return Todo(action, since_s, since_s + seconds)


def _last(seen: Seen, action: str) -> int | None:
    """When a step was last taken since the warning was last fired."""
    return max(
        (step.at_s for step in seen.steps if step.action == action and step.at_s >= seen.fired_s),
        default=None,
    )

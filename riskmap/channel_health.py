"""How each channel fares, from the attempts that were made through it: what the desk and `doctor` show.

`works`: the last attempt went through. `doubtful`: it did not, and not enough failed to say more. `failing`: the last
three or more failed and nothing went through for five minutes: whoever depends on it is to be told another way.
A refusal of one message (an address that does not exist) is the message's fault, not the channel's: only a channel
that refuses three in a row, each for the same reason, is failing.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Literal

FAILURES = 3
QUIET = timedelta(minutes=5)

State = Literal["unused", "works", "doubtful", "failing"]
Outcome = Literal["delivered", "try_again", "never"]


@dataclass(frozen=True, slots=True)
class Attempt:
    """One try to send one message: when it ended, how, and why not."""

    channel: str
    at: datetime
    outcome: Outcome
    reason: str = ""
    took_s: float = 0.0


@dataclass(frozen=True, slots=True)
class Health:
    """A channel's state with what it rests on; `failures` in a row up to now, `reason` of the last one."""

    channel: str
    state: State
    attempts: int = 0
    failures: int = 0
    last_delivered: datetime | None = None
    last_failed: datetime | None = None
    reason: str = ""
    slowest_s: float = 0.0


def channel_health(channels: Iterable[str], attempts: Iterable[Attempt], now: datetime) -> list[Health]:
    """The health of every channel, in the given order, from attempts in any order."""
    by_channel: dict[str, list[Attempt]] = {name: [] for name in channels}
    for attempt in attempts:
        if attempt.channel in by_channel:
            by_channel[attempt.channel].append(attempt)
    return [_health(name, sorted(made, key=lambda one: one.at), now) for name, made in by_channel.items()]


def _health(name: str, attempts: list[Attempt], now: datetime) -> Health:
    delivered = [one.at for one in attempts if one.outcome == "delivered"]
    last = max(delivered, default=None)
    failed = [one for one in attempts if one.outcome != "delivered"]
    row = [one for one in failed if last is None or one.at > last]
    return Health(
        name,
        _state(row, last, now) if attempts else "unused",
        len(attempts),
        len(row),
        last,
        failed[-1].at if failed else None,
        row[-1].reason if row else "",
        max((one.took_s for one in attempts), default=0.0),
    )


def _state(row: list[Attempt], last: datetime | None, now: datetime) -> State:
    """By the failures since the last delivery."""
    if not row:
        return "works"
    reasons = {one.reason for one in row}
    blamed = any(one.outcome == "try_again" for one in row) or len(reasons) == 1
    quiet = last is None or now - last >= QUIET
    return "failing" if len(row) >= FAILURES and blamed and quiet else "doubtful"

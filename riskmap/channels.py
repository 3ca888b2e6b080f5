"""What a channel is: it takes one message and answers delivered, try again or never. With the pauses between tries.

A message has one key for life (warning × person × channel × reason × its number), made by `message_key`. The key
travels with it as Message-ID, Idempotency-Key or file name, so that a receiver who keeps keys sees nothing twice.
Whoever sends (`web/channel_*.py`) knows addresses and wires; whoever decides (`jobs/`) gets channels handed in and
knows only this module.
"""

import hashlib
import re
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal, Protocol, runtime_checkable
from urllib.parse import quote

FIRST_PAUSE_S = 2.0
LONGEST_PAUSE_S = 300.0
_DOUBLINGS = 16
_KEY = re.compile(r"[A-Za-z0-9_.~%+-]{1,180}")
_KEY_LENGTH = 180
"""with a suffix it must still be the name of a file, and a line of a letter's head"""
DRILL_WORD = "演练"
DRILL_MARK = f"【{DRILL_WORD}】"

Kind = Literal["risk_notice", "urge", "monitor", "public", "heartbeat"]
"""风险提示, 督办提醒, 监测报警提示, 预警 (approved), 每日自检"""
Level = Literal["red", "orange", "yellow", "blue"]


@dataclass(frozen=True, slots=True)
class Message:
    """One message to one receiver through one channel, rendered: nothing is looked up any more to send it.

    `address` is what the channel calls its receiver: an e-mail address, a telephone number; '' where a channel has
    but one. `cap_xml` is the warning in CAP 1.2 for channels that carry it.
    """

    key: str
    address: str
    subject: str
    text: str
    level: Level | None = None
    kind: Kind = "risk_notice"
    drill: bool = False
    cap_xml: str | None = None

    def __post_init__(self) -> None:
        if not _KEY.fullmatch(self.key):
            raise ValueError(f"not a key of a message: {self.key!r}; see message_key")

    @property
    def marked_text(self) -> str:
        """The text; of a drill it says so, whatever the template wrote."""
        return _marked(self.text, self.drill)

    @property
    def marked_subject(self) -> str:
        """The subject on one line, with the mark of a drill."""
        return _marked(" ".join(self.subject.split()), self.drill)


def _marked(text: str, drill: bool) -> str:
    return f"{DRILL_MARK}{text}" if drill and DRILL_WORD not in text else text


def message_key(warning: str, person: str, channel: str, reason: str, n: int) -> str:
    """The key of the n-th message about a warning to a person through a channel for a reason.

    Safe as the name of a file, in a Message-ID and in a header; different parts never make the same key.
    """
    plain = "+".join(quote(part, safe="") for part in (warning, person, channel, reason, str(n)))
    return plain if len(plain) <= _KEY_LENGTH else hashlib.sha256(plain.encode()).hexdigest()


# --- what a channel answers ------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Delivered:
    """The other side has taken the message over; `receipt` is its own number for it, if it gave one."""

    receipt: str = ""


@dataclass(frozen=True, slots=True)
class TryAgain:
    """Not now: the same message, with the same key, may go through later.

    `after_s` is what the other side (or the channel's own pace) asked for. `attempted` is False where nothing was
    sent at all because the channel's pace is used up: no attempt, and none of its failures.
    """

    reason: str
    after_s: float | None = None
    attempted: bool = True


@dataclass(frozen=True, slots=True)
class Never:
    """Not through this channel, however often: the next channel is to be taken at once."""

    reason: str


Delivery = Delivered | TryAgain | Never


class Channel(Protocol):
    """A way to tell somebody something."""

    @property
    def name(self) -> str:
        """As in `[channels.<name>]`."""

    def send(self, message: Message) -> Delivery:
        """Hand one message over. Raises nothing for what the other side does."""


# --- what comes back -------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Reply:
    """An answer by short message: from which number, what, and the gateway's own id of it (the same twice is one)."""

    reply_id: str
    address: str
    text: str


@runtime_checkable
class Replying(Protocol):
    """A channel whose receivers can answer."""

    def replies(self) -> list[Reply]:
        """Replies that came in; some perhaps told before. Unavailable where they cannot be had."""


CallState = Literal["confirmed", "answered", "unanswered", "failed"]


@dataclass(frozen=True, slots=True)
class CallOutcome:
    """What became of a call. `confirmed`: the person pressed a key, named in `digit`; `answered` alone is not 叫应."""

    key: str
    state: CallState
    digit: str = ""


@runtime_checkable
class Dialling(Protocol):
    """A channel that calls people and tells how the calls ended."""

    def outcomes(self) -> list[CallOutcome]:
        """How calls ended; some perhaps told before. Unavailable where it cannot be had."""


# --- when to try again -----------------------------------------------------------------------------------


def pause_s(attempts: int, key: str, asked_s: float | None = None) -> float:
    """How long to wait after so many failed attempts (from 1): doubled from 2 s to 300 s, at least what was asked for.

    Of each pause the second half is jitter, taken from the key: messages that failed together do not come back
    together, and the same message always waits the same, so that a replay tells the same story.
    """
    whole = min(LONGEST_PAUSE_S, FIRST_PAUSE_S * (1 << min(max(attempts, 1) - 1, _DOUBLINGS)))
    digest = hashlib.sha256(f"{key}\n{attempts}".encode()).digest()
    share = int.from_bytes(digest[:6], "big") / 2**48
    return max(whole * (1 + share) / 2, asked_s or 0.0)


_ROUNDING_S = 0.001
"""waited on top, so that the rounding of a clock's seconds calls nobody back too early"""


class Pace:
    """At most so many messages in any stretch of time: what a robot allows, never more.

    A bucket that refills while it is drained lets nearly twice as many through in its first minute, and a robot that
    was told too much shuts for ten; so the moments of the last messages are kept. One pace per receiver and process.
    """

    def __init__(self, most: int, per_s: float, clock: Callable[[], float]) -> None:
        self._most = most
        self._per_s = per_s
        self._clock = clock
        self._sent: deque[float] = deque()

    def take(self) -> float:
        """0 where a message may go now (it counts as gone); else how many seconds to wait."""
        now = self._clock()
        while self._sent and self._sent[0] + self._per_s <= now:
            self._sent.popleft()
        if len(self._sent) >= self._most:
            return self._sent[0] + self._per_s - now + _ROUNDING_S
        self._sent.append(now)
        return 0.0

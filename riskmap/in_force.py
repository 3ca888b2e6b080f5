"""Which edition of the rules is in force on a day, and what each one is at the moment.

An edition is a draft until it is approved; only approved ones are in force. While none is, the example that comes
with the program stands in for them, and every screen says that it is not approved.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date

STATES = ("in_force", "upcoming", "superseded", "stand_in", "example", "draft")
"""approved and in force, approved and not yet, approved and over, the example that stands in, one that does not, draft"""


@dataclass(frozen=True, slots=True)
class Head:
    """What decides whether an edition is in force; `shipped`: it came with the program."""

    name: str
    effective_from: date
    effective_to: date | None
    approved: bool
    shipped: bool

    def covers(self, day: date) -> bool:
        """Whether a day lies between its two ends; both belong to it."""
        return self.effective_from <= day and (self.effective_to is None or day <= self.effective_to)


def choose(heads: Sequence[Head], day: date) -> Head | None:
    """The edition to compute a day with: the approved one that began last, else the program's example.

    Before everything else the earliest of them. None where there are only drafts.
    """
    approved = [head for head in heads if head.approved and head.covers(day)]
    examples = [head for head in heads if head.shipped and not head.approved]
    for known in (approved, [head for head in examples if head.covers(day)]):
        if known:
            return max(known, key=_began)
    usable = [head for head in heads if head.approved or head.shipped]
    return min(usable, key=_began, default=None)


def state_of(head: Head, heads: Sequence[Head], day: date) -> str:
    """One of `STATES`, as of a day."""
    chosen = choose(heads, day)
    if not head.approved:
        return "draft" if not head.shipped else "stand_in" if head == chosen else "example"
    if head == chosen:
        return "in_force"
    return "upcoming" if head.effective_from > day else "superseded"


def _began(head: Head) -> tuple[date, str]:
    return head.effective_from, head.name

"""By which ways a message goes out: always on the person's pages, and by its colour by one of the city's channels.

The table `alerts` names for each colour kinds of channels in order, and those of one kind follow by name. The first that
has an address of the person is taken; when it fails for good, or has not got the message through in its time, the next.
"""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, NamedTuple, TypeVar

from riskmap.channel_settings import KINDS
from riskmap.editions import Row

IN_APP = "in_app"
"""exactly once: the message is there when the transaction that wrote it is"""
CALLED = ("voice", "call_list")
"""kinds that call somebody: no messages go out by them"""
BY_ADDRESS: Mapping[str, str] = {"sms": "phone", "mail": "email"}
"""kinds that need an address of the person, and which one"""
LINKED = tuple(BY_ADDRESS)
"""kinds whose messages carry a link to sign by: they reach one person alone"""
SENDING_KINDS = tuple(kind for kind in KINDS if kind not in (IN_APP, *CALLED))
Way = tuple[str, str]
"""a channel by name, and what it calls the receiver"""
_Message = TypeVar("_Message", bound=Mapping[str, Any])


class Sending(NamedTuple):
    """The kinds of channels by warning level, in order."""

    kinds: Mapping[int, tuple[str, ...]]

    def ways(self, channels: Mapping[str, str], warn: int, addresses: Mapping[str, str]) -> list[Way]:
        """The ways to somebody in order: `channels` are the city's by name with their kinds, `addresses` the person's."""
        found = []
        for kind in self.kinds[warn]:
            address = addresses.get(BY_ADDRESS.get(kind, "phone"), "")
            if address or kind not in BY_ADDRESS:
                found += [(name, address) for name, its in channels.items() if its == kind]
        return found


def kinds_of(channels: Mapping[str, Mapping[str, Any]]) -> dict[str, str]:
    """The city's channels with their kinds, in the order of their names; without the pages."""
    kinds = {name: str(section.get("kind", "")) for name, section in sorted(channels.items())}
    return {name: kind for name, kind in kinds.items() if kind != IN_APP}


def sending_of(row: Row, levels: Sequence[str]) -> Sending:
    """The kinds that a section of the table names for each level. BadInput for an unknown or doubled one."""
    kinds: dict[int, tuple[str, ...]] = {}
    for number, level in enumerate(levels, 1):
        given = row.cells[level]
        known = isinstance(given, list) and set(given) <= set(SENDING_KINDS)
        if not known or len(set(given)) != len(given):
            raise row.wrong(level, "须为渠道种类的列表，不重复", f"可用：{'、'.join(SENDING_KINDS)}")
        kinds[number] = tuple(given)
    return Sending(kinds)


def proving(messages: Iterable[_Message]) -> list[_Message]:
    """The delivered messages that prove so: on pages alone it counts only for whom no channel was tried."""
    rows = list(messages)
    sent_out = {row["person"] for row in rows if row["channel"] != IN_APP}
    return [
        row
        for row in rows
        if row["state"] == "delivered" and (row["channel"] != IN_APP or row["person"] not in sent_out)
    ]

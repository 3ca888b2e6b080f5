"""Our warnings beside the real prometheus-alertmanager on label-only streams: per group the same ordered messages.

A stream is a township with a zone: alerts of its members on two topics and of one that belongs to no zone begin and
end, the zone's red comes and goes, codes are silenced. Both programs are told of the same changes; a message is the set
of what fires and the set of what is over.

Two differences are meant; here they are taken out by name, everything else must be equal:

1. *Over is over at once.* We say it when it is so, to whoever was told that it had begun. alertmanager says it at the
   group's next turn: so not of what began again until then, and not while an inhibition stands above it; but also of
   what it never told to have begun.
2. *A silence that ends is told.* What was told before and still holds is told again, what ended meanwhile is said to be
   over. alertmanager says nothing of either, while its last message lists it.

Half of the streams change once between two turns and have alertmanager's own wait and interval; the others change twice
and are told at once, as red and orange are. (We count the interval from what was last told, alertmanager from the
group's first turn: what comes after a calm time is told at once here and at the next turn there.) What mutes others, the
zone's red and silences, changes with the first of two changes, for here the second one is told by then; zones are not
silenced.
"""

import random
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from riskmap.alert_facts import Fact
from riskmap.alert_pipeline import NOTHING, State, one_pass
from riskmap.alert_rules import AlertRules
from riskmap.silences import Silence
from tests.alertmanager import Alertmanager, Labels, Told, TooSlow, alertmanager
from tests.warning_times import HOUR, MINUTE, START, fact, rule, rules_of

INTERVAL_S = 0.7
SLOWER = (1, 2, 3)
"""a machine that cannot keep time gets more of it; after 30 s alertmanager forgets groups that are empty"""
ZONE = "Z"
MEMBERS = {"A": ("level", ZONE), "B": ("level", ZONE), "C": ("event", ZONE), "D": ("event", "")}
"""kind and zone; the zone's red inhibits `level` only, which is on its topic"""
Key = tuple[str, str]
Notices = Sequence[tuple[frozenset[str], tuple[tuple[str, str], ...]]]
"""what a group was told between two turns of alertmanager, by us: what each message lists, and its news with reasons"""


class Change(NamedTuple):
    """What happens at one instant of a stream: codes that begin or end, silences that do."""

    flipped: tuple[str, ...] = ()
    hushed: tuple[str, ...] = ()


@dataclass
class Stream:
    """A township whose alerts come and go, and what is so in it now."""

    township: str
    at_once: bool
    rounds: list[tuple[Change, ...]]
    on: set[str] = field(default_factory=set)
    quiet: set[str] = field(default_factory=set)

    def facts(self) -> Iterator[Fact]:
        """What is so, as our pipeline is told it."""
        for code in sorted(self.on):
            yield _fact(self.township, code)

    def take(self, change: Change) -> None:
        self.on ^= set(change.flipped)
        self.quiet ^= set(change.hushed)

    def is_muted(self, code: str) -> bool:
        return code in self.quiet or (ZONE in self.on and code in {"A", "B"})


def _fact(township: str, code: str) -> Fact:
    if code == ZONE:
        return fact("zone", ZONE, township=township, level=1)
    kind, zone = MEMBERS[code]
    return fact(kind, code, township=township, level=3, zone=zone)


def _labels(township: str, code: str) -> dict[str, str]:
    one = _fact(township, code)
    labels = {"township": township, "code": code, "kind": one.kind, "topic": one.topic}
    labels |= {"warn": "red" if code == ZONE else "yellow", "zone": ZONE if code == ZONE else one.zone}
    return {name: value for name, value in labels.items() if value}


def _stream(number: int, rounds: int) -> Stream:
    dice, at_once = random.Random(number), number % 2 == 0

    def first() -> Change:
        flipped = tuple(code for code in (*MEMBERS, ZONE) if dice.random() < 0.3)
        return Change(flipped, tuple(code for code in MEMBERS if dice.random() < 0.15))

    def second() -> Change:
        return Change(tuple(code for code in MEMBERS if dice.random() < 0.3))

    made = [(first(), *([second()] if at_once else [])) for _ in range(rounds)]
    return Stream(f"T{number}", at_once, made)


def _rules(wait_s: int, interval_s: int) -> AlertRules:
    def grouping(table: Any) -> None:
        table["grouping"] = {"wait_s": [wait_s] * 4, "interval_s": [interval_s] * 4}

    rows = (rule("z", "zone", warn="red"), rule("l", "level"), rule("e", "event"))
    return rules_of(*rows, change=grouping)


RULES = {True: _rules(0, 0), False: _rules(MINUTE // 2, MINUTE)}
"""told at once, or in turn: here a beat is a minute"""


@dataclass
class Ours:
    """The same streams through our own passes."""

    streams: list[Stream]
    state: State = NOTHING
    silences: dict[tuple[str, str], Silence] = field(default_factory=dict)
    news: dict[Key, list[tuple[frozenset[str], tuple[tuple[str, str], ...]]]] = field(default_factory=dict)

    def run(self, seconds: int) -> None:
        """One pass over all streams, which are told alike."""
        at_s = START + seconds
        for stream in self.streams:
            for code in MEMBERS:
                self._hush(stream, code, at_s)
        facts = [one for stream in self.streams for one in stream.facts()]
        watches = dict(self.state.watches)
        passed = one_pass(self.state, facts, RULES[self.streams[0].at_once], self.silences.values(), at_s)
        self.state = passed.state
        watches |= self.state.watches
        for notice in passed.notices:
            firing = frozenset(watches[one].fact.code for one in notice.firing)
            news = tuple((watches[one].fact.code, reason) for one, reason in notice.news)
            key = notice.key.township, notice.key.zone
            self.news.setdefault(key, []).append((firing, news))

    def _hush(self, stream: Stream, code: str, at_s: int) -> None:
        about = stream.township, code
        if code not in stream.quiet:
            self.silences.pop(about, None)
        elif about not in self.silences:
            matchers = {"township": (stream.township,), "code": (code,)}
            self.silences[about] = Silence("/".join(about), "test", "test", at_s, at_s + HOUR, matchers)


@dataclass
class Group:
    """What alertmanager's last message of a group listed, what of that ended unheard, and what people know to be so."""

    listed: frozenset[str] = frozenset()
    known: set[str] = field(default_factory=set)
    unheard: set[str] = field(default_factory=set)


Message = tuple[frozenset[str], frozenset[str]]


def without_theirs(told: Told | None, group: Group) -> Message | None:
    """Their message without what is over and nobody knew of (1); None where it has nothing else that is new."""
    if told is None:
        return None
    resolved = told.resolved & group.known
    return (told.firing, resolved) if resolved or told.firing - group.listed else None


def without_ours(
    notices: Notices,
    stream: Stream,
    was: set[str],
    group: Group,
    met: Counter[str],
) -> Message | None:
    """What we told between two turns as one message, without what the two differences add to it."""
    fresh: dict[str, str] = {}
    over: set[str] = set()
    firing: frozenset[str] = frozenset()
    for firing, news in notices:  # noqa: B007 - the last one lists what holds at the turn
        for code, reason in news:
            if reason != "cleared":
                fresh[code] = reason
            elif fresh.pop(code, None) in {None, "silence_ended"}:
                over.add(code)
            else:
                met["began and ended before a turn"] += 1
    for code in over & set(fresh):
        met["ended and began again before a turn"] += 1
        over.remove(code)
        if code in group.listed:
            del fresh[code]
    for code in sorted(over):
        if code not in was:
            met["over, told when the silence ended"] += 1
            over.remove(code)
        elif stream.is_muted(code):
            met["over, though inhibited"] += 1
            over.remove(code)
    for code, reason in sorted(fresh.items()):
        if code in group.listed and (reason == "silence_ended" or code in group.unheard):
            met["holds, told when the silence ended"] += 1
            del fresh[code]
    return (firing, frozenset(over)) if fresh or over else None


def run_both(manager: Alertmanager, streams: list[Stream]) -> Counter[str]:
    """Tell both of every change, compare what they told after each; how often each difference was met."""
    ours = [Ours([one for one in streams if one.at_once is kind]) for kind in (True, False)]
    numbers: dict[tuple[str, str], str] = {}
    groups: dict[Key, Group] = {}
    met: Counter[str] = Counter()
    manager.beat()
    for turn in range(1, len(streams[0].rounds) + 1):
        seen = {stream.township: set(stream.on) for stream in streams}
        for part in range(2):
            _tell(manager, streams, turn, part, numbers)
            for stream in streams:
                seen[stream.township] |= stream.on
            for one in ours:
                if part < len(one.streams[0].rounds[0]):
                    one.run(turn * MINUTE - MINUTE // 2 + part)
        manager.posted()
        manager.beat()
        for one in ours:
            one.run(turn * MINUTE)
        theirs = {told.group: told for told in manager.told if told.beat == turn}
        assert len(theirs) == sum(told.beat == turn for told in manager.told), "a group has one turn a beat"
        by_group = {key: one.news.pop(key) for one in ours for key in list(one.news)}
        for stream in streams:
            for zone in (ZONE, ""):
                key = stream.township, zone
                told, group = theirs.get(key), groups.setdefault(key, Group())
                notices, was = by_group.get(key, ()), seen[stream.township]
                mine = without_ours(notices, stream, was, group, met)
                assert mine == without_theirs(told, group), (turn, key, told, notices, group, stream)
                met["messages"] += mine is not None
                _remember(group, told, notices, stream, was)
    return met


def _tell(
    manager: Alertmanager,
    streams: list[Stream],
    turn: int,
    part: int,
    numbers: dict[tuple[str, str], str],
) -> None:
    fire: list[Labels] = []
    resolve: list[Labels] = []
    for stream in streams:
        if part >= len(stream.rounds[turn - 1]):
            continue
        change = stream.rounds[turn - 1][part]
        stream.take(change)
        for code in change.flipped:
            (fire if code in stream.on else resolve).append(_labels(stream.township, code))
        for code in change.hushed:
            about = stream.township, code
            if code in stream.quiet:
                numbers[about] = manager.silence(*about)
            else:
                manager.loud(numbers.pop(about))
    manager.post(fire, resolve)


def _remember(group: Group, told: Told | None, notices: Notices, stream: Stream, was: set[str]) -> None:
    """What people and alertmanager's log know after its turn."""
    for _, news in notices:
        for code, reason in news:
            (group.known.discard if reason == "cleared" else group.known.add)(code)
    group.unheard |= {code for code in was - stream.on if stream.is_muted(code)}
    if told is not None:
        group.listed = told.firing
    group.unheard &= group.listed


@pytest.mark.timeout(300)
def test_the_same_messages_as_alertmanager_but_for_two_differences(tmp_path: Path, soak: bool) -> None:
    met: Counter[str] = Counter()
    for series in range(8 if soak else 1):
        met += _series(tmp_path / str(series), range(40 * series, 40 * (series + 1)))
    print(dict(met))
    assert met["messages"] > 100
    assert met.keys() >= {
        "began and ended before a turn",
        "ended and began again before a turn",
        "over, told when the silence ended",
        "over, though inhibited",
        "holds, told when the silence ended",
    }


def _series(folder: Path, numbers: range) -> Counter[str]:
    folder.mkdir()
    for slower in SLOWER:
        streams = [_stream(number, rounds=10) for number in numbers]
        try:
            with alertmanager(folder / str(slower), INTERVAL_S * slower) as manager:
                return run_both(manager, streams)
        except TooSlow:
            continue
    pytest.fail("this machine could not keep time")

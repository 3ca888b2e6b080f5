"""What happens to warnings between decided and sent, read aloud: inhibit, silence, group, dedupe, record.

Each step is a pure function; `one_pass` puts them together, for the live run, for replay and for the back-test alike.
Inhibition, grouping and the comparison with what was last told behave as prometheus-alertmanager does, with two
differences that are meant: what is over is said at once, not at the group's next turn; and what still holds when a
silence ends is told again.
"""

from collections.abc import Iterable, Mapping
from typing import NamedTuple

from riskmap.alert_decisions import Decision, Watch, decided, fired_again
from riskmap.alert_facts import Fact, gathered
from riskmap.alert_rules import AlertRules
from riskmap.silences import Silence, silenced

RED = 1


class Key(NamedTuple):
    """What warnings are told together: those of one joint-control zone in a township, else those of the township."""

    township: str
    zone: str


class Group(NamedTuple):
    """A group while it has members: since when, and when it was last told."""

    opened_s: int
    told_s: int | None = None


class Notice(NamedTuple):
    """One message to be written: all that holds in the group, what is over, and what of both is the news.

    `news` pairs fingerprints with reasons; `cleared` stands among them.
    """

    key: Key
    firing: tuple[str, ...]
    cleared: tuple[str, ...]
    news: tuple[tuple[str, str], ...]


class State(NamedTuple):
    """Everything that the next pass must know."""

    watches: Mapping[str, Watch]
    groups: Mapping[Key, Group]
    begun: bool = False


NOTHING = State({}, {})


class Pass(NamedTuple):
    """What one pass comes to. `next_s`: when another one has something to say without any change; None: never."""

    state: State
    decisions: Mapping[str, Decision]
    suppressed: Mapping[str, str]
    silenced: Mapping[str, tuple[str, ...]]
    notices: tuple[Notice, ...]
    next_s: int | None


def one_pass(
    state: State, facts: Iterable[Fact], rules: AlertRules, silences: Iterable[Silence], at_s: int
) -> Pass:
    """Decide, inhibit, silence, group, dedupe, record: all that a run does but for reading and writing."""
    silences = tuple(silences)
    now = gathered(facts)
    decisions = decided(state.watches, now, rules, at_s, begun=state.begun)
    watches = {one: decision.watch for one, decision in decisions.items() if decision.watch}
    suppressed = inhibited(watches)
    quiet = silenced(watches, silences, at_s)
    watches = after_silence(watches, quiet)
    groups, members = grouped(watches, state.groups, at_s)
    notices, due_s = deduped(watches, members, groups, suppressed, quiet, rules, at_s)
    after = recorded(watches, groups, notices, now, at_s)
    moments = [
        *(one.until_s for one in decisions.values()),
        *due_s,
        *(edge for one in silences for edge in (one.from_s, one.until_s)),
    ]
    later = [moment for moment in moments if moment is not None and moment > at_s]
    return Pass(after, decisions, suppressed, quiet, notices, min(later, default=None))


def inhibited(watches: Mapping[str, Watch]) -> dict[str, str]:
    """Warnings that a zone's red suppresses, with the fingerprint of the zone's.

    Suppressed are lower warnings of members, on the same topic and for the same township: nobody is left without both.
    """
    reds: dict[tuple[str, str, str], str] = {}
    for one, watch in watches.items():
        if watch.warn == RED and watch.fact.kind == "zone" and watch.cleared_s is None:
            about = (watch.fact.code, watch.fact.topic, watch.fact.township)
            reds[about] = min(one, reds.get(about, one))
    found: dict[str, str] = {}
    if not reds:
        return found
    for one, watch in watches.items():
        fact = watch.fact
        if watch.warn > RED and fact.zone and fact.kind != "zone":
            red = reds.get((fact.zone, fact.topic, fact.township))
            if red:
                found[one] = red
    return found


def after_silence(watches: Mapping[str, Watch], quiet: Mapping[str, tuple[str, ...]]) -> dict[str, Watch]:
    """Told warnings that a silence falls on are marked; what still holds when it ends is to be told again."""
    out = dict(watches)
    for one, watch in watches.items():
        if one in quiet and not watch.muted and watch.told_n:
            out[one] = watch._replace(muted=True)
        elif watch.muted and one not in quiet:
            loud = watch._replace(muted=False)
            out[one] = (
                loud if watch.unsaid or watch.cleared_s is not None else fired_again(loud, "silence_ended")
            )
    return out


def grouped(
    watches: Mapping[str, Watch], groups: Mapping[Key, Group], at_s: int
) -> tuple[dict[Key, Group], dict[Key, list[str]]]:
    """The open warnings by group, in their order, and the groups that have any; a new one opens now."""
    members: dict[Key, list[str]] = {}
    for one in sorted(one for one, watch in watches.items() if watch.is_open):
        members.setdefault(key_of(watches[one]), []).append(one)
    return {key: groups.get(key, Group(at_s)) for key in sorted(members)}, members


def deduped(
    watches: Mapping[str, Watch],
    members: Mapping[Key, list[str]],
    groups: Mapping[Key, Group],
    suppressed: Mapping[str, str],
    quiet: Mapping[str, tuple[str, ...]],
    rules: AlertRules,
    at_s: int,
) -> tuple[tuple[Notice, ...], list[int]]:
    """What is to be told now that was not told before, and when the groups that wait have their turn."""
    notices, waiting = [], []
    for key, group in groups.items():
        heard = [one for one in members[key] if one not in quiet]
        cleared = tuple(one for one in heard if watches[one].cleared_s is not None and watches[one].told_n)
        firing = tuple(one for one in heard if watches[one].cleared_s is None and one not in suppressed)
        unsaid = [one for one in firing if watches[one].unsaid]
        turn_s = min((_turn_s(watches[one].warn, group, rules) for one in unsaid), default=None)
        if turn_s is not None and turn_s > at_s:
            waiting.append(turn_s)
        if cleared or (turn_s is not None and turn_s <= at_s):
            is_turn = turn_s is not None and turn_s <= at_s
            fresh = [(one, watches[one].reason) for one in unsaid] if is_turn else []
            known = firing if is_turn else tuple(one for one in firing if watches[one].told_n)
            notices.append(Notice(key, known, cleared, (*fresh, *((one, "cleared") for one in cleared))))
    return tuple(notices), waiting


def recorded(
    watches: Mapping[str, Watch],
    groups: Mapping[Key, Group],
    notices: Iterable[Notice],
    still_so: Mapping[str, Fact],
    at_s: int,
) -> State:
    """The state after the notices are written: who was told what, and what is over and done."""
    out, after = dict(watches), dict(groups)
    for notice in notices:
        news = dict(notice.news)
        for one in notice.firing:
            told_n = out[one].fired_n if one in news else out[one].told_n
            out[one] = out[one]._replace(told_n=told_n, told_s=at_s)
        for one in notice.cleared:
            out[one] = out[one]._replace(told_n=0)
        if set(news.values()) != {"cleared"}:
            after[notice.key] = after[notice.key]._replace(told_s=at_s)
    for one, watch in watches.items():
        if watch.cleared_s is not None and not out[one].told_n:
            if one in still_so:
                out[one] = Watch(watch.fact, known=watch.fact)
            else:
                del out[one]
    still = {key_of(watch) for watch in out.values() if watch.is_open}
    return State(out, {key: group for key, group in after.items() if key in still}, begun=True)


def key_of(watch: Watch) -> Key:
    """The group of a warning."""
    fact = watch.fact
    return Key(fact.township, fact.code if fact.kind == "zone" else fact.zone)


def _turn_s(warn: int, group: Group, rules: AlertRules) -> int:
    """When a warning's group may tell of it: a new group waits for more, an open one for its interval."""
    if group.told_s is None:
        return group.opened_s + rules.wait_s.of(warn)
    return group.told_s + rules.interval_s.of(warn)

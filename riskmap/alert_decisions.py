"""From facts to decisions: fire, hold or clear, each with its reason, one per cause.

A decision is a pure function of what was known of the cause (its `Watch`), the fact as it is now (None: no longer so),
the rules and the time; causes do not look at each other here. So a replay of the same facts decides the same.
"""

from collections.abc import Mapping
from typing import Any, NamedTuple

from riskmap.alert_facts import Fact, is_worse
from riskmap.alert_rules import AlertRule, AlertRules

FIRE, HOLD, CLEAR = "fire", "hold", "clear"
FIRE_REASONS = ("first", "worse", "nearer", "changed", "repeat", "silence_ended")
HOLD_REASONS = (
    "known_before",
    "no_rule",
    "outside_window",
    "kept_quiet",
    "not_yet",
    "told_already",
    "in_hand",
    "eased",
    "not_clear_yet",
    "still_unsaid",
    "passed",
)
CLEAR_REASONS = ("cleared",)


class Watch(NamedTuple):
    """What is known of one cause between passes; times are seconds since 1970.

    `fact`: as last seen. `known`: as it was when a rule last looked and found nothing new. `pending_s`: since when a
    rule would have it raised. Open (`warn` > 0): `fired` as it was when last fired at this level, `fired_n` how often,
    `told_n` of these told and when last, `muted` silenced after it was told, `in_hand` somebody deals with it.
    `gone_s`, `eased_s`: since when it is no longer so, or less bad. `cleared_s`: over, and not yet said.
    """

    fact: Fact
    known: Fact | None = None
    pending_s: int | None = None
    gone_s: int | None = None
    eased_s: int | None = None
    cleared_s: int | None = None
    rule: str = ""
    warn: int = 0
    fired: Fact | None = None
    opened_s: int = 0
    fired_n: int = 0
    reason: str = ""
    told_n: int = 0
    told_s: int | None = None
    muted: bool = False
    in_hand: bool = False

    @property
    def is_open(self) -> bool:
        """Whether it is a warning now, over or not, as long as that is not said."""
        return self.warn > 0

    @property
    def unsaid(self) -> bool:
        """Whether it fired after it was last told."""
        return self.fired_n > self.told_n


class Decision(NamedTuple):
    """What follows for one cause; `until_s`: when another answer may come without any change; `watch` None: forget it."""

    action: str
    reason: str
    watch: Watch | None
    until_s: int | None = None


def decide(watch: Watch | None, fact: Fact | None, rules: AlertRules, at_s: int, *, begun: bool) -> Decision:
    """The decision on one cause; `begun` False: the first pass of all, when nothing is new.

    One of `watch` and `fact` must be there.
    """
    if fact is None:
        assert watch is not None
        return _over(watch, rules, at_s) if watch.is_open else Decision(HOLD, "passed", None)
    rule, later = rules.find(fact, at_s)
    seen = _but(watch, fact=fact) if watch else Watch(fact, known=None if begun else fact)
    if seen.is_open:
        if rule is None and not later:
            return _over(seen, rules, at_s)
        back = _but(seen, gone_s=None, cleared_s=None)
        return _still(back, rule, at_s) if rule else Decision(HOLD, "outside_window", back)
    if rule is None:
        known = seen.known if later else fact
        reason = "outside_window" if later else "no_rule"
        return Decision(HOLD, reason, _but(seen, known=known, pending_s=None))
    return _raise(seen, rule, at_s)


def decided(
    watches: Mapping[str, Watch], facts: Mapping[str, Fact], rules: AlertRules, at_s: int, *, begun: bool
) -> dict[str, Decision]:
    """The decisions on all causes, by fingerprint in its order."""
    return {
        one: decide(watches.get(one), facts.get(one), rules, at_s, begun=begun)
        for one in sorted(watches.keys() | facts.keys())
    }


def fired_again(watch: Watch, reason: str) -> Watch:
    """The watch of an open warning that is to be told once more."""
    return watch._replace(fired_n=watch.fired_n + 1, reason=reason)


def _raise(seen: Watch, rule: AlertRule, at_s: int) -> Decision:
    """A fact that a rule asks for and that is no warning yet."""
    fact = seen.fact
    is_news = (
        seen.pending_s is not None
        or seen.known is None
        or not rule.on_change
        or is_worse(fact, seen.known, rule.step)
    )
    if not is_news:
        better = is_worse(seen.known, fact, rule.step) if seen.known else ""
        return Decision(HOLD, "known_before", _but(seen, known=fact if better else seen.known))
    if not rule.warn:
        return Decision(HOLD, "kept_quiet", seen._replace(known=fact, pending_s=None))
    since_s = at_s if seen.pending_s is None else seen.pending_s
    if at_s - since_s < rule.raise_s:
        return Decision(HOLD, "not_yet", seen._replace(pending_s=since_s), since_s + rule.raise_s)
    return Decision(
        FIRE,
        "first",
        _fired(seen._replace(pending_s=None, opened_s=at_s), rule, "first"),
        _next_s(rule, at_s),
    )


def _still(watch: Watch, rule: AlertRule, at_s: int) -> Decision:
    """An open warning whose fact holds: worse, nearer, changed, to be repeated, or nothing new."""
    fact, fired = watch.fact, watch.fired
    assert fired is not None
    if not rule.warn:
        return Decision(HOLD, "kept_quiet", watch)
    reason = "worse" if rule.warn < watch.warn else is_worse(fact, fired, rule.step)
    if not reason and (fact.mark, fact.side) != (fired.mark, fired.side):
        reason = "changed"
    if reason:
        return Decision(FIRE, reason, _fired(watch, rule, reason), _next_s(rule, at_s))
    if rule.warn > watch.warn or is_worse(fired, fact):
        return _eased(watch, rule, at_s)
    calm = _but(watch, eased_s=None)
    if watch.unsaid:
        return Decision(HOLD, "still_unsaid", calm)
    if watch.in_hand:
        return Decision(HOLD, "in_hand", calm)
    if not rule.repeat_s or watch.told_s is None:
        return Decision(HOLD, "told_already", calm)
    if at_s - watch.told_s < rule.repeat_s:
        return Decision(HOLD, "told_already", calm, watch.told_s + rule.repeat_s)
    return Decision(FIRE, "repeat", _fired(calm, rule, "repeat"), _next_s(rule, at_s))


def _eased(watch: Watch, rule: AlertRule, at_s: int) -> Decision:
    """Less bad than when it fired: believed after the hold-down, so that going up and down is not told each time."""
    since_s = at_s if watch.eased_s is None else watch.eased_s
    if at_s - since_s < rule.clear_s:
        return Decision(HOLD, "told_already", watch._replace(eased_s=since_s), since_s + rule.clear_s)
    lower = watch._replace(warn=rule.warn, rule=rule.code, fired=watch.fact, eased_s=None)
    return Decision(HOLD, "eased", lower)


def _over(watch: Watch, rules: AlertRules, at_s: int) -> Decision:
    """An open warning whose fact is gone, or no longer asked for: cleared after the hold-down."""
    if watch.cleared_s is not None:
        return Decision(HOLD, "still_unsaid", watch)
    rule = rules.by_code.get(watch.rule)
    hold_s = rule.clear_s if rule and not watch.fact.is_drill else 0
    since_s = at_s if watch.gone_s is None else watch.gone_s
    if at_s - since_s < hold_s:
        return Decision(HOLD, "not_clear_yet", watch._replace(gone_s=since_s), since_s + hold_s)
    return Decision(CLEAR, "cleared", watch._replace(gone_s=since_s, cleared_s=at_s))


def _but(watch: Watch, **changes: Any) -> Watch:
    """The watch with some fields changed; the same one where they are as they were: most are, of very many."""
    if all(getattr(watch, field) == value for field, value in changes.items()):
        return watch
    return watch._replace(**changes)


def _fired(watch: Watch, rule: AlertRule, reason: str) -> Watch:
    return watch._replace(
        rule=rule.code,
        warn=rule.warn,
        fired=watch.fact,
        known=watch.fact,
        eased_s=None,
        fired_n=watch.fired_n + 1,
        reason=reason,
    )


def _next_s(rule: AlertRule, at_s: int) -> int | None:
    return at_s + rule.repeat_s if rule.repeat_s else None

"""What is known of causes between passes, as JSON holds it: small, exact, and read back to the same."""

from typing import Any

from riskmap.alert_decisions import Watch
from riskmap.alert_facts import Fact

_FACTS = ("fact", "known", "fired")
_SAME = "fact"
"""stands for a fact that is as last seen: most are"""
_NO_FACT = Fact("", "", "")
_NO_WATCH = Watch(_NO_FACT)


def packed(watch: Watch) -> dict[str, Any]:
    """A watch as JSON: what is as usual is left out."""
    out: dict[str, Any] = {
        field: value
        for field, value, usual in zip(Watch._fields, watch, _NO_WATCH, strict=True)
        if value != usual and field not in _FACTS
    }
    for field in _FACTS[1:]:
        value = getattr(watch, field)
        if value is not None:
            out[field] = _SAME if value == watch.fact else _packed_fact(value)
    return out | {_SAME: _packed_fact(watch.fact)}


def unpacked(content: dict[str, Any]) -> Watch:
    """The watch that `packed` wrote."""
    fact = _fact(content["fact"])
    facts = {
        field: fact if content[field] == _SAME else _fact(content[field])
        for field in _FACTS[1:]
        if field in content
    }
    return Watch(**{**content, "fact": fact, **facts})


def is_other(old: Watch | None, new: Watch | None) -> bool:
    """Whether there is anything to keep: a last look with nothing but another amount and other words is not."""
    if old is None or new is None:
        return old is not new
    if old is new:
        return False
    fact = new.fact._replace(amount=old.fact.amount, said=old.fact.said)
    return old != new._replace(fact=fact)


def _packed_fact(fact: Fact) -> dict[str, Any]:
    told = {
        field: value
        for field, value, usual in zip(Fact._fields, fact, _NO_FACT, strict=True)
        if value != usual
    }
    return told | ({"said": dict(fact.said)} if fact.said else {})


def _fact(content: dict[str, Any]) -> Fact:
    return Fact(**content)

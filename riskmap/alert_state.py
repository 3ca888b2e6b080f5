"""What is known of causes between passes, as JSON holds it: small, exact, and read back to the same."""

from typing import Any

from riskmap.alert_decisions import Watch
from riskmap.alert_facts import Fact

_FACTS = ("fact", "known", "fired")
_SAME = "fact"
"""stands for a fact that is as last seen: most are"""
_EMPTY = Watch(Fact("", "", ""))


def packed(watch: Watch) -> dict[str, Any]:
    """A watch as JSON: what is as usual is left out."""
    out: dict[str, Any] = {}
    for field in Watch._fields:
        value = getattr(watch, field)
        if field in _FACTS:
            if value is not None:
                out[field] = _SAME if field != _SAME and value == watch.fact else _packed_fact(value)
        elif value != getattr(_EMPTY, field):
            out[field] = value
    return out


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
    usual = Fact("", "", "")
    told = {field: value for field, value in fact._asdict().items() if value != getattr(usual, field)}
    return told | ({"said": dict(fact.said)} if fact.said else {})


def _fact(content: dict[str, Any]) -> Fact:
    return Fact(**content)

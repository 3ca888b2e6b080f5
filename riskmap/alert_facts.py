"""What may be warned of: facts that hold at an instant, one typed row each, with one fingerprint per cause.

A fact says of one record what is so, and whom it concerns: `level` of a source reached, `rise` of the dynamic map,
`near` to a township's people, `zone` of joint control as it is, danger `overdue` or `listed`, `inventory` over its
limit, `event` over its threshold, `silent` feed, `due` date passed. Its fingerprint is made of what and whom, never of
when or how much: over any number of runs one cause is one warning. No fact is of an area's colour alone.
"""

import hashlib
import json
from collections.abc import Iterable, Mapping
from functools import lru_cache
from types import MappingProxyType
from typing import Any, NamedTuple

from riskmap.errors import BadInput

SIDES = ("own", "neighbour", "outside")
"""where a source stands from the township that is told: on its ground, across its border, outside the city"""
NO_LEVEL = 5
"""below the four levels 1 (worst) to 4"""
DRILLS = "drills"
"""the layer of facts that a drill makes believe"""
_CAUSES_KEPT = 1 << 18
"""of so many causes the fingerprint is kept: each pass asks for all of them again"""
NOTHING_MORE: Mapping[str, Any] = MappingProxyType({})


class Kind(NamedTuple):
    """A kind of fact: the topic it belongs to, and what its amount is.

    `unit` is how many of the amount's whole numbers make one of the rules' `limit` and `step`; `falls`: less is worse.
    """

    cause: str
    amount: str = ""
    unit: int = 1
    falls: bool = False


KINDS: Mapping[str, Kind] = {
    "level": Kind("risk"),
    "rise": Kind("risk"),
    "near": Kind("risk", "m", 1000, falls=True),
    "zone": Kind("risk"),
    "overdue": Kind("danger", "d"),
    "listed": Kind("danger", "d"),
    "inventory": Kind("inventory", "permille"),
    "event": Kind("event"),
    "silent": Kind("silence", "min"),
    "due": Kind("due", "d"),
}


class Fact(NamedTuple):
    """One thing that is so at an instant.

    `part` tells apart what one record may have several of (substance, sensor, thing that is due); `level` is on the
    fact's own scale, 0 where it has none; `amount` as its kind says, mm for `near`; `mark` stands for what has no order
    (a zone's members). `area` is the smallest area on file, `x_mm` and `y_mm` its position in the city's metric system.
    `said` holds the words for messages and decides nothing.
    """

    kind: str
    layer: str
    code: str
    part: str = ""
    township: str = ""
    side: str = "own"
    level: int = 0
    amount: int = 0
    mark: str = ""
    cause: str = ""
    area: str = ""
    industry: str = ""
    enterprise: str = ""
    zone: str = ""
    x_mm: int | None = None
    y_mm: int | None = None
    confirmed: bool = False
    said: Mapping[str, Any] = NOTHING_MORE

    @property
    def fingerprint(self) -> str:
        """Of what and whom, in 32 hex digits: equal as long as the cause is the same one."""
        return _fingerprint(self.kind, self.layer, self.code, self.part, self.township)

    @property
    def is_drill(self) -> bool:
        """Whether it is only made believe."""
        return self.layer == DRILLS

    @property
    def cause_anywhere(self) -> tuple[str, str, str, str]:
        """What it is about, whichever township is told of it; the fingerprint without whom it concerns."""
        return self.kind, self.layer, self.code, self.part

    @property
    def topic(self) -> str:
        """What a zone's red must share with its members' warnings to suppress them."""
        return self.cause or KINDS[self.kind].cause

    @property
    def severity(self) -> tuple[int, int]:
        """Smaller is worse: by level, then by amount."""
        return self.level or NO_LEVEL, self.amount if KINDS[self.kind].falls else -self.amount


def gathered(facts: Iterable[Fact]) -> dict[str, Fact]:
    """Facts by fingerprint, in its order; of several rows about one cause the worst counts, whatever their order.

    Raises BadInput for a fact of no known kind or side.
    """
    found: dict[str, Fact] = {}
    for fact in facts:
        if fact.kind not in KINDS or fact.side not in SIDES:
            raise BadInput(
                f"未知的事实 {fact.kind}/{fact.side}", remedy=f"可用：{'、'.join((*KINDS, *SIDES))}"
            )
        print_ = fact.fingerprint
        other = found.get(print_)
        if other is None or _order(fact) < _order(other):
            found[print_] = fact
    return dict(sorted(found.items()))


def is_worse(now: Fact, then: Fact, step: int = 0) -> str:
    """How a fact became worse: `worse` by level or amount, `nearer`, or `` where it did not.

    A change of amount counts from `step` on, in the whole numbers of the amount; 0: no change of amount does.
    """
    if (now.level or NO_LEVEL) < (then.level or NO_LEVEL):
        return "worse"
    falls = KINDS[now.kind].falls
    grown = then.amount - now.amount if falls else now.amount - then.amount
    if step and grown >= step:
        return "nearer" if falls else "worse"
    return ""


@lru_cache(maxsize=_CAUSES_KEPT)
def _fingerprint(*parts: str) -> str:
    named = "".join([f"{len(part)}:{part}" for part in parts])  # no text of one part can look like two
    return hashlib.sha256(named.encode()).hexdigest()[:32]


def _order(fact: Fact) -> tuple[tuple[int, int], str]:
    """Total, so that of two rows the same one counts whichever comes first."""
    rest = json.dumps({**fact._asdict(), "said": dict(fact.said)}, default=str, sort_keys=True)
    return fact.severity, rest

"""How a joint-control zone is called: by its place, its business format where most of it has one, and a number where
that is taken.

A name is given once, at birth, and kept through growing, shrinking, splitting and returning, as the id is: agreements,
phone lists and people hang on it. It is never given to another zone, not after its end either.
"""

import re
from collections.abc import Collection, Iterable

_ZONE = "片区"


def stem_of(place: str, business_format: str, first_member: str) -> str:
    """What a zone is called before it is numbered: 甲镇乙村市场; without a place by its first member."""
    return f"{place}{business_format}" if place else first_member


def is_of(name: str, stem: str) -> bool:
    """Whether a name is that of a stem, numbered or not."""
    return re.fullmatch(rf"{re.escape(stem)}(\d+号)?{_ZONE}", name) is not None


def unlike(stems: Iterable[tuple[str, str]], taken: Collection[str]) -> dict[str, str]:
    """A name for each (zone, stem), in this order, that no zone ever bore: …片区, …2号片区, …3号片区."""
    found: dict[str, str] = {}
    used = set(taken)
    nexts: dict[str, int] = {}
    for zone, stem in stems:
        n = nexts.get(stem, 1)
        while (name := f"{stem}{_ZONE}" if n == 1 else f"{stem}{n}号{_ZONE}") in used:
            n += 1
        nexts[stem] = n + 1
        used.add(name)
        found[zone] = name
    return found

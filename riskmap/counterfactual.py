"""The search for few actions that together reach a goal: smallest where that can be proven, irreducible beyond.

An action more never undoes what others do (an account's laws), so whether a set reaches the goal is monotone: where
all actions together fail, none succeed, and a set that needs each of its actions has no smaller part that does.

Sets of up to three are all examined but those that cannot matter: `bounds` say how much an action can add at most to
what each of some conditions needs, whatever else is done, and a set whose bounds do not add up to a need is left out;
so is a set without an action that even all others together cannot do without.
"""

from collections.abc import Callable, Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from riskmap.shapes import Ints

Set = tuple[int, ...]
Holds = Callable[[Sequence[Set]], Sequence[bool]]
"""which of some sets of actions reach the goal"""

MOST_PROVEN = 3
_BATCH = 512


class Found(NamedTuple):
    """A set that reaches the goal, by ascending action; `proven`: none of fewer actions does."""

    actions: Set
    proven: bool


def fewest_actions(
    ranks: Sequence[int], bounds: Ints, needs: Ints, holds: Holds, *, most_examined: int = 50_000
) -> Found | None:
    """A set of as few actions as possible that reaches the goal; None where all of them together do not.

    `bounds` (conditions, actions) and `needs` (conditions) as above; among sets of one size that with the lowest sum
    of `ranks` is taken, then the one that can do most. Up to three actions the set is proven to be smallest, unless
    more than `most_examined` sets would have to be looked at. Beyond, it is irreducible (no part of it does), and
    proven only where it has as few actions as there must be.
    """
    n = len(ranks)
    if not holds([tuple(range(n))])[0]:
        return None
    if holds([()])[0]:
        return Found((), proven=True)
    needed = _needed_always(n, holds)
    least, left = max(1, len(needed)), most_examined
    for size in range(least, MOST_PROVEN + 1):
        sets = _that_can_matter(bounds, needs, needed, size, left)
        if sets is None:
            break
        left -= len(sets)
        found = _first(_ordered(sets, ranks, bounds), holds)
        if found is not None:
            return Found(found, proven=True)
        least = size + 1
    few = _irreducible(ranks, bounds, needs, holds)
    return Found(few, proven=len(few) == least)


def _needed_always(n: int, holds: Holds) -> Set:
    """The actions without which all others together fail: every set that reaches the goal has them."""
    whole = tuple(range(n))
    without = [whole[:a] + whole[a + 1 :] for a in whole]
    does = [one for begin in range(0, n, _BATCH) for one in holds(without[begin : begin + _BATCH])]
    return tuple(a for a in whole if not does[a])


def _that_can_matter(bounds: Ints, needs: Ints, needed: Set, size: int, most: int) -> Ints | None:
    """The sets of a size with all needed actions whose bounds add up to every need, (sets, size) by ascending action.

    None where there are more than `most`.
    """
    free = np.setdiff1d(np.arange(bounds.shape[1]), needed)
    given = bounds[:, list(needed)].sum(axis=1)
    more = size - len(needed)
    if not more:
        fits = bool((given >= needs).all())
        return np.array([needed] if fits else [], np.int64).reshape(-1, size)
    found = _combinations(bounds[:, free], needs - given, more, most)
    if found is None:
        return None
    head = np.tile(np.array(needed, np.int64), (len(found), 1))
    return np.sort(np.hstack([head, free[found]]), axis=1)


def _combinations(bounds: Ints, needs: Ints, size: int, most: int) -> Ints | None:
    """The combinations of a size whose bounds add up to every need; None where there are more than `most`."""
    n = bounds.shape[1]
    best = np.sort(bounds, axis=1)[:, ::-1]
    parts: list[Ints] = []
    count = 0

    def extend(chosen: Set, reached: Ints) -> bool:
        """Add the combinations that begin with the chosen ones; False where there are too many."""
        nonlocal count
        left = size - len(chosen)
        after = np.arange(chosen[-1] + 1 if chosen else 0, n)
        others = best[:, : left - 1].sum(axis=1)
        viable = after[(reached[:, None] + bounds[:, after] + others[:, None] >= needs[:, None]).all(axis=0)]
        if left == 1:
            count += len(viable)
            if len(viable):
                head = np.tile(np.array(chosen, np.int64), (len(viable), 1))
                parts.append(np.hstack([head, viable[:, None]]))
            return count <= most
        return all(extend((*chosen, int(a)), reached + bounds[:, a]) for a in viable)

    if not extend((), np.zeros(len(needs), np.int64)):
        return None
    return np.concatenate(parts) if parts else np.zeros((0, size), np.int64)


def _ordered(sets: Ints, ranks: Sequence[int], bounds: Ints) -> Ints:
    """The sets with the lowest ranks first, among them those that can do most."""
    rank = np.asarray(ranks, np.int64)[sets].sum(axis=1)
    can = bounds.sum(axis=0)[sets].sum(axis=1)
    return sets[np.lexsort((-can, rank))]


def _first(sets: Ints, holds: Holds) -> Set | None:
    for begin in range(0, len(sets), _BATCH):
        batch = [tuple(int(a) for a in row) for row in sets[begin : begin + _BATCH]]
        for one, does in zip(batch, holds(batch), strict=True):
            if does:
                return one
    return None


def _irreducible(ranks: Sequence[int], bounds: Ints, needs: Ints, holds: Holds) -> Set:
    """The actions that can do most until the goal is reached, without each that is not needed, the weakest tried first."""
    order = _strongest_first(ranks, bounds, needs)
    low, high = 1, len(order)
    while low < high:
        middle = (low + high) // 2
        if holds([tuple(sorted(order[:middle]))])[0]:
            high = middle
        else:
            low = middle + 1
    kept = order[:high]
    for action in reversed(order[:high]):
        fewer = [one for one in kept if one != action]
        if holds([tuple(sorted(fewer))])[0]:
            kept = fewer
    return tuple(sorted(kept))


def _strongest_first(ranks: Sequence[int], bounds: Ints, needs: Ints) -> list[int]:
    """By the share of the needs that an action can meet at most, then by rank."""
    share: NDArray[np.float64] = np.zeros(bounds.shape[1])
    for row, need in zip(bounds, needs, strict=True):
        if need > 0:
            share = np.maximum(share, np.minimum(row / need, 1.0))
    return [int(a) for a in np.lexsort((np.asarray(ranks), -share))]

"""The sizes of a benchmark's city, and the clock."""

import time
from collections.abc import Callable
from dataclasses import dataclass


@dataclass(frozen=True)
class Size:
    """How large a city is: enterprises, hazard sources and the polygons that hold its people, over 3,600 km²."""

    name: str
    enterprises: int
    sources: int
    polygons: int


SIZES = {
    s.name: s
    for s in (
        Size("S", 10_000, 500, 2_000),
        Size("M", 100_000, 5_000, 20_000),
        Size("L", 1_000_000, 20_000, 100_000),
    )
}


def seconds(work: Callable[[], object], rounds: int = 1) -> float:
    """The shortest of several rounds."""
    best = float("inf")
    for _ in range(rounds):
        start = time.perf_counter()
        work()
        best = min(best, time.perf_counter() - start)
    return best

"""Costly answers: a few at a time, the others wait a little and are told."""

from collections.abc import Iterator
from contextlib import contextmanager
from threading import Semaphore

from riskmap.errors import Busy


@contextmanager
def turn(at_once: Semaphore, patience_s: float, busy: str) -> Iterator[None]:
    """One of as many at a time as `at_once` lets through. Busy, saying what keeps them, where none becomes free."""
    if not at_once.acquire(timeout=patience_s):
        raise Busy(busy, remedy="请稍后重试")
    try:
        yield
    finally:
        at_once.release()

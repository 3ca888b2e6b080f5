"""How kernels are compiled and spread over threads: the same options for all of them, decided once.

A kernel takes a span `lo, hi` of its items and releases the interpreter, so plain threads run it on spans. That
compiles several times faster than Numba's own parallel loops, needs no threading layer and may be called from
many threads at once. Nothing compiles before its first call. The result is kept where NUMBA_CACHE_DIR says (it is
read when Numba is first imported), and nowhere without it.
"""

import ctypes
import hashlib
import os
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import cache
from pathlib import Path
from typing import TypeVar, cast

from numba import config, njit

F = TypeVar("F", bound=Callable[..., object])
T = TypeVar("T")

_SMALLEST_SPAN = 64
"""items; below it a thread costs more than it saves"""
_SPANS_PER_THREAD = 8
"""so that a thread with an easy span takes another one"""

_M_MMAP_THRESHOLD = -3
"""of glibc's <malloc.h>"""
_LARGE = 4 * 2**20
"""bytes; what is larger goes back to the system at once"""


def large_arrays_go_back() -> None:
    """Let large arrays go back to the system when they are freed; called once, by a program that begins.

    glibc learns to keep them, up to 32 MiB each and for every thread by itself: a third of what zones of a million
    sites take. Other C libraries have no such setting.
    """
    mallopt = getattr(ctypes.CDLL(None), "mallopt", None)
    if mallopt:
        mallopt(_M_MMAP_THRESHOLD, _LARGE)


def kernel(function: F) -> F:
    """Compile a function at its first call: IEEE arithmetic in the order written, no interpreter lock."""
    return cast("F", njit(cache=_keeps_code(), nogil=True, error_model="numpy")(function))


@cache
def _keeps_code() -> bool:
    """Whether compiled code is kept, in a folder of its own for these very kernels.

    Numba looks only at the file of the function that is called: it would go on using old code where a function
    inlined from another file has changed.
    """
    options = vars(config)
    if not options["CACHE_DIR"]:
        return False
    here = Path(__file__)
    texts = [file.read_bytes() for file in sorted(here.parent.glob("*.py"))]
    kernels = hashlib.sha256(b"".join(text for text in texts if b"from numba" in text or b"@kernel" in text))
    options["CACHE_DIR"] = str(Path(options["CACHE_DIR"]) / kernels.hexdigest()[:16])
    return True


def over_spans(work: Callable[[int, int], T], n: int, threads: int = 0) -> list[T]:
    """The results of `work(lo, hi)` over spans that cover 0 … n in order, at most `threads` at a time.

    `threads` 0 means one per processor. There is at least one span, also for n = 0.
    """
    threads = threads or os.cpu_count() or 1
    spans = max(1, min(threads * _SPANS_PER_THREAD, n // _SMALLEST_SPAN)) if threads > 1 else 1
    if spans == 1:
        return [work(0, n)]
    edges = [n * k // spans for k in range(spans + 1)]
    with ThreadPoolExecutor(threads) as pool:
        return list(pool.map(work, edges[:-1], edges[1:]))

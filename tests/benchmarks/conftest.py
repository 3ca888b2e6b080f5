"""Speed beside a peer, in one run on one machine: seconds drift, only their ratios count.

`make bench` runs sizes S and M, `make bench SIZE=L` one. A benchmark first checks that both sides give the same
answer; where a ratio is promised, falling below it fails.
"""

import os
from collections.abc import Callable

import pytest

from tests.benchmarks.ratios import SIZES, Size


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """A benchmark that takes a `size` runs once for each size asked for."""
    if "size" in metafunc.fixturenames:
        names = os.environ["RISKMAP_BENCH"].split()
        metafunc.parametrize("size", [SIZES[name] for name in names], ids=names)


@pytest.fixture
def compare(capsys: pytest.CaptureFixture[str]) -> Callable[[str, Size, float, str, float, float], None]:
    """Print one line `ours beside a peer` and hold the promised ratio; 0 where none is promised for the size."""

    def line(what: str, size: Size, ours_s: float, peer: str, peer_s: float, promised: float) -> None:
        ratio = peer_s / ours_s
        with capsys.disabled():
            least = f" (promised: {promised:g}x)" if promised else ""
            print(
                f"\n{size.name}  {what}: {ours_s:.4f} s, {peer}: {peer_s:.3f} s, {ratio:.1f}x as fast{least}"
            )
        assert ratio >= promised

    return line

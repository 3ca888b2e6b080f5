"""Where compiled kernels are kept, and how work is spread over threads."""

import os
import shutil
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from riskmap.compiled import over_spans

PACKAGE = Path(__file__).parents[2] / "riskmap"


@pytest.mark.parametrize("threads", [0, 1, 2, 4])
@pytest.mark.parametrize("n", [0, 1, 63, 64, 1000, 4097])
def test_spans_cover_everything_once_and_in_order(n: int, threads: int) -> None:
    spans = over_spans(lambda lo, hi: (lo, hi), n, threads)
    assert [i for lo, hi in spans for i in range(lo, hi)] == list(range(n))
    assert len(spans) >= 1


def test_spans_run_beside_each_other_and_their_errors_are_raised() -> None:
    together = threading.Barrier(2, timeout=20)

    def meet(lo: int, hi: int) -> int:
        return together.wait() if lo == 0 or hi == 128 else 0

    assert sum(over_spans(meet, 128, 2)) == 1

    def fail(lo: int, hi: int) -> None:
        raise ArithmeticError(lo)

    with pytest.raises(ArithmeticError):
        over_spans(fail, 1000, 2)


def kept_in(package: Path, folder: str) -> str:
    """The folder that a fresh process keeps its compiled kernels in."""
    shown = "import numba; import riskmap.bins; print(numba.config.CACHE_DIR)"
    environment = {**os.environ, "NUMBA_CACHE_DIR": folder, "PYTHONPATH": str(package.parent)}
    done = subprocess.run(
        [sys.executable, "-c", shown],
        env=environment,
        cwd=package.parent,
        capture_output=True,
        text=True,
        check=True,
    )
    return done.stdout.strip()


def test_a_change_in_any_kernel_leaves_the_old_code_behind(tmp_path: Path) -> None:
    home = tmp_path / "home"
    copy = tmp_path / "changed" / "riskmap"
    shutil.copytree(PACKAGE, copy, ignore=shutil.ignore_patterns("__pycache__", "tables"))
    first = kept_in(copy, str(home))
    assert Path(first).parent == home
    shapes = copy / "shapes.py"
    shapes.write_text(shapes.read_text("utf-8").replace("length2 == 0.0", "length2 <= 0.0"), "utf-8")
    assert kept_in(copy, str(home)) != first
    assert kept_in(copy, "") == ""

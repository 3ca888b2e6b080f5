"""What every test of this house starts from: no settings of the machine, one Hypothesis profile, the shared reading.

Kinds of test stand apart: `tests/riskmap` needs no database, `tests/layers`, `tests/jobs` and `tests/web` have a
private PostGIS (`tests/database.py`), `tests/benchmarks` runs by `make bench` only.
"""

import os
import sys
from pathlib import Path

import pytest
from hypothesis import settings

pytest_plugins = ["tests.database", "tests.demo_city", "tests.siting_city"]

ROOT = Path(__file__).resolve().parents[1]
SOAK = bool(os.environ.get("RISKMAP_SOAK"))

collect_ignore = [] if os.environ.get("RISKMAP_BENCH") else ["benchmarks"]

# Nothing of the person's own city may reach a test: a test that forgets to name a home fails at once.
for _name in [name for name in os.environ if name.startswith("RISKMAP_")]:
    if _name not in {"RISKMAP_SOAK", "RISKMAP_BENCH"}:
        del os.environ[_name]
os.environ["RISKMAP_HOME"] = "/dev/null/no-home-given"

# Kernels compile once for all runs of this clone, for the commands that tests start, too.
os.environ.setdefault("NUMBA_CACHE_DIR", str(ROOT / ".pytest_cache" / "numba"))

# So do the house and its tests, wherever the machine would have every process compile them again.
os.environ.pop("PYTHONDONTWRITEBYTECODE", None)
sys.dont_write_bytecode = False

settings.register_profile("house", max_examples=1000 if SOAK else 40, deadline=None, derandomize=not SOAK)
settings.load_profile("house")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """A test that asks whether it is soaked has a place in `make soak`."""
    for item in items:
        if "soak" in getattr(item, "fixturenames", ()):
            item.add_marker(pytest.mark.soak)


@pytest.fixture(scope="session")
def shared() -> Path:
    """The folder of figures, vectors and foreign data beside the clone; tests that need it skip without it."""
    folder = ROOT.parent / "shared"
    if not folder.is_dir():
        pytest.skip("no folder ../shared beside this clone: its vectors and data are not in the repository")
    return folder


@pytest.fixture(scope="session")
def soak() -> bool:
    """True where `make soak` asks for the full number of rounds."""
    return SOAK

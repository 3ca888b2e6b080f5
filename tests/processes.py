"""The program as people start it: commands, servers and workers as processes of their own, in a home of their own."""

import json
import os
import shutil
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx
from sqlalchemy import Engine

from jobs.setup import prepare_database
from layers.cluster import Cluster
from layers.database import owner_engine
from riskmap.settings import load_city
from tests.database import traversable_folder


@contextmanager
def new_home(prefix: str) -> Iterator[Path]:
    """An empty home, gone afterwards."""
    folder = traversable_folder(prefix)
    yield folder
    shutil.rmtree(folder)


@contextmanager
def within(home: Path) -> Iterator[Engine]:
    """The home's database for this process, as one more program beside those that a test starts: it loads in no time."""
    with Cluster(home).using() as dsn:
        engine = owner_engine(dsn)
        yield engine
        engine.dispose()


def set_up(home: Path) -> None:
    """What `riskmap init` does."""
    with Cluster(home).using() as dsn:
        prepare_database(dsn, load_city())


def command(home: Path, *words: str) -> list[str]:
    return [sys.executable, "-m", "web", *words]


def environment(home: Path) -> dict[str, str]:
    return {**os.environ, "RISKMAP_HOME": str(home)}


def run(home: Path, *words: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        command(home, *words), env=environment(home), capture_output=True, text=True, timeout=100, check=False
    )


def answer(home: Path, *words: str) -> object:
    done = run(home, *words, "--json")
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def postmasters(home: Path) -> list[int]:
    """The PostgreSQL servers of this home that run now."""
    found = []
    for entry in Path("/proc").iterdir():
        try:
            line = (entry / "cmdline").read_bytes()
        except (OSError, NotADirectoryError):
            continue
        if str(home).encode() in line and b"postgres" in line.split(b"\0")[0]:
            found.append(int(entry.name))
    return found


def started(home: Path, *words: str, url: str | None = None) -> subprocess.Popen[bytes]:
    """A command that goes on; on another database than the home's where its URL is given."""
    settings = environment(home) | ({} if url is None else {"RISKMAP_DATABASE_URL": url})
    return subprocess.Popen(
        command(home, *words), env=settings, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def status(port: int) -> int | None:
    try:
        return httpx.get(f"http://127.0.0.1:{port}/login", timeout=5).status_code
    except httpx.HTTPError:
        return None


def until(what: Callable[[], bool], within_s: float = 60) -> None:
    """Wait for something that another process brings about; fails when it does not come."""
    ends = time.monotonic() + within_s
    while not what():
        assert time.monotonic() < ends, "it never came"
        time.sleep(0.1)

"""Private clusters for tests that kill: commands that use one, the processes it has, and a home left clean."""

import os
import shutil
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import psycopg
import pytest

from tests.database import traversable_folder

REPOSITORY = Path(__file__).resolve().parents[2]

# A command of this home: says which server it found, works until it is spoken to.
COMMAND = """
import signal, sys
from pathlib import Path
from layers.cluster import Cluster

signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
cluster = Cluster(Path(sys.argv[1]))
with cluster.using():
    print(cluster.server.pid(), flush=True)
    sys.stdin.readline()
"""


class Command:
    """A process that uses the cluster of a home."""

    def __init__(self, home: Path) -> None:
        self.process = subprocess.Popen(
            [sys.executable, "-c", COMMAND, str(home)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            env={**os.environ, "PYTHONPATH": str(REPOSITORY)},
            start_new_session=True,
            text=True,
        )

    def server(self) -> int:
        """The server's process id, once the command has it."""
        assert self.process.stdout is not None
        line = self.process.stdout.readline()
        assert line, self.process.communicate()[1]
        return int(line)

    def leave(self) -> None:
        assert self.process.communicate("\n", timeout=60) == ("", "")
        assert self.process.returncode == 0

    def signal(self, number: signal.Signals, *, group: bool = False) -> int:
        os.killpg(self.process.pid, number) if group else self.process.send_signal(number)
        self.process.communicate(timeout=60)
        return self.process.returncode


def processes(home: Path) -> list[int]:
    """Every server process of a home: they all work in its data folder. A zombie works nowhere."""
    found = []
    for process in Path("/proc").iterdir():
        if process.name.isdigit():
            try:
                folder = str((process / "cwd").readlink())
            except OSError:
                continue
            if folder.startswith(f"{home}/postgres/"):
                found.append(int(process.name))
    return found


def until(condition: Callable[[], object], seconds: float = 30) -> None:
    """Wait for something another process does and tells nobody."""
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end
        threading.Event().wait(0.005)


def rows(dsn: str, query: str) -> list[tuple[object, ...]]:
    with psycopg.connect(dsn) as connection:
        return connection.execute(query).fetchall()


def kill(server: int, home: Path) -> None:
    """Kill the postmaster and see it dead; its children are on their own then."""
    os.kill(server, signal.SIGKILL)
    until(lambda: server not in processes(home))


def keep(dsn: str, n: int = 1) -> None:
    """Commit n rows that must outlive what follows."""
    with psycopg.connect(dsn) as connection:
        connection.execute("CREATE TABLE kept AS SELECT generate_series(1, %s) AS n", [n])


@pytest.fixture
def cluster_home() -> Iterator[Path]:
    """A home for a cluster of one test; a server that outlives the test fails it."""
    folder = traversable_folder() / "home"
    yield folder
    left = processes(folder)
    for pid in left:
        os.kill(pid, signal.SIGKILL)
    until(lambda: not processes(folder))
    shutil.rmtree(folder.parent)
    assert not left, "the test left a server behind"

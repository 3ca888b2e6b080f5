"""kill -9 in the middle of an import, of a run, of the server and of the database: all or nothing, and no help needed."""

import csv
import os
import random
import signal
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest
from sqlalchemy import text

from jobs.risk import assess
from layers.audit import verify
from layers.cluster import Cluster
from layers.database import snapshot, writing
from tests.processes import (
    command,
    environment,
    free_port,
    new_home,
    postmasters,
    run,
    set_up,
    started,
    status,
    until,
    within,
)

ROWS = 4000
KILLS = 12 if os.environ.get("RISKMAP_SOAK") else 2


@pytest.fixture(scope="module")
def prepared_home() -> Iterator[Path]:
    """A home after `riskmap init`, with no server running."""
    with new_home("riskmap-ready-") as folder:
        set_up(folder)
        yield folder


@pytest.fixture
def home(prepared_home: Path) -> Iterator[Path]:
    """A home of its own for each test, copied with its owners: a new cluster takes longer."""
    with new_home("riskmap-crash-") as folder:
        subprocess.run(["cp", "-a", f"{prepared_home}/.", folder], check=True)
        yield folder


def write_enterprises(path: Path, name: str) -> None:
    with path.open("w", encoding="utf-8", newline="") as file:
        rows = csv.writer(file)
        rows.writerow(["code", "name", "industry", "lon", "lat"])
        for n in range(ROWS):
            rows.writerow(
                [f"E{n:05d}", f"{name}{n}", "C2614", 112.3 + n % 60 * 0.003, 28.8 + n // 60 * 0.003]
            )


def killed_after(home: Path, delay_s: float, *words: str) -> bool:
    """Start a command and kill it after a while; False where it had already ended by itself."""
    process = subprocess.Popen(
        command(home, *words), env=environment(home), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )
    try:
        process.wait(delay_s)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()
        return True
    return False


def seconds(home: Path, *words: str) -> float:
    started = time.monotonic()
    assert run(home, *words).returncode == 0
    return time.monotonic() - started


def names(home: Path) -> list[str]:
    """Of the enterprises on file."""
    with within(home) as owner, snapshot(owner) as connection:
        return [name for (name,) in connection.execute(text("SELECT name FROM enterprise"))]


def result_hash(home: Path) -> str:
    """Of a run over what is on file now."""
    with within(home) as owner:
        return str(assess(owner, actor="test")["result_hash"])


@pytest.mark.soak
@pytest.mark.timeout(1800)
def test_an_import_and_a_run_are_whole_or_not_there(home: Path, tmp_path: Path) -> None:
    files = {}
    for name in ("甲", "乙"):
        files[name] = tmp_path / f"{name}.csv"
        write_enterprises(files[name], name)
    whole_s = seconds(home, "import", "enterprises", str(files["甲"]))
    dice = random.Random(7)
    current = "甲"
    killed = 0
    for _ in range(KILLS):
        wanted = "乙" if current == "甲" else "甲"
        killed += killed_after(
            home, dice.uniform(0.5, 1.0) * whole_s, "import", "enterprises", str(files[wanted])
        )
        found = names(home)
        letters = {name[0] for name in found}
        assert len(found) == ROWS
        assert len(letters) == 1, "half an import was written"
        current = letters.pop()
    with within(home) as owner, writing(owner) as connection:
        assert verify(connection) == []
    assert killed >= KILLS - 1, "the kills came too late to test anything"
    run_s = seconds(home, "assess", "--full")
    before = result_hash(home)
    for _ in range(KILLS):
        killed_after(home, dice.uniform(0.4, 1.0) * run_s, "assess", "--full")
        assert result_hash(home) == before
    assert not postmasters(home), "something outlived the last command"


@pytest.mark.soak
@pytest.mark.timeout(300)
def test_a_killed_database_comes_back_under_an_import(home: Path, tmp_path: Path) -> None:
    first, second = tmp_path / "a.csv", tmp_path / "b.csv"
    write_enterprises(first, "甲")
    write_enterprises(second, "乙")
    whole_s = seconds(home, "import", "enterprises", str(first))
    importing = subprocess.Popen(
        command(home, "import", "enterprises", str(second)),
        env=environment(home),
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
    )
    try:
        importing.wait(0.7 * whole_s)
    except subprocess.TimeoutExpired:
        for pid in postmasters(home):
            os.kill(pid, signal.SIGKILL)
    _, error = importing.communicate(timeout=60)
    assert importing.returncode in (0, 1), error
    found = names(home)
    assert len(found) == ROWS
    assert len({name[0] for name in found}) == 1


@pytest.mark.soak
@pytest.mark.timeout(300)
def test_server_and_worker_may_be_killed_and_so_may_their_database(home: Path) -> None:
    port = free_port()
    server = started(home, "serve", "--port", str(port))
    workers = [started(home, "work")]
    try:
        until(lambda: status(port) == 200)
        for pid in postmasters(home):
            os.kill(pid, signal.SIGKILL)
        until(lambda: status(port) == 200 and bool(postmasters(home)))
        until(lambda: scheduler_runs(home))
        workers.append(started(home, "work"))
        workers[0].kill()
        workers[0].wait()
        until(lambda: scheduler_runs(home))
        server.kill()
        server.wait()
        assert run(home, "show", "city").returncode == 0
        workers[1].terminate()
        assert workers[1].wait(30) == 0
    finally:
        for process in (server, *workers):
            process.kill()
            process.wait()
    assert run(home, "show", "city").returncode == 0
    until(lambda: not postmasters(home))


def scheduler_runs(home: Path) -> bool:
    """Whether some worker holds the runner's lock; False while the database is away."""
    query = "SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND objid = 1 AND granted"
    try:
        with psycopg.connect(Cluster(home).dsn()) as connection:
            return connection.execute(query).fetchone() == (1,)
    except psycopg.OperationalError:
        return False

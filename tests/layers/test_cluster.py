"""Sharing the private cluster, with real servers and real kills: adopted, recovered, never left behind."""

import os
import signal
import stat
import threading
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path

import psycopg
import pytest

from layers.cluster import Cluster, database, find_binaries
from layers.cluster_host import try_lock
from riskmap.settings import Settings
from tests.clusters import Command, keep, kill, processes, rows, until


@pytest.fixture
def home(cluster_home: Path) -> Path:
    return cluster_home


def test_starts_keeps_and_stops(home: Path) -> None:
    with Cluster(home).using() as dsn:
        assert processes(home)
        keep(dsn, 2)
    assert not processes(home)
    with Cluster(home).using() as dsn:
        assert rows(dsn, "SELECT n FROM kept ORDER BY n") == [(1,), (2,)]
    assert not processes(home)


def test_settings_and_rights(home: Path) -> None:
    cluster = Cluster(home)
    with cluster.using() as dsn:
        names = ["fsync", "autovacuum", "jit", "listen_addresses", "TimeZone", "data_checksums", "lc_ctype"]
        with psycopg.connect(dsn) as connection:
            shown = [connection.execute(f"SHOW {name}").fetchone() for name in names]
        assert [row[0] for row in shown if row] == ["on", "on", "off", "", "UTC", "on", "C.UTF-8"]
        assert rows(dsn, "SELECT current_user, current_database()") == [("riskmap", "riskmap")]
        for folder in (cluster.server.socket_folder, cluster.server.data):
            assert folder is not None
            assert stat.S_IMODE(folder.stat().st_mode) == 0o700
            assert folder.stat().st_uid == cluster.server.owner.uid != 0
        assert rows(cluster.dsn(database="postgres"), "SELECT current_database()") == [("postgres",)]
        with pytest.raises(psycopg.OperationalError, match='role "stranger" does not exist'):
            psycopg.connect(cluster.dsn(user="stranger"))


def test_two_processes_share_one_server(home: Path) -> None:
    first = Command(home)
    server = first.server()
    second = Command(home)
    assert second.server() == server
    first.leave()
    assert server in processes(home)
    second.leave()
    assert not processes(home)


def test_four_first_starts_give_one_server(home: Path) -> None:
    commands = [Command(home) for _ in range(4)]
    servers = {command.server() for command in commands}
    assert len(servers) == 1
    for command in commands:
        command.leave()
    assert not processes(home)
    assert [path.name for path in (home / "postgres").glob("[0-9.]*")] == [find_binaries().parent.name]


def test_killed_command_is_adopted(home: Path) -> None:
    command = Command(home)
    server = command.server()
    command.signal(signal.SIGKILL)
    assert server in processes(home)
    cluster = Cluster(home)
    with cluster.using():
        assert cluster.server.pid() == server
    assert not processes(home)


@pytest.mark.parametrize(
    ("number", "code"), [(signal.SIGTERM, 143), (signal.SIGINT, -signal.SIGINT)], ids=["SIGTERM", "Ctrl-C"]
)
def test_signals_stop_cleanly(home: Path, number: signal.Signals, code: int) -> None:
    command = Command(home)
    command.server()
    # a terminal's Ctrl-C goes to the whole foreground group, in which the server must not be
    assert command.signal(number, group=number == signal.SIGINT) == code
    assert not processes(home)
    assert "database system is shut down" in (home / "postgres/server.log").read_text()


def test_killed_server_recovers(home: Path) -> None:
    cluster = Cluster(home)
    with cluster.using() as dsn:
        keep(dsn, 1000)
        open_work = psycopg.connect(dsn)
        open_work.execute("INSERT INTO kept VALUES (-1)")
        # one that is too busy to notice and would hold the shared memory for hours
        busy = psycopg.connect(dsn)
        asked = threading.Thread(target=_fails, args=(busy, "SELECT count(*) FROM generate_series(1, 1e10)"))
        asked.start()
        until(lambda: rows(dsn, "SELECT FROM pg_stat_activity WHERE state = 'active' AND query ~ '1e10'")[1:])
        server = cluster.server.pid()
        assert server is not None
        old = processes(home)
        kill(server, home)
        cluster.ensure()
        assert not set(old) & set(processes(home))
        assert rows(dsn, "SELECT count(*), min(n) FROM kept") == [(1000, 1)]
        asked.join(30)
        open_work.close()
        busy.close()
    assert not processes(home)


def _fails(connection: psycopg.Connection, query: str) -> None:
    with pytest.raises(psycopg.OperationalError):
        connection.execute(query.encode())


def test_threads_restart_one_server(home: Path) -> None:
    cluster = Cluster(home)
    with cluster.using() as dsn:
        old = cluster.server.pid()
        assert old is not None
        kill(old, home)
        with ThreadPoolExecutor(6) as pool:
            list(pool.map(lambda _: cluster.ensure(), range(6)))
        assert rows(dsn, "SELECT count(*) FROM pg_stat_activity WHERE pid = pg_backend_pid()") == [(1,)]
        postmasters = set()
        for pid in processes(home):
            with suppress(ProcessLookupError, FileNotFoundError):  # a connection's process may end meanwhile
                stat = (Path("/proc") / str(pid) / "stat").read_text()
                postmasters.add(int(stat.split(")")[1].split()[1]))
        assert cluster.server.pid() in postmasters
        assert old not in postmasters
    cluster.ensure()  # outside a use it is a use of its own
    assert not processes(home)


@pytest.mark.parametrize("kill_initdb", [False, True], ids=["command", "command and initdb"])
def test_killed_while_making_the_data(home: Path, kill_initdb: bool) -> None:
    command = Command(home)
    until(lambda: list(home.glob("postgres/.data-*/PG_VERSION")))
    command.signal(signal.SIGKILL)
    if kill_initdb:
        for pid in {*processes(home), *_started_for(home)}:
            os.kill(pid, signal.SIGKILL)
        assert list(home.glob("postgres/.data-*"))
    with Cluster(home).using() as dsn:
        assert rows(dsn, "SELECT 1") == [(1,)]
    assert not list(home.glob("postgres/.data-*"))


def _started_for(home: Path) -> list[int]:
    found = []
    for path in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            if f"{home}/postgres/.data-" in path.read_text():
                found.append(int(path.parent.name))
        except OSError:
            continue
    return found


def test_another_server_by_setting(home: Path) -> None:
    with database(Settings(home=home, database_url="postgresql://elsewhere/city")) as dsn:
        assert dsn == "postgresql://elsewhere/city"
    assert not home.exists()
    with database(Settings(home=home, database_url=None)) as dsn:
        assert rows(dsn, "SELECT current_database()") == [("riskmap",)]
        assert try_lock(home / "postgres/server.lock") is None
    assert not processes(home)

"""The private cluster, with real servers and real kills: shared, adopted, recovered, never left behind."""

import json
import os
import shutil
import signal
import stat
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import psycopg
import pytest

from layers.cluster import Cluster, database, find_binaries
from layers.cluster_host import try_lock
from riskmap.errors import Unavailable
from riskmap.settings import Settings
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


@pytest.fixture
def home() -> Iterator[Path]:
    folder = traversable_folder() / "home"
    yield folder
    left = processes(folder)
    for pid in left:
        os.kill(pid, signal.SIGKILL)
    until(lambda: not processes(folder))
    shutil.rmtree(folder.parent)
    assert not left, "the test left a server behind"


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
        postmasters = {
            int((Path("/proc") / str(p) / "stat").read_text().split(")")[1].split()[1])
            for p in processes(home)
        }
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


def test_stale_pid_of_a_stranger(home: Path) -> None:
    cluster = Cluster(home)
    with cluster.using():
        assert cluster.server.data is not None
        pid_file = cluster.server.data / "postmaster.pid"
        lines = pid_file.read_text().splitlines()
    # after a crash and a restart of the machine: the file is still there and somebody has the number
    pid_file.write_text("\n".join([str(os.getpid()), *lines[1:]]) + "\n")
    os.chown(pid_file, cluster.server.owner.uid, cluster.server.owner.gid)
    with cluster.using() as dsn:
        assert rows(dsn, "SELECT 1") == [(1,)]
        assert cluster.server.pid() != os.getpid()


def test_home_too_long_for_a_socket(home: Path) -> None:
    cluster = Cluster(home / ("long" * 25))
    with cluster.using() as dsn:
        folder = cluster.server.socket_folder
        assert rows(dsn, "SELECT 1") == [(1,)]
        assert stat.S_IMODE(folder.stat().st_mode) == 0o700
        assert folder.stat().st_uid == cluster.server.owner.uid
    assert not folder.exists()
    folder.symlink_to(home)
    try:
        with pytest.raises(Unavailable, match="属于他人"), cluster.using():
            pass
    finally:
        folder.unlink()


def test_home_with_a_quoted_name(home: Path) -> None:
    with Cluster(home / "it's a & 50% «home»").using() as dsn:
        assert rows(dsn, "SELECT 1") == [(1,)]


AS_NOBODY = """
import json, os, pwd, sys
from pathlib import Path
import encodings.idna, psycopg
from layers.cluster import Cluster
from layers.cluster_host import arguments_of

if os.geteuid() == 0:
    nobody = pwd.getpwnam("nobody")
    os.setgroups([])
    os.setgid(nobody.pw_gid)
    os.setuid(nobody.pw_uid)
os.umask(0o077)
cluster = Cluster(Path(sys.argv[1]))
with cluster.using() as dsn, psycopg.connect(dsn) as connection:
    count = connection.execute("SELECT count(*) FROM pg_database").fetchone()
    server = Path(f"/proc/{cluster.server.pid()}").stat().st_uid
    print(json.dumps({"me": os.getuid(), "server": server, "databases": count[0]}))
"""


def test_ordinary_user(home: Path) -> None:
    # Loads everything as the caller first: a Python below a closed folder is of no use to an ordinary user.
    home.parent.chmod(0o777)
    done = subprocess.run(
        [sys.executable, "-c", AS_NOBODY, str(home)],
        env={**os.environ, "PYTHONPATH": str(REPOSITORY)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.stderr == ""
    said = json.loads(done.stdout)
    assert said["me"] == said["server"] != 0
    assert said["databases"] == 4
    assert not processes(home)
    if os.geteuid() == 0:
        # and root afterwards runs the server as the owner of the data
        cluster = Cluster(home)
        with cluster.using() as dsn:
            assert cluster.server.owner.uid == said["me"]
            assert rows(dsn, "SELECT 1") == [(1,)]


@pytest.mark.skipif(os.geteuid() != 0, reason="only root hands the server to another account")
def test_closed_parent_is_named(home: Path) -> None:
    closed = home.parent / "closed"
    closed.mkdir(mode=0o700)
    with pytest.raises(Unavailable) as caught, Cluster(closed / "home").using():
        pass
    assert f"进不了文件夹 {closed}" in caught.value.detail
    assert f"chmod o+x {closed}" in caught.value.remedy


def test_postgis_missing(tmp_path: Path) -> None:
    with pytest.raises(Unavailable) as caught:
        find_binaries(tmp_path)
    assert caught.value.detail == "本机没有 PostGIS"
    assert caught.value.remedy == "sudo apt-get install -y postgresql-postgis"
    for version in ("14", "15", "16"):
        folder = tmp_path / "usr/lib/postgresql" / version / "bin"
        folder.mkdir(parents=True)
        for program in ("postgres", "initdb", "pg_ctl"):
            (folder / program).touch()
    with pytest.raises(Unavailable):  # servers, but none with PostGIS
        find_binaries(tmp_path)
    for version in ("14", "15"):
        extension = tmp_path / "usr/share/postgresql" / version / "extension"
        extension.mkdir(parents=True)
        (extension / "postgis.control").touch()
    assert find_binaries(tmp_path).parent.name == "15"
    assert find_binaries(tmp_path, 14).parent.name == "14"
    with pytest.raises(Unavailable, match="PostgreSQL 16"):
        find_binaries(tmp_path, 16)


@pytest.mark.parametrize(
    ("folder", "version", "reason"),
    [
        ("9", "9", "由 PostgreSQL 9 建立"),
        (find_binaries().parent.name, "9", "的版本是 9"),
        ("15", "", "的版本是 空"),
    ],
)
def test_data_of_another_version(home: Path, folder: str, version: str, reason: str) -> None:
    data = home / "postgres" / folder
    data.mkdir(parents=True)
    if version:
        (data / "PG_VERSION").write_text(f"{version}\n")
    (data / "precious").write_text("data")
    with pytest.raises(Unavailable, match=reason), Cluster(home).using():
        pass
    assert (data / "precious").read_text() == "data"


def test_failed_start_says_why_and_harms_nothing(home: Path) -> None:
    with Cluster(home).using() as dsn:
        keep(dsn, 2)
    with (
        pytest.raises(Unavailable, match="shared_buffers") as caught,
        Cluster(home, {"shared_buffers": "x"}).using(),
    ):
        pass
    assert "server.log" in caught.value.remedy
    assert not processes(home)
    with Cluster(home).using() as dsn:
        assert rows(dsn, "SELECT n FROM kept ORDER BY n") == [(1,), (2,)]


def test_full_disk_is_told(home: Path) -> None:
    said = 'FATAL:  could not write lock file "postmaster.pid": No space left on device'
    failure = Cluster(home).server._failure(said, "数据库未能启动")
    assert failure.detail == f"数据库未能启动：{said}"
    assert failure.remedy.startswith("磁盘已满")


def test_failed_first_start_leaves_no_half_data(home: Path) -> None:
    with pytest.raises(Unavailable), Cluster(home, {"shared_buffers": "x"}).using():
        pass
    with Cluster(home).using() as dsn:
        assert rows(dsn, "SELECT 1") == [(1,)]


def test_home_that_cannot_be_made(home: Path) -> None:
    home.write_text("a file")
    with pytest.raises(Unavailable, match="无法建立文件夹"), Cluster(home).using():
        pass


def test_another_server_by_setting(home: Path) -> None:
    with database(Settings(home=home, database_url="postgresql://elsewhere/city")) as dsn:
        assert dsn == "postgresql://elsewhere/city"
    assert not home.exists()
    with database(Settings(home=home, database_url=None)) as dsn:
        assert rows(dsn, "SELECT current_database()") == [("riskmap",)]
        assert try_lock(home / "postgres/server.lock") is None
    assert not processes(home)
